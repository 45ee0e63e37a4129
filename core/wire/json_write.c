/* JSON writing: see json.h. */
#include "json.h"

#include <string.h>

void ot_json_start(struct json_writer *w, char *buf, size_t cap)
{
    *w = (struct json_writer){.buf = buf, .cap = cap};
}

void ot_json_refuse(struct json_writer *w, enum ot_status status)
{
    if (w->status == OT_OK)
        w->status = status;
}

enum ot_status ot_json_finish(struct json_writer *w, size_t *len)
{
    *len = w->status == OT_OK ? w->at : 0;
    return w->status;
}

static void put(struct json_writer *w, const char *bytes, size_t len)
{
    if (w->status != OT_OK)
        return;
    if (len > w->cap - w->at) {
        ot_json_refuse(w, OT_E_BUFFER);
        return;
    }
    memcpy(w->buf + w->at, bytes, len);
    w->at += len;
}

static void put_char(struct json_writer *w, char c)
{
    put(w, &c, 1);
}

static void put_quoted(struct json_writer *w, const char *s)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(s);
    put_char(w, '"');
    for (size_t i = 0; i < len;) {
        uint8_t c = (uint8_t)s[i];
        size_t n = ot_json_utf8_length((const uint8_t *)s + i, len - i);
        if (n == 0) {
            ot_json_refuse(w, OT_E_WIRE_TEXT);
            return;
        }
        if (c == '"' || c == '\\') {
            put_char(w, '\\');
            put_char(w, (char)c);
        } else if (c < 0x20) {
            char escaped[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15u]};
            put(w, escaped, sizeof escaped);
        } else {
            put(w, s + i, n);
        }
        i += n;
    }
    put_char(w, '"');
}

static void put_name(struct json_writer *w, const char *name)
{
    if (w->needs_comma)
        put_char(w, ',');
    w->needs_comma = true;
    if (name != NULL) {
        put_quoted(w, name);
        put_char(w, ':');
    }
}

void ot_json_put_begin(struct json_writer *w, const char *name, char bracket)
{
    put_name(w, name);
    put_char(w, bracket);
    w->needs_comma = false;
}

void ot_json_put_end(struct json_writer *w, char bracket)
{
    put_char(w, bracket);
    w->needs_comma = true;
}

void ot_json_put_string(struct json_writer *w, const char *name, const char *value)
{
    put_name(w, name);
    put_quoted(w, value);
}

static void put_whole(struct json_writer *w, const char *name, bool is_negative, uint64_t value)
{
    char digits[21];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0);
    put_name(w, name);
    if (is_negative)
        put_char(w, '-');
    put(w, digits + at, sizeof digits - at);
}

void ot_json_put_number(struct json_writer *w, const char *name, uint64_t value)
{
    put_whole(w, name, false, value);
}

void ot_json_put_signed(struct json_writer *w, const char *name, int64_t value)
{
    put_whole(w, name, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void ot_json_put_bool(struct json_writer *w, const char *name, bool value)
{
    put_name(w, name);
    if (value)
        put(w, "true", 4);
    else
        put(w, "false", 5);
}

void ot_json_put_digest(struct json_writer *w, const char *name, const struct ot_digest *value)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(value, hex);
    ot_json_put_string(w, name, hex);
}
