/** A map from strings to pointers: open addressing, keys copied, nothing ever removed. */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>

struct strmap {
    struct strmap_entry {
        char *key;
        void *value;
    } * entries;
    size_t capacity, count;
};

/** NULL when absent. */
void *strmap_get(const struct strmap *map, const char *key);
/** Add or replace. Ends the process when out of memory. */
void strmap_put(struct strmap *map, const char *key, void *value);
void strmap_fini(struct strmap *map);

#endif
