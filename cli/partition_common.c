/* Loading and showing partition tables, for several commands. */
#include "partition_common.h"

#include "base/flash_file.h"

#include <stdio.h>

int partition_source_rules(const struct cli *cli, struct partition_source *s)
{
    unsigned long n;
    s->rules = (struct partition_rules){.table_offset = OT_TABLE_OFFSET_DEFAULT};
    if (s->flash_size != NULL) {
        s->rules.flash_bytes = flash_size_from_text(s->flash_size);
        if (s->rules.flash_bytes == 0)
            return cli_usage(cli, "--flash-size %s: 1MB, 2MB, 4MB ... 128MB", s->flash_size);
    }
    if (s->table_offset != NULL) {
        if (cli_number(s->table_offset, 0x7FFF000, &n) != 0 || n == 0 || n % FLASH_SECTOR_BYTES != 0)
            return cli_usage(cli, "--table-offset %s: a multiple of 0x1000, such as 0x8000", s->table_offset);
        s->rules.table_offset = (uint32_t)n;
    }
    return -1;
}

int partition_source_load(const struct cli *cli, const char *path, struct partition_source *s)
{
    struct error err = {0};
    int done = partition_source_rules(cli, s);
    if (done >= 0)
        return done;
    if (partition_table_load(path, &s->rules, s->table, &s->count, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "partition_table", "%s", err.text);
    return -1;
}

int partition_source_from_words(struct cli *cli, int argc, char **argv, const char **file,
                                struct partition_source *s)
{
    const struct cli_option options[] = {
        {"flash-size", CLI_TEXT, &s->flash_size, "SIZE", "refuse partitions beyond it"},
        {"table-offset", CLI_TEXT, &s->table_offset, "OFFSET", "of the table itself (0x8000)"},
        CLI_OPTIONS_END};
    const struct cli_positional words = {.items = file, .min = 1, .max = 1};
    int done = cli_parse(cli, argc, argv, options, &words, NULL);
    return done < 0 ? partition_source_load(cli, *file, s) : done;
}

static const char *flags_text(uint32_t flags)
{
    static const char *const texts[] = {"", "encrypted", "readonly", "encrypted:readonly"};
    return texts[flags & (OT_PARTITION_ENCRYPTED | OT_PARTITION_READONLY)];
}

json_t *partition_json(const struct ot_partition *p)
{
    char type[8], subtype[8];
    return json_pack("{s:o, s:s, s:s, s:I, s:I, s:b, s:b}", "label", cli_json_foreign(p->label), "type",
                     partition_type_name(p->type, type), "subtype",
                     partition_subtype_name(p->type, p->subtype, subtype), "offset", (json_int_t)p->offset,
                     "size", (json_int_t)p->size, "encrypted", (p->flags & OT_PARTITION_ENCRYPTED) != 0,
                     "readonly", (p->flags & OT_PARTITION_READONLY) != 0);
}

json_t *partition_table_json(const uint8_t *table, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition p = ot_table_entry(table, i);
        json_array_append_new(list, partition_json(&p));
    }
    return list;
}

void partition_print_table(const uint8_t *table, uint32_t count)
{
    char type[8], subtype[8];
    printf("# Name, Type, SubType, Offset, Size, Flags\n");
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition p = ot_table_entry(table, i);
        cli_print_foreign(p.label);
        printf(", %s, %s, 0x%x, 0x%x, %s\n", partition_type_name(p.type, type),
               partition_subtype_name(p.type, p.subtype, subtype), p.offset, p.size, flags_text(p.flags));
    }
}
