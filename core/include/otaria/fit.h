/**
 * Does a verified image fit this device (or, at upload, this product)? The same function judges on the server before
 * anyone is offered the image and on the device before the switch, so a person hears of it first.
 */
#ifndef OTARIA_FIT_H
#define OTARIA_FIT_H

#include "otaria/descriptor.h"
#include "otaria/image.h"

#define OT_PRODUCT_NAME_MAX 32u

/** What the place asks. Zero-initialise: a field left zero or false is not judged. */
struct ot_fit_place {
    const char *product; /* NUL-terminated; compared with the app descriptor's project name */
    bool has_chip;
    uint16_t chip_id;
    bool has_hardware_revision;
    uint8_t hardware_revision;   /* 0..63 */
    uint32_t slot_bytes;         /* 0 = not known */
    uint32_t floor;              /* highest floor confirmed here */
    uint32_t secure_version;     /* the chip's anti-rollback counter */
    uint32_t secure_version_max; /* and the highest it can hold; 0 = no counter in use */
    bool allows_undescribed;
};

/**
 * @param descriptor  NULL when the image is undescribed. One that does not lie wholly in the first segment counts as
 *                    OT_E_DESC_MISSING: the image's identity might not cover it.
 * @return OT_OK, or the first of OT_E_IMAGE_CHIP, OT_E_DESC_MISSING, OT_E_WRONG_PRODUCT, OT_E_WRONG_HARDWARE,
 *         OT_E_BELOW_FLOOR, OT_E_SECURE_VERSION, OT_E_SECURE_VERSION_RANGE, OT_E_SLOT_SIZE, OT_E_IMAGE_TOO_LARGE.
 *         An undescribed image is judged by chip, secure_version and size alone, and where a floor is in force
 *         (floor > 0) it is refused as OT_E_BELOW_FLOOR: nothing proves that it is not older.
 */
OT_CHECKED enum ot_status ot_fit_judge(const struct ot_image *image, bool is_signed,
                                       const struct ot_descriptor *descriptor,
                                       const struct ot_fit_place *place);

#endif
