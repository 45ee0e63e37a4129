/* Full images compressed: every file comes back exactly, in any chunks; hostile patches are refused by name. */
#include "image_support.h"
#include "otaria/bytes.h"
#include "otaria/delta/codec.h"
#include "tools/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 80000u

static const uint16_t chips[] = {0, 2, 9, 5, 12, 13, 16, 18, 20, 23};
#define CHIPS (sizeof chips / sizeof chips[0])

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint8_t bytes[ROOM];

static struct delta_file file_of(uint32_t size)
{
    return (struct delta_file){.bytes = bytes, .size = size};
}

/* --- the port of a device that has no base --- */

static struct {
    uint8_t bytes[ROOM];
    uint32_t written, fail_at;
} slot;

static enum ot_status slot_write(void *ctx, uint32_t offset, const uint8_t *from, uint32_t len)
{
    (void)ctx;
    assert_int_equal(offset, slot.written);
    assert_true(offset + len <= ROOM);
    if (offset >= slot.fail_at)
        return OT_E_FLASH_WRITE;
    memcpy(slot.bytes + offset, from, len);
    slot.written += len;
    return OT_OK;
}

static enum ot_status slot_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    (void)ctx;
    assert_true(offset + len <= slot.written);
    memcpy(buf, slot.bytes + offset, len);
    return OT_OK;
}

static enum ot_status decode(const uint8_t *patch, uint32_t size, uint32_t chunk, uint32_t room)
{
    static struct ot_delta d;
    uint8_t sector[OT_DELTA_SECTOR_BYTES];
    struct ot_delta_io io = {
        .written = {.size = room, .read = slot_read}, .target_max = room, .write = slot_write};
    enum ot_status st = OT_OK;
    slot.written = 0;
    ot_delta_start(&d, &io, sector);
    for (uint32_t at = 0; at < size && st == OT_OK; at += chunk)
        st = ot_delta_feed(&d, patch + at, chunk < size - at ? chunk : size - at);
    return st == OT_OK ? ot_delta_finish(&d) : st;
}

static uint32_t there_and_back(uint32_t size, uint8_t *method)
{
    struct delta_file target = file_of(size);
    struct delta_patch patch;
    assert_int_equal(delta_make_full(&target, &patch), OT_OK);
    slot.fail_at = UINT32_MAX;
    assert_int_equal(decode(patch.bytes, patch.size, 1u + draw(700), size), OT_OK);
    assert_int_equal(slot.written, size);
    assert_memory_equal(slot.bytes, bytes, size);
    uint32_t made = patch.size;
    *method = patch.header.method;
    delta_patch_free(&patch);
    return made;
}

/* --- what comes back --- */

/* Calls, loads and pairs of both instruction sets to few targets, among bytes of any kind; `loose` headers may lie. */
static uint32_t make_image(uint16_t chip, bool loose)
{
    struct image_segment_spec segments[] = {{chip == 0 || chip == 2 ? 0x400D0020u : 0x42000020u, 30000},
                                            {chip == 0 || chip == 2 ? 0x40080000u : 0x40380000u, 6002u * 2u}};
    struct image_spec spec = {
        .chip_id = chip, .seed = 1u + draw(1000), .size = 60000, .segments = segments, .segment_count = 2};
    uint32_t size;
    uint8_t *image = image_make(&spec, &size);
    static const uint32_t words[] = {0x00004136, 0x0000F01D, 0x00000025, 0x00000065, 0xFFFF0021,
                                     0x000000EF, 0x0000006F, 0x00000097, 0x000080E7, 0x40080010};
    for (uint32_t i = 500; i + 8 < size - 100u; i += 1u + draw(5)) {
        if (i % 3u != 0)
            ot_store32(image + i, words[draw(10)] + (draw(40) << 16) + (draw(2) << 31));
    }
    for (unsigned i = 0; loose && i < 3; i++)
        image[1u + draw(40)] = (uint8_t)draw(256);
    ot_store16(image + 12, chip);
    memcpy(bytes, image, size);
    free(image);
    return size;
}

static void test_images_of_all_chips_come_back(void **state)
{
    uint8_t method;
    (void)state;
    for (unsigned i = 0; i < CHIPS; i++) {
        uint32_t size = make_image(chips[i], false);
        assert_true(there_and_back(size, &method) < size * 4u / 5u);
        assert_int_equal(method, OT_DELTA_FULL);
    }
}

