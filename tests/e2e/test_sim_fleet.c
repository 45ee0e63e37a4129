/* otaria-sim with 300 devices: who is in the fleet, what it costs on disk, what it prints where, and what it refuses. */
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

#include <cmocka.h>

#define DEVICES     300u
#define FLASH_BYTES (4ll << 20)

static struct trial trial;

static void write_scenario(const char *name, unsigned count, unsigned seed, const char *second_flash)
{
    char text[800];
    snprintf(text, sizeof text,
             "{\"poll_s\": 60, \"fleet\": {\"count\": %u, \"prefix\": \"lamp\", \"seed\": %u, \"hardware\": ["
             "{\"hw_rev\": 0, \"share\": 60, \"flash\": \"rev0.flash\"},"
             "{\"hw_rev\": 2, \"share\": 40, \"flash\": \"%s\"}],"
             " \"regions\": {\"eu\": 60, \"us\": 40}, \"links\": {\"wifi\": 80, \"cellular\": 20}}}",
             count, seed, second_flash);
    write_text(temp_path(&trial.dir, name), text);
}

static int begin(void **state)
{
    (void)state;
    trial_begin(&trial);
    trial_product(&trial, "lamp", "rest");
    trial_image(&trial, "lamp", "1.0.0", "100");
    trial_flash(&trial, "rev0", "lamp", "0", NULL);
    trial_flash(&trial, "rev2", "lamp", "2", NULL);
    write_scenario("fleet.json", DEVICES, 7, "rev2.flash");
    write_scenario("again.json", DEVICES, 7, "rev2.flash");
    write_scenario("other.json", DEVICES, 8, "rev2.flash");
    write_scenario("few.json", 3, 7, "rev2.flash");
    write_scenario("wrong.json", 20, 7, "rev0.flash");
    return 0;
}

static int end(void **state)
{
    (void)state;
    trial_end(&trial);
    return 0;
}

static struct run_result plan_of(const char *scenario, const char *option, const char *value)
{
    struct run_result r = run_program((const char *[]){
        OTARIA_SIM_BINARY, "plan", temp_path(&trial.dir, scenario), "--json", option, value, NULL});
    assert_int_equal(r.exit_code, 0);
    return r;
}

static void the_same_seed_plans_the_same_fleet(void **state)
{
    (void)state;
    struct run_result a = plan_of("fleet.json", NULL, NULL), b = plan_of("again.json", NULL, NULL),
                      c = plan_of("other.json", NULL, NULL), d = plan_of("fleet.json", "--hw-rev", "1,3"),
                      e = plan_of("fleet.json", "--first", "1");
    assert_string_equal(a.out, b.out);
    assert_string_not_equal(a.out, c.out);
    assert_string_equal(d.out, ""); /* there are only 0 and 2 */
    assert_int_equal(strncmp(a.out, e.out, strlen(e.out)), 0);
    assert_string_equal(strchr(e.out, '\n'), "\n");
    run_result_free(&a);
    run_result_free(&b);
    run_result_free(&c);
    run_result_free(&d);
    run_result_free(&e);
}

static void start(struct background *b, const char *state_dir, char *out, char *err)
{
    static char words[6][PATH_MAX];
    snprintf(words[0], PATH_MAX, "%s", temp_path(&trial.dir, "fleet.json"));
    snprintf(words[1], PATH_MAX, "%s", temp_path(&trial.dir, "lamp.token"));
    snprintf(words[2], PATH_MAX, "%s", temp_path(&trial.dir, state_dir));
    snprintf(words[3], PATH_MAX, "%s", temp_path(&trial.dir, "summary.json"));
    background_start(b,
                     (const char *[]){OTARIA_SIM_BINARY, "run", words[0], "--server", trial.device_url,
                                      "--ca", trial.ca, "--token", words[1], "--state", words[2], "--summary",
                                      words[3], "--threads", "16", NULL},
                     out, err);
}

static bool all_have_said_what_they_run(void *ctx)
{
    (void)ctx;
    struct run_result r =
        run_program(OTARIA("device", "list", "--product", "lamp", "--running", "1.0.0", "--count").words);
    bool all = strtoul(r.out, NULL, 10) == DEVICES;
    run_result_free(&r);
    return all;
}

/* Blocks of 512 bytes that really lie on disk, and the file's length. */
static void check_disk(const char *state_dir)
{
    struct stat template_0, template_2, st;
    long long blocks = 0;
    assert_int_equal(stat(temp_path(&trial.dir, "rev0.flash"), &template_0), 0);
    assert_int_equal(stat(temp_path(&trial.dir, "rev2.flash"), &template_2), 0);
    long long most =
        template_0.st_blocks > template_2.st_blocks ? template_0.st_blocks : template_2.st_blocks;
    for (unsigned i = 1; i <= DEVICES; i++) {
        char name[60];
        snprintf(name, sizeof name, "%s/lamp-%04u.flash", state_dir, i);
        assert_int_equal(stat(temp_path(&trial.dir, name), &st), 0);
        assert_true(st.st_size == FLASH_BYTES);
        blocks += st.st_blocks;
    }
    /* Each holds its template and a journal (two sectors); a file system may round to 64 KiB. */
    assert_true(blocks <= (long long)DEVICES * (most + 2 * 8 + 128));
    assert_true(blocks * 512 * 4 <
                (long long)DEVICES * FLASH_BYTES); /* less than a quarter of what it stands for */
}

