/**
 * Partition tables as people write them (CSV) and as flash holds them (binary): what gen_esp32part.py does.
 *
 *     struct partition_rules rules = {.flash_bytes = 0x400000};
 *     uint8_t table[OT_TABLE_BYTES];
 *     uint32_t count;
 *     if (partition_table_load("partitions.csv", &rules, table, &count, &err) != 0)
 *         fprintf(stderr, "otaria: %s\n", err.text);      // "partitions.csv:7: ota_1: offset 0x1F0000 is ..."
 *
 * Grammar and rules: docs/formats.md "Partition table". Messages name file, line, partition and cause.
 */
#ifndef TOOLS_PARTITION_CSV_H
#define TOOLS_PARTITION_CSV_H

#include "base/error.h"
#include "otaria/partition.h"

#include <stddef.h>

/** Entries a table of 0xC00 bytes holds beside its MD5 record and the end marker. */
#define PARTITION_LIST_MAX 94u

struct partition_rules {
    uint32_t flash_bytes;  /* 0: not known, nothing is compared with it */
    uint32_t table_offset; /* 0: OT_TABLE_OFFSET_DEFAULT */
};

struct partition_list {
    uint32_t count;
    struct ot_partition items[PARTITION_LIST_MAX];
};

/**
 * Parse and judge a CSV.
 * @param name  What messages call the text: a file name.
 * @return 0, or -1 with a message; `*out` is then undefined.
 */
int partition_csv_parse(const char *text, size_t len, const char *name, const struct partition_rules *rules,
                        struct partition_list *out, struct error *err);

/** Entries, MD5 record, FF to the end. `count` is at most PARTITION_LIST_MAX, or -1 with a message. */
int partition_table_build(const struct partition_list *list, uint8_t out[OT_TABLE_BYTES], struct error *err);

/** Does this look like a binary table (or a CSV)? */
bool partition_table_is_binary(const uint8_t *bytes, size_t len);

/** A binary table from a file's bytes, checked as a bootloader checks it. */
int partition_table_from_bytes(const uint8_t *bytes, size_t len, const char *name, uint32_t flash_bytes,
                               uint8_t out[OT_TABLE_BYTES], uint32_t *count, struct error *err);

/** Either kind of file, told apart by its first bytes. */
int partition_table_load(const char *path, const struct partition_rules *rules, uint8_t out[OT_TABLE_BYTES],
                         uint32_t *count, struct error *err);

/** Names of numbers, for listings: "app", "ota_0", or "0x40" written into `buf`. */
const char *partition_type_name(uint8_t type, char buf[8]);
const char *partition_subtype_name(uint8_t type, uint8_t subtype, char buf[8]);

#endif
