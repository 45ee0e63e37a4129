/* otaria rollout create|list|show|start|pause|resume|widen|retry|abort. */
#include "commands.h"

#include "api_client.h"
#include "rollout_print.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_options {
    const char *product, *release, *soak_s, *in_flight, *quorum, *max_failure, *max_crashes, *tolerated,
        *override, *stale_after_s, *decide_by_s, *lease_s, *rings, *min_source, *max_source;
    bool supersede, start;
};

static int put_number(struct cli *cli, json_t *body, const char *key, const char *option, const char *text)
{
    unsigned long n = 0;
    if (text == NULL)
        return -1;
    if (cli_number(text, 31536000, &n) != 0)
        return cli_usage(cli, "--%s: a whole number is wanted", option);
    json_object_set_new(body, key, json_integer((json_int_t)n));
    return -1;
}

static int put_percent(struct cli *cli, json_t *body, const char *key, const char *option, const char *text)
{
    char *end = NULL;
    double n = text != NULL ? strtod(text, &end) : 0;
    if (text == NULL)
        return -1;
    if (end == text || *end != '\0' || !(n >= 0 && n <= 100))
        return cli_usage(cli, "--%s: a number from 0 to 100 is wanted", option);
    json_object_set_new(body, key, json_real(n));
    return -1;
}

/* A version, or a release's number. */
static void put_source(json_t *body, const char *key, const char *text)
{
    unsigned long number = 0;
    if (text != NULL)
        json_object_set_new(body, key,
                            cli_number(text, UINT32_MAX, &number) == 0 ? json_integer((json_int_t)number)
                                                                       : json_string(text));
}

static int plan_body(struct cli *cli, const struct plan_options *o, json_t *body)
{
    const struct {
        const char *key, *option, *text;
    } numbers[] = {{"soak_s", "soak-s", o->soak_s},
                   {"in_flight", "in-flight", o->in_flight},
                   {"quorum_percent", "quorum-percent", o->quorum},
                   {"max_failure_percent", "max-failure-percent", o->max_failure},
                   {"max_crashes_per_device_day", "max-crashes-per-device-day", o->max_crashes},
                   {"stale_after_s", "stale-after-s", o->stale_after_s},
                   {"decide_by_s", "decide-by-s", o->decide_by_s},
                   {"lease_s", "lease-s", o->lease_s}};
    json_object_set_new(body, "release", json_string(o->release));
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int done = put_number(cli, body, numbers[i].key, numbers[i].option, numbers[i].text);
        if (done >= 0)
            return done;
    }
    int done = put_percent(cli, body, "tolerated_failure_percent", "tolerated-failure-percent", o->tolerated);
    if (done >= 0)
        return done;
    if (o->override != NULL)
        json_object_set_new(body, "override", json_string(o->override));
    if (o->rings != NULL) {
        json_t *rings = json_array();
        for (const char *p = o->rings; *p != '\0';) {
            size_t n = strcspn(p, ",");
            json_array_append_new(rings, json_stringn(p, n));
            p += n + (p[n] == ',');
        }
        json_object_set_new(body, "rings", rings);
    }
    put_source(body, "min_source", o->min_source);
    put_source(body, "max_source", o->max_source);
    if (o->supersede)
        json_object_set_new(body, "supersede", json_true());
    return -1;
}

static int act(struct api_client *c, const char *id, const char *action, const char *reason, json_t **reply)
{
    char *path = api_path("/api/v1/rollouts/%s/%s", id, action);
    int done = api_call(c, "POST", path, json_pack("{s:s}", "reason", reason != NULL ? reason : ""), reply);
    free(path);
    return done;
}

static int create(struct api_client *c, const struct plan_options *o, json_t *take_body, json_t **reply)
{
    char *product = NULL;
    const char *id;
    int done = api_product(c, o->product, &product);
    if (done >= 0) {
        json_decref(take_body);
        return done;
    }
    char *path = api_path("/api/v1/products/%s/rollouts", product);
    done = api_call(c, "POST", path, take_body, reply);
    free(path);
    free(product);
    if (done >= 0 || !o->start)
        return done;
    id = json_string_value(json_object_get(*reply, "id"));
    json_t *created = *reply;
    done = id != NULL ? act(c, id, "start", "", reply)
                      : cli_fail(c->cli, EXIT_ERROR, "http", "the server's answer names no rollout");
    json_decref(created);
    return done;
}

