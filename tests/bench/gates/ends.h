/**
 * The looks at the end of a ring: how often one fails by chance, exactly and played with the real engine, and what a whole
 * rollout of a release like the last comes to, played.
 */
#ifndef GATES_ENDS_H
#define GATES_ENDS_H

#include <stdint.h>

/** One ring of n, m that wait; the others' and the ring's devices are silent with these chances. Chance that it fails. */
double exact_silence(uint32_t n, uint32_t m, double others, double ring);
/** The same, played: how many of `runs` failed. */
uint64_t play_silence(uint32_t n, uint32_t m, double others, double ring, uint64_t runs, uint64_t seed);

/** A metric that is the same for all, any value once. Only where all choices are counted. Chance that it fails. */
double exact_metric(uint32_t n, uint32_t m);
uint64_t play_metric(uint32_t n, uint32_t m, uint64_t runs, uint64_t seed);

/** Halts of whole rollouts in which nothing is different but the digest, by what halted them. */
struct null_halts {
    uint64_t runs, watch, looks, other; /* halted by */
    uint64_t held;                      /* devices left before their turn */
};
struct null_halts play_null(uint64_t runs, uint64_t seed);

#endif
