/*
 * Is it good enough, is it too bad? See rollout/verdict.h and docs/gates.md. Nothing is asked of a ring but its counts, so
 * that a person with `rollout show` comes to the same verdict.
 */
#include "internal.h"
#include "planted.h"

#include "rollout/gate.h"
#include "rollout/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define DAY_MS 86400000u

/* --- harm --- */

double rollout_alpha_part(const struct ring_plan *plan, uint32_t ring)
{
    bool is_last = ring + 1 >= plan->count;
    return ldexp(1, is_last ? 1 - (int)plan->count : -1 - (int)ring);
}

/* Two devices at least: one can always have had a bad day. In a ring of one or two there are no more. */
static bool is_too_bad(const struct rollout_gate *g, const struct rollout_ring *ring)
{
    uint32_t enough = ring->members <= 2 ? 1 : 2;
    if (OT_PLANTED(112) && g->harmed > 0 && !g->is_accepted)
        return true;
    return g->harmed >= enough && !g->is_accepted && g->log_e >= g->log_halt - 1e-9; /* 20 is enough */
}

/* The mean of the kinds' e-values; the worst of them goes into the gate. */
static double log_e_of_kinds(const struct rollout *r, uint32_t ring, struct rollout_gate *g)
{
    double log_e[STRATA_MAX], worst = 0;
    for (uint32_t s = 0; s < r->stratum_count; s++) {
        const struct rollout_stratum *kind = &r->strata[s];
        log_e[s] = gate_log_e(kind->harmed[ring], kind->resolved[ring], g->tolerated);
        if (kind->harmed[ring] == 0 || (g->kind != NULL && log_e[s] <= worst))
            continue;
        worst = log_e[s];
        g->kind = kind->name;
        g->kind_harmed = kind->harmed[ring];
        g->kind_resolved = kind->resolved[ring];
    }
    return gate_mean_log_e(log_e, r->stratum_count);
}

/*
 * Four fifths of the evidence are that of all devices, a fifth is that of their kinds: a release that kills all of a kind
 * that is one device in a hundred is within any rate that is tolerable for all.
 */
static double log_e_of_ring(const struct rollout *r, uint32_t ring, struct rollout_gate *g)
{
    double all = gate_log_e(g->harmed, g->resolved, g->tolerated);
    if (r->stratum_count < 2 || OT_PLANTED(122))
        return all;
    return gate_log_e_with_kinds(all, log_e_of_kinds(r, ring, g));
}

struct rollout_gate rollout_gate(const struct rollout *r, uint32_t ring)
{
    const struct rollout_ring *at = &r->rings[ring];
    const struct rollout_plan *plan = &r->plan;
    struct rollout_gate g = {.harmed = rollout_harmed(r, ring), .resolved = rollout_resolved(r, ring)};
    g.quorum = (uint32_t)(((uint64_t)at->members * plan->quorum_percent + 99u) / 100u);
    uint32_t counted = g.resolved > g.quorum ? g.resolved : g.quorum;
    g.upper = gate_upper_bound(g.harmed, g.resolved);
    g.floor = gate_floor(counted);
    g.asked = plan->max_failure_percent / 100.0;
    g.limit = fmax(g.asked, g.floor);
    g.tolerated = rollout_plan_tolerated(plan);
    g.log_e = log_e_of_ring(r, ring, &g);
    g.log_halt = -log(GATE_ALPHA * rollout_alpha_part(&plan->rings, ring));
    g.is_accepted = g.harmed > 0 && g.harmed <= at->accepted;
    if (is_too_bad(&g, at))
        g.verdict = GATE_FAIL;
    else if (g.resolved > 0 && g.resolved >= g.quorum &&
             (g.upper <= g.limit || g.is_accepted || OT_PLANTED(116)))
        g.verdict = GATE_PASS;
    return g;
}

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {"not_enough_evidence", "pass", "fail"};
    return names[verdict];
}

static void say_not_enough(const struct rollout_gate *g, const char *were, char *text, size_t len)
{
    char more[80] = "";
    if (g->resolved < g->quorum) {
        snprintf(text, len, "%" PRIu32 " of %" PRIu32 " devices %s harmed; %" PRIu32 " must have answered",
                 g->harmed, g->resolved, were, g->quorum);
        return;
    }
    uint32_t needed = gate_devices_needed(g->harmed, g->asked);
    if (needed != 0)
        snprintf(more, sizeof more, "; with %" PRIu32 " harmed it takes %" PRIu32 " devices", g->harmed,
                 needed);
    snprintf(text, len,
             "%" PRIu32 " of %" PRIu32 " devices %s harmed: the failure rate may be up to %.1f %%, and the "
             "limit is %.1f %%%s",
             g->harmed, g->resolved, were, 100 * g->upper, 100 * g->limit, more);
}

