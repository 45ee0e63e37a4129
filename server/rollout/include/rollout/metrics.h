/**
 * Which of the numbers that devices report decide about a release: a product's setting, frozen into each rollout's plan.
 *
 *     rollout_metrics_add(&metrics, "heap_floor:lower_is_worse", err, sizeof err)
 *     rollout_metrics_add(&metrics, "boot_ms:higher_is_worse:20%", err, sizeof err)
 *
 * A release may change a number a little without doing harm: up to `tolerated` of what the control's devices have in the
 * middle (5 % unless chosen) is not held against it.
 */
#ifndef ROLLOUT_METRICS_H
#define ROLLOUT_METRICS_H

#include "otaria/wire.h"

/** Few, and each worth a halt: every further one makes all of them less sensitive. */
#define ROLLOUT_METRICS_MAX       4u
#define ROLLOUT_METRIC_TOLERATED  500u /* 1/100 % */
#define ROLLOUT_METRIC_TEXT_BYTES 64u

struct rollout_metric {
    char name[OT_METRIC_NAME_MAX + 1];
    bool higher_is_worse;
    uint32_t tolerated; /* 1/100 %, up to 10000 */
};

struct rollout_metrics {
    uint32_t count;
    struct rollout_metric list[ROLLOUT_METRICS_MAX];
};

/** Add one, written NAME:lower_is_worse[:N%] or NAME:higher_is_worse[:N%]. 0, or -1 with a message naming it. */
int rollout_metrics_add(struct rollout_metrics *metrics, const char *text, char *err, size_t err_len);
/** The same text again. */
void rollout_metric_text(const struct rollout_metric *metric, char text[ROLLOUT_METRIC_TEXT_BYTES]);

/** What a device reported of them last: bit i of `known` says that it reported number i. */
struct rollout_values {
    uint8_t known;
    int64_t of[ROLLOUT_METRICS_MAX];
};
/** Pick them out of a check-in. */
struct rollout_values rollout_metrics_values(const struct rollout_metrics *metrics,
                                             const struct ot_wire_metric *reported, uint32_t count);

#endif
