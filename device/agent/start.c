/*
 * After a reset: what is owed?
 *
 * Derived from three witnesses: the journal (what was being done), the digest of the running image (what really runs)
 * and otadata (what the bootloader made of it). The journal decides whether a self test is owed, because otadata's
 * CRC does not protect its state; the running digest decides what an attempt came to, because otadata is no log.
 *
 * Whatever the journal remembers of an attempt, an image that runs and has not proved itself here owes a self test:
 * see proof.c.
 */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

static void count_reset(struct ot_agent *a)
{
    a->health.boots++;
    if (a->facts.last_reset == OT_RESET_PANIC)
        a->health.panics++;
    else if (a->facts.last_reset == OT_RESET_WATCHDOG)
        a->health.watchdogs++;
    else if (a->facts.last_reset == OT_RESET_BROWNOUT)
        a->health.brownouts++;
    else if (a->facts.last_reset == OT_RESET_UNKNOWN)
        a->health.other_resets++;
    enum ot_status st = agent_save_health(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

static const struct ot_claim *find_claim(const struct ot_agent *a, const struct ot_digest *digest)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (ot_digest_equal(&a->claims[i].digest, digest))
            return &a->claims[i];
    }
    return NULL;
}

/* The descriptor decides whom this device trusts: one wrong reading must not make it look as if there were none. */
static enum ot_status read_descriptor(const struct ot_source *src, struct ot_descriptor *desc)
{
    enum ot_status before = OT_E_READ;
    for (int i = 0; i < 4; i++) {
        enum ot_status st = ot_descriptor_read(src, desc);
        if (OT_PLANTED(30))
            return st;
        if (st == OT_OK || (st == before && st != OT_E_READ))
            return st;
        before = st;
    }
    return before;
}

/* Digest, release and version of what stands in a slot; a zero digest when nothing there verifies. */
static void describe_slot(struct ot_agent *a, int slot, struct ot_wire_slot *out, struct ot_descriptor *desc,
                          bool *described)
{
    struct ot_slot_source ctx = {.port = a->port, .slot = slot};
    struct ot_source src = agent_source(&ctx, a->facts.slot_bytes);
    memset(out, 0, sizeof *out);
    *described = false;
    out->present = true;
    out->slot = (int8_t)slot;
    out->state = OT_OTA_UNDEFINED;
    if (agent_verify_slot(a, slot, false) != OT_OK)
        return;
    out->digest = a->digests.identity;
    *described = read_descriptor(&src, desc) == OT_OK;
    const struct ot_claim *claim = find_claim(a, &out->digest);
    if (*described) {
        out->release = desc->release;
        memcpy(out->version, a->image.app.version, OT_VERSION_MAX);
    } else if (claim != NULL) {
        out->release = claim->release;
        memcpy(out->version, claim->version, sizeof out->version);
    }
    if (!ot_wire_is_version(out->version))
        out->version[0] = '\0';
}

static void learn_slots(struct ot_agent *a)
{
    struct ot_descriptor unused;
    bool described;
    int other = a->facts.running_slot < 0 ? 0 : (a->facts.running_slot + 1) % a->facts.ota_count;
    if (a->facts.ota_count > 0 && other != a->facts.running_slot)
        describe_slot(a, other, &a->other, &unused, &described);
    describe_slot(a, a->facts.running_slot, &a->running, &a->running_desc, &a->running_described);
    a->running_secure_version = a->image.app.secure_version;
    /* A device that was never told its product is what its described image says it is. */
    size_t len = strlen(a->image.app.project);
    if (a->facts.product[0] == '\0' && a->running_described && len <= OT_PRODUCT_MAX)
        memcpy(a->facts.product, a->image.app.project, len + 1);
}

/*
 * A first boot after a switch tells: still NEW means that this bootloader knows no rollback. It is remembered, because
 * only that boot tells.
 */
