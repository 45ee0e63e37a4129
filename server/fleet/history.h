/**
 * What happened to a device, as rows in the order they were learnt: enrolment, what it ran, attempts, resets, keys, tags.
 *
 * Bounded for each device: of each class only the newest rows are kept (HISTORY_KEEP_...), and of resets that are alike
 * and follow each other one row that counts them; the enrolment is always kept. A fleet under a clock that is not the
 * machine's keeps none: simulations have their own record.
 *
 * All with the lock held; rows go into the batch of the change they tell of.
 */
#ifndef FLEET_HISTORY_H
#define FLEET_HISTORY_H

#include "state.h"

/** Numbers stand in the database: never reuse. Tens are classes, which are kept and forgotten apart. */
enum history_kind {
    HISTORY_ENROLLED = 1,
    HISTORY_RUNS =
        10, /* digest, text: version, number: release, what: slot; count 0: it still does; else until_ms */
    HISTORY_KEY = 11,            /* digest, what: enum history_change */
    HISTORY_FLOOR = 12,          /* number */
    HISTORY_SECURE_VERSION = 13, /* number */
    HISTORY_EVENT = 20, /* told by the device. attempt, what: enum ot_event_kind, reason, way, number: bytes,
                                    text: check */
    HISTORY_STATE = 21, /* the server's doing. attempt, what: enum attempt_state, reason, text: version */
    HISTORY_RESET = 30, /* what: enum ot_reset_reason, count, until_ms: the last of them, text: crash */
    HISTORY_TAG = 40,   /* text, what: enum history_change, attempt: who */
};
#define HISTORY_CLASS(kind) ((kind) / 10)

enum history_change { HISTORY_GONE = 0, HISTORY_COME = 1, HISTORY_REVOKED = 2 };

#define HISTORY_KEEP_LIFE     100
#define HISTORY_KEEP_ATTEMPTS 200
#define HISTORY_KEEP_RESETS   50
#define HISTORY_KEEP_TAGS     50
/** Rows of a device between two clearings: so many more than it keeps there may be. */
#define HISTORY_CLEAR_AT      16u

void fleet_history_enrolled(struct fleet *f, struct store_batch *batch, struct fleet_device *d);
/** What a check-in changes, before it is taken over into `d`. True when there is a row. */
bool fleet_history_facts(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                         const struct ot_wire_check_in *m);
void fleet_history_event(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                         const struct ot_wire_event *e);
/** A member's new state, where the server made it. */
void fleet_history_state(struct fleet_change *change, uint32_t member);
void fleet_history_tag(struct fleet *f, struct store_batch *batch, struct fleet_device *d, const char *who,
                       const char *tag, enum history_change what);

#endif
