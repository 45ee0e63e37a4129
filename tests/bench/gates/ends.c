/*
 * See ends.h. Exact: sums over all outcomes, with Fisher's and Mann-Whitney's chances added up here from their definitions.
 * Played: devices in the engine's own structs, everybody's value, crash and link loss drawn alike.
 */
#include "ends.h"

#include "rollout/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS (4ull * 3600000u)

/* --- exactly --- */

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static double binomial(uint32_t k, uint32_t n, double p)
{
    return exp(log_choose(n, k) + (k > 0 ? k * log(p) : 0) + (n > k ? (n - k) * log1p(-p) : 0));
}

/* Of all ways to choose the ring's n, the part with f or more of the f + others silent ones. */
static double fisher(uint32_t f, uint32_t n, uint32_t others, uint32_t m)
{
    double sum = 0, marked = (double)f + others;
    for (uint32_t i = f; i <= n && i <= marked; i++) {
        if (marked - i <= m)
            sum += exp(log_choose(marked, i) + log_choose(n + m - marked, n - i) - log_choose(n + m, n));
    }
    return sum;
}

/* The first ring of two has half of what the regular end has, which is half of 0.5 %. */
static double threshold(uint32_t gates)
{
    return 0.005 / 2 / 2 / gates;
}

double exact_silence(uint32_t n, uint32_t m, double others, double ring)
{
    double fails = 0;
    uint32_t least = 1; /* that fail; more of the others need more of the ring's */
    for (uint32_t k = 0; k <= m; k++) {
        double chance = binomial(k, m, others), more = 0;
        while (least <= n && fisher(least, n, k, m) > threshold(3))
            least++;
        if (chance < 1e-15)
            continue;
        for (uint32_t f = least; f <= n; f++)
            more += binomial(f, n, ring);
        fails += chance * more;
    }
    return fails;
}

/* ways[k][s]: of choosing k of the ranks so far with sum s. The worst part that is within the threshold. */
double exact_metric(uint32_t n, uint32_t m)
{
    uint32_t all = n + m, sums = n * all + 1;
    double within = 0, *ways = calloc((size_t)(n + 1) * sums, sizeof *ways);
    if (ways == NULL)
        abort();
    ways[0] = 1;
    for (uint32_t rank = 1; rank <= all; rank++) {
        for (uint32_t k = rank < n ? rank : n; k > 0; k--) {
            for (uint32_t s = sums - 1; s >= rank; s--)
                ways[k * sums + s] += ways[(k - 1) * sums + s - rank];
        }
    }
    double total = exp(log_choose(all, n)), sum = 0;
    for (uint32_t s = 0; s < sums; s++) {
        sum += ways[n * sums + s];
        within = sum / total <= threshold(4) ? sum / total : within;
    }
    free(ways);
    return within;
}

/* --- a rollout --- */

struct ends {
    struct rollout r;
    struct rollout_member *members;
    struct rollout_counters *counters;
    bool *is_away;
    uint64_t now_ms, random;
};

static void ignore(void *ctx, const struct rollout_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static const struct rollout_sink nobody = {.effect = ignore};

/* splitmix64, as a number in [0, 1) */
static double draw(struct ends *e)
{
    uint64_t z = e->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "gates: at the end of a ring: %s\n", what);
    exit(1);
}

static void *make(size_t count, size_t size)
{
    void *p = calloc(count, size);
    need(p != NULL, "out of memory");
    return p;
}

static void make_devices(struct ends *e, uint32_t count, uint64_t seed)
{
    e->random = seed * 0x2545f4914f6cdd1du;
    e->members = make(count, sizeof *e->members);
    e->counters = make(count, sizeof *e->counters);
    e->is_away = make(count, sizeof *e->is_away);
}

static void free_devices(struct ends *e)
{
    free(e->members);
    free(e->counters);
    free(e->is_away);
}

