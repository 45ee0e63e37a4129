/* Secure Boot V2 signature blocks: parse and verify one. Numbers are little-endian in the block, big-endian here. */
#include "otaria/bytes.h"
#include "otaria/trust.h"

#include <string.h>

enum {
    AT_VERSION = 1,
    AT_ALGORITHM = 2,
    AT_RESERVED = 3,
    AT_COVERED = 4,
    AT_N = 36,
    AT_E = 420,
    AT_RSA_SIGNATURE = 812,
    AT_CURVE = 36,
    AT_POINT = 37,
    AT_R = 101,
    AT_S = 133,
    AT_ECDSA_END = 165,
    AT_CRC = 1196
};

#define RSA_BYTES       384u
#define P256_BYTES      32u
#define CURVE_P256      2u
#define RSA_KEY_BYTES   776u /* n, e, R, M': what the key digest covers */
#define ECDSA_KEY_BYTES 65u  /* curve id and the point field */
#define RSA_EXPONENT    65537u

static void reverse(uint8_t *to, const uint8_t *from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        to[i] = from[len - 1 - i];
}

static enum ot_status parse_rsa(const uint8_t *b, const struct ot_crypto *crypto, struct ot_sig_block *out)
{
    /*
     * Every genuine block has this exponent and a full, odd modulus. The key digest covers them, so others could only be
     * believed by a mistake in provisioning; refusing here spares every crypto adapter the thought of e = 1.
     */
    bool is_full = (b[AT_E - 1] & 0x80u) != 0 && (b[AT_N] & 1u) != 0;
    if (!is_full || ot_load32(b + AT_E) != RSA_EXPONENT)
        return OT_E_SIG_FORMAT;
    out->scheme = OT_SCHEME_RSA3072;
    reverse(out->public_key, b + AT_N, RSA_BYTES);
    reverse(out->public_key + RSA_BYTES, b + AT_E, 4);
    reverse(out->signature, b + AT_RSA_SIGNATURE, RSA_BYTES);
    ot_sha256_of(crypto, b + AT_N, RSA_KEY_BYTES, &out->key);
    return OT_OK;
}

static enum ot_status parse_ecdsa(const uint8_t *b, const struct ot_crypto *crypto, struct ot_sig_block *out)
{
    if (b[AT_CURVE] != CURVE_P256)
        return OT_E_SIG_FORMAT;
    for (uint32_t i = AT_ECDSA_END; i < AT_CRC; i++) {
        if (b[i] != 0)
            return OT_E_SIG_FORMAT;
    }
    out->scheme = OT_SCHEME_ECDSA256;
    reverse(out->public_key, b + AT_POINT, P256_BYTES);
    reverse(out->public_key + P256_BYTES, b + AT_POINT + P256_BYTES, P256_BYTES);
    reverse(out->signature, b + AT_R, P256_BYTES);
    reverse(out->signature + P256_BYTES, b + AT_S, P256_BYTES);
    ot_sha256_of(crypto, b + AT_CURVE, ECDSA_KEY_BYTES, &out->key);
    return OT_OK;
}

enum ot_status ot_sig_block_parse(const uint8_t b[OT_SIG_BLOCK_BYTES], const struct ot_crypto *crypto,
                                  struct ot_sig_block *out)
{
    memset(out, 0, sizeof *out);
    if (b[0] != OT_SIG_MAGIC)
        return OT_E_UNSIGNED;
    if (ot_load32(b + AT_CRC) != ot_crc32(0, b, AT_CRC))
        return OT_E_SIG_CRC;
    if (b[AT_ALGORITHM] != 0 || b[AT_RESERVED] != 0)
        return OT_E_SIG_FORMAT; /* SHA-384 (P-384) is not a scheme of ours */
    memcpy(out->covered.bytes, b + AT_COVERED, OT_DIGEST_BYTES);
    if (b[AT_VERSION] == OT_SCHEME_RSA3072)
        return parse_rsa(b, crypto, out);
    if (b[AT_VERSION] == OT_SCHEME_ECDSA256)
        return parse_ecdsa(b, crypto, out);
    return OT_E_SIG_FORMAT;
}

enum ot_status ot_sig_block_verify(const struct ot_sig_block *block, const struct ot_crypto *crypto)
{
    enum ot_status st = OT_E_SIG_INVALID;
    const uint8_t *key = block->public_key, *signature = block->signature;
    if (block->scheme == OT_SCHEME_RSA3072)
        st = crypto->pss3072_verify(crypto->ctx, key, RSA_EXPONENT, &block->covered, signature);
    else if (block->scheme == OT_SCHEME_ECDSA256)
        st = crypto->p256_verify(crypto->ctx, key, key + P256_BYTES, &block->covered, signature,
                                 signature + P256_BYTES);
    return st == OT_OK || st == OT_E_CRYPTO ? st : OT_E_SIG_INVALID;
}
