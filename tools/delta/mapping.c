/*
 * See mapping.h. Observations: (address in the base, where it went), from references that line up and that do not move
 * along with their own copy. A shortest path over the sorted addresses: a step costs its bits, a wrong prediction a miss.
 */
#include "mapping.h"
#include "matcher.h"

#include <stdlib.h>

#define COST_STEP    34 /* bits, where there is room for all that are worth it */
#define COST_MISS    14
#define COST_AGAIN   1 /* the same target missed again: a cache helps */
#define COST_LITERAL 6 /* its value helps to find it */
#define COST_ALONG   4 /* within its own copy: only references across a step would be missed */
#define DELTA_REACH  0x400000u
#define LIVE_MAX     64u
#define KEEP         30 /* dearer ways than a new step and this are given up */

struct observation {
    uint32_t addr;
    uint32_t delta;
    uint8_t weight; /* bits, when predicted wrong */
};

struct pairs {
    struct observation *list;
    uint32_t count, room;
};

/* A way to explain everything so far, the last step being `delta`. */
struct live {
    uint32_t delta;
    int64_t cost;
    int32_t step;
};

struct steps {
    int64_t cost; /* of one */
    struct {
        uint32_t addr, delta;
        int32_t before;
    } * list;
    uint32_t count, room;
};

uint32_t delta_mapping_lookup(const struct delta_mapping *m, uint32_t addr)
{
    uint32_t low = 0, high = m->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (m->entries[mid].addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? addr : addr + m->entries[low - 1].delta;
}

static bool grow(void **list, uint32_t *room, uint32_t count, size_t size)
{
    if (count < *room)
        return true;
    uint32_t more = *room == 0 ? 1024 : *room * 2;
    void *bigger = realloc(*list, more * size);
    if (bigger == NULL)
        return false;
    *list = bigger;
    *room = more;
    return true;
}

static bool note(struct pairs *pairs, struct observation o)
{
    void *list = pairs->list;
    if (!grow(&list, &pairs->room, pairs->count, sizeof *pairs->list))
        return false;
    pairs->list = list;
    pairs->list[pairs->count++] = o;
    return true;
}

/* Chance, or more than the format can say. */
static bool is_far(const struct delta_layout *base, uint32_t old, uint32_t delta)
{
    return delta + DELTA_REACH > 2u * DELTA_REACH || old < base->chip->pointers[0].start;
}

static bool observe(const struct delta_analysis *o, const struct delta_analysis *n, const struct delta_op *op,
                    uint32_t now, struct pairs *pairs)
{
    for (uint32_t i = 0; i < op->length; i++) {
        uint32_t x = op->old + i, kind = o->kinds[x];
        if (kind == DELTA_NO_UNIT || kind < DELTA_POINTER || kind != n->kinds[now + i])
            continue;
        uint32_t delta = n->targets[now + i] - o->targets[x];
        if (is_far(&o->layout, o->targets[x], delta))
            continue;
        uint32_t at = delta_layout_offset(&o->layout, o->targets[x]);
        bool moves_along = at != DELTA_NOWHERE && at >= op->old && at < op->old + op->length;
        uint8_t weight = moves_along ? COST_ALONG : kind == DELTA_X_L32R ? COST_LITERAL : COST_MISS;
        if (!note(pairs, (struct observation){.addr = o->targets[x], .delta = delta, .weight = weight}))
            return false;
    }
    return true;
}

static int by_addr(const void *a, const void *b)
{
    const struct observation *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->delta != y->delta)
        return x->delta < y->delta ? -1 : 1;
    return (int)y->weight - (int)x->weight;
}

static bool add_step(struct steps *s, uint32_t addr, uint32_t delta, int32_t before)
{
    void *list = s->list;
    if (!grow(&list, &s->room, s->count, sizeof *s->list))
        return false;
    s->list = list;
    s->list[s->count].addr = addr;
    s->list[s->count].delta = delta;
    s->list[s->count].before = before;
    s->count++;
    return true;
}

/* The observations of one address: open what it suggests, then charge everybody who would be wrong. */
static bool one_address(const struct observation *o, uint32_t n, struct live *live, uint32_t *count,
                        struct steps *steps)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < *count; i++)
        best = live[i].cost < live[best].cost ? i : best;
    struct live from = live[best];
    for (uint32_t i = 0; i < n; i++) {
        if ((i > 0 && o[i].delta == o[i - 1].delta) || o[i].weight <= COST_ALONG)
            continue;
        uint32_t k = 0;
        while (k < *count && live[k].delta != o[i].delta)
            k++;
        if (k < *count && live[k].cost <= from.cost + steps->cost)
            continue;
        if (k == *count && *count == LIVE_MAX)
            continue;
        live[k] = (struct live){
            .delta = o[i].delta, .cost = from.cost + steps->cost, .step = (int32_t)steps->count};
        *count = k == *count ? k + 1u : *count;
        if (!add_step(steps, o[i].addr, o[i].delta, from.step))
            return false;
    }
    int64_t least = INT64_MAX;
    for (uint32_t k = 0; k < *count; k++) {
        uint32_t wrong = 0, worst = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (o[i].delta == live[k].delta)
                continue;
            wrong += o[i].weight > COST_ALONG;
            worst = o[i].weight > worst ? o[i].weight : worst;
        }
        live[k].cost += worst + (int64_t)(wrong > 0 ? wrong - 1u : 0) * COST_AGAIN;
        least = live[k].cost < least ? live[k].cost : least;
    }
    for (uint32_t k = 0; k < *count;) {
        if (live[k].cost > least + steps->cost + KEEP)
            live[k] = live[--*count];
        else
            k++;
    }
    return true;
}

