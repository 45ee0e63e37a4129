/* Canaries beside their control: see rollout/watch.h. A window is one poll interval. */
#include "internal.h"
#include "planted.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000u

static double mean_of_metrics(const struct gate_rates rates[WATCH_METRICS])
{
    double log_e[WATCH_METRICS];
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        log_e[k] = gate_rates_log_e(&rates[k]);
    return gate_mean_log_e(log_e, WATCH_METRICS);
}

double rollout_watch_log_e(const struct rollout_watch *watch)
{
    return mean_of_metrics(watch->rates);
}

/* Healthy kinds must not outvote a sick one: the mean of kinds, beside all of them together, as with harm (judge.c). */
double rollout_health_log_e(const struct rollout *r)
{
    double all = rollout_watch_log_e(&r->watch), log_e[STRATA_MAX];
    if (r->stratum_count < 2 || OT_PLANTED(123))
        return all;
    for (uint32_t s = 0; s < r->stratum_count; s++)
        log_e[s] = mean_of_metrics(r->strata[s].rates);
    return gate_log_e_with_kinds(all, gate_mean_log_e(log_e, r->stratum_count));
}

const char *rollout_health_kind(const struct rollout *r)
{
    const char *worst = NULL;
    double most = 0; /* better than nothing seen */
    for (uint32_t s = 0; r->stratum_count > 1 && s < r->stratum_count; s++) {
        double log_e = mean_of_metrics(r->strata[s].rates);
        worst = log_e > most ? r->strata[s].name : worst;
        most = fmax(most, log_e);
    }
    return worst;
}

void rollout_watch_text(const struct rollout_watch *watch, char *text, size_t len)
{
    static const char *const names[WATCH_METRICS] = {"crashes", "link losses"};
    unsigned k = 0;
    if (gate_rates_log_e(&watch->rates[WATCH_LINK_LOSSES]) > gate_rates_log_e(&watch->rates[WATCH_CRASHES]))
        k = WATCH_LINK_LOSSES;
    snprintf(text, len, "%" PRIu32 " %s where %.1f would be expected (%" PRIu32 " of the others)",
             watch->counts.events[k], names[k], watch->counts.expected[k], watch->counts.control_events[k]);
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

/* --- a window --- */

/* One stratum's part of a window. */
struct cell {
    uint32_t canaries, controls, events, control_events; /* at risk, and of them those that had one */
    uint32_t ring, ring_events;                          /* of the canaries, those of the open ring */
};

/* A ring's canaries, or all, beside the control: when it changes nothing, each event is one of theirs with this chance. */
static double add_counts(struct watch_counts *c, unsigned metric, uint32_t events, uint32_t canaries,
                         const struct cell *cell)
{
    double share = (double)canaries / ((double)canaries + cell->controls);
    c->events[metric] += events;
    c->control_events[metric] += cell->control_events;
    c->expected[metric] += share * (events + cell->control_events);
    return share;
}

/* Who had them does not depend on who reports first: a window's events count together, with the share at its start. */
static void close_cell(struct rollout *r, int ring, uint32_t stratum, unsigned metric,
                       const struct cell *cell)
{
    struct rollout_watch *w = &r->watch;
    if (cell->controls < WATCH_CONTROL_MIN || cell->canaries < 1)
        return;
    double share = add_counts(&w->counts, metric, cell->events, cell->canaries, cell);
    for (uint32_t i = 0; i < cell->events + cell->control_events; i++) {
        gate_rates_event(&w->rates[metric], i < cell->events, share);
        if (stratum < r->stratum_count)
            gate_rates_event(&r->strata[stratum].rates[metric], i < cell->events, share);
    }
    if (ring >= 0 && cell->ring > 0)
        (void)add_counts(&r->rings[ring].rates, metric, cell->ring_events, cell->ring, cell);
}

static void add_member(struct cell *cell, const struct rollout_member *m, int ring, unsigned metric)
{
    bool had = (m->watch.had >> metric & 1u) != 0, is_of_ring = (int)m->ring == ring;
    if ((m->watch.at_risk >> metric & 1u) == 0)
        return;
    if (m->watch.side == WATCH_CONTROL) {
        cell->controls++;
        cell->control_events += had;
        return;
    }
    cell->canaries++;
    cell->events += had;
    cell->ring += is_of_ring;
    cell->ring_events += had && is_of_ring;
}

static void close_window(struct rollout *r, unsigned metric)
{
    struct cell cells[WATCH_STRATA] = {{0}};
    int ring = rollout_open_ring(r);
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        add_member(&cells[m->stratum < WATCH_STRATA ? m->stratum : WATCH_STRATA - 1], m, ring, metric);
    }
    for (uint32_t s = 0; s < WATCH_STRATA; s++)
        close_cell(r, ring, s, metric, &cells[s]);
}

