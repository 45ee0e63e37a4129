/* Secure Boot V2 blocks: Espressif's own vectors, and everything that makes a block malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"
#include "sign_support.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define RSA_KEY  "57ac17f1fd0fb58ce14543b5d669072cb20beff58fe4fa8616c4e02a60fbd0e3"
#define P256_KEY "5a13255112e8bea0339035526615f253b01dbb7c57e0336d7114af80ba491b10"
#define P384_KEY "edacf249f9b68c972410530728e8417ce58889cbc2e5f7405a49341f02ced5dd"
#define PAYLOAD  "c8f5d0341d54d951a71b136e6e2afcb14d11ed8489a7ae126a8fee0df6ecf193"
#define GOLDEN   OTARIA_SOURCE_DIR "/tests/golden/signature/"

/* A block from hex text with line breaks. */
static void load_block(const char *path, uint8_t block[OT_SIG_BLOCK_BYTES])
{
    uint32_t size = 0, n = 0;
    uint8_t *text = read_whole_file(path, &size);
    assert_non_null(text);
    for (uint32_t i = 0; i + 1 < size && n < OT_SIG_BLOCK_BYTES; i++) {
        if (text[i] == '\n')
            continue;
        char pair[3] = {(char)text[i], (char)text[i + 1], '\0'};
        block[n++] = (uint8_t)strtoul(pair, NULL, 16);
        i++;
    }
    free(text);
    assert_int_equal(n, OT_SIG_BLOCK_BYTES);
}

static void assert_hex(const struct ot_digest *d, const char *wanted)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(d, hex);
    assert_string_equal(hex, wanted);
}

/* Parses and verifies: OT_OK only when both say so. */
static enum ot_status check(const uint8_t *bytes, struct ot_sig_block *block)
{
    enum ot_status st = ot_sig_block_parse(bytes, crypto_openssl(), block);
    return st != OT_OK ? st : ot_sig_block_verify(block, crypto_openssl());
}

static void the_payload_of_the_vectors_has_the_stated_digest(void **state)
{
    (void)state;
    uint8_t payload[4096];
    struct ot_digest d;
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)i;
    ot_sha256_of(crypto_openssl(), payload, sizeof payload, &d);
    assert_hex(&d, PAYLOAD);
}

static void the_genuine_rsa_block_verifies(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(GOLDEN "rsa3072.hex", bytes);
    assert_int_equal(check(bytes, &block), OT_OK);
    assert_int_equal(block.scheme, OT_SCHEME_RSA3072);
    assert_hex(&block.covered, PAYLOAD);
    assert_hex(&block.key, RSA_KEY);
    static const uint8_t exponent[4] = {0, 1, 0, 1};
    assert_memory_equal(block.public_key + 384, exponent, 4);
}

static void the_genuine_rsa_block_holds_the_constants_of_its_modulus(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES], r[384], m[4];
    load_block(GOLDEN "rsa3072.hex", bytes);
    sign_rsa_constants(bytes + 36, r, m);
    assert_memory_equal(bytes + 424, r, sizeof r);
    assert_memory_equal(bytes + 808, m, sizeof m);
}

static void the_genuine_p256_block_verifies(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(GOLDEN "p256.hex", bytes);
    assert_int_equal(check(bytes, &block), OT_OK);
    assert_int_equal(block.scheme, OT_SCHEME_ECDSA256);
    assert_hex(&block.covered, PAYLOAD);
    assert_hex(&block.key, P256_KEY);
}

/* Trap 11: numbers are little-endian in the block. */
static void numbers_come_out_big_endian(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    struct ot_digest x, y;
    load_block(GOLDEN "p256.hex", bytes);
    assert_int_equal(check(bytes, &block), OT_OK);
    memcpy(x.bytes, block.public_key, 32);
    memcpy(y.bytes, block.public_key + 32, 32);
    assert_hex(&x, "3c0b7601534988564d8b0b6c00473b548402ed56399ea0820a1526968b2f8e80");
    assert_hex(&y, "f3f530844115beffd05db89d7ec095202e24b434cd125c41c478c9b8ad5306be");
    load_block(GOLDEN "rsa3072.hex", bytes);
    assert_int_equal(check(bytes, &block), OT_OK);
    for (unsigned i = 0; i < 384; i++) {
        assert_int_equal(block.public_key[i], bytes[36 + 383 - i]);
        assert_int_equal(block.signature[i], bytes[812 + 383 - i]);
    }
}

/* Genuine, but no scheme of ours: a block to pass over. */
static void the_genuine_p384_block_is_another_scheme(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(GOLDEN "p384.hex", bytes);
    assert_int_equal(check(bytes, &block), OT_E_SIG_FORMAT);
    uint8_t payload[4096], digest[SHA384_DIGEST_LENGTH];
    struct ot_digest key;
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)i;
    SHA384(payload, sizeof payload, digest);
    assert_memory_equal(bytes + 4, digest, sizeof digest);
    SHA256(bytes + 52, 97, key.bytes);
    assert_hex(&key, P384_KEY);
    assert_int_equal(ot_load32(bytes + 1196), ot_crc32(0, bytes, 1196));
}

