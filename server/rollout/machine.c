/* The tables of rollouts and rings: see rollout/machine.h. docs/design/rollout.md shows them. */
#include "rollout/machine.h"

#include <stddef.h>

struct row {
    unsigned from; /* bitmap of states */
    int input, next;
};

#define S(state) (1u << (state))

/*
 * FINISHED is left again: stragglers still get the release, and it must be possible to stop that. ABORTED too: who has
 * stopped a release in haste may want it back from those who have it.
 */
static const struct row rollout_table[] = {
    {S(ROLLOUT_CREATED), ROLLOUT_ON_START, ROLLOUT_RUNNING},
    {S(ROLLOUT_RUNNING) | S(ROLLOUT_FINISHED), ROLLOUT_ON_PAUSE, ROLLOUT_PAUSED},
    {S(ROLLOUT_PAUSED) | S(ROLLOUT_HALTED) | S(ROLLOUT_HELD), ROLLOUT_ON_RESUME, ROLLOUT_RUNNING},
    {S(ROLLOUT_RUNNING) | S(ROLLOUT_HALTED) | S(ROLLOUT_HELD), ROLLOUT_ON_WIDEN, ROLLOUT_RUNNING},
    {S(ROLLOUT_CREATED) | S(ROLLOUT_RUNNING) | S(ROLLOUT_PAUSED) | S(ROLLOUT_HALTED) | S(ROLLOUT_HELD),
     ROLLOUT_ON_ABORT, ROLLOUT_ABORTED},
    {S(ROLLOUT_RUNNING) | S(ROLLOUT_PAUSED) | S(ROLLOUT_HALTED) | S(ROLLOUT_HELD) | S(ROLLOUT_FINISHED) |
         S(ROLLOUT_ABORTED),
     ROLLOUT_ON_RECALL, ROLLOUT_RECALLED},
    {S(ROLLOUT_RUNNING) | S(ROLLOUT_FINISHED), ROLLOUT_ON_HARM, ROLLOUT_HALTED},
    {S(ROLLOUT_RUNNING), ROLLOUT_ON_DECIDE_BY, ROLLOUT_HELD},
    {S(ROLLOUT_RUNNING), ROLLOUT_ON_ALL_PASSED, ROLLOUT_FINISHED},
};

static const struct row ring_table[] = {
    {S(RING_WAITING), RING_ON_OPEN, RING_ACTIVE},
    {S(RING_ACTIVE), RING_ON_ANSWERED, RING_SOAKING},
    {S(RING_SOAKING), RING_ON_UNANSWERED, RING_ACTIVE},
    {S(RING_ACTIVE) | S(RING_SOAKING), RING_ON_ENOUGH, RING_PASSED},
    {S(RING_ACTIVE) | S(RING_SOAKING) | S(RING_PASSED), RING_ON_HARM, RING_FAILED},
    {S(RING_ACTIVE) | S(RING_SOAKING), RING_ON_DECIDE_BY, RING_HELD},
    {S(RING_HELD) | S(RING_FAILED), RING_ON_RESUME, RING_ACTIVE},
    {S(RING_FAILED), RING_ON_RESUME_PAST, RING_PASSED},
    {S(RING_ACTIVE) | S(RING_SOAKING) | S(RING_HELD) | S(RING_FAILED), RING_ON_WIDEN, RING_PASSED},
};

static int look_up(const struct row *table, size_t rows, unsigned state, int input)
{
    for (size_t i = 0; i < rows; i++) {
        if (table[i].input == input && (table[i].from & S(state)) != 0)
            return table[i].next;
    }
    return -1;
}

int rollout_next(enum rollout_state state, enum rollout_input input)
{
    return look_up(rollout_table, sizeof rollout_table / sizeof rollout_table[0], (unsigned)state,
                   (int)input);
}

int ring_next(enum ring_state state, enum ring_input input)
{
    return look_up(ring_table, sizeof ring_table / sizeof ring_table[0], (unsigned)state, (int)input);
}

bool rollout_is_over(enum rollout_state state)
{
    return state == ROLLOUT_ABORTED || state == ROLLOUT_RECALLED;
}

const char *rollout_state_name(enum rollout_state state)
{
    static const char *const names[ROLLOUT_STATES] = {"created", "running",  "paused", "halted",
                                                      "aborted", "finished", "held",   "recalled"};
    return (unsigned)state < ROLLOUT_STATES ? names[state] : "unknown";
}

const char *ring_state_name(enum ring_state state)
{
    static const char *const names[RING_STATES] = {"waiting", "active", "soaking",
                                                   "passed",  "held",   "failed"};
    return (unsigned)state < RING_STATES ? names[state] : "unknown";
}