/* What the plan says about a device is what the server knows of it. */
static void check_attributes(void)
{
    struct run_result plan = plan_of("fleet.json", NULL, NULL);
    json_t *reply = succeed(OTARIA("device", "list", "--product", "lamp")), *d;
    size_t i;
    unsigned eu = 0, wifi = 0, revision_2 = 0;
    json_array_foreach(json_object_get(reply, "devices"), i, d)
    {
        char line[120];
        const json_t *attributes = json_object_get(d, "attributes");
        json_int_t revision = json_integer_value(json_object_get(d, "hw_rev"));
        snprintf(line, sizeof line, "{\"device\":\"%s\",\"hw_rev\":%d}\n", text_of(d, "id"), (int)revision);
        assert_non_null(strstr(plan.out, line));
        eu += strcmp(text_of(attributes, "region"), "eu") == 0;
        wifi += strcmp(text_of(attributes, "link"), "wifi") == 0;
        revision_2 += revision == 2;
    }
    assert_int_equal(i, DEVICES);
    /* Shares of 60, 80 and 40 %: standard deviations of 8.5, 7 and 8.5 devices; the seed is fixed. */
    assert_in_range(eu, 140, 220);
    assert_in_range(wifi, 200, 275);
    assert_in_range(revision_2, 80, 160);
    json_decref(reply);
    run_result_free(&plan);
}

static void three_hundred_devices_have_flashes_of_their_own_and_little_disk(void **state)
{
    (void)state;
    struct background b;
    char *out = strdup(temp_path(&trial.dir, "sim.out")), *err = strdup(temp_path(&trial.dir, "sim.err"));
    start(&b, "fleet", out, err);
    assert_true(wait_until(all_have_said_what_they_run, NULL, 60));
    check_disk("fleet");
    check_attributes();
    assert_int_equal(background_stop(&b, SIGTERM, 20), 0);
    char *said = read_text(out), *noise = read_text(err);
    assert_string_equal(noise, ""); /* progress is for terminals */
    assert_non_null(strstr(said, "1.0.0"));
    assert_non_null(strstr(said, "outcomes: 0 confirmed, 0 reverted, 0 failed, 0 other; 0 crashes"));
    json_t *summary = json_load_file(temp_path(&trial.dir, "summary.json"), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(summary, "devices")), DEVICES);
    json_decref(summary);
    free(said);
    free(noise);
    free(out);
    free(err);
}

static void progress_is_for_terminals(void **state)
{
    (void)state;
    struct run_result r = run_on_terminal(
        (const char *[]){OTARIA_SIM_BINARY, "run", temp_path(&trial.dir, "few.json"), "--server",
                         trial.device_url, "--ca", trial.ca, "--token", temp_path(&trial.dir, "lamp.token"),
                         "--state", temp_path(&trial.dir, "fleet"), "--seconds", "1", NULL});
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "\r3 devices: "));
    run_result_free(&r);
}

static void an_upload_shows_progress_on_a_terminal_alone(void **state)
{
    (void)state;
    struct command c = OTARIA("release", "push", temp_path(&trial.dir, "lamp-1.0.0.bin"));
    struct run_result r = run_on_terminal(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "uploading 100 %"));
    run_result_free(&r);
    r = run_program(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.err, "");
    run_result_free(&r);
}

static void refuses(const char *const words[], int exit_code, const char *message)
{
    const char *argv[24] = {OTARIA_SIM_BINARY};
    for (unsigned i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    struct run_result r = run_program(argv);
    if (r.exit_code != exit_code || strstr(r.err, message) == NULL)
        fail_msg("%s %s: exit %d: %s", words[0], words[1], r.exit_code, r.err);
    run_result_free(&r);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    char *few = strdup(temp_path(&trial.dir, "few.json")),
         *token = strdup(temp_path(&trial.dir, "lamp.token"));
    char *dir = strdup(temp_path(&trial.dir, "scrap")), *wrong = strdup(temp_path(&trial.dir, "wrong.json"));
#define RUN(scenario, ...)                                                                                   \
    (const char *[]){"run", scenario,  "--server", trial.device_url, "--ca", trial.ca, "--token",            \
                     token, "--state", dir,        __VA_ARGS__,      NULL}
    refuses((const char *[]){"run", few, NULL}, 2, "usage: otaria-sim");
    refuses((const char *[]){"plan", few, "--first", "x", NULL}, 2, "usage");
    refuses((const char *[]){"plan", few, "--hw-rev", "1,", NULL}, 2, "usage");
    refuses((const char *[]){"plan", few, "--frobnicate", NULL}, 2, "--frobnicate");
    refuses((const char *[]){"frobnicate", few, NULL}, 2, "usage");
    refuses((const char *[]){"plan", "/nonexistent.json", NULL}, 1, "otaria-sim: /nonexistent.json");
    refuses(RUN(few, "--threads", "4x"), 2, "usage");
    refuses(RUN(few, "--threads", "0"), 2, "usage");
    refuses(RUN(few, "--seconds", "soon"), 2, "usage");
    refuses(RUN("/nonexistent.json", "--seconds", "1"), 1, "/nonexistent.json");
    refuses(RUN(wrong, "--seconds", "1"), 1, "made for hardware revision 0, the scenario says 2");
    write_text(wrong, "{\"fleet\": {\"count\": 1, \"colour\": 2}}");
    refuses(RUN(wrong, "--seconds", "1"), 1, "wrong.json: fleet: unknown key colour");
    write_text(wrong,
               "{\"fleet\": {\"count\": 1, \"hardware\": [{\"hw_rev\": 0, \"flash\": \"none.flash\"}]}}");
    refuses(RUN(wrong, "--seconds", "1"), 1, "none.flash");
    free(few);
    free(token);
    free(dir);
    free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_plans_the_same_fleet),
        cmocka_unit_test(three_hundred_devices_have_flashes_of_their_own_and_little_disk),
        cmocka_unit_test(progress_is_for_terminals),
        cmocka_unit_test(an_upload_shows_progress_on_a_terminal_alone),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
