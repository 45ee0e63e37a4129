/* Devices in the order of their ids: see order.h. */
#include "order.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct fleet_device *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

size_t fleet_order_behind(const struct fleet_product *p, const char *id)
{
    size_t low = 0, high = p->ordered_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(p->ordered[middle]->id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void fleet_order_append(struct fleet_product *p, struct fleet_device *d)
{
    fleet_append((void ***)&p->ordered, &p->ordered_count, d);
}

void fleet_order_sort(struct fleet_product *p)
{
    if (p->ordered_count > 1)
        qsort(p->ordered, p->ordered_count, sizeof *p->ordered, by_id);
}

void fleet_order_insert(struct fleet_product *p, struct fleet_device *d)
{
    size_t at = fleet_order_behind(p, d->id);
    fleet_order_append(p, d);
    memmove(&p->ordered[at + 1], &p->ordered[at], (p->ordered_count - 1 - at) * sizeof *p->ordered);
    p->ordered[at] = d;
}
