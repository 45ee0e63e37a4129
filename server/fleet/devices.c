/*
 * Devices: enrolment and check-ins.
 *
 * A check-in is applied whole under the lock: events by sequence, soak, the answer to "still wanted?", an offer. What
 * the reply promises is in the batch before the reply leaves; the caller sends it when the batch is on disk.
 */
#include "fleet.h"

#include "evidence.h"
#include "history.h"
#include "load.h"
#include "members.h"
#include "order.h"
#include "outages.h"
#include "patches.h"
#include "presence.h"
#include "runs.h"
#include "store/planted.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- enrolment --- */

static int check_token(const struct fleet *f, const struct fleet_token *t, struct fleet_refusal *refusal)
{
    if (t->expires_s != 0 && fleet_wall_ms(f) / 1000 >= t->expires_s)
        return fleet_refuse(refusal, 403, "expired", "the enrolment token has expired");
    if (t->uses == 0)
        return fleet_refuse(refusal, 403, "used_up",
                            "the enrolment token has been used as often as it may be");
    return 0;
}

static struct fleet_device *new_device(struct fleet *f, struct fleet_product *p,
                                       const struct ot_wire_enrol *m)
{
    struct fleet_device *d = fleet_need(calloc(1, sizeof *d));
    d->num = f->next_device;
    d->product = p;
    snprintf(d->id, sizeof d->id, "%s", m->device);
    d->token = m->token_sha256;
    d->enrolled_ms = d->last_seen_ms = fleet_wall_ms(f);
    snprintf(d->facts.device, sizeof d->facts.device, "%s", m->device);
    d->facts.chip_id = m->chip_id;
    d->facts.hardware_revision = m->hardware_revision;
    d->facts.running.present = true; /* digest zero: it has not said yet */
    d->facts.attribute_count = m->attribute_count;
    memcpy(d->facts.attributes, m->attributes, sizeof d->facts.attributes);
    fleet_link_device(f, d);
    fleet_order_add(d);
    return d;
}

static void store_new_device(struct store_batch *batch, const struct fleet_device *d)
{
    char facts[OT_WIRE_MESSAGE_MAX + 1];
    size_t len = 0;
    if (ot_wire_check_in_write(&d->facts, facts, sizeof facts - 1, &len) != OT_OK)
        len = 0;
    facts[len] = '\0';
    store_add(batch, STORE_PUT_DEVICE, d->num, d->product->name, d->id, &d->token, d->enrolled_ms,
              d->last_seen_ms, facts);
}

int fleet_enrol(struct fleet *f, struct fleet_token *token, const struct ot_wire_enrol *m, bool *created,
                struct fleet_refusal *refusal, fleet_done *done, void *ctx)
{
    char hex[OT_DIGEST_HEX_BYTES];
    *created = false;
    fleet_lock(f);
    struct fleet_device *d = fleet_device(token->product, m->device);
    int result = 0;
    ot_digest_to_hex(&m->token_sha256, hex);
    if (d != NULL && ot_digest_equal(&d->token, &m->token_sha256)) {
        fleet_unlock(f); /* the same request again: the reply was lost */
        return 0;
    }
    if (d != NULL)
        result = fleet_refuse(refusal, 409, "exists",
                              "device %s is enrolled with another token: an operator must release it first",
                              d->id);
    else if (strmap_get(&f->device_tokens, hex) != NULL)
        result = fleet_refuse(refusal, 409, "exists", "this token belongs to another device");
    else
        result = check_token(f, token, refusal);
    if (result == 0) {
        struct store_batch *batch = store_batch_new();
        d = new_device(f, token->product, m);
        store_new_device(batch, d);
        fleet_history_enrolled(f, batch, d);
        if (token->uses > 0) {
            token->uses--;
            store_add(batch, STORE_SET_TOKEN_USES, token->uses, token->id);
        }
        fleet_audit(f, batch, token->id, "device.enrol", d->id, d->product->name);
        store_commit(f->store, batch, done, ctx);
        *created = true;
    }
    fleet_unlock(f);
    return result;
}

/* --- check-in --- */

