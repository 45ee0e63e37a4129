/*
 * The rollout engine. Invariants (rollout_check):
 *   R1 counts of every ring equal a recount of its members
 *   R2 at most one ring is ACTIVE or SOAKING, and only rings before it have PASSED
 *   R3 offers in force never exceed the ring's bound (unless the bound was lowered by nothing: it only grows)
 *   R4 no ring but the open one has attempts that are merely offered
 *   R5 FINISHED: every ring has passed; HALTED: a ring has failed
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

static void set_ring(struct rollout *r, uint32_t ring, enum ring_state state, const struct rollout_sink *sink)
{
    r->rings[ring].state = state;
    emit(sink, EFFECT_RING, NO_ONE, ring, NULL, NULL);
}

static void set_rollout(struct rollout *r, enum rollout_state state, const char *reason,
                        const struct rollout_sink *sink)
{
    r->state = state;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    emit(sink, EFFECT_ROLLOUT, NO_ONE, NO_ONE, NULL, NULL);
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

static void activate(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    char text[120];
    struct rollout_ring *g = &r->rings[ring];
    g->bound = r->plan.rings.rings[ring].kind == RING_NAMED ? UINT32_MAX : r->plan.in_flight;
    g->resolved_at_widening = 0;
    set_ring(r, ring, RING_ACTIVE, sink);
    snprintf(text, sizeof text, "ring %s is open: %" PRIu32 " devices", r->plan.rings.rings[ring].name,
             g->members);
    tell(sink, ring, "ring_active", text);
}

/* The next ring opens, or nothing is left. */
static void advance(struct rollout *r, uint32_t from, const struct rollout_sink *sink)
{
    for (uint32_t i = from; i < r->plan.rings.count; i++) {
        if (r->rings[i].state != RING_WAITING)
            continue;
        activate(r, i, sink);
        return;
    }
    set_rollout(r, ROLLOUT_FINISHED, "every ring has passed", sink);
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

/* --- operator --- */

int rollout_start(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_CREATED)
        return -1;
    set_rollout(r, ROLLOUT_RUNNING, "", sink);
    tell(sink, NO_ONE, "started", "the rollout has started");
    advance(r, 0, sink);
    rollout_tick(r, now_ms, sink);
    return 0;
}

int rollout_pause(struct rollout *r, const char *reason, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_RUNNING)
        return -1;
    set_rollout(r, ROLLOUT_PAUSED, reason, sink);
    tell(sink, NO_ONE, "paused", reason);
    return 0;
}

int rollout_resume(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_PAUSED && r->state != ROLLOUT_HALTED)
        return -1;
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        /* A ring that failed through a straggler after it had passed does not open a second time beside the next. */
        if (r->rings[i].state == RING_FAILED)
            set_ring(r, i, open_ring(r) < 0 ? RING_ACTIVE : RING_PASSED, sink);
    }
    set_rollout(r, ROLLOUT_RUNNING, reason, sink);
    tell(sink, NO_ONE, "resumed", reason);
    rollout_tick(r, now_ms, sink);
    return 0;
}

static void take_offers_back(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (uint32_t i = 0; i < r->member_count; i++) {
        enum attempt_state next = attempt_next(r->members[i].state, ATTEMPT_ON_SUPERSEDE);
        if (next != r->members[i].state)
            set_member(r, i, ATTEMPT_WITHDRAWN, now_ms, sink);
    }
}

int rollout_abort(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state == ROLLOUT_ABORTED || r->state == ROLLOUT_FINISHED)
        return -1;
    set_rollout(r, ROLLOUT_ABORTED, reason, sink);
    tell(sink, NO_ONE, "aborted", reason);
    take_offers_back(r, now_ms, sink);
    return 0;
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

static void halt(struct rollout *r, uint32_t ring, const char *text, uint64_t now_ms,
                 const struct rollout_sink *sink)
{
    set_ring(r, ring, RING_FAILED, sink);
    set_rollout(r, ROLLOUT_HALTED, text, sink);
    tell(sink, ring, "halted", text);
    take_offers_back(r, now_ms, sink);
}

/* Harmed of resolved above the limit; two devices at least, or one in a ring of one or two. */
static bool too_much_harm(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    uint32_t resolved = rollout_resolved(r, ring), harmed = rollout_harmed(r, ring);
    uint32_t enough = r->rings[ring].members <= 2 ? 1 : 2;
    if (harmed < enough || harmed * 100u <= r->plan.max_failure_percent * resolved)
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
    set_member(r, member, next, now_ms, sink);
    if (next == ATTEMPT_CONFIRMED) {
        m->soak_ms = 0;
        m->seen_ms = now_ms;
        m->soak_running = true;
    }
    if (attempt_is_harm(next))
        judge(r, m->ring, now_ms, sink);
}

