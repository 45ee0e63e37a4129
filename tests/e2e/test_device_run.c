/* `otaria device run`: one virtual device in the foreground. Enrols, updates, is stopped and goes on where it was. */
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

static struct trial trial;

static int begin(void **state)
{
    (void)state;
    trial_begin(&trial);
    trial_product(&trial, "lamp", "rest");
    trial_release(&trial, "lamp", "1.0.0", "100");
    trial_release(&trial, "lamp", "1.1.0", "110");
    trial_flash(&trial, "lamp", "lamp", "2", "lamp-1");
    trial_flash(&trial, "other", "lamp", "0", "lamp-2");
    write_text(temp_path(&trial.dir, "slow.json"),
               "{\"poll_s\": 1, \"attributes\": {\"region\": \"eu\"}, \"behaviours\": "
               "[{\"match\": {\"version\": \"1.0.0\"}, \"does\": \"slow\", \"bytes_per_s\": 100000}]}");
    return 0;
}

static int end(void **state)
{
    (void)state;
    trial_end(&trial);
    return 0;
}

static struct command device(const char *flash, const char *token)
{
    static char paths[3][PATH_MAX]; /* the words are borrowed */
    snprintf(paths[0], PATH_MAX, "%s", trial_path(&trial, "", flash, ".flash"));
    snprintf(paths[1], PATH_MAX, "%s", temp_path(&trial.dir, token));
    snprintf(paths[2], PATH_MAX, "%s", temp_path(&trial.dir, "slow.json"));
    return OTARIA("device", "run", "--flash", paths[0], "--server", trial.device_url, "--ca", trial.ca,
                  "--token", paths[1], "--scenario", paths[2]);
}

/* How many lines are this event with this word; every line must be JSON with the four fields. */
static unsigned count_events(const char *out, const char *event, const char *what)
{
    unsigned n = 0;
    for (const char *p = out; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        json_t *line = json_loadb(p, len, 0, NULL);
        if (line == NULL || !json_is_string(json_object_get(line, "device")) ||
            !json_is_string(json_object_get(line, "why")))
            fail_msg("%.*s", (int)len, p);
        n += strcmp(text_of(line, "event"), event) == 0 && strcmp(text_of(line, "what"), what) == 0;
        json_decref(line);
        p += len + (p[len] == '\n');
    }
    return n;
}

