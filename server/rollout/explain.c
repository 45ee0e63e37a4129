/* Why is it (not) updating? See rollout/explain.h. Every answer names what would change it. */
#include "rollout/explain.h"

#include "internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- the decision --- */

static enum rollout_why standing_still(enum rollout_state state)
{
    switch (state) {
    case ROLLOUT_PAUSED:
        return WHY_PAUSED;
    case ROLLOUT_HALTED:
        return WHY_HALTED;
    case ROLLOUT_HELD:
        return WHY_HELD;
    case ROLLOUT_ABORTED:
        return WHY_ABORTED;
    case ROLLOUT_RECALLED:
        return WHY_RECALLED;
    case ROLLOUT_CREATED:
        return WHY_NOT_STARTED;
    case ROLLOUT_RUNNING:
    case ROLLOUT_FINISHED:
    default:
        return WHY_COUNT; /* it does not stand still */
    }
}

static enum rollout_why running_it(const struct rollout_situation *s)
{
    const struct rollout *r = s->rollout;
    if (s->member < 0)
        return standing_still(r->state) == WHY_COUNT && s->place >= 0 ? WHY_JOINS_NEXT : WHY_UP_TO_DATE;
    const struct rollout_member *m = &r->members[s->member];
    if (attempt_is_open(m->state))
        return WHY_PROBATION;
    enum ring_state ring = r->rings[m->ring].state;
    bool counts = m->state == ATTEMPT_CONFIRMED && (ring == RING_ACTIVE || ring == RING_SOAKING);
    return counts && m->soak_ms < (uint64_t)r->plan.soak_s * 1000u ? WHY_SOAKING : WHY_UP_TO_DATE;
}

static enum rollout_why in_progress(const struct rollout *r, const struct rollout_member *m)
{
    if (attempt_has_switched(m->state))
        return WHY_PROBATION;
    return r->state == ROLLOUT_RUNNING || r->state == ROLLOUT_FINISHED ? WHY_IN_PROGRESS : WHY_HELD_BACK;
}

static enum rollout_why for_member(const struct rollout *r, uint32_t member)
{
    const struct rollout_member *m = &r->members[member];
    switch (rollout_may_offer(r, member)) {
    case ROLLOUT_OFFER:
        return m->attempt == 0 ? WHY_OFFERED_NEXT : WHY_OFFERED_AGAIN;
    case ROLLOUT_IN_PROGRESS:
        return in_progress(r, m);
    case ROLLOUT_ALREADY_DONE:
        return attempt_is_harm(m->state) ? WHY_ENDED_BADLY : WHY_RUNS_ANOTHER;
    case ROLLOUT_RING_NOT_OPEN:
        return WHY_RING_WAITING;
    case ROLLOUT_BOUND_REACHED:
        return WHY_BOUND_REACHED;
    case ROLLOUT_NOT_RUNNING:
    default:
        return standing_still(r->state);
    }
}

/* Has it begun an attempt that is still open, or has that one ended? Then that is what there is to say. */
static bool has_attempt(const struct rollout_situation *s)
{
    if (s->member < 0)
        return false;
    enum attempt_state state = s->rollout->members[s->member].state;
    return attempt_is_open(state) || attempt_is_resolved(state);
}

/* A recall is for those that run what it takes back, and have gone back since; for nobody else. */
static enum rollout_why by_recall(const struct rollout_situation *s)
{
    if (s->recalled == NULL || has_attempt(s))
        return WHY_COUNT;
    if (s->tries_recalled)
        return WHY_TRIES_RECALLED;
    return s->runs_recalled || (s->member >= 0 && s->runs_release) ? WHY_COUNT : WHY_NOT_RECALLED;
}

