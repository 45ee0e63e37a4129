/*
 * Threat model, section C and E: images as an attacker with the whole server would offer them. The server in these
 * tests says nothing false about its bytes: only the device's own verification stands between them and the boot.
 */
#include "threat_support.h"

#include "image_support.h"
#include "otaria/bytes.h"
#include "otaria/descriptor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE_SECTOR 4096u

static struct ot_descriptor descriptor(const struct world *w, uint32_t release)
{
    struct ot_descriptor d = {.release = release, .hardware_revisions = 1, .key_count = 1};
    d.keys[0] = w->set.key[0];
    return d;
}

/* What image_make() makes of a spec, signed by key 0, offered under its own identity. */
static void offer_made(struct world *w, const struct image_spec *spec)
{
    uint32_t size = 0, signed_size = 0;
    struct ot_digest identity;
    uint8_t *image = image_make(spec, &size);
    uint8_t *file = threat_sign(image, size, 0, &signed_size);
    memcpy(identity.bytes, image + size - OT_DIGEST_BYTES, OT_DIGEST_BYTES);
    threat_offer(w, file, signed_size, &identity);
    free(image);
    free(file);
}

static struct image_spec good_spec(const struct ot_descriptor *d)
{
    return (struct image_spec){.chip_id = MATRIX_CHIP,
                               .project = MATRIX_PRODUCT,
                               .version = "1.1.0",
                               .descriptor = d,
                               .seed = 7,
                               .size = 12288};
}

static void tm_C01_unsigned(void **state)
{
    struct world *w = threat_world("S2");
    uint32_t size;
    uint8_t *b = threat_copy_b(w, &size);
    (void)state;
    threat_offer(w, b, size - SIGNATURE_SECTOR, NULL);
    threat_expect_refused(w, OT_E_UNSIGNED);
    free(b);
    threat_close(w);
}

static void tm_C02_signature_sectors_that_sign_nothing(void **state)
{
    struct world *w = threat_world("S2");
    uint32_t size;
    (void)state;
    for (unsigned kind = 0; kind < 6; kind++) {
        uint8_t *b = threat_copy_b(w, &size);
        uint8_t *block = b + size - SIGNATURE_SECTOR;
        if (kind == 0)
            memset(block, 0xFF, SIGNATURE_SECTOR); /* an empty list */
        if (kind == 1)
            memset(block, 0, SIGNATURE_SECTOR);
        if (kind == 2)
            memmove(block + 1216, block, 1216), memset(block, 0xFF, 1216); /* behind an empty place */
        if (kind == 3)
            block[1] = 3; /* another algorithm's number */
        if (kind == 4)
            memset(block + 812, 0, 384), sign_block_reseal(block); /* signature zero */
        if (kind == 5)
            ot_store32(block + 420, 1), sign_block_reseal(block); /* exponent one */
        threat_offer(w, b, size, NULL);
        threat_expect_refused_somehow(w);
        free(b);
    }
    threat_close(w);
}

static void tm_C03_unknown_and_revoked_keys(void **state)
{
    struct world *w = threat_world("S2");
    uint32_t size, signed_size;
    uint8_t *b = threat_copy_b(w, &size);
    uint8_t *other = threat_sign(b, size - SIGNATURE_SECTOR, 1, &signed_size);
    (void)state;
    threat_offer(w, other, signed_size, NULL);
    threat_expect_refused(w, OT_E_KEY_UNKNOWN);
    free(b);
    free(other);
    threat_close(w);

    /* After S10 key 0 is retired: an image signed by it is refused, whatever release it claims. */
    w = threat_world("S10");
    assert_true(world_run(w) && world_judge(w));
    struct ot_descriptor d = descriptor(w, 20);
    struct image_spec spec = good_spec(&d);
    uint8_t *image = image_make(&spec, &size);
    uint8_t *old_key = threat_sign(image, size, 0, &signed_size);
    struct world_snapshot after;
    world_snapshot(w, &after);
    world_snapshot_drop(w, &w->start);
    w->start = after;
    w->start.outside.ledger.plan_at = 0;
    w->start.outside.ledger.attempt_count = 0;
    w->server.plan.offers[0].firmware = w->server.replaces = FIRMWARE_C;
    struct ot_digest identity;
    memcpy(identity.bytes, image + size - OT_DIGEST_BYTES, OT_DIGEST_BYTES);
    threat_offer(w, old_key, signed_size, &identity);
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcome, OT_EVENT_FAILED);
    assert_true(w->o.ledger.attempts[0].reason == OT_E_KEY_REVOKED ||
                w->o.ledger.attempts[0].reason == OT_E_KEY_UNKNOWN);
    free(image);
    free(old_key);
    threat_close(w);
}

