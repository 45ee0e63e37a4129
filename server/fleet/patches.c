/* Patches of releases: see patches.h. */
#include "patches.h"

#include "base/log.h"

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

static void count_device(struct fleet_patch_base **list, size_t *count, const struct fleet_device *d)
{
    size_t i = 0;
    while (i < *count && !ot_digest_equal(&(*list)[i].digest, &d->facts.running.digest))
        i++;
    if (i == *count) {
        if ((*count & (*count - 1)) == 0)
            *list = fleet_need(realloc(*list, (*count == 0 ? 1 : *count * 2) * sizeof **list));
        (*list)[(*count)++] = (struct fleet_patch_base){.digest = d->facts.running.digest};
    }
    (*list)[i].devices++;
    (*list)[i].patchable += d->facts.patch_profile >= FLEET_PATCH_PROFILE;
}

size_t fleet_patch_bases(const struct fleet_release *release, const struct fleet_image *image,
                         struct fleet_patch_base **list)
{
    const struct fleet_product *p = release->product;
    enum ot_status why;
    size_t count = 0;
    *list = NULL;
    for (size_t i = 0; i < p->device_count; i++) {
        const struct fleet_device *d = p->device_list[i];
        if (d->has_checked_in && d->facts.running.present &&
            !ot_digest_equal(&d->facts.running.digest, &image->digest) &&
            fleet_pick_image(release, &d->facts, &why) == image)
            count_device(list, &count, d);
    }
    if (count > 1)
        qsort(*list, count, sizeof **list, more_devices);
    for (size_t i = 0; i < count; i++) {
        (*list)[i].patch = find(image, &(*list)[i].digest);
        (void)fleet_image_with(p, &(*list)[i].digest, &(*list)[i].release);
    }
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

/* The most common base of this image that has no patch; `*most` is what it must beat, and what it has. */
static void look_at(const struct fleet_release *release, const struct fleet_image *image, uint32_t bases_max,
                    uint32_t *most, struct fleet_patch_job *job)
{
    struct fleet_patch_base *list;
    size_t count = fleet_patch_bases(release, image, &list), bases = image->patch_count;
    for (size_t i = 0; i < count && bases < bases_max; i++) {
        const struct fleet_release *of;
        const struct fleet_image *base = fleet_image_with(release->product, &list[i].digest, &of);
        if (base == NULL || list[i].patch != NULL || list[i].patchable <= *most)
            continue;
        *most = list[i].patchable;
        *job = (struct fleet_patch_job){.base_sha256 = base->sha256,
                                        .target_sha256 = image->sha256,
                                        .target_bytes = image->bytes,
                                        .worth_below = image->bytes,
                                        .release = release->number,
                                        .base_release = of->number,
                                        .patch = {.base = base->digest, .profile = FLEET_PATCH_PROFILE}};
        snprintf(job->product, sizeof job->product, "%s", release->product->name);
    }
    free(list);
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
                look_at(release, &release->images[k], f->patch_bases, &most, job);
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
