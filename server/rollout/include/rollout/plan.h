/**
 * Rollout plans: what a rollout was asked to do, checked before anything starts.
 */
#ifndef ROLLOUT_PLAN_H
#define ROLLOUT_PLAN_H

#include "rollout/metrics.h"
#include "rollout/ring_plan.h"
#include "rollout/strata.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROLLOUT_OVERRIDE_MAX 160u
#define ROLLOUT_FILTER_MAX   1024u
#define ROLLOUT_WIDENING_MAX 10u /* a ring larger than so many times all before it: a warning */

struct rollout_plan {
    struct ring_plan rings;
    struct strata_spec strata;
    char filter[ROLLOUT_FILTER_MAX + 1]; /* docs/filters.md: who is in it at all; "": everybody */
    uint32_t soak_s;
    uint32_t in_flight; /* bound to begin with, doubling; ring of named devices: all at once */
    uint32_t quorum_percent;
    uint32_t max_failure_percent; /* upper bound of harmed: more lets no ring pass; 100: no limit */
    uint32_t tolerated_failure;   /* in 1/100 %; beyond it a ring halts; 0: a fifth of max_failure_percent */
    uint32_t max_crashes_per_device_day; /* of devices that run the release; in 1/100 */
    uint32_t stale_after_s;              /* silence after `switching` for this long is failure */
    uint32_t decide_by_s; /* a ring open for longer is held; 0: as rollout_plan_decide_by_s() has it */
    uint32_t lease_s;     /* an offer not taken up for this long is withdrawn */
    uint32_t min_source, max_source; /* only devices whose running release lies within; 0: no such limit */
    uint32_t duty_cycle_s; /* what its devices do, they have done within this time; 0: nobody has said */
    struct rollout_metrics metrics; /* gated at the end of each ring: the product's, when it was created */
    bool
        limit_is_chosen; /* max_failure_percent is an operator's, not the default: then it must be reachable */
    char override_reason
        [ROLLOUT_OVERRIDE_MAX]; /* why this plan is right although it would be refused; or "" */
};

struct rollout_plan rollout_plan_default(void);
/** ", soak_s 60 instead of 86400": what somebody chose, for the audit log; "" for the default. 300 bytes are enough. */
void rollout_plan_differences(const struct rollout_plan *plan, char *text, size_t len);
/** Seconds after which an open ring is held. When not chosen: a week, and four times what soak and silence take. */
uint32_t rollout_plan_decide_by_s(const struct rollout_plan *plan);
/** The failure rate that halts nothing, as a part of one. 1 when there is no limit. */
double rollout_plan_tolerated(const struct rollout_plan *plan);
/** May a device that runs the release of this number (0: unknown) be offered it? -1: too old, 1: too new, 0: it may. */
int rollout_plan_source(const struct rollout_plan *plan, uint32_t number);
/** A limit that somebody chose must be one that some ring can show: `members` of each. 0, or -1 with a message. */
int rollout_plan_check_reach(const struct rollout_plan *plan, const uint32_t members[ROLLOUT_RINGS_MAX],
                             char *err, size_t err_len);
/**
 * What is allowed, and should make a person think twice: that this ring is more than ten times as large as all before it
 * together. Silent when the plan has an override. True when there is something to say.
 */
bool rollout_plan_warning(const struct rollout_plan *plan, const uint32_t members[ROLLOUT_RINGS_MAX],
                          uint32_t ring, char *text, size_t len);
/** The same for the plan as a whole: its soak is shorter than a day, and nobody has said how long a duty cycle is. */
bool rollout_plan_hint(const struct rollout_plan *plan, char *text, size_t len);
/**
 * What nobody asks for on purpose, unless `override` says why: rings that pass without soak, before silence counts, or
 * within the devices' duty cycle. 0, or -1 with a message. A plan that is stored is not asked again.
 */
int rollout_plan_check_care(const struct rollout_plan *plan, char *err, size_t err_len);
/**
 * Devices in its rings, `members` of each: some at all, and every ring of named devices has some; so have rings of shares,
 * unless `override` says why not. `rest` may be empty: nobody is left. 0, or -1 with a message.
 */
int rollout_plan_check_members(const struct rollout_plan *plan, const uint32_t members[ROLLOUT_RINGS_MAX],
                               char *err, size_t err_len);
/** Limits that make sense together. 0, or -1 with a message. */
int rollout_plan_check(const struct rollout_plan *plan, char *err, size_t err_len);

#endif
