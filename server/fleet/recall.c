/*
 * Recall: what a rollout has brought is taken back. The rollout ends, and another one, made and started here, offers each
 * device that runs the release the one that it ran before. docs/design/rollout.md, "Recall".
 */
#include "rollouts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX   16u
#define NO_DEADLINE 315360000u /* ten years: time must not stop it while devices still run what is recalled */

/* Who goes back, and to what. `release` NULL: nobody knows what those ran before. */
struct going_back {
    const struct fleet_release *release;
    uint32_t devices;
};

struct recall {
    struct fleet_rollout *of;
    struct going_back to[KINDS_MAX]; /* most common first */
    uint32_t kinds, barred, devices;
};

/* It runs the release, or has switched to it and not said yet how that went. The others join when they come with it. */
static bool has_taken(const struct fleet_device *d, const struct fleet_rollout *of)
{
    if (fleet_runs_release(d, of->release))
        return true;
    for (size_t i = 0; i < d->membership_count; i++) {
        const struct fleet_membership *at = &d->memberships[i];
        enum attempt_state state = at->rollout->engine.members[at->member].state;
        if (at->rollout == of)
            return attempt_is_open(state) && attempt_has_switched(state);
    }
    return false;
}

static void count_one(struct recall *recall, const struct fleet_release *release)
{
    uint32_t k = 0;
    while (k < recall->kinds && recall->to[k].release != release)
        k++;
    if (k == KINDS_MAX)
        return; /* a release that few of them ran: not the most common one */
    recall->kinds += k == recall->kinds;
    recall->to[k].release = release;
    recall->to[k].devices++;
}

static int more_devices(const void *a, const void *b)
{
    const struct going_back *x = a, *y = b;
    if ((x->release == NULL) != (y->release == NULL))
        return x->release == NULL ? 1 : -1;
    if (x->devices != y->devices)
        return x->devices < y->devices ? 1 : -1;
    return x->release == NULL || x->release->number < y->release->number ? 1 : -1;
}

static void count(struct recall *recall)
{
    const struct fleet_product *p = recall->of->product;
    for (size_t i = 0; i < p->device_count; i++) {
        if (has_taken(p->device_list[i], recall->of))
            count_one(recall, fleet_ran_before(p->device_list[i], recall->of->release));
    }
    qsort(recall->to, recall->kinds, sizeof recall->to[0], more_devices);
}

/* Of whom nobody knows it: the release below this one. */
static const struct fleet_release *usual_release(const struct recall *recall)
{
    const struct fleet_product *p = recall->of->product;
    const struct fleet_release *found = recall->to[0].release;
    for (size_t i = p->release_count; found == NULL && i > 0; i--) {
        if (p->releases[i - 1]->number < recall->of->release->number)
            found = p->releases[i - 1];
    }
    return found;
}

/* No soak, one ring, no deadline; pace and limits of harm as they were. */
static struct rollout_plan plan_of(const struct fleet_rollout *of, uint32_t in_flight)
{
    char err[100];
    struct rollout_plan plan = of->engine.plan;
    plan.rings = (struct ring_plan){0};
    plan.strata = (struct strata_spec){0};
    plan.metrics.count = 0; /* nothing is to be compared with what is taken back */
    (void)ring_plan_add(&plan.rings, "rest", err, sizeof err);
    plan.soak_s = 0;
    plan.decide_by_s = NO_DEADLINE;
    plan.min_source = plan.max_source = 0; /* not by number: by what runs */
    plan.override_reason[0] = plan.filter[0] = '\0';
    if (in_flight != 0)
        plan.in_flight = in_flight;
    return plan;
}

/* What a device cannot go back to, because of its floor, it is not made to wait for: explain says so. */
static void add_members(struct recall *recall, struct fleet_rollout *r)
{
    for (size_t i = 0; i < r->product->device_count; i++) {
        struct fleet_device *d = r->product->device_list[i];
        const struct fleet_release *target = fleet_target(r, -1, d);
        enum ot_status why;
        if (!has_taken(d, recall->of))
            continue;
        if (fleet_pick_image(target, &d->facts, &why) == NULL) {
            recall->barred++;
            continue;
        }
        uint32_t member = fleet_add_member(r, d, 0, 0);
        r->members[member].target = target != r->release ? target : NULL;
    }
    recall->devices = r->engine.member_count;
}

static void describe(const struct recall *recall, char *text, size_t len)
{
    int at =
        snprintf(text, len, "recall of %s, which rollout %" PRIu64 " brought: %" PRIu32 " devices go back",
                 recall->of->release->version, recall->of->engine.id, recall->devices);
    if (recall->barred > 0 && at > 0 && (size_t)at < len)
        snprintf(text + at, len - (size_t)at, ", %" PRIu32 " cannot: they refuse what they ran before",
                 recall->barred);
}

