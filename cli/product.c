/* otaria product create|list, token create. */
#include "commands.h"

#include "api_client.h"
#include "base/file.h"
#include "product_print.h"
#include "trust_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_product_create(struct cli *cli, int argc, char **argv)
{
    const char *name, *rings = "internal,10%,rest";
    struct cli_list trust = {.count = 0};
    struct ot_digest digests[CLI_LIST_MAX];
    struct api_client c;
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *reply = NULL;
    const struct cli_option options[] = {
        {"trust", CLI_LIST, &trust, "KEY", "keys whose images may be pushed"},
        {"rings", CLI_TEXT, &rings, "RINGS", "name of a tag, share, rest (internal,10%,rest)"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &name, .min = 1, .max = 1}, NULL);
    if (done < 0)
        done = cli_load_digests(cli, &trust, digests);
    if (done >= 0)
        return done;
    if (trust.count == 0)
        return cli_usage(cli, "--trust KEY is needed");
    json_t *keys = json_array();
    for (unsigned i = 0; i < trust.count; i++) {
        ot_digest_to_hex(&digests[i], hex);
        json_array_append_new(keys, json_string(hex));
    }
    done = api_open(&c, cli);
    if (done < 0)
        done = api_call(&c, "POST", "/api/v1/products",
                        json_pack("{s:s,s:o,s:o}", "name", name, "trust", keys, "rings", cli_words(rings)),
                        &reply);
    else
        json_decref(keys);
    if (done < 0)
        done = product_answer(cli, reply, product_print);
    api_close(&c);
    return done;
}

static void print_products(const json_t *reply)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(reply, "products"), i, p) product_print(p);
}

int cmd_product_list(struct cli *cli, int argc, char **argv)
{
    struct api_client c;
    json_t *reply = NULL;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = api_call(&c, "GET", "/api/v1/products", NULL, &reply);
    if (done < 0)
        done = product_answer(cli, reply, print_products);
    api_close(&c);
    return done;
}

/* --- tokens --- */

struct token_options {
    const char *role, *product, *uses, *expires, *out;
};

static json_t *token_body(const struct token_options *o, unsigned long uses, unsigned long expires)
{
    json_t *body = json_pack("{s:s}", "role", o->role);
    if (o->product != NULL)
        json_object_set_new(body, "product", json_string(o->product));
    if (o->uses != NULL)
        json_object_set_new(body, "uses", json_integer((json_int_t)uses));
    if (o->expires != NULL)
        json_object_set_new(body, "expires_s", json_integer((json_int_t)expires));
    return body;
}

/* The secret goes to a file of its owner's, or, asked for, to the screen: never to a log. */
static int hand_over(struct cli *cli, json_t *take_reply, const char *out)
{
    struct error err;
    const char *token = json_string_value(json_object_get(take_reply, "token"));
    int done = EXIT_OK;
    if (out != NULL) {
        if (token == NULL || file_write_atomic(out, token, strlen(token), 0600, &err) != 0)
            done = cli_fail(cli, EXIT_ERROR, "write", "%s: %s", out, token != NULL ? err.text : "no token");
        json_object_set_new(take_reply, "token", json_string(out));
    }
    if (done == EXIT_OK && cli->json)
        return cli_print_json(cli, take_reply);
    if (done == EXIT_OK) {
        cli_print_foreign(out != NULL ? out : token);
        printf("\n");
    }
    json_decref(take_reply);
    return done;
}

int cmd_token_create(struct cli *cli, int argc, char **argv)
{
    struct token_options o = {.role = NULL};
    unsigned long uses = 0, expires = 0;
    struct api_client c;
    json_t *reply = NULL;
    const struct cli_option options[] = {
        {"role", CLI_TEXT, &o.role, "R", "admin, uploader, viewer, or enrol (for devices)"},
        {"product", CLI_TEXT, &o.product, "P", "the product it is good for"},
        {"uses", CLI_TEXT, &o.uses, "N", "how often it can enrol a device"},
        {"expires-s", CLI_TEXT, &o.expires, "N", "seconds until it ends"},
        {"out", CLI_TEXT, &o.out, "FILE", "write the token there (mode 0600) instead of printing it"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (o.role == NULL)
        return cli_usage(cli, "--role is needed");
    if ((o.uses != NULL && cli_number(o.uses, 1000000000, &uses) != 0) ||
        (o.expires != NULL && cli_number(o.expires, 315360000, &expires) != 0))
        return cli_usage(cli, "--uses, --expires-s: a whole number is wanted");
    done = api_open(&c, cli);
    if (done < 0)
        done = api_call(&c, "POST", "/api/v1/tokens", token_body(&o, uses, expires), &reply);
    if (done < 0)
        done = hand_over(cli, reply, o.out);
    api_close(&c);
    return done;
}
