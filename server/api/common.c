/* What the handlers share: replies that wait, bodies, who is asking. */
#include "common.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_pending {
    struct http_request *req;
    atomic_int arrived;
    int status;
    char *text;
};

struct api_pending *api_pending_new(struct http_request *req)
{
    struct api_pending *p = fleet_need(calloc(1, sizeof *p));
    p->req = req;
    http_defer(req);
    return p;
}

static void arrive(void *ctx)
{
    struct api_pending *p = ctx;
    if (atomic_fetch_add(&p->arrived, 1) == 0)
        return; /* the other half is still to come */
    http_reply_json(p->req, p->status, p->text, strlen(p->text));
    free(p->text);
    free(p);
}

void api_pending_done(void *ctx)
{
    arrive(ctx);
}

/* The JSON may show what others have done meanwhile: that must be on disk, too. */
void api_pending_ready(struct api_pending *p, int status, json_t *take_json)
{
    struct api *api = http_app(p->req);
    p->status = status;
    p->text = fleet_need(json_dumps(take_json, JSON_COMPACT));
    json_decref(take_json);
    fleet_when_durable(api->fleet, arrive, p);
}

/* A refusal tells of a state as well: "not for a rollout that is paused". */
struct refused {
    struct http_request *req;
    struct fleet_refusal refusal;
};

static void send_refusal(void *ctx)
{
    struct refused *r = ctx;
    http_reply_error(r->req, r->refusal.status, r->refusal.code, r->refusal.message);
    free(r);
}

void api_pending_refuse(struct api_pending *p, const struct fleet_refusal *refusal)
{
    struct api *api = http_app(p->req);
    struct refused *r = fleet_need(malloc(sizeof *r));
    *r = (struct refused){.req = p->req, .refusal = *refusal};
    free(p);
    fleet_when_durable(api->fleet, send_refusal, r);
}

void api_reply(struct http_request *req, int status, json_t *take_json)
{
    struct api_pending *p = api_pending_new(req);
    atomic_store(&p->arrived, 1); /* no change of its own to wait for */
    api_pending_ready(p, status, take_json);
}

void api_refuse(struct http_request *req, const struct fleet_refusal *refusal)
{
    http_reply_error(req, refusal->status, refusal->code, refusal->message);
}

void api_not_found(struct http_request *req, const char *what)
{
    char message[100];
    snprintf(message, sizeof message, "there is no such %s", what);
    http_reply_error(req, 404, "not_found", message);
}

static bool is_known(const char *const *keys, const char *key)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(*keys, key) == 0)
            return true;
    }
    return false;
}

json_t *api_body(struct http_request *req, const char *const *keys)
{
    size_t len = 0;
    char message[120];
    const uint8_t *bytes = http_body(req, &len);
    const char *key;
    json_t *value;
    json_t *body =
        len > 0 ? json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (!json_is_object(body)) {
        json_decref(body);
        http_reply_error(req, 400, "bad_json", "the body must be one JSON object");
        return NULL;
    }
    json_object_foreach(body, key, value)
    {
        if (is_known(keys, key))
            continue;
        snprintf(message, sizeof message, "unknown field %.40s", key);
        json_decref(body);
        http_reply_error(req, 400, "unknown_field", message);
        return NULL;
    }
    return body;
}

bool api_number(struct http_request *req, const json_t *body, const char *key, int64_t max, int64_t *value)
{
    char message[120];
    const json_t *v = json_object_get(body, key);
    if (v == NULL)
        return true;
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= max) {
        *value = json_integer_value(v);
        return true;
    }
    snprintf(message, sizeof message, "%s must be a whole number from 0 to %lld", key, (long long)max);
    http_reply_error(req, 400, "bad_field", message);
    return false;
}

bool api_flag(struct http_request *req, const json_t *body, const char *key, bool *value)
{
    char message[120];
    const json_t *v = json_object_get(body, key);
    if (v == NULL)
        return true;
    *value = json_is_true(v);
    if (json_is_boolean(v))
        return true;
    snprintf(message, sizeof message, "%s must be true or false", key);
    http_reply_error(req, 400, "bad_field", message);
    return false;
}

bool api_rings(struct http_request *req, const json_t *list, struct ring_plan *out)
{
    char err[200] = "rings must be a list of strings";
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        good = name != NULL && ring_plan_add(out, name, err, sizeof err) == 0;
    }
    if (!good)
        http_reply_error(req, 400, "rings", err);
    return good;
}

int64_t api_query_number(const struct http_request *req, const char *name, int64_t otherwise, int64_t max)
{
    const char *text = http_query(req, name);
    char *end;
    if (text == NULL)
        return otherwise;
    long long n = strtoll(text, &end, 10);
    return *end != '\0' || end == text || n < 0 || n > max ? otherwise : n;
}

struct fleet_token *api_token(const struct http_request *req)
{
    return http_identity(req);
}

struct fleet_product *api_product(struct api *api, struct http_request *req)
{
    const struct fleet_token *t = api_token(req);
    struct fleet_product *p = fleet_product(api->fleet, http_param(req, "product"));
    /* Another product's existence is not for this token to learn. */
    if (p != NULL && (t->product == NULL || t->product == p))
        return p;
    fleet_unlock(api->fleet);
    api_not_found(req, "product");
    return NULL;
}

struct fleet_device *api_device(struct api *api, struct http_request *req)
{
    struct fleet_product *p = api_product(api, req);
    struct fleet_device *d = p != NULL ? fleet_device(p, http_param(req, "device")) : NULL;
    if (p != NULL && d == NULL) {
        fleet_unlock(api->fleet);
        api_not_found(req, "device");
    }
    return d;
}

struct fleet_rollout *api_rollout(struct api *api, struct http_request *req)
{
    char *end;
    const struct fleet_token *t = api_token(req);
    const char *text = http_param(req, "rollout");
    long long id = strtoll(text, &end, 10);
    struct fleet_rollout *r = *end == '\0' ? fleet_rollout(api->fleet, id) : NULL;
    if (r != NULL && (t->product == NULL || t->product == r->product))
        return r;
    fleet_unlock(api->fleet);
    api_not_found(req, "rollout");
    return NULL;
}
