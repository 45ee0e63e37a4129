/* Rollouts: create, act, look, and follow their timeline. */
#include "common.h"
#include "waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_rings(struct http_request *req, const json_t *list, struct ring_plan *out)
{
    char err[200] = "rings must be a list of strings";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || ring_plan_add(out, name, err, sizeof err) != 0) {
            http_reply_error(req, 400, "rings", err);
            return false;
        }
    }
    return true;
}

/* A release by its number or its version, for min_source and max_source. With the lock held. */
static bool read_source(const struct fleet_product *p, const json_t *json, const char *key, uint32_t *out,
                        struct fleet_refusal *refusal)
{
    const char *version = json_string_value(json);
    const struct fleet_release *release = version != NULL ? fleet_release(p, version) : NULL;
    json_int_t number = json_integer_value(json);
    if (json == NULL)
        return true;
    if (version != NULL && release == NULL) {
        (void)fleet_refuse(refusal, 422, "plan", "%s: %s has no release %.60s", key, p->name, version);
        return false;
    }
    if (release == NULL && (number < 1 || number > UINT32_MAX)) {
        (void)fleet_refuse(refusal, 400, "bad_field", "%s must be a version or the number of a release", key);
        return false;
    }
    *out = release != NULL ? release->number : (uint32_t)number;
    return true;
}

static bool read_sources(const struct fleet_product *p, const json_t *body, struct rollout_plan *plan,
                         struct fleet_refusal *refusal)
{
    return read_source(p, json_object_get(body, "min_source"), "min_source", &plan->min_source, refusal) &&
           read_source(p, json_object_get(body, "max_source"), "max_source", &plan->max_source, refusal);
}

/* A number with decimals, kept in 1/100. */
static bool read_hundredths(struct http_request *req, const json_t *body, const char *key, uint32_t max,
                            uint32_t *out)
{
    char text[100];
    const json_t *number = json_object_get(body, key);
    if (number == NULL)
        return true;
    if (!json_is_number(number) || !(json_number_value(number) >= 0 && json_number_value(number) <= max)) {
        snprintf(text, sizeof text, "%s must be a number from 0 to %u", key, max);
        http_reply_error(req, 400, "bad_field", text);
        return false;
    }
    *out = (uint32_t)(json_number_value(number) * 100.0 + 0.5);
    return true;
}

static bool read_override(struct http_request *req, const json_t *body, struct rollout_plan *plan)
{
    const json_t *reason = json_object_get(body, "override");
    if (reason == NULL)
        return true;
    if (!json_is_string(reason) || json_string_length(reason) >= sizeof plan->override_reason) {
        http_reply_error(req, 400, "bad_field", "override must be a reason of at most 159 bytes");
        return false;
    }
    snprintf(plan->override_reason, sizeof plan->override_reason, "%s", json_string_value(reason));
    return true;
}

static bool read_plan(struct http_request *req, const json_t *body, struct rollout_plan *plan)
{
    struct {
        const char *key;
        int64_t max;
        uint32_t *value;
    } fields[] = {{"soak_s", 31536000, &plan->soak_s},
                  {"in_flight", 1000000, &plan->in_flight},
                  {"quorum_percent", 100, &plan->quorum_percent},
                  {"max_failure_percent", 100, &plan->max_failure_percent},
                  {"stale_after_s", 31536000, &plan->stale_after_s},
                  {"decide_by_s", 315360000, &plan->decide_by_s},
                  {"lease_s", 31536000, &plan->lease_s}};
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int64_t n = *fields[i].value;
        if (!api_number(req, body, fields[i].key, fields[i].max, &n))
            return false;
        *fields[i].value = (uint32_t)n;
    }
    plan->limit_is_chosen = json_object_get(body, "max_failure_percent") != NULL;
    return read_hundredths(req, body, "max_crashes_per_device_day", 1000000,
                           &plan->max_crashes_per_device_day) &&
           read_hundredths(req, body, "tolerated_failure_percent", 100, &plan->tolerated_failure) &&
           read_override(req, body, plan) && read_rings(req, json_object_get(body, "rings"), &plan->rings);
}

