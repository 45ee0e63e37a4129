/*
 * The boot decision of ESP-IDF's second-stage bootloader, in three steps:
 *
 *   select()  reads otadata, ages PENDING and NEW entries, names a start slot      (rules B1..B6, table in rules.c)
 *   load()    tries images from there: downwards to factory, upwards, test          (rule B7)
 *   record()  writes entry 0 when nothing was ever selected                         (rule B8)
 *
 * Rules (docs/formats.md "Boot decision"):
 *   B1 a PENDING entry becomes ABORTED, whatever its checksum, active or not; both may
 *   B2 unusable = sequence empty, INVALID or ABORTED; the checksum is looked at afterwards
 *   B3 both unusable: factory if there is one, else ota_0, and nothing was ever selected if no sequence has a right
 *      checksum
 *   B4 otherwise the usable entry with the larger sequence, entry 0 on a tie; slot = (seq - 1) mod count
 *   B5 usable by B2 but no checksum right: factory, tried like any other start; nothing is repaired
 *   B6 an active NEW entry becomes PENDING before the image is looked at
 *   B7 start, start-1 ... 0, factory, then start+1 ... , then test; absent ones skipped
 *   B8 after B3 without factory: entry 0 := slot + 1, VALID, once a slot has loaded
 *   B9 no otadata partition: factory, else ota_0; less than two sectors, or unreadable: nothing boots
 *   A1 anti-rollback: entries whose image is below the chip's counter are not usable, such images are not tried
 *   A2 anti-rollback: the counter rises to the image's version when the active entry is VALID at boot
 *   A3 anti-rollback: no sequence with a right checksum: nothing was ever selected; start from factory, then B8
 */
#include "rules.h"

#include <string.h>

struct decision {
    const struct ot_slots *slots;
    const struct ot_boot_config *config;
    const struct ot_boot_port *port;
    struct ot_boot_result *out;
    struct ot_otadata_entry entry[2];
    bool is_initial;
};

static void because(struct decision *d, enum ot_boot_reason reason, int32_t arg, enum ot_status status)
{
    if (d->out->reason_count < OT_BOOT_REASONS_MAX)
        d->out->reasons[d->out->reason_count++] =
            (struct ot_boot_step){.reason = reason, .arg = arg, .status = status};
}

static enum ot_status rewrite(struct decision *d, unsigned index)
{
    ot_otadata_format(&d->entry[index], d->out->otadata[index]);
    return d->port->write_entry(d->port->ctx, index, d->out->otadata[index]);
}

static enum ot_status read_entries(struct decision *d)
{
    for (unsigned i = 0; i < 2; i++) {
        enum ot_status st = d->port->read_entry(d->port->ctx, i, d->out->otadata[i]);
        if (st != OT_OK) {
            because(d, OT_BOOT_OTADATA_UNREADABLE, (int32_t)i, st);
            return st;
        }
        ot_otadata_parse(d->out->otadata[i], &d->entry[i]);
    }
    return OT_OK;
}

/* B1 */
static void age_pending(struct decision *d)
{
    for (unsigned i = 0; i < 2; i++) {
        if (d->entry[i].state != OT_OTA_PENDING)
            continue;
        d->entry[i].state = OT_OTA_ABORTED;
        because(d, OT_BOOT_PENDING_ABORTED, (int32_t)i, rewrite(d, i));
    }
}

/* No entry ever selected anything: sequence empty or its checksum wrong, in both. */
static bool nothing_ever_selected(const struct decision *d)
{
    for (unsigned i = 0; i < 2; i++) {
        if (d->entry[i].seq != OT_OTADATA_SEQ_EMPTY && ot_otadata_crc_ok(&d->entry[i]))
            return false;
    }
    return true;
}

static enum ot_status version_in(struct decision *d, int slot, uint32_t *version)
{
    return d->port->image_secure_version(d->port->ctx, slot, version);
}

/* A1: may this slot run as far as the chip's counter goes? */
static bool version_allows(struct decision *d, int slot)
{
    uint32_t version = 0;
    if (!d->config->anti_rollback)
        return true;
    enum ot_status st = version_in(d, slot, &version);
    if (st == OT_OK && version >= d->port->chip_secure_version(d->port->ctx))
        return true;
    because(d, OT_BOOT_BELOW_CHIP_VERSION, slot, st == OT_OK ? OT_E_SECURE_VERSION : st);
    return false;
}

static int active_allowed(struct decision *d)
{
    struct ot_otadata_entry copy[2] = {d->entry[0], d->entry[1]};
    for (unsigned i = 0; d->config->anti_rollback && i < 2; i++) {
        if (!ot_otadata_usable(&copy[i]))
            continue;
        int slot = (int)ot_otadata_slot(&copy[i], d->slots->ota_count);
        if (!version_allows(d, slot))
            copy[i] = ot_otadata_blank();
    }
    return ot_otadata_active(copy);
}

/* A2 */
static void burn(struct decision *d, int slot)
{
    uint32_t version = 0;
    if (!d->config->anti_rollback || version_in(d, slot, &version) != OT_OK ||
        version <= d->port->chip_secure_version(d->port->ctx))
        return;
    because(d, OT_BOOT_VERSION_BURNED, (int32_t)version, d->port->burn_secure_version(d->port->ctx, version));
}

/* B4, B6: the slot of the active entry, aged. */
static int take_active(struct decision *d, int active)
{
    struct ot_otadata_entry *e = &d->entry[active];
    int slot = (int)ot_otadata_slot(e, d->slots->ota_count);
    because(d, OT_BOOT_ACTIVE, active, OT_OK);
    if (d->config->rollback && e->state == OT_OTA_NEW) {
        e->state = OT_OTA_PENDING;
        because(d, OT_BOOT_NEW_PENDING, active, rewrite(d, (unsigned)active));
    } else if (e->state == OT_OTA_VALID) {
        burn(d, slot);
    }
    return slot;
}

