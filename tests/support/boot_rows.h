/**
 * The boot decision as a table: flash before, images that do not verify, what boots, which images were asked for,
 * flash afterwards. core/boot and `otaria flash boot` are both held against it.
 *
 * otadata is written as boot_world.h says. Each list ends with a row whose `rule` is NULL.
 */
#ifndef BOOT_ROWS_H
#define BOOT_ROWS_H

#include <stdint.h>

enum boot_row_factory { ROW_NO_FACTORY, ROW_FACTORY, ROW_ANY };

struct boot_row {
    const char *rule; /* of docs/formats.md, or "table" */
    unsigned slots;
    enum boot_row_factory factory;
    const char *otadata;
    const char *bad;   /* slots whose image does not verify: "ota_0 factory" */
    const char *boots; /* "none": endless reset */
    const char *tried; /* NULL: what boots, at once */
    const char *after; /* NULL: unchanged */
};

extern const struct boot_row boot_rows_rollback[];      /* bootloader with rollback, without anti-rollback */
extern const struct boot_row boot_rows_no_rollback[];   /* without either: new and pending are ordinary */
extern const struct boot_row boot_rows_anti_rollback[]; /* with both; counter 0, images of version 0 */

/** Two slots, no factory, images of these secure_versions (NO_DESCRIPTION: unreadable), the chip's counter before and after. */
struct boot_counter_row {
    const char *what, *otadata; /* what NULL: the end */
    int version_0, version_1;
    uint32_t counter;
    const char *boots, *after;
    uint32_t counter_after;
};

extern const struct boot_counter_row boot_rows_counter[]; /* with rollback and anti-rollback */

#endif
