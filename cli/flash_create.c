/* otaria flash create: the whole flash of a virtual ESP32 as one sparse file. */
#include "commands.h"

#include "base/crypto_openssl.h"
#include "base/file.h"
#include "base/flash_layout.h"
#include "partition_common.h"
#include "tools/flash_image.h"
#include "tools/signers.h"
#include "trust_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT    OT_IMAGE_SPACE_MAX
#define SCRATCH_BYTES 4096u

struct request {
    const char *table, *bootloader, *chip, *otadata, *out, *device_id, *hw_rev, *product, *undescribed;
    struct cli_list slots, trust;
    struct partition_source source;
};

struct work {
    const struct cli *cli;
    const struct request *q;
    struct flash_image_spec spec;
    uint8_t *files[FLASH_SLOTS_MAX + 1]; /* owned; freed at the end */
    unsigned file_count;
    struct signer_list {
        unsigned count;
        struct ot_digest keys[OT_WIRE_KEYS_MAX];
    } signers;
    enum ot_status image_status[FLASH_SLOTS_MAX];
};

static int parse(struct cli *cli, int argc, char **argv, struct request *q)
{
    const struct cli_option options[] = {
        {"table", CLI_TEXT, &q->table, "CSV|BIN", "partition table"},
        {"flash-size", CLI_TEXT, &q->source.flash_size, "SIZE", "1MB to 128MB"},
        {"table-offset", CLI_TEXT, &q->source.table_offset, "OFFSET", "of the partition table (0x8000)"},
        {"bootloader", CLI_TEXT, &q->bootloader, "BIN", "second-stage bootloader"},
        {"chip", CLI_TEXT, &q->chip, "CHIP",
         "esp32c3 ...: where the bootloader goes (default: what it was made for)"},
        {"slot", CLI_LIST, &q->slots, "SLOT=IMG", "an image into a slot: ota_0=app.bin"},
        {"otadata", CLI_TEXT, &q->otadata, "SPEC",
         "two entries, seq:state or -; ! before one breaks its CRC"},
        {"device-id", CLI_TEXT, &q->device_id, "ID", "factory data: the device's name"},
        {"hw-rev", CLI_TEXT, &q->hw_rev, "N", "factory data: hardware revision, 0 to 63"},
        {"product", CLI_TEXT, &q->product, "NAME", "factory data: product"},
        {"trust", CLI_LIST, &q->trust, "KEY",
         "factory data: trusted keys (default: those that signed the images)"},
        {"undescribed", CLI_TEXT, &q->undescribed, "on|off",
         "factory data: take images without descriptor (on)"},
        {"out", CLI_TEXT, &q->out, "FLASH", "the flash file"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, NULL, NULL);
    if (done >= 0)
        return done;
    if (q->table == NULL || q->source.flash_size == NULL || q->out == NULL || q->slots.count == 0)
        return cli_usage(cli, "--table, --flash-size, --slot and --out are needed");
    return -1;
}

static int fail(const struct work *w, const struct error *err)
{
    return cli_fail(w->cli, EXIT_ERROR, "flash_create", "%s", err->text);
}

static int load(struct work *w, const char *path, uint8_t **bytes, size_t *len)
{
    struct error err = {0};
    if (file_read(path, FILE_LIMIT, bytes, len, &err) != 0)
        return fail(w, &err);
    w->files[w->file_count++] = *bytes;
    return -1;
}

static void remember_signer(struct work *w, const struct ot_digest *key)
{
    for (unsigned i = 0; i < w->signers.count; i++) {
        if (ot_digest_equal(&w->signers.keys[i], key))
            return;
    }
    if (w->signers.count < OT_WIRE_KEYS_MAX)
        w->signers.keys[w->signers.count++] = *key;
}

/* A slot may hold anything: a broken image is what some tests want. Its state is only told. */
static enum ot_status look_at_image(struct work *w, const uint8_t *bytes, size_t len)
{
    struct ot_memory memory = {.bytes = bytes, .size = (uint32_t)len};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image image;
    struct ot_image_digests digests;
    struct signer signers[OT_SIG_BLOCKS_MAX];
    uint8_t scratch[SCRATCH_BYTES];
    enum ot_status st = ot_image_parse(&src, &(struct ot_image_limits){0}, &image);
    if (st == OT_OK)
        st = ot_image_hash(&src, &image, crypto_openssl(), scratch, sizeof scratch, &digests);
    if (st != OT_OK)
        return st;
    unsigned count = signers_find(&src, &image, &digests, signers);
    for (unsigned i = 0; i < count; i++) {
        if (signers[i].status == OT_OK)
            remember_signer(w, &signers[i].key);
    }
    return OT_OK;
}

static int add_slot(struct work *w, const char *text)
{
    char slot[32];
    struct error err = {0};
    uint8_t *bytes;
    size_t len;
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0' || (size_t)(equals - text) >= sizeof slot)
        return cli_usage(w->cli, "--slot %s: SLOT=IMG, such as ota_0=app.bin", text);
    memcpy(slot, text, (size_t)(equals - text));
    slot[equals - text] = '\0';
    if (w->spec.slot_count == FLASH_SLOTS_MAX)
        return cli_usage(w->cli, "more slots than a table can have");
    int done = load(w, equals + 1, &bytes, &len);
    if (done >= 0)
        return done;
    if (flash_image_add_slot(&w->spec, slot, bytes, len, &err) != 0)
        return cli_fail(w->cli, EXIT_ERROR, "slot", "%s: %s", equals + 1, err.text);
    w->image_status[w->spec.slot_count - 1] = look_at_image(w, bytes, len);
    return -1;
}

static int add_bootloader(struct work *w)
{
    uint8_t *bytes;
    size_t len;
    if (w->q->chip != NULL && (w->spec.chip = ot_chip_by_name(w->q->chip)) == NULL)
        return cli_usage(w->cli, "--chip %s: unknown; esp32, esp32c3, esp32s3 ...", w->q->chip);
    if (w->q->bootloader == NULL)
        return -1;
    int done = load(w, w->q->bootloader, &bytes, &len);
    if (done >= 0)
        return done;
    w->spec.bootloader = bytes;
    w->spec.bootloader_len = len;
    if (w->spec.chip == NULL && len >= OT_IMAGE_HEADER_BYTES)
        w->spec.chip = ot_chip_by_id((uint16_t)(bytes[12] + 256u * bytes[13]));
    if (w->spec.chip == NULL)
        return cli_fail(w->cli, EXIT_ERROR, "bootloader", "%s: names no known chip; say which with --chip",
                        w->q->bootloader);
    return -1;
}

static int add_trust(struct work *w)
{
    struct flash_factory *f = &w->spec.factory;
    struct ot_digest keys[CLI_LIST_MAX];
    struct ot_partition place;
    int done = cli_load_digests(w->cli, &w->q->trust, keys);
    if (done >= 0)
        return done;
    if (w->q->trust.count > OT_WIRE_KEYS_MAX)
        return cli_usage(w->cli, "--trust: a device holds at most %u keys", OT_WIRE_KEYS_MAX);
    if (w->q->trust.count > 0) {
        f->trust_count = w->q->trust.count;
        memcpy(f->trust, keys, f->trust_count * sizeof keys[0]);
    } else if (flash_factory_place(w->spec.table, w->spec.table_count, &place) == 0) {
        f->trust_count = w->signers.count;
        memcpy(f->trust, w->signers.keys, sizeof w->signers.keys);
    }
    return -1;
}

static int add_factory(struct work *w)
{
    struct flash_factory *f = &w->spec.factory;
    unsigned long n = 0;
    bool takes_undescribed = true;
    f->device_id = w->q->device_id;
    f->product = w->q->product;
    if (w->q->hw_rev != NULL && cli_number(w->q->hw_rev, 63, &n) != 0)
        return cli_usage(w->cli, "--hw-rev %s: 0 to 63", w->q->hw_rev);
    f->has_hw_rev = w->q->hw_rev != NULL;
    f->hw_rev = (uint8_t)n;
    if (w->q->undescribed != NULL && cli_on_off(w->q->undescribed, &takes_undescribed) != 0)
        return cli_usage(w->cli, "--undescribed %s: on or off", w->q->undescribed);
    f->refuses_undescribed = !takes_undescribed;
    return add_trust(w);
}

static int add_all(struct work *w)
{
    struct error err = {0};
    int done = -1;
    for (unsigned i = 0; done < 0 && i < w->q->slots.count; i++)
        done = add_slot(w, w->q->slots.items[i]);
    if (done < 0)
        done = add_bootloader(w);
    if (done < 0)
        done = add_factory(w);
    if (done < 0 && w->q->otadata != NULL) {
        w->spec.has_otadata = true;
        if (flash_otadata_spec(w->q->otadata, w->spec.otadata, &err) != 0)
            return cli_usage(w->cli, "%s", err.text);
    }
    return done;
}

static json_t *to_json(const struct work *w)
{
    char name[8], hex[OT_DIGEST_HEX_BYTES];
    json_t *slots = json_array(), *trust = json_array();
    for (unsigned i = 0; i < w->spec.slot_count; i++)
        json_array_append_new(
            slots, json_pack("{s:s, s:I, s:s}", "slot", ot_slot_name(w->spec.slots[i].slot, name), "bytes",
                             (json_int_t)w->spec.slots[i].len, "image", ot_status_wire(w->image_status[i])));
    for (unsigned i = 0; i < w->spec.factory.trust_count; i++) {
        ot_digest_to_hex(&w->spec.factory.trust[i], hex);
        json_array_append_new(trust, json_string(hex));
    }
    return json_pack("{s:o, s:I, s:o, s:o}", "out", cli_json_foreign(w->q->out), "flash_bytes",
                     (json_int_t)w->spec.flash_bytes, "slots", slots, "trust", trust);
}

static int answer(const struct work *w)
{
    char name[8];
    if (w->cli->json)
        return cli_print_json(w->cli, to_json(w));
    for (unsigned i = 0; i < w->spec.slot_count; i++)
        printf("%s: %zu bytes%s%s\n", ot_slot_name(w->spec.slots[i].slot, name), w->spec.slots[i].len,
               w->image_status[i] == OT_OK ? "" : "; note: ",
               w->image_status[i] == OT_OK ? "" : ot_status_text(w->image_status[i]));
    printf("factory data: %u trusted keys\n", w->spec.factory.trust_count);
    printf("%u MB of flash written to ", w->spec.flash_bytes >> 20);
    cli_print_foreign(w->q->out);
    putchar('\n');
    return EXIT_OK;
}

int cmd_flash_create(struct cli *cli, int argc, char **argv)
{
    struct request q = {0};
    struct work w = {.cli = cli, .q = &q};
    struct error err = {0};
    int done = parse(cli, argc, argv, &q);
    if (done < 0)
        done = partition_source_load(cli, q.table, &q.source);
    if (done >= 0)
        return done;
    w.spec.flash_bytes = q.source.rules.flash_bytes;
    w.spec.table_offset = q.source.rules.table_offset;
    w.spec.table = q.source.table;
    w.spec.table_count = q.source.count;
    done = add_all(&w);
    if (done < 0)
        done = flash_image_create(q.out, &w.spec, &err) == 0 ? answer(&w) : fail(&w, &err);
    for (unsigned i = 0; i < w.file_count; i++)
        free(w.files[i]);
    return done;
}
