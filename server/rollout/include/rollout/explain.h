/**
 * One device, one answer: is it offered the release now, and if not, why? What a check-in acts on and what a person is
 * told come from the same function.
 *
 *     enum rollout_why why = rollout_decide(&s);
 *     if (why == WHY_OFFERED_NEXT) rollout_offer(...);
 *     rollout_explain(&s, text, sizeof text);
 */
#ifndef ROLLOUT_EXPLAIN_H
#define ROLLOUT_EXPLAIN_H

#include "rollout/engine.h"

/** What is known about the device and the rollout that decides for it. */
struct rollout_situation {
    bool has_checked_in;
    uint64_t unheard_s;            /* since its last check-in */
    bool has_unstarted;            /* a rollout waits to be started */
    const struct rollout *rollout; /* NULL: none decides */
    const char *version;           /* of its release */
    bool runs_release;
    enum ot_status fit; /* OT_OK: an image of the release fits */
    int member;         /* -1: came after the freeze */
    int place;          /* ring a joiner belongs to; -1: none */
    bool is_left_out;   /* by the plan's filter: then it has no place */
    const char *check;  /* the self test's check that ended its attempt, or "" */
    uint32_t source;    /* number of the release that runs; 0: unknown */
    /* versions of the limits on it, of what runs, and of what a step leads to; NULL: unknown, or none */
    const char *source_version, *min_version, *max_version;
    const char *step_to;  /* the rollout is a step: what decides for the product is this version */
    const char *recalled; /* the rollout takes this version back */
    bool runs_recalled;
    bool tries_recalled; /* its attempt at the recalled release has switched and has no outcome yet */
    uint32_t floor;      /* of the device */
};

enum rollout_why {
    WHY_NEVER_SEEN,
    WHY_NO_ROLLOUT,
    WHY_NOT_STARTED,
    WHY_UP_TO_DATE,
    WHY_SOAKING, /* runs it, and its ring still needs its soak */
    WHY_DOES_NOT_FIT,
    WHY_SOURCE_TOO_OLD, /* it needs another release first */
    WHY_SOURCE_TOO_NEW,
    WHY_NOT_RECALLED,   /* a recall, and the device does not run what it takes back */
    WHY_TRIES_RECALLED, /* a recall, and the device has not made up its mind about what it takes back */
    WHY_CANNOT_GO_BACK, /* a recall, and the device's floor or counter forbids it */
    WHY_NO_PLACE,
    WHY_JOINS_NEXT, /* is counted in and judged at its next check-in */
    WHY_PAUSED,
    WHY_HALTED,
    WHY_HELD,
    WHY_ABORTED,
    WHY_RECALLED,
    WHY_RING_WAITING,
    WHY_BOUND_REACHED,
    WHY_OFFERED_NEXT,
    WHY_OFFERED_AGAIN, /* like OFFERED_NEXT: an earlier offer was withdrawn */
    WHY_IN_PROGRESS,   /* an attempt before its switch: the same offer stands */
    WHY_HELD_BACK,     /* an attempt before its switch, and the rollout stands still */
    WHY_PROBATION,     /* behind the switch: the device finishes */
    WHY_ENDED_BADLY,
    WHY_RUNS_ANOTHER, /* it confirmed the release, and runs something else now */
    WHY_COUNT
};

enum rollout_why rollout_decide(const struct rollout_situation *s);
/** Stable word for machines: "bound_reached". */
const char *rollout_why_name(enum rollout_why why);
/** Is the device to run the release of the situation now? False: nothing but what it runs is asked of it. */
bool rollout_wants(enum rollout_why why);
/** The answer as sentences for a person; returns what rollout_decide() does. 500 bytes are enough. */
enum rollout_why rollout_explain(const struct rollout_situation *s, char *text, size_t len);

/* explain_rollout.c */
/** What a ring waits for, or what it was judged by, with the numbers. 250 bytes are enough. */
void rollout_explain_ring(const struct rollout *r, uint32_t ring, char *text, size_t len);
/** What a rollout is doing, why, and what a person can do about it. 600 bytes are enough. */
void rollout_explain_all(const struct rollout *r, char *text, size_t len);

#endif
