/**
 * ESP app image: the file an ESP-IDF project builds and a slot holds.
 *
 * Two steps, both over any `struct ot_source`:
 *   1. ot_image_parse: the bounded walk over header and segments. Nothing else may precede a signature check.
 *   2. ot_image_hash:  one pass over the content: checksum, appended digest, signed digest.
 *
 *     struct ot_image image;
 *     struct ot_image_digests d;
 *     uint8_t scratch[1024];
 *     if (ot_image_parse(&src, &(struct ot_image_limits){.chip_id = 5, .space = slot_size}, &image) == OT_OK &&
 *         ot_image_hash(&src, &image, crypto, scratch, sizeof scratch, &d) == OT_OK)
 *         ... d.identity names this firmware ...
 *
 * Layout, order of checks and traps: docs/formats.md "App image".
 * RAM: the caller's structs and scratch. Stack: < 1 KiB (two running hashes). A power cut has no effect: nothing is written.
 */
#ifndef OTARIA_IMAGE_H
#define OTARIA_IMAGE_H

#include "otaria/chip.h"
#include "otaria/crypto.h"
#include "otaria/source.h"

#include <stdbool.h>

#define OT_IMAGE_MAGIC        0xE9u
#define OT_IMAGE_HEADER_BYTES 24u
#define OT_IMAGE_SEGMENTS_MAX 16u
#define OT_IMAGE_SEGMENT_MAX  0x1000000u /* a segment is shorter than 16 MiB */
#define OT_IMAGE_SPACE_MAX    0x1000000u /* and so is a slot, at most */
#define OT_APP_DESC_OFFSET    0x20u
#define OT_APP_DESC_BYTES     256u
#define OT_SECTOR_BYTES       4096u

/** What the place asks of the image. Zero-initialise, then set what is known. */
struct ot_image_limits {
    bool has_chip;          /* false: any known or unknown chip passes */
    uint16_t chip_id;       /* if has_chip */
    bool has_revision;      /* judge the chip revision range */
    uint16_t chip_revision; /* major*100+minor */
    uint32_t space;         /* bytes of the slot; 0 = src->size */
    bool is_bootloader; /* bootloader images have another descriptor, and their max revision is not judged */
};

struct ot_segment {
    uint32_t load_addr;
    uint32_t offset; /* of the data, in the file */
    uint32_t length;
};

/** esp_app_desc_t. Strings are NUL-terminated here, though they need not be in the file. Raw bytes: escape them. */
struct ot_app_desc {
    uint32_t secure_version;
    char version[33];
    char project[33];
    char time[17];
    char date[17];
    char idf[33];
    uint8_t elf_sha256[32];
    uint16_t min_efuse_revision, max_efuse_revision;
    uint8_t mmu_page_log2; /* 0 = not recorded */
    uint8_t spi_flash_mode;
};

struct ot_image {
    uint8_t segment_count;
    uint8_t spi_mode;
    uint8_t flash_speed_size;
    uint32_t entry_addr;
    uint16_t chip_id;
    uint16_t min_revision, max_revision; /* full; max 0 or 65535 = no limit */
    bool has_digest;                     /* hash_appended */
    struct ot_segment segments[OT_IMAGE_SEGMENTS_MAX];
    bool has_app_desc;
    struct ot_app_desc app;
    uint32_t digest_offset; /* L: checksum byte at L-1, appended digest at L */
    uint32_t length;        /* L + 32 with a digest, else L */
    uint32_t
        signature_offset; /* `length` rounded up to 4096: where a signature sector stands if there is one */
};

struct ot_image_digests {
    struct ot_digest
        identity; /* computed SHA-256 over [0, L): equals the appended bytes, names the firmware */
    struct ot_digest covered; /* SHA-256 over [0, signature_offset): what a signature covers */
};

/**
 * Walk header, segments and app descriptor. Structure only: no checksum, no digest, no signature.
 *
 * Every length is checked against `limits->space` (and the source) before it is used.
 *
 * @return OT_OK, or the first cause in file order: OT_E_IMAGE_MAGIC, _TRUNCATED, _CHIP, _CHIP_REVISION, _SEGMENTS,
 *         _SEGMENT_LENGTH, _SEGMENT_ALIGN, _LOAD_RANGE, _APP_DESC, _TOO_LARGE; OT_E_READ. `*out` is then undefined.
 *         Running out of `limits->space` (or 16 MiB) where the source goes on is _TOO_LARGE, of the source _TRUNCATED.
 *         OT_E_ARGUMENT when `limits->space` is above OT_IMAGE_SPACE_MAX: no chip boots from such a slot.
 */
OT_CHECKED enum ot_status ot_image_parse(const struct ot_source *src, const struct ot_image_limits *limits,
                                         struct ot_image *out);

/**
 * One pass over [0, signature_offset or length): checksum, identity, covered digest.
 *
 * Where the source ends at `length` (an unsigned file) `covered` is that of the file padded with FF.
 *
 * @param scratch  At least 64 bytes (else OT_E_ARGUMENT); larger is faster.
 * @return OT_OK, OT_E_IMAGE_CHECKSUM, OT_E_IMAGE_NO_DIGEST, OT_E_IMAGE_DIGEST, OT_E_READ.
 */
OT_CHECKED enum ot_status ot_image_hash(const struct ot_source *src, const struct ot_image *image,
                                        const struct ot_crypto *crypto, uint8_t *scratch,
                                        uint32_t scratch_len, struct ot_image_digests *out);

/**
 * Judge the shape of a whole *file* (upload, not slot): it must end exactly behind the image, or behind FF padding to
 * the sector and one signature sector. What stands in that sector is ot_trust_judge()'s question, not asked here.
 *
 * @return OT_OK (`*is_signed` set), OT_E_IMAGE_TRUNCATED (also: in the middle of a signature sector), OT_E_IMAGE_TRAILING, OT_E_IMAGE_PADDING, OT_E_READ.
 */
OT_CHECKED enum ot_status ot_image_file_shape(const struct ot_source *src, const struct ot_image *image,
                                              bool *is_signed);

/** Bytes of slot this image needs, signature sector included, image rounded up to 64 KiB pages when signed. */
uint32_t ot_image_space_needed(const struct ot_image *image, bool is_signed);

#endif
