/* A device as JSON: docs/protocol.md, "Device". */
#include "common.h"

#include "otaria/otadata.h"
#include "otaria/partition.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *json_slot(const struct ot_wire_slot *slot)
{
    char name[8];
    if (!slot->present)
        return json_null();
    return json_pack("{s:s,s:o,s:I,s:s,s:s}", "slot", ot_slot_name(slot->slot, name), "digest",
                     json_digest_of(&slot->digest), "release", (json_int_t)slot->release, "version",
                     slot->version, "state", ot_ota_state_name(slot->state));
}

static json_t *json_health(const struct ot_health *h)
{
    char crash[17];
    snprintf(crash, sizeof crash, "%016" PRIx64, h->crash_signature);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s}", "boots", (json_int_t)h->boots, "panics",
                     (json_int_t)h->panics, "watchdogs", (json_int_t)h->watchdogs, "brownouts",
                     (json_int_t)h->brownouts, "other_resets", (json_int_t)h->other_resets, "link_losses",
                     (json_int_t)h->link_losses, "uptime_s", (json_int_t)h->uptime_s, "last_reset",
                     ot_reset_reason_name(h->last_reset), "crash", crash);
}

static json_t *json_attempt(const struct fleet_membership *at)
{
    char id[32];
    const struct rollout_member *m = &at->rollout->engine.members[at->member];
    const struct fleet_member *x = &at->rollout->members[at->member];
    snprintf(id, sizeof id, "a-%" PRIu64, m->attempt);
    return json_pack(
        "{s:s,s:I,s:s,s:I,s:s,s:s,s:s,s:s,s:I,s:o}", "id", id, "rollout", (json_int_t)at->rollout->engine.id,
        "release", fleet_target(at->rollout, (int)at->member, x->device)->version, "ring",
        (json_int_t)m->ring, "state", attempt_state_name(m->state), "reason", ot_status_wire(m->reason),
        "check", x->check, "way", ot_way_name(x->way), "bytes", (json_int_t)x->bytes, "changed_at",
        x->changed_at_ms != 0 ? json_time(x->changed_at_ms) : json_null());
}

static void add_attempts(json_t *root, const struct fleet_device *d)
{
    json_t *list = json_array();
    for (size_t i = d->membership_count; i > 0; i--) {
        const struct fleet_membership *at = &d->memberships[i - 1];
        if (at->rollout->engine.members[at->member].attempt != 0)
            json_array_append_new(list, json_attempt(at));
    }
    json_object_set_new(root, "attempts", list);
}

static json_t *json_metrics(const struct ot_wire_check_in *f)
{
    json_t *metrics = json_object();
    for (uint8_t i = 0; i < f->metric_count; i++)
        json_object_set_new(metrics, f->metrics[i].name, json_integer((json_int_t)f->metrics[i].value));
    return metrics;
}

json_t *json_device(const struct fleet_device *d, bool with_attempts)
{
    const struct ot_wire_check_in *f = &d->facts;
    json_t *attributes = json_object(), *tags = json_array();
    for (uint8_t i = 0; i < f->attribute_count; i++)
        json_object_set_new(attributes, f->attributes[i].name, json_string(f->attributes[i].value));
    for (uint32_t i = 0; i < d->tag_count; i++)
        json_array_append_new(tags, json_string(d->tags[i]));
    json_t *root = json_pack(
        "{s:s,s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "id", d->id, "product",
        d->product->name, "chip", json_chip(f->chip_id), "hw_rev", (json_int_t)f->hardware_revision,
        "attributes", attributes, "tags", tags, "running", json_slot(&f->running), "other",
        json_slot(&f->other), "bootloader", ot_bootloader_name(f->bootloader), "slot_bytes",
        (json_int_t)f->slot_bytes, "floor", (json_int_t)f->floor, "secure_version",
        (json_int_t)f->secure_version, "keys", json_digests_of(f->keys, f->key_count), "revoked",
        json_digests_of(f->revoked, f->revoked_count), "health", json_health(&f->health), "first_seen",
        json_time(d->enrolled_ms), "last_seen", json_time(d->last_seen_ms));
    json_object_set_new(root, "patch_profile", json_integer(f->patch_profile));
    json_object_set_new(root, "compressed_profile", json_integer(f->compressed_profile));
    json_object_set_new(root, "metrics", json_metrics(f));
    json_object_set_new(root, "polls",
                        json_pack("{s:f,s:f,s:I,s:I}", "gap_s", d->habit.gap_ms / 1000.0, "away_percent",
                                  d->habit.away_ppm / 10000.0, "away_s", (json_int_t)d->habit.away_s,
                                  "away_spread_s", (json_int_t)d->habit.away_spread_s));
    json_add_sync(root, d);
    if (with_attempts)
        add_attempts(root, d);
    return root;
}
