/* Metrics of a check-in: an object of whole numbers, by names the application chose. */
#include "check_in_parts.h"

#include <string.h>

/* The reader's caller stops on the first failure. */
static void judge_name(struct json_reader *r, const struct ot_wire_metric *list, uint8_t count,
                       const char *name)
{
    if (!ot_wire_is_metric_name(name))
        ot_json_fail(r, OT_E_WIRE_TEXT);
    for (uint8_t i = 0; i < count; i++) {
        if (memcmp(list[i].name, name, strlen(name) + 1) == 0)
            ot_json_fail(r, OT_E_WIRE_DUPLICATE);
    }
    if (count == OT_WIRE_METRICS_MAX)
        ot_json_fail(r, OT_E_WIRE_TOO_MANY);
}

void ot_wire_read_metrics(struct json_reader *r, struct ot_wire_metric *list, uint8_t *count)
{
    bool first = true;
    char name[OT_METRIC_NAME_MAX + 1];
    *count = 0;
    if (!ot_json_object_begin(r))
        return;
    while (ot_json_next_field(r, &first, name, sizeof name)) {
        judge_name(r, list, *count, name);
        if (r->status != OT_OK)
            return;
        memcpy(list[*count].name, name, sizeof name);
        list[(*count)++].value = ot_json_signed(r, OT_METRIC_VALUE_MAX);
    }
}

static bool may_travel(const struct ot_wire_metric *m)
{
    return m->value >= -OT_METRIC_VALUE_MAX && m->value <= OT_METRIC_VALUE_MAX;
}

void ot_wire_put_metrics(struct json_writer *w, const struct ot_wire_metric *list, uint8_t count)
{
    if (count > OT_WIRE_METRICS_MAX)
        ot_json_refuse(w, OT_E_WIRE_TOO_MANY);
    if (count == 0 || w->status != OT_OK)
        return;
    ot_json_put_begin(w, "metrics", '{');
    for (uint8_t i = 0; i < count; i++) {
        if (!ot_wire_is_metric_name(list[i].name))
            ot_json_refuse(w, OT_E_WIRE_TEXT);
        if (!may_travel(&list[i]))
            ot_json_refuse(w, OT_E_WIRE_RANGE);
        ot_json_put_signed(w, list[i].name, list[i].value);
    }
    ot_json_put_end(w, '}');
}
