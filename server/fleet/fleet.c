/* Open, close, time, look-ups, and how changes get into a batch. */
#include "fleet.h"

#include "artifact/artifact.h"
#include "base/audit_chain.h"
#include "base/file.h"
#include "evidence.h"
#include "history.h"
#include "load.h"
#include "members.h"
#include "presence.h"
#include "runs.h"
#include "store/planted.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SAVE_TIME_MS 10000u

void fleet_lock(struct fleet *f)
{
    pthread_mutex_lock(&f->lock);
}

void fleet_unlock(struct fleet *f)
{
    pthread_mutex_unlock(&f->lock);
}

static uint64_t machine_mono_ms(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

uint64_t fleet_now_ms(const struct fleet *f)
{
    return f->base_ms + (f->outside.mono_ms(f->outside.ctx) - f->start_ms);
}

static int64_t machine_wall_ms(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int machine_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static const struct fleet_outside machine = {
    .mono_ms = machine_mono_ms, .wall_ms = machine_wall_ms, .random = machine_random};

int64_t fleet_wall_ms(const struct fleet *f)
{
    return f->outside.wall_ms(f->outside.ctx);
}

void *fleet_need(void *p)
{
    if (p == NULL)
        abort(); /* out of memory: better no server than half a change */
    return p;
}

void fleet_append(void ***list, size_t *count, void *item)
{
    if ((*count & (*count - 1)) == 0) {
        size_t capacity = *count == 0 ? 1 : *count * 2;
        *list = fleet_need(realloc(*list, capacity * sizeof(void *)));
    }
    (*list)[(*count)++] = item;
}

int fleet_refuse(struct fleet_refusal *r, int status, const char *code, const char *format, ...)
{
    va_list args;
    r->status = status;
    snprintf(r->code, sizeof r->code, "%s", code);
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    return -1;
}

/* --- look-ups --- */

struct fleet_product *fleet_product(const struct fleet *f, const char *name)
{
    return strmap_get(&f->product_map, name);
}

struct fleet_device *fleet_device(const struct fleet_product *p, const char *id)
{
    return strmap_get(&p->devices, id);
}

struct fleet_release *fleet_release(const struct fleet_product *p, const char *version)
{
    for (size_t i = 0; i < p->release_count; i++) {
        if (strcmp(p->releases[i]->version, version) == 0)
            return p->releases[i];
    }
    return NULL;
}

struct fleet_rollout *fleet_rollout(const struct fleet *f, int64_t id)
{
    for (size_t i = 0; i < f->product_count; i++) {
        for (size_t j = 0; j < f->products[i]->rollout_count; j++) {
            if ((int64_t)f->products[i]->rollouts[j]->engine.id == id)
                return f->products[i]->rollouts[j];
        }
    }
    return NULL;
}

static const char *const role_names[] = {"none", "viewer", "uploader", "admin", "enrol"};

const char *fleet_role_name(enum fleet_role role)
{
    return role_names[role];
}

enum fleet_role fleet_role_from_name(const char *name)
{
    for (int i = ROLE_VIEWER; i <= ROLE_ENROL; i++) {
        if (strcmp(role_names[i], name) == 0)
            return (enum fleet_role)i;
    }
    return ROLE_NONE;
}

const struct fleet_image *fleet_image_with(const struct fleet_product *p, const struct ot_digest *digest,
                                           const struct fleet_release **release)
{
    for (size_t r = p->release_count; r > 0; r--) {
        for (uint32_t k = 0; k < p->releases[r - 1]->image_count; k++) {
            if (ot_digest_equal(&p->releases[r - 1]->images[k].digest, digest)) {
                *release = p->releases[r - 1];
                return &p->releases[r - 1]->images[k];
            }
        }
    }
    *release = NULL;
    return NULL;
}

bool fleet_release_has_digest(const struct fleet_release *release, const struct ot_digest *digest)
{
    for (uint32_t i = 0; i < release->image_count; i++) {
        if (ot_digest_equal(&release->images[i].digest, digest))
            return true;
    }
    return false;
}

bool fleet_runs_release(const struct fleet_device *d, const struct fleet_release *release)
{
    return d->facts.running.present && fleet_release_has_digest(release, &d->facts.running.digest);
}

static bool trusts_one(const struct ot_wire_check_in *facts, const struct fleet_image *image)
{
    if (facts->key_count == 0)
        return true; /* it has not said: let it judge for itself */
    for (uint32_t i = 0; i < image->key_count; i++) {
        bool trusted = false, revoked = false;
        for (uint8_t k = 0; k < facts->key_count; k++)
            trusted = trusted || ot_digest_equal(&facts->keys[k], &image->keys[i]);
        for (uint8_t k = 0; k < facts->revoked_count; k++)
            revoked = revoked || ot_digest_equal(&facts->revoked[k], &image->keys[i]);
        if (trusted && !revoked)
            return true;
    }
    return false;
}

const struct fleet_image *fleet_image_for(const struct fleet_release *release,
                                          const struct ot_wire_check_in *facts)
{
    for (uint32_t i = 0; i < release->image_count; i++) {
        const struct fleet_image *image = &release->images[i];
        if (image->chip_id == facts->chip_id &&
            (image->hardware_revisions >> facts->hardware_revision & 1u) != 0)
            return image;
    }
    return NULL;
}

static enum ot_status hardware_without_image(const struct fleet_release *release,
                                             const struct ot_wire_check_in *facts)
{
    for (uint32_t i = 0; i < release->image_count; i++) {
        if (release->images[i].chip_id == facts->chip_id)
            return OT_E_WRONG_HARDWARE;
    }
    return OT_E_IMAGE_CHIP;
}

const struct fleet_image *fleet_pick_image(const struct fleet_release *release,
                                           const struct ot_wire_check_in *facts, enum ot_status *why)
{
    const struct fleet_image *image = fleet_image_for(release, facts);
    *why = OT_OK;
    if (image == NULL)
        *why = hardware_without_image(release, facts);
    else if (facts->slot_bytes != 0 &&
             (image->bytes > facts->slot_bytes || image->min_slot_bytes > facts->slot_bytes))
        *why = OT_E_SLOT_SIZE;
    else if (release->number < facts->floor)
        *why = OT_E_BELOW_FLOOR;
    else if (image->secure_version < facts->secure_version)
        *why = OT_E_SECURE_VERSION;
    else if (!trusts_one(facts, image))
        *why = OT_E_KEY_UNKNOWN;
    return *why == OT_OK ? image : NULL;
}

/* --- members --- */

void fleet_add_tag(struct fleet_device *d, const char *tag)
{
    if (d->tags == NULL) /* few devices have any */
        d->tags = fleet_need(calloc(FLEET_TAGS_MAX, sizeof *d->tags));
    snprintf(d->tags[d->tag_count++], sizeof *d->tags, "%s", tag);
}

void fleet_add_membership(struct fleet_device *d, struct fleet_rollout *r, uint32_t member)
{
    d->memberships = fleet_need(realloc(d->memberships, (d->membership_count + 1) * sizeof *d->memberships));
    d->memberships[d->membership_count++] = (struct fleet_membership){.rollout = r, .member = member};
}

uint32_t fleet_add_member(struct fleet_rollout *r, struct fleet_device *d, uint32_t ring, uint32_t stratum)
{
    uint32_t index = r->engine.member_count;
    if (index == r->capacity) {
        r->capacity = r->capacity == 0 ? 64 : r->capacity * 2;
        r->engine.members = fleet_need(realloc(r->engine.members, r->capacity * sizeof *r->engine.members));
        r->members = fleet_need(realloc(r->members, r->capacity * sizeof *r->members));
    }
    memset(&r->engine.members[index], 0, sizeof r->engine.members[index]);
    memset(&r->members[index], 0, sizeof r->members[index]);
    r->engine.members[index].device = (uint32_t)d->num;
    r->engine.members[index].ring = (uint8_t)ring;
    r->engine.members[index].stratum = stratum;
    r->members[index].device = d;
    r->engine.member_count++;
    fleet_add_membership(d, r, index);
    return index;
}

/* --- changes --- */

void fleet_audit(struct fleet *f, struct store_batch *batch, const char *who, const char *action,
                 const char *object, const char *detail)
{
    struct ot_digest before = f->audit_hash;
    struct audit_entry e = {.seq = ++f->audit_seq,
                            .at_ms = fleet_wall_ms(f),
                            .who = who,
                            .action = action,
                            .object = object,
                            .detail = detail};
    audit_chain_add(&e, &f->audit_hash);
    store_add(batch, STORE_PUT_AUDIT, e.seq, e.at_ms, who, action, object, detail, &before, &f->audit_hash);
}

void fleet_timeline(struct fleet *f, struct store_batch *batch, struct fleet_rollout *r, const char *kind,
                    int ring, const char *device, const char *text, json_t *take_data)
{
    char *data = take_data != NULL ? fleet_need(json_dumps(take_data, JSON_COMPACT)) : NULL;
    r->last_event = ++f->timeline_seq;
    store_add(batch, STORE_PUT_TIMELINE, r->last_event, (int64_t)r->engine.id, fleet_wall_ms(f), kind,
              (int64_t)ring, device, text, data != NULL ? data : "{}");
    free(data);
    json_decref(take_data);
}

void fleet_store_member(struct fleet_change *change, uint32_t index)
{
    const struct rollout_member *m = &change->rollout->engine.members[index];
    const struct fleet_member *x = &change->rollout->members[index];
    if (OT_PLANTED(205) && m->state == ATTEMPT_OFFERED)
        return;
    store_add(change->batch, STORE_PUT_MEMBER, (int64_t)change->rollout->engine.id, x->device->num,
              (int64_t)m->ring, (int64_t)m->state, (int64_t)m->reason, (int64_t)m->attempt, (int64_t)x->way,
              (int64_t)x->bytes, (int64_t)m->offered_ms, (int64_t)m->changed_ms, x->changed_at_ms,
              (int64_t)m->soak_ms, (int64_t)m->seen_ms, (int64_t)m->soak_running, (int64_t)m->crashes_base,
              (int64_t)m->crashes_seen, (int64_t)m->exposure_ms, x->check, (int64_t)m->links_seen,
              (int64_t)m->last_ms[WATCH_CRASHES], (int64_t)m->last_ms[WATCH_LINK_LOSSES], (int64_t)m->stratum,
              x->base != NULL ? x->base->id : (int64_t)0, x->target != NULL ? x->target->id : (int64_t)0);
}

void fleet_store_ring(struct fleet_change *change, uint32_t ring)
{
    const struct rollout *r = &change->rollout->engine;
    const struct rollout_ring *g = &r->rings[ring];
    char *evidence = fleet_evidence_to_text(g);
    store_add(change->batch, STORE_PUT_RING, (int64_t)r->id, (int64_t)ring, (int64_t)g->state,
              (int64_t)g->bound, (int64_t)g->resolved_at_widening, (int64_t)g->opened_ms,
              (int64_t)g->accepted, evidence);
    free(evidence);
}

/* A person wants to read of every device that was harmed, and of none that was not. */
static void tell_member(struct fleet_change *change, uint32_t index)
{
    char text[200];
    const struct rollout_member *m = &change->rollout->engine.members[index];
    struct fleet_member *x = &change->rollout->members[index];
    if (x->told == m->state)
        return;
    x->told = m->state;
    x->changed_at_ms = fleet_wall_ms(change->fleet);
    fleet_history_state(change, index);
    if (!attempt_is_harm(m->state))
        return;
    snprintf(text, sizeof text, "%s: %s%s%s%s%s", x->device->id, attempt_state_name(m->state),
             m->reason != OT_OK ? ", " : "", m->reason != OT_OK ? ot_status_text(m->reason) : "",
             x->check[0] != '\0' ? ": " : "", x->check);
    fleet_timeline(change->fleet, change->batch, change->rollout, "attempt", m->ring, x->device->id, text,
                   fleet_member_evidence(change->rollout, index));
}

static void store_rollout_state(struct fleet_change *change)
{
    const struct rollout *r = &change->rollout->engine;
    char *watch = fleet_watch_to_text(r);
    store_add(change->batch, STORE_SET_ROLLOUT, (int64_t)r->state, r->reason, watch, (int64_t)r->id);
    free(watch);
}

/* With what it was decided by, or by whom. */
static void tell_decision(struct fleet_change *change, const struct rollout_effect *e)
{
    json_t *data = e->ring == UINT32_MAX
                       ? json_object()
                       : fleet_ring_evidence(&change->rollout->engine, e->ring, fleet_now_ms(change->fleet));
    if (change->who != NULL)
        json_object_set_new(data, "who", json_string(change->who));
    fleet_timeline(change->fleet, change->batch, change->rollout, e->event,
                   e->ring == UINT32_MAX ? -1 : (int)e->ring, "", e->text, data);
}

static void on_effect(void *ctx, const struct rollout_effect *e)
{
    struct fleet_change *change = ctx;
    switch (e->kind) {
    case EFFECT_MEMBER:
        if (change->is_behind &&
            change->rollout->members[e->member].told == change->rollout->engine.members[e->member].state) {
            fleet_put_behind(change, e->member);
            break;
        }
        tell_member(change, e->member);
        fleet_store_member(change, e->member);
        break;
    case EFFECT_RING:
        fleet_store_ring(change, e->ring);
        break;
    case EFFECT_ROLLOUT:
        store_rollout_state(change);
        break;
    case EFFECT_TIMELINE:
    default:
        tell_decision(change, e);
        break;
    }
}

struct rollout_sink fleet_sink(struct fleet_change *change)
{
    return (struct rollout_sink){.ctx = change, .effect = on_effect};
}

void fleet_when_durable(struct fleet *f, fleet_done *done, void *ctx)
{
    if (store_is_full(f->store))
        done(ctx);
    else
        store_commit(f->store, store_batch_new(), done, ctx);
}

bool fleet_is_full(const struct fleet *f)
{
    return store_is_full(f->store);
}

/* --- open, close, tick --- */

struct fleet *fleet_open(const char *dir, uint32_t poll_s, const struct fleet_outside *outside,
                         struct error *err)
{
    char path[PATH_MAX];
    struct fleet *f = fleet_need(calloc(1, sizeof *f));
    pthread_mutex_init(&f->lock, NULL);
    f->poll_s = poll_s;
    f->save_every_ms = SAVE_TIME_MS;
    f->outside = outside != NULL ? *outside : machine;
    f->keeps_history = outside == NULL;
    f->start_ms = f->outside.mono_ms(f->outside.ctx);
    snprintf(path, sizeof path, "%.3900s/artifacts", dir);
    f->artifact_dir = fleet_need(strdup(path));
    snprintf(path, sizeof path, "%.3900s/otaria.db", dir);
    if (artifact_open(f->artifact_dir, err) == 0)
        f->store = store_open(path, err);
    if (f->store != NULL && fleet_load(f, err) == 0)
        return f;
    fleet_close(f);
    return NULL;
}

static void free_release(struct fleet_release *release)
{
    for (uint32_t k = 0; k < release->image_count; k++) {
        for (size_t i = 0; i < release->images[k].patch_count; i++)
            free(release->images[k].patches[i]);
        free(release->images[k].patches);
    }
    free(release);
}

static void free_product(struct fleet_product *p)
{
    for (size_t i = 0; i < p->device_count; i++) {
        free(p->device_list[i]->tags);
        free(p->device_list[i]->memberships);
        free(p->device_list[i]);
    }
    for (size_t i = 0; i < p->release_count; i++)
        free_release(p->releases[i]);
    for (size_t i = 0; i < p->rollout_count; i++) {
        free(p->rollouts[i]->engine.members);
        free(p->rollouts[i]->members);
        fleet_kinds_free(p->rollouts[i]);
        free(p->rollouts[i]->filter);
        free(p->rollouts[i]);
    }
    strmap_fini(&p->devices);
    free(p->device_list);
    free(p->ordered);
    fleet_runs_free(p);
    free(p->releases);
    free(p->rollouts);
    free(p);
}

void fleet_close(struct fleet *f)
{
    if (f == NULL)
        return;
    store_close(f->store); /* writes what is queued */
    if (f->spare != NULL)
        store_batch_free(f->spare);
    for (size_t i = 0; i < f->product_count; i++)
        free_product(f->products[i]);
    for (size_t i = 0; i < f->tokens.capacity; i++)
        free(f->tokens.entries[i].value);
    strmap_fini(&f->tokens);
    strmap_fini(&f->device_tokens);
    strmap_fini(&f->product_map);
    free(f->products);
    free(f->dirty);
    free(f->artifact_dir);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void fleet_tick(struct fleet *f)
{
    struct store_batch *batch = store_batch_new();
    fleet_lock(f);
    uint64_t now = fleet_now_ms(f);
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->rollout_count; i++) {
            struct fleet_change change = {.fleet = f, .batch = batch, .rollout = f->products[p]->rollouts[i]};
            struct rollout_sink sink = fleet_sink(&change);
            rollout_tick(&change.rollout->engine, now, &sink);
        }
    }
    if (f->saved_ms == 0 || now - f->saved_ms >= f->save_every_ms) {
        f->saved_ms = now;
        store_add(batch, STORE_PUT_META, "mono_ms", (int64_t)now);
        store_add(batch, STORE_PUT_META, "wall_ms", fleet_wall_ms(f));
        fleet_write_behind(f, batch, SIZE_MAX);
    }
    if (store_batch_count(batch) > 0)
        store_commit(f->store, batch, NULL, NULL);
    else
        store_batch_free(batch);
    fleet_unlock(f);
}
