/*
 * Random histories of rollouts: devices that report, repeat, reorder, lie, crash, go silent, come late or never; a
 * server that is killed; operators that pause, resume, widen, retry, abort and recall. After every step, and again when the
 * server has been killed in it (W1-W5, V7: docs/threat-model.md):
 *   H1  rollout_check() holds; among it: a device is in exactly one ring
 *   H2  no offer outside an open or passed ring, and none while the rollout stands still; explain says the same (W3)
 *   H3  offers in force, counted one by one, are within the bound; the bound has doubled only for outcomes (W4)
 *   H4  a ring passes by itself only with a quorum of outcomes, own soak and an upper bound within the limit, no harm at
 *       all, or harm that was accepted (W5)
 *   H5  what was told to the database is what memory says; a kill before the commit takes back one whole step (W1)
 *   H6  members, and the counts of each ring, are what a naive reading of the log makes of them; rings never change (W2)
 *   H9  it halts for harm that is too much, and for nothing less, by the e-value of its definition
 *   H10 once a pause, abort or recall was answered no offer is made until somebody goes on, whatever else happens (W3)
 *   H11 an attempt has a number of its own, and is over before its device gets another (W2, V7)
 *   H12 a ring is compared with those that wait once, at its end or when its time is over, everybody counted one by one; a
 *       gate that fails halts it, and it passes by itself with none that failed and none that too few report to
 * and at the end, when devices are dead, away for a while, alive without ever finishing, well, or new:
 *   H8  nothing goes on for ever: each ring ends passed, failed or held
 *   H7  and, once nobody speaks any more, no attempt is without an outcome (V7)
 *
 *     rollout_histories [--histories N] [--seed S]     S alone is played with --histories 1
 */
#include "reference_look.h"
#include "rollout_reference.h"

#include "rollout/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX  60u
#define STEPS_MAX    160u
#define LOG_MAX      16384u
#define ATTEMPTS_MAX 4096u
#define KINDS_MAX    4u

struct world {
    struct rollout live, stored; /* stored: what the effects have put into the database */
    struct rollout_member live_members[MEMBERS_MAX], stored_members[MEMBERS_MAX];
    struct rollout before;
    struct rollout_member before_members[MEMBERS_MAX];
    struct rollout_stratum kinds[KINDS_MAX], stored_kinds[KINDS_MAX],
        kinds_before[KINDS_MAX]; /* their rates are stored */
    struct log_line log[LOG_MAX];
    size_t log_len, log_before;
    uint64_t random, now_ms, next_attempt;
    struct rollout_counters counters[MEMBERS_MAX];
    bool runs[MEMBERS_MAX];
    bool had_run[MEMBERS_MAX];    /* at its last check-in: what the server knows of it after a restart */
    bool reports[MEMBERS_MAX];    /* the gated metrics */
    int64_t worse;                /* the release's, by so much */
    bool person;                  /* this step was an operator's */
    bool stopped, stopped_before; /* a pause, abort or recall was answered, and nobody has gone on since */
    const char *broken;           /* what went wrong inside a step */
    const char *step;
};

static struct {
    uint64_t steps, offers, passed, held, halted, finished, kills, watched, refused_offers, lost, back, looks,
        compared, failed, missing, ends[ROLLOUT_STATES];
} seen;

/* splitmix64 */
static uint64_t draw(struct world *w, uint64_t below)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

/* --- the database --- */

static void on_effect(void *ctx, const struct rollout_effect *e)
{
    struct world *w = ctx;
    if (e->kind == EFFECT_MEMBER) {
        w->stored_members[e->member] = w->live.members[e->member];
        if (e->member >= w->stored.member_count)
            w->stored.member_count = e->member + 1;
    } else if (e->kind == EFFECT_RING) {
        w->stored.rings[e->ring] = w->live.rings[e->ring];
    } else if (e->kind == EFFECT_ROLLOUT) {
        w->stored.state = w->live.state;
        memcpy(w->stored.reason, w->live.reason, sizeof w->stored.reason);
        w->stored.watch = w->live.watch;
        w->stored.watch.opened_ms = 0; /* the open window is not stored */
        memcpy(w->stored_kinds, w->kinds, sizeof w->kinds);
    }
}

