/* `otaria` against servers that lie, files that are open to all, and secrets in the wrong place. */
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
static struct background liar;
static char urls[3][64]; /* hostile, empty, refusing */

static bool is_there(void *path)
{
    return access(path, R_OK) == 0;
}

static int begin(void **state)
{
    (void)state;
    trial_begin(&trial);
    trial_image(&trial, "lamp", "1.0.0", "100");
    char *ready = strdup(temp_path(&trial.dir, "liar.ready")),
         *out = strdup(temp_path(&trial.dir, "liar.out"));
    background_start(&liar,
                     (const char *[]){"/usr/bin/python3", OTARIA_SOURCE_DIR "/tests/e2e/hostile_server.py",
                                      temp_path(&trial.dir, "server/tls/server.pem"),
                                      temp_path(&trial.dir, "server/tls/server.key"), ready, NULL},
                     out, temp_path(&trial.dir, "liar.log"));
    assert_true(wait_until(is_there, ready, 20));
    char *text = read_text(ready);
    assert_int_equal(sscanf(text, "%63s %63s %63s", urls[0], urls[1], urls[2]), 3);
    free(text);
    free(ready);
    free(out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)background_stop(&liar, SIGTERM, 10);
    trial_end(&trial);
    return 0;
}

/* Every command that prints what a server said. The image is a described one: `push` asks nothing first. */
static unsigned commands(struct command list[48])
{
    unsigned n = 0;
    list[n++] = OTARIA("product", "create", "p", "--trust", trial.key);
    list[n++] = OTARIA("product", "list");
    list[n++] = OTARIA("product", "show");
    list[n++] = OTARIA("token", "create", "--role", "viewer");
    list[n++] = OTARIA("device", "list", "--product", "p");
    list[n++] = OTARIA("device", "show", "d", "--product", "p");
    list[n++] = OTARIA("device", "history", "d", "--product", "p");
    list[n++] = OTARIA("device", "export", "--format", "csv", "--product", "p");
    list[n++] = OTARIA("device", "tag", "d", "t", "--product", "p");
    list[n++] = OTARIA("device", "list"); /* asks for the product's name */
    list[n++] = OTARIA("release", "push", "IMAGE");
    list[n++] = OTARIA("release", "list", "--product", "p");
    list[n++] = OTARIA("release", "show", "v", "--product", "p");
    list[n++] = OTARIA("rollout", "create", "--release", "v", "--product", "p", "--start");
    list[n++] = OTARIA("rollout", "preview", "--release", "v", "--product", "p", "--devices");
    list[n++] = OTARIA("product", "set", "p", "--strata", "hw_rev");
    list[n++] = OTARIA("rollout", "start", "1");
    list[n++] = OTARIA("rollout", "list", "--product", "p");
    list[n++] = OTARIA("rollout", "show", "1");
    list[n++] = OTARIA("rollout", "plan", "v", "--product", "p");
    list[n++] = OTARIA("rollout", "explain", "1");
    list[n++] = OTARIA("rollout", "explain", "1", "d");
    list[n++] = OTARIA("rollout", "pause", "1");
    list[n++] = OTARIA("rollout", "recall", "1", "--reason", "x", "--yes");
    list[n++] = OTARIA("audit", "list");
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(list[i].words[list[i].count - 1], "IMAGE") == 0)
            list[i].words[list[i].count - 1] = temp_path(&trial.dir, "lamp-1.0.0.bin");
    }
    return n;
}

/* Nothing but text and line ends: no C0, DEL or C1, nothing that reorders or hides, no line of the server's making. */
static void check_quiet(const struct command *c, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        bool bad = (*p < 0x20 && *p != '\n' && (*p != '\r' || p[1] != '\n')) || *p == 0x7F ||
                   (p[0] == 0xC2 && p[1] < 0xA0) || (p[0] == 0xE2 && (p[1] == 0x80 || p[1] == 0x81)) ||
                   (*p == '\n' && strncmp((const char *)p + 1, "INJECTED", 8) == 0);
        if (bad)
            fail_msg("%s %s: byte %02x at %td: %s", c->words[1], c->words[2], *p,
                     p - (const unsigned char *)text, text);
    }
    if (strstr(text, "Sanitizer") != NULL || strstr(text, "runtime error") != NULL)
        fail_msg("%s %s: %s", c->words[1], c->words[2], text);
}

