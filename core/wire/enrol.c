/* The enrolment messages. */
#include "names.h"

#include <string.h>

enum { V, DEVICE, TOKEN, CHIP, HW_REV, ATTRIBUTES };

static const char *const fields[] = {"v", "device", "token_sha256", "chip", "hw_rev", "attributes", NULL};
static const char *const reply_fields[] = {"v", "product", "poll_s", NULL};

enum ot_status ot_wire_enrol_write(const struct ot_wire_enrol *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    json_start(&w, buf, cap);
    json_put_begin(&w, NULL, '{');
    json_put_number(&w, "v", OT_WIRE_VERSION);
    wire_put_text(&w, "device", m->device, ot_wire_is_device_id);
    json_put_digest(&w, "token_sha256", &m->token_sha256);
    wire_put_chip(&w, m->chip_id);
    json_put_number(&w, "hw_rev", m->hardware_revision);
    wire_put_attributes(&w, m->attributes, m->attribute_count);
    json_put_end(&w, '}');
    return json_finish(&w, len);
}

static void read_enrol_field(struct json_reader *r, int field, struct ot_wire_enrol *out)
{
    switch (field) {
    case V:
        wire_read_version(r);
        break;
    case DEVICE:
        wire_read_text(r, out->device, sizeof out->device, ot_wire_is_device_id);
        break;
    case TOKEN:
        json_digest(r, &out->token_sha256);
        break;
    case CHIP:
        wire_read_chip(r, &out->chip_id);
        break;
    case HW_REV:
        out->hardware_revision = (uint8_t)json_number(r, 63);
        break;
    case ATTRIBUTES:
        wire_read_attributes(r, out->attributes, &out->attribute_count);
        break;
    default:
        json_skip(r);
        break;
    }
}

enum ot_status ot_wire_enrol_read(const char *json, size_t len, struct ot_wire_enrol *out, size_t *error_at)
{
    struct json_reader r;
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    memset(out, 0, sizeof *out);
    json_open(&r, json, len);
    for (bool is_open = json_object_begin(&r); is_open && json_next_field(&r, &first, name, sizeof name);) {
        int field = wire_field(fields, name);
        if (field >= 0)
            wire_once(&r, &seen, 1u << field);
        read_enrol_field(&r, field, out);
    }
    if (json_close(&r) == OT_OK)
        wire_require(&r, seen, 1u << V | 1u << DEVICE | 1u << TOKEN | 1u << CHIP | 1u << HW_REV);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}

enum ot_status ot_wire_enrolled_write(const struct ot_wire_enrolled *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    json_start(&w, buf, cap);
    json_put_begin(&w, NULL, '{');
    json_put_number(&w, "v", OT_WIRE_VERSION);
    wire_put_text(&w, "product", m->product, ot_wire_is_product);
    json_put_number(&w, "poll_s", m->poll_s);
    json_put_end(&w, '}');
    return json_finish(&w, len);
}

enum ot_status ot_wire_enrolled_read(const char *json, size_t len, struct ot_wire_enrolled *out,
                                     size_t *error_at)
{
    struct json_reader r;
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    memset(out, 0, sizeof *out);
    json_open(&r, json, len);
    for (bool is_open = json_object_begin(&r); is_open && json_next_field(&r, &first, name, sizeof name);) {
        int field = wire_field(reply_fields, name);
        if (field >= 0)
            wire_once(&r, &seen, 1u << field);
        if (field == 0)
            wire_read_version(&r);
        else if (field == 1)
            wire_read_text(&r, out->product, sizeof out->product, ot_wire_is_product);
        else if (field == 2)
            out->poll_s = (uint32_t)json_number(&r, 0xFFFFFFFFu);
        else
            json_skip(&r);
    }
    if (json_close(&r) == OT_OK)
        wire_require(&r, seen, 7u);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}