static void restore(struct world *w)
{
    memcpy(w->live_members, w->stored_members, sizeof w->live_members);
    w->live = w->stored;
    w->live.members = w->live_members;
    memcpy(w->kinds, w->stored_kinds, sizeof w->kinds);
    w->live.settled_ms = w->now_ms + w->live.poll_s * 3000ull;
    rollout_prepare(&w->live);
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        w->live_members[i].watch = (struct watch_place){0};
        w->live_members[i].values.known = 0;
        rollout_restore_values(&w->live, i, w->had_run[i], &w->counters[i].values);
    }
    w->next_attempt = 1; /* behind the highest there is, as a server does */
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        if (w->live_members[i].attempt >= w->next_attempt)
            w->next_attempt = w->live_members[i].attempt + 1;
    }
}

static bool same_member(const struct rollout_member *a, const struct rollout_member *b)
{
    return a->ring == b->ring && a->state == b->state && a->attempt == b->attempt &&
           a->offered_ms == b->offered_ms && a->changed_ms == b->changed_ms && a->soak_ms == b->soak_ms &&
           a->exposure_ms == b->exposure_ms && a->crashes_base == b->crashes_base &&
           a->crashes_seen == b->crashes_seen && a->links_seen == b->links_seen &&
           memcmp(a->last_ms, b->last_ms, sizeof a->last_ms) == 0 &&
           (a->state != ATTEMPT_CONFIRMED ||
            (a->soak_running == b->soak_running && (!a->soak_running || a->seen_ms == b->seen_ms)));
}

static const char *check_stored(const struct world *w)
{
    if (w->stored.state != w->live.state || w->stored.member_count != w->live.member_count)
        return "H5: the database has another state";
    if (memcmp(w->stored.watch.rates, w->live.watch.rates, sizeof w->live.watch.rates) != 0)
        return "H5: the database has another watch";
    for (uint32_t s = 0; s < w->live.stratum_count; s++) {
        if (memcmp(w->stored_kinds[s].rates, w->kinds[s].rates, sizeof w->kinds[s].rates) != 0)
            return "H5: the database has another watch of a kind";
    }
    for (uint32_t i = 0; i < w->live.plan.rings.count; i++) {
        const struct rollout_ring *a = &w->stored.rings[i], *b = &w->live.rings[i];
        if (a->state != b->state || a->bound != b->bound || a->accepted != b->accepted ||
            a->resolved_at_widening != b->resolved_at_widening || a->opened_ms != b->opened_ms ||
            memcmp(&a->rates, &b->rates, sizeof a->rates) != 0 ||
            memcmp(&a->end, &b->end, sizeof a->end) != 0)
            return "H5: the database has another ring";
    }
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        if (!same_member(&w->stored_members[i], &w->live_members[i]))
            return "H5: the database has another member";
    }
    return NULL;
}

/* --- the log --- */

static void note(struct world *w, struct log_line line)
{
    line.at_ms = w->now_ms;
    line.is_over = w->live.state == ROLLOUT_ABORTED || w->live.state == ROLLOUT_RECALLED;
    if (w->log_len < LOG_MAX)
        w->log[w->log_len++] = line;
}

static void read_log(const struct world *w, struct reference_member *out)
{
    memset(out, 0, MEMBERS_MAX * sizeof *out);
    for (size_t i = 0; i < w->log_len; i++) {
        const struct log_line *line = &w->log[i];
        uint32_t from = line->member == UINT32_MAX ? 0 : line->member;
        uint32_t to = line->member == UINT32_MAX ? w->live.member_count : line->member + 1;
        for (uint32_t m = from; m < to; m++)
            reference_apply(&out[m], line, &w->live);
    }
}

/* --- what must hold --- */

struct tally {
    uint32_t members, open, resolved, confirmed, harmed, soaked, resolutions;
    uint32_t kind_resolved[KINDS_MAX], kind_harmed[KINDS_MAX];
};

static struct tally tally(const struct world *w, const struct reference_member *ref, uint32_t ring)
{
    struct tally t = {0};
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        enum attempt_state s = ref[i].state;
        if (w->live_members[i].ring != ring)
            continue;
        t.members++;
        t.open += s >= ATTEMPT_OFFERED && s <= ATTEMPT_BOOTED;
        t.confirmed += s == ATTEMPT_CONFIRMED;
        t.harmed += s >= ATTEMPT_REVERTED && s <= ATTEMPT_SILENT;
        t.soaked += s == ATTEMPT_CONFIRMED && ref[i].soak_ms >= w->live.plan.soak_s * 1000ull;
        t.resolutions += ref[i].resolutions;
        if (w->live_members[i].stratum >= w->live.stratum_count)
            continue;
        bool harmed = s >= ATTEMPT_REVERTED && s <= ATTEMPT_SILENT;
        t.kind_harmed[w->live_members[i].stratum] += harmed;
        t.kind_resolved[w->live_members[i].stratum] += harmed || s == ATTEMPT_CONFIRMED;
    }
    t.resolved = t.confirmed + t.harmed;
    return t;
}

