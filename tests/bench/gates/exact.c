/*
 * See exact.h. A state is (outcomes so far, size of the next batch, failures so far). Batches double while no more than
 * `limit` of the outcomes are failures, as rings do; within a batch the rule looks at every outcome.
 */
#include "exact.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS     9u /* 5, 10, ..., 1280 */
#define NEGLIGIBLE 1e-17

struct search {
    const struct rule *rule;
    uint32_t n;
    double p;
    uint32_t stops_at[EXACT_RING_MAX + 1]; /* least failures that stop the rule, by outcomes */
    double
        *open[LEVELS][EXACT_RING_MAX + 1]; /* chance of each number of failures; NULL: nothing gets there */
    struct odds odds;
};

/* The more failures among as many outcomes, the sooner; the more outcomes, the later. */
static void find_stops(struct search *s)
{
    uint32_t f = 0;
    for (uint32_t n = 1; n <= s->n; n++) {
        f = s->rule->kind == RULE_AWS ? 0 : f;
        while (f <= n && !rule_stops(s->rule, f, n, s->n))
            f++;
        s->stops_at[n] = f;
        f = f > n ? n : f;
    }
}

static void add(struct search *s, unsigned level, uint32_t n, uint32_t f, double chance)
{
    if (chance < NEGLIGIBLE)
        return;
    if (s->open[level][n] == NULL)
        s->open[level][n] = calloc(s->n + 1, sizeof(double));
    if (s->open[level][n] == NULL)
        abort();
    s->open[level][n][f] += chance;
}

/* One outcome more: `at` by failures, for n outcomes; `left` devices are out besides. */
static void one_outcome(struct search *s, double *at, uint32_t n, uint32_t left)
{
    for (uint32_t f = n; f <= n; f--) {
        double chance = (f < n ? at[f] * (1 - s->p) : 0) + (f > 0 ? at[f - 1] * s->p : 0);
        at[f] = chance;
        if (chance == 0 || f < s->stops_at[n])
            continue;
        s->odds.halted += chance;
        s->odds.harmed += chance * (f + left * s->p);
        at[f] = 0;
    }
}

static void one_batch(struct search *s, unsigned level, uint32_t n)
{
    double *at = s->open[level][n];
    uint32_t bound = s->rule->in_flight << level, batch = s->n - n;
    batch = bound != 0 && bound < batch ? bound : batch;
    for (uint32_t i = 1; i <= batch; i++)
        one_outcome(s, at, n + i, batch - i);
    for (uint32_t f = 0; f <= n + batch; f++) {
        bool wider = bound != 0 && level + 1 < LEVELS && f * 100u <= s->rule->limit * 100 * (n + batch);
        add(s, wider ? level + 1 : level, n + batch, f, at[f]);
    }
}

static void at_the_end(struct search *s, const double *at)
{
    for (uint32_t f = 0; f <= s->n; f++) {
        if (at[f] == 0)
            continue;
        double *end = rule_passes(s->rule, f, s->n) ? &s->odds.passed : &s->odds.held;
        *end += at[f];
        s->odds.harmed += at[f] * f;
    }
}

struct odds exact_ring(const struct rule *rule, uint32_t n, double p)
{
    struct search *s = calloc(1, sizeof *s);
    if (s == NULL || n > EXACT_RING_MAX)
        abort();
    s->rule = rule;
    s->n = n;
    s->p = p;
    find_stops(s);
    add(s, 0, 0, 0, 1);
    for (uint32_t at = 0; at <= n; at++) {
        for (unsigned level = 0; level < LEVELS; level++) {
            if (s->open[level][at] == NULL)
                continue;
            if (at == n)
                at_the_end(s, s->open[level][at]);
            else
                one_batch(s, level, at);
            free(s->open[level][at]);
        }
    }
    struct odds odds = s->odds;
    free(s);
    return odds;
}

struct odds exact_rollout(const struct rule *rule, const uint32_t *rings, uint32_t count, double p,
                          bool widened)
{
    struct odds all = {.passed = 1};
    for (uint32_t i = 0; i < count; i++) {
        struct rule here = rule->kind == RULE_OTARIA ? rule_otaria_in(i, count) : *rule;
        struct odds ring = exact_ring(&here, rings[i], p);
        double here_chance = all.passed;
        all.halted += here_chance * ring.halted;
        all.held += widened ? 0 : here_chance * ring.held;
        all.passed = here_chance * (ring.passed + (widened ? ring.held : 0));
        all.harmed += here_chance * ring.harmed;
    }
    return all;
}
