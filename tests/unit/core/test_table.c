/* Partition tables as bootloaders read them: the stock table byte for byte, every refusal, what an update needs. */
#include "otaria/bytes.h"
#include "otaria/partition.h"
#include "stock_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MB       0x100000u

enum { STOCK_ENTRIES = 6, RECORD = 32 };

static void stock(uint8_t table[OT_TABLE_BYTES])
{
    memset(table, 0xFF, OT_TABLE_BYTES);
    for (size_t i = 0; i < sizeof stock_table_hex / 2; i++) {
        char pair[3] = {stock_table_hex[2 * i], stock_table_hex[2 * i + 1], '\0'};
        table[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void put_entry(uint8_t *table, unsigned index, uint8_t type, uint8_t subtype, uint32_t offset,
                      uint32_t size, const char *label)
{
    uint8_t *r = table + index * RECORD;
    memset(r, 0, RECORD);
    r[0] = 0xAA;
    r[1] = 0x50;
    r[2] = type;
    r[3] = subtype;
    ot_store32(r + 4, offset);
    ot_store32(r + 8, size);
    memcpy(r + 12, label, strlen(label) < 16 ? strlen(label) : 16);
}

static void put_md5(uint8_t *table, unsigned index)
{
    uint8_t *r = table + index * RECORD;
    memset(r, 0xFF, RECORD);
    r[0] = r[1] = 0xEB;
    ot_md5(table, index * RECORD, r + 16);
}

static enum ot_status parse(const uint8_t *table, uint32_t flash_bytes, uint32_t *count)
{
    return ot_table_parse(table, flash_bytes, count);
}

static void md5_is_md5(void **state)
{
    (void)state;
    static const struct {
        const char *text, *md5;
    } cases[] = {{"", "d41d8cd98f00b204e9800998ecf8427e"},
                 {"a", "0cc175b9c0f1b6a831c399e269772661"},
                 {"abc", "900150983cd24fb0d6963f7d28e17f72"},
                 {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
                 {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                  "d174ab98d277d9f5a5611c2c9f419d9f"},
                 {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                  "57edf4a22be3c955ac49da2e2107b67a"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t md5[16];
        char text[33];
        ot_md5((const uint8_t *)cases[i].text, (uint32_t)strlen(cases[i].text), md5);
        for (size_t j = 0; j < 16; j++)
            snprintf(text + 2 * j, 3, "%02x", md5[j]);
        assert_string_equal(text, cases[i].md5);
    }
}

static void the_stock_table_is_read_entry_by_entry(void **state)
{
    (void)state;
    static const struct ot_partition expected[STOCK_ENTRIES] = {
        {1, 2, 0x9000, 0x4000, "nvs", 0},      {1, 0, 0xD000, 0x2000, "otadata", 0},
        {1, 1, 0xF000, 0x1000, "phy_init", 0}, {0, 0, 0x10000, MB, "factory", 0},
        {0, 0x10, 0x110000, MB, "ota_0", 0},   {0, 0x11, 0x210000, MB, "ota_1", 0},
    };
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    stock(table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(count, STOCK_ENTRIES);
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition p = ot_table_entry(table, i);
        assert_int_equal(p.type, expected[i].type);
        assert_int_equal(p.subtype, expected[i].subtype);
        assert_int_equal(p.offset, expected[i].offset);
        assert_int_equal(p.size, expected[i].size);
        assert_int_equal(p.flags, expected[i].flags);
        assert_string_equal(p.label, expected[i].label);
    }
}

static void every_changed_byte_of_the_stock_table_is_refused_by_its_md5_or_magic(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    for (size_t i = 0; i < (STOCK_ENTRIES + 1) * RECORD; i++) {
        stock(table);
        table[i] ^= 0x01;
        enum ot_status st = parse(table, 4 * MB, &count);
        bool filler = i >= STOCK_ENTRIES * RECORD + 2 && i < STOCK_ENTRIES * RECORD + 16;
        assert_true(filler ? st == OT_OK : st != OT_OK); /* the MD5 record's filler is covered by nothing */
    }
}

static void a_partition_must_end_inside_the_flash(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    stock(table);
    assert_int_equal(parse(table, 0x310000, &count), OT_OK);
    assert_int_equal(parse(table, 0x310000 - 1, &count), OT_E_TABLE_BOUNDS);
    assert_int_equal(parse(table, 2 * MB, &count), OT_E_TABLE_BOUNDS);
    memset(table, 0xFF, sizeof table);
    put_entry(table, 0, 1, 2, 0xFFFFF000, 0x2000, "wraps");
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_BOUNDS);
    put_entry(table, 0, 1, 2, 0x9000, 0xFFFFFFFF, "wraps");
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_BOUNDS);
    put_entry(table, 0, 1, 2, 4 * MB, 0, "at the end");
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
}

static void refusals_name_their_cause(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    memset(table, 0xFF, sizeof table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_EMPTY); /* first record is the end */
    stock(table);
    table[2 * RECORD] = 0xAB;
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_MAGIC);
    memset(table, 0, sizeof table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_MAGIC);
    stock(table);
    put_md5(table, STOCK_ENTRIES + 1);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_MD5); /* a second one, right or wrong */
    stock(table);
    memset(table + STOCK_ENTRIES * RECORD + 16, 0, 16);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_MD5);
    assert_int_equal(count, 0);
}

