/*
 * Rings open, widen, soak, pass or are held as time goes by: rollout_tick(). What is good enough, judge.c says.
 */
#include "internal.h"

#include "rollout/verdict.h"

#include <inttypes.h>
#include <stdio.h>

int rollout_open_ring(const struct rollout *r)
{
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (r->rings[i].state == RING_ACTIVE || r->rings[i].state == RING_SOAKING)
            return (int)i;
    }
    return -1;
}

static void activate(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[120];
    struct rollout_ring *g = &r->rings[ring];
    g->bound = r->plan.rings.rings[ring].kind == RING_NAMED ? UINT32_MAX : r->plan.in_flight;
    g->resolved_at_widening = 0;
    g->opened_ms = now_ms;
    (void)rollout_step(r, ring, RING_ON_OPEN, sink);
    snprintf(text, sizeof text, "ring %s is open: %" PRIu32 " devices", r->plan.rings.rings[ring].name,
             g->members);
    rollout_tell(sink, ring, "ring_active", text);
}

void rollout_advance(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (r->rings[i].state != RING_WAITING)
            continue;
        activate(r, i, now_ms, sink);
        return;
    }
    (void)rollout_move(r, ROLLOUT_ON_ALL_PASSED, "every ring has passed", sink);
    rollout_tell(sink, ROLLOUT_NO_ONE, "finished", "every ring has passed");
}

/* --- time --- */

/* Each leaves its queue by what becomes of it, so the next is first. */
static void age_queue(struct rollout *r, enum rollout_queue_kind kind, uint64_t limit_ms,
                      enum attempt_input input, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (struct rollout_member *m = rollout_queue_first(r, kind);
         m != NULL && now_ms - rollout_queue_since(m) >= limit_ms &&
         !(OT_PLANTED(109) && attempt_has_switched(m->state));
         m = rollout_queue_first(r, kind)) {
        enum attempt_state next = attempt_next(m->state, input);
        rollout_set_member(r, (uint32_t)(m - r->members), next, now_ms, sink);
        if (attempt_is_harm(next) && !OT_PLANTED(111))
            rollout_judge(r, m->ring, now_ms, sink);
    }
}

/*
 * Leases and attempts grow old in every state of the rollout, aborted too: each attempt ends in an outcome. Who confirmed
 * and is not heard of before its soak is complete is harm as long as it stays so; behind an end nobody asks for soak.
 */
static void age_members(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    uint64_t stale_ms = (uint64_t)r->plan.stale_after_s * 1000u;
    age_queue(r, QUEUE_LEASES, (uint64_t)r->plan.lease_s * 1000u, ATTEMPT_ON_LEASE_OVER, now_ms, sink);
    age_queue(r, QUEUE_WORK, stale_ms, ATTEMPT_ON_STALE, now_ms, sink);
    if (!rollout_is_over(r->state) && !OT_PLANTED(118))
        age_queue(r, QUEUE_SOAK, stale_ms, ATTEMPT_ON_STALE, now_ms, sink);
}

/* Twice as many at a time once a full bound of attempts has come out well. */
static void widen(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    uint32_t resolved = rollout_resolved(r, ring);
    if (g->bound == UINT32_MAX || (resolved < g->resolved_at_widening + g->bound && !OT_PLANTED(113)))
        return;
    if (rollout_harmed(r, ring) * 100u > r->plan.max_failure_percent * resolved)
        return;
    g->resolved_at_widening = resolved;
    g->bound = g->bound > UINT32_MAX / 4 ? g->bound : g->bound * 2;
    if (!OT_PLANTED(106))
        rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, ring, NULL, NULL);
}

/*
 * A ring has spoken when nothing is in flight and enough of its members are resolved. Members that never showed up do
 * not hold it for ever: the quorum is of its members, and below it the ring waits for more of them (or for a person).
 */
static bool has_spoken(const struct rollout *r, uint32_t ring)
{
    const struct rollout_ring *g = &r->rings[ring];
    uint32_t resolved = rollout_resolved(r, ring);
    return (rollout_in_flight(r, ring) == 0 || OT_PLANTED(108)) &&
           resolved * 100u >= g->members * r->plan.quorum_percent;
}

static bool has_soaked(const struct rollout *r, uint32_t ring)
{
    uint32_t confirmed = r->rings[ring].counts[ATTEMPT_CONFIRMED];
    return OT_PLANTED(107) || rollout_soaked(r, ring) * 100u >= confirmed * r->plan.quorum_percent;
}

static void pass(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX + 80], why[ROLLOUT_REASON_MAX] = "nobody is in it";
    struct rollout_gate gate = rollout_gate(r, ring);
    if (r->rings[ring].members > 0)
        rollout_gate_text(&gate, why, sizeof why);
    snprintf(text, sizeof text, "ring %s has passed: %s", r->plan.rings.rings[ring].name, why);
    (void)rollout_step(r, ring, RING_ON_ENOUGH, sink);
    rollout_tell(sink, ring, "ring_passed", text);
    rollout_advance(r, now_ms, sink);
}

static void hold(struct rollout *r, uint32_t ring, const char *text, const struct rollout_sink *sink)
{
    (void)rollout_step(r, ring, RING_ON_DECIDE_BY, sink);
    (void)rollout_move(r, ROLLOUT_ON_DECIDE_BY, text, sink);
    rollout_tell(sink, ring, "ring_held", text);
}

