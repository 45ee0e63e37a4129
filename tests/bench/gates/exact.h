/** What a rule comes to, exactly: dynamic programming over every history of a ring, no random numbers. */
#ifndef GATES_EXACT_H
#define GATES_EXACT_H

#include "rules.h"

struct odds {
    double halted, held, passed; /* chances; they add up to one */
    double harmed;               /* devices, on average; those in flight at the halt included */
};

#define EXACT_RING_MAX 1000u

/** One ring of n devices, each of which fails with chance p. */
struct odds exact_ring(const struct rule *rule, uint32_t n, double p);
/**
 * A rollout of rings, in order. `widened`: a person lets every held ring pass; else the first held ring is its end.
 * RULE_OTARIA divides its alpha among the rings.
 */
struct odds exact_rollout(const struct rule *rule, const uint32_t *rings, uint32_t count, double p,
                          bool widened);

#endif
