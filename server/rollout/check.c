/*
 * What must hold after every call of the engine (rollout_check):
 *   R1 every member is in one ring of the plan, and the counts of every ring equal a recount of its members
 *   R2 at most one ring is ACTIVE or SOAKING; before an opened ring no ring is WAITING
 *   R3 attempts in flight never exceed the ring's bound
 *   R4 a WAITING ring has no attempt in flight
 *   R5 FINISHED: every ring has passed; HALTED: a ring has failed; HELD: a ring is held; and nothing of it while RUNNING
 *   R6 a resolved or open attempt has a number, unless the device was found running the release
 *   R7 a RUNNING rollout has an open ring
 *   R8 every member stands in the queue that its state asks for and in no other, in the order of time
 *   R9 HALTED, ABORTED, RECALLED: no attempt is in force that has not switched
 */
#include "internal.h"

#include <string.h>

static void add(struct rollout_tally *sum, struct rollout_tally t)
{
    sum->soaked += t.soaked;
    sum->crashed += t.crashed;
    sum->crashes += t.crashes;
    sum->exposure_ms += t.exposure_ms;
}

static bool is_same(const struct rollout_tally *a, const struct rollout_tally *b)
{
    return a->soaked == b->soaked && a->crashed == b->crashed && a->crashes == b->crashes &&
           a->exposure_ms == b->exposure_ms;
}

static const char *check_members(const struct rollout *r)
{
    uint32_t counts[ROLLOUT_RINGS_MAX][ATTEMPT_STATES] = {{0}}, members[ROLLOUT_RINGS_MAX] = {0};
    struct rollout_tally tally[ROLLOUT_RINGS_MAX] = {{0}};
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        if (m->ring >= r->plan.rings.count)
            return "R1: a member is in no ring";
        if (m->attempt == 0 && m->state != ATTEMPT_NONE && m->state != ATTEMPT_CONFIRMED &&
            m->state != ATTEMPT_REVERTED && m->state != ATTEMPT_WITHDRAWN && m->state != ATTEMPT_SILENT)
            return "R6: an attempt without a number";
        counts[m->ring][m->state]++;
        members[m->ring]++;
        add(&tally[m->ring], rollout_tally_of(r, m));
    }
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        if (members[i] != r->rings[i].members || memcmp(counts[i], r->rings[i].counts, sizeof counts[i]) != 0)
            return "R1: counts differ from a recount";
        if (!is_same(&tally[i], &r->rings[i].tally))
            return "R1: soak, crashes or exposure differ from a recount";
    }
    return NULL;
}

static const char *check_kinds(const struct rollout *r)
{
    struct rollout_stratum counted;
    for (uint32_t s = 0; s < r->stratum_count; s++) {
        memset(&counted, 0, sizeof counted);
        for (uint32_t i = 0; i < r->member_count; i++) {
            const struct rollout_member *m = &r->members[i];
            counted.resolved[m->ring] += m->stratum == s && attempt_is_resolved(m->state);
            counted.harmed[m->ring] += m->stratum == s && attempt_is_harm(m->state);
        }
        if (memcmp(counted.resolved, r->strata[s].resolved, sizeof counted.resolved) != 0 ||
            memcmp(counted.harmed, r->strata[s].harmed, sizeof counted.harmed) != 0)
            return "R1: what a kind counts differs from a recount";
    }
    return NULL;
}

static const char *check_queues(const struct rollout *r)
{
    uint32_t wanted[ROLLOUT_QUEUES] = {0}, found[ROLLOUT_QUEUES] = {0};
    for (uint32_t i = 0; i < r->member_count; i++) {
        if (r->members[i].queue != rollout_queue_for(r, &r->members[i]))
            return "R8: a member stands in the wrong queue";
        wanted[r->members[i].queue]++;
    }
    for (unsigned kind = QUEUE_LEASES; kind < ROLLOUT_QUEUES; kind++) {
        const struct rollout_member *before = NULL;
        for (uint32_t at = r->queues[kind].first; at != 0; at = r->members[at - 1].after) {
            const struct rollout_member *m = &r->members[at - 1];
            if (m->queue != kind || ++found[kind] > wanted[kind] ||
                m->before != (before == NULL ? 0 : (uint32_t)(before - r->members) + 1))
                return "R8: a queue is torn";
            if (before != NULL && rollout_queue_since(before) > rollout_queue_since(m))
                return "R8: a queue is out of order";
            before = m;
        }
        if (found[kind] != wanted[kind])
            return "R8: a queue has lost a member";
    }
    return NULL;
}

static const char *check_rings(const struct rollout *r)
{
    uint32_t open = 0;
    bool waiting = false;
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        const struct rollout_ring *g = &r->rings[i];
        open += g->state == RING_ACTIVE || g->state == RING_SOAKING;
        if (waiting && g->state != RING_WAITING)
            return "R2: a ring was opened before the one in front of it";
        waiting = waiting || g->state == RING_WAITING;
        if (g->state == RING_WAITING && rollout_in_flight(r, i) > 0)
            return "R4: a waiting ring has attempts in flight";
        if (g->state != RING_WAITING && rollout_in_flight(r, i) > g->bound)
            return "R3: more in flight than the bound";
    }
    return open > 1 ? "R2: two rings are open" : NULL;
}

static bool has_unswitched(const struct rollout *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        for (unsigned s = 0; s < ATTEMPT_STATES; s++) {
            if (attempt_is_open((enum attempt_state)s) && !attempt_has_switched((enum attempt_state)s))
                n += r->rings[i].counts[s];
        }
    }
    return n > 0;
}

const char *rollout_check(const struct rollout *r)
{
    uint32_t n[RING_STATES] = {0};
    const char *bad = check_members(r);
    if (bad == NULL)
        bad = check_kinds(r);
    if (bad == NULL)
        bad = check_rings(r);
    if (bad == NULL)
        bad = check_queues(r);
    if (bad != NULL)
        return bad;
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        n[r->rings[i].state]++;
    if (r->state == ROLLOUT_FINISHED && n[RING_PASSED] != r->plan.rings.count)
        return "R5: finished, and a ring has not passed";
    if (r->state == ROLLOUT_HALTED && n[RING_FAILED] == 0)
        return "R5: halted, and no ring has failed";
    if (r->state == ROLLOUT_HELD && n[RING_HELD] == 0)
        return "R5: held, and no ring is";
    if (r->state == ROLLOUT_RUNNING && n[RING_FAILED] + n[RING_HELD] > 0)
        return "R5: running with a failed or held ring";
    if (r->state == ROLLOUT_RUNNING && n[RING_ACTIVE] + n[RING_SOAKING] != 1)
        return "R7: running, and no ring is open";
    if ((r->state == ROLLOUT_HALTED || rollout_is_over(r->state)) && has_unswitched(r))
        return "R9: called back, and an attempt before its switch is in force";
    return NULL;
}
