/* Products, tokens, who am I, audit, health. */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_health(void *app, struct http_request *req)
{
    struct api *api = app;
    bool full = fleet_is_full(api->fleet);
    api_reply(req, full ? 503 : 200, json_pack("{s:s}", "status", full ? "storage_full" : "ok"));
}

void api_whoami(void *app, struct http_request *req)
{
    const struct fleet_token *t = api_token(req);
    (void)app;
    api_reply(req, 200,
              json_pack("{s:s,s:s?,s:s}", "role", fleet_role_name(t->role), "product",
                        t->product != NULL ? t->product->name : NULL, "token", t->id));
}

static bool read_trust(struct http_request *req, const json_t *list, struct ot_digest *out, uint32_t *count)
{
    bool good = json_is_array(list) && json_array_size(list) <= FLEET_TRUST_MAX;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *hex = json_string_value(json_array_get(list, i));
        good = hex != NULL && ot_digest_from_hex(hex, strlen(hex), &out[i]) == OT_OK;
        *count = (uint32_t)i + 1;
    }
    if (!good)
        http_reply_error(req, 400, "trust",
                         "trust must be a list of at most 16 key digests of 64 hex digits");
    return good;
}

void api_product_create(void *app, struct http_request *req)
{
    static const char *const keys[] = {"name", "trust", "rings", NULL};
    struct api *api = app;
    struct ring_plan rings = {0};
    struct ot_digest trust[FLEET_TRUST_MAX];
    uint32_t trust_count = 0;
    struct fleet_refusal refusal;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    const char *name = json_string_value(json_object_get(body, "name"));
    if (!api_rings(req, json_object_get(body, "rings"), &rings) ||
        !read_trust(req, json_object_get(body, "trust"), trust, &trust_count)) {
        json_decref(body);
        return;
    }
    struct api_pending *pending = api_pending_new(req);
    if (fleet_product_create(api->fleet, api_token(req)->id, name != NULL ? name : "", &rings, trust,
                             trust_count, &refusal, api_pending_done, pending) != 0) {
        api_pending_refuse(pending, &refusal);
    } else {
        fleet_lock(api->fleet);
        json_t *product = json_product(fleet_product(api->fleet, name));
        fleet_unlock(api->fleet);
        api_pending_ready(pending, 201, product);
    }
    json_decref(body);
}

void api_product_list(void *app, struct http_request *req)
{
    struct api *api = app;
    const struct fleet_token *t = api_token(req);
    json_t *list = json_array();
    fleet_lock(api->fleet);
    for (size_t i = 0; i < api->fleet->product_count; i++) {
        if (t->product == NULL || t->product == api->fleet->products[i])
            json_array_append_new(list, json_product(api->fleet->products[i]));
    }
    fleet_unlock(api->fleet);
    api_reply(req, 200, json_pack("{s:o}", "products", list));
}

void api_product_show(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    json_t *product = json_product_with_runs(p);
    fleet_unlock(api->fleet);
    api_reply(req, 200, product);
}

static bool read_strata(struct http_request *req, const json_t *list, struct strata_spec *out)
{
    char err[200] = "strata must be a list of names of attributes";
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        good = name != NULL && strata_spec_add(out, name, err, sizeof err) == 0;
    }
    if (!good)
        http_reply_error(req, 400, "strata", err);
    return good;
}

static bool read_metrics(struct http_request *req, const json_t *list, struct rollout_metrics *out)
{
    char err[200] = "metrics must be a list like [\"heap_floor:lower_is_worse\"]";
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        good = text != NULL && rollout_metrics_add(out, text, err, sizeof err) == 0;
    }
    if (!good)
        http_reply_error(req, 400, "metrics", err);
    return good;
}

/* What a change points to. */
struct change_parts {
    struct ring_plan rings;
    struct strata_spec strata;
    struct rollout_metrics metrics;
    uint32_t duty_cycle_s;
};

static bool read_gates(struct http_request *req, const json_t *body, struct fleet_product_change *out,
                       struct change_parts *parts)
{
    int64_t duty_cycle_s = 0;
    if (json_object_get(body, "metrics") != NULL) {
        if (!read_metrics(req, json_object_get(body, "metrics"), &parts->metrics))
            return false;
        out->metrics = &parts->metrics;
    }
    if (!api_number(req, body, "duty_cycle_s", 31536000, &duty_cycle_s))
        return false;
    parts->duty_cycle_s = (uint32_t)duty_cycle_s;
    if (json_object_get(body, "duty_cycle_s") != NULL)
        out->duty_cycle_s = &parts->duty_cycle_s;
    return true;
}

