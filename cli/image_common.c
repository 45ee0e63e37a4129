/* Image files for the image commands. */
#include "image_common.h"

#include "base/crypto_openssl.h"
#include "base/file.h"
#include "trust_option.h"

#include <stdlib.h>
#include <string.h>

int image_file_load(const struct cli *cli, const char *path, struct image_file *f)
{
    uint8_t scratch[4096];
    struct error err;
    struct ot_image_limits limits = {0};
    memset(f, 0, sizeof *f);
    if (file_read(path, OT_IMAGE_SPACE_MAX, &f->bytes, &f->len, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "read", "%s", err.text);
    f->memory = (struct ot_memory){.bytes = f->bytes, .size = (uint32_t)f->len};
    f->src = ot_source_from_memory(&f->memory);
    enum ot_status st = ot_image_parse(&f->src, &limits, &f->image);
    if (st == OT_OK)
        st = ot_image_file_shape(&f->src, &f->image, &f->is_signed);
    if (st == OT_OK)
        st = ot_image_hash(&f->src, &f->image, crypto_openssl(), scratch, sizeof scratch, &f->digests);
    if (st != OT_OK)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: %s", path, ot_status_text(st));
    st = ot_descriptor_read(&f->src, &f->desc);
    f->described = st == OT_OK;
    if (st != OT_OK && st != OT_E_DESC_MISSING)
        return cli_fail(cli, EXIT_ERROR, ot_status_wire(st), "%s: %s", path, ot_status_text(st));
    return -1;
}

void image_file_fini(struct image_file *f)
{
    free(f->bytes);
    f->bytes = NULL;
}

int image_hw_revs(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *p = text;; p++) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (end == p || n > 63 || (*end != ',' && *end != '\0'))
            return -1;
        *out |= (uint64_t)1 << n;
        if (*end == '\0')
            return 0;
        p = end;
    }
}

int descriptor_from_options(const struct cli *cli, const struct descriptor_options *o,
                            struct ot_descriptor *d)
{
    unsigned long n = 0;
    struct ot_digest digests[CLI_LIST_MAX];
    memset(d, 0, sizeof *d);
    if (o->release == NULL || cli_number(o->release, UINT32_MAX, &n) != 0 || n == 0)
        return cli_usage(cli, "--release: a whole number above 0 is needed");
    d->release = (uint32_t)n;
    if (o->floor != NULL && cli_number(o->floor, d->release, &n) != 0)
        return cli_usage(cli, "--floor: a whole number, at most the release");
    d->floor = o->floor != NULL ? (uint32_t)n : 0;
    if (o->min_slot != NULL && cli_number(o->min_slot, OT_IMAGE_SPACE_MAX, &n) != 0)
        return cli_usage(cli, "--min-slot: a number of bytes");
    d->min_slot_bytes = o->min_slot != NULL ? (uint32_t)n : 0;
    if (o->hw_revs == NULL || image_hw_revs(o->hw_revs, &d->hardware_revisions) != 0)
        return cli_usage(cli, "--hw-rev: a list of revisions from 0 to 63, as 0,1,2");
    d->flags = o->drop_old_slot ? OT_DESC_FLAG_DROP_OLD_SLOT : 0;
    if (o->keys.count > OT_DESC_KEYS_MAX || o->revoke.count > OT_DESC_KEYS_MAX)
        return cli_usage(cli, "at most %u keys each", OT_DESC_KEYS_MAX);
    int done = cli_load_digests(cli, &o->keys, digests);
    if (done >= 0)
        return done;
    memcpy(d->keys, digests, o->keys.count * sizeof digests[0]);
    d->key_count = (uint8_t)o->keys.count;
    done = cli_load_digests(cli, &o->revoke, digests);
    if (done >= 0)
        return done;
    memcpy(d->revoke, digests, o->revoke.count * sizeof digests[0]);
    d->revoke_count = (uint8_t)o->revoke.count;
    return -1;
}
