/**
 * How long will it take? A plan is played before it is carried out: the engine that will decide, devices that come as
 * they are known to come, attempts that take as long as attempts have taken, and nobody harmed. Some runs, each with its own
 * chance; the same input gives the same answer. docs/design/forecast.md.
 *
 *     struct forecast_result out;
 *     rollout_forecast(&(struct forecast_input){.plan = plan, ...}, &out);
 *
 * Called with no lock held: takes memory for the devices of one run, and up to about a tenth of a second.
 */
#ifndef ROLLOUT_FORECAST_H
#define ROLLOUT_FORECAST_H

#include "rollout/habit.h"
#include "rollout/plan.h"

/* Rings of more devices are played by so many of them, which are spread evenly over it. */
#define FORECAST_RING_MAX 1000u
#define FORECAST_RUNS_MAX 21u
#define FORECAST_RUNS_MIN 5u

struct forecast_device {
    uint8_t ring;
    struct poll_habit habit; /* all zero: comes each poll interval and is never away */
    uint64_t unheard_s;      /* now */
    bool runs_it;            /* already: it has only to say so, and to soak */
    bool
        is_barred; /* it is a member, and is not offered it: its running release lies outside the plan's limits */
};

struct forecast_input {
    const struct rollout_plan *plan;
    uint32_t poll_s;
    const struct forecast_device *devices;
    uint32_t count;
    const uint32_t
        *attempt_s; /* how long attempts took, from offer to confirmation, shortest first; one at least */
    uint32_t attempt_count;
    uint64_t seed;
};

/** Over the runs that came to it; when that is less than nine in ten, `p90_s` is FORECAST_NEVER. */
#define FORECAST_NEVER UINT64_MAX
struct forecast_span {
    uint64_t median_s, p90_s;
};

struct forecast_ring {
    uint32_t members;
    struct forecast_span begins, takes; /* from the start of the rollout; from its opening to its passing */
    uint32_t passed;                    /* in so many runs */
};

struct forecast_result {
    uint32_t runs, finished, held, halted; /* the rest was still running after its time */
    struct forecast_ring rings[ROLLOUT_RINGS_MAX];
    struct forecast_span takes; /* the whole rollout, to its last ring's passing */
    char reason[200];           /* of the first run that did not finish */
};

/** 0, or -1 when there is no memory. */
int rollout_forecast(const struct forecast_input *input, struct forecast_result *out);

#endif
