/**
 * Whole-flash images for the virtual ESP32: table, bootloader, slots, otadata and factory data in one sparse file.
 *
 *     struct flash_image_spec spec = {.flash_bytes = 0x400000, .table = table, .table_count = n};
 *     flash_image_add_slot(&spec, "ota_0", bytes, len, &err);
 *     flash_image_create("device.flash", &spec, &err);
 *
 * The file's format is base/flash_file.h's. Everything is judged before anything is written; the file appears whole
 * under its name or not at all. Layouts: docs/formats.md "Virtual flash file", "Factory data", "otadata".
 */
#ifndef TOOLS_FLASH_IMAGE_H
#define TOOLS_FLASH_IMAGE_H

#include "base/error.h"
#include "otaria/chip.h"
#include "otaria/crypto.h"
#include "otaria/otadata.h"
#include "otaria/partition.h"
#include "otaria/wire.h"

#include <stddef.h>

/** Factory data. Zero-initialise; a NULL string or a false `has_` is not written. Borrowed. */
struct flash_factory {
    const char *device_id; /* [A-Za-z0-9._:-]+, at most OT_DEVICE_ID_MAX */
    const char *product;
    bool has_hw_rev;
    uint8_t hw_rev;       /* 0..63 */
    unsigned trust_count; /* at most OT_WIRE_KEYS_MAX */
    struct ot_digest trust[OT_WIRE_KEYS_MAX];
    bool refuses_undescribed;
};

struct flash_slot_content {
    int slot;
    const uint8_t *bytes;
    size_t len;
};

#define FLASH_SLOTS_MAX (OT_OTA_SLOTS_MAX + 2u)

struct flash_image_spec {
    uint32_t flash_bytes;
    uint32_t table_offset; /* 0: OT_TABLE_OFFSET_DEFAULT */
    const uint8_t *table;  /* OT_TABLE_BYTES that ot_table_parse accepted for this flash */
    uint32_t table_count;
    const struct ot_chip *chip; /* where the bootloader goes; needed with one */
    const uint8_t *bootloader;  /* NULL: none */
    size_t bootloader_len;
    unsigned slot_count;
    struct flash_slot_content slots[FLASH_SLOTS_MAX];
    bool has_otadata; /* false: erased, as a device leaves the factory line */
    struct ot_otadata_entry otadata[2];
    struct flash_factory factory;
};

/** Add an image. -1 with a message: no such slot in the table, given twice, too long. `bytes` is borrowed. */
int flash_image_add_slot(struct flash_image_spec *spec, const char *slot, const uint8_t *bytes, size_t len,
                         struct error *err);

/**
 * Parse `seq:state,seq:state`. State: new, pending, valid, invalid, aborted, undefined, or a number; `-` is an erased
 * entry; `!` before an entry gives it a wrong CRC. `1:valid,2:new`, `-,!3:valid`.
 */
int flash_otadata_spec(const char *text, struct ot_otadata_entry out[2], struct error *err);

/** Is there anything in it? */
bool flash_factory_is_empty(const struct flash_factory *factory);

/** Write the flash file. An existing file of this name is replaced. */
int flash_image_create(const char *path, const struct flash_image_spec *spec, struct error *err);

#endif
