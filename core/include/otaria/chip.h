/**
 * What is known of each ESP32-family chip. Source: docs/formats.md "Chips" (Espressif's headers, measured).
 */
#ifndef OTARIA_CHIP_H
#define OTARIA_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#define OT_CHIP_ID_INVALID 0xFFFFu

struct ot_address_range {
    uint32_t start, end; /* [start, end) */
};

struct ot_chip {
    uint16_t id;                /* image header chip_id */
    const char *name;           /* "esp32c3": the spelling of every CLI option and message */
    uint32_t bootloader_offset; /* in flash */
    uint32_t mmu_page_default;  /* bytes */
    bool has_selectable_page;   /* app descriptor byte 180 decides (C2, C6, C61, H2) */
    bool
        window_scales_with_page; /* C6, H2: the mapped window is 256 pages long, `drom` gives it for 64 KiB pages */
    uint8_t page_log2_min;       /* smallest selectable page */
    struct ot_address_range drom, irom; /* flash-mapped; the same where the chip has one window */
    bool signs_rsa3072, signs_ecdsa256; /* Secure Boot V2 schemes the hardware knows */
    uint8_t key_digest_slots;           /* 1 or 3 */
    bool can_revoke;                    /* eFuse revoke bits */
    uint8_t secure_version_bits;
};

/** NULL when unknown. */
const struct ot_chip *ot_chip_by_id(uint16_t id);
const struct ot_chip *ot_chip_by_name(const char *name);
/** For listing: the `index`-th known chip, NULL behind the last. */
const struct ot_chip *ot_chip_at(unsigned index);

/** Bytes of an MMU page, from app descriptor byte 180. Not selectable, or out of range: the chip's default. */
uint32_t ot_chip_page(const struct ot_chip *chip, uint8_t page_log2);
/** Is a segment loaded at `addr` mapped from flash, and so bound to the alignment of `page` bytes? */
bool ot_chip_maps(const struct ot_chip *chip, uint32_t page, uint32_t addr);

#endif
