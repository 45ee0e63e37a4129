/* Signature blocks by OpenSSL. Layout: docs/formats.md "Signature sector". */
#include "sign_support.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 4096u

struct sign_key {
    EVP_PKEY *pkey;
    enum ot_scheme scheme;
};

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

struct sign_key *sign_key_make(enum ot_scheme scheme)
{
    struct sign_key *key = calloc(1, sizeof *key);
    MUST(key != NULL);
    key->scheme = scheme;
    key->pkey = scheme == OT_SCHEME_RSA3072 ? EVP_RSA_gen(3072) : EVP_EC_gen("P-256");
    MUST(key->pkey != NULL);
    return key;
}

void sign_key_free(struct sign_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

static BIGNUM *number_of(const struct sign_key *key, const char *name)
{
    BIGNUM *n = NULL;
    MUST(EVP_PKEY_get_bn_param(key->pkey, name, &n) == 1);
    return n;
}

static void put_number(uint8_t *to, const BIGNUM *n, int len)
{
    MUST(BN_bn2lebinpad(n, to, len) == len);
}

void sign_rsa_constants(const uint8_t n_le[384], uint8_t r_le[384], uint8_t m_le[4])
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_lebin2bn(n_le, 384, NULL), *r = BN_new(), *word = BN_new(), *inverse = BN_new();
    MUST(ctx != NULL && n != NULL && r != NULL && word != NULL && inverse != NULL);
    MUST(BN_set_bit(r, 6144) == 1 && BN_mod(r, r, n, ctx) == 1);
    put_number(r_le, r, 384);
    MUST(BN_set_bit(word, 32) == 1 && BN_mod_inverse(inverse, n, word, ctx) != NULL);
    MUST(BN_sub(inverse, word, inverse) == 1);
    put_number(m_le, inverse, 4);
    BN_free(n);
    BN_free(r);
    BN_free(word);
    BN_free(inverse);
    BN_CTX_free(ctx);
}

/* The 776 bytes a key digest covers. */
static void put_rsa_key(const struct sign_key *key, uint8_t *block)
{
    BIGNUM *n = number_of(key, OSSL_PKEY_PARAM_RSA_N), *e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    put_number(block + 36, n, 384);
    put_number(block + 420, e, 4);
    sign_rsa_constants(block + 36, block + 424, block + 808);
    BN_free(n);
    BN_free(e);
}

static void put_p256_key(const struct sign_key *key, uint8_t *block)
{
    BIGNUM *x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X), *y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    block[36] = 2;
    put_number(block + 37, x, 32);
    put_number(block + 69, y, 32);
    BN_free(x);
    BN_free(y);
}

static void put_key(const struct sign_key *key, uint8_t *block)
{
    if (key->scheme == OT_SCHEME_RSA3072)
        put_rsa_key(key, block);
    else
        put_p256_key(key, block);
}

void sign_key_digest(const struct sign_key *key, struct ot_digest *out)
{
    uint8_t block[OT_SIG_BLOCK_BYTES] = {0};
    put_key(key, block);
    SHA256(block + 36, key->scheme == OT_SCHEME_RSA3072 ? 776 : 65, out->bytes);
}

static size_t raw_signature(const struct sign_key *key, const uint8_t digest[32], uint8_t *out, size_t room)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    MUST(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1);
    MUST(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    if (key->scheme == OT_SCHEME_RSA3072) {
        MUST(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1);
        MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1);
        MUST(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1);
    }
    MUST(EVP_PKEY_sign(ctx, out, &room, digest, 32) == 1);
    EVP_PKEY_CTX_free(ctx);
    return room;
}

static void put_signature(const struct sign_key *key, const uint8_t digest[32], uint8_t *block)
{
    uint8_t raw[512];
    size_t len = raw_signature(key, digest, raw, sizeof raw);
    if (key->scheme == OT_SCHEME_RSA3072) {
        MUST(len == 384);
        for (unsigned i = 0; i < 384; i++)
            block[812 + i] = raw[383 - i];
        return;
    }
    const unsigned char *der = raw;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    MUST(sig != NULL);
    put_number(block + 101, ECDSA_SIG_get0_r(sig), 32);
    put_number(block + 133, ECDSA_SIG_get0_s(sig), 32);
    ECDSA_SIG_free(sig);
}

/* Long division, bit by bit: another form than core's. */
static uint32_t crc32_ieee(const uint8_t *bytes, size_t len)
{
    uint32_t reg = 0xFFFFFFFFu;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        uint32_t in = (bytes[bit / 8] >> (bit % 8)) & 1u;
        uint32_t out = (reg & 1u) ^ in;
        reg = (reg >> 1) ^ (out != 0 ? 0xEDB88320u : 0);
    }
    return reg ^ 0xFFFFFFFFu;
}

void sign_block_reseal(uint8_t block[OT_SIG_BLOCK_BYTES])
{
    uint32_t crc = crc32_ieee(block, 1196);
    for (unsigned i = 0; i < 4; i++)
        block[1196 + i] = (uint8_t)(crc >> (8 * i));
}

void sign_block(const struct sign_key *key, const uint8_t digest[32], uint8_t block[OT_SIG_BLOCK_BYTES])
{
    memset(block, 0, OT_SIG_BLOCK_BYTES);
    block[0] = 0xE7;
    block[1] = (uint8_t)key->scheme;
    memcpy(block + 4, digest, 32);
    put_key(key, block);
    put_signature(key, digest, block);
    sign_block_reseal(block);
}

uint8_t *sign_file(const uint8_t *image, uint32_t image_size, struct sign_key *const keys[], unsigned count,
                   uint32_t *size)
{
    uint8_t digest[32];
    uint32_t padded = (image_size + SECTOR - 1) / SECTOR * SECTOR;
    MUST(count <= OT_SIG_BLOCKS_MAX);
    *size = padded + SECTOR;
    uint8_t *file = malloc(*size);
    MUST(file != NULL);
    memset(file, 0xFF, *size);
    memcpy(file, image, image_size);
    SHA256(file, padded, digest);
    for (unsigned i = 0; i < count; i++)
        sign_block(keys[i], digest, file + padded + i * OT_SIG_BLOCK_BYTES);
    return file;
}