static enum rollout_why by_fit(const struct rollout_situation *s)
{
    if (s->fit == OT_OK)
        return WHY_COUNT;
    bool is_barred = s->fit == OT_E_BELOW_FLOOR || s->fit == OT_E_SECURE_VERSION;
    return s->recalled != NULL && is_barred ? WHY_CANNOT_GO_BACK : WHY_DOES_NOT_FIT;
}

static enum rollout_why by_source(const struct rollout_situation *s)
{
    int side = has_attempt(s) ? 0 : rollout_plan_source(&s->rollout->plan, s->source);
    return side < 0 ? WHY_SOURCE_TOO_OLD : side > 0 ? WHY_SOURCE_TOO_NEW : WHY_COUNT;
}

enum rollout_why rollout_decide(const struct rollout_situation *s)
{
    if (!s->has_checked_in)
        return WHY_NEVER_SEEN;
    if (s->rollout == NULL)
        return s->has_unstarted ? WHY_NOT_STARTED : WHY_NO_ROLLOUT;
    enum rollout_why why = by_recall(s);
    if (why == WHY_COUNT && s->runs_release)
        return running_it(s);
    if (why == WHY_COUNT)
        why = by_fit(s);
    if (why == WHY_COUNT)
        why = by_source(s);
    if (why != WHY_COUNT)
        return why;
    if (s->member >= 0)
        return for_member(s->rollout, (uint32_t)s->member);
    if (s->place < 0)
        return WHY_NO_PLACE;
    enum rollout_why still = standing_still(s->rollout->state);
    return still != WHY_COUNT ? still : WHY_JOINS_NEXT;
}

/* --- the words: each function has the answers it knows, and passes on the others --- */

struct words {
    char *text;
    size_t len, at;
};

static void say(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->at, w->len - w->at, format, args);
    va_end(args);
    if (n > 0)
        w->at = w->at + (size_t)n < w->len ? w->at + (size_t)n : w->len - 1;
}

