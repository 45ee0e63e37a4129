/**
 * Artifacts: exact bytes, named by their SHA-256, in a directory. Written once, never changed.
 *
 * DIR/<sha256> and DIR/<sha256>.blocks (32-byte SHA-256 of each 64 KiB block). An upload is complete when the rename
 * has happened; what a crash leaves behind has another name and is removed at the next start.
 */
#ifndef ARTIFACT_ARTIFACT_H
#define ARTIFACT_ARTIFACT_H

#include "base/error.h"
#include "otaria/crypto.h"

#include <limits.h>
#include <stdint.h>

#define ARTIFACT_BLOCK_BYTES 65536u

struct artifact {
    struct ot_digest sha256; /* of the file */
    struct ot_digest blocks; /* of its block hash list */
    uint64_t bytes;
};

/** Make the directory and remove unfinished uploads. */
int artifact_open(const char *dir, struct error *err);
/** Store bytes; the same bytes again are the same artifact. Durable when it returns 0. */
int artifact_put(const char *dir, const uint8_t *bytes, size_t len, struct artifact *out, struct error *err);
/** Where an artifact's bytes are. */
void artifact_path(const char *dir, const struct ot_digest *sha256, char out[PATH_MAX]);
/** Open for reading: a descriptor, or -1. `blocks`: the block hash list instead of the bytes. */
int artifact_read(const char *dir, const struct ot_digest *sha256, int blocks, uint64_t *size);
/** Re-read everything and compare with the name. 0 when the bytes are what they are called. */
int artifact_verify(const char *dir, const struct ot_digest *sha256, struct error *err);

#endif
