/* Desired against reported: what the server wants a device to run now, by the code that decides, and what it said last. */
#include "common.h"

#include "fleet/sync.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *json_desired(const struct fleet_release *wanted, const struct fleet_image *image,
                            const struct fleet_rollout *rollout, enum rollout_why why)
{
    char id[24];
    if (rollout != NULL)
        snprintf(id, sizeof id, "%" PRIu64, rollout->engine.id);
    return json_pack("{s:o,s:o,s:o,s:s?,s:s}", "version",
                     text_or_null(wanted != NULL ? wanted->version : NULL), "release",
                     wanted != NULL ? json_integer((json_int_t)wanted->number) : json_null(), "digest",
                     image != NULL ? json_digest_of(&image->digest) : json_null(), "rollout",
                     rollout != NULL ? id : NULL, "answer", rollout_why_name(why));
}

static json_t *json_reported(const struct fleet_device *d)
{
    const struct ot_wire_slot *running = &d->facts.running;
    if (!d->has_checked_in)
        return json_null();
    return json_pack("{s:o,s:I,s:o,s:o}", "version", text_or_null(running->version), "release",
                     (json_int_t)running->release, "digest", json_digest_of(&running->digest), "at",
                     json_time(d->last_seen_ms));
}

void json_add_sync(json_t *root, const struct fleet_device *d)
{
    struct fleet_sync sync = fleet_sync(d);
    const struct fleet_image *image = sync.wanted != NULL ? fleet_image_for(sync.wanted, &d->facts) : NULL;
    json_object_set_new(root, "desired", json_desired(sync.wanted, image, sync.rollout, sync.why));
    json_object_set_new(root, "reported", json_reported(d));
    json_object_set_new(root, "in_sync", sync.is_known ? json_boolean(sync.in_sync) : json_null());
}
