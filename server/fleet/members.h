/**
 * Who is in a rollout: the one function behind creation, preview and forecast, so that they cannot differ.
 *
 *     struct fleet_places places;
 *     if (fleet_places(product, release, &plan, &places, &refusal) != 0) return -1;
 *     ... places.list[i].device is in ring places.list[i].ring ...
 *     fleet_places_free(&places);
 *
 * Called with the lock held; changes nothing.
 */
#ifndef FLEET_MEMBERS_H
#define FLEET_MEMBERS_H

#include "filter.h"
#include "fleet.h"

struct fleet_place {
    struct fleet_device *device;
    uint32_t stratum; /* of places.strata; 0 when the plan has no strata */
    uint8_t ring;
    bool is_moved; /* forward, so that its stratum is in that ring */
};

struct fleet_places {
    struct fleet_place *list; /* members, in the order of the product's devices */
    size_t count;
    struct fleet_stratum *strata; /* sorted; none when the plan has no strata */
    uint32_t stratum_count;
    struct query *filter; /* the plan's, read; NULL: everybody */
    uint32_t members[ROLLOUT_RINGS_MAX], moved[ROLLOUT_RINGS_MAX];
    /* devices of the product that are not in it: no image fits, no ring takes them, the filter leaves them out */
    uint32_t unfit, unplaced, filtered;
};

/**
 * Devices, rings and strata of a whole plan (its rings are filled in).
 *
 * @param filter  The plan's, read; NULL: everybody.
 * @return 0, or -1 with a refusal: too many kinds; then `out` is empty.
 */
int fleet_places(const struct fleet_product *p, const struct fleet_release *release,
                 const struct rollout_plan *plan, const struct query *filter, struct fleet_places *out,
                 struct fleet_refusal *refusal);
void fleet_places_free(struct fleet_places *places);

/**
 * All that creation does before it creates: fill in the product's rings and strata, check the plan, find the members,
 * refuse what makes no sense. 0, or -1 with a refusal, and `out` is empty. (rollouts.c)
 */
int fleet_rollout_places(const struct fleet_product *p, const struct fleet_release *release,
                         struct rollout_plan *plan, bool supersede, struct fleet_places *out,
                         struct fleet_refusal *refusal);

/** The attributes that make strata, as a list of names. */
json_t *fleet_strata_to_json(const struct strata_spec *spec);
/** The engine is to tell the rollout's kinds apart: once it has its `strata`. */
void fleet_kinds_use(struct fleet_rollout *r);
void fleet_kinds_free(struct fleet_rollout *r);
/** The values of a device's attributes that make its stratum. */
void fleet_stratum_of(const struct fleet_device *d, const struct strata_spec *spec,
                      struct fleet_stratum *out);
/** The stratum of a device that joins; STRATA_NONE when the rollout has no such kind. */
uint32_t fleet_stratum_find(const struct fleet_rollout *r, const struct fleet_device *d);

#endif
