/* Opening and showing virtual flash, for several commands. */
#include "flash_common.h"

#include <stdio.h>
#include <string.h>

int flash_open(const struct cli *cli, const char *path, const char *table_offset, bool writable,
               struct flash_file *flash, struct flash_layout *layout)
{
    struct error err = {0};
    unsigned long at = OT_TABLE_OFFSET_DEFAULT;
    if (table_offset != NULL &&
        (cli_number(table_offset, 0x7FFF000, &at) != 0 || at % FLASH_SECTOR_BYTES != 0))
        return cli_usage(cli, "--table-offset %s: a multiple of 0x1000, such as 0x8000", table_offset);
    if (flash_file_open(flash, path, writable, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "flash", "%s", err.text);
    if (flash_layout_read(layout, &flash->flash, (uint32_t)at, &err) == 0)
        return -1;
    flash_file_close(flash);
    return cli_fail(cli, EXIT_ERROR, "partition_table", "%s: %s", path, err.text);
}

int flash_read_otadata(const struct flash_layout *layout, uint8_t entries[2][OT_OTADATA_ENTRY_BYTES])
{
    memset(entries, 0xFF, 2 * OT_OTADATA_ENTRY_BYTES);
    if (!layout->slots.has_otadata || layout->slots.otadata.size < OT_OTADATA_BYTES)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        if (flash_layout_read_otadata(layout, i, entries[i]) != 0)
            return -1;
    }
    return 0;
}

void flash_hex(const uint8_t *bytes, unsigned len, char *out)
{
    for (unsigned i = 0; i < len; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", bytes[i]);
}

json_t *flash_entry_json(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    char hex[2 * OT_OTADATA_ENTRY_BYTES + 1];
    flash_hex(bytes, OT_OTADATA_ENTRY_BYTES, hex);
    return json_string(hex);
}

const char *flash_entry_text(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES], char *buf, unsigned len)
{
    struct ot_otadata_entry e;
    ot_otadata_parse(bytes, &e);
    if (e.seq == OT_OTADATA_SEQ_EMPTY)
        snprintf(buf, len, "empty");
    else
        snprintf(buf, len, "sequence %u, %s (0x%x)%s", e.seq, ot_ota_state_name(e.state), e.state,
                 ot_otadata_crc_ok(&e) ? "" : ", wrong CRC");
    return buf;
}
