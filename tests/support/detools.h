/**
 * A peer's decoder: patches as detools and esp_delta_ota make them, applied in memory, for tests and comparisons.
 *
 * Sequential patches, uncompressed, CRLE, or heatshrink with window 8 and lookahead 7 (all that ESP builds can decode).
 * Strict: every length is checked against the target, every position against the base, and nothing may be left over.
 *
 *     uint8_t *target;
 *     size_t len;
 *     const char *why = detools_apply(patch, patch_len, base, base_len, &target, &len);
 *     if (why == NULL) ... free(target);
 */
#ifndef DETOOLS_H
#define DETOOLS_H

#include <stddef.h>
#include <stdint.h>

#define DETOOLS_HEADER_BYTES 64u
#define DETOOLS_TARGET_MAX   0x1000000u /* 16 MiB, as a slot */

/** NULL, or what is wrong with the patch. On success `*target` is malloc'd (also when its length is 0). */
const char *detools_apply(const uint8_t *patch, size_t patch_len, const uint8_t *base, size_t base_len,
                          uint8_t **target, size_t *target_len);

/** The 64 bytes in front of a patch file: magic, appended digest of the base, zeros. NULL, or what is wrong. */
const char *detools_header(const uint8_t *file, size_t file_len, uint8_t base_digest[32]);

/** A signed number; `*used` receives how many bytes it took. NULL, or what is wrong. */
const char *detools_number(const uint8_t *bytes, size_t len, int64_t *value, size_t *used);

#endif
