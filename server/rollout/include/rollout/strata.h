/**
 * Strata: the kinds of device that a fleet is made of, and how each of them gets into every ring of shares.
 *
 * A hash spreads devices evenly, and still leaves a rare kind out of a small ring: of ten devices none is in a ring of
 * 10 % in one fleet of three (0.9^10). So when the hash has spoken, each stratum with fewer than `min` devices in a ring
 * of shares moves its next devices forward into it.
 *
 *     struct strata_device devices[] = {{.u = ring_plan_u(...), .id = "lamp-1", .stratum = 0, .ring = 1}, ...};
 *     strata_place(&plan.rings, 3, devices, count);      devices[i].ring is where it belongs
 *
 * Why it is so, and what it costs: docs/design/rollout.md, "Strata".
 */
#ifndef ROLLOUT_STRATA_H
#define ROLLOUT_STRATA_H

#include "rollout/ring_plan.h"

#define STRATA_ATTRIBUTES_MAX 4u
#define STRATA_ATTRIBUTE_MAX  48u /* as in device messages */
#define STRATA_MIN_DEFAULT    4u  /* four that all fail halt a first ring by themselves: docs/gates.md */
#define STRATA_MIN_MAX        1000u
/** Combinations of values in one rollout: more would be no kinds, but single devices. */
#define STRATA_MAX            256u
/** The stratum of a device that came later, of a kind the rollout did not have. */
#define STRATA_NONE           UINT32_MAX

/** Which attributes make a kind, and how many of each kind a ring of shares must have. */
struct strata_spec {
    uint32_t count; /* 0: all devices are of one kind, and nobody is moved */
    uint32_t min;   /* 1 to STRATA_MIN_MAX when count > 0 */
    char attributes[STRATA_ATTRIBUTES_MAX][STRATA_ATTRIBUTE_MAX + 1]; /* "hw_rev", "chip", or a device's */
};

/** Add one attribute. 0, or -1 with a message naming it. */
int strata_spec_add(struct strata_spec *spec, const char *attribute, char *err, size_t err_len);
/** A minimum that makes sense. 0, or -1 with a message. */
int strata_spec_check(const struct strata_spec *spec, char *err, size_t err_len);

struct strata_device {
    uint64_t u;       /* ring_plan_u() */
    const char *id;   /* decides where two have the same u */
    uint32_t stratum; /* any number: equal is of one kind */
    int32_t ring;     /* in: by ring_plan_place(); -1: in none, and stays so. out: with strata in mind */
    uint32_t index;   /* the caller's; this function sorts the array */
    bool is_moved;    /* out: forward, into a ring before its own */
};

/**
 * Move devices forward until every ring of shares, in order, has `min` of each stratum, or as many as there are behind
 * it. Lowest u first. Devices of named rings stay, and do not count. `rest` takes what is left.
 *
 * The same devices in any order come to the same rings. Sorts `devices` by (stratum, u, id); O(n log n).
 */
void strata_place(const struct ring_plan *plan, uint32_t min, struct strata_device *devices, size_t count);

#endif
