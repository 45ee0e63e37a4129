/* From rows to structs. A row that makes no sense stops the start: better no decisions than wrong ones. */
#include "load.h"

#include "filter.h"
#include "history.h"
#include "members.h"
#include "outages.h"

#include "order.h"
#include "patches.h"
#include "runs.h"

#include "otaria/chip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    struct fleet *f;
    int64_t saved_wall_ms; /* with mono_ms */
    uint64_t saved_mono_ms;
    char problem[200];
};

static void problem(struct loading *l, const char *what, const char *which)
{
    if (l->problem[0] == '\0')
        snprintf(l->problem, sizeof l->problem, "database: %s %.60s makes no sense", what, which);
}

/* --- text columns --- */

char *fleet_rings_to_text(const struct ring_plan *rings)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < rings->count; i++)
        json_array_append_new(list, json_string(rings->rings[i].name));
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

static int rings_from_json(const json_t *list, struct ring_plan *out)
{
    char err[200];
    *out = (struct ring_plan){0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || ring_plan_add(out, name, err, sizeof err) != 0)
            return -1;
    }
    return ring_plan_check(out, err, sizeof err);
}

char *fleet_digests_to_text(const struct ot_digest *digests, uint32_t count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        ot_digest_to_hex(&digests[i], hex);
        json_array_append_new(list, json_string(hex));
    }
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

static int digests_from_text(const char *text, struct ot_digest *out, uint32_t max, uint32_t *count)
{
    json_t *list = json_loads(text, 0, NULL);
    int bad = !json_is_array(list) || json_array_size(list) > max;
    *count = bad ? 0 : (uint32_t)json_array_size(list);
    for (uint32_t i = 0; !bad && i < *count; i++) {
        const char *hex = json_string_value(json_array_get(list, i));
        bad = hex == NULL || ot_digest_from_hex(hex, strlen(hex), &out[i]) != OT_OK;
    }
    json_decref(list);
    return bad ? -1 : 0;
}

char *fleet_plan_to_text(const struct rollout_plan *plan)
{
    char *rings_text = fleet_rings_to_text(&plan->rings);
    json_t *root = json_pack(
        "{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o,s:I,s:I,s:I,s:s,s:o,s:I}", "rings",
        json_loads(rings_text, 0, NULL), "soak_s", (json_int_t)plan->soak_s, "in_flight",
        (json_int_t)plan->in_flight, "quorum_percent", (json_int_t)plan->quorum_percent,
        "max_failure_percent", (json_int_t)plan->max_failure_percent, "max_crashes_per_device_day",
        (json_int_t)plan->max_crashes_per_device_day, "stale_after_s", (json_int_t)plan->stale_after_s,
        "lease_s", (json_int_t)plan->lease_s, "decide_by_s", (json_int_t)plan->decide_by_s,
        "tolerated_failure", (json_int_t)plan->tolerated_failure, "override", plan->override_reason, "strata",
        fleet_strata_to_json(&plan->strata), "strata_min", (json_int_t)plan->strata.min, "min_source",
        (json_int_t)plan->min_source, "max_source", (json_int_t)plan->max_source, "filter", plan->filter,
        "metrics", fleet_metrics_to_json(&plan->metrics), "duty_cycle_s", (json_int_t)plan->duty_cycle_s);
    char *text = fleet_need(json_dumps(root, JSON_COMPACT));
    json_decref(root);
    free(rings_text);
    return text;
}

static uint32_t plan_number(const json_t *root, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(root, key));
}

static int plan_from_text(const char *text, struct rollout_plan *out)
{
    char err[200];
    json_t *root = json_loads(text, 0, NULL);
    int bad = rings_from_json(json_object_get(root, "rings"), &out->rings);
    out->soak_s = plan_number(root, "soak_s");
    out->in_flight = plan_number(root, "in_flight");
    out->quorum_percent = plan_number(root, "quorum_percent");
    out->max_failure_percent = plan_number(root, "max_failure_percent");
    out->max_crashes_per_device_day = plan_number(root, "max_crashes_per_device_day");
    out->stale_after_s = plan_number(root, "stale_after_s");
    out->lease_s = plan_number(root, "lease_s");
    out->duty_cycle_s = plan_number(root, "duty_cycle_s");
    out->decide_by_s =
        plan_number(root, "decide_by_s"); /* this and what follows: not in plans of older servers */
    out->tolerated_failure = plan_number(root, "tolerated_failure");
    out->min_source = plan_number(root, "min_source");
    out->max_source = plan_number(root, "max_source");
    const char *override = json_string_value(json_object_get(root, "override"));
    snprintf(out->override_reason, sizeof out->override_reason, "%s", override != NULL ? override : "");
    const char *filter = json_string_value(json_object_get(root, "filter"));
    snprintf(out->filter, sizeof out->filter, "%s", filter != NULL ? filter : "");
    if (fleet_strata_from_json(json_object_get(root, "strata"), plan_number(root, "strata_min"),
                               &out->strata) != 0)
        bad = -1;
    if (fleet_metrics_from_json(json_object_get(root, "metrics"), &out->metrics) != 0)
        bad = -1;
    json_decref(root);
    return bad != 0 ? bad : rollout_plan_check(out, err, sizeof err);
}

