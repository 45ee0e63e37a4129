/*
 * The cheapest tokens of a block, by a shortest path over its bytes: each token costs what the model would take for it now.
 *
 * Two ways to each place are kept, which differ in the distance used last: a byte that interrupts a match is often worth
 * more for what can go on behind it than it costs. See full.h.
 */
#include "full.h"

#include "output.h"

#include <stdlib.h>
#include <string.h>

#define BIT        64u /* the unit of prices */
#define EACH       64u /* matches up to there may end anywhere, longer ones at their end */
#define WAYS       2u
#define FAR_BEHIND (40u * BIT)
#define REPEAT_MAX 1024u

struct full_node {
    uint32_t cost, from;
    struct delta_token token; /* that leads here */
    uint32_t distances[DELTA_FULL_REPEATS], history;
};

struct full_prices {
    uint16_t of[4096]; /* of what has this probability */
    uint32_t length[2][EACH + 1u], repeat[EACH + 1u];
};

bool full_parser_start(struct full_parser *p, const struct full_view *v, struct full_window *w,
                       struct delta_codec *c)
{
    *p = (struct full_parser){.view = v, .window = w, .codec = c};
    p->nodes = malloc((FULL_BLOCK + 1u) * WAYS * sizeof *p->nodes);
    p->tokens = malloc(FULL_BLOCK * sizeof *p->tokens);
    p->prices = calloc(1, sizeof *p->prices);
    if (p->nodes == NULL || p->tokens == NULL || p->prices == NULL)
        return false;
    for (uint32_t i = 0; i < 4096; i++)
        p->prices->of[i] = (uint16_t)(13u * BIT - delta_log2(2u * i + 1u, BIT));
    return true;
}

void full_parser_free(struct full_parser *p)
{
    free(p->nodes);
    free(p->tokens);
    free(p->prices);
}

/* --- prices --- */

static uint32_t bit_price(const struct full_parser *p, unsigned bit, uint32_t p1)
{
    return p->prices->of[(bit != 0 ? p1 : 65535u - p1) >> 4];
}

static uint32_t state_price(const struct full_parser *p, unsigned bit, uint16_t state)
{
    return bit_price(p, bit, delta_bit_p(state));
}

/* As delta_code_number() codes it. */
static uint32_t number_price(const struct full_parser *p, const struct delta_number *n, uint32_t value)
{
    uint32_t length = 0, cost = 0;
    while ((value + 1u) >> length > 1)
        cost += state_price(p, 1, n->more[length++]);
    cost += state_price(p, 0, n->more[length]);
    for (uint32_t i = length, depth = 0; i-- > 0; depth++) {
        unsigned bit = (value + 1u) >> i & 1u;
        cost += depth < 3 ? state_price(p, bit, n->top[length][depth])
                : i < 6   ? state_price(p, bit, n->low[i])
                          : BIT;
    }
    return cost;
}

static void price_lengths(struct full_parser *p)
{
    const struct delta_full *f = &p->codec->full;
    for (uint32_t k = 1; k <= EACH; k++) {
        p->prices->repeat[k] = number_price(p, &f->n_repeat, k - 1u);
        for (unsigned code = 0; code < 2 && k > 1; code++)
            p->prices->length[code][k] = number_price(p, &f->n_length[code], k - 2u);
    }
}

static uint32_t byte_price(const struct full_parser *p, uint32_t at, unsigned predicted, uint32_t history)
{
    struct delta_full *f = &p->codec->full;
    const struct delta_spot *s = &p->view->spots[at];
    bool again = delta_full_is_again(history);
    uint32_t keys[DELTA_FULL_CONTEXTS], cost = 0;
    unsigned partial = 1, byte = p->view->bytes[at], phase = delta_full_phase(s);
    delta_full_keys(s, predicted, again, keys);
    for (unsigned i = 8; i-- > 0;) {
        uint16_t *slots[DELTA_FULL_CONTEXTS];
        int32_t input[DELTA_BYTE_INPUTS];
        delta_full_slots(f->table, keys, partial, slots);
        cost += bit_price(p, byte >> i & 1u, delta_mix(f->weights[i][again][phase], slots, input));
        partial = partial << 1 | (byte >> i & 1u);
    }
    return cost;
}

/* --- ways --- */

static uint32_t last_distance(const struct full_parser *p, const struct full_node *n)
{
    return n->token.length != 0 ? n->token.distance : p->nodes[n->from].distances[0];
}

static void reach(struct full_parser *p, uint32_t from, uint32_t at, uint32_t cost, uint32_t length,
                  uint32_t distance)
{
    struct full_node *best = &p->nodes[WAYS * at], *second = best + 1;
    struct full_node way = {.cost = cost, .from = from, .token = {.length = length, .distance = distance}};
    if (cost >= second->cost && second->cost >= best->cost)
        return;
    bool is_like_best = best->cost != FULL_NOTHING && last_distance(p, best) == last_distance(p, &way);
    if (cost < best->cost) {
        if (best->cost != FULL_NOTHING && !is_like_best)
            *second = *best;
        *best = way;
    } else if (!is_like_best) {
        *second = way;
    }
}

