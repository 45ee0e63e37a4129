/* What a rollout is asked to be, read from a body: docs/protocol.md, "Rollout plan". */
#include "ask.h"

#include <stdio.h>
#include <string.h>

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

/* Not given, they are the product's; a list of none is a mistake. */
static bool read_rings(struct http_request *req, const json_t *list, struct ring_plan *out)
{
    char err[200];
    if (list == NULL)
        return true;
    if (!api_rings(req, list, out))
        return false;
    if (ring_plan_check(out, err, sizeof err) == 0)
        return true;
    http_reply_error(req, 422, "plan", err);
    return false;
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

/* What it says, is read with the product's attributes in mind: fleet_rollout_places(). */
static bool read_filter(struct http_request *req, const json_t *body, struct rollout_plan *plan)
{
    const json_t *filter = json_object_get(body, "filter");
    if (filter == NULL)
        return true;
    if (!json_is_string(filter) || json_string_length(filter) > ROLLOUT_FILTER_MAX) {
        http_reply_error(req, 400, "bad_field", "filter must be a text of at most 1024 bytes");
        return false;
    }
    snprintf(plan->filter, sizeof plan->filter, "%s", json_string_value(filter));
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
           read_override(req, body, plan) && read_filter(req, body, plan) &&
           read_rings(req, json_object_get(body, "rings"), &plan->rings);
}

/* Product, release and sources that it names. */
static bool find_names(struct api *api, struct http_request *req, const json_t *body, struct api_ask *out)
{
    const char *version = json_string_value(json_object_get(body, "release"));
    struct fleet_refusal refusal;
    fleet_lock(api->fleet);
    out->product = api_product(api, req);
    if (out->product == NULL)
        return false;
    out->release = version != NULL ? fleet_release(out->product, version) : NULL;
    bool good = read_sources(out->product, body, &out->plan, &refusal);
    fleet_unlock(api->fleet); /* products and releases are never removed */
    if (out->release == NULL)
        api_not_found(req, "release");
    else if (!good)
        api_refuse(req, &refusal);
    return out->release != NULL && good;
}

bool api_read_ask(struct api *api, struct http_request *req, struct api_ask *out)
{
    static const char *const keys[] = {"release",
                                       "rings",
                                       "filter",
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
    json_t *body = api_body(req, keys);
    if (body == NULL)
        return false;
    *out = (struct api_ask){.plan = rollout_plan_default()};
    if (!read_plan(req, body, &out->plan) || !api_flag(req, body, "supersede", &out->supersede)) {
        json_decref(body);
        return false;
    }
    bool good = find_names(api, req, body, out);
    json_decref(body);
    return good;
}
