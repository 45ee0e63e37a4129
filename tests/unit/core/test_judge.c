/* The verdict: which signed files may run, and what a refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"
#include "sign_support.h"

#include "base/crypto_openssl.h"

#include <stdlib.h>
#include <string.h>

/* Made once: RSA keys are slow to make. a..c are P-256, r and q are RSA-3072. */
static struct {
    struct sign_key *a, *b, *c, *r, *q;
} keys;

/* One signed file and what was computed of it. */
struct signed_file {
    uint8_t *bytes;
    uint32_t size;
    struct ot_image image;
    struct ot_image_digests digests;
    uint8_t *blocks; /* the signature sector inside `bytes` */
};

static int make_keys(void **state)
{
    (void)state;
    keys.a = sign_key_make(OT_SCHEME_ECDSA256);
    keys.b = sign_key_make(OT_SCHEME_ECDSA256);
    keys.c = sign_key_make(OT_SCHEME_ECDSA256);
    keys.r = sign_key_make(OT_SCHEME_RSA3072);
    keys.q = sign_key_make(OT_SCHEME_RSA3072);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    sign_key_free(keys.a);
    sign_key_free(keys.b);
    sign_key_free(keys.c);
    sign_key_free(keys.r);
    sign_key_free(keys.q);
    return 0;
}

/* A small image by `seed`, signed by up to three keys (NULL ends the list). */
static struct signed_file signed_by(uint32_t seed, struct sign_key *k0, struct sign_key *k1,
                                    struct sign_key *k2)
{
    struct sign_key *list[3] = {k0, k1, k2};
    unsigned count = k0 == NULL ? 0 : k1 == NULL ? 1 : k2 == NULL ? 2 : 3;
    const struct image_spec spec = {.chip_id = 5, .seed = seed, .size = 0x900};
    const struct ot_image_limits no_limits = {0};
    struct signed_file f;
    uint8_t scratch[256];
    uint32_t size;
    uint8_t *image = image_make(&spec, &size);
    f.bytes = sign_file(image, size, list, count, &f.size);
    free(image);
    struct ot_memory memory = {f.bytes, f.size};
    struct ot_source src = ot_source_from_memory(&memory);
    assert_int_equal(ot_image_parse(&src, &no_limits, &f.image), OT_OK);
    assert_int_equal(ot_image_hash(&src, &f.image, crypto_openssl(), scratch, sizeof scratch, &f.digests),
                     OT_OK);
    f.blocks = f.bytes + f.image.signature_offset;
    return f;
}

static struct ot_digest name_of(const struct sign_key *key)
{
    struct ot_digest d;
    sign_key_digest(key, &d);
    return d;
}

static struct ot_verdict judge_with(const struct signed_file *f, const struct ot_trust_set *set,
                                    const struct ot_crypto *crypto)
{
    struct ot_memory memory = {f->bytes, f->size};
    struct ot_source src = ot_source_from_memory(&memory);
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    struct ot_verdict v;
    memset(&v, 0x5A, sizeof v); /* whatever stood there must not matter */
    ot_trust_judge(&src, &f->image, &f->digests, set, crypto, scratch, sizeof scratch, &v);
    return v;
}

/* Trusted: up to two keys; revoked: up to one. NULL where there is none. */
static struct ot_verdict judge(const struct signed_file *f, const struct sign_key *t0,
                               const struct sign_key *t1, const struct sign_key *revoked)
{
    struct ot_digest trusted[2], gone;
    struct ot_trust_set set = {.keys = trusted, .revoked = &gone};
    if (t0 != NULL)
        trusted[set.key_count++] = name_of(t0);
    if (t1 != NULL)
        trusted[set.key_count++] = name_of(t1);
    if (revoked != NULL) {
        gone = name_of(revoked);
        set.revoked_count = 1;
    }
    return judge_with(f, &set, crypto_openssl());
}

static void assert_accepted(const struct ot_verdict *v, const struct signed_file *f,
                            const struct sign_key *key, unsigned block)
{
    struct ot_digest name = name_of(key);
    assert_int_equal(v->reason, OT_OK);
    assert_true(ot_verdict_accepts(v, &f->digests.identity));
    assert_memory_equal(&v->key, &name, sizeof name);
    assert_memory_equal(&v->image, &f->digests.identity, sizeof name);
    assert_int_equal(v->block, block);
}

