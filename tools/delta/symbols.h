/**
 * Names that two builds have in common: where each of them was, and where it is now. Private to tools/delta.
 *
 * They only make better guesses: what the same name points to looks the same to the matcher, and where a name begins a copy
 * may begin. A wrong one costs bits.
 */
#ifndef TOOLS_DELTA_SYMBOLS_H
#define TOOLS_DELTA_SYMBOLS_H

#include "elf.h"

struct delta_symbol {
    uint32_t addr, size;
    uint32_t id; /* the same in both builds */
};

/** By rising address. */
struct delta_symbol_list {
    struct delta_symbol *list;
    uint32_t count;
};

struct delta_symbols {
    struct delta_symbol_list old, now; /* `count` of both is the same */
    struct delta_symbol *pairs[2];     /* the same by id: pairs[0][i] became pairs[1][i] */
};

/** False: no memory. */
bool delta_symbols_pair(struct delta_symbols *s, const struct delta_elf *old, const struct delta_elf *now);
void delta_symbols_free(struct delta_symbols *s);
/** Offsets in both files of where names stand, by rising `now`: a copy may well begin there. Owned by the caller. */
struct delta_anchor {
    uint32_t old, now;
};
struct delta_anchors {
    struct delta_anchor *list;
    uint32_t count;
};
/** None without symbols (NULL). False: no memory. */
bool delta_symbols_anchors(const struct delta_symbols *s, const struct delta_layout *old,
                           const struct delta_layout *now, struct delta_anchors *out);
/** A hash of the name that holds `addr` and how far into it, the same in both builds; 0 when none does, or `l` is NULL. */
uint32_t delta_symbol_label(const struct delta_symbol_list *l, uint32_t addr);

#endif
