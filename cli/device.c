/* otaria device show|explain|tag. */
#include "commands.h"

#include "device_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The common shape of commands that look at one device: fetch, then print. */
static int look_at(struct cli *cli, int argc, char **argv, bool explain, void (*print)(const json_t *))
{
    const char *id, *product = NULL;
    struct on_product p;
    json_t *reply = NULL;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"}, CLI_OPTIONS_END};
    int done =
        cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = on_product_begin(&p, cli, product);
    if (done < 0) {
        char *path = explain ? api_path("/api/v1/products/%s/devices/%s/explain", p.product, id)
                             : api_path("/api/v1/products/%s/devices/%s", p.product, id);
        done = api_call(&p.c, "GET", path, NULL, &reply);
        free(path);
    }
    if (done < 0 && cli->json) {
        done = cli_print_json(cli, reply);
    } else if (done < 0) {
        print(reply);
        json_decref(reply);
        done = EXIT_OK;
    }
    on_product_end(&p);
    return done;
}

int cmd_device_show(struct cli *cli, int argc, char **argv)
{
    return look_at(cli, argc, argv, false, device_print);
}

static void print_answer(const json_t *answer)
{
    api_print_field(answer, "device", 0);
    printf(": ");
    api_print_field(answer, "text", 0);
    printf("\n");
}

int cmd_device_explain(struct cli *cli, int argc, char **argv)
{
    return look_at(cli, argc, argv, true, print_answer);
}

static json_t *strings(const char **items, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

int cmd_device_tag(struct cli *cli, int argc, char **argv)
{
    const char *words[17], *product = NULL;
    unsigned count = 0;
    struct cli_list drop = {.count = 0};
    struct on_product p;
    json_t *reply = NULL;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"},
        {"remove", CLI_LIST, &drop, "TAG", "tags to take away"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = words, .min = 1, .max = 17}, &count);
    if (done >= 0)
        return done;
    if (count < 2 && drop.count == 0)
        return cli_usage(cli, "name a tag to add, or --remove TAG");
    done = on_product_begin(&p, cli, product);
    if (done < 0) {
        char *path = api_path("/api/v1/products/%s/devices/%s/tags", p.product, words[0]);
        done = api_call(&p.c, "POST", path,
                        json_pack("{s:o,s:o}", "add", strings(words + 1, count - 1), "remove",
                                  strings(drop.items, drop.count)),
                        &reply);
        free(path);
    }
    if (done < 0 && cli->json) {
        done = cli_print_json(cli, reply);
    } else if (done < 0) {
        device_print_line(reply);
        json_decref(reply);
        done = EXIT_OK;
    }
    on_product_end(&p);
    return done;
}