/* --- rows --- */

static void on_meta(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    if (strcmp(store_text(row, 0), "mono_ms") == 0)
        l->f->base_ms = l->saved_mono_ms = (uint64_t)store_int(row, 1);
    else if (strcmp(store_text(row, 0), "wall_ms") == 0)
        l->saved_wall_ms = store_int(row, 1);
}

static void on_product(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_product *p = fleet_need(calloc(1, sizeof *p));
    p->fleet = l->f;
    snprintf(p->name, sizeof p->name, "%s", store_text(row, 0));
    p->seed = store_digest(row, 1);
    json_t *rings = json_loads(store_text(row, 2), 0, NULL);
    if (rings_from_json(rings, &p->rings) != 0 ||
        digests_from_text(store_text(row, 3), p->trust, FLEET_TRUST_MAX, &p->trust_count) != 0)
        problem(l, "product", p->name);
    json_decref(rings);
    json_t *strata = json_loads(store_text(row, 5), 0, NULL);
    if (!json_is_array(strata) || fleet_strata_from_json(strata, store_int(row, 6), &p->strata) != 0)
        problem(l, "strata of product", p->name);
    json_decref(strata);
    json_t *metrics = json_loads(store_text(row, 7), 0, NULL);
    if (!json_is_array(metrics) || fleet_metrics_from_json(metrics, &p->metrics) != 0)
        problem(l, "metrics of product", p->name);
    json_decref(metrics);
    p->duty_cycle_s = (uint32_t)store_int(row, 8);
    p->created_ms = store_int(row, 4);
    strmap_put(&l->f->product_map, p->name, p);
    fleet_append((void ***)&l->f->products, &l->f->product_count, p);
}

void fleet_link_token(struct fleet *f, struct fleet_token *t)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&t->sha256, hex);
    strmap_put(&f->tokens, hex, t);
    f->next_token++;
}

static void on_token(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_token *t = fleet_need(calloc(1, sizeof *t));
    snprintf(t->id, sizeof t->id, "%s", store_text(row, 0));
    t->sha256 = store_digest(row, 1);
    t->role = fleet_role_from_name(store_text(row, 2));
    const char *product = store_text(row, 3);
    t->product = product[0] != '\0' ? fleet_product(l->f, product) : NULL;
    if (t->role == ROLE_NONE || (product[0] != '\0' && t->product == NULL))
        problem(l, "token", t->id);
    t->uses = store_int(row, 4);
    t->expires_s = store_int(row, 5);
    fleet_link_token(l->f, t);
}

void fleet_link_device(struct fleet *f, struct fleet_device *d)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&d->token, hex);
    strmap_put(&f->device_tokens, hex, d);
    strmap_put(&d->product->devices, d->id, d);
    fleet_append((void ***)&d->product->device_list, &d->product->device_count, d);
    if (d->num >= f->next_device)
        f->next_device = d->num + 1;
}

static void on_device(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_device *d = fleet_need(calloc(1, sizeof *d));
    const char *facts = store_text(row, 7);
    d->num = store_int(row, 0);
    d->product = fleet_product(l->f, store_text(row, 1));
    snprintf(d->id, sizeof d->id, "%s", store_text(row, 2));
    d->token = store_digest(row, 3);
    d->enrolled_ms = store_int(row, 4);
    d->last_seen_ms = store_int(row, 5);
    d->seq = (uint32_t)store_int(row, 6);
    d->habit = (struct poll_habit){.gap_ms = (uint32_t)store_int(row, 8),
                                   .away_ppm = (uint32_t)store_int(row, 9),
                                   .away_s = (uint32_t)store_int(row, 10),
                                   .away_spread_s = (uint32_t)store_int(row, 11)};
    d->has_checked_in = ot_wire_check_in_read(facts, strlen(facts), &d->facts, NULL) == OT_OK &&
                        d->facts.running.present && !ot_digest_is_zero(&d->facts.running.digest);
    if (d->product == NULL) {
        problem(l, "device", d->id);
        free(d);
        return;
    }
    fleet_link_device(l->f, d);
    d->history_rows = HISTORY_CLEAR_AT - 1; /* nobody knows when it was cleared */
    fleet_order_add(d);
    fleet_runs_note(d);
}

