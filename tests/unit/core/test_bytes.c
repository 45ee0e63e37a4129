/* Byte order and the two uses of CRC-32. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "otaria/bytes.h"

#include <string.h>

static void crc_of_the_check_string_is_the_ieee_value(void **state)
{
    (void)state;
    assert_int_equal(ot_crc32(0, (const uint8_t *)"123456789", 9), 0xCBF43926u);
}

/* Trap 1: otadata starts from the other register and covers 4 bytes. */
static void crc_of_otadata_starts_at_the_inverted_register(void **state)
{
    (void)state;
    const uint8_t seq1[4] = {1, 0, 0, 0}, seq2[4] = {2, 0, 0, 0}, seq3[4] = {3, 0, 0, 0};
    assert_int_equal(ot_crc32(0xFFFFFFFFu, seq1, 4), 0x4743989Au);
    assert_int_equal(ot_crc32(0xFFFFFFFFu, seq2, 4), 0x55F63774u);
    assert_int_equal(ot_crc32(0xFFFFFFFFu, seq3, 4), 0xED4A5011u);
}

static void crc_goes_on_where_it_stopped(void **state)
{
    (void)state;
    const uint8_t *text = (const uint8_t *)"123456789";
    for (size_t split = 0; split <= 9; split++)
        assert_int_equal(ot_crc32(ot_crc32(0, text, split), text + split, 9 - split), 0xCBF43926u);
    assert_int_equal(ot_crc32(0, text, 0), 0);
}

static void loads_and_stores_are_little_endian_at_any_alignment(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t b[16] = {0};
        static const uint8_t wanted[8] = {0xF8, 0xE7, 0xD6, 0xC5, 0xB4, 0xA3, 0x92, 0x81};
        ot_store64(b + shift, 0x8192A3B4C5D6E7F8u);
        assert_memory_equal(b + shift, wanted, 8);
        assert_true(ot_load64(b + shift) == 0x8192A3B4C5D6E7F8u);
        assert_int_equal(ot_load32(b + shift), 0xC5D6E7F8u);
        assert_int_equal(ot_load16(b + shift), 0xE7F8u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_of_the_check_string_is_the_ieee_value),
        cmocka_unit_test(crc_of_otadata_starts_at_the_inverted_register),
        cmocka_unit_test(crc_goes_on_where_it_stopped),
        cmocka_unit_test(loads_and_stores_are_little_endian_at_any_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