/* What the model would know behind the token that leads here. */
static void arrive(struct full_parser *p, struct full_node *n)
{
    if (n->from == FULL_NOTHING)
        return;
    const struct full_node *b = &p->nodes[n->from];
    uint32_t i = 0;
    memcpy(n->distances, b->distances, sizeof n->distances);
    if (n->token.length == 0) {
        n->history = delta_full_pushed(b->history, DELTA_WAS_BYTE);
        return;
    }
    while (i < DELTA_FULL_REPEATS && b->distances[i] != n->token.distance)
        i++;
    n->history = delta_full_pushed(b->history, i == DELTA_FULL_REPEATS ? DELTA_WAS_NEW
                                               : n->token.length == 1  ? DELTA_WAS_REPEATED_BYTE
                                                                       : DELTA_WAS_REPEATED);
    for (i = i < DELTA_FULL_REPEATS ? i : DELTA_FULL_REPEATS - 1u; i > 0; i--)
        n->distances[i] = n->distances[i - 1];
    n->distances[0] = n->token.distance;
}

/* Where a way stands that goes on from here. */
struct stand {
    uint32_t node, place, at, left; /* place: in the block */
    uint32_t cost;                  /* with the flag of a match, and of what sort */
    unsigned code;
};

/* Lengths from `k` to `length`; those beyond EACH only at the end. */
static uint32_t next_length(uint32_t k, uint32_t length)
{
    return k < EACH || k == length ? k + 1u : length;
}

static void try_repeats(struct full_parser *p, const struct stand *s, const struct full_node *n)
{
    const struct delta_full *f = &p->codec->full;
    uint32_t cost = s->cost;
    for (unsigned i = 0; i < DELTA_FULL_REPEATS; i++) {
        uint32_t last = i + 1u < DELTA_FULL_REPEATS ? state_price(p, 0, f->b_which[i][n->history & 1u]) : 0;
        uint32_t distance = n->distances[i], max = s->left < REPEAT_MAX ? s->left : REPEAT_MAX;
        uint32_t length = distance <= s->at ? full_view_match(p->view, s->at - distance, s->at, max) : 0;
        for (uint32_t k = 1; k <= length; k = next_length(k, length))
            reach(p, s->node, s->place + k,
                  cost + last + (k <= EACH ? p->prices->repeat[k] : number_price(p, &f->n_repeat, k - 1u)), k,
                  distance);
        if (i + 1u < DELTA_FULL_REPEATS)
            cost += state_price(p, 1, f->b_which[i][n->history & 1u]);
    }
}

static void try_matches(struct full_parser *p, const struct stand *s)
{
    const struct delta_full *f = &p->codec->full;
    uint32_t k = 2;
    for (uint32_t i = 0; i < p->window->count; i++) {
        uint32_t length = p->window->found[i].length, distance = p->window->found[i].distance;
        uint32_t price = 0, priced = FULL_NOTHING;
        if (length == FULL_MATCH_MAX)
            length = full_view_match(p->view, s->at - distance, s->at, s->left);
        if (length > s->left)
            length = s->left;
        for (; k <= length; k = next_length(k, length)) {
            unsigned sort = delta_full_sort(k);
            if (sort != priced)
                price = number_price(p, &f->n_distance[s->code][sort], distance - 1u);
            priced = sort;
            reach(p, s->node, s->place + k,
                  s->cost + price +
                      (k <= EACH ? p->prices->length[s->code][k]
                                 : number_price(p, &f->n_length[s->code], k - 2u)),
                  k, distance);
        }
    }
}

static void go_on(struct full_parser *p, uint32_t start, uint32_t place, uint32_t count, unsigned way)
{
    struct full_node *n = &p->nodes[WAYS * place + way];
    const struct delta_full *f = &p->codec->full;
    if (n->cost == FULL_NOTHING || (way > 0 && n->cost > n[-1].cost + FAR_BEHIND))
        return;
    arrive(p, n);
    struct stand s = {.node = WAYS * place + way, .place = place, .at = start + place, .left = count - place};
    const struct delta_spot *spot = &p->view->spots[s.at];
    uint16_t is_match = f->b_match[n->history][delta_full_phase(spot)], repeats = f->b_repeat[n->history];
    unsigned predicted = 0;
    if (delta_full_is_again(n->history) && n->distances[0] <= s.at)
        predicted = full_view_copied(p->view, s.at - n->distances[0], s.at);
    reach(p, s.node, place + 1u,
          n->cost + state_price(p, 0, is_match) + byte_price(p, s.at, predicted, n->history), 0, 0);
    s.code = spot->in_code;
    s.cost = n->cost + state_price(p, 1, is_match) + state_price(p, 1, repeats);
    try_repeats(p, &s, n);
    s.cost = n->cost + state_price(p, 1, is_match) + state_price(p, 0, repeats);
    if (way == 0)
        try_matches(p, &s);
}

void full_parse(struct full_parser *p, uint32_t start, uint32_t count)
{
    const struct delta_full *f = &p->codec->full;
    for (uint32_t i = 0; i < (count + 1u) * WAYS; i++)
        p->nodes[i].cost = FULL_NOTHING;
    p->nodes[0] = (struct full_node){.from = FULL_NOTHING, .history = f->history};
    memcpy(p->nodes[0].distances, f->distances, sizeof f->distances);
    price_lengths(p);
    for (uint32_t i = 0; i < count; i++) {
        full_window_pass(p->window, start + i);
        for (unsigned way = 0; way < WAYS; way++)
            go_on(p, start, i, count, way);
    }
    p->count = 0;
    for (uint32_t i = WAYS * count; i > 0; i = p->nodes[i].from)
        p->count++;
    uint32_t at = p->count;
    for (uint32_t i = WAYS * count; i > 0; i = p->nodes[i].from)
        p->tokens[--at] = p->nodes[i].token;
}
