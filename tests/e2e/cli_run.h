/**
 * Running `otaria` in tests: words in, JSON or a refusal out.
 *
 *     json_t *root = succeed(OTARIA("flash", "show", path));
 *     fails(OTARIA("flash", "show", "/nonexistent"), 1, "/nonexistent");
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "run_program.h"

#include <jansson.h>

#define WORDS_MAX 40

struct command {
    const char *words[WORDS_MAX + 1];
    unsigned count;
};

/** Words after the program's name; NULL-terminated. */
struct command otaria(const char *words[]);
#define OTARIA(...) otaria((const char *[]){__VA_ARGS__, NULL})
void add(struct command *c, const char *word);

/** With --json appended: exit code and the parsed answer (NULL when it is no JSON). */
json_t *run_json(struct command c, int *exit_code);
/** It ends with 0 and answers in JSON: new reference. Fails the test otherwise. */
json_t *succeed(struct command c);
/** It ends with this exit code, says so on standard error, and as JSON with the same message. */
void fails(struct command c, int exit_code, const char *message);

/** A string member, or "null". */
const char *text_of(const json_t *o, const char *key);

#endif
