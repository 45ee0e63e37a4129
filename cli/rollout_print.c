/* Rollouts as text. */
#include "rollout_print.h"

#include "api_client.h"
#include "savings.h"

#include <stdio.h>
#include <string.h>

/* What the ring can see; from its first answer on, what it has shown. */
static void print_gate(const json_t *ring)
{
    const json_t *gate = json_object_get(ring, "gate");
    const char *text = json_string_value(json_object_get(gate, "text"));
    if (json_integer_value(json_object_get(ring, "resolved")) == 0 || text == NULL) {
        printf("        so many devices cannot see a failure rate below %.1f %%\n",
               json_number_value(json_object_get(ring, "floor_percent")));
        return;
    }
    printf("        ");
    api_print_field(gate, "verdict", 0);
    cli_print_foreign(text);
    printf("\n");
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
    savings_print(json_object_get(r, "transfer"));
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
        print_gate(ring);
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
