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
    ATTRIBUTES
};

static const char *const fields[] = {"v",          "device",     "chip",   "hw_rev",  "slot_bytes",
                                     "bootloader", "running",    "other",  "floor",   "secure_version",
                                     "keys",       "revoked",    "health", "attempt", "ask",
                                     "events",     "attributes", NULL};

#define REQUIRED                                                                                             \
    (1u << V | 1u << DEVICE | 1u << CHIP | 1u << HW_REV | 1u << SLOT_BYTES | 1u << BOOTLOADER |              \
     1u << RUNNING | 1u << FLOOR | 1u << SECURE_VERSION | 1u << KEYS | 1u << REVOKED | 1u << HEALTH |        \
     1u << ASK)

static void put_digests(struct json_writer *w, const char *field, const struct ot_digest *list, uint8_t count)
{
    json_put_begin(w, field, '[');
    for (uint8_t i = 0; i < count; i++)
        json_put_digest(w, NULL, &list[i]);
    json_put_end(w, ']');
}

static void read_digests(struct json_reader *r, struct ot_digest *list, uint8_t max, uint8_t *count)
{
    bool first = true;
    *count = 0;
    if (!json_array_begin(r))
        return;
    while (json_next_item(r, &first)) {
        if (*count == max) {
            json_fail(r, OT_E_WIRE_TOO_MANY);
            return;
        }
        json_digest(r, &list[(*count)++]);
    }
}

enum ot_status ot_wire_check_in_write(const struct ot_wire_check_in *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    json_start(&w, buf, cap);
    if (m->key_count > OT_WIRE_KEYS_MAX || m->revoked_count > OT_WIRE_REVOKED_MAX)
        return OT_E_WIRE_TOO_MANY;
    json_put_begin(&w, NULL, '{');
    json_put_number(&w, "v", OT_WIRE_VERSION);
    wire_put_text(&w, "device", m->device, ot_wire_is_device_id);
    wire_put_chip(&w, m->chip_id);
    json_put_number(&w, "hw_rev", m->hardware_revision);
    json_put_number(&w, "slot_bytes", m->slot_bytes);
    wire_put_name(&w, "bootloader", wire_bootloaders, (uint32_t)m->bootloader);
    wire_put_slot(&w, "running", &m->running);
    wire_put_slot(&w, "other", &m->other);
    json_put_number(&w, "floor", m->floor);
    json_put_number(&w, "secure_version", m->secure_version);
    put_digests(&w, "keys", m->keys, m->key_count);
    put_digests(&w, "revoked", m->revoked, m->revoked_count);
    wire_put_health(&w, &m->health);
    if (m->attempt[0] != '\0')
        wire_put_text(&w, "attempt", m->attempt, ot_wire_is_attempt_id);
    wire_put_name(&w, "ask", wire_asks, (uint32_t)m->ask);
    wire_put_events(&w, m->events, m->event_count);
    wire_put_attributes(&w, m->attributes, m->attribute_count);
    json_put_end(&w, '}');
    return json_finish(&w, len);
}

static void read_number_field(struct json_reader *r, int field, struct ot_wire_check_in *out)
{
    if (field == HW_REV)
        out->hardware_revision = (uint8_t)json_number(r, 63);
    else if (field == SLOT_BYTES)
        out->slot_bytes = (uint32_t)json_number(r, U32);
    else if (field == FLOOR)
        out->floor = (uint32_t)json_number(r, U32);
    else
        out->secure_version = (uint32_t)json_number(r, U32);
}

static void read_field(struct json_reader *r, int field, struct ot_wire_check_in *out)
{
    switch (field) {
    case V:
        wire_read_version(r);
        break;
    case DEVICE:
        wire_read_text(r, out->device, sizeof out->device, ot_wire_is_device_id);
        break;
    case CHIP:
        wire_read_chip(r, &out->chip_id);
        break;
    case HW_REV:
    case SLOT_BYTES:
    case FLOOR:
    case SECURE_VERSION:
        read_number_field(r, field, out);
        break;
    case BOOTLOADER:
        out->bootloader = (enum ot_wire_bootloader)wire_read_name(r, wire_bootloaders);
        break;
    case RUNNING:
        wire_read_slot(r, &out->running);
        break;
    case OTHER:
        wire_read_slot(r, &out->other);
        break;
    case KEYS:
        read_digests(r, out->keys, OT_WIRE_KEYS_MAX, &out->key_count);
        break;
    case REVOKED:
        read_digests(r, out->revoked, OT_WIRE_REVOKED_MAX, &out->revoked_count);
        break;
    case HEALTH:
        wire_read_health(r, &out->health);
        break;
    case ATTEMPT:
        wire_read_text(r, out->attempt, sizeof out->attempt, ot_wire_is_attempt_id);
        break;
    case ASK:
        out->ask = (enum ot_ask)wire_read_name(r, wire_asks);
        break;
    case EVENTS:
        wire_read_events(r, out->events, &out->event_count);
        break;
    case ATTRIBUTES:
        wire_read_attributes(r, out->attributes, &out->attribute_count);
        break;
    default:
        json_skip(r);
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
    json_open(&r, json, len);
    if (len > OT_WIRE_MESSAGE_MAX)
        json_fail(&r, OT_E_WIRE_RANGE);
    for (bool is_open = json_object_begin(&r); is_open && json_next_field(&r, &first, name, sizeof name);) {
        int field = wire_field(fields, name);
        if (field >= 0)
            wire_once(&r, &seen, 1u << field);
        read_field(&r, field, out);
    }
    if (json_close(&r) == OT_OK)
        wire_require(&r, seen, REQUIRED);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}
