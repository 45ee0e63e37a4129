/* The verbs that talk to a server, against a real one: answers for people and machines, and every exit code. */
#include "trial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct trial trial;

#define IMAGE(version) trial_path(&trial, "lamp-", version, ".bin")

/* A device that enrols, says what it runs, and stops. */
static int begin(void **state)
{
    (void)state;
    trial_begin(&trial);
    trial_product(&trial, "lamp", "internal,rest");
    trial_release(&trial, "lamp", "1.0.0", "100");
    trial_release(&trial, "lamp", "1.1.0", "110");
    trial_flash(&trial, "lamp", "lamp", "1", "lamp-1");
    struct run_result r =
        run_program(OTARIA("device", "run", "--flash", temp_path(&trial.dir, "lamp.flash"), "--server",
                           trial.device_url, "--ca", trial.ca, "--token", temp_path(&trial.dir, "lamp.token"),
                           "--once", "--max-seconds", "30")
                        .words);
    assert_int_equal(r.exit_code, 0);
    run_result_free(&r);
    return 0;
}

static int end(void **state)
{
    (void)state;
    trial_end(&trial);
    return 0;
}

/* The answer for a person: ends well, and has this in it. */
static void says(struct command c, const char *text)
{
    struct run_result r = run_program(c.words);
    if (r.exit_code != 0 || strstr(r.out, text) == NULL)
        print_error("%s %s: exit %d: %s%s\n", c.words[1], c.words[2], r.exit_code, r.out, r.err);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, text));
    assert_string_equal(r.err, "");
    run_result_free(&r);
}

static const json_t *first(const json_t *reply, const char *list)
{
    const json_t *item = json_array_get(json_object_get(reply, list), 0);
    assert_non_null(item);
    return item;
}

static void products_are_made_listed_and_unique(void **state)
{
    (void)state;
    says(OTARIA("product", "create", "fan", "--trust", trial.key, "--rings", "10%,rest"), "rings 10%,rest");
    json_t *reply = succeed(OTARIA("product", "list"));
    assert_int_equal(json_array_size(json_object_get(reply, "products")), 2);
    json_decref(reply);
    says(OTARIA("product", "list"), "fan");
    fails(OTARIA("product", "create", "fan", "--trust", trial.key), 5, "fan");
    fails(OTARIA("product", "create", "odd", "--trust", trial.key, "--rings", "101%"), 1, "101%");
    fails(OTARIA("product", "create", "no spaces", "--trust", trial.key), 1, "name");
    fails(OTARIA("product", "create", "odd"), 2, "--trust");
    fails(OTARIA("product", "create", "--rings", "rest"), 2, "missing");
    fails(OTARIA("device", "list"), 2, "--product"); /* there are several now */
}

static void devices_are_listed_shown_and_tagged(void **state)
{
    (void)state;
    says(OTARIA("device", "list", "--product", "lamp"), "lamp-1");
    json_t *reply = succeed(OTARIA("device", "list", "--product", "lamp"));
    assert_string_equal(text_of(first(reply, "devices"), "id"), "lamp-1");
    assert_string_equal(text_of(json_object_get(first(reply, "devices"), "running"), "version"), "1.0.0");
    json_decref(reply);
    says(OTARIA("device", "list", "--product", "lamp", "--count"), "1\n");
    says(OTARIA("device", "list", "--product", "lamp", "--running", "9.9.9", "--count"), "0\n");
    reply = succeed(OTARIA("device", "list", "--product", "lamp", "--running", "1.0.0", "--count"));
    assert_int_equal(json_integer_value(json_object_get(reply, "count")), 1);
    json_decref(reply);

    says(OTARIA("device", "show", "lamp-1", "--product", "lamp"), "1.0.0 release 100 valid");
    reply = succeed(OTARIA("device", "show", "lamp-1", "--product", "lamp"));
    assert_int_equal(json_integer_value(json_object_get(reply, "hw_rev")), 1);
    json_decref(reply);

    says(OTARIA("device", "explain", "lamp-1", "--product", "lamp"), "no rollout is under way");
    fails(OTARIA("device", "explain", "lamp-9", "--product", "lamp"), 4, "device");
    says(OTARIA("device", "tag", "lamp-1", "blue", "green", "--product", "lamp"), "blue,green");
    reply = succeed(OTARIA("device", "tag", "lamp-1", "--remove", "blue", "--product", "lamp"));
    assert_int_equal(json_array_size(json_object_get(reply, "tags")), 1);
    json_decref(reply);
    fails(OTARIA("device", "tag", "lamp-1", "--product", "lamp"), 2, "tag");
    fails(OTARIA("device", "tag", "lamp-9", "blue", "--product", "lamp"), 4, "device");
    fails(OTARIA("device", "show", "lamp-9", "--product", "lamp"), 4, "device");
    fails(OTARIA("device", "show", "../../rollouts/1", "--product", "lamp"), 4, "device");
    fails(OTARIA("device", "list", "--product", "none"), 4, "product");
    fails(OTARIA("device", "show", "--product", "lamp"), 2, "missing");
    char word[9001] = "";
    memset(word, 'a', 9000);
    fails(OTARIA("device", "show", word, "--product", "lamp"), 1, "no API reply"); /* too long a request */
}

