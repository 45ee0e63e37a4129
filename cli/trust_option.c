/* Keys named on the command line, as digests. */
#include "trust_option.h"

#include <string.h>

int cli_load_digests(const struct cli *cli, const struct cli_list *keys, struct ot_digest *out)
{
    for (unsigned i = 0; i < keys->count; i++) {
        const char *key = keys->items[i];
        if (ot_digest_from_hex(key, strlen(key), &out[i]) != OT_OK)
            return cli_fail(cli, EXIT_ERROR, "key_format", "%s: %s", key, ot_status_text(OT_E_KEY_FORMAT));
    }
    return -1;
}
