/* Metrics of scenario files: what the application of a virtual device reports. */
#include "vdev/scenario.h"

#include <string.h>

/* [min, max] */
static int read_i64(const json_t *v, const char *where, int64_t min, int64_t *out, struct error *err)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < min || n > OT_METRIC_VALUE_MAX)
        return error_set(err, "%s: a whole number of a magnitude of at most %lld is wanted", where,
                         (long long)OT_METRIC_VALUE_MAX);
    *out = n;
    return 0;
}

static int read_spread(const json_t *v, const char *where, struct vdev_metric *out, struct error *err)
{
    const char *key;
    json_t *part;
    json_object_foreach((json_t *)(uintptr_t)v, key, part)
    {
        int bad;
        if (strcmp(key, "value") == 0)
            bad = read_i64(part, where, -OT_METRIC_VALUE_MAX, &out->value, err);
        else if (strcmp(key, "spread") == 0)
            bad = read_i64(part, where, 0, &out->spread, err);
        else
            bad = error_set(err, "%s: unknown key %.40s", where, key);
        if (bad != 0)
            return -1;
    }
    if (json_object_get(v, "value") == NULL)
        return error_set(err, "%s: value is missing", where);
    if (out->value + out->spread > OT_METRIC_VALUE_MAX || out->value - out->spread < -OT_METRIC_VALUE_MAX)
        return error_set(err, "%s: value and spread are too large", where);
    return 0;
}

int scenario_read_metrics(const json_t *v, const char *where, struct vdev_metrics *out, struct error *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(v) || json_object_size(v) > OT_WIRE_METRICS_MAX)
        return error_set(err, "%s: an object of at most %u numbers is wanted", where, OT_WIRE_METRICS_MAX);
    json_object_foreach((json_t *)(uintptr_t)v, name, value)
    {
        struct vdev_metric *m = &out->list[out->count];
        if (!ot_wire_is_metric_name(name))
            return error_set(err, "%s: %.40s: a name is of a-z, 0-9 and _, at most %u", where, name,
                             OT_METRIC_NAME_MAX);
        memcpy(m->name, name, strlen(name) + 1);
        if ((json_is_object(value) ? read_spread(value, where, m, err)
                                   : read_i64(value, where, -OT_METRIC_VALUE_MAX, &m->value, err)) != 0)
            return -1;
        out->count++;
    }
    return 0;
}

/* FNV-1a, with its high bits folded in: the low ones of similar names are alike. */
static uint64_t mix(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* In [-spread, spread], by device and metric. */
static int64_t offset_of(const struct vdev_metric *m, const char *device)
{
    uint64_t h = mix(mix(0xcbf29ce484222325u, device), m->name) * 0x9e3779b97f4a7c15u;
    return (int64_t)((h >> 1) % (2u * (uint64_t)m->spread + 1u)) - m->spread;
}

static const struct vdev_metric *metric_named(const struct vdev_metrics *m, const char *name)
{
    for (uint8_t i = 0; m != NULL && i < m->count; i++) {
        if (strcmp(m->list[i].name, name) == 0)
            return &m->list[i];
    }
    return NULL;
}

uint32_t scenario_metrics(const struct vdev_scenario *scenario, const struct vdev_behaviour *behaviour,
                          const char *device, struct ot_wire_metric list[OT_WIRE_METRICS_MAX])
{
    const struct vdev_metrics *own = behaviour != NULL ? &behaviour->metrics : NULL;
    const struct vdev_metric *all[2 * OT_WIRE_METRICS_MAX];
    uint32_t count = 0, n = 0;
    for (uint8_t i = 0; own != NULL && i < own->count; i++)
        all[count++] = &own->list[i];
    for (uint8_t i = 0; i < scenario->metrics.count; i++) {
        if (metric_named(own, scenario->metrics.list[i].name) == NULL)
            all[count++] = &scenario->metrics.list[i];
    }
    for (; n < count && n < OT_WIRE_METRICS_MAX; n++) {
        memcpy(list[n].name, all[n]->name, sizeof list[n].name);
        list[n].value = all[n]->value + offset_of(all[n], device);
    }
    return n;
}
