/*
 * struct ot_crypto by OpenSSL 3.
 *
 * SHA-256 uses the low-level context because core's contract wants plain memory that may be copied and dropped;
 * an EVP context is a heap object. The functions are deprecated, not gone: OPENSSL_API_COMPAT says we know.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/crypto_openssl.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct ot_sha256), "core reserves enough for a SHA-256 state");

static void start(void *ctx, struct ot_sha256 *hash)
{
    (void)ctx;
    SHA256_Init((SHA256_CTX *)(void *)hash->opaque);
}

static void update(void *ctx, struct ot_sha256 *hash, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    SHA256_Update((SHA256_CTX *)(void *)hash->opaque, bytes, len);
}

static void finish(void *ctx, struct ot_sha256 *hash, struct ot_digest *out)
{
    (void)ctx;
    SHA256_Final(out->bytes, (SHA256_CTX *)(void *)hash->opaque);
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_key(const uint8_t n[384], uint32_t e)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, 384, NULL);
    BIGNUM *exponent = BN_new();
    if (bld != NULL && modulus != NULL && exponent != NULL && BN_set_word(exponent, e) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        params = OSSL_PARAM_BLD_to_param(bld);
        key = key_from_params("RSA", params);
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static enum ot_status pss_verify(void *ctx, const uint8_t n[384], uint32_t e, const struct ot_digest *digest,
                                 const uint8_t signature[384])
{
    (void)ctx;
    if (e < 3 || (e & 1u) == 0 || (n[0] & 0x80u) == 0 || (n[383] & 1u) == 0)
        return OT_E_SIG_INVALID; /* e = 1 would accept anything; a short or even modulus is no RSA-3072 key */
    enum ot_status st = OT_E_CRYPTO;
    EVP_PKEY *key = rsa_key(n, e);
    EVP_PKEY_CTX *pctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (pctx != NULL && EVP_PKEY_verify_init(pctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(pctx, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32) == 1)
        st = EVP_PKEY_verify(pctx, signature, 384, digest->bytes, OT_DIGEST_BYTES) == 1 ? OT_OK
                                                                                        : OT_E_SIG_INVALID;
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(key);
    return st;
}

static EVP_PKEY *p256_key(const uint8_t x[32], const uint8_t y[32])
{
    uint8_t point[65] = {0x04};
    memcpy(point + 1, x, 32);
    memcpy(point + 33, y, 32);
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    return key_from_params("EC", params);
}

/* r and s as DER, which is what OpenSSL's verifier takes. */
static int ecdsa_der(const uint8_t r[32], const uint8_t s[32], unsigned char **der)
{
    int len = -1;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *br = BN_bin2bn(r, 32, NULL);
    BIGNUM *bs = BN_bin2bn(s, 32, NULL);
    if (sig != NULL && br != NULL && bs != NULL && ECDSA_SIG_set0(sig, br, bs) == 1) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(br);
        BN_free(bs);
    }
    ECDSA_SIG_free(sig);
    return len;
}

static enum ot_status p256_verify(void *ctx, const uint8_t x[32], const uint8_t y[32],
                                  const struct ot_digest *digest, const uint8_t r[32], const uint8_t s[32])
{
    (void)ctx;
    EVP_PKEY *key = p256_key(x, y);
    if (key == NULL)
        return OT_E_SIG_INVALID; /* the point is not on the curve */
    enum ot_status st = OT_E_CRYPTO;
    unsigned char *der = NULL;
    int der_len = ecdsa_der(r, s, &der);
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (der_len > 0 && pctx != NULL && EVP_PKEY_verify_init(pctx) == 1)
        st = EVP_PKEY_verify(pctx, der, (size_t)der_len, digest->bytes, OT_DIGEST_BYTES) == 1
                 ? OT_OK
                 : OT_E_SIG_INVALID;
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    return st;
}

static const struct ot_crypto openssl_crypto = {
    .ctx = NULL,
    .sha256_start = start,
    .sha256_update = update,
    .sha256_finish = finish,
    .pss3072_verify = pss_verify,
    .p256_verify = p256_verify,
};

const struct ot_crypto *crypto_openssl(void)
{
    return &openssl_crypto;
}
