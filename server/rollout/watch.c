/* Canaries beside their control: see rollout/watch.h. A window is one poll interval. */
#include "internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000u

double rollout_watch_log_e(const struct rollout_watch *watch)
{
    double log_e[WATCH_METRICS];
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        log_e[k] = gate_rates_log_e(&watch->rates[k]);
    return gate_mean_log_e(log_e, WATCH_METRICS);
}

void rollout_watch_text(const struct rollout_watch *watch, char *text, size_t len)
{
    static const char *const names[WATCH_METRICS] = {"crashes", "link losses"};
    unsigned k = 0;
    if (gate_rates_log_e(&watch->rates[WATCH_LINK_LOSSES]) > gate_rates_log_e(&watch->rates[WATCH_CRASHES]))
        k = WATCH_LINK_LOSSES;
    snprintf(text, len, "%" PRIu32 " %s where %.1f would be expected (%" PRIu32 " of the others)",
             watch->events[k], names[k], watch->expected[k], watch->control_events[k]);
}

/* --- who is at risk --- */

static bool is_canary(const struct rollout_member *m)
{
    return m->state == ATTEMPT_CONFIRMED && m->soak_running;
}

static bool is_control(const struct rollout_member *m)
{
    return m->state == ATTEMPT_NONE && !m->soak_running;
}

static bool is_fresh(const struct rollout_member *m, unsigned metric, uint64_t now_ms)
{
    return m->last_ms[metric] == 0 || now_ms - m->last_ms[metric] >= DAY_MS;
}

static bool is_heard_of(const struct rollout *r, const struct rollout_member *m, uint64_t now_ms)
{
    return m->seen_ms != 0 && now_ms - m->seen_ms <= (uint64_t)r->poll_s * 3000u;
}

/* Who had them does not depend on who reports first: a window's events count together, with the share at its start. */
static void close_window(struct rollout_watch *w, unsigned metric)
{
    double canaries = w->at_risk[metric], controls = w->control_at_risk[metric];
    uint32_t events = w->new_events[metric], others = w->new_control_events[metric];
    w->new_events[metric] = w->new_control_events[metric] = 0;
    if (controls < WATCH_CONTROL_MIN || canaries < 1)
        return;
    double share = canaries / (canaries + controls);
    for (uint32_t i = 0; i < events + others; i++)
        gate_rates_event(&w->rates[metric], i < events, share);
    w->expected[metric] += share * (events + others);
    w->events[metric] += events;
    w->control_events[metric] += others;
}

static void open_window(struct rollout *r, uint64_t now_ms)
{
    struct rollout_watch *w = &r->watch;
    memset(w->at_risk, 0, sizeof w->at_risk);
    memset(w->control_at_risk, 0, sizeof w->control_at_risk);
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        for (unsigned k = 0; k < WATCH_METRICS && is_heard_of(r, m, now_ms); k++) {
            w->at_risk[k] += is_canary(m) && is_fresh(m, k, now_ms);
            w->control_at_risk[k] += is_control(m) && is_fresh(m, k, now_ms);
        }
    }
    w->opened_ms = now_ms;
}

bool rollout_watch_tick(struct rollout *r, uint64_t now_ms)
{
    struct rollout_watch *w = &r->watch;
    bool had_event = false;
    if (rollout_is_over(r->state) || r->state == ROLLOUT_CREATED ||
        (w->opened_ms != 0 && now_ms - w->opened_ms < (uint64_t)r->poll_s * 1000u))
        return false;
    for (unsigned k = 0; k < WATCH_METRICS; k++) {
        had_event = had_event || w->new_events[k] + w->new_control_events[k] > 0;
        close_window(w, k);
    }
    open_window(r, now_ms);
    return had_event;
}

/* --- events --- */

void rollout_watch_seen(struct rollout *r, uint32_t member, bool runs_target,
                        const struct rollout_counters *now, uint64_t now_ms)
{
    struct rollout_member *m = &r->members[member];
    bool canary = is_canary(m) && runs_target, control = is_control(m) && !runs_target;
    for (unsigned k = 0; k < WATCH_METRICS; k++) {
        uint32_t before = k == WATCH_CRASHES ? m->crashes_seen : m->links_seen;
        /* Of the time in which it changed its image, or nobody heard of it, nothing is said. */
        if (now->of[k] <= before || (!canary && !control) || m->seen_ms == now_ms ||
            m->changed_ms > r->watch.opened_ms || !is_heard_of(r, m, now_ms) || !is_fresh(m, k, now_ms))
            continue;
        m->last_ms[k] = now_ms;
        r->watch.new_events[k] += canary;
        r->watch.new_control_events[k] += control;
    }
}

void rollout_watch_begin_anew(struct rollout *r)
{
    memset(&r->watch, 0, sizeof r->watch);
}

bool rollout_watch_is_bad(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char why[120];
    double log_e = rollout_watch_log_e(&r->watch);
    if (log_e < -log(WATCH_ALPHA))
        return false;
    rollout_watch_text(&r->watch, why, sizeof why);
    snprintf(text, len, "ring %s: more often than without the release: %s; e-value %.3g, it halts at %.0f",
             r->plan.rings.rings[ring].name, why, exp(fmin(log_e, 600)), 1 / WATCH_ALPHA);
    return true;
}
