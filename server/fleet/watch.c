/* A rollout's watch as a text column: for each metric its counts and the logs of its stakes. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

static json_t *stakes_to_json(const struct gate_rates *rates)
{
    json_t *stakes = json_array();
    for (unsigned i = 0; i < GATE_RATIOS; i++)
        json_array_append_new(stakes, json_real(rates->log_e[i]));
    return stakes;
}

static int stakes_from_json(const json_t *stakes, struct gate_rates *out)
{
    for (unsigned i = 0; i < GATE_RATIOS; i++)
        out->log_e[i] = json_real_value(json_array_get(stakes, i));
    return json_array_size(stakes) == GATE_RATIOS ? 0 : -1;
}

/* Those of kinds that have seen something. */
static json_t *kinds_to_json(const struct rollout *r, unsigned metric)
{
    static const struct gate_rates nothing;
    json_t *kinds = json_array();
    for (uint32_t s = 0; s < r->stratum_count; s++) {
        const struct gate_rates *rates = &r->strata[s].rates[metric];
        if (memcmp(rates, &nothing, sizeof nothing) != 0)
            json_array_append_new(
                kinds, json_pack("{s:I,s:o}", "stratum", (json_int_t)s, "log_e", stakes_to_json(rates)));
    }
    return kinds;
}

static int kinds_from_json(const json_t *kinds, struct rollout *r, unsigned metric)
{
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const json_t *kind = json_array_get(kinds, i);
        json_int_t s = json_integer_value(json_object_get(kind, "stratum"));
        if (s < 0 || s >= (json_int_t)r->stratum_count ||
            stakes_from_json(json_object_get(kind, "log_e"), &r->strata[s].rates[metric]) != 0)
            return -1;
    }
    return 0;
}

static json_t *metric_to_json(const struct rollout *r, unsigned metric)
{
    const struct rollout_watch *w = &r->watch;
    return json_pack("{s:I,s:I,s:f,s:o,s:o}", "events", (json_int_t)w->counts.events[metric],
                     "control_events", (json_int_t)w->counts.control_events[metric], "expected",
                     w->counts.expected[metric], "log_e", stakes_to_json(&w->rates[metric]), "kinds",
                     kinds_to_json(r, metric));
}

char *fleet_watch_to_text(const struct rollout *r)
{
    json_t *list = json_array();
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        json_array_append_new(list, metric_to_json(r, k));
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

static int metric_from_json(const json_t *json, struct rollout *r, unsigned metric)
{
    struct rollout_watch *out = &r->watch;
    out->counts.events[metric] = (uint32_t)json_integer_value(json_object_get(json, "events"));
    out->counts.control_events[metric] =
        (uint32_t)json_integer_value(json_object_get(json, "control_events"));
    out->counts.expected[metric] = json_real_value(json_object_get(json, "expected"));
    if (kinds_from_json(json_object_get(json, "kinds"), r, metric) != 0)
        return -1;
    return stakes_from_json(json_object_get(json, "log_e"), &out->rates[metric]);
}

int fleet_watch_from_text(const char *text, struct rollout *out)
{
    int bad = 0;
    out->watch = (struct rollout_watch){0};
    if (text[0] == '\0')
        return 0;
    json_t *list = json_loads(text, 0, NULL);
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        bad = metric_from_json(json_array_get(list, k), out, k) != 0 ? -1 : bad;
    json_decref(list);
    return bad;
}
