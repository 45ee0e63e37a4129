/* Patches of releases: see patches.h. */
#include "patches.h"

#include "base/log.h"
#include "runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fleet_patch *find(const struct fleet_image *image, const struct ot_digest *base)
{
    for (size_t i = 0; i < image->patch_count; i++) {
        if (ot_digest_equal(&image->patches[i]->base, base))
            return image->patches[i];
    }
    return NULL;
}

const struct fleet_patch *fleet_patch_for(const struct fleet_image *image,
                                          const struct ot_wire_check_in *facts)
{
    if (!facts->running.present)
        return NULL;
    const struct fleet_patch *p = find(image, &facts->running.digest);
    return p != NULL && p->state == PATCH_MADE && p->profile <= facts->patch_profile ? p : NULL;
}

bool fleet_patch_is_of(const struct fleet_image *image, const struct ot_digest *sha256)
{
    for (size_t i = 0; i < image->patch_count; i++) {
        if (image->patches[i]->state == PATCH_MADE && ot_digest_equal(&image->patches[i]->sha256, sha256))
            return true;
    }
    return false;
}

void fleet_patch_add(struct fleet *f, const struct ot_digest *target_sha256, const struct fleet_patch *patch)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t r = 0; r < f->products[p]->release_count; r++) {
            struct fleet_release *release = f->products[p]->releases[r];
            for (uint32_t k = 0; k < release->image_count; k++) {
                struct fleet_image *image = &release->images[k];
                if (!ot_digest_equal(&image->sha256, target_sha256) || find(image, &patch->base) != NULL)
                    continue;
                struct fleet_patch *copy = fleet_need(malloc(sizeof *copy));
                *copy = *patch;
                fleet_append((void ***)&image->patches, &image->patch_count, copy);
            }
        }
    }
}

/* --- what runs --- */

static int more_devices(const void *a, const void *b)
{
    const struct fleet_patch_base *x = a, *y = b;
    if (x->devices != y->devices)
        return x->devices < y->devices ? 1 : -1;
    return memcmp(x->digest.bytes, y->digest.bytes, OT_DIGEST_BYTES); /* the same order each time */
}

/* Of the devices that run it, those that this image of the release is for. */
static struct fleet_patch_base base_of(const struct fleet_run *run, const struct fleet_release *release,
                                       const struct fleet_image *image)
{
    struct fleet_patch_base base = {.digest = run->digest};
    enum ot_status why;
    for (const struct fleet_device *d = run->first; d != NULL; d = d->run_next) {
        if (fleet_pick_image(release, &d->facts, &why) != image)
            continue;
        base.devices++;
        base.patchable += d->is_patchable;
    }
    return base;
}

size_t fleet_patch_bases(const struct fleet_release *release, const struct fleet_image *image,
                         struct fleet_patch_base **list)
{
    const struct fleet_product *p = release->product;
    size_t count = 0;
    *list = NULL;
    for (size_t i = 0; i < p->run_count; i++) {
        struct fleet_patch_base base = base_of(p->runs[i], release, image);
        if (base.devices == 0 || ot_digest_equal(&base.digest, &image->digest))
            continue;
        base.patch = find(image, &base.digest);
        (void)fleet_image_with(p, &base.digest, &base.release);
        if ((count & (count - 1)) == 0)
            *list = fleet_need(realloc(*list, (count == 0 ? 1 : count * 2) * sizeof **list));
        (*list)[count++] = base;
    }
    if (count > 1)
        qsort(*list, count, sizeof **list, more_devices);
    return count;
}

/* --- what is wanted --- */

static bool gives(const struct fleet_rollout *r, const struct fleet_release *release)
{
    if (r->release == release)
        return true;
    for (uint32_t i = 0; r->recalls != NULL && i < r->engine.member_count; i++) {
        if (r->members[i].target == release)
            return true;
    }
    return false;
}

bool fleet_patch_wanted(const struct fleet_release *release)
{
    const struct fleet_product *p = release->product;
    for (size_t i = 0; i < p->rollout_count; i++) {
        enum rollout_state state = p->rollouts[i]->engine.state;
        if (state != ROLLOUT_FINISHED && !rollout_is_over(state) && gives(p->rollouts[i], release))
            return true;
    }
    return release == p->releases[p->release_count - 1];
}

