/* The command table: what `otaria --help` lists, in this order. */
#include "commands.h"

#include <stddef.h>

const struct cli_command cli_commands[] = {
    {"partition", "build", "CSV --flash-size SIZE --out BIN", "Build a binary partition table from a CSV.",
     cmd_partition_build},
    {"partition", "show", "BIN", "Show a partition table as CSV.", cmd_partition_show},
    {"partition", "check", "BIN [--flash-size SIZE]",
     "Judge whether Otaria can update a device with this table.", cmd_partition_check},
    {.noun = NULL},
};
