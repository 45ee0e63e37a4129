/**
 * What the agent does in each state, one bounded piece at a time, and the events that come of it. Private.
 */
#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include "records.h"

/** What a piece of work came to. The machine's table says what follows (machine.c). */
enum agent_event {
    EV_NONE = 0,  /* nothing yet: come again */
    EV_AGAIN,     /* progress: come again at once */
    EV_NETWORK,   /* the server could not be reached: come again later */
    EV_READY,     /* start: nothing is owed */
    EV_ENROL,     /* start: not enrolled yet */
    EV_RESUME,    /* a download to go on with: at the start, or by the next way */
    EV_INSTALLED, /* start or download: image complete in the slot */
    EV_PROBATION, /* start: a self test is owed */
    EV_FINISH,    /* start: confirm was decided before the reset */
    EV_GO_BACK,   /* start: going back was decided before the reset */
    EV_ENDED,     /* the attempt has its outcome */
    EV_OFFER,
    EV_ACCEPTED, /* the offer was taken up */
    EV_VERIFIED,
    EV_GO,       /* the server still wants it */
    EV_SWITCHED, /* slot selected: reset */
    EV_PASSED,
    EV_GIVEN_UP, /* probation failed */
    EV_REPORTED, /* outbox empty */
    EV_COUNT
};

/** After ot_agent_start: journal, counters, what stands in both slots. OT_E_JOURNAL: the journal cannot be read. */
OT_CHECKED enum ot_status agent_learn(struct ot_agent *a);

/** The running image has proved itself. */
bool agent_is_proven(const struct ot_agent *a);
/** It has, by its self test or by the factory's: remember it, and the attempt that brought it ("" none). */
OT_CHECKED enum ot_status agent_note_proof(struct ot_agent *a, const char *attempt);
/** Another image runs than the one that proved itself last: tell so, once. */
enum ot_status agent_tell_late_revert(struct ot_agent *a, enum ot_status reason);
/**
 * Before the application starts: count this boot against an image that has not proved itself, or this reset against
 * one that has; when it is one too many, select the other slot (a->goes_back). OT_E_JOURNAL.
 */
OT_CHECKED enum ot_status agent_guard(struct ot_agent *a);
/** The image has run long enough for its resets to be forgotten. */
void agent_late_crash_forget(struct ot_agent *a);

/**
 * What the running, proven image asks to be remembered: floor, trusted and retired keys, secure_version, retired keys of
 * the eFuses. Writes only what is new. What fails is logged and tried again at the next start and before the next update
 * (a->wishes_open). Nothing for an image that has not proved itself.
 */
void agent_adopt(struct ot_agent *a);

/** The keys in force: those of the confirmed image, less the revoked ones. Points into `a`. */
struct ot_trust_set agent_software_trust(const struct ot_agent *a);

/** May the image with this descriptor (NULL: none) take over the keys? OT_OK, OT_E_LOCKOUT, OT_E_REVOKED_FULL. */
OT_CHECKED enum ot_status agent_judge_keys(const struct ot_agent *a, const struct ot_descriptor *desc);

enum agent_event agent_work_start(struct ot_agent *a);
enum agent_event agent_work_enrol(struct ot_agent *a);
enum agent_event agent_work_idle(struct ot_agent *a);
enum agent_event agent_work_offered(struct ot_agent *a);
enum agent_event agent_work_download(struct ot_agent *a);
enum agent_event agent_work_verify(struct ot_agent *a);
enum agent_event agent_work_ask(struct ot_agent *a);
enum agent_event agent_work_switch(struct ot_agent *a);
enum agent_event agent_work_probation(struct ot_agent *a);
enum agent_event agent_work_confirm(struct ot_agent *a);
enum agent_event agent_work_revert(struct ot_agent *a);
enum agent_event agent_work_report(struct ot_agent *a);

/** Check in; the reply is in a->u.reply. EV_AGAIN on a reply, EV_NETWORK without one. */
enum agent_event agent_check_in(struct ot_agent *a, enum ot_ask ask);

/** End the attempt: outcome into the outbox, record cleared (its try count stays). */
enum agent_event agent_end(struct ot_agent *a, enum ot_event_kind outcome, enum ot_status reason);

/** Full verification of a slot's image; digests, image and verdict in the agent. */
enum ot_status agent_verify_slot(struct ot_agent *a, int slot, bool judge_trust);

