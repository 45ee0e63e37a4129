/* otaria rollout explain: what it is doing and why, what was decided by which numbers; or what it means for one device. */
#include "commands.h"

#include "api_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_number(const json_t *object, const char *key, const char *what)
{
    const json_t *n = json_object_get(object, key);
    if (json_is_integer(n))
        printf(", %" JSON_INTEGER_FORMAT " %s", json_integer_value(n), what);
}

/* The numbers of a ring, as they were then: one line. */
static void print_evidence(const json_t *data)
{
    const json_t *gate = json_object_get(data, "gate");
    const char *who = json_string_value(json_object_get(data, "who"));
    if (who != NULL) {
        printf("        by ");
        cli_print_foreign(who);
        printf("\n");
    }
    if (!json_is_object(gate))
        return;
    printf("        %" JSON_INTEGER_FORMAT " devices", json_integer_value(json_object_get(data, "members")));
    print_number(data, "resolved", "have answered");
    print_number(data, "confirmed", "confirmed");
    print_number(data, "harmed", "harmed");
    print_number(data, "soaked", "soaked");
    print_number(data, "in_flight", "in flight");
    printf("; failure rate at most %.1f %%, limit %.1f %%; e-value %.3g, it halts at %.0f\n",
           json_number_value(json_object_get(gate, "upper_percent")),
           json_number_value(json_object_get(gate, "limit_percent")),
           json_number_value(json_object_get(gate, "e_value")),
           json_number_value(json_object_get(gate, "halts_at")));
}

static bool is_decision(const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "kind"));
    return kind != NULL && strcmp(kind, "attempt") != 0 && strcmp(kind, "key_kept") != 0;
}

static void print_decision(const json_t *event)
{
    if (!is_decision(event))
        return;
    printf("    ");
    api_print_field(event, "at", 0);
    api_print_field(event, "kind", 13);
    api_print_field(event, "text", 0);
    printf("\n");
    print_evidence(json_object_get(event, "data"));
}

static void print_rings(const json_t *answer)
{
    size_t i;
    json_t *ring;
    json_array_foreach(json_object_get(answer, "rings"), i, ring)
    {
        printf("    ring ");
        api_print_field(ring, "name", 12);
        api_print_field(ring, "state", 8);
        api_print_field(ring, "text", 0);
        printf("\n");
    }
}

/* Every page of the timeline, behind one another. */
static int get_decisions(struct api_client *c, const char *id, json_t *decisions)
{
    int64_t after = 0;
    for (;;) {
        char number[24];
        json_t *reply = NULL, *event;
        size_t i;
        snprintf(number, sizeof number, "%" PRId64, after);
        char *path = api_path("/api/v1/rollouts/%s/events?after=%s", id, number);
        int done = api_call(c, "GET", path, NULL, &reply);
        free(path);
        if (done >= 0)
            return done;
        json_array_foreach(json_object_get(reply, "events"), i, event)
        {
            if (is_decision(event))
                json_array_append(decisions, event);
        }
        int64_t next = json_integer_value(json_object_get(reply, "next"));
        json_decref(reply);
        if (i == 0 || next <= after)
            return -1;
        after = next;
    }
}

static int explain_all(struct api_client *c, const char *id)
{
    size_t i;
    json_t *answer = NULL, *event, *decisions = json_array();
    char *path = api_path("/api/v1/rollouts/%s/explain", id);
    int done = api_call(c, "GET", path, NULL, &answer);
    free(path);
    if (done < 0)
        done = get_decisions(c, id, decisions);
    if (done < 0)
        json_object_set(answer, "decisions", decisions);
    if (done < 0 && c->cli->json) {
        done = cli_print_json(c->cli, json_incref(answer));
    } else if (done < 0) {
        printf("rollout ");
        api_print_field(answer, "rollout", 0);
        printf("of ");
        api_print_field(answer, "version", 0);
        printf(": ");
        api_print_field(answer, "text", 0);
        printf("\n");
        print_rings(answer);
        json_array_foreach(decisions, i, event) print_decision(event);
        done = EXIT_OK;
    }
    json_decref(answer);
    json_decref(decisions);
    return done;
}

static int explain_device(struct api_client *c, const char *id, const char *device)
{
    json_t *answer = NULL;
    char *path = api_path("/api/v1/rollouts/%s/devices/%s/explain", id, device);
    int done = api_call(c, "GET", path, NULL, &answer);
    free(path);
    if (done >= 0)
        return done;
    if (c->cli->json)
        return cli_print_json(c->cli, answer);
    api_print_field(answer, "device", 0);
    printf(": ");
    api_print_field(answer, "text", 0);
    printf("\n");
    json_decref(answer);
    return EXIT_OK;
}

int cmd_rollout_explain(struct cli *cli, int argc, char **argv)
{
    const char *words[2];
    unsigned count = 0;
    struct api_client c;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = words, .min = 1, .max = 2}, &count);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = count == 2 ? explain_device(&c, words[0], words[1]) : explain_all(&c, words[0]);
    api_close(&c);
    return done;
}
