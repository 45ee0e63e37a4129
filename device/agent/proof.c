/*
 * Proof: which image has passed its self test here, and whether it keeps its word.
 *
 * otadata is no log and its state is protected by nothing, so this record decides who owes a self test: any image that
 * runs and is not the one in the record. It also guards against the late crash loop: an image that was confirmed and
 * then keeps resetting soon after boot makes way for the other one, while that one is still there.
 */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

bool agent_is_proven(const struct ot_agent *a)
{
    return OT_PLANTED(12) ||
           (!ot_digest_is_zero(&a->running.digest) && ot_digest_equal(&a->running.digest, &a->proof.digest));
}

enum ot_status agent_note_proof(struct ot_agent *a, const char *attempt)
{
    a->proof.digest = a->running.digest;
    a->proof.crashes = 0;
    a->proof.trial_boots = 0;
    a->proof.keys_settled = false;
    memset(a->proof.attempt, 0, sizeof a->proof.attempt);
    memcpy(a->proof.attempt, attempt, strlen(attempt));
    return agent_save_proof(a);
}

enum ot_status agent_tell_late_revert(struct ot_agent *a, enum ot_status reason)
{
    if (OT_PLANTED(18) || a->proof.attempt[0] == '\0')
        return OT_OK; /* nobody offered it, or it is told already */
    enum ot_status st = agent_outbox_add_late(a, a->proof.attempt, OT_EVENT_LATE_REVERT, reason);
    if (st != OT_OK)
        return st;
    agent_log(a, AGENT_LOG_OUTCOME, OT_EVENT_LATE_REVERT, reason);
    memset(a->proof.attempt, 0, sizeof a->proof.attempt);
    return agent_save_proof(a);
}

static bool is_abnormal(enum ot_reset_reason reason)
{
    return reason == OT_RESET_PANIC || reason == OT_RESET_WATCHDOG;
}

/* Nowhere to go is no error: a running image, however poor, is better than none. */
static void go_back(struct ot_agent *a)
{
    struct ot_boot_state boot;
    enum ot_status st = a->port->boot_state(a->port->ctx, &boot);
    if (st == OT_OK)
        st = agent_leave_slot(a, &boot);
    a->goes_back = st == OT_OK;
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_REFUSED, st, 0);
}

/*
 * The image that proved itself runs, and an attempt had selected another one: the reset was that one's, by which the
 * bootloader came back here. (A crash of this image at the switch itself looks the same; the switch is tried three
 * times at most.)
 */
static bool another_was_on_trial(const struct ot_agent *a)
{
    return a->attempt.phase >= OT_PHASE_SWITCHING && !ot_digest_equal(&a->attempt.target, &a->running.digest);
}

/*
 * The image that proved itself keeps crashing: the other one, if it is there, is better. A brownout or a power cut is
 * the supply's doing, not the image's: neither counts, neither clears.
 */
static enum ot_status count_crash(struct ot_agent *a)
{
    if (!is_abnormal(a->facts.last_reset) || a->crash_counted || another_was_on_trial(a))
        return OT_OK;
    a->crash_counted = true; /* the guard looks twice where an ended attempt had still to be cleared */
    if (a->proof.crashes < 255)
        a->proof.crashes++;
    return agent_save_proof(a);
}

static enum ot_status guard_proven(struct ot_agent *a)
{
    enum ot_status st = count_crash(a);
    if (OT_PLANTED(15) || a->config.late_crashes == 0 || a->proof.crashes < a->config.late_crashes ||
        a->attempt.phase != OT_PHASE_NONE)
        return st;
    /* The count goes only after the other slot is selected: a cut in between must not start it all over. */
    st = agent_select_other(a);
    a->goes_back = st == OT_OK;
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_REFUSED, st, 0); /* nowhere to go: better this image than none */
    a->proof.crashes = 0;
    st = a->goes_back ? agent_tell_late_revert(a, OT_E_LATE_CRASHES) : OT_OK;
    return st == OT_OK ? agent_save_proof(a) : st;
}

/*
 * An attempt's image on trial: one boot. A second one is a reset that the bootloader did not act on (it knows no
 * rollback, or otadata was damaged): act for it.
 */
static enum ot_status guard_attempt(struct ot_agent *a)
{
    struct ot_attempt *t = &a->attempt;
    if (t->phase == OT_PHASE_CONFIRMING)
        return OT_OK;
    bool first = t->phase < OT_PHASE_PROBATION;
    if (first)
        t->phase = OT_PHASE_PROBATION;
    if (t->probation_boots < 255)
        t->probation_boots++;
    if (t->phase == OT_PHASE_PROBATION && t->probation_boots > 1 && !OT_PLANTED(13)) {
        t->reason = OT_E_RESET_IN_PROBATION;
        t->phase = OT_PHASE_REVERTING;
    }
    enum ot_status st = agent_save_attempt(a);
    if (st == OT_OK && first)
        st = agent_outbox_add(a, OT_EVENT_BOOTED, OT_OK);
    if (t->phase == OT_PHASE_REVERTING)
        go_back(a); /* also where it was decided in an earlier boot, which ended before it was done */
    return st;
}

/* An image that nobody offered, and that has not proved itself here: on trial like any other, without a name. */
static enum ot_status guard_stranger(struct ot_agent *a)
{
    struct ot_attempt *t = &a->attempt;
    if (ot_digest_is_zero(&a->proof.digest) || ot_digest_is_zero(&a->running.digest))
        return OT_OK; /* the first image of all is the factory's */
    if (t->phase == OT_PHASE_NONE) {
        t->target = a->running.digest;
        t->slot = OT_SLOT_NONE;
        t->probation_boots = 0;
        return guard_attempt(a);
    }
    /* An attempt for another image is under way, and keeps its record. */
    if (a->proof.trial_boots < 255)
        a->proof.trial_boots++;
    enum ot_status st = agent_save_proof(a);
    if (st == OT_OK && a->proof.trial_boots > 1)
        go_back(a);
    return st;
}

enum ot_status agent_guard(struct ot_agent *a)
{
    if (agent_is_proven(a))
        return guard_proven(a);
    if (a->attempt.phase != OT_PHASE_NONE && ot_digest_equal(&a->running.digest, &a->attempt.target))
        return guard_attempt(a);
    return guard_stranger(a);
}

void agent_late_crash_forget(struct ot_agent *a)
{
    uint64_t window_ms = (uint64_t)a->config.late_crash_window_s * 1000u;
    if (a->proof.crashes == 0 || a->port->now_ms(a->port->ctx) < window_ms)
        return;
    a->proof.crashes = 0;
    enum ot_status st = agent_save_proof(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}
