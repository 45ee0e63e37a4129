/**
 * Patch maker: two files in memory to the patch that otaria/delta.h decodes. Every patch is applied before it is returned.
 *
 * Time and memory: about 0.5 s and 12 times the larger file for 2 MB images. No globals; any thread.
 */
#ifndef TOOLS_DELTA_H
#define TOOLS_DELTA_H

#include "base/error.h"
#include "otaria/delta.h"

struct delta_file {
    const uint8_t *bytes; /* borrowed */
    uint32_t size;
};

struct delta_patch {
    uint8_t *bytes; /* owned: delta_patch_free() */
    uint32_t size;
    struct ot_delta_header header;
    /* how it came about */
    uint32_t operations, inserted_bytes, map_entries;
    uint32_t decoder_reads, decoder_steps;
    uint32_t without_symbols; /* delta_make_named(): what it would have been without names */
};

/** Digest by which patches name a file: the identity of an app image that verifies, else the SHA-256 of all of it. */
void delta_file_digest(const struct delta_file *file, struct ot_digest *out);

/**
 * @return OT_OK, OT_E_BUFFER (no memory), OT_E_IMAGE_TOO_LARGE (above 16 MiB, or empty), OT_E_PATCH_RESULT (its own patch did not give
 *         the target: a bug, reported as such).
 */
OT_CHECKED enum ot_status delta_make(const struct delta_file *base, const struct delta_file *target,
                                     struct delta_patch *out);

/** Who is told how far the work is, in per cent of the time it usually takes. */
struct delta_listener {
    void (*progress)(void *ctx,
                     unsigned percent); /* called in the thread that makes; ends with 100 when OT_OK */
    void *ctx;
};

/** delta_make() with somebody who waits for it; `listener` may be NULL. A target that has to be coded anew begins again. */
OT_CHECKED enum ot_status delta_make_told(const struct delta_file *base, const struct delta_file *target,
                                          const struct delta_listener *listener, struct delta_patch *out);

/* --- with the names of functions and variables, where the user has the ELF files --- */

/** Any bytes with a name for messages. Borrowed. */
struct delta_named {
    const char *name;
    const uint8_t *bytes;
    size_t size;
};
struct delta_symbols;

/**
 * Names that both ELF files know. `elf[0]` belongs to `base`, `elf[1]` to `target`; `image_names` are for messages. The files are
 * hostile input: -1 and `err` (what, where, what to do) when one is no ELF file of such a chip, is damaged, has no symbols,
 * or is not what its image was made from. `*out` is owned: delta_symbols_drop().
 */
int delta_symbols_load(const struct delta_file *base, const struct delta_file *target,
                       const struct delta_named elf[2], const char *const image_names[2],
                       struct delta_symbols **out, struct error *err);
uint32_t delta_symbols_count(const struct delta_symbols *s);
void delta_symbols_drop(struct delta_symbols *s);
/** delta_make_told() without names and with them, in two ways: the smallest patch, in three times the time. Decoders know nothing of names. */
OT_CHECKED enum ot_status delta_make_named(const struct delta_file *base, const struct delta_file *target,
                                           const struct delta_symbols *symbols,
                                           const struct delta_listener *listener, struct delta_patch *out);

/**
 * A patch without a base: the target alone, compressed, or stored where that is no shorter. Applied before it is returned.
 * Time and memory: about 3 s and 35 times the file for 2 MB images. Returns as delta_make().
 */
OT_CHECKED enum ot_status delta_make_full(const struct delta_file *target, struct delta_patch *out);
OT_CHECKED enum ot_status delta_make_full_told(const struct delta_file *target,
                                               const struct delta_listener *listener,
                                               struct delta_patch *out);
void delta_patch_free(struct delta_patch *p);

/**
 * Apply a patch; `base` NULL where it needs none. `*out` receives a buffer of the target's size, owned by the caller; NULL on failure.
 *
 * @return what ot_delta_feed() and ot_delta_finish() return; OT_E_PATCH_RESULT when the digest is not the header's; OT_E_BUFFER.
 */
OT_CHECKED enum ot_status delta_apply(const struct delta_file *base, const struct delta_file *patch,
                                      uint8_t **out, uint32_t *out_size);

#endif