struct visit {
    struct fleet *f;
    struct fleet_device *d;
    const struct ot_wire_check_in *m;
    struct ot_wire_reply *reply;
    struct store_batch *batch;
    uint64_t now, heard_ms; /* this contact, and the one before it */
    bool wait;
};

static uint64_t attempt_number(const char *id)
{
    return strncmp(id, "a-", 2) == 0 ? strtoull(id + 2, NULL, 10) : 0;
}

static struct fleet_membership *find_attempt(const struct fleet_device *d, const char *id)
{
    uint64_t number = attempt_number(id);
    for (size_t i = 0; number != 0 && i < d->membership_count; i++) {
        if (d->memberships[i].rollout->engine.members[d->memberships[i].member].attempt == number)
            return &d->memberships[i];
    }
    return NULL;
}

static struct fleet_change change_of(const struct visit *v, struct fleet_rollout *r)
{
    return (struct fleet_change){.fleet = v->f, .batch = v->batch, .rollout = r};
}

static void tell_key_kept(const struct fleet_change *change, const struct fleet_membership *at,
                          const struct fleet_device *d, const struct ot_wire_event *e)
{
    char text[200];
    uint32_t ring = at->rollout->engine.members[at->member].ring;
    snprintf(text, sizeof text, "%s: %s", d->id, ot_status_text(e->reason));
    fleet_timeline(change->fleet, change->batch, at->rollout, "key_kept", (int)ring, d->id, text,
                   fleet_member_evidence(at->rollout, at->member));
}

/* It went back because it could not reach the server, and nobody could. */
static bool is_no_evidence(const struct visit *v, const struct ot_wire_event *e)
{
    return e->kind == OT_EVENT_REVERTED && e->reason == OT_E_NO_CONTACT &&
           outages_explain(&v->f->outages, v->heard_ms, v->now);
}

static void tell_no_evidence(const struct fleet_change *change, const struct fleet_membership *at,
                             const struct fleet_device *d)
{
    char text[200];
    uint32_t ring = at->rollout->engine.members[at->member].ring;
    snprintf(
        text, sizeof text,
        "%s: went back because it could not reach the server, which answered nobody then: no evidence, it is "
        "offered again",
        d->id);
    fleet_timeline(change->fleet, change->batch, at->rollout, "no_evidence", (int)ring, d->id, text,
                   fleet_member_evidence(at->rollout, at->member));
}

static void apply_event(struct visit *v, const struct ot_wire_event *e)
{
    struct fleet_membership *at = find_attempt(v->d, e->attempt);
    store_add(v->batch, STORE_PUT_EVENT, v->d->num, (int64_t)e->seq, e->attempt, (int64_t)e->kind,
              (int64_t)e->reason, (int64_t)e->way, (int64_t)e->bytes, fleet_wall_ms(v->f));
    fleet_history_event(v->f, v->batch, v->d, e);
    if (at == NULL)
        return; /* history of an attempt this server never made */
    struct fleet_change change = change_of(v, at->rollout);
    struct rollout_sink sink = fleet_sink(&change);
    struct fleet_member *x = &at->rollout->members[at->member];
    x->way = e->way;
    x->bytes = e->bytes > x->bytes ? e->bytes : x->bytes;
    if (e->check[0] != '\0')
        memcpy(x->check, e->check, sizeof x->check);
    if (e->kind == OT_EVENT_KEY_KEPT)
        tell_key_kept(&change, at, v->d, e);
    const struct fleet_release *target = fleet_target(at->rollout, (int)at->member, v->d);
    const struct fleet_image *image = fleet_image_for(target, &v->d->facts);
    if (e->kind == OT_EVENT_INSTALLED && image != NULL)
        fleet_patch_note(v->f, v->batch, image, &v->d->facts, e->way, e->reason);
    bool runs_target = fleet_runs_release(v->d, target);
    if (is_no_evidence(v, e)) {
        tell_no_evidence(&change, at, v->d);
        rollout_event(&at->rollout->engine, at->member, OT_EVENT_WITHDRAWN, e->reason, runs_target, v->now,
                      &sink);
    } else {
        rollout_event(&at->rollout->engine, at->member, e->kind, e->reason, runs_target, v->now, &sink);
    }
    fleet_store_member(&change, at->member);
}

