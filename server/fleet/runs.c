/*
 * What devices run: see runs.h. The runs of a product are sorted by digest: devices choose what they say, and a sorted
 * array has no worst case to aim at.
 */
#include "runs.h"

#include "patches.h"

#include <stdlib.h>
#include <string.h>

/* Where this digest is, or would be. */
static size_t place_of(const struct fleet_product *p, const struct ot_digest *digest)
{
    size_t low = 0, high = p->run_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(p->runs[middle]->digest.bytes, digest->bytes, OT_DIGEST_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct fleet_run *fleet_run_of(const struct fleet_product *p, const struct ot_digest *digest)
{
    size_t at = place_of(p, digest);
    return at < p->run_count && ot_digest_equal(&p->runs[at]->digest, digest) ? p->runs[at] : NULL;
}

static struct fleet_run *run_for(struct fleet_product *p, const struct ot_digest *digest)
{
    size_t at = place_of(p, digest);
    if (at < p->run_count && ot_digest_equal(&p->runs[at]->digest, digest))
        return p->runs[at];
    struct fleet_run *run = fleet_need(calloc(1, sizeof *run));
    run->digest = *digest;
    fleet_append((void ***)&p->runs, &p->run_count, run);
    memmove(&p->runs[at + 1], &p->runs[at], (p->run_count - 1 - at) * sizeof(struct fleet_run *));
    p->runs[at] = run;
    return run;
}

static void forget(struct fleet_product *p, struct fleet_run *run)
{
    size_t at = place_of(p, &run->digest);
    p->run_count--;
    memmove(&p->runs[at], &p->runs[at + 1], (p->run_count - at) * sizeof(struct fleet_run *));
    free(run);
}

static void leave(struct fleet_device *d)
{
    struct fleet_run *run = d->run;
    if (d->run_previous != NULL)
        d->run_previous->run_next = d->run_next;
    else
        run->first = d->run_next;
    if (d->run_next != NULL)
        d->run_next->run_previous = d->run_previous;
    run->patchable -= d->is_patchable;
    run->compressible -= d->is_compressible;
    run->devices--;
    d->run = NULL;
    if (run->devices == 0)
        forget(d->product, run);
}

static void enter(struct fleet_device *d, struct fleet_run *run)
{
    d->run = run;
    d->is_patchable = d->facts.patch_profile >= FLEET_PATCH_PROFILE;
    d->is_compressible = d->facts.compressed_profile >= FLEET_PATCH_PROFILE;
    d->run_previous = NULL;
    d->run_next = run->first;
    if (run->first != NULL)
        run->first->run_previous = d;
    run->first = d;
    run->devices++;
    run->patchable += d->is_patchable;
    run->compressible += d->is_compressible;
}

void fleet_runs_note(struct fleet_device *d)
{
    bool runs = d->has_checked_in && d->facts.running.present && !ot_digest_is_zero(&d->facts.running.digest);
    bool is_patchable = d->facts.patch_profile >= FLEET_PATCH_PROFILE,
         is_compressible = d->facts.compressed_profile >= FLEET_PATCH_PROFILE;
    if (d->run != NULL && runs && d->is_patchable == is_patchable && d->is_compressible == is_compressible &&
        ot_digest_equal(&d->run->digest, &d->facts.running.digest))
        return;
    if (d->run != NULL)
        leave(d);
    if (runs)
        enter(d, run_for(d->product, &d->facts.running.digest));
}

static bool is_more_common(const struct fleet_run *a, const struct fleet_run *b)
{
    if (a->devices != b->devices)
        return a->devices > b->devices;
    return memcmp(a->digest.bytes, b->digest.bytes, OT_DIGEST_BYTES) < 0; /* the same order each time */
}

size_t fleet_runs_common(const struct fleet_product *p, const struct fleet_run **list, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < p->run_count; i++) {
        size_t at = count;
        while (at > 0 && is_more_common(p->runs[i], list[at - 1]))
            at--;
        if (at == max)
            continue;
        count += count < max;
        memmove(&list[at + 1], &list[at], (count - 1 - at) * sizeof(struct fleet_run *));
        list[at] = p->runs[i];
    }
    return count;
}

void fleet_runs_free(struct fleet_product *p)
{
    for (size_t i = 0; i < p->run_count; i++)
        free(p->runs[i]);
    free(p->runs);
}
