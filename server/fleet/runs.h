/**
 * What a product's devices run: for each digest how many devices, and which. Kept as check-ins come, so that a count
 * costs nothing. Lock held.
 *
 * A device that has not said what it runs stands nowhere. A digest that nobody runs any more is forgotten: there are
 * never more than devices, whatever devices say.
 */
#ifndef FLEET_RUNS_H
#define FLEET_RUNS_H

#include "state.h"

struct fleet_run {
    struct ot_digest digest;
    size_t devices, patchable;  /* patchable: of them, that take patches of FLEET_PATCH_PROFILE */
    size_t compressible;        /* ... compressed images of it */
    struct fleet_device *first; /* the others: run_next */
};

/** After the facts of a device have changed: it is counted where it belongs now. */
void fleet_runs_note(struct fleet_device *d);
/** NULL: nobody runs it. */
const struct fleet_run *fleet_run_of(const struct fleet_product *p, const struct ot_digest *digest);
/** The most common ones into `list`, `max` at most, most devices first; returns how many. */
size_t fleet_runs_common(const struct fleet_product *p, const struct fleet_run **list, size_t max);
void fleet_runs_free(struct fleet_product *p);

#endif
