/* The reply to a check-in, with its offer. */
#include "names.h"

#include <string.h>

#define U32 0xFFFFFFFFu

enum { V, ACK, POLL, SWITCH, DROP, OFFER };
enum { ATTEMPT, RELEASE, VERSION, TARGET, LEASE, UNDESCRIBED, IMAGE, PATCH, COMPRESSED };

static const char *const fields[] = {"v", "ack", "poll_s", "switch", "drop", "offer", NULL};
static const char *const offer_fields[] = {"attempt",     "release", "version", "target",     "lease_s",
                                           "undescribed", "image",   "patch",   "compressed", NULL};
static const char *const image_fields[] = {"sha256", "bytes", "block_bytes", "blocks_sha256", NULL};
/* A compressed image has all but the first. */
static const char *const patch_fields[] = {"base", "sha256", "bytes", NULL};

static void put_patch(struct json_writer *w, const char *name, bool has_base, const struct ot_wire_patch *p)
{
    ot_json_put_begin(w, name, '{');
    if (has_base)
        ot_json_put_digest(w, "base", &p->base);
    ot_json_put_digest(w, "sha256", &p->sha256);
    ot_json_put_number(w, "bytes", p->bytes);
    ot_json_put_end(w, '}');
}

static void put_offer(struct json_writer *w, const struct ot_wire_offer *o)
{
    ot_json_put_begin(w, "offer", '{');
    ot_wire_put_text(w, "attempt", o->attempt, ot_wire_is_attempt_id);
    ot_json_put_number(w, "release", o->release);
    ot_wire_put_text(w, "version", o->version, ot_wire_is_version);
    ot_json_put_digest(w, "target", &o->target);
    ot_json_put_number(w, "lease_s", o->lease_s);
    ot_json_put_bool(w, "undescribed", o->undescribed);
    ot_json_put_begin(w, "image", '{');
    ot_json_put_digest(w, "sha256", &o->image.sha256);
    ot_json_put_number(w, "bytes", o->image.bytes);
    ot_json_put_number(w, "block_bytes", o->image.block_bytes);
    ot_json_put_digest(w, "blocks_sha256", &o->image.blocks_sha256);
    ot_json_put_end(w, '}');
    if (o->has_patch)
        put_patch(w, "patch", true, &o->patch);
    if (o->has_compressed)
        put_patch(w, "compressed", false, &o->compressed);
    ot_json_put_end(w, '}');
}

enum ot_status ot_wire_reply_write(const struct ot_wire_reply *m, char *buf, size_t cap, size_t *len)
{
    struct json_writer w;
    ot_json_start(&w, buf, cap);
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_number(&w, "v", OT_WIRE_VERSION);
    ot_json_put_number(&w, "ack", m->ack);
    ot_json_put_number(&w, "poll_s", m->poll_s);
    if (m->switch_answer != OT_SWITCH_UNANSWERED)
        ot_wire_put_name(&w, "switch", wire_switches, (uint32_t)m->switch_answer);
    if (m->drop)
        ot_json_put_bool(&w, "drop", true);
    if (m->has_offer)
        put_offer(&w, &m->offer);
    ot_json_put_end(&w, '}');
    return ot_json_finish(&w, len);
}

static void read_image(struct json_reader *r, struct ot_wire_artifact *out)
{
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(image_fields, name);
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        if (field == 0)
            ot_json_digest(r, &out->sha256);
        else if (field == 1)
            out->bytes = (uint32_t)ot_json_number(r, U32);
        else if (field == 2)
            out->block_bytes = (uint32_t)ot_json_number(r, U32);
        else if (field == 3)
            ot_json_digest(r, &out->blocks_sha256);
        else
            ot_json_skip(r);
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen, 15u);
}

static void read_patch(struct json_reader *r, bool has_base, struct ot_wire_patch *out)
{
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(patch_fields, name);
        if (field == 0 && !has_base)
            field = -1;
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        if (field == 0)
            ot_json_digest(r, &out->base);
        else if (field == 1)
            ot_json_digest(r, &out->sha256);
        else if (field == 2)
            out->bytes = (uint32_t)ot_json_number(r, U32);
        else
            ot_json_skip(r);
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen, has_base ? 7u : 6u);
}

static void read_offer_field(struct json_reader *r, int field, struct ot_wire_offer *out)
{
    switch (field) {
    case ATTEMPT:
        ot_wire_read_text(r, out->attempt, sizeof out->attempt, ot_wire_is_attempt_id);
        break;
    case RELEASE:
        out->release = (uint32_t)ot_json_number(r, U32);
        break;
    case VERSION:
        ot_wire_read_text(r, out->version, sizeof out->version, ot_wire_is_version);
        break;
    case TARGET:
        ot_json_digest(r, &out->target);
        break;
    case LEASE:
        out->lease_s = (uint32_t)ot_json_number(r, U32);
        break;
    case UNDESCRIBED:
        out->undescribed = ot_json_bool(r);
        break;
    case IMAGE:
        read_image(r, &out->image);
        break;
    default:
        ot_json_skip(r);
        break;
    }
}

static void read_offer(struct json_reader *r, struct ot_wire_reply *out)
{
    bool first = true;
    uint32_t seen = 0;
    char name[24];
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        int field = ot_wire_field(offer_fields, name);
        if (field >= 0)
            ot_wire_once(r, &seen, 1u << field);
        if (field == PATCH) {
            read_patch(r, true, &out->offer.patch);
            out->offer.has_patch = true;
        } else if (field == COMPRESSED) {
            read_patch(r, false, &out->offer.compressed);
            out->offer.has_compressed = true;
        } else {
            read_offer_field(r, field, &out->offer);
        }
    }
    if (r->status == OT_OK)
        ot_wire_require(r, seen,
                        1u << ATTEMPT | 1u << RELEASE | 1u << VERSION | 1u << TARGET | 1u << LEASE |
                            1u << IMAGE);
    out->has_offer = true;
}

static void read_field(struct json_reader *r, int field, struct ot_wire_reply *out)
{
    switch (field) {
    case V:
        ot_wire_read_version(r);
        break;
    case ACK:
        out->ack = (uint32_t)ot_json_number(r, U32);
        break;
    case POLL:
        out->poll_s = (uint32_t)ot_json_number(r, U32);
        break;
    case SWITCH:
        out->switch_answer = (enum ot_switch_answer)ot_wire_read_name(r, wire_switches);
        break;
    case DROP:
        out->drop = ot_json_bool(r);
        break;
    case OFFER:
        read_offer(r, out);
        break;
    default:
        ot_json_skip(r);
        break;
    }
}

enum ot_status ot_wire_reply_read(const char *json, size_t len, struct ot_wire_reply *out, size_t *error_at)
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
        ot_wire_require(&r, seen, 1u << V | 1u << ACK | 1u << POLL);
    if (error_at != NULL)
        *error_at = r.at;
    return r.status;
}
