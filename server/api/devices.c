/* Devices as an operator sees them. */
#include "common.h"

#include "fleet/filter.h"
#include "fleet/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000
#define LOOK_MAX                                                                                             \
    20000 /* devices that one request looks at, matching or not: others wait for the lock meanwhile */

/* Which devices a page holds. */
struct selection {
    const char *running;
    struct query filter;
    int64_t now_ms;
};

static bool is_asked_for(const struct fleet_device *d, const struct selection *s)
{
    return (s->running == NULL || strcmp(d->facts.running.version, s->running) == 0) &&
           fleet_search_matches(&s->filter, d, s->now_ms);
}

/* With the lock held; false after having replied (and unlocked). */
static bool read_selection(struct api *api, struct http_request *req, const struct fleet_product *p,
                           struct selection *out)
{
    struct query_error e;
    const char *filter = http_query(req, "filter");
    out->running = http_query(req, "running");
    out->now_ms = fleet_wall_ms(api->fleet);
    if (fleet_search_parse(p, filter != NULL ? filter : "", &out->filter, &e) == 0)
        return true;
    fleet_unlock(api->fleet);
    api_reply(req, 422,
              json_pack("{s:{s:s,s:s,s:I}}", "error", "code", "filter", "message", e.message, "at",
                        (json_int_t)e.at));
    return false;
}

/* Devices behind `after`, `limit` at most; `*next` is where to go on, NULL at the end. */
static json_t *page_of(struct fleet_product *p, const struct selection *s, const char *after, size_t limit,
                       const char **next)
{
    json_t *list = json_array();
    size_t from = fleet_order_behind(p, after != NULL ? after : ""), at = from;
    for (; at < p->ordered_count && at - from < LOOK_MAX && json_array_size(list) < limit; at++) {
        if (is_asked_for(p->ordered[at], s))
            json_array_append_new(list, json_device(p->ordered[at], false));
    }
    *next = at < p->ordered_count ? p->ordered[at - 1]->id : NULL;
    return list;
}

void api_device_list(void *app, struct http_request *req)
{
    struct api *api = app;
    struct selection selection;
    const char *limit_text = http_query(req, "limit"), *next = NULL;
    long limit = limit_text != NULL ? strtol(limit_text, NULL, 10) : PAGE_MAX;
    if (limit < 1 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL || !read_selection(api, req, p, &selection))
        return;
    json_t *list = page_of(p, &selection, http_query(req, "after"), (size_t)limit, &next);
    json_t *page =
        json_pack("{s:o,s:s?,s:I}", "devices", list, "next", next, "total", (json_int_t)p->device_count);
    fleet_unlock(api->fleet);
    api_reply(req, 200, page);
}

void api_device_show(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_device *d = api_device(api, req);
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
    fleet_lock(api->fleet);
    struct fleet_device *d = api_device(api, req);
    if (d == NULL)
        return;
    struct rollout_situation s = fleet_situation(d, &rollout);
    json_t *json = json_answer(d, rollout, &s);
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
    struct fleet_device *d = api_device(api, req);
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
