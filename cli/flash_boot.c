/* otaria flash boot: which slot of a flash file boots, and why. Changes the file only with --write. */
#include "commands.h"

#include "flash_common.h"
#include "tools/flash_boot.h"
#include "trust_option.h"

#include <stdio.h>

struct request {
    const char *file, *efuse, *rollback, *anti_rollback, *table_offset;
    struct cli_list trust;
    bool write;
};

static json_t *reasons_json(const struct ot_boot_result *r)
{
    json_t *list = json_array();
    char text[200];
    for (unsigned i = 0; i < r->reason_count; i++) {
        const struct ot_boot_step *s = &r->reasons[i];
        json_t *step = json_pack("{s:s, s:i, s:s}", "reason", ot_boot_reason_name(s->reason), "arg",
                                 (int)s->arg, "text", ot_boot_reason_text(s, text, sizeof text));
        if (s->status != OT_OK)
            json_object_set_new(step, "status", json_string(ot_status_wire(s->status)));
        json_array_append_new(list, step);
    }
    return list;
}

static json_t *slot_json(int slot)
{
    char name[8];
    return slot == OT_SLOT_NONE ? json_null() : json_string(ot_slot_name(slot, name));
}

static json_t *to_json(const struct ot_boot_result *r, const struct efuses *fuses, bool written)
{
    json_t *tried = json_array();
    for (unsigned i = 0; i < r->tried_count; i++)
        json_array_append_new(tried, slot_json(r->tried[i]));
    return json_pack("{s:o, s:o, s:o, s:[o, o], s:o, s:I, s:b}", "slot", slot_json(r->slot), "selected",
                     slot_json(r->selected), "tried", tried, "otadata", flash_entry_json(r->otadata[0]),
                     flash_entry_json(r->otadata[1]), "reasons", reasons_json(r), "secure_version",
                     (json_int_t)fuses->secure_version, "written", written);
}

static void print(const struct ot_boot_result *r, bool written)
{
    char name[8], text[200];
    for (unsigned i = 0; i < r->reason_count; i++)
        printf("%2u. %s\n", i + 1, ot_boot_reason_text(&r->reasons[i], text, sizeof text));
    for (unsigned i = 0; i < 2; i++)
        printf("otadata %u: %s\n", i, flash_entry_text(r->otadata[i], text, sizeof text));
    printf("boots: %s%s\n", ot_slot_name(r->slot, name), written ? "" : " (nothing was written)");
}

static int parse(struct cli *cli, int argc, char **argv, struct request *q, struct ot_boot_config *config)
{
    const struct cli_option options[] = {
        {"efuse", CLI_TEXT, &q->efuse, "FILE",
         "the chip's eFuses: chip, Secure Boot keys, anti-rollback version"},
        {"rollback", CLI_TEXT, &q->rollback, "on|off", "bootloader built with rollback (on)"},
        {"anti-rollback", CLI_TEXT, &q->anti_rollback, "on|off", "bootloader built with anti-rollback (off)"},
        {"trust", CLI_LIST, &q->trust, "KEY", "demand a signature by one of these keys (PEM or hex digest)"},
        {"table-offset", CLI_TEXT, &q->table_offset, "OFFSET", "of the partition table (0x8000)"},
        {"write", CLI_FLAG, &q->write, NULL, "write what the bootloader writes into the file"},
        CLI_OPTIONS_END};
    const struct cli_positional words = {.items = &q->file, .min = 1, .max = 1};
    *config = (struct ot_boot_config){.rollback = true};
    int done = cli_parse(cli, argc, argv, options, &words, NULL);
    if (done >= 0)
        return done;
    if (q->rollback != NULL && cli_on_off(q->rollback, &config->rollback) != 0)
        return cli_usage(cli, "--rollback %s: on or off", q->rollback);
    if (q->anti_rollback != NULL && cli_on_off(q->anti_rollback, &config->anti_rollback) != 0)
        return cli_usage(cli, "--anti-rollback %s: on or off", q->anti_rollback);
    return -1;
}

static int boot(const struct cli *cli, const struct request *q, struct flash_boot_options *options)
{
    struct flash_file flash;
    struct flash_layout layout;
    struct ot_boot_result result;
    int done = flash_open(cli, q->file, q->table_offset, q->write, &flash, &layout);
    if (done >= 0)
        return done;
    /* That nothing boots is an answer, not a failure: `slot` is null then. */
    (void)!flash_boot(&layout, options, &result);
    flash_file_close(&flash);
    for (unsigned i = 0; i < result.reason_count; i++) {
        if (result.reasons[i].status == OT_E_FLASH_WRITE)
            return cli_fail(cli, EXIT_ERROR, "flash_write", "%s: %s", q->file,
                            ot_status_text(OT_E_FLASH_WRITE));
    }
    if (cli->json)
        return cli_print_json(cli, to_json(&result, options->fuses, q->write));
    print(&result, q->write);
    return EXIT_OK;
}

int cmd_flash_boot(struct cli *cli, int argc, char **argv)
{
    struct request q = {0};
    struct efuses fuses = {0};
    struct error err = {0};
    struct ot_digest keys[CLI_LIST_MAX];
    struct flash_boot_options options = {.fuses = &fuses};
    int done = parse(cli, argc, argv, &q, &options.config);
    if (done < 0)
        done = cli_load_digests(cli, &q.trust, keys);
    if (done >= 0)
        return done;
    struct ot_trust_set trust = {.keys = keys, .key_count = q.trust.count};
    options.trust = q.trust.count > 0 ? &trust : NULL;
    options.efuse_path = q.efuse;
    options.write = q.write;
    if (q.efuse != NULL && efuse_file_load(q.efuse, &fuses, &err) != 0)
        return cli_fail(cli, EXIT_ERROR, "efuse", "%s", err.text);
    return boot(cli, &q, &options);
}
