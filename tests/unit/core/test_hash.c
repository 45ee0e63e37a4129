/* One pass over an image: checksum, identity, covered digest; and the shape of a whole file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"
#include "sign_support.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static const struct ot_image_limits no_limits;

static enum ot_status judge(const uint8_t *bytes, uint32_t size, uint32_t scratch_len,
                            struct ot_image_digests *out)
{
    struct ot_memory memory = {bytes, size};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image image;
    uint8_t scratch[4096];
    enum ot_status st = ot_image_parse(&src, &no_limits, &image);
    return st != OT_OK ? st : ot_image_hash(&src, &image, crypto_openssl(), scratch, scratch_len, out);
}

static void assert_hex(const struct ot_digest *d, const char *wanted)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(d, hex);
    assert_string_equal(hex, wanted);
}

static void the_worked_example_has_its_known_digest(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image_digests d;
    image_example(b);
    assert_int_equal(judge(b, sizeof b, 1024, &d), OT_OK);
    assert_hex(&d.identity, "d98611d88bdc53a49da70789f3bc6a1b46f3bb88ba10415c82d9ad3496c26552");
}

static void any_scratch_from_64_bytes_gives_the_same_digests(void **state)
{
    (void)state;
    const struct image_segment_spec more[] = {{0x3FC80000, 0x104}, {0, 0x20}, {0x40380000, 4}};
    struct image_spec spec = {.chip_id = 5, .size = 0x2350, .segments = more, .segment_count = 3, .seed = 5};
    struct ot_image_digests first, d;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(judge(b, size, 4096, &first), OT_OK);
    for (uint32_t len = 64; len < 4096; len += 37) {
        assert_int_equal(judge(b, size, len, &d), OT_OK);
        assert_memory_equal(&d, &first, sizeof d);
    }
    assert_int_equal(judge(b, size, 63, &d), OT_E_ARGUMENT);
    free(b);
}

/* Signed bytes run to the sector; a file that ends early is padded as a signer would. */
static void covered_is_the_digest_up_to_the_sector_padded_with_ff(void **state)
{
    (void)state;
    uint8_t sector[4096];
    struct ot_image_digests unsigned_file, slot;
    struct ot_digest wanted;
    memset(sector, 0xFF, sizeof sector);
    image_example(sector);
    SHA256(sector, sizeof sector, wanted.bytes);
    assert_int_equal(judge(sector, IMAGE_EXAMPLE_BYTES, 100, &unsigned_file), OT_OK);
    assert_int_equal(judge(sector, sizeof sector, 100, &slot), OT_OK);
    assert_memory_equal(&unsigned_file.covered, &wanted, sizeof wanted);
    assert_memory_equal(&slot, &unsigned_file, sizeof slot);
}

/* One bit of the padding: same firmware, other signed bytes. */
static void padding_changes_covered_but_not_the_identity(void **state)
{
    (void)state;
    uint8_t sector[4096];
    struct ot_image_digests good, d;
    memset(sector, 0xFF, sizeof sector);
    image_example(sector);
    assert_int_equal(judge(sector, sizeof sector, 512, &good), OT_OK);
    for (uint32_t at = IMAGE_EXAMPLE_BYTES; at < sizeof sector; at += 53) {
        sector[at] ^= 0x10;
        assert_int_equal(judge(sector, sizeof sector, 512, &d), OT_OK);
        assert_memory_equal(&d.identity, &good.identity, sizeof d.identity);
        assert_memory_not_equal(&d.covered, &good.covered, sizeof d.covered);
        sector[at] ^= 0x10;
    }
}

static void every_single_bit_flip_of_the_example_is_refused(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image_digests d;
    image_example(b);
    for (uint32_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(judge(b, sizeof b, 256, &d), OT_OK);
        b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_OK);
}

