/* Strata as text columns: the attributes that make them, and a rollout's kinds as lists of values. */
#include "load.h"
#include "members.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *fleet_strata_to_json(const struct strata_spec *spec)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < spec->count; i++)
        json_array_append_new(list, json_string(spec->attributes[i]));
    return list;
}

char *fleet_strata_to_text(const struct strata_spec *spec)
{
    json_t *list = fleet_strata_to_json(spec);
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

int fleet_strata_from_json(const json_t *list, int64_t min, struct strata_spec *out)
{
    char err[200];
    *out = (struct strata_spec){.min = min >= 0 && min <= STRATA_MIN_MAX ? (uint32_t)min : 0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || strata_spec_add(out, name, err, sizeof err) != 0)
            return -1;
    }
    return strata_spec_check(out, err, sizeof err);
}

/* "hw_rev=2 region=no" */
static char *name_of(const struct strata_spec *spec, const struct fleet_stratum *s)
{
    char text[STRATA_ATTRIBUTES_MAX * (STRATA_ATTRIBUTE_MAX + OT_ATTRIBUTE_MAX + 4)] = "";
    for (uint32_t i = 0, at = 0; i < spec->count; i++)
        at += (uint32_t)snprintf(text + at, sizeof text - at, "%s%s=%s", i > 0 ? " " : "",
                                 spec->attributes[i], s->values[i][0] != '\0' ? s->values[i] : "-");
    return fleet_need(strdup(text));
}

void fleet_kinds_use(struct fleet_rollout *r)
{
    r->engine.strata = fleet_need(calloc(r->stratum_count + 1u, sizeof *r->engine.strata));
    for (uint32_t i = 0; i < r->stratum_count; i++)
        r->engine.strata[i].name = name_of(&r->engine.plan.strata, &r->strata[i]);
    r->engine.stratum_count = r->stratum_count;
}

void fleet_kinds_free(struct fleet_rollout *r)
{
    for (uint32_t i = 0; r->engine.strata != NULL && i < r->stratum_count; i++)
        free((char *)(uintptr_t)r->engine.strata[i].name);
    free(r->engine.strata);
    free(r->strata);
}

char *fleet_kinds_to_text(const struct fleet_rollout *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->stratum_count; i++) {
        json_t *values = json_array();
        for (uint32_t v = 0; v < r->engine.plan.strata.count; v++)
            json_array_append_new(values, json_string(r->strata[i].values[v]));
        json_array_append_new(list, values);
    }
    char *text = fleet_need(json_dumps(list, JSON_COMPACT));
    json_decref(list);
    return text;
}

static int kind_from_json(const json_t *values, uint32_t count, struct fleet_stratum *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t v = 0; v < count; v++) {
        const char *value = json_string_value(json_array_get(values, v));
        size_t len = value != NULL ? strlen(value) : sizeof out->values[v];
        if (len >= sizeof out->values[v])
            return -1;
        memcpy(out->values[v], value, len);
    }
    return json_array_size(values) == count ? 0 : -1;
}

int fleet_kinds_from_text(const char *text, struct fleet_rollout *r)
{
    json_t *list = json_loads(text, 0, NULL);
    size_t count = json_array_size(list);
    int bad = !json_is_array(list) || count > STRATA_MAX ? -1 : 0;
    r->strata = fleet_need(malloc(count * sizeof *r->strata + 1));
    for (size_t i = 0; bad == 0 && i < count; i++)
        bad = kind_from_json(json_array_get(list, i), r->engine.plan.strata.count, &r->strata[i]);
    r->stratum_count = bad == 0 ? (uint32_t)count : 0;
    fleet_kinds_use(r);
    json_decref(list);
    return bad;
}
