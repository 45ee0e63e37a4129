/* What a product's devices are and run, counted. */
#include "common.h"

#include "fleet/runs.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX       100u  /* shown */
#define ATTRIBUTES_MAX 64u   /* shown */
#define LOOK_MAX       20000 /* devices under one lock */

static json_t *json_run(const struct fleet_product *p, const struct fleet_run *run)
{
    const struct fleet_release *release = NULL;
    (void)fleet_image_with(p, &run->digest, &release);
    /* An image that was never pushed: what a device says it is, and it may say what it likes. */
    const char *version = release != NULL ? release->version : run->first->facts.running.version;
    return json_pack("{s:o,s:s?,s:o,s:b,s:I}", "digest", json_digest_of(&run->digest), "version",
                     version[0] != '\0' ? version : NULL, "release",
                     release != NULL ? json_integer((json_int_t)release->number) : json_null(), "known",
                     (int)(release != NULL), "devices", (json_int_t)run->devices);
}

json_t *json_product_with_runs(const struct fleet_product *p)
{
    const struct fleet_run *common[RUNS_MAX];
    size_t count = fleet_runs_common(p, common, RUNS_MAX), reported = 0;
    json_t *root = json_product(p), *runs = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(runs, json_run(p, common[i]));
    for (size_t i = 0; i < p->run_count; i++)
        reported += p->runs[i]->devices;
    json_object_set_new(root, "runs", runs);
    json_object_set_new(root, "digests", json_integer((json_int_t)p->run_count));
    json_object_set_new(root, "unreported", json_integer((json_int_t)(p->device_count - reported)));
    return root;
}

/* --- attributes --- */

struct counted {
    char name[OT_ATTRIBUTE_MAX + 1];
    size_t devices;
};

/* `counts`: name -> struct counted. */
static void count_attributes(struct strmap *counts, const struct fleet_device *d)
{
    for (uint8_t i = 0; i < d->facts.attribute_count; i++) {
        struct counted *at = strmap_get(counts, d->facts.attributes[i].name);
        if (at == NULL) {
            at = fleet_need(calloc(1, sizeof *at));
            memcpy(at->name, d->facts.attributes[i].name, sizeof at->name);
            strmap_put(counts, at->name, at);
        }
        at->devices++;
    }
}

static int more_devices(const void *a, const void *b)
{
    const struct counted *const *x = a, *const *y = b;
    if ((*x)->devices != (*y)->devices)
        return (*x)->devices < (*y)->devices ? 1 : -1;
    return strcmp((*x)->name, (*y)->name);
}

/* The most common ones, then dropped. */
static json_t *take_counts(struct strmap *counts)
{
    json_t *list = json_array();
    struct counted **sorted = fleet_need(malloc((counts->count + 1) * sizeof(struct counted *)));
    size_t n = 0;
    for (size_t i = 0; i < counts->capacity; i++) {
        if (counts->entries[i].key != NULL)
            sorted[n++] = counts->entries[i].value;
    }
    qsort(sorted, n, sizeof(struct counted *), more_devices);
    for (size_t i = 0; i < n; i++) {
        if (i < ATTRIBUTES_MAX)
            json_array_append_new(list, json_pack("{s:s,s:I}", "name", sorted[i]->name, "devices",
                                                  (json_int_t)sorted[i]->devices));
        free(sorted[i]);
    }
    free(sorted);
    strmap_fini(counts);
    return list;
}

void api_product_attributes(void *app, struct http_request *req)
{
    struct api *api = app;
    struct strmap counts = {0};
    size_t at = 0;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    while (at < p->device_count) { /* devices are never removed: the lock may be given away in between */
        for (size_t end = at + LOOK_MAX; at < end && at < p->device_count; at++)
            count_attributes(&counts, p->device_list[at]);
        fleet_unlock(api->fleet);
        fleet_lock(api->fleet);
    }
    fleet_unlock(api->fleet);
    json_t *list = take_counts(&counts);
    api_reply(req, 200, json_pack("{s:o}", "attributes", list));
}
