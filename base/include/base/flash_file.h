/**
 * The virtual ESP32's flash chip as a file: NOR semantics, sparse.
 *
 * The file is exactly as long as the chip and holds the *complement* of each flash byte, so erased flash (0xFF) is a
 * hole. Erasing sets a 4 KiB sector to 0xFF; programming only clears bits (asking for a 1 where there is a 0 is an
 * error, as is nothing a real chip would do silently wrong); a program command covers one 256-byte page.
 *
 * Each call is one pwrite or one punched hole, so a process killed at any moment leaves whole operations; what a power
 * cut does within one is the fault injector's business.
 */
#ifndef BASE_FLASH_FILE_H
#define BASE_FLASH_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define FLASH_SECTOR_BYTES 4096u
#define FLASH_PAGE_BYTES   256u

struct flash_file {
    int fd;
    uint32_t size;
};

/** Create `path` (must not exist) as an erased chip of `size` bytes (1 MiB to 128 MiB, a power of two). */
int flash_file_create(struct flash_file *f, const char *path, uint32_t size, struct error *err);
/** Open an existing one. */
int flash_file_open(struct flash_file *f, const char *path, bool writable, struct error *err);
void flash_file_close(struct flash_file *f);

/** 0 or -1 (out of range, I/O error). */
int flash_file_read(const struct flash_file *f, uint32_t offset, uint8_t *buf, uint32_t len);
/** Any length; split into pages. -1: out of range, I/O error, or a 0 would have to become a 1 (nothing written then
 *  beyond the pages before). */
int flash_file_program(const struct flash_file *f, uint32_t offset, const uint8_t *buf, uint32_t len);
/** Sector aligned. */
int flash_file_erase(const struct flash_file *f, uint32_t offset, uint32_t len);

/** "4MB" to bytes; 0 when it is not 1MB, 2MB ... 128MB. */
uint32_t flash_size_from_text(const char *text);

#endif
