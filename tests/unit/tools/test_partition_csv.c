/* Partition CSVs: the grammar and every rule of ESP-IDF's generator, and the binary it makes. */
#include "base/file.h"
#include "stock_table.h"
#include "temp_dir.h"
#include "tools/partition_csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MB       0x100000u

static const struct partition_rules rules_4mb = {.flash_bytes = 4 * MB};

static int parse(const char *text, struct partition_list *out, struct error *err)
{
    return partition_csv_parse(text, strlen(text), "t.csv", &rules_4mb, out, err);
}

static const char stock_csv[] = "# Name, Type, SubType, Offset, Size, Flags\n"
                                "nvs,      data, nvs,     ,        0x4000,\n"
                                "otadata,  data, ota,     ,        0x2000,\n"
                                "phy_init, data, phy,     ,        0x1000,\n"
                                "factory,  app,  factory, ,        1M,\n"
                                "ota_0,    app,  ota_0,   ,        1M,\n"
                                "ota_1,    app,  ota_1,   ,        1M,\n";

static void the_stock_table_is_built_byte_for_byte(void **state)
{
    (void)state;
    struct partition_list list;
    struct error err = {0};
    uint8_t expected[OT_TABLE_BYTES], table[OT_TABLE_BYTES];
    memset(expected, 0xFF, sizeof expected);
    for (size_t i = 0; i < sizeof stock_table_hex / 2; i++) {
        char pair[3] = {stock_table_hex[2 * i], stock_table_hex[2 * i + 1], '\0'};
        expected[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    assert_int_equal(parse(stock_csv, &list, &err), 0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    assert_memory_equal(table, expected, sizeof table);
}

struct accepted {
    const char *what, *csv;
    unsigned index;
    struct ot_partition is;
};

static const struct accepted accepted[] = {
    {"hex, decimal, K and M",
     "a,data,nvs,0x9000,16K,\nb,data,phy,53248,4096,\n",
     1,
     {1, 1, 0xD000, 0x1000, "b", 0}},
    {"lower-case suffix", "a,data,nvs,0x9000,16k,", 0, {1, 2, 0x9000, 0x4000, "a", 0}},
    {"words in any case", "a,DATA,Nvs,0x9000,0x4000,ENCRYPTED", 0, {1, 2, 0x9000, 0x4000, "a", 1}},
    {"numbers for type and subtype", "a,0x40,0xFE,0x9000,0x1000,", 0, {0x40, 0xFE, 0x9000, 0x1000, "a", 0}},
    {"the secure certificate's type", "a,0x3F,0x06,0x9000,0x1000,", 0, {0x3F, 6, 0x9000, 0x1000, "a", 0}},
    {"flags joined", "a,data,fat,0x9000,0x1000,encrypted:readonly", 0, {1, 0x81, 0x9000, 0x1000, "a", 3}},
    {"trailing fields may be absent", "a,data,fat,0x9000,0x1000", 0, {1, 0x81, 0x9000, 0x1000, "a", 0}},
    {"a seventh field is nobody's", "a,data,fat,0x9000,0x1000,,rest", 0, {1, 0x81, 0x9000, 0x1000, "a", 0}},
    {"empty lines, comments, CRLF",
     "\r\n  # note\r\n\na,data,fat,0x9000,0x1000,\r\n",
     0,
     {1, 0x81, 0x9000, 0x1000, "a", 0}},
    {"the first open offset lies behind the table",
     "a,data,fat,,0x1000,",
     0,
     {1, 0x81, 0x9000, 0x1000, "a", 0}},
    {"an open app offset is rounded to 64 KiB",
     "a,data,fat,,0x1000,\nb,app,ota_0,,1M,",
     1,
     {0, 0x10, 0x10000, MB, "b", 0}},
    {"an open data offset is rounded to 4 KiB",
     "a,data,fat,,0x1001,\nb,data,phy,,0x1000,",
     1,
     {1, 1, 0xB000, 0x1000, "b", 0}},
    {"a negative size reaches an address", "a,data,nvs,0x9000,-0x10000,", 0, {1, 2, 0x9000, 0x7000, "a", 0}},
    {"a negative size in M", "a,app,ota_0,0x10000,-2M,", 0, {0, 0x10, 0x10000, 2 * MB - 0x10000, "a", 0}},
    {"an empty subtype is undefined", "a,data,,0x9000,0x1000,", 0, {1, 6, 0x9000, 0x1000, "a", 0}},
    {"of an own type as well", "a,0x40,,0x9000,0x1000,", 0, {0x40, 6, 0x9000, 0x1000, "a", 0}},
    {"data sizes are not checked", "a,data,fat,0x9000,0x1001,", 0, {1, 0x81, 0x9000, 0x1001, "a", 0}},
    {"app sizes need 4 KiB alone", "a,app,ota_0,0x10000,0x1A9000,", 0, {0, 0x10, 0x10000, 0x1A9000, "a", 0}},
    {"a long label is cut",
     "seventeen_letters,data,fat,0x9000,0x1000,",
     0,
     {1, 0x81, 0x9000, 0x1000, "seventeen_letter", 0}},
    {"a label of sixteen stays whole",
     "sixteen_letters_,data,fat,0x9000,0x1000,",
     0,
     {1, 0x81, 0x9000, 0x1000, "sixteen_letters_", 0}},
    {"a small nvs may be readonly", "a,data,nvs,0x9000,0x1000,readonly", 0, {1, 2, 0x9000, 0x1000, "a", 2}},
    {"the last ota slot", "a,app,ota_15,0x10000,0x1000,", 0, {0, 0x1F, 0x10000, 0x1000, "a", 0}},
    {"test app", "a,app,test,0x10000,0x1000,", 0, {0, 0x20, 0x10000, 0x1000, "a", 0}},
    {"the end of flash is reached, not passed",
     "a,data,fat,0x9000,0x3F7000,",
     0,
     {1, 0x81, 0x9000, 0x3F7000, "a", 0}},
    {"the table's own region",
     "t,partition_table,primary,,,\na,data,fat,,0x1000,",
     0,
     {3, 0, 0x8000, 0x1000, "t", 0}},
    {"the bootloader's own region",
     "b,bootloader,primary,0x1000,,\na,data,fat,,0x1000,",
     0,
     {2, 0, 0x1000, 0x7000, "b", 0}},
    {"primaries take no part in the order",
     "a,data,fat,,0x1000,\nb,bootloader,primary,0,0x8000,",
     1,
     {2, 0, 0, 0x8000, "b", 0}},
};

static void the_grammar_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        const struct accepted *c = &accepted[i];
        struct partition_list list;
        struct error err = {0};
        if (parse(c->csv, &list, &err) != 0)
            print_error("%s: %s\n", c->what, err.text);
        assert_string_equal(err.text, "");
        const struct ot_partition *p = &list.items[c->index];
        assert_int_equal(p->type, c->is.type);
        assert_int_equal(p->subtype, c->is.subtype);
        assert_int_equal(p->offset, c->is.offset);
        assert_int_equal(p->size, c->is.size);
        assert_int_equal(p->flags, c->is.flags);
        assert_string_equal(p->label, c->is.label);
    }
}

struct refused {
    const char *csv;
    const char *message; /* how it begins */
};

static const struct refused refused[] = {
    {"", "t.csv: no partition in it"},
    {"# nothing\n", "t.csv: no partition in it"},
    {"a,data,nvs,0x9000,,", "t.csv:1: the size is empty"},
    {"a,,nvs,0x9000,0x4000,", "t.csv:1: the type is empty"},
    {",data,nvs,0x9000,0x4000,", "t.csv:1: the name is empty"},
    {"a,app,,0x10000,0x1000,", "t.csv:1: the subtype of an app partition is empty"},
    {"a,dato,nvs,0x9000,0x4000,", "t.csv:1: unknown type \"dato\""},
    {"a,255,nvs,0x9000,0x4000,", "t.csv:1: unknown type \"255\""},
    {"a,data,nvss,0x9000,0x4000,", "t.csv:1: unknown subtype \"nvss\""},
    {"a,app,ota_16,0x10000,0x4000,", "t.csv:1: unknown subtype \"ota_16\""},
    {"a,data,ota_0,0x9000,0x4000,", "t.csv:1: unknown subtype \"ota_0\""},
    {"\na,data,nvs,0x9z,0x4000,", "t.csv:2: malformed offset \"0x9z\""},
    {"a,data,nvs,-0x9000,0x4000,", "t.csv:1: malformed offset \"-0x9000\""},
    {"a,data,nvs,0x9000,4KK,", "t.csv:1: malformed size \"4KK\""},
    {"a,data,nvs,0x9000,99999999999999999999,", "t.csv:1: malformed size"},
    {"a,data,nvs,0x9000,0x4000,hidden", "t.csv:1: unknown flag \"hidden\""},
    {"a,app,ota_0,0x11000,0x1000,", "t.csv:1: a: offset 0x11000 is not a multiple of 0x10000"},
    {"a,data,nvs,0x9100,0x4000,", "t.csv:1: a: offset 0x9100 is not a multiple of 0x1000"},
    {"a,app,ota_0,0x10000,0x1800,", "t.csv:1: a: app size 0x1800 is not a multiple of 0x1000"},
    {"a,data,nvs,0x9000,0x4000,\nb,data,phy,0xC000,0x1000,", "t.csv:2: b: offset 0xc000 is below 0xd000"},
    {"a,app,ota_0,0x100000,1M,\nb,data,phy,0x9000,0x1000,", "t.csv:2: b: offset 0x9000 is below 0x200000"},
    {"a,data,nvs,0x8000,0x4000,", "t.csv:1: a: offset 0x8000 is below 0x9000"},
    {"a,data,nvs,0,0x4000,", "t.csv:1: a: offset 0x0 is below 0x9000"},
    {"a,data,nvs,0x9000,-0x8000,", "t.csv:1: a: the address it should reach lies below its offset 0x9000"},
    {"a,data,nvs,0x9000,0x4000,\na,data,phy,,0x1000,", "t.csv:2: a: the name stands in line 1 already"},
    {"a,data,ota,,0x2000,\nb,data,ota,,0x2000,", "t.csv:2: b: a second otadata; the first is in line 1"},
    {"a,data,ota,,0x1000,", "t.csv:1: a: otadata must be 0x2000 bytes, not 0x1000"},
    {"a,data,ota,,0x3000,", "t.csv:1: a: otadata must be 0x2000 bytes, not 0x3000"},
    {"a,data,tee_ota,,0x1000,", "t.csv:1: a: otadata must be 0x2000 bytes, not 0x1000"},
    {"a,data,ota,,0x2000,readonly", "t.csv:1: a: cannot be readonly"},
    {"a,data,coredump,,0x2000,readonly", "t.csv:1: a: cannot be readonly"},
    {"a,data,nvs,,0x2000,", "t.csv:1: a: nvs below 0x3000 bytes must be readonly"},
    {"a,data,fat,0x9000,0x3F8000,", "t.csv:1: a: ends at 0x401000, the flash at 0x400000"},
    {"t,partition_table,primary,0x9000,0x1000,", "t.csv:1: t: the partition table lies at 0x8000"},
    {"b,bootloader,primary,,,", "t.csv:1: b: the offset of the primary bootloader"},
    {"b,bootloader,primary,0x1000,0x8000,", "t.csv:1: b: the bootloader must end"},
    {"a,data,nvs,$OTARIA_NO_SUCH_VARIABLE,0x4000,", "t.csv:1: unknown environment variable"},
};

static void every_rule_refuses_with_line_and_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct partition_list list;
        struct error err = {0};
        int result = parse(refused[i].csv, &list, &err);
        if (result == 0 || strncmp(err.text, refused[i].message, strlen(refused[i].message)) != 0)
            print_error("%s: \"%s\"\n", refused[i].csv, err.text);
        assert_int_equal(result, -1);
        assert_memory_equal(err.text, refused[i].message, strlen(refused[i].message));
    }
}

