/** What makers of patches have in common: bytes that come out, a codec that writes nowhere, logarithms. Private to tools/delta. */
#ifndef TOOLS_DELTA_OUTPUT_H
#define TOOLS_DELTA_OUTPUT_H

#include "tools/delta.h"

struct delta_output {
    uint8_t *bytes;
    uint32_t size, room;
    bool failed; /* no memory */
};

/** `output` is a struct delta_output: a coder's `emit`. */
void delta_output_put(void *output, uint8_t byte);
void delta_output_put_header(struct delta_output *o, const struct ot_delta_header *h);
/** A codec's `write`: the maker has the target. */
enum ot_status delta_output_discard(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len);
/** The patch made into one that is applied: OT_OK when it gives the target. `base` NULL: it has none. */
enum ot_status delta_prove(const struct delta_file *base, const struct delta_file *target,
                           struct delta_patch *patch);

/** Log2 of v in 1/unit, rounded down; `unit` a power of two, v not 0. */
static inline uint32_t delta_log2(uint32_t v, uint32_t unit)
{
    uint32_t whole = 0;
    while (v >> whole > 1)
        whole++;
    uint64_t x = (uint64_t)v << (32u - whole); /* 1.0 .. 2.0 in Q32 */
    uint32_t out = whole * unit;
    for (uint32_t bit = unit / 2u; bit > 0; bit /= 2) {
        x = (x >> 16) * (x >> 16);
        if (x >> 33 != 0) {
            out += bit;
            x >>= 1;
        }
    }
    return out;
}

#endif
