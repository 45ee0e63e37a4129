/* The chips, one row each. A difference between chips is a field here, never an #ifdef elsewhere. */
#include "otaria/chip.h"

#include <stddef.h>
#include <string.h>

#define KIB                   1024u
#define ONE_RANGE(start, end) .drom = {(start), (end)}, .irom = {(start), (end)}

static const struct ot_chip chips[] = {
    {.id = 0x0000,
     .name = "esp32",
     .bootloader_offset = 0x1000,
     .mmu_page_default = 64 * KIB,
     .drom = {0x3F400000, 0x3F800000},
     .irom = {0x400D0000, 0x40400000},
     .signs_rsa3072 = true,
     .key_digest_slots = 1,
     .secure_version_bits = 32},
    {.id = 0x0002,
     .name = "esp32s2",
     .bootloader_offset = 0x1000,
     .mmu_page_default = 64 * KIB,
     .drom = {0x3F000000, 0x3FF80000},
     .irom = {0x40080000, 0x40800000},
     .signs_rsa3072 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x0009,
     .name = "esp32s3",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .drom = {0x3C000000, 0x3E000000},
     .irom = {0x42000000, 0x44000000},
     .signs_rsa3072 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x000C,
     .name = "esp32c2",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .has_selectable_page = true,
     .page_log2_min = 14,
     .drom = {0x3C000000, 0x3C400000},
     .irom = {0x42000000, 0x42400000},
     .signs_ecdsa256 = true,
     .key_digest_slots = 1,
     .secure_version_bits = 4},
    {.id = 0x0005,
     .name = "esp32c3",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .drom = {0x3C000000, 0x3C800000},
     .irom = {0x42000000, 0x42800000},
     .signs_rsa3072 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x0017,
     .name = "esp32c5",
     .bootloader_offset = 0x2000,
     .mmu_page_default = 64 * KIB,
     ONE_RANGE(0x42000000, 0x44000000),
     .signs_rsa3072 = true,
     .signs_ecdsa256 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 9},
    {.id = 0x000D,
     .name = "esp32c6",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .has_selectable_page = true,
     .window_scales_with_page = true,
     .page_log2_min = 13,
     ONE_RANGE(0x42000000, 0x43000000),
     .signs_rsa3072 = true,
     .signs_ecdsa256 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x0014,
     .name = "esp32c61",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .has_selectable_page = true,
     .page_log2_min = 13,
     ONE_RANGE(0x42000000, 0x44000000),
     .signs_ecdsa256 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x0010,
     .name = "esp32h2",
     .bootloader_offset = 0x0,
     .mmu_page_default = 64 * KIB,
     .has_selectable_page = true,
     .window_scales_with_page = true,
     .page_log2_min = 13,
     ONE_RANGE(0x42000000, 0x43000000),
     .signs_rsa3072 = true,
     .signs_ecdsa256 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
    {.id = 0x0012,
     .name = "esp32p4",
     .bootloader_offset = 0x2000,
     .mmu_page_default = 64 * KIB,
     ONE_RANGE(0x40000000, 0x44000000),
     .signs_rsa3072 = true,
     .signs_ecdsa256 = true,
     .key_digest_slots = 3,
     .can_revoke = true,
     .secure_version_bits = 16},
};

#define CHIP_COUNT (sizeof chips / sizeof chips[0])

const struct ot_chip *ot_chip_at(unsigned index)
{
    return index < CHIP_COUNT ? &chips[index] : NULL;
}

const struct ot_chip *ot_chip_by_id(uint16_t id)
{
    for (unsigned i = 0; i < CHIP_COUNT; i++) {
        if (chips[i].id == id)
            return &chips[i];
    }
    return NULL;
}

const struct ot_chip *ot_chip_by_name(const char *name)
{
    for (unsigned i = 0; i < CHIP_COUNT; i++) {
        size_t len = strlen(chips[i].name);
        if (strlen(name) == len && memcmp(chips[i].name, name, len) == 0)
            return &chips[i];
    }
    return NULL;
}

uint32_t ot_chip_page(const struct ot_chip *chip, uint8_t page_log2)
{
    if (chip->has_selectable_page && page_log2 >= chip->page_log2_min && page_log2 <= 16)
        return 1u << page_log2;
    return chip->mmu_page_default;
}

bool ot_chip_maps(const struct ot_chip *chip, uint32_t page, uint32_t addr)
{
    if (chip->window_scales_with_page)
        return addr >= chip->drom.start && addr - chip->drom.start < page << 8;
    return (addr >= chip->drom.start && addr < chip->drom.end) ||
           (addr >= chip->irom.start && addr < chip->irom.end);
}
