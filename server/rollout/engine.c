/*
 * The rollout engine: offers, reports, time. States move by the tables of machine.c and attempt.c alone; what must hold
 * after every call stands in check.c.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- effects --- */

void rollout_emit(const struct rollout_sink *sink, enum rollout_effect_kind kind, uint32_t member,
                  uint32_t ring, const char *event, const char *text)
{
    struct rollout_effect e = {.kind = kind, .member = member, .ring = ring, .event = event, .text = text};
    sink->effect(sink->ctx, &e);
}

void rollout_tell(const struct rollout_sink *sink, uint32_t ring, const char *event, const char *text)
{
    rollout_emit(sink, EFFECT_TIMELINE, ROLLOUT_NO_ONE, ring, event, text);
}

/* One step of a ring by its table; false when the input means nothing now. */
bool rollout_step(struct rollout *r, uint32_t ring, enum ring_input input, const struct rollout_sink *sink)
{
    int next = ring_next(r->rings[ring].state, input);
    if (next < 0)
        return false;
    r->rings[ring].state = (enum ring_state)next;
    rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, ring, NULL, NULL);
    return true;
}

/* The same for the rollout, with the reason that people read. */
bool rollout_move(struct rollout *r, enum rollout_input input, const char *reason,
                  const struct rollout_sink *sink)
{
    int next = rollout_next(r->state, input);
    if (next < 0)
        return false;
    r->state = (enum rollout_state)next;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    rollout_emit(sink, EFFECT_ROLLOUT, ROLLOUT_NO_ONE, ROLLOUT_NO_ONE, NULL, NULL);
    return true;
}

/* --- counts --- */

uint32_t rollout_in_flight(const struct rollout *r, uint32_t ring)
{
    uint32_t n = 0;
    for (unsigned s = 0; s < ATTEMPT_STATES; s++)
        n += attempt_is_open((enum attempt_state)s) ? r->rings[ring].counts[s] : 0;
    return n;
}

uint32_t rollout_resolved(const struct rollout *r, uint32_t ring)
{
    uint32_t n = 0;
    for (unsigned s = 0; s < ATTEMPT_STATES; s++)
        n += attempt_is_resolved((enum attempt_state)s) ? r->rings[ring].counts[s] : 0;
    return n;
}

uint32_t rollout_harmed(const struct rollout *r, uint32_t ring)
{
    uint32_t n = 0;
    for (unsigned s = 0; s < ATTEMPT_STATES; s++)
        n += attempt_is_harm((enum attempt_state)s) ? r->rings[ring].counts[s] : 0;
    return n;
}

uint32_t rollout_soaked(const struct rollout *r, uint32_t ring)
{
    return r->rings[ring].tally.soaked;
}

void rollout_set_member(struct rollout *r, uint32_t index, enum attempt_state state, uint64_t now_ms,
                        const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[index];
    rollout_uncount(r, m);
    m->state = state;
    m->changed_ms = now_ms;
    rollout_count(r, m);
    rollout_requeue(r, m);
    rollout_emit(sink, EFFECT_MEMBER, index, m->ring, NULL, NULL);
}

/* --- offers --- */

enum rollout_answer rollout_may_offer(const struct rollout *r, uint32_t member)
{
    const struct rollout_member *m = &r->members[member];
    if (attempt_is_open(m->state) && !OT_PLANTED(114))
        return ROLLOUT_IN_PROGRESS;
    if (attempt_is_resolved(m->state))
        return ROLLOUT_ALREADY_DONE;
    if (r->state != ROLLOUT_RUNNING && r->state != ROLLOUT_FINISHED &&
        !(OT_PLANTED(101) && r->state == ROLLOUT_PAUSED))
        return ROLLOUT_NOT_RUNNING;
    /* A ring that has passed stays open for its stragglers: they were offline, not refused. */
    const struct rollout_ring *g = &r->rings[m->ring];
    if (g->state != RING_ACTIVE && g->state != RING_SOAKING && g->state != RING_PASSED)
        return ROLLOUT_RING_NOT_OPEN;
    uint32_t in_flight =
        rollout_in_flight(r, m->ring) - (OT_PLANTED(102) && rollout_in_flight(r, m->ring) > 0);
    return in_flight < g->bound ? ROLLOUT_OFFER : ROLLOUT_BOUND_REACHED;
}

const char *rollout_answer_text(enum rollout_answer answer)
{
    switch (answer) {
    case ROLLOUT_OFFER:
        return "it is offered at the next check-in";
    case ROLLOUT_NOT_RUNNING:
        return "the rollout is not running";
    case ROLLOUT_RING_NOT_OPEN:
        return "its ring is not open yet";
    case ROLLOUT_BOUND_REACHED:
        return "its ring has as many devices in flight as its bound allows";
    case ROLLOUT_ALREADY_DONE:
        return "its attempt has ended";
    case ROLLOUT_IN_PROGRESS:
        return "an attempt is in progress";
    default:
        return "unknown";
    }
}

void rollout_offer(struct rollout *r, uint32_t member, uint64_t attempt, uint64_t now_ms,
                   const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    m->attempt = attempt;
    m->offered_ms = now_ms;
    m->reason = OT_OK;
    rollout_set_member(r, member, ATTEMPT_OFFERED, now_ms, sink);
}

enum rollout_switch rollout_switch_wanted(const struct rollout *r, uint32_t member)
{
    if (!attempt_is_open(r->members[member].state) || r->state == ROLLOUT_HALTED || rollout_is_over(r->state))
        return ROLLOUT_SWITCH_NO;
    return r->state == ROLLOUT_PAUSED ? ROLLOUT_SWITCH_WAIT : ROLLOUT_SWITCH_GO;
}

