/* otaria partition check: can Otaria update a device with this table, and with how much room? */
#include "commands.h"

#include "base/flash_layout.h"
#include "partition_common.h"

#include <stdio.h>

#define PAGE 0x10000u

struct check {
    struct ot_table_judgement found;
    enum ot_status verdict;
    uint32_t largest_image; /* signed: rounded down to a 64 KiB page, less the signature sector */
    uint32_t free_bytes;    /* behind the last partition */
};

static uint32_t last_end(const struct partition_source *s)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct ot_partition p = ot_table_entry(s->table, i);
        end = p.offset + p.size > end ? p.offset + p.size : end;
    }
    return end;
}

static struct check judge(const struct partition_source *s)
{
    struct check c = {0};
    c.verdict = ot_table_judge(s->table, s->count, &c.found);
    if (c.found.slot_bytes > OT_SIG_SECTOR_BYTES)
        c.largest_image = (c.found.slot_bytes - OT_SIG_SECTOR_BYTES) / PAGE * PAGE;
    if (s->rules.flash_bytes > last_end(s))
        c.free_bytes = s->rules.flash_bytes - last_end(s);
    return c;
}

static json_t *to_json(const struct check *c, bool flash_known)
{
    json_t *root =
        json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:I, s:I}", "ok", c->verdict == OT_OK, "slots",
                  c->found.slots_ok, "otadata", c->found.otadata_ok, "factory_nvs", c->found.factory_nvs,
                  "no_overlap", c->found.no_overlap, "no_factory_app", c->found.no_factory_app, "slot_bytes",
                  (json_int_t)c->found.slot_bytes, "largest_signed_image", (json_int_t)c->largest_image);
    if (flash_known)
        json_object_set_new(root, "unallocated", json_integer((json_int_t)c->free_bytes));
    return root;
}

static void line(bool good, const char *otherwise, const char *text)
{
    printf("%-4s %s\n", good ? "ok" : otherwise, text);
}

static void print(const struct check *c, bool flash_known)
{
    line(c->found.no_overlap, "BAD", "no two partitions overlap");
    line(c->found.slots_ok, "BAD", "at least two OTA slots, contiguous from ota_0, equal in size");
    line(c->found.otadata_ok, "BAD", "otadata of 0x2000 bytes");
    line(c->found.factory_nvs, "note", "factory data has an NVS partition `fctry` of its own");
    line(c->found.no_factory_app, "note", "no factory app takes room from the slots");
    printf("room slots of 0x%x bytes: signed images up to 0x%x", c->found.slot_bytes, c->largest_image);
    if (flash_known)
        printf("; 0x%x bytes of flash unallocated", c->free_bytes);
    putchar('\n');
}

int cmd_partition_check(struct cli *cli, int argc, char **argv)
{
    const char *file;
    struct partition_source source = {0};
    int done = partition_source_from_words(cli, argc, argv, &file, &source);
    if (done >= 0)
        return done;
    struct check c = judge(&source);
    bool flash_known = source.rules.flash_bytes != 0;
    if (c.verdict != OT_OK && cli->json) {
        json_t *root = to_json(&c, flash_known);
        json_object_set_new(
            root, "error",
            json_pack("{s:s, s:s}", "code", ot_status_wire(c.verdict), "message", ot_status_text(c.verdict)));
        (void)cli_print_json(cli, root);
        cli->json = false; /* the answer is out; what follows is for standard error */
    } else if (cli->json) {
        return cli_print_json(cli, to_json(&c, flash_known));
    } else {
        print(&c, flash_known);
    }
    if (c.verdict == OT_OK)
        return EXIT_OK;
    return cli_fail(cli, EXIT_ERROR, ot_status_wire(c.verdict), "%s: %s", file, ot_status_text(c.verdict));
}
