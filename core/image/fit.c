/* Does a verified image fit this place? One function for the server's upload check and the device's last check. */
#include "otaria/fit.h"

#include <string.h>

/* Wholly in the first segment, and so covered by the identity; not in the padding behind a tiny image. */
static bool has_place_for_descriptor(const struct ot_image *image)
{
    return image->segments[0].offset + image->segments[0].length >= OT_DESC_OFFSET + OT_DESC_BYTES;
}

static enum ot_status judge_described(const struct ot_image *image, const struct ot_descriptor *d,
                                      const struct ot_fit_place *place)
{
    if (!has_place_for_descriptor(image))
        return OT_E_DESC_MISSING;
    if (place->product != NULL && (strlen(place->product) != strlen(image->app.project) ||
                                   memcmp(place->product, image->app.project, strlen(place->product)) != 0))
        return OT_E_WRONG_PRODUCT;
    if (place->has_hardware_revision &&
        (place->hardware_revision > 63 || ((d->hardware_revisions >> place->hardware_revision) & 1u) == 0))
        return OT_E_WRONG_HARDWARE;
    if (d->release < place->floor)
        return OT_E_BELOW_FLOOR;
    return OT_OK;
}

static enum ot_status judge_undescribed(const struct ot_fit_place *place)
{
    if (!place->allows_undescribed)
        return OT_E_DESC_MISSING;
    /* Nothing in it proves that it is not older than the floor. */
    return place->floor > 0 ? OT_E_BELOW_FLOOR : OT_OK;
}

enum ot_status ot_fit_judge(const struct ot_image *image, bool is_signed,
                            const struct ot_descriptor *descriptor, const struct ot_fit_place *place)
{
    if (place->has_chip && image->chip_id != place->chip_id)
        return OT_E_IMAGE_CHIP;
    enum ot_status st =
        descriptor != NULL ? judge_described(image, descriptor, place) : judge_undescribed(place);
    if (st != OT_OK)
        return st;
    if (image->app.secure_version < place->secure_version)
        return OT_E_SECURE_VERSION;
    if (place->secure_version_max != 0 && image->app.secure_version > place->secure_version_max)
        return OT_E_SECURE_VERSION_RANGE;
    if (place->slot_bytes == 0)
        return OT_OK;
    if (descriptor != NULL && descriptor->min_slot_bytes > place->slot_bytes)
        return OT_E_SLOT_SIZE;
    return ot_image_space_needed(image, is_signed) <= place->slot_bytes ? OT_OK : OT_E_IMAGE_TOO_LARGE;
}
