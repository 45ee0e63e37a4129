/*
 * Verification of a slot: structure, digest, descriptor, trust, fit. The same core functions the server's upload
 * check uses, over the bytes as they stand in flash.
 */
#include "work.h"

#include "otaria/fit.h"
#include "otaria/planted.h"

static enum ot_status read_slot(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct agent_slot_source *source = ctx;
    return source->port->slot_read(source->port->ctx, source->slot, offset, buf, len);
}

struct ot_source agent_source(struct agent_slot_source *ctx, uint32_t slot_bytes)
{
    return (struct ot_source){.ctx = ctx, .size = slot_bytes, .read = read_slot};
}

/* Trust of the running, confirmed image: its descriptor's keys, else the factory's; less journalled revocations. */
static struct ot_trust_set software_trust(const struct ot_agent *a)
{
    struct ot_trust_set set = {.keys = a->facts.factory_keys,
                               .key_count = a->facts.factory_key_count,
                               .revoked = a->trust.revoked,
                               .revoked_count = a->trust.revoked_count};
    if (a->running_described && a->running_desc.key_count > 0) {
        set.keys = a->running_desc.keys;
        set.key_count = a->running_desc.key_count;
    }
    return set;
}

static enum ot_status judge(struct ot_agent *a, const struct ot_source *src)
{
    struct ot_trust_set software = software_trust(a);
    ot_trust_judge(src, &a->image, &a->digests, &software, a->port->crypto, a->buffer, OT_AGENT_BUFFER_BYTES,
                   &a->verdict);
    if (!ot_verdict_accepts(&a->verdict, &a->digests.identity) || !a->facts.has_secure_boot)
        return a->verdict.reason;
    /* Hardware Secure Boot must accept it too: better refused now than by the bootloader. */
    struct ot_trust_set fuses = {.keys = a->facts.fuse_keys,
                                 .key_count = a->facts.fuse_key_count,
                                 .revoked = a->facts.fuse_revoked,
                                 .revoked_count = a->facts.fuse_revoked_count};
    ot_trust_judge(src, &a->image, &a->digests, &fuses, a->port->crypto, a->buffer, OT_AGENT_BUFFER_BYTES,
                   &a->verdict);
    return a->verdict.reason;
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
        .allows_undescribed = a->facts.allows_undescribed,
    };
    return ot_fit_judge(&a->image, true, st == OT_OK ? &desc : NULL, &place);
}

/* `file_bytes` of the slot are one whole file; 0: a slot, whose end is erased or older. */
static enum ot_status verify_once(struct ot_agent *a, int slot, uint32_t file_bytes, bool judge_trust)
{
    struct agent_slot_source ctx = {.port = a->port, .slot = slot};
    struct ot_source src = agent_source(&ctx, file_bytes != 0 ? file_bytes : a->facts.slot_bytes);
    struct ot_image_limits limits = {.has_chip = true,
                                     .chip_id = a->facts.chip_id,
                                     .has_revision = a->facts.has_chip_revision,
                                     .chip_revision = a->facts.chip_revision,
                                     .space = a->facts.slot_bytes};
    bool is_signed;
    a->verdict = (struct ot_verdict){0};
    enum ot_status st = ot_image_parse(&src, &limits, &a->image);
    if (st == OT_OK && file_bytes != 0)
        st = ot_image_file_shape(&src, &a->image, &is_signed);
    if (st == OT_OK)
        st = ot_image_hash(&src, &a->image, a->port->crypto, a->buffer, OT_AGENT_BUFFER_BYTES, &a->digests);
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

enum agent_event agent_work_verify(struct ot_agent *a)
{
    /* The bytes that were offered are all there is: what lies behind them in the slot is of an older image. */
    enum ot_status st = verify(a, a->attempt.slot, a->attempt.image.bytes, true);
    if (st == OT_OK && !OT_PLANTED(8) && !ot_digest_equal(&a->digests.identity, &a->attempt.target)) {
        a->verdict = (struct ot_verdict){0};
        st = OT_E_WRONG_TARGET;
    }
    if (st != OT_OK) {
        agent_log(a, AGENT_LOG_REFUSED, st, 0);
        return agent_end(a, OT_EVENT_FAILED, st);
    }
    if (a->attempt.phase < OT_PHASE_INSTALLED) {
        a->attempt.phase = OT_PHASE_INSTALLED;
        st = agent_save_attempt(a);
        if (st == OT_OK)
            st = agent_outbox_add(a, OT_EVENT_INSTALLED, OT_OK);
    }
    return st == OT_OK ? EV_VERIFIED : EV_NONE;
}
