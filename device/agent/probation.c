/*
 * Probation: a new image must prove itself and say so, or the old one returns.
 *
 * Proof is the application's self test plus one contact with the server: an image that cannot reach its server can
 * never be replaced again, so it must not be confirmed.
 */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

#define LEAVING_BOOTS_MAX 4u

static enum agent_event give_up(struct ot_agent *a, enum ot_status reason)
{
    a->attempt.reason = reason;
    a->attempt.phase = OT_PHASE_REVERTING;
    enum ot_status st = agent_save_attempt(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0); /* going back matters more than recording why */
    return EV_GIVEN_UP;
}

static bool past_deadline(const struct ot_agent *a)
{
    uint64_t ran_ms = a->port->now_ms(a->port->ctx) - a->probation_since_ms;
    return ran_ms >= (uint64_t)a->config.self_test_deadline_s * 1000u;
}

static void poll_self_test(struct ot_agent *a)
{
    if (!a->self_test_started) {
        a->self_test_started = true;
        a->self_test = OT_SELF_TEST_RUNNING;
        a->probation_since_ms = a->port->now_ms(a->port->ctx);
        a->next_poll_ms = 0;
        a->port->self_test_start(a->port->ctx);
    }
    if (a->self_test == OT_SELF_TEST_RUNNING)
        a->self_test = a->port->self_test_poll(a->port->ctx, &a->self_test_reason);
}

/* Before the attempt is given up: the image that comes back reports it, and knows nothing of this one's checks. */
static void note_check(struct ot_agent *a)
{
    const char *name = a->port->self_test_failed != NULL ? a->port->self_test_failed(a->port->ctx) : NULL;
    if (name == NULL || !ot_wire_is_check_name(name))
        return;
    memset(&a->check_note, 0, sizeof a->check_note);
    memcpy(a->check_note.attempt, a->attempt.id, sizeof a->check_note.attempt);
    memcpy(a->check_note.check, name, strlen(name));
    enum ot_status st = agent_save_check(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0); /* going back matters more than recording why */
}

/* Too eager: it has hardly run, and what is wrong with it may not have shown. */
static bool has_run_long_enough(const struct ot_agent *a)
{
    return a->port->now_ms(a->port->ctx) >= (uint64_t)a->config.probation_min_s * 1000u;
}

enum agent_event agent_work_probation(struct ot_agent *a)
{
    a->port->watchdog_feed(a->port->ctx);
    if (OT_PLANTED(29) && a->port->raise_secure_version(a->port->ctx, a->running_secure_version) != OT_OK)
        return EV_NONE;
    poll_self_test(a);
    if (a->self_test == OT_SELF_TEST_FAILED && OT_PLANTED(24))
        a->self_test = OT_SELF_TEST_PASSED;
    if (a->self_test == OT_SELF_TEST_FAILED)
        note_check(a);
    if (a->self_test == OT_SELF_TEST_FAILED)
        return give_up(a, a->self_test_reason != OT_OK ? a->self_test_reason : OT_E_SELF_TEST);
    if (past_deadline(a))
        return give_up(a, a->self_test == OT_SELF_TEST_PASSED && !a->contact_since_boot
                              ? OT_E_NO_CONTACT
                              : OT_E_SELF_TEST_TIMEOUT);
    if (a->config.needs_contact && !a->contact_since_boot && !OT_PLANTED(23)) {
        if (a->port->now_ms(a->port->ctx) < a->next_poll_ms)
            return EV_NONE;
        /* Whatever the reply says, a switched device finishes its probation. */
        return agent_check_in(a, OT_ASK_NOTHING) == EV_AGAIN ? EV_AGAIN : EV_NETWORK;
    }
    if (a->self_test != OT_SELF_TEST_PASSED || !has_run_long_enough(a))
        return EV_NONE;
    a->attempt.phase = OT_PHASE_CONFIRMING;
    if (agent_save_attempt(a) == OT_OK)
        return EV_PASSED;
    a->attempt.phase = OT_PHASE_PROBATION;
    /* Without a journal nothing can be confirmed for good: back to the image that is. */
    return a->journal_failures > 3 ? give_up(a, OT_E_JOURNAL) : EV_NONE;
}

/* It runs, though otadata gave it up (ABORTED), lost it or names one that does not boot. Make it the selected slot again. */
static enum ot_status select_again(struct ot_agent *a)
{
    enum ot_status st = agent_verify_slot(a, a->facts.running_slot, true);
    if (st != OT_OK)
        return st;
    return a->port->set_boot(a->port->ctx, a->facts.running_slot, &a->verdict);
}