/* The first gate with this verdict, in words. */
static void say_gate(const struct rollout *r, uint32_t ring, enum gate_verdict verdict, const char *end,
                     char text[ROLLOUT_REASON_MAX])
{
    char why[240] = "";
    const struct ring_end *looked = &r->rings[ring].end;
    for (uint32_t i = looked->count; i > 0; i--) {
        if (looked->gates[i - 1].verdict == verdict)
            ring_end_gate_text(&r->plan, &looked->gates[i - 1], why, sizeof why);
    }
    snprintf(text, ROLLOUT_REASON_MAX, "ring %s: %.150s%s", r->plan.rings.rings[ring].name, why, end);
}

/* The look at its end, beside the control. True: nothing speaks against it. */
static bool is_no_worse(struct rollout *r, uint32_t ring, uint32_t look, uint64_t now_ms,
                        const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX];
    enum gate_verdict verdict = rollout_compare(r, ring, look, now_ms, sink);
    if (verdict == GATE_FAIL) {
        say_gate(r, ring, verdict, "", text);
        rollout_halt(r, ring, text, now_ms, sink);
    } else if (verdict == GATE_NOT_ENOUGH && look == RING_END_LOOKED) {
        say_gate(r, ring, verdict, "; widen, resume or abort", text);
        hold(r, ring, text, sink);
    }
    return verdict == GATE_PASS;
}

/* Its time is over and it has neither passed nor failed: devices that never come must not keep it open for ever. */
static void hold_out_of_time(struct rollout *r, uint32_t ring, uint64_t now_ms,
                             const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX];
    if (rollout_compare_due(r, now_ms))
        (void)is_no_worse(r, ring, RING_END_LOOKED_OUT_OF_TIME, now_ms, sink);
    if (r->state != ROLLOUT_RUNNING)
        return; /* it has failed */
    snprintf(text, sizeof text,
             "ring %s: not enough evidence in its time: %" PRIu32 " of %" PRIu32 " devices resolved, %" PRIu32
             " soaked, %" PRIu32 " in flight; resume, widen or abort",
             r->plan.rings.rings[ring].name, rollout_resolved(r, ring), r->rings[ring].members,
             rollout_soaked(r, ring), rollout_in_flight(r, ring));
    hold(r, ring, text, sink);
}

/* Everybody has answered, and the answers do not say enough: time alone brings no more. */
static void hold_undecided(struct rollout *r, uint32_t ring, const struct rollout_gate *gate,
                           const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX], why[ROLLOUT_REASON_MAX];
    rollout_gate_text(gate, why, sizeof why);
    snprintf(text, sizeof text, "ring %s: %.130s; widen, retry or abort", r->plan.rings.rings[ring].name,
             why);
    hold(r, ring, text, sink);
}

/* A ring that has answered and soaked: does that show enough? */
static void step_soaked(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_gate gate = rollout_gate(r, ring);
    bool is_end = gate.verdict == GATE_PASS || gate.resolved == r->rings[ring].members;
    if (!is_end || !rollout_compare_due(r, now_ms) || !is_no_worse(r, ring, RING_END_LOOKED, now_ms, sink))
        return;
    if (gate.verdict == GATE_PASS)
        pass(r, ring, now_ms, sink);
    else
        hold_undecided(r, ring, &gate, sink);
}

static void step_ring(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    if (g->members == 0) {
        pass(r, ring, now_ms, sink);
        return;
    }
    if (g->state == RING_SOAKING && !has_spoken(r, ring))
        (void)rollout_step(r, ring, RING_ON_UNANSWERED, sink);
    if (g->state == RING_ACTIVE)
        widen(r, ring, sink);
    if (g->state == RING_ACTIVE && has_spoken(r, ring)) {
        (void)rollout_step(r, ring, RING_ON_ANSWERED, sink);
        if (r->plan.soak_s > 0)
            rollout_tell(sink, ring, "ring_soaking", "every device has answered; the ring soaks");
    }
    if (g->state == RING_SOAKING && has_soaked(r, ring))
        step_soaked(r, ring, now_ms, sink);
    bool is_open = g->state == RING_ACTIVE || g->state == RING_SOAKING;
    if (is_open && !OT_PLANTED(110) &&
        now_ms - g->opened_ms >= (uint64_t)rollout_plan_decide_by_s(&r->plan) * 1000u)
        hold_out_of_time(r, ring, now_ms, sink);
}

/* The ring to look at when all that run the release are worse off. */
static uint32_t last_open_ring(const struct rollout *r)
{
    uint32_t ring = 0;
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        ring = r->rings[i].state != RING_WAITING ? i : ring;
    return ring;
}

void rollout_tick(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_CREATED)
        age_members(r, now_ms, sink); /* aborted too: each attempt ends in an outcome */
    int watched = rollout_open_ring(r);
    if (rollout_watch_tick(r, now_ms)) {
        rollout_emit(sink, EFFECT_ROLLOUT, ROLLOUT_NO_ONE, ROLLOUT_NO_ONE, NULL, NULL);
        if (watched >= 0)
            rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, (uint32_t)watched, NULL, NULL);
        rollout_judge(r, last_open_ring(r), now_ms, sink);
    }
    for (int ring = rollout_open_ring(r); r->state == ROLLOUT_RUNNING && ring >= 0;) {
        step_ring(r, (uint32_t)ring, now_ms, sink);
        int next = rollout_open_ring(r);
        if (next == ring)
            return;
        ring = next;
    }
}