/* --- reports --- */

static void begin_soak(struct rollout_member *m, uint64_t now_ms)
{
    m->soak_ms = m->exposure_ms = 0;
    m->seen_ms = now_ms;
    m->soak_running = true;
    m->crashes_base = m->crashes_seen;
}

void rollout_event(struct rollout *r, uint32_t member, enum ot_event_kind kind, enum ot_status reason,
                   bool runs_target, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    int input = attempt_input_of(kind);
    if (input < 0)
        return;
    if (kind == OT_EVENT_CONFIRMED && !runs_target && !OT_PLANTED(103))
        return; /* it says so and runs something else: no evidence of success */
    enum attempt_state next = attempt_next(m->state, (enum attempt_input)input);
    if (OT_PLANTED(115) && next == m->state && kind == OT_EVENT_REVERTED && m->state == ATTEMPT_CONFIRMED)
        next = ATTEMPT_REVERTED;
    if (next == m->state)
        return;
    m->reason = reason;
    if (next == ATTEMPT_CONFIRMED) {
        begin_soak(m, now_ms);
        m->values.known = 0; /* those of the image before */
    }
    rollout_set_member(r, member, next, now_ms, sink);
    if (attempt_is_harm(next))
        rollout_judge(r, m->ring, now_ms, sink);
}

/* It does not run the release (yet, or any more): its counters begin anew. */
static bool seen_elsewhere(struct rollout_member *m, const struct rollout_counters *counters, uint64_t now_ms)
{
    uint32_t crashes = counters->of[WATCH_CRASHES];
    bool changed = m->soak_running || m->crashes_base != crashes || m->crashes_seen != crashes ||
                   m->links_seen != counters->of[WATCH_LINK_LOSSES];
    m->soak_running = false;
    m->crashes_base = m->crashes_seen = crashes;
    m->links_seen = counters->of[WATCH_LINK_LOSSES];
    m->seen_ms = now_ms;
    return changed;
}

static void seen_soaking(struct rollout_member *m, const struct rollout_counters *counters, uint64_t now_ms,
                         uint64_t cap)
{
    uint64_t gap = now_ms - m->seen_ms;
    if (gap > cap && !OT_PLANTED(104))
        gap = cap;
    if (m->soak_running) {
        m->soak_ms += gap;
        m->exposure_ms += gap;
    }
    m->soak_running = true;
    m->seen_ms = now_ms;
    m->crashes_seen = counters->of[WATCH_CRASHES];
    m->links_seen = counters->of[WATCH_LINK_LOSSES];
}

/* Only of the image that its state speaks of: the release's once it has confirmed, the other one's while it waits. */
static void take_values(struct rollout_member *m, bool runs_target, const struct rollout_values *values)
{
    if (runs_target == (m->state == ATTEMPT_CONFIRMED))
        m->values = *values;
    else
        m->values.known = 0;
}

void rollout_restore_values(struct rollout *r, uint32_t member, bool runs_target,
                            const struct rollout_values *values)
{
    take_values(&r->members[member], runs_target, values);
}

void rollout_seen(struct rollout *r, uint32_t member, bool runs_target,
                  const struct rollout_counters *counters, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    bool crashed = counters->of[WATCH_CRASHES] > m->crashes_seen,
         soaks = m->state == ATTEMPT_CONFIRMED && runs_target;
    bool changed = true;
    if (m->state == ATTEMPT_SILENT && m->soak_running && runs_target) { /* it had confirmed, and is back */
        rollout_set_member(r, member, attempt_next(m->state, ATTEMPT_ON_HEARD), now_ms, sink);
        soaks = true;
    }
    rollout_watch_seen(r, member, runs_target, counters, now_ms);
    rollout_uncount(r, m);
    if (soaks)
        seen_soaking(m, counters, now_ms, (uint64_t)r->poll_s * 3000u);
    else
        changed = seen_elsewhere(m, counters, now_ms);
    rollout_count(r, m);
    take_values(m, runs_target, &counters->values);
    if (m->queue == QUEUE_SOAK || soaks) /* the others are not ordered by when they were seen */
        rollout_requeue(r, m);
    if (changed)
        rollout_emit(sink, EFFECT_MEMBER, member, m->ring, NULL, NULL);
    if (soaks && crashed)
        rollout_judge(r, m->ring, now_ms, sink);
}

void rollout_adopt(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    if (attempt_is_open(m->state) || attempt_is_resolved(m->state))
        return; /* the attempt says how it ended */
    begin_soak(m, now_ms);
    rollout_set_member(r, member, ATTEMPT_CONFIRMED, now_ms, sink);
}

void rollout_alive(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    if (!attempt_is_open(m->state) || m->state == ATTEMPT_OFFERED || m->changed_ms == now_ms)
        return;
    m->changed_ms = now_ms; /* stored: a restart of the server must not make it silent */
    rollout_requeue(r, m);
    rollout_emit(sink, EFFECT_MEMBER, member, m->ring, NULL, NULL);
}

uint32_t rollout_ring_for_joiner(const struct rollout *r, uint32_t ring)
{
    int open = rollout_open_ring(r);
    return r->rings[ring].state == RING_PASSED && open >= 0 ? (uint32_t)open : ring;
}

void rollout_joined(struct rollout *r, const struct rollout_sink *sink)
{
    uint32_t last = r->member_count - 1;
    r->rings[r->members[last].ring].members++;
    rollout_count(r, &r->members[last]);
    rollout_requeue(r, &r->members[last]);
    rollout_emit(sink, EFFECT_MEMBER, last, r->members[last].ring, NULL, NULL);
}