static void begin(struct ends *e, const uint32_t *rings, uint32_t count, uint32_t metrics)
{
    char text[40], err[200];
    uint32_t next = 0;
    memset(&e->r, 0, sizeof e->r);
    e->r.plan = rollout_plan_default();
    e->r.plan.stale_after_s = 100 * 86400; /* silence is not harm here: the look has to find it */
    e->r.poll_s = POLL_MS / 1000;
    for (uint32_t i = 0; i < metrics; i++) {
        snprintf(text, sizeof text, "m%u:lower_is_worse:0%%", i);
        need(rollout_metrics_add(&e->r.plan.metrics, text, err, sizeof err) == 0, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%u%%", 1 + i);
        need(ring_plan_add(&e->r.plan.rings, text, err, sizeof err) == 0, err);
        for (uint32_t n = 0; n < rings[i]; n++, next++) {
            e->members[next] = (struct rollout_member){.device = next, .ring = (uint8_t)i};
            e->counters[next] = (struct rollout_counters){.values.known = (uint8_t)((1u << metrics) - 1u)};
            e->is_away[next] = false;
        }
    }
    e->r.members = e->members;
    e->r.member_count = next;
    e->now_ms = POLL_MS;
    rollout_prepare(&e->r);
    need(rollout_start(&e->r, e->now_ms, &nobody) == 0, "does not start");
}

static void check_in(struct ends *e, uint32_t m)
{
    if (e->is_away[m])
        return;
    for (uint32_t i = 0; i < e->r.plan.metrics.count; i++)
        e->counters[m].values.of[i] = (int64_t)(draw(e) * 0x1p50);
    if (rollout_may_offer(&e->r, m) == ROLLOUT_OFFER) { /* what it has counted so far is the old image's */
        rollout_seen(&e->r, m, false, &e->counters[m], e->now_ms, &nobody);
        rollout_offer(&e->r, m, 1 + m, e->now_ms, &nobody);
        rollout_event(&e->r, m, OT_EVENT_CONFIRMED, OT_OK, true, e->now_ms, &nobody);
    }
    rollout_seen(&e->r, m, e->members[m].state == ATTEMPT_CONFIRMED, &e->counters[m], e->now_ms, &nobody);
}

/* One ring at its end, all at one moment: confirmed, soaked, and some not heard of since. */
static bool fails(struct ends *e, uint32_t n, uint32_t m, uint32_t metrics, double others, double ring)
{
    begin(e, (uint32_t[]){n, m}, 2, metrics);
    e->r.plan.soak_s = 0;
    e->r.rings[0].bound = n;
    for (uint32_t i = 0; i < n + m; i++)
        check_in(e, i);
    e->now_ms += 4 * POLL_MS;
    for (uint32_t i = 0; i < n + m; i++) {
        e->is_away[i] = draw(e) < (i < n ? ring : others);
        check_in(e, i);
    }
    rollout_tick(&e->r, e->now_ms, &nobody);
    need(rollout_check(&e->r) == NULL, "breaks an invariant");
    need(e->r.rings[0].state == RING_PASSED || e->r.state == ROLLOUT_HALTED, "neither passes nor halts");
    return e->r.state == ROLLOUT_HALTED;
}

static uint64_t play_ends(uint32_t n, uint32_t m, uint32_t metrics, double others, double ring, uint64_t runs,
                          uint64_t seed)
{
    struct ends e = {.now_ms = 0};
    uint64_t failed = 0;
    make_devices(&e, n + m, seed);
    for (uint64_t i = 0; i < runs; i++)
        failed += fails(&e, n, m, metrics, others, ring);
    free_devices(&e);
    return failed;
}

uint64_t play_silence(uint32_t n, uint32_t m, double others, double ring, uint64_t runs, uint64_t seed)
{
    return play_ends(n, m, 0, others, ring, runs, seed);
}

uint64_t play_metric(uint32_t n, uint32_t m, uint64_t runs, uint64_t seed)
{
    return play_ends(n, m, 1, 0, 0, runs, seed);
}

/* --- a whole rollout --- */

/* Four hours: one crash in 1,000 hours, one link loss a day, one device in a thousand leaves for good. */
static void four_hours(struct ends *e)
{
    e->now_ms += POLL_MS;
    for (uint32_t i = 0; i < e->r.member_count; i++) {
        e->is_away[i] = e->is_away[i] || draw(e) < 0.001;
        e->counters[i].of[WATCH_CRASHES] += draw(e) < 0.004;
        e->counters[i].of[WATCH_LINK_LOSSES] += draw(e) < 4.0 / 24;
        check_in(e, i);
    }
    rollout_tick(&e->r, e->now_ms, &nobody);
}

static void one_null(struct ends *e, struct null_halts *sum)
{
    begin(e, (uint32_t[]){10, 100, 1000}, 3, 2);
    e->r.plan.max_crashes_per_device_day = 1000000; /* not this limit */
    while (e->r.state == ROLLOUT_RUNNING)
        four_hours(e);
    bool is_halted = e->r.state == ROLLOUT_HALTED, by_watch = strstr(e->r.reason, "more often than") != NULL;
    sum->runs++;
    bool by_look = false;
    for (uint32_t i = 0; i < 3; i++)
        by_look = by_look || ring_end_verdict(&e->r.rings[i].end) == GATE_FAIL;
    sum->watch += is_halted && by_watch;
    sum->looks += is_halted && by_look;
    sum->other += is_halted && !by_watch && !by_look;
    sum->held += e->r.state == ROLLOUT_HELD;
}

struct null_halts play_null(uint64_t runs, uint64_t seed)
{
    struct ends e = {.now_ms = 0};
    struct null_halts sum = {0};
    make_devices(&e, 1110, seed);
    for (uint64_t i = 0; i < runs; i++)
        one_null(&e, &sum);
    free_devices(&e);
    return sum;
}
