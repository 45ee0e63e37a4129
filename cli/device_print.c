/* A device for a person: all that is on record. */
#include "device_pages.h"

#include <stdio.h>

#define LABEL_WIDTH 16

static void label(const char *text)
{
    printf("%-*s", LABEL_WIDTH, text);
}

static void print_pair(const char *name, const json_t *object, const char *field)
{
    label(name);
    api_print_field(object, field, 0);
    printf("\n");
}

static void print_slot(const char *name, const json_t *slot)
{
    if (!json_is_object(slot))
        return;
    label(name);
    api_print_field(slot, "slot", 6);
    api_print_field(slot, "version", 0);
    printf("release ");
    api_print_field(slot, "release", 0);
    api_print_field(slot, "state", 0);
    printf("\n");
    print_pair("", slot, "digest");
}

/* One a line. */
static void print_list(const char *name, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list) == 0) {
        label(name);
        printf("-\n");
    }
    json_array_foreach(list, i, item)
    {
        label(i == 0 ? name : "");
        cli_print_foreign(json_string_value(item));
        printf("\n");
    }
}

static void print_map(const char *name, json_t *map)
{
    const char *key;
    json_t *value;
    bool is_first = true;
    json_object_foreach(map, key, value)
    {
        label(is_first ? name : "");
        cli_print_foreign(key);
        printf(" ");
        api_print_field(map, key, 0);
        printf("\n");
        is_first = false;
    }
}

static void print_health(const json_t *h)
{
    static const char *const counters[] = {"boots",        "panics",      "watchdogs", "brownouts",
                                           "other_resets", "link_losses", "uptime_s"};
    for (unsigned i = 0; i < sizeof counters / sizeof counters[0]; i++)
        print_pair(counters[i], h, counters[i]);
    label("last reset");
    api_print_field(h, "last_reset", 0);
    printf("crash ");
    api_print_field(h, "crash", 0);
    printf("\n");
}

/* What it is to run now, and whether it does. */
static void print_sync(const json_t *d)
{
    const json_t *desired = json_object_get(d, "desired"), *in_sync = json_object_get(d, "in_sync");
    bool is_wanted = json_is_string(json_object_get(desired, "version"));
    label("desired");
    if (is_wanted) {
        api_print_field(desired, "version", 0);
        printf("release ");
        api_print_field(desired, "release", 0);
        printf("by rollout ");
        api_print_field(desired, "rollout", 0);
    } else {
        printf("nothing else ");
    }
    printf("(");
    cli_print_foreign(json_string_value(json_object_get(desired, "answer")));
    printf(")\n");
    if (is_wanted)
        print_pair("", desired, "digest");
    label("in sync");
    printf("%s\n", json_is_true(in_sync) ? "yes" : json_is_false(in_sync) ? "no" : "unknown");
}

static void print_attempts(const json_t *list)
{
    size_t i;
    json_t *a;
    json_array_foreach(list, i, a)
    {
        label(i == 0 ? "attempts" : "");
        api_print_field(a, "id", 8);
        api_print_field(a, "release", 12);
        api_print_field(a, "state", 12);
        api_print_field(a, "reason", 20);
        api_print_field(a, "check", 12);
        api_print_field(a, "bytes", 0);
        printf("bytes\n");
    }
}

void device_print(const json_t *d)
{
    print_pair("device", d, "id");
    print_pair("product", d, "product");
    print_pair("chip", d, "chip");
    print_pair("hardware", d, "hw_rev");
    print_slot("running", json_object_get(d, "running"));
    print_slot("other slot", json_object_get(d, "other"));
    print_pair("bootloader", d, "bootloader");
    print_pair("slot bytes", d, "slot_bytes");
    print_pair("patch profile", d, "patch_profile");
    print_pair("compressed profile", d, "compressed_profile");
    print_pair("floor", d, "floor");
    print_pair("secure version", d, "secure_version");
    print_list("keys", json_object_get(d, "keys"));
    print_list("revoked", json_object_get(d, "revoked"));
    print_list("tags", json_object_get(d, "tags"));
    print_map("attributes", json_object_get(d, "attributes"));
    print_map("metrics", json_object_get(d, "metrics"));
    print_health(json_object_get(d, "health"));
    print_pair("first seen", d, "first_seen");
    print_pair("last seen", d, "last_seen");
    print_sync(d);
    print_attempts(json_object_get(d, "attempts"));
}
