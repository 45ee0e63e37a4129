/**
 * Trust: which image may run, judged by Secure Boot V2 signature blocks and a set of key digests.
 *
 * The result is a verdict, not an int: it starts as refused (zero-initialised memory is a refusal), only
 * ot_trust_judge() sets it to accepted, and whatever activates an image takes the verdict as an argument.
 *
 *     struct ot_verdict v = {0};
 *     ot_trust_judge(&src, &image, &digests, &set, crypto, scratch, sizeof scratch, &v);
 *     if (!ot_verdict_accepts(&v, &digests.identity)) report(v.reason);
 *
 * Block layout, traps and what genuine ROMs accept: docs/formats.md "Signature sector".
 */
#ifndef OTARIA_TRUST_H
#define OTARIA_TRUST_H

#include "otaria/image.h"

#define OT_SIG_SECTOR_BYTES 4096u
#define OT_SIG_BLOCK_BYTES  1216u
#define OT_SIG_BLOCKS_MAX   3u
#define OT_SIG_MAGIC        0xE7u

enum ot_scheme {
    OT_SCHEME_NONE = 0,
    OT_SCHEME_RSA3072 = 2, /* the block's version byte */
    OT_SCHEME_ECDSA256 = 3,
};

/** One parsed block. Points into nothing: all numbers are copied and big-endian. */
struct ot_sig_block {
    enum ot_scheme scheme;
    struct ot_digest covered; /* digest of the signed bytes, as the block states it */
    struct ot_digest key;     /* digest of the public key: the key's name everywhere */
    uint8_t public_key[388];  /* RSA: n (384, BE) then e (4, BE); P-256: x, y (64, BE) */
    uint8_t signature[384];   /* RSA: 384 BE; P-256: r, s (64, BE) */
};

/**
 * Parse one block of 1216 bytes. RSA: R and M' are recomputed nowhere here, but the key digest covers them.
 * @return OT_OK, OT_E_UNSIGNED (no magic: an empty place), OT_E_SIG_FORMAT, OT_E_SIG_CRC.
 */
OT_CHECKED enum ot_status ot_sig_block_parse(const uint8_t block[OT_SIG_BLOCK_BYTES],
                                             const struct ot_crypto *crypto, struct ot_sig_block *out);

/** OT_OK when the block's signature over its own `covered` verifies; OT_E_SIG_INVALID, OT_E_CRYPTO; nothing else. */
OT_CHECKED enum ot_status ot_sig_block_verify(const struct ot_sig_block *block,
                                              const struct ot_crypto *crypto);

/** Keys trusted here, less those revoked here. Borrowed arrays. An empty set accepts nothing. */
struct ot_trust_set {
    const struct ot_digest *keys;
    uint32_t key_count;
    const struct ot_digest *revoked;
    uint32_t revoked_count;
    uint32_t key_bytes; /* 32, or 16 where the chip stores half digests (ESP32-C2); 0 means 32 */
};

enum ot_verdict_state {
    OT_VERDICT_REFUSED = 0,
    OT_VERDICT_ACCEPTED = 0x5A3C96E1, /* many bits away from refused: a glitch must flip several */
};

struct ot_verdict {
    uint32_t state;         /* enum ot_verdict_state; read through ot_verdict_accepts() */
    enum ot_status reason;  /* why refused; OT_OK only when accepted */
    struct ot_digest image; /* identity of the image judged */
    struct ot_digest key;   /* the key that was believed */
    uint8_t block;          /* which block, 0..2 */
    uint8_t blocks_seen;
};

/**
 * Judge a parsed and hashed image. Blocks are read contiguously from block 0, as the chips' ROM does: the first empty
 * place ends the list. One good block by a trusted, unrevoked key suffices, in any position.
 *
 * @param scratch  At least OT_SIG_BLOCK_BYTES.
 * `verdict->reason` when refused is the most telling cause: "could not tell" (OT_E_READ, OT_E_CRYPTO: trying again may
 * help) before a trusted key's bad signature, before a trusted key's signature of another image, before a revoked key,
 * before an unknown key, before malformed blocks, before "unsigned". OT_E_NO_TRUST for an empty set, OT_E_ARGUMENT for a
 * short scratch or a `key_bytes` other than 0, 16 and 32; nothing is read then.
 */
void ot_trust_judge(const struct ot_source *src, const struct ot_image *image,
                    const struct ot_image_digests *digests, const struct ot_trust_set *set,
                    const struct ot_crypto *crypto, uint8_t *scratch, uint32_t scratch_len,
                    struct ot_verdict *verdict);

/** The only reader: accepted, and accepted for this very image. */
bool ot_verdict_accepts(const struct ot_verdict *verdict, const struct ot_digest *identity);

#endif