static bool read_change(struct http_request *req, const json_t *body, struct fleet_product_change *out,
                        struct change_parts *parts)
{
    const json_t *min = json_object_get(body, "strata_min");
    if (json_object_get(body, "rings") != NULL) {
        if (!api_rings(req, json_object_get(body, "rings"), &parts->rings))
            return false;
        out->rings = &parts->rings;
    }
    if (json_object_get(body, "strata") != NULL) {
        if (!read_strata(req, json_object_get(body, "strata"), &parts->strata))
            return false;
        out->strata = &parts->strata;
    }
    if (min != NULL &&
        (!json_is_integer(min) || json_integer_value(min) < 1 || json_integer_value(min) > STRATA_MIN_MAX)) {
        http_reply_error(req, 400, "bad_field", "strata_min must be a whole number from 1 to 1000");
        return false;
    }
    out->strata_min = (uint32_t)json_integer_value(min);
    return read_gates(req, body, out, parts) && api_flag(req, body, "new_seed", &out->new_seed);
}

void api_product_set(void *app, struct http_request *req)
{
    static const char *const keys[] = {"rings",        "strata",   "strata_min", "metrics",
                                       "duty_cycle_s", "new_seed", NULL};
    struct api *api = app;
    struct change_parts parts = {.duty_cycle_s = 0};
    struct fleet_product_change change = {.rings = NULL};
    struct fleet_refusal refusal;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    bool good = read_change(req, body, &change, &parts);
    json_decref(body);
    if (!good)
        return;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    fleet_unlock(api->fleet); /* products are never removed */
    struct api_pending *pending = api_pending_new(req);
    if (fleet_product_set(api->fleet, api_token(req)->id, p, &change, &refusal, api_pending_done, pending) !=
        0) {
        api_pending_refuse(pending, &refusal);
        return;
    }
    fleet_lock(api->fleet);
    json_t *product = json_product(p);
    fleet_unlock(api->fleet);
    api_pending_ready(pending, 200, product);
}

void api_token_create(void *app, struct http_request *req)
{
    static const char *const keys[] = {"role", "product", "uses", "expires_s", NULL};
    struct api *api = app;
    const struct fleet_token *t = api_token(req);
    struct fleet_refusal refusal;
    char id[24], secret[80];
    int64_t uses = -1, expires_s = 0;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    const char *role = json_string_value(json_object_get(body, "role"));
    const char *product = json_string_value(json_object_get(body, "product"));
    if (!api_number(req, body, "uses", 1000000000, &uses) ||
        !api_number(req, body, "expires_s", 315360000, &expires_s)) {
        json_decref(body);
        return;
    }
    if (t->product != NULL && product == NULL)
        product = t->product->name; /* a product's admin gives away no more than he has */
    struct api_pending *pending = api_pending_new(req);
    if (t->product != NULL && strcmp(product, t->product->name) != 0) {
        fleet_refuse(&refusal, 404, "not_found", "there is no such product");
        api_pending_refuse(pending, &refusal);
    } else if (fleet_token_create(api->fleet, t->id, fleet_role_from_name(role != NULL ? role : ""), product,
                                  uses, expires_s, id, secret, &refusal, api_pending_done, pending) != 0) {
        api_pending_refuse(pending, &refusal);
    } else {
        api_pending_ready(
            pending, 201,
            json_pack("{s:s,s:s,s:s,s:s?}", "id", id, "token", secret, "role", role, "product", product));
        explicit_bzero(secret, sizeof secret);
    }
    json_decref(body);
}

struct page {
    json_t *list;
    int64_t last;
};

static void on_audit(void *ctx, const struct store_row *row)
{
    struct page *page = ctx;
    struct ot_digest hash = store_digest(row, 6);
    page->last = store_int(row, 0);
    json_array_append_new(
        page->list, json_pack("{s:I,s:o,s:I,s:s,s:s,s:s,s:s,s:o}", "seq", (json_int_t)page->last, "at",
                              json_time(store_int(row, 1)), "at_ms", (json_int_t)store_int(row, 1), "who",
                              store_text(row, 2), "action", store_text(row, 3), "object", store_text(row, 4),
                              "detail", store_text(row, 5), "hash", json_digest_of(&hash)));
}

void api_audit(void *app, struct http_request *req)
{
    struct api *api = app;
    struct error err;
    struct page page = {.list = json_array(), .last = api_query_number(req, "after", 0, INT64_MAX)};
    int64_t after = page.last;
    if (store_each(api->fleet->store, STORE_AUDIT, on_audit, &page, &err, after,
                   api_query_number(req, "limit", 100, 1000)) != 0) {
        json_decref(page.list);
        http_reply_error(req, 503, "storage", err.text);
        return;
    }
    api_reply(req, 200, json_pack("{s:o,s:I}", "entries", page.list, "next", (json_int_t)page.last));
}
