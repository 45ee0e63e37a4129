/* Keys named on the command line, as digests. */
#include "trust_option.h"

#include "tools/key.h"

int cli_load_digests(const struct cli *cli, const struct cli_list *keys, struct ot_digest *out)
{
    for (unsigned i = 0; i < keys->count; i++) {
        enum ot_scheme scheme;
        struct error err;
        if (tools_key_digest_load(keys->items[i], &out[i], &scheme, &err) != 0)
            return cli_fail(cli, EXIT_ERROR, "key_format", "%s", err.text);
    }
    return -1;
}
