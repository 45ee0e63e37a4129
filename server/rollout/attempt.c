/*
 * The attempt's table.
 *
 * Forward moves only. Two states are left again, both because the truth arrived late: SILENT when the device reports
 * after all, and CONFIRMED when it goes back afterwards or is not heard of any more. An outcome is otherwise final.
 */
#include "rollout/attempt.h"

#include <string.h>

struct row {
    uint32_t from; /* bitmap of states */
    enum attempt_input input;
    enum attempt_state next;
};

#define S(state)      (1u << (state))
#define BEFORE_SWITCH (S(ATTEMPT_OFFERED) | S(ATTEMPT_DOWNLOADING) | S(ATTEMPT_INSTALLED))
#define OPEN          (BEFORE_SWITCH | S(ATTEMPT_SWITCHING) | S(ATTEMPT_BOOTED))
#define AFTER_SWITCH  (S(ATTEMPT_SWITCHING) | S(ATTEMPT_BOOTED))
/* A withdrawn lease that the device took up all the same is an attempt like any other. */
#define LATE          (OPEN | S(ATTEMPT_SILENT) | S(ATTEMPT_WITHDRAWN) | S(ATTEMPT_SUPERSEDED))

static const struct row table[] = {
    {S(ATTEMPT_OFFERED), ATTEMPT_ON_DOWNLOADING, ATTEMPT_DOWNLOADING},
    {S(ATTEMPT_OFFERED) | S(ATTEMPT_DOWNLOADING), ATTEMPT_ON_INSTALLED, ATTEMPT_INSTALLED},
    {BEFORE_SWITCH, ATTEMPT_ON_SWITCHING, ATTEMPT_SWITCHING},
    {OPEN, ATTEMPT_ON_BOOTED,
     ATTEMPT_BOOTED}, /* not SILENT: its place in the ring's bound is taken by another */
    {LATE, ATTEMPT_ON_CONFIRMED, ATTEMPT_CONFIRMED},
    {LATE, ATTEMPT_ON_REVERTED, ATTEMPT_REVERTED},
    {LATE, ATTEMPT_ON_REJECTED, ATTEMPT_REJECTED},
    {LATE, ATTEMPT_ON_NO_FALLBACK, ATTEMPT_NO_FALLBACK},
    {LATE, ATTEMPT_ON_FAILED, ATTEMPT_FAILED},
    {OPEN | S(ATTEMPT_SILENT), ATTEMPT_ON_WITHDRAWN, ATTEMPT_WITHDRAWN},
    {S(ATTEMPT_CONFIRMED) | S(ATTEMPT_SILENT), ATTEMPT_ON_LATE_REVERT, ATTEMPT_REVERTED},
    {S(ATTEMPT_OFFERED), ATTEMPT_ON_LEASE_OVER, ATTEMPT_WITHDRAWN},
    {AFTER_SWITCH | S(ATTEMPT_CONFIRMED), ATTEMPT_ON_STALE, ATTEMPT_SILENT},
    {S(ATTEMPT_SILENT), ATTEMPT_ON_HEARD, ATTEMPT_CONFIRMED},
    {S(ATTEMPT_DOWNLOADING) | S(ATTEMPT_INSTALLED), ATTEMPT_ON_STALE, ATTEMPT_WITHDRAWN},
    {BEFORE_SWITCH, ATTEMPT_ON_SUPERSEDE, ATTEMPT_SUPERSEDED},
    {S(ATTEMPT_REVERTED) | S(ATTEMPT_REJECTED) | S(ATTEMPT_FAILED) | S(ATTEMPT_SILENT), ATTEMPT_ON_RETRY,
     ATTEMPT_WITHDRAWN},
};

static const char *const names[ATTEMPT_STATES] = {
    [ATTEMPT_NONE] = "none",
    [ATTEMPT_OFFERED] = "offered",
    [ATTEMPT_DOWNLOADING] = "downloading",
    [ATTEMPT_INSTALLED] = "installed",
    [ATTEMPT_SWITCHING] = "switching",
    [ATTEMPT_BOOTED] = "booted",
    [ATTEMPT_CONFIRMED] = "confirmed",
    [ATTEMPT_REVERTED] = "reverted",
    [ATTEMPT_REJECTED] = "rejected",
    [ATTEMPT_NO_FALLBACK] = "no_fallback",
    [ATTEMPT_FAILED] = "failed",
    [ATTEMPT_SILENT] = "silent",
    [ATTEMPT_SUPERSEDED] = "superseded",
    [ATTEMPT_WITHDRAWN] = "withdrawn",
};

int attempt_input_of(enum ot_event_kind kind)
{
    switch (kind) {
    case OT_EVENT_DOWNLOADING:
        return ATTEMPT_ON_DOWNLOADING;
    case OT_EVENT_INSTALLED:
        return ATTEMPT_ON_INSTALLED;
    case OT_EVENT_SWITCHING:
        return ATTEMPT_ON_SWITCHING;
    case OT_EVENT_BOOTED:
        return ATTEMPT_ON_BOOTED;
    case OT_EVENT_CONFIRMED:
        return ATTEMPT_ON_CONFIRMED;
    case OT_EVENT_REVERTED:
        return ATTEMPT_ON_REVERTED;
    case OT_EVENT_REJECTED:
        return ATTEMPT_ON_REJECTED;
    case OT_EVENT_NO_FALLBACK:
        return ATTEMPT_ON_NO_FALLBACK;
    case OT_EVENT_FAILED:
        return ATTEMPT_ON_FAILED;
    case OT_EVENT_WITHDRAWN:
        return ATTEMPT_ON_WITHDRAWN;
    case OT_EVENT_LATE_REVERT:
        return ATTEMPT_ON_LATE_REVERT;
    case OT_EVENT_NONE:
    case OT_EVENT_KEY_KEPT: /* nothing about the attempt */
    default:
        return -1;
    }
}

enum attempt_state attempt_next(enum attempt_state state, enum attempt_input input)
{
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].input == input && (table[i].from & S(state)) != 0)
            return table[i].next;
    }
    return state;
}

bool attempt_is_open(enum attempt_state state)
{
    return (OPEN & S(state)) != 0;
}

bool attempt_is_harm(enum attempt_state state)
{
    return (S(state) & (S(ATTEMPT_REVERTED) | S(ATTEMPT_REJECTED) | S(ATTEMPT_NO_FALLBACK) |
                        S(ATTEMPT_FAILED) | S(ATTEMPT_SILENT))) != 0;
}

bool attempt_is_resolved(enum attempt_state state)
{
    return state == ATTEMPT_CONFIRMED || attempt_is_harm(state);
}

bool attempt_has_switched(enum attempt_state state)
{
    return (S(state) & (AFTER_SWITCH | S(ATTEMPT_CONFIRMED))) != 0;
}

const char *attempt_state_name(enum attempt_state state)
{
    return state < ATTEMPT_STATES && names[state] != NULL ? names[state] : "unknown";
}

int attempt_state_from_name(const char *name)
{
    for (unsigned i = 0; i < ATTEMPT_STATES; i++) {
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}
