/* See matcher.h. Costs are in 1/64 bit. */
#include "matcher.h"

#include <divsufsort.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BIT(x)      ((int64_t)((x)*64))
#define TRACKS_MAX  40u
#define RECENT_MAX  12u
#define INSERTING   INT32_MAX /* the track that copies nothing */
#define MATCH_MIN   5u
#define LOOK_FAR    600u /* how long a match is measured, from inserted bytes; from a copy: */
#define LOOK_NEAR   200u
#define QUIET_BYTES 24u /* after so many right bytes nothing else is looked for */
#define NEAR_FIELD  4096u

/* What the codec pays, about. Tuned on other images than any test measures. */
#define COST_INSERT         BIT(6)
#define COST_TO_INSERT      BIT(5)
#define COST_OP_FROM_INSERT BIT(30)
#define COST_OP_NEAR        BIT(16)
#define COST_OP_FAR         BIT(34)
#define COST_MISS           BIT(10.5)
#define COST_MISS_NEXT      BIT(7.5)
#define COST_AFTER_MISS     BIT(0.6)
#define COST_HIT            1
#define COST_REFERENCE      BIT(11)
#define COST_FIELD          BIT(1)
#define COST_OUTSIDE        BIT(1000)
#define SLACK               BIT(46)

struct node {
    uint32_t at;
    int32_t diagonal;
    int32_t before;
};

struct track {
    int32_t diagonal;
    int32_t node;
    int64_t cost;
    bool missed;
};

struct search {
    const struct delta_matcher *m;
    const struct delta_mapping *map;
    const uint8_t *old, *now;
    uint32_t old_size, now_size, at;
    struct node *nodes;
    uint32_t node_count, node_room;
    struct track tracks[TRACKS_MAX + 1];
    uint32_t count, best;
    int32_t recent[RECENT_MAX];
    uint32_t recent_count;
    uint32_t anchor; /* the next */
    uint32_t quiet;
    int32_t quiet_diagonal;
};

bool delta_matcher_start(struct delta_matcher *m, const struct delta_analysis *base,
                         const struct delta_analysis *target, const struct delta_anchors *anchors)
{
    *m = (struct delta_matcher){.base = base, .target = target, .anchors = *anchors};
    m->suffixes = malloc((base->size + 1u) * sizeof *m->suffixes);
    if (m->suffixes == NULL)
        return false;
    if (divsufsort(base->masked, m->suffixes, (saidx_t)base->size) == 0)
        return true;
    delta_matcher_free(m);
    return false;
}

void delta_matcher_free(struct delta_matcher *m)
{
    free(m->suffixes);
    m->suffixes = NULL;
}

/* --- longest match --- */

