/*
 * Otaria's descriptor, 512 bytes little endian (docs/formats.md has the same drawing):
 *
 *   0 "OTAD"      4 u16 version 1   6 u16 length 512   8 u32 crc     12 u32 release   16 u32 floor   20 u32 flags
 *  24 u64 hardware revisions       32 u32 min slot    36 u32 zero    40 u8 keys       41 u8 revokes  42..63 zero
 *  64 keys[4][32]                 192 revoke[4][32]  320..511 zero
 */
#include "otaria/descriptor.h"

#include "otaria/bytes.h"

#include <string.h>

enum {
    AT_VERSION = 4,
    AT_LENGTH = 6,
    AT_CRC = 8,
    AT_RELEASE = 12,
    AT_FLOOR = 16,
    AT_FLAGS = 20,
    AT_HARDWARE = 24,
    AT_SLOT = 32,
    AT_ZERO_1 = 36,
    AT_KEY_COUNT = 40,
    AT_REVOKE_COUNT = 41,
    AT_ZERO_2 = 42,
    AT_KEYS = 64,
    AT_REVOKE = 192,
    AT_ZERO_3 = 320
};

static const uint8_t magic[4] = {'O', 'T', 'A', 'D'};

static bool all_zero(const uint8_t *bytes, uint32_t len)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < len; i++)
        any = (uint8_t)(any | bytes[i]);
    return any == 0;
}

static uint32_t crc_of(const uint8_t bytes[OT_DESC_BYTES])
{
    /* The CRC field itself counts as zero: hash around it. */
    static const uint8_t zero[4] = {0};
    uint32_t crc = ot_crc32(0, bytes, AT_CRC);
    crc = ot_crc32(crc, zero, sizeof zero);
    return ot_crc32(crc, bytes + AT_CRC + 4, OT_DESC_BYTES - AT_CRC - 4);
}

static bool reserved_clear(const uint8_t *b)
{
    return all_zero(b + AT_ZERO_1, AT_KEY_COUNT - AT_ZERO_1) &&
           all_zero(b + AT_ZERO_2, AT_KEYS - AT_ZERO_2) &&
           all_zero(b + AT_ZERO_3, OT_DESC_BYTES - AT_ZERO_3) &&
           (ot_load32(b + AT_FLAGS) & ~OT_DESC_FLAG_DROP_OLD_SLOT) == 0;
}

static bool contains(const struct ot_digest *list, uint32_t count, const struct ot_digest *d)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ot_digest_equal(&list[i], d))
            return true;
    }
    return false;
}

/* Digests are non-zero and unique, and none is trusted and retired at once. */
static bool keys_consistent(const struct ot_descriptor *d)
{
    for (uint32_t i = 0; i < d->key_count; i++) {
        if (ot_digest_is_zero(&d->keys[i]) || contains(d->keys, i, &d->keys[i]))
            return false;
    }
    for (uint32_t i = 0; i < d->revoke_count; i++) {
        if (ot_digest_is_zero(&d->revoke[i]) || contains(d->revoke, i, &d->revoke[i]) ||
            contains(d->keys, d->key_count, &d->revoke[i]))
            return false;
    }
    return true;
}

static enum ot_status check_values(const struct ot_descriptor *d)
{
    if (d->release == 0 || d->floor > d->release)
        return OT_E_DESC_RELEASE;
    if (d->hardware_revisions == 0)
        return OT_E_DESC_HARDWARE;
    return keys_consistent(d) ? OT_OK : OT_E_DESC_KEYS;
}

static enum ot_status read_keys(const uint8_t *b, struct ot_descriptor *out)
{
    out->key_count = b[AT_KEY_COUNT];
    out->revoke_count = b[AT_REVOKE_COUNT];
    if (out->key_count > OT_DESC_KEYS_MAX || out->revoke_count > OT_DESC_KEYS_MAX)
        return OT_E_DESC_KEYS;
    memcpy(out->keys, b + AT_KEYS, sizeof out->keys);
    memcpy(out->revoke, b + AT_REVOKE, sizeof out->revoke);
    uint32_t unused_keys = (OT_DESC_KEYS_MAX - out->key_count) * OT_DIGEST_BYTES;
    uint32_t unused_revokes = (OT_DESC_KEYS_MAX - out->revoke_count) * OT_DIGEST_BYTES;
    if (!all_zero(b + AT_REVOKE - unused_keys, unused_keys) ||
        !all_zero(b + AT_ZERO_3 - unused_revokes, unused_revokes))
        return OT_E_DESC_RESERVED;
    return OT_OK;
}

enum ot_status ot_descriptor_parse(const uint8_t b[OT_DESC_BYTES], struct ot_descriptor *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(b, magic, sizeof magic) != 0)
        return OT_E_DESC_MISSING;
    if (ot_load16(b + AT_VERSION) != OT_DESC_FORMAT_VERSION)
        return OT_E_DESC_VERSION;
    if (ot_load16(b + AT_LENGTH) != OT_DESC_BYTES)
        return OT_E_DESC_LENGTH;
    if (ot_load32(b + AT_CRC) != crc_of(b))
        return OT_E_DESC_CRC;
    if (!reserved_clear(b))
        return OT_E_DESC_RESERVED;
    out->release = ot_load32(b + AT_RELEASE);
    out->floor = ot_load32(b + AT_FLOOR);
    out->flags = ot_load32(b + AT_FLAGS);
    out->hardware_revisions = ot_load64(b + AT_HARDWARE);
    out->min_slot_bytes = ot_load32(b + AT_SLOT);
    enum ot_status st = read_keys(b, out);
    return st == OT_OK ? check_values(out) : st;
}

enum ot_status ot_descriptor_read(const struct ot_source *src, struct ot_descriptor *out)
{
    uint8_t bytes[OT_DESC_BYTES];
    enum ot_status st = ot_source_read(src, OT_DESC_OFFSET, bytes, sizeof bytes);
    if (st == OT_E_RANGE) {
        memset(out, 0, sizeof *out);
        return OT_E_DESC_MISSING;
    }
    return st == OT_OK ? ot_descriptor_parse(bytes, out) : st;
}

enum ot_status ot_descriptor_format(const struct ot_descriptor *d, uint8_t out[OT_DESC_BYTES])
{
    if (d->key_count > OT_DESC_KEYS_MAX || d->revoke_count > OT_DESC_KEYS_MAX)
        return OT_E_DESC_KEYS;
    if ((d->flags & ~OT_DESC_FLAG_DROP_OLD_SLOT) != 0)
        return OT_E_DESC_RESERVED;
    enum ot_status st = check_values(d);
    if (st != OT_OK)
        return st;
    memset(out, 0, OT_DESC_BYTES);
    memcpy(out, magic, sizeof magic);
    ot_store16(out + AT_VERSION, OT_DESC_FORMAT_VERSION);
    ot_store16(out + AT_LENGTH, OT_DESC_BYTES);
    ot_store32(out + AT_RELEASE, d->release);
    ot_store32(out + AT_FLOOR, d->floor);
    ot_store32(out + AT_FLAGS, d->flags);
    ot_store64(out + AT_HARDWARE, d->hardware_revisions);
    ot_store32(out + AT_SLOT, d->min_slot_bytes);
    out[AT_KEY_COUNT] = d->key_count;
    out[AT_REVOKE_COUNT] = d->revoke_count;
    memcpy(out + AT_KEYS, d->keys, d->key_count * sizeof d->keys[0]);
    memcpy(out + AT_REVOKE, d->revoke, d->revoke_count * sizeof d->revoke[0]);
    ot_store32(out + AT_CRC, crc_of(out));
    return OT_OK;
}
