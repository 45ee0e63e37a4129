/**
 * The devices of a product in the order of their ids: pages of lists and exports. Lock held.
 *
 * A sorted array with a tail of newcomers, which are put in their places when somebody asks: a fleet that enrols pays
 * nothing for lists that nobody reads.
 */
#ifndef FLEET_ORDER_H
#define FLEET_ORDER_H

#include "state.h"

/** A device that is new in `d->product`. */
void fleet_order_add(struct fleet_device *d);
/** Where devices behind this id begin in `p->ordered`, whether there is one of this id or not. Sorts first. */
size_t fleet_order_behind(struct fleet_product *p, const char *id);

#endif
