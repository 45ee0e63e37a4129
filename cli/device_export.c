/*
 * otaria device export: a product's devices as CSV or JSON, a page at a time, so that it does not matter how many there
 * are. The columns are fixed (docs/cli.md, "Export"), then come attributes.
 */
#include "commands.h"

#include "csv.h"
#include "device_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct column {
    const char *name;
    const char *object, *field; /* `object` NULL: of the device itself */
};

static const struct column columns[] = {
    {"id", NULL, "id"},
    {"product", NULL, "product"},
    {"chip", NULL, "chip"},
    {"hw_rev", NULL, "hw_rev"},
    {"tags", NULL, "tags"},
    {"version", "running", "version"},
    {"release", "running", "release"},
    {"digest", "running", "digest"},
    {"slot", "running", "slot"},
    {"state", "running", "state"},
    {"other.version", "other", "version"},
    {"other.release", "other", "release"},
    {"other.digest", "other", "digest"},
    {"other.slot", "other", "slot"},
    {"other.state", "other", "state"},
    {"bootloader", NULL, "bootloader"},
    {"patch_profile", NULL, "patch_profile"},
    {"slot_bytes", NULL, "slot_bytes"},
    {"floor", NULL, "floor"},
    {"secure_version", NULL, "secure_version"},
    {"keys", NULL, "keys"},
    {"revoked", NULL, "revoked"},
    {"boots", "health", "boots"},
    {"panics", "health", "panics"},
    {"watchdogs", "health", "watchdogs"},
    {"brownouts", "health", "brownouts"},
    {"other_resets", "health", "other_resets"},
    {"link_losses", "health", "link_losses"},
    {"uptime_s", "health", "uptime_s"},
    {"last_reset", "health", "last_reset"},
    {"crash", "health", "crash"},
    {"first_seen", NULL, "first_seen"},
    {"last_seen", NULL, "last_seen"},
    {"in_sync", NULL, "in_sync"},
    {"desired.version", "desired", "version"},
    {"desired.release", "desired", "release"},
    {"desired.digest", "desired", "digest"},
    {"desired.rollout", "desired", "rollout"},
    {"answer", "desired", "answer"},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

struct export
{
    struct csv csv;
    bool is_json;
    bool has_device;
    json_t *attributes; /* names, in the order of their columns */
};

/* --- CSV --- */

static void put_list(struct csv *csv, const json_t *list)
{
    char *text = NULL;
    size_t len = 0, i;
    json_t *item;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        abort(); /* out of memory */
    json_array_foreach(list, i, item)
    {
        const char *word = json_string_value(item);
        fprintf(out, "%s%s", i > 0 ? " " : "", word != NULL ? word : "");
    }
    if (fclose(out) != 0)
        abort();
    csv_cell(csv, text);
    free(text);
}

static void put_value(struct csv *csv, const json_t *v)
{
    char number[32];
    snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_array(v))
        put_list(csv, v);
    else if (json_is_integer(v))
        csv_cell(csv, number);
    else if (json_is_boolean(v))
        csv_cell(csv, json_is_true(v) ? "yes" : "no");
    else
        csv_cell(csv, json_string_value(v));
}

static void put_heads(struct export *x)
{
    size_t i;
    json_t *name;
    char text[300];
    for (i = 0; i < COLUMNS; i++)
        csv_cell(&x->csv, columns[i].name);
    json_array_foreach(x->attributes, i, name)
    {
        snprintf(text, sizeof text, "attr.%s", json_string_value(name));
        csv_cell(&x->csv, text);
    }
    csv_end(&x->csv);
}

static void put_row(struct export *x, const json_t *device)
{
    size_t i;
    json_t *name;
    const json_t *attributes = json_object_get(device, "attributes");
    for (i = 0; i < COLUMNS; i++) {
        const json_t *object =
            columns[i].object != NULL ? json_object_get(device, columns[i].object) : device;
        put_value(&x->csv, json_object_get(object, columns[i].field));
    }
    json_array_foreach(x->attributes, i, name)
        csv_cell(&x->csv, json_string_value(json_object_get(attributes, json_string_value(name))));
    csv_end(&x->csv);
}

/* The attributes that devices have, as the server counts them; their names sorted, so that columns keep their places. */
static int fetch_attributes(struct on_product *p, struct export *x)
{
    size_t i;
    json_t *a, *reply = NULL, *names = json_object();
    const char *name;
    char *path = api_path("/api/v1/products/%s/attributes", p->product);
    int done = api_call(&p->c, "GET", path, NULL, &reply);
    free(path);
    json_array_foreach(json_object_get(reply, "attributes"), i, a)
    {
        name = json_string_value(json_object_get(a, "name"));
        if (name != NULL)
            json_object_set_new(names, name, json_true());
    }
    json_decref(reply);
    const char **sorted = calloc(json_object_size(names) + 1, sizeof *sorted);
    if (sorted == NULL)
        abort();
    size_t count = 0;
    json_object_foreach(names, name, a)
    {
        size_t at = count++;
        for (; at > 0 && strcmp(sorted[at - 1], name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = name;
    }
    for (i = 0; i < count; i++)
        json_array_append_new(x->attributes, json_string(sorted[i]));
    free(sorted);
    json_decref(names);
    return done;
}

/* --- both --- */

static void put_json(struct export *x, const json_t *device)
{
    printf("%s", x->has_device ? ",\n" : "[\n");
    (void)json_dumpf(device, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
}

static int on_page(void *ctx, json_t *page)
{
    struct export *x = ctx;
    size_t i;
    json_t *d;
    json_array_foreach(page, i, d)
    {
        if (x->is_json)
            put_json(x, d);
        else
            put_row(x, d);
        x->has_device = true;
    }
    return ferror(stdout) ? EXIT_ERROR : -1;
}

static int export_all(struct cli *cli, struct on_product *p, const char *filter, struct export *x)
{
    struct device_choice choice = {.filter = filter};
    int done = x->is_json ? -1 : fetch_attributes(p, x);
    if (done >= 0)
        return done;
    if (!x->is_json)
        put_heads(x);
    done = device_pages(p, &choice, on_page, x);
    if (done < 0 && x->is_json)
        printf("%s]\n", x->has_device ? "\n" : "[");
    if ((done < 0 && fflush(stdout) != 0) || ferror(stdout))
        return cli_fail(&(struct cli){.command = cli->command}, EXIT_ERROR, "output",
                        "cannot write the answer");
    return done < 0 ? EXIT_OK : done;
}

int cmd_device_export(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL, *format = NULL, *filter = NULL;
    struct on_product p;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"},
        {"format", CLI_TEXT, &format, "FORMAT", "csv or json"},
        {"filter", CLI_TEXT, &filter, "FILTER", "only devices that match: docs/filters.md"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (format == NULL)
        format = cli->json ? "json" : "";
    struct export x = {.csv = {.out = stdout}, .is_json = strcmp(format, "json") == 0};
    if (!x.is_json && strcmp(format, "csv") != 0)
        return cli_usage(cli, "--format csv or --format json is needed");
    x.attributes = json_array();
    done = on_product_begin(&p, cli, product);
    if (done < 0)
        done = export_all(cli, &p, filter, &x);
    json_decref(x.attributes);
    on_product_end(&p);
    return done;
}
