/*
 * Keys and counters: what an image that has proved itself asks this device to remember, for good.
 *
 * Nothing here happens before the proof is in the journal: an image that fails takes no key, floor or counter with it.
 * Everything is asked for again, at each start and before another image is taken, until it is done: a cut or a failure
 * anywhere takes nothing away.
 * Keys burned in the chip are retired only when bootloader and both slots start without them, or when the image says
 * that the old slot is given up (drop_old_slot). What is impossible is told once (event key_kept) and left alone, until
 * another image asks for it.
 */
#include "work.h"

#include "otaria/planted.h"

#include <string.h>

static bool in_list(const struct ot_digest *list, uint32_t count, const struct ot_digest *key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ot_digest_equal(&list[i], key))
            return true;
    }
    return false;
}

/* The keys the eFuses hold, by as many bytes of the digest as they have room for. */
static bool in_fuses(const struct ot_agent *a, const struct ot_digest *list, uint32_t count,
                     const struct ot_digest *key)
{
    uint32_t len = a->facts.fuse_key_bytes != 0 ? a->facts.fuse_key_bytes : OT_DIGEST_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(list[i].bytes, key->bytes, len) == 0)
            return true;
    }
    return false;
}

/* --- the software list --- */

/* Another image is the confirmed one: this one's own keys do not count yet. */
static bool is_on_trial(const struct ot_agent *a)
{
    return !ot_digest_is_zero(&a->proof.digest) && !agent_is_proven(a);
}

static bool has_own_keys(const struct ot_agent *a)
{
    return a->running_described && a->running_desc.key_count > 0;
}

struct ot_trust_set agent_software_trust(const struct ot_agent *a)
{
    struct ot_trust_set set = {.keys = a->facts.factory_keys,
                               .key_count = a->facts.factory_key_count,
                               .revoked = a->trust.revoked,
                               .revoked_count = a->trust.revoked_count};
    if (has_own_keys(a) && !is_on_trial(a)) {
        set.keys = a->running_desc.keys;
        set.key_count = a->running_desc.key_count;
    } else if (a->trust.key_count > 0 && (a->running_described || is_on_trial(a))) {
        set.keys = a->trust.keys;
        set.key_count = a->trust.key_count;
    }
    return set;
}

enum ot_status agent_judge_keys(const struct ot_agent *a, const struct ot_descriptor *desc)
{
    struct ot_trust_set after = agent_software_trust(a);
    uint32_t revoked = a->trust.revoked_count, retires = desc != NULL ? desc->revoke_count : 0;
    if (desc == NULL) {
        after.keys = a->facts.factory_keys;
        after.key_count = a->facts.factory_key_count;
    } else if (desc->key_count > 0) {
        after.keys = desc->keys;
        after.key_count = desc->key_count;
    }
    for (uint32_t i = 0; i < retires; i++)
        revoked += in_list(a->trust.revoked, a->trust.revoked_count, &desc->revoke[i]) ? 0 : 1;
    if (revoked > OT_WIRE_REVOKED_MAX)
        return OT_E_REVOKED_FULL;
    for (uint32_t i = 0; i < after.key_count; i++) {
        if (!in_list(a->trust.revoked, a->trust.revoked_count, &after.keys[i]) &&
            (desc == NULL || !in_list(desc->revoke, retires, &after.keys[i])))
            return OT_OK;
    }
    return OT_E_LOCKOUT;
}

static bool adopt_keys(struct ot_agent *a)
{
    const struct ot_descriptor *d = &a->running_desc;
    if (d->key_count == 0 || (d->key_count == a->trust.key_count &&
                              memcmp(d->keys, a->trust.keys, d->key_count * sizeof d->keys[0]) == 0))
        return false;
    a->trust.key_count = d->key_count;
    memcpy(a->trust.keys, d->keys, sizeof a->trust.keys);
    return true;
}

static bool adopt_revocations(struct ot_agent *a)
{
    bool changed = false;
    for (uint32_t i = 0; i < a->running_desc.revoke_count; i++) {
        const struct ot_digest *key = &a->running_desc.revoke[i];
        if (in_list(a->trust.revoked, a->trust.revoked_count, key))
            continue;
        a->trust.revoked[a->trust.revoked_count++] = *key; /* agent_judge_keys() saw to the room */
        changed = true;
    }
    return changed;
}

/* In force from now on, saved or not; what could not be saved is saved another time. */
static enum ot_status save_trust(struct ot_agent *a, bool changed)
{
    a->trust_unsaved = a->trust_unsaved || changed;
    enum ot_status st = a->trust_unsaved ? agent_save_trust(a) : OT_OK;
    a->trust_unsaved = st != OT_OK;
    return st;
}

/* Floor, keys, revocations. An image from the factory was never judged: what would lock the device out is left out. */
static enum ot_status adopt_descriptor(struct ot_agent *a)
{
    bool changed = a->running_desc.floor > a->trust.floor;
    enum ot_status judged = agent_judge_keys(a, &a->running_desc);
    if (changed)
        a->trust.floor = a->running_desc.floor;
    if (judged == OT_OK) {
        changed = adopt_keys(a) || changed;
        changed = adopt_revocations(a) || changed;
    }
    enum ot_status st = save_trust(a, changed);
    return judged != OT_OK ? judged : st;
}

