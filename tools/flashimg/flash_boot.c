/* The boot port over a flash file. */
#include "tools/flash_boot.h"

struct boot {
    const struct flash_layout *layout;
    const struct flash_boot_options *options;
};

static enum ot_status read_entry(void *ctx, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    const struct boot *b = ctx;
    return flash_layout_read_otadata(b->layout, index, out) == 0 ? OT_OK : OT_E_READ;
}

static enum ot_status write_entry(void *ctx, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    const struct boot *b = ctx;
    if (!b->options->write)
        return OT_OK;
    return flash_layout_write_otadata(b->layout, index, bytes) == 0 ? OT_OK : OT_E_FLASH_WRITE;
}

static enum ot_status judge(const struct boot *b, int slot, const struct ot_image *image,
                            const struct ot_image_digests *digests)
{
    const struct efuses *fuses = b->options->fuses;
    struct efuse_keys keys;
    enum ot_status st = OT_OK;
    if (fuses != NULL && fuses->secure_boot) {
        struct ot_trust_set burned = efuses_trust(fuses, &keys);
        st = flash_slot_judge(b->layout, slot, image, digests, &burned);
    }
    if (st == OT_OK && b->options->trust != NULL)
        st = flash_slot_judge(b->layout, slot, image, digests, b->options->trust);
    return st;
}

static enum ot_status verify(void *ctx, int slot)
{
    const struct boot *b = ctx;
    const struct efuses *fuses = b->options->fuses;
    struct ot_image image;
    struct ot_image_digests digests;
    struct ot_image_limits limits = {0};
    if (fuses != NULL && fuses->has_chip) {
        limits.has_chip = true;
        limits.chip_id = fuses->chip_id;
    }
    enum ot_status st = flash_slot_inspect(b->layout, slot, &limits, &image, &digests);
    return st == OT_OK ? judge(b, slot, &image, &digests) : st;
}

static enum ot_status image_secure_version(void *ctx, int slot, uint32_t *out)
{
    const struct boot *b = ctx;
    return flash_slot_secure_version(b->layout, slot, out);
}

static uint32_t chip_secure_version(void *ctx)
{
    const struct boot *b = ctx;
    return b->options->fuses != NULL ? b->options->fuses->secure_version : 0;
}

static enum ot_status burn_secure_version(void *ctx, uint32_t version)
{
    const struct boot *b = ctx;
    struct efuses *fuses = b->options->fuses;
    const struct ot_chip *chip = fuses != NULL && fuses->has_chip ? ot_chip_by_id(fuses->chip_id) : NULL;
    if (fuses == NULL)
        return OT_OK;
    if (version > (chip != NULL ? chip->secure_version_bits : 32u))
        return OT_E_RANGE; /* the counter has no more bits */
    fuses->secure_version = version;
    if (!b->options->write || b->options->efuse_path == NULL)
        return OT_OK;
    return efuse_file_save(b->options->efuse_path, fuses, NULL) == 0 ? OT_OK : OT_E_FLASH_WRITE;
}

enum ot_status flash_boot_verify(const struct flash_layout *layout, const struct flash_boot_options *options,
                                 int slot)
{
    struct boot b = {.layout = layout, .options = options};
    return verify(&b, slot);
}

enum ot_status flash_boot(const struct flash_layout *layout, const struct flash_boot_options *options,
                          struct ot_boot_result *out)
{
    struct boot b = {.layout = layout, .options = options};
    const struct ot_boot_port port = {.ctx = &b,
                                      .read_entry = read_entry,
                                      .write_entry = write_entry,
                                      .verify = verify,
                                      .image_secure_version = image_secure_version,
                                      .chip_secure_version = chip_secure_version,
                                      .burn_secure_version = burn_secure_version};
    return ot_boot_decide(&layout->slots, &options->config, &port, out);
}
