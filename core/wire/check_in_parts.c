/* Slots, health counters and events of a check-in. */
#include "check_in_parts.h"

#include "otaria/otadata.h"
#include "otaria/partition.h"

#include <string.h>

#define U32 0xFFFFFFFFu

static const char *const slot_fields[] = {"slot", "digest", "release", "version", "state", NULL};
static const char *const health_fields[] = {"boots",        "panics",      "watchdogs", "brownouts",
                                            "other_resets", "link_losses", "uptime_s",  "last_reset",
                                            "crash",        NULL};
static const char *const event_fields[] = {"seq", "attempt", "kind", "reason", "way", "bytes", "check", NULL};

static bool version_or_nothing(const char *s)
{
    return s[0] == '\0' || ot_wire_is_version(s);
}

/* A state word that a torn write left is reported as its number. */
static uint32_t read_state(struct json_reader *r)
{
    char text[16];
    uint32_t value = 0;
    ot_json_string(r, text, sizeof text);
    for (const struct wire_name *n = wire_ota_states; n->name != NULL; n++) {
        if (strlen(text) == strlen(n->name) && memcmp(text, n->name, strlen(text)) == 0)
            return n->value;
    }
    struct json_reader number;
    ot_json_open(&number, text, strlen(text));
    if (text[0] >= '0' && text[0] <= '9') /* no white space around it */
        value = (uint32_t)ot_json_number(&number, U32);
    if (number.status != OT_OK || number.at == 0 || number.at != number.len)
        ot_json_fail(r, OT_E_WIRE_TEXT);
    return value;
}

static void put_state(struct json_writer *w, uint32_t state)
{
    const char *name = ot_wire_name_of(wire_ota_states, state);
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    for (uint32_t n = state; n > 0 || digits[at] == '\0'; n /= 10)
        digits[--at] = (char)('0' + n % 10);
    ot_json_put_string(w, "state", name != NULL ? name : digits + at);
}

void ot_wire_read_slot(struct json_reader *r, struct ot_wire_slot *out)
{
    char name[16], slot[12];
    bool first = true;
    uint32_t seen = 0;
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(slot_fields, name);
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        switch (field) {
        case 0:
            ot_json_string(r, slot, sizeof slot);
            out->slot = (int8_t)ot_slot_from_name(slot);
            if (out->slot == OT_SLOT_NONE)
                ot_json_fail(r, OT_E_WIRE_TEXT);
            break;
        case 1:
            ot_json_digest(r, &out->digest);
            break;
        case 2:
            out->release = (uint32_t)ot_json_number(r, U32);
            break;
        case 3:
            ot_wire_read_text(r, out->version, sizeof out->version, version_or_nothing);
            break;
        case 4:
            out->state = read_state(r);
            break;
        default:
            ot_json_skip(r);
        }
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen, 31u);
    out->present = true;
}

void ot_wire_put_slot(struct json_writer *w, const char *field, const struct ot_wire_slot *slot)
{
    char name[8];
    if (!slot->present)
        return;
    ot_json_put_begin(w, field, '{');
    ot_json_put_string(w, "slot", ot_slot_name(slot->slot, name));
    ot_json_put_digest(w, "digest", &slot->digest);
    ot_json_put_number(w, "release", slot->release);
    ot_wire_put_text(w, "version", slot->version, version_or_nothing);
    put_state(w, slot->state);
    ot_json_put_end(w, '}');
}

static uint64_t read_crash(struct json_reader *r)
{
    char hex[17];
    uint64_t value = 0;
    ot_json_string(r, hex, sizeof hex);
    if (strlen(hex) != 16)
        ot_json_fail(r, OT_E_WIRE_TEXT);
    for (size_t i = 0; r->status == OT_OK && i < 16; i++) {
        char c = hex[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10u
                                                : 16u;
        if (digit > 15u)
            ot_json_fail(r, OT_E_WIRE_TEXT);
        value = value << 4 | digit;
    }
    return value;
}

static void put_crash(struct json_writer *w, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    char hex[17] = {0};
    for (int i = 15; i >= 0; i--, value >>= 4)
        hex[i] = digits[value & 15u];
    ot_json_put_string(w, "crash", hex);
}

static void read_health_field(struct json_reader *r, int field, struct ot_health *out)
{
    uint32_t *const counters[] = {&out->boots,     &out->panics,       &out->watchdogs,
                                  &out->brownouts, &out->other_resets, &out->link_losses};
    if (field >= 0 && field < 6)
        *counters[field] = (uint32_t)ot_json_number(r, U32);
    else if (field == 6)
        out->uptime_s = ot_json_number(r, 0xFFFFFFFFFFFFu);
    else if (field == 7)
        out->last_reset = (enum ot_reset_reason)ot_wire_read_name(r, wire_resets);
    else if (field == 8)
        out->crash_signature = read_crash(r);
    else
        ot_json_skip(r);
}

void ot_wire_read_health(struct json_reader *r, struct ot_health *out)
{
    char name[16];
    bool first = true;
    uint32_t seen = 0;
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(health_fields, name);
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        read_health_field(r, field, out);
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen, 511u);
}

