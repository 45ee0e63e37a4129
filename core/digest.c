/* Digests: compare in constant time, write and read as hex. */
#include "otaria/crypto.h"

void ot_sha256_of(const struct ot_crypto *crypto, const uint8_t *bytes, size_t len, struct ot_digest *out)
{
    struct ot_sha256 hash;
    crypto->sha256_start(crypto->ctx, &hash);
    crypto->sha256_update(crypto->ctx, &hash, bytes, len);
    crypto->sha256_finish(crypto->ctx, &hash, out);
}

int ot_digest_equal(const struct ot_digest *a, const struct ot_digest *b)
{
    uint8_t difference = 0;
    for (unsigned i = 0; i < OT_DIGEST_BYTES; i++)
        difference = (uint8_t)(difference | (a->bytes[i] ^ b->bytes[i]));
    return difference == 0;
}

int ot_digest_is_zero(const struct ot_digest *d)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < OT_DIGEST_BYTES; i++)
        any = (uint8_t)(any | d->bytes[i]);
    return any == 0;
}

void ot_digest_to_hex(const struct ot_digest *d, char out[OT_DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < OT_DIGEST_BYTES; i++) {
        out[2 * i] = digits[d->bytes[i] >> 4];
        out[2 * i + 1] = digits[d->bytes[i] & 15u];
    }
    out[2 * OT_DIGEST_BYTES] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum ot_status ot_digest_from_hex(const char *hex, size_t len, struct ot_digest *out)
{
    if (len != 2u * OT_DIGEST_BYTES)
        return OT_E_WIRE_TEXT;
    for (unsigned i = 0; i < OT_DIGEST_BYTES; i++) {
        int high = nibble(hex[2 * i]);
        int low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return OT_E_WIRE_TEXT;
        out->bytes[i] = (uint8_t)(high * 16 + low);
    }
    return OT_OK;
}
