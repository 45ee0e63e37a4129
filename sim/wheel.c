/* Timing wheel: one bucket for each second of a round; what is due in a later round stays in its bucket until then. */
#include "wheel.h"

#include <stdlib.h>

#define ROUND_S 65536u

static uint32_t *need(size_t count)
{
    uint32_t *p = calloc(count, sizeof *p);
    if (p == NULL)
        abort();
    return p;
}

void wheel_init(struct wheel *w, uint32_t items)
{
    w->items = items;
    w->buckets = need(ROUND_S);
    w->next = need(items);
    w->due_s = need(items);
}

void wheel_fini(struct wheel *w)
{
    free(w->buckets);
    free(w->next);
    free(w->due_s);
}

void wheel_put(struct wheel *w, uint32_t item, uint32_t due_s)
{
    uint32_t *bucket = &w->buckets[due_s % ROUND_S];
    w->due_s[item] = due_s;
    w->next[item] = *bucket;
    *bucket = item + 1;
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

uint32_t wheel_take(struct wheel *w, uint32_t now_s, uint32_t *list)
{
    uint32_t *at = &w->buckets[now_s % ROUND_S], count = 0;
    while (*at != 0) {
        uint32_t item = *at - 1;
        if (w->due_s[item] == now_s) {
            list[count++] = item;
            *at = w->next[item];
        } else {
            at = &w->next[item];
        }
    }
    if (count > 1)
        qsort(list, count, sizeof *list, compare);
    return count;
}
