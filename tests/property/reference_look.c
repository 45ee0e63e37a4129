#include "reference_look.h"

#include <math.h>
#include <string.h>

static bool waits(const struct rollout *r, uint32_t ring, const struct rollout_member *m)
{
    return m->state == ATTEMPT_NONE && !m->soak_running && m->seen_ms > 0 &&
           m->seen_ms >= r->rings[ring].opened_ms;
}

static bool is_missed(const struct rollout *r, const struct rollout_member *m, uint64_t now_ms)
{
    return m->state == ATTEMPT_SILENT || now_ms > m->seen_ms + 3000ull * r->poll_s;
}

/* Stratum by stratum, everybody one by one. */
static const char *check_silent(const struct rollout *r, uint32_t ring, const struct ring_end_gate *gate,
                                uint64_t now_ms)
{
    uint32_t canaries = 0, silent = 0, controls = 0, others = 0, strata = 0;
    for (uint32_t s = 0; s < 8; s++) {
        uint32_t c[4] = {0};
        for (uint32_t i = 0; i < r->member_count; i++) {
            const struct rollout_member *m = &r->members[i];
            bool is_out = is_missed(r, m, now_ms);
            if (m->stratum != s)
                continue;
            if (waits(r, ring, m)) {
                c[2]++;
                c[3] += is_out;
            } else if (m->ring == ring && (m->state == ATTEMPT_CONFIRMED || m->state == ATTEMPT_SILENT)) {
                c[0]++;
                c[1] += is_out;
            }
        }
        if (c[0] == 0 || c[2] < 30)
            continue;
        strata++;
        canaries += c[0];
        silent += c[1];
        controls += c[2];
        others += c[3];
    }
    const struct gate_compared *got = &gate->compared;
    if (got->strata != strata || got->canaries != canaries || got->events != silent ||
        got->controls != controls || got->control_events != others)
        return "H12: silence is counted wrong";
    return NULL;
}

static const char *check_metric(const struct rollout *r, uint32_t ring, const struct ring_end_gate *gate)
{
    uint32_t soaked = 0, reported = 0, canaries = 0, controls = 0;
    for (uint32_t i = 0; i < r->member_count; i++) {
        const struct rollout_member *m = &r->members[i];
        bool is_soaked =
            m->ring == ring && m->state == ATTEMPT_CONFIRMED && m->soak_ms >= r->plan.soak_s * 1000ull;
        soaked += is_soaked;
        reported += is_soaked && (m->values.known & 1u << gate->metric) != 0;
    }
    for (uint32_t s = 0; s < 8; s++) {
        uint32_t n = 0, m = 0;
        for (uint32_t i = 0; i < r->member_count; i++) {
            const struct rollout_member *x = &r->members[i];
            if (x->stratum != s || (x->values.known & 1u << gate->metric) == 0)
                continue;
            n += x->ring == ring && x->state == ATTEMPT_CONFIRMED && x->soak_ms >= r->plan.soak_s * 1000ull;
            m += waits(r, ring, x);
        }
        canaries += n > 0 && m >= 30 ? n : 0;
        controls += n > 0 && m >= 30 ? m : 0;
    }
    bool is_enough = reported > 0 && reported >= soaked * r->plan.quorum_percent / 100.0;
    if ((gate->verdict == GATE_NOT_ENOUGH) == is_enough)
        return "H12: too few reports pass, or enough do not";
    if (is_enough && (gate->compared.canaries != canaries || gate->compared.controls != controls))
        return "H12: a metric's devices are counted wrong";
    return NULL;
}

