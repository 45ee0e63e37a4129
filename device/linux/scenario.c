/* Scenario files: see vdev/scenario.h. */
#include "vdev/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const does_names[] = {"healthy", "self_test_fails", "crash_at_once", "crash_after",
                                         "hang",    "lose_network",    "slow",          NULL};

static int read_u32(const json_t *v, const char *where, uint32_t max, uint32_t *out, struct error *err)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || n > (json_int_t)max)
        return error_set(err, "%s: a whole number from 0 to %u is wanted", where, max);
    *out = (uint32_t)n;
    return 0;
}

static int read_attributes(const json_t *v, const char *where, struct ot_wire_attribute *list, uint8_t *count,
                           struct error *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(v))
        return error_set(err, "%s: an object of strings is wanted", where);
    json_object_foreach((json_t *)(uintptr_t)v, name, value)
    {
        const char *text = json_string_value(value);
        if (text == NULL || *count == OT_WIRE_ATTRIBUTES_MAX || strlen(name) > OT_ATTRIBUTE_MAX ||
            strlen(text) > OT_ATTRIBUTE_MAX)
            return error_set(err, "%s: at most %u strings of at most %u bytes", where, OT_WIRE_ATTRIBUTES_MAX,
                             OT_ATTRIBUTE_MAX);
        if (!ot_wire_is_attribute_name(name) || !ot_wire_is_attribute_value(text))
            return error_set(err, "%s: %.40s: a name is of a-z, 0-9 and _, a value is printable", where,
                             name);
        snprintf(list[*count].name, sizeof list[*count].name, "%s", name);
        snprintf(list[*count].value, sizeof list[*count].value, "%s", text);
        (*count)++;
    }
    return 0;
}

static int read_revisions(const json_t *v, uint64_t *out, struct error *err)
{
    if (!json_is_array(v))
        return error_set(err, "behaviours.match.hw_rev: a list of revisions is wanted");
    for (size_t i = 0; i < json_array_size(v); i++) {
        uint32_t rev = 0;
        if (read_u32(json_array_get(v, i), "behaviours.match.hw_rev", 63, &rev, err) != 0)
            return -1;
        *out |= (uint64_t)1 << rev;
    }
    return 0;
}

static int read_match(const json_t *match, struct vdev_behaviour *b, struct error *err)
{
    const char *key;
    json_t *v;
    if (!json_is_object(match))
        return error_set(err, "behaviours.match: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)match, key, v)
    {
        const char *text = json_string_value(v);
        int bad = 0;
        if (strcmp(key, "version") == 0 && text != NULL && ot_wire_is_version(text)) {
            snprintf(b->version, sizeof b->version, "%s", text);
        } else if (strcmp(key, "digest") == 0 && text != NULL &&
                   ot_digest_from_hex(text, strlen(text), &b->digest) == OT_OK) {
            b->has_digest = true;
        } else if (strcmp(key, "release") == 0) {
            bad = read_u32(v, "behaviours.match.release", UINT32_MAX, &b->release, err);
        } else if (strcmp(key, "hw_rev") == 0) {
            bad = read_revisions(v, &b->hardware_revisions, err);
        } else if (strcmp(key, "attributes") == 0) {
            bad = read_attributes(v, "behaviours.match.attributes", b->attributes, &b->attribute_count, err);
        } else {
            bad = error_set(err, "behaviours.match: unknown or malformed key %.40s", key);
        }
        if (bad != 0)
            return -1;
    }
    return 0;
}

static int read_does(const char *text, enum vdev_does *out, struct error *err)
{
    for (unsigned i = 0; text != NULL && does_names[i] != NULL; i++) {
        if (strcmp(text, does_names[i]) == 0) {
            *out = (enum vdev_does)i;
            return 0;
        }
    }
    return error_set(
        err,
        "behaviours.does: %.40s is not known (healthy, self_test_fails, crash_at_once, crash_after, "
        "hang, lose_network, slow)",
        text != NULL ? text : "that");
}

static int read_crash(const json_t *v, uint64_t *out, struct error *err)
{
    const char *text = json_string_value(v);
    if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
        return error_set(err, "behaviours.crash: 16 hex digits are wanted");
    *out = strtoull(text, NULL, 16);
    return 0;
}

static int read_check(const json_t *v, struct vdev_behaviour *b, struct error *err)
{
    const char *name = json_string_value(v);
    if (name == NULL || !ot_wire_is_check_name(name))
        return error_set(err, "behaviours.check: a name of a-z, 0-9 and _, at most %u, is wanted",
                         OT_CHECK_NAME_MAX);
    memcpy(b->check, name, strlen(name) + 1);
    return 0;
}

static int read_required(const json_t *v, struct vdev_behaviour *b, struct error *err)
{
    if (!json_is_boolean(v))
        return error_set(err, "behaviours.required: true or false is wanted");
    b->optional = !json_is_true(v);
    return 0;
}

static int read_behaviour(const json_t *item, struct vdev_behaviour *b, struct error *err)
{
    const char *key;
    json_t *v;
    if (!json_is_object(item))
        return error_set(err, "behaviours: a list of objects is wanted");
    b->crash_signature = 0x07a81a0000000000u;
    json_object_foreach((json_t *)(uintptr_t)item, key, v)
    {
        int bad;
        if (strcmp(key, "match") == 0)
            bad = read_match(v, b, err);
        else if (strcmp(key, "does") == 0)
            bad = read_does(json_string_value(v), &b->does, err);
        else if (strcmp(key, "after_s") == 0)
            bad = read_u32(v, "behaviours.after_s", 100000000, &b->after_s, err);
        else if (strcmp(key, "fails") == 0)
            bad = read_u32(v, "behaviours.fails", 1000000, &b->fails, err);
        else if (strcmp(key, "check") == 0)
            bad = read_check(v, b, err);
        else if (strcmp(key, "required") == 0)
            bad = read_required(v, b, err);
        else if (strcmp(key, "bytes_per_s") == 0)
            bad = read_u32(v, "behaviours.bytes_per_s", 1000000000, &b->bytes_per_s, err);
        else if (strcmp(key, "crash") == 0)
            bad = read_crash(v, &b->crash_signature, err);
        else if (strcmp(key, "metrics") == 0)
            bad = scenario_read_metrics(v, "behaviours.metrics", &b->metrics, err);
        else
            bad = error_set(err, "behaviours: unknown key %.40s", key);
        if (bad != 0)
            return -1;
    }
    if (b->does == VDEV_SLOW && b->bytes_per_s == 0)
        return error_set(err, "behaviours: slow needs bytes_per_s");
    return 0;
}

static int read_behaviours(const json_t *list, struct vdev_scenario *out, struct error *err)
{
    if (!json_is_array(list) || json_array_size(list) > 1000)
        return error_set(err, "behaviours: a list is wanted");
    out->behaviours = calloc(json_array_size(list) + 1, sizeof *out->behaviours);
    if (out->behaviours == NULL)
        return error_set(err, "out of memory");
    out->behaviour_count = (unsigned)json_array_size(list);
    for (unsigned i = 0; i < out->behaviour_count; i++) {
        if (read_behaviour(json_array_get(list, i), &out->behaviours[i], err) != 0)
            return -1;
    }
    return 0;
}

static bool is_other(const char *const *others, const char *key)
{
    for (; others != NULL && *others != NULL; others++) {
        if (strcmp(*others, key) == 0)
            return true;
    }
    return false;
}

static int read_key(const char *key, const json_t *v, struct vdev_scenario *out, struct error *err)
{
    const struct {
        const char *key;
        uint32_t max, *value;
    } numbers[] = {{"poll_s", 86400, &out->poll_s},
                   {"self_test_s", 86400, &out->self_test_s},
                   {"self_test_deadline_s", 86400, &out->self_test_deadline_s},
                   {"probation_min_s", 86400, &out->probation_min_s},
                   {"check_retries", 255, &out->check_retries},
                   {"watchdog_s", 86400, &out->watchdog_s},
                   {"speed", 1000000, &out->speed}};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(key, numbers[i].key) == 0)
            return read_u32(v, key, numbers[i].max, numbers[i].value, err);
    }
    if (strcmp(key, "attributes") == 0)
        return read_attributes(v, key, out->attributes, &out->attribute_count, err);
    if (strcmp(key, "metrics") == 0)
        return scenario_read_metrics(v, key, &out->metrics, err);
    if (strcmp(key, "behaviours") == 0)
        return read_behaviours(v, out, err);
    return error_set(err, "unknown key %.40s", key);
}

