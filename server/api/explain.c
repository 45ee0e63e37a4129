/* Why? Of a device, of a rollout, and of a device in a rollout. docs/protocol.md, "Explain". */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>

json_t *json_answer(const struct fleet_device *d, const struct fleet_rollout *r,
                    const struct rollout_situation *s)
{
    char text[600];
    enum rollout_why why = rollout_explain(s, text, sizeof text);
    return json_pack("{s:s,s:s,s:s,s:o}", "device", d->id, "answer", rollout_why_name(why), "text", text,
                     "rollout", r != NULL ? json_sprintf("%" PRIu64, r->engine.id) : json_null());
}

static json_t *json_rings(const struct rollout *r)
{
    char text[300];
    json_t *rings = json_array();
    for (uint32_t i = 0; i < r->plan.rings.count; i++) {
        rollout_explain_ring(r, i, text, sizeof text);
        json_array_append_new(rings, json_pack("{s:I,s:s,s:s,s:s}", "index", (json_int_t)i, "name",
                                               r->plan.rings.rings[i].name, "state",
                                               ring_state_name(r->rings[i].state), "text", text));
    }
    return rings;
}

void api_rollout_explain(void *app, struct http_request *req)
{
    struct api *api = app;
    char text[600];
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL)
        return;
    rollout_explain_all(&r->engine, text, sizeof text);
    json_t *json = json_pack("{s:o,s:s,s:s,s:s,s:o}", "rollout", json_sprintf("%" PRIu64, r->engine.id),
                             "version", r->release->version, "state", rollout_state_name(r->engine.state),
                             "text", text, "rings", json_rings(&r->engine));
    fleet_unlock(api->fleet);
    api_reply(req, 200, json);
}

void api_rollout_explain_device(void *app, struct http_request *req)
{
    struct api *api = app;
    fleet_lock(api->fleet);
    struct fleet_rollout *r = api_rollout(api, req);
    if (r == NULL)
        return;
    const struct fleet_device *d = fleet_device(r->product, http_param(req, "device"));
    if (d == NULL) {
        fleet_unlock(api->fleet);
        api_not_found(req, "device");
        return;
    }
    struct rollout_situation s = fleet_situation_in(d, r);
    json_t *json = json_answer(d, r, &s);
    fleet_unlock(api->fleet);
    api_reply(req, 200, json);
}
