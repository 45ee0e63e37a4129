/**
 * The rollout engine: a rollout's rings, members and attempts as plain structs, and pure functions over them.
 *
 * Nothing here reads a clock, a database or a socket. Time comes in as `now_ms`, the server's monotonic time, which
 * never goes back. What a call changed goes out as effects, which the caller stores *before* they become visible.
 *
 *     rollout_start(r, now_ms, &sink);
 *     if (rollout_may_offer(r, m, now_ms) == ROLLOUT_OFFER) rollout_offer(r, m, now_ms, &sink);
 *     rollout_event(r, m, OT_EVENT_CONFIRMED, OT_OK, true, now_ms, &sink);
 *     rollout_tick(r, now_ms, &sink);
 *
 * State machines, rules and rules: docs/design/rollout.md. Invariants: check.c; rollout_check() asserts them.
 */
#ifndef ROLLOUT_ENGINE_H
#define ROLLOUT_ENGINE_H

#include "rollout/attempt.h"
#include "rollout/machine.h"
#include "rollout/plan.h"
#include "rollout/ring_end.h"
#include "rollout/watch.h"

/** Members that wait for the same thing, the one heard of longest ago first: see queues.c. */
enum rollout_queue_kind {
    QUEUE_NONE = 0,
    QUEUE_LEASES, /* offered, not taken up */
    QUEUE_WORK,   /* taken up, no outcome yet */
    QUEUE_SOAK,   /* confirmed, its own soak not complete */
};
#define ROLLOUT_QUEUES 4u

/** One device in one rollout. Membership is frozen: `ring` and `stratum` never change. */
struct rollout_member {
    uint32_t device; /* the caller's number for the device */
    uint8_t ring;
    uint32_t
        stratum; /* its kind (strata.h), numbered from 0; STRATA_NONE: of a kind the rollout did not have */
    enum attempt_state state;
    enum ot_status reason;
    uint64_t attempt; /* the attempt's number; 0 = none */
    uint64_t offered_ms, changed_ms;
    /* soak: time between check-ins with the release confirmed, each gap capped */
    uint64_t soak_ms, seen_ms;
    bool soak_running;
    /* crash counting: the device's monotonic counter at confirmation, and once per day */
    uint32_t crashes_base, crashes_seen;
    uint32_t links_seen;             /* link losses, by the device's monotonic counter */
    uint64_t last_ms[WATCH_METRICS]; /* its last crash and link loss that told something */
    uint64_t exposure_ms;            /* soak time again, but counting on after the ring has passed */
    struct watch_place watch;        /* not stored */
    struct rollout_values
        values; /* gated metrics at its last check-in, under the image it ran then; not stored here */
    /* its place in a queue: the engine's; numbers of members plus one */
    enum rollout_queue_kind queue;
    uint32_t before, after;
};

/** What a ring's confirmed members come to. */
struct rollout_tally {
    uint32_t soaked;      /* with enough own soak */
    uint32_t crashed;     /* devices that crashed since they confirmed */
    uint64_t crashes;     /* of them, at most one for each device and day */
    uint64_t exposure_ms; /* of all */
};

struct rollout_ring {
    enum ring_state state;
    uint32_t bound; /* offers in force at most; UINT32_MAX: all */
    uint32_t resolved_at_widening;
    uint32_t accepted; /* harmed devices that a person has seen and gone on: more of them halt again */
    uint64_t opened_ms;
    struct watch_counts rates; /* since it was opened, its own devices beside those that wait */
    struct ring_end end;
    /* counted from the members: rollout_prepare() */
    uint32_t members;
    uint32_t counts[ATTEMPT_STATES];
    struct rollout_tally tally;
};

/** A kind of device in one rollout (strata.h): what its members come to, ring by ring. */
struct rollout_stratum {
    const char *name; /* "hw_rev=2 region=no", for people; the caller's */
    struct gate_rates
        rates[WATCH_METRICS]; /* crashes and link losses beside the control of this kind; stored */
    /* counted from the members: rollout_prepare() */
    uint32_t resolved[ROLLOUT_RINGS_MAX], harmed[ROLLOUT_RINGS_MAX];
};

#define ROLLOUT_REASON_MAX 200u

struct rollout {
    uint64_t id;
    enum rollout_state state;
    char reason[ROLLOUT_REASON_MAX];
    struct rollout_plan plan;
    uint32_t poll_s; /* what devices of this product are told; soak gaps are capped at three of it */
    struct rollout_ring rings[ROLLOUT_RINGS_MAX];
    struct rollout_watch watch;     /* crashes and link losses beside the control's */
    struct rollout_member *members; /* the caller's array */
    uint32_t member_count;
    struct rollout_stratum *strata; /* the caller's array, likewise; members' `stratum` names one */
    uint32_t stratum_count; /* 0: nothing is known of kinds. It must not change: evidence is divided by it */
    struct {
        uint32_t first, last; /* members plus one; 0: none */
    } queues[ROLLOUT_QUEUES];
    /* After a restart: who waits has to be heard of again before he can be a control. No look at a ring's end until then. */
    uint64_t settled_ms;
};

/** Log of the e-value of crashes and link losses: of all devices, and of each kind. It halts at 1 / WATCH_ALPHA. */
double rollout_health_log_e(const struct rollout *r);
/** The kind that has most of it; NULL: nothing is known of kinds, or none stands out. */
const char *rollout_health_kind(const struct rollout *r);

