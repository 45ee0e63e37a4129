/**
 * Random-access bytes: a file in memory on the host, a partition on the chip.
 *
 * Everything in core that parses or verifies reads through this, so the same code judges an upload and a slot.
 */
#ifndef OTARIA_SOURCE_H
#define OTARIA_SOURCE_H

#include "otaria/status.h"

#include <stdint.h>

struct ot_source {
    void *ctx;     /* borrowed, handed to `read` */
    uint32_t size; /* bytes; reads beyond it are never asked for by core */
    /** Read exactly `len` bytes at `offset`. OT_OK or OT_E_READ. May block; must not modify anything. */
    enum ot_status (*read)(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len);
};

/** Bounds-checked read: OT_E_RANGE when [offset, offset+len) is not inside the source, else what `read` says. */
OT_CHECKED enum ot_status ot_source_read(const struct ot_source *src, uint32_t offset, uint8_t *buf,
                                         uint32_t len);

/** Bytes in memory, borrowed. */
struct ot_memory {
    const uint8_t *bytes;
    uint32_t size;
};

/** A source over `*memory`, which must outlive it. */
struct ot_source ot_source_from_memory(struct ot_memory *memory);

#endif
