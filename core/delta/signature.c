/*
 * The signature sector: only what nobody can compute is in the patch, as plain bits: 384 bytes a block for RSA, 64 for ECDSA.
 *
 * A key that the base's sector has is copied from there; of another one the modulus alone comes, and the numbers that
 * verifiers keep beside it are computed. Layout: docs/formats.md "Signature sector".
 */
#include "otaria/bytes.h"
#include "otaria/delta/codec.h"
#include "otaria/trust.h"

#include <string.h>

enum { AT_COVERED = 4, AT_KEY = 36, AT_EXPONENT = 420, AT_R = 424, AT_M = 808, AT_RSA = 812, AT_CRC = 1196 };
enum { AT_POINT = 37, AT_ECDSA = 101 };

#define RSA_BYTES      384u
#define RSA_KEY_BYTES  776u
#define P256_KEY_BYTES 65u
#define EXPONENT       65537u
#define CURVE_P256     2u
#define KEY_IS_NEW     3u /* instead of the base's block that has it */
#define RAW_BYTES      8u /* a step */

static uint32_t code_raw(struct delta_codec *d, uint32_t value, unsigned bits)
{
    uint32_t out = 0;
    while (bits-- > 0)
        out = out << 1 | delta_code_bit(&d->coder, value >> bits & 1u, 0x8000u);
    return out;
}

/* --- what verifiers keep beside a modulus; little endian, as in the block --- */

static bool is_below(const uint8_t *a, const uint8_t *n)
{
    for (unsigned i = RSA_BYTES; i-- > 0;) {
        if (a[i] != n[i])
            return a[i] < n[i];
    }
    return false;
}

static void subtract(uint8_t *a, const uint8_t *n)
{
    unsigned borrow = 0;
    for (unsigned i = 0; i < RSA_BYTES; i++) {
        unsigned v = 256u + a[i] - n[i] - borrow;
        a[i] = (uint8_t)v;
        borrow = v < 256u;
    }
}

/* R = 2^6144 mod n, n of 3072 bits: from 2^3072 - n by doubling. */
static void compute_r(uint8_t *r, const uint8_t *n)
{
    memset(r, 0, RSA_BYTES);
    subtract(r, n);
    for (unsigned i = 0; i < RSA_BYTES * 8u; i++) {
        unsigned carry = 0;
        for (unsigned k = 0; k < RSA_BYTES; k++) {
            unsigned v = r[k] * 2u + carry;
            r[k] = (uint8_t)v;
            carry = v >> 8;
        }
        if (carry != 0 || !is_below(r, n))
            subtract(r, n);
    }
}

/* -1/n mod 2^32, by Newton's iteration. */
static uint32_t compute_m(uint32_t n)
{
    uint32_t inverse = n;
    for (unsigned i = 0; i < 5; i++)
        inverse *= 2u - n * inverse;
    return 0u - inverse;
}

/* --- blocks --- */

static uint8_t *block(struct delta_codec *d)
{
    return d->sector + d->signature.at * OT_SIG_BLOCK_BYTES;
}

static const uint8_t *truth(const struct delta_codec *d)
{
    return delta_script_of(d) == NULL
               ? NULL
               : delta_script_of(d)->target + d->flushed + d->signature.at * OT_SIG_BLOCK_BYTES;
}

static bool is_rsa(const uint8_t *b)
{
    return b[1] == OT_SCHEME_RSA3072;
}

static void copy_from_base(struct delta_codec *d, unsigned which, uint8_t *out, uint32_t len)
{
    uint32_t from = d->base.size - OT_SIG_SECTOR_BYTES + which * OT_SIG_BLOCK_BYTES + AT_KEY;
    for (uint32_t i = 0; i < len; i++)
        out[i] = (uint8_t)delta_reader_word(&d->base_reader, from + i);
}

/* Maker: which of the base's blocks has this key. */
static unsigned find_key(struct delta_codec *d, const uint8_t *t, uint32_t len)
{
    uint8_t key[RSA_KEY_BYTES];
    for (unsigned i = 0; i < OT_SIG_BLOCKS_MAX && d->base.size >= OT_SIG_SECTOR_BYTES; i++) {
        copy_from_base(d, i, key, len);
        if (memcmp(key, t + AT_KEY, len) == 0)
            return i;
    }
    return KEY_IS_NEW;
}

/* Coded bytes [from, to) of the block come next, and afterwards [then, end). */
static void expect(struct delta_codec *d, uint32_t from, uint32_t to, uint32_t then, uint32_t end)
{
    d->signature.raw_at = (uint16_t)from;
    d->signature.raw_end = (uint16_t)to;
    d->signature.then_at = (uint16_t)then;
    d->signature.then_end = (uint16_t)end;
}