/** Would the chip still start this slot if it revoked `key`? OT_OK, or why not. */
OT_CHECKED enum ot_status agent_verify_without(struct ot_agent *a, int slot, const struct ot_digest *key);

/** Select the other slot, if what stands there is whole, trusted and not below the floor. */
OT_CHECKED enum ot_status agent_select_other(struct ot_agent *a);

/** The running slot is what otadata selects, and confirmed there. */
OT_CHECKED enum ot_status agent_select_running(struct ot_agent *a);

/** Give the running slot up for the next boot. OT_OK: another one boots. */
OT_CHECKED enum ot_status agent_leave_slot(struct ot_agent *a, const struct ot_boot_state *boot);

/* --- transfers --- */

/** Open an artifact (suffix "") or what belongs to it at `offset`. EV_AGAIN: open. */
enum agent_event agent_transfer_open(struct ot_agent *a, const struct ot_digest *object, const char *suffix,
                                     uint32_t offset, uint32_t want_total);
/** What has come of it, `*n` bytes and at most `room`, counted as received. EV_AGAIN; EV_NETWORK: closed, come again later. */
enum agent_event agent_transfer_read(struct ot_agent *a, uint8_t *into, uint32_t room, uint32_t *n);
void agent_transfer_close(struct ot_agent *a);
/** The connection is gone or was never there: come again later, at the same place. */
enum agent_event agent_transfer_broken(struct ot_agent *a, enum ot_status st, int http_status);
/** It cannot be had at all: a smaller way is given up for the next one, the image with the attempt. */
enum agent_event agent_transfer_failed(struct ot_agent *a, enum ot_status st);

/** Before the first write: otadata names the target's slot no longer. */
OT_CHECKED enum ot_status agent_forget_target(struct ot_agent *a);
/** Erase from a->erased_to up to `to` at least, never beyond `limit`. */
OT_CHECKED enum ot_status agent_erase_ahead(struct ot_agent *a, uint32_t to, uint32_t limit);

/* --- smaller ways: patch, compressed image --- */

/** Which smaller ways of this offer can be tried? Noted durably: the attempt goes by the first of them. */
OT_CHECKED enum ot_status agent_patch_take(struct ot_agent *a, const struct ot_wire_offer *o);
/** No attempt, no smaller ways. In memory alone: their records name the attempt. */
void agent_patch_forget(struct ot_agent *a);
/** Which way the attempt goes now; full: the image as it is. */
enum ot_way agent_way(const struct ot_agent *a);
/** Why the attempt does not go by the smallest way that it was offered; OT_OK: it does, or there was none. */
enum ot_status agent_patch_reason(const struct ot_agent *a);
/** One piece of it; the way is not the image. */
enum agent_event agent_work_patch(struct ot_agent *a);
/** The same attempt goes on by the next way. EV_AGAIN. */
enum agent_event agent_patch_give_up(struct ot_agent *a, enum ot_status reason);
/** Before the switch: what was stored in the slot's end is erased. */
OT_CHECKED enum ot_status agent_patch_erase(struct ot_agent *a);

struct ot_source agent_source(struct ot_slot_source *ctx, uint32_t slot_bytes);

void agent_log(struct ot_agent *a, uint32_t event, int32_t x, int32_t y);

/** Log events of the agent; text is made outside. */
enum agent_log_event {
    AGENT_LOG_STATE = 1,   /* from, to */
    AGENT_LOG_UNEXPECTED,  /* state, event */
    AGENT_LOG_FALLBACK,    /* running slot, boot slot */
    AGENT_LOG_OUTCOME,     /* kind, reason */
    AGENT_LOG_REFUSED,     /* reason, 0 */
    AGENT_LOG_NETWORK,     /* status, http status */
    AGENT_LOG_BLOCK_WRONG, /* block, 0 */
    AGENT_LOG_JOURNAL,     /* status, 0 */
    AGENT_LOG_ACKED,       /* sequence, kind: the server has this event, and it has left the outbox */
    AGENT_LOG_PATCH,  /* status, bytes decoded: a patch or compressed image is given up for the next way */
    AGENT_LOG_KEY,    /* place in the descriptor's `revoke`, status: retired in the eFuses, or why not */
    AGENT_LOG_METRIC, /* place in the application's list, 0: may not travel, and is left out */
};

#endif
