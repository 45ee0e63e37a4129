/*
 * A plan, played: see rollout/forecast.h.
 *
 * A device is one event at a time: its next check-in. It is either there, and comes about each gap, or away, for a time
 * drawn from an exponential distribution; the two alternate so that the part of the time away is what its habit says. While
 * its ring waits nothing happens to it, so it is asleep until the ring opens.
 *
 * Where a ring is played by part of its devices, its bound is made smaller by the same part. Below one device at a time it
 * cannot go: then the doublings that it does not play are added to the ring's time, at one attempt and one gap each.
 */
#include "rollout/forecast.h"

#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 800000u /* of all runs together, about */
#define SOAK_STEPS 16u     /* check-ins of a soak that are played, at most */
#define NO_TIME    UINT64_MAX

enum phase { PHASE_WAITS, PHASE_UPDATES, PHASE_SOAKS, PHASE_DONE };

struct actor {
    const struct forecast_device *device;
    uint64_t next_ms;   /* check-in */
    uint64_t leaves_ms; /* goes away then */
    uint64_t ends_ms;   /* of its attempt */
    enum phase phase;
};

struct play {
    const struct forecast_input *in;
    struct rollout r;
    struct rollout_member *members;
    struct actor *actors;
    uint32_t *heap, heap_count; /* actors by next_ms */
    uint64_t random, now_ms, attempts, events;
    uint32_t soak_step_ms;
    uint64_t opened_ms[ROLLOUT_RINGS_MAX], passed_ms[ROLLOUT_RINGS_MAX], late_ms[ROLLOUT_RINGS_MAX];
};

/* --- chance --- */

