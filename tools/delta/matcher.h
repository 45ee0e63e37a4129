/**
 * Which parts of the base become which parts of the target: the cheapest path by an estimate in bits. Private.
 *
 * Walks the target once with up to 40 live "diagonals" (base offset minus target offset), fed by a suffix array of the
 * masked base; a Viterbi search. A second pass knows where references will be expected, and charges those that go
 * elsewhere.
 */
#ifndef TOOLS_DELTA_MATCHER_H
#define TOOLS_DELTA_MATCHER_H

#include "analysis.h"
#include "mapping.h"

/** A copy: `inserted` bytes, then `length` bytes from `old` of the base. The last may have length 0. */
struct delta_op {
    uint32_t inserted, length, old;
};

struct delta_ops {
    struct delta_op *list;
    uint32_t count, room;
};

struct delta_matcher {
    const struct delta_analysis *base, *target;
    struct delta_anchors anchors; /* borrowed: places where a copy is tried, whatever looks best */
    int32_t *suffixes;            /* of base->masked */
};

bool delta_matcher_start(struct delta_matcher *m, const struct delta_analysis *base,
                         const struct delta_analysis *target, const struct delta_anchors *anchors);
void delta_matcher_free(struct delta_matcher *m);
/** `map` NULL in a first pass that knows of none. False: no memory. `out` is replaced; free(out->list). */
bool delta_match(const struct delta_matcher *m, const struct delta_mapping *map, struct delta_ops *out);

#endif
