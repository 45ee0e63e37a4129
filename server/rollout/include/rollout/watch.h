/**
 * Health of the devices that run a release beside that of those that wait for it, at the same time: crashes and link
 * losses, each of which tells the e-process of rates (gate.h). Continuous, for the whole rollout.
 *
 * At an event the question is who had it. If the release changes nothing, it was one of the canaries of its stratum with
 * chance w = canaries at risk / all at risk in that stratum when the poll interval began, whoever reports first; a storm
 * that hits everybody leaves w as it is. At risk is who was heard of within three poll intervals and had no such event for
 * a day: a looping device is one device.
 */
#ifndef ROLLOUT_WATCH_H
#define ROLLOUT_WATCH_H

#include "rollout/gate.h"
#include "rollout/metrics.h"

enum watch_metric {
    WATCH_CRASHES = 0,
    WATCH_LINK_LOSSES,
};
#define WATCH_METRICS     2u
/** With fewer controls of its stratum at risk an event is no evidence; absolute limits remain. */
#define WATCH_CONTROL_MIN 30u
/** Strata that are told apart; what is behind them counts as one. */
#define WATCH_STRATA      257u
/** The mean of the metrics' e-values, of all devices and of kinds (rollout_health_log_e()), halts at 1 / WATCH_ALPHA. */
#define WATCH_ALPHA       0.01

/** Whose events they were, of those that are evidence. */
struct watch_counts {
    uint32_t events[WATCH_METRICS];         /* of devices that run the release */
    uint32_t control_events[WATCH_METRICS]; /* of those that wait */
    double expected
        [WATCH_METRICS]; /* so many of all events the former would have had, were they like the others */
};

/** A member in the open window; forgotten by a restart. */
struct watch_place {
    uint8_t side;    /* enum watch_side, when the window was opened */
    uint8_t at_risk; /* bit of each metric */
    uint8_t had;     /* ... of which it has had an event since */
};

enum watch_side {
    WATCH_NEITHER = 0,
    WATCH_CONTROL,
    WATCH_CANARY,
};

struct rollout_watch {
    struct gate_rates rates[WATCH_METRICS];
    struct watch_counts counts;
    uint64_t opened_ms; /* of the open window, one poll interval long; a restart drops it */
};

/** What a device has counted since it was provisioned, and the gated metrics that it reports. */
struct rollout_counters {
    uint32_t of[WATCH_METRICS];
    struct rollout_values values;
};

/** Log of the mean of the metrics' e-values, of all devices. */
double rollout_watch_log_e(const struct rollout_watch *watch);
/** "7 crashes where 0.4 would be expected (12 of the others)": of the metric that says most. */
void rollout_watch_text(const struct rollout_watch *watch, char *text, size_t len);

#endif
