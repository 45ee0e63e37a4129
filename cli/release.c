/* otaria release push|list|show. */
#include "commands.h"

#include "api_client.h"
#include "base/file.h"
#include "image_common.h"
#include "savings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_patches(const json_t *image)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(image, "patches"), i, p)
    {
        printf("        from ");
        api_print_field(p, "version", 12);
        api_print_field(p, "devices", 6);
        printf("devices, patch ");
        api_print_field(p, "state", 0);
        if (!json_is_null(json_object_get(p, "bytes")))
            savings_print_bytes(p, "bytes");
        if (json_string_length(json_object_get(p, "reason")) > 0)
            api_print_field(p, "reason", 0);
        printf("\n");
    }
}

/* Of a release that was asked for alone. */
static void print_compressed(const json_t *c)
{
    if (c == NULL)
        return;
    printf("        compressed image ");
    api_print_field(c, "state", 0);
    if (!json_is_null(json_object_get(c, "bytes")))
        savings_print_bytes(c, "bytes");
    if (json_string_length(json_object_get(c, "reason")) > 0)
        api_print_field(c, "reason", 0);
    printf("\n");
}

static void print_release(const json_t *r)
{
    size_t i;
    json_t *image;
    api_print_field(r, "version", 16);
    printf("release ");
    api_print_field(r, "release", 8);
    api_print_field(r, "created_at", 20);
    printf("\n");
    json_array_foreach(json_object_get(r, "images"), i, image)
    {
        printf("    ");
        api_print_field(image, "chip", 9);
        api_print_field(image, "bytes", 9);
        api_print_field(image, "digest", 0);
        printf("\n");
        print_compressed(json_object_get(image, "compressed"));
        print_patches(image);
    }
    savings_print(json_object_get(r, "savings"));
}

static int answer_release(struct cli *cli, json_t *take_reply)
{
    if (cli->json)
        return cli_print_json(cli, take_reply);
    print_release(take_reply);
    json_decref(take_reply);
    return EXIT_OK;
}

/* The product of a described image is the one it names. */
static int product_of_image(struct cli *cli, const char *file, char **product)
{
    struct image_file f;
    int done = image_file_load(cli, file, &f);
    if (done < 0 && f.described)
        *product = strdup(f.image.app.project);
    image_file_fini(&f);
    return done;
}

struct push_options {
    const char *product, *version, *release;
    bool undescribed, any_device;
};

static char *push_path(const char *product, const struct push_options *o)
{
    const char *any_device = o->any_device ? "1" : "0";
    if (!o->undescribed)
        return api_path("/api/v1/products/%s/releases?any_device=%s", product, any_device);
    return api_path("/api/v1/products/%s/releases?any_device=%s&undescribed=1&version=%s&release=%s", product,
                    any_device, o->version, o->release);
}

static int push(struct api_client *c, const char *file, const char *product, const struct push_options *o,
                json_t **reply)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct error err;
    if (file_read(file, 17u << 20, &bytes, &len, &err) != 0)
        return cli_fail(c->cli, EXIT_ERROR, "read", "%s", err.text);
    char *path = push_path(product, o);
    int done = api_upload(c, path, bytes, len, reply);
    free(path);
    free(bytes);
    return done;
}

int cmd_release_push(struct cli *cli, int argc, char **argv)
{
    const char *file;
    struct push_options o = {.product = NULL};
    struct api_client c;
    char *product = NULL;
    json_t *reply = NULL;
    const struct cli_option options[] = {
        {"undescribed", CLI_FLAG, &o.undescribed, NULL,
         "the image has no descriptor: version and number are yours"},
        {"any-device", CLI_FLAG, &o.any_device, NULL,
         "also when none of today's devices could take it: new hardware is to come"},
        {"product", CLI_TEXT, &o.product, "P", "what the image names, when it is described"},
        {"version", CLI_TEXT, &o.version, "V", "of an undescribed image"},
        {"release", CLI_TEXT, &o.release, "N", "of an undescribed image"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &file, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (o.undescribed && (o.product == NULL || o.version == NULL || o.release == NULL))
        return cli_usage(cli, "--undescribed needs --product, --version and --release");
    if (o.product == NULL && (done = product_of_image(cli, file, &product)) >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0 && product == NULL)
        done = api_product(&c, o.product, &product);
    if (done < 0)
        done = push(&c, file, product, &o, &reply);
    if (done < 0)
        done = answer_release(cli, reply);
    free(product);
    api_close(&c);
    return done;
}

/* Until no patch is waiting to be made, or the time is over. */
static int show_when_made(struct api_client *c, const char *path, unsigned long wait_s, json_t **reply)
{
    time_t until = time(NULL) + (time_t)wait_s;
    int done = api_call(c, "GET", path, NULL, reply);
    while (done < 0 &&
           json_integer_value(json_object_get(json_object_get(*reply, "savings"), "waiting")) > 0 &&
           time(NULL) < until) {
        json_decref(*reply);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        done = api_call(c, "GET", path, NULL, reply);
    }
    return done;
}

static int show(struct cli *cli, const char *product, const char *version, unsigned long wait_s)
{
    struct api_client c;
    char *name = NULL;
    json_t *reply = NULL, *r;
    size_t i;
    int done = api_open(&c, cli);
    if (done < 0)
        done = api_product(&c, product, &name);
    if (done < 0) {
        char *path = version != NULL ? api_path("/api/v1/products/%s/releases/%s", name, version)
                                     : api_path("/api/v1/products/%s/releases", name);
        done = show_when_made(&c, path, wait_s, &reply);
        free(path);
    }
    if (done < 0 && (cli->json || version != NULL)) {
        done = answer_release(cli, reply);
    } else if (done < 0) {
        json_array_foreach(json_object_get(reply, "releases"), i, r) print_release(r);
        json_decref(reply);
        done = EXIT_OK;
    }
    free(name);
    api_close(&c);
    return done;
}

int cmd_release_list(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"}, CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    return done >= 0 ? done : show(cli, product, NULL, 0);
}

int cmd_release_show(struct cli *cli, int argc, char **argv)
{
    const char *product = NULL, *wait = NULL, *version;
    unsigned long wait_s = 0;
    const struct cli_option options[] = {
        {"product", CLI_TEXT, &product, "P", "may be left out when there is one"},
        {"wait-s", CLI_TEXT, &wait, "N", "wait until its patches are made, at most so many seconds"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &version, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (wait != NULL && cli_number(wait, 86400, &wait_s) != 0)
        return cli_usage(cli, "--wait-s: a whole number of seconds is wanted");
    return show(cli, product, version, wait_s);
}