static void releases_are_judged_listed_and_shown(void **state)
{
    (void)state;
    trial_image(&trial, "lamp", "1.2.0", "120");
    says(OTARIA("release", "push", IMAGE("1.2.0")), "1.2.0");
    json_t *again = succeed(OTARIA("release", "push", IMAGE("1.2.0")));
    assert_string_equal(text_of(again, "version"), "1.2.0");
    json_decref(again);
    says(OTARIA("release", "list", "--product", "lamp"), "1.1.0");
    json_t *reply = succeed(OTARIA("release", "list", "--product", "lamp"));
    assert_int_equal(json_array_size(json_object_get(reply, "releases")), 3);
    json_decref(reply);
    says(OTARIA("release", "show", "1.2.0", "--product", "lamp"), "esp32c3");
    reply = succeed(OTARIA("release", "show", "1.2.0", "--product", "lamp"));
    assert_int_equal(json_integer_value(json_object_get(reply, "release")), 120);
    json_decref(reply);
    fails(OTARIA("release", "show", "7.7.7", "--product", "lamp"), 4, "release");
    fails(OTARIA("release", "push", trial_path(&trial, "lamp-", "1.2.0", ".raw")), 1, "sign");
    fails(OTARIA("release", "push", IMAGE("1.2.0"), "--product", "fan"), 1, "product");
    fails(OTARIA("release", "push", trial.key), 1, "image");
    fails(OTARIA("release", "push", "/nonexistent"), 1, "/nonexistent");
    fails(OTARIA("release", "push", IMAGE("1.2.0"), "--undescribed"), 2, "--undescribed needs");
    fails(OTARIA("release", "push"), 2, "missing");
}

static char *create(const char *version)
{
    return take_text(succeed(OTARIA("rollout", "create", "--product", "lamp", "--release", version,
                                    "--soak-s", "0", "--override", "a test")),
                     "id");
}

static void rollouts_overlap_only_when_one_ends_the_other(void **state)
{
    (void)state;
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0"), 1,
          "ring internal is empty");
    json_decref(succeed(OTARIA("device", "tag", "lamp-1", "internal", "--product", "lamp")));
    says(OTARIA("rollout", "preview", "--product", "lamp", "--release", "1.1.0", "--devices"),
         "would go to 1 device");
    char *id = create("1.1.0");
    says(OTARIA("rollout", "show", id), "is created");
    says(OTARIA("device", "explain", "lamp-1", "--product", "lamp"), "not started");
    says(OTARIA("rollout", "list", "--product", "lamp"), "of 1.1.0");
    fails(OTARIA("rollout", "pause", id, "--reason", "x"), 5, "created");
    says(OTARIA("rollout", "start", id), "is running");
    fails(OTARIA("rollout", "start", id), 5, "running");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.2.0", "--start"), 5, id);
    json_t *reply = succeed(
        OTARIA("rollout", "create", "--product", "lamp", "--release", "1.2.0", "--supersede", "--start"));
    assert_string_equal(text_of(reply, "state"), "running");
    char *second = take_text(reply, "id");
    reply = succeed(OTARIA("rollout", "show", id));
    assert_string_equal(text_of(reply, "state"), "aborted");
    json_decref(reply);
    json_decref(succeed(OTARIA("rollout", "abort", second, "--reason", "enough")));
    says(OTARIA("rollout", "show", second), "enough");
    free(second);
    free(id);
}

static void unknown_things_are_not_found_and_bad_plans_are_usage(void **state)
{
    (void)state;
    static const char *const verbs[] = {"show", "start", "watch", "pause", "resume", "abort", "retry"};
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        fails(OTARIA("rollout", verbs[i], "4711"), 4, "rollout");
        fails(OTARIA("rollout", verbs[i]), 2, "missing");
    }
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "7.7.7"), 4, "release");
    fails(OTARIA("rollout", "create", "--product", "none", "--release", "1.1.0"), 4, "product");
    fails(OTARIA("rollout", "create", "--product", "lamp"), 2, "--release");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--soak-s", "1h"), 2,
          "--soak-s");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--quorum-percent", "101"),
          1, "quorum_percent");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--rings", "nobody,rest"), 1,
          "ring nobody is empty");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--rings", "60%,50%"), 1,
          "100%");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--rings", "rest,internal"),
          1, "rest");
}

