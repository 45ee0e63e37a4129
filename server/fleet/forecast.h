/**
 * What a rollout would cost and how long it would take, before it is one: devices, bytes and links by ring, and what the
 * play of a plan (rollout/forecast.h) needs to know.
 *
 *     fleet_forecast_gather(product, &plan, release, &places, &forecast);     with the lock held
 *     rollout_forecast(&forecast.input, &result);                             without it
 *     fleet_forecast_free(&forecast);
 */
#ifndef FLEET_FORECAST_H
#define FLEET_FORECAST_H

#include "members.h"
#include "rollout/forecast.h"

#define FLEET_LINKS_MAX 16u /* more values of the attribute "link" are counted as "other" */
#define FLEET_ATTEMPTS  2000u
#define FLEET_ATTEMPT_S 600u /* how long an attempt is taken to last when none has been seen */

struct fleet_link_bytes {
    char link[OT_ATTRIBUTE_MAX + 1]; /* "": the devices have not said */
    uint32_t devices;
    uint64_t bytes;
};

struct fleet_forecast_ring {
    uint32_t by_patch, by_compressed, by_image, runs_it; /* devices */
    uint32_t too_old, too_new;  /* members that are not offered it as they are: min_source, max_source */
    uint64_t bytes, full_bytes; /* that will be sent; if all took images */
    struct fleet_link_bytes links[FLEET_LINKS_MAX];
    uint32_t link_count;
};

struct fleet_forecast {
    struct forecast_input input; /* points into this struct and to the plan */
    struct forecast_device *devices;
    uint32_t attempt_s[FLEET_ATTEMPTS];
    uint32_t attempts_seen;
    uint32_t away; /* members that have not been heard of for three polls */
    struct fleet_forecast_ring rings[ROLLOUT_RINGS_MAX];
};

/** `places` are the members by the plan, which must outlive `out`. */
void fleet_forecast_gather(const struct fleet *f, const struct fleet_product *p,
                           const struct rollout_plan *plan, const struct fleet_release *release,
                           const struct fleet_places *places, struct fleet_forecast *out);
void fleet_forecast_free(struct fleet_forecast *forecast);

#endif
