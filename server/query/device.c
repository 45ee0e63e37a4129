/* A device as a subject: see query/device.h. What it has not said has no value. */
#include "query/device.h"

#include "internal.h"
#include "otaria/chip.h"
#include "otaria/otadata.h"
#include "otaria/partition.h"

#include <string.h>

static bool has_text(struct query_value *out, const char *text)
{
    out->text = text;
    return text != NULL && text[0] != '\0';
}

static bool has_number(struct query_value *out, uint64_t number)
{
    out->number = number;
    return true;
}

static bool has_digest(struct query_value *out, const struct ot_digest *digest)
{
    out->digest = digest;
    return !ot_digest_is_zero(digest);
}

/* Names that live as long as the program; ot_slot_name() wants a buffer. */
static const char *slot_name(int slot)
{
    const char *name;
    for (unsigned i = 0; (name = query_field_value(QUERY_SLOT, i)) != NULL; i++) {
        if (ot_slot_from_name(name) == slot)
            return name;
    }
    return NULL;
}

static bool get_slot(const struct ot_wire_slot *slot, enum query_field field, struct query_value *out)
{
    if (!slot->present)
        return false;
    switch ((int)field) {
    case QUERY_VERSION:
        return has_text(out, slot->version);
    case QUERY_RELEASE:
        return has_number(out, slot->release);
    case QUERY_DIGEST:
        return has_digest(out, &slot->digest);
    case QUERY_SLOT:
        return has_text(out, slot_name(slot->slot));
    default: /* QUERY_STATE */
        return has_text(out, ot_ota_state_name(slot->state));
    }
}

static bool get_health(const struct ot_health *h, enum query_field field, struct query_value *out)
{
    switch ((int)field) {
    case QUERY_BOOTS:
        return has_number(out, h->boots);
    case QUERY_PANICS:
        return has_number(out, h->panics);
    case QUERY_WATCHDOGS:
        return has_number(out, h->watchdogs);
    case QUERY_BROWNOUTS:
        return has_number(out, h->brownouts);
    case QUERY_OTHER_RESETS:
        return has_number(out, h->other_resets);
    case QUERY_LINK_LOSSES:
        return has_number(out, h->link_losses);
    case QUERY_UPTIME:
        return has_number(out, h->uptime_s);
    case QUERY_LAST_RESET:
        return has_text(out, ot_reset_reason_name(h->last_reset));
    default: /* QUERY_CRASH */
        return has_number(out, h->crash_signature) && h->crash_signature != 0;
    }
}

static bool get_report(const struct ot_wire_check_in *f, enum query_field field, struct query_value *out)
{
    if (field >= QUERY_VERSION && field <= QUERY_STATE)
        return get_slot(&f->running, field, out);
    if (field >= QUERY_OTHER_VERSION && field <= QUERY_OTHER_STATE)
        return get_slot(&f->other, (enum query_field)(field - QUERY_OTHER_VERSION + QUERY_VERSION), out);
    if (field >= QUERY_BOOTS && field <= QUERY_CRASH)
        return get_health(&f->health, field, out);
    switch ((int)field) {
    case QUERY_BOOTLOADER:
        return has_text(out, ot_bootloader_name(f->bootloader));
    case QUERY_PATCH_PROFILE:
        return has_number(out, f->patch_profile);
    case QUERY_SLOT_BYTES:
        return has_number(out, f->slot_bytes);
    case QUERY_FLOOR:
        return has_number(out, f->floor);
    case QUERY_SECURE_VERSION:
        return has_number(out, f->secure_version);
    default:
        return false;
    }
}

static bool get_attribute(const struct ot_wire_check_in *f, const char *name, struct query_value *out)
{
    for (uint8_t i = 0; i < f->attribute_count; i++) {
        if (strcmp(f->attributes[i].name, name) == 0)
            return has_text(out, f->attributes[i].value);
    }
    return false;
}

static bool get_metric(const struct ot_wire_check_in *f, const char *name, struct query_value *out)
{
    for (uint8_t i = 0; i < f->metric_count; i++) {
        out->metric = f->metrics[i].value;
        if (strcmp(f->metrics[i].name, name) == 0)
            return true;
    }
    return false;
}

static const char *chip_name(const struct ot_wire_check_in *f)
{
    const struct ot_chip *chip = ot_chip_by_id(f->chip_id);
    return chip != NULL ? chip->name : NULL;
}

static bool get_one(const struct query_device *d, enum query_field field, const char *name,
                    struct query_value *out)
{
    switch ((int)field) {
    case QUERY_ID:
        return has_text(out, d->id);
    case QUERY_CHIP:
        return has_text(out, chip_name(d->facts));
    case QUERY_HW_REV:
        return has_number(out, d->facts->hardware_revision);
    case QUERY_ATTRIBUTE:
        return get_attribute(d->facts, name, out);
    case QUERY_METRIC:
        return get_metric(d->facts, name, out);
    case QUERY_UNHEARD:
        return has_number(out, d->last_seen_ms);
    case QUERY_FIRST_SEEN:
        return has_number(out, d->first_seen_ms);
    case QUERY_CHECKED_IN:
        return has_text(out, d->has_checked_in ? "yes" : "no");
    case QUERY_IN_SYNC:
        return d->in_sync != NULL && has_text(out, d->in_sync(d->in_sync_of));
    default:
        return d->has_checked_in && get_report(d->facts, field, out);
    }
}

static bool get_device(const void *of, enum query_field field, const char *name, unsigned index,
                       struct query_value *out)
{
    const struct query_device *d = of;
    if (field == QUERY_TAG)
        return d->tag_at != NULL && has_text(out, d->tag_at(d->tags_of, index));
    if (field == QUERY_KEY)
        return index < d->facts->key_count && has_digest(out, &d->facts->keys[index]);
    if (field == QUERY_REVOKED)
        return index < d->facts->revoked_count && has_digest(out, &d->facts->revoked[index]);
    return index == 0 && get_one(d, field, name, out);
}

struct query_subject query_device(const struct query_device *d)
{
    return (struct query_subject){.of = d, .get = get_device};
}
