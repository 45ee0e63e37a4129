/**
 * When other systems stop a rollout, and when Otaria does: written down from their documents, for one ring.
 *
 * Every device fails with the same chance, independently. A rule sees outcomes one by one; offers go out in batches, and
 * a batch that is out when a rule says stop cannot be called back.
 */
#ifndef GATES_RULES_H
#define GATES_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum rule_kind {
    RULE_OTARIA, /* e-value against `tolerated`; upper bound within `limit` or no failure at all, else held */
    RULE_HAWKBIT, /* default of its rollout builder: pauses when more than 50 % of the ring's total are in error */
    RULE_AWS,    /* abort at 10 % of executed, once 5 have executed */
    RULE_MENDER, /* phases by the clock: nothing stops by itself */
};

struct rule {
    enum rule_kind kind;
    const char *name;
    uint32_t in_flight;             /* first batch, doubling; 0: the whole ring at once */
    double alpha, tolerated, limit; /* RULE_OTARIA */
};

#define RULE_BASELINES 5u

struct rule rule_otaria(double alpha);
/** The same rule for ring `ring` of `count`: half of alpha, half of the rest, ..., all that is left. */
struct rule rule_otaria_in(uint32_t ring, uint32_t count);
/** As they are, and with offers paced as Otaria's are, so that the rule alone makes the difference. */
extern const struct rule rule_baselines[RULE_BASELINES];

/** Does it stop now: `failures` of `n` outcomes, in a ring of `total`? */
bool rule_stops(const struct rule *rule, uint32_t failures, uint32_t n, uint32_t total);
/** At the end of the ring: goes on by itself? */
bool rule_passes(const struct rule *rule, uint32_t failures, uint32_t n);

#endif
