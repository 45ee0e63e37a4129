/* The command table: what `otaria --help` lists, in this order. */
#include "commands.h"

#include <stddef.h>

const struct cli_command cli_commands[] = {
    {.noun = NULL},
};
