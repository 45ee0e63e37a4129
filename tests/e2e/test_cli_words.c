/* The words of the command line itself: help for every command, what is not understood, JSON also then. */
#include "cli_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMANDS_MAX 64u

struct known {
    char noun[24], verb[24]; /* verb "" for a command of one word */
};

/* What `otaria help` lists: lines of two blanks, "otaria", noun, verb. */
static unsigned list_known(struct known list[COMMANDS_MAX])
{
    unsigned n = 0;
    struct run_result r = run_program(OTARIA("help").words);
    assert_int_equal(r.exit_code, 0);
    for (const char *p = strstr(r.out, "\n  otaria "); p != NULL; p = strstr(p + 1, "\n  otaria ")) {
        assert_true(n < COMMANDS_MAX);
        assert_int_equal(sscanf(p, "\n  otaria %23s %23s", list[n].noun, list[n].verb), 2);
        if (strcmp(list[n].noun, "login") == 0)
            list[n].verb[0] = '\0';
        n++;
    }
    run_result_free(&r);
    return n;
}

static struct command command_of(const struct known *k)
{
    struct command c = OTARIA(k->noun);
    if (k->verb[0] != '\0')
        add(&c, k->verb);
    return c;
}

static char *output_of(struct command c, int exit_code)
{
    struct run_result r = run_program(c.words);
    if (r.exit_code != exit_code || r.err[0] != '\0')
        fail_msg("%s %s: exit %d: %s", c.words[1], c.words[2], r.exit_code, r.err);
    char *out = strdup(r.out);
    run_result_free(&r);
    return out;
}

static void every_verb_of_the_contract_is_there(void **state)
{
    (void)state;
    static const char *const contract[] = {
        "key generate",    "key digest",     "image info",      "image verify",   "image sign",
        "partition build", "partition show", "partition check", "flash create",   "flash show",
        "flash boot",      "device run",     "login URL",       "product create", "token create",
        "device list",     "device show",    "device tag",      "release push",   "release list",
        "release show",    "rollout create", "rollout start",   "rollout show",   "rollout watch",
        "rollout pause",   "rollout resume", "rollout abort",   "audit list",     "audit verify"};
    char *help = output_of(OTARIA("help"), 0), *same = output_of(OTARIA("--help"), 0);
    for (unsigned i = 0; i < sizeof contract / sizeof contract[0]; i++) {
        char line[60];
        snprintf(line, sizeof line, "\n  otaria %s ", contract[i]);
        if (strstr(help, line) == NULL)
            fail_msg("otaria help does not list %s", contract[i]);
    }
    assert_non_null(strstr(help, "Exit codes: 0 ok, 1 error, 2 usage, 3 gate failed or paused"));
    assert_string_equal(help, same);
    free(help);
    free(same);
}

static void every_command_has_help_that_names_it_and_its_options(void **state)
{
    (void)state;
    struct known list[COMMANDS_MAX];
    unsigned count = list_known(list);
    assert_true(count >= 29);
    for (unsigned i = 0; i < count; i++) {
        char usage[160];
        struct command c = command_of(&list[i]), about = OTARIA("help", list[i].noun);
        snprintf(usage, sizeof usage, "usage: otaria %.23s%s%.23s", list[i].noun,
                 list[i].verb[0] != '\0' ? " " : "", list[i].verb);
        add(&c, "--help");
        if (list[i].verb[0] != '\0')
            add(&about, list[i].verb);
        char *help = output_of(c, 0), *same = output_of(about, 0);
        assert_int_equal(strncmp(help, usage, strlen(usage)), 0);
        assert_non_null(strstr(help, "\n  --json\n"));
        assert_string_equal(help, same);
        free(help);
        free(same);
    }
}

