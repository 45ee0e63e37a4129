/* The command table: what `otaria --help` lists, in this order. */
#include "commands.h"

#include <stddef.h>

const struct cli_command cli_commands[] = {
    {"partition", "build", "CSV --flash-size SIZE --out BIN", "Build a binary partition table from a CSV.",
     cmd_partition_build},
    {"partition", "show", "BIN", "Show a partition table as CSV.", cmd_partition_show},
    {"partition", "check", "BIN [--flash-size SIZE]",
     "Judge whether Otaria can update a device with this table.", cmd_partition_check},
    {"flash", "create",
     "--table CSV|BIN --flash-size SIZE [--bootloader BIN [--chip CHIP]] --slot SLOT=IMG... [--otadata SPEC] "
     "--out FLASH",
     "Make the whole flash of a virtual ESP32.", cmd_flash_create},
    {"flash", "show", "FLASH", "Show what lies in a flash file.", cmd_flash_show},
    {"flash", "boot", "FLASH [--efuse FILE] [--rollback on|off] [--trust KEY...] [--write]",
     "Say which slot boots, and why.", cmd_flash_boot},
    {.noun = NULL},
};
