/* What must hold for any device message: see wire_support.h. */
#include "wire_support.h"

#include "image_support.h"
#include "otaria/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take(size_t len)
{
    void *p = malloc(len > 0 ? len : 1);
    if (p == NULL)
        abort();
    return p;
}

char *wire_golden(const char *name, size_t *len)
{
    char path[300];
    uint32_t size = 0;
    snprintf(path, sizeof path, OTARIA_SOURCE_DIR "/tests/golden/wire/%s.json", name);
    char *text = (char *)read_whole_file(path, &size);
    if (text == NULL || size < 2 || text[size - 1] != '\n')
        abort();
    text[size - 1] = '\0';
    *len = size - 1;
    return text;
}

enum ot_status wire_read_exactly(wire_read *read, const char *json, size_t len, size_t *error_at)
{
    size_t at = 0;
    char *copy = take(len);
    memcpy(copy, json, len);
    enum ot_status st = read(copy, len, &at);
    free(copy);
    if (at > len)
        abort();
    if (error_at != NULL)
        *error_at = at;
    return st;
}

/* `text` with [from, to) replaced. */
static char *splice(const char *text, size_t from, size_t to, const char *put)
{
    size_t len = strlen(text), n = strlen(put);
    char *out = take(len - (to - from) + n + 1);
    memcpy(out, text, from);
    memcpy(out + from, put, n);
    memcpy(out + from + n, text + to, len - to + 1);
    return out;
}

char *wire_edit(const char *text, const char *find, const char *put)
{
    const char *at = strstr(text, find);
    if (at == NULL) {
        fprintf(stderr, "no %s in %s\n", find, text);
        abort();
    }
    return splice(text, (size_t)(at - text), (size_t)(at - text) + strlen(find), put);
}

/* Takes `edited`. */
static unsigned expect(wire_read *read, char *edited, enum ot_status wanted, const char *what,
                       const char *with)
{
    enum ot_status st = wire_read_exactly(read, edited, strlen(edited), NULL);
    if (st != wanted)
        fprintf(stderr, "%s %s: %s, should be %s\n", what, with, ot_status_wire(st), ot_status_wire(wanted));
    free(edited);
    return st == wanted ? 0 : 1;
}

unsigned wire_edit_faults(const char *text, wire_read *read, const struct wire_edit_case *cases)
{
    unsigned faults = 0;
    for (; cases->find != NULL; cases++)
        faults +=
            expect(read, wire_edit(text, cases->find, cases->put), cases->status, cases->find, cases->put);
    return faults;
}

/* --- every field --- */

struct field {
    const char *text;
    char path[64];
    size_t from, value, end; /* of the name's quote, of the value, behind it */
};

typedef unsigned field_check(const struct field *f, wire_read *read, const char *optional);

static unsigned is_missed(const struct field *f, wire_read *read, const char *optional)
{
    char padded[70];
    size_t from = f->from, to = f->end;
    if (f->text[to] == ',')
        to++;
    else if (f->text[from - 1] == ',')
        from--;
    snprintf(padded, sizeof padded, " %s ", f->path);
    enum ot_status wanted = strstr(optional, padded) != NULL ? OT_OK : OT_E_WIRE_MISSING;
    return expect(read, splice(f->text, from, to, ""), wanted, f->path, "missing");
}

static unsigned is_refused_twice(const struct field *f, wire_read *read)
{
    char *again = take(f->end - f->from + 2);
    memcpy(again, f->text + f->from, f->end - f->from);
    memcpy(again + (f->end - f->from), ",", 2);
    unsigned faults =
        expect(read, splice(f->text, f->from, f->from, again), OT_E_WIRE_DUPLICATE, f->path, "twice");
    free(again);
    return faults;
}

static unsigned with_value(const struct field *f, wire_read *read, const char *value, enum ot_status wanted)
{
    return expect(read, splice(f->text, f->value, f->end, value), wanted, f->path, value);
}

