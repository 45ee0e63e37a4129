/** The virtual device's own state, shared by port.c and vdev.c. Private. */
#ifndef LINUX_VDEV_STATE_H
#define LINUX_VDEV_STATE_H

#include "agent/self_test.h"
#include "chip.h"
#include "vdev/vdev.h"

struct vdev {
    struct vdev_options options;
    struct vdev_world world; /* zeros: the real thing */
    char *server_url, *enrolment_token;
    struct chip chip;
    struct ot_port port;
    struct ot_facts facts; /* identity, read once from the factory page */

    /* this boot */
    bool is_up;
    unsigned failed_boots; /* in a row */
    int running_slot;
    struct ot_agent agent;
    uint8_t buffer[OT_AGENT_BUFFER_BYTES];
    struct ot_delta *delta; /* apart: its pages cost nothing until a patch is decoded */
    struct ot_agent_patches patches;
    const struct vdev_behaviour *behaviour; /* of the running image */
    uint64_t boot_ms;                       /* real, monotonic */
    struct ot_self_test self_test;
    struct ot_check checks[2];
    uint64_t self_test_ms;   /* device time when it began */
    uint32_t check_failures; /* of the scenario's check so far */
    bool reset_asked;
    uint32_t throttle_ms; /* real time a slow link has earned */

    /* across resets (RTC memory and the world outside) */
    enum ot_reset_reason next_reset;
    uint64_t crash_signature;
    uint32_t boots, polls;
};

/** Fill in v->port and v->facts. */
int vdev_port_init(struct vdev *v, struct error *err);
uint64_t vdev_device_ms(const struct vdev *v);
void vdev_tell(const struct vdev *v, enum vdev_event event, int a, int b);

#endif