static struct fleet_device *device_by_num(const struct fleet *f, int64_t num)
{
    for (size_t p = 0; p < f->product_count; p++) {
        struct fleet_product *product = f->products[p];
        size_t low = 0, high = product->device_count; /* rows come by number: the lists are sorted */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (product->device_list[middle]->num < num)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < product->device_count && product->device_list[low]->num == num)
            return product->device_list[low];
    }
    return NULL;
}

static void on_tag(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_device *d = device_by_num(l->f, store_int(row, 0));
    if (d == NULL || d->tag_count == FLEET_TAGS_MAX)
        problem(l, "tag", store_text(row, 1));
    else
        fleet_add_tag(d, store_text(row, 1));
}

static void on_release(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_release *r = fleet_need(calloc(1, sizeof *r));
    r->id = store_int(row, 0);
    r->product = fleet_product(l->f, store_text(row, 1));
    snprintf(r->version, sizeof r->version, "%s", store_text(row, 2));
    r->number = (uint32_t)store_int(row, 3);
    r->created_ms = store_int(row, 4);
    if (r->product == NULL) {
        problem(l, "release", r->version);
        free(r);
        return;
    }
    fleet_append((void ***)&r->product->releases, &r->product->release_count, r);
    if (r->id >= l->f->next_release)
        l->f->next_release = r->id + 1;
}

static struct fleet_release *release_by_id(const struct fleet *f, int64_t id)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->release_count; i++) {
            if (f->products[p]->releases[i]->id == id)
                return f->products[p]->releases[i];
        }
    }
    return NULL;
}

static void on_image(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_release *r = release_by_id(l->f, store_int(row, 0));
    if (r == NULL || r->image_count == FLEET_IMAGES_MAX) {
        problem(l, "image of release", r != NULL ? r->version : "?");
        return;
    }
    struct fleet_image *i = &r->images[r->image_count++];
    i->digest = store_digest(row, 1);
    i->sha256 = store_digest(row, 2);
    i->bytes = (uint32_t)store_int(row, 3);
    i->blocks = store_digest(row, 4);
    i->chip_id = (uint16_t)store_int(row, 5);
    i->hardware_revisions = (uint64_t)store_int(row, 6);
    i->floor = (uint32_t)store_int(row, 7);
    i->secure_version = (uint32_t)store_int(row, 8);
    i->min_slot_bytes = (uint32_t)store_int(row, 9);
    i->undescribed = store_int(row, 10) != 0;
    if (digests_from_text(store_text(row, 11), i->keys, 3, &i->key_count) != 0 ||
        digests_from_text(store_text(row, 12), i->trust, OT_DESC_KEYS_MAX, &i->trust_count) != 0 ||
        digests_from_text(store_text(row, 13), i->revoke, OT_DESC_KEYS_MAX, &i->revoke_count) != 0)
        problem(l, "image of release", r->version);
}

static void on_patch(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct ot_digest target = store_digest(row, 0);
    struct fleet_patch patch = {.base = store_digest(row, 1),
                                .sha256 = store_digest(row, 2),
                                .bytes = (uint32_t)store_int(row, 3),
                                .profile = (uint8_t)store_int(row, 4),
                                .state = (enum fleet_patch_state)store_int(row, 5)};
    if (patch.state == PATCH_WITHDRAWN)
        snprintf(patch.reason, sizeof patch.reason, "devices had to do without it");
    if (patch.state != PATCH_MADE && patch.state != PATCH_DROPPED && patch.state != PATCH_WITHDRAWN)
        problem(l, "patch", "of an unknown state");
    else
        fleet_patch_add(l->f, &target, &patch);
}

static int filter_from_plan(struct fleet_rollout *r)
{
    struct query_error e;
    if (r->engine.plan.filter[0] == '\0')
        return 0;
    r->filter = fleet_need(malloc(sizeof *r->filter));
    return fleet_filter_parse(r->product, r->engine.plan.filter, r->filter, &e);
}