static void assert_refused(const struct ot_verdict *v, const struct signed_file *f, enum ot_status reason)
{
    assert_int_equal(v->reason, reason);
    assert_int_equal(v->state, OT_VERDICT_REFUSED);
    assert_false(ot_verdict_accepts(v, &f->digests.identity));
    assert_true(ot_digest_is_zero(&v->image));
    assert_true(ot_digest_is_zero(&v->key));
}

static void erase(uint8_t *blocks, unsigned index)
{
    memset(blocks + index * OT_SIG_BLOCK_BYTES, 0xFF, OT_SIG_BLOCK_BYTES);
}

static uint8_t *block_at(const struct signed_file *f, unsigned index)
{
    return f->blocks + index * OT_SIG_BLOCK_BYTES;
}

static void one_two_or_three_keys_of_which_one_is_trusted_are_accepted(void **state)
{
    (void)state;
    struct signed_file one = signed_by(1, keys.a, NULL, NULL);
    struct signed_file two = signed_by(1, keys.a, keys.b, NULL);
    struct signed_file three = signed_by(1, keys.a, keys.b, keys.c);
    struct ot_verdict v = judge(&one, keys.a, NULL, NULL);
    assert_accepted(&v, &one, keys.a, 0);
    assert_int_equal(v.blocks_seen, 1);
    v = judge(&two, keys.b, NULL, NULL);
    assert_accepted(&v, &two, keys.b, 1);
    assert_int_equal(v.blocks_seen, 2);
    v = judge(&three, keys.c, NULL, NULL);
    assert_accepted(&v, &three, keys.c, 2);
    assert_int_equal(v.blocks_seen, 3);
    free(one.bytes);
    free(two.bytes);
    free(three.bytes);
}

static void both_schemes_are_accepted_alone_and_mixed(void **state)
{
    (void)state;
    struct signed_file rsa = signed_by(2, keys.r, NULL, NULL);
    struct signed_file mixed = signed_by(2, keys.a, keys.r, NULL);
    struct ot_verdict v = judge(&rsa, keys.r, NULL, NULL);
    assert_accepted(&v, &rsa, keys.r, 0);
    v = judge(&mixed, keys.r, NULL, NULL); /* the block of the other scheme is passed over */
    assert_accepted(&v, &mixed, keys.r, 1);
    v = judge(&mixed, keys.a, NULL, NULL);
    assert_accepted(&v, &mixed, keys.a, 0);
    v = judge(&rsa, keys.a, keys.q, NULL);
    assert_refused(&v, &rsa, OT_E_KEY_UNKNOWN);
    free(rsa.bytes);
    free(mixed.bytes);
}

static void an_unknown_key_before_a_trusted_one_does_no_harm(void **state)
{
    (void)state;
    struct signed_file f = signed_by(3, keys.c, keys.a, NULL);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_accepted(&v, &f, keys.a, 1);
    free(f.bytes);
}

static void an_unsigned_file_is_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(4, NULL, NULL, NULL); /* an erased sector */
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_UNSIGNED);
    assert_int_equal(v.blocks_seen, 0);
    f.size = f.image.length; /* no sector at all */
    v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_UNSIGNED);
    free(f.bytes);
}

static void unknown_keys_are_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(5, keys.a, keys.b, NULL);
    struct ot_verdict v = judge(&f, keys.c, keys.r, NULL);
    assert_refused(&v, &f, OT_E_KEY_UNKNOWN);
    assert_int_equal(v.blocks_seen, 2);
    free(f.bytes);
}

static void an_empty_trust_set_accepts_nothing(void **state)
{
    (void)state;
    struct signed_file f = signed_by(6, keys.a, NULL, NULL);
    struct ot_verdict v = judge(&f, NULL, NULL, NULL);
    assert_refused(&v, &f, OT_E_NO_TRUST);
    free(f.bytes);
}

static void a_revoked_key_is_refused_and_another_one_still_serves(void **state)
{
    (void)state;
    struct signed_file only = signed_by(7, keys.a, NULL, NULL);
    struct signed_file both = signed_by(7, keys.a, keys.b, NULL);
    struct ot_verdict v = judge(&only, keys.a, keys.b, keys.a);
    assert_refused(&v, &only, OT_E_KEY_REVOKED);
    v = judge(&both, keys.a, keys.b, keys.a);
    assert_accepted(&v, &both, keys.b, 1);
    v = judge(&both, keys.a, NULL, keys.a);
    assert_refused(&v, &both, OT_E_KEY_REVOKED);
    free(only.bytes);
    free(both.bytes);
}

