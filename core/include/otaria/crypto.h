/**
 * The cryptography core needs, as a port: SHA-256 and two signature checks. No key is ever private here.
 *
 * Adapters: base/ (OpenSSL, hosted rooms); PSA for ESP-IDF and the RV32 board. Every adapter passes tests/unit/base.
 */
#ifndef OTARIA_CRYPTO_H
#define OTARIA_CRYPTO_H

#include "otaria/status.h"

#include <stddef.h>
#include <stdint.h>

#define OT_DIGEST_BYTES 32u

/** A SHA-256 digest: of an image, of a key, of a file. */
struct ot_digest {
    uint8_t bytes[OT_DIGEST_BYTES];
};

/** Running SHA-256. Plain memory: may be copied to fork a hash; owns nothing, may be dropped at any time. */
struct ot_sha256 {
    uint64_t opaque[32];
};

struct ot_crypto {
    void *ctx;
    void (*sha256_start)(void *ctx, struct ot_sha256 *hash);
    void (*sha256_update)(void *ctx, struct ot_sha256 *hash, const uint8_t *bytes, size_t len);
    void (*sha256_finish)(void *ctx, struct ot_sha256 *hash, struct ot_digest *out);
    /**
     * RSASSA-PSS, SHA-256, MGF1-SHA-256, salt length exactly 32. `n` and `signature` are 384 bytes big-endian.
     * OT_OK = valid; OT_E_SIG_INVALID = not; OT_E_CRYPTO = could not tell (treated as a refusal).
     */
    enum ot_status (*pss3072_verify)(void *ctx, const uint8_t n[384], uint32_t e,
                                     const struct ot_digest *digest, const uint8_t signature[384]);
    /** ECDSA P-256 over a SHA-256 digest. All numbers 32 bytes big-endian. Same results as above. */
    enum ot_status (*p256_verify)(void *ctx, const uint8_t x[32], const uint8_t y[32],
                                  const struct ot_digest *digest, const uint8_t r[32], const uint8_t s[32]);
};

/** SHA-256 of one buffer. */
void ot_sha256_of(const struct ot_crypto *crypto, const uint8_t *bytes, size_t len, struct ot_digest *out);

/** Equal? Constant time. */
int ot_digest_equal(const struct ot_digest *a, const struct ot_digest *b);

/** All zero bytes: used as "none". */
int ot_digest_is_zero(const struct ot_digest *d);

#define OT_DIGEST_HEX_BYTES 65u /* 64 lowercase digits and a NUL */

void ot_digest_to_hex(const struct ot_digest *d, char out[OT_DIGEST_HEX_BYTES]);

/** Exactly 64 hex digits, either case: OT_OK, else OT_E_WIRE_TEXT. */
OT_CHECKED enum ot_status ot_digest_from_hex(const char *hex, size_t len, struct ot_digest *out);

#endif
