/**
 * What is played under virtual time: a fleet, what happens to its devices anyway, a release, what that does to which of
 * them, and the plan. docs/scenarios.md, "Virtual time", has every key.
 */
#ifndef SIM_VIRTUAL_SCENARIO_H
#define SIM_VIRTUAL_SCENARIO_H

#include "base/error.h"
#include "otaria/wire.h"
#include "plan.h"
#include "rollout/plan.h"
#include "vdev/scenario.h"

#define VIRTUAL_BEHAVIOURS_MAX 16u
#define VIRTUAL_NAMED_MAX      4u
#define VIRTUAL_CHIP           "esp32c3"
#define VIRTUAL_BASE_VERSION   "1.0.0" /* what the fleet runs before */

/** What the release does to a device. */
enum virtual_does {
    VIRTUAL_HEALTHY = 0,
    VIRTUAL_SELF_TEST_FAILS, /* goes back */
    VIRTUAL_CRASH_AT_ONCE,   /* the bootloader goes back */
    VIRTUAL_CRASH_AFTER,     /* panics so long after each boot */
    VIRTUAL_CRASH_OFTEN,     /* panics so often a day, besides what happens anyway */
    VIRTUAL_LOSE_NETWORK,    /* probation ends without contact: goes back */
    VIRTUAL_DROP_LINK,       /* loses its link so often a day, besides what happens anyway */
    VIRTUAL_DIE,             /* reports success, and is never heard of again */
};

struct virtual_behaviour {
    enum virtual_does does;
    uint32_t after_s;
    double per_s;
    /* match: everything given must hold */
    uint64_t hardware_revisions; /* 0: any */
    char region[PLAN_NAME_MAX + 1], link[PLAN_NAME_MAX + 1];
    uint32_t share;                /* in 1/10000 of those that match, by chance; 0: all */
    struct vdev_behaviour reports; /* its metrics, instead of the fleet's of the same name */
};

struct virtual_scenario {
    struct plan devices;
    json_t *inventory; /* these devices instead: virtual_unit.h; owned; NULL: none */
    uint32_t poll_s, jitter_percent;
    uint32_t days;
    uint32_t start_s; /* the rollout starts then */
    uint32_t tick_s;  /* the server looks at the time so often */
    double crashes_per_s, link_losses_per_s;
    struct {
        uint32_t share; /* in 1/10000 of the devices, */
        uint32_t for_s, every_s;
    } away;
    uint32_t bytes_per_s[PLAN_CHOICES_MAX]; /* of each link */
    struct vdev_scenario reports;           /* the metrics of all */
    struct {
        char ring[ROLLOUT_RING_NAME_MAX + 1];
        uint32_t devices;
    } named[VIRTUAL_NAMED_MAX];
    uint32_t named_count;
    struct strata_spec strata;
    struct rollout_metrics gated;
    struct rollout_plan rollout;
    char version[OT_VERSION_MAX + 1];
    uint32_t bytes;
    uint32_t behaviour_count;
    struct virtual_behaviour behaviours[VIRTUAL_BEHAVIOURS_MAX];
};

/** What a scenario says that does not say anything. */
void virtual_scenario_default(struct virtual_scenario *out);
/** 0, or -1 with a message naming what and where; virtual_scenario_fini() in both cases. */
int virtual_scenario_read(const json_t *root, struct virtual_scenario *out, struct error *err);
int virtual_scenario_load(const char *path, struct virtual_scenario *out, struct error *err);
void virtual_scenario_fini(struct virtual_scenario *s);

/** A plan as the API takes it. 0, or -1 with a message. */
int virtual_plan_read(const json_t *object, struct rollout_plan *out, struct error *err);
/** One behaviour. 0, or -1 with a message. */
int virtual_behaviour_read(const json_t *object, struct virtual_behaviour *out, struct error *err);

#endif
