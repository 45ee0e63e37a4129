/* The bounded walk over an image: what it reads, and every way in which it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"

#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_LOAD   0x18u /* of the first segment header */
#define FIRST_LENGTH 0x1Cu

static const struct ot_image_limits no_limits;

static enum ot_status parse_sized(const uint8_t *bytes, uint32_t size, const struct ot_image_limits *limits,
                                  struct ot_image *out)
{
    /* An exact heap copy, so that a sanitizer sees one byte too far. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    struct failing_source memory = {.bytes = copy, .size = size, .fail_at = UINT32_MAX};
    struct ot_source src = failing_source(&memory);
    enum ot_status st = ot_image_parse(&src, limits, out);
    free(copy);
    return st;
}

static enum ot_status parse(const uint8_t *bytes, uint32_t size)
{
    struct ot_image image;
    return parse_sized(bytes, size, &no_limits, &image);
}

static void the_worked_example_is_read_completely(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    image_example(b);
    struct ot_image_limits limits = {
        .has_chip = true, .chip_id = 5, .has_revision = true, .chip_revision = 3, .space = 0x10000};
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
    assert_int_equal(image.segment_count, 1);
    assert_int_equal(image.spi_mode, 2);
    assert_int_equal(image.flash_speed_size, 0x2F);
    assert_int_equal(image.entry_addr, 0x42000020);
    assert_int_equal(image.chip_id, 5);
    assert_true(image.has_digest);
    assert_int_equal(image.segments[0].load_addr, 0x3C000020);
    assert_int_equal(image.segments[0].offset, 0x20);
    assert_int_equal(image.segments[0].length, 0x100);
    assert_int_equal(image.digest_offset, 0x130);
    assert_int_equal(image.length, 336);
    assert_int_equal(image.signature_offset, 4096);
    assert_true(image.has_app_desc);
    assert_int_equal(image.app.secure_version, 7);
    assert_string_equal(image.app.version, "1.2.3");
    assert_string_equal(image.app.project, "mini");
    assert_string_equal(image.app.time, "01:02:03");
    assert_string_equal(image.app.date, "Mar  4 2026");
    assert_string_equal(image.app.idf, "v6.0.2");
    assert_int_equal(image.app.elf_sha256[0], 0xC5);
    assert_int_equal(image.app.elf_sha256[31], 0xA9);
    assert_int_equal(image.app.min_efuse_revision, 0);
    assert_int_equal(image.app.max_efuse_revision, 199);
    assert_int_equal(image.app.mmu_page_log2, 16);
    assert_int_equal(image.app.spi_flash_mode, 2);
}

static void a_built_image_has_the_segments_asked_for(void **state)
{
    (void)state;
    const struct image_segment_spec more[] = {{0x3FC80000, 0x40}, {0, 0x1000}, {0x40380000, 4}};
    struct image_spec spec = {.chip_id = 5, .size = 0x4000, .segments = more, .segment_count = 3, .seed = 9};
    struct ot_image image;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(size, 0x4000);
    assert_int_equal(parse_sized(b, size, &no_limits, &image), OT_OK);
    assert_int_equal(image.length, size);
    assert_int_equal(image.segment_count, 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(image.segments[i + 1].load_addr, more[i].load_addr);
        assert_int_equal(image.segments[i + 1].length, more[i].length);
    }
    assert_string_equal(image.app.project, "lamp");
    free(b);
}

/*
 * The segment map of a real C3 image: data first, RAM pieces as filler, code where its page offset fits. (The last
 * segment takes the 12 bytes that the real one leaves before its checksum: the test's builder leaves none there.)
 */
static void the_segment_map_of_a_real_image_is_read(void **state)
{
    (void)state;
    const struct image_segment_spec more[] = {
        {0x3FC80000, 0x5000}, {0x40380000, 0xEE8}, {0x42000020, 0x1E000}, {0x4038A000, 0x4118 + 12}};
    struct image_spec spec = {.chip_id = 5, .size = 205168, .segments = more, .segment_count = 4, .seed = 4};
    struct ot_image image;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(size, 205168);
    assert_int_equal(parse_sized(b, size, &no_limits, &image), OT_OK);
    assert_int_equal(image.length, size);
    assert_int_equal(image.segments[0].length, 0xA100);
    assert_int_equal(image.segments[0].offset, 0x20);
    assert_int_equal(image.segments[3].offset, 0x10020);
    free(b);
}

/* Trap 8. */
static void chip_revisions_stand_at_odd_offsets(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    image_example(b);
    assert_int_equal(parse_sized(b, sizeof b, &no_limits, &image), OT_OK);
    assert_int_equal(image.min_revision, 3);
    assert_int_equal(image.max_revision, 199);
}

static void the_revision_range_is_judged_only_where_asked(void **state)
{
    (void)state;
    static const struct {
        uint16_t revision, min, max;
        bool is_bootloader;
        enum ot_status wanted;
    } cases[] = {
        {3, 3, 199, false, OT_OK},
        {2, 3, 199, false, OT_E_IMAGE_CHIP_REVISION},
        {199, 3, 199, false, OT_OK},
        {200, 3, 199, false, OT_E_IMAGE_CHIP_REVISION},
        {200, 3, 199, true, OT_OK},
        {2, 3, 199, true, OT_E_IMAGE_CHIP_REVISION},
        {65535, 3, 0, false, OT_OK},
        {9999, 3, 65535, false, OT_OK},
        {300, 300, 299, false, OT_E_IMAGE_CHIP_REVISION},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t b[IMAGE_EXAMPLE_BYTES];
        struct ot_image image;
        image_example(b);
        ot_store16(b + 15, cases[i].min);
        ot_store16(b + 17, cases[i].max);
        struct ot_image_limits limits = {.has_revision = true,
                                         .chip_revision = cases[i].revision,
                                         .is_bootloader = cases[i].is_bootloader};
        assert_int_equal(parse_sized(b, sizeof b, &limits, &image), cases[i].wanted);
        limits.has_revision = false;
        assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
    }
}

static void another_chip_is_refused_and_an_unknown_one_passes_where_none_is_asked(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    struct ot_image_limits c3 = {.has_chip = true, .chip_id = 5};
    image_example(b);
    ot_store16(b + 12, 9);
    assert_int_equal(parse_sized(b, sizeof b, &c3, &image), OT_E_IMAGE_CHIP);
    ot_store16(b + 12, 0x0777);
    assert_int_equal(parse_sized(b, sizeof b, &c3, &image), OT_E_IMAGE_CHIP);
    assert_int_equal(parse(b, sizeof b), OT_OK);
}

static void every_truncation_of_the_example_is_refused(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    image_example(b);
    for (uint32_t n = 0; n < sizeof b; n++)
        assert_int_equal(parse(b, n), OT_E_IMAGE_TRUNCATED);
    assert_int_equal(parse(b, sizeof b), OT_OK);
}

/* In a slot the bytes behind a torn write are FF, or an older image. */
static void every_torn_write_of_the_example_is_refused(void **state)
{
    (void)state;
    uint8_t whole[IMAGE_EXAMPLE_BYTES], slot[4096];
    struct ot_image image;
    struct ot_image_limits limits = {.space = sizeof slot};
    image_example(whole);
    for (uint32_t n = 0; n < 0x24; n++) { /* up to the app descriptor's magic: structure */
        memset(slot, 0xFF, sizeof slot);
        memcpy(slot, whole, n);
        assert_int_not_equal(parse_sized(slot, sizeof slot, &limits, &image), OT_OK);
    }
}

static void a_segment_torn_off_before_its_header_reads_as_a_bad_length(void **state)
{
    (void)state;
    const struct image_segment_spec more[] = {{0x3FC80000, 0x40}};
    struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 1};
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    memset(b + 0x120, 0xFF, size - 0x120);
    assert_int_equal(parse(b, size), OT_E_IMAGE_SEGMENT_LENGTH);
    free(b);
}

