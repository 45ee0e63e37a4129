/* Who is in a rollout, in which ring, and of which kind: see members.h. */
#include "members.h"

#include "base/crypto_openssl.h"
#include "otaria/chip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- kinds --- */

static const char *attribute_of(const struct ot_wire_check_in *facts, const char *name, char number[16])
{
    const struct ot_chip *chip = ot_chip_by_id(facts->chip_id);
    if (strcmp(name, "chip") == 0)
        return chip != NULL ? chip->name : "unknown";
    if (strcmp(name, "hw_rev") == 0) {
        snprintf(number, 16, "%u", facts->hardware_revision);
        return number;
    }
    for (uint8_t i = 0; i < facts->attribute_count; i++) {
        if (strcmp(facts->attributes[i].name, name) == 0)
            return facts->attributes[i].value;
    }
    return "";
}

void fleet_stratum_of(const struct fleet_device *d, const struct strata_spec *spec, struct fleet_stratum *out)
{
    char number[16];
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < spec->count; i++)
        snprintf(out->values[i], sizeof out->values[i], "%s",
                 attribute_of(&d->facts, spec->attributes[i], number));
}

/* Unused values are zero: the bytes say it all. */
static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct fleet_stratum));
}

uint32_t fleet_stratum_find(const struct fleet_rollout *r, const struct fleet_device *d)
{
    struct fleet_stratum wanted;
    if (r->stratum_count == 0)
        return 0;
    fleet_stratum_of(d, &r->engine.plan.strata, &wanted);
    const struct fleet_stratum *found =
        bsearch(&wanted, r->strata, r->stratum_count, sizeof *r->strata, compare);
    return found != NULL ? (uint32_t)(found - r->strata) : STRATA_NONE;
}

/* Kinds as they are met, and a map from their values to their number + 1. */
struct kinds {
    struct strmap map;
    struct fleet_stratum list[STRATA_MAX];
    uint32_t count;
};

static void key_of(const struct fleet_stratum *s,
                   char key[STRATA_ATTRIBUTES_MAX * (OT_ATTRIBUTE_MAX + 1) + 1])
{
    char *end = key;
    for (unsigned i = 0; i < STRATA_ATTRIBUTES_MAX; i++) {
        size_t n = strlen(s->values[i]);
        memcpy(end, s->values[i], n);
        end[n] = '\x1f'; /* values are printable */
        end += n + 1;
    }
    *end = '\0';
}

/* STRATA_NONE: one kind too many. */
static uint32_t kind_number(struct kinds *k, const struct fleet_stratum *s)
{
    char key[STRATA_ATTRIBUTES_MAX * (OT_ATTRIBUTE_MAX + 1) + 1];
    key_of(s, key);
    const struct fleet_stratum *known = strmap_get(&k->map, key);
    if (known != NULL)
        return (uint32_t)(known - k->list);
    if (k->count == STRATA_MAX)
        return STRATA_NONE;
    k->list[k->count] = *s;
    strmap_put(&k->map, key, &k->list[k->count]);
    return k->count++;
}

static int refuse_kinds(const struct strata_spec *spec, struct fleet_refusal *refusal)
{
    char names[STRATA_ATTRIBUTES_MAX * (STRATA_ATTRIBUTE_MAX + 1)] = "";
    for (uint32_t i = 0, at = 0; i < spec->count; i++)
        at +=
            (uint32_t)snprintf(names + at, sizeof names - at, "%s%s", i > 0 ? "," : "", spec->attributes[i]);
    return fleet_refuse(refusal, 422, "strata",
                        "strata %s: more than %u combinations of values are no kinds of device: choose other "
                        "attributes (product set --strata)",
                        names, STRATA_MAX);
}

