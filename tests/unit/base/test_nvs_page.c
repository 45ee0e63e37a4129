/* NVS pages: byte for byte what Espressif's generator makes, and reading that believes nothing. */
#include "base/nvs_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* docs/formats.md "Factory data": offset, then bytes; everything else of the page is FF. Keys are NUL padded. */
static const struct {
    unsigned at;
    const char *hex;
} vendor_page[] = {
    {0x000, "feffffff00000000fe"},
    {0x01C, "842dbab9"},
    {0x020, "aaaafeff"},
    {0x040, "000101ff437cb40b6f746172696100000000000000000000"
            "01ffffffffffffff"},
    {0x060, "012102ff151161f16465766963655f696400000000000000"
            "0900ffff74d0cde1"},
    {0x080, "6465762d3030303100"},
    {0x0A0, "010101ffc1a1496f68775f72657600000000000000000000"
            "03ffffffffffffff"},
    {0x0C0, "010401fff4899dbe73657269616c00000000000000000000"
            "78563412ffffffff"},
    {0x0E0, "011401ffaa6d793d626f6f745f6374720000000000000000"
            "fbffffffffffffff"},
    {0x100, "0142020046cf652b626c6f62310000000000000000000000"
            "1000ffff31c14397"},
    {0x120, "00112233445566778899aabbccddeeff"},
    {0x140, "014801ff190e329f626c6f62310000000000000000000000"
            "100000000100ffff"},
};

static void make_vendor_page(uint8_t page[NVS_PAGE_BYTES])
{
    memset(page, 0xFF, NVS_PAGE_BYTES);
    for (size_t i = 0; i < sizeof vendor_page / sizeof vendor_page[0]; i++) {
        const char *hex = vendor_page[i].hex;
        for (size_t j = 0; hex[2 * j] != '\0'; j++) {
            char pair[3] = {hex[2 * j], hex[2 * j + 1], '\0'};
            page[vendor_page[i].at + j] = (uint8_t)strtoul(pair, NULL, 16);
        }
    }
}

static const uint8_t blob[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};

static void write_ours(struct nvs_page *page)
{
    nvs_page_start(page, "otaria");
    assert_int_equal(nvs_page_put_string(page, "device_id", "dev-0001"), 0);
    assert_int_equal(nvs_page_put_u8(page, "hw_rev", 3), 0);
    assert_int_equal(nvs_page_put_u32(page, "serial", 0x12345678), 0);
    assert_int_equal(nvs_page_put_i32(page, "boot_ctr", -5), 0);
    assert_int_equal(nvs_page_put_blob(page, "blob1", blob, sizeof blob), 0);
}

static void a_page_is_the_vendors_byte_for_byte(void **state)
{
    (void)state;
    struct nvs_page page;
    uint8_t vendor[NVS_PAGE_BYTES];
    write_ours(&page);
    make_vendor_page(vendor);
    assert_memory_equal(page.bytes, vendor, sizeof vendor);
}