static void on_rollout(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_rollout *r = fleet_need(calloc(1, sizeof *r));
    r->engine.id = (uint64_t)store_int(row, 0);
    r->product = fleet_product(l->f, store_text(row, 1));
    r->release = release_by_id(l->f, store_int(row, 2));
    r->engine.state = (enum rollout_state)store_int(row, 3);
    snprintf(r->engine.reason, sizeof r->engine.reason, "%s", store_text(row, 4));
    r->engine.poll_s = l->f->poll_s;
    r->created_ms = store_int(row, 6);
    r->recalls = store_int(row, 9) != 0 ? fleet_rollout(l->f, store_int(row, 9)) : NULL; /* an older one */
    if ((store_int(row, 9) != 0 && r->recalls == NULL) || r->product == NULL || r->release == NULL ||
        (unsigned)r->engine.state >= ROLLOUT_STATES ||
        plan_from_text(store_text(row, 5), &r->engine.plan) != 0 ||
        fleet_kinds_from_text(store_text(row, 8), r) != 0 || filter_from_plan(r) != 0 ||
        fleet_watch_from_text(store_text(row, 7), &r->engine) != 0) {
        problem(l, "rollout", store_text(row, 0));
        fleet_kinds_free(r);
        free(r->filter);
        free(r);
        return;
    }
    fleet_append((void ***)&r->product->rollouts, &r->product->rollout_count, r);
    if ((int64_t)r->engine.id >= l->f->next_rollout)
        l->f->next_rollout = (int64_t)r->engine.id + 1;
}

static void on_ring(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_rollout *r = fleet_rollout(l->f, store_int(row, 0));
    int64_t index = store_int(row, 1);
    int64_t state = store_int(row, 2);
    if (r == NULL || index < 0 || index >= (int64_t)r->engine.plan.rings.count || state < 0 ||
        state >= (int64_t)RING_STATES) {
        problem(l, "ring of rollout", store_text(row, 0));
        return;
    }
    struct rollout_ring *g = &r->engine.rings[index];
    g->state = (enum ring_state)state;
    g->bound = (uint32_t)store_int(row, 3);
    g->resolved_at_widening = (uint32_t)store_int(row, 4);
    g->opened_ms = (uint64_t)store_int(row, 5);
    g->accepted = (uint32_t)store_int(row, 6);
    if (fleet_evidence_from_text(store_text(row, 7), &r->engine.plan, g) != 0)
        problem(l, "evidence of a ring of rollout", store_text(row, 0));
}

static void on_member(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    struct fleet_rollout *r = fleet_rollout(l->f, store_int(row, 0));
    struct fleet_device *d = device_by_num(l->f, store_int(row, 1));
    int64_t ring = store_int(row, 2), state = store_int(row, 3);
    if (r == NULL || d == NULL || ring < 0 || ring >= (int64_t)r->engine.plan.rings.count || state < 0 ||
        state >= (int64_t)ATTEMPT_STATES) {
        problem(l, "member of rollout", store_text(row, 0));
        return;
    }
    uint32_t index = fleet_add_member(r, d, (uint32_t)ring, (uint32_t)store_int(row, 21));
    struct rollout_member *m = &r->engine.members[index];
    struct fleet_member *x = &r->members[index];
    m->state = x->told = (enum attempt_state)state;
    m->reason = (enum ot_status)store_int(row, 4);
    m->attempt = (uint64_t)store_int(row, 5);
    x->way = (enum ot_way)store_int(row, 6);
    x->bytes = (uint32_t)store_int(row, 7);
    m->offered_ms = (uint64_t)store_int(row, 8);
    m->changed_ms = (uint64_t)store_int(row, 9);
    x->changed_at_ms = store_int(row, 10);
    m->soak_ms = (uint64_t)store_int(row, 11);
    m->seen_ms = (uint64_t)store_int(row, 12);
    m->soak_running = store_int(row, 13) != 0;
    m->crashes_base = (uint32_t)store_int(row, 14);
    m->crashes_seen = (uint32_t)store_int(row, 15);
    m->exposure_ms = (uint64_t)store_int(row, 16);
    snprintf(x->check, sizeof x->check, "%s", store_text(row, 17));
    m->links_seen = (uint32_t)store_int(row, 18);
    m->last_ms[WATCH_CRASHES] = (uint64_t)store_int(row, 19);
    m->last_ms[WATCH_LINK_LOSSES] = (uint64_t)store_int(row, 20);
    x->base = release_by_id(l->f, store_int(row, 22)); /* 0: NULL */
    x->target = release_by_id(l->f, store_int(row, 23));
    if (m->attempt >= l->f->next_attempt)
        l->f->next_attempt = m->attempt + 1;
}