static void a_wrong_first_byte_is_no_image_however_short(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    image_example(b);
    for (unsigned wrong = 0; wrong < 256; wrong++) {
        b[0] = (uint8_t)wrong;
        assert_int_equal(parse(b, sizeof b), wrong == 0xE9 ? OT_OK : OT_E_IMAGE_MAGIC);
    }
    assert_int_equal(parse((const uint8_t *)"hello", 5), OT_E_IMAGE_MAGIC);
}

static void segment_counts_are_1_to_16(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    image_example(b);
    for (unsigned count = 0; count < 256; count++) {
        b[1] = (uint8_t)count;
        enum ot_status st = parse(b, sizeof b);
        if (count == 0 || count > 16)
            assert_int_equal(st, OT_E_IMAGE_SEGMENTS);
        else
            assert_int_not_equal(st, OT_E_IMAGE_SEGMENTS);
    }
    struct image_segment_spec more[15];
    for (unsigned i = 0; i < 15; i++)
        more[i] = (struct image_segment_spec){0x3FC80000, 4};
    struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 15};
    uint32_t size;
    uint8_t *full = image_make(&spec, &size);
    assert_int_equal(parse(full, size), OT_OK);
    free(full);
}

/* 0, 1, 2^31-1, 2^31, 2^32-1 and their neighbours, in the first and in a later segment. */
static void boundary_lengths_are_refused_before_they_are_used(void **state)
{
    (void)state;
    static const struct {
        uint32_t length;
        enum ot_status first, second;
    } cases[] = {
        {0, OT_E_IMAGE_APP_DESC, OT_OK},
        {1, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {4, OT_E_IMAGE_APP_DESC, OT_OK},
        {0xFC, OT_E_IMAGE_APP_DESC, OT_E_IMAGE_TRUNCATED},
        {0x101, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0x104, OT_OK, OT_E_IMAGE_TRUNCATED},
        {0xA101, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0x00FFFFFC, OT_E_IMAGE_TRUNCATED, OT_E_IMAGE_TRUNCATED},
        {0x01000000, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0x7FFFFFFC, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0x7FFFFFFF, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0x80000000, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0xFFFFFFE0, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0xFFFFFFFC, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
        {0xFFFFFFFF, OT_E_IMAGE_SEGMENT_LENGTH, OT_E_IMAGE_SEGMENT_LENGTH},
    };
    const struct image_segment_spec more[] = {{0x3FC80000, 4}};
    struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 1};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t b[IMAGE_EXAMPLE_BYTES];
        image_example(b);
        ot_store32(b + FIRST_LENGTH, cases[i].length);
        assert_int_equal(parse(b, sizeof b), cases[i].first);
        uint32_t size;
        uint8_t *two = image_make(&spec, &size);
        ot_store32(two + 0x124, cases[i].length);
        assert_int_equal(parse(two, size), cases[i].second);
        free(two);
    }
}