static void the_vendors_page_is_read(void **state)
{
    (void)state;
    uint8_t page[NVS_PAGE_BYTES], n = 0, bytes[64];
    char text[32];
    size_t len = 0;
    make_vendor_page(page);
    assert_true(nvs_page_valid(page));
    assert_int_equal(nvs_page_get_string(page, "otaria", "device_id", text, sizeof text), 0);
    assert_string_equal(text, "dev-0001");
    assert_int_equal(nvs_page_get_u8(page, "otaria", "hw_rev", &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(nvs_page_get_blob(page, "otaria", "blob1", bytes, sizeof bytes, &len), 0);
    assert_int_equal(len, sizeof blob);
    assert_memory_equal(bytes, blob, sizeof blob);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    uint8_t page[NVS_PAGE_BYTES], n;
    char text[32], tiny[8];
    make_vendor_page(page);
    assert_int_equal(nvs_page_get_u8(page, "otaria", "absent", &n), -1);
    assert_int_equal(nvs_page_get_u8(page, "other", "hw_rev", &n), -1);
    assert_int_equal(nvs_page_get_u8(page, "otaria", "serial", &n), -1); /* another type */
    assert_int_equal(nvs_page_get_string(page, "otaria", "hw_rev", text, sizeof text), -1);
    assert_int_equal(nvs_page_get_string(page, "otaria", "device_id", tiny, sizeof tiny), -1); /* 9 bytes */
}

static void damage_is_noticed(void **state)
{
    (void)state;
    uint8_t page[NVS_PAGE_BYTES];
    char text[32];
    static const unsigned where[] = {0x00, 0x08, 0x1C, 0x05, 0x60, 0x61, 0x62,
                                     0x64, 0x68, 0x78, 0x7C, 0x80, 0x88};
    for (size_t i = 0; i < sizeof where / sizeof where[0]; i++) {
        make_vendor_page(page);
        page[where[i]] ^= 0x10;
        assert_int_equal(nvs_page_get_string(page, "otaria", "device_id", text, sizeof text), -1);
    }
    memset(page, 0xFF, sizeof page);
    assert_false(nvs_page_valid(page));
    memset(page, 0, sizeof page);
    assert_false(nvs_page_valid(page));
}

static void any_single_flipped_bit_is_read_without_harm(void **state)
{
    (void)state;
    uint8_t *page = malloc(NVS_PAGE_BYTES), bytes[64], n; /* heap: the sanitizer watches its end */
    size_t len;
    char text[16];
    assert_non_null(page);
    for (unsigned bit = 0; bit < 0x160 * 8; bit++) {
        make_vendor_page(page);
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)nvs_page_get_string(page, "otaria", "device_id", text, sizeof text);
        (void)nvs_page_get_u8(page, "otaria", "hw_rev", &n);
        if (nvs_page_get_blob(page, "otaria", "blob1", bytes, sizeof bytes, &len) == 0)
            assert_memory_equal(bytes, blob, sizeof blob);
    }
    free(page);
}

static void a_full_page_refuses_and_stays_readable(void **state)
{
    (void)state;
    struct nvs_page page;
    uint8_t keys[128], n = 0;
    unsigned stored = 0;
    char key[16];
    memset(keys, 7, sizeof keys);
    nvs_page_start(&page, "otaria");
    while (snprintf(key, sizeof key, "k%u", stored) > 0 && nvs_page_put_u8(&page, key, 1) == 0)
        stored++;
    assert_int_equal(stored, 125); /* 126 entries less the namespace */
    assert_int_equal(nvs_page_put_blob(&page, "trust", keys, sizeof keys), -1);
    assert_int_equal(nvs_page_get_u8(page.bytes, "otaria", "k124", &n), 0);
}

static void keys_and_payloads_that_are_too_long_are_refused(void **state)
{
    (void)state;
    struct nvs_page page;
    static char text[4100];
    static uint8_t bytes[4100];
    memset(text, 'x', sizeof text - 1);
    nvs_page_start(&page, "otaria");
    assert_int_equal(nvs_page_put_u8(&page, "sixteen_letters_", 1), -1);
    assert_int_equal(nvs_page_put_u8(&page, "fifteen_letters", 1), 0);
    assert_int_equal(nvs_page_put_string(&page, "s", text), -1);
    assert_int_equal(nvs_page_put_blob(&page, "b", bytes, sizeof bytes), -1);
    assert_int_equal(nvs_page_put_blob(&page, "b", bytes, 0), -1);
    assert_int_equal(page.used, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_the_vendors_byte_for_byte),
        cmocka_unit_test(the_vendors_page_is_read),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(any_single_flipped_bit_is_read_without_harm),
        cmocka_unit_test(a_full_page_refuses_and_stays_readable),
        cmocka_unit_test(keys_and_payloads_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
