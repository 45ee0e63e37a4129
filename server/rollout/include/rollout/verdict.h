/**
 * The verdict on a ring, with the numbers it is made of: what the engine acts on, and what people are shown.
 *
 *     struct rollout_gate gate = rollout_gate(r, ring);
 *     rollout_gate_text(&gate, text, sizeof text);    "1 of 30 devices was harmed: the failure rate may be up to ..."
 *
 * It fails as soon as its e-value is too large (asked after every report), and passes when its upper bound is within the
 * limit (asked once enough devices have answered). Between the two there is not enough evidence. Formulas: gate.h.
 */
#ifndef ROLLOUT_VERDICT_H
#define ROLLOUT_VERDICT_H

#include "rollout/engine.h"

struct rollout_gate {
    enum gate_verdict verdict;
    uint32_t harmed, resolved; /* distinct devices of the ring */
    uint32_t quorum;           /* so many must have answered */
    double upper;              /* of the failure rate, exact, one-sided, 95 % */
    double floor;              /* what so many devices cannot see below */
    double asked;              /* max_failure_percent of the plan */
    double limit;           /* the upper bound must be within: `asked`, or the floor where that is higher */
    double tolerated;       /* failure rate that halts nothing */
    double log_e, log_halt; /* log of the e-value against `tolerated`, and where it halts */
    /* the kind of device that has most of it, of those that harm was done to; NULL: none, or nothing is known of kinds */
    const char *kind;
    uint32_t kind_harmed, kind_resolved;
    bool is_accepted; /* a person has seen this harm and gone on */
};

struct rollout_gate rollout_gate(const struct rollout *r, uint32_t ring);
/** One sentence with the numbers; 200 bytes are enough. */
void rollout_gate_text(const struct rollout_gate *gate, char *text, size_t len);

/**
 * The ring's part of GATE_ALPHA: half of it for the first, half of what is left for the next, all of that for the last.
 * The parts add up to one, so that a whole rollout, with any number of rings, halts a good release in 5 % at most.
 */
double rollout_alpha_part(const struct ring_plan *plan, uint32_t ring);

#endif
