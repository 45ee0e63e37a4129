/* What happened to a device, page by page; from the database: only what is committed is told. */
#include "common.h"

#include "fleet/history.h"
#include "otaria/partition.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 500

enum column { SEQ, AT, UNTIL, KIND, COUNT, ATTEMPT, WHAT, REASON, WAY, NUMBER, TEXT, DIGEST };

struct page {
    json_t *list;
    int64_t last;
    size_t limit;
    bool has_more;
};

static void set(json_t *entry, const char *field, json_t *take_value)
{
    json_object_set_new(entry, field, take_value);
}

static void add_runs(json_t *entry, const struct store_row *row)
{
    char slot[8];
    struct ot_digest digest = store_digest(row, DIGEST);
    set(entry, "version", json_string(store_text(row, TEXT)));
    set(entry, "release", json_integer((json_int_t)store_int(row, NUMBER)));
    set(entry, "digest", json_digest_of(&digest));
    set(entry, "slot", json_string(ot_slot_name((int)store_int(row, WHAT), slot)));
    set(entry, "until", store_int(row, COUNT) != 0 ? json_time(store_int(row, UNTIL)) : json_null());
}

static void add_key(json_t *entry, const struct store_row *row)
{
    static const char *const changes[] = {"gone", "trusted", "revoked"};
    struct ot_digest digest = store_digest(row, DIGEST);
    int64_t what = store_int(row, WHAT);
    set(entry, "digest", json_digest_of(&digest));
    set(entry, "change", json_string(changes[what >= 0 && what <= HISTORY_REVOKED ? what : HISTORY_GONE]));
}

static void add_attempt(json_t *entry, const struct store_row *row)
{
    set(entry, "attempt", json_string(store_text(row, ATTEMPT)));
    set(entry, "reason", json_string(ot_status_wire((enum ot_status)store_int(row, REASON))));
    if (store_int(row, KIND) == HISTORY_STATE) {
        set(entry, "state", json_string(attempt_state_name((enum attempt_state)store_int(row, WHAT))));
        set(entry, "rollout", json_integer((json_int_t)store_int(row, NUMBER)));
        set(entry, "version", json_string(store_text(row, TEXT)));
        return;
    }
    set(entry, "state", json_string(ot_event_kind_name((enum ot_event_kind)store_int(row, WHAT))));
    set(entry, "check", json_string(store_text(row, TEXT)));
    set(entry, "way", json_string(ot_way_name((enum ot_way)store_int(row, WAY))));
    set(entry, "bytes", json_integer((json_int_t)store_int(row, NUMBER)));
}

static void add_reset(json_t *entry, const struct store_row *row)
{
    enum ot_reset_reason cause = (enum ot_reset_reason)store_int(row, WHAT);
    set(entry, "cause", json_string(cause == OT_RESET_UNKNOWN ? "other" : ot_reset_reason_name(cause)));
    set(entry, "count", json_integer((json_int_t)store_int(row, COUNT)));
    set(entry, "until", json_time(store_int(row, UNTIL)));
    set(entry, "crash", json_string(store_text(row, TEXT)));
}

static void add_tag(json_t *entry, const struct store_row *row)
{
    set(entry, "tag", json_string(store_text(row, TEXT)));
    set(entry, "change", json_string(store_int(row, WHAT) == HISTORY_COME ? "added" : "removed"));
    set(entry, "who", json_string(store_text(row, ATTEMPT)));
}

static const char *add_details(json_t *entry, const struct store_row *row)
{
    switch ((enum history_kind)store_int(row, KIND)) {
    case HISTORY_ENROLLED:
        return "enrolled";
    case HISTORY_RUNS:
        add_runs(entry, row);
        return "runs";
    case HISTORY_KEY:
        add_key(entry, row);
        return "key";
    case HISTORY_FLOOR:
        set(entry, "value", json_integer((json_int_t)store_int(row, NUMBER)));
        return "floor";
    case HISTORY_SECURE_VERSION:
        set(entry, "value", json_integer((json_int_t)store_int(row, NUMBER)));
        return "secure_version";
    case HISTORY_EVENT:
        add_attempt(entry, row);
        return "event";
    case HISTORY_STATE:
        add_attempt(entry, row);
        return "attempt";
    case HISTORY_RESET:
        add_reset(entry, row);
        return "reset";
    case HISTORY_TAG:
        add_tag(entry, row);
        return "tag";
    default:
        return "unknown";
    }
}

static void on_row(void *ctx, const struct store_row *row)
{
    struct page *page = ctx;
    page->has_more = json_array_size(page->list) == page->limit;
    if (page->has_more)
        return;
    page->last = store_int(row, SEQ);
    json_t *entry =
        json_pack("{s:I,s:o}", "seq", (json_int_t)page->last, "at", json_time(store_int(row, AT)));
    set(entry, "kind", json_string(add_details(entry, row)));
    json_array_append_new(page->list, entry);
}

static void on_count(void *ctx, const struct store_row *row)
{
    *(int64_t *)ctx = store_int(row, 0) - store_int(row, 1);
}

void api_device_history(void *app, struct http_request *req)
{
    struct api *api = app;
    struct error err;
    int64_t after = api_query_number(req, "after", 0, INT64_MAX), dropped = 0;
    struct page page = {.limit = (size_t)api_query_number(req, "limit", PAGE_MAX, PAGE_MAX)};
    fleet_lock(api->fleet);
    struct fleet_device *d = api_device(api, req);
    if (d == NULL)
        return;
    fleet_unlock(api->fleet); /* devices are never removed */
    page.limit = page.limit == 0 ? PAGE_MAX : page.limit;
    page.list = json_array();
    if (store_each(api->fleet->store, STORE_HISTORY, on_row, &page, &err, d->num, after,
                   (int64_t)page.limit + 1) != 0 ||
        store_each(api->fleet->store, STORE_HISTORY_DROPPED, on_count, &dropped, &err, d->num) != 0) {
        json_decref(page.list);
        http_reply_error(req, 503, "storage", err.text);
        return;
    }
    api_reply(req, 200,
              json_pack("{s:s,s:o,s:o,s:I}", "device", d->id, "entries", page.list, "next",
                        page.has_more ? json_integer((json_int_t)page.last) : json_null(), "dropped",
                        (json_int_t)dropped));
}
