/* How a rollout looks to a person. */
#ifndef CLI_ROLLOUT_PRINT_H
#define CLI_ROLLOUT_PRINT_H

#include "cli.h"

void rollout_print(const json_t *rollout);
/** The reply as JSON or as a table; drops the reference. */
int rollout_answer(struct cli *cli, json_t *take_reply);
/** Ended badly, or waiting for a person: the exit code of `watch`. */
int rollout_exit(const char *state);

#endif
