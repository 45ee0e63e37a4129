/* otaria device history. */
#include "commands.h"

#include "device_pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void field(const char *before, const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);
    if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
        return;
    printf("%s", before);
    api_print_field(entry, name, 0);
}

static bool is_kind(const json_t *entry, const char *kind)
{
    const char *text = json_string_value(json_object_get(entry, "kind"));
    return text != NULL && strcmp(text, kind) == 0;
}

static void print_details(const json_t *e)
{
    if (is_kind(e, "runs")) {
        field("", e, "version");
        field("release ", e, "release");
        field("from ", e, "slot");
        field("until ", e, "until");
        field("", e, "digest");
    } else if (is_kind(e, "event") || is_kind(e, "attempt")) {
        field("", e, "attempt");
        field("", e, "state");
        field("", e, "version");
        field("by rollout ", e, "rollout");
        field("", e, "reason");
        field("check ", e, "check");
        field("way ", e, "way");
        field("bytes ", e, "bytes");
    } else if (is_kind(e, "reset")) {
        field("", e, "cause");
        field("times ", e, "count");
        field("until ", e, "until");
        field("crash ", e, "crash");
    } else {
        field("", e, "value");
        field("", e, "tag");
        field("", e, "digest");
        field("", e, "change");
        field("by ", e, "who");
    }
}

static void print_page(const json_t *entries)
{
    size_t i;
    json_t *e;
    json_array_foreach(entries, i, e)
    {
        api_print_field(e, "at", 20);
        api_print_field(e, "kind", 14);
        print_details(e);
        printf("\n");
    }
}

/* One page after the other; `all` (--json) keeps them: a history is bounded. */
static int fetch(struct on_product *p, const char *id, json_t *all, json_int_t *dropped)
{
    json_int_t after = 0;
    int done = -1;
    for (bool more = true; more && done < 0;) {
        char number[24];
        json_t *reply = NULL;
        snprintf(number, sizeof number, "%" PRId64, (int64_t)after);
        char *path =
            api_path("/api/v1/products/%s/devices/%s/history?limit=500&after=%s", p->product, id, number);
        done = api_call(&p->c, "GET", path, NULL, &reply);
        free(path);
        const json_t *next = json_object_get(reply, "next");
        more = json_is_integer(next) && json_integer_value(next) > after;
        after = json_integer_value(next);
        *dropped = json_integer_value(json_object_get(reply, "dropped"));
        if (all != NULL)
            json_array_extend(all, json_object_get(reply, "entries"));
        else
            print_page(json_object_get(reply, "entries"));
        json_decref(reply);
    }
    return done;
}

int cmd_device_history(struct cli *cli, int argc, char **argv)
{
    const char *id, *product = NULL;
    struct on_product p;
    json_int_t dropped = 0;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"}, CLI_OPTIONS_END};
    int done =
        cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    json_t *all = cli->json ? json_array() : NULL;
    done = on_product_begin(&p, cli, product);
    if (done < 0)
        done = fetch(&p, id, all, &dropped);
    if (done < 0 && cli->json)
        done =
            cli_print_json(cli, json_pack("{s:s,s:O,s:I}", "device", id, "entries", all, "dropped", dropped));
    else if (done < 0 && dropped > 0)
        printf("%" JSON_INTEGER_FORMAT " older entries are not kept any more\n", dropped);
    json_decref(all);
    on_product_end(&p);
    return done < 0 ? EXIT_OK : done;
}
