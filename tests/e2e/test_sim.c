/*
 * What a scenario makes devices do, and what the server makes of it: one product and a small fleet for each behaviour,
 * all against one real server at the same time. Ring `internal` gets the release first; `rest` must not hear of a bad one.
 */
#include "trial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES  6u
#define INTERNAL 3u

struct story {
    const char *product, *behaviour, *more; /* of the scenario; `more` its other keys */
    const char *soak_s, *stale_after_s;
    const char *state, *because;  /* of the rollout, in the end */
    const char *attempt, *reason; /* of each internal device's attempt */
    const char *runs;             /* what such a device then runs */
};

#define NEW "\"match\": {\"version\": \"1.1.0\"}, \"does\": "
static const struct story stories[] = {
    /* healthy as well: hardware revision 0 */
    {"slow",
     "{\"match\": {\"version\": \"1.0.0\", \"hw_rev\": [1]}, \"does\": \"slow\", \"bytes_per_s\": 60000}", "",
     "1", "60", "finished", "every ring has passed", "confirmed", "ok", "1.1.0"},
    {"untested", "{" NEW "\"self_test_fails\"}", "", "1", "60", "halted", "harmed", "reverted", "self_test",
     "1.0.0"},
    {"crashing", "{" NEW "\"crash_at_once\"}", "", "1", "60", "halted", "harmed", "reverted",
     "reset_in_probation", "1.0.0"},
    {"hanging", "{" NEW "\"hang\"}", "\"watchdog_s\": 1,", "1", "60", "halted", "harmed", "reverted",
     "reset_in_probation", "1.0.0"},
    {"deaf", "{" NEW "\"lose_network\"}", "\"self_test_deadline_s\": 2,", "1", "60", "halted", "harmed",
     "reverted", "no_contact", "1.0.0"},
    {"silent", "{" NEW "\"hang\"}", "\"watchdog_s\": 86400,", "1", "3", "halted", "harmed", "silent", "ok",
     "1.0.0"}, /* as far as the server knows */
    {"late", "{" NEW "\"crash_after\", \"after_s\": 4, \"crash\": \"00000000deadbeef\"}", "", "600", "60",
     "halted", "crashed after the update", "reverted", "late_crashes", "1.0.0"}, /* confirmed first */
};
#define STORIES (sizeof stories / sizeof stories[0])

static struct trial trial;
static struct background fleets[STORIES];
static char rollouts[STORIES][24];

static void write_scenario(const struct story *s)
{
    char text[1200];
    snprintf(
        text, sizeof text,
        "{\"poll_s\": 1, %s \"behaviours\": [%s], \"fleet\": {\"count\": %u, \"prefix\": \"%s\", \"seed\": 3,"
        " \"hardware\": [{\"hw_rev\": 0, \"share\": 1, \"flash\": \"%s-0.flash\"},"
        " {\"hw_rev\": 1, \"share\": 1, \"flash\": \"%s-1.flash\"}]}}",
        s->more, s->behaviour, DEVICES, s->product, s->product, s->product);
    write_text(trial_path(&trial, "", s->product, ".json"), text);
}

static void start_fleet(const struct story *s, struct background *b)
{
    char *state = strdup(trial_path(&trial, "", s->product, ".fleet")),
         *summary = strdup(trial_path(&trial, "", s->product, ".summary")),
         *out = strdup(trial_path(&trial, "", s->product, ".out"));
    background_start(b,
                     (const char *[]){OTARIA_SIM_BINARY, "run", trial_path(&trial, "", s->product, ".json"),
                                      "--server", trial.device_url, "--ca", trial.ca, "--token",
                                      trial_path(&trial, "", s->product, ".token"), "--state", state,
                                      "--summary", summary, "--threads", "1", "--json", NULL},
                     out, trial_path(&trial, "", s->product, ".err"));
    free(state);
    free(summary);
    free(out);
}

static json_t *devices_of(const char *product)
{
    return succeed(OTARIA("device", "list", "--product", product));
}

