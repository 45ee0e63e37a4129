/**
 * Chance without state: what is drawn depends on the seed and on what is asked, never on who asked before. So the same
 * seed plays the same fleet, whatever is skipped, and in any order.
 */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <math.h>
#include <stdint.h>

/** splitmix64: a well-mixed 64-bit hash of a counter; statistics, not cryptography. */
static inline uint64_t chance_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/** The `nth` draw about `what` of one device. */
static inline uint64_t chance_draw(uint64_t seed, uint32_t device, uint32_t what, uint32_t nth)
{
    return chance_mix(chance_mix(seed * 64u + what) + ((uint64_t)device << 32 | nth));
}

/** In [0, 1). */
static inline double chance_unit(uint64_t drawn)
{
    return (double)(drawn >> 11) * 0x1p-53;
}

/** Seconds to the next event of a Poisson process, at least one; UINT32_MAX: never. */
static inline uint32_t chance_wait_s(uint64_t drawn, double per_s)
{
    if (!(per_s > 0))
        return UINT32_MAX;
    double wait = -log1p(-chance_unit(drawn)) / per_s;
    return wait < 2e9 ? 1u + (uint32_t)wait : UINT32_MAX;
}

#endif
