/* Long polls. Only committed events are shown: they are read from the database, not from memory. */
#include "waiting.h"

#include <pthread.h>
#include <stdlib.h>

#define EVENTS_MAX 500

struct waiting_list {
    struct waiting_list *next;
    struct http_request *req;
    struct fleet_rollout *rollout;
    int64_t after;
    unsigned seconds_left;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct page {
    json_t *list;
    int64_t last;
};

static json_t *json_of(const char *text)
{
    json_t *data = json_loads(text, 0, NULL);
    return data != NULL ? data : json_object();
}

static void on_event(void *ctx, const struct store_row *row)
{
    struct page *page = ctx;
    int64_t ring = store_int(row, 3);
    const char *device = store_text(row, 4);
    page->last = store_int(row, 0);
    json_array_append_new(page->list,
                          json_pack("{s:I,s:o,s:s,s:o,s:s?,s:s,s:o}", "seq", (json_int_t)page->last, "at",
                                    json_time(store_int(row, 1)), "kind", store_text(row, 2), "ring",
                                    ring >= 0 ? json_integer((json_int_t)ring) : json_null(), "device",
                                    device[0] != '\0' ? device : NULL, "text", store_text(row, 5), "data",
                                    json_of(store_text(row, 6))));
}

/* True when the request has been answered. */
static bool answer(struct api *api, const struct waiting_list *w)
{
    struct error err;
    struct page page = {.list = json_array(), .last = w->after};
    if (store_each(api->fleet->store, STORE_TIMELINE, on_event, &page, &err, (int64_t)w->rollout->engine.id,
                   w->after, (int64_t)EVENTS_MAX) != 0) {
        json_decref(page.list);
        http_reply_error(w->req, 503, "storage", err.text);
        return true;
    }
    if (json_array_size(page.list) == 0 && w->seconds_left > 0) {
        json_decref(page.list);
        return false;
    }
    fleet_lock(api->fleet);
    const char *state = rollout_state_name(w->rollout->engine.state);
    fleet_unlock(api->fleet);
    api_reply(w->req, 200,
              json_pack("{s:o,s:I,s:s}", "events", page.list, "next", (json_int_t)page.last, "state", state));
    return true;
}

void waiting_add(struct api *api, struct http_request *req, struct fleet_rollout *rollout, int64_t after,
                 unsigned wait_s)
{
    struct waiting_list *w = fleet_need(calloc(1, sizeof *w));
    *w = (struct waiting_list){.req = req, .rollout = rollout, .after = after, .seconds_left = wait_s};
    http_defer(req);
    if (answer(api, w)) {
        free(w);
        return;
    }
    pthread_mutex_lock(&lock);
    w->next = api->waiting;
    api->waiting = w;
    pthread_mutex_unlock(&lock);
}

void api_tick(struct api *api)
{
    pthread_mutex_lock(&lock);
    for (struct waiting_list **at = &api->waiting; *at != NULL;) {
        struct waiting_list *w = *at;
        w->seconds_left--;
        if (answer(api, w)) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
    pthread_mutex_unlock(&lock);
}
