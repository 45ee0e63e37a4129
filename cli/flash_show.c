/* otaria flash show: table, images, otadata and factory data of a flash file. */
#include "commands.h"

#include "flash_common.h"
#include "otaria/wire.h"
#include "partition_common.h"
#include "tools/signers.h"

#include <stdio.h>

struct slot_view {
    int slot;
    enum ot_status status;
    struct ot_image image;
    struct ot_image_digests digests;
    unsigned signer_count;
    struct signer signers[OT_SIG_BLOCKS_MAX];
};

static void look(const struct flash_layout *l, int slot, struct slot_view *v)
{
    struct flash_part ctx;
    struct ot_source src = flash_part_source(l->flash, ot_slots_partition(&l->slots, slot), &ctx);
    *v = (struct slot_view){.slot = slot};
    v->status = flash_slot_inspect(l, slot, &(struct ot_image_limits){0}, &v->image, &v->digests);
    if (v->status == OT_OK)
        v->signer_count = signers_find(&src, &v->image, &v->digests, v->signers);
}

static json_t *slot_json(const struct slot_view *v)
{
    char name[8], hex[OT_DIGEST_HEX_BYTES];
    const struct ot_chip *chip = ot_chip_by_id(v->image.chip_id);
    json_t *o =
        json_pack("{s:s, s:s}", "slot", ot_slot_name(v->slot, name), "image", ot_status_wire(v->status));
    if (v->status != OT_OK)
        return o;
    ot_digest_to_hex(&v->digests.identity, hex);
    json_object_set_new(o, "digest", json_string(hex));
    json_object_set_new(o, "length", json_integer(v->image.length));
    json_object_set_new(o, "chip", chip != NULL ? json_string(chip->name) : json_null());
    json_object_set_new(o, "project", cli_json_foreign(v->image.app.project));
    json_object_set_new(o, "version", cli_json_foreign(v->image.app.version));
    json_object_set_new(o, "secure_version", json_integer(v->image.app.secure_version));
    json_t *signers = json_array();
    for (unsigned i = 0; i < v->signer_count; i++) {
        ot_digest_to_hex(&v->signers[i].key, hex);
        json_array_append_new(
            signers, json_pack("{s:s, s:s}", "key", hex, "status", ot_status_wire(v->signers[i].status)));
    }
    json_object_set_new(o, "signatures", signers);
    return o;
}

static void print_slot(const struct slot_view *v)
{
    char name[8], hex[OT_DIGEST_HEX_BYTES];
    printf("%s: ", ot_slot_name(v->slot, name));
    if (v->status != OT_OK) {
        printf("%s\n", ot_status_text(v->status));
        return;
    }
    ot_digest_to_hex(&v->digests.identity, hex);
    cli_print_foreign(v->image.app.project);
    putchar(' ');
    cli_print_foreign(v->image.app.version);
    printf(", %u bytes, %s\n", v->image.length, hex);
    for (unsigned i = 0; i < v->signer_count; i++) {
        ot_digest_to_hex(&v->signers[i].key, hex);
        printf("    signature by %s: %s\n", hex, ot_status_text(v->signers[i].status));
    }
}

/* --- factory data --- */

struct factory_view {
    bool present, has_device, has_product, has_hw_rev;
    char device[OT_DEVICE_ID_MAX + 1], product[OT_PRODUCT_MAX + 1];
    uint8_t hw_rev, undescribed;
    uint8_t trust[CLI_LIST_MAX * OT_DIGEST_BYTES];
    size_t trust_bytes;
};

static void read_factory(const struct flash_layout *l, struct factory_view *f)
{
    uint8_t page[NVS_PAGE_BYTES];
    struct ot_partition place;
    static const char ns[] = "otaria";
    *f = (struct factory_view){.undescribed = 1};
    if (flash_factory_place(l->table, l->table_count, &place) != 0 ||
        flash_read(l->flash, place.offset, page, sizeof page) != 0 || !nvs_page_valid(page))
        return;
    f->present = true;
    f->has_device = nvs_page_get_string(page, ns, "device_id", f->device, sizeof f->device) == 0;
    f->has_product = nvs_page_get_string(page, ns, "product", f->product, sizeof f->product) == 0;
    f->has_hw_rev = nvs_page_get_u8(page, ns, "hw_rev", &f->hw_rev) == 0;
    if (nvs_page_get_blob(page, ns, "trust", f->trust, sizeof f->trust, &f->trust_bytes) != 0)
        f->trust_bytes = 0;
    if (nvs_page_get_u8(page, ns, "undescribed", &f->undescribed) != 0)
        f->undescribed = 1;
}

