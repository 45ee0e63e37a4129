/*
 * Mann-Whitney: see rollout/gate.h. Both sides are sorted and walked through together, value by value; ranks are doubled,
 * so that the middle of two ties is a whole number. Small samples: of all ways to choose who is the canary, the part
 * whose rank sum is at most the one seen; ties are as they are.
 */
#include "rollout/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    double *canary, *control; /* sorted */
    size_t n, m;
    uint32_t *ranks; /* doubled, of all, in order: only where all choices are counted */
    size_t sum;      /* of the canaries' ranks, doubled */
    double shrink;   /* sum of t^3 - t over groups of t ties */
};

static void *need(void *p)
{
    if (p == NULL)
        abort(); /* out of memory: better no decision than a wrong one */
    return p;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double *sorted(const double *values, size_t count)
{
    double *copy = need(malloc((count + 1) * sizeof *copy));
    memcpy(copy, values, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, compare);
    return copy;
}

/* How many of the list from `at` on have this value. */
static size_t run(const double *list, size_t at, size_t count, double value)
{
    size_t from = at;
    while (at < count && list[at] <= value)
        at++;
    return at - from;
}

static void rank_all(struct sample *s)
{
    for (size_t i = 0, j = 0; i < s->n || j < s->m;) {
        bool is_ours = j == s->m || (i < s->n && s->canary[i] < s->control[j]);
        double value = is_ours ? s->canary[i] : s->control[j];
        size_t ours = run(s->canary, i, s->n, value), others = run(s->control, j, s->m, value);
        size_t ties = ours + others, doubled = 2 * (i + j) + ties + 1;
        s->sum += ours * doubled;
        s->shrink += (double)ties * (double)ties * (double)ties - (double)ties;
        for (size_t k = 0; s->ranks != NULL && k < ties; k++)
            s->ranks[i + j + k] = (uint32_t)doubled;
        i += ours;
        j += others;
    }
}

/* --- by counting all choices --- */

static bool can_count(size_t n, size_t m)
{
    size_t few = n < m ? n : m;
    return n + m <= GATE_RANKS_EXACT || (few <= GATE_RANKS_FEW && n + m <= GATE_RANKS_MANY);
}

/* Of all choices of `group` of the values, the part with a doubled rank sum within [low, high]. */
static double part_of_choices(const struct sample *s, size_t group, size_t low, size_t high)
{
    size_t count = s->n + s->m, sums = 2 * group * count + 1;
    double all = 0, within = 0, *ways = need(calloc((group + 1) * sums, sizeof *ways));
    ways[0] = 1; /* ways[k * sums + sum]: of choosing k with this rank sum */
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1 < group ? i + 1 : group; k > 0; k--) {
            for (size_t sum = s->ranks[i]; sum < sums; sum++)
                ways[k * sums + sum] += ways[(k - 1) * sums + sum - s->ranks[i]];
        }
    }
    for (size_t sum = 0; sum < sums; sum++) {
        all += ways[group * sums + sum];
        within += sum >= low && sum <= high ? ways[group * sums + sum] : 0;
    }
    free(ways);
    return within / all;
}

/* The smaller group is the one whose choices are counted: a low canary is a high control. */
static double exact(const struct sample *s)
{
    size_t total = (s->n + s->m) * (s->n + s->m + 1);
    if (s->n <= s->m)
        return part_of_choices(s, s->n, 0, s->sum);
    return part_of_choices(s, s->m, total - s->sum, SIZE_MAX);
}

double gate_normal_tail(double away, double variance)
{
    return variance > 0 ? 0.5 * erfc(away / sqrt(2 * variance)) : 1;
}

struct gate_ranks gate_mann_whitney(const double *canary, size_t n, const double *control, size_t m)
{
    struct gate_ranks out = {.p = 1, .worse_part = 0.5};
    double pairs = (double)n * (double)m, all = (double)n + (double)m;
    if (n == 0 || m == 0)
        return out;
    struct sample s = {.canary = sorted(canary, n), .control = sorted(control, m), .n = n, .m = m};
    out.is_exact = can_count(n, m);
    if (out.is_exact)
        s.ranks = need(malloc((n + m) * sizeof *s.ranks));
    rank_all(&s);
    double won = pairs + (double)n * (double)(n + 1) / 2 - (double)s.sum / 2;
    out.worse_part = won / pairs;
    out.away = won - pairs / 2;
    out.variance = pairs / 12 * (all + 1 - s.shrink / (all * (all - 1)));
    out.p = out.is_exact ? exact(&s) : gate_normal_tail(out.away - 0.5, out.variance);
    free(s.canary);
    free(s.control);
    free(s.ranks);
    return out;
}
