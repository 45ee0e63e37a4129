/*
 * Request heads by RFC 9112, without what it tolerates: CRLF only, no folding, no white space before the colon, one
 * length, no transfer coding (nobody in this protocol streams a body of unknown length), origin-form targets.
 */
#include "guard.h"

#include <string.h>
#include <strings.h>

static const struct guard_refusal ok = {0, NULL, NULL};
static const struct guard_refusal malformed = {400, "bad_request", "the request is malformed"};
static const struct guard_refusal ambiguous = {400, "bad_request", "the request can be read in two ways"};
static const struct guard_refusal no_length = {411, "length_required", "send the body with a Content-Length"};
static const struct guard_refusal long_target = {414, "target_too_long", "the request target is too long"};
static const struct guard_refusal expectation = {417, "expectation", "only 100-continue can be expected"};
static const struct guard_refusal many_headers = {431, "headers_too_large", "too many request headers"};
static const struct guard_refusal version = {505, "http_version", "this server speaks HTTP/1.1 and HTTP/1.0"};

enum guard_progress guard_scan(struct guard_scan *scan, const char *bytes, size_t len, size_t *used)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c == '\0' || (c == '\n') != (scan->previous == '\r'))
            return GUARD_BAD;
        scan->previous = c;
        if (c != '\n') {
            scan->line_bytes++;
            continue;
        }
        if (scan->line_bytes == 1) { /* the CR alone */
            *used = i + 1;
            return GUARD_COMPLETE;
        }
        scan->line_bytes = 0;
    }
    *used = len;
    return GUARD_MORE;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_token_char(char c)
{
    return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool equals(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* --- the request line --- */

/* A path with an optional query. "//host" is an authority to libevent and a path to others: neither here. */
static bool check_target(struct guard_head *out)
{
    const char *p = out->target;
    size_t n = out->target_len;
    out->path_len = n;
    if (n == 0 || p[0] != '/' || (n > 1 && p[1] == '/'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '?' && out->path_len == n)
            out->path_len = i;
        if (p[i] == '%') {
            if (n - i < 3 || !is_hex(p[i + 1]) || !is_hex(p[i + 2]) || memcmp(p + i, "%00", 3) == 0)
                return false;
        } else if (!is_alphanumeric(p[i]) && !is_one_of(p[i], "-._~!$&'()*+,;=:@/?")) {
            return false;
        }
    }
    return true;
}

static struct guard_refusal read_request_line(const char *line, size_t len, struct guard_head *out,
                                              char *minor)
{
    const char *space = memchr(line, ' ', len);
    const char *last = memrchr(line, ' ', len);
    size_t method_len = space != NULL ? (size_t)(space - line) : 0;
    if (space == NULL || space == last || method_len == 0 || method_len > GUARD_METHOD_MAX)
        return malformed;
    for (size_t i = 0; i < method_len; i++) {
        if (!is_token_char(line[i]))
            return malformed;
        out->method[i] = line[i];
    }
    out->method[method_len] = '\0';
    out->target = space + 1;
    out->target_len = (size_t)(last - out->target);
    const char *name = last + 1;
    if ((size_t)(line + len - name) != 8 || memcmp(name, "HTTP/", 5) != 0 || name[6] != '.')
        return malformed;
    if (name[5] != '1' || (name[7] != '0' && name[7] != '1'))
        return version;
    *minor = name[7];
    if (out->target_len > GUARD_TARGET_MAX)
        return long_target;
    return check_target(out) ? ok : malformed;
}

/* --- headers --- */

enum single { HOST, LENGTH, CODING, EXPECT, RANGE, IF_RANGE, AUTHORIZATION, SINGLES };

static const char *const single_names[SINGLES] = {"Host",  "Content-Length", "Transfer-Encoding", "Expect",
                                                  "Range", "If-Range",       "Authorization"};

struct field {
    const char *value;
    size_t len;
    unsigned count;
};

static bool check_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static bool read_field(const char *line, size_t len, struct field fields[SINGLES])
{
    size_t name_len = 0;
    while (name_len < len && is_token_char(line[name_len]))
        name_len++;
    if (name_len == 0 || name_len == len || line[name_len] != ':')
        return false;
    const char *value = line + name_len + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (unsigned i = 0; i < SINGLES; i++) {
        if (!equals(line, name_len, single_names[i]))
            continue;
        fields[i].value = value;
        fields[i].len = (size_t)(end - value);
        fields[i].count++;
    }
    return check_value(value, (size_t)(end - value));
}

static bool read_length(const struct field *f, uint64_t *out)
{
    uint64_t n = 0;
    if (f->len == 0 || f->len > 15) /* 10^15 bytes: no overflow, and far above any limit */
        return false;
    for (size_t i = 0; i < f->len; i++) {
        if (f->value[i] < '0' || f->value[i] > '9')
            return false;
        n = n * 10u + (uint64_t)(f->value[i] - '0');
    }
    *out = n;
    return true;
}

static bool check_host(const struct field *f, char minor)
{
    if (f->count == 0)
        return minor == '0';
    for (size_t i = 0; i < f->len; i++) {
        if (!is_alphanumeric(f->value[i]) && !is_one_of(f->value[i], "-._~:[]"))
            return false;
    }
    return true;
}

static bool takes_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

/* Where the body ends: said once and in one way, and not at all by requests that have none. */
static struct guard_refusal judge_body(const struct field fields[SINGLES], struct guard_head *out)
{
    if (fields[CODING].count > 0)
        return fields[LENGTH].count > 0 || fields[CODING].count > 1 ? ambiguous : no_length;
    if (fields[LENGTH].count == 0)
        return takes_body(out->method) ? no_length : ok;
    if (!read_length(&fields[LENGTH], &out->body_bytes))
        return malformed;
    return out->body_bytes > 0 && !takes_body(out->method) ? malformed : ok;
}

/* Two credentials are no credential. */
static void read_token(const struct field *f, struct guard_head *out)
{
    static const char scheme[] = "Bearer ";
    const size_t n = sizeof scheme - 1;
    if (f->count != 1 || f->len <= n || memcmp(f->value, scheme, n) != 0)
        return;
    out->token = f->value + n;
    out->token_len = f->len - n;
}

static struct guard_refusal judge_fields(const struct field fields[SINGLES], char minor,
                                         struct guard_head *out)
{
    for (unsigned i = 0; i < AUTHORIZATION; i++) {
        if (fields[i].count > 1)
            return ambiguous;
    }
    if (!check_host(&fields[HOST], minor))
        return malformed;
    if (fields[EXPECT].count > 0 && !equals(fields[EXPECT].value, fields[EXPECT].len, "100-continue"))
        return expectation;
    read_token(&fields[AUTHORIZATION], out);
    return judge_body(fields, out);
}

struct guard_refusal guard_head(const char *head, size_t len, struct guard_head *out)
{
    struct field fields[SINGLES] = {{NULL, 0, 0}};
    const char *end = head + len, *eol = memchr(head, '\r', len);
    char minor = '1';
    unsigned count = 0;
    memset(out, 0, sizeof *out);
    if (eol == NULL)
        return malformed;
    struct guard_refusal refusal = read_request_line(head, (size_t)(eol - head), out, &minor);
    if (refusal.status != 0)
        return refusal;
    for (const char *line = eol + 2; line < end && *line != '\r'; line = eol + 2) {
        eol = memchr(line, '\r', (size_t)(end - line));
        if (eol == NULL || !read_field(line, (size_t)(eol - line), fields))
            return malformed;
        if (++count > GUARD_HEADERS_MAX)
            return many_headers;
    }
    return judge_fields(fields, minor, out);
}
