/* Scenarios of virtual time: see virtual_scenario.h. Every key is read by a table; what no table has is refused by name. */
#include "virtual_scenario.h"

#include <stddef.h>
#include <string.h>

#define DAY_S 86400u

/* --- numbers by table --- */

struct number {
    const char *key;
    double low, high;
    size_t offset;
    bool is_double; /* else a whole number in a uint32_t */
    double scale;   /* the value is kept times this */
};
#define WHOLE(key, type, field, low, high)                                                                   \
    {                                                                                                        \
        key, low, high, offsetof(type, field), false, 1                                                      \
    }
#define SCALED(key, type, field, low, high, by)                                                              \
    {                                                                                                        \
        key, low, high, offsetof(type, field), false, by                                                     \
    }
#define PER_S(key, type, field, high, seconds)                                                               \
    {                                                                                                        \
        key, 0, high, offsetof(type, field), true, 1.0 / (seconds)                                           \
    }

static int read_number(const json_t *v, const char *where, const struct number *n, void *out,
                       struct error *err)
{
    char *field = (char *)out + n->offset;
    double value = json_number_value(v);
    bool fits = json_is_number(v) && value >= n->low && value <= n->high;
    if (!fits || (!n->is_double && n->scale == 1 && !json_is_integer(v)))
        return error_set(err, "%s%s: a number from %g to %g is wanted", where, n->key, n->low, n->high);
    double kept = value * n->scale;
    uint32_t whole = n->is_double ? 0 : (uint32_t)(kept + 0.5);
    if (n->is_double)
        memcpy(field, &kept, sizeof kept);
    else
        memcpy(field, &whole, sizeof whole);
    return 0;
}

/* 1: read; 0: no such key in the table; -1 with a message. */
static int read_by_table(const char *key, const json_t *v, const char *where, const struct number *table,
                         size_t count, void *out, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].key, key) == 0)
            return read_number(v, where, &table[i], out, err) == 0 ? 1 : -1;
    }
    return 0;
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int read_text(const json_t *v, const char *where, size_t size, char *out, struct error *err)
{
    const char *text = json_string_value(v);
    if (text == NULL || strlen(text) >= size || !ot_wire_is_attribute_value(text))
        return error_set(err, "%s: printable text of at most %zu bytes is wanted", where, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int unknown(const char *where, const char *key, struct error *err)
{
    return error_set(err, "%sunknown key %.40s", where, key);
}

/* --- the plan --- */

static int read_rings(const json_t *list, struct ring_plan *out, struct error *err)
{
    char why[200];
    *out = (struct ring_plan){0};
    if (!json_is_array(list))
        return error_set(err, "plan.rings: a list of names and shares is wanted");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || ring_plan_add(out, name, why, sizeof why) != 0)
            return error_set(err, "plan.rings: %s", name != NULL ? why : "a name or a share is wanted");
    }
    return 0;
}

int virtual_plan_read(const json_t *object, struct rollout_plan *out, struct error *err)
{
    static const struct number table[] = {
        WHOLE("soak_s", struct rollout_plan, soak_s, 0, 31536000),
        WHOLE("in_flight", struct rollout_plan, in_flight, 1, 1000000),
        WHOLE("quorum_percent", struct rollout_plan, quorum_percent, 1, 100),
        WHOLE("max_failure_percent", struct rollout_plan, max_failure_percent, 0, 100),
        WHOLE("stale_after_s", struct rollout_plan, stale_after_s, 1, 31536000),
        WHOLE("decide_by_s", struct rollout_plan, decide_by_s, 0, 315360000),
        WHOLE("lease_s", struct rollout_plan, lease_s, 1, 31536000),
        SCALED("tolerated_failure_percent", struct rollout_plan, tolerated_failure, 0, 100, 100),
        SCALED("max_crashes_per_device_day", struct rollout_plan, max_crashes_per_device_day, 0, 1000000,
               100),
    };
    char why[200];
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "plan: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "plan.", table, COUNT(table), out, err);
        if (read == 0 && strcmp(key, "rings") == 0)
            read = read_rings(v, &out->rings, err) == 0 ? 1 : -1;
        else if (read == 0 && strcmp(key, "override") == 0)
            read = read_text(v, "plan.override", sizeof out->override_reason, out->override_reason, err) == 0
                       ? 1
                       : -1;
        if (read == 0)
            return unknown("plan: ", key, err);
        if (read < 0)
            return -1;
    }
    out->limit_is_chosen = json_object_get(object, "max_failure_percent") != NULL;
    return rollout_plan_check(out, why, sizeof why) == 0 ? 0 : error_set(err, "plan: %s", why);
}