/* A torn entry for the other slot may look active now and then: it goes, and the running slot's is what is left. */
static enum ot_status mark_running_valid(struct ot_agent *a)
{
    enum ot_status st = a->port->mark_valid(a->port->ctx);
    if (st != OT_E_STATE || a->facts.running_slot < 0)
        return st;
    st = a->port->forget_slot(a->port->ctx, (a->facts.running_slot + 1) % a->facts.ota_count);
    return st == OT_OK ? a->port->mark_valid(a->port->ctx) : st;
}

static bool is_selected(const struct ot_boot_state *boot)
{
    bool is_named = boot->running_slot < 0 || /* the factory app never is */
                    (boot->running_has_state && boot->running_state != OT_OTA_INVALID &&
                     boot->running_state != OT_OTA_ABORTED);
    return boot->boot_slot == boot->running_slot && is_named;
}

enum ot_status agent_select_running(struct ot_agent *a)
{
    struct ot_boot_state boot;
    enum ot_status st = a->port->boot_state(a->port->ctx, &boot);
    if (st == OT_OK && !is_selected(&boot))
        st = select_again(a);
    return st == OT_OK ? mark_running_valid(a) : st;
}

enum agent_event agent_work_confirm(struct ot_agent *a)
{
    enum ot_status st = agent_select_running(a);
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_REFUSED, st, 0);
        if (a->no_fallback)
            return agent_end(a, OT_EVENT_NO_FALLBACK, st);
        return give_up(a, st);
    }
    /* Nobody sent this image, and it takes the place of one that was sent and confirmed: that must be told. */
    if (a->attempt.id[0] == '\0' && !agent_is_proven(a))
        st = agent_tell_late_revert(a, OT_E_BOOT_RECORD);
    if (st == OT_OK)
        st = agent_note_proof(a, a->attempt.id);
    if (st != OT_OK)
        return EV_NONE; /* come again: without the record the next start would ask for another self test */
    agent_adopt(a);
    return agent_end(a, a->no_fallback ? OT_EVENT_NO_FALLBACK : OT_EVENT_CONFIRMED, OT_OK);
}

/* The agent's own way back, where the bootloader does not know rollback or has lost the thread. */
enum ot_status agent_select_other(struct ot_agent *a)
{
    int8_t other = (int8_t)((a->facts.running_slot + 1) % (a->facts.ota_count > 0 ? a->facts.ota_count : 1));
    struct ot_digest old = a->other.digest;
    if (a->facts.running_slot < 0 || a->facts.ota_count < 2)
        return OT_E_STATE;
    /* The very image that was there at start. */
    enum ot_status st = agent_verify_slot(a, other, false);
    if (st != OT_OK)
        return st;
    if (ot_digest_is_zero(&old) || !ot_digest_equal(&old, &a->digests.identity))
        return OT_E_IMAGE_DIGEST;
    /* What has confirmed raised the floor and retired keys for good: no way back behind that. */
    st = agent_verify_slot(a, other, true);
    return st == OT_OK ? a->port->set_boot(a->port->ctx, other, &a->verdict) : st;
}

/*
 * By marking where the bootloader knows what that means, else by selecting the other slot. Where otadata selects another
 * one already, a reset may do: this image can run because its entry was lost at its first boot. Or because what is
 * selected does not boot; then a few resets change nothing, and are all there will be.
 */
enum ot_status agent_leave_slot(struct ot_agent *a, const struct ot_boot_state *boot)
{
    if (boot->boot_slot != boot->running_slot) {
        if (OT_PLANTED(14))
            return OT_OK;
        return a->attempt.probation_boots > LEAVING_BOOTS_MAX ? OT_E_NOT_ACCEPTED_BY_BOOT
                                                              : agent_verify_slot(a, boot->boot_slot, false);
    }
    if (a->bootloader == OT_BOOTLOADER_ROLLBACK &&
        a->port->mark_invalid(a->port->ctx, a->facts.running_slot) == OT_OK)
        return OT_OK;
    return agent_select_other(a);
}

enum agent_event agent_work_revert(struct ot_agent *a)
{
    struct ot_boot_state boot;
    enum ot_status st = a->port->boot_state(a->port->ctx, &boot);
    if (st == OT_OK)
        st = agent_leave_slot(a, &boot);
    if (st == OT_OK)
        return EV_SWITCHED;
    /*
     * Nowhere to go back to: a running image, however poor, is better than none. It is not confirmed (no proof is
     * noted, so every boot asks for its self test again), but it must not stay pending in otadata: then no update
     * could ever be written beside it.
     */
    agent_log(a, AGENT_LOG_REFUSED, st, 0);
    enum ot_status marked = a->port->mark_valid(a->port->ctx);
    if (marked != OT_OK)
        agent_log(a, AGENT_LOG_REFUSED, marked, 0);
    return agent_end(a, OT_EVENT_NO_FALLBACK, a->attempt.reason);
}
