/* Otaria's descriptor: the vectors of docs/formats.md, every refusal, and writing as the reverse of reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"

#include "otaria/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fenced block ```NAME of docs/formats.md: lines of "offset: hex", bytes not shown are zero. */
static void load_vector(const char *name, uint8_t *out, size_t len)
{
    char fence[64];
    uint32_t size = 0;
    unsigned rows = 0;
    char *page = (char *)read_whole_file(OTARIA_SOURCE_DIR "/docs/formats.md", &size);
    assert_non_null(page);
    (void)snprintf(fence, sizeof fence, "\n```%s\n", name);
    char *line = strstr(page, fence);
    assert_non_null(line);
    memset(out, 0, len);
    for (line += strlen(fence); strncmp(line, "```", 3) != 0; line = strchr(line, '\n') + 1) {
        size_t at = strtoul(line, &line, 16);
        for (line += 2; *line != '\n'; line += 2) {
            char pair[3] = {line[0], line[1], '\0'};
            assert_true(at < len);
            out[at++] = (uint8_t)strtoul(pair, NULL, 16);
        }
        rows++;
    }
    assert_true(rows > 0);
    free(page);
}

static void reseal(uint8_t b[OT_DESC_BYTES])
{
    memset(b + 8, 0, 4);
    ot_store32(b + 8, ot_crc32(0, b, OT_DESC_BYTES));
}

static struct ot_digest digest_of(unsigned fill)
{
    struct ot_digest d;
    memset(d.bytes, (int)fill, sizeof d.bytes);
    return d;
}

/* By their bytes: structs have padding. */
static void assert_same(const struct ot_descriptor *a, const struct ot_descriptor *b)
{
    uint8_t bytes_a[OT_DESC_BYTES], bytes_b[OT_DESC_BYTES];
    assert_int_equal(ot_descriptor_format(a, bytes_a), OT_OK);
    assert_int_equal(ot_descriptor_format(b, bytes_b), OT_OK);
    assert_memory_equal(bytes_a, bytes_b, OT_DESC_BYTES);
}

static void the_least_vector_reads_as_documented(void **state)
{
    (void)state;
    uint8_t b[OT_DESC_BYTES];
    struct ot_descriptor d;
    load_vector("descriptor-least", b, sizeof b);
    assert_int_equal(ot_descriptor_parse(b, &d), OT_OK);
    assert_int_equal(d.release, 1);
    assert_int_equal(d.floor, 0);
    assert_int_equal(d.flags, 0);
    assert_true(d.hardware_revisions == 1);
    assert_int_equal(d.min_slot_bytes, 0);
    assert_int_equal(d.key_count, 0);
    assert_int_equal(d.revoke_count, 0);
}

static void the_full_vector_reads_as_documented(void **state)
{
    (void)state;
    uint8_t b[OT_DESC_BYTES];
    struct ot_descriptor d;
    char hex[OT_DIGEST_HEX_BYTES];
    load_vector("descriptor-full", b, sizeof b);
    assert_int_equal(ot_descriptor_parse(b, &d), OT_OK);
    assert_int_equal(d.release, 1042);
    assert_int_equal(d.floor, 1000);
    assert_int_equal(d.flags, OT_DESC_FLAG_DROP_OLD_SLOT);
    assert_true(d.hardware_revisions == (1ull << 63 | 1u << 2 | 1u << 1));
    assert_int_equal(d.min_slot_bytes, 0x1E0000);
    assert_int_equal(d.key_count, 2);
    assert_int_equal(d.revoke_count, 1);
    ot_digest_to_hex(&d.keys[0], hex);
    assert_string_equal(hex, "57ac17f1fd0fb58ce14543b5d669072cb20beff58fe4fa8616c4e02a60fbd0e3");
    ot_digest_to_hex(&d.keys[1], hex);
    assert_string_equal(hex, "5a13255112e8bea0339035526615f253b01dbb7c57e0336d7114af80ba491b10");
    ot_digest_to_hex(&d.revoke[0], hex);
    assert_string_equal(hex, "0bd3bb30ea3830f1b6a840f57f25d04d670f8d2485534efa2519611e2b36476e");
}

