/**
 * A chip in memory for the boot decision: otadata, images that verify or not, eFuses, and a log of what was asked when.
 *
 * otadata is written as a person reads it: `1:valid,!2:new`; `-` is erased, `!` a wrong CRC, a number is an odd state.
 */
#ifndef BOOT_WORLD_H
#define BOOT_WORLD_H

#include "otaria/boot.h"

#define NO_DESCRIPTION   (-1)
#define WHOLE_WRITES     (-1)
#define CUT_BEFORE_ERASE (-2)

struct boot_world {
    struct ot_slots slots;
    uint8_t flash[2][OT_OTADATA_ENTRY_BYTES];
    const char *bad;        /* names of slots whose image does not verify: "ota_0 factory" */
    int version[17];        /* secure_version by OTA slot, [16] the factory's; NO_DESCRIPTION */
    uint32_t chip_version;  /* the counter */
    unsigned writes, burns; /* how many */
    int cut_after_bytes; /* WHOLE_WRITES, CUT_BEFORE_ERASE, or the next write erases and programs only so many bytes */
    bool power_lost; /* set by that */
    bool read_fails, write_fails;
    char log[400]; /* "w1 v:ota_1 " in order */
};

/** `ota_count` slots of equal size, otadata, optionally factory. All images verify, version 0. */
void boot_world_make(struct boot_world *w, unsigned ota_count, bool factory, const char *otadata);

void boot_world_set_otadata(struct boot_world *w, const char *text);
/** The same notation back; `buf` of 100 bytes. */
const char *boot_world_otadata(const struct boot_world *w, char *buf);

enum ot_status boot_world_boot(struct boot_world *w, struct ot_boot_config config,
                               struct ot_boot_result *out);

/** A rewrite by the application (select or mark), under the same cut. */
void boot_world_write(struct boot_world *w, const struct ot_otadata_write *write);
/** Power is back: writes are whole again. */
void boot_world_power_up(struct boot_world *w);

/** "ota_1 ota_0": the slots tried; `buf` of 100 bytes. */
const char *boot_world_tried(const struct ot_boot_result *r, char *buf);

#endif
