/**
 * What lies where on a virtual ESP32's flash: partition table, slots, the image in a slot, otadata, factory data.
 *
 * Read-only but for flash_layout_write_otadata(). Shared by the virtual device and by `otaria flash`, so both see the
 * same chip.
 *
 *     struct flash_layout l;
 *     if (flash_layout_read(&l, &flash, OT_TABLE_OFFSET_DEFAULT, &err) == 0)
 *         st = flash_slot_inspect(&l, 0, &limits, &image, &digests);
 */
#ifndef BASE_FLASH_LAYOUT_H
#define BASE_FLASH_LAYOUT_H

#include "base/efuse_file.h"
#include "base/flash.h"
#include "base/nvs_page.h"
#include "otaria/otadata.h"
#include "otaria/partition.h"
#include "otaria/trust.h"

struct flash_layout {
    const struct flash *flash; /* borrowed, must outlive it */
    uint8_t table[OT_TABLE_BYTES];
    uint32_t table_count;
    struct ot_slots slots;
};

/** Read and check the table at `table_offset`. 0, or -1 with a message. */
int flash_layout_read(struct flash_layout *l, const struct flash *flash, uint32_t table_offset,
                      struct error *err);

/** otadata entry 0 or 1; -1 on I/O errors or when the table has none of two sectors. */
int flash_layout_read_otadata(const struct flash_layout *l, unsigned index,
                              uint8_t out[OT_OTADATA_ENTRY_BYTES]);
/** Erase the sector, program the entry, as every bootloader and app does. */
int flash_layout_write_otadata(const struct flash_layout *l, unsigned index,
                               const uint8_t bytes[OT_OTADATA_ENTRY_BYTES]);

/** A source over a partition; keep `ctx` as long as the source. */
struct flash_part {
    const struct flash *flash;
    uint32_t offset;
};
struct ot_source flash_part_source(const struct flash *flash, const struct ot_partition *p,
                                   struct flash_part *ctx);

/** Structure, checksum, digest of the image in a slot; OT_E_NOT_FOUND when the table has no such slot. */
enum ot_status flash_slot_inspect(const struct flash_layout *l, int slot,
                                  const struct ot_image_limits *limits, struct ot_image *image,
                                  struct ot_image_digests *digests);
/** The signature question for an image that flash_slot_inspect() found good. OT_OK or why not. */
enum ot_status flash_slot_judge(const struct flash_layout *l, int slot, const struct ot_image *image,
                                const struct ot_image_digests *digests, const struct ot_trust_set *set);
/**
 * The ROM's question about the bootloader at `at`, in `space` bytes: does it verify by a key of `set`? OT_E_NOT_FOUND:
 * none is there (flash is erased).
 */
enum ot_status flash_bootloader_judge(const struct flash *flash, uint32_t at, uint32_t space,
                                      const struct ot_trust_set *set);
/** secure_version as a bootloader reads it: no more than the description's magic is looked at. */
enum ot_status flash_slot_secure_version(const struct flash_layout *l, int slot, uint32_t *out);

/** The keys eFuses hold, and those of them that are revoked, as a trust set over `mem`. */
struct efuse_keys {
    struct ot_digest keys[EFUSE_DIGESTS], revoked[EFUSE_DIGESTS];
};
struct ot_trust_set efuses_trust(const struct efuses *fuses, struct efuse_keys *mem);

/** Where factory data lives: `fctry`, else `nvs`, of type data/nvs and at least one page. -1 when there is neither. */
int flash_factory_place(const uint8_t table[OT_TABLE_BYTES], uint32_t count, struct ot_partition *out);

#endif