/* --- behaviours --- */

static const struct {
    const char *name;
    enum virtual_does does;
    const char *needs; /* a key without which it says nothing */
} doings[] = {
    {"healthy", VIRTUAL_HEALTHY, NULL},
    {"self_test_fails", VIRTUAL_SELF_TEST_FAILS, NULL},
    {"crash_at_once", VIRTUAL_CRASH_AT_ONCE, NULL},
    {"crash_after", VIRTUAL_CRASH_AFTER, "after_s"},
    {"crash_often", VIRTUAL_CRASH_OFTEN, "per_day"},
    {"lose_network", VIRTUAL_LOSE_NETWORK, NULL},
    {"drop_link", VIRTUAL_DROP_LINK, "per_day"},
    {"die", VIRTUAL_DIE, NULL},
};

static int read_revisions(const json_t *list, uint64_t *out, struct error *err)
{
    *out = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t n = json_integer_value(json_array_get(list, i));
        if (!json_is_integer(json_array_get(list, i)) || n < 0 || n > 63)
            return error_set(err, "match.hw_rev: numbers from 0 to 63 are wanted");
        *out |= (uint64_t)1 << n;
    }
    return *out != 0 ? 0 : error_set(err, "match.hw_rev: a list of at least one number is wanted");
}

static int read_match(const json_t *object, struct virtual_behaviour *out, struct error *err)
{
    static const struct number table[] = {
        SCALED("share_percent", struct virtual_behaviour, share, 0.01, 100, 100),
    };
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "match: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "match.", table, COUNT(table), out, err);
        if (read == 0 && strcmp(key, "hw_rev") == 0)
            read = read_revisions(v, &out->hardware_revisions, err) == 0 ? 1 : -1;
        else if (read == 0 && strcmp(key, "region") == 0)
            read = read_text(v, "match.region", sizeof out->region, out->region, err) == 0 ? 1 : -1;
        else if (read == 0 && strcmp(key, "link") == 0)
            read = read_text(v, "match.link", sizeof out->link, out->link, err) == 0 ? 1 : -1;
        if (read == 0)
            return unknown("match: ", key, err);
        if (read < 0)
            return -1;
    }
    return 0;
}

static int read_does(const json_t *object, struct virtual_behaviour *out, struct error *err)
{
    const char *name = json_string_value(json_object_get(object, "does"));
    out->does = VIRTUAL_HEALTHY;
    if (json_object_get(object, "does") == NULL)
        return 0;
    for (size_t i = 0; name != NULL && i < COUNT(doings); i++) {
        if (strcmp(doings[i].name, name) != 0)
            continue;
        out->does = doings[i].does;
        if (doings[i].needs != NULL && json_object_get(object, doings[i].needs) == NULL)
            return error_set(err, "behaviour %s: %s is missing", name, doings[i].needs);
        return 0;
    }
    return error_set(err, "behaviour: unknown does: %.40s", name != NULL ? name : "not a text");
}

int virtual_behaviour_read(const json_t *object, struct virtual_behaviour *out, struct error *err)
{
    static const struct number table[] = {
        WHOLE("after_s", struct virtual_behaviour, after_s, 1, 31536000),
        PER_S("per_day", struct virtual_behaviour, per_s, 10000, DAY_S),
    };
    const char *key;
    json_t *v;
    *out = (struct virtual_behaviour){.does = VIRTUAL_HEALTHY};
    if (!json_is_object(object))
        return error_set(err, "behaviours: objects are wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "behaviour.", table, COUNT(table), out, err);
        if (read == 0 && strcmp(key, "match") == 0)
            read = read_match(v, out, err) == 0 ? 1 : -1;
        else if (read == 0 && strcmp(key, "metrics") == 0)
            read = scenario_read_metrics(v, "behaviour.metrics", &out->reports.metrics, err) == 0 ? 1 : -1;
        else if (read == 0 && strcmp(key, "does") != 0)
            return unknown("behaviour: ", key, err);
        if (read < 0)
            return -1;
    }
    return read_does(object, out, err);
}

