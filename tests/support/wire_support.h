/**
 * Device messages in tests: the golden ones of tests/golden/wire, and what must hold for any message.
 *
 *     char *text = wire_golden("enrol", &len);          ... free(text);
 *     assert_int_equal(wire_faults(text, read, "attributes"), 0);
 *
 * A message here is compact JSON as the writers make it. Each check prints what differs and returns how much did.
 */
#ifndef WIRE_SUPPORT_H
#define WIRE_SUPPORT_H

#include "otaria/wire.h"

/** The reader under test, with a struct of its own. */
typedef enum ot_status wire_read(const char *json, size_t len, size_t *error_at);

/** Text of tests/golden/wire/NAME.json without its line end, NUL-terminated; malloc'd. */
char *wire_golden(const char *name, size_t *len);

/** Reads from memory of exactly `len` bytes, so that a sanitizer sees a step beyond. */
enum ot_status wire_read_exactly(wire_read *read, const char *json, size_t len, size_t *error_at);

/** `text` with the first `find` replaced by `put`, NUL-terminated, malloc'd. Aborts when `find` is not there. */
char *wire_edit(const char *text, const char *find, const char *put);

struct wire_edit_case {
    const char *find, *put;
    enum ot_status status;
};
/** Every edit of the list (ended by a NULL `find`), one at a time, gives its status. */
unsigned wire_edit_faults(const char *text, wire_read *read, const struct wire_edit_case *cases);

/**
 * Every field at every depth: missing (refused unless `optional` names its path: " attempt health.boots "), twice, of
 * each wrong type, numbers and strings that no field may hold.
 */
unsigned wire_field_faults(const char *text, wire_read *read, const char *optional);

/** Cut at every byte, with something behind it, blanks, unknown fields, depth, every byte changed. */
unsigned wire_shape_faults(const char *text, wire_read *read);

/** Fills a C string to `len` with `c`. */
void wire_fill(char *out, size_t len, char c);

/** The largest check-in there can be: every list full, every number and text as long as allowed. */
void wire_largest_check_in(struct ot_wire_check_in *m, char attribute_char);

#endif