static void learn_bootloader(struct ot_agent *a, const struct ot_boot_state *boot)
{
    enum ot_wire_bootloader before = a->bootloader;
    if (boot->running_has_state && (boot->running_state == OT_OTA_PENDING ||
                                    (boot->other_has_state && boot->other_state == OT_OTA_ABORTED)))
        a->bootloader = OT_BOOTLOADER_ROLLBACK;
    else if (boot->running_has_state && boot->running_state == OT_OTA_NEW &&
             boot->boot_slot == boot->running_slot)
        a->bootloader = OT_BOOTLOADER_PLAIN;
    if (a->bootloader == before)
        return;
    enum ot_status st = agent_save_proof(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

/* Another slot than the selected one runs: the selected image was refused. Make otadata tell the truth again. */
static void heal_fallback(struct ot_agent *a, const struct ot_boot_state *boot)
{
    if (OT_PLANTED(16) || boot->boot_slot == boot->running_slot || boot->boot_slot == OT_SLOT_NONE ||
        boot->running_slot < 0)
        return;
    if (boot->running_has_state && boot->running_state == OT_OTA_ABORTED)
        return; /* the other way round: this image was given up, and nothing else boots (no_fallback) */
    if (a->attempt.phase != OT_PHASE_NONE && ot_digest_equal(&a->running.digest, &a->attempt.target))
        return; /* the image on trial was selected, or it would not run: otadata reads wrong just now */
    agent_log(a, AGENT_LOG_FALLBACK, boot->running_slot, boot->boot_slot);
    enum ot_status st = a->port->mark_invalid(a->port->ctx, boot->boot_slot);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

/* The target does not run though the slot was, or may have been, selected. */
static enum agent_event target_not_running(struct ot_agent *a, const struct ot_boot_state *boot)
{
    const struct ot_attempt *t = &a->attempt;
    if (t->phase == OT_PHASE_REVERTING)
        return agent_end(a, OT_EVENT_REVERTED, t->reason != OT_OK ? t->reason : OT_E_SELF_TEST);
    if (t->phase >= OT_PHASE_PROBATION)
        return agent_end(a, OT_EVENT_REVERTED, OT_E_RESET_IN_PROBATION);
    if (boot->boot_slot == t->slot)
        return agent_end(a, OT_EVENT_REJECTED, OT_E_NOT_ACCEPTED_BY_BOOT);
    if (boot->other_has_state && boot->other_state == OT_OTA_ABORTED)
        return agent_end(a, OT_EVENT_REVERTED, OT_E_RESET_IN_PROBATION);
    if (boot->other_has_state && boot->other_state == OT_OTA_INVALID)
        return agent_end(a, OT_EVENT_REJECTED, OT_E_NOT_ACCEPTED_BY_BOOT);
    return EV_INSTALLED; /* the cut came before the switch, or took its record: try again, a bounded number of times */
}

/* The target runs. A self test is owed unless the journal says it has passed. */
static enum agent_event target_running(struct ot_agent *a, const struct ot_boot_state *boot)
{
    struct ot_attempt *t = &a->attempt;
    a->no_fallback = boot->running_has_state && boot->running_state == OT_OTA_ABORTED;
    if (t->phase == OT_PHASE_CONFIRMING)
        return EV_FINISH;
    if (t->phase == OT_PHASE_REVERTING && !a->no_fallback)
        return EV_GO_BACK;
    a->owes_self_test = true;
    return EV_PROBATION;
}

/* Nothing is known of the running image but what otadata says: what the factory put there counts as proven. */
static bool is_factory_fresh(const struct ot_agent *a, const struct ot_boot_state *boot)
{
    return ot_digest_is_zero(&a->proof.digest) &&
           (!boot->running_has_state ||
            (boot->running_state != OT_OTA_PENDING && boot->running_state != OT_OTA_NEW));
}

/*
 * What the journal knows counts: this image is confirmed, though otadata has forgotten or never knew. Else its next boot
 * is its last. And what it asks for is in force, also where it came from the factory, or a cut or a failure came before.
 */
static void heal_proven(struct ot_agent *a, const struct ot_boot_state *boot)
{
    agent_adopt(a);
    if (OT_PLANTED(17) || boot->boot_slot != boot->running_slot || !boot->running_has_state ||
        (boot->running_state != OT_OTA_PENDING && boot->running_state != OT_OTA_NEW))
        return;
    enum ot_status st = a->port->mark_valid(a->port->ctx);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

static enum agent_event no_attempt(struct ot_agent *a, const struct ot_boot_state *boot)
{
    enum ot_status st = OT_OK;
    if (is_factory_fresh(a, boot))
        st = agent_note_proof(a, "");
    if (st != OT_OK)
        return EV_NONE;
    if (agent_is_proven(a))
        heal_proven(a, boot);
    if (agent_is_proven(a) || ot_digest_is_zero(&a->running.digest))
        return a->enrolled ? EV_READY : EV_ENROL;
    a->owes_self_test = true;
    return EV_PROBATION;
}

/* The journal speaks of an attempt whose target does not run. */
static enum agent_event go_on(struct ot_agent *a, const struct ot_boot_state *boot)
{
    struct ot_attempt *t = &a->attempt;
    if (t->slot ==
        a->facts.running_slot) /* the slots have changed under it: its target cannot be written any more */
        return agent_end(a, OT_EVENT_FAILED, OT_E_BOOT_RECORD);
    if (agent_is_proven(a))
        heal_proven(a, boot);
    if (t->phase == OT_PHASE_INSTALLED)
        return EV_INSTALLED;
    return t->phase == OT_PHASE_DOWNLOADING ? EV_RESUME : target_not_running(a, boot);
}

enum agent_event agent_work_start(struct ot_agent *a)
{
    struct ot_boot_state boot;
    enum ot_status st = a->port->boot_state(a->port->ctx, &boot);
    if (st != OT_OK)
        return EV_NONE;
    if (a->goes_back)
        return EV_SWITCHED;
    struct ot_attempt *t = &a->attempt;
    if (t->phase != OT_PHASE_NONE && agent_outbox_has_outcome(a, t->id)) {
        /* The outcome stands already: this only clears the record. What runs is then judged without it. */
        if (agent_end(a, OT_EVENT_FAILED, OT_OK) != EV_ENDED)
            return EV_NONE;
        st = agent_guard(a);
        if (st != OT_OK)
            agent_log(a, AGENT_LOG_JOURNAL, st, 0);
        if (a->goes_back)
            return EV_SWITCHED;
    }
    if (t->phase == OT_PHASE_NONE)
        return no_attempt(a, &boot);
    a->erased_to = UINT32_MAX;
    a->window_count = 0;
    a->write_at = 0;
    if (ot_digest_equal(&a->running.digest, &t->target))
        return target_running(a, &boot);
    return go_on(a, &boot);
}

enum ot_status agent_learn(struct ot_agent *a)
{
    enum ot_status st = agent_records_load(a);
    if (st != OT_OK)
        return st;
    count_reset(a);
    learn_slots(a);
    struct ot_boot_state boot;
    if (a->port->boot_state(a->port->ctx, &boot) == OT_OK) {
        learn_bootloader(a, &boot);
        heal_fallback(a, &boot);
    }
    st = agent_guard(a);
    if (st != OT_OK) /* counts that cannot be kept must not keep the application from running */
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
    return OT_OK;
}
