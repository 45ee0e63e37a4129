/*
 * The rollout engine: offers, reports, time. States move by the tables of machine.c and attempt.c alone; what must hold
 * after every call stands in check.c.
 */
#include "rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_ONE UINT32_MAX
#define DAY_MS 86400000u

/* --- effects --- */

static void emit(const struct rollout_sink *sink, enum rollout_effect_kind kind, uint32_t member,
                 uint32_t ring, const char *event, const char *text)
{
    struct rollout_effect e = {.kind = kind, .member = member, .ring = ring, .event = event, .text = text};
    sink->effect(sink->ctx, &e);
}

static void tell(const struct rollout_sink *sink, uint32_t ring, const char *event, const char *text)
{
    emit(sink, EFFECT_TIMELINE, NO_ONE, ring, event, text);
}

/* One step of a ring by its table; false when the input means nothing now. */
static bool step(struct rollout *r, uint32_t ring, enum ring_input input, const struct rollout_sink *sink)
{
    int next = ring_next(r->rings[ring].state, input);
    if (next < 0)
        return false;
    r->rings[ring].state = (enum ring_state)next;
    emit(sink, EFFECT_RING, NO_ONE, ring, NULL, NULL);
    return true;
}

/* The same for the rollout, with the reason that people read. */
static bool move(struct rollout *r, enum rollout_input input, const char *reason,
                 const struct rollout_sink *sink)
{
    int next = rollout_next(r->state, input);
    if (next < 0)
        return false;
    r->state = (enum rollout_state)next;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    emit(sink, EFFECT_ROLLOUT, NO_ONE, NO_ONE, NULL, NULL);
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
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        n += m->ring == ring && m->state == ATTEMPT_CONFIRMED &&
             m->soak_ms >= (uint64_t)r->plan.soak_s * 1000u;
    }
    return n;
}

static void set_member(struct rollout *r, uint32_t index, enum attempt_state state, uint64_t now_ms,
                       const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[index];
    r->rings[m->ring].counts[m->state]--;
    m->state = state;
    m->changed_ms = now_ms;
    r->rings[m->ring].counts[state]++;
    emit(sink, EFFECT_MEMBER, index, m->ring, NULL, NULL);
}

/* --- rings --- */

static int open_ring(const struct rollout *r)
{
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (r->rings[i].state == RING_ACTIVE || r->rings[i].state == RING_SOAKING)
            return (int)i;
    }
    return -1;
}

/* Has a ring behind this one been opened? Then this one had passed. */
static bool later_ring_was_open(const struct rollout *r, uint32_t ring)
{
    for (uint32_t i = ring + 1; i < r->plan.rings.count; i++) {
        if (r->rings[i].state != RING_WAITING)
            return true;
    }
    return false;
}

static void activate(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[120];
    struct rollout_ring *g = &r->rings[ring];
    g->bound = r->plan.rings.rings[ring].kind == RING_NAMED ? UINT32_MAX : r->plan.in_flight;
    g->resolved_at_widening = 0;
    g->opened_ms = now_ms;
    (void)step(r, ring, RING_ON_OPEN, sink);
    snprintf(text, sizeof text, "ring %s is open: %" PRIu32 " devices", r->plan.rings.rings[ring].name,
             g->members);
    tell(sink, ring, "ring_active", text);
}

/* The next ring opens, or nothing is left. */
static void advance(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (r->rings[i].state != RING_WAITING)
            continue;
        activate(r, i, now_ms, sink);
        return;
    }
    (void)move(r, ROLLOUT_ON_ALL_PASSED, "every ring has passed", sink);
    tell(sink, NO_ONE, "finished", "every ring has passed");
}

void rollout_prepare(struct rollout *r)
{
    for (uint32_t i = 0; i < ROLLOUT_RINGS_MAX; i++) {
        r->rings[i].members = 0;
        memset(r->rings[i].counts, 0, sizeof r->rings[i].counts);
    }
    for (uint32_t i = 0; i < r->member_count; i++) {
        struct rollout_ring *g = &r->rings[r->members[i].ring];
        g->members++;
        g->counts[r->members[i].state]++;
    }
}