static uint32_t common(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len, uint32_t cap)
{
    uint32_t n = a_len < b_len ? a_len : b_len, i = 0;
    if (n > cap)
        n = cap;
    while (i + 8u <= n && memcmp(a + i, b + i, 8) == 0)
        i += 8;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* First suffix that is not below the text at s->at. */
static uint32_t lower_bound(const struct search *s, uint32_t cap)
{
    const int32_t *suffixes = s->m->suffixes;
    uint32_t low = 0, high = s->old_size, text_len = s->now_size - s->at;
    while (high - low > 1) {
        uint32_t mid = (low + high) / 2, at = (uint32_t)suffixes[mid], len = s->old_size - at;
        uint32_t n = len < text_len ? len : text_len;
        if (n > cap)
            n = cap;
        int order = memcmp(s->old + at, s->now + s->at, n);
        if (order < 0 || (order == 0 && len < text_len && len < cap))
            low = mid;
        else
            high = mid;
    }
    return low;
}

static uint32_t longest(const struct search *s, uint32_t cap, uint32_t *where)
{
    uint32_t near = lower_bound(s, cap), best = 0, from = near > 0 ? near - 1 : 0;
    for (uint32_t k = from; k <= near + 2u && k < s->old_size; k++) {
        uint32_t at = (uint32_t)s->m->suffixes[k];
        uint32_t n = common(s->old + at, s->old_size - at, s->now + s->at, s->now_size - s->at, cap);
        if (n > best) {
            best = n;
            *where = at;
        }
    }
    return best;
}

/* --- tracks --- */

static bool add_node(struct search *s, int32_t diagonal, int32_t before)
{
    if (s->node_count == s->node_room) {
        uint32_t room = s->node_room == 0 ? 4096 : s->node_room * 2;
        struct node *more = realloc(s->nodes, room * sizeof *more);
        if (more == NULL)
            return false;
        s->nodes = more;
        s->node_room = room;
    }
    s->nodes[s->node_count++] = (struct node){.at = s->at, .diagonal = diagonal, .before = before};
    return true;
}

static int64_t operation_cost(int32_t diagonal, int32_t from)
{
    if (from == INSERTING)
        return COST_OP_FROM_INSERT;
    uint32_t distance = (uint32_t)(diagonal > from ? diagonal - from : from - diagonal);
    int64_t cost = COST_OP_NEAR;
    for (uint32_t x = distance; x > 0; x >>= 1)
        cost += BIT(1.15);
    return cost < COST_OP_FAR ? cost : COST_OP_FAR;
}

static bool is_inside(const struct search *s, int32_t diagonal)
{
    int64_t x = (int64_t)s->at + diagonal;
    return x >= 0 && x < (int64_t)s->old_size;
}

static void drop(struct search *s, uint32_t i)
{
    s->tracks[i] = s->tracks[--s->count];
}

static bool open_track(struct search *s, int32_t diagonal)
{
    if (!is_inside(s, diagonal))
        return true;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->tracks[i].diagonal == diagonal)
            return true;
    }
    if (s->count == TRACKS_MAX) {
        uint32_t worst = 1;
        for (uint32_t i = 2; i < s->count; i++)
            worst = s->tracks[i].cost > s->tracks[worst].cost ? i : worst;
        if (worst == s->best)
            return true;
        if (s->best == s->count - 1)
            s->best = worst;
        drop(s, worst);
    }
    struct track *best = &s->tracks[s->best];
    int32_t from = best->diagonal, before = s->nodes[best->node].before;
    if (from == INSERTING && before >= 0)
        from = s->nodes[before].diagonal;
    struct track t = {.diagonal = diagonal,
                      .node = (int32_t)s->node_count,
                      .cost = best->cost + operation_cost(diagonal, from)};
    if (!add_node(s, diagonal, best->node))
        return false;
    s->tracks[s->count++] = t;
    return true;
}

/* New tracks, unless the best one has been right for a while. */
static bool look_around(struct search *s)
{
    struct track *best = &s->tracks[s->best];
    if (best->diagonal != s->quiet_diagonal) {
        s->quiet_diagonal = best->diagonal;
        s->quiet = 0;
    }
    if (best->diagonal != INSERTING && s->quiet >= QUIET_BYTES)
        return true;
    uint32_t where = 0, n = longest(s, best->diagonal == INSERTING ? LOOK_FAR : LOOK_NEAR, &where);
    bool ok = n < MATCH_MIN || open_track(s, (int32_t)where - (int32_t)s->at);
    for (uint32_t i = 0; i < s->recent_count && ok; i++) {
        int64_t x = (int64_t)s->at + s->recent[i];
        if (x >= 0 && x + 8 <= (int64_t)s->old_size && s->at + 8u <= s->now_size &&
            memcmp(s->old + x, s->now + s->at, 8) == 0)
            ok = open_track(s, s->recent[i]);
    }
    struct track *inserting = &s->tracks[0];
    if (ok && s->tracks[s->best].cost + COST_TO_INSERT < inserting->cost) {
        inserting->cost = s->tracks[s->best].cost + COST_TO_INSERT;
        inserting->node = (int32_t)s->node_count;
        ok = add_node(s, INSERTING, s->tracks[s->best].node);
    }
    return ok;
}

