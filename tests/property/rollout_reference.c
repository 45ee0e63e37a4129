#include "rollout_reference.h"

#include <math.h>

static bool is_open(enum attempt_state s)
{
    return s >= ATTEMPT_OFFERED && s <= ATTEMPT_BOOTED;
}

static bool is_harm(enum attempt_state s)
{
    return s >= ATTEMPT_REVERTED && s <= ATTEMPT_SILENT;
}

static void become(struct reference_member *m, enum attempt_state s, uint64_t at_ms)
{
    bool counted = m->state == ATTEMPT_CONFIRMED || is_harm(m->state);
    m->state = s;
    m->heard_ms = at_ms;
    if (s == ATTEMPT_CONFIRMED) {
        m->soak_ms = 0;
        m->seen_ms = at_ms;
        m->soaking = true;
    }
    if (!counted && (s == ATTEMPT_CONFIRMED || is_harm(s)))
        m->resolutions++;
}

/* A step forward, if it is one. */
static void progress(struct reference_member *m, enum attempt_state s, uint64_t at_ms)
{
    if (is_open(m->state) && s > m->state)
        become(m, s, at_ms);
}

/* An outcome counts once, and also when the server had given the attempt up. */
static void outcome(struct reference_member *m, enum attempt_state s, uint64_t at_ms)
{
    if (is_open(m->state) || m->state == ATTEMPT_SILENT || m->state == ATTEMPT_WITHDRAWN ||
        m->state == ATTEMPT_SUPERSEDED)
        become(m, s, at_ms);
}

static void event(struct reference_member *m, const struct log_line *line)
{
    static const enum attempt_state of[] = {
        [OT_EVENT_DOWNLOADING] = ATTEMPT_DOWNLOADING, [OT_EVENT_INSTALLED] = ATTEMPT_INSTALLED,
        [OT_EVENT_SWITCHING] = ATTEMPT_SWITCHING,     [OT_EVENT_BOOTED] = ATTEMPT_BOOTED,
        [OT_EVENT_CONFIRMED] = ATTEMPT_CONFIRMED,     [OT_EVENT_REVERTED] = ATTEMPT_REVERTED,
        [OT_EVENT_REJECTED] = ATTEMPT_REJECTED,       [OT_EVENT_NO_FALLBACK] = ATTEMPT_NO_FALLBACK,
        [OT_EVENT_FAILED] = ATTEMPT_FAILED,           [OT_EVENT_WITHDRAWN] = ATTEMPT_WITHDRAWN,
        [OT_EVENT_LATE_REVERT] = ATTEMPT_REVERTED};
    enum attempt_state s = of[line->event];
    if (line->event == OT_EVENT_LATE_REVERT) {
        if (m->state == ATTEMPT_CONFIRMED || m->state == ATTEMPT_SILENT)
            become(m, s, line->at_ms);
    } else if (line->event == OT_EVENT_WITHDRAWN) {
        if (is_open(m->state) || m->state == ATTEMPT_SILENT)
            become(m, s, line->at_ms);
    } else if (is_open(s)) {
        progress(m, s, line->at_ms);
    } else if (s != ATTEMPT_CONFIRMED || line->runs_target) {
        outcome(m, s, line->at_ms);
    }
}

static void seen(struct reference_member *m, const struct log_line *line, uint64_t cap_ms)
{
    uint64_t gap = line->at_ms - m->seen_ms;
    bool is_back = m->state == ATTEMPT_SILENT && m->soaking && line->runs_target;
    m->state = is_back ? ATTEMPT_CONFIRMED : m->state;
    bool soaks = m->state == ATTEMPT_CONFIRMED && line->runs_target;
    if (soaks && m->soaking)
        m->soak_ms += gap < cap_ms ? gap : cap_ms;
    m->soaking = soaks;
    m->seen_ms = line->at_ms;
}

/* It said that it runs the release, and is heard of no more before its soak is complete. */
static bool is_lost(const struct reference_member *m, uint64_t now_ms, const struct rollout_plan *p)
{
    return m->state == ATTEMPT_CONFIRMED && m->soaking && m->soak_ms < p->soak_s * 1000ull &&
           now_ms - m->seen_ms >= p->stale_after_s * 1000ull;
}

static void grow_old(struct reference_member *m, const struct log_line *line, const struct rollout_plan *p)
{
    uint64_t now_ms = line->at_ms;
    bool late = now_ms - m->heard_ms >= p->stale_after_s * 1000ull;
    if (m->state == ATTEMPT_OFFERED && now_ms - m->offered_ms >= p->lease_s * 1000ull)
        become(m, ATTEMPT_WITHDRAWN, now_ms);
    else if (m->state == ATTEMPT_DOWNLOADING || m->state == ATTEMPT_INSTALLED)
        become(m, late ? ATTEMPT_WITHDRAWN : m->state, late ? now_ms : m->heard_ms);
    else if ((m->state == ATTEMPT_SWITCHING || m->state == ATTEMPT_BOOTED) && late)
        become(m, ATTEMPT_SILENT, now_ms);
    else if (!line->is_over && is_lost(m, now_ms, p))
        become(m, ATTEMPT_SILENT, now_ms);
}

void reference_apply(struct reference_member *m, const struct log_line *line, const struct rollout *r)
{
    switch (line->kind) {
    case LOG_OFFER:
        become(m, ATTEMPT_OFFERED, line->at_ms);
        m->offered_ms = line->at_ms;
        break;
    case LOG_EVENT:
        event(m, line);
        break;
    case LOG_SEEN:
        seen(m, line, r->poll_s * 3000ull);
        break;
    case LOG_ALIVE:
        if (is_open(m->state) && m->state != ATTEMPT_OFFERED)
            m->heard_ms = line->at_ms;
        break;
    case LOG_ADOPT:
        if (!is_open(m->state) && !is_harm(m->state) && m->state != ATTEMPT_CONFIRMED)
            become(m, ATTEMPT_CONFIRMED, line->at_ms);
        break;
    case LOG_RETRY:
        if (is_harm(m->state) && m->state != ATTEMPT_NO_FALLBACK)
            become(m, ATTEMPT_WITHDRAWN, line->at_ms);
        break;
    case LOG_TAKE_BACK:
        if (is_open(m->state) && m->state < ATTEMPT_SWITCHING)
            become(m, ATTEMPT_WITHDRAWN, line->at_ms);
        break;
    case LOG_TICK:
    default:
        grow_old(m, line, &r->plan);
        break;
    }
}

bool reference_shows(uint32_t harmed, uint32_t n, double limit)
{
    double chance = 0, ways = 1;
    for (uint32_t k = 0; k <= harmed; k++) {
        chance += ways * pow(limit, k) * pow(1 - limit, n - k);
        ways = ways * (n - k) / (k + 1);
    }
    return harmed == 0 || limit >= 1 || chance <= 0.05;
}

/* The gambler's next guess is (1 + harmed so far) / (10 + devices so far); the order does not matter. */
double reference_e(uint32_t harmed, uint32_t n, double tolerated)
{
    double e = 1, best = n > 0 && (double)harmed / n < tolerated ? (double)harmed / n : tolerated;
    for (uint32_t i = 0; i < n; i++) {
        bool is_harm = i < harmed;
        double guess = (1.0 + (is_harm ? i : harmed)) / (10.0 + i);
        e *= is_harm ? guess / best : (1 - guess) / (1 - best);
    }
    return e;
}