static int read_behaviours(const json_t *list, struct virtual_scenario *out, struct error *err)
{
    if (!json_is_array(list) || json_array_size(list) > VIRTUAL_BEHAVIOURS_MAX)
        return error_set(err, "behaviours: a list of at most %u is wanted", VIRTUAL_BEHAVIOURS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (virtual_behaviour_read(json_array_get(list, i), &out->behaviours[i], err) != 0)
            return -1;
        out->behaviour_count++;
    }
    return 0;
}

/* --- the rest --- */

static int read_away(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    static const struct number table[] = {
        SCALED("share_percent", struct virtual_scenario, away.share, 0, 100, 100),
        SCALED("hours", struct virtual_scenario, away.for_s, 0.1, 8760, 3600),
        SCALED("every_hours", struct virtual_scenario, away.every_s, 0.2, 8760, 3600),
    };
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "life.away: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "life.away.", table, COUNT(table), out, err);
        if (read <= 0)
            return read < 0 ? -1 : unknown("life.away: ", key, err);
    }
    return out->away.every_s > out->away.for_s
               ? 0
               : error_set(err, "life.away: every_hours must be more than hours");
}

static int read_life(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    static const struct number table[] = {
        PER_S("crashes_per_1000_h", struct virtual_scenario, crashes_per_s, 100000, 3600000.0),
        PER_S("link_losses_per_day", struct virtual_scenario, link_losses_per_s, 10000, DAY_S),
        WHOLE("jitter_percent", struct virtual_scenario, jitter_percent, 0, 50),
    };
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "life: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "life.", table, COUNT(table), out, err);
        if (read == 0 && strcmp(key, "away") == 0)
            read = read_away(v, out, err) == 0 ? 1 : -1;
        if (read <= 0)
            return read < 0 ? -1 : unknown("life: ", key, err);
    }
    return 0;
}

static int read_links(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "bytes_per_s: an object of link: number is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        unsigned i = 0;
        while (i < out->devices.links.count && strcmp(out->devices.links.choice[i].name, key) != 0)
            i++;
        if (i == out->devices.links.count)
            return error_set(err, "bytes_per_s: fleet.links has no %.40s", key);
        const struct number n = {.key = key, .low = 1, .high = 1e9, .offset = 0, .scale = 1};
        if (read_number(v, "bytes_per_s.", &n, &out->bytes_per_s[i], err) != 0)
            return -1;
    }
    return 0;
}

static int read_named(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    const char *key;
    json_t *v;
    if (!json_is_object(object) || json_object_size(object) > VIRTUAL_NAMED_MAX)
        return error_set(err, "named: an object of at most %u rings is wanted", VIRTUAL_NAMED_MAX);
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        const struct number n = {.key = key, .low = 1, .high = 1e6, .offset = 0, .scale = 1};
        if (strlen(key) > ROLLOUT_RING_NAME_MAX)
            return error_set(err, "named: %.40s is no name of a ring", key);
        if (read_number(v, "named.", &n, &out->named[out->named_count].devices, err) != 0)
            return -1;
        memcpy(out->named[out->named_count++].ring, key, strlen(key) + 1);
    }
    return 0;
}

static int read_strata(const json_t *list, struct virtual_scenario *out, struct error *err)
{
    char why[200];
    if (!json_is_array(list))
        return error_set(err, "strata: a list of attributes is wanted");
    out->strata.min = STRATA_MIN_DEFAULT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || strata_spec_add(&out->strata, name, why, sizeof why) != 0)
            return error_set(err, "strata: %s", name != NULL ? why : "a name is wanted");
    }
    return 0;
}

static int read_gated(const json_t *list, struct virtual_scenario *out, struct error *err)
{
    char why[200];
    if (!json_is_array(list))
        return error_set(err,
                         "gated_metrics: a list of NAME:lower_is_worse or NAME:higher_is_worse is wanted");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || rollout_metrics_add(&out->gated, text, why, sizeof why) != 0)
            return error_set(err, "gated_metrics: %s", text != NULL ? why : "a text is wanted");
    }
    return 0;
}

