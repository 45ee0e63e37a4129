/*
 * Which rollout decides about a device, what that would give it, and what there is to know for the decision. A check-in
 * acts on it, `explain` tells it: rollout/explain.h.
 */
#include "fleet.h"

#include "base/crypto_openssl.h"
#include "filter.h"

/* The rollout that decides for this product now: the newest that was ever started and that nobody has ended. */
static struct fleet_rollout *deciding_rollout(const struct fleet_product *p)
{
    for (size_t i = p->rollout_count; i > 0; i--) {
        enum rollout_state state = p->rollouts[i - 1]->engine.state;
        if (state != ROLLOUT_CREATED && !rollout_is_over(state))
            return p->rollouts[i - 1];
    }
    return NULL;
}

static const struct fleet_membership *membership_in(const struct fleet_device *d,
                                                    const struct fleet_rollout *r)
{
    for (size_t i = 0; r != NULL && i < d->membership_count; i++) {
        if (d->memberships[i].rollout == r)
            return &d->memberships[i];
    }
    return NULL;
}

/* A device that came after the freeze goes by its hash; if its ring has passed, into the earliest open one. */
static int place_of(const struct fleet_device *d, const struct fleet_rollout *r)
{
    const char *tags[FLEET_TAGS_MAX];
    for (uint32_t t = 0; t < d->tag_count; t++)
        tags[t] = d->tags[t];
    uint64_t u = ring_plan_u(crypto_openssl(), r->product->seed.bytes, d->id);
    int ring = ring_plan_place(&r->engine.plan.rings, u, tags, d->tag_count);
    return ring < 0 ? ring : (int)rollout_ring_for_joiner(&r->engine, (uint32_t)ring);
}

static bool has_unstarted(const struct fleet_product *p)
{
    bool found = false;
    for (size_t i = 0; i < p->rollout_count; i++)
        found = found || p->rollouts[i]->engine.state == ROLLOUT_CREATED;
    return found;
}

/* --- releases --- */

const struct fleet_release *fleet_running(const struct fleet_device *d)
{
    const struct fleet_release *release = NULL;
    if (d->facts.running.present)
        (void)fleet_image_with(d->product, &d->facts.running.digest, &release);
    return release;
}

uint32_t fleet_running_number(const struct fleet_device *d)
{
    const struct fleet_release *release = fleet_running(d);
    return release != NULL ? release->number : d->facts.running.release;
}

static const char *version_of(const struct fleet_product *p, uint32_t number)
{
    for (size_t i = 0; number != 0 && i < p->release_count; i++) {
        if (p->releases[i]->number == number)
            return p->releases[i]->version;
    }
    return NULL;
}

/* What it ran when it was offered this release; the other slot knows it too, until the next update. */
const struct fleet_release *fleet_ran_before(const struct fleet_device *d,
                                             const struct fleet_release *release)
{
    const struct fleet_release *other = NULL;
    for (size_t i = d->membership_count; i > 0; i--) {
        const struct fleet_membership *at = &d->memberships[i - 1];
        const struct fleet_release *base = at->rollout->members[at->member].base;
        if (at->rollout->release == release && base != NULL && base != release)
            return base;
    }
    if (d->facts.other.present)
        (void)fleet_image_with(d->product, &d->facts.other.digest, &other);
    return other != release ? other : NULL;
}

const struct fleet_release *fleet_target(const struct fleet_rollout *r, int member,
                                         const struct fleet_device *d)
{
    const struct fleet_release *target = NULL;
    if (member >= 0)
        target = r->members[member].target;
    else if (r->recalls != NULL)
        target = fleet_ran_before(d, r->recalls->release);
    return target != NULL ? target : r->release;
}

/* --- the situation --- */

static void add_recall(struct rollout_situation *s, const struct fleet_device *d,
                       const struct fleet_rollout *r)
{
    const struct fleet_membership *at = membership_in(d, r->recalls);
    if (r->recalls == NULL)
        return;
    s->recalled = r->recalls->release->version;
    s->runs_recalled = fleet_runs_release(d, r->recalls->release);
    s->floor = d->facts.floor;
    if (at != NULL) {
        enum attempt_state state = at->rollout->engine.members[at->member].state;
        s->tries_recalled = attempt_is_open(state) && attempt_has_switched(state);
    }
}