void api_rollout_create(void *app, struct http_request *req)
{
    static const char *const keys[] = {"release",
                                       "rings",
                                       "soak_s",
                                       "in_flight",
                                       "quorum_percent",
                                       "max_failure_percent",
                                       "max_crashes_per_device_day",
                                       "tolerated_failure_percent",
                                       "override",
                                       "stale_after_s",
                                       "decide_by_s",
                                       "lease_s",
                                       "min_source",
                                       "max_source",
                                       "supersede",
                                       NULL};
    struct api *api = app;
    struct rollout_plan plan = rollout_plan_default();
    struct fleet_refusal refusal;
    struct fleet_rollout *rollout = NULL;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    const char *version = json_string_value(json_object_get(body, "release"));
    bool supersede = json_is_true(json_object_get(body, "supersede"));
    bool good = read_plan(req, body, &plan);
    if (!good) {
        json_decref(body);
        return;
    }
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    struct fleet_release *release = p != NULL && version != NULL ? fleet_release(p, version) : NULL;
    good = p != NULL && read_sources(p, body, &plan, &refusal);
    json_decref(body);
    if (p == NULL)
        return;
    fleet_unlock(api->fleet);
    if (release == NULL || !good) {
        if (release == NULL)
            api_not_found(req, "release");
        else
            api_refuse(req, &refusal);
        return;
    }
    struct api_pending *pending = api_pending_new(req);
    if (fleet_rollout_create(api->fleet, api_token(req)->id, p, release, &plan, supersede, &rollout, &refusal,
                             api_pending_done, pending) != 0) {
        api_pending_refuse(pending, &refusal);
        return;
    }
    fleet_lock(api->fleet);
    json_t *json = json_rollout(rollout);
    fleet_unlock(api->fleet);
    api_pending_ready(pending, 201, json);
}

static void act(struct api *api, struct http_request *req, const char *action)
{
    static const char *const keys[] = {"reason", NULL};
    struct fleet_refusal refusal;
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return;
    const char *reason = json_string_value(json_object_get(body, "reason"));
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL) {
        json_decref(body);
        return;
    }
    fleet_unlock(api->fleet); /* rollouts are never removed */
    struct api_pending *pending = api_pending_new(req);
    int result = fleet_rollout_act(api->fleet, api_token(req)->id, r, action, reason != NULL ? reason : "",
                                   &refusal, api_pending_done, pending);
    json_decref(body);
    if (result != 0) {
        api_pending_refuse(pending, &refusal);
        return;
    }
    fleet_lock(api->fleet);
    json_t *json = json_rollout(r);
    fleet_unlock(api->fleet);
    api_pending_ready(pending, 200, json);
}

void api_rollout_start(void *app, struct http_request *req)
{
    act(app, req, "start");
}

void api_rollout_pause(void *app, struct http_request *req)
{
    act(app, req, "pause");
}

void api_rollout_resume(void *app, struct http_request *req)
{
    act(app, req, "resume");
}

void api_rollout_abort(void *app, struct http_request *req)
{
    act(app, req, "abort");
}

void api_rollout_widen(void *app, struct http_request *req)
{
    act(app, req, "widen");
}

void api_rollout_retry(void *app, struct http_request *req)
{
    act(app, req, "retry");
}

void api_rollout_recall(void *app, struct http_request *req)
{
    static const char *const keys[] = {"reason", "in_flight", NULL};
    struct api *api = app;
    struct fleet_refusal refusal;
    struct fleet_rollout *made = NULL;
    int64_t in_flight = 0;
    json_t *body = api_body(req, keys);
    if (body == NULL || !api_number(req, body, "in_flight", 1000000, &in_flight)) {
        json_decref(body);
        return;
    }
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL) {
        json_decref(body);
        return;
    }
    fleet_unlock(api->fleet); /* rollouts are never removed */
    const char *reason = json_string_value(json_object_get(body, "reason"));
    struct api_pending *pending = api_pending_new(req);
    int result = fleet_rollout_recall(api->fleet, api_token(req)->id, r, reason != NULL ? reason : "",
                                      (uint32_t)in_flight, &made, &refusal, api_pending_done, pending);
    json_decref(body);
    if (result != 0) {
        api_pending_refuse(pending, &refusal);
        return;
    }
    fleet_lock(api->fleet);
    json_t *json = json_rollout(made);
    fleet_unlock(api->fleet);
    api_pending_ready(pending, 201, json);
}

void api_rollout_list(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < p->rollout_count; i++)
        json_array_append_new(list, json_rollout(p->rollouts[i]));
    fleet_unlock(api->fleet);
    api_reply(req, 200, json_pack("{s:o}", "rollouts", list));
}

void api_rollout_show(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL)
        return;
    json_t *json = json_rollout(r);
    fleet_unlock(api->fleet);
    api_reply(req, 200, json);
}

void api_rollout_events(void *app, struct http_request *req)
{
    struct api *api = app;
    const char *after_text = http_query(req, "after"), *wait_text = http_query(req, "wait_s");
    int64_t after = after_text != NULL ? strtoll(after_text, NULL, 10) : 0;
    long wait_s = wait_text != NULL ? strtol(wait_text, NULL, 10) : 0;
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL)
        return;
    fleet_unlock(api->fleet);
    waiting_add(api, req, r, after, wait_s < 0 ? 0 : wait_s > 30 ? 30 : (unsigned)wait_s);
}
