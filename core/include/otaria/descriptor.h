/**
 * Otaria's descriptor: 512 bytes at file offset 0x120, inside the signed image. Byte layout: docs/formats.md.
 */
#ifndef OTARIA_DESCRIPTOR_H
#define OTARIA_DESCRIPTOR_H

#include "otaria/crypto.h"
#include "otaria/source.h"

#include <stdbool.h>

#define OT_DESC_OFFSET             0x120u
#define OT_DESC_BYTES              512u
#define OT_DESC_FORMAT_VERSION     1u
#define OT_DESC_KEYS_MAX           4u
#define OT_DESC_FLAG_DROP_OLD_SLOT 0x1u

struct ot_descriptor {
    uint32_t release;            /* unique and rising per product; never 0 */
    uint32_t floor;              /* releases below it are refused once this image has confirmed; <= release */
    uint32_t flags;              /* OT_DESC_FLAG_* */
    uint64_t hardware_revisions; /* bit r set: fits hardware revision r; never 0 */
    uint32_t min_slot_bytes;     /* 0 = no demand */
    uint8_t key_count, revoke_count;
    struct ot_digest keys[OT_DESC_KEYS_MAX];   /* trusted from now on */
    struct ot_digest revoke[OT_DESC_KEYS_MAX]; /* retired once this image has confirmed itself */
};

/**
 * Parse 512 bytes completely.
 *
 * @return OT_OK; OT_E_DESC_MISSING when the magic is not there (the image is "undescribed");
 *         OT_E_DESC_VERSION, _LENGTH, _CRC, _RESERVED, _RELEASE, _HARDWARE, _KEYS when it is there but must be
 *         refused. Judged in this order.
 */
OT_CHECKED enum ot_status ot_descriptor_parse(const uint8_t bytes[OT_DESC_BYTES], struct ot_descriptor *out);

/**
 * Read from an image source; OT_E_DESC_MISSING also when the image is too short to hold one, OT_E_READ.
 * Whether it lies in the image's first segment, as it must, is ot_fit_judge()'s question.
 */
OT_CHECKED enum ot_status ot_descriptor_read(const struct ot_source *src, struct ot_descriptor *out);

/**
 * The exact bytes, CRC included. The reverse of parse for every descriptor that parse accepts; what parse would refuse
 * is refused here with the same code. Key places from the counts on are written as zero whatever they hold.
 */
OT_CHECKED enum ot_status ot_descriptor_format(const struct ot_descriptor *d, uint8_t out[OT_DESC_BYTES]);

#endif
