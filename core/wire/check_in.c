/* The check-in message. */
#include "check_in_parts.h"

#include <string.h>

#define U32 0xFFFFFFFFu

enum {
    V,
    DEVICE,
    CHIP,
    HW_REV,
    SLOT_BYTES,
    BOOTLOADER,
    RUNNING,
    OTHER,
    FLOOR,
    SECURE_VERSION,
    KEYS,
    REVOKED,
    HEALTH,
    ATTEMPT,
    ASK,
    EVENTS,
    ATTRIBUTES,
    PATCH_PROFILE,
    METRICS,
    COMPRESSED_PROFILE
};

static const char *const fields[] = {"v",          "device",         "chip",    "hw_rev",
                                     "slot_bytes", "bootloader",     "running", "other",
                                     "floor",      "secure_version", "keys",    "revoked",
                                     "health",     "attempt",        "ask",     "events",
                                     "attributes", "patch_profile",  "metrics", "compressed_profile",
                                     NULL};

#define REQUIRED                                                                                             \
    (1u << V | 1u << DEVICE | 1u << CHIP | 1u << HW_REV | 1u << SLOT_BYTES | 1u << BOOTLOADER |              \
     1u << RUNNING | 1u << FLOOR | 1u << SECURE_VERSION | 1u << KEYS | 1u << REVOKED | 1u << HEALTH |        \
     1u << ASK)

static void put_digests(struct json_writer *w, const char *field, const struct ot_digest *list, uint8_t count)
{
    ot_json_put_begin(w, field, '[');
    for (uint8_t i = 0; i < count; i++)
        ot_json_put_digest(w, NULL, &list[i]);
    ot_json_put_end(w, ']');
}

static void read_digests(struct json_reader *r, struct ot_digest *list, uint8_t max, uint8_t *count)
{
    bool first = true;
    *count = 0;
    if (!ot_json_array_begin(r))
        return;
    while (ot_json_next_item(r, &first)) {
        if (*count == max) {
            ot_json_fail(r, OT_E_WIRE_TOO_MANY);
            return;
        }
        ot_json_digest(r, &list[(*count)++]);
    }
}

static enum ot_status write_with(const struct ot_wire_check_in *m, uint8_t events, char *buf, size_t cap,
                                 size_t *len)
{
    struct json_writer w;
    ot_json_start(&w, buf, cap);
    if (m->key_count > OT_WIRE_KEYS_MAX || m->revoked_count > OT_WIRE_REVOKED_MAX)
        return OT_E_WIRE_TOO_MANY;
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_number(&w, "v", OT_WIRE_VERSION);
    ot_wire_put_text(&w, "device", m->device, ot_wire_is_device_id);
    ot_wire_put_chip(&w, m->chip_id);
    ot_json_put_number(&w, "hw_rev", m->hardware_revision);
    ot_json_put_number(&w, "slot_bytes", m->slot_bytes);
    ot_wire_put_name(&w, "bootloader", wire_bootloaders, (uint32_t)m->bootloader);
    if (m->patch_profile != 0)
        ot_json_put_number(&w, "patch_profile", m->patch_profile);
    if (m->compressed_profile != 0)
        ot_json_put_number(&w, "compressed_profile", m->compressed_profile);
    ot_wire_put_slot(&w, "running", &m->running);
    ot_wire_put_slot(&w, "other", &m->other);
    ot_json_put_number(&w, "floor", m->floor);
    ot_json_put_number(&w, "secure_version", m->secure_version);
    put_digests(&w, "keys", m->keys, m->key_count);
    put_digests(&w, "revoked", m->revoked, m->revoked_count);
    ot_wire_put_health(&w, &m->health);
    if (m->attempt[0] != '\0')
        ot_wire_put_text(&w, "attempt", m->attempt, ot_wire_is_attempt_id);
    ot_wire_put_name(&w, "ask", wire_asks, (uint32_t)m->ask);
    ot_wire_put_events(&w, m->events, events);
    ot_wire_put_attributes(&w, m->attributes, m->attribute_count);
    ot_wire_put_metrics(&w, m->metrics, m->metric_count);
    ot_json_put_end(&w, '}');
    return ot_json_finish(&w, len);
}

