/**
 * The virtual chip: flash file, partition table, eFuses, journal area. What boot step and port stand on. Private.
 */
#ifndef LINUX_CHIP_H
#define LINUX_CHIP_H

#include "base/efuse_file.h"
#include "base/flash_file.h"
#include "base/flash_layout.h"
#include "journal_log.h"
#include "otaria/boot.h"
#include "otaria/image.h"
#include "vdev/world.h"

#include <limits.h>

struct chip {
    const struct flash *flash; /* `file`'s, or the world's */
    const struct vdev_world *world;
    struct flash_file file;
    char efuse_path[PATH_MAX];
    struct efuses fuses;
    struct flash_layout layout;
    uint32_t journal_offset; /* last two sectors of the partition `nvs` */
    struct journal_log journal;
};

/**
 * Open flash and eFuses (FLASH.efuse, made with a random MAC on first use; or those of `world`), parse the table, find
 * the journal.
 */
int chip_open(struct chip *c, const char *flash_path, const struct vdev_world *world, struct error *err);
void chip_close(struct chip *c);

/**
 * Burn what `fuses` has and the chip has not. OT_OK when it is durable. Where it fails some of the bits may be burned:
 * `c->fuses` is what the chip holds then.
 */
enum ot_status chip_burn(struct chip *c, const struct efuses *fuses);
/** Read the eFuses again: a reset. -1 when they cannot be read. */
int chip_reload_fuses(struct chip *c);
/** What is known of this chip's model; never NULL after chip_open(). */
const struct ot_chip *chip_model(const struct chip *c);
/** Raise the anti-rollback counter. OT_E_RANGE, with nothing burned, above what it can hold. */
enum ot_status chip_raise_secure_version(struct chip *c, uint32_t version);
/**
 * ROM and bootloader, as these eFuses would have it: does the bootloader in flash start? A virtual chip without one
 * (flash create without --bootloader) has its boot step built in: nobody signed it, and it starts by any keys.
 */
enum ot_status chip_verify_bootloader(const struct chip *c, const struct efuses *fuses);
/** ... and does the image in this slot? */
enum ot_status chip_verify_slot_by(const struct chip *c, const struct efuses *fuses, int slot,
                                   struct ot_image *image);

/** Factory data page (fctry, else nvs): one page of bytes, or -1 when there is none. */
int chip_factory_page(const struct chip *c, uint8_t page[FLASH_SECTOR_BYTES]);

/** otadata entries. -1 on I/O errors. */
int chip_read_otadata(const struct chip *c, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES]);
int chip_write_otadata(const struct chip *c, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES]);

/** A source over the slot's partition; `ctx` must outlive it. -1 when the table has no such slot. */
int chip_slot_source(const struct chip *c, int slot, struct flash_part *ctx, struct ot_source *out);

/** Parse, hash and, with Secure Boot on in the eFuses, judge the image in a slot: what the bootloader would do. */
enum ot_status chip_verify_slot(const struct chip *c, int slot, struct ot_image *image);

/**
 * ROM and boot decision on this flash: OT_E_NO_BOOT also when the ROM does not accept the bootloader. Writes otadata (and
 * eFuses) at the moments a bootloader does.
 */
enum ot_status chip_boot(struct chip *c, const struct ot_boot_config *config, struct ot_boot_result *out);

#endif