enum rollout_effect_kind {
    EFFECT_MEMBER,   /* members[member] changed */
    EFFECT_RING,     /* rings[ring] changed state, bound, rates or end */
    EFFECT_ROLLOUT,  /* state, reason or watch changed */
    EFFECT_TIMELINE, /* something a person wants to read: `event`, `text` */
};

struct rollout_effect {
    enum rollout_effect_kind kind;
    uint32_t member, ring; /* UINT32_MAX: none */
    const char *event;     /* "ring_passed": stable; EFFECT_TIMELINE */
    const char *text;      /* valid during the call */
};

struct rollout_sink {
    void *ctx;
    void (*effect)(void *ctx, const struct rollout_effect *effect);
};

/** Counts and queues from plan and members (after filling `members` with ring and, on restore, their stored state). */
void rollout_prepare(struct rollout *r);

/* Operator actions: 0, or -1 when the present state does not allow it. `reason` is stored. */
int rollout_start(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink);
int rollout_pause(struct rollout *r, const char *reason, const struct rollout_sink *sink);
/** Goes on where it stopped. After a halt, the harm there is counts as accepted; after a pause, it is judged at once. */
int rollout_resume(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink);
/** The ring that is open, held or failed counts as passed, whatever the evidence: a person decides. */
int rollout_widen(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink);
int rollout_abort(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink);
/** Like abort, and the caller offers what they ran before to those who took the release: by a rollout of its own. */
int rollout_recall(struct rollout *r, const char *reason, uint64_t now_ms, const struct rollout_sink *sink);
/**
 * Devices that ended in harm may be offered the release once more: this one, or all (UINT32_MAX). The next outcome
 * takes the place of the old one. -1 when there is none, or the rollout is over.
 */
int rollout_retry(struct rollout *r, uint32_t member, const char *reason, uint64_t now_ms,
                  const struct rollout_sink *sink);

/** Why a device does or does not get an offer now: the seam of `explain`. */
enum rollout_answer {
    ROLLOUT_OFFER = 0,
    ROLLOUT_NOT_RUNNING,
    ROLLOUT_RING_NOT_OPEN,
    ROLLOUT_BOUND_REACHED,
    ROLLOUT_ALREADY_DONE, /* this attempt has its outcome, or the device runs the release */
    ROLLOUT_IN_PROGRESS,  /* an attempt is open: the same offer again */
};
enum rollout_answer rollout_may_offer(const struct rollout *r, uint32_t member);
const char *rollout_answer_text(enum rollout_answer answer);

/** Make the offer `rollout_may_offer` allowed. `attempt` is the new attempt's number. */
void rollout_offer(struct rollout *r, uint32_t member, uint64_t attempt, uint64_t now_ms,
                   const struct rollout_sink *sink);

/**
 * A device's event about its attempt.
 * @param runs_target  the device really runs the release's digest: `confirmed` counts only then.
 */
void rollout_event(struct rollout *r, uint32_t member, enum ot_event_kind kind, enum ot_status reason,
                   bool runs_target, uint64_t now_ms, const struct rollout_sink *sink);

/**
 * A check-in of a member: soak, and evidence of health by its counters: panics and watchdogs, link losses; and the gated
 * metrics that it reports (the plan's).
 */
void rollout_seen(struct rollout *r, uint32_t member, bool runs_target,
                  const struct rollout_counters *counters, uint64_t now_ms, const struct rollout_sink *sink);
/** After a restart: what the member reported at the last check-in that is known, `runs_target` as it was then. */
void rollout_restore_values(struct rollout *r, uint32_t member, bool runs_target,
                            const struct rollout_values *values);

/** Is a switch still wanted? While paused nobody is told either way: the device asks again. */
enum rollout_switch {
    ROLLOUT_SWITCH_NO = 0,
    ROLLOUT_SWITCH_WAIT,
    ROLLOUT_SWITCH_GO,
};
enum rollout_switch rollout_switch_wanted(const struct rollout *r, uint32_t member);

/** The device runs the release already, without an attempt of this rollout: it is done. */
void rollout_adopt(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink);

/** A check-in names its attempt: the device is alive, whatever it is doing. Restarts the clock of silence. */
void rollout_alive(struct rollout *r, uint32_t member, uint64_t now_ms, const struct rollout_sink *sink);

/** Where a device that came after the freeze belongs: its own ring, or the open one when that has passed. */
uint32_t rollout_ring_for_joiner(const struct rollout *r, uint32_t ring);
/** The caller has appended a member in state NONE (at most one since the last call): count it. */
void rollout_joined(struct rollout *r, const struct rollout_sink *sink);

/** Leases, silence, soak, widening, passing, finishing. Call about once a second and after events. */
void rollout_tick(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink);

/** Devices of this ring with enough own soak. */
uint32_t rollout_soaked(const struct rollout *r, uint32_t ring);
uint32_t rollout_in_flight(const struct rollout *r, uint32_t ring);
uint32_t rollout_resolved(const struct rollout *r, uint32_t ring);
uint32_t rollout_harmed(const struct rollout *r, uint32_t ring);

/** Invariants; NULL, or the first that does not hold. */
const char *rollout_check(const struct rollout *r);

#endif
