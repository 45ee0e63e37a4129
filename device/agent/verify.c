/*
 * Verification of a slot: structure, digest, descriptor, trust, fit. The same core functions the server's upload
 * check uses, over the bytes as they stand in flash.
 */
#include "work.h"

#include "otaria/fit.h"
#include "otaria/planted.h"

#include <string.h>

static enum ot_status read_slot(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct ot_slot_source *source = ctx;
    return source->port->slot_read(source->port->ctx, source->slot, offset, buf, len);
}

struct ot_source agent_source(struct ot_slot_source *ctx, uint32_t slot_bytes)
{
    return (struct ot_source){.ctx = ctx, .size = slot_bytes, .read = read_slot};
}

/* What the chip's own Secure Boot believes. */
static struct ot_trust_set hardware_trust(const struct ot_agent *a)
{
    return (struct ot_trust_set){.keys = a->facts.fuse_keys,
                                 .key_count = a->facts.fuse_key_count,
                                 .revoked = a->facts.fuse_revoked,
                                 .revoked_count = a->facts.fuse_revoked_count,
                                 .key_bytes = a->facts.fuse_key_bytes};
}

static enum ot_status judge_by(struct ot_agent *a, const struct ot_source *src,
                               const struct ot_trust_set *set)
{
    ot_trust_judge(src, &a->image, &a->digests, set, a->port->crypto, a->buffer, OT_AGENT_BUFFER_BYTES,
                   &a->verdict);
    return ot_verdict_accepts(&a->verdict, &a->digests.identity) ? OT_OK : a->verdict.reason;
}

static enum ot_status judge(struct ot_agent *a, const struct ot_source *src)
{
    struct ot_trust_set software = agent_software_trust(a), hardware = hardware_trust(a);
    enum ot_status st = judge_by(a, src, &software);
    if (st != OT_OK || !a->facts.has_secure_boot)
        return st;
    /* Hardware Secure Boot must accept it too: better refused now than by the bootloader. */
    return judge_by(a, src, &hardware);
}

static enum ot_status fit(struct ot_agent *a, const struct ot_source *src)
{
    struct ot_descriptor desc;
    enum ot_status st = ot_descriptor_read(src, &desc);
    if (st != OT_OK && st != OT_E_DESC_MISSING)
        return st;
    struct ot_fit_place place = {
        .product = a->facts.product[0] != '\0' ? a->facts.product : NULL,
        .has_chip = true,
        .chip_id = a->facts.chip_id,
        .has_hardware_revision = true,
        .hardware_revision = a->facts.hardware_revision,
        .slot_bytes = a->facts.slot_bytes,
        .floor = a->trust.floor,
        .secure_version = a->facts.secure_version,
        .secure_version_max = a->facts.secure_version_max,
        .allows_undescribed = a->facts.allows_undescribed,
    };
    return ot_fit_judge(&a->image, true, st == OT_OK ? &desc : NULL, &place);
}

/* `file_bytes` of the slot are one whole file; 0: a slot, whose end is erased or older. */
static enum ot_status inspect(struct ot_agent *a, const struct ot_source *src, uint32_t file_bytes)
{
    struct ot_image_limits limits = {.has_chip = true,
                                     .chip_id = a->facts.chip_id,
                                     .has_revision = a->facts.has_chip_revision,
                                     .chip_revision = a->facts.chip_revision,
                                     .space = a->facts.slot_bytes};
    bool is_signed;
    a->verdict = (struct ot_verdict){0};
    enum ot_status st = ot_image_parse(src, &limits, &a->image);
    if (st == OT_OK && file_bytes != 0)
        st = ot_image_file_shape(src, &a->image, &is_signed);
    if (st == OT_OK)
        st = ot_image_hash(src, &a->image, a->port->crypto, a->buffer, OT_AGENT_BUFFER_BYTES, &a->digests);
    return st;
}

static enum ot_status verify_once(struct ot_agent *a, int slot, uint32_t file_bytes, bool judge_trust)
{
    struct ot_slot_source ctx = {.port = a->port, .slot = slot};
    struct ot_source src = agent_source(&ctx, file_bytes != 0 ? file_bytes : a->facts.slot_bytes);
    enum ot_status st = inspect(a, &src, file_bytes);
    if (st != OT_OK || !judge_trust)
        return st;
    if (OT_PLANTED(9)) {
        a->verdict =
            (struct ot_verdict){.state = OT_VERDICT_ACCEPTED, .reason = OT_OK, .image = a->digests.identity};
        return OT_OK;
    }
    st = judge(a, &src);
    return st == OT_OK ? fit(a, &src) : st;
}