void rollout_duration_text(uint64_t s, char *text, size_t len)
{
    static const struct {
        uint64_t s;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    unsigned u = 0;
    while (u < 3 && s < units[u].s)
        u++;
    snprintf(text, len, "%" PRIu64 " %s%s", s / units[u].s, units[u].name, s / units[u].s == 1 ? "" : "s");
}

static void say_duration(struct words *w, uint64_t s)
{
    char text[40];
    rollout_duration_text(s, text, sizeof text);
    say(w, "%s", text);
}

static void say_stopped(struct words *w, const struct rollout_situation *s, const char *until)
{
    const struct rollout *r = s->rollout;
    say(w, "rollout %" PRIu64 " of %s is %s", r->id, s->version, rollout_state_name(r->state));
    if (r->reason[0] != '\0')
        say(w, " (%s)", r->reason);
    say(w, ": %s", until);
}

static const struct rollout_member *member_of(const struct rollout_situation *s)
{
    return &s->rollout->members[s->member];
}

static void say_attempt(struct words *w, const struct rollout_situation *s, const char *then)
{
    const struct rollout_member *m = member_of(s);
    say(w, "attempt a-%" PRIu64 " at %s is %s", m->attempt, s->version, attempt_state_name(m->state));
    if (m->reason != OT_OK)
        say(w, ": %s", ot_status_text(m->reason));
    if (s->check != NULL && s->check[0] != '\0')
        say(w, " (check %s)", s->check);
    say(w, "%s", then);
}

static void say_ring(struct words *w, const struct rollout_situation *s, enum rollout_why why)
{
    const struct rollout *r = s->rollout;
    uint32_t ring = member_of(s)->ring, open = ring;
    const char *name = r->plan.rings.rings[ring].name;
    for (uint32_t i = 0; i < r->plan.rings.count; i++)
        open = r->rings[i].state == RING_ACTIVE || r->rings[i].state == RING_SOAKING ? i : open;
    if (why == WHY_RING_WAITING)
        say(w, "its ring %s is %s: ring %s comes first and is %s", name,
            ring_state_name(r->rings[ring].state), r->plan.rings.rings[open].name,
            ring_state_name(r->rings[open].state));
    else
        say(w,
            "ring %s has %" PRIu32 " in flight, as many as it may: it is offered when one of them has ended",
            name, rollout_in_flight(r, ring));
}

/* Answers about a rollout that decides and an image that fits. */
static void say_member(struct words *w, const struct rollout_situation *s, enum rollout_why why)
{
    switch ((int)why) {
    case WHY_RING_WAITING:
    case WHY_BOUND_REACHED:
        say_ring(w, s, why);
        break;
    case WHY_OFFERED_NEXT:
        say(w, "it is offered %s at its next check-in", s->version);
        break;
    case WHY_OFFERED_AGAIN:
        say_attempt(w, s, "; it is offered once more at its next check-in");
        break;
    case WHY_IN_PROGRESS:
        say_attempt(w, s, ": it goes on by itself");
        break;
    case WHY_HELD_BACK:
        say_attempt(w, s, ", and may not switch: ");
        say_stopped(w, s, "a person decides");
        break;
    case WHY_PROBATION:
        say_attempt(w, s, ": it proves itself or goes back");
        break;
    case WHY_ENDED_BADLY:
        say_attempt(w, s,
                    member_of(s)->state == ATTEMPT_NO_FALLBACK
                        ? "; a person must look at it: it has no other image to go back to"
                        : "; it is not offered again unless a person says retry");
        break;
    default:
        say_attempt(w, s, ", and it runs something else now: it was flashed or recalled");
        break;
    }
}

static void say_source(struct words *w, const struct rollout_situation *s)
{
    if (s->source_version != NULL)
        say(w, "it runs %s", s->source_version);
    else if (s->source != 0)
        say(w, "it runs release %" PRIu32, s->source);
    else
        say(w, "nobody knows which release it runs");
}

static void say_limit(struct words *w, const char *version, uint32_t number)
{
    if (version != NULL)
        say(w, "%s", version);
    else
        say(w, "release %" PRIu32, number);
}

static void say_outside(struct words *w, const struct rollout_situation *s, enum rollout_why why)
{
    const struct rollout_plan *plan = &s->rollout->plan;
    say_source(w, s);
    if (why == WHY_SOURCE_TOO_OLD) {
        say(w, ", and rollout %" PRIu64 " of %s takes devices from ", s->rollout->id, s->version);
        say_limit(w, s->min_version, plan->min_source);
        say(w, " on: it needs that first, and no rollout gives it");
    } else {
        say(w, ", and rollout %" PRIu64 " of %s takes devices up to ", s->rollout->id, s->version);
        say_limit(w, s->max_version, plan->max_source);
        say(w, ": it is not for this one");
    }
}

static void say_recall(struct words *w, const struct rollout_situation *s, enum rollout_why why)
{
    const struct rollout *r = s->rollout;
    if (why == WHY_CANNOT_GO_BACK && s->fit == OT_E_BELOW_FLOOR)
        say(w,
            "rollout %" PRIu64 " takes %s back, and it cannot go back to %s: its floor is release %" PRIu32
            "; only a newer release helps",
            r->id, s->recalled, s->version, s->floor);
    else if (why == WHY_CANNOT_GO_BACK)
        say(w,
            "rollout %" PRIu64 " takes %s back, and it cannot go back to %s: %s; only a newer release helps",
            r->id, s->recalled, s->version, ot_status_text(s->fit));
    else if (why == WHY_TRIES_RECALLED)
        say(w, "it is trying %s, which rollout %" PRIu64 " takes back: if it keeps that, it is offered %s",
            s->recalled, r->id, s->version);
    else
        say(w, "rollout %" PRIu64 " only takes %s back, and it does not run that", r->id, s->recalled);
}

static void say_release(struct words *w, const struct rollout_situation *s, enum rollout_why why)
{
    switch ((int)why) {
    case WHY_UP_TO_DATE:
        say(w, "it runs %s", s->version);
        break;
    case WHY_SOAKING:
        say(w, "it runs %s and soaks: ", s->version);
        say_duration(w, member_of(s)->soak_ms / 1000u);
        say(w, " of ");
        say_duration(w, s->rollout->plan.soak_s);
        break;
    case WHY_DOES_NOT_FIT:
        say(w, "no image of %s fits it: %s", s->version, ot_status_text(s->fit));
        break;
    case WHY_SOURCE_TOO_OLD:
    case WHY_SOURCE_TOO_NEW:
        say_outside(w, s, why);
        break;
    case WHY_NOT_RECALLED:
    case WHY_TRIES_RECALLED:
    case WHY_CANNOT_GO_BACK:
        say_recall(w, s, why);
        break;
    case WHY_NO_PLACE:
        if (s->is_left_out)
            say(w, "the filter of rollout %" PRIu64 " leaves it out: %.200s", s->rollout->id,
                s->rollout->plan.filter);
        else
            say(w,
                "no ring of rollout %" PRIu64
                " takes it: it has none of their tags, and its hash lies beyond their shares",
                s->rollout->id);
        break;
    case WHY_JOINS_NEXT:
        say(w, "it came after rollout %" PRIu64 " was created: it joins ring %s at its next check-in",
            s->rollout->id, s->rollout->plan.rings.rings[s->place].name);
        break;
    default:
        say_member(w, s, why);
        break;
    }
}

enum rollout_why rollout_explain(const struct rollout_situation *s, char *text, size_t len)
{
    struct words w = {.text = text, .len = len};
    enum rollout_why why = rollout_decide(s);
    switch ((int)why) {
    case WHY_NEVER_SEEN:
        say(&w, "it has enrolled and never checked in");
        return why;
    case WHY_NO_ROLLOUT:
        say(&w, "no rollout is under way for its product");
        break;
    case WHY_NOT_STARTED:
        say(&w, "a rollout has been created and not started");
        break;
    case WHY_PAUSED:
        say_stopped(&w, s, "no offers until it is resumed");
        break;
    case WHY_HALTED:
        say_stopped(&w, s, "no offers until a person resumes it; or aborts it");
        break;
    case WHY_HELD:
        say_stopped(&w, s, "no offers until a person decides");
        break;
    case WHY_ABORTED:
    case WHY_RECALLED:
        say_stopped(&w, s, "no more offers");
        break;
    default:
        say_release(&w, s, why);
        break;
    }
    if (s->recalled != NULL && why != WHY_NOT_RECALLED && why != WHY_TRIES_RECALLED &&
        why != WHY_CANNOT_GO_BACK)
        say(&w, ". Rollout %" PRIu64 " takes %s back", s->rollout->id, s->recalled);
    if (s->step_to != NULL)
        say(&w, ". That is a step on its way to %s", s->step_to);
    if (s->rollout != NULL && s->unheard_s > 3u * (uint64_t)s->rollout->poll_s) {
        say(&w, ". Not heard of for ");
        say_duration(&w, s->unheard_s);
        say(&w, ", though it should check in every ");
        say_duration(&w, s->rollout->poll_s);
    }
    return why;
}

const char *rollout_why_name(enum rollout_why why)
{
    static const char *const names[WHY_COUNT] = {
        "never_seen",     "no_rollout",     "not_started",    "up_to_date",   "soaking",
        "does_not_fit",   "source_too_old", "source_too_new", "not_recalled", "tries_recalled",
        "cannot_go_back", "no_place",       "joins_next",     "paused",       "halted",
        "held",           "aborted",        "recalled",       "ring_waiting", "bound_reached",
        "offered_next",   "offered_again",  "in_progress",    "held_back",    "probation",
        "ended_badly",    "runs_another"};
    return (unsigned)why < WHY_COUNT ? names[why] : "unknown";
}
