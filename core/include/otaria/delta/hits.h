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

struct delta_hits {
    uint16_t by_ref[DELTA_KIND_SLOTS][DELTA_HITS_REFS];
    uint16_t by_history[DELTA_HITS_GAPS][64];
    uint16_t by_kind[DELTA_KIND_SLOTS][DELTA_HITS_GAPS][8];
    uint16_t by_key[DELTA_HITS_KEYS];
    uint8_t n_ref[DELTA_KIND_SLOTS][DELTA_HITS_REFS];
    uint8_t n_history[DELTA_HITS_GAPS][64];
    uint8_t n_kind[DELTA_KIND_SLOTS][DELTA_HITS_GAPS][8];
    uint8_t n_key[DELTA_HITS_KEYS];
    int32_t weights[DELTA_KIND_SLOTS][DELTA_HITS_INPUTS]; /* Q16 */
    uint32_t history;                                     /* a bit a unit, 1: missed */
    uint32_t gap;                                         /* units since the last miss */
    uint32_t dither;
};

void delta_hits_start(struct delta_hits *h);
/** One flag: 1 as predicted. `kind` is a slot (unit.h), `key` is any hash of the unit's content. */
unsigned delta_code_hit(struct delta_coder *c, struct delta_hits *h, unsigned hit, unsigned kind,
                        unsigned ref, uint32_t key);

#endif