/* Holm, the other way round: a gate fails exactly if enough of the smallest p are small enough. */
static const char *check_verdicts(const struct rollout *r, uint32_t ring)
{
    const struct ring_end *end = &r->rings[ring].end;
    double alpha = 0.005 / 2;
    for (uint32_t i = 0; i < ring || (i == ring && ring + 1 < r->plan.rings.count); i++)
        alpha /= 2;
    uint32_t gates = 0;
    for (uint32_t i = 0; i < end->count; i++)
        gates += end->gates[i].verdict == GATE_NOT_ENOUGH || end->gates[i].compared.strata > 0;
    for (uint32_t i = 0; i < end->count; i++) {
        bool fails = end->gates[i].verdict != GATE_NOT_ENOUGH && end->gates[i].compared.strata > 0;
        for (uint32_t k = 0; k < end->count && fails; k++) { /* each smaller p must fail by its rank */
            uint32_t rank = 0;
            if (end->gates[k].verdict == GATE_NOT_ENOUGH || end->gates[k].compared.strata == 0 ||
                end->gates[k].compared.p > end->gates[i].compared.p)
                continue;
            for (uint32_t j = 0; j < end->count; j++)
                rank += end->gates[j].verdict != GATE_NOT_ENOUGH && end->gates[j].compared.strata > 0 &&
                        (end->gates[j].compared.p < end->gates[k].compared.p ||
                         (end->gates[j].compared.p == end->gates[k].compared.p && j < k));
            fails = end->gates[k].compared.p <= alpha / (gates - rank) * (1 + 1e-12);
        }
        if (end->gates[i].verdict != GATE_NOT_ENOUGH && fails != (end->gates[i].verdict == GATE_FAIL))
            return "H12: a gate fails that should not, or the reverse";
    }
    return NULL;
}

static bool is_same(const struct ring_end *a, const struct ring_end *b)
{
    return a->looks == b->looks && a->count == b->count &&
           memcmp(a->gates, b->gates, a->count * sizeof a->gates[0]) == 0;
}

/* Decided once: what passed or failed in a look stays as it is. */
static const char *check_once(const struct ring_end *before, const struct ring_end *now)
{
    for (uint32_t i = 0; i < before->count; i++) {
        if (before->gates[i].verdict != GATE_NOT_ENOUGH &&
            memcmp(&before->gates[i], &now->gates[i], sizeof now->gates[i]) != 0)
            return "H12: a gate is looked at again";
    }
    return NULL;
}

const char *reference_look(const struct rollout *before, const struct rollout *live, uint32_t ring,
                           uint64_t now_ms)
{
    const struct ring_end *was = &before->rings[ring].end, *now = &live->rings[ring].end;
    uint32_t looks = now->looks & ~was->looks;
    if ((was->looks & ~now->looks) != 0)
        return "H12: a look is forgotten";
    if (is_same(was, now))
        return NULL;
    const char *bad = looks == 0 || now->count == 0 ? check_once(was, now) : NULL;
    bool is_told_again = looks != 0 && memcmp(was->gates, now->gates, sizeof now->gates) == 0;
    if (is_told_again) /* a person went on: no look is made any more */
        return NULL;
    for (uint32_t i = 0; bad == NULL && i < now->count; i++) {
        if (looks == 0 && was->gates[i].verdict != GATE_NOT_ENOUGH)
            continue;
        if (now->gates[i].kind == RING_END_SILENT)
            bad = check_silent(live, ring, &now->gates[i], now_ms);
        else if (now->gates[i].kind == RING_END_METRIC)
            bad = check_metric(live, ring, &now->gates[i]);
    }
    return bad != NULL || looks == 0 ? bad : check_verdicts(live, ring);
}

bool reference_look_lets_pass(const struct ring_end *end)
{
    bool failed = false, is_missing = false;
    for (uint32_t i = 0; i < end->count; i++) {
        failed = failed || end->gates[i].verdict == GATE_FAIL;
        is_missing = is_missing || end->gates[i].verdict == GATE_NOT_ENOUGH;
    }
    if (failed)
        return end->looks == 3; /* and a person has gone on */
    return !is_missing && (end->looks & RING_END_LOOKED) != 0;
}

bool reference_look_failed(const struct ring_end *before, const struct ring_end *now)
{
    bool failed = false;
    for (uint32_t i = 0; i < now->count; i++)
        failed = failed || now->gates[i].verdict == GATE_FAIL;
    return failed && !is_same(before, now);
}