/* --- offers --- */

enum rollout_answer rollout_may_offer(const struct rollout *r, uint32_t member)
{
    const struct rollout_member *m = &r->members[member];
    if (attempt_is_open(m->state))
        return ROLLOUT_IN_PROGRESS;
    if (attempt_is_resolved(m->state))
        return ROLLOUT_ALREADY_DONE;
    if (r->state != ROLLOUT_RUNNING && r->state != ROLLOUT_FINISHED)
        return ROLLOUT_NOT_RUNNING;
    /* A ring that has passed stays open for its stragglers: they were offline, not refused. */
    const struct rollout_ring *g = &r->rings[m->ring];
    if (g->state != RING_ACTIVE && g->state != RING_SOAKING && g->state != RING_PASSED)
        return ROLLOUT_RING_NOT_OPEN;
    return rollout_in_flight(r, m->ring) < g->bound ? ROLLOUT_OFFER : ROLLOUT_BOUND_REACHED;
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
    set_member(r, member, ATTEMPT_OFFERED, now_ms, sink);
}

enum rollout_switch rollout_switch_wanted(const struct rollout *r, uint32_t member)
{
    if (!attempt_is_open(r->members[member].state) || r->state == ROLLOUT_HALTED ||
        r->state == ROLLOUT_ABORTED)
        return ROLLOUT_SWITCH_NO;
    return r->state == ROLLOUT_PAUSED ? ROLLOUT_SWITCH_WAIT : ROLLOUT_SWITCH_GO;
}

/* --- limits --- */

static void take_offers_back(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (uint32_t i = 0; i < r->member_count; i++) {
        enum attempt_state next = attempt_next(r->members[i].state, ATTEMPT_ON_SUPERSEDE);
        if (next != r->members[i].state)
            set_member(r, i, ATTEMPT_WITHDRAWN, now_ms, sink);
    }
}

static void halt(struct rollout *r, uint32_t ring, const char *text, uint64_t now_ms,
                 const struct rollout_sink *sink)
{
    (void)step(r, ring, RING_ON_HARM, sink);
    (void)move(r, ROLLOUT_ON_HARM, text, sink);
    tell(sink, ring, "halted", text);
    take_offers_back(r, now_ms, sink);
}

/* Harmed of resolved above the limit; two devices at least, or one in a ring of one or two. */
static bool too_much_harm(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    uint32_t resolved = rollout_resolved(r, ring), harmed = rollout_harmed(r, ring);
    uint32_t enough = r->rings[ring].members <= 2 ? 1 : 2;
    if (harmed < enough || harmed <= r->rings[ring].accepted ||
        harmed * 100u <= r->plan.max_failure_percent * resolved)
        return false;
    snprintf(text, len,
             "ring %s: %" PRIu32 " of %" PRIu32 " resolved devices were harmed; the limit is %" PRIu32 " %%",
             r->plan.rings.rings[ring].name, harmed, resolved, r->plan.max_failure_percent);
    return true;
}

/* Crashes per device and day among those that run the release; each device counts once a day, two devices at least. */
static bool too_many_crashes(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    uint64_t exposure_ms = 0, crashes = 0, devices = 0;
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        if (m->ring != ring || m->state != ATTEMPT_CONFIRMED)
            continue;
        uint32_t seen = m->crashes_seen - m->crashes_base;
        uint64_t days = m->exposure_ms / DAY_MS + 1u;
        exposure_ms += m->exposure_ms;
        crashes += seen < days ? seen : days;
        devices += seen > 0;
    }
    if (devices < 2 || crashes * DAY_MS * 100u <= (uint64_t)r->plan.max_crashes_per_device_day * exposure_ms)
        return false;
    snprintf(text, len,
             "ring %s: %" PRIu64 " devices crashed after the update (%" PRIu64 " device-days %" PRIu64
             "); the limit is "
             "%" PRIu32 ".%02" PRIu32 " a day",
             r->plan.rings.rings[ring].name, devices, crashes, exposure_ms / DAY_MS,
             r->plan.max_crashes_per_device_day / 100u, r->plan.max_crashes_per_device_day % 100u);
    return true;
}