static void the_two_checks_are_told_apart(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    struct ot_image_digests d;
    image_example(b);
    b[0x100] ^= 1; /* data: the checksum sees it first */
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_CHECKSUM);
    b[0x101] ^= 1; /* two flips that cancel out: only the digest sees them */
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_DIGEST);
    image_example(b);
    b[0x12F] ^= 1;
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_CHECKSUM);
    image_example(b);
    b[0x14F] ^= 1;
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_DIGEST);
    image_example(b);
    b[0x122] ^= 1; /* padding before the checksum belongs to the digest alone */
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_DIGEST);
}

static void a_refused_image_has_no_digests(void **state)
{
    (void)state;
    uint8_t b[IMAGE_EXAMPLE_BYTES];
    static const struct ot_image_digests none;
    struct ot_image_digests d;
    image_example(b);
    b[0x14F] ^= 1;
    memset(&d, 0x77, sizeof d);
    assert_int_equal(judge(b, sizeof b, 256, &d), OT_E_IMAGE_DIGEST);
    assert_memory_equal(&d, &none, sizeof d);
}

/* The vendor's loader checks nothing more in such an image; here it has no identity, so it is no firmware. */
static void an_image_without_appended_digest_is_refused(void **state)
{
    (void)state;
    struct image_spec spec = {.chip_id = 5, .no_digest = true};
    struct ot_image_digests d;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(judge(b, size, 256, &d), OT_E_IMAGE_NO_DIGEST);
    free(b);
    uint8_t e[IMAGE_EXAMPLE_BYTES];
    image_example(e);
    for (unsigned value = 0; value < 256; value++) {
        e[23] = (uint8_t)value;
        if (value != 1)
            assert_int_equal(judge(e, sizeof e, 256, &d), OT_E_IMAGE_NO_DIGEST);
    }
}

/* The example measured on the vendor's tool: real segments end at 0x32140, the file at 0x40000. */
static void the_pad_of_the_vendors_example_ends_at_the_next_page(void **state)
{
    (void)state;
    const uint32_t ends = 0x32140;
    const struct image_segment_spec more[] = {{0x3FC80000, ends - 0x120 - 8}, {0, 0xDE88}};
    const struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 2, .seed = 5};
    struct ot_image_digests d;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(size, 0x40000);
    assert_int_equal(judge(b, size, 4096, &d), OT_OK);
    assert_memory_equal(b + 0x3FFE0, d.identity.bytes, 32);
    b[0x3FFDF] ^= 1; /* the checksum */
    assert_int_equal(judge(b, size, 4096, &d), OT_E_IMAGE_CHECKSUM);
    free(b);
}

/* Trap 9: the digest covers the checksum and the bytes before it, so a pad segment makes another firmware. */
static void a_padded_image_has_another_identity_and_ends_on_a_page(void **state)
{
    (void)state;
    const uint32_t end = 0x20 + 0x100 + 8 + 0x400; /* of the last real segment */
    uint32_t pad = (65536u - ((end + 8 + 16 + 32) % 65536u)) % 65536u;
    const struct image_segment_spec more[] = {{0x3FC80000, 0x400}, {0, pad}};
    struct image_spec spec = {.chip_id = 5, .segments = more, .segment_count = 1, .seed = 3};
    struct ot_image_digests plain, padded;
    uint32_t size;
    uint8_t *b = image_make(&spec, &size);
    assert_int_equal(judge(b, size, 4096, &plain), OT_OK);
    free(b);
    spec.segment_count = 2;
    b = image_make(&spec, &size);
    assert_int_equal(size, 0x10000);
    assert_int_equal(judge(b, size, 4096, &padded), OT_OK);
    assert_memory_not_equal(&plain.identity, &padded.identity, sizeof plain.identity);
    struct ot_digest over_all_but_itself;
    SHA256(b, size - 32, over_all_but_itself.bytes);
    assert_memory_equal(&over_all_but_itself, &padded.identity, 32);
    free(b);
}

