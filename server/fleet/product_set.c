/* Changing a product: its rings, its strata, its gated metrics, its duty cycle, its seed. */
#include "fleet.h"

#include "filter.h"
#include "load.h"
#include "members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name with a slip of the pen would make one kind of all devices, and nobody would hear of it. */
static int refuse_unknown(const struct fleet_product *p, const char *name, struct fleet_refusal *refusal)
{
    if (p->device_count == 0 || strcmp(name, "hw_rev") == 0 || strcmp(name, "chip") == 0 ||
        fleet_knows_attribute(p, name))
        return 0;
    return fleet_refuse(refusal, 422, "strata", "strata: no device of %s has an attribute %s", p->name, name);
}

static int refuse_strata(const struct fleet_product *p, const struct strata_spec *spec,
                         struct fleet_refusal *refusal)
{
    char err[200];
    if (strata_spec_check(spec, err, sizeof err) != 0)
        return fleet_refuse(refusal, 422, "strata", "%s", err);
    for (uint32_t i = 0; i < spec->count; i++) {
        if (refuse_unknown(p, spec->attributes[i], refusal) != 0)
            return -1;
    }
    return 0;
}

static int refuse_seed(const struct fleet_product *p, struct fleet_refusal *refusal)
{
    for (size_t i = 0; i < p->rollout_count; i++) {
        const struct rollout *r = &p->rollouts[i]->engine;
        if (!rollout_is_over(r->state) && r->state != ROLLOUT_FINISHED)
            return fleet_refuse(refusal, 409, "overlap",
                                "a new seed draws who is in which ring anew: rollout %llu is %s",
                                (unsigned long long)r->id, rollout_state_name(r->state));
    }
    return 0;
}

static int refuse_change(const struct fleet_product *p, const struct fleet_product_change *change,
                         const struct strata_spec *strata, struct fleet_refusal *refusal)
{
    char err[200];
    if (change->rings == NULL && change->strata == NULL && change->strata_min == 0 &&
        change->metrics == NULL && change->duty_cycle_s == NULL && !change->new_seed)
        return fleet_refuse(refusal, 422, "nothing",
                            "nothing to change: rings, strata, strata_min, metrics, duty_cycle_s, new_seed");
    if (change->rings != NULL && ring_plan_check(change->rings, err, sizeof err) != 0)
        return fleet_refuse(refusal, 422, "rings", "%s", err);
    if (change->strata == NULL && change->strata_min != 0 && p->strata.count == 0)
        return fleet_refuse(refusal, 422, "strata", "strata_min: the product has no strata");
    if (refuse_strata(p, strata, refusal) != 0)
        return -1;
    return change->new_seed ? refuse_seed(p, refusal) : 0;
}

/* The audit has what it was and what it is. */
static char *describe(const struct fleet_product *p)
{
    char *rings = fleet_rings_to_text(&p->rings), *strata = fleet_strata_to_text(&p->strata),
         *metrics = fleet_metrics_to_text(&p->metrics);
    size_t len = strlen(rings) + strlen(strata) + strlen(metrics) + 80;
    char *text = fleet_need(malloc(len));
    snprintf(text, len, "rings %s strata %s min %u metrics %s duty cycle %u s", rings, strata, p->strata.min,
             metrics, p->duty_cycle_s);
    free(rings);
    free(strata);
    free(metrics);
    return text;
}

static void audit_change(struct fleet *f, struct store_batch *batch, const char *who,
                         const struct fleet_product *p, const char *before, bool new_seed)
{
    char *after = describe(p);
    size_t len = strlen(before) + strlen(after) + 40;
    char *detail = fleet_need(malloc(len));
    snprintf(detail, len, "%s -> %s%s", before, after, new_seed ? ", new seed" : "");
    fleet_audit(f, batch, who, "product.set", p->name, detail);
    free(detail);
    free(after);
}

static void store_product(struct store_batch *batch, const struct fleet_product *p)
{
    char *rings = fleet_rings_to_text(&p->rings), *strata = fleet_strata_to_text(&p->strata),
         *metrics = fleet_metrics_to_text(&p->metrics);
    store_add(batch, STORE_SET_PRODUCT, &p->seed, rings, strata, (int64_t)p->strata.min, metrics,
              (int64_t)p->duty_cycle_s, p->name);
    free(rings);
    free(strata);
    free(metrics);
}

/* What the strata would be: a minimum stays when attributes change, and is 3 when there were none. */
static struct strata_spec changed_strata(const struct fleet_product *p,
                                         const struct fleet_product_change *change)
{
    struct strata_spec spec = change->strata != NULL ? *change->strata : p->strata;
    spec.min = change->strata_min != 0 ? change->strata_min : p->strata.min;
    if (spec.count == 0)
        spec.min = 0;
    else if (spec.min == 0)
        spec.min = STRATA_MIN_DEFAULT;
    return spec;
}

int fleet_product_set(struct fleet *f, const char *who, struct fleet_product *p,
                      const struct fleet_product_change *change, struct fleet_refusal *refusal,
                      fleet_done *done, void *ctx)
{
    struct ot_digest seed;
    if (fleet_random(f, seed.bytes, sizeof seed.bytes, refusal) != 0)
        return -1;
    fleet_lock(f);
    struct strata_spec strata = changed_strata(p, change);
    if (refuse_change(p, change, &strata, refusal) != 0) {
        fleet_unlock(f);
        return -1;
    }
    struct store_batch *batch = store_batch_new();
    char *before = describe(p);
    p->rings = change->rings != NULL ? *change->rings : p->rings;
    p->strata = strata;
    p->metrics = change->metrics != NULL ? *change->metrics : p->metrics;
    p->duty_cycle_s = change->duty_cycle_s != NULL ? *change->duty_cycle_s : p->duty_cycle_s;
    p->seed = change->new_seed ? seed : p->seed;
    store_product(batch, p);
    audit_change(f, batch, who, p, before, change->new_seed);
    free(before);
    store_commit(f->store, batch, done, ctx);
    fleet_unlock(f);
    return 0;
}
