/**
 * The looks at the end of a ring, read a second time: who is counted, that each gate is decided once, and by what. Shares
 * with the engine the p-values of its statistics, which tests/unit/server/test_gate.c and test_compare.c check.
 */
#ifndef REFERENCE_LOOK_H
#define REFERENCE_LOOK_H

#include "rollout/engine.h"

/** What changed between the two must be a look made now, or nothing. NULL, or what is wrong. */
const char *reference_look(const struct rollout *before, const struct rollout *live, uint32_t ring,
                           uint64_t now_ms);
/** May a ring pass by itself with these looks? */
bool reference_look_lets_pass(const struct ring_end *end);
/** Has a gate failed that had not before? */
bool reference_look_failed(const struct ring_end *before, const struct ring_end *now);

#endif
