/* See fleet_world.h. */
#include "fleet_world.h"

#include "image_support.h"
#include "sign_support.h"

#include "api/common.h"
#include "base/crypto_openssl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool claim, const char *what)
{
    if (claim)
        return;
    fprintf(stderr, "fleet_world: %s\n", what);
    abort();
}

/* --- outside --- */

static uint64_t mono(void *ctx)
{
    return ((struct world_outside *)ctx)->mono_ms;
}

static int64_t wall(void *ctx)
{
    return ((struct world_outside *)ctx)->wall_ms;
}

static int chance(void *ctx, uint8_t *out, size_t len)
{
    struct world_outside *o = ctx;
    for (size_t i = 0; i < len; i++) {
        o->chance = o->chance * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(o->chance >> 56);
    }
    return 0;
}

void world_outside_make(struct world_outside *out)
{
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256);
    *out = (struct world_outside){.mono_ms = 1000000, .wall_ms = 1800000000000, .chance = 7};
    sign_key_digest(key, &out->key);
    for (unsigned i = 0; i <= WORLD_OTHER; i++) {
        char version[16];
        uint32_t size = 0;
        struct ot_descriptor d = {.release = 100 + i % WORLD_OTHER, .hardware_revisions = 1};
        snprintf(version, sizeof version, "1.%u.0", i % WORLD_OTHER);
        struct image_spec spec = {
            .chip_id = 5, .project = "lamp", .version = version, .descriptor = &d, .seed = i + 1};
        uint8_t *bytes = image_make(&spec, &size);
        out->images[i] = sign_file(bytes, size, &key, 1, &out->image_len[i]);
        free(bytes);
    }
    sign_key_free(key);
}

void world_outside_free(struct world_outside *out)
{
    for (unsigned i = 0; i <= WORLD_OTHER; i++)
        free(out->images[i]);
}

void world_pass_ms(struct world_outside *out, uint64_t ms)
{
    out->mono_ms += ms;
    out->wall_ms += (int64_t)ms;
}

/* --- open, close --- */

int fleet_world_open(struct fleet_world *w, struct world_outside *outside, const char *dir, struct error *err)
{
    struct fleet_outside from = {.ctx = outside, .mono_ms = mono, .wall_ms = wall, .random = chance};
    *w = (struct fleet_world){.outside = outside};
    w->fleet = fleet_open(dir, 60, &from, err);
    if (w->fleet == NULL)
        return -1;
    sem_init(&w->durable, 0, 0);
    w->product = fleet_product(w->fleet, "lamp");
    for (size_t i = 0; i < w->fleet->tokens.capacity; i++) {
        struct fleet_token *t = w->fleet->tokens.entries[i].value;
        if (t != NULL && t->role == ROLE_ENROL)
            w->enrol = t;
    }
    return 0;
}

void fleet_world_close(struct fleet_world *w)
{
    fleet_close(w->fleet);
    sem_destroy(&w->durable);
}

/* --- calls: done when they are on disk --- */

static void on_durable(void *ctx)
{
    sem_post(&((struct fleet_world *)ctx)->durable);
}

static int settle(struct fleet_world *w, int result)
{
    store_commit(w->fleet->store, store_batch_new(), on_durable,
                 w); /* also when the disk is full: on disk it must be */
    while (sem_wait(&w->durable) != 0) {
    }
    return result;
}

int fleet_world_product(struct fleet_world *w)
{
    char err[100];
    struct ring_plan rings = {.count = 0};
    need(ring_plan_add(&rings, "rest", err, sizeof err) == 0, err);
    int result =
        fleet_product_create(w->fleet, "ada", "lamp", &rings, &w->outside->key, 1, &w->refusal, NULL, NULL);
    w->product = fleet_product(w->fleet, "lamp");
    return settle(w, result);
}

int fleet_world_token(struct fleet_world *w, int64_t uses, int64_t expires_s)
{
    char id[24], token[80], hex[OT_DIGEST_HEX_BYTES];
    struct ot_digest digest;
    int result = fleet_token_create(w->fleet, "ada", ROLE_ENROL, "lamp", uses, expires_s, id, token,
                                    &w->refusal, NULL, NULL);
    if (result == 0) {
        ot_sha256_of(crypto_openssl(), (const uint8_t *)token, strlen(token), &digest);
        ot_digest_to_hex(&digest, hex);
        w->enrol = strmap_get(&w->fleet->tokens, hex);
    }
    return settle(w, result);
}

