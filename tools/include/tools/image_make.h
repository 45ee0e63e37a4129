/**
 * Placeholder images: structurally valid ESP app images without real code, for trials, tests and the demo; and the
 * post-build step that fills in Otaria's descriptor of a real image.
 */
#ifndef TOOLS_IMAGE_MAKE_H
#define TOOLS_IMAGE_MAKE_H

#include "base/error.h"
#include "otaria/chip.h"
#include "otaria/descriptor.h"

#include <stdbool.h>
#include <stddef.h>

struct tools_image_spec {
    const struct ot_chip *chip;
    const char *project, *version;
    uint32_t secure_version;
    uint32_t size; /* of the file, about; at least 4 KiB */
    bool described;
    struct ot_descriptor desc;
};

/** malloc'ed image, unsigned. Content depends on project, version and size alone: the same call, the same bytes. */
int tools_image_make(const struct tools_image_spec *what, uint8_t **out, size_t *len, struct error *err);

/**
 * Put a descriptor into an image that has reserved the place (512 bytes at 0x120 that are zero or a descriptor
 * already), and correct checksum and digest. Unsigned images only: a signature would not survive it.
 */
int tools_image_describe(uint8_t *image, size_t len, const struct ot_descriptor *desc, struct error *err);

#endif
