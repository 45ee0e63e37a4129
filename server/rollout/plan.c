/* Rollout plans: see rollout/plan.h. */
#include "internal.h"

#include "rollout/gate.h"

#include <stdio.h>

#define DAY_S 86400u

struct rollout_plan rollout_plan_default(void)
{
    return (struct rollout_plan){.soak_s = 86400,
                                 .in_flight = 5,
                                 .quorum_percent = 90,
                                 .max_failure_percent = 10,
                                 .max_crashes_per_device_day = 100,
                                 .stale_after_s = 43200,
                                 .lease_s = 3600};
}

void rollout_plan_differences(const struct rollout_plan *p, char *text, size_t len)
{
    struct rollout_plan usual = rollout_plan_default();
    const struct {
        const char *name;
        uint32_t now, before;
    } fields[] = {{"soak_s", p->soak_s, usual.soak_s},
                  {"in_flight", p->in_flight, usual.in_flight},
                  {"quorum_percent", p->quorum_percent, usual.quorum_percent},
                  {"max_failure_percent", p->max_failure_percent, usual.max_failure_percent},
                  {"tolerated_failure (1/100 %)", p->tolerated_failure, usual.tolerated_failure},
                  {"max_crashes_per_device_day (1/100)", p->max_crashes_per_device_day,
                   usual.max_crashes_per_device_day},
                  {"stale_after_s", p->stale_after_s, usual.stale_after_s},
                  {"decide_by_s", p->decide_by_s, usual.decide_by_s}};
    size_t at = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0] && at < len; i++) {
        if (fields[i].now != fields[i].before)
            at += (size_t)snprintf(text + at, len - at, ", %s %u instead of %u", fields[i].name,
                                   fields[i].now, fields[i].before);
    }
}

uint32_t rollout_plan_decide_by_s(const struct rollout_plan *p)
{
    uint64_t needed = 4u * ((uint64_t)p->soak_s + p->stale_after_s);
    uint64_t chosen = p->decide_by_s != 0 ? p->decide_by_s : needed > 604800u ? needed : 604800u;
    return chosen > UINT32_MAX ? UINT32_MAX : (uint32_t)chosen;
}

double rollout_plan_tolerated(const struct rollout_plan *p)
{
    if (p->max_failure_percent >= 100)
        return 1;
    double part = p->tolerated_failure != 0 ? p->tolerated_failure / 10000.0 : p->max_failure_percent / 500.0;
    return part > GATE_TOLERATED_MIN ? part : GATE_TOLERATED_MIN;
}

int rollout_plan_source(const struct rollout_plan *p, uint32_t number)
{
    if (number < p->min_source)
        return -1; /* also when nobody knows what it runs */
    return p->max_source != 0 && (number > p->max_source || number == 0) ? 1 : 0;
}

int rollout_plan_check_reach(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX],
                             char *err, size_t err_len)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->rings.count; i++)
        most = members[i] > most ? members[i] : most;
    if (!p->limit_is_chosen || p->override_reason[0] != '\0' ||
        p->max_failure_percent / 100.0 >= gate_floor(most))
        return 0;
    return rollout_refuse(
        err, err_len,
        "max_failure_percent %u is out of reach: the largest ring has %u devices, which cannot see a failure "
        "rate below %.1f %%; ask for more, or give a reason (override)",
        p->max_failure_percent, most, 100 * gate_floor(most));
}

bool rollout_plan_warning(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX],
                          uint32_t ring, char *text, size_t len)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < ring; i++)
        before += members[i];
    if (before == 0 || members[ring] <= ROLLOUT_WIDENING_MAX * before || p->override_reason[0] != '\0')
        return false;
    snprintf(text, len,
             "ring %s: from %llu to %u devices is more than tenfold: a ring between them would see "
             "what so few cannot",
             p->rings.rings[ring].name, (unsigned long long)before, members[ring]);
    return true;
}

int rollout_plan_check_care(const struct rollout_plan *p, char *err, size_t err_len)
{
    if (p->override_reason[0] != '\0')
        return 0;
    if (p->soak_s == 0)
        return rollout_refuse(
            err, err_len,
            "soak_s 0: a ring would pass before a device has run the release for a second; give "
            "it time, or a reason (override)");
    if (p->stale_after_s > p->soak_s)
        return rollout_refuse(
            err, err_len,
            "stale_after_s %u is more than soak_s %u: a ring would pass before silence counts; "
            "choose less, soak longer, or give a reason (override)",
            p->stale_after_s, p->soak_s);
    if (p->soak_s < p->duty_cycle_s)
        return rollout_refuse(
            err, err_len,
            "soak_s %u is less than the duty cycle of the product's devices, %u s: a ring would "
            "pass before they have done all they do; soak longer, or give a reason (override)",
            p->soak_s, p->duty_cycle_s);
    return 0;
}

bool rollout_plan_hint(const struct rollout_plan *p, char *text, size_t len)
{
    if (p->duty_cycle_s != 0 || p->soak_s >= DAY_S || p->override_reason[0] != '\0')
        return false;
    snprintf(
        text, len,
        "nobody has said how long the duty cycle of the devices is (product set --duty-cycle-s): a soak of %u s "
        "does not see what they do once a day",
        p->soak_s);
    return true;
}

int rollout_plan_check_members(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX],
                               char *err, size_t err_len)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->rings.count; i++)
        all += members[i];
    if (all == 0)
        return rollout_refuse(err, err_len, "no device would be in it");
    for (uint32_t i = 0; i < p->rings.count; i++) {
        const struct ring_spec *ring = &p->rings.rings[i];
        if (members[i] > 0 || ring->kind == RING_REST)
            continue;
        if (ring->kind == RING_NAMED)
            return rollout_refuse(err, err_len,
                                  "ring %s is empty: tag devices with its name, or leave it out (--rings)",
                                  ring->name);
        if (p->override_reason[0] == '\0')
            return rollout_refuse(
                err, err_len,
                "ring %s is empty: of %llu devices the hash puts none into it, and the next ring would open untried; "
                "choose other shares (--rings), or give a reason (override)",
                ring->name, (unsigned long long)all);
    }
    return 0;
}

int rollout_plan_check(const struct rollout_plan *p, char *err, size_t err_len)
{
    if (p->in_flight < 1 || p->in_flight > 1000000)
        return rollout_refuse(err, err_len, "in_flight: from 1 to 1000000");
    if (p->quorum_percent < 1 || p->quorum_percent > 100)
        return rollout_refuse(err, err_len, "quorum_percent: from 1 to 100");
    if (p->max_failure_percent > 100)
        return rollout_refuse(err, err_len, "max_failure_percent: from 0 to 100");
    if (p->tolerated_failure != 0 &&
        (p->tolerated_failure < 50 || p->tolerated_failure > p->max_failure_percent * 100))
        return rollout_refuse(err, err_len, "tolerated_failure_percent: from 0.5 to max_failure_percent");
    if (p->stale_after_s < 1 || p->lease_s < 1)
        return rollout_refuse(err, err_len, "stale_after_s and lease_s: at least 1");
    if (p->decide_by_s != 0 && p->decide_by_s <= p->soak_s)
        return rollout_refuse(err, err_len, "decide_by_s: no ring can have soaked by then (soak_s is %u)",
                              p->soak_s);
    if (p->max_source != 0 && p->min_source > p->max_source)
        return rollout_refuse(err, err_len, "min_source is above max_source: release %u, and release %u",
                              p->min_source, p->max_source);
    return ring_plan_check(&p->rings, err, err_len);
}
