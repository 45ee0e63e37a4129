/**
 * A rollout of two rings on a stage: `canaries` in the first, the others wait in the second. Hour by hour everybody checks
 * in with the metric that is gated; tests say who does not, and what the release does to it.
 *
 *     struct gate_stage *t = gate_stage(30, 100);
 *     t->shift = -0.15;                 the release's devices have 15 % less heap
 *     gate_stage_hours(t, 24);          one day of soak
 */
#ifndef GATE_STAGE_H
#define GATE_STAGE_H

#include "rollout/engine.h"

#define GATE_STAGE_DEVICES 400u
#define GATE_STAGE_HOUR_MS 3600000u

struct gate_stage {
    struct rollout r;
    struct rollout_member members[GATE_STAGE_DEVICES];
    struct rollout_counters counters[GATE_STAGE_DEVICES];
    bool is_gone[GATE_STAGE_DEVICES];    /* is not heard of */
    bool is_without[GATE_STAGE_DEVICES]; /* does not report the metric */
    uint64_t now_ms, random;
    double shift;      /* of the metric, by the release */
    unsigned compared; /* "ring_compared" in the timeline */
    char told[2000];   /* the last of them */
};

/** The first ring is active, its devices have confirmed; a day of soak, polls every hour; heap_floor is gated. */
struct gate_stage *gate_stage(uint32_t canaries, uint32_t devices);
void gate_stage_hours(struct gate_stage *t, unsigned hours);
/** A server that dies and starts again: what is not stored is gone. */
void gate_stage_restart(struct gate_stage *t);
/** Effects go here. */
struct rollout_sink gate_stage_sink(struct gate_stage *t);
/** The gate of the first ring with this kind, after a look. */
const struct ring_end_gate *gate_stage_gate(const struct gate_stage *t, enum ring_end_kind kind);

#endif
