/**
 * The server's fleet in a test program, without HTTP: products, devices and operators by calls of server/fleet, time and
 * chance in the test's hand, and everything it knows as one text.
 *
 *     struct fleet_world w;
 *     fleet_world_open(&w, dir, NULL);
 *     fleet_world_product(&w);                   product lamp, one key, and an enrolment token
 *     fleet_world_push(&w, 0);                   release 1.0.0
 *     struct world_device d = fleet_world_device(&w, 1);
 *     fleet_world_enrol(&w, &d);
 *     fleet_world_check_in(&w, &d, OT_ASK_OFFER, OT_EVENT_NONE);
 *
 * Every call returns when what it did is on disk. Failures that a test does not ask for abort the program.
 */
#ifndef FLEET_WORLD_H
#define FLEET_WORLD_H

#include "fleet/fleet.h"

#include <semaphore.h>

#define WORLD_IMAGES 3u
#define WORLD_OTHER  WORLD_IMAGES /* 1.0.0 again, of other bytes: never to be taken beside the first */

/** What survives the server: clocks, images, keys. Made once, before anything is opened. */
struct world_outside {
    uint64_t mono_ms, chance;
    int64_t wall_ms;
    struct ot_digest key;
    uint8_t *images[WORLD_IMAGES + 1]; /* signed: releases 1.0.0, 1.1.0, 1.2.0, and WORLD_OTHER */
    uint32_t image_len[WORLD_IMAGES + 1];
};

struct fleet_world {
    struct world_outside *outside;
    struct fleet *fleet;
    struct fleet_product *product;
    struct fleet_token *enrol;
    struct fleet_refusal refusal; /* of the last call that was refused */
    sem_t durable;
};

/** A device's own memory. */
struct world_device {
    char id[16];
    struct fleet_device *known; /* after fleet_world_enrol() */
    uint32_t seq;
    struct ot_digest running;
    struct ot_health health;
    char attempt[OT_ATTEMPT_ID_MAX + 1];
    struct ot_digest target;
    struct ot_wire_reply reply; /* of the last check-in */
};

void world_outside_make(struct world_outside *out);
void world_outside_free(struct world_outside *out);
void world_pass_ms(struct world_outside *out, uint64_t ms);

/** 0, or -1 with a message. Product and enrolment token are those there are, or NULL. */
int fleet_world_open(struct fleet_world *w, struct world_outside *outside, const char *dir,
                     struct error *err);
void fleet_world_close(struct fleet_world *w);

/* Each: 0, or -1 when the server refused (w->refusal). */
int fleet_world_product(struct fleet_world *w);
int fleet_world_token(struct fleet_world *w, int64_t uses, int64_t expires_s);
int fleet_world_push(struct fleet_world *w, unsigned image);
struct world_device world_device(unsigned number);
int fleet_world_enrol(struct fleet_world *w, struct world_device *d);
/** The struct of a device that is enrolled already, after a restart. */
void fleet_world_find(struct fleet_world *w, struct world_device *d);
/** `event` about its attempt, or OT_EVENT_NONE. Takes up an offer; what it runs follows from the event. */
int fleet_world_check_in(struct fleet_world *w, struct world_device *d, enum ot_ask ask,
                         enum ot_event_kind event);
int fleet_world_tag(struct fleet_world *w, struct world_device *d, const char *tag);
/** `plan`: a release's version and the rest of it. */
int fleet_world_rollout(struct fleet_world *w, const char *version, const struct rollout_plan *plan);
/** On the newest rollout. */
int fleet_world_act(struct fleet_world *w, const char *action, const char *reason);
struct rollout *fleet_world_newest(struct fleet_world *w);
void fleet_world_tick(struct fleet_world *w);
/** A plan of these rings ("internal", "50%", "rest"; NULL ends), small numbers, no limit on harm. */
struct rollout_plan world_plan(const char *const *rings);

/** Everything that must survive a restart, as text; malloc'd. `last_seen` and the like do not belong to it. */
char *fleet_world_dump(struct fleet_world *w);
/** NULL, or the first invariant of a rollout that does not hold. */
const char *fleet_world_check(const struct fleet_world *w);

#endif
