/* Devices in the order of their ids: see order.h. */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#define TAIL_FEW 64u /* newcomers that are cheaper to put in one by one than to sort all for */

static int by_id(const void *a, const void *b)
{
    const struct fleet_device *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static size_t behind(const struct fleet_product *p, const char *id)
{
    size_t low = 0, high = p->sorted_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(p->ordered[middle]->id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_next(struct fleet_product *p)
{
    struct fleet_device *d = p->ordered[p->sorted_count];
    size_t at = behind(p, d->id);
    memmove(&p->ordered[at + 1], &p->ordered[at], (p->sorted_count - at) * sizeof(struct fleet_device *));
    p->ordered[at] = d;
    p->sorted_count++;
}

void fleet_order_add(struct fleet_device *d)
{
    struct fleet_product *p = d->product;
    bool is_last = p->sorted_count == p->ordered_count &&
                   (p->ordered_count == 0 || strcmp(p->ordered[p->ordered_count - 1]->id, d->id) < 0);
    fleet_append((void ***)&p->ordered, &p->ordered_count, d);
    p->sorted_count += is_last;
}

size_t fleet_order_behind(struct fleet_product *p, const char *id)
{
    if (p->ordered_count - p->sorted_count > TAIL_FEW) {
        qsort(p->ordered, p->ordered_count, sizeof(struct fleet_device *), by_id);
        p->sorted_count = p->ordered_count;
    }
    while (p->sorted_count < p->ordered_count)
        insert_next(p);
    return behind(p, id);
}