/* splitmix64 */
static uint64_t draw(struct play *p)
{
    uint64_t z = p->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* In (0, 1]. */
static double chance(struct play *p)
{
    return ((double)(draw(p) >> 11) + 1) * 0x1p-53;
}

static uint64_t exponential_ms(struct play *p, double mean_ms)
{
    return (uint64_t)(-log(chance(p)) * mean_ms);
}

/* --- the actor that comes next --- */

static bool is_sooner(const struct play *p, uint32_t a, uint32_t b)
{
    uint64_t x = p->actors[a].next_ms, y = p->actors[b].next_ms;
    return x != y ? x < y : a < b;
}

static void sift_down(struct play *p, uint32_t at)
{
    for (;;) {
        uint32_t least = at, child = 2 * at + 1;
        for (uint32_t c = child; c < p->heap_count && c < child + 2; c++)
            least = is_sooner(p, p->heap[c], p->heap[least]) ? c : least;
        if (least == at)
            return;
        uint32_t moved = p->heap[at];
        p->heap[at] = p->heap[least];
        p->heap[least] = moved;
        at = least;
    }
}

static void heapify(struct play *p)
{
    for (uint32_t i = p->heap_count / 2; i > 0; i--)
        sift_down(p, i - 1);
}

/* --- coming and going --- */

static double gap_ms(const struct play *p, const struct actor *a)
{
    return a->device->habit.gap_ms != 0 ? a->device->habit.gap_ms : p->in->poll_s * 1000.0;
}

/* How long it stays, so that it is away for its part of the time. */
static void plan_leave(struct play *p, struct actor *a, uint64_t from_ms)
{
    const struct poll_habit *h = &a->device->habit;
    if (h->away_ppm == 0 || h->away_s == 0) {
        a->leaves_ms = NO_TIME;
        return;
    }
    double away = h->away_ppm < 999000 ? h->away_ppm / 1e6 : 0.999;
    a->leaves_ms = from_ms + exponential_ms(p, h->away_s * 1000.0 * (1 - away) / away);
}

/* As long as usual, more or less: evenly about it when that is narrow, exponentially when it may be anything. */
static uint64_t is_away_ms(struct play *p, const struct actor *a)
{
    double usual_ms = a->device->habit.away_s * 1000.0, spread_ms = a->device->habit.away_spread_s * 1000.0;
    if (spread_ms * 2 >= usual_ms)
        return exponential_ms(p, usual_ms);
    return (uint64_t)(usual_ms + 2 * spread_ms * (2 * chance(p) - 1)); /* this has that mean distance */
}

/* It is away, since nobody knows when in the middle of it: the longer it has been so, the longer it may be. */
static uint64_t comes_back_ms(struct play *p, const struct actor *a, uint64_t unheard_s)
{
    uint64_t usual_s = a->device->habit.away_s;
    if (unheard_s > usual_s)
        return exponential_ms(p, (double)unheard_s * 1000.0);
    return (uint64_t)((double)is_away_ms(p, a) * chance(p));
}

static void enter(struct play *p, struct actor *a)
{
    const struct forecast_device *d = a->device;
    double gap = gap_ms(p, a);
    a->phase = PHASE_WAITS;
    a->next_ms = (uint64_t)(chance(p) * gap);
    if ((double)d->unheard_s * 1000.0 > HABIT_AWAY_POLLS * gap &&
        d->unheard_s > HABIT_AWAY_POLLS * p->in->poll_s)
        a->next_ms += comes_back_ms(p, a, d->unheard_s);
    plan_leave(p, a, a->next_ms);
    if (d->is_barred) {
        a->phase = PHASE_DONE;
        a->next_ms = NO_TIME;
    }
}

/* After a check-in: about a gap later, or when it is back. */
static void come_again(struct play *p, struct actor *a, double wanted_ms)
{
    a->next_ms = p->now_ms + (uint64_t)(wanted_ms * (0.9 + 0.2 * chance(p))) + 1;
    if (a->next_ms <= a->leaves_ms)
        return;
    a->next_ms = (p->now_ms > a->leaves_ms ? p->now_ms : a->leaves_ms) + 1 + is_away_ms(p, a);
    plan_leave(p, a, a->next_ms);
}

/* --- one check-in --- */

static void on_effect(void *ctx, const struct rollout_effect *effect)
{
    struct play *p = ctx;
    if (effect->kind != EFFECT_RING)
        return;
    enum ring_state state = p->r.rings[effect->ring].state;
    if (state == RING_ACTIVE && p->opened_ms[effect->ring] == NO_TIME)
        p->opened_ms[effect->ring] = p->now_ms;
    if (state == RING_PASSED && p->passed_ms[effect->ring] == NO_TIME)
        p->passed_ms[effect->ring] = p->now_ms;
}

static void tell(struct play *p, uint32_t m, enum ot_event_kind kind)
{
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    rollout_event(&p->r, m, kind, OT_OK, kind == OT_EVENT_CONFIRMED, p->now_ms, &sink);
}

static void seen(struct play *p, uint32_t m, bool runs_target)
{
    struct rollout_counters none = {.of = {0}};
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    rollout_seen(&p->r, m, runs_target, &none, p->now_ms, &sink);
}

static void begin_update(struct play *p, uint32_t m)
{
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    struct actor *a = &p->actors[m];
    uint32_t took = p->in->attempt_s[(uint32_t)(draw(p) % p->in->attempt_count)];
    rollout_offer(&p->r, m, ++p->attempts, p->now_ms, &sink);
    tell(p, m, OT_EVENT_DOWNLOADING);
    a->phase = PHASE_UPDATES;
    a->ends_ms = p->now_ms + took * 1000ull;
}

/* Alive on the way, so that it is not taken for silent; then the outcome. */
static void go_on_updating(struct play *p, uint32_t m)
{
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    struct actor *a = &p->actors[m];
    if (p->now_ms < a->ends_ms) {
        rollout_alive(&p->r, m, p->now_ms, &sink);
        return;
    }
    tell(p, m, OT_EVENT_CONFIRMED);
    a->phase = p->r.plan.soak_s > 0 ? PHASE_SOAKS : PHASE_DONE;
}

static void go_on_soaking(struct play *p, uint32_t m)
{
    if (p->r.members[m].state == ATTEMPT_SILENT)
        tell(p, m, OT_EVENT_CONFIRMED); /* back */
    seen(p, m, true);
    if (p->r.members[m].soak_ms >= p->r.plan.soak_s * 1000ull)
        p->actors[m].phase = PHASE_DONE;
}

static double next_wish(const struct play *p, const struct actor *a)
{
    double gap = gap_ms(p, a);
    uint64_t stale_ms = p->r.plan.stale_after_s * 1000ull;
    if (a->phase == PHASE_SOAKS) {
        uint64_t left_ms = p->r.plan.soak_s * 1000ull - p->r.members[a - p->actors].soak_ms;
        uint64_t step_ms = left_ms < p->soak_step_ms ? left_ms : p->soak_step_ms;
        return gap > (double)step_ms ? gap : (double)step_ms;
    }
    if (a->phase != PHASE_UPDATES)
        return gap;
    uint64_t left = a->ends_ms > p->now_ms ? a->ends_ms - p->now_ms : 0;
    return (double)(left < stale_ms / 2 ? left : stale_ms / 2) / 1.1; /* not later, whatever chance adds */
}

static void adopt(struct play *p, uint32_t m)
{
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    rollout_adopt(&p->r, m, p->now_ms, &sink);
    p->actors[m].phase = p->r.plan.soak_s > 0 ? PHASE_SOAKS : PHASE_DONE;
}

static void check_in(struct play *p, uint32_t m)
{
    struct actor *a = &p->actors[m];
    p->events++;
    if (a->phase == PHASE_UPDATES)
        go_on_updating(p, m);
    else if (a->phase == PHASE_SOAKS)
        go_on_soaking(p, m);
    else if (a->device->runs_it)
        adopt(p, m);
    else if (rollout_may_offer(&p->r, m) == ROLLOUT_OFFER)
        begin_update(p, m);
    else if (p->r.rings[p->r.members[m].ring].state == RING_WAITING)
        a->next_ms = NO_TIME; /* asleep: woken when the ring opens */
    if (a->phase == PHASE_DONE)
        a->next_ms = NO_TIME;
    else if (a->next_ms != NO_TIME)
        come_again(p, a, next_wish(p, a));
}

/* --- one run --- */

/* Its ring is open: everybody in it comes within a gap, or when he is back. */
static void wake(struct play *p, uint32_t ring)
{
    for (uint32_t m = 0; m < p->r.member_count; m++) {
        struct actor *a = &p->actors[m];
        if (p->r.members[m].ring != ring || a->next_ms != NO_TIME || a->phase != PHASE_WAITS)
            continue;
        double away = a->device->habit.away_ppm / 1e6;
        plan_leave(p, a, p->now_ms);
        a->next_ms = p->now_ms + (uint64_t)(chance(p) * gap_ms(p, a));
        if (chance(p) < away)
            a->next_ms += comes_back_ms(p, a, 0);
        if (a->next_ms > a->leaves_ms)
            plan_leave(p, a, a->next_ms);
    }
    heapify(p);
}

/* To the second at first, and to half a percent of the time that the ring has been open. */
static uint64_t tick_ms(const struct play *p, int open)
{
    uint64_t since_ms = open >= 0 ? p->now_ms - p->opened_ms[open] : 0;
    return since_ms / 200u > 1000u ? since_ms / 200u : 1000u;
}

/* Doublings that a bound of one device, which stands for `weight`, leaves out. */
static uint64_t left_out_ms(const struct play *p, uint32_t in_flight, double weight)
{
    uint64_t middle_s = p->in->attempt_s[p->in->attempt_count / 2];
    double doublings = weight > in_flight ? ceil(log2(weight / in_flight)) : 0;
    return (uint64_t)(doublings * (double)(middle_s + p->in->poll_s) * 1000.0);
}

static void set_bound(struct play *p, const uint32_t real[ROLLOUT_RINGS_MAX], uint32_t ring)
{
    struct rollout_ring *g = &p->r.rings[ring];
    double weight = g->members > 0 ? (double)real[ring] / g->members : 1;
    p->late_ms[ring] = 0;
    if (g->bound == UINT32_MAX || weight <= 1)
        return;
    double bound = p->in->plan->in_flight / weight;
    g->bound = bound >= 1 ? (uint32_t)bound : 1;
    p->late_ms[ring] = left_out_ms(p, p->in->plan->in_flight, weight);
}

static void run(struct play *p, const uint32_t real[ROLLOUT_RINGS_MAX])
{
    struct rollout_sink sink = {.ctx = p, .effect = on_effect};
    uint64_t next_tick = 0;
    uint64_t end = (uint64_t)rollout_plan_decide_by_s(p->in->plan) * 1000u * p->r.plan.rings.count + 1000;
    int open = -1;
    (void)rollout_start(&p->r, p->now_ms, &sink);
    while (p->r.state == ROLLOUT_RUNNING && p->now_ms < end) {
        int now_open = rollout_open_ring(&p->r);
        if (now_open >= 0 && now_open != open) {
            set_bound(p, real, (uint32_t)now_open);
            wake(p, (uint32_t)now_open);
        }
        open = now_open;
        uint64_t comes = p->heap_count > 0 ? p->actors[p->heap[0]].next_ms : NO_TIME;
        if (comes > next_tick) {
            p->now_ms = next_tick;
            rollout_tick(&p->r, p->now_ms, &sink);
            next_tick += tick_ms(p, open);
            continue;
        }
        p->now_ms = comes > p->now_ms ? comes : p->now_ms;
        check_in(p, p->heap[0]);
        sift_down(p, 0);
    }
}

static void set_up(struct play *p, uint64_t seed)
{
    uint64_t soak_step = p->in->plan->soak_s * 1000ull / SOAK_STEPS;
    memset(&p->r, 0, sizeof p->r);
    p->r.plan = *p->in->plan;
    p->r.plan.metrics =
        (struct rollout_metrics){.count = 0}; /* nothing is measured in a play: not held for that */
    p->r.members = p->members;
    p->r.member_count = p->heap_count;
    p->soak_step_ms = (uint32_t)(soak_step > UINT32_MAX ? UINT32_MAX : soak_step);
    /* soak is counted in larger steps than polls: a gap that is capped at three polls is capped at three of those */
    p->r.poll_s = p->soak_step_ms / 1000u > p->in->poll_s ? p->soak_step_ms / 1000u : p->in->poll_s;
    memset(p->members, 0, p->heap_count * sizeof *p->members);
    p->random = seed;
    p->now_ms = p->attempts = 0;
    for (uint32_t i = 0; i < ROLLOUT_RINGS_MAX; i++)
        p->opened_ms[i] = p->passed_ms[i] = NO_TIME;
    for (uint32_t m = 0; m < p->heap_count; m++) {
        p->members[m].ring = p->actors[m].device->ring;
        enter(p, &p->actors[m]);
        p->heap[m] = m;
    }
    rollout_prepare(&p->r);
    heapify(p);
}

/* --- all runs --- */

struct sums {
    uint64_t begins[ROLLOUT_RINGS_MAX][FORECAST_RUNS_MAX], takes[ROLLOUT_RINGS_MAX][FORECAST_RUNS_MAX],
        whole[FORECAST_RUNS_MAX];
    uint32_t begun[ROLLOUT_RINGS_MAX], passed[ROLLOUT_RINGS_MAX], finished;
};

static void add_up(const struct play *p, struct sums *s, struct forecast_result *out)
{
    uint64_t late_ms = 0;
    for (uint32_t i = 0; i < p->r.plan.rings.count; i++) {
        if (p->opened_ms[i] == NO_TIME)
            break;
        s->begins[i][s->begun[i]++] = (p->opened_ms[i] + late_ms) / 1000u;
        late_ms += p->late_ms[i];
        if (p->passed_ms[i] != NO_TIME)
            s->takes[i][s->passed[i]++] = (p->passed_ms[i] - p->opened_ms[i] + p->late_ms[i]) / 1000u;
    }
    out->finished += p->r.state == ROLLOUT_FINISHED;
    out->held += p->r.state == ROLLOUT_HELD;
    out->halted += p->r.state == ROLLOUT_HALTED;
    if (p->r.state == ROLLOUT_FINISHED)
        s->whole[s->finished++] = (p->now_ms + late_ms) / 1000u;
    else if (out->reason[0] == '\0')
        snprintf(out->reason, sizeof out->reason, "%s", p->r.reason);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of all runs: what never came is longer than all that did. */
static struct forecast_span span_of(uint64_t *list, uint32_t count, uint32_t runs)
{
    uint32_t middle = (runs - 1) / 2, high = (runs * 9 + 9) / 10 - 1;
    qsort(list, count, sizeof *list, by_size);
    return (struct forecast_span){.median_s = middle < count ? list[middle] : FORECAST_NEVER,
                                  .p90_s = high < count ? list[high] : FORECAST_NEVER};
}

static void conclude(struct sums *s, const struct forecast_input *in, const uint32_t real[ROLLOUT_RINGS_MAX],
                     struct forecast_result *out)
{
    for (uint32_t i = 0; i < in->plan->rings.count; i++) {
        struct forecast_ring *g = &out->rings[i];
        g->members = real[i];
        g->passed = s->passed[i];
        g->begins = span_of(s->begins[i], s->begun[i], out->runs);
        g->takes = span_of(s->takes[i], s->passed[i], out->runs);
    }
    out->takes = span_of(s->whole, s->finished, out->runs);
}

/* Of a large ring every n-th device, so that what is common is common here. */
static uint32_t choose(const struct forecast_input *in, const uint32_t real[ROLLOUT_RINGS_MAX],
                       struct play *p)
{
    uint32_t count = 0, met[ROLLOUT_RINGS_MAX] = {0}, taken[ROLLOUT_RINGS_MAX] = {0};
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t ring = in->devices[i].ring, all = real[ring];
        uint32_t wanted = all > FORECAST_RING_MAX ? FORECAST_RING_MAX : all;
        met[ring]++;
        if ((uint64_t)met[ring] * wanted / all <= taken[ring])
            continue;
        taken[ring]++;
        p->actors[count++].device = &in->devices[i];
    }
    return count;
}

int rollout_forecast(const struct forecast_input *in, struct forecast_result *out)
{
    uint32_t real[ROLLOUT_RINGS_MAX] = {0};
    for (uint32_t i = 0; i < in->count; i++)
        real[in->devices[i].ring]++;
    struct play *p = calloc(1, sizeof *p);
    struct sums *sums = calloc(1, sizeof *sums);
    size_t most = (size_t)FORECAST_RING_MAX * ROLLOUT_RINGS_MAX + 1;
    int result = -1;
    memset(out, 0, sizeof *out);
    if (p == NULL || sums == NULL)
        goto done;
    p->in = in;
    p->members = calloc(most, sizeof *p->members);
    p->actors = calloc(most, sizeof *p->actors);
    p->heap = calloc(most, sizeof *p->heap);
    if (p->members == NULL || p->actors == NULL || p->heap == NULL)
        goto done;
    p->heap_count = choose(in, real, p);
    while (out->runs < FORECAST_RUNS_MIN || (out->runs < FORECAST_RUNS_MAX && p->events < EVENTS_MAX)) {
        set_up(p, in->seed + out->runs * 0x632be59bd9b4e019u);
        run(p, real);
        add_up(p, sums, out);
        out->runs++;
    }
    conclude(sums, in, real, out);
    result = 0;
done:
    if (p != NULL) {
        free(p->members);
        free(p->actors);
        free(p->heap);
    }
    free(p);
    free(sums);
    return result;
}
