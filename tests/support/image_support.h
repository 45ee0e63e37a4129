/**
 * ESP images made in memory, for tests of every room.
 *
 * Written from docs/formats.md without the parser under test: the two must agree, not share a mistake.
 *
 *     struct ot_descriptor d = {.release = 7, .hardware_revisions = 1};
 *     struct image_spec spec = {.chip_id = 5, .project = "lamp", .version = "1.2.0", .descriptor = &d, .seed = 1};
 *     uint32_t size;
 *     uint8_t *bytes = image_make(&spec, &size);      ... free(bytes);
 *
 * Same spec, same bytes. Memory: malloc, the caller frees; running out of it aborts the test program.
 */
#ifndef IMAGE_SUPPORT_H
#define IMAGE_SUPPORT_H

#include "otaria/descriptor.h"
#include "otaria/image.h"

#define IMAGE_SPEC_SEGMENTS_MAX 15u

struct image_segment_spec {
    uint32_t load_addr; /* 0: padding */
    uint32_t length;    /* multiple of 4; not checked, bad images are wanted too */
};

/** Zero or NULL means the default in the comment. */
struct image_spec {
    uint16_t chip_id; /* 0 is the classic ESP32 */
    uint16_t min_revision, max_revision;
    const char *project; /* "lamp" */
    const char *version; /* "1.0.0" */
    const char *idf;     /* "v5.5.1" */
    const char *time;    /* "" */
    const char *date;    /* "" */
    uint32_t secure_version;
    uint8_t mmu_page_log2;
    const struct ot_descriptor
        *descriptor; /* NULL: undescribed. Must be one that ot_descriptor_format() accepts */
    uint32_t seed;   /* of the first segment's remaining bytes */
    uint32_t
        size; /* of the whole unsigned file; rounded up to 16 and to what the parts need. 0: as small as possible */
    const struct image_segment_spec *segments; /* further segments behind the first, filled from the seed */
    unsigned segment_count;                    /* at most IMAGE_SPEC_SEGMENTS_MAX */
    bool no_digest;
    bool
        repeats; /* about half of the filled bytes have been there before: what a compressor finds in real ones */
};

uint8_t *image_make(const struct image_spec *spec, uint32_t *size);

/**
 * Make an edited image whole again: recompute checksum byte and appended digest.
 * Aborts when the segments do not end inside `size`.
 */
void image_reseal(uint8_t *bytes, uint32_t size);

/** The 336-byte example of docs/formats.md "App image", accepted by Espressif's own verifier. */
#define IMAGE_EXAMPLE_BYTES 336u
void image_example(uint8_t out[IMAGE_EXAMPLE_BYTES]);

/** A source that answers `fail_at`-th and later reads (counted from 0) with OT_E_READ. Else like plain memory. */
struct failing_source {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t reads, fail_at;
    uint32_t highest; /* end of the highest read so far */
};
struct ot_source failing_source(struct failing_source *state);

/** A whole file into malloc'd memory; NULL when it cannot be read. */
uint8_t *read_whole_file(const char *path, uint32_t *size);

/** Directory of real firmware (OTARIA_CORPUS, else ../shared/corpus beside the sources), or NULL after saying so. */
const char *corpus_dir(void);

#endif
