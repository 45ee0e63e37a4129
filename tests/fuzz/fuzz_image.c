/* Any bytes as an image: what is accepted lies inside the file, and its digest is the one it carries. */
#include "base/crypto_openssl.h"
#include "fuzz.h"
#include "otaria/fit.h"

#include <string.h>

static void check_structure(const struct ot_image *image, size_t size)
{
    HOLDS(image->length <= size && image->digest_offset <= image->length);
    HOLDS(image->segment_count >= 1 && image->segment_count <= OT_IMAGE_SEGMENTS_MAX);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct ot_segment *s = &image->segments[i];
        HOLDS(s->offset <= image->digest_offset && s->length <= image->digest_offset - s->offset);
    }
    HOLDS(memchr(image->app.version, '\0', sizeof image->app.version) != NULL);
    HOLDS(memchr(image->app.project, '\0', sizeof image->app.project) != NULL);
}

static void check_descriptor(const struct ot_source *src, const struct ot_image *image)
{
    struct ot_descriptor d, again;
    uint8_t bytes[OT_DESC_BYTES];
    struct ot_fit_place place = {.has_hardware_revision = true, .hardware_revision = 3, .floor = 2};
    bool described = ot_descriptor_read(src, &d) == OT_OK;
    (void)!ot_fit_judge(image, true, described ? &d : NULL, &place);
    if (!described)
        return;
    HOLDS(ot_descriptor_format(&d, bytes) == OT_OK);
    HOLDS(ot_descriptor_parse(bytes, &again) == OT_OK);
    HOLDS(again.release == d.release && again.key_count == d.key_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ot_memory memory = {.bytes = data, .size = (uint32_t)size};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image_limits limits = {.has_chip = false};
    struct ot_image image;
    struct ot_image_digests digests;
    uint8_t scratch[256];
    bool is_signed;
    if (ot_image_parse(&src, &limits, &image) != OT_OK)
        return 0;
    check_structure(&image, size);
    (void)!ot_image_file_shape(&src, &image, &is_signed);
    if (ot_image_hash(&src, &image, crypto_openssl(), scratch, sizeof scratch, &digests) == OT_OK)
        HOLDS(memcmp(digests.identity.bytes, data + image.digest_offset, OT_DIGEST_BYTES) == 0);
    check_descriptor(&src, &image);
    return 0;
}
