/* Patches made and applied: every pair of files comes back exactly, in any chunks, and a wrong patch is refused by name. */
#include "image_support.h"
#include "sign_support.h"
#include "tools/delta.h"

#include "base/crypto_openssl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct delta_file random_file(unsigned seed, uint32_t size)
{
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    srand(seed);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((unsigned)rand() % 7u * 31u);
    return (struct delta_file){.bytes = bytes, .size = size};
}

/* Some bytes changed, some taken out, some put in. */
static struct delta_file edited(const struct delta_file *from, unsigned seed)
{
    uint8_t *bytes = malloc(from->size + 1000u);
    uint32_t n = 0;
    assert_non_null(bytes);
    srand(seed);
    for (uint32_t i = 0; i < from->size; i++) {
        unsigned dice = (unsigned)rand() % 200u;
        if (dice == 0 && n + 4u < from->size + 1000u)
            bytes[n++] = (uint8_t)rand();
        if (dice != 1)
            bytes[n++] = dice == 2 ? (uint8_t)rand() : from->bytes[i];
    }
    return (struct delta_file){.bytes = bytes, .size = n};
}

static struct delta_file image_of(uint16_t chip, const char *version, uint32_t seed, uint32_t size)
{
    struct image_spec spec = {.chip_id = chip, .version = version, .seed = seed, .size = size};
    struct delta_file f;
    f.bytes = image_make(&spec, &f.size);
    return f;
}

static void release(const struct delta_file *f)
{
    union {
        const uint8_t *in;
        void *memory;
    } u = {.in = f->bytes};
    free(u.memory);
}

static uint32_t there_and_back(const struct delta_file *base, const struct delta_file *target)
{
    struct delta_patch patch;
    uint8_t *result;
    uint32_t size;
    assert_int_equal(delta_make(base, target, &patch), OT_OK);
    struct delta_file made = {.bytes = patch.bytes, .size = patch.size};
    assert_int_equal(delta_apply(base, &made, &result, &size), OT_OK);
    assert_int_equal(size, target->size);
    assert_memory_equal(result, target->bytes, size);
    uint32_t bytes = patch.size;
    free(result);
    delta_patch_free(&patch);
    return bytes;
}

static void test_plain_files_come_back(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 12; seed++) {
        struct delta_file base = random_file(seed, 1u + seed * 997u), target = edited(&base, seed);
        struct delta_file other = random_file(seed + 100u, 3000);
        there_and_back(&base, &target);
        there_and_back(&base, &other);
        assert_true(there_and_back(&base, &base) <= OT_DELTA_HEADER_BYTES + 24u);
        release(&base);
        release(&target);
        release(&other);
    }
}

static void test_images_of_all_chips_come_back(void **state)
{
    static const uint16_t chips[] = {0, 2, 5, 9, 12, 13, 16, 18, 20, 23};
    (void)state;
    for (unsigned i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        struct delta_file base = image_of(chips[i], "1.0.0", 1, 40000),
                          target = image_of(chips[i], "1.0.1", 1, 40400);
        struct delta_file foreign = image_of(chips[i], "2.0.0", 9, 9000);
        uint32_t small = there_and_back(&base, &target);
        assert_true(small < 4000);
        there_and_back(&base, &foreign);
        release(&base);
        release(&target);
        release(&foreign);
    }
}

static void test_tiny_files_come_back(void **state)
{
    (void)state;
    struct delta_file base = random_file(3, 40);
    for (uint32_t n = 1; n <= 40; n++) {
        struct delta_file target = random_file(n, n), cut = {.bytes = base.bytes, .size = n};
        there_and_back(&base, &target);
        there_and_back(&cut, &base);
        release(&target);
    }
    release(&base);
}

/* --- signatures --- */

static struct delta_file signed_by(const struct delta_file *image, struct sign_key *const *keys,
                                   unsigned count)
{
    struct delta_file f;
    f.bytes = sign_file(image->bytes, image->size, keys, count, &f.size);
    return f;
}

static uint32_t signed_pair(const struct delta_file *base, struct sign_key *const *old_keys,
                            unsigned old_count, const struct delta_file *target, struct sign_key *const *keys,
                            unsigned count)
{
    struct delta_file from = signed_by(base, old_keys, old_count), to = signed_by(target, keys, count);
    uint32_t bytes = there_and_back(&from, &to);
    release(&from);
    release(&to);
    return bytes;
}

