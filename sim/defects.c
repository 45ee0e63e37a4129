/* Hidden defects: see defects.h. */
#include "defects.h"

#include <string.h>

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
