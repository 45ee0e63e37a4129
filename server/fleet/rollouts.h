/** What the makers of rollouts share. Private to server/fleet; with the lock held. */
#ifndef FLEET_ROLLOUTS_H
#define FLEET_ROLLOUTS_H

#include "fleet.h"

/** A rollout without members, of which nobody knows yet. */
struct fleet_rollout *fleet_rollout_new(struct fleet *f, struct fleet_product *p,
                                        const struct fleet_release *release, const struct rollout_plan *plan);
/** It has its members: into the product and the batch, with what its timeline begins with. */
void fleet_rollout_add(struct fleet *f, const char *who, struct fleet_rollout *r, const char *text,
                       struct store_batch *batch);
/** A newer one that decides about the devices of this one; NULL: this one does. */
const struct fleet_rollout *fleet_newer_rollout(const struct fleet_rollout *r);

#endif
