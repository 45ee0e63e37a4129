/** One device to be played: dealt out by the scenario's shares, or read from an inventory. */
#ifndef SIM_VIRTUAL_UNIT_H
#define SIM_VIRTUAL_UNIT_H

#include "virtual_scenario.h"

#define VIRTUAL_TAGS_MAX 16u

struct virtual_unit {
    struct ot_wire_enrol who;           /* id, chip, hardware revision, attributes */
    const char *tags[VIRTUAL_TAGS_MAX]; /* borrowed from the scenario */
    uint32_t tag_count;
};

/** How many there are. */
uint32_t virtual_units(const struct virtual_scenario *s);
/** Device `index`. */
void virtual_unit(const struct virtual_scenario *s, uint32_t index, struct virtual_unit *out);
/** Value of its attribute; "": it has none. */
const char *virtual_unit_attribute(const struct virtual_unit *u, const char *name);
/** Does the behaviour's `match` hold, its share aside? */
bool virtual_unit_matches(const struct virtual_unit *u, const struct virtual_behaviour *b);

/**
 * Read what `otaria device export --format json` has written; the scenario's own fleet is no more. Takes what says who a
 * device is: id, chip, hw_rev, attributes, tags; and what happened to the fleet anyway, from its health counters.
 * 0, or -1 with a message.
 */
int virtual_inventory_load(const char *path, struct virtual_scenario *s, struct error *err);

#endif
