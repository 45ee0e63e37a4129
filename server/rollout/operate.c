/* What operators do to a rollout: start, pause, resume, widen, retry, abort, recall. Each is told with its reason. */
#include "internal.h"

#include <stdio.h>

/* Has a ring behind this one been opened? Then this one had passed. */
static bool later_ring_was_open(const struct rollout *r, uint32_t ring)
{
    for (uint32_t i = ring + 1; i < r->plan.rings.count; i++) {
        if (r->rings[i].state != RING_WAITING)
            return true;
    }
    return false;
}

int rollout_start(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!rollout_move(r, ROLLOUT_ON_START, "", sink))
        return -1;
    rollout_tell(sink, ROLLOUT_NO_ONE, "started", "the rollout has started");
    rollout_advance(r, now_ms, sink);
    rollout_tick(r, now_ms, sink);
    return 0;
}

int rollout_pause(struct rollout *r, const char *reason, const struct rollout_sink *sink)
{
    if (!rollout_move(r, ROLLOUT_ON_PAUSE, reason, sink))
        return -1;
    rollout_tell(sink, ROLLOUT_NO_ONE, "paused", reason);
    return 0;
}

/* A ring that failed through a straggler after it had passed does not open a second time beside the next. */
static void resume_ring(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    g->opened_ms = now_ms; /* its time to be judged begins anew */
    if (g->state == RING_FAILED) {
        g->accepted = rollout_harmed(r, ring);
        rollout_compare_accept(g);
    }
    if (rollout_open_ring(r) >= 0 || later_ring_was_open(r, ring))
        (void)rollout_step(r, ring, RING_ON_RESUME_PAST, sink);
    else
        (void)rollout_step(r, ring, RING_ON_RESUME, sink);
    rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, ring, NULL, NULL);
}

static void go_on(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (rollout_open_ring(r) < 0)
        rollout_advance(r, now_ms, sink);
    for (uint32_t i = r->plan.rings.count; i > 0;
         i--) { /* the last to be open first: it is the one to look at */
        if (r->rings[i - 1].state != RING_WAITING)
            rollout_judge(r, i - 1, now_ms, sink);
    }
    rollout_tick(r, now_ms, sink);
}

/* A person goes on after a halt: what there was to see has been seen. */
static bool go_on_by(struct rollout *r, enum rollout_input input, const char *reason,
                     const struct rollout_sink *sink)
{
    if (rollout_next(r->state, input) < 0)
        return false;
    if (r->state == ROLLOUT_HALTED)
        rollout_watch_begin_anew(r);
    return rollout_move(r, input, reason, sink);
}

int rollout_resume(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!go_on_by(r, ROLLOUT_ON_RESUME, reason, sink))
        return -1;
    rollout_tell(sink, ROLLOUT_NO_ONE, "resumed", reason);
    for (uint32_t i = r->plan.rings.count; i > 0; i--) {
        if (r->rings[i - 1].state != RING_WAITING)
            resume_ring(r, i - 1, now_ms, sink);
    }
    go_on(r, now_ms, sink);
    return 0;
}

static bool has_stuck_ring(const struct rollout *r)
{
    bool stuck = false;
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        stuck = stuck || r->rings[i].state == RING_HELD || r->rings[i].state == RING_FAILED;
    return stuck;
}

int rollout_widen(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX + 64];
    if (!go_on_by(r, ROLLOUT_ON_WIDEN, reason, sink))
        return -1;
    bool stuck = has_stuck_ring(r); /* then it is meant, and not the ring that is open beside it */
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        bool is_open = r->rings[i].state == RING_ACTIVE || r->rings[i].state == RING_SOAKING;
        r->rings[i].accepted = rollout_harmed(r, i);
        rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, i, NULL, NULL);
        if ((stuck && is_open) || !rollout_step(r, i, RING_ON_WIDEN, sink))
            continue;
        snprintf(text, sizeof text, "ring %s counts as passed: %s", r->plan.rings.rings[i].name, reason);
        rollout_tell(sink, i, "ring_widened", text);
    }
    go_on(r, now_ms, sink);
    return 0;
}

int rollout_retry(struct rollout *r, uint32_t member, const char *reason, uint64_t now_ms,
                  const struct rollout_sink *sink)
{
    uint32_t found = 0;
    if (r->state == ROLLOUT_CREATED || rollout_is_over(r->state))
        return -1;
    for (uint32_t i = 0; i < r->member_count; i++) {
        enum attempt_state next = attempt_next(r->members[i].state, ATTEMPT_ON_RETRY);
        if ((member != UINT32_MAX && member != i) || next == r->members[i].state)
            continue;
        rollout_set_member(r, i, next, now_ms, sink);
        found++;
    }
    if (found == 0)
        return -1;
    rollout_tell(sink, ROLLOUT_NO_ONE, "retry", reason);
    return 0;
}

/* An end that a person has chosen: what has not switched is called back, what has finishes its probation. */
static int end_by(struct rollout *r, enum rollout_input input, const char *event, const char *reason,
                  uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!rollout_move(r, input, reason, sink))
        return -1;
    rollout_tell(sink, ROLLOUT_NO_ONE, event, reason);
    if (!OT_PLANTED(117))
        rollout_take_back(r, now_ms, sink);
    return 0;
}

int rollout_abort(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    return end_by(r, ROLLOUT_ON_ABORT, "aborted", reason, now_ms, sink);
}

int rollout_recall(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    return end_by(r, ROLLOUT_ON_RECALL, "recalled", reason, now_ms, sink);
}
