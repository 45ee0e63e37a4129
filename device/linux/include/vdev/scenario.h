/**
 * What firmware "does" on a virtual device is the scenario's: any real ESP32 image can be rolled out, and the scenario
 * says whether it is healthy, crashes, hangs or loses the network, by release and by device.
 *
 *     {"poll_s": 2, "self_test_s": 0, "speed": 1,
 *      "attributes": {"region": "eu"},
 *      "behaviours": [{"match": {"version": "1.2.0", "hw_rev": [2], "attributes": {"region": "eu"}},
 *                      "does": "crash_after", "after_s": 30, "crash": "00000000deadbeef"}]}
 *
 * "metrics": {"heap_floor": 41000, "boot_ms": {"value": 900, "spread": 100}} is what the application reports; a behaviour
 * has its own, which take the place of those of the same name.
 *
 * `does`: healthy, self_test_fails, crash_at_once, crash_after, hang, lose_network, slow (with "bytes_per_s").
 * The first behaviour that matches counts. Unknown keys are refused by name. docs/scenarios.md has the whole page.
 */
#ifndef VDEV_SCENARIO_H
#define VDEV_SCENARIO_H

#include "base/error.h"
#include "otaria/wire.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum vdev_does {
    VDEV_HEALTHY = 0,
    VDEV_SELF_TEST_FAILS,
    VDEV_CRASH_AT_ONCE,
    VDEV_CRASH_AFTER,
    VDEV_HANG,
    VDEV_LOSE_NETWORK,
    VDEV_SLOW,
};

/** A number the application reports: `value`, and up to `spread` more or less, by device, always the same. */
struct vdev_metric {
    char name[OT_METRIC_NAME_MAX + 1];
    int64_t value, spread;
};

struct vdev_metrics {
    uint8_t count;
    struct vdev_metric list[OT_WIRE_METRICS_MAX];
};

struct vdev_behaviour {
    enum vdev_does does;
    uint32_t after_s;                  /* crash_after: device seconds after boot */
    uint32_t bytes_per_s;              /* slow */
    char check[OT_CHECK_NAME_MAX + 1]; /* self_test_fails: the check that does; "" = "self_test" */
    uint32_t fails;                    /* ... only the first so many tries; 0: every one */
    bool optional;                     /* ... and it is not required */
    uint64_t crash_signature;
    struct vdev_metrics metrics; /* instead of the scenario's of the same name */
    /* match: everything given must hold */
    char version[OT_VERSION_MAX + 1]; /* "" = any */
    uint32_t release;                 /* 0 = any */
    bool has_digest;
    struct ot_digest digest;
    uint64_t hardware_revisions; /* bitmap; 0 = any */
    uint8_t attribute_count;
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
};

struct vdev_scenario {
    uint32_t poll_s;               /* until the server says otherwise; 0: 60 */
    uint32_t self_test_s;          /* how long a self test takes */
    uint32_t self_test_deadline_s; /* 0: the agent's default */
    uint32_t probation_min_s;      /* no confirm before the image has run so long */
    uint32_t check_retries;        /* further tries of a failed check */
    uint32_t watchdog_s;           /* a hung device is reset after this long; 0: 9 */
    bool patches_stream;           /* never stored in the slot, though there is room */
    uint32_t speed;                /* device seconds per real second; 0: 1 */
    uint8_t attribute_count;
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
    struct vdev_metrics metrics;
    unsigned behaviour_count;
    struct vdev_behaviour *behaviours; /* owned */
};

/**
 * Read a scenario. Keys named in `others` (NULL-terminated; may be NULL) belong to somebody else and are passed over.
 * @return 0, or -1 with a message naming what and where; scenario_fini() in both cases.
 */
int scenario_read(const json_t *root, const char *const *others, struct vdev_scenario *out,
                  struct error *err);
int scenario_load(const char *path, struct vdev_scenario *out, struct error *err);
void scenario_fini(struct vdev_scenario *scenario);
/** The `metrics` of a scenario or a behaviour; `where` names the object in messages. 0, or -1 with a message. */
int scenario_read_metrics(const json_t *v, const char *where, struct vdev_metrics *out, struct error *err);

/** What a device does with this running image. */
const struct vdev_behaviour *scenario_behaviour(const struct vdev_scenario *scenario,
                                                const struct ot_wire_slot *running, uint8_t hardware_revision,
                                                const struct ot_wire_attribute *attributes,
                                                uint8_t attribute_count);

/** What the application of this device reports with this behaviour (may be NULL); returns how many. */
uint32_t scenario_metrics(const struct vdev_scenario *scenario, const struct vdev_behaviour *behaviour,
                          const char *device, struct ot_wire_metric list[OT_WIRE_METRICS_MAX]);

#endif
