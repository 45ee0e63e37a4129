/**
 * A timing wheel: who is due in which second. Putting and taking cost the same for ten items as for a million.
 *
 *     wheel_put(&w, item, now_s + 60);
 *     count = wheel_take(&w, now_s, list);      in the order of items: the same for every run
 */
#ifndef SIM_WHEEL_H
#define SIM_WHEEL_H

#include <stddef.h>
#include <stdint.h>

struct wheel {
    uint32_t items;
    uint32_t *buckets, *next, *due_s; /* item + 1; 0: none */
};

/** Ends the process when out of memory. */
void wheel_init(struct wheel *w, uint32_t items);
void wheel_fini(struct wheel *w);
/** An item stands in the wheel at most once, for a time not yet taken. */
void wheel_put(struct wheel *w, uint32_t item, uint32_t due_s);
/** All that are due in this very second, into `list` (of `items`); every second must be asked for. */
uint32_t wheel_take(struct wheel *w, uint32_t now_s, uint32_t *list);

#endif
