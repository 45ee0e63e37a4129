/**
 * Patches: a target image rebuilt from the base image that runs and a small patch, or from a compressed full image alone.
 * Push-style, no heap, integers only.
 *
 *     struct ot_delta_io io = {.base = base, .base_digest = running, .written = slot, .write = write_slot, .ctx = slot};
 *     static struct ot_delta delta;      // OT_DELTA_CONTEXT_BYTES
 *     static uint8_t sector[OT_DELTA_SECTOR_BYTES];
 *     enum ot_status st = ot_delta_start(&delta, &io, sector);
 *     while (st == OT_OK && (n = more(bytes)) > 0)
 *         st = ot_delta_feed(&delta, bytes, n);
 *     if (st == OT_OK)
 *         st = ot_delta_finish(&delta);  // target complete; now verify it like any image
 *
 * A patch proves nothing: what came out must be verified like a full image. Format: docs/patch-format.md.
 * RAM: struct ot_delta and the sector buffer. Stack: < 700 bytes.
 * Power cut: nothing but the target's area is ever written, in order, a sector at a time. Run again from the start of the
 * patch: the same bytes come out, so sectors that are right already need not be written again.
 */
#ifndef OTARIA_DELTA_H
#define OTARIA_DELTA_H

#include "otaria/crypto.h"
#include "otaria/source.h"

#include <stdbool.h>

#define OT_DELTA_HEADER_BYTES   80u
#define OT_DELTA_SECTOR_BYTES   4096u
/** What a caller provides for one decoder of profile 1. */
#define OT_DELTA_CONTEXT_BYTES  28672u
/** Units and instructions looked at may not exceed this many, and OT_DELTA_STEPS_PER_BYTE more for each target byte. */
#define OT_DELTA_STEPS_BASE     65536u
#define OT_DELTA_STEPS_PER_BYTE 64u

enum ot_delta_method {
    OT_DELTA_CODED = 1,  /* the codec; knows instructions where the header names a chip, else plain data */
    OT_DELTA_FULL = 2,   /* the target alone, compressed: no base, its size and digest are zero */
    OT_DELTA_STORED = 3, /* likewise, as it is: nothing compresses it */
};

struct ot_delta_header {
    uint8_t method, profile;
    bool has_chip;
    uint16_t chip_id;
    bool is_signed;  /* the target's last sector is a signature sector, rebuilt from its keys */
    bool has_digest; /* the target ends in its own SHA-256, which is target_digest */
    uint32_t base_bytes, target_bytes;
    struct ot_digest base_digest, target_digest; /* identity of an image; SHA-256 of other files */
};

/** The first OT_DELTA_HEADER_BYTES of a patch. OT_OK, OT_E_PATCH_MAGIC, _VERSION, _FORMAT. */
OT_CHECKED enum ot_status ot_delta_header_read(const uint8_t bytes[OT_DELTA_HEADER_BYTES],
                                               struct ot_delta_header *out);
void ot_delta_header_write(const struct ot_delta_header *h, uint8_t bytes[OT_DELTA_HEADER_BYTES]);

struct ot_delta_io {
    struct ot_source base;        /* the whole base file; what lies behind it, as in a slot, is not read;
                                     nothing of it is when the patch is a full image */
    struct ot_digest base_digest; /* what it is known to be */
    struct ot_source written;     /* reads back target bytes that `write` has taken */
    uint32_t target_max;          /* room for the target */
    const struct ot_crypto
        *crypto; /* SHA-256, for signature sectors; NULL: such targets are refused (OT_E_PATCH_FORMAT) */
    void *ctx;
    /** Whole sectors in order, the last may be shorter. OT_OK, or what the decoder then returns. */
    enum ot_status (*write)(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len);
};

struct ot_delta {
    uint64_t opaque[OT_DELTA_CONTEXT_BYTES / 8u];
};

/** `io` and `sector` are borrowed until the end; nothing is read or written yet. */
void ot_delta_start(struct ot_delta *d, const struct ot_delta_io *io, uint8_t *sector);
/**
 * The next bytes of the patch.
 *
 * @return OT_OK: all were taken. OT_E_PATCH_MAGIC, _VERSION, _FORMAT, _BASE, _WORK, OT_E_IMAGE_TOO_LARGE: refused for
 *         good. OT_E_PATCH_TRAILING: the target was complete before. OT_E_READ or what `write` returned: the port
 *         failed; start again. After any failure `d` is spent.
 */
OT_CHECKED enum ot_status ot_delta_feed(struct ot_delta *d, const uint8_t *bytes, uint32_t len);
/** The patch has ended. OT_OK: every target byte is written. OT_E_PATCH_TRUNCATED and as above. */
OT_CHECKED enum ot_status ot_delta_finish(struct ot_delta *d);
/** Target bytes produced so far. */
uint32_t ot_delta_produced(const struct ot_delta *d);
/** Calls of `read`, both sources together, and units looked at: for measurements. */
void ot_delta_cost(const struct ot_delta *d, uint32_t *reads, uint32_t *steps);

#endif