static void begin_block(struct delta_codec *d)
{
    const uint8_t *t = truth(d);
    uint8_t *b = block(d);
    uint32_t rsa = code_raw(d, t != NULL && is_rsa(t), 1),
             key_bytes = rsa != 0 ? RSA_KEY_BYTES : P256_KEY_BYTES;
    unsigned key = code_raw(d, t != NULL ? find_key(d, t, key_bytes) : 0, 2);
    memset(b, 0, OT_SIG_BLOCK_BYTES);
    b[0] = OT_SIG_MAGIC;
    b[1] = (uint8_t)(rsa != 0 ? OT_SCHEME_RSA3072 : OT_SCHEME_ECDSA256);
    memcpy(b + AT_COVERED, d->signature.covered.bytes, OT_DIGEST_BYTES);
    uint32_t signature = rsa != 0 ? AT_RSA : AT_ECDSA, end = rsa != 0 ? AT_CRC : AT_ECDSA + 64u;
    if (key == KEY_IS_NEW) {
        ot_store32(b + AT_EXPONENT, rsa != 0 ? EXPONENT : 0);
        b[AT_KEY] = CURVE_P256; /* overwritten by a modulus */
        expect(d, rsa != 0 ? AT_KEY : AT_POINT, rsa != 0 ? AT_EXPONENT : AT_ECDSA, signature, end);
    } else if (d->base.size < OT_SIG_SECTOR_BYTES) {
        delta_fail(d, OT_E_PATCH_FORMAT);
    } else {
        copy_from_base(d, key, b + AT_KEY, key_bytes);
        expect(d, signature, end, end, end);
    }
    d->signature.is_new_key = key == KEY_IS_NEW;
}

static void finish_block(struct delta_codec *d)
{
    uint8_t *b = block(d);
    if (is_rsa(b) && d->signature.is_new_key) {
        if ((b[AT_KEY] & 1u) == 0 || (b[AT_EXPONENT - 1] & 0x80u) == 0) { /* no modulus of 3072 bits */
            delta_fail(d, OT_E_PATCH_FORMAT);
            return;
        }
        compute_r(b + AT_R, b + AT_KEY);
        ot_store32(b + AT_M, compute_m(ot_load32(b + AT_KEY)));
    }
    ot_store32(b + AT_CRC, ot_crc32(0, b, AT_CRC));
    d->signature.at++;
    d->signature.is_open = false;
}

static void code_bytes(struct delta_codec *d)
{
    const uint8_t *t = truth(d);
    uint8_t *b = block(d);
    for (unsigned i = 0; i < RAW_BYTES && d->signature.raw_at < d->signature.raw_end;
         i++, d->signature.raw_at++)
        b[d->signature.raw_at] = (uint8_t)code_raw(d, t != NULL ? t[d->signature.raw_at] : 0, 8);
    if (d->signature.raw_at < d->signature.raw_end)
        return;
    expect(d, d->signature.then_at, d->signature.then_end, 0, 0);
    if (d->signature.raw_at == d->signature.raw_end)
        finish_block(d);
}

/* Everything before the sector is written: read back and hashed, through the sector's own buffer. */
static void begin_sector(struct delta_codec *d)
{
    struct ot_sha256 hash;
    const struct ot_crypto *crypto = d->crypto;
    const struct ot_source *written = d->target_lines.source;
    if (crypto == NULL || d->at != d->flushed) {
        delta_fail(d, OT_E_PATCH_FORMAT);
        return;
    }
    crypto->sha256_start(crypto->ctx, &hash);
    for (uint32_t at = 0; at < d->at && d->failure == OT_OK; at += DELTA_SECTOR) {
        enum ot_status st = written->read(written->ctx, at, d->sector, DELTA_SECTOR);
        d->target_lines.reads++;
        if (st != OT_OK)
            delta_fail(d, st);
        crypto->sha256_update(crypto->ctx, &hash, d->sector, DELTA_SECTOR);
    }
    crypto->sha256_finish(crypto->ctx, &hash, &d->signature.covered);
    memset(d->sector, 0xFF, DELTA_SECTOR);
    uint32_t count = 0;
    while (delta_script_of(d) != NULL && count < OT_SIG_BLOCKS_MAX &&
           delta_script_of(d)->target[d->at + count * OT_SIG_BLOCK_BYTES] == OT_SIG_MAGIC)
        count++;
    d->signature.count = (uint8_t)code_raw(d, count, 2);
    d->signature.is_begun = true;
}

void delta_step_signatures(struct delta_codec *d)
{
    if (!d->signature.is_begun) {
        begin_sector(d);
    } else if (d->signature.at == d->signature.count) {
        d->at += DELTA_SECTOR;
        delta_flush(d);
        d->phase = DELTA_DONE;
    } else if (!d->signature.is_open) {
        begin_block(d);
        d->signature.is_open = true;
    } else {
        code_bytes(d);
    }
}
