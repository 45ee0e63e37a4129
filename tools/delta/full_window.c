/* Matches by binary trees: nearest first among equally long ones. See full.h. */
#include "full.h"

#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH       96u
#define PAIRS       65536u
#define TRIPLE_BITS 18u
#define PAIR_MAX    8u /* no further is looked at a match that two bytes have told */

bool full_window_start(struct full_window *w, const struct full_view *v)
{
    size_t pairs = PAIRS * sizeof(uint32_t), triples = sizeof(uint32_t) << TRIPLE_BITS;
    *w = (struct full_window){.view = v};
    w->pairs = malloc(pairs);
    w->triples = malloc(triples);
    w->children = malloc((size_t)v->size * 2u * sizeof(uint32_t));
    if (w->pairs == NULL || w->triples == NULL || w->children == NULL)
        return false;
    memset(w->pairs, 0xFF, pairs);
    memset(w->triples, 0xFF, triples);
    return true;
}

void full_window_free(struct full_window *w)
{
    free(w->pairs);
    free(w->triples);
    free(w->children);
}

/* The bytes agree as decoded; whether a match gives them so is for the view to say. */
static void consider(struct full_window *w, uint32_t from, uint32_t at, uint32_t length)
{
    uint32_t longest = w->count == 0 ? 1 : w->found[w->count - 1u].length;
    if (length <= longest)
        return;
    length = full_view_match(w->view, from, at, length);
    if (length > longest)
        w->found[w->count++] = (struct full_found){.length = length, .distance = at - from};
}

void full_window_pass(struct full_window *w, uint32_t at)
{
    const uint8_t *b = w->view->bytes;
    uint32_t left = w->view->size - at, limit = left < FULL_MATCH_MAX ? left : FULL_MATCH_MAX;
    w->count = 0;
    if (limit < 3)
        return;
    uint32_t pair = ot_load16(b + at);
    uint32_t triple = (pair | (uint32_t)b[at + 2] << 16) * 0x9E3779B1u >> (32u - TRIPLE_BITS);
    uint32_t from = w->triples[triple];
    if (w->pairs[pair] != from && w->pairs[pair] != FULL_NOTHING)
        consider(w, w->pairs[pair], at, limit < PAIR_MAX ? limit : PAIR_MAX);
    w->pairs[pair] = w->triples[triple] = at;
    uint32_t *before = &w->children[2u * at], *behind = before + 1, known_before = 0, known_behind = 0;
    for (unsigned depth = DEPTH; from != FULL_NOTHING && depth > 0; depth--) {
        uint32_t *children = &w->children[2u * from],
                 n = known_before < known_behind ? known_before : known_behind;
        while (n < limit && b[from + n] == b[at + n])
            n++;
        consider(w, from, at, n);
        if (n == limit) { /* as good as the same place */
            *before = children[0];
            *behind = children[1];
            return;
        }
        if (b[from + n] < b[at + n]) {
            *before = from;
            before = &children[1];
            from = *before;
            known_before = n;
        } else {
            *behind = from;
            behind = &children[0];
            from = *behind;
            known_behind = n;
        }
    }
    *before = *behind = FULL_NOTHING;
}
