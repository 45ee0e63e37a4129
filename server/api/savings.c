/* What patches and compressed images save: of a release before anybody starts a rollout, of a rollout as it goes. */
#include "common.h"

#include "fleet/patches.h"

#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct fleet_patch *p)
{
    return p->state == PATCH_MADE        ? "made"
           : p->state == PATCH_DROPPED   ? "dropped"
           : p->state == PATCH_WITHDRAWN ? "withdrawn"
                                         : "failed";
}

/* Where a base stands; `left` is how many more patches to this image the maker would still make. */
static const char *state_of(const struct fleet_patch_base *b, bool wanted, size_t *left)
{
    if (b->patch != NULL)
        return name_of(b->patch);
    if (b->release == NULL)
        return "unknown_base";
    if (b->patchable == 0)
        return "takes_none";
    if (!wanted || *left == 0)
        return "not_wanted";
    (*left)--;
    return "waiting";
}

struct sum {
    json_int_t devices, by_patch, by_compressed, full_bytes, bytes, waiting;
};

static bool is_made(const struct fleet_patch *p)
{
    return p != NULL && p->state == PATCH_MADE;
}

static json_t *json_base(const struct fleet_patch_base *b, const struct fleet_image *image, const char *state,
                         struct sum *sum)
{
    const struct fleet_patch *compressed = fleet_compressed_of(image);
    bool made = is_made(b->patch);
    json_int_t by_patch = made ? (json_int_t)b->patchable : 0, patch_bytes = made ? b->patch->bytes : 0,
               devices = (json_int_t)b->devices, by_compressed = 0;
    if (is_made(compressed))
        by_compressed = (json_int_t)b->compressible - (made ? (json_int_t)b->both : 0);
    sum->devices += devices;
    sum->by_patch += by_patch;
    sum->by_compressed += by_compressed;
    sum->full_bytes += devices * image->bytes;
    sum->bytes += by_patch * patch_bytes + (devices - by_patch - by_compressed) * image->bytes;
    if (by_compressed > 0)
        sum->bytes += by_compressed * compressed->bytes;
    sum->waiting += strcmp(state, "waiting") == 0;
    return json_pack("{s:o,s:o,s:I,s:I,s:I,s:s,s:o,s:s}", "base", json_digest_of(&b->digest), "version",
                     b->release != NULL ? json_string(b->release->version) : json_null(), "devices", devices,
                     "by_patch", by_patch, "by_compressed", by_compressed, "state", state, "bytes",
                     made ? json_integer(patch_bytes) : json_null(), "reason",
                     b->patch != NULL ? b->patch->reason : "");
}

/* The image's own: `takers` devices would take it. */
static json_t *json_compressed(const struct fleet *f, const struct fleet_image *image, uint32_t takers,
                               bool wanted, struct sum *sum)
{
    const struct fleet_patch *p = fleet_compressed_of(image);
    const char *state = p != NULL                        ? name_of(p)
                        : takers == 0                    ? "takes_none"
                        : !wanted || f->patch_bases == 0 ? "not_wanted"
                                                         : "waiting";
    sum->waiting += strcmp(state, "waiting") == 0;
    return json_pack("{s:s,s:o,s:s}", "state", state, "bytes",
                     is_made(p) ? json_integer(p->bytes) : json_null(), "reason", p != NULL ? p->reason : "");
}

static void add_ways(const struct fleet *f, const struct fleet_release *release,
                     const struct fleet_image *image, struct sum *sum, json_t *to)
{
    struct fleet_patch_base *bases;
    size_t count = fleet_patch_bases(release, image, &bases), patches = fleet_patch_count(image),
           left = f->patch_bases > patches ? f->patch_bases - patches : 0;
    bool wanted = fleet_patch_wanted(release);
    uint32_t takers = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_base(&bases[i], image, state_of(&bases[i], wanted, &left), sum));
        takers += bases[i].compressible;
    }
    free(bases);
    json_object_set_new(to, "patches", list);
    json_object_set_new(to, "compressed", json_compressed(f, image, takers, wanted, sum));
}

json_t *json_release_with_savings(const struct fleet *f, const struct fleet_release *release)
{
    struct sum sum = {0};
    json_t *root = json_release(release), *images = json_object_get(root, "images");
    for (uint32_t i = 0; i < release->image_count; i++)
        add_ways(f, release, &release->images[i], &sum, json_array_get(images, i));
    json_object_set_new(root, "savings",
                        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "devices", sum.devices, "by_patch",
                                  sum.by_patch, "by_compressed", sum.by_compressed, "full_bytes",
                                  sum.full_bytes, "bytes", sum.bytes, "waiting", sum.waiting));
    return root;
}

/* Devices that have said how many bytes they took, and what images alone would have taken. */
json_t *json_transfer(const struct fleet_rollout *r)
{
    json_int_t ways[OT_WAY_COMPRESSED + 1] = {0}, bytes = 0, full_bytes = 0;
    for (uint32_t i = 0; i < r->engine.member_count; i++) {
        const struct fleet_member *x = &r->members[i];
        const struct fleet_image *image =
            fleet_image_for(fleet_target(r, (int)i, x->device), &x->device->facts);
        if (x->bytes == 0 || image == NULL)
            continue;
        ways[x->way <= OT_WAY_COMPRESSED ? x->way : 0]++;
        bytes += x->bytes;
        full_bytes += image->bytes;
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "by_patch", ways[OT_WAY_PATCH], "by_compressed",
                     ways[OT_WAY_COMPRESSED], "by_image", ways[OT_WAY_FULL], "bytes", bytes, "full_bytes",
                     full_bytes);
}