static void the_md5_record_may_be_absent(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    stock(table);
    memset(table + STOCK_ENTRIES * RECORD, 0xFF, RECORD);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(count, STOCK_ENTRIES);
}

static void only_an_md5_record_is_an_empty_table(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    memset(table, 0xFF, sizeof table);
    put_md5(table, 0);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_EMPTY);
}

static void fill(uint8_t *table, unsigned entries)
{
    memset(table, 0xFF, OT_TABLE_BYTES);
    for (unsigned i = 0; i < entries; i++) {
        char label[17];
        snprintf(label, sizeof label, "data%u", i);
        put_entry(table, i, 0x40, 0, 0x10000 + i * 0x1000, 0x1000, label);
    }
}

static void ninety_four_entries_with_md5_or_ninety_five_without_are_the_limit(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    fill(table, 94);
    put_md5(table, 94);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(count, 94);
    assert_int_equal(ot_table_entry(table, 93).offset, 0x10000 + 93 * 0x1000);
    fill(table, 95);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(count, 95);
    fill(table, 95);
    put_md5(table, 95);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_END); /* no room for the end marker */
    fill(table, 96);
    assert_int_equal(parse(table, 4 * MB, &count), OT_E_TABLE_END);
}

static void a_label_of_sixteen_characters_needs_no_nul(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    struct ot_partition p;
    memset(table, 0xFF, sizeof table);
    put_entry(table, 0, 1, 6, 0x9000, 0x1000, "sixteen_letters_");
    ot_store32(table + 28, OT_PARTITION_ENCRYPTED | OT_PARTITION_READONLY);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(ot_table_find_label(table, count, "sixteen_letters_", &p), OT_OK);
    assert_string_equal(p.label, "sixteen_letters_");
    assert_int_equal(p.flags, 3);
    assert_int_equal(ot_table_find_label(table, count, "sixteen", &p), OT_E_NOT_FOUND);
}

