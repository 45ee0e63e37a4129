/**
 * A virtual ESP32: flash in a file, eFuses, boot step, the real agent, a real HTTPS connection, and firmware that does
 * what the scenario says.
 *
 *     struct vdev *v = vdev_open(&options, &err);
 *     for (;;) {
 *         uint32_t wait_ms;
 *         if (vdev_step(v, &wait_ms) != 0) break;     // nothing boots any more
 *         sleep_ms(wait_ms);
 *     }
 *     vdev_close(v);
 *
 * One vdev belongs to one thread at a time. RAM is lost at each reset: the agent starts anew from flash. The process
 * may be killed at any moment; opening the same flash again is a power-on.
 */
#ifndef VDEV_VDEV_H
#define VDEV_VDEV_H

#include "agent/agent.h"
#include "base/error.h"
#include "base/https.h"
#include "vdev/scenario.h"
#include "vdev/world.h"

#include <stdbool.h>
#include <stdint.h>

struct vdev;

enum vdev_event {
    VDEV_LOADED,  /* slot: the boot step has chosen, the application is about to start */
    VDEV_BOOTED,  /* slot, boot number */
    VDEV_STATE,   /* agent state */
    VDEV_OUTCOME, /* enum ot_event_kind, enum ot_status */
    VDEV_RESET,   /* enum ot_reset_reason */
    VDEV_NOTHING_BOOTS,
    VDEV_NETWORK, /* enum ot_status, HTTP status */
    VDEV_REFUSED, /* enum ot_status */
    VDEV_ACKED,   /* sequence, enum ot_event_kind: the server has said that it has this event */
};

struct vdev_options {
    const char *flash_path;
    const char *server_url;               /* https://host:port */
    const char *enrolment_token;          /* may be NULL when the device is enrolled */
    struct https *https;                  /* borrowed; shared by devices of the same thread */
    const struct vdev_scenario *scenario; /* borrowed */
    const struct vdev_world *world;       /* NULL: flash file, eFuse file, real clock, real network */
    bool rollback, anti_rollback;
    uint8_t attribute_count; /* besides the scenario's */
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
    void (*on_event)(void *ctx, const struct vdev *v, enum vdev_event event, int a, int b); /* may be NULL */
    void *ctx;
};

/** Open the flash and take the options over; strings are copied. NULL with a message. */
struct vdev *vdev_open(const struct vdev_options *options, struct error *err);
void vdev_close(struct vdev *v);
/**
 * A reset out of the blue: RAM is gone, the next vdev_step() boots and is told `reason`. May be called after leaving vdev_step() by longjmp
 * out of a function of the world (that is how a cut within a flash operation is made).
 */
void vdev_cut(struct vdev *v, enum ot_reset_reason reason);
/** Another thread takes over: use this connection from now on. */
void vdev_use_https(struct vdev *v, struct https *https);

/** Boot if needed, then one piece of the device's work. 0, or -1 when nothing boots (an endless reset loop). */
int vdev_step(struct vdev *v, uint32_t *wait_ms);

/** Nothing to do until the next poll: idle, outbox empty, no attempt, no self test owed. */
bool vdev_is_idle(const struct vdev *v);

/** The agent of the present boot; for screens and tests. */
const struct ot_agent *vdev_agent(const struct vdev *v);
const char *vdev_id(const struct vdev *v);
uint8_t vdev_hardware_revision(const struct vdev *v); /* of its factory data */
uint32_t vdev_polls(const struct vdev *v);            /* completed exchanges with the server */
enum ot_reset_reason vdev_last_reset(const struct vdev *v);

#endif
