/* Rollouts: creation with frozen membership, and what operators do to them. */
#include "fleet.h"

#include "load.h"
#include "members.h"
#include "rollouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that still decides for its devices; a halted one, too: a person may resume it. */
static struct fleet_rollout *live_rollout(const struct fleet_product *p)
{
    for (size_t i = p->rollout_count; i > 0; i--) {
        enum rollout_state state = p->rollouts[i - 1]->engine.state;
        if (state == ROLLOUT_RUNNING || state == ROLLOUT_PAUSED || state == ROLLOUT_CREATED ||
            state == ROLLOUT_HELD || state == ROLLOUT_HALTED)
            return p->rollouts[i - 1];
    }
    return NULL;
}

static void freeze_members(struct fleet_rollout *r, struct fleet_places *take_places)
{
    for (size_t i = 0; i < take_places->count; i++) {
        const struct fleet_place *at = &take_places->list[i];
        fleet_add_member(r, at->device, at->ring, at->stratum);
    }
    r->strata = take_places->strata;
    r->stratum_count = take_places->stratum_count;
    fleet_kinds_use(r);
    r->filter = take_places->filter;
    take_places->strata = NULL;
    take_places->filter = NULL;
    fleet_places_free(take_places);
}

/*
 * A rollout that reaches nobody would have "passed" at once, and an empty ring would let the next one open untried.
 */
static int refuse_members(const struct rollout_plan *plan, const struct fleet_places *places,
                          struct fleet_refusal *refusal)
{
    char err[300], left[120] = "";
    if (rollout_plan_check_members(plan, places->members, err, sizeof err) != 0) {
        if (places->count == 0)
            snprintf(left, sizeof left,
                     ": no image of the release fits %u devices, no ring takes %u, the filter leaves out %u",
                     places->unfit, places->unplaced, places->filtered);
        return fleet_refuse(refusal, 422, "empty", "%s%s", err, left);
    }
    if (rollout_plan_check_reach(plan, places->members, err, sizeof err) != 0)
        return fleet_refuse(refusal, 422, "unreachable", "%s", err);
    return 0;
}

struct fleet_rollout *fleet_rollout_new(struct fleet *f, struct fleet_product *p,
                                        const struct fleet_release *release, const struct rollout_plan *plan)
{
    struct fleet_rollout *r = fleet_need(calloc(1, sizeof *r));
    r->engine.id = (uint64_t)f->next_rollout++;
    r->engine.plan = *plan;
    r->engine.poll_s = f->poll_s;
    r->product = p;
    r->release = release;
    r->created_ms = fleet_wall_ms(f);
    return r;
}

static json_t *created_with(const struct fleet_rollout *r, const char *who)
{
    json_t *members = json_array();
    for (uint32_t i = 0; i < r->engine.plan.rings.count; i++)
        json_array_append_new(members, json_integer((json_int_t)r->engine.rings[i].members));
    return json_pack("{s:s,s:o}", "who", who, "members", members);
}

void fleet_rollout_add(struct fleet *f, const char *who, struct fleet_rollout *r, const char *text,
                       struct store_batch *batch)
{
    struct fleet_change change = {.fleet = f, .batch = batch, .rollout = r};
    char *plan = fleet_plan_to_text(&r->engine.plan), *kinds = fleet_kinds_to_text(r);
    rollout_prepare(&r->engine);
    fleet_append((void ***)&r->product->rollouts, &r->product->rollout_count, r);
    store_add(batch, STORE_PUT_ROLLOUT, (int64_t)r->engine.id, r->product->name, r->release->id,
              (int64_t)r->engine.state, r->engine.reason, plan, r->created_ms, kinds,
              r->recalls != NULL ? (int64_t)r->recalls->engine.id : (int64_t)0);
    free(plan);
    free(kinds);
    for (uint32_t i = 0; i < r->engine.plan.rings.count; i++)
        fleet_store_ring(&change, i);
    for (uint32_t i = 0; i < r->engine.member_count; i++)
        fleet_store_member(&change, i);
    fleet_timeline(f, batch, r, "created", -1, "", text, created_with(r, who));
}