static json_t *factory_json(const struct factory_view *f)
{
    char hex[OT_DIGEST_HEX_BYTES];
    json_t *trust = json_array();
    if (!f->present) {
        json_decref(trust);
        return json_null();
    }
    for (size_t at = 0; at + OT_DIGEST_BYTES <= f->trust_bytes; at += OT_DIGEST_BYTES) {
        flash_hex(f->trust + at, OT_DIGEST_BYTES, hex);
        json_array_append_new(trust, json_string(hex));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:b}", "device_id",
                     f->has_device ? cli_json_foreign(f->device) : json_null(), "product",
                     f->has_product ? cli_json_foreign(f->product) : json_null(), "hw_rev",
                     f->has_hw_rev ? json_integer(f->hw_rev) : json_null(), "trust", trust, "undescribed",
                     f->undescribed == 1);
}

static void print_factory(const struct factory_view *f)
{
    if (!f->present) {
        puts("factory data: none");
        return;
    }
    printf("factory data: device ");
    cli_print_foreign(f->has_device ? f->device : "-");
    printf(", product ");
    cli_print_foreign(f->has_product ? f->product : "-");
    if (f->has_hw_rev)
        printf(", hardware revision %u", f->hw_rev);
    printf(", %zu trusted keys, images without descriptor %s\n", f->trust_bytes / OT_DIGEST_BYTES,
           f->undescribed == 1 ? "taken" : "refused");
}

/* --- all of it --- */

static int show_json(const struct cli *cli, const struct flash_layout *l,
                     uint8_t entries[2][OT_OTADATA_ENTRY_BYTES], const struct factory_view *factory)
{
    struct slot_view v;
    json_t *slots = json_array();
    for (int slot = OT_SLOT_FACTORY; slot <= OT_SLOT_TEST; slot++) {
        if (ot_slots_partition(&l->slots, slot) == NULL)
            continue;
        look(l, slot, &v);
        json_array_append_new(slots, slot_json(&v));
    }
    return cli_print_json(cli, json_pack("{s:I, s:o, s:o, s:[o, o], s:o}", "flash_bytes",
                                         (json_int_t)l->flash->size, "partitions",
                                         partition_table_json(l->table, l->table_count), "slots", slots,
                                         "otadata", flash_entry_json(entries[0]),
                                         flash_entry_json(entries[1]), "factory", factory_json(factory)));
}

static int show_text(const struct flash_layout *l, uint8_t entries[2][OT_OTADATA_ENTRY_BYTES],
                     const struct factory_view *factory)
{
    struct slot_view v;
    char text[100];
    printf("%u MB of flash\n", l->flash->size >> 20);
    partition_print_table(l->table, l->table_count);
    for (int slot = OT_SLOT_FACTORY; slot <= OT_SLOT_TEST; slot++) {
        if (ot_slots_partition(&l->slots, slot) == NULL)
            continue;
        look(l, slot, &v);
        print_slot(&v);
    }
    for (unsigned i = 0; i < 2; i++)
        printf("otadata %u: %s\n", i, flash_entry_text(entries[i], text, sizeof text));
    print_factory(factory);
    return EXIT_OK;
}

int cmd_flash_show(struct cli *cli, int argc, char **argv)
{
    const char *file, *table_offset = NULL;
    struct flash_file flash;
    struct flash_layout layout;
    struct factory_view factory;
    uint8_t entries[2][OT_OTADATA_ENTRY_BYTES];
    const struct cli_option options[] = {
        {"table-offset", CLI_TEXT, &table_offset, "OFFSET", "of the partition table (0x8000)"},
        CLI_OPTIONS_END};
    const struct cli_positional words = {.items = &file, .min = 1, .max = 1};
    int done = cli_parse(cli, argc, argv, options, &words, NULL);
    if (done < 0)
        done = flash_open(cli, file, table_offset, false, &flash, &layout);
    if (done >= 0)
        return done;
    read_factory(&layout, &factory);
    if (flash_read_otadata(&layout, entries) != 0)
        done = cli_fail(cli, EXIT_ERROR, "read", "%s: otadata cannot be read", file);
    else if (cli->json)
        done = show_json(cli, &layout, entries, &factory);
    else
        done = show_text(&layout, entries, &factory);
    flash_file_close(&flash);
    return done;
}
