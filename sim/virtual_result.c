/* Digest, rings and words of an outcome. */
#include "virtual_result.h"

#include "base/crypto_openssl.h"

#include <inttypes.h>
#include <string.h>

#define TIMELINE_MAX 1000000000

/* --- digest --- */

static void add(struct ot_sha256 *hash, const char *line, int len)
{
    const struct ot_crypto *crypto = crypto_openssl();
    crypto->sha256_update(crypto->ctx, hash, (const uint8_t *)line, (size_t)len);
}

static void add_event(void *ctx, const struct store_row *row)
{
    char line[1024];
    int len = snprintf(line, sizeof line, "%" PRId64 " %s %" PRId64 " %s %s\n", store_int(row, 1),
                       store_text(row, 2), store_int(row, 3), store_text(row, 4), store_text(row, 5));
    add(ctx, line, len < (int)sizeof line ? len : (int)sizeof line - 1);
}

static void add_ring(struct ot_sha256 *hash, const struct rollout_ring *g)
{
    char line[200];
    add(hash, line,
        snprintf(line, sizeof line, "ring %d %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 "\n",
                 (int)g->state, g->bound, g->resolved_at_widening, g->accepted, g->opened_ms));
}

/* When it was last seen counts where soak goes on from it. */
static void add_member(struct ot_sha256 *hash, const char *id, const struct rollout_member *m)
{
    char line[400];
    uint64_t seen_ms = m->state == ATTEMPT_CONFIRMED && m->soak_running ? m->seen_ms : 0;
    add(hash, line,
        snprintf(line, sizeof line,
                 "%s %u %" PRIu32 " %d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                 " %" PRIu64 " %d %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 "\n",
                 id, m->ring, m->stratum, (int)m->state, (int)m->reason, m->attempt, m->offered_ms,
                 m->changed_ms, m->soak_ms, m->exposure_ms, seen_ms, m->soak_running, m->crashes_base,
                 m->crashes_seen, m->links_seen, m->last_ms[WATCH_CRASHES], m->last_ms[WATCH_LINK_LOSSES]));
}

static const struct rollout_member *member_of(const struct fleet_device *d, const struct fleet_rollout *r)
{
    for (size_t i = 0; i < d->membership_count; i++) {
        if (d->memberships[i].rollout == r)
            return &r->engine.members[d->memberships[i].member];
    }
    return NULL;
}

int virtual_digest(const struct fleet_rollout *r, char hex[OT_DIGEST_HEX_BYTES], struct error *err)
{
    const struct ot_crypto *crypto = crypto_openssl();
    struct ot_sha256 hash;
    struct ot_digest digest;
    struct fleet *f = r->product->fleet;
    store_wait(f->store, 0);
    crypto->sha256_start(crypto->ctx, &hash);
    if (store_each(f->store, STORE_TIMELINE, add_event, &hash, err, (int64_t)r->engine.id, (int64_t)0,
                   (int64_t)TIMELINE_MAX) != 0)
        return -1;
    for (uint32_t i = 0; i < r->engine.plan.rings.count; i++)
        add_ring(&hash, &r->engine.rings[i]);
    for (size_t i = 0; i < r->product->device_count; i++) {
        const struct rollout_member *m = member_of(r->product->device_list[i], r);
        if (m != NULL)
            add_member(&hash, r->product->device_list[i]->id, m);
    }
    crypto->sha256_finish(crypto->ctx, &hash, &digest);
    ot_digest_to_hex(&digest, hex);
    return 0;
}

/* --- rings --- */

struct reading {
    struct virtual_outcome *out;
    int64_t start_ms;
};

static void read_event(void *ctx, const struct store_row *row)
{
    struct reading *r = ctx;
    const char *kind = store_text(row, 2);
    int64_t ring = store_int(row, 3), at_s = (store_int(row, 1) - r->start_ms) / 1000;
    bool ends =
        strcmp(kind, "ring_passed") == 0 || strcmp(kind, "halted") == 0 || strcmp(kind, "ring_held") == 0;
    if (strcmp(kind, "created") == 0)
        r->start_ms = store_int(row, 1);
    if (ring < 0 || ring >= (int64_t)r->out->ring_count)
        return;
    if (strcmp(kind, "ring_active") == 0)
        r->out->rings[ring].opened_s = at_s;
    if (ends)
        r->out->rings[ring].ended_s = r->out->ended_s = at_s;
}

static void count_devices(const struct virtual_world *w, struct virtual_outcome *out)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct virtual_device *v = &w->devices[i];
        const struct rollout_member *m = member_of(v->record, w->rollout);
        bool is_affected = v->has_switched && v->behaviour != NO_BEHAVIOUR &&
                           (w->scenario->behaviours[v->behaviour].does != VIRTUAL_HEALTHY ||
                            w->scenario->behaviours[v->behaviour].reports.metrics.count > 0);
        if (m == NULL)
            continue;
        struct virtual_ring *g = &out->rings[m->ring];
        g->offered += v->was_offered;
        g->switched += v->has_switched;
        g->affected += is_affected;
        out->switched += v->has_switched;
        out->affected += is_affected;
    }
}