static bool all_are_there(void *ctx)
{
    const struct story *s = ctx;
    json_t *reply = devices_of(s->product), *d;
    size_t i, up = 0;
    json_array_foreach(json_object_get(reply, "devices"), i, d) up +=
        strcmp(text_of(json_object_get(d, "running"), "version"), "1.0.0") == 0;
    json_decref(reply);
    return up == DEVICES;
}

static void tag_internal(const struct story *s)
{
    char id[60];
    for (unsigned i = 1; i <= INTERNAL; i++) {
        snprintf(id, sizeof id, "%s-%04u", s->product, i);
        json_decref(succeed(OTARIA("device", "tag", id, "internal", "--product", s->product)));
    }
}

static void prepare(const struct story *s)
{
    char name[40];
    trial_product(&trial, s->product, "internal,rest");
    trial_image(&trial, s->product, "1.0.0", "100");
    trial_release(&trial, s->product, "1.1.0", "110");
    for (unsigned rev = 0; rev < 2; rev++) {
        snprintf(name, sizeof name, "%s-%u", s->product, rev);
        trial_flash(&trial, name, s->product, rev == 0 ? "0" : "1", NULL);
    }
    write_scenario(s);
}

static json_t *rollout(unsigned i)
{
    return succeed(OTARIA("rollout", "show", rollouts[i]));
}

static const json_t *ring(const json_t *r, size_t index)
{
    return json_array_get(json_object_get(r, "rings"), index);
}

/* The state it should end in, nobody in between, and two devices at least with the outcome it is about. */
static bool has_come_to_its_end(void *ctx)
{
    unsigned i = *(unsigned *)ctx;
    json_t *r = rollout(i);
    bool done = strcmp(text_of(r, "state"), stories[i].state) == 0;
    for (size_t k = 0; k < 2; k++)
        done = done && json_integer_value(json_object_get(ring(r, k), "in_flight")) == 0;
    const json_t *counts = json_object_get(ring(r, 0), "counts");
    done = done && json_integer_value(json_object_get(counts, stories[i].attempt)) >= 2;
    json_decref(r);
    return done;
}

static int begin(void **state)
{
    (void)state;
    trial_begin(&trial);
    for (unsigned i = 0; i < STORIES; i++)
        prepare(&stories[i]);
    for (unsigned i = 0; i < STORIES; i++)
        start_fleet(&stories[i], &fleets[i]);
    for (unsigned i = 0; i < STORIES; i++) {
        struct story s = stories[i];
        assert_true(wait_until(all_are_there, &s, 60));
        tag_internal(&s);
        char *id = take_text(
            succeed(OTARIA("rollout", "create", "--product", s.product, "--release", "1.1.0", "--soak-s",
                           s.soak_s, "--stale-after-s", s.stale_after_s, "--override", "a test", "--start")),
            "id");
        snprintf(rollouts[i], sizeof rollouts[i], "%s", id);
        free(id);
    }
    for (unsigned i = 0; i < STORIES; i++) {
        if (!wait_until(has_come_to_its_end, &i, 60))
            fail_msg("%s did not become %s", stories[i].product, stories[i].state);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORIES; i++)
        (void)background_stop(&fleets[i], SIGKILL, 10);
    trial_end(&trial);
    return 0;
}

static void each_rollout_ends_as_its_behaviour_deserves(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORIES; i++) {
        json_t *r = rollout(i);
        assert_string_equal(text_of(r, "state"), stories[i].state);
        if (strstr(text_of(r, "reason"), stories[i].because) == NULL)
            fail_msg("%s: %s", stories[i].product, text_of(r, "reason"));
        json_decref(r);
        struct run_result watch = run_program(OTARIA("rollout", "watch", rollouts[i]).words);
        assert_int_equal(watch.exit_code, strcmp(stories[i].state, "finished") == 0 ? 0 : 3);
        assert_non_null(strstr(watch.out, stories[i].because));
        run_result_free(&watch);
    }
}

