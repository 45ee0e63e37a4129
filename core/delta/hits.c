/* See hits.h. */
#include "otaria/delta/hits.h"

#include <string.h>

#define FIRST_MISS 0x1000u /* before anything is known: one in sixteen */
#define WEIGHT     19661   /* 0.3 */
#define RATE_BITS  14
#define WEIGHT_MAX 0x3FFFF /* 4.0 */
#define QUIET      4       /* gap class */
#define SURE       256     /* of 65536: no better, nothing to learn for the weights */

void delta_hits_start(struct delta_hits *h)
{
    memset(h, 0, sizeof *h);
    for (unsigned i = 0; i < DELTA_HITS_STATES; i++)
        h->miss[i] = FIRST_MISS;
    for (unsigned k = 0; k < DELTA_KIND_SLOTS; k++) {
        for (unsigned i = 0; i < DELTA_HITS_INPUTS; i++)
            h->weights[k][i] = WEIGHT;
    }
}

/* Along the gradient; 17 bits of error times 13 of input stay within 32. */
static void adjust(int32_t *w, const int32_t *input, int32_t error)
{
    DELTA_UNROLL
    for (unsigned i = 0; i < DELTA_HITS_INPUTS; i++) {
        int32_t v = w[i] + ((i < 4 ? input[i] : 256) * error >> RATE_BITS);
        w[i] = v > WEIGHT_MAX ? WEIGHT_MAX : v < -WEIGHT_MAX ? -WEIGHT_MAX : v;
    }
}

/* 0, 2, 6, 20, 80, 400 units and more since the last miss. */
static void count_gap(struct delta_hits *h, unsigned hit)
{
    static const uint16_t ends[DELTA_HITS_GAPS] = {2, 6, 20, 80, 400, UINT16_MAX};
    if (hit == 0) {
        h->gap = 0;
        h->gap_class = 0;
    } else if (++h->gap == ends[h->gap_class]) {
        h->gap_class += h->gap_class < DELTA_HITS_GAPS - 1u;
    }
}

/* 65536/(n + 1.6), by experience. Eight bits of `n` would be too fine: it is counted in steps that grow. */
static const uint16_t rates[] = {40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6826, 6182, 5650,
                                 5201,  4818,  4489,  4202,  3948,  3724, 3523, 3344, 3181, 3034, 2900,
                                 2777,  2664,  2560,  2464,  2375,  2291, 2214, 2142, 2074};
#define RATES (sizeof rates / sizeof rates[0])

static inline uint32_t rate_of(unsigned n)
{
    return n < RATES ? rates[n] : 65536u / (n + 2u);
}

/* What is lost to rounding comes back on average by the dither. */
static inline void learn(uint16_t *miss, uint8_t *n, unsigned hit, unsigned limit, uint32_t dither)
{
    uint32_t rate = rate_of(*n), p = *miss;
    if (hit != 0)
        p -= (p * rate + dither) >> 16;
    else
        p += ((65535u - p) * rate + dither) >> 16;
    *miss = (uint16_t)(p < 1 ? 1 : p);
    *n = (uint8_t)(*n + (*n < limit));
}

static inline void learn_quiet(uint16_t *miss, unsigned n, uint32_t dither)
{
    uint32_t p = *miss, rate = rate_of(n) * 4u;
    p -= (p * (rate < 0x8000u ? rate : 0x8000u) + dither) >> 16;
    *miss = (uint16_t)(p < 1 ? 1 : p);
}

static void learn_all(struct delta_hits *h, const uint32_t at[4], unsigned hit)
{
    h->dither = h->dither * 1664525u + 1013904223u;
    uint32_t dither = h->dither >> 16;
    if (hit != 0 &&
        h->gap_class >= QUIET) { /* most flags are these, nearly certain: in turn, four times as much each */
        uint32_t i = at[h->gap & 3u];
        learn_quiet(&h->miss[i], h->seen[i], dither);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        learn(&h->miss[at[i]], &h->seen[at[i]], hit, i == 3 ? 30 : 250, dither);
}

unsigned delta_code_hit(struct delta_coder *c, struct delta_hits *h, unsigned hit, unsigned kind,
                        unsigned ref, uint32_t key)
{
    unsigned gap = h->gap_class, recent = h->history & 63u;
    const uint32_t at[4] = {DELTA_HITS_BY_REF + kind * DELTA_HITS_REFS + ref,
                            DELTA_HITS_BY_HISTORY + gap * 64u + recent,
                            DELTA_HITS_BY_KIND + (kind * DELTA_HITS_GAPS + gap) * 8u + (recent & 7u),
                            DELTA_HITS_BY_KEY + key % DELTA_HITS_KEYS};
    int32_t input[4], *w = h->weights[kind];
    int32_t sum = (w[4] >> 2) * 256; /* weights are within +-2^18 */
    DELTA_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        input[i] = -delta_stretch(h->miss[at[i]]);
        sum += (w[i] >> 2) * input[i];
    }
    uint32_t p1 = delta_squash(sum >> 14, DELTA_STRETCH_MAX);
    hit = delta_code_bit_fast(c, hit, p1);
    int32_t error = (hit != 0 ? 65536 : 0) - (int32_t)p1;
    if (error > SURE || error < -SURE)
        adjust(w, input, error);
    learn_all(h, at, hit);
    h->history = h->history << 1 | (hit == 0);
    count_gap(h, hit);
    return hit;
}