/*
 * An image that some devices run and that has no patch to this one; `*most` is what it must beat, and what it has. Only
 * the devices that run it are looked at: once all patches are made, nobody is.
 */
static void look_at(const struct fleet_release *release, const struct fleet_image *image,
                    const struct fleet_release *of, const struct fleet_image *base, uint32_t *most,
                    struct fleet_patch_job *job)
{
    const struct fleet_run *run = fleet_run_of(release->product, &base->digest);
    if (run == NULL || run->patchable <= *most || ot_digest_equal(&base->digest, &image->digest) ||
        find(image, &base->digest) != NULL)
        return;
    uint32_t patchable = base_of(run, release, image).patchable;
    if (patchable <= *most)
        return;
    *most = patchable;
    *job = (struct fleet_patch_job){.base_sha256 = base->sha256,
                                    .target_sha256 = image->sha256,
                                    .target_bytes = image->bytes,
                                    .worth_below = image->bytes,
                                    .release = release->number,
                                    .base_release = of->number,
                                    .patch = {.base = base->digest, .profile = FLEET_PATCH_PROFILE}};
    snprintf(job->product, sizeof job->product, "%s", release->product->name);
}

/* The most common base of this image, of all that were pushed, newest first. */
static void look_at_bases(const struct fleet_release *release, const struct fleet_image *image,
                          uint32_t bases_max, uint32_t *most, struct fleet_patch_job *job)
{
    const struct fleet_product *p = release->product;
    for (size_t r = p->release_count; r > 0 && image->patch_count < bases_max; r--) {
        for (uint32_t k = 0; k < p->releases[r - 1]->image_count; k++)
            look_at(release, image, p->releases[r - 1], &p->releases[r - 1]->images[k], most, job);
    }
}

bool fleet_patch_next(struct fleet *f, struct fleet_patch_job *job)
{
    uint32_t most = 0;
    fleet_lock(f);
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t r = 0; r < f->products[p]->release_count; r++) {
            const struct fleet_release *release = f->products[p]->releases[r];
            if (!fleet_patch_wanted(release))
                continue;
            for (uint32_t k = 0; k < release->image_count; k++)
                look_at_bases(release, &release->images[k], f->patch_bases, &most, job);
        }
    }
    fleet_unlock(f);
    return most > 0;
}

static void store_patch(const struct fleet *f, struct store_batch *batch,
                        const struct ot_digest *target_sha256, const struct fleet_patch *patch)
{
    store_add(batch, STORE_PUT_PATCH, target_sha256, &patch->base, &patch->sha256, (int64_t)patch->bytes,
              (int64_t)patch->profile, (int64_t)patch->state, fleet_wall_ms(f));
}

void fleet_patch_put(struct fleet *f, const struct fleet_patch_job *job)
{
    fleet_lock(f);
    if (job->patch.state != PATCH_FAILED) {
        struct store_batch *batch = store_batch_new();
        store_patch(f, batch, &job->target_sha256, &job->patch);
        store_commit(f->store, batch, NULL, NULL);
    }
    fleet_patch_add(f, &job->target_sha256, &job->patch);
    fleet_unlock(f);
}

void fleet_patch_note(const struct fleet *f, struct store_batch *batch, const struct fleet_image *image,
                      const struct ot_wire_check_in *facts, enum ot_way way, enum ot_status why)
{
    struct fleet_patch *p = find(image, &facts->running.digest);
    if (p == NULL && facts->other.present) /* told behind the switch */
        p = find(image, &facts->other.digest);
    if (p == NULL || p->state != PATCH_MADE)
        return;
    if (way == OT_WAY_PATCH)
        p->taken++;
    else if (why != OT_OK)
        p->refused++;
    if (p->refused < FLEET_PATCH_REFUSALS || p->refused * FLEET_PATCH_REFUSED_ONE_IN <= p->taken + p->refused)
        return;
    p->state = PATCH_WITHDRAWN;
    snprintf(p->reason, sizeof p->reason, "%u of %u devices had to do without it: %s", p->refused,
             p->taken + p->refused, ot_status_text(why));
    log_warn("patch.withdrawn", "bytes=%u refused=%u taken=%u reason=%s", p->bytes, p->refused, p->taken,
             ot_status_wire(why));
    store_patch(f, batch, &image->sha256, p);
}