static void no_device_of_a_later_ring_is_offered_a_bad_release(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORIES; i++) {
        json_t *r = rollout(i), *count;
        const char *name;
        json_int_t attempts = 0;
        json_object_foreach(json_object_get(ring(r, 1), "counts"), name, count) attempts +=
            json_integer_value(count);
        bool finished = strcmp(stories[i].state, "finished") == 0;
        assert_int_equal(json_integer_value(json_object_get(ring(r, 0), "members")), INTERNAL);
        assert_int_equal(json_integer_value(json_object_get(ring(r, 1), "members")), DEVICES - INTERNAL);
        assert_int_equal(attempts, finished ? DEVICES - INTERNAL : 0);
        assert_string_equal(text_of(ring(r, 1), "state"), finished ? "passed" : "waiting");
        json_decref(r);
        char last[60];
        snprintf(last, sizeof last, "%s-%04u", stories[i].product, DEVICES);
        json_t *d = succeed(OTARIA("device", "show", last, "--product", stories[i].product));
        assert_int_equal(json_array_size(json_object_get(d, "attempts")), finished ? 1 : 0);
        json_decref(d);
    }
}

/* At least two of three: the third may not have asked yet when they failed, or have been called back in time. */
static void each_device_ends_in_the_outcome_that_happened_to_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORIES; i++) {
        const struct story *s = &stories[i];
        unsigned as_told = 0;
        for (unsigned n = 1; n <= INTERNAL; n++) {
            char id[60];
            snprintf(id, sizeof id, "%s-%04u", s->product, n);
            json_t *d = succeed(OTARIA("device", "show", id, "--product", s->product));
            const json_t *attempts = json_object_get(d, "attempts"), *a = json_array_get(attempts, 0);
            assert_true(json_array_size(attempts) <= 1);
            if (a != NULL && strcmp(text_of(a, "state"), s->attempt) == 0) {
                if (strcmp(text_of(a, "reason"), s->reason) != 0)
                    fail_msg("%s: %s, not %s", id, text_of(a, "reason"), s->reason);
                const char *runs = text_of(json_object_get(d, "running"), "version");
                if (strcmp(runs, s->runs) != 0)
                    fail_msg("%s runs %s, not %s", id, runs, s->runs);
                as_told++;
            } else if (a != NULL) {
                if (strcmp(text_of(a, "state"), "withdrawn") != 0)
                    fail_msg("%s: %s (%s)", id, text_of(a, "state"), text_of(a, "reason"));
            }
            json_decref(d);
        }
        if (as_told < 2)
            fail_msg("%s: %u devices %s", s->product, as_told, s->attempt);
    }
}

/* A device's word on why: the watchdog's resets and the panics are counted, the signature travels. */
static void the_server_knows_what_reset_a_device(void **state)
{
    (void)state;
    static const struct {
        const char *product, *counter, *last, *crash;
    } resets[] = {{"hanging", "watchdogs", "watchdog", "0000000000000000"},
                  {"crashing", "panics", "panic", "07a81a0000000000"},
                  {"late", "panics", "software", "00000000deadbeef"}}; /* it went back of its own accord */
    for (unsigned i = 0; i < 3; i++) {
        unsigned seen = 0;
        for (unsigned n = 1; n <= INTERNAL; n++) {
            char id[60];
            snprintf(id, sizeof id, "%s-%04u", resets[i].product, n);
            json_t *d = succeed(OTARIA("device", "show", id, "--product", resets[i].product));
            const json_t *health = json_object_get(d, "health");
            seen += json_integer_value(json_object_get(health, resets[i].counter)) > 0 &&
                    strcmp(text_of(health, "last_reset"), resets[i].last) == 0 &&
                    strcmp(text_of(health, "crash"), resets[i].crash) == 0;
            json_decref(d);
        }
        if (seen < 2)
            fail_msg("%s: %u devices say so", resets[i].product, seen);
    }
}

