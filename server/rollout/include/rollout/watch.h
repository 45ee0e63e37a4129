/**
 * Health of the devices that run a release beside that of those that wait for it, at the same time: crashes and link
 * losses, each of which tells the e-process of rates (gate.h). Continuous, for the whole rollout.
 *
 * At an event the question is who had it. If the release changes nothing, it was one of the canaries with chance
 * w = canaries at risk / all at risk when the poll interval began, whoever reports first; a storm that hits everybody leaves w as it is. At risk is who was
 * heard of within three poll intervals and had no such event for a day: a looping device is one device.
 */
#ifndef ROLLOUT_WATCH_H
#define ROLLOUT_WATCH_H

#include "rollout/gate.h"

enum watch_metric {
    WATCH_CRASHES = 0,
    WATCH_LINK_LOSSES,
};
#define WATCH_METRICS     2u
/** With fewer controls at risk an event is no evidence; absolute limits remain. */
#define WATCH_CONTROL_MIN 30u
/** The mean of the metrics' e-values halts at 1 / WATCH_ALPHA. */
#define WATCH_ALPHA       0.01

struct rollout_watch {
    struct gate_rates rates[WATCH_METRICS];
    uint32_t events[WATCH_METRICS]; /* of devices that run the release */
    uint32_t control_events[WATCH_METRICS];
    double expected[WATCH_METRICS]; /* so many of all events they would have had, were they like the others */
    /* the open window, one poll interval long: events in it, and who was at risk when it was opened; a restart drops it */
    uint32_t new_events[WATCH_METRICS], new_control_events[WATCH_METRICS];
    uint32_t at_risk[WATCH_METRICS], control_at_risk[WATCH_METRICS];
    uint64_t opened_ms;
};

/** What a device has counted since it was provisioned. */
struct rollout_counters {
    uint32_t of[WATCH_METRICS];
};

/** Log of the mean of the metrics' e-values. */
double rollout_watch_log_e(const struct rollout_watch *watch);
/** "7 crashes where 0.4 would be expected (12 of the others)": of the metric that says most. */
void rollout_watch_text(const struct rollout_watch *watch, char *text, size_t len);

#endif