static void sixteen_huge_segments_do_not_wrap_the_offset(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    image_example(b);
    b[1] = 16;
    ot_store32(b + 0x120, 0x3FC80000);
    ot_store32(b + 0x124, 0x00FFFFFC);
    assert_int_equal(parse(b, sizeof b), OT_E_IMAGE_TRUNCATED);
}

static void addresses_that_wrap_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t load, length;
        enum ot_status wanted;
    } cases[] = {
        {0xFFFFFFFC, 4, OT_E_IMAGE_LOAD_RANGE}, /* its end does not fit 32 bits */
        {0xFFFFFF00, 0x104, OT_E_IMAGE_LOAD_RANGE},
        {0xFFFFFFFF, 4, OT_E_IMAGE_LOAD_RANGE},
        {0xFFFFFFF0, 4, OT_OK},
        {0xFFFFFFFF, 0, OT_OK},
        {0, 0x104, OT_OK},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct image_segment_spec more[] = {{cases[i].load, cases[i].length}};
        struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 1};
        uint32_t size;
        uint8_t *b = image_make(&spec, &size);
        assert_int_equal(parse(b, size), cases[i].wanted);
        free(b);
    }
}

static void mapped_segments_must_stand_at_their_place_of_the_page(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    image_example(b);
    ot_store32(b + FIRST_LOAD, 0x3C000024);
    assert_int_equal(parse(b, sizeof b), OT_E_IMAGE_SEGMENT_ALIGN);
    ot_store32(b + FIRST_LOAD, 0x3C008020);
    assert_int_equal(parse(b, sizeof b), OT_E_IMAGE_SEGMENT_ALIGN);
    ot_store32(b + FIRST_LOAD, 0x3C7F0020);
    assert_int_equal(parse(b, sizeof b), OT_OK);
    ot_store32(b + FIRST_LOAD, 0x42010020);
    assert_int_equal(parse(b, sizeof b), OT_OK);
    ot_store32(b + FIRST_LOAD, 0x3FC80024); /* RAM: no rule */
    assert_int_equal(parse(b, sizeof b), OT_OK);
    ot_store32(b + FIRST_LOAD, 0x00000004); /* padding: no rule */
    assert_int_equal(parse(b, sizeof b), OT_OK);
}

