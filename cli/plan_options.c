/* The options of a rollout's plan, and the body they become. */
#include "plan_options.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* Bytes that are no text must not vanish on the way. */
static int put_text(struct cli *cli, json_t *body, const char *key, const char *text)
{
    if (text != NULL && json_object_set_new(body, key, json_string(text)) != 0)
        return cli_usage(cli, "--%s: not UTF-8 text", key);
    return -1;
}

/* A version, or a release's number. */
static void put_source(json_t *body, const char *key, const char *text)
{
    unsigned long number = 0;
    if (text != NULL)
        json_object_set_new(body, key,
                            cli_number(text, UINT32_MAX, &number) == 0 ? json_integer((json_int_t)number)
                                                                       : cli_json_foreign(text));
}

int plan_options_body(struct cli *cli, const struct plan_options *o, json_t *body)
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
    if (o->release == NULL)
        return cli_usage(cli, "--release V is needed");
    const struct {
        const char *key, *text;
    } texts[] = {{"release", o->release}, {"filter", o->filter}, {"override", o->override}};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int done = put_text(cli, body, texts[i].key, texts[i].text);
        if (done >= 0)
            return done;
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int done = put_number(cli, body, numbers[i].key, numbers[i].option, numbers[i].text);
        if (done >= 0)
            return done;
    }
    int done = put_percent(cli, body, "tolerated_failure_percent", "tolerated-failure-percent", o->tolerated);
    if (done >= 0)
        return done;
    if (o->rings != NULL)
        json_object_set_new(body, "rings", cli_words(o->rings));
    put_source(body, "min_source", o->min_source);
    put_source(body, "max_source", o->max_source);
    if (o->supersede)
        json_object_set_new(body, "supersede", json_true());
    return -1;
}

int plan_options_ask(struct cli *cli, const struct plan_options *o, const struct plan_question *question)
{
    struct api_client c;
    char *product = NULL;
    json_t *reply = NULL, *body = json_object();
    int done = plan_options_body(cli, o, body);
    if (done >= 0) {
        json_decref(body);
        return done;
    }
    done = api_open(&c, cli);
    if (done < 0)
        done = api_product(&c, o->product, &product);
    if (done < 0)
        done = question->ask(&c, product, body, question->ctx, &reply);
    if (done < 0 && cli->json) {
        done = cli_print_json(cli, reply);
    } else if (done < 0) {
        question->print(reply);
        json_decref(reply);
        done = EXIT_OK;
    }
    json_decref(body);
    free(product);
    api_close(&c);
    return done;
}