static void on_last_timeline(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    l->f->timeline_seq = store_int(row, 0);
}

static void on_last_audit(void *ctx, const struct store_row *row)
{
    struct loading *l = ctx;
    l->f->audit_seq = store_int(row, 0);
    l->f->audit_hash = store_digest(row, 1);
}

/* What its members reported last is in the devices' last check-ins; who waits is heard of again before it counts. */
static void settle(struct fleet *f, struct fleet_rollout *r)
{
    r->engine.settled_ms = f->base_ms + (uint64_t)r->engine.poll_s * 3000u;
    for (uint32_t m = 0; m < r->engine.member_count; m++) {
        const struct fleet_device *d = r->members[m].device;
        struct rollout_values values =
            rollout_metrics_values(&r->engine.plan.metrics, d->facts.metrics, d->facts.metric_count);
        rollout_restore_values(&r->engine, m, fleet_runs_release(d, fleet_target(r, (int)m, d)), &values);
    }
}

/* Times in rows may be a little ahead of the saved clock: go on behind the latest of them. */
static void catch_up(struct fleet *f)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->rollout_count; i++) {
            struct fleet_rollout *r = f->products[p]->rollouts[i];
            rollout_prepare(&r->engine);
            r->last_event = f->timeline_seq;
            for (uint32_t m = 0; m < r->engine.member_count; m++) {
                if (r->engine.members[m].changed_ms > f->base_ms)
                    f->base_ms = r->engine.members[m].changed_ms;
                if (r->engine.members[m].seen_ms > f->base_ms)
                    f->base_ms = r->engine.members[m].seen_ms;
            }
        }
    }
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->rollout_count; i++)
            settle(f, f->products[p]->rollouts[i]);
    }
}

/* Rows that make sense one by one, and not together. */
static int check_rollouts(const struct fleet *f, struct error *err)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->rollout_count; i++) {
            const struct rollout *r = &f->products[p]->rollouts[i]->engine;
            const char *bad = rollout_check(r);
            if (bad != NULL)
                return error_set(err, "database: rollout %" PRIu64 " makes no sense (%s): restore a backup",
                                 r->id, bad);
        }
    }
    return 0;
}

int fleet_load(struct fleet *f, struct error *err)
{
    static const struct {
        enum store_query query;
        store_row_fn *fn;
    } steps[] = {{STORE_META, on_meta},
                 {STORE_PRODUCTS, on_product},
                 {STORE_TOKENS, on_token},
                 {STORE_DEVICES, on_device},
                 {STORE_TAGS, on_tag},
                 {STORE_RELEASES, on_release},
                 {STORE_IMAGES, on_image},
                 {STORE_PATCHES, on_patch},
                 {STORE_ROLLOUTS, on_rollout},
                 {STORE_RINGS, on_ring},
                 {STORE_MEMBERS, on_member},
                 {STORE_LAST_TIMELINE, on_last_timeline},
                 {STORE_LAST_AUDIT, on_last_audit}};
    struct loading l = {.f = f};
    f->next_device = f->next_release = f->next_rollout = 1;
    f->next_attempt = 1;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (store_each(f->store, steps[i].query, steps[i].fn, &l, err) != 0)
            return -1;
    }
    if (l.problem[0] != '\0')
        return error_set(err, "%s: restore a backup", l.problem);
    catch_up(f);
    fleet_outages_begin(f, l.saved_wall_ms, l.saved_mono_ms);
    return check_rollouts(f, err);
}

void fleet_store_device(struct fleet *f, struct store_batch *batch, struct fleet_device *d)
{
    char facts[OT_WIRE_MESSAGE_MAX + 1];
    size_t len = 0;
    (void)f;
    d->facts.event_count = 0;
    if (ot_wire_check_in_write(&d->facts, facts, sizeof facts - 1, &len) != OT_OK)
        len = 0; /* it was read by the same code: cannot happen */
    facts[len] = '\0';
    store_add(batch, STORE_SET_DEVICE, d->last_seen_ms, (int64_t)d->seq, facts, (int64_t)d->habit.gap_ms,
              (int64_t)d->habit.away_ppm, (int64_t)d->habit.away_s, (int64_t)d->habit.away_spread_s, d->num);
    d->is_dirty = false;
}
