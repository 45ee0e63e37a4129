/* What a patch says before its body: the target's segments, and where addresses of the base go. See docs/patch-format.md. */
#include "otaria/delta/codec.h"

#define HEADER_BYTES OT_IMAGE_HEADER_BYTES

static uint32_t code_word(struct delta_codec *d, uint32_t v)
{
    uint32_t out = 0;
    for (unsigned i = 32; i-- > 0;)
        out = out << 1 | delta_code_bit(&d->coder, v >> i & 1u, 0x8000u);
    return out;
}

static void code_segment(struct delta_codec *d, uint32_t i, uint32_t *offset)
{
    struct delta_segment *s = &d->target.segments[i];
    const struct delta_segment *like = i < d->base.count ? &d->base.segments[i] : NULL;
    bool same = like != NULL && like->addr == s->addr;
    if (like != NULL && delta_code_adaptive(&d->coder, same, &d->b_shift[0]) != 0)
        s->addr = like->addr;
    else
        s->addr = code_word(d, s->addr);
    int32_t words = (int32_t)(like != NULL ? like->length / 4u : 0);
    words += delta_code_signed(&d->coder, &d->n_size, (int32_t)(s->length / 4u) - words);
    s->length = (uint32_t)words * 4u;
    s->offset = *offset + 8u;
    if (words < 0 || s->length > d->target.size || d->target.size - s->length < s->offset)
        delta_fail(d, OT_E_PATCH_FORMAT);
    *offset = s->offset + s->length;
}

/* One segment a step, then the number of map entries. Its own scratch: `inserting` counts segments, `edge` the offset. */
void delta_step_preamble(struct delta_codec *d)
{
    if (d->base.chip == NULL) {
        d->target.count = 0;
    } else if (d->edge == 0) {
        d->target.count = delta_code_number(&d->coder, &d->n_size, d->target.count);
        if (d->target.count > DELTA_SEGMENTS_MAX) {
            d->target.count = 0;
            delta_fail(d, OT_E_PATCH_FORMAT);
        }
        d->gp_base = code_word(d, d->gp_base);
        d->gp_target = code_word(d, d->gp_target);
        d->edge = HEADER_BYTES;
        d->inserting = 0;
        return;
    } else if (d->inserting < d->target.count) {
        code_segment(d, d->inserting++, &d->edge);
        return;
    }
    d->image_end = d->edge;
    d->target.chip = d->base.chip;
    delta_layout_classify(&d->target);
    d->map_wanted = d->base.chip == NULL ? 0 : delta_code_number(&d->coder, &d->n_size, d->map_wanted);
    if (d->map_wanted > DELTA_MAP_MAX)
        delta_fail(d, OT_E_PATCH_FORMAT);
    delta_parser_start(&d->parser, &d->base, &d->base_reader, d->gp_base);
    d->at = d->flushed = 0;
    delta_locate(d);
    d->jumps[0] = d->jumps[1] = d->jumps[2] = 0;
    d->old_last_end = 0;
    d->phase = DELTA_MAP;
}

/* An entry a step: how far behind the one before (in words), and how much more it shifts. */
void delta_step_map(struct delta_codec *d)
{
    uint32_t i = d->map_count;
    if (i == d->map_wanted) {
        d->phase = DELTA_OPERATION;
        return;
    }
    struct delta_map_entry e = {.addr = d->map.addr[i], .delta = delta_map_delta(&d->map, i)};
    uint32_t addr = i == 0 ? d->base.chip->pointers[0].start : d->map.addr[i - 1];
    uint32_t delta = i == 0 ? 0 : delta_map_delta(&d->map, i - 1),
             before = i < 2 ? 0 : delta_map_delta(&d->map, i - 2);
    e.addr = addr + 4u * delta_code_number(&d->coder, &d->n_gap, (e.addr - addr) / 4u);
    if (delta_code_adaptive(&d->coder, e.delta == before, &d->b_shift[1]) != 0)
        e.delta = before;
    else
        e.delta = delta + (uint32_t)delta_code_signed(&d->coder, &d->n_shift, (int32_t)(e.delta - delta));
    delta_map_set(&d->map, i, e);
    d->map_count++;
}
