/* Strict JSON reading: see json.h. RFC 8259 without floats where a number is wanted, without duplicate tolerance. */
#include "json.h"

#include <string.h>

void ot_json_open(struct json_reader *r, const char *text, size_t len)
{
    *r = (struct json_reader){.text = text, .len = len};
}

void ot_json_fail(struct json_reader *r, enum ot_status status)
{
    if (r->status == OT_OK)
        r->status = status;
}

static int peek(const struct json_reader *r)
{
    return r->at < r->len ? (unsigned char)r->text[r->at] : -1;
}

static void space(struct json_reader *r)
{
    int c = peek(r);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        r->at++;
        c = peek(r);
    }
}

/* The next character that is not white space; does not consume it. */
static int ahead(struct json_reader *r)
{
    space(r);
    return r->status == OT_OK ? peek(r) : -1;
}

static bool take(struct json_reader *r, char c)
{
    if (ahead(r) != c) {
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
        return false;
    }
    r->at++;
    return true;
}

enum ot_status ot_json_close(struct json_reader *r)
{
    if (r->status == OT_OK && ahead(r) != -1)
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
    return r->status;
}

static bool begin(struct json_reader *r, char bracket)
{
    int c = ahead(r);
    if (c != bracket) {
        ot_json_fail(r, c == -1 ? OT_E_WIRE_SYNTAX : OT_E_WIRE_TYPE);
        return false;
    }
    if (r->depth == JSON_DEPTH_MAX) {
        ot_json_fail(r, OT_E_WIRE_DEPTH);
        return false;
    }
    r->depth++;
    r->at++;
    return true;
}

/* In a container: is there another element? Consumes the comma, or the closing bracket. */
static bool more(struct json_reader *r, bool *first, char closing)
{
    int c = ahead(r);
    if (c == closing) {
        r->at++;
        r->depth--;
        return false;
    }
    if (!*first && !take(r, ','))
        return false;
    *first = false;
    return r->status == OT_OK;
}

bool ot_json_object_begin(struct json_reader *r)
{
    return begin(r, '{');
}

bool ot_json_array_begin(struct json_reader *r)
{
    return begin(r, '[');
}

bool ot_json_next_item(struct json_reader *r, bool *first)
{
    return more(r, first, ']');
}

size_t ot_json_utf8_length(const uint8_t *s, size_t len)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t code = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = (code << 6) | (s[i] & 0x3Fu);
    }
    if (code < smallest[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    return n;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static uint32_t four_hex(struct json_reader *r)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(r));
        if (digit < 0) {
            ot_json_fail(r, OT_E_WIRE_SYNTAX);
            return 0;
        }
        code = code * 16u + (uint32_t)digit;
        r->at++;
    }
    return code;
}

/* \uXXXX, a surrogate pair joined. */
static uint32_t escaped_code(struct json_reader *r)
{
    uint32_t code = four_hex(r);
    if (code >= 0xDC00 && code < 0xE000)
        ot_json_fail(r, OT_E_WIRE_TEXT);
    if (code < 0xD800 || code >= 0xDC00)
        return code;
    if (r->len - r->at < 2 || r->text[r->at] != '\\' || r->text[r->at + 1] != 'u') {
        ot_json_fail(r, OT_E_WIRE_TEXT);
        return 0;
    }
    r->at += 2;
    uint32_t low = four_hex(r);
    if (low < 0xDC00 || low >= 0xE000)
        ot_json_fail(r, OT_E_WIRE_TEXT);
    return 0x10000u + ((code - 0xD800u) << 10) + (low - 0xDC00u);
}

struct sink {
    char *out;
    size_t cap, at;
    bool full;
};

static void put(struct sink *s, uint32_t byte)
{
    if (s->out == NULL)
        return; /* skipping */
    if (s->at + 1 < s->cap)
        s->out[s->at++] = (char)byte;
    else
        s->full = true;
}

static void put_code(struct sink *s, uint32_t code)
{
    if (code < 0x80) {
        put(s, code);
    } else if (code < 0x800) {
        put(s, 0xC0u | code >> 6);
        put(s, 0x80u | (code & 0x3Fu));
    } else if (code < 0x10000) {
        put(s, 0xE0u | code >> 12);
        put(s, 0x80u | (code >> 6 & 0x3Fu));
        put(s, 0x80u | (code & 0x3Fu));
    } else {
        put(s, 0xF0u | code >> 18);
        put(s, 0x80u | (code >> 12 & 0x3Fu));
        put(s, 0x80u | (code >> 6 & 0x3Fu));
        put(s, 0x80u | (code & 0x3Fu));
    }
}

static void escape(struct json_reader *r, struct sink *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    if (c == -1) {
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
        return;
    }
    r->at++;
    if (c == 'u') {
        uint32_t code = escaped_code(r);
        if (code == 0)
            ot_json_fail(r, OT_E_WIRE_TEXT);
        put_code(s, code);
        return;
    }
    for (uint32_t i = 0; i < sizeof from - 1; i++) {
        if (c == from[i]) {
            put(s, (uint8_t)to[i]);
            return;
        }
    }
    ot_json_fail(r, OT_E_WIRE_SYNTAX);
}

