/** The same rings, played with the real engine: offers, reports, ticks and what comes of them. */
#ifndef GATES_PLAY_H
#define GATES_PLAY_H

#include <stdbool.h>
#include <stdint.h>

struct played {
    uint64_t runs, halted, held, passed;
    double harmed, harmed_squares; /* sums over the runs */
};

/** `runs` rollouts of these rings; every device fails with chance p. `widened`: as in exact.h. */
struct played play(const uint32_t *rings, uint32_t count, double p, bool widened, uint64_t runs,
                   uint64_t seed);

#endif