/* What a signature costs: itself, and a modulus where the key is new. */
static void test_signatures_cost_what_nobody_can_compute(void **state)
{
    (void)state;
    struct sign_key *rsa[] = {sign_key_make(OT_SCHEME_RSA3072), sign_key_make(OT_SCHEME_RSA3072),
                              sign_key_make(OT_SCHEME_RSA3072), sign_key_make(OT_SCHEME_RSA3072)};
    struct sign_key *ecdsa = sign_key_make(OT_SCHEME_ECDSA256);
    struct delta_file base = image_of(5, "1.0.0", 1, 20000), target = image_of(5, "1.0.1", 1, 20100);
    uint32_t plain = there_and_back(&base, &target);
    assert_true(signed_pair(&base, rsa, 1, &target, rsa, 1) - plain <= 400);
    assert_true(signed_pair(&base, rsa, 2, &target, rsa, 2) - plain <= 800);
    assert_true(signed_pair(&base, rsa, 3, &target, rsa, 3) - plain <= 1200);
    assert_true(signed_pair(&base, rsa, 1, &target, rsa + 3, 1) - plain <= 800);
    assert_true(signed_pair(&base, rsa, 2, &target, rsa + 2, 2) - plain <= 1600);
    assert_true(signed_pair(&base, &ecdsa, 1, &target, &ecdsa, 1) - plain <= 100);
    assert_true(signed_pair(&base, &ecdsa, 1, &target, rsa, 1) - plain <= 800);
    /* the same image by another key, an unsigned base, an unsigned target */
    signed_pair(&base, rsa, 1, &base, rsa + 1, 1);
    struct delta_file to = signed_by(&target, rsa, 1);
    there_and_back(&base, &to);
    there_and_back(&to, &target);
    release(&to);
    release(&base);
    release(&target);
    for (unsigned i = 0; i < 4; i++)
        sign_key_free(rsa[i]);
    sign_key_free(ecdsa);
}

/* A sector that is not what its keys make of it: the patch is larger, the result the same. */
static void test_a_strange_signature_sector_comes_back_too(void **state)
{
    (void)state;
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256);
    struct delta_file base = image_of(5, "1.0.0", 1, 20000), target = image_of(5, "1.0.1", 1, 20100);
    struct delta_file from = signed_by(&base, &key, 1), to = signed_by(&target, &key, 1);
    uint8_t *strange = malloc(to.size);
    assert_non_null(strange);
    memcpy(strange, to.bytes, to.size);
    strange[to.size - 4000] ^= 0x40;
    struct delta_file odd = {.bytes = strange, .size = to.size};
    there_and_back(&from, &odd);
    release(&odd);
    release(&from);
    release(&to);
    release(&base);
    release(&target);
    sign_key_free(key);
}

/* --- the decoder by hand --- */

struct slot {
    uint8_t bytes[65536];
    uint32_t written, writes, fail_at;
};

static enum ot_status slot_write(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct slot *s = ctx;
    assert_int_equal(offset, s->written); /* in order, each byte once */
    assert_true(offset + len <= sizeof s->bytes);
    if (s->writes++ == s->fail_at)
        return OT_E_FLASH_WRITE;
    memcpy(s->bytes + offset, bytes, len);
    s->written += len;
    return OT_OK;
}

static enum ot_status slot_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct slot *s = ctx;
    assert_true(offset + len <= s->written); /* only what is there already */
    memcpy(buf, s->bytes + offset, len);
    return OT_OK;
}

static enum ot_status file_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct delta_file *f = ctx;
    assert_true(offset + len <= f->size);
    memcpy(buf, f->bytes + offset, len);
    return OT_OK;
}

static enum ot_status decode(struct delta_file *base, const uint8_t *patch, uint32_t size, uint32_t chunk,
                             uint32_t target_max, struct slot *slot)
{
    static struct ot_delta d;
    uint8_t sector[OT_DELTA_SECTOR_BYTES];
    struct ot_delta_io io = {.base = {.ctx = base, .size = base->size, .read = file_read},
                             .written = {.ctx = slot, .size = target_max, .read = slot_read},
                             .target_max = target_max,
                             .ctx = slot,
                             .write = slot_write};
    delta_file_digest(base, &io.base_digest);
    slot->written = slot->writes = 0;
    ot_delta_start(&d, &io, sector);
    enum ot_status st = OT_OK;
    for (uint32_t at = 0; at < size && st == OT_OK; at += chunk)
        st = ot_delta_feed(&d, patch + at, chunk < size - at ? chunk : size - at);
    return st == OT_OK ? ot_delta_finish(&d) : st;
}

struct pair {
    struct delta_file base, target;
    struct delta_patch patch;
};

static void make_pair(struct pair *p, uint32_t target_seed)
{
    p->base = image_of(5, "1.0.0", 1, 30000);
    p->target = image_of(5, "1.0.1", target_seed, 31000);
    assert_int_equal(delta_make(&p->base, &p->target, &p->patch), OT_OK);
}

static void drop_pair(struct pair *p)
{
    release(&p->base);
    release(&p->target);
    delta_patch_free(&p->patch);
}