static const char *check_pass(const struct world *w, const struct tally *t, uint32_t ring)
{
    uint32_t quorum = w->live.plan.quorum_percent;
    seen.passed++;
    if (w->person || t->members == 0)
        return NULL;
    if (t->open > 0 || t->resolved * 100u < t->members * quorum)
        return "H4: passed without a quorum of outcomes";
    if (t->soaked * 100u < t->confirmed * quorum)
        return "H4: passed without own soak";
    if (t->harmed > w->live.rings[ring].accepted &&
        !reference_shows(t->harmed, t->resolved, w->live.plan.max_failure_percent / 100.0))
        return "H4: passed with too much harm";
    if (strcmp(w->step, "kill") != 0 && !reference_look_lets_pass(&w->live.rings[ring].end))
        return "H12: passed without a look beside those that wait, or against it";
    return NULL;
}

/* What a check-in of this member that asks for an offer acts on, and what `explain` tells. */
static bool is_offered(const struct world *w, uint32_t m, bool runs_release)
{
    struct rollout_situation s = {.has_checked_in = true,
                                  .rollout = &w->live,
                                  .version = "1.0.0",
                                  .runs_release = runs_release,
                                  .member = (int)m,
                                  .place = -1,
                                  .check = ""};
    enum rollout_why why = rollout_decide(&s);
    return why == WHY_OFFERED_NEXT || why == WHY_OFFERED_AGAIN;
}

static const char *check_offers(const struct world *w)
{
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        enum ring_state ring = w->live.rings[w->live_members[i].ring].state;
        bool allowed = rollout_may_offer(&w->live, i) == ROLLOUT_OFFER;
        if (allowed != is_offered(w, i, false))
            return "H2: the engine and explain differ";
        if (!allowed)
            continue;
        if (w->stopped)
            return "H10: an offer after the answer to pause or abort";
        if (w->live.state != ROLLOUT_RUNNING && w->live.state != ROLLOUT_FINISHED)
            return "H2: an offer while the rollout stands still";
        if (ring != RING_ACTIVE && ring != RING_SOAKING && ring != RING_PASSED)
            return "H2: an offer outside an open ring";
    }
    return NULL;
}

static const char *check_attempts(const struct world *w)
{
    static uint64_t history = 0, used_in[ATTEMPTS_MAX];
    history++;
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        uint64_t attempt = w->live_members[i].attempt;
        if (attempt == 0)
            continue;
        if (attempt >= w->next_attempt || attempt >= ATTEMPTS_MAX || used_in[attempt] == history)
            return "H11: two attempts have one number";
        used_in[attempt] = history;
    }
    return NULL;
}

static const char *check_counts(const struct world *w, const struct reference_member *ref)
{
    uint32_t counts[ROLLOUT_RINGS_MAX][ATTEMPT_STATES] = {{0}};
    for (uint32_t i = 0; i < w->live.member_count; i++)
        counts[w->live_members[i].ring][ref[i].state]++;
    for (uint32_t i = 0; i < w->live.plan.rings.count; i++) {
        if (memcmp(counts[i], w->live.rings[i].counts, sizeof counts[i]) != 0)
            return "H6: counts differ from a recount of the log";
    }
    return NULL;
}

static const char *check_members(const struct world *w, const struct reference_member *ref)
{
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        if (ref[i].state != w->live_members[i].state)
            return "H6: a member is not what the log makes of it";
        if (ref[i].state == ATTEMPT_CONFIRMED && ref[i].soak_ms != w->live_members[i].soak_ms)
            return "H6: soak is not what the log makes of it";
        if (i < w->before.member_count && (w->before_members[i].ring != w->live_members[i].ring ||
                                           w->before_members[i].stratum != w->live_members[i].stratum))
            return "H6: a member has changed its ring or its kind";
    }
    return NULL;
}

/* Four fifths of all devices' e-value, and a fifth of the mean of their kinds'. */
static double e_of_ring(const struct world *w, const struct tally *t, double tolerated)
{
    double all = reference_e(t->harmed, t->resolved, tolerated), kinds = 0;
    uint32_t count = w->live.stratum_count;
    for (uint32_t k = 0; k < count; k++)
        kinds += reference_e(t->kind_harmed[k], t->kind_resolved[k], tolerated) / count;
    return count < 2 ? all : 0.8 * all + 0.2 * kinds;
}

