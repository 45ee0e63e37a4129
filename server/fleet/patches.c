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

const struct fleet_patch *fleet_compressed_of(const struct fleet_image *image)
{
    static const struct ot_digest none;
    return find(image, &none);
}

const struct fleet_patch *fleet_compressed_for(const struct fleet_image *image,
                                               const struct ot_wire_check_in *facts)
{
    const struct fleet_patch *p = fleet_compressed_of(image);
    return p != NULL && p->state == PATCH_MADE && p->profile <= facts->compressed_profile ? p : NULL;
}

size_t fleet_patch_count(const struct fleet_image *image)
{
    return image->patch_count - (fleet_compressed_of(image) != NULL);
}

const struct fleet_patch *fleet_patch_for(const struct fleet_image *image,
                                          const struct ot_wire_check_in *facts)
{
    if (!facts->running.present || ot_digest_is_zero(&facts->running.digest))
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

/* Every image with these bytes, of whatever product and release. */
static void each_image(struct fleet *f, const struct ot_digest *sha256,
                       void (*visit)(void *ctx, struct fleet_image *image), void *ctx)
{
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t r = 0; r < f->products[p]->release_count; r++) {
            struct fleet_release *release = f->products[p]->releases[r];
            for (uint32_t k = 0; k < release->image_count; k++) {
                if (ot_digest_equal(&release->images[k].sha256, sha256))
                    visit(ctx, &release->images[k]);
            }
        }
    }
}

static void add_to(void *ctx, struct fleet_image *image)
{
    const struct fleet_patch *patch = ctx;
    if (find(image, &patch->base) != NULL)
        return;
    struct fleet_patch *copy = fleet_need(malloc(sizeof *copy));
    *copy = *patch;
    fleet_append((void ***)&image->patches, &image->patch_count, copy);
}

