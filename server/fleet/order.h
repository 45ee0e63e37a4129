/**
 * The devices of a product in the order of their ids: pages of lists and exports. Lock held.
 *
 * A sorted array: a device that is enrolled is put in its place (a move of pointers, at most 8 bytes for each device
 * there is); devices that are loaded at start are sorted once.
 */
#ifndef FLEET_ORDER_H
#define FLEET_ORDER_H

#include "state.h"

/** While the server starts: at the end, sorted by fleet_order_sort() when all are there. */
void fleet_order_append(struct fleet_product *p, struct fleet_device *d);
void fleet_order_sort(struct fleet_product *p);
/** Into its place. */
void fleet_order_insert(struct fleet_product *p, struct fleet_device *d);
/** Where devices behind this id begin in `by_id`, whether there is one of this id or not. */
size_t fleet_order_behind(const struct fleet_product *p, const char *id);

#endif
