/**
 * What the API asks of the fleet. Each call takes the lock, changes memory, queues the database batch and returns;
 * `done` is called when the change is on disk (never before). See state.h for what is behind.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "state.h"

/**
 * Open database and artifacts under `dir`, load everything. NULL with a message.
 * @param outside  time and chance; copied. NULL: the machine's clocks and random numbers.
 */
struct fleet *fleet_open(const char *dir, uint32_t poll_s, const struct fleet_outside *outside,
                         struct error *err);
void fleet_close(struct fleet *f);
/** About once a second: leases, silence, soak; write-behind of last_seen and of the monotonic time. */
void fleet_tick(struct fleet *f);

/** A refusal: HTTP status, stable code, message. status 0: no refusal. */
struct fleet_refusal {
    int status;
    char code[32];
    char message[700];
};
/** Fill in; always returns -1. */
int fleet_refuse(struct fleet_refusal *r, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

typedef void fleet_done(void *ctx);

/**
 * `done` once everything that can be seen in memory now is on disk: what somebody has been shown must not be gone after a
 * crash. At once while the disk is full: looking still works then.
 */
void fleet_when_durable(struct fleet *f, fleet_done *done, void *ctx);
/** The disk is full: nothing can be stored, so nothing should be begun. */
bool fleet_is_full(const struct fleet *f);

/* products.c */
int fleet_product_create(struct fleet *f, const char *who, const char *name, const struct ring_plan *rings,
                         const struct ot_digest *trust, uint32_t trust_count, struct fleet_refusal *refusal,
                         fleet_done *done, void *ctx);
/** What an operator wants to be otherwise: only what is not NULL, 0 or false. */
struct fleet_product_change {
    const struct ring_plan *rings;
    const struct strata_spec *strata; /* its `min` is not looked at; count 0: no strata any more */
    uint32_t strata_min;
    const struct rollout_metrics *metrics; /* gated; count 0: none any more */
    const uint32_t *duty_cycle_s;          /* 0: nobody says */
    bool new_seed; /* who is in which ring is drawn anew: only while no rollout runs */
};
/** For rollouts created from now on. */
int fleet_product_set(struct fleet *f, const char *who, struct fleet_product *p,
                      const struct fleet_product_change *change, struct fleet_refusal *refusal,
                      fleet_done *done, void *ctx);
/** `*token` receives the secret: the only time it exists outside its owner. 72 bytes. */
int fleet_token_create(struct fleet *f, const char *who, enum fleet_role role, const char *product,
                       int64_t uses, int64_t expires_in_s, char id[24], char token[80],
                       struct fleet_refusal *refusal, fleet_done *done, void *ctx);
int fleet_tag(struct fleet *f, const char *who, struct fleet_device *d, const char *const *add,
              size_t add_count, const char *const *remove, size_t remove_count, struct fleet_refusal *refusal,
              fleet_done *done, void *ctx);

/* releases.c */
struct fleet_push {
    const char *product;
    bool undescribed; /* then version and number are the operator's claim */
    bool any_device;  /* the devices there are do not speak for those it is for */
    const char *version;
    uint32_t number;
    const uint8_t *bytes;
    size_t len;
};
/** `*created` false when exactly these bytes were there already (then `done` is not called). */
int fleet_release_push(struct fleet *f, const char *who, const struct fleet_push *push,
                       struct fleet_release **out, bool *created, struct fleet_refusal *refusal,
                       fleet_done *done, void *ctx);

/* rollouts.c */
int fleet_rollout_create(struct fleet *f, const char *who, struct fleet_product *p,
                         struct fleet_release *release, const struct rollout_plan *plan, bool supersede,
                         struct fleet_rollout **out, struct fleet_refusal *refusal, fleet_done *done,
                         void *ctx);
/** `action`: "start", "pause", "resume", "widen", "retry", "abort". */
int fleet_rollout_act(struct fleet *f, const char *who, struct fleet_rollout *r, const char *action,
                      const char *reason, struct fleet_refusal *refusal, fleet_done *done, void *ctx);

/* recall.c */
/**
 * End a rollout and offer what they ran before to the devices that took its release, by a rollout that is made and
 * started here (`*out`). @param in_flight  its bound to begin with; 0: as in the plan of `of`
 */
int fleet_rollout_recall(struct fleet *f, const char *who, struct fleet_rollout *of, const char *reason,
                         uint32_t in_flight, struct fleet_rollout **out, struct fleet_refusal *refusal,
                         fleet_done *done, void *ctx);

/* devices.c */
int fleet_enrol(struct fleet *f, struct fleet_token *token, const struct ot_wire_enrol *m, bool *created,
                struct fleet_refusal *refusal, fleet_done *done, void *ctx);
/**
 * A check-in. `*wait` says whether the reply promises something: then it is sent by `done`, else at once (and `done`
 * is not called).
 */
int fleet_check_in(struct fleet *f, struct fleet_device *d, const struct ot_wire_check_in *m,
                   struct ot_wire_reply *reply, bool *wait, struct fleet_refusal *refusal, fleet_done *done,
                   void *ctx);
/**
 * A check-in that would be like the last one but for its counters: no event, no attempt in progress, nothing to offer.
 * Decides as fleet_check_in() would, without its message; rows are written behind, so only for the simulator's virtual
 * time. False, and nothing was done: a whole check-in is needed.
 */
bool fleet_still_here(struct fleet *f, struct fleet_device *d, const struct ot_health *health);
/** Write what is behind, now. */
void fleet_save(struct fleet *f);
/** May this device fetch this artifact now? */
bool fleet_may_fetch(struct fleet *f, const struct fleet_device *d, const struct ot_digest *sha256);

#endif
