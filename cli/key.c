/* otaria key generate, key digest. */
#include "commands.h"

#include "tools/key.h"

#include <stdio.h>

static const char *scheme_name(enum ot_scheme scheme)
{
    return scheme == OT_SCHEME_RSA3072 ? "rsa3072" : scheme == OT_SCHEME_ECDSA256 ? "ecdsa256" : "unknown";
}

int cmd_key_generate(struct cli *cli, int argc, char **argv)
{
    const char *scheme = NULL, *out = NULL;
    char hex[OT_DIGEST_HEX_BYTES];
    struct ot_digest digest;
    struct error err;
    const struct cli_option options[] = {
        {"scheme", CLI_TEXT, &scheme, "SCHEME", "rsa3072 or ecdsa256"},
        {"out", CLI_TEXT, &out, "KEY.pem", "a new file, readable by you alone"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (scheme == NULL || out == NULL)
        return cli_usage(cli, "--scheme and --out are needed");
    if (tools_key_generate(scheme, out, &digest, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "key", "%s", err.text);
    ot_digest_to_hex(&digest, hex);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s,s:s,s:s}", "key", out, "scheme", scheme, "digest", hex));
    printf("%s\n", hex);
    return EXIT_OK;
}

int cmd_key_digest(struct cli *cli, int argc, char **argv)
{
    const char *file;
    char hex[OT_DIGEST_HEX_BYTES];
    struct ot_digest digest;
    enum ot_scheme scheme;
    struct error err;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &file, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (tools_key_digest_load(file, &digest, &scheme, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "key_format", "%s", err.text);
    ot_digest_to_hex(&digest, hex);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s,s:s}", "digest", hex, "scheme", scheme_name(scheme)));
    printf("%s\n", hex);
    return EXIT_OK;
}