static void test_headers_may_lie(void **state)
{
    uint8_t method;
    (void)state;
    for (unsigned i = 0; i < 2u * CHIPS; i++) {
        uint32_t size = make_image(chips[i % CHIPS], true);
        size = i % 2u == 0 ? size : 20u + draw(2000); /* and segments may be cut by the file's end */
        there_and_back(size, &method);
    }
}

static void test_plain_files_come_back(void **state)
{
    uint8_t method;
    (void)state;
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t size = 1u + i * 1777u;
        for (uint32_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)(i % 3u == 0              ? draw(5) * 31u
                                 : k > 40 && draw(9) != 0 ? bytes[k - i - 1u]
                                                          : draw(256));
        there_and_back(size, &method);
    }
    memset(bytes, 0xFF, ROOM);
    assert_true(there_and_back(ROOM, &method) < OT_DELTA_HEADER_BYTES + 60u);
}

static void test_what_nothing_compresses_is_stored(void **state)
{
    static const uint32_t sizes[] = {1, 2, 4095, 4096, 4097, 20000};
    uint8_t method;
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        for (uint32_t k = 0; k < sizes[i]; k++)
            bytes[k] = (uint8_t)draw(256);
        assert_true(there_and_back(sizes[i], &method) <= OT_DELTA_HEADER_BYTES + sizes[i] + 1u);
        assert_true(method == OT_DELTA_STORED || sizes[i] < 5);
    }
    assert_int_equal(delta_make_full(&(struct delta_file){.bytes = bytes}, &(struct delta_patch){0}),
                     OT_E_IMAGE_TOO_LARGE);
}

static void test_chunks_do_not_matter(void **state)
{
    static const uint32_t chunks[] = {1, 2, 79, 80, 81, 84, 256, 511, 512, 513, 1u << 20};
    uint32_t size = make_image(0, false);
    struct delta_file target = file_of(size);
    struct delta_patch patch;
    (void)state;
    assert_int_equal(delta_make_full(&target, &patch), OT_OK);
    slot.fail_at = UINT32_MAX;
    for (unsigned i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        memset(slot.bytes, 0, size);
        assert_int_equal(decode(patch.bytes, patch.size, chunks[i], size), OT_OK);
        assert_memory_equal(slot.bytes, bytes, size);
    }
    delta_patch_free(&patch);
}

/* --- units --- */

/* Turned and turned back any bytes are the same, either way round, and their cut stays. */
static void test_units_turn_exactly(void **state)
{
    static const uint8_t firsts[] = {0x05, 0x25, 0xE5, 0x21, 0xF1, 0x6F, 0xEF, 0x97, 0x17, 0x36};
    (void)state;
    for (uint32_t i = 0; i < 40000; i++) {
        const struct delta_chip *chip = delta_chip_by_id(chips[i % CHIPS]);
        uint8_t unit[DELTA_FULL_UNIT], was[DELTA_FULL_UNIT];
        uint32_t addr = 0x40000000u + draw(1u << 24);
        for (unsigned k = 0; k < DELTA_FULL_UNIT; k++)
            unit[k] = (uint8_t)draw(256);
        unit[0] = draw(3) == 0 ? unit[0] : firsts[draw(10)];
        if (draw(2) == 0) { /* a JALR by the AUIPC's register */
            unit[4] = 0x67;
            unit[5] = (uint8_t)((unit[5] & 0x7Fu) | (unit[0] & 0x80u));
            unit[6] = (uint8_t)((unit[6] & 0xF0u) | (unit[1] & 15u));
        }
        memcpy(was, unit, sizeof unit);
        delta_full_to_absolute(chip, unit, addr);
        assert_int_equal(delta_full_length(chip, unit, 8), delta_full_length(chip, was, 8));
        delta_full_to_stored(chip, unit, addr);
        assert_memory_equal(unit, was, sizeof unit);
        delta_full_to_stored(chip, unit, addr);
        delta_full_to_absolute(chip, unit, addr);
        assert_memory_equal(unit, was, sizeof unit);
    }
}

/* The point of it: one function called from two places is the same bytes. */
static void test_calls_of_one_function_look_alike(void **state)
{
    uint8_t a[8] = {0x25, 0x01, 0x00},
            b[8] = {0xE5, 0x00, 0x00}; /* call8 to 0x400D0014, from ..00 and ..04 */
    uint8_t c[8] = {0xEF, 0x00, 0x40, 0x01}, e[8] = {0xEF, 0x00, 0x00, 0x01}; /* jal +20 and +16 */
    (void)state;
    delta_full_to_absolute(delta_chip_by_id(0), a, 0x400D0000);
    delta_full_to_absolute(delta_chip_by_id(0), b, 0x400D0004);
    assert_memory_equal(a, b, 8);
    delta_full_to_absolute(delta_chip_by_id(5), c, 0x42000000);
    delta_full_to_absolute(delta_chip_by_id(5), e, 0x42000004);
    assert_memory_equal(c, e, 8);
    assert_int_equal(c[3], 20 / 2);
}