/* Every part of one release with the signature of another. */
static void tm_C06_signatures_swapped_between_releases(void **state)
{
    struct world *w = threat_world("S2");
    (void)state;
    for (int other = 0; other < FIRMWARE_COUNT; other++) {
        uint32_t size;
        uint8_t *b = threat_copy_b(w, &size);
        const struct firmware *f = &w->set.f[other];
        if (other == FIRMWARE_B) {
            free(b);
            continue;
        }
        memcpy(b + size - SIGNATURE_SECTOR, f->bytes + f->size - SIGNATURE_SECTOR, SIGNATURE_SECTOR);
        threat_offer(w, b, size, NULL);
        threat_expect_refused(w, OT_E_SIG_DIGEST);
        free(b);
    }
    threat_close(w);
}

/* Release 11 has confirmed and raised the floor to 11: older ones, signed and whole, are refused for ever. */
static void tm_C07_below_the_floor(void **state)
{
    struct world *w = threat_world("S11");
    (void)state;
    assert_true(world_run(w) && world_judge(w));
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
    w->server.plan = (struct server_plan){.count = 2};
    w->server.plan.offers[1].firmware = FIRMWARE_A; /* release 10 */
    w->o.now_ms += 61000;
    assert_true(world_run(w));
    const struct ledger_attempt *a = &w->o.ledger.attempts[w->o.ledger.attempt_count - 1];
    assert_int_equal(a->outcome, OT_EVENT_FAILED);
    assert_int_equal(a->reason, OT_E_BELOW_FLOOR);
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
    threat_close(w);
}

static void tm_C08_made_for_something_else(void **state)
{
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 11);
    struct image_spec spec = good_spec(&d);
    (void)state;
    spec.chip_id = 9;
    offer_made(w, &spec);
    threat_expect_refused(w, OT_E_IMAGE_CHIP);
    spec = good_spec(&d);
    spec.project = "toaster";
    offer_made(w, &spec);
    threat_expect_refused(w, OT_E_WRONG_PRODUCT);
    d.hardware_revisions = 2; /* revision 1 only; this device is revision 0 */
    offer_made(w, &(struct image_spec){
                      .chip_id = MATRIX_CHIP, .project = MATRIX_PRODUCT, .descriptor = &d, .size = 12288});
    threat_expect_refused(w, OT_E_WRONG_HARDWARE);
    d = descriptor(w, 11);
    d.min_slot_bytes = 0x400000;
    spec = good_spec(&d);
    offer_made(w, &spec);
    threat_expect_refused(w, OT_E_SLOT_SIZE);
    threat_close(w);
}

/*
 * Each length of the last part, and every 64th before; up to the end of the first block, behind which the sector holds
 * nothing but FF, as erased flash does.
 */
static void tm_C09_truncated_at_every_length(void **state)
{
    struct world *w = threat_world("S2");
    uint32_t size;
    uint8_t *b = threat_copy_b(w, &size);
    (void)state;
    const uint32_t end = size - SIGNATURE_SECTOR + 1200u;
    for (uint32_t len = 1; len < end; len += len < end - 400u ? 64u : 1u) {
        threat_offer(w, b, len, NULL);
        threat_expect_refused_somehow(w);
    }
    free(b);
    threat_close(w);
}

static void tm_C10_one_bit_flipped(void **state)
{
    (void)state;
    threat_suite("M11", "S2", 60);
}

/* A length or address field of the header or a segment set to each boundary value, sealed and signed again. */
static void tm_C11_C12_lengths_at_their_boundaries(void **state)
{
    static const uint32_t values[] = {0,          1,          2,          3,          0x7FFFFFFF, 0x80000000,
                                      0xFFFFFFFF, 0xFFFFFFFC, 0x01000000, 0x00FFFFFC, 131072,     131073};
    static const uint32_t fields[] = {0x18, 0x1C}; /* first segment: load address, length */
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 11);
    struct image_spec spec = good_spec(&d);
    uint32_t size, signed_size, refused = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (unsigned f = 0; f < 2; f++) {
            uint8_t *image = image_make(&spec, &size);
            if (f == 0 && values[i] % 65536u == 0x20)
                continue;
            ot_store32(image + fields[f], values[i]);
            uint8_t *file = threat_sign(image, size, 0, &signed_size);
            threat_offer(w, file, signed_size, NULL);
            threat_expect_refused_somehow(w);
            refused++;
            free(image);
            free(file);
        }
    }
    assert_true(refused >= 20);
    threat_close(w);
}

