/* Averages of a device's coming: see rollout/habit.h. */
#include "rollout/habit.h"

#include <math.h>

#define WHOLE 1000000.0

static uint32_t mix(uint32_t before, double now, double part)
{
    double mixed = before + part * (now - before);
    return mixed >= UINT32_MAX ? UINT32_MAX : (uint32_t)(mixed + 0.5);
}

void poll_habit_seen(struct poll_habit *h, uint64_t gap_ms, uint32_t poll_s)
{
    double poll_ms = poll_s * 1000.0, gap = (double)gap_ms;
    if (gap * 2 < poll_ms)
        return;
    double away_ms = gap > HABIT_AWAY_POLLS * poll_ms ? gap - poll_ms : 0;
    if (away_ms > 0 && h->away_s == 0) {
        h->away_s = mix(0, away_ms / 1000, 1);
        h->away_spread_s = h->away_s; /* once is no habit: it may be anything */
    } else if (away_ms > 0) {
        h->away_spread_s = mix(h->away_spread_s, fabs(away_ms / 1000 - h->away_s), 0.25);
        h->away_s = mix(h->away_s, away_ms / 1000, 0.25);
    } else {
        h->gap_ms = mix(h->gap_ms, gap, h->gap_ms == 0 ? 1 : 0.125);
    }
    if (away_ms <= 0 && h->away_ppm == 0)
        return; /* it never is: most devices, most of the time */
    /* weighed by time: ten minutes away are little, whatever came between */
    double kept = exp(-gap / (HABIT_MEMORY_S * 1000.0));
    h->away_ppm = (uint32_t)(h->away_ppm * kept + WHOLE * (1 - kept) * (away_ms / gap) + 0.5);
}
