/**
 * The state machines of a rollout and of its rings: numbers, names and the one table that says which input moves which
 * state where. A pair without a row is refused (operator) or changes nothing (time and reports).
 */
#ifndef ROLLOUT_MACHINE_H
#define ROLLOUT_MACHINE_H

#include <stdbool.h>

/** Numbers stand in the database: never reuse. */
enum rollout_state {
    ROLLOUT_CREATED = 0,
    ROLLOUT_RUNNING = 1,
    ROLLOUT_PAUSED = 2,
    ROLLOUT_HALTED = 3, /* by a limit; a person decides */
    ROLLOUT_ABORTED = 4,
    ROLLOUT_FINISHED = 5,
    ROLLOUT_HELD = 6,     /* a ring could not be judged in time; a person decides */
    ROLLOUT_RECALLED = 7, /* over, and another rollout takes the release back */
};
#define ROLLOUT_STATES 8u

enum rollout_input {
    ROLLOUT_ON_START,
    ROLLOUT_ON_PAUSE,
    ROLLOUT_ON_RESUME,
    ROLLOUT_ON_WIDEN,
    ROLLOUT_ON_ABORT,
    ROLLOUT_ON_RECALL,
    ROLLOUT_ON_HARM,       /* a limit is exceeded */
    ROLLOUT_ON_DECIDE_BY,  /* the open ring had its time */
    ROLLOUT_ON_ALL_PASSED, /* no ring is left */
    ROLLOUT_INPUTS
};

enum ring_state {
    RING_WAITING = 0,
    RING_ACTIVE = 1,
    RING_SOAKING = 2, /* enough devices have answered, soak not yet */
    RING_PASSED = 3,
    RING_HELD = 4,
    RING_FAILED = 5,
};
#define RING_STATES 6u

enum ring_input {
    RING_ON_OPEN,
    RING_ON_ANSWERED,    /* a quorum is resolved, nothing in flight */
    RING_ON_UNANSWERED,  /* not any more: somebody joined or is in flight again */
    RING_ON_ENOUGH,      /* soak and limits are met, or nobody is in it */
    RING_ON_HARM,        /* a limit is exceeded */
    RING_ON_DECIDE_BY,   /* neither passed nor failed in time */
    RING_ON_RESUME,      /* a person says: go on */
    RING_ON_RESUME_PAST, /* likewise, for a ring that had passed before it failed */
    RING_ON_WIDEN,       /* a person says: that is enough */
    RING_INPUTS
};

/** The state an input leads to, or -1 where there is no row. */
int rollout_next(enum rollout_state state, enum rollout_input input);
int ring_next(enum ring_state state, enum ring_input input);

/** A person has ended it: aborted or recalled. It decides about no device any more. */
bool rollout_is_over(enum rollout_state state);

const char *rollout_state_name(enum rollout_state state);
const char *ring_state_name(enum ring_state state);

#endif
