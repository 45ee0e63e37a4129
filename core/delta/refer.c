/* Where references go. See codec.h and docs/patch-format.md "References". */
#include "otaria/delta/codec.h"

#include "otaria/bytes.h"

#define L32R_REACH   0x40000u
#define SEARCH_NEXT  62u /* words to either side of the literal loaded last, all within DELTA_SPAN_BYTES; */
#define SEARCH_THERE 8u  /* of the predicted place */

enum { REF_NONE = 0, REF_COPY = 1, REF_MAP = 2, REF_CACHE = 3 };

static uint32_t slot(uint32_t key, uint32_t size)
{
    return (uint32_t)((uint64_t)(key * 0x9E3779B1u) * size >> 32);
}

uint32_t delta_map_find(const struct delta_codec *d, uint32_t addr)
{
    uint32_t low = 0, high = d->map_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (d->map.addr[mid] <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? DELTA_NOWHERE : low - 1;
}

uint32_t delta_map_lookup(const struct delta_codec *d, uint32_t addr)
{
    uint32_t i = delta_map_find(d, addr);
    return i == DELTA_NOWHERE ? addr : addr + delta_map_delta(&d->map, i);
}

/* The map piece around the present place ends here. */
static uint32_t piece_end(struct delta_codec *d, uint32_t from)
{
    uint32_t next = d->piece == DELTA_NOWHERE ? 0 : d->piece + 1;
    while (next < d->map_count && d->map.addr[next] <= from)
        next++;
    d->piece = next == 0 ? DELTA_NOWHERE : next - 1;
    return next < d->map_count ? d->map.addr[next] : UINT32_MAX;
}

/* What lies in this copy moves with it; what lies further ahead, as far as the map knows of no change. */
static bool moves_along(struct delta_codec *d, uint32_t target, uint32_t from)
{
    const struct delta_segment *s = d->parser.segment;
    if (s == NULL || target - s->addr >= s->length)
        return false;
    uint32_t begin = d->old_begin > s->offset ? s->addr + (d->old_begin - s->offset) : s->addr;
    return target >= begin && (target <= from || target < piece_end(d, from));
}

static const struct delta_moved *moved(const struct delta_moved *cache, uint32_t old)
{
    const struct delta_moved *m = &cache[slot(old, DELTA_MISS_CACHE)];
    return m->old == old && old != 0 ? m : NULL;
}

/* --- L32R: the literal's place follows from its value --- */

/* Literals stand before their code, in its segment. */
static bool holds(struct delta_codec *d, uint32_t addr, uint32_t value, uint32_t to)
{
    uint32_t back = to - addr, offset = d->at - back;
    return back - 4u < L32R_REACH - 4u && back <= d->at - d->here->offset &&
           delta_target_word(d, offset) == value;
}

/* Where this value came out last, or was loaded from; eight bits tell it from others of its place. */
static uint32_t place_of(const struct delta_codec *d, uint32_t value, uint32_t to)
{
    uint32_t h = value * 0x9E3779B1u, v = d->values[h >> 24], back = d->at - (v >> 8);
    bool is_it = (v & 0xFFu) == (h >> 16 & 0xFFu) && back < L32R_REACH && back <= d->at - d->here->offset;
    return is_it ? to - back : 0;
}

static uint32_t search(struct delta_codec *d, uint32_t around, uint32_t value, uint32_t to, uint32_t words)
{
    delta_target_need(d, d->at - (to - around), 4u * words);
    for (uint32_t k = 1; k < words; k++) {
        d->parser.steps += 2;
        if (holds(d, around - 4u * k, value, to))
            return around - 4u * k;
        if (holds(d, around + 4u * k, value, to))
            return around + 4u * k;
    }
    return 0;
}

/* Loaded before, from the same place of the base: that was checked then. */
static const struct delta_moved *loaded_before(const struct delta_codec *d, uint32_t old, uint32_t to)
{
    const struct delta_moved *m = moved(d->moved_literals, old);
    return m != NULL && m->now < to && to - m->now < L32R_REACH ? m : NULL;
}

static unsigned predict_literal(struct delta_codec *d, uint32_t old, uint32_t to, unsigned ref,
                                uint32_t *target)
{
    if (ref == REF_COPY)
        return ref;
    const struct delta_moved *before = loaded_before(d, old, to);
    if (before != NULL) {
        *target = before->now;
        return ref;
    }
    uint32_t offset = delta_layout_offset(&d->base, old);
    if (offset == DELTA_NOWHERE)
        return ref;
    uint32_t value = delta_reader_word(&d->base_reader, offset);
    if (delta_chip_is_pointer(d->base.chip, value)) {
        const struct delta_moved *m = moved(d->moved, value);
        value = m != NULL ? m->now : delta_map_lookup(d, value);
    }
    uint32_t found = place_of(d, value, to);
    if ((found != 0 && found == *target) || holds(d, *target, value, to))
        return ref;
    if (found == 0 && d->last_literal != 0)
        found = search(d, d->last_literal, value, to, SEARCH_NEXT);
    if (found == 0)
        found = search(d, *target, value, to, SEARCH_THERE);
    if (found == 0)
        return REF_NONE; /* a miss is likely */
    *target = found;
    return REF_CACHE;
}

unsigned delta_predict(struct delta_codec *d, const struct delta_unit *u, uint32_t from, uint32_t to,
                       uint32_t *target)
{
    unsigned ref = REF_MAP;
    if (moves_along(d, u->target, from)) {
        *target = u->target + (to - from);
        ref = REF_COPY;
    } else {
        *target = delta_map_lookup(d, u->target);
    }
    if (u->kind == DELTA_X_L32R)
        return predict_literal(d, u->target, to, ref, target);
    const struct delta_moved *m = moved(d->moved, u->target);
    if (m == NULL)
        return ref;
    *target = m->now;
    return REF_CACHE;
}

static void remember(struct delta_moved *cache, uint32_t old, uint32_t now)
{
    cache[slot(old, DELTA_MISS_CACHE)] = (struct delta_moved){.old = old, .now = now};
}

void delta_learn_literal_word(struct delta_codec *d, uint32_t value, uint32_t offset)
{
    uint32_t h = value * 0x9E3779B1u;
    d->values[h >> 24] = offset << 8 | (h >> 16 & 0xFFu);
}

static void learn_literal(struct delta_codec *d, const struct delta_unit *u, uint32_t x, uint32_t to,
                          bool missed)
{
    if ((x & 15u) != 1)
        return;
    uint32_t now = delta_xtensa_literal(x, to);
    remember(d->moved_literals, u->target, now);
    uint32_t offset = delta_layout_offset(&d->target, now);
    if (missed && offset != DELTA_NOWHERE &&
        offset + 4u <= d->at) /* of several with this value, the one in use */
        delta_learn_literal_word(d, delta_target_word(d, offset), offset);
    d->last_literal = now;
}

void delta_learn(struct delta_codec *d, const struct delta_unit *u, uint32_t x, uint32_t to, bool missed)
{
    if (u->kind == DELTA_X_L32R) {
        learn_literal(d, u, x, to, missed);
        return;
    }
    if (!missed)
        return;
    uint32_t now = delta_unit_target(u, x, to);
    if (now != 0 && (u->kind != DELTA_POINTER || delta_chip_is_pointer(d->target.chip, now)))
        remember(d->moved, u->target, now);
}