static void judge(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX];
    /* A finished rollout still reaches stragglers, and still stops when they are harmed. */
    if (r->state != ROLLOUT_RUNNING && r->state != ROLLOUT_FINISHED)
        return;
    if (too_much_harm(r, ring, text, sizeof text) || too_many_crashes(r, ring, text, sizeof text))
        halt(r, ring, text, now_ms, sink);
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
    if (kind == OT_EVENT_CONFIRMED && !runs_target)
        return; /* it says so and runs something else: no evidence of success */
    enum attempt_state next = attempt_next(m->state, (enum attempt_input)input);
    if (next == m->state)
        return;
    m->reason = reason;
    if (next == ATTEMPT_CONFIRMED)
        begin_soak(m, now_ms);
    set_member(r, member, next, now_ms, sink);
    if (attempt_is_harm(next))
        judge(r, m->ring, now_ms, sink);
}

void rollout_seen(struct rollout *r, uint32_t member, bool runs_target, uint32_t crashes, uint64_t now_ms,
                  const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    uint64_t cap = (uint64_t)r->poll_s * 3000u;
    if (m->state != ATTEMPT_CONFIRMED || !runs_target) {
        bool changed = m->soak_running || m->crashes_base != crashes || m->crashes_seen != crashes;
        m->soak_running = false;
        m->crashes_base = m->crashes_seen = crashes;
        m->seen_ms = now_ms;
        if (changed)
            emit(sink, EFFECT_MEMBER, member, m->ring, NULL, NULL);
        return;
    }
    uint64_t gap = now_ms - m->seen_ms;
    if (gap > cap)
        gap = cap;
    if (m->soak_running) {
        m->soak_ms += gap;
        m->exposure_ms += gap;
    }
    m->soak_running = true;
    m->seen_ms = now_ms;
    bool crashed = crashes > m->crashes_seen;
    m->crashes_seen = crashes;
    emit(sink, EFFECT_MEMBER, member, m->ring, NULL, NULL);
    if (crashed)
        judge(r, m->ring, now_ms, sink);
}

void rollout_adopt(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    if (attempt_is_open(m->state) || attempt_is_resolved(m->state))
        return; /* the attempt says how it ended */
    begin_soak(m, now_ms);
    set_member(r, member, ATTEMPT_CONFIRMED, now_ms, sink);
}

void rollout_alive(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    if (!attempt_is_open(m->state) || m->state == ATTEMPT_OFFERED || m->changed_ms == now_ms)
        return;
    m->changed_ms = now_ms; /* stored: a restart of the server must not make it silent */
    emit(sink, EFFECT_MEMBER, member, m->ring, NULL, NULL);
}

uint32_t rollout_ring_for_joiner(const struct rollout *r, uint32_t ring)
{
    int open = open_ring(r);
    return r->rings[ring].state == RING_PASSED && open >= 0 ? (uint32_t)open : ring;
}

void rollout_joined(struct rollout *r, const struct rollout_sink *sink)
{
    uint32_t last = r->member_count - 1;
    struct rollout_ring *g = &r->rings[r->members[last].ring];
    g->members++;
    g->counts[r->members[last].state]++;
    emit(sink, EFFECT_MEMBER, last, r->members[last].ring, NULL, NULL);
}

/* --- time --- */

