/* A rollout that is not created: its devices by ring and kind. */
#include "ask.h"

#include "fleet/members.h"
#include "rollout/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_USUAL 1000
#define PAGE_MAX   20000 /* each page finds all members anew */

static json_t *json_preview_ring(const struct rollout_plan *plan, const struct fleet_places *places,
                                 uint32_t ring)
{
    double floor = gate_floor(places->members[ring]);
    return json_pack("{s:I,s:s,s:I,s:I,s:f}", "index", (json_int_t)ring, "name", plan->rings.rings[ring].name,
                     "members", (json_int_t)places->members[ring], "moved", (json_int_t)places->moved[ring],
                     "floor_percent", round(floor * 10000) / 100);
}

json_t *json_stratum(const struct strata_spec *spec, const struct fleet_stratum *stratum)
{
    json_t *values = json_object();
    for (uint32_t i = 0; i < spec->count; i++)
        json_object_set_new(values, spec->attributes[i], json_string(stratum->values[i]));
    return values;
}

struct tally {
    uint32_t members[ROLLOUT_RINGS_MAX], moved[ROLLOUT_RINGS_MAX];
};

static json_t *json_tally(const struct tally *t, uint32_t rings)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < rings; i++)
        json_array_append_new(list, json_pack("{s:I,s:I}", "members", (json_int_t)t->members[i], "moved",
                                              (json_int_t)t->moved[i]));
    return list;
}

static json_t *json_strata(const struct rollout_plan *plan, const struct fleet_places *places)
{
    json_t *list = json_array();
    struct tally *tallies = fleet_need(calloc(places->stratum_count + 1, sizeof *tallies));
    for (size_t i = 0; i < places->count; i++) {
        const struct fleet_place *at = &places->list[i];
        tallies[at->stratum].members[at->ring]++;
        tallies[at->stratum].moved[at->ring] += at->is_moved;
    }
    for (uint32_t s = 0; s < places->stratum_count; s++)
        json_array_append_new(list, json_pack("{s:o,s:o}", "values",
                                              json_stratum(&plan->strata, &places->strata[s]), "rings",
                                              json_tally(&tallies[s], plan->rings.count)));
    free(tallies);
    return list;
}

/* One page of members, in the order of the product's devices. */
static void add_devices(json_t *root, const struct http_request *req, const struct rollout_plan *plan,
                        const struct fleet_places *places)
{
    const char *after = http_query(req, "after"), *limit_text = http_query(req, "limit");
    long limit = limit_text != NULL ? strtol(limit_text, NULL, 10) : PAGE_USUAL;
    json_t *list = json_array(), *next = json_null();
    size_t from = 0;
    if (limit < 1 || limit > PAGE_MAX)
        limit = PAGE_USUAL;
    for (size_t i = 0; after != NULL && i < places->count; i++) {
        if (strcmp(places->list[i].device->id, after) == 0)
            from = i + 1;
    }
    for (size_t i = from; i < places->count && json_array_size(list) < (size_t)limit; i++) {
        const struct fleet_place *at = &places->list[i];
        json_t *device = json_pack("{s:s,s:I,s:b}", "id", at->device->id, "ring", (json_int_t)at->ring,
                                   "moved", (int)at->is_moved);
        if (places->stratum_count > 0)
            json_object_set_new(device, "stratum", json_stratum(&plan->strata, &places->strata[at->stratum]));
        json_array_append_new(list, device);
        if (json_array_size(list) == (size_t)limit && i + 1 < places->count)
            next = json_string(at->device->id);
    }
    json_object_set_new(root, "devices", list);
    json_object_set_new(root, "next", next);
}

static json_t *json_preview(const struct http_request *req, const struct api_ask *ask,
                            const struct fleet_places *places)
{
    json_t *rings = json_array();
    for (uint32_t i = 0; i < ask->plan.rings.count; i++)
        json_array_append_new(rings, json_preview_ring(&ask->plan, places, i));
    json_t *root =
        json_pack("{s:s,s:s,s:I,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "product", ask->product->name, "version",
                  ask->release->version, "release", (json_int_t)ask->release->number, "plan",
                  json_plan(&ask->plan), "members", (json_int_t)places->count, "unfit",
                  (json_int_t)places->unfit, "unplaced", (json_int_t)places->unplaced, "filtered",
                  (json_int_t)places->filtered, "warnings", json_warnings(&ask->plan, places->members),
                  "rings", rings, "strata", json_strata(&ask->plan, places));
    if (http_query(req, "devices") != NULL)
        add_devices(root, req, &ask->plan, places);
    return root;
}

void api_preview(struct api *api, struct http_request *req, struct api_ask *ask)
{
    struct fleet_places places;
    struct fleet_refusal refusal;
    fleet_lock(api->fleet);
    if (fleet_rollout_places(ask->product, ask->release, &ask->plan, ask->supersede, &places, &refusal) !=
        0) {
        fleet_unlock(api->fleet);
        api_refuse(req, &refusal);
        return;
    }
    json_t *preview = json_preview(req, ask, &places);
    fleet_unlock(api->fleet);
    fleet_places_free(&places);
    api_reply(req, 200, preview);
}