static void writing_gives_the_bytes_that_were_read(void **state)
{
    (void)state;
    static const char *const names[] = {"descriptor-least", "descriptor-full"};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t b[OT_DESC_BYTES], again[OT_DESC_BYTES];
        struct ot_descriptor d;
        load_vector(names[i], b, sizeof b);
        assert_int_equal(ot_descriptor_parse(b, &d), OT_OK);
        assert_int_equal(ot_descriptor_format(&d, again), OT_OK);
        assert_memory_equal(again, b, sizeof b);
    }
}

static void the_image_example_of_the_page_is_the_one_of_the_tests(void **state)
{
    (void)state;
    uint8_t page[IMAGE_EXAMPLE_BYTES], built[IMAGE_EXAMPLE_BYTES];
    load_vector("image-example", page, sizeof page);
    image_example(built);
    assert_memory_equal(page, built, sizeof page);
}

static void every_single_bit_flip_is_refused(void **state)
{
    (void)state;
    uint8_t b[OT_DESC_BYTES];
    struct ot_descriptor d;
    load_vector("descriptor-full", b, sizeof b);
    for (uint32_t bit = 0; bit < 8 * sizeof b; bit++) {
        uint32_t at = bit / 8;
        b[at] ^= (uint8_t)(1u << (bit % 8));
        enum ot_status wanted = at < 4   ? OT_E_DESC_MISSING
                                : at < 6 ? OT_E_DESC_VERSION
                                : at < 8 ? OT_E_DESC_LENGTH
                                         : OT_E_DESC_CRC;
        assert_int_equal(ot_descriptor_parse(b, &d), wanted);
        b[at] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void reserved_bytes_and_unused_places_must_be_zero(void **state)
{
    (void)state;
    uint8_t b[OT_DESC_BYTES];
    struct ot_descriptor d;
    load_vector("descriptor-full", b, sizeof b); /* two keys and one revocation are in use */
    for (uint32_t at = 36; at < OT_DESC_BYTES; at++) {
        bool is_used = at == 40 || at == 41 || (at >= 64 && at < 128) || (at >= 192 && at < 224);
        if (is_used)
            continue;
        b[at] = 0x80;
        reseal(b);
        assert_int_equal(ot_descriptor_parse(b, &d), OT_E_DESC_RESERVED);
        b[at] = 0;
    }
    reseal(b);
    assert_int_equal(ot_descriptor_parse(b, &d), OT_OK);
}

static void unknown_flags_are_refused_both_ways(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint8_t b[OT_DESC_BYTES];
        struct ot_descriptor d;
        load_vector("descriptor-least", b, sizeof b);
        assert_int_equal(ot_descriptor_parse(b, &d), OT_OK);
        ot_store32(b + 20, 1u << bit);
        reseal(b);
        assert_int_equal(ot_descriptor_parse(b, &d), bit == 0 ? OT_OK : OT_E_DESC_RESERVED);
        d = (struct ot_descriptor){.release = 1, .hardware_revisions = 1, .flags = 1u << bit};
        assert_int_equal(ot_descriptor_format(&d, b), bit == 0 ? OT_OK : OT_E_DESC_RESERVED);
    }
}

/* What format refuses, parse refuses with the same cause, and the reverse. */
static void assert_both(const struct ot_descriptor *d, enum ot_status wanted)
{
    uint8_t b[OT_DESC_BYTES];
    struct ot_descriptor back;
    assert_int_equal(ot_descriptor_format(d, b), wanted);
    load_vector("descriptor-least", b, sizeof b);
    ot_store32(b + 12, d->release);
    ot_store32(b + 16, d->floor);
    ot_store64(b + 24, d->hardware_revisions);
    b[40] = d->key_count;
    b[41] = d->revoke_count;
    memcpy(b + 64, d->keys, sizeof d->keys);
    memcpy(b + 192, d->revoke, sizeof d->revoke);
    reseal(b);
    assert_int_equal(ot_descriptor_parse(b, &back), wanted);
}

static void release_floor_and_hardware_must_be_possible(void **state)
{
    (void)state;
    struct ot_descriptor d = {.release = 0, .hardware_revisions = 1};
    assert_both(&d, OT_E_DESC_RELEASE);
    d.release = 7;
    d.floor = 7;
    assert_both(&d, OT_OK);
    d.floor = 8;
    assert_both(&d, OT_E_DESC_RELEASE);
    d.release = UINT32_MAX;
    d.floor = UINT32_MAX;
    assert_both(&d, OT_OK);
    d.hardware_revisions = 0;
    assert_both(&d, OT_E_DESC_HARDWARE);
    d.hardware_revisions = 1ull << 63;
    assert_both(&d, OT_OK);
}

static void key_lists_must_not_contradict_themselves(void **state)
{
    (void)state;
    const struct ot_digest a = digest_of(1), b = digest_of(2), c = digest_of(3), e = digest_of(4);
    const struct ot_descriptor base = {.release = 1, .hardware_revisions = 1};
    struct ot_descriptor d = base;
    assert_both(&d, OT_OK); /* no key: the device keeps the trust it had */
    d.key_count = 4;
    d.keys[0] = a, d.keys[1] = b, d.keys[2] = c, d.keys[3] = e;
    assert_both(&d, OT_OK);
    d.keys[3] = a;
    assert_both(&d, OT_E_DESC_KEYS);
    d.keys[3] = digest_of(0);
    assert_both(&d, OT_E_DESC_KEYS);
    d = base;
    d.revoke_count = 4;
    d.revoke[0] = a, d.revoke[1] = b, d.revoke[2] = c, d.revoke[3] = e;
    assert_both(&d, OT_OK);
    d.revoke[0] = e;
    assert_both(&d, OT_E_DESC_KEYS);
    d.revoke[0] = digest_of(0);
    assert_both(&d, OT_E_DESC_KEYS);
    d = base;
    d.key_count = d.revoke_count = 1;
    d.keys[0] = a;
    d.revoke[0] = b;
    assert_both(&d, OT_OK);
    d.revoke[0] = a;
    assert_both(&d, OT_E_DESC_KEYS);
}

static void more_than_four_keys_are_refused(void **state)
{
    (void)state;
    for (unsigned count = 5; count < 256; count++) {
        struct ot_descriptor d = {.release = 1, .hardware_revisions = 1, .key_count = (uint8_t)count};
        assert_both(&d, OT_E_DESC_KEYS);
        d.key_count = 0;
        d.revoke_count = (uint8_t)count;
        assert_both(&d, OT_E_DESC_KEYS);
    }
}

static void an_image_carries_it_at_0x120_or_is_undescribed(void **state)
{
    (void)state;
    const struct ot_descriptor wanted = {.release = 9, .floor = 2, .hardware_revisions = 5};
    struct image_spec spec = {.chip_id = 5, .descriptor = &wanted, .size = 0x1000};
    struct ot_descriptor d;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_memory_equal(b + 0x120, "OTAD", 4);
    struct failing_source memory = {.bytes = b, .size = size, .fail_at = UINT32_MAX};
    struct ot_source src = failing_source(&memory);
    assert_int_equal(ot_descriptor_read(&src, &d), OT_OK);
    assert_same(&d, &wanted);
    for (src.size = 0; src.size < 0x320; src.size++)
        assert_int_equal(ot_descriptor_read(&src, &d), OT_E_DESC_MISSING);
    src.size = 0x320;
    assert_int_equal(ot_descriptor_read(&src, &d), OT_OK);
    memory.fail_at = 0;
    assert_int_equal(ot_descriptor_read(&src, &d), OT_E_READ);
    free(b);
    spec.descriptor = NULL;
    b = image_make(&spec, &size);
    struct ot_memory plain = {b, size};
    src = ot_source_from_memory(&plain);
    assert_int_equal(ot_descriptor_read(&src, &d), OT_E_DESC_MISSING);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_vector_reads_as_documented),
        cmocka_unit_test(the_full_vector_reads_as_documented),
        cmocka_unit_test(writing_gives_the_bytes_that_were_read),
        cmocka_unit_test(the_image_example_of_the_page_is_the_one_of_the_tests),
        cmocka_unit_test(every_single_bit_flip_is_refused),
        cmocka_unit_test(reserved_bytes_and_unused_places_must_be_zero),
        cmocka_unit_test(unknown_flags_are_refused_both_ways),
        cmocka_unit_test(release_floor_and_hardware_must_be_possible),
        cmocka_unit_test(key_lists_must_not_contradict_themselves),
        cmocka_unit_test(more_than_four_keys_are_refused),
        cmocka_unit_test(an_image_carries_it_at_0x120_or_is_undescribed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