static void age_members(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    uint64_t lease = (uint64_t)r->plan.lease_s * 1000u, stale = (uint64_t)r->plan.stale_after_s * 1000u;
    for (uint32_t i = 0; i < r->member_count; i++) {
        struct rollout_member *m = &r->members[i];
        enum attempt_state next = m->state;
        if (!attempt_is_open(m->state))
            continue;
        if (m->state == ATTEMPT_OFFERED && now_ms - m->offered_ms >= lease)
            next = attempt_next(m->state, ATTEMPT_ON_LEASE_OVER);
        else if (now_ms - m->changed_ms >= stale)
            next = attempt_next(m->state, ATTEMPT_ON_STALE);
        if (next == m->state)
            continue;
        set_member(r, i, next, now_ms, sink);
        if (attempt_is_harm(next))
            judge(r, m->ring, now_ms, sink);
    }
}

/* Twice as many at a time once a full bound of attempts has come out well. */
static void widen(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    uint32_t resolved = rollout_resolved(r, ring);
    if (g->bound == UINT32_MAX || resolved < g->resolved_at_widening + g->bound)
        return;
    if (rollout_harmed(r, ring) * 100u > r->plan.max_failure_percent * resolved)
        return;
    g->resolved_at_widening = resolved;
    g->bound = g->bound > UINT32_MAX / 4 ? g->bound : g->bound * 2;
    emit(sink, EFFECT_RING, NO_ONE, ring, NULL, NULL);
}

/*
 * A ring has spoken when nothing is in flight and enough of its members are resolved. Members that never showed up do
 * not hold it for ever: the quorum is of its members, and below it the ring waits for more of them (or for a person).
 */
static bool has_spoken(const struct rollout *r, uint32_t ring)
{
    const struct rollout_ring *g = &r->rings[ring];
    uint32_t resolved = rollout_resolved(r, ring);
    return rollout_in_flight(r, ring) == 0 && resolved * 100u >= g->members * r->plan.quorum_percent;
}

static bool has_soaked(const struct rollout *r, uint32_t ring)
{
    uint32_t confirmed = r->rings[ring].counts[ATTEMPT_CONFIRMED];
    return rollout_soaked(r, ring) * 100u >= confirmed * r->plan.quorum_percent;
}

static void pass(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[200];
    const struct rollout_ring *g = &r->rings[ring];
    snprintf(text, sizeof text,
             "ring %s has passed: %" PRIu32 " confirmed, %" PRIu32 " harmed of %" PRIu32 " devices",
             r->plan.rings.rings[ring].name, g->counts[ATTEMPT_CONFIRMED], rollout_harmed(r, ring),
             g->members);
    (void)step(r, ring, RING_ON_ENOUGH, sink);
    tell(sink, ring, "ring_passed", text);
    advance(r, now_ms, sink);
}

/* Its time is over and it has neither passed nor failed: devices that never come must not keep it open for ever. */
static void hold(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX];
    const struct rollout_ring *g = &r->rings[ring];
    snprintf(text, sizeof text,
             "ring %s: not enough evidence in its time: %" PRIu32 " of %" PRIu32 " devices resolved, %" PRIu32
             " soaked, %" PRIu32 " in flight; resume, widen or abort",
             r->plan.rings.rings[ring].name, rollout_resolved(r, ring), g->members, rollout_soaked(r, ring),
             rollout_in_flight(r, ring));
    (void)step(r, ring, RING_ON_DECIDE_BY, sink);
    (void)move(r, ROLLOUT_ON_DECIDE_BY, text, sink);
    tell(sink, ring, "ring_held", text);
}

static void step_ring(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    if (g->members == 0) {
        pass(r, ring, now_ms, sink);
        return;
    }
    if (g->state == RING_SOAKING && !has_spoken(r, ring))
        (void)step(r, ring, RING_ON_UNANSWERED, sink);
    if (g->state == RING_ACTIVE)
        widen(r, ring, sink);
    if (g->state == RING_ACTIVE && has_spoken(r, ring)) {
        (void)step(r, ring, RING_ON_ANSWERED, sink);
        if (r->plan.soak_s > 0)
            tell(sink, ring, "ring_soaking", "every device has answered; the ring soaks");
    }
    if (g->state == RING_SOAKING && has_soaked(r, ring))
        pass(r, ring, now_ms, sink);
    else if (now_ms - g->opened_ms >= (uint64_t)rollout_plan_decide_by_s(&r->plan) * 1000u)
        hold(r, ring, sink);
}

