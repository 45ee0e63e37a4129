/* The virtual chip: see chip.h. */
#include "chip.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int load_efuses(struct chip *c, const char *flash_path, struct error *err)
{
    if (c->world->burn != NULL) {
        c->fuses = *c->world->fuses;
        return 0;
    }
    int n = snprintf(c->efuse_path, sizeof c->efuse_path, "%s.efuse", flash_path);
    if (n < 0 || (size_t)n >= sizeof c->efuse_path)
        return error_set(err, "%s: path too long", flash_path);
    if (access(c->efuse_path, F_OK) == 0)
        return efuse_file_load(c->efuse_path, &c->fuses, err);
    if (efuses_random(&c->fuses, err) != 0)
        return -1;
    return efuse_file_save(c->efuse_path, &c->fuses, err);
}

static int journal_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct chip *c = ctx;
    return flash_read(c->flash, c->journal_offset + offset, buf, len);
}

static int journal_program(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    const struct chip *c = ctx;
    return flash_program(c->flash, c->journal_offset + offset, buf, len);
}

static int journal_erase(void *ctx, uint32_t offset)
{
    const struct chip *c = ctx;
    return flash_erase(c->flash, c->journal_offset + offset, JOURNAL_SECTOR_BYTES);
}

static int open_journal(struct chip *c, struct error *err)
{
    struct ot_partition nvs;
    struct journal_flash flash = {
        .ctx = c, .read = journal_read, .program = journal_program, .erase_sector = journal_erase};
    if (ot_table_find_label(c->layout.table, c->layout.table_count, "nvs", &nvs) != OT_OK ||
        nvs.type != OT_PART_DATA || nvs.subtype != OT_DATA_NVS || nvs.size < 3 * FLASH_SECTOR_BYTES)
        return error_set(
            err, "the table has no partition `nvs` of at least 0x3000 bytes: nowhere to keep a journal");
    c->journal_offset = nvs.offset + nvs.size - 2 * JOURNAL_SECTOR_BYTES;
    if (journal_log_open(&c->journal, &flash) != 0)
        return error_set(err, "the journal in `nvs` cannot be read");
    return 0;
}

/* Which chip this is: eFuses say so; a fresh virtual chip is what its first image was built for. */
static int learn_chip(struct chip *c, struct error *err)
{
    struct ot_image image;
    static const int order[] = {OT_SLOT_FACTORY, 0, 1, 2, 3};
    for (unsigned i = 0; !c->fuses.has_chip && i < sizeof order / sizeof order[0]; i++) {
        struct flash_part ctx;
        struct ot_source src;
        struct ot_image_limits any = {0};
        if (chip_slot_source(c, order[i], &ctx, &src) == 0 && ot_image_parse(&src, &any, &image) == OT_OK &&
            ot_chip_by_id(image.chip_id) != NULL) {
            struct efuses known = c->fuses;
            known.has_chip = true;
            known.chip_id = image.chip_id;
            return chip_burn(c, &known) == OT_OK ? 0 : error_set(err, "the eFuses cannot be written");
        }
    }
    return c->fuses.has_chip ? 0 : error_set(err, "no slot holds an ESP app image");
}

int chip_reload_fuses(struct chip *c)
{
    if (c->world->burn == NULL)
        return efuse_file_load(c->efuse_path, &c->fuses, NULL);
    c->fuses = *c->world->fuses;
    return 0;
}

/* eFuses are read back: what is not there was not burned, whatever the answer was. */
enum ot_status chip_burn(struct chip *c, const struct efuses *fuses)
{
    int done = c->world->burn != NULL ? c->world->burn(c->world->ctx, fuses)
                                      : efuse_file_save(c->efuse_path, fuses, NULL);
    if (chip_reload_fuses(c) != 0)
        return OT_E_FLASH_WRITE;
    return done == 0 && efuses_equal(&c->fuses, fuses) ? OT_OK : OT_E_FLASH_WRITE;
}

const struct ot_chip *chip_model(const struct chip *c)
{
    return ot_chip_by_id(c->fuses.chip_id);
}

enum ot_status chip_raise_secure_version(struct chip *c, uint32_t version)
{
    struct efuses raised = c->fuses;
    if (version > chip_model(c)->secure_version_bits)
        return OT_E_RANGE;
    if (version <= c->fuses.secure_version)
        return OT_OK;
    raised.secure_version = version;
    return chip_burn(c, &raised);
}

static int open_flash(struct chip *c, const char *flash_path, struct error *err)
{
    c->flash = c->world->flash;
    if (c->flash != NULL)
        return 0;
    c->flash = &c->file.flash;
    return flash_file_open(&c->file, flash_path, true, err);
}

