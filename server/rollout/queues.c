/*
 * Queues by time, and what a ring counts of its members: so that a tick looks at those that are due and not at everybody.
 *
 * A member stands in at most one queue, by its state: of leases (offered), of work (taken up, no outcome yet) or of soak
 * (confirmed, and its own soak not complete). Whoever was heard of goes to the end, so the first is the one to look at.
 * Links are numbers of members plus one, in the members themselves: no memory of its own, and zero is a member in none.
 */
#include "internal.h"

#include <string.h>

#define DAY_MS 86400000u

static bool is_soaking(const struct rollout *r, const struct rollout_member *m)
{
    return m->state == ATTEMPT_CONFIRMED && m->soak_running && m->soak_ms < (uint64_t)r->plan.soak_s * 1000u;
}

enum rollout_queue_kind rollout_queue_for(const struct rollout *r, const struct rollout_member *m)
{
    if (m->state == ATTEMPT_OFFERED)
        return QUEUE_LEASES;
    if (attempt_is_open(m->state))
        return QUEUE_WORK;
    return is_soaking(r, m) ? QUEUE_SOAK : QUEUE_NONE;
}

uint64_t rollout_queue_since(const struct rollout_member *m)
{
    if (m->queue == QUEUE_LEASES)
        return m->offered_ms;
    return m->queue == QUEUE_WORK ? m->changed_ms : m->seen_ms;
}

struct rollout_member *rollout_queue_first(const struct rollout *r, enum rollout_queue_kind kind)
{
    uint32_t first = r->queues[kind].first;
    return first == 0 ? NULL : &r->members[first - 1];
}

static void link(struct rollout *r, uint32_t before, uint32_t after, enum rollout_queue_kind kind)
{
    if (before == 0)
        r->queues[kind].first = after;
    else
        r->members[before - 1].after = after;
    if (after == 0)
        r->queues[kind].last = before;
    else
        r->members[after - 1].before = before;
}

static void leave(struct rollout *r, struct rollout_member *m)
{
    if (m->queue != QUEUE_NONE)
        link(r, m->before, m->after, m->queue);
    m->queue = QUEUE_NONE;
    m->before = m->after = 0;
}

void rollout_requeue(struct rollout *r, struct rollout_member *m)
{
    uint32_t self = (uint32_t)(m - r->members) + 1;
    leave(r, m);
    m->queue = rollout_queue_for(r, m);
    if (m->queue == QUEUE_NONE)
        return;
    link(r, r->queues[m->queue].last, self, m->queue);
    link(r, self, 0, m->queue);
}

/* --- what a ring counts --- */

struct rollout_tally rollout_tally_of(const struct rollout *r, const struct rollout_member *m)
{
    struct rollout_tally t = {0};
    if (m->state != ATTEMPT_CONFIRMED)
        return t;
    uint64_t days = m->exposure_ms / DAY_MS + 1u;
    uint32_t crashes = m->crashes_seen - m->crashes_base;
    t.soaked = m->soak_ms >= (uint64_t)r->plan.soak_s * 1000u;
    t.exposure_ms = m->exposure_ms;
    t.crashed = crashes > 0;
    t.crashes = crashes < days ? crashes : days; /* a looping device counts once a day */
    return t;
}

static void count_kind(struct rollout *r, const struct rollout_member *m, uint32_t step)
{
    if (m->stratum >= r->stratum_count)
        return;
    r->strata[m->stratum].resolved[m->ring] += attempt_is_resolved(m->state) ? step : 0;
    r->strata[m->stratum].harmed[m->ring] += attempt_is_harm(m->state) ? step : 0;
}

void rollout_uncount(struct rollout *r, struct rollout_member *m)
{
    struct rollout_ring *g = &r->rings[m->ring];
    struct rollout_tally t = rollout_tally_of(r, m);
    g->counts[m->state] -= !OT_PLANTED(105);
    g->tally.soaked -= t.soaked;
    g->tally.crashed -= t.crashed;
    g->tally.crashes -= t.crashes;
    g->tally.exposure_ms -= t.exposure_ms;
    count_kind(r, m, UINT32_MAX); /* one less */
}

void rollout_count(struct rollout *r, struct rollout_member *m)
{
    struct rollout_ring *g = &r->rings[m->ring];
    struct rollout_tally t = rollout_tally_of(r, m);
    g->counts[m->state]++;
    g->tally.soaked += t.soaked;
    g->tally.crashed += t.crashed;
    g->tally.crashes += t.crashes;
    g->tally.exposure_ms += t.exposure_ms;
    count_kind(r, m, 1);
}

/* --- after a start: the order of time again, by merging ever longer runs --- */

/* The first `run` members of a list, cut off; returns what follows. */
static uint32_t cut(const struct rollout *r, uint32_t list, uint32_t run)
{
    for (; list != 0 && run > 1; run--)
        list = r->members[list - 1].after;
    if (list == 0)
        return 0;
    uint32_t rest = r->members[list - 1].after;
    r->members[list - 1].after = 0;
    return rest;
}

static uint32_t take_earlier(const struct rollout *r, uint32_t *a, uint32_t *b)
{
    bool is_a = *b == 0 || (*a != 0 && rollout_queue_since(&r->members[*a - 1]) <=
                                           rollout_queue_since(&r->members[*b - 1]));
    uint32_t taken = is_a ? *a : *b;
    *(is_a ? a : b) = r->members[taken - 1].after;
    return taken;
}

/* One pass over the queue; false when it was one run already. */
static bool merge_runs(struct rollout *r, enum rollout_queue_kind kind, uint32_t run)
{
    uint32_t rest = r->queues[kind].first, last = 0, runs = 0;
    for (; rest != 0; runs++) {
        uint32_t a = rest, b = cut(r, a, run);
        rest = cut(r, b, run);
        while (a != 0 || b != 0) {
            uint32_t next = take_earlier(r, &a, &b);
            link(r, last, next, kind);
            last = next;
        }
        link(r, last, 0, kind);
    }
    return runs > 1;
}

void rollout_prepare(struct rollout *r)
{
    memset(r->queues, 0, sizeof r->queues);
    for (uint32_t i = 0; i < ROLLOUT_RINGS_MAX; i++) {
        r->rings[i].members = 0;
        memset(r->rings[i].counts, 0, sizeof r->rings[i].counts);
        r->rings[i].tally = (struct rollout_tally){0};
    }
    for (uint32_t i = 0; i < r->stratum_count; i++) {
        memset(r->strata[i].resolved, 0, sizeof r->strata[i].resolved);
        memset(r->strata[i].harmed, 0, sizeof r->strata[i].harmed);
    }
    for (uint32_t i = 0; i < r->member_count; i++) {
        r->rings[r->members[i].ring].members++;
        r->members[i].queue = QUEUE_NONE;
        rollout_count(r, &r->members[i]);
        rollout_requeue(r, &r->members[i]);
    }
    for (unsigned kind = QUEUE_LEASES; kind < ROLLOUT_QUEUES; kind++) {
        for (uint32_t run = 1; merge_runs(r, (enum rollout_queue_kind)kind, run); run *= 2)
            ;
    }
}