static void environment_variables_are_expanded(void **state)
{
    (void)state;
    struct partition_list list;
    struct error err = {0};
    setenv("OTARIA_TEST_SIZE", "0x5000", 1);
    assert_int_equal(
        parse("a,data,nvs,0x9000,$OTARIA_TEST_SIZE,\nb,data,phy,,${OTARIA_TEST_SIZE},", &list, &err), 0);
    assert_int_equal(list.items[0].size, 0x5000);
    assert_int_equal(list.items[1].size, 0x5000);
    unsetenv("OTARIA_TEST_SIZE");
}

static void another_table_offset_moves_the_first_free_byte(void **state)
{
    (void)state;
    struct partition_list list;
    struct error err = {0};
    const struct partition_rules rules = {.flash_bytes = 4 * MB, .table_offset = 0x10000};
    static const char open[] = "a,data,nvs,,0x4000,", low[] = "a,data,nvs,0x9000,0x4000,";
    assert_int_equal(partition_csv_parse(open, strlen(open), "t", &rules, &list, &err), 0);
    assert_int_equal(list.items[0].offset, 0x11000);
    assert_int_equal(partition_csv_parse(low, strlen(low), "t", &rules, &list, &err), -1);
}

static char *many(unsigned count)
{
    char *text = malloc((size_t)count * 40 + 1);
    size_t at = 0;
    assert_non_null(text);
    for (unsigned i = 0; i < count; i++)
        at += (size_t)sprintf(text + at, "p%u,0x40,0,,0x1000,\n", i);
    return text;
}

