/* See layout.h. */
#include "otaria/delta/layout.h"

#include "otaria/bytes.h"
#include "otaria/image.h"

#include <stddef.h>

/* Source of the ranges: docs/formats.md "Load ranges" and the chips' memory maps (flash, RAM, RTC memory). */
static const struct delta_chip chips[] = {
    {.id = 0x0000,
     .arch = DELTA_XTENSA,
     .exec = {{0x40070000, 0x50000000}},
     .pointers = {{0x3F400000, 0x3FC00000}, {0x3FF80000, 0x40000000}, {0x40070000, 0x40500000}}},
    {.id = 0x0002,
     .arch = DELTA_XTENSA,
     .exec = {{0x40020000, 0x50000000}},
     .pointers = {{0x3F000000, 0x3F400000}, {0x3FF80000, 0x40000000}, {0x40020000, 0x40800000}}},
    {.id = 0x0009,
     .arch = DELTA_XTENSA,
     .has_wide = true,
     .exec = {{0x40370000, 0x40400000}, {0x42000000, 0x44000000}},
     .pointers = {{0x3C000000, 0x3E000000},
                  {0x3FC80000, 0x3FD00000},
                  {0x40370000, 0x403E0000},
                  {0x42000000, 0x44000000}}},
    {.id = 0x0005,
     .arch = DELTA_RISCV,
     .exec = {{0x4037C000, 0x40400000}, {0x42000000, 0x44000000}},
     .pointers = {{0x3C000000, 0x3D000000},
                  {0x3FC80000, 0x3FD00000},
                  {0x4037C000, 0x403E0000},
                  {0x42000000, 0x43000000}}},
    {.id = 0x000C,
     .arch = DELTA_RISCV,
     .exec = {{0x4037C000, 0x40400000}, {0x42000000, 0x44000000}},
     .pointers = {{0x3C000000, 0x3D000000},
                  {0x3FC80000, 0x3FD00000},
                  {0x4037C000, 0x403E0000},
                  {0x42000000, 0x43000000}}},
    {.id = 0x000D,
     .arch = DELTA_RISCV,
     .shares_window = true,
     .flash_start = 0x42000000,
     .exec = {{0x40800000, 0x40900000}, {0x42000000, 0x44000000}},
     .pointers = {{0x40800000, 0x40900000}, {0x42000000, 0x43000000}}},
    {.id = 0x0010,
     .arch = DELTA_RISCV,
     .shares_window = true,
     .flash_start = 0x42000000,
     .exec = {{0x40800000, 0x40900000}, {0x42000000, 0x44000000}},
     .pointers = {{0x40800000, 0x40900000}, {0x42000000, 0x43000000}}},
    {.id = 0x0014,
     .arch = DELTA_RISCV,
     .shares_window = true,
     .flash_start = 0x42000000,
     .exec = {{0x40800000, 0x40900000}, {0x42000000, 0x44000000}},
     .pointers = {{0x40800000, 0x40900000}, {0x42000000, 0x43000000}}},
    {.id = 0x0017,
     .arch = DELTA_RISCV,
     .shares_window = true,
     .flash_start = 0x42000000,
     .exec = {{0x40800000, 0x40900000}, {0x42000000, 0x44000000}},
     .pointers = {{0x40800000, 0x40900000}, {0x42000000, 0x43000000}}},
    {.id = 0x0012,
     .arch = DELTA_RISCV,
     .shares_window = true,
     .flash_start = 0x40000000,
     .exec = {{0x40000000, 0x48000000}, {0x4FF00000, 0x50000000}},
     .pointers = {{0x40000000, 0x48000000}, {0x4FF00000, 0x50000000}}},
};

#define LOWEST_POINTER  0x3C000000u
#define HIGHEST_POINTER 0x50000000u

static bool in_ranges(const struct delta_range *ranges, unsigned count, uint32_t addr)
{
    for (unsigned i = 0; i < count; i++) {
        if (addr - ranges[i].start < ranges[i].end - ranges[i].start)
            return true;
    }
    return false;
}

const struct delta_chip *delta_chip_by_id(uint16_t id)
{
    for (unsigned i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (chips[i].id == id)
            return &chips[i];
    }
    return NULL;
}

bool delta_chip_is_pointer(const struct delta_chip *chip, uint32_t addr)
{
    if (addr - LOWEST_POINTER >= HIGHEST_POINTER - LOWEST_POINTER)
        return false; /* of any chip; most words */
    return in_ranges(chip->pointers, 4, addr);
}

bool delta_chip_is_exec(const struct delta_chip *chip, uint32_t addr)
{
    return in_ranges(chip->exec, 2, addr);
}

void delta_layout_classify(struct delta_layout *l)
{
    bool is_first_in_flash = true;
    for (uint32_t i = 0; i < l->count; i++) {
        struct delta_segment *s = &l->segments[i];
        s->exec = l->chip != NULL && delta_chip_is_exec(l->chip, s->addr);
        if (l->chip == NULL || !l->chip->shares_window ||
            s->addr - l->chip->flash_start >= DELTA_FLASH_WINDOW)
            continue;
        if (is_first_in_flash && l->count > 2)
            s->exec = false;
        is_first_in_flash = false;
    }
}

const struct delta_segment *delta_layout_at(const struct delta_layout *l, uint32_t offset)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (offset - l->segments[i].offset < l->segments[i].length)
            return &l->segments[i];
    }
    return NULL;
}

uint32_t delta_layout_offset(const struct delta_layout *l, uint32_t addr)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct delta_segment *s = &l->segments[i];
        if (addr - s->addr < s->length)
            return s->offset + (addr - s->addr);
    }
    return DELTA_NOWHERE;
}

uint32_t delta_layout_addr(const struct delta_layout *l, uint32_t offset)
{
    const struct delta_segment *s = delta_layout_at(l, offset);
    return s == NULL ? 0 : s->addr + (offset - s->offset);
}

enum ot_status delta_layout_read(struct delta_layout *l, const struct ot_source *source, bool has_chip,
                                 uint16_t chip_id)
{
    uint8_t b[OT_IMAGE_HEADER_BYTES];
    *l = (struct delta_layout){.size = source->size};
    if (!has_chip)
        return OT_OK;
    l->chip = delta_chip_by_id(chip_id);
    if (l->chip == NULL)
        return OT_E_PATCH_VERSION;
    enum ot_status st = ot_source_read(source, 0, b, sizeof b);
    if (st != OT_OK || b[0] != OT_IMAGE_MAGIC || b[1] == 0 || b[1] > DELTA_SEGMENTS_MAX ||
        ot_load16(b + 12) != chip_id)
        return st == OT_E_READ ? st : OT_E_PATCH_BASE;
    uint32_t at = OT_IMAGE_HEADER_BYTES;
    for (l->count = 0; l->count < b[1];) {
        uint8_t head[8];
        st = ot_source_read(source, at, head, sizeof head);
        if (st != OT_OK)
            return st == OT_E_READ ? st : OT_E_PATCH_BASE;
        struct delta_segment *s = &l->segments[l->count++];
        *s =
            (struct delta_segment){.offset = at + 8u, .addr = ot_load32(head), .length = ot_load32(head + 4)};
        if (s->length > l->size - s->offset || s->length % 4u != 0)
            return OT_E_PATCH_BASE;
        at = s->offset + s->length;
    }
    delta_layout_classify(l);
    return OT_OK;
}