/* Trap 10: byte 180 of the app descriptor is the page on C2, C6, C61 and H2, and nothing on the others. */
static void the_page_of_the_app_descriptor_decides_where_it_is_selectable(void **state)
{
    (void)state;
    static const struct {
        uint16_t chip;
        uint8_t log2;
        uint32_t page; /* expected */
    } cases[] = {
        {13, 13, 0x2000},  {13, 14, 0x4000},  {13, 15, 0x8000},   {13, 16, 0x10000}, {13, 0, 0x10000},
        {13, 12, 0x10000}, {13, 17, 0x10000}, {13, 255, 0x10000}, {16, 13, 0x2000},  {20, 13, 0x2000},
        {12, 14, 0x4000},  {12, 13, 0x10000}, {12, 16, 0x10000},  {5, 13, 0x10000},  {9, 15, 0x10000},
        {0, 14, 0x10000},  {23, 13, 0x10000}, {18, 13, 0x10000},  {2, 13, 0x10000},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image_spec spec = {.chip_id = cases[i].chip, .mmu_page_log2 = cases[i].log2};
        uint32_t size;
        uint8_t *b = image_make(&spec, &size);
        uint32_t base = ot_load32(b + FIRST_LOAD);
        for (uint32_t page = 0x1000; page <= 0x10000; page *= 2) {
            ot_store32(b + FIRST_LOAD, base + page);
            assert_int_equal(parse(b, size), page >= cases[i].page ? OT_OK : OT_E_IMAGE_SEGMENT_ALIGN);
        }
        free(b);
    }
}

static void a_small_page_shortens_the_window_of_c6(void **state)
{
    (void)state;
    struct image_spec spec = {.chip_id = 13, .mmu_page_log2 = 13};
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    ot_store32(b + FIRST_LOAD, 0x421FF004); /* 2 MiB are mapped with 8 KiB pages: this is inside */
    assert_int_equal(parse(b, size), OT_E_IMAGE_SEGMENT_ALIGN);
    ot_store32(b + FIRST_LOAD, 0x42200004); /* and this is not */
    assert_int_equal(parse(b, size), OT_OK);
    free(b);
}

static void the_first_segment_of_an_app_holds_the_app_descriptor(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    for (unsigned i = 0; i < 4; i++) {
        image_example(b);
        b[OT_APP_DESC_OFFSET + i] ^= 1;
        assert_int_equal(parse(b, sizeof b), OT_E_IMAGE_APP_DESC);
    }
}

static void a_bootloader_needs_no_app_descriptor(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    struct ot_image_limits limits = {.is_bootloader = true};
    image_example(b);
    ot_store32(b + FIRST_LOAD, 0x3FCD0000);
    b[OT_APP_DESC_OFFSET] = 80;
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
    assert_false(image.has_app_desc);
}

/* The rule is about flash addresses: a bootloader does not start on a page. */
static void a_bootloaders_mapped_segment_is_aligned_from_where_it_starts(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    struct ot_image_limits limits = {.is_bootloader = true};
    image_example(b);
    ot_store16(b + 12, 0); /* classic ESP32: bootloader at 0x1000 */
    ot_store32(b + FIRST_LOAD, 0x3F401020);
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
    ot_store32(b + FIRST_LOAD, 0x3F400020);
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_E_IMAGE_SEGMENT_ALIGN);
    limits.is_bootloader = false;
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
}

/* Trap 21. */
static void strings_that_fill_their_field_are_terminated(void **state)
{
    (void)state;
    const char *full = "0123456789abcdef0123456789abcdef";
    struct image_spec spec = {
        .chip_id = 5, .version = full, .project = full, .idf = full, .time = full, .date = full};
    struct ot_image image;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(parse_sized(b, size, &no_limits, &image), OT_OK);
    assert_string_equal(image.app.version, full);
    assert_string_equal(image.app.project, full);
    assert_string_equal(image.app.idf, full);
    assert_string_equal(image.app.time, "0123456789abcdef");
    assert_string_equal(image.app.date, "0123456789abcdef");
    free(b);
}

static void an_image_must_fit_the_space_to_the_last_byte(void **state)
{
    (void)state;
    struct image_spec spec = {.chip_id = 5, .size = 0x3000};
    struct ot_image image;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(size, 0x3000);
    struct ot_image_limits limits = {.space = size};
    assert_int_equal(parse_sized(b, size, &limits, &image), OT_OK);
    for (limits.space = 1; limits.space < size; limits.space += 7)
        assert_int_equal(parse_sized(b, size, &limits, &image), OT_E_IMAGE_TOO_LARGE);
    limits.space = size - 1;
    assert_int_equal(parse_sized(b, size, &limits, &image), OT_E_IMAGE_TOO_LARGE);
    limits.space = size + 1;
    assert_int_equal(parse_sized(b, size - 1, &limits, &image), OT_E_IMAGE_TRUNCATED);
    free(b);
}

