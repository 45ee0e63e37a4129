/**
 * Canaries beside the control of their own stratum, for one look at the end of a ring: devices that had something happen
 * to them, and values that devices report. A stratum in which fewer than GATE_CONTROL_MIN devices wait has no control and
 * is left out.
 *
 *     struct gate_counts strata[] = {{3, 10, 10, 990}};
 *     gate_compare_counts(strata, 1).p                  0.0002: Fisher's exact test
 *
 *     struct gate_value values[] = {{41000, 0, true}, {40500, 0, false}, ...};
 *     gate_compare_values(values, n, 0.05).p            are the canaries' lower, by more than 5 % of the control's median?
 *
 * Formulas, and why they are right over several strata: docs/gates.md.
 */
#ifndef ROLLOUT_COMPARE_H
#define ROLLOUT_COMPARE_H

#include "rollout/gate.h"

/** Fewer are no control. */
#define GATE_CONTROL_MIN 30u

/** Of one stratum: devices, and those of them to whom it happened. */
struct gate_counts {
    uint32_t events, canaries, control_events, controls;
};

struct gate_compared {
    double p;        /* one-sided, for "the canaries are worse off"; 1 when nothing can be compared */
    uint32_t strata; /* compared; 0: no control anywhere */
    uint32_t canaries, controls, events, control_events; /* of those strata */
    double expected; /* so many of all events the canaries would have, were they like the others */
    double median, control_median, worse_part; /* of values; worse_part as in struct gate_ranks */
};

/**
 * Chance that so many of all events or more are the canaries', who are expected to have `expected` of them: the sum of
 * what each stratum or window expects, however much their shares differ. Never too small.
 */
double gate_events_test(uint32_t events, uint32_t control_events, double expected);

/** One stratum: Fisher's exact test. Several: the sum of what they expect, by a binomial bound that is never too small. */
struct gate_compared gate_compare_counts(const struct gate_counts *strata, size_t count);

/** One device's value; a number, not NaN. */
struct gate_value {
    double value; /* lower is worse */
    uint32_t stratum;
    bool is_canary;
};
/**
 * Are the canaries' values lower than the control's less `tolerated` (a part of the median of the stratum's control)?
 * One stratum: Mann-Whitney. Several: twice the smaller of van Elteren's test over all of them, and the worst stratum's
 * times their number, so that neither a few devices in each nor one sick stratum is overlooked. Sorts `values`;
 * O(n log n). Allocates for the call; ends the process when there is no memory.
 */
struct gate_compared gate_compare_values(struct gate_value *values, size_t count, double tolerated);

#endif