static void tm_C13_segment_counts(void **state)
{
    static const uint8_t counts[] = {0, 2, 16, 17, 128, 255};
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 11);
    struct image_spec spec = good_spec(&d);
    uint32_t size, signed_size;
    (void)state;
    for (unsigned i = 0; i < sizeof counts; i++) {
        uint8_t *image = image_make(&spec, &size);
        image[1] = counts[i];
        uint8_t *file = threat_sign(image, size, 0, &signed_size);
        threat_offer(w, file, signed_size, NULL);
        threat_expect_refused_somehow(w);
        free(image);
        free(file);
    }
    threat_close(w);
}

/* A descriptor anywhere but at its place has no effect; one that is there twice counts once. */
static void tm_C14_a_descriptor_elsewhere_is_nobody(void **state)
{
    struct world *w = threat_world("S2");
    struct ot_descriptor real = descriptor(w, 11), fake = descriptor(w, 99);
    struct image_spec spec = good_spec(&real);
    uint32_t size, signed_size;
    struct ot_digest identity;
    (void)state;
    uint8_t *image = image_make(&spec, &size);
    fake.floor = 99;
    assert_int_equal(ot_descriptor_format(&fake, image + OT_DESC_OFFSET + 1024), OT_OK);
    image_reseal(image, size);
    memcpy(identity.bytes, image + size - OT_DIGEST_BYTES, OT_DIGEST_BYTES);
    uint8_t *file = threat_sign(image, size, 0, &signed_size);
    /* The world knows no such firmware: what matters is what the device takes from it. */
    struct ot_memory memory = {.bytes = file, .size = signed_size};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_descriptor read;
    assert_int_equal(ot_descriptor_read(&src, &read), OT_OK);
    assert_int_equal(read.release, 11);
    assert_int_equal(read.floor, 0);
    free(image);
    free(file);
    threat_close(w);
}

static void tm_C16_larger_than_the_slot(void **state)
{
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 11);
    (void)state;
    for (uint32_t over = 0; over < 3; over++) {
        /* Signed, a slot must hold the image rounded up to 64 KiB, and the sector. */
        static const uint32_t above[] = {16, 4096, 32768};
        uint32_t size = w->set.slot_bytes - 65536u + above[over];
        struct image_spec spec = good_spec(&d);
        spec.size = size;
        offer_made(w, &spec);
        threat_expect_refused(w, OT_E_IMAGE_TOO_LARGE);
    }
    threat_close(w);
}

static void tm_C17_a_newer_descriptor(void **state)
{
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 11);
    struct image_spec spec = good_spec(&d);
    uint32_t size, signed_size;
    (void)state;
    uint8_t *image = image_make(&spec, &size);
    ot_store16(image + OT_DESC_OFFSET + 4, 2);
    image_reseal(image, size);
    uint8_t *file = threat_sign(image, size, 0, &signed_size);
    struct ot_digest identity;
    memcpy(identity.bytes, image + size - OT_DIGEST_BYTES, OT_DIGEST_BYTES);
    threat_offer(w, file, signed_size, &identity);
    threat_expect_refused(w, OT_E_DESC_VERSION);
    free(image);
    free(file);
    threat_close(w);
}

/* Secure Boot is on in the chip and knows another key: refused before the switch, not discovered at boot. */
static void tm_C18_the_chip_would_not_boot_it(void **state)
{
    struct world *w = threat_world("S2");
    uint32_t size;
    uint8_t *b = threat_copy_b(w, &size);
    (void)state;
    w->start.outside.fuses.secure_boot = true;
    w->start.outside.fuses.has_digest[0] = true;
    w->start.outside.fuses.digest[0] = w->set.key[0];
    threat_offer(w, b, size, NULL);
    threat_expect_updated(w);
    free(b);
    threat_close(w);

    w = threat_world("S2");
    b = threat_copy_b(w, &size);
    struct sign_key *both[2] = {firmware_key(1), firmware_key(0)};
    uint32_t signed_size;
    uint8_t *file = sign_file(b, size - SIGNATURE_SECTOR, both, 2, &signed_size);
    threat_offer(w, file, signed_size, NULL); /* without hardware keys: the second block suffices */
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcome, OT_EVENT_CONFIRMED);
    free(b);
    free(file);
    threat_close(w);
}

