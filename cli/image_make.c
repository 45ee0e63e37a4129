/* otaria image make, image describe: placeholder images, and the post-build step for real ones. */
#include "commands.h"

#include "base/file.h"
#include "image_common.h"
#include "tools/image_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_image(struct cli *cli, const char *out, const uint8_t *bytes, size_t len)
{
    struct error err;
    if (file_write_atomic(out, bytes, len, 0644, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "write", "%s", err.text);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s,s:I}", "out", out, "bytes", (json_int_t)len));
    printf("%s: %zu bytes\n", out, len);
    return EXIT_OK;
}

#define DESCRIPTOR_OPTIONS(d)                                                                                \
    {"release", CLI_TEXT, &(d).release, "N", "number, rising per product"},                                  \
        {"floor", CLI_TEXT, &(d).floor, "N", "once confirmed, refuse releases below it (0)"},                \
        {"hw-rev", CLI_TEXT, &(d).hw_revs, "N,N...", "hardware revisions it fits"},                          \
        {"min-slot", CLI_TEXT, &(d).min_slot, "BYTES", "smallest slot it accepts (0)"},                      \
        {"trust-key", CLI_LIST, &(d).keys, "KEY", "keys the image makes devices trust from now on"},         \
        {"revoke", CLI_LIST, &(d).revoke, "KEY", "keys it retires once it has confirmed itself"},            \
    {                                                                                                        \
        "drop-old-slot", CLI_FLAG, &(d).drop_old_slot, NULL, "give the old slot up for a revocation"         \
    }

int cmd_image_make(struct cli *cli, int argc, char **argv)
{
    const char *chip = NULL, *project = NULL, *version = NULL, *size = "262144", *secure_version = "0",
               *out = NULL;
    bool undescribed = false;
    struct descriptor_options d = {.release = NULL};
    struct tools_image_spec what = {.described = true};
    unsigned long n = 0;
    uint8_t *image = NULL;
    size_t len = 0;
    struct error err;
    const struct cli_option options[] = {
        {"chip", CLI_TEXT, &chip, "CHIP", "esp32, esp32s3, esp32c3 ..."},
        {"project", CLI_TEXT, &project, "NAME", "the product"},
        {"version", CLI_TEXT, &version, "V", "version text"},
        {"size", CLI_TEXT, &size, "BYTES", "about this long (262144)"},
        {"secure-version", CLI_TEXT, &secure_version, "N", "anti-rollback (0)"},
        {"undescribed", CLI_FLAG, &undescribed, NULL, "without Otaria's descriptor"},
        {"out", CLI_TEXT, &out, "FILE", "the image"},
        DESCRIPTOR_OPTIONS(d),
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (chip == NULL || project == NULL || version == NULL || out == NULL)
        return cli_usage(cli, "--chip, --project, --version and --out are needed");
    what.chip = ot_chip_by_name(chip);
    if (what.chip == NULL)
        return cli_usage(cli, "--chip %.20s is not known", chip);
    what.project = project;
    what.version = version;
    what.described = !undescribed;
    if (what.described && (done = descriptor_from_options(cli, &d, &what.desc)) >= 0)
        return done;
    if (cli_number(size, OT_IMAGE_SPACE_MAX, &n) != 0)
        return cli_usage(cli, "--size: a number of bytes");
    what.size = (uint32_t)n;
    if (cli_number(secure_version, 32, &n) != 0)
        return cli_usage(cli, "--secure-version: from 0 to 32");
    what.secure_version = (uint32_t)n;
    if (tools_image_make(&what, &image, &len, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "image", "%s", err.text);
    done = write_image(cli, out, image, len);
    free(image);
    return done;
}

int cmd_image_describe(struct cli *cli, int argc, char **argv)
{
    const char *path, *out = NULL;
    struct descriptor_options d = {.release = NULL};
    struct ot_descriptor desc;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct error err;
    const struct cli_option options[] = {
        {"out", CLI_TEXT, &out, "OUT", "the described image"}, DESCRIPTOR_OPTIONS(d), CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &path, .min = 1, .max = 1}, NULL);
    if (done < 0)
        done = descriptor_from_options(cli, &d, &desc);
    if (done >= 0)
        return done;
    if (out == NULL)
        return cli_usage(cli, "--out is needed");
    if (file_read(path, OT_IMAGE_SPACE_MAX, &bytes, &len, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "read", "%s", err.text);
    if (tools_image_describe(bytes, len, &desc, &err) != 0)
        done = cli_fail(cli, EXIT_ERROR, "describe", "%s: %s", path, err.text);
    else
        done = write_image(cli, out, bytes, len);
    free(bytes);
    return done;
}
