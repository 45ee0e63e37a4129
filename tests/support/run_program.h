/**
 * Run a program and keep what it said: for tests of command lines.
 *
 *     struct run_result r = run_program((const char *[]){OTARIA_BINARY, "flash", "show", path, NULL});
 *     assert_int_equal(r.exit_code, 0);
 *     run_result_free(&r);
 */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include <stddef.h>

struct run_result {
    int exit_code;   /* -1 when it was killed by a signal */
    char *out, *err; /* NUL-terminated, owned */
};

/** Both outputs are read to their end. A program that cannot be started aborts the test program. */
struct run_result run_program(const char *const argv[]);
/** On a terminal of its own: both outputs, as a person would see them, in `out`. */
struct run_result run_on_terminal(const char *const argv[]);
void run_result_free(struct run_result *r);

#endif
