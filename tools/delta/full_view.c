/* The target as a full image is decoded: units turned, and what each place knows. See full.h. */
#include "full.h"

#include <stdlib.h>
#include <string.h>

#define ALONE    UINT16_MAX /* of a unit that the end of its part cuts: like no other */
#define IN_CODE  16u
#define PER_PART 32u

bool full_view_start(struct full_view *v, const struct delta_file *target, struct delta_codec *c)
{
    const struct delta_full *f = &c->full;
    uint8_t unit[DELTA_FULL_UNIT];
    uint32_t begins = FULL_NOTHING, edge = f->edge;
    uint16_t class = 0;
    bool is_cut = false;
    *v = (struct full_view){.stored = target->bytes, .size = target->size, .chip = c->base.chip};
    v->bytes = malloc(v->size);
    v->spots = malloc(v->size * sizeof *v->spots);
    v->shifts = malloc(v->size * sizeof *v->shifts);
    v->classes = malloc(v->size * sizeof *v->classes);
    if (v->bytes == NULL || v->spots == NULL || v->shifts == NULL || v->classes == NULL)
        return false;
    for (uint32_t at = 0; at < v->size; at++) {
        class = (uint16_t)(f->edge != edge ? class + PER_PART : class);
        edge = f->edge;
        if (at - f->have != begins) { /* a unit begins here, or began elsewhere than it seemed */
            uint32_t left = v->size - (at - f->have);
            begins = at - f->have;
            memset(unit, 0, sizeof unit);
            memcpy(unit, v->stored + begins, left < sizeof unit ? left : sizeof unit);
            is_cut = f->spot.in_code && delta_full_length(v->chip, unit, sizeof unit) > edge - begins;
            if (f->spot.in_code && !is_cut)
                delta_full_to_absolute(v->chip, unit, begins + f->shift);
        }
        v->spots[at] = f->spot;
        v->shifts[at] = f->shift;
        v->classes[at] = is_cut ? ALONE : (uint16_t)(class + (f->spot.in_code ? IN_CODE + f->spot.phase : 0));
        v->bytes[at] = unit[at - begins];
        delta_full_put(c, v->bytes[at]);
    }
    return c->failure == OT_OK;
}

void full_view_free(struct full_view *v)
{
    free(v->bytes);
    free(v->spots);
    free(v->shifts);
    free(v->classes);
}

uint8_t full_view_copied(const struct full_view *v, uint32_t from, uint32_t to)
{
    const struct delta_spot *s = &v->spots[to];
    uint32_t have = s->in_code ? s->phase : 0, begins = from - have, left = v->size - begins;
    uint8_t unit[DELTA_FULL_UNIT] = {0};
    if (to - from <= DELTA_FULL_NEAR || (v->classes[from] == v->classes[to] && v->classes[to] != ALONE))
        return v->bytes[from];
    if (have > from)
        return 0;
    memcpy(unit, v->stored + begins, left < sizeof unit ? left : sizeof unit);
    if (s->in_code)
        delta_full_to_absolute(v->chip, unit, begins + v->shifts[to]);
    return unit[have];
}

uint32_t full_view_match(const struct full_view *v, uint32_t from, uint32_t to, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && full_view_copied(v, from + n, to + n) == v->bytes[to + n])
        n++;
    return n;
}