static int run_quiet(struct command *c, const char *must_say)
{
    struct run_result r = run_program(c->words);
    check_quiet(c, r.out);
    check_quiet(c, r.err);
    if (must_say != NULL && strstr(r.out, must_say) == NULL && strstr(r.err, must_say) == NULL)
        fail_msg("%s %s: %s%s", c->words[1], c->words[2], r.out, r.err);
    int code = r.exit_code;
    run_result_free(&r);
    return code;
}

static void against(const char *url)
{
    setenv("OTARIA_URL", url, 1);
}

static void no_terminal_escape_of_a_server_gets_through(void **state)
{
    (void)state;
    struct command list[48];
    unsigned count = commands(list);
    against(urls[0]);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(run_quiet(&list[i], "INJECTED"), 0);
        add(&list[i], "--json");
        assert_int_equal(run_quiet(&list[i], "INJECTED"), 0);
    }
    struct command watch = OTARIA("rollout", "watch", "1");
    assert_int_equal(run_quiet(&watch, "INJECTED"), 3);
    add(&watch, "--json");
    assert_int_equal(run_quiet(&watch, "INJECTED"), 3);
    unsetenv("OTARIA_URL");
}

static void refusals_are_printed_harmlessly_and_keep_their_exit_code(void **state)
{
    (void)state;
    struct command list[48];
    unsigned count = commands(list);
    against(urls[2]);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(run_quiet(&list[i], "INJECTED"), 5);
    unsetenv("OTARIA_URL");
}

static void an_answer_without_fields_is_no_crash(void **state)
{
    (void)state;
    struct command list[48];
    unsigned count = commands(list);
    against(urls[1]);
    for (unsigned i = 0; i < count; i++)
        assert_in_range(run_quiet(&list[i], NULL), 0, 2);
    setenv("OTARIA_CONFIG", temp_path(&trial.dir, "other/login.json"), 1);
    struct command login = OTARIA("login", urls[1], "--token-file", trial.admin_token, "--ca", trial.ca);
    assert_in_range(run_quiet(&login, NULL), 0, 1);
    setenv("OTARIA_CONFIG", temp_path(&trial.dir, "login/otaria.json"), 1);
    unsetenv("OTARIA_URL");
}

static void names_with_escapes_are_refused_where_they_come_in(void **state)
{
    (void)state;
    trial_product(&trial, "lamp", "rest");
    fails(OTARIA("product", "create", "a\nb", "--trust", trial.key), 1, "name");
    fails(OTARIA("product", "create", "a", "--trust", trial.key, "--rings", "\x1b[2J,rest"), 1, "ring");
    fails(OTARIA("token", "create", "--role", "\x1b[2J", "--product", "lamp"), 1, "role");
}

static void a_server_that_another_ca_vouches_for_is_refused(void **state)
{
    (void)state;
    char *pem = strdup(temp_path(&trial.dir, "wrong-ca.pem"));
    struct run_result r = run_program((const char *[]){
        "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=other", "-keyout", "/dev/null", "-out", pem, NULL});
    assert_int_equal(r.exit_code, 0);
    run_result_free(&r);
    fails(OTARIA("login", trial.operator_url, "--token-file", trial.admin_token, "--ca", pem), 1,
          "certificate");
    fails(OTARIA("login", trial.operator_url, "--token-file", trial.admin_token), 1, "certificate");
    fails(OTARIA("login", "http://127.0.0.1:1", "--token-file", trial.admin_token), 1, "https");
    free(pem);
}

/* --- secrets --- */