static uint32_t chain_length(const struct steps *steps, int32_t last)
{
    uint32_t n = 0;
    for (int32_t i = last; i >= 0; i = steps->list[i].before)
        n++;
    return n;
}

static void take_steps(const struct steps *steps, int32_t last, struct delta_mapping *out)
{
    uint32_t n = out->count = chain_length(steps, last);
    for (int32_t i = last; i >= 0; i = steps->list[i].before)
        out->entries[--n] =
            (struct delta_map_entry){.addr = steps->list[i].addr & ~3u, .delta = steps->list[i].delta};
}

/* The cheapest explanation when a step costs `cost`. False: no memory. */
static bool shortest_path(const struct pairs *pairs, int64_t cost, struct steps *steps, int32_t *last)
{
    struct live live[LIVE_MAX] = {{.delta = 0, .cost = 0, .step = -1}};
    uint32_t count = 1;
    steps->count = 0;
    steps->cost = cost;
    for (uint32_t i = 0, n; i < pairs->count; i += n) {
        n = 1;
        while (i + n < pairs->count && pairs->list[i + n].addr == pairs->list[i].addr)
            n++;
        if (!one_address(&pairs->list[i], n, live, &count, steps))
            return false;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        best = live[i].cost < live[best].cost ? i : best;
    *last = live[best].step;
    return true;
}

/* When there are more steps than a device can hold, they are made dearer until only the worthiest are left. */
static bool choose_steps(const struct pairs *pairs, struct delta_mapping *out)
{
    struct steps steps = {0};
    int32_t last = -1;
    bool ok = true;
    for (int64_t cost = COST_STEP; ok; cost += cost / 4) {
        ok = shortest_path(pairs, cost, &steps, &last);
        if (ok && chain_length(&steps, last) <= DELTA_MAP_MAX)
            break;
    }
    if (ok)
        take_steps(&steps, last, out);
    free(steps.list);
    return ok;
}

/* The observation before `addr`, or 0. */
static uint32_t lowest_free(const struct pairs *pairs, uint32_t addr)
{
    uint32_t low = 0, high = pairs->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (pairs->list[mid].addr < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? 0 : pairs->list[low - 1].addr;
}

/*
 * Between two observations a step may stand anywhere. Best where a copy begins that goes that way: then it is right for
 * what was not observed too.
 */
static void place_steps(const struct delta_analysis *base, const struct delta_analysis *target,
                        const struct delta_ops *ops, const struct pairs *pairs, struct delta_mapping *map)
{
    uint32_t now = 0;
    for (uint32_t i = 0; i < ops->count; i++) {
        const struct delta_op *op = &ops->list[i];
        now += op->inserted;
        uint32_t from = delta_layout_addr(&base->layout, op->old),
                 to = delta_layout_addr(&target->layout, now);
        now += op->length;
        if (op->length == 0 || from == 0 || to == 0)
            continue;
        for (uint32_t k = 0; k < map->count; k++) {
            struct delta_map_entry *e = &map->entries[k];
            if (e->delta != to - from || from > e->addr)
                continue;
            uint32_t low = lowest_free(pairs, e->addr);
            if (from > low && (from & ~3u) < e->addr)
                e->addr = from & ~3u;
            break;
        }
    }
}

bool delta_mapping_of_symbols(const struct delta_symbols *symbols, const struct delta_layout *base,
                              struct delta_mapping *out)
{
    struct pairs pairs = {0};
    bool ok = true;
    out->count = 0;
    for (uint32_t i = 0; i < symbols->old.count && ok; i++) {
        uint32_t addr = symbols->pairs[0][i].addr, delta = symbols->pairs[1][i].addr - addr;
        if (!is_far(base, addr, delta))
            ok = note(&pairs, (struct observation){.addr = addr, .delta = delta, .weight = COST_MISS});
    }
    if (ok && pairs.count > 0) {
        qsort(pairs.list, pairs.count, sizeof *pairs.list, by_addr);
        ok = choose_steps(&pairs, out);
    }
    free(pairs.list);
    return ok;
}

bool delta_mapping_find(const struct delta_analysis *base, const struct delta_analysis *target,
                        const struct delta_ops *ops, struct delta_mapping *out)
{
    struct pairs pairs = {0};
    uint32_t now = 0;
    bool ok = true;
    out->count = 0;
    for (uint32_t i = 0; i < ops->count && ok; i++) {
        now += ops->list[i].inserted;
        ok = observe(base, target, &ops->list[i], now, &pairs);
        now += ops->list[i].length;
    }
    if (ok && pairs.count > 0) {
        qsort(pairs.list, pairs.count, sizeof *pairs.list, by_addr);
        ok = choose_steps(&pairs, out);
        if (ok)
            place_steps(base, target, ops, &pairs, out);
    }
    free(pairs.list);
    return ok;
}
