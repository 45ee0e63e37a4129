/* Strata: see rollout/strata.h. */
#include "internal.h"
#include "planted.h"

#include <stdlib.h>
#include <string.h>

int strata_spec_add(struct strata_spec *spec, const char *attribute, char *err, size_t err_len)
{
    size_t len = strlen(attribute);
    if (len == 0 || len > STRATA_ATTRIBUTE_MAX ||
        strspn(attribute, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
        return rollout_refuse(err, err_len,
                              "strata: %.48s is no attribute: want hw_rev, chip, or a name of a-z, 0-9 and _",
                              attribute);
    for (uint32_t i = 0; i < spec->count; i++) {
        if (strcmp(spec->attributes[i], attribute) == 0)
            return rollout_refuse(err, err_len, "strata: %s stands twice", attribute);
    }
    if (spec->count == STRATA_ATTRIBUTES_MAX)
        return rollout_refuse(err, err_len, "strata: more than %u attributes", STRATA_ATTRIBUTES_MAX);
    memcpy(spec->attributes[spec->count++], attribute, len + 1);
    return 0;
}

int strata_spec_check(const struct strata_spec *spec, char *err, size_t err_len)
{
    if (spec->count > 0 && (spec->min < 1 || spec->min > STRATA_MIN_MAX))
        return rollout_refuse(err, err_len, "strata_min: from 1 to %u", STRATA_MIN_MAX);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct strata_device *x = a, *y = b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    if (x->u != y->u)
        return x->u < y->u ? -1 : 1;
    return strcmp(x->id, y->id);
}

static bool is_placed_by_hash(const struct ring_plan *plan, const struct strata_device *d)
{
    return d->ring >= 0 && plan->rings[d->ring].kind != RING_NAMED;
}

/* One stratum, lowest u first: whoever comes next is in this ring or behind it, because shares go up with u. */
static void place_stratum(const struct ring_plan *plan, uint32_t min, struct strata_device *devices,
                          size_t count)
{
    size_t next = 0;
    for (uint32_t ring = 0; ring < plan->count; ring++) {
        uint32_t taken = 0;
        if (plan->rings[ring].kind == RING_NAMED)
            continue;
        for (; next < count; next++) {
            struct strata_device *d = &devices[next];
            if (!is_placed_by_hash(plan, d))
                continue;
            if (d->ring > (int32_t)ring && (taken >= min || OT_PLANTED(124)))
                break;
            d->is_moved = d->ring > (int32_t)ring;
            d->ring = (int32_t)ring;
            taken++;
        }
    }
}

void strata_place(const struct ring_plan *plan, uint32_t min, struct strata_device *devices, size_t count)
{
    qsort(devices, count, sizeof *devices, compare);
    for (size_t first = 0, last = 0; first < count; first = last) {
        while (last < count && devices[last].stratum == devices[first].stratum)
            last++;
        place_stratum(plan, min, devices + first, last - first);
    }
}