enum ot_status ot_wire_check_in_write(const struct ot_wire_check_in *m, char *buf, size_t cap, size_t *len)
{
    uint8_t events = m->event_count;
    enum ot_status st = write_with(m, events, buf, cap, len);
    while (st == OT_E_BUFFER && events > 0)
        st = write_with(m, --events, buf, cap, len);
    return st;
}

static void read_number_field(struct json_reader *r, int field, struct ot_wire_check_in *out)
{
    if (field == HW_REV)
        out->hardware_revision = (uint8_t)ot_json_number(r, 63);
    else if (field == SLOT_BYTES)
        out->slot_bytes = (uint32_t)ot_json_number(r, U32);
    else if (field == PATCH_PROFILE)
        out->patch_profile = (uint8_t)ot_json_number(r, 255);
    else if (field == COMPRESSED_PROFILE)
        out->compressed_profile = (uint8_t)ot_json_number(r, 255);
    else if (field == FLOOR)
        out->floor = (uint32_t)ot_json_number(r, U32);
    else
        out->secure_version = (uint32_t)ot_json_number(r, U32);
}

static void read_field(struct json_reader *r, int field, struct ot_wire_check_in *out)
{
    switch (field) {
    case V:
        ot_wire_read_version(r);
        break;
    case DEVICE:
        ot_wire_read_text(r, out->device, sizeof out->device, ot_wire_is_device_id);
        break;
    case CHIP:
        ot_wire_read_chip(r, &out->chip_id);
        break;
    case HW_REV:
    case SLOT_BYTES:
    case FLOOR:
    case SECURE_VERSION:
    case PATCH_PROFILE:
    case COMPRESSED_PROFILE:
        read_number_field(r, field, out);
        break;
    case BOOTLOADER:
        out->bootloader = (enum ot_wire_bootloader)ot_wire_read_name(r, wire_bootloaders);
        break;
    case RUNNING:
        ot_wire_read_slot(r, &out->running);
        break;
    case OTHER:
        ot_wire_read_slot(r, &out->other);
        break;
    case KEYS:
        read_digests(r, out->keys, OT_WIRE_KEYS_MAX, &out->key_count);
        break;
    case REVOKED:
        read_digests(r, out->revoked, OT_WIRE_REVOKED_MAX, &out->revoked_count);
        break;
    case HEALTH:
        ot_wire_read_health(r, &out->health);
        break;
    case ATTEMPT:
        ot_wire_read_text(r, out->attempt, sizeof out->attempt, ot_wire_is_attempt_id);
        break;
    case ASK:
        out->ask = (enum ot_ask)ot_wire_read_name(r, wire_asks);
        break;
    case EVENTS:
        ot_wire_read_events(r, out->events, &out->event_count);
        break;
    case ATTRIBUTES:
        ot_wire_read_attributes(r, out->attributes, &out->attribute_count);
        break;
    case METRICS:
        ot_wire_read_metrics(r, out->metrics, &out->metric_count);
        break;
    default:
        ot_json_skip(r);
        break;
    }
}

enum ot_status ot_wire_check_in_read(const char *json, size_t len, struct ot_wire_check_in *out,
                                     size_t *error_at)
{
    struct json_reader r;
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    memset(out, 0, sizeof *out);
    ot_wire_open(&r, json, len);
    for (bool is_open = ot_json_object_begin(&r);
         is_open && ot_json_next_field(&r, &first, name, sizeof name);) {
        int field = ot_wire_field(fields, name);
        if (field >= 0)
            ot_wire_once(&r, &seen, 1u << field);
        read_field(&r, field, out);
    }
    if (ot_json_close(&r) == OT_OK)
        ot_wire_require(&r, seen, REQUIRED);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}
