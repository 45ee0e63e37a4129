/* otaria image info: everything an image says about itself. */
#include "commands.h"

#include "image_common.h"
#include "tools/signers.h"

#include <stdio.h>

static const char *chip_name(uint16_t id)
{
    const struct ot_chip *chip = ot_chip_by_id(id);
    return chip != NULL ? chip->name : "unknown";
}

static const char *scheme_name(enum ot_scheme scheme)
{
    return scheme == OT_SCHEME_RSA3072 ? "rsa3072" : "ecdsa256";
}

static json_t *hw_revs_json(uint64_t bitmap)
{
    json_t *list = json_array();
    for (int r = 0; r < 64; r++) {
        if ((bitmap >> r & 1u) != 0)
            json_array_append_new(list, json_integer(r));
    }
    return list;
}

static json_t *digests_json(const struct ot_digest *list, unsigned count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *out = json_array();
    for (unsigned i = 0; i < count; i++) {
        ot_digest_to_hex(&list[i], hex);
        json_array_append_new(out, json_string(hex));
    }
    return out;
}

static json_t *descriptor_json(const struct ot_descriptor *d)
{
    return json_pack("{s:I,s:I,s:o,s:I,s:o,s:o,s:b}", "release", (json_int_t)d->release, "floor",
                     (json_int_t)d->floor, "hw_revs", hw_revs_json(d->hardware_revisions), "min_slot",
                     (json_int_t)d->min_slot_bytes, "keys", digests_json(d->keys, d->key_count), "revoke",
                     digests_json(d->revoke, d->revoke_count), "drop_old_slot",
                     (int)(d->flags & OT_DESC_FLAG_DROP_OLD_SLOT));
}

static json_t *signers_json(const struct signer *signers, unsigned count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        ot_digest_to_hex(&signers[i].key, hex);
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s}", "key", hex, "scheme", scheme_name(signers[i].scheme),
                                        "status", ot_status_wire(signers[i].status)));
    }
    return list;
}

static json_t *info_json(const struct image_file *f, const struct signer *signers, unsigned count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    const struct ot_image *i = &f->image;
    json_t *segments = json_array();
    for (unsigned s = 0; s < i->segment_count; s++)
        json_array_append_new(segments,
                              json_pack("{s:I,s:I,s:I}", "load_addr", (json_int_t)i->segments[s].load_addr,
                                        "offset", (json_int_t)i->segments[s].offset, "length",
                                        (json_int_t)i->segments[s].length));
    ot_digest_to_hex(&f->digests.identity, hex);
    return json_pack(
        "{s:s,s:s,s:I,s:o,s:o,s:o,s:I,s:o,s:b,s:o,s:o}", "digest", hex, "chip", chip_name(i->chip_id),
        "bytes", (json_int_t)f->len, "project", cli_json_foreign(i->app.project), "version",
        cli_json_foreign(i->app.version), "idf", cli_json_foreign(i->app.idf), "secure_version",
        (json_int_t)i->app.secure_version, "segments", segments, "signed", (int)f->is_signed, "signatures",
        signers_json(signers, count), "descriptor", f->described ? descriptor_json(&f->desc) : json_null());
}

static void print_foreign(const char *label, const char *text)
{
    printf("%-16s", label);
    cli_print_foreign(text);
    printf("\n");
}

static void print_descriptor(const struct ot_descriptor *d)
{
    char hex[OT_DIGEST_HEX_BYTES];
    printf("%-16s%u (floor %u)\n%-16s", "release", d->release, d->floor, "hardware");
    for (int r = 0; r < 64; r++) {
        if ((d->hardware_revisions >> r & 1u) != 0)
            printf("%d ", r);
    }
    printf("\n");
    for (unsigned i = 0; i < d->key_count; i++) {
        ot_digest_to_hex(&d->keys[i], hex);
        printf("%-16s%s\n", "trusts", hex);
    }
    for (unsigned i = 0; i < d->revoke_count; i++) {
        ot_digest_to_hex(&d->revoke[i], hex);
        printf("%-16s%s\n", "revokes", hex);
    }
}

static void print_info(const struct image_file *f, const struct signer *signers, unsigned count)
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&f->digests.identity, hex);
    printf("%-16s%s\n", "digest", hex);
    printf("%-16s%s\n", "chip", chip_name(f->image.chip_id));
    print_foreign("project", f->image.app.project);
    print_foreign("version", f->image.app.version);
    print_foreign("idf", f->image.app.idf);
    printf("%-16s%zu in %u segments\n", "bytes", f->len, f->image.segment_count);
    if (f->described)
        print_descriptor(&f->desc);
    else
        printf("%-16s%s\n", "descriptor", "none (undescribed)");
    if (!f->is_signed)
        printf("%-16s%s\n", "signature", "none");
    for (unsigned i = 0; i < count; i++) {
        ot_digest_to_hex(&signers[i].key, hex);
        printf("%-16s%s %s: %s\n", "signature", scheme_name(signers[i].scheme), hex,
               ot_status_text(signers[i].status));
    }
}

int cmd_image_info(struct cli *cli, int argc, char **argv)
{
    const char *path;
    struct image_file f;
    struct signer signers[OT_SIG_BLOCKS_MAX];
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &path, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = image_file_load(cli, path, &f);
    if (done < 0) {
        unsigned count = f.is_signed ? signers_find(&f.src, &f.image, &f.digests, signers) : 0;
        done = EXIT_OK;
        if (cli->json)
            done = cli_print_json(cli, info_json(&f, signers, count));
        else
            print_info(&f, signers, count);
    }
    image_file_fini(&f);
    return done;
}
