/*
 * The outbox: events the server has not acknowledged. Durable before they are sent, repeated until acknowledged.
 *
 * When it is full the oldest progress event goes first; an outcome never does. (Eight outcomes in a row without one
 * contact would fill it with outcomes: then a new attempt cannot start, because a new attempt needs an offer, which
 * needs a contact.)
 */
#include "work.h"

#include "otaria/planted.h"

#include <string.h>

static bool same_id(const char *a, const char *b)
{
    return memcmp(a, b, OT_ATTEMPT_ID_MAX) == 0;
}

bool agent_outbox_has_outcome(const struct ot_agent *a, const char *attempt)
{
    for (uint32_t i = 0; i < a->outbox.count; i++) {
        if (ot_event_is_outcome(a->outbox.events[i].kind) && same_id(a->outbox.events[i].attempt, attempt))
            return true;
    }
    return false;
}

bool agent_outbox_tells(const struct ot_agent *a, enum ot_event_kind kind, const char *attempt)
{
    for (uint32_t i = 0; i < a->outbox.count; i++) {
        if (a->outbox.events[i].kind == kind && same_id(a->outbox.events[i].attempt, attempt))
            return true;
    }
    return false;
}

static void drop(struct ot_outbox *box, uint32_t index)
{
    box->count--;
    memmove(&box->events[index], &box->events[index + 1], (box->count - index) * sizeof box->events[0]);
}

/* Progress may be lost; what became of an image may not. */
static bool may_be_dropped(enum ot_event_kind kind)
{
    return !ot_event_is_outcome(kind) && kind != OT_EVENT_LATE_REVERT && kind != OT_EVENT_KEY_KEPT;
}

/* Make room for one more. False when all are outcomes. */
static bool make_room(struct ot_outbox *box)
{
    if (box->count < OT_AGENT_OUTBOX_EVENTS)
        return true;
    for (uint32_t i = 0; i < box->count; i++) {
        if (may_be_dropped(box->events[i].kind)) {
            drop(box, i);
            return true;
        }
    }
    return false;
}

static enum ot_status put(struct ot_agent *a, const char *attempt, enum ot_event_kind kind,
                          enum ot_status reason, enum ot_way way, uint32_t bytes)
{
    struct ot_outbox *box = &a->outbox;
    if (!make_room(box))
        return may_be_dropped(kind) ? OT_OK : OT_E_JOURNAL;
    struct ot_wire_event *e = &box->events[box->count++];
    memset(e, 0, sizeof *e);
    e->seq = OT_PLANTED(22) ? 1u : box->next_seq++;
    e->kind = kind;
    e->reason = reason;
    e->way = way;
    e->bytes = bytes;
    memcpy(e->attempt, attempt, OT_ATTEMPT_ID_MAX);
    enum ot_status st = agent_save_outbox(a);
    if (st != OT_OK) { /* not durable: not there */
        box->count--;
        box->next_seq--;
    }
    return st;
}

enum ot_status agent_outbox_add(struct ot_agent *a, enum ot_event_kind kind, enum ot_status reason)
{
    if (a->attempt.id[0] == '\0')
        return OT_OK; /* probation of an image nobody offered: nothing to report it under */
    if (!OT_PLANTED(21) && ot_event_is_outcome(kind) && agent_outbox_has_outcome(a, a->attempt.id))
        return OT_OK;
    return put(a, a->attempt.id, kind, reason, agent_way(a), a->attempt.received_bytes);
}

enum ot_status agent_outbox_add_late(struct ot_agent *a, const char *attempt, enum ot_event_kind kind,
                                     enum ot_status reason)
{
    return agent_outbox_tells(a, kind, attempt) ? OT_OK : put(a, attempt, kind, reason, OT_WAY_FULL, 0);
}

enum ot_status agent_outbox_ack(struct ot_agent *a, uint32_t ack)
{
    struct ot_outbox *box = &a->outbox;
    uint32_t before = box->count;
    while (box->count > 0 && box->events[0].seq <= ack) {
        agent_log(a, AGENT_LOG_ACKED, (int32_t)box->events[0].seq, (int32_t)box->events[0].kind);
        drop(box, 0);
    }
    return box->count != before ? agent_save_outbox(a) : OT_OK;
}
