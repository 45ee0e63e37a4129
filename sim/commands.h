/** The commands of otaria-sim: each takes its own name and arguments, and returns the exit code; EXIT_USAGE: how to use it. */
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

#include "base/error.h"

#include <jansson.h>
#include <signal.h>

#define EXIT_USAGE 2

int command_play(int argc, char **argv);
int command_defects(int argc, char **argv);
int command_rehearse(int argc, char **argv);

/** Says what went wrong; returns 1. */
int command_fail(const struct error *err);
/** Takes it over. */
void command_print_json(json_t *take_json);
/** From now on SIGINT and SIGTERM set this flag instead of ending the process. */
const volatile sig_atomic_t *command_stop(void);
/** A whole number up to `max`, and nothing behind it. */
int command_number(const char *text, unsigned long max, unsigned long *out);

#endif
