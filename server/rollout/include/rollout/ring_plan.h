/**
 * The rings of a plan, in order, and which of them a device belongs to: by name, or by a hash that never changes.
 *
 *     ring_plan_add(&plan, "internal", err, sizeof err);
 *     ring_plan_add(&plan, "10%", err, sizeof err);
 *     ring = ring_plan_place(&plan, ring_plan_u(crypto, seed, "lamp-1"), tags, tag_count);
 */
#ifndef ROLLOUT_RING_PLAN_H
#define ROLLOUT_RING_PLAN_H

#include "otaria/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROLLOUT_RINGS_MAX     8u
#define ROLLOUT_RING_NAME_MAX 31u
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

/** u = SHA-256(seed || device id) / 2^256, by its first 64 bits. */
uint64_t ring_plan_u(const struct ot_crypto *crypto, const uint8_t seed[32], const char *device);
/** Where a device belongs: its ring by tag, else by u; -1 when the plan has no place for it. */
int ring_plan_place(const struct ring_plan *plan, uint64_t u, const char *const *tags, size_t tag_count);

#endif
