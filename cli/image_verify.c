/* otaria image verify: would a device that trusts these keys run this image? */
#include "commands.h"

#include "base/crypto_openssl.h"
#include "image_common.h"
#include "otaria/trust.h"
#include "trust_option.h"

#include <stdio.h>

static int report(struct cli *cli, const char *path, const struct image_file *f, const struct ot_verdict *v)
{
    char image[OT_DIGEST_HEX_BYTES], key[OT_DIGEST_HEX_BYTES];
    if (!ot_verdict_accepts(v, &f->digests.identity))
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(v->reason), "%s: refused: %s", path,
                        ot_status_text(v->reason));
    ot_digest_to_hex(&f->digests.identity, image);
    ot_digest_to_hex(&v->key, key);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:b,s:s,s:s,s:i}", "accepted", 1, "digest", image, "key", key,
                                             "block", (int)v->block));
    printf("accepted: %s\nby key:   %s (signature block %u)\n", image, key, v->block);
    return EXIT_OK;
}

int cmd_image_verify(struct cli *cli, int argc, char **argv)
{
    const char *path;
    struct cli_list trust = {.count = 0}, revoked = {.count = 0};
    struct ot_digest keys[CLI_LIST_MAX], retired[CLI_LIST_MAX];
    struct image_file f;
    const struct cli_option options[] = {
        {"trust", CLI_LIST, &trust, "KEY", "private PEM, public PEM or digest"},
        {"revoked", CLI_LIST, &revoked, "DIGEST", "a key that is not believed any more"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &path, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (trust.count == 0)
        return cli_usage(cli, "--trust KEY is needed");
    done = cli_load_digests(cli, &trust, keys);
    if (done < 0)
        done = cli_load_digests(cli, &revoked, retired);
    if (done >= 0)
        return done;
    done = image_file_load(cli, path, &f);
    if (done < 0) {
        uint8_t scratch[OT_SIG_BLOCK_BYTES];
        struct ot_verdict verdict = {0};
        struct ot_trust_set set = {
            .keys = keys, .key_count = trust.count, .revoked = retired, .revoked_count = revoked.count};
        ot_trust_judge(&f.src, &f.image, &f.digests, &set, crypto_openssl(), scratch, sizeof scratch,
                       &verdict);
        done = report(cli, path, &f, &verdict);
    }
    image_file_fini(&f);
    return done;
}