static bool is_too_bad(const struct world *w, const struct tally *t, uint32_t ring)
{
    const struct rollout_plan *plan = &w->live.plan;
    double tolerated = plan->max_failure_percent / 500.0, parts = ring + 1 < plan->rings.count ? 2 : 1;
    if (plan->max_failure_percent == 100 || t->harmed < (t->members <= 2 ? 1u : 2u) ||
        t->harmed <= w->live.rings[ring].accepted)
        return false;
    for (uint32_t i = 0; i < ring; i++)
        parts *= 2;
    return e_of_ring(w, t, tolerated < 0.005 ? 0.005 : tolerated) >= 20 * parts * (1 - 1e-9);
}

static const char *check_looks(const struct world *w)
{
    if (strcmp(w->step, "kill") == 0)
        return NULL; /* as it was before: H5 */
    for (uint32_t i = 0; i < w->live.plan.rings.count; i++) {
        const struct ring_end *before = &w->before.rings[i].end, *now = &w->live.rings[i].end;
        const char *bad = reference_look(&w->before, &w->live, i, w->now_ms);
        if (bad != NULL)
            return bad;
        if (reference_look_failed(before, now) && w->live.rings[i].state != RING_FAILED && !w->person)
            return "H12: a gate has failed, and the ring goes on";
        if (now->looks == before->looks)
            continue;
        if (w->now_ms < w->live.settled_ms && !w->person)
            return "H12: a look too soon after a restart";
        seen.looks++;
        for (uint32_t k = 0; k < now->count; k++) {
            seen.compared += now->gates[k].kind == RING_END_METRIC && now->gates[k].compared.strata > 0;
            seen.failed += now->gates[k].verdict == GATE_FAIL;
            seen.missing += now->gates[k].verdict == GATE_NOT_ENOUGH;
        }
    }
    return NULL;
}

static bool has_failed_look(const struct world *w)
{
    bool failed = false;
    for (uint32_t i = 0; i < w->live.plan.rings.count; i++)
        failed = failed || reference_look_failed(&w->before.rings[i].end, &w->live.rings[i].end);
    return failed;
}

static const char *check_halt(const struct world *w, const struct reference_member *ref)
{
    bool too_bad = false, was_going = rollout_next(w->before.state, ROLLOUT_ON_HARM) >= 0;
    for (uint32_t i = 0; i < w->live.plan.rings.count; i++) {
        struct tally t = tally(w, ref, i);
        too_bad = too_bad || (w->live.rings[i].state != RING_WAITING && is_too_bad(w, &t, i));
    }
    if (too_bad && rollout_next(w->live.state, ROLLOUT_ON_HARM) >= 0)
        return "H9: too much harm, and it goes on";
    if (!too_bad && was_going && w->live.state == ROLLOUT_HALTED &&
        strstr(w->live.reason, "crashed") == NULL &&
        strstr(w->live.reason, "more often than without") == NULL && !has_failed_look(w))
        return "H9: halted without evidence";
    return NULL;
}

static const char *check_world(const struct world *w)
{
    struct reference_member ref[MEMBERS_MAX];
    const char *bad = w->broken != NULL ? w->broken : rollout_check(&w->live);
    if (bad == NULL)
        bad = check_offers(w);
    if (bad == NULL)
        bad = check_attempts(w);
    if (bad == NULL)
        bad = check_stored(w);
    if (bad == NULL)
        bad = check_looks(w);
    if (bad != NULL)
        return bad;
    read_log(w, ref);
    for (uint32_t i = 0; bad == NULL && i < w->live.plan.rings.count; i++) {
        const struct rollout_ring *g = &w->live.rings[i];
        struct tally t = tally(w, ref, i);
        if (g->state != RING_WAITING && g->bound != UINT32_MAX &&
            (t.open > g->bound || g->bound > w->live.plan.in_flight + t.resolutions))
            return "H3: more offers in force than the outcomes allow";
        if (g->state == RING_PASSED && w->before.rings[i].state != RING_PASSED)
            bad = check_pass(w, &t, i);
    }
    if (bad == NULL)
        bad = check_halt(w, ref);
    if (bad == NULL)
        bad = check_counts(w, ref);
    return bad != NULL ? bad : check_members(w, ref);
}

/* --- steps --- */

static void tick(struct world *w, const struct rollout_sink *sink)
{
    note(w, (struct log_line){.kind = LOG_TICK, .member = UINT32_MAX});
    rollout_tick(&w->live, w->now_ms, sink);
}