static void partitions_are_found_by_type_and_by_label(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    struct ot_partition p;
    stock(table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(ot_table_find(table, count, OT_PART_APP, OT_APP_OTA_0, &p), OT_OK);
    assert_string_equal(p.label, "ota_0");
    assert_int_equal(ot_table_find(table, count, OT_PART_DATA, OT_DATA_NVS_KEYS, &p), OT_E_NOT_FOUND);
    assert_int_equal(ot_table_find_label(table, count, "nvs", &p), OT_OK);
    assert_int_equal(p.offset, 0x9000);
    assert_int_equal(ot_table_find_label(table, count, "fctry", &p), OT_E_NOT_FOUND);
}

static void slots_are_counted_as_bootloader_and_app_count_them(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    struct ot_slots s;
    stock(table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    ot_table_slots(table, count, &s);
    assert_true(s.has_factory && s.has_otadata && !s.has_test);
    assert_int_equal(s.ota_count, 2);
    assert_int_equal(s.contiguous, 2);
    assert_int_equal(ot_slots_partition(&s, 1)->offset, 0x210000);
    assert_int_equal(ot_slots_partition(&s, OT_SLOT_FACTORY)->offset, 0x10000);
    assert_null(ot_slots_partition(&s, 2));
    assert_null(ot_slots_partition(&s, OT_SLOT_TEST));
    assert_null(ot_slots_partition(&s, OT_SLOT_NONE));
    table[5 * RECORD + 3] = 0x12; /* ota_1 becomes ota_2: a gap */
    ot_table_slots(table, count, &s);
    assert_int_equal(s.ota_count, 2);
    assert_int_equal(s.contiguous, 1);
    assert_null(ot_slots_partition(&s, 1));
}

static void slot_names_go_both_ways(void **state)
{
    (void)state;
    char buf[8];
    for (int slot = OT_SLOT_FACTORY; slot <= OT_SLOT_TEST; slot++)
        assert_int_equal(ot_slot_from_name(ot_slot_name(slot, buf)), slot);
    assert_string_equal(ot_slot_name(15, buf), "ota_15");
    assert_string_equal(ot_slot_name(OT_SLOT_NONE, buf), "none");
    assert_int_equal(ot_slot_from_name("ota_16"), OT_SLOT_NONE);
    assert_int_equal(ot_slot_from_name("ota_"), OT_SLOT_NONE);
    assert_int_equal(ot_slot_from_name("ota_01"), OT_SLOT_NONE);
    assert_int_equal(ot_slot_from_name(""), OT_SLOT_NONE);
}

/* --- judging --- */

struct judged {
    const char *what;
    uint32_t otadata_size, ota_0, size_0, ota_1, size_1;
    uint8_t second_subtype;
    enum ot_status verdict;
};

static const struct judged judged[] = {
    {"recommended", 0x2000, 0x20000, 0x1E0000, 0x200000, 0x1E0000, 0x11, OT_OK},
    {"otadata too small", 0x1000, 0x20000, 0x1E0000, 0x200000, 0x1E0000, 0x11, OT_E_TABLE_OTADATA},
    {"otadata too large", 0x3000, 0x20000, 0x1E0000, 0x200000, 0x1E0000, 0x11, OT_E_TABLE_OTADATA},
    {"unequal slots", 0x2000, 0x20000, 0x1E0000, 0x200000, 0x1D0000, 0x11, OT_E_TABLE_SLOTS},
    {"a gap in the slots", 0x2000, 0x20000, 0x1E0000, 0x200000, 0x1E0000, 0x12, OT_E_TABLE_SLOTS},
    {"one slot", 0x2000, 0x20000, 0x1E0000, 0x200000, 0x1E0000, 0x20, OT_E_TABLE_SLOTS},
    {"unaligned slot", 0x2000, 0x21000, 0x1D0000, 0x200000, 0x1D0000, 0x11, OT_E_TABLE_SLOTS},
    {"empty slots", 0x2000, 0x20000, 0, 0x200000, 0, 0x11, OT_E_TABLE_SLOTS},
    {"overlapping slots", 0x2000, 0x20000, 0x1F0000, 0x200000, 0x1F0000, 0x11, OT_E_TABLE_OVERLAP},
};

static void a_table_is_judged_by_slots_otadata_and_overlap(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(judged); i++) {
        const struct judged *j = &judged[i];
        uint8_t table[OT_TABLE_BYTES];
        uint32_t count;
        struct ot_table_judgement found;
        memset(table, 0xFF, sizeof table);
        put_entry(table, 0, 1, OT_DATA_NVS, 0x9000, 0x3000, "nvs");
        put_entry(table, 1, 1, OT_DATA_OTADATA, 0xC000, j->otadata_size, "otadata");
        put_entry(table, 2, 0, OT_APP_OTA_0, j->ota_0, j->size_0, "ota_0");
        put_entry(table, 3, 0, j->second_subtype, j->ota_1, j->size_1, "ota_1");
        assert_int_equal(parse(table, 16 * MB, &count), OT_OK);
        enum ot_status verdict = ot_table_judge(table, count, &found);
        if (verdict != j->verdict)
            print_error("%s\n", j->what);
        assert_int_equal(verdict, j->verdict);
        assert_int_equal(found.no_overlap, j->verdict != OT_E_TABLE_OVERLAP);
        assert_false(found.factory_nvs);
        assert_true(found.no_factory_app);
    }
}

static void the_stock_table_can_be_updated_but_lacks_factory_nvs(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count;
    struct ot_table_judgement found;
    stock(table);
    assert_int_equal(parse(table, 4 * MB, &count), OT_OK);
    assert_int_equal(ot_table_judge(table, count, &found), OT_OK);
    assert_false(found.factory_nvs);
    assert_false(found.no_factory_app);
    assert_int_equal(found.slot_bytes, MB);
}

static void a_table_without_otadata_cannot_be_updated(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    struct ot_table_judgement found;
    stock(table);
    table[RECORD + 3] = OT_DATA_PHY;
    assert_int_equal(ot_table_judge(table, STOCK_ENTRIES, &found), OT_E_TABLE_OTADATA);
    assert_false(found.otadata_ok);
}

static void factory_nvs_is_an_nvs_partition_of_that_label(void **state)
{
    (void)state;
    uint8_t table[OT_TABLE_BYTES];
    struct ot_table_judgement found;
    stock(table);
    put_entry(table, 2, 1, OT_DATA_NVS, 0xF000, 0x1000, "fctry");
    assert_int_equal(ot_table_judge(table, STOCK_ENTRIES, &found), OT_OK);
    assert_true(found.factory_nvs);
    put_entry(table, 2, 1, OT_DATA_PHY, 0xF000, 0x1000, "fctry");
    assert_int_equal(ot_table_judge(table, STOCK_ENTRIES, &found), OT_OK);
    assert_false(found.factory_nvs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md5_is_md5),
        cmocka_unit_test(the_stock_table_is_read_entry_by_entry),
        cmocka_unit_test(every_changed_byte_of_the_stock_table_is_refused_by_its_md5_or_magic),
        cmocka_unit_test(a_partition_must_end_inside_the_flash),
        cmocka_unit_test(refusals_name_their_cause),
        cmocka_unit_test(the_md5_record_may_be_absent),
        cmocka_unit_test(only_an_md5_record_is_an_empty_table),
        cmocka_unit_test(ninety_four_entries_with_md5_or_ninety_five_without_are_the_limit),
        cmocka_unit_test(a_label_of_sixteen_characters_needs_no_nul),
        cmocka_unit_test(partitions_are_found_by_type_and_by_label),
        cmocka_unit_test(slots_are_counted_as_bootloader_and_app_count_them),
        cmocka_unit_test(slot_names_go_both_ways),
        cmocka_unit_test(a_table_is_judged_by_slots_otadata_and_overlap),
        cmocka_unit_test(the_stock_table_can_be_updated_but_lacks_factory_nvs),
        cmocka_unit_test(a_table_without_otadata_cannot_be_updated),
        cmocka_unit_test(factory_nvs_is_an_nvs_partition_of_that_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
