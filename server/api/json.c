/* Resources as JSON: docs/protocol.md, "Operator API". */
#include "common.h"

#include "fleet/evidence.h"
#include "fleet/members.h"
#include "fleet/suits.h"
#include "otaria/chip.h"
#include "otaria/otadata.h"
#include "otaria/partition.h"
#include "rollout/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *json_time(int64_t wall_ms)
{
    char text[40];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

json_t *json_digest_of(const struct ot_digest *d)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(d, hex);
    return json_string(hex);
}

json_t *json_digests_of(const struct ot_digest *list, uint32_t count)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(out, json_digest_of(&list[i]));
    return out;
}

const char *json_chip(uint16_t id)
{
    const struct ot_chip *chip = ot_chip_by_id(id);
    return chip != NULL ? chip->name : "unknown";
}

json_t *json_product(const struct fleet_product *p)
{
    struct fleet_trust trust;
    json_t *rings = json_array(), *believed = json_array();
    fleet_trust_of(p, &trust);
    for (uint32_t i = 0; i < trust.key_count; i++) {
        if (!fleet_trust_revokes(&trust, &trust.keys[i]))
            json_array_append_new(believed, json_digest_of(&trust.keys[i]));
    }
    json_t *revoked = json_digests_of(trust.revoked, trust.revoked_count);
    fleet_trust_free(&trust);
    for (uint32_t i = 0; i < p->rings.count; i++)
        json_array_append_new(rings, json_string(p->rings.rings[i].name));
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:o,s:I,s:I,s:I,s:o}", "name", p->name, "trust", believed,
                     "revoked", revoked, "rings", rings, "strata", fleet_strata_to_json(&p->strata),
                     "strata_min", (json_int_t)p->strata.min, "metrics", fleet_metrics_to_json(&p->metrics),
                     "duty_cycle_s", (json_int_t)p->duty_cycle_s, "devices", (json_int_t)p->device_count,
                     "releases", (json_int_t)p->release_count, "created_at", json_time(p->created_ms));
}

static json_t *json_image(const struct fleet_image *i)
{
    json_t *revisions = json_array();
    for (int r = 0; r < 64 && !i->undescribed; r++) {
        if ((i->hardware_revisions >> r & 1u) != 0)
            json_array_append_new(revisions, json_integer(r));
    }
    return json_pack("{s:o,s:o,s:I,s:s,s:o,s:I,s:I,s:b,s:o}", "digest", json_digest_of(&i->digest), "sha256",
                     json_digest_of(&i->sha256), "bytes", (json_int_t)i->bytes, "chip", json_chip(i->chip_id),
                     "hw_revs", revisions, "floor", (json_int_t)i->floor, "secure_version",
                     (json_int_t)i->secure_version, "undescribed", (int)i->undescribed, "keys",
                     json_digests_of(i->keys, i->key_count));
}

json_t *json_release(const struct fleet_release *r)
{
    json_t *images = json_array();
    for (uint32_t i = 0; i < r->image_count; i++)
        json_array_append_new(images, json_image(&r->images[i]));
    return json_pack("{s:s,s:s,s:I,s:o,s:o}", "product", r->product->name, "version", r->version, "release",
                     (json_int_t)r->number, "created_at", json_time(r->created_ms), "images", images);
}

static json_t *number_or_null(uint32_t number)
{
    return number != 0 ? json_integer((json_int_t)number) : json_null();
}

json_t *json_plan(const struct rollout_plan *p)
{
    json_t *rings = json_array();
    for (uint32_t i = 0; i < p->rings.count; i++)
        json_array_append_new(rings, json_string(p->rings.rings[i].name));
    return json_pack(
        "{s:o,s:I,s:I,s:I,s:I,s:f,s:f,s:I,s:I,s:I,s:s,s:o,s:o,s:o,s:I,s:s,s:o}", "rings", rings, "soak_s",
        (json_int_t)p->soak_s, "in_flight", (json_int_t)p->in_flight, "quorum_percent",
        (json_int_t)p->quorum_percent, "max_failure_percent", (json_int_t)p->max_failure_percent,
        "tolerated_failure_percent", 100.0 * rollout_plan_tolerated(p), "max_crashes_per_device_day",
        (double)p->max_crashes_per_device_day / 100.0, "stale_after_s", (json_int_t)p->stale_after_s,
        "decide_by_s", (json_int_t)rollout_plan_decide_by_s(p), "lease_s", (json_int_t)p->lease_s, "override",
        p->override_reason, "min_source", number_or_null(p->min_source), "max_source",
        number_or_null(p->max_source), "strata", fleet_strata_to_json(&p->strata), "strata_min",
        (json_int_t)p->strata.min, "filter", p->filter, "metrics", fleet_metrics_to_json(&p->metrics));
}

