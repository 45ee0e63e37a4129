/**
 * A NOR flash chip: what a file, a chip in memory or a fault injector answers to.
 *
 * Erasing sets whole 4 KiB sectors to 0xFF; programming only clears bits, in commands of at most one 256-byte page.
 * Asking for a 1 where flash holds a 0 is an error: nothing may rely on what a chip then does.
 *
 *     struct flash_file file;
 *     flash_file_open(&file, path, true, &err);
 *     flash_read(&file.flash, offset, buf, len);
 */
#ifndef BASE_FLASH_H
#define BASE_FLASH_H

#include <stdint.h>

#define FLASH_SECTOR_BYTES 4096u
#define FLASH_PAGE_BYTES   256u

/** One command each: a page at most to program, whole sectors to erase. All return 0, or -1. */
struct flash_ops {
    int (*read)(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len);
    int (*program_page)(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len);
    int (*erase)(void *ctx, uint32_t offset, uint32_t len);
};

struct flash {
    const struct flash_ops *ops;
    void *ctx;
    uint32_t size; /* 1 MiB to 128 MiB, a power of two */
};

/** 0, or -1: out of range, or the chip failed. */
int flash_read(const struct flash *f, uint32_t offset, uint8_t *buf, uint32_t len);
/** Any length, split into pages. -1: out of range, the chip failed, or a 0 would have to become a 1 (pages before that
 *  one stand). */
int flash_program(const struct flash *f, uint32_t offset, const uint8_t *buf, uint32_t len);
/** Sector aligned. */
int flash_erase(const struct flash *f, uint32_t offset, uint32_t len);

#endif