int chip_open(struct chip *c, const char *flash_path, const struct vdev_world *world, struct error *err)
{
    memset(c, 0, sizeof *c);
    c->file.fd = -1;
    c->world = world;
    if (open_flash(c, flash_path, err) != 0)
        return -1;
    if (flash_layout_read(&c->layout, c->flash, OT_TABLE_OFFSET_DEFAULT, err) == 0 &&
        load_efuses(c, flash_path, err) == 0 && open_journal(c, err) == 0 && learn_chip(c, err) == 0)
        return 0;
    chip_close(c);
    return -1;
}

void chip_close(struct chip *c)
{
    flash_file_close(&c->file);
}

int chip_factory_page(const struct chip *c, uint8_t page[FLASH_SECTOR_BYTES])
{
    struct ot_partition p;
    if (flash_factory_place(c->layout.table, c->layout.table_count, &p) != 0)
        return -1;
    return flash_read(c->flash, p.offset, page, FLASH_SECTOR_BYTES);
}

int chip_read_otadata(const struct chip *c, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    return flash_layout_read_otadata(&c->layout, index, out);
}

int chip_write_otadata(const struct chip *c, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    return flash_layout_write_otadata(&c->layout, index, bytes);
}

int chip_slot_source(const struct chip *c, int slot, struct flash_part *ctx, struct ot_source *out)
{
    const struct ot_partition *p = ot_slots_partition(&c->layout.slots, slot);
    if (p == NULL)
        return -1;
    *out = flash_part_source(c->flash, p, ctx);
    return 0;
}

enum ot_status chip_verify_slot_by(const struct chip *c, const struct efuses *fuses, int slot,
                                   struct ot_image *image)
{
    struct ot_image_digests digests;
    struct efuse_keys keys;
    struct ot_image_limits limits = {.has_chip = fuses->has_chip, .chip_id = fuses->chip_id};
    enum ot_status st = flash_slot_inspect(&c->layout, slot, &limits, image, &digests);
    if (st != OT_OK || !fuses->secure_boot)
        return st;
    struct ot_trust_set burned = efuses_trust(fuses, &keys);
    return flash_slot_judge(&c->layout, slot, image, &digests, &burned);
}

enum ot_status chip_verify_slot(const struct chip *c, int slot, struct ot_image *image)
{
    return chip_verify_slot_by(c, &c->fuses, slot, image);
}

enum ot_status chip_verify_bootloader(const struct chip *c, const struct efuses *fuses)
{
    struct efuse_keys keys;
    uint32_t at = chip_model(c)->bootloader_offset;
    if (!fuses->secure_boot)
        return OT_OK;
    struct ot_trust_set burned = efuses_trust(fuses, &keys);
    enum ot_status st = flash_bootloader_judge(c->flash, at, OT_TABLE_OFFSET_DEFAULT - at, &burned);
    return st == OT_E_NOT_FOUND ? OT_OK : st;
}

/* --- boot step --- */

static enum ot_status boot_read(void *ctx, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    return chip_read_otadata(ctx, index, out) == 0 ? OT_OK : OT_E_READ;
}

static enum ot_status boot_write(void *ctx, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    return chip_write_otadata(ctx, index, bytes) == 0 ? OT_OK : OT_E_FLASH_WRITE;
}

static enum ot_status boot_verify(void *ctx, int slot)
{
    struct ot_image image;
    return chip_verify_slot(ctx, slot, &image);
}

static enum ot_status boot_image_version(void *ctx, int slot, uint32_t *out)
{
    const struct chip *c = ctx;
    return flash_slot_secure_version(&c->layout, slot, out);
}

static uint32_t boot_chip_version(void *ctx)
{
    const struct chip *c = ctx;
    return c->fuses.secure_version;
}

static enum ot_status boot_burn(void *ctx, uint32_t version)
{
    return chip_raise_secure_version(ctx, version);
}

enum ot_status chip_boot(struct chip *c, const struct ot_boot_config *config, struct ot_boot_result *out)
{
    struct ot_boot_port port = {.ctx = c,
                                .read_entry = boot_read,
                                .write_entry = boot_write,
                                .verify = boot_verify,
                                .image_secure_version = boot_image_version,
                                .chip_secure_version = boot_chip_version,
                                .burn_secure_version = boot_burn};
    memset(out, 0, sizeof *out);
    out->slot = out->selected = OT_SLOT_NONE;
    if (chip_verify_bootloader(c, &c->fuses) != OT_OK)
        return OT_E_NO_BOOT; /* the ROM says so, before anything else runs */
    return ot_boot_decide(&c->layout.slots, config, &port, out);
}