/* 13.3: blocks are contiguous from 0. */
static void an_empty_first_place_hides_a_good_second_block(void **state)
{
    (void)state;
    struct signed_file f = signed_by(8, keys.c, keys.a, NULL);
    erase(f.blocks, 0);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_UNSIGNED);
    assert_int_equal(v.blocks_seen, 0);
    free(f.bytes);
}

static void an_empty_second_place_hides_a_good_third_block(void **state)
{
    (void)state;
    struct signed_file f = signed_by(8, keys.c, keys.b, keys.a);
    erase(f.blocks, 1);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_KEY_UNKNOWN);
    assert_int_equal(v.blocks_seen, 1);
    free(f.bytes);
}

static void a_broken_crc_first_and_a_good_block_second_are_accepted(void **state)
{
    (void)state;
    struct signed_file f = signed_by(9, keys.a, keys.b, NULL);
    block_at(&f, 0)[700] ^= 1;
    struct ot_verdict v = judge(&f, keys.b, NULL, NULL);
    assert_accepted(&v, &f, keys.b, 1);
    v = judge(&f, keys.a, NULL, NULL); /* the trusted one is the broken one */
    assert_refused(&v, &f, OT_E_KEY_UNKNOWN);
    free(f.bytes);
}

static void a_malformed_block_first_and_a_good_one_second_are_accepted(void **state)
{
    (void)state;
    struct signed_file f = signed_by(9, keys.a, keys.b, NULL);
    block_at(&f, 0)[1] = 9;
    sign_block_reseal(block_at(&f, 0));
    struct ot_verdict v = judge(&f, keys.b, NULL, NULL);
    assert_accepted(&v, &f, keys.b, 1);
    free(f.bytes);
}

static void malformed_blocks_alone_are_named(void **state)
{
    (void)state;
    struct signed_file f = signed_by(10, keys.a, NULL, NULL);
    block_at(&f, 0)[200] ^= 1;
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_SIG_CRC);
    block_at(&f, 0)[200] ^= 1;
    block_at(&f, 0)[36] = 1; /* P-192 */
    sign_block_reseal(block_at(&f, 0));
    v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_SIG_FORMAT);
    free(f.bytes);
}

static void a_corrupted_signature_by_a_trusted_key_is_refused(void **state)
{
    (void)state;
    struct sign_key *signers[] = {keys.a, keys.r};
    for (unsigned i = 0; i < 2; i++) {
        struct signed_file f = signed_by(11, signers[i], NULL, NULL);
        block_at(&f, 0)[i == 0 ? 120 : 900] ^= 1;
        sign_block_reseal(block_at(&f, 0));
        struct ot_verdict v = judge(&f, signers[i], NULL, NULL);
        assert_refused(&v, &f, OT_E_SIG_INVALID);
        free(f.bytes);
    }
}

/* A corrupted block does not spoil a good one. */
static void a_corrupted_signature_first_and_a_good_one_second_are_accepted(void **state)
{
    (void)state;
    struct signed_file f = signed_by(12, keys.a, keys.b, NULL);
    block_at(&f, 0)[120] ^= 1;
    sign_block_reseal(block_at(&f, 0));
    struct ot_verdict v = judge(&f, keys.a, keys.b, NULL);
    assert_accepted(&v, &f, keys.b, 1);
    free(f.bytes);
}

static void the_sector_of_another_image_is_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(13, keys.a, NULL, NULL), other = signed_by(14, keys.a, NULL, NULL);
    memcpy(f.blocks, other.blocks, OT_SIG_SECTOR_BYTES);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_SIG_DIGEST);
    /* With the digest pasted in as well, the signature itself gives it away. */
    memcpy(block_at(&f, 0) + 4, f.digests.covered.bytes, 32);
    sign_block_reseal(block_at(&f, 0));
    v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_SIG_INVALID);
    free(f.bytes);
    free(other.bytes);
}