static unsigned numbers_are_judged(const struct field *f, wire_read *read)
{
    static const char *const out_of_range[] = {"1.0",
                                               "1e400",
                                               "0e0",
                                               "9223372036854775808",
                                               "18446744073709551615",
                                               "18446744073709551616",
                                               "99999999999999999999999999999999999999"};
    unsigned faults = with_value(f, read, "01", OT_E_WIRE_SYNTAX) +
                      with_value(f, read, "+1", OT_E_WIRE_TYPE) +
                      with_value(f, read, "1x", OT_E_WIRE_SYNTAX) + with_value(f, read, ".5", OT_E_WIRE_TYPE);
    for (size_t i = 0; i < sizeof out_of_range / sizeof out_of_range[0]; i++)
        faults += with_value(f, read, out_of_range[i], OT_E_WIRE_RANGE);
    /* Metrics alone may be below zero. */
    enum ot_status below = strncmp(f->path, "metrics.", 8) == 0 ? OT_OK : OT_E_WIRE_RANGE;
    faults += with_value(f, read, "-1", below) + with_value(f, read, "-0", below);
    faults += with_value(f, read, "-", below == OT_OK ? OT_E_WIRE_SYNTAX : OT_E_WIRE_RANGE);
    return faults + with_value(f, read, "-9007199254740992", OT_E_WIRE_RANGE);
}

static unsigned strings_are_judged(const struct field *f, wire_read *read)
{
    static const char *const forbidden[] = {"\"\xC0\x80\"",       "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
                                            "\"\xFF\"",           "\"\\ud800\"",      "\"\\udc00\"",
                                            "\"\\ud800\\u0041\"", "\"\\u0000\"",      "\"a\tb\""};
    static const char *const broken[] = {"\"\\x\"", "\"\\u12g4\"", "\"\\u12\""};
    char endless[303];
    wire_fill(endless, sizeof endless - 1, 'a');
    endless[0] = endless[sizeof endless - 2] = '"';
    unsigned faults = with_value(f, read, endless, OT_E_WIRE_TEXT);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        faults += with_value(f, read, forbidden[i], OT_E_WIRE_TEXT);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        faults += with_value(f, read, broken[i], OT_E_WIRE_SYNTAX);
    return faults;
}

static char kind_of(char first)
{
    return first == '-' || (first >= '0' && first <= '9') ? '0' : first == 'f' ? 't' : first;
}

static unsigned check_field(const struct field *f, wire_read *read, const char *optional)
{
    static const char *const values[] = {"null", "true", "7", "\"x\"", "[]", "{}"};
    char kind = kind_of(f->text[f->value]);
    unsigned faults = is_missed(f, read, optional) + is_refused_twice(f, read);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (kind_of(values[i][0]) != kind)
            faults += with_value(f, read, values[i], OT_E_WIRE_TYPE);
    }
    if (kind == '0')
        faults += numbers_are_judged(f, read);
    if (kind == '"')
        faults += strings_are_judged(f, read);
    return faults;
}

struct walk {
    const char *text;
    wire_read *read;
    const char *optional;
    unsigned faults, fields;
};

/* Knows only what the writers make: no blanks, no escapes. Returns the offset behind the value at `at`. */
static size_t walk(struct walk *w, size_t at, const char *path)
{
    char open = w->text[at];
    if (open == '"')
        return at + 1 + strcspn(w->text + at + 1, "\"") + 1;
    if (open != '{' && open != '[')
        return at + strcspn(w->text + at, ",]}");
    for (at++; w->text[at] != '}' && w->text[at] != ']'; at += w->text[at] == ',' ? 1 : 0) {
        struct field f = {.text = w->text, .from = at};
        if (open == '[') {
            at = walk(w, at, path);
            continue;
        }
        size_t name = strcspn(w->text + at + 1, "\"");
        snprintf(f.path, sizeof f.path, "%s%s%.*s", path, path[0] != '\0' ? "." : "", (int)name,
                 w->text + at + 1);
        f.value = at + name + 3;
        f.end = walk(w, f.value, f.path);
        w->faults += check_field(&f, w->read, w->optional);
        w->fields++;
        at = f.end;
    }
    return at + 1;
}

