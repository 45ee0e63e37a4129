/**
 * A fleet of virtual devices: real flashes, real agents, real HTTPS, stepped by a few threads.
 */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "base/error.h"
#include "plan.h"
#include "vdev/vdev.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct swarm_options {
    const char *server_url, *ca_file, *enrolment_token;
    const char *state_dir;    /* one flash file per device lives here; reused when it exists */
    const char *scenario_dir; /* template paths in the scenario are relative to it */
    unsigned threads;
    bool json; /* one line per event on `out` */
    FILE *out;
    FILE *ack_log; /* one line per event that the server has acknowledged; NULL: none */
};

struct swarm;

/** Make or reuse every device's flash and open them. NULL with a message. `plan` and `scenario` are borrowed. */
struct swarm *swarm_open(const struct plan *plan, const struct vdev_scenario *scenario,
                         const struct swarm_options *options, struct error *err);
int swarm_start(struct swarm *fleet, struct error *err);
/** Stop all threads; devices may be looked at afterwards. */
void swarm_stop(struct swarm *fleet);
void swarm_close(struct swarm *fleet);

struct swarm_counts {
    unsigned devices, enrolled, idle, updating, probation, dead;
    unsigned confirmed, reverted, failed, other_outcomes, crashes, boots;
};
/** Counted while it runs; each figure by itself is right, together they may be a moment apart. */
struct swarm_counts swarm_count(struct swarm *fleet);

/** After swarm_stop(): what runs where, as a table or as JSON. */
void swarm_print_summary(struct swarm *fleet, FILE *out);
int swarm_write_summary(struct swarm *fleet, const char *path, struct error *err);

#endif
