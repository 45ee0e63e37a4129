/** In how many ways a flash operation can be left when the power goes: the table of docs/testing.md "Fault matrix". */
#ifndef MATRIX_VARIANTS_H
#define MATRIX_VARIANTS_H

#include "vdev/nor.h"

enum operation_kind {
    OPERATION_RECORD_PROGRAM, /* otadata, journal */
    OPERATION_RECORD_ERASE,
    OPERATION_IMAGE_PROGRAM,
    OPERATION_IMAGE_ERASE,
    OPERATION_BURN, /* eFuses: counter, revoke bits */
    OPERATION_KINDS
};

struct variant {
    enum nor_tear_kind kind;
    uint32_t arg; /* PREFIX: bytes, or where `of` is not 0 arg/of of the length */
    uint32_t of;
    bool goes_on; /* no cut: the chip silently did nothing */
    const char *name;
};

unsigned variant_count(enum operation_kind kind);
const struct variant *variant_get(enum operation_kind kind, unsigned index);
const char *operation_kind_name(enum operation_kind kind);

/** Tear `command`, one of the flash's, as the variant says. Burns: world_tear(). */
void variant_apply(struct nor *nor, const struct nor_command *command, const struct variant *variant,
                   uint64_t seed);

#endif