static void a_flipped_padding_bit_is_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(15, keys.a, NULL, NULL);
    struct ot_memory memory = {f.bytes, f.size};
    struct ot_source src = ot_source_from_memory(&memory);
    uint8_t scratch[64];
    f.bytes[f.image.signature_offset - 1] ^= 1;
    assert_int_equal(ot_image_hash(&src, &f.image, crypto_openssl(), scratch, sizeof scratch, &f.digests),
                     OT_OK);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_refused(&v, &f, OT_E_SIG_DIGEST);
    free(f.bytes);
}

/* Trap 12: what no signature covers changes neither the verdict nor the identity. */
static void the_rest_of_the_sector_may_hold_anything(void **state)
{
    (void)state;
    struct signed_file f = signed_by(16, keys.a, NULL, NULL);
    memset(block_at(&f, 0) + 1200, 0x77, 16);
    memset(block_at(&f, 3), 0x77, OT_SIG_SECTOR_BYTES - 3 * OT_SIG_BLOCK_BYTES);
    memset(block_at(&f, 1), 0x77, OT_SIG_BLOCK_BYTES);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_accepted(&v, &f, keys.a, 0);
    free(f.bytes);
}

/* Trap 12 again: signing anew gives another file and the same firmware. */
static void signing_with_another_key_keeps_the_identity(void **state)
{
    (void)state;
    struct signed_file f = signed_by(17, keys.a, NULL, NULL), again = signed_by(17, keys.b, keys.a, NULL);
    assert_memory_equal(&f.digests, &again.digests, sizeof f.digests);
    assert_memory_not_equal(f.bytes, again.bytes, f.size);
    free(f.bytes);
    free(again.bytes);
}

/* A signature sector cut short in its unused part is not a signature sector. */
static void a_sector_that_is_not_whole_counts_as_unsigned(void **state)
{
    (void)state;
    struct signed_file f = signed_by(18, keys.a, NULL, NULL);
    const uint32_t whole = f.size;
    for (uint32_t cut = 1; cut <= OT_SIG_SECTOR_BYTES + 100; cut += 111) {
        f.size = whole - cut;
        struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
        assert_refused(&v, &f, OT_E_UNSIGNED);
    }
    free(f.bytes);
}

/* The order in which a refusal is explained, whichever block comes first. */
static void the_most_telling_cause_wins_in_either_order(void **state)
{
    (void)state;
    /* a: trusted, signature broken. b: revoked. c: unknown. Then a malformed copy. */
    struct signed_file f = signed_by(19, keys.a, keys.b, keys.c), other = signed_by(20, keys.a, NULL, NULL);
    uint8_t invalid[OT_SIG_BLOCK_BYTES], revoked[OT_SIG_BLOCK_BYTES], unknown[OT_SIG_BLOCK_BYTES];
    uint8_t wrong_crc[OT_SIG_BLOCK_BYTES], wrong_image[OT_SIG_BLOCK_BYTES], malformed[OT_SIG_BLOCK_BYTES];
    memcpy(invalid, block_at(&f, 0), sizeof invalid);
    memcpy(revoked, block_at(&f, 1), sizeof revoked);
    memcpy(unknown, block_at(&f, 2), sizeof unknown);
    memcpy(wrong_image, other.blocks, sizeof wrong_image);
    memcpy(wrong_crc, unknown, sizeof wrong_crc);
    memcpy(malformed, unknown, sizeof malformed);
    invalid[120] ^= 1;
    sign_block_reseal(invalid);
    wrong_crc[1196] ^= 1;
    malformed[1] = 7;
    sign_block_reseal(malformed);
    const struct {
        const uint8_t *block;
        enum ot_status reason;
    } ladder[] = {
        {wrong_crc, OT_E_SIG_CRC},   {malformed, OT_E_SIG_FORMAT},   {unknown, OT_E_KEY_UNKNOWN},
        {revoked, OT_E_KEY_REVOKED}, {wrong_image, OT_E_SIG_DIGEST}, {invalid, OT_E_SIG_INVALID},
    };
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned j = 0; j < 6; j++) {
            memset(f.blocks, 0xFF, OT_SIG_SECTOR_BYTES);
            memcpy(block_at(&f, 0), ladder[i].block, OT_SIG_BLOCK_BYTES);
            memcpy(block_at(&f, 1), ladder[j].block, OT_SIG_BLOCK_BYTES);
            struct ot_verdict v = judge(&f, keys.a, keys.b, keys.b);
            assert_refused(&v, &f, ladder[i > j ? i : j].reason);
            assert_int_equal(v.blocks_seen, 2);
        }
    }
    free(f.bytes);
    free(other.bytes);
}

