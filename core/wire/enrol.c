/* The enrolment messages. */
#include "names.h"

#include <string.h>

enum { V, DEVICE, TOKEN, CHIP, HW_REV, ATTRIBUTES };

static const char *const fields[] = {"v", "device", "token_sha256", "chip", "hw_rev", "attributes", NULL};
static const char *const reply_fields[] = {"v", "product", "poll_s", NULL};

enum ot_status ot_wire_enrol_write(const struct ot_wire_enrol *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    ot_json_start(&w, buf, cap);
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_number(&w, "v", OT_WIRE_VERSION);
    ot_wire_put_text(&w, "device", m->device, ot_wire_is_device_id);
    ot_json_put_digest(&w, "token_sha256", &m->token_sha256);
    ot_wire_put_chip(&w, m->chip_id);
    ot_json_put_number(&w, "hw_rev", m->hardware_revision);
    ot_wire_put_attributes(&w, m->attributes, m->attribute_count);
    ot_json_put_end(&w, '}');
    return ot_json_finish(&w, len);
}

static void read_enrol_field(struct json_reader *r, int field, struct ot_wire_enrol *out)
{
    switch (field) {
    case V:
        ot_wire_read_version(r);
        break;
    case DEVICE:
        ot_wire_read_text(r, out->device, sizeof out->device, ot_wire_is_device_id);
        break;
    case TOKEN:
        ot_json_digest(r, &out->token_sha256);
        break;
    case CHIP:
        ot_wire_read_chip(r, &out->chip_id);
        break;
    case HW_REV:
        out->hardware_revision = (uint8_t)ot_json_number(r, 63);
        break;
    case ATTRIBUTES:
        ot_wire_read_attributes(r, out->attributes, &out->attribute_count);
        break;
    default:
        ot_json_skip(r);
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
    ot_wire_open(&r, json, len);
    for (bool is_open = ot_json_object_begin(&r);
         is_open && ot_json_next_field(&r, &first, name, sizeof name);) {
        int field = ot_wire_field(fields, name);
        if (field >= 0)
            ot_wire_once(&r, &seen, 1u << field);
        read_enrol_field(&r, field, out);
    }
    if (ot_json_close(&r) == OT_OK)
        ot_wire_require(&r, seen, 1u << V | 1u << DEVICE | 1u << TOKEN | 1u << CHIP | 1u << HW_REV);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}

enum ot_status ot_wire_enrolled_write(const struct ot_wire_enrolled *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    ot_json_start(&w, buf, cap);
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_number(&w, "v", OT_WIRE_VERSION);
    ot_wire_put_text(&w, "product", m->product, ot_wire_is_product);
    ot_json_put_number(&w, "poll_s", m->poll_s);
    ot_json_put_end(&w, '}');
    return ot_json_finish(&w, len);
}

enum ot_status ot_wire_enrolled_read(const char *json, size_t len, struct ot_wire_enrolled *out,
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
        int field = ot_wire_field(reply_fields, name);
        if (field >= 0)
            ot_wire_once(&r, &seen, 1u << field);
        if (field == 0)
            ot_wire_read_version(&r);
        else if (field == 1)
            ot_wire_read_text(&r, out->product, sizeof out->product, ot_wire_is_product);
        else if (field == 2)
            out->poll_s = (uint32_t)ot_json_number(&r, 0xFFFFFFFFu);
        else
            ot_json_skip(&r);
    }
    if (ot_json_close(&r) == OT_OK)
        ot_wire_require(&r, seen, 7u);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}