void rollout_tick(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_CREATED)
        age_members(r, now_ms, sink); /* aborted too: each attempt ends in an outcome */
    for (int ring = open_ring(r); r->state == ROLLOUT_RUNNING && ring >= 0;) {
        step_ring(r, (uint32_t)ring, now_ms, sink);
        int next = open_ring(r);
        if (next == ring)
            return;
        ring = next;
    }
}

/* --- operator --- */

int rollout_start(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!move(r, ROLLOUT_ON_START, "", sink))
        return -1;
    tell(sink, NO_ONE, "started", "the rollout has started");
    advance(r, now_ms, sink);
    rollout_tick(r, now_ms, sink);
    return 0;
}

int rollout_pause(struct rollout *r, const char *reason, const struct rollout_sink *sink)
{
    if (!move(r, ROLLOUT_ON_PAUSE, reason, sink))
        return -1;
    tell(sink, NO_ONE, "paused", reason);
    return 0;
}

/* A ring that failed through a straggler after it had passed does not open a second time beside the next. */
static void resume_ring(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    g->opened_ms = now_ms; /* its time to be judged begins anew */
    if (g->state == RING_FAILED)
        g->accepted = rollout_harmed(r, ring);
    if (open_ring(r) >= 0 || later_ring_was_open(r, ring))
        (void)step(r, ring, RING_ON_RESUME_PAST, sink);
    else
        (void)step(r, ring, RING_ON_RESUME, sink);
    emit(sink, EFFECT_RING, NO_ONE, ring, NULL, NULL);
}

static void go_on(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (open_ring(r) < 0)
        advance(r, now_ms, sink);
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        judge(r, i, now_ms, sink);
    rollout_tick(r, now_ms, sink);
}

int rollout_resume(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!move(r, ROLLOUT_ON_RESUME, reason, sink))
        return -1;
    tell(sink, NO_ONE, "resumed", reason);
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
    if (!move(r, ROLLOUT_ON_WIDEN, reason, sink))
        return -1;
    bool stuck = has_stuck_ring(r); /* then it is meant, and not the ring that is open beside it */
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        bool is_open = r->rings[i].state == RING_ACTIVE || r->rings[i].state == RING_SOAKING;
        r->rings[i].accepted = rollout_harmed(r, i);
        emit(sink, EFFECT_RING, NO_ONE, i, NULL, NULL);
        if ((stuck && is_open) || !step(r, i, RING_ON_WIDEN, sink))
            continue;
        snprintf(text, sizeof text, "ring %s counts as passed: %s", r->plan.rings.rings[i].name, reason);
        tell(sink, i, "ring_widened", text);
    }
    go_on(r, now_ms, sink);
    return 0;
}

int rollout_retry(struct rollout *r, uint32_t member, const char *reason, uint64_t now_ms,
                  const struct rollout_sink *sink)
{
    uint32_t found = 0;
    if (r->state == ROLLOUT_CREATED || r->state == ROLLOUT_ABORTED)
        return -1;
    for (uint32_t i = 0; i < r->member_count; i++) {
        enum attempt_state next = attempt_next(r->members[i].state, ATTEMPT_ON_RETRY);
        if ((member != UINT32_MAX && member != i) || next == r->members[i].state)
            continue;
        set_member(r, i, next, now_ms, sink);
        found++;
    }
    if (found == 0)
        return -1;
    tell(sink, NO_ONE, "retry", reason);
    return 0;
}

int rollout_abort(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (!move(r, ROLLOUT_ON_ABORT, reason, sink))
        return -1;
    tell(sink, NO_ONE, "aborted", reason);
    take_offers_back(r, now_ms, sink);
    return 0;
}
