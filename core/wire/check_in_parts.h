/** Parts of a check-in that are objects of their own: slots, health, events, metrics. Private to core/wire. */
#ifndef WIRE_CHECK_IN_PARTS_H
#define WIRE_CHECK_IN_PARTS_H

#include "names.h"

void ot_wire_read_slot(struct json_reader *r, struct ot_wire_slot *out);
void ot_wire_put_slot(struct json_writer *w, const char *field, const struct ot_wire_slot *slot);
void ot_wire_read_health(struct json_reader *r, struct ot_health *out);
void ot_wire_put_health(struct json_writer *w, const struct ot_health *health);
void ot_wire_read_events(struct json_reader *r, struct ot_wire_event *list, uint8_t *count);
void ot_wire_put_events(struct json_writer *w, const struct ot_wire_event *list, uint8_t count);
void ot_wire_read_metrics(struct json_reader *r, struct ot_wire_metric *list, uint8_t *count);
void ot_wire_put_metrics(struct json_writer *w, const struct ot_wire_metric *list, uint8_t count);

#endif