/* The coordinates in a block: those of the private key that is the hash of a sentence. */
static void assert_public_key(int curve, const uint8_t *secret, int size, const uint8_t *x_then_y_le)
{
    uint8_t bytes[48];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *d = BN_bin2bn(secret, size, NULL), *number[2] = {BN_new(), BN_new()};
    assert_int_equal(EC_POINT_mul(group, point, d, NULL, NULL, NULL), 1);
    assert_int_equal(EC_POINT_get_affine_coordinates(group, point, number[0], number[1], NULL), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(BN_bn2lebinpad(number[i], bytes, size), size);
        assert_memory_equal(x_then_y_le + i * size, bytes, (size_t)size);
        BN_free(number[i]);
    }
    BN_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

static void the_curve_keys_of_the_vectors_follow_from_their_names(void **state)
{
    (void)state;
    static const char p256[] = "otaria ecdsa-p256 test vector key",
                      p384[] = "otaria ecdsa-p384 test vector key";
    uint8_t bytes[OT_SIG_BLOCK_BYTES], secret[SHA384_DIGEST_LENGTH];
    load_block(GOLDEN "p256.hex", bytes);
    SHA256((const uint8_t *)p256, sizeof p256 - 1, secret);
    assert_public_key(NID_X9_62_prime256v1, secret, 32, bytes + 37);
    load_block(GOLDEN "p384.hex", bytes);
    SHA384((const uint8_t *)p384, sizeof p384 - 1, secret);
    assert_public_key(NID_secp384r1, secret, 48, bytes + 53);
}

static void the_test_signer_agrees_with_the_vectors(void **state)
{
    (void)state;
    static const enum ot_scheme schemes[] = {OT_SCHEME_RSA3072, OT_SCHEME_ECDSA256};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t digest[32], bytes[OT_SIG_BLOCK_BYTES];
        struct ot_digest key_digest;
        struct ot_sig_block block;
        struct sign_key *key = sign_key_make(schemes[i]);
        memset(digest, 0xA5, sizeof digest);
        sign_block(key, digest, bytes);
        sign_key_digest(key, &key_digest);
        assert_int_equal(check(bytes, &block), OT_OK);
        assert_int_equal(block.scheme, schemes[i]);
        assert_memory_equal(&block.key, &key_digest, sizeof key_digest);
        sign_key_free(key);
    }
}

static void a_place_without_magic_is_empty(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(GOLDEN "p256.hex", bytes);
    for (unsigned magic = 0; magic < 256; magic++) {
        bytes[0] = (uint8_t)magic;
        if (magic != 0xE7) {
            sign_block_reseal(bytes);
            assert_int_equal(check(bytes, &block), OT_E_UNSIGNED);
        }
    }
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(check(bytes, &block), OT_E_UNSIGNED);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(check(bytes, &block), OT_E_UNSIGNED);
}

/* Every covered byte; the 16 bytes behind the CRC are covered by nothing. */
static void any_flip_breaks_the_crc_except_behind_it(void **state)
{
    (void)state;
    static const char *const files[] = {GOLDEN "p256.hex", GOLDEN "rsa3072.hex"};
    for (unsigned f = 0; f < 2; f++) {
        uint8_t bytes[OT_SIG_BLOCK_BYTES];
        struct ot_sig_block block;
        load_block(files[f], bytes);
        for (uint32_t at = 1; at < sizeof bytes; at++) {
            bytes[at] ^= (uint8_t)(1u << (at % 8));
            assert_int_equal(check(bytes, &block), at < 1200 ? OT_E_SIG_CRC : OT_OK);
            bytes[at] ^= (uint8_t)(1u << (at % 8));
        }
    }
}

/* With the CRC made right again: the key is another, the signature fails, or the form is wrong. Never OK and the key. */
static void any_resealed_flip_loses_the_key_or_the_signature(void **state)
{
    (void)state;
    static const struct {
        const char *file, *key;
        uint32_t step;
    } cases[] = {{GOLDEN "p256.hex", P256_KEY, 1}, {GOLDEN "rsa3072.hex", RSA_KEY, 7}};
    for (unsigned c = 0; c < 2; c++) {
        uint8_t bytes[OT_SIG_BLOCK_BYTES];
        struct ot_sig_block block;
        load_block(cases[c].file, bytes);
        for (uint32_t at = 1; at < 1196; at += cases[c].step) {
            uint8_t kept = bytes[at];
            char hex[OT_DIGEST_HEX_BYTES];
            bytes[at] ^= (uint8_t)(1u << (at % 8));
            sign_block_reseal(bytes);
            enum ot_status st = check(bytes, &block);
            ot_digest_to_hex(&block.key, hex);
            assert_true(st != OT_OK || strcmp(hex, cases[c].key) != 0);
            bytes[at] = kept;
        }
    }
}

static enum ot_status check_edited(const char *file, uint32_t at, uint8_t value)
{
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(file, bytes);
    bytes[at] = value;
    sign_block_reseal(bytes);
    return check(bytes, &block);
}

