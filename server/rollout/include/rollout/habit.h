/**
 * How a device comes: the time between its check-ins, and how much of its time it is away. A few numbers for each device,
 * each an average in which what is long ago counts less and less.
 *
 *     poll_habit_seen(&device->habit, now_ms - device->heard_ms, poll_s);
 */
#ifndef ROLLOUT_HABIT_H
#define ROLLOUT_HABIT_H

#include <stdint.h>

#define HABIT_AWAY_POLLS 3u      /* a longer gap than so many poll intervals is being away */
#define HABIT_MEMORY_S   604800u /* what was a week ago counts a third of what is now */

struct poll_habit {
    uint32_t gap_ms;        /* between check-ins while it is there; 0: not seen twice yet */
    uint32_t away_ppm;      /* part of its time that it is away */
    uint32_t away_s;        /* how long at a time; 0: never was */
    uint32_t away_spread_s; /* how far from that, on average: little for one that sleeps at night */
};

/** It checks in, `gap_ms` after the time before. Shorter gaps than half an interval are reports of an update: no habit. */
void poll_habit_seen(struct poll_habit *h, uint64_t gap_ms, uint32_t poll_s);

#endif
