/*
 * See play.h. The worst fleet there is: all devices that hold an offer switch before the first of them reports, so that a
 * halt calls none of them back; then all report, then the server's clock ticks.
 */
#include "play.h"

#include "rollout/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct game {
    struct rollout r;
    struct rollout_member *members;
    uint32_t first[ROLLOUT_RINGS_MAX + 1]; /* member of each ring */
    uint32_t next;                         /* the first that has no offer yet */
    uint64_t now_ms, random;
};

static void ignore(void *ctx, const struct rollout_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static const struct rollout_sink nobody = {.effect = ignore};

/* splitmix64, as a number in [0, 1) */
static double draw(struct game *g)
{
    uint64_t z = g->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "gates: the engine: %s\n", what);
    exit(1);
}

static void begin(struct game *g, const uint32_t *rings, uint32_t count)
{
    char name[16], err[200];
    memset(&g->r, 0, sizeof g->r);
    g->r.plan = rollout_plan_default();
    g->r.plan.soak_s = 0;
    g->r.poll_s = 60;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%u%%", 1 + i); /* shares: paced, as named devices are not */
        need(ring_plan_add(&g->r.plan.rings, name, err, sizeof err) == 0, err);
        for (uint32_t m = g->first[i]; m < g->first[i] + rings[i]; m++)
            g->members[m] = (struct rollout_member){.device = m, .ring = (uint8_t)i};
        g->first[i + 1] = g->first[i] + rings[i];
    }
    g->r.members = g->members;
    g->r.member_count = g->first[count];
    g->next = 0;
    g->now_ms = 1;
    rollout_prepare(&g->r);
    need(rollout_start(&g->r, g->now_ms, &nobody) == 0, "does not start");
}

static void report(struct game *g, uint32_t m, enum ot_event_kind kind)
{
    rollout_event(&g->r, m, kind, OT_OK, kind == OT_EVENT_CONFIRMED, g->now_ms, &nobody);
}

static void one_batch(struct game *g, double p)
{
    uint32_t from = g->next;
    while (g->next < g->r.member_count && rollout_may_offer(&g->r, g->next) == ROLLOUT_OFFER) {
        rollout_offer(&g->r, g->next, 1 + g->next, g->now_ms, &nobody);
        g->next++;
    }
    need(g->next > from, "neither offers nor ends");
    for (uint32_t m = from; m < g->next; m++)
        report(g, m, OT_EVENT_SWITCHING);
    for (uint32_t m = from; m < g->next; m++)
        report(g, m, draw(g) < p ? OT_EVENT_REVERTED : OT_EVENT_CONFIRMED);
    rollout_tick(&g->r, ++g->now_ms, &nobody);
}

static void one_run(struct game *g, const uint32_t *rings, uint32_t count, double p, bool widened,
                    struct played *sum)
{
    double harmed = 0;
    begin(g, rings, count);
    while (g->r.state == ROLLOUT_RUNNING || (widened && g->r.state == ROLLOUT_HELD)) {
        if (g->r.state == ROLLOUT_HELD)
            need(rollout_widen(&g->r, "go on", g->now_ms, &nobody) == 0, "does not widen");
        else
            one_batch(g, p);
    }
    need(rollout_check(&g->r) == NULL, "breaks an invariant");
    for (uint32_t i = 0; i < count; i++)
        harmed += rollout_harmed(&g->r, i);
    sum->runs++;
    sum->halted += g->r.state == ROLLOUT_HALTED;
    sum->held += g->r.state == ROLLOUT_HELD;
    sum->passed += g->r.state == ROLLOUT_FINISHED;
    sum->harmed += harmed;
    sum->harmed_squares += harmed * harmed;
}

struct played play(const uint32_t *rings, uint32_t count, double p, bool widened, uint64_t runs,
                   uint64_t seed)
{
    struct game g = {.random = seed * 0x2545f4914f6cdd1du};
    struct played sum = {0};
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all += rings[i];
    g.members = calloc(all, sizeof *g.members);
    need(g.members != NULL, "out of memory");
    for (uint64_t i = 0; i < runs; i++)
        one_run(&g, rings, count, p, widened, &sum);
    free(g.members);
    return sum;
}