static void a_half_digest_is_enough_where_the_chip_stores_half(void **state)
{
    (void)state;
    struct signed_file f = signed_by(21, keys.a, keys.b, NULL);
    struct ot_digest half = name_of(keys.a), gone = name_of(keys.a);
    memset(half.bytes + 16, 0, 16);
    struct ot_trust_set set = {.keys = &half, .key_count = 1, .key_bytes = 16};
    struct ot_verdict v = judge_with(&f, &set, crypto_openssl());
    assert_accepted(&v, &f, keys.a, 0);
    set.key_bytes = 32;
    v = judge_with(&f, &set, crypto_openssl());
    assert_refused(&v, &f, OT_E_KEY_UNKNOWN);
    memset(gone.bytes + 16, 0x99, 16);
    set = (struct ot_trust_set){
        .keys = &half, .key_count = 1, .revoked = &gone, .revoked_count = 1, .key_bytes = 16};
    v = judge_with(&f, &set, crypto_openssl());
    assert_refused(&v, &f, OT_E_KEY_REVOKED);
    free(f.bytes);
}

/* One byte of digest would match one stranger in 256. */
static void other_widths_of_key_digests_are_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(22, keys.a, NULL, NULL);
    struct ot_digest name = name_of(keys.a);
    struct ot_trust_set set = {.keys = &name, .key_count = 1};
    for (set.key_bytes = 0; set.key_bytes < 300; set.key_bytes++) {
        struct ot_verdict v = judge_with(&f, &set, crypto_openssl());
        if (set.key_bytes == 0 || set.key_bytes == 16 || set.key_bytes == 32)
            assert_accepted(&v, &f, keys.a, 0);
        else
            assert_refused(&v, &f, OT_E_ARGUMENT);
    }
    set.key_bytes = UINT32_MAX;
    struct ot_verdict v = judge_with(&f, &set, crypto_openssl());
    assert_refused(&v, &f, OT_E_ARGUMENT);
    free(f.bytes);
}

static void a_scratch_too_small_for_a_block_is_refused(void **state)
{
    (void)state;
    struct signed_file f = signed_by(23, keys.a, NULL, NULL);
    struct ot_digest name = name_of(keys.a);
    struct ot_trust_set set = {.keys = &name, .key_count = 1};
    struct ot_memory memory = {f.bytes, f.size};
    struct ot_source src = ot_source_from_memory(&memory);
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    struct ot_verdict v;
    ot_trust_judge(&src, &f.image, &f.digests, &set, crypto_openssl(), scratch, sizeof scratch - 1, &v);
    assert_refused(&v, &f, OT_E_ARGUMENT);
    free(f.bytes);
}

static enum ot_status cannot_tell(void *ctx, const uint8_t *x, const uint8_t *y,
                                  const struct ot_digest *digest, const uint8_t *r, const uint8_t *s)
{
    (void)ctx, (void)x, (void)y, (void)digest, (void)r, (void)s;
    return OT_E_CRYPTO;
}

static void a_provider_that_cannot_tell_is_a_refusal_worth_a_retry(void **state)
{
    (void)state;
    struct signed_file f = signed_by(24, keys.a, keys.r, NULL);
    struct ot_crypto failing = *crypto_openssl();
    failing.p256_verify = cannot_tell;
    struct ot_digest trusted[2] = {name_of(keys.a), name_of(keys.r)};
    struct ot_trust_set set = {.keys = trusted, .key_count = 2};
    struct ot_verdict v = judge_with(&f, &set, &failing); /* the RSA block still works */
    assert_accepted(&v, &f, keys.r, 1);
    block_at(&f, 1)[900] ^= 1;
    sign_block_reseal(block_at(&f, 1));
    v = judge_with(&f, &set, &failing);
    assert_refused(&v, &f, OT_E_CRYPTO);
    free(f.bytes);
}

