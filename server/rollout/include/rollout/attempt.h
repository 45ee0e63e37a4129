/**
 * One attempt: one device, one release, one rollout. A table says which event moves it where; everything else is
 * history and changes nothing, so duplicates, reordering and late reports never count twice.
 */
#ifndef ROLLOUT_ATTEMPT_H
#define ROLLOUT_ATTEMPT_H

#include "otaria/wire.h"

#include <stdbool.h>

/** Numbers stand in the database: never reuse. */
enum attempt_state {
    ATTEMPT_NONE = 0, /* not offered yet */
    ATTEMPT_OFFERED = 1,
    ATTEMPT_DOWNLOADING = 2,
    ATTEMPT_INSTALLED = 3,
    ATTEMPT_SWITCHING = 4,
    ATTEMPT_BOOTED = 5,
    ATTEMPT_CONFIRMED = 10,
    ATTEMPT_REVERTED = 11,
    ATTEMPT_REJECTED = 12,
    ATTEMPT_NO_FALLBACK = 13,
    ATTEMPT_FAILED = 14,
    ATTEMPT_SILENT = 15,
    ATTEMPT_SUPERSEDED = 16,
    ATTEMPT_WITHDRAWN = 17,
};
#define ATTEMPT_STATES 18u

/** What can happen to an attempt: device reports, and the server's own clock and operators. */
enum attempt_input {
    ATTEMPT_ON_DOWNLOADING,
    ATTEMPT_ON_INSTALLED,
    ATTEMPT_ON_SWITCHING,
    ATTEMPT_ON_BOOTED,
    ATTEMPT_ON_CONFIRMED,
    ATTEMPT_ON_REVERTED,
    ATTEMPT_ON_REJECTED,
    ATTEMPT_ON_NO_FALLBACK,
    ATTEMPT_ON_FAILED,
    ATTEMPT_ON_WITHDRAWN,   /* the device dropped it because it was no longer wanted */
    ATTEMPT_ON_LATE_REVERT, /* after a confirm the device went back */
    ATTEMPT_ON_LEASE_OVER,
    ATTEMPT_ON_STALE,
    ATTEMPT_ON_SUPERSEDE,
    ATTEMPT_ON_HEARD, /* it had confirmed, was silent, and still runs the release */
    ATTEMPT_ON_RETRY, /* a person lets it be offered once more */
    ATTEMPT_INPUTS
};

/** The input of a device's event, or -1 for kinds that say nothing about an attempt's state. */
int attempt_input_of(enum ot_event_kind kind);
/** Next state, or the same state when this input is history. */
enum attempt_state attempt_next(enum attempt_state state, enum attempt_input input);

/** Holds a place in the ring's bound: offered and not resolved. */
bool attempt_is_open(enum attempt_state state);
/** Ended, as evidence: confirmed or harmed. */
bool attempt_is_resolved(enum attempt_state state);
/** Counts against the release. */
bool attempt_is_harm(enum attempt_state state);
/** Past the point where the server can take the offer back. */
bool attempt_has_switched(enum attempt_state state);
const char *attempt_state_name(enum attempt_state state);
/** Reverse of the name, or -1. */
int attempt_state_from_name(const char *name);

#endif
