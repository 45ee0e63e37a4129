/* Rollouts as text. */
#include "rollout_print.h"

#include "api_client.h"
#include "savings.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_gate(const json_t *gate)
{
    const char *text = json_string_value(json_object_get(gate, "text"));
    if (text == NULL)
        return;
    printf("        ");
    api_print_field(gate, "verdict", 0);
    cli_print_foreign(text);
    printf("\n");
}

/* What the ring can see, what it has shown from its first answer on, and how it compares at its end. */
static void print_gates(const json_t *ring)
{
    size_t i;
    json_t *gate;
    if (number(ring, "members") > 0)
        printf("        %.0f device%s cannot see a failure rate below %.3g %%\n", number(ring, "members"),
               number(ring, "members") == 1 ? "" : "s", number(ring, "floor_percent"));
    if (number(ring, "resolved") > 0)
        print_gate(json_object_get(ring, "gate"));
    json_array_foreach(json_object_get(ring, "gates"), i, gate) print_gate(gate);
}

/* Crashes and link losses beside those that wait: only once there is something to tell. */
static void print_health(const json_t *health)
{
    static const struct {
        const char *key, *name;
    } metrics[] = {{"crashes", "crashes"}, {"link_losses", "link losses"}};
    double events = 0;
    for (unsigned i = 0; i < 2; i++) {
        const json_t *m = json_object_get(health, metrics[i].key);
        events += number(m, "events") + number(m, "control_events");
    }
    if (events == 0)
        return;
    printf("    health: ");
    for (unsigned i = 0; i < 2; i++) {
        const json_t *m = json_object_get(health, metrics[i].key);
        printf("%.0f %s where %.1f would be expected (%.0f of those that wait), ", number(m, "events"),
               metrics[i].name, number(m, "expected"), number(m, "control_events"));
    }
    printf("e-value %.3g, it halts at %.0f\n", number(health, "e_value"), number(health, "halts_at"));
}

void rollout_print_kind(const json_t *values)
{
    const char *key, *space = "";
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)values, key, value)
    {
        const char *text = json_string_value(value);
        printf("%s", space);
        cli_print_foreign(key);
        printf("=");
        cli_print_foreign(text != NULL && text[0] != '\0' ? text : "-");
        space = " ";
    }
}

/* The kinds of device that harm was done to in this ring. */
static void print_harmed_kinds(const json_t *strata, size_t ring)
{
    size_t i;
    json_t *stratum;
    json_array_foreach(strata, i, stratum)
    {
        const json_t *at = json_array_get(json_object_get(stratum, "rings"), ring);
        if (number(at, "harmed") == 0)
            continue;
        printf("        harmed: %.0f of %.0f of ", number(at, "harmed"), number(at, "resolved"));
        rollout_print_kind(json_object_get(stratum, "values"));
        printf("\n");
    }
}

void rollout_print_warnings(const json_t *of)
{
    size_t i;
    json_t *warning;
    json_array_foreach(json_object_get(of, "warnings"), i, warning)
    {
        printf("    warning: ");
        cli_print_foreign(json_string_value(warning));
        printf("\n");
    }
}

void rollout_print(const json_t *r)
{
    size_t i;
    json_t *ring;
    const char *reason = json_string_value(json_object_get(r, "reason"));
    printf("rollout ");
    api_print_field(r, "id", 4);
    printf("of ");
    api_print_field(r, "version", 0);
    printf("is ");
    api_print_field(r, "state", 0);
    if (reason != NULL && reason[0] != '\0') {
        printf("\n    ");
        cli_print_foreign(reason);
    }
    printf("\n");
    rollout_print_warnings(r);
    savings_print(json_object_get(r, "transfer"));
    print_health(json_object_get(r, "health"));
    json_array_foreach(json_object_get(r, "rings"), i, ring)
    {
        const json_t *counts = json_object_get(ring, "counts");
        printf("    ");
        api_print_field(ring, "name", 12);
        api_print_field(ring, "state", 8);
        api_print_field(ring, "members", 5);
        printf("devices, in flight ");
        api_print_field(ring, "in_flight", 4);
        printf("confirmed ");
        api_print_field(counts, "confirmed", 5);
        printf("harmed ");
        api_print_field(ring, "harmed", 4);
        printf("soaked ");
        api_print_field(ring, "soaked", 5);
        printf("\n");
        print_gates(ring);
        print_harmed_kinds(json_object_get(r, "strata"), i);
    }
}

int rollout_answer(struct cli *cli, json_t *take_reply)
{
    if (cli->json)
        return cli_print_json(cli, take_reply);
    rollout_print(take_reply);
    json_decref(take_reply);
    return EXIT_OK;
}

int rollout_exit(const char *state)
{
    return strcmp(state, "finished") == 0 ? EXIT_OK : EXIT_GATE;
}