/* A reference that lines up: does it go where it will be expected? */
static int64_t reference_cost(const struct search *s, uint32_t x)
{
    const struct delta_analysis *o = s->m->base, *n = s->m->target;
    uint8_t kind = n->kinds[s->at];
    if (kind == DELTA_NO_UNIT || kind < DELTA_POINTER || o->kinds[x] != kind)
        return 0;
    uint32_t target = n->targets[s->at], was = o->targets[x];
    if (s->map == NULL) {
        bool same = n->bytes[s->at] == o->bytes[x] &&
                    (s->at + 1u >= n->size || n->bytes[s->at + 1u] == o->bytes[x + 1u]);
        return same ? 0 : COST_FIELD;
    }
    uint32_t reach = target - delta_layout_addr(&n->layout, s->at);
    bool moves_along =
        reach == was - delta_layout_addr(&o->layout, x) && reach + NEAR_FIELD <= 2u * NEAR_FIELD;
    return moves_along || delta_mapping_lookup(s->map, was) == target ? 0 : COST_REFERENCE;
}

static void advance(struct search *s, struct track *t)
{
    int64_t x = (int64_t)s->at + t->diagonal;
    if (x < 0 || x >= (int64_t)s->old_size) {
        t->cost += COST_OUTSIDE;
    } else if (s->old[x] == s->now[s->at]) {
        t->cost += (t->missed ? COST_AFTER_MISS : COST_HIT) + reference_cost(s, (uint32_t)x);
        t->missed = false;
    } else {
        t->cost += t->missed ? COST_MISS_NEXT : COST_MISS;
        t->missed = true;
    }
}

static void note_recent(struct search *s)
{
    int32_t best = 0;
    for (uint32_t i = 1; i < s->count; i++)
        best = best == 0 || s->tracks[i].cost < s->tracks[best].cost ? (int32_t)i : best;
    if (best == 0)
        return;
    int32_t diagonal = s->tracks[best].diagonal;
    for (uint32_t i = 0; i < s->recent_count; i++) {
        if (s->recent[i] == diagonal)
            return;
    }
    if (s->recent_count == RECENT_MAX)
        memmove(s->recent, s->recent + 1, (--s->recent_count) * sizeof s->recent[0]);
    s->recent[s->recent_count++] = diagonal;
}

static void find_best(struct search *s)
{
    s->best = 0;
    for (uint32_t i = 1; i < s->count; i++)
        s->best = s->tracks[i].cost < s->tracks[s->best].cost ? i : s->best;
}

/* What has the same name as something here. */
static bool try_anchors(struct search *s)
{
    const struct delta_anchors *a = &s->m->anchors;
    bool ok = true;
    for (; s->anchor < a->count && a->list[s->anchor].now <= s->at; s->anchor++) {
        if (a->list[s->anchor].now == s->at && ok)
            ok = open_track(s, (int32_t)a->list[s->anchor].old - (int32_t)s->at);
    }
    return ok;
}

static bool step(struct search *s)
{
    find_best(s);
    if (!look_around(s) || !try_anchors(s))
        return false;
    struct track best = s->tracks[s->best];
    s->tracks[0].cost += COST_INSERT;
    for (uint32_t i = 1; i < s->count; i++)
        advance(s, &s->tracks[i]);
    int64_t x = (int64_t)s->at + best.diagonal;
    bool right =
        best.diagonal != INSERTING && x >= 0 && x < (int64_t)s->old_size && s->old[x] == s->now[s->at];
    s->quiet = right ? s->quiet + 1u : 0;
    find_best(s);
    int64_t limit = s->tracks[s->best].cost + SLACK;
    for (uint32_t i = 1; i < s->count;) {
        if (s->tracks[i].cost > limit)
            drop(s, i);
        else
            i++;
    }
    if (s->at % 64u == 0)
        note_recent(s);
    return true;
}

/* --- from the path to operations --- */

static bool add_op(struct delta_ops *ops, struct delta_op op)
{
    if (ops->count == ops->room) {
        uint32_t room = ops->room == 0 ? 256 : ops->room * 2;
        struct delta_op *more = realloc(ops->list, room * sizeof *more);
        if (more == NULL)
            return false;
        ops->list = more;
        ops->room = room;
    }
    ops->list[ops->count++] = op;
    return true;
}

