/**
 * The statistics of gates: pure functions over counts, for decisions that a person can check by hand. No clock.
 *
 *     gate_upper_bound(1, 46)                 0.099: 1 failure of 46 devices: with 95 %, the failure rate is below 10 %
 *     gate_floor(10)                          0.259: 10 devices cannot show less
 *     exp(gate_log_e(3, 18, 0.02)) >= 20      3 failures of 18 are too many for 2 %, whenever one happens to look
 *
 * Two kinds of evidence, not to be mixed up. An **e-value** may be looked at after every report: under the hypothesis the
 * chance that it ever reaches 1/alpha is at most alpha. A **p-value** (Fisher, conditional binomial, Mann-Whitney) and the
 * upper bound are good for one look, at the end of a ring; looked at every hour they halt good releases.
 *
 * Every formula, with numbers to check it by: docs/gates.md.
 */
#ifndef ROLLOUT_GATE_H
#define ROLLOUT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Confidence of bounds is 1 - GATE_ALPHA; the chance of halting a good rollout is at most GATE_ALPHA. */
#define GATE_ALPHA         0.05
/** No history makes a release so good that a single failure is news. */
#define GATE_TOLERATED_MIN 0.005
/** Where kinds of devices are told apart: the part of the evidence of harm that all of them together make. */
#define GATE_OF_ALL        0.8

/* --- once, at the end of a ring --- */

/** Exact (Clopper-Pearson) one-sided 95 % upper bound of the failure rate. 1 when all failed, or n is 0. */
double gate_upper_bound(uint32_t failures, uint32_t n);
/** Detection floor: the upper bound when none of n failed, 1 - 0.05^(1/n). 1 when n is 0. */
double gate_floor(uint32_t n);
/** Fewest devices whose upper bound with so many failures is within the limit; 0 when no number of devices is enough. */
uint32_t gate_devices_needed(uint32_t failures, double limit);
/** Fisher's exact test, one-sided: chance of `failures` or more of the n among all failures, had both the same rate. */
double gate_fisher(uint32_t failures, uint32_t n, uint32_t control_failures, uint32_t control_n);
/**
 * Rates per time: chance that `events` or more of all events fall into the canary's share of the exposure, had both the
 * same rate. Exposures in one unit, any. 1 when there is no event, or no exposure to compare.
 */
double gate_rate_test(uint32_t events, double exposure, uint32_t control_events, double control_exposure);

struct gate_ranks {
    double p; /* one-sided, for "the canary's values are lower" */
    double
        worse_part; /* of all pairs of a canary and a control, the part where the canary's is lower; ties are halves */
    double away, variance; /* such pairs, beyond half of all; their variance if both are alike, with ties */
    bool is_exact;         /* by counting all orders; else by the normal approximation with ties */
};
/** Most values, of both kinds together, for which every order is counted; and where one kind has FEW at most. */
#define GATE_RANKS_EXACT 24u
#define GATE_RANKS_FEW   8u
#define GATE_RANKS_MANY  256u
/**
 * Mann-Whitney, one value for each device (lower is worse; negate where higher is). NaN is not a value: leave it out.
 * p is 1 when one side is empty. Time: n log n. Allocates for the call; ends the process when there is no memory.
 */
struct gate_ranks gate_mann_whitney(const double *canary, size_t n, const double *control, size_t m);

/** Chance that something normal of this variance is as far above its mean, or farther; 1 without variance. */
double gate_normal_tail(double away, double variance);

/* --- after every report --- */

/**
 * Log of the e-value against "the failure rate is at most `tolerated`": the likelihood of a failure rate drawn from
 * Beta(1,9), over the best likelihood that a tolerated rate has. `tolerated` below GATE_TOLERATED_MIN counts as that.
 */
double gate_log_e(uint32_t failures, uint32_t n, double tolerated);
/** Log of the mean of e-values: of strata, or of metrics. One sick stratum is not outvoted, as it would be in a product. */
double gate_mean_log_e(const double *log_e, size_t count);
/** The weighted mean of that of all devices and that of their kinds, logs too. Both weights are fixed: GATE_OF_ALL. */
double gate_log_e_with_kinds(double all, double kinds);

/** Rate ratios that the e-process of rates looks for. */
#define GATE_RATIOS 5u
/**
 * E-process of rates (crashes, reconnects) against the control of the same time: starts as {0}; each event, of either
 * side, is told once, with the canary's share `w` of the exposure just before it (0 < w < 1; else it is no evidence).
 */
struct gate_rates {
    double log_e[GATE_RATIOS]; /* for each ratio */
};
void gate_rates_event(struct gate_rates *rates, bool is_canary, double w);
double gate_rates_log_e(const struct gate_rates *rates);

#endif
