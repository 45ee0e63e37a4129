/* Which answers mean that the device is to run the release now: the desired state of the fleet record. */
#include "rollout/explain.h"

bool rollout_wants(enum rollout_why why)
{
    switch (why) {
    case WHY_UP_TO_DATE:
    case WHY_SOAKING:
    case WHY_JOINS_NEXT:
    case WHY_BOUND_REACHED: /* its ring is open: it waits for others, not for a decision */
    case WHY_OFFERED_NEXT:
    case WHY_OFFERED_AGAIN:
    case WHY_IN_PROGRESS:
    case WHY_PROBATION:
    case WHY_ENDED_BADLY: /* it was wanted, and did not come to be */
    case WHY_RUNS_ANOTHER:
    case WHY_CANNOT_GO_BACK:
        return true;
    case WHY_NEVER_SEEN:
    case WHY_NO_ROLLOUT:
    case WHY_NOT_STARTED:
    case WHY_DOES_NOT_FIT:
    case WHY_SOURCE_TOO_OLD:
    case WHY_SOURCE_TOO_NEW:
    case WHY_NOT_RECALLED:
    case WHY_TRIES_RECALLED:
    case WHY_NO_PLACE:
    case WHY_PAUSED:
    case WHY_HALTED:
    case WHY_HELD:
    case WHY_ABORTED:
    case WHY_RECALLED:
    case WHY_RING_WAITING:
    case WHY_HELD_BACK:
    case WHY_COUNT:
    default:
        return false;
    }
}
