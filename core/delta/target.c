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
        d->shift = d->here->addr - d->here->offset;
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

void delta_put_unit(struct delta_codec *d, uint32_t word, unsigned length)
{
    uint32_t in = d->at - d->flushed;
    if (in + DELTA_UNIT_BYTES >= DELTA_SECTOR || d->at + length >= d->edge) {
        for (unsigned i = 0; i < length; i++)
            delta_put(d, (uint8_t)(word >> 8u * i));
        return;
    }
    ot_store32(d->sector + in, word); /* what is too much is overwritten */
    d->at += length;
    if (d->here != NULL)
        d->checksum ^= word;
    delta_bytes_pass_unit(&d->bytes, word, length);
}

/* A wide look moves the span, a narrow one fills lines. */
void delta_target_need(struct delta_codec *d, uint32_t offset, uint32_t reach)
{
    uint32_t from = offset - reach, to = offset + reach;
    to = to < d->flushed ? to : d->flushed;
    if (from >= to || (from >= d->span_at && to <= d->span_end))
        return;
    if (2u * reach < DELTA_SPAN_BYTES / 2u) {
        delta_lines_need(&d->target_lines, from, to);
        return;
    }
    d->span_at = from;
    d->span_end = d->flushed - from < DELTA_SPAN_BYTES ? d->flushed : from + DELTA_SPAN_BYTES;
    delta_lines_fetch(&d->target_lines, from, d->span, d->span_end - from);
}

uint32_t delta_target_word(struct delta_codec *d, uint32_t offset)
{
    if (offset >= d->flushed)
        return ot_load32(d->sector + (offset - d->flushed));
    if (offset >= d->span_at && offset + 4u <= d->span_end)
        return ot_load32(d->span + (offset - d->span_at));
    if (offset + 4u <= d->flushed)
        return delta_lines_word(&d->target_lines, offset);
    uint8_t bytes[4];
    uint32_t below = d->flushed - offset;
    ot_store32(bytes, delta_lines_word(&d->target_lines, offset + below - 4u) >> (8u * (4u - below)));
    memcpy(bytes + below, d->sector, 4u - below);
    return ot_load32(bytes);
}

uint8_t delta_known_byte(const struct delta_codec *d, uint8_t byte)
{
    for (uint32_t i = 0; i < d->target.count; i++) {
        const struct delta_segment *s = &d->target.segments[i];
        uint32_t in = d->at + 8u - s->offset;
        if (in < 8)
            return (uint8_t)((in < 4 ? s->addr : s->length) >> (8u * (in & 3u)));
    }
    if (d->target.count == 0 || d->at < d->image_end)
        return byte;
    uint32_t end = (d->image_end & ~15u) + 16u; /* the checksum is the last byte of a line of sixteen */
    if (d->at < end) {
        uint32_t fold = d->checksum ^ d->checksum >> 16;
        return d->at == end - 1u ? (uint8_t)(fold ^ fold >> 8) : 0;
    }
    if (d->has_digest && d->at - end < OT_DIGEST_BYTES)
        return d->identity.bytes[d->at - end];
    return 0xFF; /* padding before a signature sector */
}
