/**
 * A pool of worker threads over many items, each due at its own time.
 *
 * Every item is stepped by at most one thread at a time; an item says after each step when it wants to be stepped
 * again. The one due first goes first. Threads sleep when nothing is due.
 */
#ifndef SIM_POOL_H
#define SIM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#define POOL_DONE UINT32_MAX /* returned by a step: never again */

struct pool;

/** Step one item; `worker` is 0..threads-1. Returns milliseconds until it wants to be stepped again, or POOL_DONE. */
typedef uint32_t pool_step(void *ctx, unsigned item, unsigned worker);

/** NULL when out of memory or threads. Items first run after `first_ms[item]`. */
struct pool *pool_start(unsigned items, const uint32_t *first_ms, unsigned threads, pool_step *step,
                        void *ctx);

/** Items that are not done. */
unsigned pool_left(struct pool *pool);

/** Wait up to `ms` for all items to be done; true when they are. */
bool pool_wait(struct pool *pool, uint32_t ms);

/** Let running steps end, join the threads, free. */
void pool_stop(struct pool *pool);

#endif