unsigned wire_field_faults(const char *text, wire_read *read, const char *optional)
{
    struct walk w = {.text = text, .read = read, .optional = optional};
    if (walk(&w, 0, "") != strlen(text) || w.fields == 0)
        abort();
    return w.faults;
}

/* --- the whole --- */

static unsigned cuts(const char *text, wire_read *read)
{
    unsigned faults = 0;
    for (size_t len = 0; len < strlen(text); len++) {
        enum ot_status st = wire_read_exactly(read, text, len, NULL);
        /* inside \u or a digest a cut shows as syntax too: the string has no end */
        if (st != OT_E_WIRE_SYNTAX) {
            fprintf(stderr, "cut at %zu: %s\n", len, ot_status_wire(st));
            faults++;
        }
    }
    return faults;
}

static unsigned changes(const char *text, wire_read *read)
{
    static const char instead[] = {'\0', '"', '{', '}', '[', ',', ':', '\\', '0', '\x7F', '\x80', '\xFF'};
    char *copy = splice(text, 0, 0, "");
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        for (size_t j = 0; j < sizeof instead; j++) {
            copy[i] = instead[j];
            (void)wire_read_exactly(read, copy, len, NULL);
        }
        copy[i] = text[i];
    }
    unsigned faults = wire_read_exactly(read, copy, len, NULL) == OT_OK ? 0 : 1;
    free(copy);
    return faults;
}

static unsigned too_long(const char *text, wire_read *read)
{
    unsigned faults = 0;
    for (size_t len = OT_WIRE_MESSAGE_MAX; len <= OT_WIRE_MESSAGE_MAX + 1; len++) {
        char *padded = take(len);
        memset(padded, ' ', len);
        memcpy(padded, text, strlen(text));
        enum ot_status st = wire_read_exactly(read, padded, len, NULL);
        faults += st == (len > OT_WIRE_MESSAGE_MAX ? OT_E_WIRE_RANGE : OT_OK) ? 0 : 1;
        free(padded);
    }
    return faults;
}

unsigned wire_shape_faults(const char *text, wire_read *read)
{
    static const struct wire_edit_case inside[] = {
        {"{", " \t\r\n{ ", OT_OK},
        {":", " : ", OT_OK},
        {"{", "{\"x\":{\"y\":[1,-0.5e+9,1e400,true,false,null,\"\\u00e9\\n\\/\",[],{}]},", OT_OK},
        {"{", "{\"x\":1,\"x\":1,", OT_OK}, /* what is not known is not judged */
        {"{", "{\"\":0,", OT_OK},
        {"{", "{\"a_name_that_is_longer_than_any_that_is_known\":0,", OT_OK},
        {"{", "{\"x\":[[[[[[[]]]]]]],", OT_OK},
        {"{", "{\"x\":[[[[[[[[]]]]]]]],", OT_E_WIRE_DEPTH},
        {"{", "{\"x\":{\"y\":{\"y\":{\"y\":{\"y\":{\"y\":{\"y\":{\"y\":{}}}}}}}},", OT_E_WIRE_DEPTH},
        {"{", "{\"x\":nul,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":-,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":01,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":1.,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":1e,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":[1,],", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":[1}],", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":{\"y\"},", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":NaN,", OT_E_WIRE_SYNTAX},
        {"{", "{\"x\":\"\xC3\x28\",", OT_E_WIRE_TEXT},
        {"{", "{\"x\":\"\\ud800\",", OT_E_WIRE_TEXT},
        {"{", "{\"x\xFF\":1,", OT_E_WIRE_TEXT},
        {"{", "{,", OT_E_WIRE_SYNTAX},
        {"{", "{7:1,", OT_E_WIRE_SYNTAX},
        {"{", "{'x':1,", OT_E_WIRE_SYNTAX},
        {"{", "[{", OT_E_WIRE_TYPE},
        {"{", "\xEF\xBB\xBF{", OT_E_WIRE_TYPE}, /* no byte order mark */
        {"\":", "\"", OT_E_WIRE_SYNTAX},
        {NULL, NULL, OT_OK},
    };
    static const char *const behind[] = {"}", "{}", ",", "x", "\xFF"};
    unsigned faults =
        wire_edit_faults(text, read, inside) + cuts(text, read) + changes(text, read) + too_long(text, read);
    size_t len = strlen(text);
    faults += expect(read, splice(text, len, len, " \n\t\r"), OT_OK, "blanks", "behind");
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
        faults += expect(read, splice(text, len, len, behind[i]), OT_E_WIRE_SYNTAX, "behind it", behind[i]);
    faults += expect(read, splice(text, len - 1, len, ",}"), OT_E_WIRE_SYNTAX, "comma before", "the end");
    return faults;
}

