/* otaria product set; how products look. */
#include "commands.h"

#include "api_client.h"
#include "product_print.h"

#include <stdio.h>
#include <stdlib.h>

static void print_words(const json_t *list)
{
    size_t i;
    json_t *word;
    json_array_foreach(list, i, word)
    {
        printf("%s", i > 0 ? "," : "");
        cli_print_foreign(json_string_value(word));
    }
}

void product_print(const json_t *p)
{
    const json_t *strata = json_object_get(p, "strata");
    api_print_field(p, "name", 24);
    printf("devices ");
    api_print_field(p, "devices", 7);
    printf("releases ");
    api_print_field(p, "releases", 5);
    printf("rings ");
    print_words(json_object_get(p, "rings"));
    if (json_array_size(strata) > 0) {
        printf(" strata ");
        print_words(strata);
        printf(" min %lld", (long long)json_integer_value(json_object_get(p, "strata_min")));
    }
    if (json_array_size(json_object_get(p, "metrics")) > 0) {
        printf(" metrics ");
        print_words(json_object_get(p, "metrics"));
    }
    if (json_integer_value(json_object_get(p, "duty_cycle_s")) > 0)
        printf(" duty cycle %lld s", (long long)json_integer_value(json_object_get(p, "duty_cycle_s")));
    printf("\n");
}

int product_answer(struct cli *cli, json_t *take_reply, void (*print)(const json_t *))
{
    if (cli->json)
        return cli_print_json(cli, take_reply);
    print(take_reply);
    json_decref(take_reply);
    return EXIT_OK;
}

struct set_options {
    const char *name, *rings, *strata, *strata_min, *duty_cycle_s;
    struct cli_list metrics;
    bool no_metrics, new_seed;
};

/* What decides at the end of a ring. */
static int gates_body(struct cli *cli, const struct set_options *o, json_t *body)
{
    unsigned long duty = 0;
    if (o->metrics.count > 0 && o->no_metrics)
        return cli_usage(cli, "--metric and --no-metrics: one of them");
    if (o->metrics.count > 0 || o->no_metrics) {
        json_t *list = json_array();
        for (unsigned i = 0; i < o->metrics.count; i++)
            json_array_append_new(list, json_string(o->metrics.items[i]));
        json_object_set_new(body, "metrics", list);
    }
    if (o->duty_cycle_s == NULL)
        return -1;
    if (cli_number(o->duty_cycle_s, 31536000, &duty) != 0)
        return cli_usage(cli, "--duty-cycle-s: a whole number is wanted");
    json_object_set_new(body, "duty_cycle_s", json_integer((json_int_t)duty));
    return -1;
}

static int change_body(struct cli *cli, const struct set_options *o, json_t *body)
{
    unsigned long min = 0;
    if (o->rings != NULL)
        json_object_set_new(body, "rings", cli_words(o->rings));
    if (o->strata != NULL)
        json_object_set_new(body, "strata", cli_words(o->strata));
    if (o->strata_min != NULL && (cli_number(o->strata_min, 1000, &min) != 0 || min == 0))
        return cli_usage(cli, "--strata-min: a whole number from 1 to 1000 is wanted");
    if (min != 0)
        json_object_set_new(body, "strata_min", json_integer((json_int_t)min));
    if (o->new_seed)
        json_object_set_new(body, "new_seed", json_true());
    int done = gates_body(cli, o, body);
    if (done < 0 && json_object_size(body) == 0)
        done = cli_usage(cli, "nothing to change: --rings, --strata, --strata-min, --metric, --no-metrics, "
                              "--duty-cycle-s or --new-seed is needed");
    return done;
}

int cmd_product_set(struct cli *cli, int argc, char **argv)
{
    struct set_options o = {.name = NULL};
    struct api_client c;
    json_t *reply = NULL, *body = json_object();
    const struct cli_option options[] = {
        {"rings", CLI_TEXT, &o.rings, "RINGS", "name of a tag, share, rest"},
        {"strata", CLI_TEXT, &o.strata, "NAMES",
         "attributes that make kinds of device: hw_rev, chip, region ...; \"\" for none"},
        {"strata-min", CLI_TEXT, &o.strata_min, "N", "devices of each kind in each ring of shares (4)"},
        {"metric", CLI_LIST, &o.metrics, "NAME:lower_is_worse[:N%]",
         "a number of the application's that decides, or :higher_is_worse; up to N % are tolerated (5); again for "
         "more"},
        {"no-metrics", CLI_FLAG, &o.no_metrics, NULL, "none decides any more"},
        {"duty-cycle-s", CLI_TEXT, &o.duty_cycle_s, "N",
         "what its devices do, they have done within this time; 0: nobody says"},
        {"new-seed", CLI_FLAG, &o.new_seed, NULL, "draw anew who is in which ring; while no rollout runs"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &o.name, .min = 1, .max = 1}, NULL);
    if (done < 0)
        done = change_body(cli, &o, body);
    if (done >= 0) {
        json_decref(body);
        return done;
    }
    done = api_open(&c, cli);
    if (done < 0) {
        char *path = api_path("/api/v1/products/%s", o.name);
        done = api_call(&c, "PATCH", path, body, &reply);
        free(path);
    } else {
        json_decref(body);
    }
    if (done < 0)
        done = product_answer(cli, reply, product_print);
    api_close(&c);
    return done;
}