static void a_login_is_kept_for_its_owner_alone(void **state)
{
    (void)state;
    struct stat st;
    const char *config = getenv("OTARIA_CONFIG");
    assert_int_equal(stat(config, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(temp_path(&trial.dir, "login"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(config, 0644), 0);
    fails(OTARIA("product", "list"), 1, "can be read by others");
    assert_int_equal(chmod(config, 0600), 0);
    json_decref(succeed(OTARIA("product", "list")));
    setenv("OTARIA_CONFIG", temp_path(&trial.dir, "nobody.json"), 1);
    fails(OTARIA("product", "list"), 1, "not logged in");
    setenv("OTARIA_CONFIG", temp_path(&trial.dir, "login/otaria.json"), 1);
}

static void a_token_file_that_others_can_read_is_refused(void **state)
{
    (void)state;
    char *token = read_text(trial.admin_token), *open_file = strdup(temp_path(&trial.dir, "open.token"));
    write_text(open_file, token);
    assert_int_equal(chmod(open_file, 0644), 0);
    fails(OTARIA("login", trial.operator_url, "--token-file", open_file, "--ca", trial.ca), 1, "chmod 600");
    setenv("OTARIA_TOKEN_FILE", open_file, 1);
    fails(OTARIA("product", "list"), 1, "chmod 600");
    assert_int_equal(chmod(open_file, 0600), 0);
    json_decref(succeed(OTARIA("product", "list")));
    unsetenv("OTARIA_TOKEN_FILE");
    write_text(open_file, "otaria_wrong\n");
    fails(OTARIA("login", trial.operator_url, "--token-file", open_file, "--ca", trial.ca), 1, "token");
    write_text(open_file, "\n");
    fails(OTARIA("login", trial.operator_url, "--token-file", open_file, "--ca", trial.ca), 1, "empty");
    free(open_file);
    free(token);
}

/* There is no option for a secret; where one is tried, it is not repeated into a terminal or a CI log. */
static void a_secret_on_the_command_line_is_refused_and_not_repeated(void **state)
{
    (void)state;
    const struct command tries[] = {OTARIA("login", trial.operator_url, "--token", "hunter2"),
                                    OTARIA("login", trial.operator_url, "--token=hunter2"),
                                    OTARIA("login", trial.operator_url, "--password=hunter2"),
                                    OTARIA("product", "list", "--token=hunter2")};
    for (unsigned i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct run_result r = run_program(tries[i].words);
        assert_int_equal(r.exit_code, 2);
        assert_null(strstr(r.err, "hunter2"));
        assert_null(strstr(r.out, "hunter2"));
        assert_non_null(strstr(r.err, "unknown option"));
        run_result_free(&r);
    }
}

static void tokens_are_in_no_log(void **state)
{
    (void)state;
    char *log = read_text(trial.log), *token = read_text(trial.admin_token);
    token[strcspn(token, "\n")] = '\0';
    assert_true(strlen(token) > 20);
    assert_non_null(strstr(log, "server.ready"));
    assert_null(strstr(log, token));
    struct stat st;
    char *file = strdup(temp_path(&trial.dir, "lamp.token")), *enrol = read_text(file);
    enrol[strcspn(enrol, "\n")] = '\0';
    assert_null(strstr(log, enrol));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(file);
    free(enrol);
    free(log);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_terminal_escape_of_a_server_gets_through),
        cmocka_unit_test(refusals_are_printed_harmlessly_and_keep_their_exit_code),
        cmocka_unit_test(an_answer_without_fields_is_no_crash),
        cmocka_unit_test(names_with_escapes_are_refused_where_they_come_in),
        cmocka_unit_test(a_server_that_another_ca_vouches_for_is_refused),
        cmocka_unit_test(a_login_is_kept_for_its_owner_alone),
        cmocka_unit_test(a_token_file_that_others_can_read_is_refused),
        cmocka_unit_test(a_secret_on_the_command_line_is_refused_and_not_repeated),
        cmocka_unit_test(tokens_are_in_no_log),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
