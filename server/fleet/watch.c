/* A rollout's watch as a text column: for each metric its counts and the logs of its stakes. */
#include "load.h"

#include <stdlib.h>

static json_t *metric_to_json(const struct rollout_watch *w, unsigned metric)
{
    json_t *stakes = json_array();
    for (unsigned i = 0; i < GATE_RATIOS; i++)
        json_array_append_new(stakes, json_real(w->rates[metric].log_e[i]));
    return json_pack("{s:I,s:I,s:f,s:o}", "events", (json_int_t)w->counts.events[metric], "control_events",
                     (json_int_t)w->counts.control_events[metric], "expected", w->counts.expected[metric],
                     "log_e", stakes);
}

char *fleet_watch_to_text(const struct rollout_watch *watch)
{
    json_t *list = json_array();
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        json_array_append_new(list, metric_to_json(watch, k));
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

static int metric_from_json(const json_t *json, struct rollout_watch *out, unsigned metric)
{
    const json_t *stakes = json_object_get(json, "log_e");
    for (unsigned i = 0; i < GATE_RATIOS; i++)
        out->rates[metric].log_e[i] = json_real_value(json_array_get(stakes, i));
    out->counts.events[metric] = (uint32_t)json_integer_value(json_object_get(json, "events"));
    out->counts.control_events[metric] =
        (uint32_t)json_integer_value(json_object_get(json, "control_events"));
    out->counts.expected[metric] = json_real_value(json_object_get(json, "expected"));
    return json_array_size(stakes) == GATE_RATIOS ? 0 : -1;
}

int fleet_watch_from_text(const char *text, struct rollout_watch *out)
{
    int bad = 0;
    *out = (struct rollout_watch){0};
    if (text[0] == '\0')
        return 0;
    json_t *list = json_loads(text, 0, NULL);
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        bad = metric_from_json(json_array_get(list, k), out, k) != 0 ? -1 : bad;
    json_decref(list);
    return bad;
}