/* Numbers in the order of the values, whoever was met first. */
static void sort_kinds(struct kinds *k, struct fleet_places *places)
{
    uint32_t number[STRATA_MAX];
    places->stratum_count = k->count;
    places->strata = fleet_need(malloc(k->count * sizeof *places->strata + 1));
    memcpy(places->strata, k->list, k->count * sizeof *places->strata);
    qsort(places->strata, k->count, sizeof *places->strata, compare);
    for (uint32_t i = 0; i < k->count; i++)
        number[i] = (uint32_t)((const struct fleet_stratum *)bsearch(&k->list[i], places->strata, k->count,
                                                                     sizeof *places->strata, compare) -
                               places->strata);
    for (size_t i = 0; i < places->count; i++)
        places->list[i].stratum = number[places->list[i].stratum];
}

/* Every member's kind, by its attributes as they are now. */
static int find_kinds(const struct strata_spec *spec, struct fleet_places *places,
                      struct fleet_refusal *refusal)
{
    struct fleet_stratum s;
    struct kinds *k = fleet_need(calloc(1, sizeof *k));
    int result = 0;
    for (size_t i = 0; result == 0 && i < places->count; i++) {
        fleet_stratum_of(places->list[i].device, spec, &s);
        places->list[i].stratum = kind_number(k, &s);
        if (places->list[i].stratum == STRATA_NONE)
            result = refuse_kinds(spec, refusal);
    }
    if (result == 0)
        sort_kinds(k, places);
    strmap_fini(&k->map);
    free(k);
    return result;
}

/* --- places --- */

static void move_forward(const struct rollout_plan *plan, struct strata_device *by_u,
                         struct fleet_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        by_u[i].stratum = places->list[i].stratum;
    strata_place(&plan->rings, plan->strata.min, by_u, places->count);
    for (size_t i = 0; i < places->count; i++) {
        places->list[by_u[i].index].ring = (uint8_t)by_u[i].ring;
        places->list[by_u[i].index].is_moved = by_u[i].is_moved;
    }
}

static void place_device(const struct rollout_plan *plan, struct fleet_device *d, struct strata_device *by_u,
                         struct fleet_places *places)
{
    const char *tags[FLEET_TAGS_MAX];
    for (uint32_t t = 0; t < d->tag_count; t++)
        tags[t] = d->tags[t];
    uint64_t u = ring_plan_u(crypto_openssl(), d->product->seed.bytes, d->id);
    int ring = ring_plan_place(&plan->rings, u, tags, d->tag_count);
    if (ring < 0) {
        places->unplaced++;
        return;
    }
    by_u[places->count] =
        (struct strata_device){.u = u, .id = d->id, .ring = ring, .index = (uint32_t)places->count};
    places->list[places->count++] = (struct fleet_place){.device = d, .ring = (uint8_t)ring};
}

int fleet_places(const struct fleet_product *p, const struct fleet_release *release,
                 const struct rollout_plan *plan, const struct query *filter, struct fleet_places *out,
                 struct fleet_refusal *refusal)
{
    enum ot_status why;
    int64_t now_ms = fleet_wall_ms(p->fleet);
    int result = 0;
    memset(out, 0, sizeof *out);
    struct strata_device *by_u = fleet_need(malloc((p->device_count + 1) * sizeof *by_u));
    out->list = fleet_need(malloc((p->device_count + 1) * sizeof *out->list));
    for (size_t i = 0; i < p->device_count; i++) {
        if (filter != NULL && !fleet_filter_matches(filter, p->device_list[i], now_ms))
            out->filtered++;
        else if (fleet_pick_image(release, &p->device_list[i]->facts, &why) == NULL)
            out->unfit++;
        else
            place_device(plan, p->device_list[i], by_u, out);
    }
    if (plan->strata.count > 0)
        result = find_kinds(&plan->strata, out, refusal);
    if (plan->strata.count > 0 && result == 0)
        move_forward(plan, by_u, out);
    free(by_u);
    for (size_t i = 0; i < out->count; i++) {
        out->members[out->list[i].ring]++;
        out->moved[out->list[i].ring] += out->list[i].is_moved;
    }
    if (result != 0)
        fleet_places_free(out);
    return result;
}

void fleet_places_free(struct fleet_places *places)
{
    free(places->list);
    free(places->strata);
    free(places->filter);
    memset(places, 0, sizeof *places);
}