/* The older rollout ends: attempts before the switch are superseded, those behind it are finished by the device. */
static void supersede(struct fleet *f, const char *who, struct fleet_rollout *old, struct store_batch *batch)
{
    struct fleet_change change = {.fleet = f, .batch = batch, .rollout = old, .who = who};
    struct rollout_sink sink = fleet_sink(&change);
    (void)rollout_abort(&old->engine, "superseded by a newer rollout", fleet_now_ms(f), &sink);
}

/* Kept is what the parser made of it: it reads back the same, whatever attributes devices have by then. */
static int read_filter(const struct fleet_product *p, struct rollout_plan *plan, struct query **out,
                       struct fleet_refusal *refusal)
{
    struct query_error e;
    *out = NULL;
    if (plan->filter[0] == '\0')
        return 0;
    struct query *q = fleet_need(malloc(sizeof *q));
    if (fleet_filter_parse(p, plan->filter, q, &e) != 0) {
        free(q);
        return fleet_refuse(refusal, 422, "filter", "%s", e.message);
    }
    _Static_assert(sizeof plan->filter == QUERY_TEXT_MAX + 1, "a filter as it is printed");
    query_print(q, plan->filter);
    *out = q;
    return 0;
}

static int refuse_plan(const struct fleet_product *p, const struct rollout_plan *plan, bool replace,
                       struct fleet_refusal *refusal)
{
    char err[300];
    const struct fleet_rollout *old = live_rollout(p);
    if (rollout_plan_check(plan, err, sizeof err) != 0 || rollout_plan_check_care(plan, err, sizeof err) != 0)
        return fleet_refuse(refusal, 422, "plan", "%s", err);
    if (old != NULL && !replace)
        return fleet_refuse(refusal, 409, "overlap",
                            "rollout %llu of release %s is %s: wait for it, abort it, or use --supersede",
                            (unsigned long long)old->engine.id, old->release->version,
                            rollout_state_name(old->engine.state));
    return 0;
}

int fleet_rollout_places(const struct fleet_product *p, const struct fleet_release *release,
                         struct rollout_plan *plan, bool replace, struct fleet_places *out,
                         struct fleet_refusal *refusal)
{
    struct query *filter;
    memset(out, 0, sizeof *out);
    if (plan->rings.count == 0)
        plan->rings = p->rings;
    plan->strata = p->strata;
    plan->duty_cycle_s = p->duty_cycle_s;
    if (plan->metrics.count == 0)
        plan->metrics = p->metrics;
    if (refuse_plan(p, plan, replace, refusal) != 0 || read_filter(p, plan, &filter, refusal) != 0)
        return -1;
    int result = fleet_places(p, release, plan, filter, out, refusal);
    out->filter = filter;
    if (result == 0)
        result = refuse_members(plan, out, refusal);
    if (result != 0)
        fleet_places_free(out);
    return result;
}

/* With what somebody chose otherwise than it would have been: a shorter soak, a higher limit. */
static void audit_creation(struct fleet *f, const char *who, const struct fleet_rollout *r,
                           struct store_batch *batch)
{
    char chosen[400], detail[500];
    rollout_plan_differences(&r->engine.plan, chosen, sizeof chosen);
    snprintf(detail, sizeof detail, "%s%s", r->release->version, chosen);
    fleet_audit(f, batch, who, "rollout.create", r->product->name, detail);
}

int fleet_rollout_create(struct fleet *f, const char *who, struct fleet_product *p,
                         struct fleet_release *release, const struct rollout_plan *plan, bool replace,
                         struct fleet_rollout **out, struct fleet_refusal *refusal, fleet_done *done,
                         void *ctx)
{
    char text[200];
    struct rollout_plan whole = *plan;
    struct fleet_places places;
    fleet_lock(f);
    struct fleet_rollout *old = live_rollout(p);
    int result = fleet_rollout_places(p, release, &whole, replace, &places, refusal);
    if (result != 0) {
        fleet_unlock(f);
        return result;
    }
    struct fleet_rollout *r = fleet_rollout_new(f, p, release, &whole);
    freeze_members(r, &places);
    struct store_batch *batch = store_batch_new();
    if (old != NULL)
        supersede(f, who, old, batch);
    snprintf(text, sizeof text, "release %s for %u devices in %u rings", release->version,
             r->engine.member_count, whole.rings.count);
    fleet_rollout_add(f, who, r, text, batch);
    audit_creation(f, who, r, batch);
    if (whole.override_reason[0] != '\0')
        fleet_audit(f, batch, who, "rollout.override", p->name, whole.override_reason);
    store_commit(f->store, batch, done, ctx);
    *out = r;
    fleet_unlock(f);
    return 0;
}

