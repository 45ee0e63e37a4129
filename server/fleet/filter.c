/* Filters over devices: see filter.h. */
#include "filter.h"

#include "query/device.h"
#include "sync.h"

#include <stdio.h>
#include <string.h>

static bool has_attribute(const struct fleet_device *d, const char *name)
{
    for (uint8_t i = 0; i < d->facts.attribute_count; i++) {
        if (strcmp(d->facts.attributes[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Asked once for each bare name that is no field: not worth an index. */
bool fleet_knows_attribute(const struct fleet_product *p, const char *name)
{
    for (size_t i = 0; i < p->device_count; i++) {
        if (has_attribute(p->device_list[i], name))
            return true;
    }
    return false;
}

static bool is_known(const void *of, const char *name)
{
    return fleet_knows_attribute(of, name);
}

int fleet_search_parse(const struct fleet_product *p, const char *text, struct query *out,
                       struct query_error *error)
{
    struct query_attributes attributes = {.of = p, .is_known = is_known};
    return query_parse(text, strlen(text), &attributes, out, error);
}

int fleet_filter_parse(const struct fleet_product *p, const char *text, struct query *out,
                       struct query_error *error)
{
    if (fleet_search_parse(p, text, out, error) != 0)
        return -1;
    const char *at = strstr(text, "in_sync");
    if (!query_asks(out, QUERY_IN_SYNC) || at == NULL)
        return 0;
    error->at = (size_t)(at - text);
    snprintf(error->message, sizeof error->message,
             "at byte %zu: in_sync is for lists of devices: a rollout changes it itself", error->at);
    return -1;
}

static const char *tag_at(const void *of, unsigned index)
{
    const struct fleet_device *d = of;
    return index < d->tag_count ? d->tags[index] : NULL;
}

static uint64_t not_below_0(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms : 0;
}

static const char *in_sync(const void *of)
{
    struct fleet_sync sync = fleet_sync(of);
    return !sync.is_known ? "unknown" : sync.in_sync ? "yes" : "no";
}

static struct query_device subject_of(const struct fleet_device *d)
{
    return (struct query_device){.id = d->id,
                                 .facts = &d->facts,
                                 .has_checked_in = d->has_checked_in,
                                 .first_seen_ms = not_below_0(d->enrolled_ms),
                                 .last_seen_ms = not_below_0(d->last_seen_ms),
                                 .tag_at = tag_at,
                                 .tags_of = d};
}

bool fleet_filter_matches(const struct query *q, const struct fleet_device *d, int64_t wall_ms)
{
    struct query_device device = subject_of(d);
    struct query_subject subject = query_device(&device);
    return query_matches(q, &subject, not_below_0(wall_ms));
}

bool fleet_search_matches(const struct query *q, const struct fleet_device *d, int64_t wall_ms)
{
    struct query_device device = subject_of(d);
    device.in_sync = in_sync; /* asks the rollouts, which ask fleet_filter_matches() */
    device.in_sync_of = d;
    struct query_subject subject = query_device(&device);
    return query_matches(q, &subject, not_below_0(wall_ms));
}
