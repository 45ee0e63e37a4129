/* From an offer to the switch, and how an attempt ends. */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

enum agent_event agent_end(struct ot_agent *a, enum ot_event_kind outcome, enum ot_status reason)
{
    enum ot_status st = OT_PLANTED(19) ? OT_OK : agent_outbox_add(a, outcome, reason);
    if (OT_PLANTED(19)) {
        a->attempt.phase = OT_PHASE_NONE;
        st = agent_save_attempt(a);
        if (st == OT_OK)
            st = agent_outbox_add(a, outcome, reason);
    }
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
        return EV_NONE; /* the outcome must be durable before the attempt is forgotten: come again */
    }
    agent_log(a, AGENT_LOG_OUTCOME, (int32_t)outcome, reason);
    struct ot_attempt ended = a->attempt;
    memset(&a->attempt, 0, sizeof a->attempt);
    agent_patch_forget(a);
    a->attempt.last_target = ended.last_target;
    a->attempt.last_tries = outcome == OT_EVENT_CONFIRMED ? 0 : ended.last_tries;
    a->attempt.slot = OT_SLOT_NONE;
    st = agent_save_attempt(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st,
                  0); /* the outbox has the outcome: the next start clears the record */
    a->owes_self_test = false;
    a->verdict = (struct ot_verdict){0};
    a->next_poll_ms = 0;
    a->failures = 0;
    return EV_ENDED;
}

/* The slot an update goes to: the next one after the running slot, ota_0 from factory. */
static int8_t next_slot(const struct ot_facts *facts)
{
    if (facts->running_slot < 0)
        return 0;
    return (int8_t)((facts->running_slot + 1) % facts->ota_count);
}

/* Everything that can be told before a byte is fetched. */
static enum ot_status judge_offer(const struct ot_agent *a, const struct ot_wire_offer *o)
{
    if (o->image.block_bytes != OT_AGENT_BLOCK_BYTES || o->image.bytes == 0)
        return OT_E_WIRE_RANGE;
    if (o->image.bytes > a->facts.slot_bytes)
        return OT_E_IMAGE_TOO_LARGE;
    if (o->release < a->trust.floor)
        return OT_E_BELOW_FLOOR;
    if (o->undescribed && !a->facts.allows_undescribed)
        return OT_E_DESC_MISSING;
    if (a->facts.ota_count < 2)
        return OT_E_TABLE_SLOTS;
    return a->attempt.last_tries > a->config.attempts_max ? OT_E_TOO_MANY_ATTEMPTS : OT_OK;
}

static void take_offer(struct ot_agent *a, const struct ot_wire_offer *o)
{
    struct ot_attempt *t = &a->attempt;
    uint8_t tries = ot_digest_equal(&t->last_target, &o->target) ? t->last_tries : 0;
    memset(t, 0, sizeof *t);
    t->phase = OT_PHASE_DOWNLOADING;
    memcpy(t->id, o->attempt, sizeof t->id);
    t->release = o->release;
    memcpy(t->version, o->version, sizeof t->version);
    t->target = o->target;
    t->undescribed = o->undescribed;
    t->image = o->image;
    t->slot = OT_PLANTED(25) ? a->facts.running_slot : next_slot(&a->facts);
    t->last_target = o->target;
    t->last_tries = (uint8_t)(tries < 255 ? tries + 1 : tries);
}

static enum ot_status note_claim(struct ot_agent *a)
{
    if (!a->attempt.undescribed)
        return OT_OK;
    /* Keep the running image's claim; the other place is for the newcomer. */
    struct ot_claim *place =
        ot_digest_equal(&a->claims[0].digest, &a->running.digest) ? &a->claims[1] : &a->claims[0];
    place->digest = a->attempt.target;
    place->release = a->attempt.release;
    memcpy(place->version, a->attempt.version, sizeof place->version);
    return agent_save_claims(a);
}

