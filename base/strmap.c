/* String map: FNV-1a, linear probing, at most three quarters full. */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct strmap *map, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *p = key; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
    size_t i = (size_t)hash & (map->capacity - 1);
    while (map->entries[i].key != NULL && strcmp(map->entries[i].key, key) != 0)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

void *strmap_get(const struct strmap *map, const char *key)
{
    return map->capacity == 0 ? NULL : map->entries[slot_of(map, key)].value;
}

static void grow(struct strmap *map)
{
    struct strmap old = *map;
    map->capacity = old.capacity == 0 ? 64 : old.capacity * 2;
    map->entries = calloc(map->capacity, sizeof *map->entries);
    if (map->entries == NULL)
        abort();
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].key != NULL)
            map->entries[slot_of(map, old.entries[i].key)] = old.entries[i];
    }
    free(old.entries);
}

void strmap_put(struct strmap *map, const char *key, void *value)
{
    if ((map->count + 1) * 4 > map->capacity * 3)
        grow(map);
    size_t i = slot_of(map, key);
    if (map->entries[i].key == NULL) {
        map->entries[i].key = strdup(key);
        if (map->entries[i].key == NULL)
            abort();
        map->count++;
    }
    map->entries[i].value = value;
}

void strmap_fini(struct strmap *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->entries[i].key);
    free(map->entries);
    *map = (struct strmap){0};
}
