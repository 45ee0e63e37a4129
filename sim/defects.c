/* Hidden defects: see defects.h. */
#include "defects.h"

#include "virtual_unit.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 256u

static const struct defect list[] = {
    {"healthy", "nothing is wrong with it", "[]"},
    {"one_hardware", "crashes every two hours, on hardware revision 2 in one region only",
     "[{\"match\": {\"hw_rev\": [2], \"region\": \"apac\"}, \"does\": \"crash_often\", \"per_day\": 12}]"},
    {"leak", "leaks, and reboots after 20 hours", "[{\"does\": \"crash_after\", \"after_s\": 72000}]"},
    {"lose_network", "loses the network", "[{\"does\": \"lose_network\"}]"},
    {"reconnects", "loses its link twice as often", "[{\"does\": \"drop_link\", \"per_day\": 1}]"},
    {"die", "reports success and dies", "[{\"does\": \"die\"}]"},
    {"heap", "heap floor sinks by 15 %",
     "[{\"metrics\": {\"heap_floor\": {\"value\": 34850, \"spread\": 2000}}}]"},
};
#define COUNT (sizeof list / sizeof list[0])

const struct defect *defect_at(unsigned index)
{
    return index < COUNT ? &list[index] : NULL;
}

const struct defect *defect_by_name(const char *name)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    }
    return NULL;
}

int defect_metrics(struct virtual_scenario *s, struct error *err)
{
    char why[200];
    json_t *metrics = json_pack("{s:{s:i,s:i}}", "heap_floor", "value", 41000, "spread", 2000);
    int result = scenario_read_metrics(metrics, "metrics", &s->reports.metrics, err);
    json_decref(metrics);
    if (result == 0 && rollout_metrics_add(&s->gated, "heap_floor:lower_is_worse", why, sizeof why) != 0)
        return error_set(err, "%s", why);
    return result;
}

static bool is_same_kind(const struct virtual_unit *a, const struct virtual_unit *b)
{
    return a->who.hardware_revision == b->who.hardware_revision &&
           strcmp(virtual_unit_attribute(a, "region"), virtual_unit_attribute(b, "region")) == 0;
}

struct kind {
    struct virtual_unit like;
    uint32_t devices;
};

/* Kinds of an inventory in the order in which they are met; those behind KINDS_MAX are none. */
static uint32_t find_kinds(const struct virtual_scenario *s, struct kind *kinds)
{
    struct virtual_unit u;
    uint32_t count = 0;
    for (uint32_t i = 0; i < virtual_units(s); i++) {
        uint32_t k = 0;
        virtual_unit(s, i, &u);
        while (k < count && !is_same_kind(&kinds[k].like, &u))
            k++;
        if (k == KINDS_MAX)
            continue;
        if (k == count)
            kinds[count++] = (struct kind){.like = u};
        kinds[k].devices++;
    }
    return count;
}

static void put_into_rarest_kind(const struct virtual_scenario *s, struct virtual_behaviour *b)
{
    struct kind *kinds = calloc(KINDS_MAX, sizeof *kinds), *rarest = NULL;
    uint32_t count = kinds != NULL ? find_kinds(s, kinds) : 0, least = virtual_units(s) / 100u;
    for (uint32_t k = 0; k < count; k++) {
        if (kinds[k].devices >= least && (rarest == NULL || kinds[k].devices < rarest->devices))
            rarest = &kinds[k];
    }
    if (rarest != NULL) {
        b->hardware_revisions = (uint64_t)1 << rarest->like.who.hardware_revision;
        snprintf(b->region, sizeof b->region, "%s", virtual_unit_attribute(&rarest->like, "region"));
    }
    free(kinds);
}

int defect_into(const struct defect *d, struct virtual_scenario *scenario, struct error *err)
{
    json_t *behaviours = json_loads(d->behaviours, 0, NULL);
    int result = 0;
    scenario->behaviour_count = 0;
    for (size_t i = 0; result == 0 && i < json_array_size(behaviours); i++) {
        result = virtual_behaviour_read(json_array_get(behaviours, i), &scenario->behaviours[i], err);
        scenario->behaviour_count++;
    }
    json_decref(behaviours);
    if (result == 0 && scenario->inventory != NULL && strcmp(d->name, "one_hardware") == 0)
        put_into_rarest_kind(scenario, &scenario->behaviours[0]);
    return result;
}

int defect_stopped_in(const struct virtual_outcome *o)
{
    int last = -1;
    if (o->state == ROLLOUT_FINISHED)
        return -1;
    for (uint32_t i = 0; i < o->ring_count; i++)
        last = o->rings[i].state != RING_WAITING ? (int)i : last;
    return last;
}

bool defect_got_through(const struct virtual_outcome *o)
{
    uint32_t shares = 0;
    for (uint32_t i = 0; i < o->ring_count; i++) {
        shares += o->rings[i].kind != RING_NAMED;
        if (shares == 2)
            return o->rings[i].state == RING_PASSED;
    }
    return o->state == ROLLOUT_FINISHED;
}

json_t *defect_to_json(const struct defect *d, const struct virtual_outcome *o)
{
    int ring = defect_stopped_in(o);
    json_t *row = virtual_to_json(o);
    json_object_set_new(row, "defect", json_string(d->name));
    json_object_set_new(row, "title", json_string(d->title));
    json_object_set_new(row, "stopped_in", ring >= 0 ? json_string(o->rings[ring].name) : json_null());
    return row;
}