/* What one device can show is said before anything starts, and a limit beyond it is refused, or somebody says why. */
static void a_limit_that_no_ring_can_show_needs_a_reason(void **state)
{
    (void)state;
    fails(
        OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--max-failure-percent", "10"),
        1, "cannot see a failure rate below 95.0 %");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0",
                 "--tolerated-failure-percent", "20"),
          1, "tolerated_failure_percent");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0",
                 "--tolerated-failure-percent", "two"),
          2, "--tolerated-failure-percent");
    json_t *reply = succeed(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0",
                                   "--max-failure-percent", "10", "--tolerated-failure-percent", "0.5",
                                   "--override", "one lamp on a desk"));
    const json_t *ring = json_array_get(json_object_get(reply, "rings"), 0),
                 *gate = json_object_get(ring, "gate");
    assert_true(json_number_value(json_object_get(ring, "floor_percent")) == 95);
    assert_true(json_number_value(json_object_get(gate, "limit_percent")) == 95);
    assert_true(json_number_value(json_object_get(gate, "tolerated_percent")) == 0.5);
    assert_string_equal(text_of(gate, "verdict"), "not_enough_evidence");
    char *id = take_text(reply, "id");
    says(OTARIA("rollout", "show", id), "1 device cannot see a failure rate below 95 %");
    says(OTARIA("audit", "list", "--limit", "1000"), "one lamp on a desk");
    json_decref(succeed(OTARIA("rollout", "abort", id, "--reason", "seen")));
    free(id);
}

static int watch(const char *id, struct run_result *r)
{
    *r = run_program(OTARIA("rollout", "watch", id).words);
    return r->exit_code;
}

static void watch_ends_with_a_gate_when_paused_or_aborted(void **state)
{
    (void)state;
    struct run_result r;
    char *id = create("1.1.0");
    json_decref(succeed(OTARIA("rollout", "start", id)));
    json_decref(succeed(OTARIA("rollout", "pause", id, "--reason", "holiday")));
    assert_int_equal(watch(id, &r), 3);
    assert_non_null(strstr(r.out, "paused"));
    assert_non_null(strstr(r.out, "holiday"));
    assert_string_equal(r.err, "");
    run_result_free(&r);
    says(OTARIA("rollout", "resume", id, "--reason", "back"), "is running");
    json_decref(succeed(OTARIA("rollout", "abort", id, "--reason", "wrong one")));
    assert_int_equal(watch(id, &r), 3);
    assert_non_null(strstr(r.out, "wrong one"));
    run_result_free(&r);
    fails(OTARIA("rollout", "resume", id, "--reason", "x"), 5, "aborted");
    free(id);
}

static void a_person_may_widen_with_a_reason_and_stop_what_has_finished(void **state)
{
    (void)state;
    char *id = take_text(succeed(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0",
                                        "--rings", "rest", "--decide-by-s", "172800", "--start")),
                         "id");
    fails(OTARIA("rollout", "widen", id), 1, "reason");
    fails(OTARIA("rollout", "retry", id, "--reason", "fixed"), 5, "no device");
    json_decref(succeed(OTARIA("rollout", "pause", id, "--reason", "lunch")));
    fails(OTARIA("rollout", "widen", id, "--reason", "seen enough"), 5, "paused");
    json_t *answer = succeed(OTARIA("device", "explain", "lamp-1", "--product", "lamp"));
    assert_string_equal(text_of(answer, "answer"), "paused");
    assert_non_null(strstr(text_of(answer, "text"), "lunch"));
    assert_string_equal(text_of(answer, "rollout"), id);
    json_decref(answer);
    says(OTARIA("rollout", "resume", id), "is running");
    says(OTARIA("rollout", "widen", id, "--reason", "seen enough"), "is finished");
    says(OTARIA("rollout", "watch", id), "seen enough");
    says(OTARIA("rollout", "pause", id, "--reason", "no stragglers"), "is paused");
    says(OTARIA("rollout", "resume", id, "--reason", "after all"), "is finished");
    fails(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--soak-s", "60",
                 "--decide-by-s", "60"),
          1, "decide_by_s");
    free(id);
}