static void read_string(struct json_reader *r, struct sink *s)
{
    int c = ahead(r);
    if (c != '"') {
        ot_json_fail(r, c == -1 ? OT_E_WIRE_SYNTAX : OT_E_WIRE_TYPE);
        return;
    }
    r->at++;
    while (r->status == OT_OK) {
        c = peek(r);
        if (c == '"') {
            r->at++;
            return;
        }
        if (c < 0x20) { /* control characters, and the end of the text */
            ot_json_fail(r, c == -1 ? OT_E_WIRE_SYNTAX : OT_E_WIRE_TEXT);
        } else if (c == '\\') {
            r->at++;
            escape(r, s);
        } else {
            size_t n = ot_json_utf8_length((const uint8_t *)r->text + r->at, r->len - r->at);
            if (n == 0)
                ot_json_fail(r, OT_E_WIRE_TEXT);
            for (size_t i = 0; i < n; i++)
                put(s, (uint8_t)r->text[r->at + i]);
            r->at += n;
        }
    }
}

void ot_json_string(struct json_reader *r, char *out, size_t cap)
{
    struct sink s = {.out = out, .cap = cap};
    read_string(r, &s);
    out[s.at] = '\0';
    if (s.full)
        ot_json_fail(r, OT_E_WIRE_TEXT);
}

bool ot_json_next_field(struct json_reader *r, bool *first, char *name, size_t name_cap)
{
    struct sink s = {.out = name, .cap = name_cap};
    if (!more(r, first, '}'))
        return false;
    if (ahead(r) != '"')
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
    read_string(r, &s);
    name[s.full ? 0 : s.at] = '\0'; /* a name longer than any known one is an unknown one */
    return take(r, ':');
}

uint64_t ot_json_number(struct json_reader *r, uint64_t max)
{
    uint64_t value = 0;
    int c = ahead(r);
    if (c < '0' || c > '9') {
        ot_json_fail(r, c == -1 ? OT_E_WIRE_SYNTAX : c == '-' ? OT_E_WIRE_RANGE : OT_E_WIRE_TYPE);
        return 0;
    }
    bool leading_zero = c == '0';
    for (uint32_t digits = 0; c >= '0' && c <= '9'; digits++) {
        if (leading_zero && digits > 0)
            ot_json_fail(r, OT_E_WIRE_SYNTAX);
        uint64_t digit = (uint64_t)(c - '0');
        if (value > (max - digit) / 10u || digit > max)
            ot_json_fail(r, OT_E_WIRE_RANGE);
        if (r->status != OT_OK)
            return 0;
        value = value * 10u + digit;
        r->at++;
        c = peek(r);
    }
    if (c == '.' || c == 'e' || c == 'E')
        ot_json_fail(r, OT_E_WIRE_RANGE);
    return r->status == OT_OK ? value : 0;
}

int64_t ot_json_signed(struct json_reader *r, int64_t limit)
{
    bool is_negative = ahead(r) == '-';
    if (is_negative) {
        r->at++;
        if (peek(r) < '0' || peek(r) > '9') /* no white space, and no second sign */
            ot_json_fail(r, OT_E_WIRE_SYNTAX);
    }
    int64_t value = (int64_t)ot_json_number(r, (uint64_t)limit);
    return is_negative ? -value : value;
}

static bool literal(struct json_reader *r, const char *word)
{
    size_t n = strlen(word);
    if (r->status != OT_OK || r->len - r->at < n || memcmp(r->text + r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

bool ot_json_bool(struct json_reader *r)
{
    int c = ahead(r);
    if (c != 't' && c != 'f') {
        ot_json_fail(r, c == -1 ? OT_E_WIRE_SYNTAX : OT_E_WIRE_TYPE);
        return false;
    }
    bool value = c == 't';
    if (!literal(r, value ? "true" : "false"))
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
    return value;
}

void ot_json_digest(struct json_reader *r, struct ot_digest *out)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_json_string(r, hex, sizeof hex);
    if (r->status == OT_OK && ot_digest_from_hex(hex, strlen(hex), out) != OT_OK)
        ot_json_fail(r, OT_E_WIRE_TEXT);
}

static bool digits(struct json_reader *r)
{
    bool any = false;
    while (peek(r) >= '0' && peek(r) <= '9') {
        r->at++;
        any = true;
    }
    if (!any)
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
    return any;
}

static void skip_number(struct json_reader *r)
{
    if (peek(r) == '-')
        r->at++;
    if (peek(r) == '0')
        r->at++;
    else if (!digits(r))
        return;
    if (peek(r) == '.') {
        r->at++;
        if (!digits(r))
            return;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        digits(r);
    }
}

static void skip_scalar(struct json_reader *r)
{
    struct sink nowhere = {0};
    int c = ahead(r);
    if (c == '"')
        read_string(r, &nowhere);
    else if (c == '-' || (c >= '0' && c <= '9'))
        skip_number(r);
    else if (!literal(r, "true") && !literal(r, "false") && !literal(r, "null"))
        ot_json_fail(r, OT_E_WIRE_SYNTAX);
}

/* Without recursion: a stack of what is open, one bit per level. */
void ot_json_skip(struct json_reader *r)
{
    bool is_object[JSON_DEPTH_MAX + 1], first = true;
    uint32_t open = 0;
    char name[2];
    do {
        int c = ahead(r);
        if (c == '{' || c == '[') {
            if (!begin(r, (char)c))
                return;
            is_object[open++] = c == '{';
            first = true;
        } else {
            skip_scalar(r);
        }
        while (open > 0 && r->status == OT_OK) {
            bool another = is_object[open - 1] ? ot_json_next_field(r, &first, name, sizeof name)
                                               : ot_json_next_item(r, &first);
            if (another)
                break;
            open--;
            first = false;
        }
    } while (open > 0 && r->status == OT_OK);
}