int fleet_world_push(struct fleet_world *w, unsigned image)
{
    bool created = false;
    struct fleet_release *release = NULL;
    struct fleet_push push = {.product = "lamp",
                              .version = "",
                              .bytes = w->outside->images[image],
                              .len = w->outside->image_len[image]};
    return settle(w, fleet_release_push(w->fleet, "ada", &push, &release, &created, &w->refusal, NULL, NULL));
}

static struct ot_digest factory_digest(void)
{
    struct ot_digest d;
    memset(d.bytes, 0x55, sizeof d.bytes);
    return d;
}

struct world_device world_device(unsigned number)
{
    struct world_device d = {.running = factory_digest()};
    snprintf(d.id, sizeof d.id, "lamp-%02u", number);
    return d;
}

static void own_token(const struct world_device *d, struct ot_digest *out)
{
    ot_sha256_of(crypto_openssl(), (const uint8_t *)d->id, strlen(d->id), out);
}

int fleet_world_enrol(struct fleet_world *w, struct world_device *d)
{
    bool created = false;
    struct ot_wire_enrol m = {.chip_id = 5};
    snprintf(m.device, sizeof m.device, "%s", d->id);
    own_token(d, &m.token_sha256);
    int result = fleet_enrol(w->fleet, w->enrol, &m, &created, &w->refusal, NULL, NULL);
    fleet_world_find(w, d);
    return settle(w, result);
}

void fleet_world_find(struct fleet_world *w, struct world_device *d)
{
    d->known = w->product != NULL ? fleet_device(w->product, d->id) : NULL;
}

static void fill_check_in(const struct world_device *d, enum ot_ask ask, struct ot_wire_check_in *m)
{
    *m = (struct ot_wire_check_in){
        .chip_id = 5,
        .slot_bytes = 1966080,
        .bootloader = OT_BOOTLOADER_ROLLBACK,
        .running = {.present = true, .digest = d->running, .release = 1, .state = 2},
        .health = d->health,
        .ask = ask};
    snprintf(m->device, sizeof m->device, "%s", d->id);
    snprintf(m->running.version, sizeof m->running.version, "%s", "1.0.0");
    snprintf(m->attempt, sizeof m->attempt, "%s", d->attempt);
}

static void add_event(struct world_device *d, enum ot_event_kind kind, struct ot_wire_check_in *m)
{
    if (kind == OT_EVENT_NONE)
        return;
    struct ot_wire_event *e = &m->events[m->event_count++];
    *e = (struct ot_wire_event){.seq = ++d->seq, .kind = kind, .way = OT_WAY_FULL, .bytes = 4096};
    snprintf(e->attempt, sizeof e->attempt, "%s", d->attempt);
    if (kind == OT_EVENT_BOOTED || kind == OT_EVENT_CONFIRMED)
        d->running = d->target;
    else if (kind == OT_EVENT_REVERTED || kind == OT_EVENT_LATE_REVERT)
        d->running = factory_digest();
    m->running.digest = d->running;
    if (ot_event_is_outcome(kind))
        m->attempt[0] = '\0';
}

int fleet_world_check_in(struct fleet_world *w, struct world_device *d, enum ot_ask ask,
                         enum ot_event_kind event)
{
    bool wait = false;
    struct ot_wire_check_in m;
    fill_check_in(d, ask, &m);
    add_event(d, event, &m);
    int result = fleet_check_in(w->fleet, d->known, &m, &d->reply, &wait, &w->refusal, NULL, NULL);
    if (result == 0 && d->reply.has_offer) {
        memcpy(d->attempt, d->reply.offer.attempt, sizeof d->attempt);
        d->target = d->reply.offer.target;
    }
    return settle(w, result);
}

int fleet_world_tag(struct fleet_world *w, struct world_device *d, const char *tag)
{
    return settle(w, fleet_tag(w->fleet, "ada", d->known, &tag, 1, NULL, 0, &w->refusal, NULL, NULL));
}

struct rollout_plan world_plan(const char *const *rings)
{
    char err[100];
    struct rollout_plan plan = rollout_plan_default();
    plan.soak_s = 0; /* needs a reason */
    snprintf(plan.override_reason, sizeof plan.override_reason, "a test");
    plan.in_flight = 2;
    plan.max_failure_percent = 100;
    plan.quorum_percent = 100;
    plan.lease_s = 600;
    for (; *rings != NULL; rings++)
        need(ring_plan_add(&plan.rings, *rings, err, sizeof err) == 0, err);
    return plan;
}

int fleet_world_rollout(struct fleet_world *w, const char *version, const struct rollout_plan *plan)
{
    struct fleet_rollout *out = NULL;
    struct fleet_release *release = fleet_release(w->product, version);
    need(release != NULL, version);
    return settle(w, fleet_rollout_create(w->fleet, "ada", w->product, release, plan, true, &out, &w->refusal,
                                          NULL, NULL));
}