static void add_source(struct rollout_situation *s, const struct fleet_device *d,
                       const struct rollout_plan *plan)
{
    s->source = fleet_running_number(d);
    s->source_version = version_of(d->product, s->source);
    s->min_version = version_of(d->product, plan->min_source);
    s->max_version = version_of(d->product, plan->max_source);
}

struct rollout_situation fleet_situation_in(const struct fleet_device *d, const struct fleet_rollout *r)
{
    int64_t unheard_ms = fleet_wall_ms(d->product->fleet) - d->last_seen_ms;
    const struct fleet_membership *at = membership_in(d, r);
    struct rollout_situation s = {.has_checked_in = d->has_checked_in,
                                  .unheard_s = unheard_ms > 0 ? (uint64_t)unheard_ms / 1000u : 0,
                                  .has_unstarted = has_unstarted(d->product),
                                  .member = at != NULL ? (int)at->member : -1,
                                  .place = -1};
    if (r == NULL)
        return s;
    const struct fleet_release *target = fleet_target(r, s.member, d);
    s.rollout = &r->engine;
    s.version = target->version;
    s.runs_release = fleet_runs_release(d, target);
    (void)fleet_pick_image(target, &d->facts, &s.fit);
    s.is_left_out = s.member < 0 && r->filter != NULL &&
                    !fleet_filter_matches(r->filter, d, fleet_wall_ms(d->product->fleet));
    if (s.member < 0)
        s.place = s.is_left_out ? -1 : place_of(d, r);
    else
        s.check = r->members[s.member].check;
    add_source(&s, d, &r->engine.plan);
    add_recall(&s, d, r);
    return s;
}

/*
 * A device that is too old for `newest` may be given a release in between by a rollout that has finished: it only came
 * too late for that. The newest that takes it and brings it nearer.
 */
static struct fleet_rollout *step_towards(const struct fleet_device *d, const struct fleet_rollout *newest)
{
    const struct fleet_product *p = d->product;
    uint32_t source = fleet_running_number(d), most = newest->engine.plan.max_source;
    for (size_t i = p->rollout_count; i > 0; i--) {
        struct fleet_rollout *r = p->rollouts[i - 1];
        if (r->engine.id < newest->engine.id && r->engine.state == ROLLOUT_FINISHED && r->recalls == NULL &&
            r->release->number > source && (most == 0 || r->release->number <= most) &&
            rollout_plan_source(&r->engine.plan, source) == 0)
            return r;
    }
    return NULL;
}

struct rollout_situation fleet_situation(const struct fleet_device *d, struct fleet_rollout **rollout)
{
    *rollout = deciding_rollout(d->product);
    struct rollout_situation s = fleet_situation_in(d, *rollout);
    struct fleet_rollout *step = NULL;
    if (*rollout != NULL && rollout_decide(&s) == WHY_SOURCE_TOO_OLD)
        step = step_towards(d, *rollout);
    if (step == NULL)
        return s;
    const char *step_to = s.version;
    *rollout = step;
    s = fleet_situation_in(d, step);
    s.step_to = step_to;
    return s;
}

/* The same conditions as in rollout_decide() and the check-in, those that cost little: most check-ins are of this kind. */
bool fleet_is_at_rest(const struct fleet_device *d)
{
    const struct fleet_rollout *r = deciding_rollout(d->product);
    const struct fleet_membership *at = membership_in(d, r);
    if (at == NULL || attempt_is_open(r->engine.members[at->member].state) || r->engine.plan.min_source != 0)
        return false; /* a device too old for it may be given a step towards it */
    if (attempt_is_resolved(r->engine.members[at->member].state))
        return true;
    return rollout_may_offer(&r->engine, at->member) != ROLLOUT_OFFER &&
           !fleet_runs_release(d, fleet_target(r, (int)at->member, d));
}
