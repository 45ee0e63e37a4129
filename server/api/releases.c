/* Releases: push, list, show. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

void api_release_push(void *app, struct http_request *req)
{
    struct api *api = app;
    struct fleet_refusal refusal;
    struct fleet_release *release = NULL;
    bool created = false;
    const char *version = http_query(req, "version"), *number = http_query(req, "release"),
               *undescribed = http_query(req, "undescribed"), *any_device = http_query(req, "any_device");
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    fleet_unlock(api->fleet);
    struct fleet_push push = {.product = p->name,
                              .undescribed = undescribed != NULL && strcmp(undescribed, "1") == 0,
                              .any_device = any_device != NULL && strcmp(any_device, "1") == 0,
                              .version = version != NULL ? version : "",
                              .number = number != NULL ? (uint32_t)strtoul(number, NULL, 10) : 0};
    push.bytes = http_body(req, &push.len);
    if (push.len == 0) {
        http_reply_error(req, 422, "image_truncated", "the upload is empty");
        return;
    }
    struct api_pending *pending = api_pending_new(req);
    if (fleet_release_push(api->fleet, api_token(req)->id, &push, &release, &created, &refusal,
                           api_pending_done, pending) != 0) {
        api_pending_refuse(pending, &refusal);
        return;
    }
    fleet_lock(api->fleet);
    json_t *json = json_release(release);
    fleet_unlock(api->fleet);
    if (!created)
        api_pending_done(pending); /* nothing to wait for */
    api_pending_ready(pending, created ? 201 : 200, json);
}

void api_release_list(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < p->release_count; i++)
        json_array_append_new(list, json_release(p->releases[i]));
    fleet_unlock(api->fleet);
    api_reply(req, 200, json_pack("{s:o}", "releases", list));
}

void api_release_show(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_product *p = api_product(api, req);
    if (p == NULL)
        return;
    struct fleet_release *r = fleet_release(p, http_param(req, "version"));
    json_t *json = r != NULL ? json_release_with_savings(api->fleet, r) : NULL;
    fleet_unlock(api->fleet);
    if (json != NULL)
        api_reply(req, 200, json);
    else
        api_not_found(req, "release");
}
