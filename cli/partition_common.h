/* What the partition and flash commands share: loading a table with its options, and showing one. */
#ifndef CLI_PARTITION_COMMON_H
#define CLI_PARTITION_COMMON_H

#include "cli.h"
#include "tools/partition_csv.h"

/** A table file and what was said about it on the command line. */
struct partition_source {
    const char *flash_size, *table_offset; /* option texts, NULL when not given */
    struct partition_rules rules;          /* from here on: results */
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
};

/** --flash-size and --table-offset into numbers. -1 to go on, else the exit code. */
int partition_source_rules(const struct cli *cli, struct partition_source *s);
/** The same, and the table (CSV or binary) loaded by them. */
int partition_source_load(const struct cli *cli, const char *path, struct partition_source *s);

/** For commands whose words are one table file: its options parsed, the table loaded. -1 to go on, else the exit code. */
int partition_source_from_words(struct cli *cli, int argc, char **argv, const char **file,
                                struct partition_source *s);

/** One partition as JSON; new reference. */
json_t *partition_json(const struct ot_partition *p);
/** All of them, as text on standard output. */
void partition_print_table(const uint8_t *table, uint32_t count);
json_t *partition_table_json(const uint8_t *table, uint32_t count);

#endif
