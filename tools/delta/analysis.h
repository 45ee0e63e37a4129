/**
 * An image cut into units, and the same image with every reference replaced by what it points to. Private to tools/delta.
 *
 * Two versions of a function then look the same although everything around them has moved: that is what is matched.
 */
#ifndef TOOLS_DELTA_ANALYSIS_H
#define TOOLS_DELTA_ANALYSIS_H

#include "otaria/delta/unit.h"
#include "symbols.h"

#define DELTA_NO_UNIT 0xFFu

struct delta_analysis {
    const uint8_t *bytes; /* borrowed */
    uint32_t size;
    struct delta_layout layout;
    uint32_t gp;
    const struct delta_symbol_list *symbols; /* names of this build, or NULL; borrowed */
    uint8_t *kinds;    /* by offset: enum delta_kind where a unit begins, else DELTA_NO_UNIT */
    uint32_t *targets; /* by offset of a unit's beginning */
    uint8_t *masked;
};

/** `layout` of an image that delta_codec can follow, or with count 0 for plain data. False: no memory. */
bool delta_analyse(struct delta_analysis *a, const uint8_t *bytes, uint32_t size,
                   const struct delta_layout *layout, const struct delta_symbol_list *symbols);
void delta_analysis_free(struct delta_analysis *a);

#endif
