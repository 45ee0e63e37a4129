/* The chips as a table: names, numbers, pages and mapped windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "otaria/chip.h"

#include <string.h>

/* Written out again from docs/formats.md, so that a slip in the table is seen. */
static const struct {
    uint16_t id;
    const char *name;
    uint32_t bootloader;
    bool rsa, ecdsa;
    uint8_t digests, version_bits;
} known[] = {
    {0, "esp32", 0x1000, true, false, 1, 32}, {2, "esp32s2", 0x1000, true, false, 3, 16},
    {5, "esp32c3", 0, true, false, 3, 16},    {9, "esp32s3", 0, true, false, 3, 16},
    {12, "esp32c2", 0, false, true, 1, 4},    {13, "esp32c6", 0, true, true, 3, 16},
    {16, "esp32h2", 0, true, true, 3, 16},    {18, "esp32p4", 0x2000, true, true, 3, 16},
    {20, "esp32c61", 0, false, true, 3, 16},  {23, "esp32c5", 0x2000, true, true, 3, 9},
};
#define KNOWN (sizeof known / sizeof known[0])

static void every_chip_is_found_by_number_and_by_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        const struct ot_chip *chip = ot_chip_by_id(known[i].id);
        assert_non_null(chip);
        assert_ptr_equal(chip, ot_chip_by_name(known[i].name));
        assert_string_equal(chip->name, known[i].name);
        assert_int_equal(chip->bootloader_offset, known[i].bootloader);
        assert_int_equal(chip->signs_rsa3072, known[i].rsa);
        assert_int_equal(chip->signs_ecdsa256, known[i].ecdsa);
        assert_int_equal(chip->key_digest_slots, known[i].digests);
        assert_int_equal(chip->can_revoke, known[i].digests == 3);
        assert_int_equal(chip->secure_version_bits, known[i].version_bits);
        assert_int_equal(chip->mmu_page_default, 0x10000);
    }
}

static void unknown_chips_are_null_and_the_list_ends(void **state)
{
    (void)state;
    unsigned count = 0;
    while (ot_chip_at(count) != NULL)
        count++;
    assert_int_equal(count, KNOWN);
    assert_null(ot_chip_at(0xFFFFFFFFu));
    assert_null(ot_chip_by_id(OT_CHIP_ID_INVALID));
    assert_null(ot_chip_by_id(1));
    assert_null(ot_chip_by_name(""));
    assert_null(ot_chip_by_name("esp32c"));
    assert_null(ot_chip_by_name("ESP32"));
}

/* Trap 10. */
static void page_size_is_selectable_on_four_chips_and_out_of_range_means_the_default(void **state)
{
    (void)state;
    for (unsigned i = 0; ot_chip_at(i) != NULL; i++) {
        const struct ot_chip *chip = ot_chip_at(i);
        bool selects = chip->id == 12 || chip->id == 13 || chip->id == 16 || chip->id == 20;
        uint32_t smallest = chip->id == 12 ? 0x4000 : 0x2000;
        assert_int_equal(chip->has_selectable_page, selects);
        for (unsigned log2 = 0; log2 < 256; log2++) {
            bool is_page = log2 <= 16 && (1u << log2) >= smallest;
            assert_int_equal(ot_chip_page(chip, (uint8_t)log2), selects && is_page ? 1u << log2 : 0x10000u);
        }
    }
}

static void assert_window(uint16_t id, uint32_t page, uint32_t start, uint32_t end)
{
    const struct ot_chip *chip = ot_chip_by_id(id);
    assert_false(ot_chip_maps(chip, page, start - 1));
    assert_true(ot_chip_maps(chip, page, start));
    assert_true(ot_chip_maps(chip, page, end - 1));
    assert_false(ot_chip_maps(chip, page, end));
}

static void mapped_windows_are_those_of_the_chips(void **state)
{
    (void)state;
    assert_window(0, 0x10000, 0x3F400000, 0x3F800000);
    assert_window(0, 0x10000, 0x400D0000, 0x40400000);
    assert_window(2, 0x10000, 0x3F000000, 0x3FF80000);
    assert_window(2, 0x10000, 0x40080000, 0x40800000);
    assert_window(5, 0x10000, 0x3C000000, 0x3C800000);
    assert_window(5, 0x10000, 0x42000000, 0x42800000);
    assert_window(9, 0x10000, 0x3C000000, 0x3E000000);
    assert_window(9, 0x10000, 0x42000000, 0x44000000);
    assert_window(12, 0x10000, 0x3C000000, 0x3C400000);
    assert_window(12, 0x10000, 0x42000000, 0x42400000);
    assert_window(18, 0x10000, 0x40000000, 0x44000000);
    assert_window(20, 0x10000, 0x42000000, 0x44000000);
    assert_window(20, 0x2000, 0x42000000, 0x44000000);
    assert_window(23, 0x10000, 0x42000000, 0x44000000);
}

static void windows_of_c6_and_h2_are_256_pages_long(void **state)
{
    (void)state;
    for (uint32_t page = 0x2000; page <= 0x10000; page *= 2) {
        assert_window(13, page, 0x42000000, 0x42000000 + 256 * page);
        assert_window(16, page, 0x42000000, 0x42000000 + 256 * page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chip_is_found_by_number_and_by_name),
        cmocka_unit_test(unknown_chips_are_null_and_the_list_ends),
        cmocka_unit_test(page_size_is_selectable_on_four_chips_and_out_of_range_means_the_default),
        cmocka_unit_test(mapped_windows_are_those_of_the_chips),
        cmocka_unit_test(windows_of_c6_and_h2_are_256_pages_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
