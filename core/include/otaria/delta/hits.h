/**
 * Does a unit come out as predicted? The question asked most: once per unit, nearly always yes. Private.
 *
 * Four adaptive probabilities of a miss, mixed in the logistic domain. Down to 2/65536, so that a yes costs next to nothing.
 */
#ifndef OTARIA_DELTA_HITS_H
#define OTARIA_DELTA_HITS_H

#include "otaria/delta/coder.h"
#include "otaria/delta/unit.h"

#define DELTA_HITS_REFS   4u /* where a target came from: none, the operation, the map, a cache */
#define DELTA_HITS_KEYS   512u
#define DELTA_HITS_GAPS   6u
#define DELTA_HITS_INPUTS 5u

/* Places of the four contexts in one list. */
#define DELTA_HITS_BY_REF     0u
#define DELTA_HITS_BY_HISTORY (DELTA_HITS_BY_REF + DELTA_KIND_SLOTS * DELTA_HITS_REFS)
#define DELTA_HITS_BY_KIND    (DELTA_HITS_BY_HISTORY + DELTA_HITS_GAPS * 64u)
#define DELTA_HITS_BY_KEY     (DELTA_HITS_BY_KIND + DELTA_KIND_SLOTS * DELTA_HITS_GAPS * 8u)
#define DELTA_HITS_STATES     (DELTA_HITS_BY_KEY + DELTA_HITS_KEYS)

struct delta_hits {
    uint16_t miss[DELTA_HITS_STATES];                     /* probability of a miss, of 65536 */
    uint8_t seen[DELTA_HITS_STATES];                      /* experience */
    int32_t weights[DELTA_KIND_SLOTS][DELTA_HITS_INPUTS]; /* Q16 */
    uint32_t history;                                     /* a bit a unit, 1: missed */
    uint32_t gap;                                         /* units since the last miss */
    unsigned gap_class;
    uint32_t dither;
};

void delta_hits_start(struct delta_hits *h);
/** One flag: 1 as predicted. `kind` is a slot (unit.h), `key` is any hash of the unit's content. */
unsigned delta_code_hit(struct delta_coder *c, struct delta_hits *h, unsigned hit, unsigned kind,
                        unsigned ref, uint32_t key);

#endif
