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
#include "base/flash.h"

#include <stdbool.h>
#include <stdint.h>

/** Must not move while it is open: `flash` points back at it. */
struct flash_file {
    struct flash flash;
    int fd;
};

/** Create `path` (must not exist) as an erased chip of `size` bytes (1 MiB to 128 MiB, a power of two). */
int flash_file_create(struct flash_file *f, const char *path, uint32_t size, struct error *err);
/** Open an existing one. */
int flash_file_open(struct flash_file *f, const char *path, bool writable, struct error *err);
void flash_file_close(struct flash_file *f);

/** Where flash that may not be erased begins, at or after the sector `from`; the chip's size when all the rest is. */
uint32_t flash_file_next_data(const struct flash_file *f, uint32_t from);

/** "4MB" to bytes; 0 when it is not 1MB, 2MB ... 128MB. */
uint32_t flash_size_from_text(const char *text);

#endif
