/* Devices page by page: see device_pages.h. */
#include "device_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int on_product_begin(struct on_product *p, struct cli *cli, const char *given)
{
    p->product = NULL;
    int done = api_open(&p->c, cli);
    return done < 0 ? api_product(&p->c, given, &p->product) : done;
}

void on_product_end(struct on_product *p)
{
    free(p->product);
    api_close(&p->c);
}

/* "&name=value", or nothing. */
static void append(FILE *path, const char *name, const char *value)
{
    char *escaped = value != NULL ? api_escape(value) : NULL;
    if (escaped != NULL)
        fprintf(path, "&%s=%s", name, escaped);
    free(escaped);
}

static char *page_path(const char *product, const struct device_choice *choice, const char *after)
{
    char *path = NULL, *list = api_path("/api/v1/products/%s/devices?limit=1000", product);
    size_t len = 0;
    FILE *out = open_memstream(&path, &len);
    if (out == NULL)
        abort(); /* out of memory */
    fputs(list, out);
    append(out, "filter", choice->filter);
    append(out, "running", choice->running);
    append(out, "after", after);
    if (fclose(out) != 0)
        abort();
    free(list);
    return path;
}

int device_pages(struct on_product *p, const struct device_choice *choice, int (*fn)(void *ctx, json_t *page),
                 void *ctx)
{
    char *next = NULL;
    int done = -1;
    do {
        json_t *reply = NULL;
        char *path = page_path(p->product, choice, next);
        done = api_call(&p->c, "GET", path, NULL, &reply);
        free(path);
        const char *behind = json_string_value(json_object_get(reply, "next"));
        bool goes_on = behind == NULL || next == NULL || strcmp(behind, next) > 0;
        free(next);
        next = behind != NULL ? strdup(behind) : NULL;
        if (done < 0 && !goes_on)
            done = cli_fail(p->c.cli, EXIT_ERROR, "pages", "the server's pages of devices do not go on");
        if (done < 0)
            done = fn(ctx, json_object_get(reply, "devices"));
        json_decref(reply);
    } while (next != NULL && done < 0);
    free(next);
    return done;
}

void device_print_line(const json_t *d)
{
    size_t i;
    json_t *tag;
    const json_t *running = json_object_get(d, "running");
    api_print_field(d, "id", 24);
    api_print_field(d, "chip", 9);
    api_print_field(d, "hw_rev", 3);
    api_print_field(running, "version", 16);
    api_print_field(running, "state", 9);
    api_print_field(d, "last_seen", 20);
    json_array_foreach(json_object_get(d, "tags"), i, tag)
    {
        printf("%s", i > 0 ? "," : "");
        cli_print_foreign(json_string_value(tag));
    }
    printf("\n");
}