/* --- the largest --- */

void wire_fill(char *out, size_t len, char c)
{
    memset(out, c, len);
    out[len] = '\0';
}

static void largest_slot(struct ot_wire_slot *s)
{
    *s = (struct ot_wire_slot){
        .present = true, .slot = OT_SLOT_OTA_0 + 15, .release = UINT32_MAX, .state = UINT32_MAX - 1};
    memset(&s->digest, 0xAB, sizeof s->digest);
    wire_fill(s->version, OT_VERSION_MAX, '"');
}

static void largest_event(struct ot_wire_event *e, uint32_t seq)
{
    *e = (struct ot_wire_event){.seq = seq,
                                .kind = OT_EVENT_NO_FALLBACK,
                                .reason = OT_E_NOT_ACCEPTED_BY_BOOT,
                                .way = OT_WAY_COMPRESSED,
                                .bytes = UINT32_MAX};
    wire_fill(e->attempt, OT_ATTEMPT_ID_MAX, 'A');
}

void wire_largest_check_in(struct ot_wire_check_in *m, char attribute_char)
{
    memset(m, 0, sizeof *m);
    wire_fill(m->device, OT_DEVICE_ID_MAX, 'd');
    m->chip_id = 20;
    m->hardware_revision = 63;
    m->slot_bytes = m->floor = m->secure_version = UINT32_MAX;
    m->bootloader = OT_BOOTLOADER_ROLLBACK;
    m->patch_profile = m->compressed_profile = 255;
    largest_slot(&m->running);
    largest_slot(&m->other);
    m->key_count = OT_WIRE_KEYS_MAX;
    m->revoked_count = OT_WIRE_REVOKED_MAX;
    m->health = (struct ot_health){UINT32_MAX, UINT32_MAX,      UINT32_MAX,          UINT32_MAX, UINT32_MAX,
                                   UINT32_MAX, 0xFFFFFFFFFFFFu, OT_RESET_DEEP_SLEEP, UINT64_MAX};
    wire_fill(m->attempt, OT_ATTEMPT_ID_MAX, 'A');
    m->ask = OT_ASK_NOTHING;
    m->event_count = OT_WIRE_EVENTS_MAX;
    for (uint32_t i = 0; i < OT_WIRE_EVENTS_MAX; i++)
        largest_event(&m->events[i], UINT32_MAX - OT_WIRE_EVENTS_MAX + i);
    m->attribute_count = OT_WIRE_ATTRIBUTES_MAX;
    for (int i = 0; i < (int)OT_WIRE_ATTRIBUTES_MAX; i++) {
        wire_fill(m->attributes[i].name, OT_ATTRIBUTE_MAX, (char)('a' + i));
        wire_fill(m->attributes[i].value, OT_ATTRIBUTE_MAX, attribute_char);
    }
    m->metric_count = OT_WIRE_METRICS_MAX;
    for (int i = 0; i < (int)OT_WIRE_METRICS_MAX; i++) {
        wire_fill(m->metrics[i].name, OT_METRIC_NAME_MAX, (char)('a' + i));
        m->metrics[i].value = -OT_METRIC_VALUE_MAX;
    }
}
