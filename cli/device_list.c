/* otaria device list. */
#include "commands.h"

#include "device_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct cli *cli;
    bool count_only;
    json_int_t count;
    json_t *devices; /* --json: all of them, one value */
};

static int on_page(void *ctx, json_t *page)
{
    struct listing *l = ctx;
    size_t i;
    json_t *d;
    l->count += (json_int_t)json_array_size(page);
    if (l->count_only)
        return -1;
    if (l->cli->json)
        json_array_extend(l->devices, page);
    else
        json_array_foreach(page, i, d) device_print_line(d);
    return -1;
}

static int answer(struct listing *l)
{
    if (l->count_only && l->cli->json)
        return cli_print_json(l->cli, json_pack("{s:I}", "count", l->count));
    if (l->count_only)
        printf("%" JSON_INTEGER_FORMAT "\n", l->count);
    else if (l->cli->json)
        return cli_print_json(l->cli, json_pack("{s:O}", "devices", l->devices));
    return EXIT_OK;
}

static bool is_hex(const char *text)
{
    size_t n = strlen(text);
    return n >= 4 && n <= 64 && strspn(text, "0123456789abcdefABCDEF") == n;
}

/* A word to look for, as a filter: part of an id, a tag, or the beginning of a digest. malloc'ed. */
static char *filter_for(const char *word)
{
    char *filter = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&filter, &len), *quoted;
    char *value = NULL;
    quoted = open_memstream(&value, &len);
    if (out == NULL || quoted == NULL)
        abort(); /* out of memory */
    for (const char *s = word; *s != '\0'; s++)
        fprintf(quoted, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
    if (fclose(quoted) != 0)
        abort();
    fprintf(out, "id ~ \"%s\" or tag = \"%s\"", value, value);
    if (is_hex(word))
        fprintf(out, " or digest = %s or other.digest = %s", word, word);
    if (fclose(out) != 0)
        abort();
    free(value);
    return filter;
}

static int list_devices(struct cli *cli, const char *product, const struct device_choice *choice, bool count)
{
    struct on_product p;
    struct listing l = {.cli = cli, .count_only = count, .devices = json_array()};
    int done = on_product_begin(&p, cli, product);
    if (done < 0)
        done = device_pages(&p, choice, on_page, &l);
    if (done < 0)
        done = answer(&l);
    json_decref(l.devices);
    on_product_end(&p);
    return done;
}

int cmd_device_list(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL, *word = NULL;
    struct device_choice choice = {.filter = NULL};
    bool count = false;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"},
        {"filter", CLI_TEXT, &choice.filter, "FILTER", "only devices that match: docs/filters.md"},
        {"running", CLI_TEXT, &choice.running, "V", "only devices that run this version"},
        {"count", CLI_FLAG, &count, NULL, "print how many there are"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &word, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (word != NULL && choice.filter != NULL)
        return cli_usage(cli, "a word to look for, or --filter: not both");
    char *search = word != NULL ? filter_for(word) : NULL;
    if (search != NULL)
        choice.filter = search;
    done = list_devices(cli, product, &choice, count);
    free(search);
    return done;
}