static int read_release(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    static const struct number table[] = {
        WHOLE("bytes", struct virtual_scenario, bytes, 8192, 16u << 20),
    };
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return error_set(err, "release: an object is wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        int read = read_by_table(key, v, "release.", table, COUNT(table), out, err);
        if (read == 0 && strcmp(key, "version") == 0)
            read = read_text(v, "release.version", 31, out->version, err) == 0 ? 1 : -1;
        if (read <= 0)
            return read < 0 ? -1 : unknown("release: ", key, err);
    }
    return strcmp(out->version, VIRTUAL_BASE_VERSION) != 0
               ? 0
               : error_set(err, "release.version: %s is what the fleet runs before", VIRTUAL_BASE_VERSION);
}

static int read_fleet(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    char why[200];
    if (plan_read(object, false, &out->devices, why, sizeof why) != 0)
        return error_set(err, "%s", why);
    for (unsigned i = 0; i < PLAN_CHOICES_MAX; i++)
        out->bytes_per_s[i] = 100000;
    return 0;
}

static int read_metrics(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    return scenario_read_metrics(object, "metrics", &out->reports.metrics, err);
}

static int read_plan(const json_t *object, struct virtual_scenario *out, struct error *err)
{
    return virtual_plan_read(object, &out->rollout, err);
}

/* In this order: links are looked up in the fleet. */
static const struct {
    const char *key;
    int (*read)(const json_t *value, struct virtual_scenario *out, struct error *err);
} parts[] = {{"fleet", read_fleet},           {"life", read_life},
             {"bytes_per_s", read_links},     {"metrics", read_metrics},
             {"named", read_named},           {"strata", read_strata},
             {"gated_metrics", read_gated},   {"release", read_release},
             {"behaviours", read_behaviours}, {"plan", read_plan}};

void virtual_scenario_default(struct virtual_scenario *out)
{
    char why[200];
    memset(out, 0, sizeof *out);
    out->poll_s = 14400;
    out->jitter_percent = 10;
    out->days = 14;
    out->start_s = 0; /* after two polls */
    out->tick_s = 10;
    out->bytes = 1000000;
    memcpy(out->version, "1.1.0", sizeof "1.1.0");
    out->rollout = rollout_plan_default();
    (void)ring_plan_add(&out->rollout.rings, "1%", why, sizeof why);
    (void)ring_plan_add(&out->rollout.rings, "10%", why, sizeof why);
    (void)ring_plan_add(&out->rollout.rings, "rest", why, sizeof why);
}

static int read_key(const char *key, const json_t *v, struct virtual_scenario *out, struct error *err)
{
    static const struct number table[] = {
        WHOLE("poll_s", struct virtual_scenario, poll_s, 60, 604800),
        WHOLE("days", struct virtual_scenario, days, 1, 365),
        WHOLE("start_s", struct virtual_scenario, start_s, 0, 31536000),
        WHOLE("tick_s", struct virtual_scenario, tick_s, 1, 3600),
    };
    int read = read_by_table(key, v, "", table, COUNT(table), out, err);
    for (size_t i = 0; read == 0 && i < COUNT(parts); i++)
        read = strcmp(parts[i].key, key) == 0;
    return read != 0 ? read : unknown("", key, err);
}

int virtual_scenario_read(const json_t *root, struct virtual_scenario *out, struct error *err)
{
    const char *key;
    json_t *v;
    virtual_scenario_default(out);
    if (!json_is_object(root))
        return error_set(err, "a scenario is an object");
    json_object_foreach((json_t *)(uintptr_t)root, key, v)
    {
        if (read_key(key, v, out, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        v = json_object_get(root, parts[i].key);
        if (v != NULL && parts[i].read(v, out, err) != 0)
            return -1;
    }
    if (out->devices.count == 0)
        return error_set(err, "the scenario has no \"fleet\" object");
    out->start_s = out->start_s != 0 ? out->start_s : 2 * out->poll_s;
    return 0;
}

int virtual_scenario_load(const char *path, struct virtual_scenario *out, struct error *err)
{
    json_error_t json_error;
    struct error inner = {""};
    virtual_scenario_default(out);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL)
        return error_set(err, "%s: line %d: %s", path, json_error.line, json_error.text);
    int result = virtual_scenario_read(root, out, &inner);
    json_decref(root);
    return result == 0 ? 0 : error_set(err, "%s: %s", path, inner.text);
}

void virtual_scenario_fini(struct virtual_scenario *s)
{
    plan_fini(&s->devices);
    json_decref(s->inventory);
    s->inventory = NULL;
}
