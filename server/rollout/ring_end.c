/*
 * The looks at the end of a ring: see rollout/ring_end.h and docs/gates.md.
 *
 * Of G gates the one with the smallest p fails at alpha/G, the next at alpha/(G-1), and so on (Holm): that one of them
 * fails for nothing has a chance of alpha at most. A gate that too few devices report to is looked at later, when they do,
 * and then fails at alpha/G.
 */
#include "rollout/ring_end.h"

#include "internal.h"

#include "rollout/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- who is compared --- */

static bool is_heard_of(const struct rollout *r, const struct rollout_member *m, uint64_t now_ms)
{
    return now_ms - m->seen_ms <= (uint64_t)r->poll_s * 3000u;
}

/* Waits, and has checked in since the ring was opened. */
static bool is_control(const struct rollout *r, uint32_t ring, const struct rollout_member *m)
{
    return m->state == ATTEMPT_NONE && !m->soak_running && m->seen_ms != 0 &&
           m->seen_ms >= r->rings[ring].opened_ms;
}

static bool has_soaked(const struct rollout *r, uint32_t ring, const struct rollout_member *m)
{
    return m->ring == ring && m->state == ATTEMPT_CONFIRMED && m->soak_ms >= (uint64_t)r->plan.soak_s * 1000u;
}

static uint32_t stratum_of(const struct rollout_member *m)
{
    if (OT_PLANTED(121))
        return 0;
    return m->stratum < WATCH_STRATA ? m->stratum : WATCH_STRATA - 1;
}

/* --- the gates --- */

static void count_silent(const struct rollout *r, uint32_t ring, uint64_t now_ms,
                         struct gate_counts strata[WATCH_STRATA])
{
    memset(strata, 0, WATCH_STRATA * sizeof *strata);
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        struct gate_counts *s = &strata[stratum_of(m)];
        bool is_silent = m->state == ATTEMPT_SILENT || !is_heard_of(r, m, now_ms);
        if (is_control(r, ring, m)) {
            s->controls++;
            s->control_events += is_silent;
        } else if (m->ring == ring && (m->state == ATTEMPT_CONFIRMED || m->state == ATTEMPT_SILENT)) {
            s->canaries++;
            s->events += is_silent;
        }
    }
}

static struct gate_compared compare_silence(const struct rollout *r, uint32_t ring, uint64_t now_ms)
{
    struct gate_counts strata[WATCH_STRATA];
    count_silent(r, ring, now_ms, strata);
    return gate_compare_counts(strata, WATCH_STRATA);
}

/* Of the windows in which there was a control; `strata` are those that have one now. */
static struct gate_compared compare_rates(const struct rollout *r, uint32_t ring, unsigned metric,
                                          const struct gate_compared *presence)
{
    const struct watch_counts *c = &r->rings[ring].rates;
    struct gate_compared out = {.strata = presence->strata,
                                .canaries = presence->canaries,
                                .controls = presence->controls,
                                .events = c->events[metric],
                                .control_events = c->control_events[metric],
                                .expected = c->expected[metric]};
    out.p = gate_events_test(out.events, out.control_events, out.expected);
    if (out.strata == 0 && out.events + out.control_events > 0)
        out.strata = 1; /* they are gone now */
    return out;
}

static size_t take_values(const struct rollout *r, uint32_t ring, const struct ring_end_gate *gate,
                          struct gate_value *out)
{
    size_t count = 0;
    double sign = r->plan.metrics.list[gate->metric].higher_is_worse ? -1 : 1;
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        bool is_canary = has_soaked(r, ring, m);
        if ((m->values.known >> gate->metric & 1u) == 0 || (!is_canary && !is_control(r, ring, m)))
            continue;
        out[count++] = (struct gate_value){.value = sign * (double)m->values.of[gate->metric],
                                           .stratum = stratum_of(m),
                                           .is_canary = is_canary};
    }
    return count;
}

/* How many of those that soaked report it, and how many should: a quorum of them, and one at least. */
static void count_reports(const struct rollout *r, uint32_t ring, struct ring_end_gate *gate)
{
    uint32_t soaked = 0, reported = 0;
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        soaked += has_soaked(r, ring, m);
        reported += has_soaked(r, ring, m) && (m->values.known >> gate->metric & 1u) != 0;
    }
    gate->reported = reported;
    gate->wanted = (uint32_t)(((uint64_t)soaked * r->plan.quorum_percent + 99u) / 100u);
    gate->wanted = gate->wanted > 0 ? gate->wanted : 1;
    gate->verdict = reported >= gate->wanted || OT_PLANTED(119) ? GATE_PASS : GATE_NOT_ENOUGH;
}

static void compare_metric(const struct rollout *r, uint32_t ring, struct ring_end_gate *gate)
{
    const struct rollout_metric *metric = &r->plan.metrics.list[gate->metric];
    gate->compared = (struct gate_compared){.p = 1};
    count_reports(r, ring, gate);
    if (gate->verdict == GATE_NOT_ENOUGH)
        return;
    struct gate_value *values = malloc(r->member_count * sizeof *values);
    if (values == NULL)
        abort(); /* out of memory: better no decision than a wrong one */
    size_t count = take_values(r, ring, gate, values);
    gate->compared = gate_compare_values(values, count, metric->tolerated / 10000.0);
    free(values);
    if (metric->higher_is_worse) {
        gate->compared.median = -gate->compared.median;
        gate->compared.control_median = -gate->compared.control_median;
    }
}

