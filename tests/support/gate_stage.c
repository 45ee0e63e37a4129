#include "gate_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "gate_stage: %s\n", what);
    abort();
}

static void on_effect(void *ctx, const struct rollout_effect *e)
{
    struct gate_stage *t = ctx;
    if (e->kind != EFFECT_TIMELINE || strcmp(e->event, "ring_compared") != 0)
        return;
    t->compared++;
    snprintf(t->told, sizeof t->told, "%s", e->text);
}

struct rollout_sink gate_stage_sink(struct gate_stage *t)
{
    return (struct rollout_sink){.ctx = t, .effect = on_effect};
}

/* splitmix64, as a number in [0, 1) */
static double draw(struct gate_stage *t)
{
    uint64_t z = t->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void check_in(struct gate_stage *t, uint32_t i)
{
    struct rollout_sink sink = gate_stage_sink(t);
    bool runs = t->members[i].state == ATTEMPT_CONFIRMED || t->members[i].state == ATTEMPT_SILENT;
    double heap = 40000 + 2000 * draw(t);
    if (t->is_gone[i])
        return;
    t->counters[i].values = (struct rollout_values){.known = t->is_without[i] ? 0 : 1,
                                                    .of = {(int64_t)(heap * (runs ? 1 + t->shift : 1))}};
    rollout_seen(&t->r, i, runs, &t->counters[i], t->now_ms, &sink);
}

void gate_stage_hours(struct gate_stage *t, unsigned hours)
{
    struct rollout_sink sink = gate_stage_sink(t);
    for (; hours > 0; hours--) {
        t->now_ms += GATE_STAGE_HOUR_MS;
        for (uint32_t i = 0; i < t->r.member_count; i++)
            check_in(t, i);
        rollout_tick(&t->r, t->now_ms, &sink);
        need(rollout_check(&t->r) == NULL, "an invariant is broken");
    }
}

struct gate_stage *gate_stage(uint32_t canaries, uint32_t devices)
{
    static struct gate_stage t;
    char err[200];
    struct rollout_sink sink = gate_stage_sink(&t);
    memset(&t, 0, sizeof t);
    t.now_ms = GATE_STAGE_HOUR_MS;
    t.r.plan = rollout_plan_default();
    t.r.plan.in_flight = canaries;
    t.r.poll_s = 3600;
    need(devices <= GATE_STAGE_DEVICES, "too many devices");
    need(ring_plan_add(&t.r.plan.rings, "10%", err, sizeof err) == 0 &&
             ring_plan_add(&t.r.plan.rings, "rest", err, sizeof err) == 0 &&
             rollout_metrics_add(&t.r.plan.metrics, "heap_floor:lower_is_worse", err, sizeof err) == 0,
         err);
    t.r.members = t.members;
    t.r.member_count = devices;
    for (uint32_t i = canaries; i < devices; i++)
        t.members[i].ring = 1;
    rollout_prepare(&t.r);
    need(rollout_start(&t.r, t.now_ms, &sink) == 0, "does not start");
    for (uint32_t i = 0; i < canaries; i++) {
        rollout_offer(&t.r, i, 1 + i, t.now_ms, &sink);
        rollout_event(&t.r, i, OT_EVENT_CONFIRMED, OT_OK, true, t.now_ms, &sink);
    }
    for (uint32_t i = 0; i < devices; i++)
        check_in(&t, i);
    rollout_tick(&t.r, t.now_ms, &sink);
    return &t;
}

void gate_stage_restart(struct gate_stage *t)
{
    t->r.watch.opened_ms = 0;
    t->r.settled_ms = t->now_ms + t->r.poll_s * 3000ull;
    for (uint32_t i = 0; i < t->r.member_count; i++) {
        struct rollout_member *m = &t->members[i];
        m->watch = (struct watch_place){0};
        m->values.known = 0;
        if (m->state == ATTEMPT_NONE)
            m->seen_ms = 0; /* is stored only when something changed */
        rollout_restore_values(&t->r, i, m->state == ATTEMPT_CONFIRMED, &t->counters[i].values);
    }
    rollout_prepare(&t->r);
}

const struct ring_end_gate *gate_stage_gate(const struct gate_stage *t, enum ring_end_kind kind)
{
    for (uint32_t i = 0; i < t->r.rings[0].end.count; i++) {
        if (t->r.rings[0].end.gates[i].kind == kind)
            return &t->r.rings[0].end.gates[i];
    }
    need(false, "no look was made, or not at this");
    return NULL;
}
