/**
 * Where an app image lies in memory: segments (file offset <-> load address), and what an address may be. Private.
 *
 * Chips are rows of a table (layout.c): ranges that hold code, ranges that a pointer may point into.
 */
#ifndef OTARIA_DELTA_LAYOUT_H
#define OTARIA_DELTA_LAYOUT_H

#include "otaria/source.h"

#include <stdbool.h>
#include <stdint.h>

#define DELTA_SEGMENTS_MAX 16u
#define DELTA_NOWHERE      UINT32_MAX
#define DELTA_FLASH_WINDOW 0x04000000u /* bytes of a chip's window of flash */

enum delta_arch { DELTA_PLAIN = 0, DELTA_XTENSA = 1, DELTA_RISCV = 2 };

struct delta_range {
    uint32_t start, end;
};

struct delta_chip {
    uint16_t id;
    enum delta_arch arch;
    bool has_wide;        /* Xtensa with 4-byte vector instructions */
    bool shares_window;   /* one window for rodata and code: the first segment in flash is rodata */
    uint32_t flash_start; /* of that window */
    struct delta_range exec[2], pointers[4];
};

struct delta_segment {
    uint32_t offset, addr, length;
    bool exec;
};

struct delta_layout {
    const struct delta_chip *chip;
    uint32_t size; /* of the file */
    uint32_t count;
    struct delta_segment segments[DELTA_SEGMENTS_MAX];
};

/** NULL for a chip without a row: its images are treated as plain data. */
const struct delta_chip *delta_chip_by_id(uint16_t id);
bool delta_chip_is_pointer(const struct delta_chip *chip, uint32_t addr);
bool delta_chip_is_exec(const struct delta_chip *chip, uint32_t addr);

/**
 * The segments of an app image of this chip; none, and no chip, without `has_chip`.
 * OT_OK, OT_E_PATCH_VERSION (chip without a row), OT_E_PATCH_BASE (not such an image), OT_E_READ.
 */
OT_CHECKED enum ot_status delta_layout_read(struct delta_layout *l, const struct ot_source *source,
                                            bool has_chip, uint16_t chip_id);
/** After the segments are filled in: which of them hold code. */
void delta_layout_classify(struct delta_layout *l);
/** The segment that holds this file offset, or NULL. */
const struct delta_segment *delta_layout_at(const struct delta_layout *l, uint32_t offset);
/** DELTA_NOWHERE for an address outside the file. */
uint32_t delta_layout_offset(const struct delta_layout *l, uint32_t addr);
/** 0 for an offset outside the segments. */
uint32_t delta_layout_addr(const struct delta_layout *l, uint32_t offset);

#endif