void ot_wire_put_health(struct json_writer *w, const struct ot_health *h)
{
    ot_json_put_begin(w, "health", '{');
    ot_json_put_number(w, "boots", h->boots);
    ot_json_put_number(w, "panics", h->panics);
    ot_json_put_number(w, "watchdogs", h->watchdogs);
    ot_json_put_number(w, "brownouts", h->brownouts);
    ot_json_put_number(w, "other_resets", h->other_resets);
    ot_json_put_number(w, "link_losses", h->link_losses);
    ot_json_put_number(w, "uptime_s", h->uptime_s);
    ot_wire_put_name(w, "last_reset", wire_resets, (uint32_t)h->last_reset);
    put_crash(w, h->crash_signature);
    ot_json_put_end(w, '}');
}

static void read_event(struct json_reader *r, struct ot_wire_event *out)
{
    char name[16], reason[32];
    bool first = true;
    uint32_t seen = 0;
    out->check[0] = '\0';
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(event_fields, name);
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        if (field == 0) {
            out->seq = (uint32_t)ot_json_number(r, U32);
        } else if (field == 1) {
            ot_wire_read_text(r, out->attempt, sizeof out->attempt, ot_wire_is_attempt_id);
        } else if (field == 2) {
            out->kind = (enum ot_event_kind)ot_wire_read_name(r, wire_event_kinds);
        } else if (field == 3) {
            ot_json_string(r, reason, sizeof reason);
            /* A reason a newer device knows and this server does not is no cause to lose its event. */
            out->reason = ot_status_from_wire(reason, (unsigned)strlen(reason));
        } else if (field == 4) {
            out->way = (enum ot_way)ot_wire_read_name(r, wire_ways);
        } else if (field == 5) {
            out->bytes = (uint32_t)ot_json_number(r, U32);
        } else if (field == 6) {
            ot_wire_read_text(r, out->check, sizeof out->check, ot_wire_is_check_name);
        } else {
            ot_json_skip(r);
        }
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen, 63u); /* `check` is there only where one failed */
}

void ot_wire_read_events(struct json_reader *r, struct ot_wire_event *list, uint8_t *count)
{
    bool first = true;
    *count = 0;
    if (!ot_json_array_begin(r))
        return;
    while (ot_json_next_item(r, &first)) {
        if (*count == OT_WIRE_EVENTS_MAX) {
            ot_json_fail(r, OT_E_WIRE_TOO_MANY);
            return;
        }
        read_event(r, &list[(*count)++]);
    }
}

void ot_wire_put_events(struct json_writer *w, const struct ot_wire_event *list, uint8_t count)
{
    if (count > OT_WIRE_EVENTS_MAX)
        ot_json_refuse(w, OT_E_WIRE_TOO_MANY);
    if (count == 0 || w->status != OT_OK)
        return;
    ot_json_put_begin(w, "events", '[');
    for (uint8_t i = 0; i < count; i++) {
        ot_json_put_begin(w, NULL, '{');
        ot_json_put_number(w, "seq", list[i].seq);
        ot_wire_put_text(w, "attempt", list[i].attempt, ot_wire_is_attempt_id);
        ot_wire_put_name(w, "kind", wire_event_kinds, (uint32_t)list[i].kind);
        ot_json_put_string(w, "reason", ot_status_wire(list[i].reason));
        ot_wire_put_name(w, "way", wire_ways, (uint32_t)list[i].way);
        ot_json_put_number(w, "bytes", list[i].bytes);
        if (list[i].check[0] != '\0')
            ot_wire_put_text(w, "check", list[i].check, ot_wire_is_check_name);
        ot_json_put_end(w, '}');
    }
    ot_json_put_end(w, ']');
}
