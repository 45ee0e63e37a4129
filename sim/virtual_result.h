/** What a play came to: read off the world at its end. Private to sim/virtual_*.c. */
#ifndef SIM_VIRTUAL_RESULT_H
#define SIM_VIRTUAL_RESULT_H

#include "virtual.h"
#include "virtual_world.h"

/** Everything but the digests. */
int virtual_outcome_of(const struct virtual_world *w, struct virtual_outcome *out, struct error *err);
/** SHA-256 over the rollout's timeline and all that decides about each member, in the order of devices. */
int virtual_digest(const struct fleet_rollout *r, char hex[OT_DIGEST_HEX_BYTES], struct error *err);

#endif