/* One JSON value a line, each of them an event. */
static void check_lines(const char *out)
{
    unsigned lines = 0;
    for (const char *p = out; *p != '\0';) {
        size_t n = strcspn(p, "\n");
        json_t *event = json_loadb(p, n, 0, NULL);
        assert_non_null(event);
        assert_string_not_equal(text_of(event, "kind"), "null");
        json_decref(event);
        p += n + (p[n] == '\n');
        lines++;
    }
    assert_true(lines >= 3); /* created, started, finished */
}

/* Last of the rollouts: the device is updated for good. */
static void watch_follows_a_rollout_to_its_end(void **state)
{
    (void)state;
    struct background watcher;
    char *out = strdup(temp_path(&trial.dir, "watch.out")), *err = strdup(temp_path(&trial.dir, "watch.err"));
    char *id = create("1.1.0");
    struct command c = OTARIA("rollout", "watch", id, "--json");
    json_decref(succeed(OTARIA("rollout", "start", id)));
    background_start(&watcher, c.words, out, err);
    struct run_result r =
        run_program(OTARIA("device", "run", "--flash", temp_path(&trial.dir, "lamp.flash"), "--server",
                           trial.device_url, "--ca", trial.ca, "--token", temp_path(&trial.dir, "lamp.token"),
                           "--until-idle", "--max-seconds", "60")
                        .words);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "outcome confirmed"));
    assert_int_equal(background_wait(&watcher, 30), 0);
    char *text = read_text(out), *noise = read_text(err);
    check_lines(text);
    assert_string_equal(noise, "");
    says(OTARIA("device", "show", "lamp-1", "--product", "lamp"), "confirmed");
    fails(OTARIA("rollout", "abort", id, "--reason", "late"), 5, "finished");
    run_result_free(&r);
    assert_int_equal(watch(id, &r), 0);
    assert_non_null(strstr(r.out, "finished"));
    run_result_free(&r);
    free(text);
    free(noise);
    free(out);
    free(err);
    free(id);
}

static void the_audit_says_who_did_what(void **state)
{
    (void)state;
    says(OTARIA("audit", "list", "--limit", "1000"), "product");
    json_t *reply = succeed(OTARIA("audit", "list", "--limit", "2"));
    assert_int_equal(json_array_size(json_object_get(reply, "entries")), 2);
    json_int_t next = json_integer_value(json_object_get(reply, "next"));
    json_decref(reply);
    char after[24];
    snprintf(after, sizeof after, "%lld", (long long)next);
    reply = succeed(OTARIA("audit", "list", "--after", after, "--limit", "1"));
    assert_int_equal(json_integer_value(json_object_get(first(reply, "entries"), "seq")), next + 1);
    json_decref(reply);
    fails(OTARIA("audit", "list", "--limit", "many"), 2, "--limit");
    fails(OTARIA("audit", "list", "--limit", "1001"), 2, "--limit");
}

static void a_token_may_only_do_what_its_role_says(void **state)
{
    (void)state;
    const char *file = temp_path(&trial.dir, "viewer.token");
    json_decref(succeed(OTARIA("token", "create", "--role", "viewer", "--product", "lamp", "--out", file)));
    setenv("OTARIA_TOKEN_FILE", file, 1);
    says(OTARIA("device", "list"), "lamp-1"); /* its product is the only one it sees */
    fails(OTARIA("device", "tag", "lamp-1", "red"), 1, "does not allow");
    fails(OTARIA("audit", "list"), 1, "does not allow");
    fails(OTARIA("device", "list", "--product", "fan"), 4, "product");
    unsetenv("OTARIA_TOKEN_FILE");
    fails(OTARIA("token", "create", "--role", "king"), 1, "role");
    fails(OTARIA("token", "create"), 2, "--role");
    fails(OTARIA("token", "create", "--role", "enrol", "--product", "lamp", "--uses", "few"), 2, "--uses");
    fails(OTARIA("token", "create", "--role", "enrol", "--product", "none"), 4, "product");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_made_listed_and_unique),
        cmocka_unit_test(devices_are_listed_shown_and_tagged),
        cmocka_unit_test(releases_are_judged_listed_and_shown),
        cmocka_unit_test(rollouts_overlap_only_when_one_ends_the_other),
        cmocka_unit_test(unknown_things_are_not_found_and_bad_plans_are_usage),
        cmocka_unit_test(watch_ends_with_a_gate_when_paused_or_aborted),
        cmocka_unit_test(a_person_may_widen_with_a_reason_and_stop_what_has_finished),
        cmocka_unit_test(a_limit_that_no_ring_can_show_needs_a_reason),
        cmocka_unit_test(watch_follows_a_rollout_to_its_end),
        cmocka_unit_test(the_audit_says_who_did_what),
        cmocka_unit_test(a_token_may_only_do_what_its_role_says),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