int virtual_outcome_of(const struct virtual_world *w, struct virtual_outcome *out, struct error *err)
{
    const struct rollout *r = &w->rollout->engine;
    struct reading reading = {.out = out};
    out->state = r->state;
    memcpy(out->reason, r->reason, sizeof out->reason);
    out->devices = w->count;
    out->whole_check_ins = w->whole_check_ins;
    out->skipped_check_ins = w->skipped_check_ins;
    out->ring_count = r->plan.rings.count;
    for (uint32_t i = 0; i < out->ring_count; i++) {
        struct virtual_ring *g = &out->rings[i];
        memcpy(g->name, r->plan.rings.rings[i].name, sizeof g->name);
        g->kind = r->plan.rings.rings[i].kind;
        g->state = r->rings[i].state;
        g->members = r->rings[i].members;
        g->opened_s = g->ended_s = -1;
        g->harmed = rollout_harmed(r, i);
        g->confirmed = r->rings[i].counts[ATTEMPT_CONFIRMED];
        g->soaked = rollout_soaked(r, i);
    }
    count_devices(w, out);
    store_wait(w->fleet->store, 0);
    return store_each(w->fleet->store, STORE_TIMELINE, read_event, &reading, err, (int64_t)r->id, (int64_t)0,
                      (int64_t)TIMELINE_MAX);
}

/* --- words --- */

static const char *day_text(int64_t at_s, char text[32])
{
    if (at_s < 0)
        return "-";
    snprintf(text, 32, "%" PRId64 "d %02" PRId64 ":%02" PRId64, at_s / 86400, at_s / 3600 % 24,
             at_s / 60 % 60);
    return text;
}

void virtual_print(const struct virtual_outcome *o, FILE *out)
{
    char opened[32], ended[32];
    fprintf(out, "%-12s %-8s %9s %10s %10s %9s %9s %9s %9s\n", "ring", "state", "devices", "opened", "ended",
            "ran it", "affected", "confirmed", "harmed");
    for (uint32_t i = 0; i < o->ring_count; i++) {
        const struct virtual_ring *g = &o->rings[i];
        fprintf(out,
                "%-12s %-8s %9" PRIu32 " %10s %10s %9" PRIu32 " %9" PRIu32 " %9" PRIu32 " %9" PRIu32 "\n",
                g->name, ring_state_name(g->state), g->members, day_text(g->opened_s, opened),
                day_text(g->ended_s, ended), g->switched, g->affected, g->confirmed, g->harmed);
    }
    fprintf(out, "%s: %s\n", rollout_state_name(o->state), o->reason);
    fprintf(out, "%" PRIu32 " of %" PRIu32 " devices ran the release, %" PRIu32 " of them affected\n",
            o->switched, o->devices, o->affected);
    fprintf(out,
            "check-ins: %" PRIu64 " whole, %" PRIu64 " skipped; decisions %.16s, in the database %.16s\n",
            o->whole_check_ins, o->skipped_check_ins, o->decisions, o->stored);
}

static json_t *seconds(int64_t at_s)
{
    return at_s < 0 ? json_null() : json_integer(at_s);
}

static json_t *ring_to_json(const struct virtual_ring *g)
{
    return json_pack("{s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "ring", g->name, "state",
                     ring_state_name(g->state), "devices", (json_int_t)g->members, "opened_s",
                     seconds(g->opened_s), "ended_s", seconds(g->ended_s), "offered", (json_int_t)g->offered,
                     "ran", (json_int_t)g->switched, "affected", (json_int_t)g->affected, "confirmed",
                     (json_int_t)g->confirmed, "harmed", (json_int_t)g->harmed, "soaked",
                     (json_int_t)g->soaked);
}

json_t *virtual_to_json(const struct virtual_outcome *o)
{
    json_t *rings = json_array();
    for (uint32_t i = 0; i < o->ring_count; i++)
        json_array_append_new(rings, ring_to_json(&o->rings[i]));
    return json_pack("{s:s,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s}", "state", rollout_state_name(o->state),
                     "reason", o->reason, "rings", rings, "devices", (json_int_t)o->devices, "ran",
                     (json_int_t)o->switched, "affected", (json_int_t)o->affected, "ended_s",
                     (json_int_t)o->ended_s, "whole_check_ins", (json_int_t)o->whole_check_ins,
                     "skipped_check_ins", (json_int_t)o->skipped_check_ins, "decisions", o->decisions,
                     "stored", o->stored);
}
