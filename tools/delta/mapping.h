/**
 * Where references of the base go in the target: a step function of few steps that explains most of them. Private.
 */
#ifndef TOOLS_DELTA_MAPPING_H
#define TOOLS_DELTA_MAPPING_H

#include "analysis.h"
#include "otaria/delta/codec.h"

struct delta_ops;

struct delta_mapping {
    uint32_t count;
    struct delta_map_entry entries[DELTA_MAP_MAX];
};

uint32_t delta_mapping_lookup(const struct delta_mapping *m, uint32_t addr);
/** From names alone, before anything is matched. False: no memory. */
bool delta_mapping_of_symbols(const struct delta_symbols *symbols, const struct delta_layout *base,
                              struct delta_mapping *out);
/** From what the operations pair: cheapest in bits, at most DELTA_MAP_MAX steps. False: no memory. */
bool delta_mapping_find(const struct delta_analysis *base, const struct delta_analysis *target,
                        const struct delta_ops *ops, struct delta_mapping *out);

#endif
