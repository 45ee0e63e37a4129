/* otaria rollout create|list|show|start|pause|resume|widen|retry|abort. */
#include "commands.h"

#include "api_client.h"
#include "plan_options.h"
#include "rollout_print.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int act(struct api_client *c, const char *id, const char *action, const char *reason, json_t **reply)
{
    char *path = api_path("/api/v1/rollouts/%s/%s", id, action);
    int done = api_call(c, "POST", path, json_pack("{s:s}", "reason", reason != NULL ? reason : ""), reply);
    free(path);
    return done;
}

static int create(struct api_client *c, const struct plan_options *o, bool start, json_t *take_body,
                  json_t **reply)
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
    if (done >= 0 || !start)
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
    bool start = false;
    struct api_client c;
    json_t *reply = NULL, *body = json_object();
    const struct cli_option options[] = {
        PLAN_OPTIONS(o), {"start", CLI_FLAG, &start, NULL, "start it at once"}, CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done < 0)
        done = plan_options_body(cli, &o, body);
    if (done >= 0) {
        json_decref(body);
        return done;
    }
    done = api_open(&c, cli);
    if (done < 0)
        done = create(&c, &o, start, body, &reply);
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