static int do_action(struct fleet *f, struct rollout *r, const char *action, const char *reason,
                     const struct rollout_sink *sink)
{
    uint64_t now = fleet_now_ms(f);
    if (strcmp(action, "start") == 0)
        return rollout_start(r, now, sink);
    if (strcmp(action, "pause") == 0)
        return rollout_pause(r, reason, sink);
    if (strcmp(action, "resume") == 0)
        return rollout_resume(r, reason, now, sink);
    if (strcmp(action, "widen") == 0)
        return rollout_widen(r, reason, now, sink);
    if (strcmp(action, "retry") == 0)
        return rollout_retry(r, UINT32_MAX, reason, now, sink);
    return strcmp(action, "abort") == 0 ? rollout_abort(r, reason, now, sink) : -1;
}

/* A device has one target at most: what a newer rollout has taken over does not run a second time beside it. */
const struct fleet_rollout *fleet_newer_rollout(const struct fleet_rollout *r)
{
    const struct fleet_product *p = r->product;
    for (size_t i = p->rollout_count; i > 0 && p->rollouts[i - 1] != r; i--) {
        enum rollout_state state = p->rollouts[i - 1]->engine.state;
        if (state != ROLLOUT_CREATED && !rollout_is_over(state))
            return p->rollouts[i - 1];
    }
    return NULL;
}

static int refuse_action(const struct fleet_rollout *r, const char *action, const char *reason,
                         struct fleet_refusal *refusal)
{
    bool goes_on = strcmp(action, "pause") != 0 && strcmp(action, "abort") != 0;
    const struct fleet_rollout *newer = goes_on ? fleet_newer_rollout(r) : NULL;
    bool decides = goes_on && strcmp(action, "start") != 0 && strcmp(action, "resume") != 0;
    if (newer != NULL)
        return fleet_refuse(refusal, 409, "overlap",
                            "rollout %llu of release %s decides now: abort that one first",
                            (unsigned long long)newer->engine.id, newer->release->version);
    if (decides && reason[0] == '\0')
        return fleet_refuse(refusal, 422, "reason", "%s goes past what the evidence says: it needs a reason",
                            action);
    return 0;
}

int fleet_rollout_act(struct fleet *f, const char *who, struct fleet_rollout *r, const char *action,
                      const char *reason, struct fleet_refusal *refusal, fleet_done *done, void *ctx)
{
    char object[32], name[40], detail[400];
    struct store_batch *batch = store_batch_new();
    struct fleet_change change = {.fleet = f, .batch = batch, .rollout = r, .who = who};
    struct rollout_sink sink = fleet_sink(&change);
    fleet_lock(f);
    const char *before = rollout_state_name(r->engine.state);
    int result = refuse_action(r, action, reason, refusal);
    if (result == 0 && do_action(f, &r->engine, action, reason, &sink) != 0)
        result = fleet_refuse(refusal, 409, "state", "%s: not for a rollout that is %s%s", action,
                              rollout_state_name(r->engine.state),
                              strcmp(action, "retry") == 0 ? ", or no device of it can try again" : "");
    if (result == 0) {
        snprintf(object, sizeof object, "%llu", (unsigned long long)r->engine.id);
        snprintf(name, sizeof name, "rollout.%.20s", action);
        snprintf(detail, sizeof detail, "%s -> %s%s%.300s", before, rollout_state_name(r->engine.state),
                 reason[0] != '\0' ? ": " : "", reason);
        fleet_audit(f, batch, who, name, object, detail);
        store_commit(f->store, batch, done, ctx);
    } else {
        store_batch_free(batch);
    }
    fleet_unlock(f);
    return result;
}
