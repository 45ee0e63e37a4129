/**
 * A firmware twice over, as an image and as the ELF file it is made from: RISC-V code of an ESP32-C3 made in memory.
 *
 * Many of its functions differ only in the variable that they load or the function that they call, and variables have no
 * content: what is which is told by names alone. Another version has them in another order, some changed, some new.
 */
#ifndef ELF_SUPPORT_H
#define ELF_SUPPORT_H

#include <stdint.h>

struct firmware {
    uint8_t *image, *elf; /* malloc */
    uint32_t image_bytes, elf_bytes;
};

/** Same version, same bytes. */
struct firmware firmware_make(unsigned version);
void firmware_free(struct firmware *f);

#endif
