/** A world under virtual time: a server's fleet and its devices. Private to sim/virtual_*.c. */
#ifndef SIM_VIRTUAL_WORLD_H
#define SIM_VIRTUAL_WORLD_H

#include "fleet/fleet.h"
#include "virtual_scenario.h"
#include "virtual_unit.h"
#include "wheel.h"

/** Where a device is in its update. */
enum virtual_state {
    DEVICE_IDLE = 0,
    DEVICE_STARTING,  /* has the offer, tells that it downloads */
    DEVICE_LOADING,   /* downloads; then it asks whether to switch */
    DEVICE_ASKING,    /* was told to wait */
    DEVICE_SWITCHING, /* reboots into the release */
    DEVICE_PROBATION,
    DEVICE_BACK, /* has fallen back, and tells */
    DEVICE_DEAD,
};

/** A device, as little of it as decides what it tells the server and when. */
struct virtual_device {
    struct fleet_device *record;
    uint64_t attempt;
    uint32_t seq, draws;
    uint32_t crashes, link_losses, boots, booted_s, switched_s;
    uint32_t next_crash_s, next_link_loss_s;
    uint8_t state, link;
    uint8_t behaviour; /* of the release on this device; NO_BEHAVIOUR: healthy */
    bool runs_release, was_offered, has_switched;
};
#define NO_BEHAVIOUR 255u

struct virtual_world {
    const struct virtual_scenario *scenario;
    uint32_t count; /* of devices */
    bool whole;     /* every check-in whole: nothing is skipped */
    struct fleet *fleet;
    struct fleet_product *product;
    struct fleet_release *base, *release;
    struct fleet_rollout *rollout;
    uint32_t now_s;
    uint64_t random; /* the server's chance */
    struct virtual_device *devices;
    uint32_t *due; /* of this second */
    struct wheel wheel;
    struct ot_wire_check_in message;
    uint64_t whole_check_ins, skipped_check_ins;
    struct error err; /* of a check-in that was refused */
};

/** The device's next move; puts it back into the wheel unless it is dead. */
void virtual_device_step(struct virtual_world *w, uint32_t index);
/** From now on, with its first check-in due at `first_s`. */
void virtual_device_begin(struct virtual_world *w, uint32_t index, const struct virtual_unit *u,
                          uint32_t first_s);

#endif
