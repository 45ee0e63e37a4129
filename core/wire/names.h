/** Enums of the device messages and their wire names; which texts are allowed where. Private to core/wire. */
#ifndef WIRE_NAMES_H
#define WIRE_NAMES_H

#include "json.h"
#include "otaria/wire.h"

struct wire_name {
    uint32_t value;
    const char *name;
};

/** Tables end with a NULL name. */
extern const struct wire_name wire_event_kinds[];
extern const struct wire_name wire_resets[];
extern const struct wire_name wire_ways[];
extern const struct wire_name wire_bootloaders[];
extern const struct wire_name wire_asks[];
extern const struct wire_name wire_switches[];
extern const struct wire_name wire_ota_states[];

/** Name of a value, or NULL. */
const char *ot_wire_name_of(const struct wire_name *table, uint32_t value);
/** Read a string and look it up; an unknown one fails the reader with OT_E_WIRE_TEXT. */
uint32_t ot_wire_read_name(struct json_reader *r, const struct wire_name *table);
void ot_wire_put_name(struct json_writer *w, const char *field, const struct wire_name *table,
                      uint32_t value);

typedef bool wire_text_rule(const char *s);
/** Read a string that must obey a rule. */
void ot_wire_read_text(struct json_reader *r, char *out, size_t cap, wire_text_rule *rule);
void ot_wire_put_text(struct json_writer *w, const char *field, const char *value, wire_text_rule *rule);

void ot_wire_read_chip(struct json_reader *r, uint16_t *chip_id);
void ot_wire_put_chip(struct json_writer *w, uint16_t chip_id);
void ot_wire_read_attributes(struct json_reader *r, struct ot_wire_attribute *list, uint8_t *count);
void ot_wire_put_attributes(struct json_writer *w, const struct ot_wire_attribute *list, uint8_t count);

/** Start reading a message; one longer than any may be fails the reader. */
void ot_wire_open(struct json_reader *r, const char *json, size_t len);
/** A set of fields seen: fails the reader on a second sight of `bit`. */
void ot_wire_once(struct json_reader *r, uint32_t *seen, uint32_t bit);
/** Fails with OT_E_WIRE_MISSING unless all of `wanted` were seen. */
void ot_wire_require(struct json_reader *r, uint32_t seen, uint32_t wanted);
/** Index of `name` in a NULL-terminated list, or -1. */
int ot_wire_field(const char *const *names, const char *name);
void ot_wire_read_version(struct json_reader *r);

#endif
