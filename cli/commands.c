/* The command table: what `otaria --help` lists, in this order. */
#include "commands.h"

#include <stddef.h>

const struct cli_command cli_commands[] = {
    {"key", "generate", "--scheme rsa3072|ecdsa256 --out KEY.pem", "Make a signing key.", cmd_key_generate},
    {"key", "digest", "KEY.pem", "Print the digest that names a key everywhere.", cmd_key_digest},
    {"image", "info", "FILE", "Show what an image says about itself.", cmd_image_info},
    {"image", "verify", "FILE --trust KEY... [--revoked DIGEST]...",
     "Would a device that trusts these keys run it?", cmd_image_verify},
    {"image", "sign", "FILE --key KEY... --out OUT", "Add signature blocks, three at most.", cmd_image_sign},
    {"image", "describe", "FILE --release N --hw-rev N,N... --out OUT",
     "Fill in Otaria's descriptor after a build.", cmd_image_describe},
    {"image", "make", "--chip CHIP --project NAME --version V --release N --hw-rev N,N... --out FILE",
     "Make a placeholder image, for trials.", cmd_image_make},
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