/* An undescribed image goes by the factory's keys. */
static enum ot_status adopt_factory_keys(struct ot_agent *a)
{
    bool changed = a->trust.key_count != 0;
    a->trust.key_count = 0;
    return save_trust(a, changed);
}

/* --- the chip --- */

/* eFuses have changed. The product may have been learned from the image: it stays. */
static enum ot_status refresh_facts(struct ot_agent *a)
{
    char product[sizeof a->facts.product];
    memcpy(product, a->facts.product, sizeof product);
    enum ot_status st = a->port->facts(a->port->ctx, &a->facts);
    memcpy(a->facts.product, product, sizeof product);
    return st;
}

/* Burned for ever, and too high it boots nothing any more: not on one reading, which can be wrong. */
static enum ot_status raise_counter(struct ot_agent *a)
{
    if (a->running_secure_version <= a->facts.secure_version)
        return OT_OK;
    enum ot_status st = agent_verify_slot(a, a->facts.running_slot, false);
    if (st == OT_OK && a->image.app.secure_version != a->running_secure_version)
        st = OT_E_READ;
    if (st == OT_OK)
        st = a->port->raise_secure_version(a->port->ctx, a->running_secure_version);
    return st == OT_OK ? refresh_facts(a) : st;
}

static bool could_not_tell(enum ot_status st)
{
    return st == OT_E_READ || st == OT_E_CRYPTO || st == OT_E_FLASH_WRITE || st == OT_E_STATE;
}

/* OT_OK: retired. OT_E_KEY_NEEDED: impossible. Else it could not be told or done just now. */
static enum ot_status retire(struct ot_agent *a, const struct ot_digest *key)
{
    bool drops = (a->running_desc.flags & OT_DESC_FLAG_DROP_OLD_SLOT) != 0;
    int8_t other = (int8_t)((a->facts.running_slot + 1) % a->facts.ota_count);
    enum ot_status st = agent_verify_without(a, a->facts.running_slot, key);
    if (st == OT_OK && !drops && other != a->facts.running_slot)
        st = agent_verify_without(a, other, key);
    for (int i = 0; i < 3 && (st == OT_OK || st == OT_E_LOCKOUT);
         i++) { /* the port's reading can be wrong, too */
        st = a->port->revoke_key(a->port->ctx, key);
        if (st == OT_OK)
            return refresh_facts(a);
    }
    return could_not_tell(st) ? st : OT_E_KEY_NEEDED;
}

static bool is_to_retire(const struct ot_agent *a, const struct ot_digest *key)
{
    return in_fuses(a, a->facts.fuse_keys, a->facts.fuse_key_count, key) &&
           !in_fuses(a, a->facts.fuse_revoked, a->facts.fuse_revoked_count, key);
}

static enum ot_status retire_all(struct ot_agent *a, bool *any, bool *kept)
{
    for (uint32_t i = 0; i < a->running_desc.revoke_count; i++) {
        const struct ot_digest *key = &a->running_desc.revoke[i];
        if (!is_to_retire(a, key))
            continue;
        enum ot_status st = retire(a, key);
        agent_log(a, AGENT_LOG_KEY, (int32_t)i, st);
        if (st != OT_OK && st != OT_E_KEY_NEEDED)
            return st;
        *any = true;
        *kept = *kept || st == OT_E_KEY_NEEDED;
    }
    return OT_OK;
}

/* Once for each image that has proved itself. The event is in the outbox before the matter counts as settled. */
static enum ot_status settle_fuse_keys(struct ot_agent *a)
{
    bool any = false, kept = false;
    if (a->proof.keys_settled || !a->facts.has_secure_boot || !a->facts.can_revoke ||
        a->facts.ota_count == 0 || agent_judge_keys(a, &a->running_desc) != OT_OK)
        return OT_OK;
    enum ot_status st = retire_all(a, &any, &kept);
    if (st == OT_OK && kept && a->proof.attempt[0] != '\0')
        st = agent_outbox_add_late(a, a->proof.attempt, OT_EVENT_KEY_KEPT, OT_E_KEY_NEEDED);
    if (st != OT_OK || !any)
        return st;
    a->proof.keys_settled = true;
    return agent_save_proof(a);
}

static void note(struct ot_agent *a, enum ot_status st)
{
    if (st == OT_OK)
        return;
    a->wishes_open = true;
    agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

void agent_adopt(struct ot_agent *a)
{
    if (!agent_is_proven(a) || OT_PLANTED(28))
        return;
    a->wishes_open = false;
    note(a, a->running_described ? adopt_descriptor(a) : adopt_factory_keys(a));
    note(a, raise_counter(a));
    if (a->running_described)
        note(a, settle_fuse_keys(a));
}
