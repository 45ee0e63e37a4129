/**
 * What a patch can be helped by in an ELF file: where bytes are loaded, and what functions and variables are called. Private to tools/delta.
 *
 * ELF32, little endian, Xtensa or RISC-V. The file is hostile: it is read whole, or refused with what and where. Everything
 * points into its bytes.
 */
#ifndef TOOLS_DELTA_ELF_H
#define TOOLS_DELTA_ELF_H

#include "base/error.h"
#include "otaria/delta/layout.h"

#include <stddef.h>

struct delta_elf_part { /* what is loaded somewhere */
    uint32_t addr, length;
    const uint8_t *bytes;
};

struct delta_elf_symbol {
    uint64_t name; /* a hash; of local ones with that of their source file */
    uint32_t addr, size;
};

struct delta_elf {
    enum delta_arch arch;
    struct delta_elf_part *parts; /* owned */
    uint32_t part_count;
    struct delta_elf_symbol *symbols; /* owned; functions and variables, in the file's order */
    uint32_t symbol_count;
};

/** `name` is what the file is called in messages. -1 and `err` when it is refused; delta_elf_free() in any case. */
int delta_elf_read(struct delta_elf *elf, const char *name, const uint8_t *bytes, size_t size,
                   struct error *err);
void delta_elf_free(struct delta_elf *elf);
/** Is the image made from it? -1 and `err`, which names segment and address. */
int delta_elf_matches(const struct delta_elf *elf, const char *name, const uint8_t *image,
                      const char *image_name, const struct delta_layout *layout, struct error *err);

#endif
