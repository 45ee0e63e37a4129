/* Devices as an operator sees them. */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000

static bool is_asked_for(const struct fleet_device *d, const char *running)
{
    return running == NULL || strcmp(d->facts.running.version, running) == 0;
}

void api_device_list(void *app, struct http_request *req)
{
    struct api *api = app;
    const char *after = http_query(req, "after"), *limit_text = http_query(req, "limit"),
               *running = http_query(req, "running");
    long limit = limit_text != NULL ? strtol(limit_text, NULL, 10) : PAGE_MAX;
    const char *next = NULL;
    json_t *list = json_array();
    if (limit < 1 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL) {
        json_decref(list);
        return;
    }
    size_t from = 0;
    const struct fleet_device *behind = after != NULL ? fleet_device(p, after) : NULL;
    while (behind != NULL && from < p->device_count && p->device_list[from]->num <= behind->num)
        from++;
    for (size_t i = from; i < p->device_count; i++) {
        if (!is_asked_for(p->device_list[i], running))
            continue;
        if (json_array_size(list) == (size_t)limit) {
            next = json_string_value(json_object_get(json_array_get(list, (size_t)limit - 1), "id"));
            break;
        }
        json_array_append_new(list, json_device(p->device_list[i], false));
    }
    json_t *page =
        json_pack("{s:o,s:s?,s:I}", "devices", list, "next", next, "total", (json_int_t)p->device_count);
    fleet_unlock(api->fleet);
    api_reply(req, 200, page);
}

/* With the lock held; NULL after having replied (and unlocked). */
static struct fleet_device *find(struct api *api, struct http_request *req)
{
    struct fleet_product *p = api_product(api, req);
    struct fleet_device *d = p != NULL ? fleet_device(p, http_param(req, "device")) : NULL;
    if (p != NULL && d == NULL) {
        fleet_unlock(api->fleet);
        api_not_found(req, "device");
    }
    return d;
}

void api_device_show(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_device *d = find(api, req);
    if (d == NULL)
        return;
    json_t *device = json_device(d, true);
    fleet_unlock(api->fleet);
    api_reply(req, 200, device);
}

void api_device_explain(void *app, struct http_request *req)
{
    struct api *api = app;
    struct fleet_rollout *rollout;
    char text[600], id[24] = "";
    fleet_lock(api->fleet);
    struct fleet_device *d = find(api, req);
    if (d == NULL)
        return;
    struct rollout_situation s = fleet_situation(d, &rollout);
    enum rollout_why why = rollout_explain(&s, text, sizeof text);
    if (rollout != NULL)
        snprintf(id, sizeof id, "%" PRIu64, rollout->engine.id);
    json_t *json = json_pack("{s:s,s:s,s:s,s:s?}", "device", d->id, "answer", rollout_why_name(why), "text",
                             text, "rollout", rollout != NULL ? id : NULL);
    fleet_unlock(api->fleet);
    api_reply(req, 200, json);
}

static bool read_strings(const json_t *list, const char **out, size_t *count)
{
    *count = json_array_size(list);
    if ((list != NULL && !json_is_array(list)) || *count > FLEET_TAGS_MAX)
        return false;
    for (size_t i = 0; i < *count; i++) {
        out[i] = json_string_value(json_array_get(list, i));
        if (out[i] == NULL)
            return false;
    }
    return true;
}

void api_device_tags(void *app, struct http_request *req)
{
    static const char *const keys[] = {"add", "remove", NULL};
    struct api *api = app;
    const char *add[FLEET_TAGS_MAX], *drop[FLEET_TAGS_MAX];
    size_t add_count = 0, drop_count = 0;
    struct fleet_refusal refusal;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    if (!read_strings(json_object_get(body, "add"), add, &add_count) ||
        !read_strings(json_object_get(body, "remove"), drop, &drop_count)) {
        json_decref(body);
        http_reply_error(req, 400, "bad_field", "add and remove are lists of at most 16 tags");
        return;
    }
    fleet_lock(api->fleet);
    struct fleet_device *d = find(api, req);
    if (d == NULL) {
        json_decref(body);
        return;
    }
    fleet_unlock(api->fleet); /* devices are never removed */
    struct api_pending *pending = api_pending_new(req);
    if (fleet_tag(api->fleet, api_token(req)->id, d, add, add_count, drop, drop_count, &refusal,
                  api_pending_done, pending) != 0) {
        api_pending_refuse(pending, &refusal);
    } else {
        fleet_lock(api->fleet);
        json_t *device = json_device(d, false);
        fleet_unlock(api->fleet);
        api_pending_ready(pending, 200, device);
    }
    json_decref(body);
}
