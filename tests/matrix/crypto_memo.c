/* Remembered signature checks: see crypto_memo.h. Keyed by the SHA-256 of all that goes into a check. */
#include "crypto_memo.h"

#include "base/crypto_openssl.h"

#include <stdbool.h>
#include <string.h>

#define PLACES 1024u

static struct {
    bool used;
    struct ot_digest key;
    enum ot_status answer;
} memo[PLACES];

static struct ot_crypto crypto;
static const struct ot_crypto *real;

static enum ot_status pss(void *ctx, const uint8_t n[384], uint32_t e, const struct ot_digest *digest,
                          const uint8_t signature[384])
{
    struct ot_sha256 hash;
    struct ot_digest key;
    (void)ctx;
    real->sha256_start(real->ctx, &hash);
    real->sha256_update(real->ctx, &hash, n, 384);
    real->sha256_update(real->ctx, &hash, (const uint8_t *)&e, sizeof e);
    real->sha256_update(real->ctx, &hash, digest->bytes, sizeof digest->bytes);
    real->sha256_update(real->ctx, &hash, signature, 384);
    real->sha256_finish(real->ctx, &hash, &key);
    uint32_t at;
    memcpy(&at, key.bytes, sizeof at);
    at %= PLACES;
    if (!memo[at].used || memcmp(&memo[at].key, &key, sizeof key) != 0) {
        memo[at].used = true;
        memo[at].key = key;
        memo[at].answer = real->pss3072_verify(real->ctx, n, e, digest, signature);
    }
    return memo[at].answer;
}

const struct ot_crypto *crypto_memo_of(const struct ot_crypto *implementation)
{
    if (real == NULL) {
        real = implementation;
        crypto = *real;
        crypto.pss3072_verify = pss;
    }
    return &crypto;
}

const struct ot_crypto *crypto_memo(void)
{
    return crypto_memo_of(crypto_openssl());
}