static uint8_t events_of_all(const struct rollout *r)
{
    uint8_t had = 0;
    for (uint32_t i = 0; i < r->member_count; i++)
        had |= r->members[i].watch.had;
    return had;
}

static void open_window(struct rollout *r, uint64_t now_ms)
{
    for (uint32_t i = 0; i < r->member_count; i++) {
        struct rollout_member *m = &r->members[i];
        m->watch = (struct watch_place){.side = is_canary(m)    ? WATCH_CANARY
                                                : is_control(m) ? WATCH_CONTROL
                                                                : WATCH_NEITHER};
        for (unsigned k = 0; m->watch.side != WATCH_NEITHER && k < WATCH_METRICS; k++) {
            if (is_heard_of(r, m, now_ms) && is_fresh(m, k, now_ms))
                m->watch.at_risk |= (uint8_t)(1u << k);
        }
    }
    r->watch.opened_ms = now_ms;
}

bool rollout_watch_tick(struct rollout *r, uint64_t now_ms)
{
    if (rollout_is_over(r->state) || r->state == ROLLOUT_CREATED ||
        (r->watch.opened_ms != 0 && now_ms - r->watch.opened_ms < (uint64_t)r->poll_s * 1000u))
        return false;
    uint8_t had = events_of_all(r); /* a window without events says nothing */
    for (unsigned k = 0; k < WATCH_METRICS; k++) {
        if ((had >> k & 1u) != 0)
            close_window(r, k);
    }
    open_window(r, now_ms);
    return had != 0;
}

/* --- events --- */

void rollout_watch_seen(struct rollout *r, uint32_t member, bool runs_target,
                        const struct rollout_counters *now, uint64_t now_ms)
{
    struct rollout_member *m = &r->members[member];
    enum watch_side side = is_canary(m) && runs_target     ? WATCH_CANARY
                           : is_control(m) && !runs_target ? WATCH_CONTROL
                                                           : WATCH_NEITHER;
    for (unsigned k = 0; k < WATCH_METRICS; k++) {
        uint32_t before = k == WATCH_CRASHES ? m->crashes_seen : m->links_seen;
        /* Of the time in which it changed its image, or nobody heard of it, nothing is said. */
        if (now->of[k] <= before || side == WATCH_NEITHER || m->watch.side != side || m->seen_ms == now_ms ||
            (m->watch.at_risk >> k & 1u) == 0 || m->changed_ms > r->watch.opened_ms ||
            !is_heard_of(r, m, now_ms) || !is_fresh(m, k, now_ms))
            continue;
        m->last_ms[k] = now_ms;
        m->watch.had |= (uint8_t)(1u << k);
    }
}

void rollout_watch_begin_anew(struct rollout *r)
{
    memset(&r->watch, 0, sizeof r->watch);
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        r->rings[i].rates = (struct watch_counts){{0}, {0}, {0}};
    for (uint32_t i = 0; i < r->member_count; i++)
        r->members[i].watch = (struct watch_place){0};
    for (uint32_t s = 0; s < r->stratum_count; s++)
        memset(r->strata[s].rates, 0, sizeof r->strata[s].rates);
}

bool rollout_watch_is_bad(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char why[120], kind[80] = "";
    double log_e = rollout_health_log_e(r);
    if (log_e < -log(WATCH_ALPHA))
        return false;
    rollout_watch_text(&r->watch, why, sizeof why);
    if (rollout_health_kind(r) != NULL)
        snprintf(kind, sizeof kind, ", most on %.50s", rollout_health_kind(r));
    snprintf(text, len, "ring %s: more often than without the release: %s%s; e-value %.3g, it halts at %.0f",
             r->plan.rings.rings[ring].name, why, kind, exp(fmin(log_e, 600)), 1 / WATCH_ALPHA);
    return true;
}
