/**
 * Programs that run beside a test: servers, fleets, devices.
 *
 *     struct background b;
 *     background_start(&b, (const char *[]){OTARIAD_BINARY, "--data", dir, NULL}, "/tmp/x/out", "/tmp/x/log");
 *     assert_true(wait_until(is_there, path, 10));
 *     assert_int_equal(background_stop(&b, SIGTERM, 10), 0);
 *
 * They die with the test program, however it ends.
 */
#ifndef BACKGROUND_H
#define BACKGROUND_H

#include <stdbool.h>
#include <sys/types.h>

struct background {
    pid_t pid; /* 0: not running */
};

/** Outputs go to files, made anew. A program that cannot be started aborts the test program. */
void background_start(struct background *b, const char *const argv[], const char *out_path,
                      const char *err_path);
/** Exit code; -1: killed by a signal; -2: still running after `seconds`, and left alone. */
int background_wait(struct background *b, unsigned seconds);
/** Send the signal and wait. What does not end in time is killed, and -2 returned. Harmless when not running. */
int background_stop(struct background *b, int signal, unsigned seconds);

/** Ask again and again until it is true or `seconds` have passed. */
bool wait_until(bool (*is_so)(void *ctx), void *ctx, unsigned seconds);

#endif