void fleet_patch_add(struct fleet *f, const struct ot_digest *target_sha256, const struct fleet_patch *patch)
{
    struct fleet_patch copy = *patch;
    each_image(f, target_sha256, add_to, &copy);
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
        base.compressible += d->is_compressible;
        base.both += d->is_patchable && d->is_compressible;
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

/* What is wanted most so far: compressed images before patches. */
struct want {
    bool is_compressed;
    uint32_t devices;
    struct fleet_patch_job job;
};

static void want(struct want *w, const struct fleet_release *release, const struct fleet_image *image,
                 uint32_t devices)
{
    const struct fleet_patch *compressed = fleet_compressed_of(image);
    w->devices = devices;
    w->job = (struct fleet_patch_job){.target_sha256 = image->sha256,
                                      .target_bytes = image->bytes,
                                      .worth_below = image->bytes,
                                      .release = release->number,
                                      .patch = {.profile = FLEET_PATCH_PROFILE}};
    if (compressed != NULL && compressed->state == PATCH_MADE)
        w->job.worth_below = compressed->bytes;
    snprintf(w->job.product, sizeof w->job.product, "%s", release->product->name);
}

/* Devices are looked at only while it is missing and somebody could take it. */
static void look_at_compressed(const struct fleet_release *release, const struct fleet_image *image,
                               struct want *w)
{
    const struct fleet_product *p = release->product;
    uint32_t devices = 0;
    if (fleet_compressed_of(image) != NULL)
        return;
    for (size_t i = 0; i < p->run_count; i++) {
        if (p->runs[i]->compressible > 0 && !ot_digest_equal(&p->runs[i]->digest, &image->digest))
            devices += base_of(p->runs[i], release, image).compressible;
    }
    if (devices == 0 || (w->is_compressed && devices <= w->devices))
        return;
    want(w, release, image, devices);
    w->is_compressed = true;
}

/*
 * An image that some devices run and that has no patch to this one. Only the devices that run it are looked at: once all
 * patches are made, nobody is.
 */
static void look_at(const struct fleet_release *release, const struct fleet_image *image,
                    const struct fleet_release *of, const struct fleet_image *base, struct want *w)
{
    const struct fleet_run *run = fleet_run_of(release->product, &base->digest);
    if (w->is_compressed || run == NULL || run->patchable <= w->devices ||
        ot_digest_equal(&base->digest, &image->digest) || find(image, &base->digest) != NULL)
        return;
    uint32_t patchable = base_of(run, release, image).patchable;
    if (patchable <= w->devices)
        return;
    want(w, release, image, patchable);
    w->job.base_sha256 = base->sha256;
    w->job.base_release = of->number;
    w->job.patch.base = base->digest;
}

/* The compressed image, or the most common base of this image, of all that were pushed, newest first. */
static void look_at_image(const struct fleet_release *release, const struct fleet_image *image,
                          uint32_t bases_max, struct want *w)
{
    const struct fleet_product *p = release->product;
    if (bases_max > 0)
        look_at_compressed(release, image, w);
    for (size_t r = p->release_count; r > 0 && fleet_patch_count(image) < bases_max; r--) {
        for (uint32_t k = 0; k < p->releases[r - 1]->image_count; k++)
            look_at(release, image, p->releases[r - 1], &p->releases[r - 1]->images[k], w);
    }
}

bool fleet_patch_next(struct fleet *f, struct fleet_patch_job *job)
{
    struct want w = {0};
    fleet_lock(f);
    for (size_t p = 0; p < f->product_count; p++) {
        for (size_t r = 0; r < f->products[p]->release_count; r++) {
            const struct fleet_release *release = f->products[p]->releases[r];
            if (!fleet_patch_wanted(release))
                continue;
            for (uint32_t k = 0; k < release->image_count; k++)
                look_at_image(release, &release->images[k], f->patch_bases, &w);
        }
    }
    fleet_unlock(f);
    *job = w.job;
    return w.devices > 0;
}

static void store_patch(const struct fleet *f, struct store_batch *batch,
                        const struct ot_digest *target_sha256, const struct fleet_patch *patch)
{
    store_add(batch, STORE_PUT_PATCH, target_sha256, &patch->base, &patch->sha256, (int64_t)patch->bytes,
              (int64_t)patch->profile, (int64_t)patch->state, fleet_wall_ms(f));
}

struct drop {
    const struct fleet *f;
    struct store_batch *batch;
    uint32_t bytes;
};

/* Patches that are no smaller than the compressed image. */
static void drop_useless(void *ctx, struct fleet_image *image)
{
    const struct drop *d = ctx;
    for (size_t i = 0; i < image->patch_count; i++) {
        struct fleet_patch *p = image->patches[i];
        if (p->state != PATCH_MADE || ot_digest_is_zero(&p->base) || p->bytes < d->bytes)
            continue;
        p->state = PATCH_DROPPED;
        store_patch(d->f, d->batch, &image->sha256, p);
    }
}

void fleet_patch_put(struct fleet *f, const struct fleet_patch_job *job)
{
    fleet_lock(f);
    if (job->patch.state != PATCH_FAILED) {
        struct store_batch *batch = store_batch_new();
        store_patch(f, batch, &job->target_sha256, &job->patch);
        if (ot_digest_is_zero(&job->patch.base) && job->patch.state == PATCH_MADE)
            each_image(f, &job->target_sha256, drop_useless, &(struct drop){f, batch, job->patch.bytes});
        store_commit(f->store, batch, NULL, NULL);
    }
    fleet_patch_add(f, &job->target_sha256, &job->patch);
    fleet_unlock(f);
}

/* A device went by it, or had to do without. */
static void count_use(const struct fleet *f, struct store_batch *batch, const struct fleet_image *image,
                      struct fleet_patch *p, bool is_taken, enum ot_status why)
{
    if (p == NULL || p->state != PATCH_MADE)
        return;
    if (is_taken)
        p->taken++;
    else if (why != OT_OK)
        p->refused++;
    if (p->refused < FLEET_PATCH_REFUSALS || p->refused * FLEET_PATCH_REFUSED_ONE_IN <= p->taken + p->refused)
        return;
    p->state = PATCH_WITHDRAWN;
    snprintf(p->reason, sizeof p->reason, "%u of %u devices had to do without it: %s", p->refused,
             p->taken + p->refused, ot_status_text(why));
    log_warn(ot_digest_is_zero(&p->base) ? "compressed.withdrawn" : "patch.withdrawn",
             "bytes=%u refused=%u taken=%u reason=%s", p->bytes, p->refused, p->taken, ot_status_wire(why));
    store_patch(f, batch, &image->sha256, p);
}

void fleet_patch_note(const struct fleet *f, struct store_batch *batch, const struct fleet_image *image,
                      const struct ot_wire_check_in *facts, enum ot_way way, enum ot_status why)
{
    static const struct ot_digest none;
    struct fleet_patch *p = NULL;
    if (!ot_digest_is_zero(&facts->running.digest))
        p = find(image, &facts->running.digest);
    if (p == NULL && facts->other.present &&
        !ot_digest_is_zero(&facts->other.digest)) /* told behind the switch */
        p = find(image, &facts->other.digest);
    count_use(f, batch, image, p, way == OT_WAY_PATCH, why);
    if (way == OT_WAY_COMPRESSED)
        count_use(f, batch, image, find(image, &none), true, why);
    else if (way == OT_WAY_FULL && fleet_compressed_for(image, facts) != NULL)
        count_use(f, batch, image, find(image, &none), false, why);
}
