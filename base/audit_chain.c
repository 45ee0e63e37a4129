/* See base/audit_chain.h. */
#include "base/audit_chain.h"

#include "base/crypto_openssl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void audit_chain_add(const struct audit_entry *entry, struct ot_digest *hash)
{
    struct ot_sha256 sum;
    char head[64];
    const struct ot_crypto *c = crypto_openssl();
    snprintf(head, sizeof head, "%" PRId64 "|%" PRId64, entry->seq, entry->at_ms);
    const char *const parts[] = {head, entry->who, entry->action, entry->object, entry->detail};
    c->sha256_start(c->ctx, &sum);
    c->sha256_update(c->ctx, &sum, hash->bytes, OT_DIGEST_BYTES);
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        c->sha256_update(c->ctx, &sum, (const uint8_t *)parts[i], strlen(parts[i]) + 1); /* with its zero */
    c->sha256_finish(c->ctx, &sum, hash);
}
