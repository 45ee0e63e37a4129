/**
 * Ring plans: what a rollout was asked to do, checked before anything starts.
 */
#ifndef ROLLOUT_PLAN_H
#define ROLLOUT_PLAN_H

#include "otaria/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROLLOUT_RINGS_MAX     8u
#define ROLLOUT_RING_NAME_MAX 31u
#define ROLLOUT_OVERRIDE_MAX  160u
#define ROLLOUT_SHARE_WHOLE   10000u /* shares are in 1/10000 */

enum ring_kind {
    RING_NAMED = 0, /* devices tagged with the ring's name */
    RING_SHARE = 1, /* a share of the others, by stable hash */
    RING_REST = 2,  /* everybody left */
};

struct ring_spec {
    enum ring_kind kind;
    char name[ROLLOUT_RING_NAME_MAX + 1]; /* "internal", "10%", "rest" */
    uint32_t share;                       /* RING_SHARE: 1/10000 */
};

struct ring_plan {
    uint32_t count;
    struct ring_spec rings[ROLLOUT_RINGS_MAX];
};

/** Add one ring written as "internal", "10%", "2.5%" or "rest". 0, or -1 with a message naming the ring. */
int ring_plan_add(struct ring_plan *plan, const char *text, char *err, size_t err_len);
/** At least one ring, shares at most 100 %, `rest` only last, names once. 0, or -1 with a message. */
int ring_plan_check(const struct ring_plan *plan, char *err, size_t err_len);

/** Where a device belongs: its ring by tag, else by hash; -1 when the plan has no place for it. */
int ring_plan_place(const struct ring_plan *plan, const struct ot_crypto *crypto, const uint8_t seed[32],
                    const char *device, const char *const *tags, size_t tag_count);

struct rollout_plan {
    struct ring_plan rings;
    uint32_t soak_s;
    uint32_t in_flight; /* bound to begin with, doubling; ring of named devices: all at once */
    uint32_t quorum_percent;
    uint32_t max_failure_percent; /* upper bound of harmed: more lets no ring pass; 100: no limit */
    uint32_t tolerated_failure;   /* in 1/100 %; beyond it a ring halts; 0: a fifth of max_failure_percent */
    uint32_t max_crashes_per_device_day; /* of devices that run the release; in 1/100 */
    uint32_t stale_after_s;              /* silence after `switching` for this long is failure */
    uint32_t decide_by_s; /* a ring open for longer is held; 0: as rollout_plan_decide_by_s() has it */
    uint32_t lease_s;     /* an offer not taken up for this long is withdrawn */
    bool
        limit_is_chosen; /* max_failure_percent is an operator's, not the default: then it must be reachable */
    char override_reason
        [ROLLOUT_OVERRIDE_MAX]; /* why this plan is right although it would be refused; or "" */
};

struct rollout_plan rollout_plan_default(void);
/** Seconds after which an open ring is held. When not chosen: a week, and four times what soak and silence take. */
uint32_t rollout_plan_decide_by_s(const struct rollout_plan *plan);
/** The failure rate that halts nothing, as a part of one. 1 when there is no limit. */
double rollout_plan_tolerated(const struct rollout_plan *plan);
/** A limit that somebody chose must be one that some ring can show: `members` of each. 0, or -1 with a message. */
int rollout_plan_check_reach(const struct rollout_plan *plan, const uint32_t members[ROLLOUT_RINGS_MAX],
                             char *err, size_t err_len);
/** Limits that make sense together. 0, or -1 with a message. */
int rollout_plan_check(const struct rollout_plan *plan, char *err, size_t err_len);

#endif