static void ninety_four_partitions_fit_and_ninety_five_do_not(void **state)
{
    (void)state;
    struct partition_list list;
    struct error err = {0};
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    char *text = many(94);
    assert_int_equal(parse(text, &list, &err), 0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    assert_int_equal(ot_table_parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(count, 94);
    free(text);
    text = many(95);
    assert_int_equal(parse(text, &list, &err), -1);
    assert_string_equal(err.text, "t.csv:95: more than the 94 partitions a table holds");
    free(text);
}

static void overlong_lines_and_nul_bytes_are_refused(void **state)
{
    (void)state;
    struct partition_list list;
    struct error err = {0};
    static char text[2000];
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(parse(text, &list, &err), -1);
    assert_string_equal(err.text, "t.csv:1: the line is too long");
    assert_int_equal(partition_csv_parse("a\0b", 3, "t.csv", &rules_4mb, &list, &err), -1);
    assert_non_null(strstr(err.text, "NUL"));
}

/* --- files of either kind --- */

static void binary_and_csv_are_told_apart(void **state)
{
    (void)state;
    struct temp_dir dir;
    struct error err = {0};
    struct partition_list list;
    uint8_t table[OT_TABLE_BYTES], again[OT_TABLE_BYTES];
    uint32_t count = 0;
    temp_dir_make(&dir);
    const char *path = temp_path(&dir, "t");
    assert_int_equal(parse(stock_csv, &list, &err), 0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    assert_int_equal(file_write_atomic(path, table, sizeof table, 0600, &err), 0);
    assert_int_equal(partition_table_load(path, &rules_4mb, again, &count, &err), 0);
    assert_int_equal(count, 6);
    assert_memory_equal(table, again, sizeof table);
    assert_int_equal(file_write_atomic(path, stock_csv, strlen(stock_csv), 0600, &err), 0);
    assert_int_equal(partition_table_load(path, &rules_4mb, again, &count, &err), 0);
    assert_memory_equal(table, again, sizeof table);
    table[40] ^= 1;
    assert_int_equal(file_write_atomic(path, table, sizeof table, 0600, &err), 0);
    assert_int_equal(partition_table_load(path, &rules_4mb, again, &count, &err), -1);
    assert_non_null(strstr(err.text, ot_status_text(OT_E_TABLE_MD5)));
    temp_dir_remove(&dir);
}

static void the_recommended_tables_are_good(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint32_t flash_mb, slot_bytes;
    } tables[] = {
        {"otaria-4mb.csv", 4, 0x1E0000}, {"otaria-8mb.csv", 8, 0x300000}, {"otaria-16mb.csv", 16, 0x600000}};
    for (size_t i = 0; i < COUNT(tables); i++) {
        char path[500];
        struct error err = {0};
        struct partition_rules rules = {.flash_bytes = tables[i].flash_mb * MB};
        struct ot_table_judgement found;
        uint8_t table[OT_TABLE_BYTES];
        uint32_t count;
        snprintf(path, sizeof path, "%s/packaging/partitions/%s", OTARIA_SOURCE_DIR, tables[i].file);
        assert_int_equal(partition_table_load(path, &rules, table, &count, &err), 0);
        assert_int_equal(ot_table_judge(table, count, &found), OT_OK);
        assert_true(found.factory_nvs && found.no_factory_app);
        assert_int_equal(found.slot_bytes, tables[i].slot_bytes);
        rules.flash_bytes /= 2;
        assert_int_equal(partition_table_load(path, &rules, table, &count, &err), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stock_table_is_built_byte_for_byte),
        cmocka_unit_test(the_grammar_is_accepted),
        cmocka_unit_test(every_rule_refuses_with_line_and_cause),
        cmocka_unit_test(environment_variables_are_expanded),
        cmocka_unit_test(another_table_offset_moves_the_first_free_byte),
        cmocka_unit_test(ninety_four_partitions_fit_and_ninety_five_do_not),
        cmocka_unit_test(overlong_lines_and_nul_bytes_are_refused),
        cmocka_unit_test(binary_and_csv_are_told_apart),
        cmocka_unit_test(the_recommended_tables_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
