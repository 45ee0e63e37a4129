/*
 * Any bytes as a patch: a refusal or a whole target; written in order and never outside it, read only where something was
 * written, within the limit of work, and the same in any chunks.
 *
 * Input: a byte of flags (chip, digest, signed, chunk), two of target size (its upper bits: without a base), then the body. The header is made right here, as a
 * wrong one is refused at once (and tried, too, when the flag says so). The base is an image of the flagged chip.
 */
#include "fuzz.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"
#include "otaria/delta.h"

#include <string.h>

#define BASE_BYTES   8192u
#define TARGET_MAX   4096u
#define SIGNED_BYTES 8192u

static uint8_t base_bytes[BASE_BYTES];

struct slot {
    uint8_t bytes[SIGNED_BYTES];
    uint32_t size, written;
};

static enum ot_status read_base(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    (void)ctx;
    HOLDS(offset <= BASE_BYTES && len <= BASE_BYTES - offset);
    memcpy(buf, base_bytes + offset, len);
    return OT_OK;
}

static enum ot_status read_slot(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct slot *s = ctx;
    HOLDS(offset <= s->written && len <= s->written - offset);
    memcpy(buf, s->bytes + offset, len);
    return OT_OK;
}

static enum ot_status write_slot(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct slot *s = ctx;
    HOLDS(offset == s->written && len <= s->size - offset);
    HOLDS(len == OT_DELTA_SECTOR_BYTES || offset + len == s->size);
    memcpy(s->bytes + offset, bytes, len);
    s->written += len;
    return OT_OK;
}

/* An image with data and code segments; content repeats, so that references and pools are met. */
static void make_base(uint16_t chip)
{
    static const uint32_t addrs[2][3] = {{0x3F400020, 0x400D0020, 0x40080000},
                                         {0x3C000020, 0x42000020, 0x4037C000}};
    static const uint32_t words[] = {0x004136,   0x3F400100, 0x400D0100, 0x0000F01D, 0x00012345, 0x3C000040,
                                     0x42000100, 0x010000EF, 0x00000517, 0x00050513, 0x40080010, 0xFFE0A521,
                                     0x00008067, 0xFFFF0031, 0x81000004, 0x00000010};
    const uint32_t *addr = addrs[chip == 0 ? 0 : 1];
    uint32_t at = 24, seed = 1;
    for (uint32_t i = 0; i < BASE_BYTES; i += 4) {
        seed = seed * 1664525u + 1013904223u;
        ot_store32(base_bytes + i, words[seed >> 28] ^ ((seed >> 20 & 7u) == 0 ? seed >> 24 : 0));
    }
    memset(base_bytes, 0, 24);
    base_bytes[0] = 0xE9;
    base_bytes[1] = 3;
    ot_store16(base_bytes + 12, chip);
    for (uint32_t i = 0; i < 3; i++) {
        ot_store32(base_bytes + at, addr[i]);
        ot_store32(base_bytes + at + 4, 1024);
        at += 8 + 1024;
    }
}

static enum ot_status decode(const uint8_t *header, const uint8_t *body, uint32_t size, uint32_t chunk,
                             struct slot *slot, uint32_t *produced)
{
    static struct ot_delta d;
    uint8_t sector[OT_DELTA_SECTOR_BYTES];
    uint32_t reads, steps;
    struct ot_delta_io io = {.base = {.size = BASE_BYTES, .read = read_base},
                             .written = {.ctx = slot, .size = slot->size, .read = read_slot},
                             .target_max = slot->size,
                             .crypto = crypto_openssl(),
                             .ctx = slot,
                             .write = write_slot};
    slot->written = 0;
    ot_delta_start(&d, &io, sector);
    enum ot_status st = ot_delta_feed(&d, header, OT_DELTA_HEADER_BYTES);
    for (uint32_t at = 0; at < size && st == OT_OK; at += chunk)
        st = ot_delta_feed(&d, body + at, chunk < size - at ? chunk : size - at);
    if (st == OT_OK)
        st = ot_delta_finish(&d);
    *produced = ot_delta_produced(&d);
    ot_delta_cost(&d, &reads, &steps);
    HOLDS(*produced <= slot->size);
    HOLDS(steps <= OT_DELTA_STEPS_BASE +
                       OT_DELTA_STEPS_PER_BYTE * (*produced + 64u)); /* a step may overshoot by its own */
    HOLDS(st != OT_OK || slot->written == slot->size);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct slot whole, pieces;
    static const uint16_t chips[] = {0, 5};
    uint8_t header[OT_DELTA_HEADER_BYTES];
    if (size < 3)
        return 0;
    uint8_t flags = data[0];
    struct ot_delta_header h = {.method = OT_DELTA_CODED,
                                .profile = 1,
                                .has_chip = (flags & 1u) != 0,
                                .has_digest = (flags & 2u) != 0,
                                .is_signed = (flags & 4u) != 0,
                                .chip_id = (flags & 1u) != 0 ? chips[flags >> 3 & 1u] : 0,
                                .base_bytes = BASE_BYTES,
                                .target_bytes = 1u + ot_load16(data + 1) % TARGET_MAX};
    if (h.is_signed)
        h.target_bytes = SIGNED_BYTES;
    if ((data[2] & 0x80u) != 0) { /* without a base */
        h.method = (data[2] & 0x70u) != 0 ? OT_DELTA_FULL : OT_DELTA_STORED;
        h.has_digest = h.is_signed = false;
        h.base_bytes = 0;
    }
    make_base(chips[flags >> 3 & 1u]);
    ot_delta_header_write(&h, header);
    if ((flags & 0x80u) != 0 && size > 4)
        header[data[3] % OT_DELTA_HEADER_BYTES] ^= data[4];
    if (ot_delta_header_read(header, &h) == OT_OK && h.target_bytes > SIGNED_BYTES)
        h.target_bytes = SIGNED_BYTES; /* more than there is room for: refused */
    uint32_t length = (uint32_t)size - 3u, chunk = 1u + (flags >> 4 & 7u) * 37u, a, b;
    whole.size = pieces.size = h.target_bytes;
    enum ot_status st = decode(header, data + 3, length, length + 1u, &whole, &a);
    enum ot_status again = decode(header, data + 3, length, chunk, &pieces, &b);
    HOLDS((st == OT_OK) == (again == OT_OK));
    if (st == OT_OK)
        HOLDS(memcmp(whole.bytes, pieces.bytes, h.target_bytes) == 0);
    return 0;
}
