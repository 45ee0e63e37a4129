/** A fault-free run, with the world's state just before each flash operation: where every case starts. */
#ifndef MATRIX_RECORDING_H
#define MATRIX_RECORDING_H

#include "variants.h"
#include "world.h"

struct operation {
    struct world_snapshot before;
    struct nor_command command;
    uint8_t bytes[sizeof(struct efuses) > FLASH_PAGE_BYTES ? sizeof(struct efuses)
                                                           : FLASH_PAGE_BYTES]; /* of a program, or a burn */
    enum operation_kind kind;
    int running_slot; /* -1: the boot step does it */
    enum ot_agent_state state;
};

struct recording {
    struct operation *operations;
    uint32_t count, capacity;
};

/** Run the world from where it stands to its end. Aborts when that violates anything: the base must be sound. */
void recording_make(struct recording *r, struct world *w);
/** The same, but a violation is left in the world: true when there was none. */
bool recording_try(struct recording *r, struct world *w);
void recording_drop(struct recording *r, struct world *w);

enum operation_kind operation_kind_of(const struct world *w, const struct nor_command *command);

#endif