int cmd_rollout_create(struct cli *cli, int argc, char **argv)
{
    struct plan_options o = {.product = NULL};
    struct api_client c;
    json_t *reply = NULL, *body = json_object();
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &o.product, "P", "may be left out when there is one"},
        {"release", CLI_TEXT, &o.release, "V", "the version to roll out"},
        {"rings", CLI_TEXT, &o.rings, "RINGS", "instead of the product's"},
        {"soak-s", CLI_TEXT, &o.soak_s, "N", "how long each device must have run it (86400)"},
        {"in-flight", CLI_TEXT, &o.in_flight, "N", "devices at a time to begin with, doubling (5)"},
        {"quorum-percent", CLI_TEXT, &o.quorum, "N", "of a ring that must have answered (90)"},
        {"max-failure-percent", CLI_TEXT, &o.max_failure, "N",
         "upper bound of harmed with which a ring passes (10)"},
        {"tolerated-failure-percent", CLI_TEXT, &o.tolerated, "P", "harmed more often, a ring halts (2)"},
        {"override", CLI_TEXT, &o.override, "REASON", "why a limit out of reach is right"},
        {"max-crashes-per-device-day", CLI_TEXT, &o.max_crashes, "N", "after the update (1)"},
        {"stale-after-s", CLI_TEXT, &o.stale_after_s, "N", "silence that counts as failure (43200)"},
        {"decide-by-s", CLI_TEXT, &o.decide_by_s, "N", "a ring open for longer is held (a week or more)"},
        {"lease-s", CLI_TEXT, &o.lease_s, "N", "an offer not taken up ends after (3600)"},
        {"min-source", CLI_TEXT, &o.min_source, "V", "only devices that run this release or a later one"},
        {"max-source", CLI_TEXT, &o.max_source, "V", "only devices that run this release or an earlier one"},
        {"supersede", CLI_FLAG, &o.supersede, NULL, "end the rollout that is running"},
        {"start", CLI_FLAG, &o.start, NULL, "start it at once"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done < 0 && o.release == NULL)
        done = cli_usage(cli, "--release V is needed");
    if (done < 0)
        done = plan_body(cli, &o, body);
    if (done >= 0) {
        json_decref(body);
        return done;
    }
    done = api_open(&c, cli);
    if (done < 0)
        done = create(&c, &o, body, &reply);
    else
        json_decref(body);
    if (done < 0)
        done = rollout_answer(cli, reply);
    api_close(&c);
    return done;
}

static int act_command(struct cli *cli, int argc, char **argv, const char *action)
{
    const char *id, *reason = "";
    struct api_client c;
    json_t *reply = NULL;
    const struct cli_option options[] = {{"reason", CLI_TEXT, &reason, "TEXT", "for the record"},
                                         CLI_OPTIONS_END};
    int done =
        cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = act(&c, id, action, reason, &reply);
    if (done < 0)
        done = rollout_answer(cli, reply);
    api_close(&c);
    return done;
}

int cmd_rollout_start(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "start");
}

int cmd_rollout_pause(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "pause");
}

int cmd_rollout_resume(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "resume");
}

int cmd_rollout_abort(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "abort");
}

int cmd_rollout_widen(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "widen");
}

int cmd_rollout_retry(struct cli *cli, int argc, char **argv)
{
    return act_command(cli, argc, argv, "retry");
}

int cmd_rollout_show(struct cli *cli, int argc, char **argv)
{
    const char *id;
    struct api_client c;
    json_t *reply = NULL;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0) {
        char *path = api_path("/api/v1/rollouts/%s", id);
        done = api_call(&c, "GET", path, NULL, &reply);
        free(path);
    }
    if (done < 0)
        done = rollout_answer(cli, reply);
    api_close(&c);
    return done;
}

int cmd_rollout_list(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL;
    struct api_client c;
    char *name = NULL;
    json_t *reply = NULL, *r;
    size_t i;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"}, CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = api_product(&c, product, &name);
    if (done < 0) {
        char *path = api_path("/api/v1/products/%s/rollouts", name);
        done = api_call(&c, "GET", path, NULL, &reply);
        free(path);
    }
    if (done < 0 && cli->json) {
        done = cli_print_json(cli, reply);
    } else if (done < 0) {
        json_array_foreach(json_object_get(reply, "rollouts"), i, r) rollout_print(r);
        json_decref(reply);
        done = EXIT_OK;
    }
    free(name);
    api_close(&c);
    return done;
}
