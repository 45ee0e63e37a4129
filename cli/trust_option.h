/* `--trust KEY ...`: keys that are believed, as digests. A KEY is a private PEM, a public PEM or 64 hex digits. */
#ifndef CLI_TRUST_OPTION_H
#define CLI_TRUST_OPTION_H

#include "cli.h"
#include "otaria/crypto.h"

/** Load every key of the list into `out` (CLI_LIST_MAX places). -1 to go on, else the exit code. */
int cli_load_digests(const struct cli *cli, const struct cli_list *keys, struct ot_digest *out);

#endif
