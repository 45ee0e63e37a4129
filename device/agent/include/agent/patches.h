/**
 * What an integrator brings for a device that takes patches and compressed images: the decoder of both and its memory
 * (docs/patch-format.md).
 *
 *     static struct ot_delta delta;                             // 28 KiB
 *     static struct ot_agent_patches patches = OT_AGENT_PATCHES(&delta);
 *     config.patches = &patches;                                // NULL: full images only, and no decoder is linked
 *
 * Memory may be shared with other things as long as no update is downloading: nothing in it outlives that.
 */
#ifndef AGENT_PATCHES_H
#define AGENT_PATCHES_H

#include "otaria/delta.h"

#define OT_AGENT_PATCH_PROFILE 1u /* of the check-in's patch_profile and compressed_profile */

struct ot_port;

/** A source over a slot. */
struct ot_slot_source {
    const struct ot_port *port;
    int slot;
};

struct ot_agent_patches {
    struct ot_delta *delta;
    void (*start)(struct ot_delta *d, const struct ot_delta_io *io, uint8_t *sector);
    enum ot_status (*feed)(struct ot_delta *d, const uint8_t *bytes, uint32_t len);
    enum ot_status (*finish)(struct ot_delta *d);
    uint32_t (*produced)(const struct ot_delta *d);
    bool
        streams; /* never store a patch or a compressed image in the slot: for a device whose network is steadier than its power */
    /* The agent's own from here on; lost at a reset. */
    struct ot_delta_io io;
    struct ot_slot_source base, written;
    uint32_t at;      /* next byte of the patch or compressed image */
    bool is_decoding; /* what `delta` holds goes on at `at` */
    uint8_t retries;
};

#define OT_AGENT_PATCHES(context)                                                                            \
    {                                                                                                        \
        .delta = (context), .start = ot_delta_start, .feed = ot_delta_feed, .finish = ot_delta_finish,       \
        .produced = ot_delta_produced                                                                        \
    }

#endif