static void it_enrols_once_and_then_uses_its_own_token(void **state)
{
    (void)state;
    struct command c = device("lamp", "lamp.token");
    add(&c, "--once");
    add(&c, "--max-seconds");
    add(&c, "30");
    add(&c, "--json");
    struct run_result r = run_program(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(count_events(r.out, "booted", "ota_0"), 1);
    assert_int_equal(count_events(r.out, "state", "enrolling"), 1);
    assert_string_equal(r.err, "");
    run_result_free(&r);
    json_t *d = succeed(OTARIA("device", "show", "lamp-1", "--product", "lamp"));
    assert_int_equal(json_integer_value(json_object_get(d, "hw_rev")), 2);
    assert_string_equal(text_of(json_object_get(d, "attributes"), "region"), "eu");
    assert_string_equal(text_of(json_object_get(d, "running"), "version"), "1.0.0");
    json_decref(d);

    write_text(temp_path(&trial.dir, "wrong.token"), "otaria_none\n");
    c = device("lamp", "wrong.token"); /* it needs none any more */
    add(&c, "--once");
    add(&c, "--max-seconds");
    add(&c, "30");
    add(&c, "--json");
    r = run_program(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(count_events(r.out, "state", "enrolling"), 0);
    run_result_free(&r);
}

static void a_wrong_enrolment_token_never_enrols(void **state)
{
    (void)state;
    struct command c = device("other", "wrong.token");
    add(&c, "--once");
    add(&c, "--max-seconds");
    add(&c, "1");
    struct run_result r = run_program(c.words);
    assert_int_equal(r.exit_code, 1);
    assert_non_null(strstr(r.err, "otaria: not done after 1 seconds"));
    assert_non_null(strstr(r.out, "lamp-2: network"));
    assert_null(strstr(r.out, "otaria_none"));
    run_result_free(&r);
    fails(OTARIA("device", "show", "lamp-2", "--product", "lamp"), 4, "device");
}

static bool is_downloading(void *path)
{
    char *out = read_text(path);
    bool is = strstr(out, "downloading") != NULL;
    free(out);
    return is;
}

/* Stopped in the middle of a download it ends with 0; the next run takes the download up and confirms. */
static void it_stops_when_asked_and_goes_on_the_next_time(void **state)
{
    (void)state;
    struct background b;
    char *out = strdup(temp_path(&trial.dir, "run.out")), *err = strdup(temp_path(&trial.dir, "run.err"));
    char *flash = strdup(temp_path(&trial.dir, "lamp.flash"));
    json_decref(succeed(OTARIA("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--soak-s",
                               "0", "--override", "a test", "--start")));
    struct command c = device("lamp", "lamp.token");
    add(&c, "--json");
    background_start(&b, c.words, out, err);
    assert_true(wait_until(is_downloading, out, 30));
    assert_int_equal(background_stop(&b, SIGTERM, 10), 0);
    char *said = read_text(out), *noise = read_text(err);
    assert_int_equal(count_events(said, "outcome", "confirmed"), 0);
    assert_string_equal(noise, "");
    json_t *boot = succeed(OTARIA("flash", "boot", flash)); /* the old image is still in charge */
    assert_string_equal(text_of(boot, "slot"), "ota_0");
    json_decref(boot);

    add(&c, "--until-idle");
    add(&c, "--max-seconds");
    add(&c, "60");
    struct run_result r = run_program(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(count_events(r.out, "outcome", "confirmed"), 1);
    assert_int_equal(count_events(r.out, "booted", "ota_1"), 1);
    run_result_free(&r);
    boot = succeed(OTARIA("flash", "boot", flash));
    assert_string_equal(text_of(boot, "slot"), "ota_1");
    json_decref(boot);
    json_t *d = succeed(OTARIA("device", "show", "lamp-1", "--product", "lamp"));
    assert_int_equal(json_array_size(json_object_get(d, "attempts")), 1); /* one attempt, not two */
    assert_string_equal(text_of(json_object_get(d, "running"), "version"), "1.1.0");
    json_decref(d);
    free(said);
    free(noise);
    free(flash);
    free(out);
    free(err);
}

static void what_it_cannot_run_with_is_said(void **state)
{
    (void)state;
    const char *flash = temp_path(&trial.dir, "other.flash"), *token = temp_path(&trial.dir, "lamp.token");
    fails(OTARIA("device", "run"), 2, "--flash, --server, --ca and --token");
    fails(OTARIA("device", "run", "--flash", flash, "--server", trial.device_url, "--ca", trial.ca, "--token",
                 token, "--max-seconds", "1s"),
          2, "--max-seconds");
    fails(OTARIA("device", "run", "--flash", flash, "--server", trial.device_url, "--ca", trial.ca, "--token",
                 token, "--rollback", "maybe"),
          2, "--rollback");
    fails(
        OTARIA("device", "run", "--flash", flash, "--server", "http://x", "--ca", trial.ca, "--token", token),
        1, "https");
    fails(OTARIA("device", "run", "--flash", "/nonexistent", "--server", trial.device_url, "--ca", trial.ca,
                 "--token", token),
          1, "/nonexistent");
    fails(OTARIA("device", "run", "--flash", trial.ca, "--server", trial.device_url, "--ca", trial.ca,
                 "--token", token),
          1, "not a virtual flash file");
    const char *scenario = temp_path(&trial.dir, "bad.json");
    write_text(scenario, "{\"behaviours\": [{\"does\": \"explode\"}]}");
    fails(OTARIA("device", "run", "--flash", flash, "--server", trial.device_url, "--ca", trial.ca, "--token",
                 token, "--scenario", scenario),
          1, "bad.json: behaviours.does: explode");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_enrols_once_and_then_uses_its_own_token),
        cmocka_unit_test(a_wrong_enrolment_token_never_enrols),
        cmocka_unit_test(it_stops_when_asked_and_goes_on_the_next_time),
        cmocka_unit_test(what_it_cannot_run_with_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