static bool can_any_go_back(const struct recall *recall, const struct fleet_release *usual)
{
    const struct fleet_product *p = recall->of->product;
    for (size_t i = 0; i < p->device_count; i++) {
        const struct fleet_device *d = p->device_list[i];
        const struct fleet_release *before = fleet_ran_before(d, recall->of->release);
        enum ot_status why;
        if (has_taken(d, recall->of) &&
            fleet_pick_image(before != NULL ? before : usual, &d->facts, &why) != NULL)
            return true;
    }
    return false;
}

static int refuse_recall(const struct fleet_rollout *of, const char *reason, struct fleet_refusal *refusal)
{
    const struct fleet_rollout *newer = fleet_newer_rollout(of);
    if (reason[0] == '\0')
        return fleet_refuse(refusal, 422, "reason",
                            "recall takes a release back from devices: it needs a reason");
    if (of->recalls != NULL)
        return fleet_refuse(refusal, 409, "recall",
                            "rollout %" PRIu64 " is a recall itself: roll %s out again instead",
                            of->engine.id, of->recalls->release->version);
    if (newer != NULL)
        return fleet_refuse(refusal, 409, "overlap",
                            "rollout %" PRIu64 " of release %s decides now: abort that one first",
                            newer->engine.id, newer->release->version);
    if (rollout_next(of->engine.state, ROLLOUT_ON_RECALL) < 0)
        return fleet_refuse(refusal, 409, "state", "recall: not for a rollout that is %s",
                            rollout_state_name(of->engine.state));
    return 0;
}

/* Nothing has been changed yet: what is refused leaves nothing behind. */
static int prepare(struct recall *recall, const char *reason, const struct fleet_release **usual,
                   struct fleet_refusal *refusal)
{
    if (refuse_recall(recall->of, reason, refusal) != 0)
        return -1;
    count(recall);
    if (recall->kinds == 0)
        return fleet_refuse(refusal, 422, "empty", "no device runs %s: abort is enough",
                            recall->of->release->version);
    *usual = usual_release(recall);
    if (*usual == NULL)
        return fleet_refuse(refusal, 422, "no_previous",
                            "nobody knows what its devices ran before %s, and no release of %s is below it",
                            recall->of->release->version, recall->of->product->name);
    if (!can_any_go_back(recall, *usual))
        return fleet_refuse(
            refusal, 422, ot_status_wire(OT_E_BELOW_FLOOR),
            "no device can go back: each refuses what it ran before %s (floor, anti-rollback counter "
            "or keys)",
            recall->of->release->version);
    return 0;
}

static void carry_out(struct fleet *f, const char *who, struct recall *recall, struct fleet_rollout *r,
                      const char *reason, struct store_batch *batch)
{
    char text[200], object[32], detail[400];
    struct fleet_change old = {.fleet = f, .batch = batch, .rollout = recall->of, .who = who},
                        change = {.fleet = f, .batch = batch, .rollout = r, .who = who};
    struct rollout_sink old_sink = fleet_sink(&old), sink = fleet_sink(&change);
    uint64_t now = fleet_now_ms(f);
    const char *before = rollout_state_name(recall->of->engine.state);
    (void)rollout_recall(&recall->of->engine, reason, now, &old_sink);
    r->recalls = recall->of;
    add_members(recall, r);
    describe(recall, text, sizeof text);
    fleet_rollout_add(f, who, r, text, batch);
    (void)rollout_start(&r->engine, now, &sink);
    snprintf(object, sizeof object, "%" PRIu64, recall->of->engine.id);
    snprintf(detail, sizeof detail, "%s -> recalled by rollout %" PRIu64 ": %.300s", before, r->engine.id,
             reason);
    fleet_audit(f, batch, who, "rollout.recall", object, detail);
}

int fleet_rollout_recall(struct fleet *f, const char *who, struct fleet_rollout *of, const char *reason,
                         uint32_t in_flight, struct fleet_rollout **out, struct fleet_refusal *refusal,
                         fleet_done *done, void *ctx)
{
    struct recall recall = {.of = of};
    const struct fleet_release *usual = NULL;
    fleet_lock(f);
    int result = prepare(&recall, reason, &usual, refusal);
    if (result == 0) {
        struct store_batch *batch = store_batch_new();
        struct rollout_plan plan = plan_of(of, in_flight);
        *out = fleet_rollout_new(f, of->product, usual, &plan);
        carry_out(f, who, &recall, *out, reason, batch);
        store_commit(f->store, batch, done, ctx);
    }
    fleet_unlock(f);
    return result;
}