/* --- refusals --- */

static void test_every_refusal_has_its_name(void **state)
{
    uint32_t size = make_image(5, false);
    struct delta_file target = file_of(size);
    struct delta_patch patch;
    (void)state;
    assert_int_equal(delta_make_full(&target, &patch), OT_OK);
    uint8_t *b = patch.bytes;
    uint32_t n = patch.size;
    slot.fail_at = UINT32_MAX;
    assert_int_equal(decode(b, n, 512, size - 1u), OT_E_IMAGE_TOO_LARGE);
    assert_int_equal(decode(b, 60, 512, size), OT_E_PATCH_TRUNCATED);
    assert_int_not_equal(decode(b, n / 2, 512, size), OT_OK);
    assert_int_not_equal(decode(b, n - 8u, 512, size), OT_OK); /* what zeros mean may be refused first */
    static const uint8_t wrong[][3] = {{8, 1, 0}, {16, 1, 0}, {5, 2, 0}, {5, 4, 0}, {6, 0x40, 1}, {4, 6, 1}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        b[wrong[i][0]] ^= wrong[i][1];
        assert_int_equal(decode(b, n, 512, size), wrong[i][2] ? OT_E_PATCH_VERSION : OT_E_PATCH_FORMAT);
        assert_int_equal(slot.written, 0);
        b[wrong[i][0]] ^= wrong[i][1];
    }
    slot.fail_at = 8192;
    assert_int_equal(decode(b, n, 512, size), OT_E_FLASH_WRITE);
    uint8_t *copy = calloc(1, n + 2u);
    assert_non_null(copy);
    memcpy(copy, b, n);
    slot.fail_at = UINT32_MAX;
    assert_int_equal(decode(copy, n + 1u, 1, size), OT_E_PATCH_TRAILING);
    free(copy);
    delta_patch_free(&patch);
}

/* A match from before the beginning: no bytes but the first can have come, and nothing is written. */
static void test_a_match_from_nowhere_is_refused(void **state)
{
    uint8_t patch[OT_DELTA_HEADER_BYTES + 8u] = {0};
    struct ot_delta_header h = {.method = OT_DELTA_FULL, .profile = 1, .target_bytes = 1000};
    (void)state;
    ot_delta_header_write(&h, patch); /* bits of a code of zeros are ones: a match, a repeat, far back */
    slot.fail_at = UINT32_MAX;
    assert_int_equal(decode(patch, sizeof patch, 512, 1000), OT_E_PATCH_FORMAT);
    assert_int_equal(slot.written, 0);
}

static void test_a_base_is_not_needed_nor_looked_at(void **state)
{
    uint32_t size = make_image(9, false), out_size;
    struct delta_file target = file_of(size), other = {.bytes = (const uint8_t *)"no base", .size = 7};
    struct delta_patch patch;
    uint8_t *out;
    (void)state;
    assert_int_equal(delta_make_full(&target, &patch), OT_OK);
    struct delta_file made = {.bytes = patch.bytes, .size = patch.size};
    assert_int_equal(delta_apply(&other, &made, &out, &out_size), OT_OK);
    assert_int_equal(out_size, size);
    free(out);
    patch.bytes[60] ^= 1; /* of the digest */
    assert_int_equal(delta_apply(NULL, &made, &out, &out_size), OT_E_PATCH_RESULT);
    delta_patch_free(&patch);
    assert_int_equal(delta_make(&other, &target, &patch), OT_OK);
    made = (struct delta_file){.bytes = patch.bytes, .size = patch.size};
    assert_int_equal(delta_apply(NULL, &made, &out, &out_size), OT_E_PATCH_BASE);
    delta_patch_free(&patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_of_all_chips_come_back),
        cmocka_unit_test(test_headers_may_lie),
        cmocka_unit_test(test_plain_files_come_back),
        cmocka_unit_test(test_what_nothing_compresses_is_stored),
        cmocka_unit_test(test_chunks_do_not_matter),
        cmocka_unit_test(test_units_turn_exactly),
        cmocka_unit_test(test_calls_of_one_function_look_alike),
        cmocka_unit_test(test_every_refusal_has_its_name),
        cmocka_unit_test(test_a_match_from_nowhere_is_refused),
        cmocka_unit_test(test_a_base_is_not_needed_nor_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
