/*
 * The verdict: may this image run, given the keys trusted here?
 *
 * One place sets "accepted" (accept(), below). Everything unknown, unreadable or malformed is a refusal.
 */
#include "otaria/trust.h"

#include <string.h>

static bool in_list(const struct ot_digest *list, uint32_t count, const struct ot_digest *key,
                    uint32_t key_bytes)
{
    uint32_t len = key_bytes == 0 ? OT_DIGEST_BYTES : key_bytes;
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t difference = 0;
        for (uint32_t j = 0; j < len; j++)
            difference = (uint8_t)(difference | (list[i].bytes[j] ^ key->bytes[j]));
        found = found || difference == 0;
    }
    return found;
}

/* How much a cause tells a person; the most telling one is reported when no block is good. */
static int telling(enum ot_status reason)
{
    static const enum ot_status rank[] = {OT_E_UNSIGNED,    OT_E_SIG_CRC,     OT_E_SIG_FORMAT,
                                          OT_E_KEY_UNKNOWN, OT_E_KEY_REVOKED, OT_E_SIG_DIGEST,
                                          OT_E_SIG_INVALID, OT_E_CRYPTO,      OT_E_READ};
    for (uint32_t i = 0; i < sizeof rank / sizeof rank[0]; i++) {
        if (rank[i] == reason)
            return (int)i;
    }
    return -1;
}

static void note(struct ot_verdict *verdict, enum ot_status reason)
{
    if (telling(reason) > telling(verdict->reason))
        verdict->reason = reason;
}

static void accept(struct ot_verdict *verdict, const struct ot_digest *image, const struct ot_digest *key,
                   uint8_t block)
{
    verdict->state = OT_VERDICT_ACCEPTED;
    verdict->reason = OT_OK;
    verdict->image = *image;
    verdict->key = *key;
    verdict->block = block;
}

/* Why this block does not prove anything, or OT_OK when it does. */
static enum ot_status judge_block(const uint8_t *bytes, const struct ot_image_digests *digests,
                                  const struct ot_trust_set *set, const struct ot_crypto *crypto,
                                  struct ot_sig_block *block)
{
    enum ot_status st = ot_sig_block_parse(bytes, crypto, block);
    if (st != OT_OK)
        return st;
    if (!in_list(set->keys, set->key_count, &block->key, set->key_bytes))
        return OT_E_KEY_UNKNOWN;
    if (in_list(set->revoked, set->revoked_count, &block->key, set->key_bytes))
        return OT_E_KEY_REVOKED;
    if (!ot_digest_equal(&block->covered, &digests->covered))
        return OT_E_SIG_DIGEST;
    return ot_sig_block_verify(block, crypto);
}

static void judge_blocks(const struct ot_source *src, const struct ot_image *image,
                         const struct ot_image_digests *digests, const struct ot_trust_set *set,
                         const struct ot_crypto *crypto, uint8_t *scratch, struct ot_verdict *verdict)
{
    for (uint8_t i = 0; i < OT_SIG_BLOCKS_MAX; i++) {
        struct ot_sig_block block;
        uint32_t at = image->signature_offset + i * OT_SIG_BLOCK_BYTES;
        enum ot_status st = ot_source_read(src, at, scratch, OT_SIG_BLOCK_BYTES);
        if (st != OT_OK) {
            note(verdict, OT_E_READ);
            return;
        }
        st = judge_block(scratch, digests, set, crypto, &block);
        if (st == OT_E_UNSIGNED)
            return; /* blocks are contiguous: the first empty place ends the list */
        verdict->blocks_seen++;
        if (st == OT_OK) {
            accept(verdict, &digests->identity, &block.key, i);
            return;
        }
        note(verdict, st);
    }
}

/* Digests are stored whole, or halved by the ESP32-C2. Anything shorter would believe strangers. */
static bool has_known_width(const struct ot_trust_set *set)
{
    return set->key_bytes == 0 || set->key_bytes == OT_DIGEST_BYTES || set->key_bytes == OT_DIGEST_BYTES / 2;
}

static bool has_whole_sector(const struct ot_source *src, const struct ot_image *image)
{
    return src->size >= image->signature_offset && src->size - image->signature_offset >= OT_SIG_SECTOR_BYTES;
}

void ot_trust_judge(const struct ot_source *src, const struct ot_image *image,
                    const struct ot_image_digests *digests, const struct ot_trust_set *set,
                    const struct ot_crypto *crypto, uint8_t *scratch, uint32_t scratch_len,
                    struct ot_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->reason = OT_E_UNSIGNED;
    if (scratch_len < OT_SIG_BLOCK_BYTES || !has_known_width(set))
        verdict->reason = OT_E_ARGUMENT;
    else if (set->key_count == 0)
        verdict->reason = OT_E_NO_TRUST;
    else if (has_whole_sector(src, image))
        judge_blocks(src, image, digests, set, crypto, scratch, verdict);
}

bool ot_verdict_accepts(const struct ot_verdict *verdict, const struct ot_digest *identity)
{
    return verdict->state == OT_VERDICT_ACCEPTED && verdict->reason == OT_OK &&
           ot_digest_equal(&verdict->image, identity);
}
