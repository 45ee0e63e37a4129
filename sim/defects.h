/**
 * Releases with a hidden defect: each passes its tests in the house, and shows itself in the field. What a rollout must
 * stop before many devices have it.
 */
#ifndef SIM_DEFECTS_H
#define SIM_DEFECTS_H

#include "virtual.h"

struct defect {
    const char *name;       /* "leak": stable */
    const char *title;      /* for people */
    const char *behaviours; /* of the release, as in a scenario; "[]": none */
};

/** For listing: the `index`-th, NULL behind the last. The first is no defect. */
const struct defect *defect_at(unsigned index);
const struct defect *defect_by_name(const char *name);
/** What devices report, and what of it is gated, so that a metric can be a defect. 0, or -1 with a message. */
int defect_metrics(struct virtual_scenario *scenario, struct error *err);
/**
 * The scenario's behaviours become those of the defect. One that is in one hardware in one region only is put, on an
 * inventory, into the rarest kind there is of at least 1 %. 0, or -1 with a message.
 */
int defect_into(const struct defect *d, struct virtual_scenario *scenario, struct error *err);

/** The ring in which the rollout stopped: the last that was opened; -1: it has finished. */
int defect_stopped_in(const struct virtual_outcome *o);
/** Outcome, defect and the ring in which it stopped. */
json_t *defect_to_json(const struct defect *d, const struct virtual_outcome *o);
/** Did it pass the second ring of shares? The promise is that no defect does. */
bool defect_got_through(const struct virtual_outcome *o);

#endif
