/**
 * What is asked of a ring once, at its end: are its devices worse off than those that wait, at the same time and of the
 * same stratum? Silence (Fisher), crashes and link losses (conditional binomial), and each gated metric (Mann-Whitney).
 *
 * These tests are good for one look: that they were made is stored with the ring, and none is made again, also not after a
 * restart. Two moments have half of the ring's part of RING_END_ALPHA each: the regular end, and the end of its time.
 *
 *     if (r->rings[i].end.count > 0) rollout_end_text(&r->plan, &r->rings[i].end.gates[k], text, sizeof text);
 */
#ifndef ROLLOUT_RING_END_H
#define ROLLOUT_RING_END_H

#include "rollout/compare.h"
#include "rollout/plan.h"
#include "rollout/watch.h"

/** Chance that a whole rollout of a release like the last is halted by these tests: at most this. */
#define RING_END_ALPHA 0.005

enum gate_verdict {
    GATE_NOT_ENOUGH = 0, /* evidence neither way: missing evidence never passes */
    GATE_PASS,
    GATE_FAIL,
};
/** Stable word: "pass", "fail", "not_enough_evidence". */
const char *gate_verdict_name(enum gate_verdict verdict);

/** Numbers stand in the database: never reuse. */
enum ring_end_kind {
    RING_END_SILENT = 0,
    RING_END_CRASHES = 1,
    RING_END_LINK_LOSSES = 2,
    RING_END_METRIC = 3,
};

struct ring_end_gate {
    enum ring_end_kind kind;
    uint32_t metric; /* RING_END_METRIC: which of the plan's */
    enum gate_verdict verdict;
    double below;                  /* it fails where p is at most this */
    uint32_t reported;             /* RING_END_METRIC: devices that have soaked and report it ... */
    uint32_t wanted;               /* ... and how many must */
    struct gate_compared compared; /* strata 0: no control */
};

#define RING_END_GATES (RING_END_METRIC + ROLLOUT_METRICS_MAX)

/** Looks that have been made. */
#define RING_END_LOOKED_OUT_OF_TIME 1u
#define RING_END_LOOKED             2u

struct ring_end {
    uint32_t looks; /* bits of RING_END_LOOKED... */
    uint32_t count; /* gates of the latest look; 0: none was made */
    struct ring_end_gate gates[RING_END_GATES];
};

/** FAIL if one fails, else NOT_ENOUGH if one lacks evidence or none was looked at, else PASS. */
enum gate_verdict ring_end_verdict(const struct ring_end *end);
/** Stable word for machines: "silent", "crashes", "link_losses", or the metric's name. */
const char *ring_end_gate_name(const struct rollout_plan *plan, const struct ring_end_gate *gate);
/** One sentence with the numbers; 240 bytes are enough. */
void ring_end_gate_text(const struct rollout_plan *plan, const struct ring_end_gate *gate, char *text,
                        size_t len);

#endif
