/* What is a rollout waiting for? See rollout/explain.h. Each answer has the numbers that decide, and what would change it. */
#include "rollout/explain.h"

#include "internal.h"
#include "rollout/verdict.h"

#include <inttypes.h>
#include <stdio.h>

static uint32_t ring_in_front(const struct rollout *r, uint32_t ring)
{
    while (ring > 0 && r->rings[ring - 1].state == RING_WAITING)
        ring--;
    return ring > 0 ? ring - 1 : 0;
}

static uint32_t part_of(uint32_t count, uint32_t percent)
{
    return (uint32_t)(((uint64_t)count * percent + 99u) / 100u);
}

static void say_bound(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    const struct rollout_ring *g = &r->rings[ring];
    if (g->bound == UINT32_MAX)
        snprintf(text, len, "all at once");
    else
        snprintf(text, len, "at most %" PRIu32 " at a time", g->bound);
}

static void say_active(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char pace[40];
    const struct rollout_ring *g = &r->rings[ring];
    uint32_t resolved = rollout_resolved(r, ring), open = rollout_in_flight(r, ring);
    say_bound(r, ring, pace, sizeof pace);
    snprintf(text, len,
             "%" PRIu32 " of %" PRIu32 " devices have answered, %" PRIu32 " must; %" PRIu32 " in flight (%s)",
             resolved, g->members, part_of(g->members, r->plan.quorum_percent), open, pace);
}

static void say_soaking(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char soak[40];
    uint32_t confirmed = r->rings[ring].counts[ATTEMPT_CONFIRMED];
    rollout_duration_text(r->plan.soak_s, soak, sizeof soak);
    snprintf(text, len, "%" PRIu32 " of %" PRIu32 " confirmed devices have soaked for %s, %" PRIu32 " must",
             rollout_soaked(r, ring), confirmed, soak, part_of(confirmed, r->plan.quorum_percent));
}

void rollout_explain_ring(const struct rollout *r, uint32_t ring, char *text, size_t len)
{
    char why[ROLLOUT_REASON_MAX];
    struct rollout_gate gate = rollout_gate(r, ring);
    rollout_gate_text(&gate, why, sizeof why);
    switch (r->rings[ring].state) {
    case RING_WAITING:
        if (r->state == ROLLOUT_CREATED)
            snprintf(text, len, "nobody has started the rollout");
        else
            snprintf(text, len, "ring %s comes first", r->plan.rings.rings[ring_in_front(r, ring)].name);
        break;
    case RING_ACTIVE:
        say_active(r, ring, text, len);
        break;
    case RING_SOAKING:
        say_soaking(r, ring, text, len);
        break;
    case RING_PASSED:
    case RING_HELD:
    case RING_FAILED:
    default:
        snprintf(text, len, "%s", r->rings[ring].members == 0 ? "nobody is in it" : why);
        break;
    }
}

/* What a person can do about it, or that nothing is wanted of anybody. */
static const char *next_step(const struct rollout *r)
{
    switch (r->state) {
    case ROLLOUT_CREATED:
        return "start begins it";
    case ROLLOUT_RUNNING:
        return "it goes on by itself";
    case ROLLOUT_PAUSED:
        return "resume goes on; abort or recall ends it";
    case ROLLOUT_HALTED:
        return "recall takes it back; abort ends it; retry, resume or widen goes on in spite of it";
    case ROLLOUT_HELD:
        return "resume waits once more, widen counts the ring as passed, abort or recall ends it";
    case ROLLOUT_FINISHED:
        return "devices that come late still get it; pause ends that, recall takes it back";
    case ROLLOUT_ABORTED:
        return "it is over; recall takes it back from those who have it";
    case ROLLOUT_RECALLED:
    default:
        return "it is over, and another rollout takes its release back";
    }
}

void rollout_explain_all(const struct rollout *r, char *text, size_t len)
{
    char ring[ROLLOUT_REASON_MAX] = "";
    int open = rollout_open_ring(r);
    if (r->state == ROLLOUT_RUNNING && open >= 0)
        rollout_explain_ring(r, (uint32_t)open, ring, sizeof ring);
    if (ring[0] != '\0')
        snprintf(text, len, "it is running: ring %s is %s: %s; %s", r->plan.rings.rings[open].name,
                 ring_state_name(r->rings[open].state), ring, next_step(r));
    else
        snprintf(text, len, "it is %s%s%s%s: %s", rollout_state_name(r->state),
                 r->reason[0] != '\0' ? " (" : "", r->reason, r->reason[0] != '\0' ? ")" : "", next_step(r));
}
