/* See hits.h. */
#include "otaria/delta/hits.h"

#include <string.h>

#define FIRST_MISS 0x1000u /* before anything is known: one in sixteen */
#define WEIGHT     26214   /* 0.4 */

static void start(uint16_t *states, size_t count)
{
    for (size_t i = 0; i < count; i++)
        states[i] = FIRST_MISS;
}

void delta_hits_start(struct delta_hits *h)
{
    memset(h, 0, sizeof *h);
    start(&h->by_ref[0][0], sizeof h->by_ref / 2);
    start(&h->by_history[0][0], sizeof h->by_history / 2);
    start(&h->by_kind[0][0][0], sizeof h->by_kind / 2);
    start(h->by_key, sizeof h->by_key / 2);
    for (unsigned k = 0; k < DELTA_KIND_SLOTS; k++) {
        for (unsigned i = 0; i < DELTA_HITS_INPUTS; i++)
            h->weights[k][i] = WEIGHT;
    }
}

static unsigned gap_class(uint32_t gap)
{
    return gap < 2 ? 0 : gap < 6 ? 1 : gap < 20 ? 2 : gap < 80 ? 3 : gap < 400 ? 4 : 5;
}

/* The rate is 1/(n + 1.6); what is lost to rounding comes back on average by the dither. */
static void learn(uint16_t *miss, uint8_t *n, unsigned hit, unsigned limit, uint32_t dither)
{
    uint32_t rate = 655360u / (10u * *n + 16u), p = *miss;
    if (hit != 0)
        p -= (p * rate + dither) >> 16;
    else
        p += ((65535u - p) * rate + dither) >> 16;
    *miss = (uint16_t)(p < 1 ? 1 : p > 65534u ? 65534u : p);
    if (*n < limit)
        (*n)++;
}

unsigned delta_code_hit(struct delta_coder *c, struct delta_hits *h, unsigned hit, unsigned kind,
                        unsigned ref, uint32_t key)
{
    unsigned gap = gap_class(h->gap), recent = h->history & 63u;
    key %= DELTA_HITS_KEYS;
    uint16_t *p[4] = {&h->by_ref[kind][ref], &h->by_history[gap][recent], &h->by_kind[kind][gap][recent & 7u],
                      &h->by_key[key]};
    uint8_t *n[4] = {&h->n_ref[kind][ref], &h->n_history[gap][recent], &h->n_kind[kind][gap][recent & 7u],
                     &h->n_key[key]};
    int32_t input[DELTA_HITS_INPUTS], *w = h->weights[kind];
    int64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        input[i] = -delta_stretch(*p[i]);
        sum += (int64_t)w[i] * input[i];
    }
    input[4] = 256;
    sum += (int64_t)w[4] * 256;
    int32_t x = (int32_t)(sum / 65536);
    if (x > DELTA_STRETCH_MAX)
        x = DELTA_STRETCH_MAX;
    if (x < -DELTA_STRETCH_MAX)
        x = -DELTA_STRETCH_MAX;
    uint32_t p1 = delta_squash(x);
    hit = delta_code_bit(c, hit, p1);
    int32_t error = (hit != 0 ? 65536 : 0) - (int32_t)p1;
    if (error > 3 || error < -3) {
        for (unsigned i = 0; i < DELTA_HITS_INPUTS; i++)
            w[i] += (int32_t)(((int64_t)input[i] * error * 5) / 65536);
    }
    h->dither = h->dither * 1664525u + 1013904223u;
    for (unsigned i = 0; i < 4; i++)
        learn(p[i], n[i], hit, i == 3 ? 30 : 250, h->dither >> 16);
    h->history = h->history << 1 | (hit == 0);
    h->gap = hit != 0 ? h->gap + 1u : 0;
    return hit;
}