struct rollout *fleet_world_newest(struct fleet_world *w)
{
    return w->product->rollout_count > 0 ? &w->product->rollouts[w->product->rollout_count - 1]->engine
                                         : NULL;
}

int fleet_world_act(struct fleet_world *w, const char *action, const char *reason)
{
    struct fleet_rollout *r = w->product->rollouts[w->product->rollout_count - 1];
    return settle(w, fleet_rollout_act(w->fleet, "bob", r, action, reason, &w->refusal, NULL, NULL));
}

void fleet_world_tick(struct fleet_world *w)
{
    fleet_tick(w->fleet);
    (void)settle(w, 0);
}

/* --- what is known --- */

static void print_json(FILE *out, json_t *take_json)
{
    json_object_del(take_json, "last_seen"); /* written behind */
    json_object_del(take_json, "reported");  /* has it, too */
    json_dumpf(take_json, out, JSON_COMPACT | JSON_SORT_KEYS);
    fputc('\n', out);
    json_decref(take_json);
}

static int member_of(const struct fleet_rollout *r, const struct fleet_device *d)
{
    for (size_t i = 0; i < d->membership_count; i++) {
        if (d->memberships[i].rollout == r)
            return (int)d->memberships[i].member;
    }
    return -1;
}

/* By device: in which order rows come back means nothing. */
static void print_rollout(FILE *out, const struct fleet_rollout *r)
{
    print_json(out, json_rollout(r));
    for (uint32_t i = 0; i < r->engine.plan.rings.count; i++) {
        const struct rollout_ring *g = &r->engine.rings[i];
        fprintf(out, " ring %u: state %d bound %u widened %u accepted %u opened %" PRIu64 "\n", i,
                (int)g->state, g->bound, g->resolved_at_widening, g->accepted, g->opened_ms);
    }
    for (size_t d = 0; d < r->product->device_count; d++) {
        int i = member_of(r, r->product->device_list[d]);
        if (i < 0)
            continue;
        const struct rollout_member *m = &r->engine.members[i];
        fprintf(out,
                " device %u ring %u state %d reason %d attempt %" PRIu64 " offered %" PRIu64
                " changed %" PRIu64 " soak %" PRIu64 " running %d exposure %" PRIu64
                " crashes %u %u links %u told %d check %s\n",
                m->device, m->ring, (int)m->state, (int)m->reason, m->attempt, m->offered_ms, m->changed_ms,
                m->soak_ms, m->soak_running, m->exposure_ms, m->crashes_base, m->crashes_seen, m->links_seen,
                (int)r->members[i].told, r->members[i].check);
    }
}

char *fleet_world_dump(struct fleet_world *w)
{
    char *text = NULL, hex[OT_DIGEST_HEX_BYTES];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct fleet *f = w->fleet;
    need(out != NULL, "out of memory");
    fleet_lock(f);
    ot_digest_to_hex(&f->audit_hash, hex);
    fprintf(out, "timeline %" PRId64 " audit %" PRId64 " %s tokens %" PRId64 "\n", f->timeline_seq,
            f->audit_seq, hex, f->next_token);
    if (w->enrol != NULL)
        fprintf(out, "enrolment %s uses %" PRId64 " expires %" PRId64 "\n", w->enrol->id, w->enrol->uses,
                w->enrol->expires_s);
    for (size_t i = 0; i < f->product_count; i++) {
        struct fleet_product *p = f->products[i];
        print_json(out, json_product(p));
        for (size_t k = 0; k < p->device_count; k++) {
            fprintf(out, " seq %u checked in %d ", p->device_list[k]->seq, p->device_list[k]->has_checked_in);
            print_json(out, json_device(p->device_list[k], true));
        }
        for (size_t k = 0; k < p->release_count; k++)
            print_json(out, json_release(p->releases[k]));
        for (size_t k = 0; k < p->rollout_count; k++)
            print_rollout(out, p->rollouts[k]);
    }
    fleet_unlock(f);
    fclose(out);
    return text;
}

const char *fleet_world_check(const struct fleet_world *w)
{
    const char *bad = NULL;
    for (size_t i = 0; i < w->fleet->product_count; i++) {
        const struct fleet_product *p = w->fleet->products[i];
        for (size_t k = 0; bad == NULL && k < p->rollout_count; k++)
            bad = rollout_check(&p->rollouts[k]->engine);
    }
    return bad;
}