static void say_fail(const struct rollout_gate *g, const char *were, char *text, size_t len)
{
    char kind[100] = "";
    if (g->kind != NULL)
        snprintf(kind, sizeof kind, " (%" PRIu32 " of %" PRIu32 " of %.50s)", g->kind_harmed,
                 g->kind_resolved, g->kind);
    snprintf(
        text, len,
        "%" PRIu32 " of %" PRIu32 " devices %s harmed%s, and %.1f %% are tolerated: e-value %.3g, it halts "
        "at %.0f",
        g->harmed, g->resolved, were, kind, 100 * g->tolerated, exp(fmin(g->log_e, 600)), exp(g->log_halt));
}

void rollout_gate_text(const struct rollout_gate *g, char *text, size_t len)
{
    const char *were = g->harmed == 1 ? "was" : "were";
    if (g->verdict == GATE_NOT_ENOUGH)
        say_not_enough(g, were, text, len);
    else if (g->verdict == GATE_FAIL)
        say_fail(g, were, text, len);
    else if (g->is_accepted)
        snprintf(text, len, "%" PRIu32 " of %" PRIu32 " devices %s harmed, which a person has accepted",
                 g->harmed, g->resolved, were);
    else if (g->limit > g->asked)
        snprintf(
            text, len,
            "%" PRIu32 " of %" PRIu32
            " devices %s harmed: the failure rate is at most %.1f %%, and so few devices cannot show less",
            g->harmed, g->resolved, were, 100 * g->upper);
    else
        snprintf(text, len,
                 "%" PRIu32 " of %" PRIu32
                 " devices %s harmed: the failure rate is at most %.1f %%, the limit is %.1f %%",
                 g->harmed, g->resolved, were, 100 * g->upper, 100 * g->limit);
}

static bool too_much_harm(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char why[ROLLOUT_REASON_MAX];
    struct rollout_gate gate = rollout_gate(r, ring);
    if (gate.verdict != GATE_FAIL)
        return false;
    rollout_gate_text(&gate, why, sizeof why);
    snprintf(text, len, "ring %s: %.160s", r->plan.rings.rings[ring].name, why);
    return true;
}

/* Crashes per device and day among those that run the release; each device counts once a day, two devices at least. */
static bool too_many_crashes(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    const struct rollout_tally *t = &r->rings[ring].tally;
    if (t->crashed < 2 ||
        t->crashes * DAY_MS * 100u <= (uint64_t)r->plan.max_crashes_per_device_day * t->exposure_ms)
        return false;
    snprintf(text, len,
             "ring %s: %" PRIu32 " devices crashed after the update (%" PRIu64 " device-days %" PRIu64
             "); the limit is "
             "%" PRIu32 ".%02" PRIu32 " a day",
             r->plan.rings.rings[ring].name, t->crashed, t->crashes, t->exposure_ms / DAY_MS,
             r->plan.max_crashes_per_device_day / 100u, r->plan.max_crashes_per_device_day % 100u);
    return true;
}

/* --- halt --- */

void rollout_take_back(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink)
{
    for (uint32_t i = 0; i < r->member_count; i++) {
        enum attempt_state next = attempt_next(r->members[i].state, ATTEMPT_ON_SUPERSEDE);
        if (next != r->members[i].state)
            rollout_set_member(r, i, ATTEMPT_WITHDRAWN, now_ms, sink);
    }
}

void rollout_halt(struct rollout *r, uint32_t ring, const char *text, uint64_t now_ms,
                  const struct rollout_sink *sink)
{
    (void)rollout_step(r, ring, RING_ON_HARM, sink);
    (void)rollout_move(r, ROLLOUT_ON_HARM, text, sink);
    rollout_tell(sink, ring, "halted", text);
    rollout_take_back(r, now_ms, sink);
}

void rollout_judge(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink)
{
    char text[ROLLOUT_REASON_MAX];
    /* A finished rollout still reaches stragglers, and still stops when they are harmed. */
    if (r->state != ROLLOUT_RUNNING && r->state != ROLLOUT_FINISHED)
        return;
    if (too_much_harm(r, ring, text, sizeof text) || too_many_crashes(r, ring, text, sizeof text) ||
        rollout_watch_is_bad(r, ring, text, sizeof text))
        rollout_halt(r, ring, text, now_ms, sink);
}