static void offer(struct world *w, uint32_t m, const struct rollout_sink *sink)
{
    if (attempt_is_open(w->live_members[m].state))
        w->broken = "H11: an attempt is replaced before it is over";
    if (w->stopped)
        w->broken = "H10: an offer after the answer to pause or abort";
    note(w, (struct log_line){.kind = LOG_OFFER, .member = m});
    rollout_offer(&w->live, m, w->next_attempt++, w->now_ms, sink);
    seen.offers++;
}

/* Gated metrics, of the image that runs: most devices have them, now and then one is left out. */
static void report_values(struct world *w, uint32_t m)
{
    struct rollout_values *v = &w->counters[m].values;
    w->had_run[m] = w->runs[m];
    for (uint32_t i = 0; i < w->live.plan.metrics.count; i++)
        v->of[i] = 1000 + (int64_t)draw(w, 100) - (w->runs[m] ? w->worse : 0);
    v->known = (uint8_t)(w->reports[m] ? (1u << w->live.plan.metrics.count) - 1u : 0u);
    if (draw(w, 30) == 0)
        v->known &= 1u;
}

/* As a server does: alive, events, presence, offer. */
static void check_in(struct world *w, uint32_t m, const struct rollout_sink *sink)
{
    static const enum ot_event_kind kinds[] = {
        OT_EVENT_DOWNLOADING, OT_EVENT_INSTALLED, OT_EVENT_SWITCHING,  OT_EVENT_BOOTED,   OT_EVENT_CONFIRMED,
        OT_EVENT_CONFIRMED,   OT_EVENT_CONFIRMED, OT_EVENT_REVERTED,   OT_EVENT_REJECTED, OT_EVENT_FAILED,
        OT_EVENT_NO_FALLBACK, OT_EVENT_WITHDRAWN, OT_EVENT_LATE_REVERT};
    uint64_t events = w->live_members[m].attempt != 0 ? draw(w, 4) : 0;
    w->counters[m].of[WATCH_CRASHES] += draw(w, 20) == 0;
    w->counters[m].of[WATCH_LINK_LOSSES] += (uint32_t)draw(w, 3);
    for (uint64_t i = 0; i < events; i++) {
        bool usual = draw(w, 3) != 0;
        struct log_line e = {.kind = LOG_EVENT,
                             .member = m,
                             .event = kinds[draw(w, usual ? 7 : sizeof kinds / sizeof kinds[0])]};
        if (e.event == OT_EVENT_CONFIRMED)
            w->runs[m] = draw(w, 10) != 0; /* or it lies */
        else if (e.event == OT_EVENT_REVERTED || e.event == OT_EVENT_LATE_REVERT)
            w->runs[m] = false;
        e.runs_target = w->runs[m];
        for (uint64_t again = draw(w, 6) == 0 ? 2 : 1; again > 0; again--) {
            note(w, e);
            rollout_event(&w->live, m, e.event, OT_OK, e.runs_target, w->now_ms, sink);
        }
    }
    report_values(w, m);
    note(w, (struct log_line){.kind = LOG_ALIVE, .member = m});
    rollout_alive(&w->live, m, w->now_ms, sink);
    note(w, (struct log_line){.kind = LOG_SEEN, .member = m, .runs_target = w->runs[m]});
    rollout_seen(&w->live, m, w->runs[m], &w->counters[m], w->now_ms, sink);
    if (w->runs[m] && draw(w, 3) == 0) {
        note(w, (struct log_line){.kind = LOG_ADOPT, .member = m});
        rollout_adopt(&w->live, m, w->now_ms, sink);
    } else if (is_offered(w, m, w->runs[m])) {
        offer(w, m, sink);
    } else {
        seen.refused_offers += w->stopped;
    }
}