int scenario_read(const json_t *root, const char *const *others, struct vdev_scenario *out, struct error *err)
{
    const char *key;
    json_t *v;
    memset(out, 0, sizeof *out);
    if (!json_is_object(root))
        return error_set(err, "a scenario is a JSON object");
    json_object_foreach((json_t *)(uintptr_t)root, key, v)
    {
        if (!is_other(others, key) && read_key(key, v, out, err) != 0)
            return -1;
    }
    out->poll_s = out->poll_s != 0 ? out->poll_s : 60;
    out->watchdog_s = out->watchdog_s != 0 ? out->watchdog_s : 9;
    out->speed = out->speed != 0 ? out->speed : 1;
    return 0;
}

int scenario_load(const char *path, struct vdev_scenario *out, struct error *err)
{
    json_error_t json_error;
    struct error inner = {""};
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    memset(out, 0, sizeof *out);
    if (root == NULL)
        return error_set(err, "%s: line %d: %s", path, json_error.line, json_error.text);
    static const char *const others[] = {"fleet", NULL};
    int result = scenario_read(root, others, out, &inner);
    json_decref(root);
    return result == 0 ? 0 : error_set(err, "%s: %s", path, inner.text);
}

void scenario_fini(struct vdev_scenario *scenario)
{
    free(scenario->behaviours);
    memset(scenario, 0, sizeof *scenario);
}

static bool has_attribute(const struct ot_wire_attribute *list, uint8_t count,
                          const struct ot_wire_attribute *want)
{
    for (uint8_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, want->name) == 0)
            return strcmp(list[i].value, want->value) == 0;
    }
    return false;
}

static bool matches(const struct vdev_behaviour *b, const struct ot_wire_slot *running, uint8_t revision,
                    const struct ot_wire_attribute *attributes, uint8_t attribute_count)
{
    if ((b->version[0] != '\0' && strcmp(b->version, running->version) != 0) ||
        (b->release != 0 && b->release != running->release) ||
        (b->has_digest && !ot_digest_equal(&b->digest, &running->digest)) ||
        (b->hardware_revisions != 0 && (b->hardware_revisions >> revision & 1u) == 0))
        return false;
    for (uint8_t i = 0; i < b->attribute_count; i++) {
        if (!has_attribute(attributes, attribute_count, &b->attributes[i]))
            return false;
    }
    return true;
}

const struct vdev_behaviour *scenario_behaviour(const struct vdev_scenario *scenario,
                                                const struct ot_wire_slot *running, uint8_t hardware_revision,
                                                const struct ot_wire_attribute *attributes,
                                                uint8_t attribute_count)
{
    static const struct vdev_behaviour healthy = {.does = VDEV_HEALTHY};
    for (unsigned i = 0; i < scenario->behaviour_count; i++) {
        if (matches(&scenario->behaviours[i], running, hardware_revision, attributes, attribute_count))
            return &scenario->behaviours[i];
    }
    return &healthy;
}
