/**
 * Filters over the devices of a product: server/query with the server's devices as subjects. Lock held.
 *
 *     struct query q;
 *     struct query_error e;
 *     if (fleet_filter_parse(product, text, &q, &e) == 0)
 *         ... fleet_filter_matches(&q, device, fleet_wall_ms(fleet))
 */
#ifndef FLEET_FILTER_H
#define FLEET_FILTER_H

#include "query/query.h"
#include "state.h"

/** query_parse() for this product: its devices' attributes may be named bare. 0, or -1 with `*error`. */
int fleet_search_parse(const struct fleet_product *p, const char *text, struct query *out,
                       struct query_error *error);
/** The same for what decides about rollouts: it may not ask what they bring about (`in_sync`). */
int fleet_filter_parse(const struct fleet_product *p, const char *text, struct query *out,
                       struct query_error *error);
/** Has any device of the product reported an attribute of this name? */
bool fleet_knows_attribute(const struct fleet_product *p, const char *name);
/** For lists and exports: knows `in_sync`. */
bool fleet_search_matches(const struct query *q, const struct fleet_device *d, int64_t wall_ms);
bool fleet_filter_matches(const struct query *q, const struct fleet_device *d, int64_t wall_ms);

#endif