static void operate(struct world *w, const struct rollout_sink *sink)
{
    w->person = true;
    switch (draw(w, 13)) {
    case 0:
    case 1:
        w->step = "pause";
        w->stopped = rollout_pause(&w->live, "why", sink) == 0 || w->stopped;
        break;
    case 2:
        w->step = "widen";
        if (rollout_next(w->live.state, ROLLOUT_ON_WIDEN) >= 0)
            note(w, (struct log_line){.kind = LOG_TICK, .member = UINT32_MAX});
        w->stopped = rollout_widen(&w->live, "why", w->now_ms, sink) != 0 && w->stopped;
        break;
    case 3:
        w->step = "retry";
        if (rollout_retry(&w->live, UINT32_MAX, "why", w->now_ms, sink) == 0)
            note(w, (struct log_line){.kind = LOG_RETRY, .member = UINT32_MAX});
        break;
    case 4:
        w->step = "abort";
        if (draw(w, 10) == 0)
            w->stopped = rollout_abort(&w->live, "why", w->now_ms, sink) == 0 || w->stopped;
        break;
    case 5:
        w->step = "recall";
        if (draw(w, 10) == 0)
            w->stopped = rollout_recall(&w->live, "why", w->now_ms, sink) == 0 || w->stopped;
        break;
    default:
        w->step = "resume";
        if (rollout_next(w->live.state, ROLLOUT_ON_RESUME) >= 0)
            note(w, (struct log_line){.kind = LOG_TICK, .member = UINT32_MAX});
        w->stopped = rollout_resume(&w->live, "why", w->now_ms, sink) != 0 && w->stopped;
        break;
    }
}

static void join(struct world *w, const struct rollout_sink *sink)
{
    if (w->live.member_count == MEMBERS_MAX || w->live.state != ROLLOUT_RUNNING)
        return;
    uint32_t ring = (uint32_t)draw(w, w->live.plan.rings.count);
    struct rollout_member *m = &w->live_members[w->live.member_count++];
    *m = (struct rollout_member){.device = w->live.member_count};
    m->ring = (uint8_t)rollout_ring_for_joiner(&w->live, ring);
    m->stratum =
        m->device % 5 == 0 ? STRATA_NONE : m->device % (w->live.stratum_count + 1); /* or of no kind */
    rollout_joined(&w->live, sink);
}

static void one_step(struct world *w)
{
    struct rollout_sink sink = {.ctx = w, .effect = on_effect};
    uint64_t choice = draw(w, 100);
    w->before = w->live;
    memcpy(w->kinds_before, w->stored_kinds, sizeof w->kinds_before);
    memcpy(w->before_members, w->live_members, sizeof w->before_members);
    w->log_before = w->log_len;
    w->stopped_before = w->stopped;
    w->person = false;
    w->now_ms += draw(w, 4) == 0 ? draw(w, 20000000) : draw(w, 300000);
    if (choice < 4) {
        w->step = "poll";
        for (uint32_t m = 0; m < w->live.member_count && w->live.state == w->before.state; m++)
            check_in(w, m, &sink);
        if (w->live.state == w->before.state)
            tick(w, &sink);
    } else if (choice < 70 && w->live.member_count > 0) {
        w->step = "check-in";
        check_in(w, (uint32_t)draw(w, w->live.member_count), &sink);
    } else if (choice < 88) {
        w->step = "tick";
        tick(w, &sink);
    } else if (choice < 93) {
        w->step = "join";
        join(w, &sink);
    } else {
        operate(w, &sink);
    }
    bool stopped = w->live.state == ROLLOUT_HALTED || rollout_is_over(w->live.state);
    if (stopped && w->before.state != w->live.state)
        note(w, (struct log_line){.kind = LOG_TAKE_BACK, .member = UINT32_MAX});
    seen.halted += w->live.state == ROLLOUT_HALTED && w->before.state != ROLLOUT_HALTED;
    seen.held += w->live.state == ROLLOUT_HELD && w->before.state != ROLLOUT_HELD;
    seen.finished += w->live.state == ROLLOUT_FINISHED && w->before.state != ROLLOUT_FINISHED;
    for (uint32_t i = 0; i < w->before.member_count; i++) {
        enum attempt_state before = w->before_members[i].state, now = w->live_members[i].state;
        seen.lost += before == ATTEMPT_CONFIRMED && now == ATTEMPT_SILENT;
        seen.back += before == ATTEMPT_SILENT && now == ATTEMPT_CONFIRMED;
    }
    seen.watched += w->live.watch.counts.expected[1] > w->before.watch.counts.expected[1];
    seen.steps++;
}

/* kill -9: before the commit the step never was; behind it everything is there. */
static void maybe_kill(struct world *w, struct rollout *stored, struct rollout_member *members)
{
    if (draw(w, 25) != 0)
        return;
    seen.kills++;
    if (draw(w, 2) == 0) {
        w->stored = *stored;
        memcpy(w->stored_members, members, sizeof w->stored_members);
        memcpy(w->stored_kinds, w->kinds_before, sizeof w->stored_kinds);
        w->log_len = w->log_before;
        w->stopped = w->stopped_before; /* that pause was never answered */
        w->before = *stored;            /* nothing has passed in this step */
    }
    restore(w);
    w->step = "kill";
}

