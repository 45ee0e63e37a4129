/* What patches save: of a release before anybody starts a rollout, of a rollout as it goes. */
#include "common.h"

#include "fleet/patches.h"

#include <stdlib.h>
#include <string.h>

/* Where a base stands; `left` is how many more patches to this image the maker would still make. */
static const char *state_of(const struct fleet_patch_base *b, bool wanted, size_t *left)
{
    if (b->patch != NULL)
        return b->patch->state == PATCH_MADE        ? "made"
               : b->patch->state == PATCH_DROPPED   ? "dropped"
               : b->patch->state == PATCH_WITHDRAWN ? "withdrawn"
                                                    : "failed";
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
    json_int_t devices, by_patch, full_bytes, bytes, waiting;
};

static json_t *json_base(const struct fleet_patch_base *b, const struct fleet_image *image, const char *state,
                         struct sum *sum)
{
    bool made = b->patch != NULL && b->patch->state == PATCH_MADE;
    json_int_t by_patch = made ? (json_int_t)b->patchable : 0, patch_bytes = made ? b->patch->bytes : 0,
               devices = (json_int_t)b->devices;
    sum->devices += devices;
    sum->by_patch += by_patch;
    sum->full_bytes += devices * image->bytes;
    sum->bytes += by_patch * patch_bytes + (devices - by_patch) * image->bytes;
    sum->waiting += strcmp(state, "waiting") == 0;
    return json_pack("{s:o,s:o,s:I,s:I,s:s,s:o,s:s}", "base", json_digest_of(&b->digest), "version",
                     b->release != NULL ? json_string(b->release->version) : json_null(), "devices", devices,
                     "by_patch", by_patch, "state", state, "bytes",
                     made ? json_integer(patch_bytes) : json_null(), "reason",
                     b->patch != NULL ? b->patch->reason : "");
}

static json_t *json_bases(const struct fleet *f, const struct fleet_release *release,
                          const struct fleet_image *image, struct sum *sum)
{
    struct fleet_patch_base *bases;
    size_t count = fleet_patch_bases(release, image, &bases),
           left = f->patch_bases > image->patch_count ? f->patch_bases - image->patch_count : 0;
    bool wanted = fleet_patch_wanted(release);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_base(&bases[i], image, state_of(&bases[i], wanted, &left), sum));
    free(bases);
    return list;
}

json_t *json_release_with_savings(const struct fleet *f, const struct fleet_release *release)
{
    struct sum sum = {0};
    json_t *root = json_release(release), *images = json_object_get(root, "images");
    for (uint32_t i = 0; i < release->image_count; i++)
        json_object_set_new(json_array_get(images, i), "patches",
                            json_bases(f, release, &release->images[i], &sum));
    json_object_set_new(root, "savings",
                        json_pack("{s:I,s:I,s:I,s:I,s:I}", "devices", sum.devices, "by_patch", sum.by_patch,
                                  "full_bytes", sum.full_bytes, "bytes", sum.bytes, "waiting", sum.waiting));
    return root;
}

/* Devices that have said how many bytes they took, and what images alone would have taken. */
json_t *json_transfer(const struct fleet_rollout *r)
{
    json_int_t ways[3] = {0}, bytes = 0, full_bytes = 0;
    for (uint32_t i = 0; i < r->engine.member_count; i++) {
        const struct fleet_member *x = &r->members[i];
        const struct fleet_image *image =
            fleet_image_for(fleet_target(r, (int)i, x->device), &x->device->facts);
        if (x->bytes == 0 || image == NULL)
            continue;
        ways[x->way <= OT_WAY_PATCH ? x->way : 0]++;
        bytes += x->bytes;
        full_bytes += image->bytes;
    }
    return json_pack("{s:I,s:I,s:I,s:I}", "by_patch", ways[OT_WAY_PATCH], "by_image", ways[OT_WAY_FULL],
                     "bytes", bytes, "full_bytes", full_bytes);
}
