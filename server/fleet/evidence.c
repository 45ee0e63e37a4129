/* The numbers behind a decision: see evidence.h. */
#include "evidence.h"

#include "rollout/gate.h"
#include "rollout/verdict.h"

#include <inttypes.h>
#include <math.h>

json_t *fleet_percent(double part)
{
    return json_real(round(part * 10000) / 100);
}

json_t *fleet_gate_json(const struct rollout *r, uint32_t ring)
{
    char text[ROLLOUT_REASON_MAX];
    struct rollout_gate g = rollout_gate(r, ring);
    rollout_gate_text(&g, text, sizeof text);
    double observed = g.resolved > 0 ? (double)g.harmed / g.resolved : 0;
    return json_pack("{s:s,s:I,s:o,s:o,s:o,s:o,s:f,s:f,s:s,s:s?,s:I,s:I}", "verdict",
                     gate_verdict_name(g.verdict), "quorum", (json_int_t)g.quorum, "failure_percent",
                     fleet_percent(observed), "upper_percent", fleet_percent(g.upper), "limit_percent",
                     fleet_percent(g.limit), "tolerated_percent", fleet_percent(g.tolerated), "e_value",
                     exp(fmin(g.log_e, 600)), "halts_at", exp(g.log_halt), "text", text, "stratum", g.kind,
                     "stratum_harmed", (json_int_t)g.kind_harmed, "stratum_resolved",
                     (json_int_t)g.kind_resolved);
}

/* A look at the end of a ring: one gate of it. */
static json_t *end_gate(const struct rollout_plan *plan, const struct ring_end_gate *g)
{
    char text[240];
    const struct gate_compared *c = &g->compared;
    ring_end_gate_text(plan, g, text, sizeof text);
    json_t *out =
        json_pack("{s:s,s:s,s:b,s:f,s:f,s:I,s:I}", "gate", ring_end_gate_name(plan, g), "verdict",
                  gate_verdict_name(g->verdict), "has_control", (int)(c->strata > 0), "p", c->p, "fails_at",
                  g->below, "devices", (json_int_t)c->canaries, "control_devices", (json_int_t)c->controls);
    json_t *numbers =
        g->kind == RING_END_METRIC
            ? json_pack("{s:I,s:I,s:f,s:f,s:o}", "reported", (json_int_t)g->reported, "wanted",
                        (json_int_t)g->wanted, "median", c->median, "control_median", c->control_median,
                        "worse_percent", fleet_percent(c->worse_part))
            : json_pack("{s:I,s:I,s:f}", "events", (json_int_t)c->events, "control_events",
                        (json_int_t)c->control_events, "expected", round(c->expected * 100) / 100);
    json_object_update_missing(out, numbers);
    json_object_set_new(out, "text", json_string(text));
    json_decref(numbers);
    return out;
}

json_t *fleet_ring_end_json(const struct rollout *r, uint32_t ring)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->rings[ring].end.count; i++)
        json_array_append_new(list, end_gate(&r->plan, &r->rings[ring].end.gates[i]));
    return list;
}

json_t *fleet_watch_json(const struct rollout *r)
{
    const struct rollout_watch *w = &r->watch;
    static const char *const names[WATCH_METRICS] = {"crashes", "link_losses"};
    json_t *out = json_pack("{s:f,s:f,s:s?}", "e_value", exp(fmin(rollout_health_log_e(r), 600)), "halts_at",
                            1 / WATCH_ALPHA, "stratum", rollout_health_kind(r));
    for (unsigned k = 0; k < WATCH_METRICS; k++)
        json_object_set_new(out, names[k],
                            json_pack("{s:I,s:f,s:I,s:f}", "events", (json_int_t)w->counts.events[k],
                                      "expected", round(w->counts.expected[k] * 100) / 100, "control_events",
                                      (json_int_t)w->counts.control_events[k], "e_value",
                                      exp(fmin(gate_rates_log_e(&w->rates[k]), 600))));
    return out;
}

json_t *fleet_ring_evidence(const struct rollout *r, uint32_t ring, uint64_t now_ms)
{
    const struct rollout_ring *g = &r->rings[ring];
    uint64_t open_ms = g->state != RING_WAITING && now_ms > g->opened_ms ? now_ms - g->opened_ms : 0;
    return json_pack(
        "{s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "members", (json_int_t)g->members, "bound",
        g->bound == UINT32_MAX ? json_null() : json_integer((json_int_t)g->bound), "in_flight",
        (json_int_t)rollout_in_flight(r, ring), "resolved", (json_int_t)rollout_resolved(r, ring),
        "confirmed", (json_int_t)g->counts[ATTEMPT_CONFIRMED], "harmed", (json_int_t)rollout_harmed(r, ring),
        "soaked", (json_int_t)rollout_soaked(r, ring), "open_s", (json_int_t)(open_ms / 1000u), "gate",
        fleet_gate_json(r, ring), "gates", fleet_ring_end_json(r, ring), "health", fleet_watch_json(r));
}

json_t *fleet_member_evidence(const struct fleet_rollout *r, uint32_t member)
{
    const struct rollout_member *m = &r->engine.members[member];
    const struct fleet_member *x = &r->members[member];
    return json_pack("{s:o,s:s,s:s,s:s,s:s,s:I}", "attempt",
                     m->attempt != 0 ? json_sprintf("a-%" PRIu64, m->attempt) : json_null(), "state",
                     attempt_state_name(m->state), "reason", ot_status_wire(m->reason), "check", x->check,
                     "way", ot_way_name(x->way), "bytes", (json_int_t)x->bytes);
}