/* --- the end --- */

enum fate { DEAD, AWAY, ENDLESS, WELL, FATES };

/* Alive, and nothing ever comes of it: it says that it downloads, whatever it is asked. */
static void live_on(struct world *w, uint32_t m, enum fate fate, const struct rollout_sink *sink)
{
    static const enum ot_event_kind good_way[] = {OT_EVENT_DOWNLOADING, OT_EVENT_INSTALLED,
                                                  OT_EVENT_SWITCHING, OT_EVENT_BOOTED, OT_EVENT_CONFIRMED};
    bool is_open = attempt_is_open(w->live_members[m].state);
    for (unsigned i = 0; is_open && i < (fate == ENDLESS ? 1 : 5); i++) {
        w->runs[m] = w->runs[m] || good_way[i] == OT_EVENT_CONFIRMED;
        rollout_event(&w->live, m, good_way[i], OT_OK, w->runs[m], w->now_ms, sink);
    }
    report_values(w, m);
    rollout_alive(&w->live, m, w->now_ms, sink);
    rollout_seen(&w->live, m, w->runs[m], &w->counters[m], w->now_ms, sink);
    if (is_offered(w, m, w->runs[m]))
        offer(w, m, sink);
}

/* No operator any more; devices by their fates and new ones, for longer than all rings together may take. */
static const char *play_fates(struct world *w, const struct rollout_sink *sink)
{
    enum fate fates[MEMBERS_MAX];
    uint64_t each_ms = (uint64_t)rollout_plan_decide_by_s(&w->live.plan) * 1000u;
    uint64_t end_ms = w->now_ms + each_ms * (w->live.plan.rings.count + 1u);
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        fates[i] = (enum fate)draw(w, FATES);
    while (w->now_ms < end_ms) {
        w->now_ms += 1 + draw(w, each_ms / 2);
        if (draw(w, 8) == 0)
            join(w, sink);
        for (uint32_t i = 0; i < w->live.member_count; i++) {
            fates[i] = fates[i] == AWAY && draw(w, 4) == 0 ? WELL : fates[i];
            if (fates[i] == ENDLESS || fates[i] == WELL)
                live_on(w, i, fates[i], sink);
        }
        rollout_tick(&w->live, w->now_ms, sink);
        const char *bad = rollout_check(&w->live);
        if (bad != NULL || w->broken != NULL)
            return bad != NULL ? bad : w->broken;
    }
    return w->live.state == ROLLOUT_RUNNING ? "H8: a ring that waits for ever" : NULL;
}

static const char *play_end(struct world *w)
{
    struct rollout_sink sink = {.ctx = w, .effect = on_effect};
    w->step = "the end";
    const char *bad = play_fates(w, &sink);
    if (bad != NULL)
        return bad;
    seen.ends[w->live.state]++;
    w->now_ms += w->live.plan.stale_after_s * 1000ull + w->live.plan.lease_s * 1000ull;
    rollout_tick(&w->live, w->now_ms, &sink);
    for (uint32_t i = 0; i < w->live.member_count; i++) {
        if (attempt_is_open(w->live_members[i].state))
            return "H7: an attempt without an outcome";
    }
    return rollout_check(&w->live);
}

/* --- one history --- */

/* Mostly the last: there must be some that wait. */
static uint8_t ring_of(struct world *w)
{
    uint32_t count = w->live.plan.rings.count;
    return (uint8_t)(draw(w, 2) == 0 ? count - 1 : draw(w, count));
}

