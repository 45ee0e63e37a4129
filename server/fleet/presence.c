/*
 * Presence: see presence.h. A check-in that says nothing new is by far the most frequent thing that happens to a server,
 * and in the simulator's virtual time nearly all there is: fleet_still_here() is that check-in without its message.
 */
#include "presence.h"

#include "fleet.h"
#include "load.h"
#include "outages.h"

#include <stdint.h>

#define SAVE_AT_ONCE 2000u

/* By the server's own time: that it was down is nobody's being away. */
static void note_habit(const struct fleet *f, struct fleet_device *d)
{
    uint64_t now_ms = fleet_now_ms(f);
    if (d->heard_ms != 0)
        poll_habit_seen(&d->habit, now_ms - d->heard_ms, f->poll_s);
    d->heard_ms = now_ms;
}

void fleet_note_seen(struct fleet *f, struct fleet_device *d)
{
    note_habit(f, d);
    fleet_outages_answered(f);
    d->last_seen_ms = fleet_wall_ms(f);
    d->is_dirty = true;
    if (!d->is_listed)
        fleet_append((void ***)&f->dirty, &f->dirty_count, d);
    d->is_listed = true;
}

/* A finished rollout that is not the newest looks at stragglers under way or soaking, and at nobody else. */
static bool still_looks(const struct fleet_device *d, const struct fleet_membership *at)
{
    const struct rollout *r = &at->rollout->engine;
    const struct fleet_product *p = d->product;
    return !rollout_is_over(r->state) &&
           (r->state != ROLLOUT_FINISHED || at->rollout == p->rollouts[p->rollout_count - 1] ||
            attempt_is_open(r->members[at->member].state) || r->members[at->member].queue == QUEUE_SOAK);
}

void fleet_note_presence(struct fleet_change *change, struct fleet_device *d, uint64_t now_ms)
{
    const struct ot_health *health = &d->facts.health;
    struct rollout_counters counters = {.of = {health->panics + health->watchdogs, health->link_losses}};
    struct rollout_sink sink = fleet_sink(change);
    for (size_t i = 0; i < d->membership_count; i++) {
        const struct fleet_membership *at = &d->memberships[i];
        struct rollout *r = &at->rollout->engine;
        if (!still_looks(d, at))
            continue;
        change->rollout = at->rollout;
        counters.values = rollout_metrics_values(&r->plan.metrics, d->facts.metrics, d->facts.metric_count);
        rollout_alive(r, at->member, now_ms, &sink);
        rollout_seen(r, at->member, fleet_runs_release(d, fleet_target(at->rollout, (int)at->member, d)),
                     &counters, now_ms, &sink);
    }
}

/* --- rows that are written behind --- */

void fleet_put_behind(struct fleet_change *change, uint32_t member)
{
    struct fleet_rollout *r = change->rollout;
    if (r->members[member].is_behind)
        return;
    r->members[member].is_behind = true;
    r->members[member].next_behind = r->first_behind;
    r->first_behind = member + 1;
}

static void write_members(struct fleet *f, struct store_batch *batch, struct fleet_rollout *r, size_t most)
{
    struct fleet_change change = {.fleet = f, .batch = batch, .rollout = r};
    while (r->first_behind != 0 && store_batch_count(batch) < most) {
        uint32_t member = r->first_behind - 1;
        r->first_behind = r->members[member].next_behind;
        r->members[member].is_behind = false;
        fleet_store_member(&change, member);
    }
}

void fleet_write_behind(struct fleet *f, struct store_batch *batch, size_t most)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->rollout_count; i++)
            write_members(f, batch, f->products[p]->rollouts[i], most);
    }
    while (f->dirty_count > 0 && store_batch_count(batch) < most) {
        struct fleet_device *d = f->dirty[--f->dirty_count];
        d->is_listed = false;
        if (d->is_dirty)
            fleet_store_device(f, batch, d);
    }
}

/* In parts, and no faster than the disk: a million rows at once would be a gigabyte of batch. */
void fleet_save(struct fleet *f)
{
    for (size_t written = 1; written > 0;) {
        struct store_batch *batch = store_batch_new();
        fleet_lock(f);
        fleet_write_behind(f, batch, SAVE_AT_ONCE);
        fleet_unlock(f);
        written = store_batch_count(batch);
        store_commit(f->store, batch, NULL, NULL);
        store_wait(f->store, 4);
    }
    store_wait(f->store, 0);
}

/* --- still here --- */

/* Would the whole check-in lead to an offer, a member or an outcome? The answer comes from the code that decides. */
static bool leads_to_something(const struct fleet_device *d)
{
    struct fleet_rollout *r;
    if (fleet_is_at_rest(d))
        return false;
    struct rollout_situation s = fleet_situation(d, &r);
    switch ((int)rollout_decide(&s)) {
    case WHY_OFFERED_NEXT:
    case WHY_OFFERED_AGAIN:
    case WHY_JOINS_NEXT:
    case WHY_IN_PROGRESS:
    case WHY_HELD_BACK:
    case WHY_PROBATION:
        return true;
    case WHY_UP_TO_DATE: /* adopted, if it is not counted yet */
        return s.member < 0 || !attempt_is_resolved(r->engine.members[s.member].state);
    default:
        return false;
    }
}

bool fleet_still_here(struct fleet *f, struct fleet_device *d, const struct ot_health *health)
{
    fleet_lock(f);
    bool is_quiet = d->has_checked_in && !leads_to_something(d);
    if (is_quiet) {
        if (f->spare == NULL)
            f->spare = store_batch_new();
        struct fleet_change change = {.fleet = f, .batch = f->spare, .is_behind = true};
        d->facts.health = *health;
        fleet_note_seen(f, d);
        fleet_note_presence(&change, d, fleet_now_ms(f));
        if (store_batch_count(f->spare) > 0) { /* it has told something all the same */
            store_commit(f->store, f->spare, NULL, NULL);
            f->spare = NULL;
        }
    }
    fleet_unlock(f);
    return is_quiet;
}
