/* otaria image sign: add signature blocks, while there are fewer than three. */
#include "commands.h"

#include "base/file.h"
#include "otaria/image.h"
#include "tools/sign.h"

#include <stdio.h>
#include <stdlib.h>

static int write_signed(struct cli *cli, const char *path, const char *out, struct tools_signer *signers,
                        unsigned count)
{
    uint8_t *bytes = NULL, *result = NULL;
    size_t len = 0, result_len = 0;
    struct error err, why = {""};
    int done = EXIT_OK;
    if (file_read(path, OT_IMAGE_SPACE_MAX, &bytes, &len, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "read", "%s", err.text);
    if (tools_sign_image(bytes, len, signers, count, &result, &result_len, &why) != 0)
        done = cli_fail(cli, EXIT_ERROR, "sign", "%s: %s", path, why.text);
    else if (file_write_atomic(out, result, result_len, 0644, &err) != 0)
        done = cli_fail(cli, EXIT_ERROR, "write", "%s", err.text);
    free(bytes);
    free(result);
    return done;
}

static json_t *keys_json(const struct tools_signer *signers, unsigned count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        ot_digest_to_hex(&signers[i].key, hex);
        json_array_append_new(list, json_string(hex));
    }
    return list;
}

int cmd_image_sign(struct cli *cli, int argc, char **argv)
{
    const char *path, *out = NULL;
    struct cli_list keys = {.count = 0};
    struct tools_signer signers[OT_SIG_BLOCKS_MAX];
    unsigned opened = 0;
    struct error err;
    const struct cli_option options[] = {
        {"key", CLI_LIST, &keys, "KEY", "private PEM file; several sign together"},
        {"out", CLI_TEXT, &out, "OUT", "the signed image"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &path, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (keys.count == 0 || keys.count > OT_SIG_BLOCKS_MAX || out == NULL)
        return cli_usage(cli, "--key (one to three) and --out are needed");
    done = EXIT_OK;
    for (; done == EXIT_OK && opened < keys.count; opened++) {
        if (tools_signer_open(keys.items[opened], &signers[opened], &err) != 0) {
            done = cli_fail(cli, EXIT_ERROR, "key_format", "%s", err.text);
            break;
        }
    }
    if (done == EXIT_OK)
        done = write_signed(cli, path, out, signers, opened);
    if (done == EXIT_OK && cli->json)
        done = cli_print_json(cli, json_pack("{s:s,s:o}", "out", out, "keys", keys_json(signers, opened)));
    else if (done == EXIT_OK)
        printf("signed by %u key%s: %s\n", opened, opened == 1 ? "" : "s", out);
    for (unsigned i = 0; i < opened; i++)
        tools_signer_close(&signers[i]);
    return done;
}