static void a_failing_read_is_a_refusal_and_says_so(void **state)
{
    (void)state;
    struct signed_file f = signed_by(25, keys.b, keys.c, keys.a);
    struct ot_digest name = name_of(keys.a);
    struct ot_trust_set set = {.keys = &name, .key_count = 1};
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    for (uint32_t n = 0; n < 3; n++) {
        struct failing_source failing = {.bytes = f.bytes, .size = f.size, .fail_at = n};
        struct ot_source src = failing_source(&failing);
        struct ot_verdict v;
        ot_trust_judge(&src, &f.image, &f.digests, &set, crypto_openssl(), scratch, sizeof scratch, &v);
        assert_refused(&v, &f, OT_E_READ);
    }
    free(f.bytes);
}

static void memory_that_nobody_judged_is_a_refusal(void **state)
{
    (void)state;
    struct ot_digest identity = {{1}};
    struct ot_verdict v = {0};
    assert_false(ot_verdict_accepts(&v, &identity));
    assert_false(ot_verdict_accepts(&v, &v.image));
    for (unsigned fill = 0; fill < 256; fill++) {
        memset(&v, (int)fill, sizeof v);
        assert_false(ot_verdict_accepts(&v, &v.image));
    }
}

static void a_verdict_holds_for_its_own_image_alone(void **state)
{
    (void)state;
    struct signed_file f = signed_by(26, keys.a, NULL, NULL), other = signed_by(27, keys.a, NULL, NULL);
    struct ot_verdict v = judge(&f, keys.a, NULL, NULL);
    assert_true(ot_verdict_accepts(&v, &f.digests.identity));
    assert_false(ot_verdict_accepts(&v, &other.digests.identity));
    for (unsigned bit = 0; bit < 32; bit++) { /* a glitch that flips one bit of the state */
        struct ot_verdict glitched = v;
        glitched.state ^= 1u << bit;
        assert_false(ot_verdict_accepts(&glitched, &f.digests.identity));
        struct ot_verdict refused = {.image = f.digests.identity, .state = 1u << bit};
        assert_false(ot_verdict_accepts(&refused, &f.digests.identity));
    }
    v.reason = OT_E_UNSIGNED;
    assert_false(ot_verdict_accepts(&v, &f.digests.identity));
    free(f.bytes);
    free(other.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_two_or_three_keys_of_which_one_is_trusted_are_accepted),
        cmocka_unit_test(both_schemes_are_accepted_alone_and_mixed),
        cmocka_unit_test(an_unknown_key_before_a_trusted_one_does_no_harm),
        cmocka_unit_test(an_unsigned_file_is_refused),
        cmocka_unit_test(unknown_keys_are_refused),
        cmocka_unit_test(an_empty_trust_set_accepts_nothing),
        cmocka_unit_test(a_revoked_key_is_refused_and_another_one_still_serves),
        cmocka_unit_test(an_empty_first_place_hides_a_good_second_block),
        cmocka_unit_test(an_empty_second_place_hides_a_good_third_block),
        cmocka_unit_test(a_broken_crc_first_and_a_good_block_second_are_accepted),
        cmocka_unit_test(a_malformed_block_first_and_a_good_one_second_are_accepted),
        cmocka_unit_test(malformed_blocks_alone_are_named),
        cmocka_unit_test(a_corrupted_signature_by_a_trusted_key_is_refused),
        cmocka_unit_test(a_corrupted_signature_first_and_a_good_one_second_are_accepted),
        cmocka_unit_test(the_sector_of_another_image_is_refused),
        cmocka_unit_test(a_flipped_padding_bit_is_refused),
        cmocka_unit_test(the_rest_of_the_sector_may_hold_anything),
        cmocka_unit_test(signing_with_another_key_keeps_the_identity),
        cmocka_unit_test(a_sector_that_is_not_whole_counts_as_unsigned),
        cmocka_unit_test(the_most_telling_cause_wins_in_either_order),
        cmocka_unit_test(a_half_digest_is_enough_where_the_chip_stores_half),
        cmocka_unit_test(other_widths_of_key_digests_are_refused),
        cmocka_unit_test(a_scratch_too_small_for_a_block_is_refused),
        cmocka_unit_test(a_provider_that_cannot_tell_is_a_refusal_worth_a_retry),
        cmocka_unit_test(a_failing_read_is_a_refusal_and_says_so),
        cmocka_unit_test(memory_that_nobody_judged_is_a_refusal),
        cmocka_unit_test(a_verdict_holds_for_its_own_image_alone),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
