/**
 * A device as a subject of queries: what its last check-in said, and what the server knows beside it. The server's
 * devices, the simulator's inventory and tests all come through here.
 *
 *     struct query_device d = {.id = "lamp-1", .facts = &facts, .first_seen_ms = ..., .last_seen_ms = ...};
 *     struct query_subject s = query_device(&d);
 */
#ifndef QUERY_DEVICE_H
#define QUERY_DEVICE_H

#include "otaria/wire.h"
#include "query/query.h"

/** Everything is borrowed. */
struct query_device {
    const char *id;
    const struct ot_wire_check_in *facts;
    bool has_checked_in; /* else `facts` holds what enrolment said: chip, hardware revision, attributes */
    uint64_t first_seen_ms, last_seen_ms; /* wall clock */
    /** The `index`-th tag of `tags_of`; NULL behind the last. The function may be NULL: no tags. */
    const char *(*tag_at)(const void *tags_of, unsigned index);
    const void *tags_of;
    /** "yes", "no" or "unknown" of `in_sync_of`, asked only when a filter does; NULL: it has no value. */
    const char *(*in_sync)(const void *in_sync_of);
    const void *in_sync_of;
};

/** Borrows `d`. */
struct query_subject query_device(const struct query_device *d);

#endif
