/* otaria rollout plan: what a rollout would cost, how long it would take, what each ring can see. Nothing is created. */
#include "commands.h"

#include "plan_options.h"
#include "rollout_print.h"
#include "savings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void print_seconds(const json_t *seconds)
{
    double s = (double)json_integer_value(seconds);
    if (!json_is_integer(seconds))
        printf("never");
    else if (s < 120)
        printf("%.0f s", s);
    else if (s < 7200)
        printf("%.0f min", s / 60);
    else if (s < 172800)
        printf("%.1f h", s / 3600);
    else
        printf("%.1f days", s / 86400);
}

static void print_span(const json_t *span)
{
    print_seconds(json_object_get(span, "median"));
    printf(" (nine times in ten: ");
    print_seconds(json_object_get(span, "p90"));
    printf(")");
}

static void print_cost(const json_t *o)
{
    const json_t *cost = json_object_get(o, "cost");
    if (json_is_number(cost))
        printf(", costs %.2f", json_number_value(cost));
}

static void print_devices(json_int_t devices, const char *what)
{
    if (devices > 0)
        printf(", %" JSON_INTEGER_FORMAT " %s", devices, what);
}

static void print_links(const json_t *ring)
{
    size_t i;
    json_t *link;
    json_array_foreach(json_object_get(ring, "links"), i, link)
    {
        const char *name = json_string_value(json_object_get(link, "link"));
        printf("        ");
        cli_print_foreign(name != NULL && name[0] != '\0' ? name : "link unknown");
        printf(": %" JSON_INTEGER_FORMAT " devices, ", number(link, "devices"));
        savings_print_bytes(link, "bytes");
        print_cost(link);
        printf("\n");
    }
}

static void print_ring(const json_t *ring)
{
    printf("    ");
    api_print_field(ring, "name", 12);
    api_print_field(ring, "members", 5);
    printf("devices, begins after ");
    print_seconds(json_object_get(json_object_get(ring, "begins_s"), "median"));
    printf(", takes ");
    print_span(json_object_get(ring, "takes_s"));
    printf("\n        ");
    savings_print_bytes(ring, "bytes");
    printf(": %" JSON_INTEGER_FORMAT " by patch, %" JSON_INTEGER_FORMAT
           " by compressed image, %" JSON_INTEGER_FORMAT " by image",
           number(ring, "by_patch"), number(ring, "by_compressed"), number(ring, "by_image"));
    print_devices(number(ring, "runs_it"), "run it already");
    print_devices(number(ring, "too_old"), "too old");
    print_devices(number(ring, "too_new"), "too new");
    print_cost(ring);
    printf("\n");
    print_links(ring);
    printf("        ");
    api_print_field(ring, "sees", 0);
    printf("\n");
}

/* What it rests on, and what came out when that was played. */
static void print_grounds(const json_t *f)
{
    const json_t *assumes = json_object_get(f, "assumes");
    printf("    played %" JSON_INTEGER_FORMAT " times: %" JSON_INTEGER_FORMAT " finished", number(f, "runs"),
           number(f, "finished"));
    print_devices(number(f, "held"), "held");
    print_devices(number(f, "halted"), "halted");
    const char *reason = json_string_value(json_object_get(f, "reason"));
    if (reason != NULL && reason[0] != '\0') {
        printf("; for instance: ");
        cli_print_foreign(reason);
    }
    printf("\n    an attempt takes ");
    print_seconds(json_object_get(json_object_get(assumes, "attempt_s"), "median"));
    if (number(assumes, "attempts_seen") > 0)
        printf(", by %" JSON_INTEGER_FORMAT " that were seen", number(assumes, "attempts_seen"));
    else
        printf(", which is a guess: none has been seen");
    printf("; %" JSON_INTEGER_FORMAT " devices are away now\n", number(assumes, "away"));
}

static void print_forecast(const json_t *f)
{
    size_t i;
    json_t *item;
    printf("release ");
    api_print_field(f, "version", 0);
    printf("would go to ");
    api_print_field(f, "members", 0);
    printf("devices and take ");
    print_span(json_object_get(f, "takes_s"));
    printf("\n    ");
    savings_print_bytes(f, "bytes");
    printf(" instead of ");
    savings_print_bytes(f, "full_bytes");
    printf(" by images alone");
    print_cost(f);
    printf("\n");
    json_array_foreach(json_object_get(f, "rings"), i, item) print_ring(item);
    print_grounds(f);
    rollout_print_warnings(f);
}

static int ask(struct api_client *c, const char *product, const json_t *body, void *ctx, json_t **reply)
{
    const char *price = *(const char **)ctx;
    char *path = price != NULL ? api_path("/api/v1/products/%s/rollouts?forecast=1&price=%s", product, price)
                               : api_path("/api/v1/products/%s/rollouts?forecast=1", product);
    int done = api_call(c, "POST", path, json_deep_copy(body), reply);
    free(path);
    return done;
}

int cmd_rollout_plan(struct cli *cli, int argc, char **argv)
{
    struct plan_options o = {.product = NULL};
    const char *price = NULL, *version = NULL;
    const struct cli_option options[] = {
        PLAN_OPTIONS(o),
        {"price", CLI_TEXT, &price, "LINK=P,...", "what a megabyte costs by link: cellular=0.40,wifi=0"},
        CLI_OPTIONS_END};
    int done =
        cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &version, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (o.release == NULL)
        o.release = version;
    return plan_options_ask(cli, &o,
                            &(struct plan_question){.ask = ask, .print = print_forecast, .ctx = &price});
}
