/*
 * Any bytes as a signature sector: nothing is accepted but by a trusted key that is not revoked. The key of the first
 * block is trusted, so that the signature itself is reached.
 */
#include "base/crypto_openssl.h"
#include "fuzz.h"
#include "otaria/trust.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t sector[OT_SIG_SECTOR_BYTES];
    struct ot_memory memory = {.bytes = sector, .size = sizeof sector};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image image = {.signature_offset = 0};
    struct ot_image_digests digests = {.identity = {{1}}};
    struct ot_sig_block first = {.scheme = OT_SCHEME_NONE};
    struct ot_trust_set set = {.keys = &first.key, .key_count = 1};
    struct ot_verdict verdict;
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    memset(sector, 0xFF, sizeof sector);
    memcpy(sector, data, size < sizeof sector ? size : sizeof sector);
    enum ot_status st = ot_sig_block_parse(sector, crypto_openssl(), &first);
    HOLDS(st == OT_OK || st == OT_E_UNSIGNED || st == OT_E_SIG_CRC || st == OT_E_SIG_FORMAT);
    digests.covered = first.covered;
    ot_trust_judge(&src, &image, &digests, &set, crypto_openssl(), scratch, sizeof scratch, &verdict);
    if (ot_verdict_accepts(&verdict, &digests.identity))
        HOLDS(ot_digest_equal(&verdict.key, &first.key) && verdict.blocks_seen >= 1);
    else
        HOLDS(verdict.reason != OT_OK);
    set.revoked = &first.key;
    set.revoked_count = 1;
    ot_trust_judge(&src, &image, &digests, &set, crypto_openssl(), scratch, sizeof scratch, &verdict);
    HOLDS(!ot_verdict_accepts(&verdict, &digests.identity));
    return 0;
}
