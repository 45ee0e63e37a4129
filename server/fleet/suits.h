/** What a product's releases and devices say about an image that is being pushed. Private to server/fleet and api. */
#ifndef FLEET_SUITS_H
#define FLEET_SUITS_H

#include "fleet.h"
#include "otaria/descriptor.h"
#include "otaria/image.h"

/**
 * Keys believed at upload: the product's and those its releases named, and what its releases retire. A retired key stays
 * in `keys`, so that a refusal can say so. Both lists belong to the caller: fleet_trust_free().
 */
struct fleet_trust {
    struct ot_digest *keys, *revoked;
    uint32_t key_count, revoked_count;
};
void fleet_trust_of(const struct fleet_product *p, struct fleet_trust *out);
void fleet_trust_free(struct fleet_trust *t);
bool fleet_trust_revokes(const struct fleet_trust *t, const struct ot_digest *key);

/**
 * Would the devices that are known take this image? By the function they will use. No device: nothing is known, 0.
 * @param desc  NULL when undescribed.
 * @return -1 with the cause nearest to fitting and a device as example: no device has this chip, this hardware revision,
 *         none is at or below this release and secure_version; or one that it is for has too small a slot.
 */
int fleet_suits(const struct fleet_product *p, const struct ot_image *image, const struct ot_descriptor *desc,
                struct fleet_refusal *refusal);

/** The highest floor that a release of this product sets; NULL when none does. */
const struct fleet_release *fleet_floor_of(const struct fleet_product *p, uint32_t *floor);

#endif
