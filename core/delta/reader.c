/* See reader.h. */
#include "otaria/delta/reader.h"

#include "otaria/bytes.h"

#include <string.h>

#define NOTHING UINT32_MAX

void delta_lines_start(struct delta_lines *l, const struct ot_source *source)
{
    *l = (struct delta_lines){.source = source};
    for (unsigned i = 0; i < DELTA_LINES; i++)
        l->at[i] = NOTHING;
}

/* Bytes outside the source read as zeros. `at` may lie a little before it, modulo 2^32. */
static void fetch(struct delta_lines *l, uint32_t at, uint8_t *out, uint32_t len)
{
    uint32_t size = l->source->size, skip = 0;
    memset(out, 0, len);
    if (at > UINT32_MAX - 2u * DELTA_BEHIND) {
        skip = 0u - at;
        at = 0;
    }
    if (at >= size || skip >= len)
        return;
    uint32_t n = len - skip < size - at ? len - skip : size - at;
    l->reads++;
    enum ot_status st = l->source->read(l->source->ctx, at, out + skip, n);
    if (st != OT_OK && l->status == OT_OK)
        l->status = st;
}

static const uint8_t *line(struct delta_lines *l, uint32_t at)
{
    uint32_t i = at / DELTA_LINE_BYTES % DELTA_LINES;
    if (l->at[i] != at) {
        fetch(l, at, l->bytes[i], DELTA_LINE_BYTES);
        l->at[i] = at;
    }
    return l->bytes[i];
}

uint32_t delta_lines_word(struct delta_lines *l, uint32_t offset)
{
    uint32_t in = offset % DELTA_LINE_BYTES;
    const uint8_t *first = line(l, offset - in) + in;
    if (in <= DELTA_LINE_BYTES - 4u)
        return ot_load32(first);
    uint8_t bytes[4];
    uint32_t n = DELTA_LINE_BYTES - in;
    memcpy(bytes, first, n);
    memcpy(bytes + n, line(l, offset + n), 4u - n);
    return ot_load32(bytes);
}

void delta_reader_start(struct delta_reader *r, const struct ot_source *source)
{
    delta_lines_start(&r->lines, source);
    r->window_at = NOTHING;
    r->scout_at = NOTHING;
}

const uint8_t *delta_reader_at(struct delta_reader *r, uint32_t offset)
{
    uint32_t in = offset - r->window_at;
    if (r->window_at == NOTHING || in < DELTA_BEHIND || in > DELTA_WINDOW_BYTES - DELTA_AHEAD) {
        r->window_at = offset - DELTA_BEHIND;
        if (r->window_at == NOTHING) /* the mark itself: offset 3 */
            r->window_at--;
        fetch(&r->lines, r->window_at, r->window, DELTA_WINDOW_BYTES);
        in = offset - r->window_at;
    }
    return r->window + in;
}

uint32_t delta_reader_word(struct delta_reader *r, uint32_t offset)
{
    uint32_t in = offset - r->window_at;
    if (r->window_at != NOTHING && in <= DELTA_WINDOW_BYTES - 4u)
        return ot_load32(r->window + in);
    return delta_lines_word(&r->lines, offset);
}

uint32_t delta_reader_scout(struct delta_reader *r, uint32_t offset)
{
    uint32_t in = offset - r->window_at;
    if (r->window_at != NOTHING && in <= DELTA_WINDOW_BYTES - 4u)
        return ot_load32(r->window + in);
    in = offset - r->scout_at;
    if (r->scout_at == NOTHING || in > DELTA_SCOUT_BYTES - 4u) {
        fetch(&r->lines, offset, r->scout, DELTA_SCOUT_BYTES);
        r->scout_at = offset;
        in = 0;
    }
    return ot_load32(r->scout + in);
}
