/* Binary partition tables: written, recognised, loaded. */
#include "base/file.h"
#include "otaria/bytes.h"
#include "tools/partition_csv.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 32u
#define FILE_LIMIT   65536u
#define SECTOR       0x1000u

static void put_entry(uint8_t *r, const struct ot_partition *p)
{
    r[0] = 0xAA;
    r[1] = 0x50;
    r[2] = p->type;
    r[3] = p->subtype;
    ot_store32(r + 4, p->offset);
    ot_store32(r + 8, p->size);
    memset(r + 12, 0, 16);
    memcpy(r + 12, p->label, strlen(p->label));
    ot_store32(r + 28, p->flags);
}

int partition_table_build(const struct partition_list *list, uint8_t out[OT_TABLE_BYTES], struct error *err)
{
    if (list->count == 0 || list->count > PARTITION_LIST_MAX)
        return error_set(err, "%u partitions: a table holds 1 to %u", list->count, PARTITION_LIST_MAX);
    memset(out, 0xFF, OT_TABLE_BYTES);
    for (uint32_t i = 0; i < list->count; i++)
        put_entry(out + i * RECORD_BYTES, &list->items[i]);
    uint8_t *md5 = out + list->count * RECORD_BYTES;
    md5[0] = md5[1] = 0xEB;
    ot_md5(out, list->count * RECORD_BYTES, md5 + 16);
    return 0;
}

bool partition_table_is_binary(const uint8_t *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0xAA && bytes[1] == 0x50;
}

int partition_table_from_bytes(const uint8_t *bytes, size_t len, const char *name, uint32_t flash_bytes,
                               uint8_t out[OT_TABLE_BYTES], uint32_t *count, struct error *err)
{
    if (len > SECTOR)
        return error_set(err, "%s: %zu bytes: a partition table is one sector at most", name, len);
    memset(out, 0xFF, OT_TABLE_BYTES);
    memcpy(out, bytes, len < OT_TABLE_BYTES ? len : OT_TABLE_BYTES);
    enum ot_status st = ot_table_parse(out, flash_bytes != 0 ? flash_bytes : UINT32_MAX, count);
    if (st != OT_OK)
        return error_set(err, "%s: %s", name, ot_status_text(st));
    return 0;
}

int partition_table_load(const char *path, const struct partition_rules *rules, uint8_t out[OT_TABLE_BYTES],
                         uint32_t *count, struct error *err)
{
    uint8_t *bytes;
    size_t len;
    struct partition_list list;
    if (file_read(path, FILE_LIMIT, &bytes, &len, err) != 0)
        return -1;
    int result = -1;
    if (partition_table_is_binary(bytes, len)) {
        result = partition_table_from_bytes(bytes, len, path, rules->flash_bytes, out, count, err);
    } else if (partition_csv_parse((const char *)bytes, len, path, rules, &list, err) == 0) {
        result = partition_table_build(&list, out, err);
        *count = list.count;
    }
    free(bytes);
    return result;
}