/* The target runs. Proven: nothing to do. Else it has to show that it can do what is asked of it. */
static enum agent_event already_running(struct ot_agent *a)
{
    if (agent_is_proven(a))
        return agent_end(a, OT_EVENT_CONFIRMED, OT_OK);
    a->attempt.phase = OT_PHASE_PROBATION;
    a->owes_self_test = true;
    return agent_save_attempt(a) == OT_OK ? EV_PROBATION : agent_end(a, OT_EVENT_FAILED, OT_E_JOURNAL);
}

enum agent_event agent_work_offered(struct ot_agent *a)
{
    struct ot_wire_offer offer = a->u.reply.offer;
    if (a->wishes_open)
        agent_adopt(a); /* the running image is about to be the old one */
    take_offer(a, &offer);
    enum ot_status st = judge_offer(a, &offer);
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_REFUSED, st, 0);
        return agent_end(a, OT_EVENT_FAILED, st);
    }
    if (ot_digest_equal(&offer.target, &a->running.digest))
        return already_running(a);
    st = agent_patch_take(a, &offer);
    if (st == OT_OK)
        st = agent_save_attempt(a);
    if (st == OT_OK)
        st = note_claim(a);
    if (st == OT_OK)
        st = agent_outbox_add(a, OT_EVENT_DOWNLOADING, OT_OK);
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
        return agent_end(a, OT_EVENT_FAILED, st);
    }
    a->erased_to = UINT32_MAX;
    a->write_at = 0;
    a->window_count = 0;
    a->block_retries = 0;
    a->refusals = 0;
    /* Take the lease up at once. Without an answer the download itself goes on: the artifact tells if it is allowed. */
    (void)agent_check_in(a, OT_ASK_NOTHING);
    if (a->contact_since_boot && a->failures == 0 && a->u.reply.drop)
        return agent_end(a, OT_EVENT_WITHDRAWN, OT_E_WITHDRAWN);
    return EV_ACCEPTED;
}

enum agent_event agent_work_ask(struct ot_agent *a)
{
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms && a->failures > 0)
        return EV_NONE;
    if (!a->attempt.switching_reported) {
        a->attempt.switching_reported = true;
        bool told = agent_outbox_tells(a, OT_EVENT_SWITCHING, a->attempt.id);
        enum ot_status st = told ? OT_OK : agent_outbox_add(a, OT_EVENT_SWITCHING, OT_OK);
        if (st == OT_OK)
            st = agent_save_attempt(a);
        if (st != OT_OK) {
            a->attempt.switching_reported = false;
            return EV_NONE;
        }
        a->defer_since_ms = a->port->now_ms(a->port->ctx);
    }
    uint64_t deferred_ms = a->port->now_ms(a->port->ctx) - a->defer_since_ms;
    if (!a->port->may_restart(a->port->ctx) && deferred_ms < (uint64_t)a->config.defer_restart_max_s * 1000u)
        return EV_NONE;
    enum agent_event event = agent_check_in(a, OT_ASK_SWITCH);
    if (event != EV_AGAIN)
        return event;
    if (a->u.reply.switch_answer == OT_SWITCH_NO || a->u.reply.drop)
        return agent_end(a, OT_EVENT_WITHDRAWN, OT_E_WITHDRAWN);
    return a->u.reply.switch_answer == OT_SWITCH_GO ? EV_GO : EV_NONE;
}

enum agent_event agent_work_switch(struct ot_agent *a)
{
    if (a->attempt.switch_tries >= 3)
        return agent_end(a, OT_EVENT_FAILED, OT_E_NOT_ACCEPTED_BY_BOOT);
    a->attempt.phase = OT_PHASE_SWITCHING;
    a->attempt.switch_tries++;
    enum ot_status st = OT_PLANTED(20) ? OT_OK : agent_save_attempt(a);
    if (st != OT_OK)
        return EV_NONE;
    if (!ot_verdict_accepts(&a->verdict, &a->attempt.target))
        st = OT_E_STATE;
    else
        st = a->port->set_boot(a->port->ctx, a->attempt.slot, &a->verdict);
    if (st != OT_OK)
        return agent_end(a, OT_EVENT_FAILED, st);
    return EV_SWITCHED;
}