static void an_unknown_option_is_usage_with_a_hint_for_every_command(void **state)
{
    (void)state;
    struct known list[COMMANDS_MAX];
    unsigned count = list_known(list);
    for (unsigned i = 0; i < count; i++) {
        char hint[160];
        struct command c = command_of(&list[i]);
        snprintf(hint, sizeof hint, "otaria: try \"otaria %.23s%s%.23s --help\"", list[i].noun,
                 list[i].verb[0] != '\0' ? " " : "", list[i].verb);
        add(&c, "--frobnicate");
        struct run_result r = run_program(c.words);
        assert_int_equal(r.exit_code, 2);
        assert_non_null(strstr(r.err, "unknown option --frobnicate"));
        assert_non_null(strstr(r.err, hint));
        assert_string_equal(r.out, "");
        run_result_free(&r);
    }
    fails(OTARIA("key", "generate", "--frobnicate"), 2, "unknown option --frobnicate");
    fails(OTARIA("key", "generate", "-x"), 2, "unknown option -x");
}

static void options_are_written_out(void **state)
{
    (void)state;
    fails(OTARIA("key", "generate", "--sch", "rsa3072", "--out", "/nonexistent/k"), 2,
          "unknown option --sch");
    fails(OTARIA("flash", "boot", "--roll=on", "/nonexistent"), 2, "unknown option --roll");
    struct run_result r = run_program(OTARIA("key", "generate", "--out").words);
    assert_int_equal(r.exit_code, 2);
    assert_non_null(strstr(r.err, "--out needs a value"));
    run_result_free(&r);
    fails(OTARIA("key", "generate", "word"), 2, "unexpected word \"word\"");
    fails(OTARIA("key", "digest"), 2, "something is missing");
    char *help = output_of(OTARIA("key", "digest", "-h"), 0);
    assert_int_equal(strncmp(help, "usage: otaria key digest", 24), 0);
    free(help);
    r = run_program(OTARIA("product", "list", "--js").words);
    assert_int_equal(r.exit_code, 2);
    run_result_free(&r);
}

static void unknown_commands_are_usage_and_show_what_there_is(void **state)
{
    (void)state;
    fails(OTARIA("frobnicate"), 2, "no command \"frobnicate\"");
    fails(OTARIA("device", "frobnicate"), 2, "no command \"device frobnicate\"");
    fails(OTARIA("help", "frobnicate"), 2, "no command \"frobnicate\"");
    fails(OTARIA("help", "device", "frobnicate"), 2, "no command \"device frobnicate\"");
    fails(OTARIA("fro\x1b[2Jnicate"), 2, "no command \"fro?[2Jnicate\"");
    struct run_result r = run_program(OTARIA("device").words);
    assert_int_equal(r.exit_code, 2);
    assert_non_null(strstr(r.err, "otaria device show ID"));
    assert_null(strstr(r.err, "rollout"));
    run_result_free(&r);
    r = run_program((const char *[]){OTARIA_BINARY, NULL});
    assert_int_equal(r.exit_code, 2);
    assert_non_null(strstr(r.err, "usage: otaria NOUN VERB"));
    run_result_free(&r);
    char *help = output_of(OTARIA("help", "device"), 0), *same = output_of(OTARIA("device", "--help"), 0);
    assert_non_null(strstr(help, "otaria device tag"));
    assert_string_equal(help, same);
    free(help);
    free(same);
}

/* A word far longer than any name there is must not be more than a refusal. */
static void very_long_words_are_refused(void **state)
{
    (void)state;
    char *word = malloc(9001);
    memset(word, 'a', 9000);
    word[9000] = '\0';
    setenv("OTARIA_CONFIG", "/nonexistent/login.json", 1);
    setenv("OTARIA_URL", "https://127.0.0.1:1", 1);
    fails(OTARIA("device", "list"), 1, "not logged in");
    fails(OTARIA("key", "digest", word), 1, "aaaa");
    fails(OTARIA(word), 2, "no command");
    unsetenv("OTARIA_URL");
    free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_of_the_contract_is_there),
        cmocka_unit_test(every_command_has_help_that_names_it_and_its_options),
        cmocka_unit_test(an_unknown_option_is_usage_with_a_hint_for_every_command),
        cmocka_unit_test(options_are_written_out),
        cmocka_unit_test(unknown_commands_are_usage_and_show_what_there_is),
        cmocka_unit_test(very_long_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
