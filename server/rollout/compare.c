/* Canaries beside their control, stratum by stratum: see rollout/compare.h. */
#include "rollout/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- devices to whom it happened --- */

/*
 * A sum of independent yes-or-no events whose chances differ. Of all such sums with this mean the binomial one has the
 * heaviest tail, from one above the mean on (Hoeffding); below that Markov's bound has to do.
 */
double gate_events_test(uint32_t events, uint32_t control_events, double expected)
{
    double all = (double)events + control_events;
    if (events == 0 || all <= expected)
        return 1;
    if (events < expected + 1)
        return fmin(1, expected / events);
    return gate_rate_test(events, expected, control_events, all - expected);
}

/* The canaries' events of one stratum are hypergeometric: that, too, is such a sum (Vatutin and Mikhailov). */
struct gate_compared gate_compare_counts(const struct gate_counts *strata, size_t count)
{
    struct gate_compared out = {.p = 1};
    const struct gate_counts *only = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct gate_counts *s = &strata[i];
        if (s->canaries == 0 || s->controls < GATE_CONTROL_MIN)
            continue;
        double all = (double)s->events + s->control_events;
        out.strata++;
        out.canaries += s->canaries;
        out.controls += s->controls;
        out.events += s->events;
        out.control_events += s->control_events;
        out.expected += all * s->canaries / ((double)s->canaries + s->controls);
        only = s;
    }
    if (out.strata == 1)
        out.p = gate_fisher(only->events, only->canaries, only->control_events, only->controls);
    else if (out.strata > 1)
        out.p = gate_events_test(out.events, out.control_events, out.expected);
    return out;
}

/* --- values --- */

static int by_stratum(const void *a, const void *b)
{
    const struct gate_value *x = a, *y = b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    return x->is_canary == y->is_canary ? 0 : x->is_canary ? -1 : 1;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts. */
static double median(double *list, size_t count)
{
    qsort(list, count, sizeof *list, by_size);
    return count == 0 ? 0 : (list[(count - 1) / 2] + list[count / 2]) / 2;
}

/* The compared strata's values, each side in one list; a stratum's stand together, in the order of strata. */
struct sides {
    double *canary, *control;
    size_t n, m; /* so far */
};

struct sum {
    double away, variance, step, worst, won, pairs;
};

/* One stratum: the last n and m of both sides. */
static void add_stratum(struct sum *sum, const struct sides *all, size_t n, size_t m, double tolerated,
                        double *scratch)
{
    double *canary = scratch + m;
    memcpy(scratch, all->control + all->m - m, m * sizeof *scratch);
    double shift = tolerated * fabs(median(scratch, m));
    for (size_t i = 0; i < n; i++)
        canary[i] = all->canary[all->n - n + i] + shift;
    struct gate_ranks ranks = gate_mann_whitney(canary, n, scratch, m);
    double weight = 1 / ((double)(n + m) + 1); /* van Elteren's: the best for equal shifts */
    sum->away += weight * ranks.away;
    sum->variance += weight * weight * ranks.variance;
    sum->step = fmax(sum->step, weight / 2); /* of continuity */
    sum->worst = fmin(sum->worst, ranks.p);
    sum->won += ranks.worse_part * (double)n * (double)m;
    sum->pairs += (double)n * (double)m;
}

/* The stratum that begins at `from`; returns where it ends. */
static size_t take_stratum(const struct gate_value *values, size_t from, size_t count, struct sides *all,
                           size_t *n, size_t *m)
{
    size_t at = from;
    *n = *m = 0;
    for (; at < count && values[at].stratum == values[from].stratum; at++)
        *(values[at].is_canary ? n : m) += 1;
    if (*n == 0 || *m < GATE_CONTROL_MIN)
        return at;
    for (size_t i = from; i < at; i++) {
        if (values[i].is_canary)
            all->canary[all->n++] = values[i].value;
        else
            all->control[all->m++] = values[i].value;
    }
    return at;
}

static void conclude(struct gate_compared *out, const struct sum *sum, const struct sides *all)
{
    out->p = sum->worst;
    if (out->strata > 1)
        out->p = fmin(
            1, 2 * fmin(gate_normal_tail(sum->away - sum->step, sum->variance), sum->worst * out->strata));
    out->worse_part = sum->won / sum->pairs;
    out->canaries = (uint32_t)all->n;
    out->controls = (uint32_t)all->m;
    out->median = median(all->canary, all->n);
    out->control_median = median(all->control, all->m);
}

struct gate_compared gate_compare_values(struct gate_value *values, size_t count, double tolerated)
{
    struct gate_compared out = {.p = 1, .worse_part = 0.5};
    struct sum sum = {.worst = 1};
    double *room = malloc((3 * count + 1) * sizeof *room);
    struct sides all = {.canary = room, .control = room + count};
    if (room == NULL)
        abort(); /* out of memory: better no decision than a wrong one */
    qsort(values, count, sizeof *values, by_stratum);
    for (size_t at = 0, n, m; at < count;) {
        at = take_stratum(values, at, count, &all, &n, &m);
        if (n == 0 || m < GATE_CONTROL_MIN)
            continue;
        out.strata++;
        add_stratum(&sum, &all, n, m, tolerated, room + 2 * count);
    }
    if (out.strata > 0)
        conclude(&out, &sum, &all);
    free(room);
    return out;
}
