/* Keys by OpenSSL: generation, loading, the public part of a signature block. */
#include "tools/key.h"

#include "base/crypto_openssl.h"
#include "base/file.h"
#include "otaria/bytes.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BYTES    384
#define P256_BYTES   32
#define KEY_FILE_MAX 65536

static enum ot_scheme scheme_of(EVP_PKEY *key)
{
    char group[32] = "";
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) == 3072)
        return OT_SCHEME_RSA3072;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) == 1 &&
        (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0))
        return OT_SCHEME_ECDSA256;
    return OT_SCHEME_NONE;
}

/* --- public parts --- */

static bool put_le(const BIGNUM *n, uint8_t *out, int len)
{
    return BN_bn2lebinpad(n, out, len) == len;
}

/* R = 2^6144 mod n, M' = -1/n mod 2^32: what the chip's accelerator wants precomputed. */
static bool rsa_precomputed(const BIGNUM *n, uint8_t *r_out, uint8_t *m_out)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *power = BN_new(), *r = BN_new(), *two32 = BN_new(), *inverse = BN_new();
    bool ok = ctx != NULL && power != NULL && r != NULL && two32 != NULL && inverse != NULL &&
              BN_set_bit(power, 2 * RSA_BYTES * 8) == 1 && BN_mod(r, power, n, ctx) == 1 &&
              put_le(r, r_out, RSA_BYTES) && BN_set_bit(two32, 32) == 1 &&
              BN_mod_inverse(inverse, n, two32, ctx) != NULL && BN_sub(inverse, two32, inverse) == 1 &&
              put_le(inverse, m_out, 4);
    BN_free(power);
    BN_free(r);
    BN_free(two32);
    BN_free(inverse);
    BN_CTX_free(ctx);
    return ok;
}

static bool rsa_public(EVP_PKEY *key, uint8_t out[776])
{
    BIGNUM *n = NULL, *e = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, 65537) &&
              put_le(n, out, RSA_BYTES) && put_le(e, out + RSA_BYTES, 4) &&
              rsa_precomputed(n, out + RSA_BYTES + 4, out + 2 * RSA_BYTES + 4);
    BN_free(n);
    BN_free(e);
    return ok;
}

static bool ec_public(EVP_PKEY *key, uint8_t out[776])
{
    BIGNUM *x = NULL, *y = NULL;
    out[0] = 2; /* curve id of P-256 */
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
              put_le(x, out + 1, P256_BYTES) && put_le(y, out + 1 + P256_BYTES, P256_BYTES);
    BN_free(x);
    BN_free(y);
    return ok;
}

static int describe(EVP_PKEY *key, const char *name, enum ot_scheme *scheme, uint8_t part[776],
                    struct ot_digest *digest, struct error *err)
{
    *scheme = scheme_of(key);
    bool ok = false;
    if (*scheme == OT_SCHEME_RSA3072)
        ok = rsa_public(key, part);
    else if (*scheme == OT_SCHEME_ECDSA256)
        ok = ec_public(key, part);
    if (!ok)
        return error_set(err, "%s: %s", name, ot_status_text(OT_E_KEY_FORMAT));
    ot_sha256_of(crypto_openssl(), part, *scheme == OT_SCHEME_RSA3072 ? 776 : 65, digest);
    return 0;
}

/* --- loading --- */

static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)ctx = true;
    return -1;
}

static EVP_PKEY *load_pem(const char *path, bool want_private, struct error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    bool encrypted = false;
    if (strncmp(path, "pkcs11:", 7) == 0) {
        error_set(err, "%.60s: PKCS#11 keys are not supported yet: give a PEM file", path);
        return NULL;
    }
    if (file_read(path, KEY_FILE_MAX, &bytes, &len, err) != 0)
        return NULL;
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted) : NULL;
    BIO_free(bio);
    if (key == NULL && !want_private && !encrypted) {
        bio = BIO_new_mem_buf(bytes, (int)len);
        key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
    }
    OPENSSL_cleanse(bytes, len);
    free(bytes);
    ERR_clear_error();
    if (key == NULL && encrypted)
        error_set(err, "%s: the key is encrypted: decrypt it first, or keep it in an HSM", path);
    else if (key == NULL)
        error_set(err, "%s: not a %s key in PEM form", path, want_private ? "private" : "private or public");
    return key;
}