static struct slot slot;

static void test_chunks_do_not_matter(void **state)
{
    static const uint32_t chunks[] = {1, 2, 3, 79, 80, 81, 83, 84, 256, 511, 512, 513, 4096, 1u << 20};
    struct pair p;
    (void)state;
    make_pair(&p, 2);
    for (unsigned i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        slot.fail_at = UINT32_MAX;
        assert_int_equal(decode(&p.base, p.patch.bytes, p.patch.size, chunks[i], sizeof slot.bytes, &slot),
                         OT_OK);
        assert_int_equal(slot.written, p.target.size);
        assert_memory_equal(slot.bytes, p.target.bytes, p.target.size);
    }
    drop_pair(&p);
}

static void test_every_refusal_has_its_name(void **state)
{
    struct pair p;
    (void)state;
    make_pair(&p, 2);
    uint8_t *b = p.patch.bytes;
    uint32_t n = p.patch.size;
    slot.fail_at = UINT32_MAX;
    assert_int_equal(decode(&p.base, b, n, 512, p.target.size - 1u, &slot), OT_E_IMAGE_TOO_LARGE);
    assert_int_equal(slot.writes, 0);
    assert_int_equal(decode(&p.target, b, n, 512, sizeof slot.bytes, &slot), OT_E_PATCH_BASE);
    assert_int_equal(slot.writes, 0);
    assert_int_equal(decode(&p.base, b, 60, 512, sizeof slot.bytes, &slot), OT_E_PATCH_TRUNCATED);
    assert_int_equal(decode(&p.base, b, n / 2, 512, sizeof slot.bytes, &slot), OT_E_PATCH_TRUNCATED);
    uint8_t *longer = calloc(1, n + 700u);
    assert_non_null(longer);
    memcpy(longer, b, n);
    assert_int_equal(decode(&p.base, longer, n + 1u, 1, sizeof slot.bytes, &slot), OT_E_PATCH_TRAILING);
    assert_int_equal(decode(&p.base, longer, n + 700u, 64, sizeof slot.bytes, &slot), OT_E_PATCH_TRAILING);
    longer[0] ^= 1;
    assert_int_equal(decode(&p.base, longer, n, 512, sizeof slot.bytes, &slot), OT_E_PATCH_MAGIC);
    longer[0] ^= 1;
    longer[3] = 9;
    assert_int_equal(decode(&p.base, longer, n, 512, sizeof slot.bytes, &slot), OT_E_PATCH_VERSION);
    free(longer);
    slot.fail_at = 2;
    assert_int_equal(decode(&p.base, b, n, 512, sizeof slot.bytes, &slot), OT_E_FLASH_WRITE);
    drop_pair(&p);
}

/* One changed byte: the exact target, or a refusal; a wrong result is caught by its digest. */
static void mutate(struct pair *p, uint32_t at, unsigned *refused)
{
    p->patch.bytes[at] ^= (uint8_t)(1u << at % 8u);
    enum ot_status st = decode(&p->base, p->patch.bytes, p->patch.size, 512, sizeof slot.bytes, &slot);
    *refused += st != OT_OK;
    if (st == OT_OK &&
        (slot.written != p->target.size || memcmp(slot.bytes, p->target.bytes, slot.written) != 0)) {
        uint8_t *out;
        uint32_t size;
        struct delta_file mutant = {.bytes = p->patch.bytes, .size = p->patch.size};
        assert_int_equal(delta_apply(&p->base, &mutant, &out, &size), OT_E_PATCH_RESULT);
        assert_null(out);
    }
    p->patch.bytes[at] ^= (uint8_t)(1u << at % 8u);
}

static void test_mutations_end_in_target_or_refusal(void **state)
{
    struct pair small, large;
    unsigned refused = 0;
    (void)state;
    make_pair(&small, 1);
    make_pair(&large, 2);
    slot.fail_at = UINT32_MAX;
    for (uint32_t at = 0; at < small.patch.size; at++)
        mutate(&small, at, &refused);
    for (uint32_t at = 90; at < large.patch.size; at += large.patch.size / 30u)
        mutate(&large, at, &refused);
    assert_true(refused > small.patch.size / 2u);
    drop_pair(&small);
    drop_pair(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_files_come_back),
        cmocka_unit_test(test_images_of_all_chips_come_back),
        cmocka_unit_test(test_tiny_files_come_back),
        cmocka_unit_test(test_signatures_cost_what_nobody_can_compute),
        cmocka_unit_test(test_a_strange_signature_sector_comes_back_too),
        cmocka_unit_test(test_chunks_do_not_matter),
        cmocka_unit_test(test_every_refusal_has_its_name),
        cmocka_unit_test(test_mutations_end_in_target_or_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
