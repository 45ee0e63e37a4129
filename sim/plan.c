/*
 * The fleet's composition.
 *
 * Each device draws its attributes by a hash of (seed, index, what), so adding a region does not reshuffle the
 * hardware. Weights are counts in any unit; only their ratio matters.
 */
#include "plan.h"

#include "chance.h"

#include "otaria/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *err, size_t err_len, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t err_len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, err_len, format, args);
    va_end(args);
    return -1;
}

static int read_count(const json_t *value, const char *where, uint32_t low, uint32_t high, uint32_t *out,
                      char *err, size_t err_len)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < (json_int_t)low || n > (json_int_t)high)
        return refuse(err, err_len, "%s: a whole number from %" PRIu32 " to %" PRIu32 " is wanted", where,
                      low, high);
    *out = (uint32_t)n;
    return 0;
}

static int read_choices(const json_t *object, const char *where, struct plan_choices *out, char *err,
                        size_t err_len)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return refuse(err, err_len, "%s: an object of name: share is wanted", where);
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (out->count == PLAN_CHOICES_MAX || strlen(name) > PLAN_NAME_MAX)
            return refuse(err, err_len, "%s: at most %u names of at most %u bytes", where, PLAN_CHOICES_MAX,
                          PLAN_NAME_MAX);
        if (!ot_wire_is_attribute_value(name))
            return refuse(err, err_len, "%s: a name is printable text", where);
        if (read_count(value, where, 1, 1000000, &out->choice[out->count].weight, err, err_len) != 0)
            return -1;
        memcpy(out->choice[out->count].name, name, strlen(name) + 1);
        out->count++;
    }
    return 0;
}

static int read_one_hardware(const json_t *item, bool wants_flash, struct plan_hardware *out, char *err,
                             size_t err_len)
{
    const char *key;
    json_t *value;
    uint32_t revision = 256;
    out->weight = 1;
    json_object_foreach((json_t *)(uintptr_t)item, key, value)
    {
        if (strcmp(key, "hw_rev") == 0) {
            if (read_count(value, "fleet.hardware.hw_rev", 0, 63, &revision, err, err_len) != 0)
                return -1;
        } else if (strcmp(key, "share") == 0) {
            if (read_count(value, "fleet.hardware.share", 1, 1000000, &out->weight, err, err_len) != 0)
                return -1;
        } else if (strcmp(key, "flash") == 0 && json_is_string(value)) {
            out->flash = strdup(json_string_value(value));
        } else {
            return refuse(err, err_len, "fleet.hardware: unknown key or wrong type: %.40s", key);
        }
    }
    if (revision > 63 || (wants_flash && out->flash == NULL))
        return refuse(err, err_len, "fleet.hardware: each entry needs hw_rev%s",
                      wants_flash ? " and flash" : "");
    out->revision = (uint8_t)revision;
    return 0;
}

static int read_hardware(const json_t *list, struct plan *out, char *err, size_t err_len)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > PLAN_CHOICES_MAX)
        return refuse(err, err_len, "fleet.hardware: a list of 1 to %u entries is wanted", PLAN_CHOICES_MAX);
    for (size_t i = 0; i < count; i++) {
        out->hardware_count++; /* before reading: fini frees what was begun */
        if (read_one_hardware(json_array_get(list, i), out->has_flash, &out->hardware[i], err, err_len) != 0)
            return -1;
    }
    return 0;
}

static int read_prefix(const json_t *value, struct plan *out, char *err, size_t err_len)
{
    const char *prefix = json_string_value(value);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (prefix == NULL || prefix[0] == '\0' || strlen(prefix) >= sizeof out->prefix ||
        strspn(prefix, allowed) != strlen(prefix))
        return refuse(err, err_len, "fleet.prefix: 1 to 32 of letters, digits and ._- are wanted");
    memcpy(out->prefix, prefix, strlen(prefix) + 1);
    return 0;
}

static int read_key(const char *key, const json_t *value, struct plan *out, char *err, size_t err_len)
{
    uint32_t number = 0;
    if (strcmp(key, "count") == 0) {
        if (read_count(value, "fleet.count", 1, out->has_flash ? 100000 : 10000000, &number, err, err_len) !=
            0)
            return -1;
        out->count = number;
        return 0;
    }
    if (strcmp(key, "seed") == 0) {
        if (read_count(value, "fleet.seed", 0, UINT32_MAX, &number, err, err_len) != 0)
            return -1;
        out->seed = number;
        return 0;
    }
    if (strcmp(key, "start_spread_ms") == 0)
        return read_count(value, "fleet.start_spread_ms", 0, 86400000, &out->start_spread_ms, err, err_len);
    if (strcmp(key, "prefix") == 0)
        return read_prefix(value, out, err, err_len);
    if (strcmp(key, "hardware") == 0)
        return read_hardware(value, out, err, err_len);
    if (strcmp(key, "regions") == 0)
        return read_choices(value, "fleet.regions", &out->regions, err, err_len);
    if (strcmp(key, "links") == 0)
        return read_choices(value, "fleet.links", &out->links, err, err_len);
    return refuse(err, err_len, "fleet: unknown key %.40s", key);
}

int plan_read(const json_t *fleet, bool has_flash, struct plan *out, char *err, size_t err_len)
{
    const char *key;
    json_t *value;
    memset(out, 0, sizeof *out);
    out->has_flash = has_flash;
    memcpy(out->prefix, "device", sizeof "device");
    if (!json_is_object(fleet))
        return refuse(err, err_len, "the scenario has no \"fleet\" object");
    json_object_foreach((json_t *)(uintptr_t)fleet, key, value)
    {
        if (read_key(key, value, out, err, err_len) != 0)
            return -1;
    }
    if (out->count == 0 || out->hardware_count == 0)
        return refuse(err, err_len, "fleet: count and hardware are required");
    return 0;
}

void plan_fini(struct plan *plan)
{
    for (unsigned i = 0; i < plan->hardware_count; i++)
        free(plan->hardware[i].flash);
    memset(plan, 0, sizeof *plan);
}

static uint64_t draw(const struct plan *plan, unsigned index, unsigned what, uint64_t below)
{
    return chance_mix(chance_mix(plan->seed * 16u + what) + index) % below;
}

static const char *choose(const struct plan *plan, unsigned index, unsigned what,
                          const struct plan_choices *choices)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < choices->count; i++)
        total += choices->choice[i].weight;
    if (total == 0)
        return NULL;
    uint64_t u = draw(plan, index, what, total);
    unsigned i = 0;
    while (u >= choices->choice[i].weight)
        u -= choices->choice[i++].weight;
    return choices->choice[i].name;
}

static const struct plan_hardware *choose_hardware(const struct plan *plan, unsigned index)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < plan->hardware_count; i++)
        total += plan->hardware[i].weight;
    uint64_t u = draw(plan, index, 1, total);
    unsigned i = 0;
    while (u >= plan->hardware[i].weight)
        u -= plan->hardware[i++].weight;
    return &plan->hardware[i];
}

struct plan_device plan_device(const struct plan *plan, unsigned index)
{
    struct plan_device d = {
        .hardware = choose_hardware(plan, index),
        .region = choose(plan, index, 2, &plan->regions),
        .link = choose(plan, index, 3, &plan->links),
        .start_ms = plan->start_spread_ms > 0 ? (uint32_t)draw(plan, index, 4, plan->start_spread_ms) : 0,
    };
    snprintf(d.id, sizeof d.id, "%s-%04u", plan->prefix, index + 1);
    return d;
}