json_t *json_warnings(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX])
{
    char text[200];
    json_t *list = json_array();
    if (rollout_plan_hint(p, text, sizeof text))
        json_array_append_new(list, json_string(text));
    for (uint32_t i = 0; i < p->rings.count; i++) {
        if (rollout_plan_warning(p, members, i, text, sizeof text))
            json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *json_ring(const struct rollout *r, uint32_t ring)
{
    const struct rollout_ring *g = &r->rings[ring];
    json_t *counts = json_object();
    for (unsigned s = ATTEMPT_OFFERED; s < ATTEMPT_STATES; s++) {
        const char *name = attempt_state_name((enum attempt_state)s);
        if (strcmp(name, "unknown") != 0)
            json_object_set_new(counts, name, json_integer((json_int_t)g->counts[s]));
    }
    return json_pack(
        "{s:I,s:s,s:s,s:I,s:o,s:I,s:o,s:I,s:I,s:I,s:o,s:o,s:o}", "index", (json_int_t)ring, "name",
        r->plan.rings.rings[ring].name, "state", ring_state_name(g->state), "members", (json_int_t)g->members,
        "bound", g->bound == UINT32_MAX ? json_null() : json_integer((json_int_t)g->bound), "in_flight",
        (json_int_t)rollout_in_flight(r, ring), "counts", counts, "resolved",
        (json_int_t)rollout_resolved(r, ring), "harmed", (json_int_t)rollout_harmed(r, ring), "soaked",
        (json_int_t)rollout_soaked(r, ring), "floor_percent", fleet_percent(gate_floor(g->members)), "gate",
        fleet_gate_json(r, ring), "gates", fleet_ring_end_json(r, ring));
}

/* Its kinds of device, and how each of them fares in each ring. */
static json_t *json_kinds(const struct fleet_rollout *r)
{
    json_t *list = json_array();
    for (uint32_t s = 0; s < r->stratum_count; s++) {
        json_t *rings = json_array();
        for (uint32_t i = 0; i < r->engine.plan.rings.count; i++)
            json_array_append_new(rings, json_pack("{s:I,s:I}", "resolved",
                                                   (json_int_t)r->engine.strata[s].resolved[i], "harmed",
                                                   (json_int_t)r->engine.strata[s].harmed[i]));
        json_array_append_new(list,
                              json_pack("{s:o,s:o}", "values",
                                        json_stratum(&r->engine.plan.strata, &r->strata[s]), "rings", rings));
    }
    return list;
}

json_t *json_rollout(const struct fleet_rollout *r)
{
    char id[24];
    uint32_t members[ROLLOUT_RINGS_MAX];
    json_t *rings = json_array();
    for (uint32_t i = 0; i < r->engine.plan.rings.count; i++) {
        members[i] = r->engine.rings[i].members;
        json_array_append_new(rings, json_ring(&r->engine, i));
    }
    snprintf(id, sizeof id, "%" PRIu64, r->engine.id);
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", id, "product",
                     r->product->name, "version", r->release->version, "release",
                     (json_int_t)r->release->number, "state", rollout_state_name(r->engine.state), "reason",
                     r->engine.reason, "created_at", json_time(r->created_ms), "plan",
                     json_plan(&r->engine.plan), "transfer", json_transfer(r), "health",
                     fleet_watch_json(&r->engine), "warnings", json_warnings(&r->engine.plan, members),
                     "rings", rings, "strata", json_kinds(r), "recalls",
                     r->recalls != NULL ? json_sprintf("%" PRIu64, r->recalls->engine.id) : json_null());
}
