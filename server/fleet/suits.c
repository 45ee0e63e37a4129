/*
 * Does a new image suit the product as it is? See suits.h.
 *
 * The device decides for itself later. This is for the person who pushes, who would otherwise hear of it from a rollout
 * that offers nothing to anybody.
 */
#include "suits.h"

#include "otaria/chip.h"
#include "otaria/fit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- trust --- */

static bool in_list(const struct ot_digest *list, uint32_t count, const struct ot_digest *d)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ot_digest_equal(&list[i], d))
            return true;
    }
    return false;
}

static void add_all(struct ot_digest *list, uint32_t *count, const struct ot_digest *more,
                    uint32_t more_count)
{
    for (uint32_t i = 0; i < more_count; i++) {
        if (!in_list(list, *count, &more[i]))
            list[(*count)++] = more[i];
    }
}

void fleet_trust_of(const struct fleet_product *p, struct fleet_trust *out)
{
    size_t images = 0;
    for (size_t i = 0; i < p->release_count; i++)
        images += p->releases[i]->image_count;
    *out = (struct fleet_trust){.key_count = 0};
    out->keys = fleet_need(calloc(p->trust_count + images * OT_DESC_KEYS_MAX + 1, sizeof *out->keys));
    out->revoked = fleet_need(calloc(images * OT_DESC_KEYS_MAX + 1, sizeof *out->revoked));
    add_all(out->keys, &out->key_count, p->trust, p->trust_count);
    for (size_t r = 0; r < p->release_count; r++) {
        for (uint32_t i = 0; i < p->releases[r]->image_count; i++) {
            const struct fleet_image *image = &p->releases[r]->images[i];
            add_all(out->keys, &out->key_count, image->trust, image->trust_count);
            add_all(out->revoked, &out->revoked_count, image->revoke, image->revoke_count);
        }
    }
}

void fleet_trust_free(struct fleet_trust *t)
{
    free(t->keys);
    free(t->revoked);
}

bool fleet_trust_revokes(const struct fleet_trust *t, const struct ot_digest *key)
{
    return in_list(t->revoked, t->revoked_count, key);
}

const struct fleet_release *fleet_floor_of(const struct fleet_product *p, uint32_t *floor)
{
    const struct fleet_release *found = NULL;
    *floor = 0;
    for (size_t r = 0; r < p->release_count; r++) {
        for (uint32_t i = 0; i < p->releases[r]->image_count; i++) {
            if (p->releases[r]->images[i].floor <= *floor)
                continue;
            *floor = p->releases[r]->images[i].floor;
            found = p->releases[r];
        }
    }
    return found;
}

/* --- devices --- */

/* The causes in the order of their judgement: the later, the nearer to fitting. */
static int nearness(enum ot_status why)
{
    static const enum ot_status order[] = {OT_E_IMAGE_CHIP, OT_E_WRONG_HARDWARE, OT_E_BELOW_FLOOR,
                                           OT_E_SECURE_VERSION};
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i] == why)
            return (int)i + 1;
    }
    return 0;
}

static enum ot_status judge_for(const struct fleet_device *d, const struct ot_image *image,
                                const struct ot_descriptor *desc)
{
    struct ot_fit_place place = {.has_chip = true,
                                 .chip_id = d->facts.chip_id,
                                 .has_hardware_revision = true,
                                 .hardware_revision = d->facts.hardware_revision,
                                 .slot_bytes = d->facts.slot_bytes, /* 0 before its first check-in */
                                 .floor = d->facts.floor,
                                 .secure_version = d->facts.secure_version,
                                 .allows_undescribed = true}; /* not reported: left to the device */
    return ot_fit_judge(image, true, desc, &place);
}

static int refuse_chip(const struct fleet_device *d, const struct ot_image *image, struct fleet_refusal *r)
{
    const struct ot_chip *theirs = ot_chip_by_id(d->facts.chip_id), *ours = ot_chip_by_id(image->chip_id);
    return fleet_refuse(r, 422, ot_status_wire(OT_E_IMAGE_CHIP),
                        "the image is for another chip: no device of %s is an %s (%s is an %s)",
                        d->product->name, ours != NULL ? ours->name : "unknown chip", d->id,
                        theirs != NULL ? theirs->name : "unknown chip");
}

static int refuse_size(const struct fleet_device *d, enum ot_status why, const struct ot_image *image,
                       const struct ot_descriptor *desc, struct fleet_refusal *r)
{
    uint32_t needs = why == OT_E_SLOT_SIZE ? desc->min_slot_bytes : ot_image_space_needed(image, true);
    return fleet_refuse(r, 422, ot_status_wire(why),
                        "%s: it needs %" PRIu32 " bytes, a slot of %s has %" PRIu32, ot_status_text(why),
                        needs, d->id, d->facts.slot_bytes);
}

static int refuse_for(const struct fleet_device *d, enum ot_status why, const struct ot_image *image,
                      const struct ot_descriptor *desc, struct fleet_refusal *r)
{
    const struct ot_wire_check_in *f = &d->facts;
    const char *code = ot_status_wire(why);
    if (why == OT_E_IMAGE_CHIP)
        return refuse_chip(d, image, r);
    if (why == OT_E_WRONG_HARDWARE)
        return fleet_refuse(
            r, 422, code, "the image fits no hardware revision that a device of %s has (%s has revision %u)",
            d->product->name, d->id, f->hardware_revision);
    if (why == OT_E_BELOW_FLOOR)
        return fleet_refuse(
            r, 422, code, "every device it would fit has confirmed a floor above it (%s: floor %" PRIu32 ")",
            d->id, f->floor);
    if (why == OT_E_SECURE_VERSION)
        return fleet_refuse(r, 422, code,
                            "every device it would fit is above its secure_version %" PRIu32 " (%s: %" PRIu32
                            ")",
                            image->app.secure_version, d->id, f->secure_version);
    return refuse_size(d, why, image, desc, r);
}

int fleet_suits(const struct fleet_product *p, const struct ot_image *image, const struct ot_descriptor *desc,
                struct fleet_refusal *refusal)
{
    const struct fleet_device *nearest = NULL;
    enum ot_status why = OT_OK;
    bool suits_one = false;
    for (size_t i = 0; i < p->device_count; i++) {
        const struct fleet_device *d = p->device_list[i];
        enum ot_status st = judge_for(d, image, desc);
        /* History may lag on some devices. A slot never grows: they would be left behind for good. */
        if (st == OT_E_SLOT_SIZE || st == OT_E_IMAGE_TOO_LARGE)
            return refuse_for(d, st, image, desc, refusal);
        suits_one = suits_one || st == OT_OK;
        if (nearness(st) > nearness(why)) {
            nearest = d;
            why = st;
        }
    }
    return suits_one || nearest == NULL ? 0 : refuse_for(nearest, why, image, desc, refusal);
}