/* Events the database has are acknowledged again and change nothing. */
static void apply_events(struct visit *v)
{
    for (uint8_t i = 0; i < v->m->event_count; i++) {
        const struct ot_wire_event *e = &v->m->events[i];
        if (e->seq <= v->d->seq && !OT_PLANTED(203))
            continue;
        apply_event(v, e);
        v->d->seq = e->seq;
    }
    v->wait = v->wait || v->m->event_count > 0;
    v->reply->ack = v->d->seq;
}

static bool same_slot(const struct ot_wire_slot *a, const struct ot_wire_slot *b)
{
    return a->present == b->present && a->slot == b->slot && a->state == b->state &&
           ot_digest_equal(&a->digest, &b->digest);
}

static bool facts_changed(const struct ot_wire_check_in *a, const struct ot_wire_check_in *b)
{
    return !same_slot(&a->running, &b->running) || !same_slot(&a->other, &b->other) || a->floor != b->floor ||
           a->secure_version != b->secure_version || a->key_count != b->key_count ||
           memcmp(a->keys, b->keys, sizeof a->keys) != 0 || a->revoked_count != b->revoked_count ||
           memcmp(a->revoked, b->revoked, sizeof a->revoked) != 0;
}

static void take_facts(struct visit *v)
{
    v->wait = v->wait || !v->d->has_checked_in || facts_changed(&v->d->facts, v->m);
    v->d->facts = *v->m;
    v->d->facts.event_count = 0;
    v->d->facts.attempt[0] = '\0';
    v->d->has_checked_in = true;
    fleet_note_seen(v->f, v->d);
    fleet_runs_note(v->d);
}

static void answer_attempt(struct visit *v)
{
    struct fleet_membership *at = find_attempt(v->d, v->m->attempt);
    if (v->m->attempt[0] == '\0')
        return;
    enum rollout_switch wanted =
        at != NULL ? rollout_switch_wanted(&at->rollout->engine, at->member) : ROLLOUT_SWITCH_NO;
    if (v->m->ask == OT_ASK_SWITCH && wanted != ROLLOUT_SWITCH_WAIT)
        v->reply->switch_answer = wanted == ROLLOUT_SWITCH_GO ? OT_SWITCH_GO : OT_SWITCH_NO;
    /* Behind the switch `drop` changes nothing on the device: it finishes its probation. */
    v->reply->drop = wanted == ROLLOUT_SWITCH_NO &&
                     (at == NULL || !attempt_has_switched(at->rollout->engine.members[at->member].state));
}

static void join(struct visit *v, struct fleet_rollout *r, struct rollout_situation *s)
{
    struct fleet_change change = change_of(v, r);
    struct rollout_sink sink = fleet_sink(&change);
    const struct fleet_release *target = fleet_target(r, -1, v->d);
    s->member = (int)fleet_add_member(r, v->d, (uint32_t)s->place, fleet_stratum_find(r, v->d));
    r->members[s->member].target = target != r->release ? target : NULL;
    rollout_joined(&r->engine, &sink);
}

static void fill_offer(struct visit *v, const struct fleet_rollout *r, const struct fleet_image *image,
                       const struct fleet_release *target, uint64_t attempt)
{
    struct ot_wire_offer *o = &v->reply->offer;
    v->reply->has_offer = true;
    snprintf(o->attempt, sizeof o->attempt, "a-%" PRIu64, attempt);
    o->release = target->number;
    snprintf(o->version, sizeof o->version, "%s", target->version);
    o->target = image->digest;
    o->lease_s = r->engine.plan.lease_s;
    o->undescribed = image->undescribed;
    o->image = (struct ot_wire_artifact){
        .sha256 = image->sha256, .bytes = image->bytes, .block_bytes = 65536, .blocks_sha256 = image->blocks};
    const struct fleet_patch *patch = fleet_patch_for(image, &v->d->facts);
    o->has_patch = patch != NULL;
    if (patch != NULL)
        o->patch =
            (struct ot_wire_patch){.base = patch->base, .sha256 = patch->sha256, .bytes = patch->bytes};
    const struct fleet_patch *compressed = fleet_compressed_for(image, &v->d->facts);
    o->has_compressed = compressed != NULL;
    if (compressed != NULL)
        o->compressed = (struct ot_wire_patch){.sha256 = compressed->sha256, .bytes = compressed->bytes};
    v->wait = true;
}

