/* How a rollout looks to a person. */
#ifndef CLI_ROLLOUT_PRINT_H
#define CLI_ROLLOUT_PRINT_H

#include "cli.h"

void rollout_print(const json_t *rollout);
/** A kind of device: "hw_rev=2 region=eu". */
void rollout_print_kind(const json_t *values);
/** Its warnings, a line each: of a rollout, a preview or a forecast. */
void rollout_print_warnings(const json_t *of);
/** The reply as JSON or as a table; drops the reference. */
int rollout_answer(struct cli *cli, json_t *take_reply);
/** Ended badly, or waiting for a person: the exit code of `watch`. */
int rollout_exit(const char *state);

#endif
