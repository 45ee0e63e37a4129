/* Desired against reported: see sync.h. */
#include "sync.h"

struct fleet_sync fleet_sync(const struct fleet_device *d)
{
    struct fleet_sync sync = {.is_known = d->has_checked_in};
    struct rollout_situation s = fleet_situation(d, &sync.rollout);
    sync.why = rollout_decide(&s);
    if (sync.rollout != NULL && rollout_wants(sync.why))
        sync.wanted = fleet_target(sync.rollout, s.member, d);
    sync.in_sync = sync.is_known && (sync.wanted == NULL || s.runs_release);
    return sync;
}