/* Wrong bytes at both ends of a copy are cheaper as inserted ones. */
static bool add_copy(const struct search *s, struct delta_ops *ops, uint32_t from, uint32_t to,
                     int32_t diagonal, uint32_t *inserted)
{
    uint32_t a = from, b = to;
    while (a < b && s->old[(uint32_t)((int64_t)a + diagonal)] != s->now[a])
        a++;
    while (b > a && s->old[(uint32_t)((int64_t)b - 1 + diagonal)] != s->now[b - 1])
        b--;
    if (a == b) {
        *inserted += to - from;
        return true;
    }
    *inserted += a - from;
    uint32_t old = (uint32_t)((int64_t)a + diagonal);
    struct delta_op *last = ops->count > 0 ? &ops->list[ops->count - 1] : NULL;
    bool ok = true;
    if (*inserted == 0 && last != NULL && last->old + last->length == old)
        last->length += b - a;
    else
        ok = add_op(ops, (struct delta_op){.inserted = *inserted, .length = b - a, .old = old});
    *inserted = to - b;
    return ok;
}

static bool walk_path(const struct search *s, struct delta_ops *ops)
{
    uint32_t length = 0, inserted = 0;
    for (int32_t n = s->tracks[s->best].node; n >= 0; n = s->nodes[n].before)
        length++;
    int32_t *path = malloc((length + 1u) * sizeof *path);
    if (path == NULL)
        return false;
    uint32_t i = length;
    for (int32_t n = s->tracks[s->best].node; n >= 0; n = s->nodes[n].before)
        path[--i] = n;
    bool ok = true;
    for (i = 0; i < length && ok; i++) {
        const struct node *n = &s->nodes[path[i]];
        uint32_t end = i + 1u < length ? s->nodes[path[i + 1]].at : s->now_size;
        if (n->diagonal == INSERTING)
            inserted += end - n->at;
        else
            ok = add_copy(s, ops, n->at, end, n->diagonal, &inserted);
    }
    if (ok && inserted > 0)
        ok = add_op(ops, (struct delta_op){.inserted = inserted});
    free(path);
    return ok;
}

/* A copy begins and ends where a unit of the base does: a few inserted bytes become changed ones. */
static void align_to_units(const struct search *s, struct delta_ops *ops)
{
    const uint8_t *kinds = s->m->base->kinds;
    for (uint32_t i = 0; i < ops->count; i++) {
        struct delta_op *op = &ops->list[i], *next = i + 1u < ops->count ? op + 1 : NULL;
        uint32_t begin = op->old, end = op->old + op->length;
        if (op->length == 0)
            continue;
        while (begin > 0 && op->old - begin < DELTA_UNIT_BYTES && kinds[begin] == DELTA_NO_UNIT)
            begin--;
        uint32_t back = op->old - begin;
        if (back > 0 && back <= op->inserted && kinds[begin] != DELTA_NO_UNIT) {
            op->inserted -= back;
            op->old = begin;
            op->length += back;
        }
        uint32_t stop = end;
        while (stop < s->old_size && stop - end < DELTA_UNIT_BYTES && kinds[stop] == DELTA_NO_UNIT)
            stop++;
        if (stop > end && next != NULL && next->inserted >= stop - end && stop < s->old_size) {
            next->inserted -= stop - end;
            op->length += stop - end;
        }
    }
}

bool delta_match(const struct delta_matcher *m, const struct delta_mapping *map, struct delta_ops *out)
{
    struct search s = {.m = m,
                       .map = map,
                       .old = m->base->masked,
                       .now = m->target->masked,
                       .old_size = m->base->size,
                       .now_size = m->target->size,
                       .quiet_diagonal = INSERTING};
    out->count = 0;
    bool ok = add_node(&s, INSERTING, -1) && add_node(&s, 0, -1);
    s.tracks[0] = (struct track){.diagonal = INSERTING, .node = 0};
    s.tracks[1] = (struct track){.diagonal = 0, .node = 1, .cost = BIT(8)};
    s.count = 2;
    for (s.at = 0; s.at < s.now_size && ok; s.at++)
        ok = step(&s);
    find_best(&s);
    ok = ok && walk_path(&s, out);
    if (ok)
        align_to_units(&s, out);
    free(s.nodes);
    return ok;
}