static void every_failing_read_ends_the_pass(void **state)
{
    (void)state;
    uint8_t sector[4096], scratch[64];
    struct ot_image image;
    struct ot_image_digests d;
    memset(sector, 0xFF, sizeof sector);
    image_example(sector);
    struct failing_source whole = {.bytes = sector, .size = sizeof sector, .fail_at = UINT32_MAX};
    struct ot_source src = failing_source(&whole);
    assert_int_equal(ot_image_parse(&src, &no_limits, &image), OT_OK);
    whole.reads = 0;
    assert_int_equal(ot_image_hash(&src, &image, crypto_openssl(), scratch, sizeof scratch, &d), OT_OK);
    for (uint32_t n = 0; n < whole.reads; n++) {
        struct failing_source failing = {.bytes = sector, .size = sizeof sector, .fail_at = n};
        src = failing_source(&failing);
        assert_int_equal(ot_image_hash(&src, &image, crypto_openssl(), scratch, sizeof scratch, &d),
                         OT_E_READ);
    }
}

static enum ot_status shape(const uint8_t *bytes, uint32_t size, bool *is_signed)
{
    struct ot_memory memory = {bytes, size};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image image = {.length = IMAGE_EXAMPLE_BYTES, .signature_offset = 4096};
    return ot_image_file_shape(&src, &image, is_signed);
}

static void a_file_ends_behind_the_image_or_behind_one_sector(void **state)
{
    (void)state;
    static uint8_t file[3 * 4096];
    bool is_signed = true;
    memset(file, 0xFF, sizeof file);
    image_example(file);
    file[4096] = 0xE7;
    assert_int_equal(shape(file, IMAGE_EXAMPLE_BYTES, &is_signed), OT_OK);
    assert_false(is_signed);
    assert_int_equal(shape(file, 8192, &is_signed), OT_OK);
    assert_true(is_signed);
    for (uint32_t size = 0; size < sizeof file; size++) {
        enum ot_status wanted = OT_E_IMAGE_TRAILING;
        if (size == IMAGE_EXAMPLE_BYTES || size == 8192)
            wanted = OT_OK;
        else if (size < IMAGE_EXAMPLE_BYTES || (size > 4096 && size < 8192)) /* image or sector cut short */
            wanted = OT_E_IMAGE_TRUNCATED;
        assert_int_equal(shape(file, size, &is_signed), wanted);
    }
    file[4096] = 0x55; /* what follows is no signature */
    assert_int_equal(shape(file, 5000, &is_signed), OT_E_IMAGE_TRAILING);
}

static void padding_before_the_sector_must_be_erased(void **state)
{
    (void)state;
    static uint8_t file[8192];
    bool is_signed;
    memset(file, 0xFF, sizeof file);
    image_example(file);
    for (uint32_t at = IMAGE_EXAMPLE_BYTES; at < 4096; at++) {
        file[at] = 0xFE;
        assert_int_equal(shape(file, sizeof file, &is_signed), OT_E_IMAGE_PADDING);
        file[at] = 0xFF;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_has_its_known_digest),
        cmocka_unit_test(any_scratch_from_64_bytes_gives_the_same_digests),
        cmocka_unit_test(covered_is_the_digest_up_to_the_sector_padded_with_ff),
        cmocka_unit_test(padding_changes_covered_but_not_the_identity),
        cmocka_unit_test(every_single_bit_flip_of_the_example_is_refused),
        cmocka_unit_test(the_two_checks_are_told_apart),
        cmocka_unit_test(a_refused_image_has_no_digests),
        cmocka_unit_test(an_image_without_appended_digest_is_refused),
        cmocka_unit_test(the_pad_of_the_vendors_example_ends_at_the_next_page),
        cmocka_unit_test(a_padded_image_has_another_identity_and_ends_on_a_page),
        cmocka_unit_test(every_failing_read_ends_the_pass),
        cmocka_unit_test(a_file_ends_behind_the_image_or_behind_one_sector),
        cmocka_unit_test(padding_before_the_sector_must_be_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
