/** Desired against reported: what a device is to run now, by the code that makes offers, and whether it does. Lock held. */
#ifndef FLEET_SYNC_H
#define FLEET_SYNC_H

#include "state.h"

struct fleet_sync {
    struct fleet_rollout *rollout;      /* that decides; NULL: none */
    const struct fleet_release *wanted; /* NULL: nothing but what it runs is asked of it */
    enum rollout_why why;
    bool is_known, in_sync; /* not known before its first check-in */
};

struct fleet_sync fleet_sync(const struct fleet_device *d);

#endif