/* One reading of flash can be wrong. A good image may fail once by chance; a bad one never passes by chance. */
static enum ot_status verify(struct ot_agent *a, int slot, uint32_t file_bytes, bool judge_trust)
{
    enum ot_status st = verify_once(a, slot, file_bytes, judge_trust);
    for (int i = 0; i < 2 && st != OT_OK && !OT_PLANTED(10); i++)
        st = verify_once(a, slot, file_bytes, judge_trust);
    return st;
}

enum ot_status agent_verify_slot(struct ot_agent *a, int slot, bool judge_trust)
{
    return verify(a, slot, 0, judge_trust);
}

static enum ot_status verify_without_once(struct ot_agent *a, int slot, const struct ot_digest *key)
{
    struct ot_digest revoked[4];
    struct ot_slot_source ctx = {.port = a->port, .slot = slot};
    struct ot_source src = agent_source(&ctx, a->facts.slot_bytes);
    struct ot_trust_set set = hardware_trust(a);
    memcpy(revoked, set.revoked, sizeof a->facts.fuse_revoked);
    revoked[set.revoked_count++] = *key;
    set.revoked = revoked;
    enum ot_status st = inspect(a, &src, 0);
    st = st == OT_OK ? judge_by(a, &src, &set) : st;
    a->verdict = (struct ot_verdict){0}; /* a verdict by the eFuses alone activates nothing */
    return st;
}

enum ot_status agent_verify_without(struct ot_agent *a, int slot, const struct ot_digest *key)
{
    enum ot_status st = verify_without_once(a, slot, key);
    for (int i = 0; i < 2 && st != OT_OK; i++)
        st = verify_without_once(a, slot, key);
    return st;
}

/* What it would do to the keys once it has confirmed. */
static enum ot_status judge_keys(struct ot_agent *a, int slot)
{
    struct ot_descriptor desc;
    struct ot_slot_source ctx = {.port = a->port, .slot = slot};
    struct ot_source src = agent_source(&ctx, a->facts.slot_bytes);
    enum ot_status st = ot_descriptor_read(&src, &desc);
    if (st != OT_OK && st != OT_E_DESC_MISSING)
        return st;
    return agent_judge_keys(a, st == OT_OK ? &desc : NULL);
}

/* What a smaller way gave is not the target, or not one this device may run: in the end the image itself decides. */
static enum agent_event take_next_way(struct ot_agent *a)
{
    a->verdict = (struct ot_verdict){0};
    if (a->attempt.phase != OT_PHASE_DOWNLOADING) {
        a->attempt.phase = OT_PHASE_DOWNLOADING;
        if (agent_save_attempt(a) != OT_OK)
            return EV_NONE;
    }
    (void)agent_patch_give_up(a, OT_E_PATCH_RESULT);
    return EV_RESUME;
}

enum agent_event agent_work_verify(struct ot_agent *a)
{
    /* The bytes that were offered are all there is: what lies behind them in the slot is of an older image. */
    enum ot_status st = verify(a, a->attempt.slot, a->attempt.image.bytes, true);
    if (st == OT_OK)
        st = judge_keys(a, a->attempt.slot);
    if (st == OT_OK && !OT_PLANTED(8) && !ot_digest_equal(&a->digests.identity, &a->attempt.target)) {
        a->verdict = (struct ot_verdict){0};
        st = OT_E_WRONG_TARGET;
    }
    if (OT_PLANTED(32) && agent_way(a) != OT_WAY_FULL) {
        a->verdict =
            (struct ot_verdict){.state = OT_VERDICT_ACCEPTED, .reason = OT_OK, .image = a->attempt.target};
        st = OT_OK;
    }
    if (st != OT_OK && agent_way(a) != OT_WAY_FULL)
        return take_next_way(a);
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_REFUSED, st, 0);
        return agent_end(a, OT_EVENT_FAILED, st);
    }
    if (a->attempt.phase < OT_PHASE_INSTALLED) {
        st = agent_patch_erase(a);
        if (st != OT_OK)
            return agent_end(a, OT_EVENT_FAILED, st);
        a->attempt.phase = OT_PHASE_INSTALLED;
        st = agent_save_attempt(a);
        if (st == OT_OK)
            st = agent_outbox_add(a, OT_EVENT_INSTALLED, agent_patch_reason(a));
    }
    return st == OT_OK ? EV_VERIFIED : EV_NONE;
}
