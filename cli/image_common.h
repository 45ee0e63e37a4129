/* What the image commands share: an image file, loaded and judged as far as it goes. */
#ifndef CLI_IMAGE_COMMON_H
#define CLI_IMAGE_COMMON_H

#include "cli.h"
#include "otaria/descriptor.h"
#include "otaria/image.h"

#include <stddef.h>
#include <stdint.h>

struct image_file {
    uint8_t *bytes;
    size_t len;
    struct ot_memory memory;
    struct ot_source src;
    struct ot_image image;
    struct ot_image_digests digests;
    bool is_signed, described;
    struct ot_descriptor desc;
};

/** Load, parse, hash, shape. -1 to go on, else the exit code. image_file_fini() in both cases. */
int image_file_load(const struct cli *cli, const char *path, struct image_file *out);
void image_file_fini(struct image_file *file);

/** "0,1,2" as a bitmap; -1 when malformed. */
int image_hw_revs(const char *text, uint64_t *out);

/** Options of `image make` and `image describe` that make a descriptor. */
struct descriptor_options {
    const char *release, *floor, *hw_revs, *min_slot;
    struct cli_list keys, revoke;
    bool drop_old_slot;
};
int descriptor_from_options(const struct cli *cli, const struct descriptor_options *o,
                            struct ot_descriptor *out);

#endif