int tools_key_digest_load(const char *arg, struct ot_digest *out, enum ot_scheme *scheme, struct error *err)
{
    uint8_t part[776];
    *scheme = OT_SCHEME_NONE;
    if (ot_digest_from_hex(arg, strlen(arg), out) == OT_OK)
        return 0;
    EVP_PKEY *key = load_pem(arg, false, err);
    if (key == NULL)
        return -1;
    int result = describe(key, arg, scheme, part, out, err);
    EVP_PKEY_free(key);
    return result;
}

int tools_key_generate(const char *scheme, const char *path, struct ot_digest *digest, struct error *err)
{
    uint8_t part[776];
    enum ot_scheme made;
    char *pem = NULL;
    EVP_PKEY *key = NULL;
    if (strcmp(scheme, "rsa3072") == 0)
        key = EVP_RSA_gen(3072);
    else if (strcmp(scheme, "ecdsa256") == 0)
        key = EVP_EC_gen("P-256");
    else
        return error_set(err, "--scheme %.40s: rsa3072 or ecdsa256", scheme);
    BIO *bio = BIO_new(BIO_s_secmem());
    int result = -1;
    if (key == NULL || bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        error_set(err, "the key could not be made");
    else if (describe(key, path, &made, part, digest, err) == 0)
        result = file_write_new(path, pem, (size_t)BIO_get_mem_data(bio, &pem), 0600, err);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return result;
}

/* --- signing --- */

static int sign_rsa(EVP_PKEY_CTX *ctx, const struct ot_digest *digest, uint8_t *signature)
{
    size_t len = RSA_BYTES;
    if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) != 1 ||
        EVP_PKEY_sign(ctx, signature, &len, digest->bytes, OT_DIGEST_BYTES) != 1)
        return -1;
    return len == RSA_BYTES ? 0 : -1;
}

static int sign_ec(EVP_PKEY_CTX *ctx, const struct ot_digest *digest, uint8_t *signature)
{
    unsigned char der[80];
    const unsigned char *p = der;
    size_t len = sizeof der;
    if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_sign(ctx, der, &len, digest->bytes, OT_DIGEST_BYTES) != 1)
        return -1;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    int bad = sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, P256_BYTES) != P256_BYTES ||
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + P256_BYTES, P256_BYTES) != P256_BYTES;
    ECDSA_SIG_free(sig);
    return bad ? -1 : 0;
}

static int sign_with_file(void *ctx, const struct ot_digest *digest, uint8_t signature[384],
                          struct error *err)
{
    EVP_PKEY *key = ctx;
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int result = -1;
    if (pctx != NULL)
        result = scheme_of(key) == OT_SCHEME_RSA3072 ? sign_rsa(pctx, digest, signature)
                                                     : sign_ec(pctx, digest, signature);
    EVP_PKEY_CTX_free(pctx);
    return result == 0 ? 0
                       : error_set(err, "signing failed: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

static void close_file(void *ctx)
{
    EVP_PKEY_free(ctx);
}

int tools_signer_open(const char *arg, struct tools_signer *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    EVP_PKEY *key = load_pem(arg, true, err);
    if (key == NULL)
        return -1;
    if (describe(key, arg, &out->scheme, out->public_part, &out->key, err) != 0) {
        EVP_PKEY_free(key);
        return -1;
    }
    out->ctx = key;
    out->sign = sign_with_file;
    out->close = close_file;
    return 0;
}

void tools_signer_close(struct tools_signer *signer)
{
    if (signer->close != NULL)
        signer->close(signer->ctx);
    memset(signer, 0, sizeof *signer);
}