/* --- a look --- */

static bool is_open(const struct ring_end *end, uint32_t i)
{
    return i >= end->count || end->gates[i].verdict == GATE_NOT_ENOUGH;
}

/* Gates that are still open are compared; a verdict there is stays. `fresh` receives a bit for each of them. */
static void compare_all(const struct rollout *r, uint32_t ring, uint64_t now_ms, struct ring_end *end,
                        uint32_t *fresh)
{
    struct gate_compared silence = compare_silence(r, ring, now_ms);
    uint32_t count = RING_END_METRIC + r->plan.metrics.count;
    *fresh = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ring_end_gate *gate = &end->gates[i];
        if (!is_open(end, i))
            continue;
        *fresh |= 1u << i;
        *gate =
            (struct ring_end_gate){.kind = (enum ring_end_kind)(i < RING_END_METRIC ? i : RING_END_METRIC),
                                   .metric = i < RING_END_METRIC ? 0 : i - RING_END_METRIC,
                                   .verdict = GATE_PASS};
        if (gate->kind == RING_END_METRIC)
            compare_metric(r, ring, gate);
        else if (gate->kind == RING_END_SILENT)
            gate->compared = silence;
        else
            gate->compared = compare_rates(r, ring, i - RING_END_CRASHES, &silence);
    }
    end->count = count;
}

/* The gate with the smallest p of those in the set, or `count`. */
static uint32_t smallest(const struct ring_end *end, uint32_t set)
{
    uint32_t least = end->count;
    for (uint32_t i = 0; i < end->count; i++) {
        if ((set >> i & 1u) != 0 &&
            (least == end->count || end->gates[i].compared.p < end->gates[least].compared.p))
            least = i;
    }
    return least;
}

/* Holm: the smallest p first; the first that does not fail ends it. */
static void decide(struct ring_end *end, uint32_t fresh, bool is_first, double alpha)
{
    uint32_t compared = 0, left = 0;
    for (uint32_t i = 0; i < end->count; i++) {
        bool is_missing = end->gates[i].verdict == GATE_NOT_ENOUGH;
        left += is_missing || end->gates[i].compared.strata > 0;
        if ((fresh >> i & 1u) != 0 && !is_missing && end->gates[i].compared.strata > 0)
            compared |= 1u << i;
    }
    for (bool goes_on = true; compared != 0; left--) {
        struct ring_end_gate *gate = &end->gates[smallest(end, compared)];
        gate->below = alpha / (is_first ? left : end->count);
        goes_on = goes_on && gate->compared.p <= gate->below;
        gate->verdict = goes_on ? GATE_FAIL : GATE_PASS;
        compared &= ~(1u << (gate - end->gates));
        if (!goes_on)
            left++; /* the others are measured by the same */
    }
}

enum gate_verdict ring_end_verdict(const struct ring_end *end)
{
    enum gate_verdict verdict = end->count > 0 ? GATE_PASS : GATE_NOT_ENOUGH;
    for (uint32_t i = 0; i < end->count; i++) {
        if (end->gates[i].verdict == GATE_FAIL)
            return GATE_FAIL;
        if (end->gates[i].verdict == GATE_NOT_ENOUGH)
            verdict = GATE_NOT_ENOUGH;
    }
    return verdict;
}

static void tell(const struct rollout *r, uint32_t ring, const struct rollout_sink *sink)
{
    char text[RING_END_GATES * 240u + 80u], one[240];
    const struct ring_end *end = &r->rings[ring].end;
    size_t len = (size_t)snprintf(text, sizeof text, "ring %s at its end", r->plan.rings.rings[ring].name);
    for (uint32_t i = 0; i < end->count && len < sizeof text; i++) {
        ring_end_gate_text(&r->plan, &end->gates[i], one, sizeof one);
        len += (size_t)snprintf(text + len, sizeof text - len, "; %s", one);
    }
    rollout_tell(sink, ring, "ring_compared", text);
}

bool rollout_compare_due(const struct rollout *r, uint64_t now_ms)
{
    return now_ms >= r->settled_ms;
}

enum gate_verdict rollout_compare(struct rollout *r, uint32_t ring, uint32_t look, uint64_t now_ms,
                                  const struct rollout_sink *sink)
{
    struct ring_end *end = &r->rings[ring].end;
    uint32_t fresh;
    if ((end->looks & look) != 0 && !OT_PLANTED(120) && ring_end_verdict(end) != GATE_NOT_ENOUGH)
        return ring_end_verdict(end) == GATE_FAIL ? GATE_PASS : ring_end_verdict(end); /* a person went on */
    bool is_first = (end->looks & look) == 0;
    if (is_first)
        end->count = 0; /* the other look's gates have been told of */
    compare_all(r, ring, now_ms, end, &fresh);
    decide(end, fresh, is_first, RING_END_ALPHA / 2 * rollout_alpha_part(&r->plan.rings, ring));
    end->looks |= look;
    rollout_emit(sink, EFFECT_RING, ROLLOUT_NO_ONE, ring, NULL, NULL);
    tell(r, ring, sink);
    return ring_end_verdict(end);
}

void rollout_compare_accept(struct rollout_ring *ring)
{
    if (ring_end_verdict(&ring->end) == GATE_FAIL)
        ring->end.looks = RING_END_LOOKED_OUT_OF_TIME | RING_END_LOOKED;
}