/* The line on which the sim told the device's first outcome, or -1. */
static json_int_t line_of_outcome(const char *out, const char *device)
{
    char needle[100];
    json_int_t line = 0;
    snprintf(needle, sizeof needle, "\"device\":\"%s\",\"event\":\"outcome\"", device);
    const char *at = strstr(out, needle);
    for (const char *p = out; at != NULL && p < at; p++)
        line += *p == '\n';
    return at != NULL ? line : -1;
}

static void slow_devices_finish_after_the_others_of_their_ring(void **state)
{
    (void)state;
    char *out = read_text(trial_path(&trial, "", "slow", ".out"));
    json_t *reply = devices_of("slow"), *a, *b;
    size_t i, k;
    unsigned pairs = 0;
    json_t *list = json_object_get(reply, "devices");
    json_array_foreach(list, i, a) json_array_foreach(list, k, b)
    {
        bool same_ring = (json_array_size(json_object_get(a, "tags")) > 0) ==
                         (json_array_size(json_object_get(b, "tags")) > 0);
        if (!same_ring || json_integer_value(json_object_get(a, "hw_rev")) != 1 ||
            json_integer_value(json_object_get(b, "hw_rev")) != 0)
            continue;
        assert_true(line_of_outcome(out, text_of(a, "id")) > line_of_outcome(out, text_of(b, "id")));
        assert_true(line_of_outcome(out, text_of(b, "id")) >= 0);
        pairs++;
    }
    assert_true(pairs > 0);
    json_decref(reply);
    free(out);
}

/* Last: the fleets are stopped, and what they say about themselves is held against the server. */
static void summaries_agree_with_the_server(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STORIES; i++) {
        const struct story *s = &stories[i];
        json_t *reply = devices_of(s->product), *d, *listed, *line;
        size_t n, k;
        assert_int_equal(background_stop(&fleets[i], SIGTERM, 20), 0);
        json_t *summary = json_load_file(trial_path(&trial, "", s->product, ".summary"), 0, NULL);
        assert_non_null(summary);
        assert_int_equal(json_array_size(json_object_get(summary, "devices")), DEVICES);
        json_array_foreach(json_object_get(summary, "devices"), n, d)
            json_array_foreach(json_object_get(reply, "devices"), k, listed)
        {
            bool mute =
                strcmp(s->product, "silent") == 0 && json_array_size(json_object_get(listed, "tags")) > 0;
            if (strcmp(text_of(d, "device"), text_of(listed, "id")) != 0 || mute)
                continue;
            const json_t *running = json_object_get(listed, "running");
            assert_string_equal(text_of(d, "version"), text_of(running, "version"));
            assert_string_equal(text_of(d, "digest"), text_of(running, "digest"));
            assert_int_equal(json_integer_value(json_object_get(d, "hw_rev")),
                             json_integer_value(json_object_get(listed, "hw_rev")));
        }
        /* What the devices saw: the silent ones no outcome, the late ones a confirmation before all the rest. */
        const char *outcome = strcmp(s->product, "late") == 0 ? "confirmed" : s->attempt;
        if (strcmp(outcome, "silent") != 0)
            assert_in_range(json_integer_value(json_object_get(summary, outcome)), 2, DEVICES);
        json_decref(summary);
        json_decref(reply);
        char *out = read_text(trial_path(&trial, "", s->product, ".out")),
             *err = read_text(trial_path(&trial, "", s->product, ".err"));
        assert_string_equal(err, ""); /* no progress: it is not a terminal */
        for (char *p = out, *next; *p != '\0'; p = next) {
            next = strchr(p, '\n') + 1;
            line = json_loadb(p, (size_t)(next - p), 0, NULL);
            assert_string_not_equal(text_of(line, "event"), "null");
            json_decref(line);
        }
        free(out);
        free(err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rollout_ends_as_its_behaviour_deserves),
        cmocka_unit_test(no_device_of_a_later_ring_is_offered_a_bad_release),
        cmocka_unit_test(each_device_ends_in_the_outcome_that_happened_to_it),
        cmocka_unit_test(the_server_knows_what_reset_a_device),
        cmocka_unit_test(slow_devices_finish_after_the_others_of_their_ring),
        cmocka_unit_test(summaries_agree_with_the_server),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
