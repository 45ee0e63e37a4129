/* What the flash commands share: opening a flash file, and showing an image and otadata. */
#ifndef CLI_FLASH_COMMON_H
#define CLI_FLASH_COMMON_H

#include "base/flash_file.h"
#include "base/flash_layout.h"
#include "cli.h"
#include "otaria/otadata.h"

/** Open the file and read its table. -1 to go on (then flash_file_close()), else the exit code. */
int flash_open(const struct cli *cli, const char *path, const char *table_offset, bool writable,
               struct flash_file *flash, struct flash_layout *layout);

/** Both entries; erased ones where the table has no otadata. -1 when flash cannot be read. */
int flash_read_otadata(const struct flash_layout *layout, uint8_t entries[2][OT_OTADATA_ENTRY_BYTES]);

/** `len` bytes as lowercase hex; `out` has 2*len+1 bytes. */
void flash_hex(const uint8_t *bytes, unsigned len, char *out);

/** The entry's bytes as JSON, in hex; new reference. */
json_t *flash_entry_json(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES]);
/** "seq 2, new" or "erased"; written into `buf`. */
const char *flash_entry_text(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES], char *buf, unsigned len);

#endif
