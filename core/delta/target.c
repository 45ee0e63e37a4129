/* The bytes that come out: gathered in a sector, written, read back where references need them. See codec.h. */
#include "otaria/delta/codec.h"

#include "otaria/bytes.h"

#include <string.h>

void delta_flush(struct delta_codec *d)
{
    if (d->at == d->flushed)
        return;
    enum ot_status st = d->write(d->write_ctx, d->flushed, d->sector, d->at - d->flushed);
    if (st != OT_OK)
        delta_fail(d, st);
    d->flushed = d->at;
}

void delta_locate(struct delta_codec *d)
{
    d->here = delta_layout_at(&d->target, d->at);
    d->edge = d->target.size;
    if (d->here != NULL) {
        d->edge = d->here->offset + d->here->length;
        return;
    }
    for (uint32_t i = 0; i < d->target.count; i++) {
        if (d->target.segments[i].offset > d->at && d->target.segments[i].offset < d->edge)
            d->edge = d->target.segments[i].offset;
    }
}

void delta_put(struct delta_codec *d, uint8_t byte)
{
    if (d->here != NULL)
        d->checksum ^= byte;
    d->sector[d->at - d->flushed] = byte;
    d->at++;
    delta_bytes_pass(&d->bytes, byte);
    if (d->at >= d->edge)
        delta_locate(d);
    if (d->at - d->flushed == DELTA_SECTOR)
        delta_flush(d);
}

void delta_put_unit(struct delta_codec *d, const uint8_t *bytes, unsigned length)
{
    uint32_t in = d->at - d->flushed, word = ot_load32(bytes) & (UINT32_MAX >> (32u - 8u * length));
    if (in + DELTA_UNIT_BYTES >= DELTA_SECTOR || d->at + length >= d->edge) {
        for (unsigned i = 0; i < length; i++)
            delta_put(d, bytes[i]);
        return;
    }
    memcpy(d->sector + in, bytes, DELTA_UNIT_BYTES); /* what is too much is overwritten */
    d->at += length;
    if (d->here != NULL) {
        uint32_t fold = word ^ word >> 16;
        d->checksum ^= (uint8_t)(fold ^ fold >> 8);
    }
    delta_bytes_pass_unit(&d->bytes, word, length);
}

uint32_t delta_target_word(struct delta_codec *d, uint32_t offset)
{
    if (offset >= d->flushed)
        return ot_load32(d->sector + (offset - d->flushed));
    if (offset + 4u <= d->flushed)
        return delta_lines_word(&d->target_lines, offset);
    uint8_t bytes[4];
    uint32_t below = d->flushed - offset;
    ot_store32(bytes, delta_lines_word(&d->target_lines, offset + below - 4u) >> (8u * (4u - below)));
    memcpy(bytes + below, d->sector, 4u - below);
    return ot_load32(bytes);
}

bool delta_known_byte(const struct delta_codec *d, uint8_t *byte)
{
    for (uint32_t i = 0; i < d->target.count; i++) {
        const struct delta_segment *s = &d->target.segments[i];
        uint32_t in = d->at + 8u - s->offset;
        if (in < 8) {
            *byte = (uint8_t)((in < 4 ? s->addr : s->length) >> (8u * (in & 3u)));
            return true;
        }
    }
    if (d->target.count == 0 || d->at < d->image_end)
        return false;
    uint32_t end = (d->image_end & ~15u) + 16u; /* the checksum is the last byte of a line of sixteen */
    if (d->at < end) {
        *byte = d->at == end - 1u ? d->checksum : 0;
        return true;
    }
    if (d->has_digest && d->at - end < OT_DIGEST_BYTES) {
        *byte = d->identity.bytes[d->at - end];
        return true;
    }
    *byte = 0xFF; /* padding before a signature sector */
    return true;
}
