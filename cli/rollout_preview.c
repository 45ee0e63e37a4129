/* otaria rollout preview: who would be in which ring, by kind. */
#include "commands.h"

#include "plan_options.h"
#include "rollout_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void print_moved(json_int_t moved)
{
    if (moved > 0)
        printf(", %" JSON_INTEGER_FORMAT " moved forward", moved);
}

/* The kinds of one ring, each with how many of it. */
static void print_kinds(const json_t *strata, size_t ring)
{
    size_t i;
    json_t *stratum;
    json_array_foreach(strata, i, stratum)
    {
        const json_t *at = json_array_get(json_object_get(stratum, "rings"), ring);
        printf("        %5" JSON_INTEGER_FORMAT " of ", number(at, "members"));
        rollout_print_kind(json_object_get(stratum, "values"));
        print_moved(number(at, "moved"));
        printf("\n");
    }
}

static void print_ring(const json_t *preview, size_t index, const json_t *ring)
{
    printf("    ");
    api_print_field(ring, "name", 12);
    api_print_field(ring, "members", 5);
    printf("devices; they cannot see a failure rate below %.1f %%",
           json_number_value(json_object_get(ring, "floor_percent")));
    print_moved(number(ring, "moved"));
    printf("\n");
    print_kinds(json_object_get(preview, "strata"), index);
}

static void print_left_out(const json_t *p)
{
    if (number(p, "unfit") > 0)
        printf("    not in it: %" JSON_INTEGER_FORMAT " devices that no image of it fits\n",
               number(p, "unfit"));
    if (number(p, "filtered") > 0)
        printf("    not in it: %" JSON_INTEGER_FORMAT " devices that the filter leaves out\n",
               number(p, "filtered"));
    if (number(p, "unplaced") > 0)
        printf("    not in it: %" JSON_INTEGER_FORMAT " devices that no ring takes\n", number(p, "unplaced"));
}

static void print_device(const json_t *preview, const json_t *device)
{
    const json_t *rings = json_object_get(preview, "rings"), *stratum = json_object_get(device, "stratum");
    printf("    ");
    api_print_field(device, "id", 24);
    api_print_field(json_array_get(rings, (size_t)number(device, "ring")), "name", 12);
    rollout_print_kind(stratum);
    printf("%s\n", json_is_true(json_object_get(device, "moved")) ? " moved forward" : "");
}

static void print_preview(const json_t *p)
{
    size_t i;
    json_t *item;
    printf("release ");
    api_print_field(p, "version", 0);
    printf("would go to ");
    api_print_field(p, "members", 0);
    printf(number(p, "members") == 1 ? "device\n" : "devices\n");
    json_array_foreach(json_object_get(p, "rings"), i, item) print_ring(p, i, item);
    print_left_out(p);
    rollout_print_warnings(p);
    json_array_foreach(json_object_get(p, "devices"), i, item) print_device(p, item);
}

/* One page of devices after the other, all in the list of the first reply. */
static int ask(struct api_client *c, const char *product, const json_t *body, void *ctx, json_t **out)
{
    bool devices = *(const bool *)ctx;
    json_t *reply = NULL;
    int done = -1;
    *out = NULL;
    for (char *after = NULL; done < 0;) {
        char *path = after != NULL
                         ? api_path("/api/v1/products/%s/rollouts?preview=1&devices=1&limit=20000&after=%s",
                                    product, after)
                         : api_path(devices ? "/api/v1/products/%s/rollouts?preview=1&devices=1&limit=20000"
                                            : "/api/v1/products/%s/rollouts?preview=1",
                                    product);
        done = api_call(c, "POST", path, json_deep_copy(body), &reply);
        free(path);
        free(after);
        if (done >= 0)
            break;
        const char *next = json_string_value(json_object_get(reply, "next"));
        after = next != NULL ? strdup(next) : NULL;
        if (*out == NULL) {
            *out = reply;
        } else {
            json_array_extend(json_object_get(*out, "devices"), json_object_get(reply, "devices"));
            json_decref(reply);
        }
        if (after == NULL) {
            json_object_del(*out, "next");
            return -1;
        }
    }
    json_decref(*out);
    return done;
}

int cmd_rollout_preview(struct cli *cli, int argc, char **argv)
{
    struct plan_options o = {.product = NULL};
    bool devices = false;
    const struct cli_option options[] = {
        PLAN_OPTIONS(o), {"devices", CLI_FLAG, &devices, NULL, "list every device, too"}, CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    return plan_options_ask(cli, &o,
                            &(struct plan_question){.ask = ask, .print = print_preview, .ctx = &devices});
}
