/* Running `otaria` in tests. */
#include "cli_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void add(struct command *c, const char *word)
{
    assert_true(c->count < WORDS_MAX);
    c->words[c->count++] = word;
}

struct command otaria(const char *words[])
{
    struct command c = {.words = {OTARIA_BINARY}, .count = 1};
    for (; *words != NULL; words++)
        add(&c, *words);
    return c;
}

/* With --json appended: exit code and the parsed answer (NULL when it is no JSON). */
json_t *run_json(struct command c, int *exit_code)
{
    add(&c, "--json");
    struct run_result r = run_program(c.words);
    json_t *root = json_loads(r.out, 0, NULL);
    *exit_code = r.exit_code;
    if (root == NULL)
        print_error("%s %s: %s%s\n", c.words[1], c.words[2], r.out, r.err);
    run_result_free(&r);
    return root;
}

json_t *succeed(struct command c)
{
    int exit_code;
    json_t *root = run_json(c, &exit_code);
    if (exit_code != 0)
        print_error("%s\n", json_string_value(json_object_get(json_object_get(root, "error"), "message")));
    assert_int_equal(exit_code, 0);
    assert_non_null(root);
    return root;
}

/* It fails with this exit code, says so on standard error, and as JSON with the same message. */
void fails(struct command c, int exit_code, const char *message)
{
    struct run_result r = run_program(c.words);
    int json_exit_code;
    if (r.exit_code != exit_code || strstr(r.err, message) == NULL)
        print_error("%s %s: exit %d, %s\n", c.words[1], c.words[2], r.exit_code, r.err);
    assert_int_equal(r.exit_code, exit_code);
    assert_int_equal(strncmp(r.err, "otaria: ", 8), 0);
    assert_non_null(strstr(r.err, message));
    run_result_free(&r);
    json_t *root = run_json(c, &json_exit_code);
    json_t *error = json_object_get(root, "error");
    assert_int_equal(json_exit_code, exit_code);
    assert_non_null(json_string_value(json_object_get(error, "code")));
    assert_non_null(strstr(json_string_value(json_object_get(error, "message")), message));
    json_decref(root);
}

const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "null";
}