void rollout_seen(struct rollout *r, uint32_t member, bool runs_target, uint32_t crashes, uint64_t now_ms,
                  const struct rollout_sink *sink)
{
    struct rollout_member *m = &r->members[member];
    uint64_t cap = (uint64_t)r->poll_s * 3000u;
    if (m->state != ATTEMPT_CONFIRMED || !runs_target) {
        m->soak_running = false;
        m->crashes_base = m->crashes_seen = crashes;
        m->seen_ms = now_ms;
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
    if (m->state != ATTEMPT_NONE)
        return;
    m->seen_ms = now_ms;
    m->soak_running = true;
    set_member(r, member, ATTEMPT_CONFIRMED, now_ms, sink);
}

void rollout_alive(struct rollout *r, uint32_t member, uint64_t now_ms)
{
    if (attempt_is_open(r->members[member].state) && r->members[member].state != ATTEMPT_OFFERED)
        r->members[member].changed_ms = now_ms;
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

static void pass(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    char text[200];
    const struct rollout_ring *g = &r->rings[ring];
    snprintf(text, sizeof text,
             "ring %s has passed: %" PRIu32 " confirmed, %" PRIu32 " harmed of %" PRIu32 " devices",
             r->plan.rings.rings[ring].name, g->counts[ATTEMPT_CONFIRMED], rollout_harmed(r, ring),
             g->members);
    set_ring(r, ring, RING_PASSED, sink);
    tell(sink, ring, "ring_passed", text);
    advance(r, ring + 1, sink);
}

static void step_ring(struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    struct rollout_ring *g = &r->rings[ring];
    if (g->members == 0) {
        pass(r, ring, sink);
        return;
    }
    if (g->state == RING_SOAKING && !has_spoken(r, ring))
        set_ring(r, ring, RING_ACTIVE, sink);
    if (g->state == RING_ACTIVE)
        widen(r, ring, sink);
    if (g->state == RING_ACTIVE && has_spoken(r, ring)) {
        set_ring(r, ring, RING_SOAKING, sink);
        if (r->plan.soak_s > 0)
            tell(sink, ring, "ring_soaking", "every device has answered; the ring soaks");
    }
    if (g->state == RING_SOAKING && has_soaked(r, ring))
        pass(r, ring, sink);
}

void rollout_tick(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    if (r->state != ROLLOUT_ABORTED && r->state != ROLLOUT_CREATED)
        age_members(r, now_ms, sink);
    for (int ring = open_ring(r); r->state == ROLLOUT_RUNNING && ring >= 0;) {
        step_ring(r, (uint32_t)ring, sink);
        int next = open_ring(r);
        if (next == ring)
            return;
        ring = next;
    }
}

/* --- names, check --- */

const char *rollout_state_name(enum rollout_state state)
{
    static const char *const names[] = {"created", "running", "paused", "halted", "aborted", "finished"};
    return state <= ROLLOUT_FINISHED ? names[state] : "unknown";
}

const char *ring_state_name(enum ring_state state)
{
    static const char *const names[] = {"waiting", "active", "soaking", "passed", "held", "failed"};
    return state <= RING_FAILED ? names[state] : "unknown";
}

static const char *check_counts(const struct rollout *r)
{
    uint32_t counts[ROLLOUT_RINGS_MAX][ATTEMPT_STATES] = {{0}};
    for (uint32_t i = 0; i < r->member_count; i++) {
        if (r->members[i].ring >= r->plan.rings.count)
            return "R1: a member is in no ring";
        counts[r->members[i].ring][r->members[i].state]++;
    }
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (memcmp(counts[i], r->rings[i].counts, sizeof counts[i]) != 0)
            return "R1: counts differ from a recount";
    }
    return NULL;
}

const char *rollout_check(const struct rollout *r)
{
    uint32_t open = 0;
    bool all_passed = true, one_failed = false;
    const char *bad = check_counts(r);
    if (bad != NULL)
        return bad;
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        const struct rollout_ring *g = &r->rings[i];
        open += g->state == RING_ACTIVE || g->state == RING_SOAKING;
        all_passed = all_passed && g->state == RING_PASSED;
        one_failed = one_failed || g->state == RING_FAILED;
        if (g->state == RING_WAITING && rollout_in_flight(r, i) > 0)
            return "R4: a waiting ring has offers";
        if (g->bound != 0 && rollout_in_flight(r, i) > g->bound)
            return "R3: more in flight than the bound";
    }
    if (open > 1)
        return "R2: two rings are open";
    if (r->state == ROLLOUT_FINISHED && !all_passed)
        return "R5: finished, and a ring has not passed";
    if (r->state == ROLLOUT_HALTED && !one_failed)
        return "R5: halted, and no ring has failed";
    return NULL;
}
