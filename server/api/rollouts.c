/* Rollouts: create, act, look, and follow their timeline. */
#include "ask.h"
#include "waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_rollout_create(void *app, struct http_request *req)
{
    struct api *api = app;
    struct api_ask ask;
    struct fleet_refusal refusal;
    struct fleet_rollout *rollout = NULL;
    if (!api_read_ask(api, req, &ask))
        return;
    if (http_query(req, "preview") != NULL) {
        api_preview(api, req, &ask);
        return;
    }
    if (http_query(req, "forecast") != NULL) {
        api_forecast(api, req, &ask);
        return;
    }
    struct api_pending *pending = api_pending_new(req);
    if (fleet_rollout_create(api->fleet, api_token(req)->id, ask.product, ask.release, &ask.plan,
                             ask.supersede, &rollout, &refusal, api_pending_done, pending) != 0) {
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
