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
void delta_lines_fetch(struct delta_lines *l, uint32_t at, uint8_t *out, uint32_t len)
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

void delta_lines_need(struct delta_lines *l, uint32_t from, uint32_t to)
{
    for (uint32_t at = from - from % DELTA_LINE_BYTES; at < to;) {
        uint32_t i = at / DELTA_LINE_BYTES % DELTA_LINES, begin = i, first = at;
        for (; at < to && i < DELTA_LINES && l->at[i] != at; at += DELTA_LINE_BYTES)
            l->at[i++] = at;
        if (i > begin)
            delta_lines_fetch(l, first, l->bytes[begin], (i - begin) * DELTA_LINE_BYTES);
        else
            at += DELTA_LINE_BYTES;
    }
}

static const uint8_t *line(struct delta_lines *l, uint32_t at)
{
    uint32_t i = at / DELTA_LINE_BYTES % DELTA_LINES;
    if (l->at[i] != at) {
        delta_lines_fetch(l, at, l->bytes[i], DELTA_LINE_BYTES);
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
    r->at[0] = r->at[1] = NOTHING;
    r->here = 0;
}

/* The other window, moved to `from`. */
static void move_other(struct delta_reader *r, uint32_t from)
{
    unsigned other = r->here ^ 1u;
    r->at[other] = from != NOTHING ? from : from - 1u; /* the mark itself: before offset 3 */
    delta_lines_fetch(&r->lines, r->at[other], r->window[other], DELTA_WINDOW_BYTES);
}

/* Does window `i` hold `before` bytes ahead of `offset` and `bytes` from it on? */
static bool holds(const struct delta_reader *r, unsigned i, uint32_t offset, uint32_t before, uint32_t bytes)
{
    return r->at[i] != NOTHING && offset - before - r->at[i] <= DELTA_WINDOW_BYTES - before - bytes;
}

const uint8_t *delta_reader_at(struct delta_reader *r, uint32_t offset)
{
    if (!holds(r, r->here, offset, DELTA_BEHIND, DELTA_AHEAD)) {
        if (!holds(r, r->here ^ 1u, offset, DELTA_BEHIND, DELTA_AHEAD))
            move_other(r, offset - DELTA_BEHIND);
        r->here ^= 1u;
    }
    return r->window[r->here] + (offset - r->at[r->here]);
}

/* The word where a window has it, or NULL. */
static const uint8_t *seen(const struct delta_reader *r, uint32_t offset)
{
    for (unsigned i = 0; i < 2; i++) {
        if (holds(r, i, offset, 0, 4))
            return r->window[i] + (offset - r->at[i]);
    }
    return NULL;
}

uint32_t delta_reader_word(struct delta_reader *r, uint32_t offset)
{
    const uint8_t *word = seen(r, offset);
    return word != NULL ? ot_load32(word) : delta_lines_word(&r->lines, offset);
}

uint32_t delta_reader_scout(struct delta_reader *r, uint32_t offset)
{
    const uint8_t *word = seen(r, offset);
    if (word != NULL)
        return ot_load32(word);
    move_other(r, offset);
    return ot_load32(r->window[r->here ^ 1u]);
}