static void act_on(struct visit *v, struct fleet_rollout *r, const struct rollout_situation *s)
{
    enum ot_status why;
    const struct fleet_release *target = fleet_target(r, s->member, v->d);
    const struct fleet_image *image = fleet_pick_image(target, &v->d->facts, &why);
    struct fleet_change change = change_of(v, r);
    struct rollout_sink sink = fleet_sink(&change);
    switch ((int)rollout_decide(s)) { /* the other answers say nothing to a device */
    case WHY_UP_TO_DATE:
        if (s->member >= 0)
            rollout_adopt(&r->engine, (uint32_t)s->member, v->now, &sink);
        break;
    case WHY_IN_PROGRESS: /* it has not heard of it, or forgot: the same attempt again */
        fill_offer(v, r, image, target, r->engine.members[s->member].attempt);
        break;
    case WHY_OFFERED_NEXT:
    case WHY_OFFERED_AGAIN:
        r->members[s->member].base = fleet_running(v->d); /* what a recall brings back */
        rollout_offer(&r->engine, (uint32_t)s->member, v->f->next_attempt, v->now, &sink);
        fill_offer(v, r, image, target, v->f->next_attempt++);
        break;
    default:
        break;
    }
}

static void maybe_offer(struct visit *v)
{
    struct fleet_rollout *r;
    struct rollout_situation s = fleet_situation(v->d, &r);
    if (v->m->ask != OT_ASK_OFFER || r == NULL)
        return;
    if (rollout_decide(&s) == WHY_JOINS_NEXT)
        join(v, r, &s);
    act_on(v, r, &s);
}

int fleet_check_in(struct fleet *f, struct fleet_device *d, const struct ot_wire_check_in *m,
                   struct ot_wire_reply *reply, bool *wait, struct fleet_refusal *refusal, fleet_done *done,
                   void *ctx)
{
    struct visit v = {.f = f, .d = d, .m = m, .reply = reply, .batch = store_batch_new()};
    memset(reply, 0, sizeof *reply);
    fleet_lock(f);
    if (strcmp(m->device, d->id) != 0) {
        fleet_audit(f, v.batch, d->id, "device.impersonation", m->device, "token of another device");
        store_commit(f->store, v.batch, NULL, NULL);
        fleet_unlock(f);
        return fleet_refuse(refusal, 403, "wrong_device", "this token belongs to another device");
    }
    v.now = fleet_now_ms(f);
    reply->poll_s = f->poll_s;
    v.heard_ms = fleet_heard_ms(d);
    bool has_history = fleet_history_facts(f, v.batch, d, m);
    take_facts(&v);
    apply_events(&v);
    struct fleet_change presence = change_of(&v, NULL);
    fleet_note_presence(&presence, d, v.now);
    answer_attempt(&v);
    maybe_offer(&v);
    if (v.wait || has_history) /* facts and what was told of them go together */
        fleet_store_device(f, v.batch, d);
    *wait = v.wait;
    if (store_batch_count(v.batch) > 0)
        store_commit(f->store, v.batch, v.wait ? done : NULL, ctx);
    else
        store_batch_free(v.batch);
    fleet_unlock(f);
    return 0;
}

bool fleet_may_fetch(struct fleet *f, const struct fleet_device *d, const struct ot_digest *sha256)
{
    bool allowed = false;
    fleet_lock(f);
    for (size_t i = 0; !allowed && i < d->membership_count; i++) {
        const struct fleet_membership *at = &d->memberships[i];
        const struct fleet_release *target = fleet_target(at->rollout, (int)at->member, d);
        if (!attempt_is_open(at->rollout->engine.members[at->member].state))
            continue;
        for (uint32_t k = 0; k < target->image_count; k++)
            allowed = allowed || ot_digest_equal(&target->images[k].sha256, sha256) ||
                      fleet_patch_is_of(&target->images[k], sha256);
    }
    fleet_unlock(f);
    return allowed;
}
