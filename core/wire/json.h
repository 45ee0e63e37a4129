/**
 * A strict JSON reader and writer for device messages, private to core/wire. No allocation, no recursion beyond the
 * nesting limit, errors stick: after the first failure every further call fails too, so callers check once.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "otaria/crypto.h"
#include "otaria/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 8u

struct json_reader {
    const char *text;
    size_t len, at;
    uint32_t depth;
    enum ot_status status; /* first failure */
};

void ot_json_open(struct json_reader *r, const char *text, size_t len);
/** Nothing but white space may follow. Returns the first failure, or OT_OK. */
enum ot_status ot_json_close(struct json_reader *r);
void ot_json_fail(struct json_reader *r, enum ot_status status);

/**
 * Objects: ot_json_object_begin, then ot_json_next_field until false. The field's value must be read or skipped before the
 * next call. `first` starts true.
 */
bool ot_json_object_begin(struct json_reader *r);
bool ot_json_next_field(struct json_reader *r, bool *first, char *name, size_t name_cap);
/** Arrays likewise. */
bool ot_json_array_begin(struct json_reader *r);
bool ot_json_next_item(struct json_reader *r, bool *first);

/** A string of at most cap-1 bytes after unescaping, NUL-terminated; NUL inside is refused. */
void ot_json_string(struct json_reader *r, char *out, size_t cap);
/** A whole number in [0, max]. */
uint64_t ot_json_number(struct json_reader *r, uint64_t max);
/** A whole number in [-limit, limit]. */
int64_t ot_json_signed(struct json_reader *r, int64_t limit);
bool ot_json_bool(struct json_reader *r);
void ot_json_digest(struct json_reader *r, struct ot_digest *out);
/** Any value, validated. */
void ot_json_skip(struct json_reader *r);

struct json_writer {
    char *buf;
    size_t cap, at;
    bool needs_comma;
    enum ot_status status;
};

void ot_json_start(struct json_writer *w, char *buf, size_t cap);
/** What is to be written may not be. The first failure stays. */
void ot_json_refuse(struct json_writer *w, enum ot_status status);
enum ot_status ot_json_finish(struct json_writer *w, size_t *len);
void ot_json_put_begin(struct json_writer *w, const char *name, char bracket); /* name NULL in arrays */
void ot_json_put_end(struct json_writer *w, char bracket);
void ot_json_put_string(struct json_writer *w, const char *name, const char *value);
void ot_json_put_number(struct json_writer *w, const char *name, uint64_t value);
void ot_json_put_signed(struct json_writer *w, const char *name, int64_t value);
void ot_json_put_bool(struct json_writer *w, const char *name, bool value);
void ot_json_put_digest(struct json_writer *w, const char *name, const struct ot_digest *value);

/** UTF-8 without overlong forms and surrogates. Length of the sequence at `s` (1..4), 0 when it is not valid. */
size_t ot_json_utf8_length(const uint8_t *s, size_t len);

#endif
