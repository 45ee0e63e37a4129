/* Text columns of gates: the metrics that are gated, and what is known of a ring's devices beside those that wait. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* --- gated metrics --- */

json_t *fleet_metrics_to_json(const struct rollout_metrics *metrics)
{
    char text[ROLLOUT_METRIC_TEXT_BYTES];
    json_t *list = json_array();
    for (uint32_t i = 0; i < metrics->count; i++) {
        rollout_metric_text(&metrics->list[i], text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

char *fleet_metrics_to_text(const struct rollout_metrics *metrics)
{
    json_t *list = fleet_metrics_to_json(metrics);
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

int fleet_metrics_from_json(const json_t *list, struct rollout_metrics *out)
{
    char err[200];
    out->count = 0;
    if (list != NULL && !json_is_array(list))
        return -1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || rollout_metrics_add(out, text, err, sizeof err) != 0)
            return -1;
    }
    return 0;
}

/* --- evidence --- */

static const char *const kinds[] = {"silent", "crashes", "link_losses", "metric"};

static json_t *rates_to_json(const struct watch_counts *c)
{
    json_t *list = json_array();
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        json_array_append_new(list,
                              json_pack("{s:I,s:I,s:f}", "events", (json_int_t)c->events[k], "control_events",
                                        (json_int_t)c->control_events[k], "expected", c->expected[k]));
    return list;
}

static json_t *gate_to_json(const struct ring_end_gate *g)
{
    const struct gate_compared *c = &g->compared;
    return json_pack("{s:s,s:I,s:I,s:f,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f}", "kind",
                     kinds[g->kind], "metric", (json_int_t)g->metric, "verdict", (json_int_t)g->verdict,
                     "below", g->below, "reported", (json_int_t)g->reported, "wanted", (json_int_t)g->wanted,
                     "p", c->p, "strata", (json_int_t)c->strata, "canaries", (json_int_t)c->canaries,
                     "controls", (json_int_t)c->controls, "events", (json_int_t)c->events, "control_events",
                     (json_int_t)c->control_events, "expected", c->expected, "median", c->median,
                     "control_median", c->control_median, "worse_part", c->worse_part);
}

char *fleet_evidence_to_text(const struct rollout_ring *ring)
{
    json_t *gates = json_array();
    for (uint32_t i = 0; i < ring->end.count; i++)
        json_array_append_new(gates, gate_to_json(&ring->end.gates[i]));
    json_t *root = json_pack("{s:o,s:I,s:o}", "rates", rates_to_json(&ring->rates), "looks",
                             (json_int_t)ring->end.looks, "gates", gates);
    char *text = fleet_need(json_dumps(root, JSON_COMPACT));
    json_decref(root);
    return text;
}

static uint32_t number(const json_t *json, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(json, key));
}

static double real(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static int gate_from_json(const json_t *json, const struct rollout_plan *plan, struct ring_end_gate *g)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    unsigned k = 0;
    while (kind != NULL && k <= RING_END_METRIC && strcmp(kinds[k], kind) != 0)
        k++;
    g->kind = (enum ring_end_kind)k;
    g->metric = number(json, "metric");
    g->verdict = (enum gate_verdict)number(json, "verdict");
    g->below = real(json, "below");
    g->reported = number(json, "reported");
    g->wanted = number(json, "wanted");
    g->compared.p = real(json, "p");
    g->compared.strata = number(json, "strata");
    g->compared.canaries = number(json, "canaries");
    g->compared.controls = number(json, "controls");
    g->compared.events = number(json, "events");
    g->compared.control_events = number(json, "control_events");
    g->compared.expected = real(json, "expected");
    g->compared.median = real(json, "median");
    g->compared.control_median = real(json, "control_median");
    g->compared.worse_part = real(json, "worse_part");
    bool is_known = kind != NULL && k <= RING_END_METRIC && (unsigned)g->verdict <= GATE_FAIL;
    return is_known && (k < RING_END_METRIC || g->metric < plan->metrics.count) ? 0 : -1;
}

int fleet_evidence_from_text(const char *text, const struct rollout_plan *plan, struct rollout_ring *out)
{
    int bad = 0;
    memset(&out->rates, 0, sizeof out->rates);
    memset(&out->end, 0, sizeof out->end);
    if (text[0] == '\0')
        return 0;
    json_t *root = json_loads(text, 0, NULL);
    const json_t *rates = json_object_get(root, "rates"), *gates = json_object_get(root, "gates");
    for (unsigned k = 0; k < WATCH_METRICS; k++) {
        const json_t *of = json_array_get(rates, k);
        out->rates.events[k] = number(of, "events");
        out->rates.control_events[k] = number(of, "control_events");
        out->rates.expected[k] = real(of, "expected");
    }
    out->end.looks = number(root, "looks");
    out->end.count = (uint32_t)json_array_size(gates);
    if (json_array_size(rates) != WATCH_METRICS || !json_is_array(gates) || out->end.count > RING_END_GATES)
        bad = -1;
    for (uint32_t i = 0; bad == 0 && i < out->end.count; i++)
        bad = gate_from_json(json_array_get(gates, i), plan, &out->end.gates[i]);
    json_decref(root);
    return bad;
}