/* What stood in the slot before, behind the new image, changes nothing; bytes behind the file are not taken. */
static void tm_C20_extra_bytes(void **state)
{
    static const uint32_t extra[] = {1, 15, 16, 4096};
    struct world *w = threat_world("S2");
    uint32_t size;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t *b = threat_copy_b(w, &size);
        b = realloc(b, size + extra[i]);
        assert_non_null(b);
        memset(b + size, 0xA5, extra[i]);
        threat_offer(w, b, size + extra[i], NULL);
        threat_expect_sound(w);
        /* Covered by nothing and read by nobody; the image itself is the offered one or it does not run. */
        assert_true(w->o.truth.running == FIRMWARE_A ||
                    firmware_is_whole(&w->set, &w->nor, w->o.truth.slot, FIRMWARE_B));
        free(b);
    }
    threat_close(w);
}

static void tm_C22_flash_that_reads_differently(void **state)
{
    (void)state;
    threat_suite("M12", "S2", 1);
}

/* Five hundred artifacts made from a good one: none is installed. */
static void tm_E01_mutated_artifacts(void **state)
{
    struct world *w = threat_world("S2");
    uint64_t chance = 20261;
    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        uint32_t size;
        uint8_t *b = threat_copy_b(w, &size);
        uint64_t changes = 1 + nor_random(&chance) % 8;
        for (uint64_t c = 0; c < changes; c++) {
            uint32_t at = (uint32_t)(nor_random(&chance) % (size - SIGNATURE_SECTOR + 1196u));
            b[at] ^= (uint8_t)(1u + nor_random(&chance) % 255u);
        }
        threat_offer(w, b, size, NULL);
        threat_expect_refused_somehow(w);
        free(b);
    }
    threat_close(w);
}

static void tm_E06_image_and_offer_of_different_releases(void **state)
{
    struct world *w = threat_world("S2");
    (void)state;
    for (int other = 0; other < FIRMWARE_COUNT; other++) {
        uint32_t size;
        uint8_t *b = threat_copy_b(w, &size);
        if (other != FIRMWARE_B && other != FIRMWARE_A) {
            threat_offer(w, b, size, &w->set.f[other].identity);
            threat_expect_refused(w, OT_E_WRONG_TARGET);
        }
        free(b);
    }
    threat_close(w);
}

/* C-19 is C-08's wrong product: the product is inside what is signed. */
static void tm_C19_a_release_of_another_product(void **state)
{
    struct world *w = threat_world("S2");
    struct ot_descriptor d = descriptor(w, 500);
    struct image_spec spec = good_spec(&d);
    (void)state;
    spec.project = "lamp2";
    offer_made(w, &spec);
    threat_expect_refused(w, OT_E_WRONG_PRODUCT);
    spec.project = "lam";
    offer_made(w, &spec);
    threat_expect_refused(w, OT_E_WRONG_PRODUCT);
    threat_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_C01_unsigned),
        cmocka_unit_test(tm_C02_signature_sectors_that_sign_nothing),
        cmocka_unit_test(tm_C03_unknown_and_revoked_keys),
        cmocka_unit_test(tm_C06_signatures_swapped_between_releases),
        cmocka_unit_test(tm_C07_below_the_floor),
        cmocka_unit_test(tm_C08_made_for_something_else),
        cmocka_unit_test(tm_C09_truncated_at_every_length),
        cmocka_unit_test(tm_C10_one_bit_flipped),
        cmocka_unit_test(tm_C11_C12_lengths_at_their_boundaries),
        cmocka_unit_test(tm_C13_segment_counts),
        cmocka_unit_test(tm_C14_a_descriptor_elsewhere_is_nobody),
        cmocka_unit_test(tm_C16_larger_than_the_slot),
        cmocka_unit_test(tm_C17_a_newer_descriptor),
        cmocka_unit_test(tm_C18_the_chip_would_not_boot_it),
        cmocka_unit_test(tm_C19_a_release_of_another_product),
        cmocka_unit_test(tm_C20_extra_bytes),
        cmocka_unit_test(tm_C22_flash_that_reads_differently),
        cmocka_unit_test(tm_E01_mutated_artifacts),
        cmocka_unit_test(tm_E06_image_and_offer_of_different_releases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
