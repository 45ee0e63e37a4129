/*
 * Mann-Whitney: see rollout/gate.h. Ranks are doubled, so that the middle of two ties is a whole number. Small samples: of
 * all ways to choose who is the canary, the part whose rank sum is at most the one seen; ties are as they are.
 */
#include "rollout/gate.h"

#include <math.h>
#include <string.h>

#define HALF (GATE_RANKS_EXACT / 2u)
#define SUMS (GATE_RANKS_EXACT * (GATE_RANKS_EXACT + 1u) + 1u)

struct sample {
    const double *canary, *control;
    size_t n, m;
};

static double value(const struct sample *s, size_t i)
{
    return i < s->n ? s->canary[i] : s->control[i - s->n];
}

/* Twice the rank among all; `ties`: how many have this value, itself included. */
static size_t doubled_rank(const struct sample *s, size_t i, size_t *ties)
{
    size_t below = 0, same = 0;
    for (size_t k = 0; k < s->n + s->m; k++) {
        below += value(s, k) < value(s, i);
        same += value(s, k) == value(s, i);
    }
    *ties = same;
    return 2 * below + same + 1;
}

/* Of all choices of `group` of the values, the part with a doubled rank sum within [low, high]. */
static double part_of_choices(const struct sample *s, size_t group, size_t low, size_t high)
{
    double ways[HALF + 1][SUMS];
    double all = 0, within = 0;
    size_t ties;
    memset(ways, 0, sizeof ways);
    ways[0][0] = 1;
    for (size_t i = 0; i < s->n + s->m; i++) {
        size_t rank = doubled_rank(s, i, &ties);
        for (size_t k = group; k > 0; k--) {
            for (size_t sum = rank; sum < SUMS; sum++)
                ways[k][sum] += ways[k - 1][sum - rank];
        }
    }
    for (size_t sum = 0; sum < SUMS; sum++) {
        all += ways[group][sum];
        within += sum >= low && sum <= high ? ways[group][sum] : 0;
    }
    return within / all;
}

/* The smaller group is the one whose choices are counted: a low canary is a high control. */
static double exact(const struct sample *s, size_t canary_sum)
{
    size_t total = (s->n + s->m) * (s->n + s->m + 1);
    if (s->n <= HALF)
        return part_of_choices(s, s->n, 0, canary_sum);
    return part_of_choices(s, s->m, total - canary_sum, SUMS);
}

/* Normal, with the variance that ties leave and half a step of continuity. */
static double approximate(const struct sample *s, double pairs_won)
{
    double n = (double)s->n, m = (double)s->m, all = n + m, shrink = 0;
    size_t ties;
    for (size_t i = 0; i < s->n + s->m; i++) {
        (void)doubled_rank(s, i, &ties);
        shrink += (double)ties * (double)ties - 1; /* a group of t is met t times: t^3 - t in all */
    }
    double variance = n * m / 12 * (all + 1 - shrink / (all * (all - 1)));
    return variance > 0 ? 0.5 * erfc((pairs_won - n * m / 2 - 0.5) / sqrt(2 * variance)) : 1;
}

struct gate_ranks gate_mann_whitney(const double *canary, size_t n, const double *control, size_t m)
{
    struct sample s = {.canary = canary, .control = control, .n = n, .m = m};
    struct gate_ranks out = {.p = 1, .worse_part = 0.5};
    size_t sum = 0, ties;
    if (n == 0 || m == 0)
        return out;
    for (size_t i = 0; i < n; i++)
        sum += doubled_rank(&s, i, &ties);
    double won = (double)n * (double)m + (double)n * (double)(n + 1) / 2 - (double)sum / 2;
    out.worse_part = won / ((double)n * (double)m);
    out.is_exact = n + m <= GATE_RANKS_EXACT;
    out.p = out.is_exact ? exact(&s, sum) : approximate(&s, won);
    return out;
}