static void unknown_versions_and_reserved_bytes_are_malformed(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        if (version != 2 && version != 3)
            assert_int_equal(check_edited(GOLDEN "rsa3072.hex", 1, (uint8_t)version), OT_E_SIG_FORMAT);
    }
    assert_int_equal(check_edited(GOLDEN "rsa3072.hex", 2, 1), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "rsa3072.hex", 3, 1), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "p256.hex", 2, 1), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "p256.hex", 3, 1), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "p256.hex", 165, 1), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "p256.hex", 1195, 1), OT_E_SIG_FORMAT);
}

static void curves_other_than_p256_are_malformed(void **state)
{
    (void)state;
    for (unsigned curve = 0; curve < 256; curve++) {
        if (curve != 2)
            assert_int_equal(check_edited(GOLDEN "p256.hex", 36, (uint8_t)curve), OT_E_SIG_FORMAT);
    }
}

/* e = 1 would make any padding verify; no genuine block has anything but 65537. */
static void exponents_and_moduli_no_signer_makes_are_malformed(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    static const uint8_t exponents[][4] = {
        {0, 0, 0, 0}, {1, 0, 0, 0}, {3, 0, 0, 0}, {1, 0, 1, 1}, {0, 0, 1, 0}};
    for (unsigned i = 0; i < sizeof exponents / 4; i++) {
        load_block(GOLDEN "rsa3072.hex", bytes);
        memcpy(bytes + 420, exponents[i], 4);
        sign_block_reseal(bytes);
        assert_int_equal(check(bytes, &block), OT_E_SIG_FORMAT);
    }
    load_block(GOLDEN "rsa3072.hex", bytes);
    assert_int_equal(check_edited(GOLDEN "rsa3072.hex", 36, bytes[36] & 0xFE), OT_E_SIG_FORMAT);
    assert_int_equal(check_edited(GOLDEN "rsa3072.hex", 419, bytes[419] & 0x7F), OT_E_SIG_FORMAT);
}

static void zero_signatures_do_not_verify(void **state)
{
    (void)state;
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    struct ot_sig_block block;
    load_block(GOLDEN "p256.hex", bytes);
    memset(bytes + 101, 0, 64);
    sign_block_reseal(bytes);
    assert_int_equal(check(bytes, &block), OT_E_SIG_INVALID);
    load_block(GOLDEN "rsa3072.hex", bytes);
    memset(bytes + 812, 0, 384);
    sign_block_reseal(bytes);
    assert_int_equal(check(bytes, &block), OT_E_SIG_INVALID);
    memset(&block, 0, sizeof block); /* never parsed */
    assert_int_equal(ot_sig_block_verify(&block, crypto_openssl()), OT_E_SIG_INVALID);
}

static enum ot_status answer_oddly(void *ctx, const uint8_t *x, const uint8_t *y,
                                   const struct ot_digest *digest, const uint8_t *r, const uint8_t *s)
{
    (void)x, (void)y, (void)digest, (void)r, (void)s;
    return *(const enum ot_status *)ctx;
}

/* Only OT_OK is a yes and only OT_E_CRYPTO is "could not tell"; whatever else a port returns is a no. */
static void a_provider_that_answers_oddly_is_a_refusal(void **state)
{
    (void)state;
    enum ot_status answer;
    struct ot_crypto odd = {.ctx = &answer, .p256_verify = answer_oddly};
    const struct ot_sig_block block = {.scheme = OT_SCHEME_ECDSA256};
    for (int number = -200; number < 200; number++) {
        answer = (enum ot_status)number;
        enum ot_status wanted = answer == OT_OK || answer == OT_E_CRYPTO ? answer : OT_E_SIG_INVALID;
        assert_int_equal(ot_sig_block_verify(&block, &odd), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_of_the_vectors_has_the_stated_digest),
        cmocka_unit_test(the_genuine_rsa_block_verifies),
        cmocka_unit_test(the_genuine_rsa_block_holds_the_constants_of_its_modulus),
        cmocka_unit_test(the_genuine_p256_block_verifies),
        cmocka_unit_test(numbers_come_out_big_endian),
        cmocka_unit_test(the_genuine_p384_block_is_another_scheme),
        cmocka_unit_test(the_curve_keys_of_the_vectors_follow_from_their_names),
        cmocka_unit_test(the_test_signer_agrees_with_the_vectors),
        cmocka_unit_test(a_place_without_magic_is_empty),
        cmocka_unit_test(any_flip_breaks_the_crc_except_behind_it),
        cmocka_unit_test(any_resealed_flip_loses_the_key_or_the_signature),
        cmocka_unit_test(unknown_versions_and_reserved_bytes_are_malformed),
        cmocka_unit_test(curves_other_than_p256_are_malformed),
        cmocka_unit_test(exponents_and_moduli_no_signer_makes_are_malformed),
        cmocka_unit_test(zero_signatures_do_not_verify),
        cmocka_unit_test(a_provider_that_answers_oddly_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