/* Trap 17, second half. */
static void slots_above_16_mib_are_refused(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image image;
    image_example(b);
    struct ot_image_limits limits = {.space = OT_IMAGE_SPACE_MAX};
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_OK);
    limits.space = OT_IMAGE_SPACE_MAX + 1;
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_E_ARGUMENT);
    limits.space = UINT32_MAX;
    assert_int_equal(parse_sized(b, sizeof b, &limits, &image), OT_E_ARGUMENT);
}

/* Trap 17, first half. */
static void a_signed_image_needs_whole_pages_and_a_sector(void **state)
{
    (void)state;
    struct ot_image image = {.length = 1};
    assert_int_equal(ot_image_space_needed(&image, true), 0x10000 + 4096);
    assert_int_equal(ot_image_space_needed(&image, false), 1);
    image.length = 0x40000;
    assert_int_equal(ot_image_space_needed(&image, true), 0x40000 + 4096);
    assert_int_equal(ot_image_space_needed(&image, false), 0x40000);
    image.length = 0x40001;
    assert_int_equal(ot_image_space_needed(&image, true), 0x50000 + 4096);
    image.length = OT_IMAGE_SPACE_MAX;
    assert_int_equal(ot_image_space_needed(&image, true), OT_IMAGE_SPACE_MAX + 4096);
}

static void every_failing_read_ends_the_walk(void **state)
{
    (void)state;
    const struct image_segment_spec more[] = {{0x3FC80000, 4}, {0x3FC80000, 8}};
    struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 2};
    struct ot_image image;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    struct failing_source whole = {.bytes = b, .size = size, .fail_at = UINT32_MAX};
    struct ot_source src = failing_source(&whole);
    assert_int_equal(ot_image_parse(&src, &no_limits, &image), OT_OK);
    assert_true(whole.reads >= 4);
    for (uint32_t n = 0; n < whole.reads; n++) {
        struct failing_source failing = {.bytes = b, .size = size, .fail_at = n};
        src = failing_source(&failing);
        assert_int_equal(ot_image_parse(&src, &no_limits, &image), OT_E_READ);
        assert_int_equal(failing.reads, n + 1);
    }
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_is_read_completely),
        cmocka_unit_test(a_built_image_has_the_segments_asked_for),
        cmocka_unit_test(the_segment_map_of_a_real_image_is_read),
        cmocka_unit_test(chip_revisions_stand_at_odd_offsets),
        cmocka_unit_test(the_revision_range_is_judged_only_where_asked),
        cmocka_unit_test(another_chip_is_refused_and_an_unknown_one_passes_where_none_is_asked),
        cmocka_unit_test(every_truncation_of_the_example_is_refused),
        cmocka_unit_test(every_torn_write_of_the_example_is_refused),
        cmocka_unit_test(a_segment_torn_off_before_its_header_reads_as_a_bad_length),
        cmocka_unit_test(a_wrong_first_byte_is_no_image_however_short),
        cmocka_unit_test(segment_counts_are_1_to_16),
        cmocka_unit_test(boundary_lengths_are_refused_before_they_are_used),
        cmocka_unit_test(sixteen_huge_segments_do_not_wrap_the_offset),
        cmocka_unit_test(addresses_that_wrap_are_refused),
        cmocka_unit_test(mapped_segments_must_stand_at_their_place_of_the_page),
        cmocka_unit_test(the_page_of_the_app_descriptor_decides_where_it_is_selectable),
        cmocka_unit_test(a_small_page_shortens_the_window_of_c6),
        cmocka_unit_test(the_first_segment_of_an_app_holds_the_app_descriptor),
        cmocka_unit_test(a_bootloader_needs_no_app_descriptor),
        cmocka_unit_test(a_bootloaders_mapped_segment_is_aligned_from_where_it_starts),
        cmocka_unit_test(strings_that_fill_their_field_are_terminated),
        cmocka_unit_test(an_image_must_fit_the_space_to_the_last_byte),
        cmocka_unit_test(slots_above_16_mib_are_refused),
        cmocka_unit_test(a_signed_image_needs_whole_pages_and_a_sector),
        cmocka_unit_test(every_failing_read_ends_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
