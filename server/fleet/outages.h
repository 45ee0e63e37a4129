/** When this server answered nobody. Private to server/fleet; what it means: rollout/outage.h. */
#ifndef FLEET_OUTAGES_H
#define FLEET_OUTAGES_H

#include "state.h"

/** After loading: `saved_wall_ms` and `saved_mono_ms` are the two clocks when they were last stored; wall 0: never. */
void fleet_outages_begin(struct fleet *f, int64_t saved_wall_ms, uint64_t saved_mono_ms);
/** A check-in is accepted; call it before the device's own last_seen moves. */
void fleet_outages_answered(struct fleet *f);
/** Server time of the last contact with a device that has an attempt, before the present one is applied; 0: none. */
uint64_t fleet_heard_ms(const struct fleet_device *d);

#endif
