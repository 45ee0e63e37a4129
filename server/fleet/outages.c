/* When this server answered nobody: see outages.h. */
#include "outages.h"

/* So many devices that were heard of should have come: one or two can be gone for reasons of their own. */
#define EXPECTED_MIN 10u

void fleet_outages_begin(struct fleet *f, int64_t saved_wall_ms, uint64_t saved_mono_ms)
{
    int64_t down_ms = saved_wall_ms != 0 ? fleet_wall_ms(f) - saved_wall_ms : 0;
    down_ms -= (int64_t)(f->base_ms - saved_mono_ms); /* it ran on after that */
    outages_begin(&f->outages, f->base_ms, down_ms > 0 ? (uint64_t)down_ms : 0);
}

/* Behind its switch it may be the release that keeps it away. */
static bool is_in_probation(const struct fleet_device *d)
{
    for (size_t i = 0; i < d->membership_count; i++) {
        enum attempt_state state = d->memberships[i].rollout->engine.members[d->memberships[i].member].state;
        if (attempt_is_open(state) && attempt_has_switched(state))
            return true;
    }
    return false;
}

/* Were there devices that come every few minutes, and did not? */
static bool others_were_expected(const struct fleet *f, int64_t since_wall_ms)
{
    unsigned expected = 0;
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t i = 0; i < f->products[p]->device_count && expected < EXPECTED_MIN; i++) {
            const struct fleet_device *d = f->products[p]->device_list[i];
            expected += d->has_checked_in && d->last_seen_ms >= since_wall_ms && !is_in_probation(d);
        }
    }
    return expected >= EXPECTED_MIN;
}

void fleet_outages_answered(struct fleet *f)
{
    uint64_t now = fleet_now_ms(f), long_ms = (uint64_t)f->poll_s * 3000u,
             gap = outages_gap(&f->outages, now);
    if (gap >= long_ms && others_were_expected(f, fleet_wall_ms(f) - (int64_t)(gap + long_ms)))
        outages_add(&f->outages, now);
    outages_answered(&f->outages, now);
}

uint64_t fleet_heard_ms(const struct fleet_device *d)
{
    uint64_t heard_ms = 0;
    for (size_t i = 0; i < d->membership_count; i++) {
        const struct rollout_member *m = &d->memberships[i].rollout->engine.members[d->memberships[i].member];
        /* An open attempt's is stored with every check-in that names it; one that is counted as silent changed later. */
        uint64_t at = attempt_is_open(m->state) ? m->changed_ms : m->seen_ms;
        heard_ms = at > heard_ms ? at : heard_ms;
    }
    return heard_ms;
}