static void set_up(struct world *w, uint64_t seed)
{
    static const char *const rings[] = {"internal", "10%", "50%", "rest"};
    static const uint32_t soaks[] = {0, 60, 3600, 40000}, quorums[] = {50, 90, 100},
                          limits[] = {0, 10, 30, 100};
    char err[200];
    struct rollout_sink sink = {.ctx = w, .effect = on_effect};
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->next_attempt = 1;
    w->now_ms = draw(w, 1000000);
    w->step = "start";
    w->live.plan = rollout_plan_default();
    w->live.poll_s =
        draw(w, 4) == 0 ? 50000 : 60 + (uint32_t)draw(w, 4000); /* rare: many are heard of within three */
    w->live.plan.in_flight = 1 + (uint32_t)draw(w, 5);
    w->live.plan.soak_s = soaks[draw(w, 4)];
    w->live.plan.quorum_percent = quorums[draw(w, 3)];
    w->live.plan.max_failure_percent = limits[draw(w, 4)];
    w->live.plan.decide_by_s = draw(w, 2) == 0 ? 0 : 50000;
    for (uint64_t i = draw(w, 4); i > 1; i--) /* none, none, one, two */
        (void)rollout_metrics_add(&w->live.plan.metrics,
                                  i == 2 ? "heap_floor:lower_is_worse" : "boot_ms:higher_is_worse:0%", err,
                                  sizeof err);
    w->worse = draw(w, 3) == 0 ? 400 : 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        w->reports[i] = draw(w, 50) != 0;
    for (uint64_t i = draw(w, 4); i < 4; i++)
        (void)ring_plan_add(&w->live.plan.rings, rings[i], err, sizeof err);
    w->live.member_count = (uint32_t)draw(w, MEMBERS_MAX);
    for (uint32_t i = 0; i < w->live.member_count; i++)
        w->live_members[i] =
            (struct rollout_member){.device = i, .ring = ring_of(w), .stratum = draw(w, 12) == 0 ? 1 : 0};
    w->live.members = w->live_members;
    w->live.strata = w->kinds;
    w->live.stratum_count = (uint32_t)(seed % (KINDS_MAX + 1));
    for (uint32_t i = 0; i < w->live.member_count; i++)
        w->live_members[i].stratum = w->live.stratum_count > 0 ? i * i % w->live.stratum_count : 0;
    for (uint32_t i = 0; i < KINDS_MAX; i++)
        w->kinds[i].name = "some kind";
    memcpy(w->stored_kinds, w->kinds, sizeof w->kinds);
    rollout_prepare(&w->live);
    w->stored = w->live;
    memcpy(w->stored_members, w->live_members, sizeof w->stored_members);
    note(w, (struct log_line){.kind = LOG_TICK, .member = UINT32_MAX});
    (void)rollout_start(&w->live, w->now_ms, &sink);
}

static const char *play(struct world *w, uint64_t seed, unsigned *step)
{
    static struct rollout stored;
    static struct rollout_member members[MEMBERS_MAX];
    set_up(w, seed);
    unsigned steps = 10 + (unsigned)draw(w, STEPS_MAX - 10);
    const char *bad = rollout_check(&w->live);
    for (*step = 0; bad == NULL && *step < steps; ++*step) {
        stored = w->stored;
        memcpy(members, w->stored_members, sizeof members);
        one_step(w);
        bad = check_world(w);
        if (bad != NULL)
            break;
        maybe_kill(w, &stored, members);
        bad = check_world(w);
    }
    return bad != NULL ? bad : play_end(w);
}

int main(int argc, char **argv)
{
    static struct world w;
    uint64_t histories = 10000, first = 1;
    unsigned step = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--histories") == 0)
            histories = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            first = strtoull(argv[i + 1], NULL, 10);
    }
    for (uint64_t seed = first; seed < first + histories; seed++) {
        const char *bad = play(&w, seed, &step);
        if (bad == NULL)
            continue;
        printf("seed %" PRIu64 ", step %u (%s), %u members: %s\n", seed, step, w.step, w.live.member_count,
               bad);
        return 1;
    }
    printf("%" PRIu64 " histories from seed %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " offers, %" PRIu64
           " rings passed, %" PRIu64 " held, %" PRIu64 " halts, %" PRIu64 " finished, %" PRIu64
           " kills, %" PRIu64 " intervals watched, %" PRIu64 " check-ins during a pause, %" PRIu64
           " lost in soak, %" PRIu64 " came back, %" PRIu64 " looks, %" PRIu64 " metrics compared, %" PRIu64
           " gates failed, %" PRIu64 " without reports\n",
           histories, first, seen.steps, seen.offers, seen.passed, seen.held, seen.halted, seen.finished,
           seen.kills, seen.watched, seen.refused_offers, seen.lost, seen.back, seen.looks, seen.compared,
           seen.failed, seen.missing);
    printf("ended:");
    for (unsigned i = 0; i < ROLLOUT_STATES; i++)
        printf(" %" PRIu64 " %s", seen.ends[i], rollout_state_name((enum rollout_state)i));
    printf("\n");
    /* A generator that never gets there proves nothing. */
    return histories < 1000 || (seen.passed > 0 && seen.held > 0 && seen.halted > 0 && seen.finished > 0 &&
                                seen.watched > 0 && seen.refused_offers > 0 && seen.lost > 0 &&
                                seen.back > 0 && seen.compared > 0 && seen.failed > 0 && seen.missing > 0 &&
                                seen.ends[ROLLOUT_RECALLED] > 0)
               ? 0
               : 1;
}