/* What otadata amounts to; `*active` is the entry that decides, when one does. */
static enum ot_boot_finding look(struct decision *d, int *active)
{
    if (!d->slots->has_otadata)
        return OT_FOUND_NO_OTADATA;
    if (d->slots->otadata.size < OT_OTADATA_BYTES) {
        because(d, OT_BOOT_OTADATA_UNREADABLE, 0, OT_E_TABLE_OTADATA);
        return OT_FOUND_UNREADABLE;
    }
    if (read_entries(d) != OT_OK)
        return OT_FOUND_UNREADABLE;
    if (d->config->rollback)
        age_pending(d);
    bool anti = d->config->anti_rollback, none = d->slots->ota_count == 0;
    bool unusable = none || (ot_otadata_unusable(&d->entry[0]) && ot_otadata_unusable(&d->entry[1]));
    if ((anti || unusable) && nothing_ever_selected(d))
        return OT_FOUND_NEVER_SELECTED;
    if (none || (unusable && !anti))
        return OT_FOUND_NOTHING_USABLE;
    *active = active_allowed(d);
    return *active >= 0 ? OT_FOUND_ACTIVE : OT_FOUND_CHECKSUMS_WRONG;
}

/* The finding as a reason for people. */
static void tell(struct decision *d, enum ot_boot_finding finding)
{
    static const enum ot_boot_reason reasons[OT_FINDINGS] = {
        [OT_FOUND_NO_OTADATA] = OT_BOOT_NO_OTADATA,
        [OT_FOUND_NOTHING_USABLE] = OT_BOOT_BOTH_UNUSABLE,
        [OT_FOUND_CHECKSUMS_WRONG] = OT_BOOT_CRC_WRONG,
    };
    bool no_slots = d->slots->ota_count == 0;
    if (finding == OT_FOUND_NEVER_SELECTED && !d->config->anti_rollback)
        because(d, no_slots ? OT_BOOT_NO_OTA_SLOTS : OT_BOOT_BOTH_UNUSABLE, 0, OT_OK);
    else if (finding == OT_FOUND_NOTHING_USABLE && no_slots)
        because(d, OT_BOOT_NO_OTA_SLOTS, 0, OT_OK);
    else if (reasons[finding] != 0)
        because(d, reasons[finding], 0, OT_OK);
}

static int select_start(struct decision *d)
{
    int active = -1;
    enum ot_boot_finding finding = look(d, &active);
    const struct ot_boot_rule *rule =
        ot_boot_rule_find(finding, d->config->anti_rollback, d->slots->has_factory);
    tell(d, finding);
    d->is_initial = rule->records;
    if (rule->records)
        because(d, OT_BOOT_INITIAL, 0, OT_OK);
    switch (rule->start) {
    case OT_START_ACTIVE:
        return take_active(d, active);
    case OT_START_FACTORY:
        return OT_SLOT_FACTORY;
    case OT_START_OTA_0:
        return OT_SLOT_OTA_0;
    case OT_START_NOWHERE:
    default:
        return OT_SLOT_NONE;
    }
}

static bool try_slot(struct decision *d, int slot)
{
    if (ot_slots_partition(d->slots, slot) == NULL || !version_allows(d, slot))
        return false;
    if (d->out->tried_count < OT_BOOT_TRIED_MAX)
        d->out->tried[d->out->tried_count++] = (int8_t)slot;
    enum ot_status st = d->port->verify(d->port->ctx, slot);
    if (st != OT_OK) {
        because(d, OT_BOOT_IMAGE_REFUSED, slot, st);
        return false;
    }
    d->out->slot = slot;
    return true;
}

/* B7 */
static bool load(struct decision *d, int start)
{
    for (int slot = start; slot >= OT_SLOT_FACTORY; slot--) {
        if (try_slot(d, slot))
            return true;
    }
    for (int slot = start + 1; slot < (int)d->slots->ota_count; slot++) {
        if (slot >= 0 && try_slot(d, slot))
            return true;
    }
    return try_slot(d, OT_SLOT_TEST);
}

/* B8 */
static void record(struct decision *d)
{
    int slot = d->out->slot;
    if (!d->is_initial || slot < 0 || slot >= (int)OT_OTA_SLOTS_MAX)
        return;
    d->entry[0] = ot_otadata_make((uint32_t)slot + 1u, OT_OTA_VALID);
    because(d, OT_BOOT_FIRST_WRITTEN, slot, rewrite(d, 0));
    burn(d, slot);
}

enum ot_status ot_boot_decide(const struct ot_slots *slots, const struct ot_boot_config *config,
                              const struct ot_boot_port *port, struct ot_boot_result *out)
{
    struct decision d = {.slots = slots, .config = config, .port = port, .out = out};
    memset(out, 0, sizeof *out);
    memset(out->otadata, 0xFF, sizeof out->otadata);
    out->slot = OT_SLOT_NONE;
    out->selected = select_start(&d);
    if (out->selected != OT_SLOT_NONE && load(&d, out->selected)) {
        because(&d, OT_BOOT_SLOT_STARTED, out->slot, OT_OK);
        if (out->slot != out->selected)
            because(&d, OT_BOOT_FALLBACK, out->selected, OT_OK);
        record(&d);
        return OT_OK;
    }
    because(&d, OT_BOOT_NOTHING_BOOTS, 0, OT_E_NO_BOOT);
    return OT_E_NO_BOOT;
}
