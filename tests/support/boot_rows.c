/* The boot decision, row by row: measured on genuine bootloaders (docs/formats.md "Boot decision"). */
#include "boot_rows.h"

#include "boot_world.h"

#include <stddef.h>

#define SAME NULL

/* Bootloader with rollback, without anti-rollback. */
const struct boot_row boot_rows_rollback[] = {
    /* the decision table */
    {"table", 2, ROW_NO_FACTORY, "-,-", "", "ota_0", NULL, "1:valid,-"},
    {"table", 2, ROW_FACTORY, "-,-", "", "factory", NULL, SAME},
    {"table", 2, ROW_ANY, "1:valid,-", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_ANY, "1:valid,2:new", "", "ota_1", NULL, "1:valid,2:pending"},
    {"table", 2, ROW_ANY, "1:valid,2:pending", "", "ota_0", NULL, "1:valid,2:aborted"},
    {"table", 2, ROW_ANY, "1:valid,2:valid", "", "ota_1", NULL, SAME},
    {"table", 2, ROW_ANY, "1:valid,2:undefined", "", "ota_1", NULL, SAME},
    {"table", 2, ROW_ANY, "1:valid,2:invalid", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_ANY, "1:valid,2:aborted", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_NO_FACTORY, "-,2:aborted", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_FACTORY, "-,1:aborted", "", "factory", NULL, SAME},
    {"table", 2, ROW_NO_FACTORY, "1:invalid,2:aborted", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_FACTORY, "1:invalid,2:aborted", "", "factory", NULL, SAME},
    {"table", 2, ROW_NO_FACTORY, "!1:valid,!2:valid", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_FACTORY, "!1:valid,!2:valid", "", "factory", NULL, SAME},
    {"table", 2, ROW_NO_FACTORY, "!1:valid,2:aborted", "", "ota_0", NULL, SAME},
    {"table", 2, ROW_ANY, "2:valid,2:new", "", "ota_1", NULL, SAME},
    {"table", 2, ROW_ANY, "0:valid,-", "", "ota_1", NULL, SAME},
    {"table", 2, ROW_NO_FACTORY, "3:valid,2:valid", "ota_0", "ota_1", "ota_0 ota_1", SAME},
    {"table", 2, ROW_FACTORY, "3:valid,2:valid", "ota_0", "factory", "ota_0 factory", SAME},
    {"table", 2, ROW_ANY, "1:valid,2:valid", "ota_1", "ota_0", "ota_1 ota_0", SAME},
    {"table", 2, ROW_NO_FACTORY, "1:valid,2:new", "ota_1", "ota_0", "ota_1 ota_0", "1:valid,2:pending"},
    {"table", 2, ROW_NO_FACTORY, "1:valid,2:valid", "ota_0 ota_1", "none", "ota_1 ota_0", SAME},
    {"table", 2, ROW_FACTORY, "1:valid,-", "ota_0 ota_1 factory", "none", "ota_0 factory ota_1", SAME},
    {"table", 2, ROW_NO_FACTORY, "-,-", "ota_0 ota_1", "none", "ota_0 ota_1", SAME},

    /* a pending entry is aborted first, whatever else is true of it */
    {"B1", 2, ROW_NO_FACTORY, "1:valid,!2:pending", "", "ota_0", NULL, "1:valid,!2:aborted"},
    {"B1", 2, ROW_NO_FACTORY, "1:pending,2:valid", "", "ota_1", NULL, "1:aborted,2:valid"},
    {"B1", 2, ROW_NO_FACTORY, "1:pending,2:pending", "", "ota_0", NULL, "1:aborted,2:aborted"},
    {"B1", 2, ROW_FACTORY, "1:pending,2:pending", "", "factory", NULL, "1:aborted,2:aborted"},
    {"B1", 2, ROW_NO_FACTORY, "!1:pending,!2:pending", "", "ota_0", NULL, "1:valid,!2:aborted"},
    {"B1", 2, ROW_NO_FACTORY, "4294967295:pending,1:valid", "", "ota_0", NULL, "4294967295:aborted,1:valid"},

    /* unusable by sequence or state; the checksum is looked at afterwards */
    {"B2", 2, ROW_NO_FACTORY, "4294967295:valid,2:valid", "", "ota_1", NULL, SAME},
    {"B2", 2, ROW_NO_FACTORY, "!1:invalid,2:valid", "", "ota_1", NULL, SAME},
    {"B2", 2, ROW_NO_FACTORY, "1:valid,!2:valid", "", "ota_0", NULL, SAME},
    {"B2", 2, ROW_NO_FACTORY, "!3:valid,2:valid", "", "ota_1", NULL, SAME},

    /* the larger sequence, unsigned, entry 0 on a tie; slot by 32-bit remainder */
    {"B4", 2, ROW_NO_FACTORY, "3:valid,2:valid", "", "ota_0", NULL, SAME},
    {"B4", 2, ROW_NO_FACTORY, "0x7fffffff:valid,0x80000000:valid", "", "ota_1", NULL, SAME},
    {"B4", 2, ROW_NO_FACTORY, "0xfffffffe:valid,1:valid", "", "ota_1", NULL, SAME},
    {"B4", 2, ROW_NO_FACTORY, "2:new,2:valid", "", "ota_1", NULL, "2:pending,2:valid"},
    {"B4", 3, ROW_NO_FACTORY, "0:valid,-", "", "ota_0", NULL, SAME},
    {"B4", 3, ROW_NO_FACTORY, "3:valid,-", "", "ota_2", NULL, SAME},
    {"B4", 3, ROW_NO_FACTORY, "3:valid,4:valid", "", "ota_0", NULL, SAME},
    {"B4", 3, ROW_NO_FACTORY, "5:valid,4:valid", "", "ota_1", NULL, SAME},
    {"B4", 16, ROW_NO_FACTORY, "16:valid,15:valid", "", "ota_15", NULL, SAME},

    /* usable by sequence and state, but no checksum is right: every image from factory up, nothing repaired */
    {"B5", 2, ROW_NO_FACTORY, "!2:valid,-", "", "ota_0", NULL, SAME},
    {"B5", 2, ROW_FACTORY, "-,!2:valid", "", "factory", NULL, SAME},
    {"B5", 2, ROW_NO_FACTORY, "!2:new,!1:new", "ota_0", "ota_1", "ota_0 ota_1", SAME},
    {"B5", 2, ROW_FACTORY, "!2:valid,!1:valid", "factory", "ota_0", "factory ota_0", SAME},

    /* an active new entry is pending before its image is looked at, and aborted at the next boot */
    {"B6", 2, ROW_NO_FACTORY, "1:new,-", "", "ota_0", NULL, "1:pending,-"},
    {"B6", 2, ROW_NO_FACTORY, "1:new,2:new", "", "ota_1", NULL, "1:new,2:pending"},
    {"B6", 2, ROW_FACTORY, "1:valid,2:new", "ota_1", "ota_0", "ota_1 ota_0", "1:valid,2:pending"},
    {"B6", 2, ROW_NO_FACTORY, "1:valid,2:undefined", "", "ota_1", NULL, SAME},
    {"B6", 2, ROW_NO_FACTORY, "1:valid,!2:new", "", "ota_0", NULL, SAME},

    /* from the selected slot down to factory, then up */
    {"B7", 4, ROW_NO_FACTORY, "2:valid,-", "ota_1 ota_0", "ota_2", "ota_1 ota_0 ota_2", SAME},
    {"B7", 4, ROW_FACTORY, "3:valid,-", "ota_2 ota_1 ota_0 factory", "ota_3",
     "ota_2 ota_1 ota_0 factory ota_3", SAME},
    {"B7", 4, ROW_FACTORY, "1:valid,-", "ota_0", "factory", "ota_0 factory", SAME},
    {"B7", 4, ROW_NO_FACTORY, "1:valid,-", "ota_0 ota_1 ota_2 ota_3", "none", "ota_0 ota_1 ota_2 ota_3",
     SAME},

    /* states nobody knows count as valid */
    {"unknown state", 2, ROW_NO_FACTORY, "1:valid,2:5", "", "ota_1", NULL, SAME},
    {"unknown state", 2, ROW_NO_FACTORY, "1:valid,2:0x100", "", "ota_1", NULL, SAME},
    {"unknown state", 2, ROW_NO_FACTORY, "1:valid,2:0x80000000", "", "ota_1", NULL, SAME},
    {"unknown state", 2, ROW_NO_FACTORY, "1:valid,2:0xfffffffe", "", "ota_1", NULL, SAME},

    /* nothing was ever selected: entry 0 records what loaded */
    {"B8", 2, ROW_NO_FACTORY, "-,-", "ota_0", "ota_1", "ota_0 ota_1", "2:valid,-"},
    {"B8", 2, ROW_NO_FACTORY, "!1:aborted,-", "", "ota_0", NULL, "1:valid,-"},
    {"B8", 2, ROW_NO_FACTORY, "-,!2:invalid", "", "ota_0", NULL, "1:valid,!2:invalid"},
    {"B8", 2, ROW_NO_FACTORY, "!1:aborted,!2:aborted", "", "ota_0", NULL, "1:valid,!2:aborted"},
    {"B8", 2, ROW_NO_FACTORY, "!1:aborted,2:aborted", "", "ota_0", NULL, SAME},
    {"B8", 2, ROW_NO_FACTORY, "1:invalid,-", "", "ota_0", NULL, SAME},
    {"B8", 2, ROW_NO_FACTORY, "1:invalid,-", "ota_0", "ota_1", "ota_0 ota_1", SAME},
    {"B8", 2, ROW_FACTORY, "!1:aborted,-", "", "factory", NULL, SAME},
    {"B8", 2, ROW_FACTORY, "-,-", "factory", "ota_0", "factory ota_0", SAME},
    {"B8", 3, ROW_NO_FACTORY, "-,-", "ota_0 ota_1", "ota_2", "ota_0 ota_1 ota_2", "3:valid,-"},

    /* an aborted or invalid slot can still be the one that runs */
    {"aborted runs", 2, ROW_NO_FACTORY, "1:valid,2:pending", "ota_0", "ota_1", "ota_0 ota_1",
     "1:valid,2:aborted"},
    {"aborted runs", 2, ROW_NO_FACTORY, "1:valid,2:aborted", "ota_0", "ota_1", "ota_0 ota_1", SAME},
    {"aborted runs", 2, ROW_NO_FACTORY, "1:valid,2:invalid", "ota_0", "ota_1", "ota_0 ota_1", SAME},
    {.rule = NULL},
};

/* Bootloader without rollback: new and pending are ordinary, everything else as above. */
const struct boot_row boot_rows_no_rollback[] = {
    {"no rollback", 2, ROW_ANY, "1:valid,2:new", "", "ota_1", NULL, SAME},
    {"no rollback", 2, ROW_ANY, "1:valid,2:pending", "", "ota_1", NULL, SAME},
    {"no rollback", 2, ROW_ANY, "1:pending,2:pending", "", "ota_1", NULL, SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "1:valid,!2:pending", "", "ota_0", NULL, SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "1:valid,2:new", "ota_1", "ota_0", "ota_1 ota_0", SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "1:valid,2:pending", "ota_1", "ota_0", "ota_1 ota_0", SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "-,-", "", "ota_0", NULL, "1:valid,-"},
    {"no rollback", 2, ROW_FACTORY, "-,-", "", "factory", NULL, SAME},
    {"no rollback", 2, ROW_ANY, "1:valid,2:invalid", "", "ota_0", NULL, SAME},
    {"no rollback", 2, ROW_ANY, "1:valid,2:undefined", "", "ota_1", NULL, SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "!1:valid,!2:valid", "", "ota_0", NULL, SAME},
    {"no rollback", 2, ROW_NO_FACTORY, "!1:aborted,-", "", "ota_0", NULL, "1:valid,-"},
    {.rule = NULL},
};

/* Anti-rollback with a counter of 0 and images of version 0: what differs from rollback alone, and what does not. */
const struct boot_row boot_rows_anti_rollback[] = {
    {"A floor 0", 2, ROW_NO_FACTORY, "!1:valid,!2:valid", "", "ota_0", NULL, "1:valid,!2:valid"},
    {"A floor 0", 2, ROW_NO_FACTORY, "!1:valid,-", "", "ota_0", NULL, "1:valid,-"},
    {"A floor 0", 2, ROW_FACTORY, "-,-", "factory", "ota_0", "factory ota_0", "1:valid,-"},
    {"A floor 0", 2, ROW_FACTORY, "-,-", "", "factory", NULL, SAME},
    {"A floor 0", 2, ROW_NO_FACTORY, "-,-", "", "ota_0", NULL, "1:valid,-"},
    {"A floor 0", 2, ROW_NO_FACTORY, "1:valid,2:new", "", "ota_1", NULL, "1:valid,2:pending"},
    {"A floor 0", 2, ROW_NO_FACTORY, "1:valid,2:pending", "", "ota_0", NULL, "1:valid,2:aborted"},
    {"A floor 0", 2, ROW_NO_FACTORY, "1:invalid,2:aborted", "", "ota_0", NULL, SAME},
    {"A floor 0", 2, ROW_FACTORY, "1:invalid,2:aborted", "", "factory", NULL, SAME},
    {"A floor 0", 2, ROW_NO_FACTORY, "!1:valid,2:aborted", "", "ota_0", NULL, SAME},
    {.rule = NULL},
};

/* Anti-rollback with a counter that matters. */
const struct boot_counter_row boot_rows_counter[] = {
    {"blank: recorded, and the counter follows", "-,-", 3, 3, 0, "ota_0", "1:valid,-", 3},
    {"both images below the counter", "1:valid,2:valid", 3, 3, 4, "none", "1:valid,2:valid", 4},
    {"blank, both below", "-,-", 3, 3, 4, "none", "-,-", 4},
    {"a trial does not raise the counter", "1:valid,2:new", 3, 5, 3, "ota_1", "1:valid,2:pending", 3},
    {"a confirmed image does", "1:valid,2:valid", 3, 5, 3, "ota_1", "1:valid,2:valid", 5},
    {"then the old slot is no target", "1:valid,2:invalid", 3, 5, 5, "ota_1", "1:valid,2:invalid", 5},
    {"a new entry below the counter stays new", "1:valid,2:new", 4, 3, 4, "ota_0", "1:valid,2:new", 4},
    {"after a rollback the counter rises to the old image", "1:valid,2:pending", 3, 5, 0, "ota_0",
     "1:valid,2:aborted", 3},
    {"an unconfirmed trial runs on as aborted", "1:valid,2:pending", 3, 5, 4, "ota_1", "1:valid,2:aborted",
     4},
    {"undefined does not raise it", "1:valid,2:undefined", 3, 5, 3, "ota_1", "1:valid,2:undefined", 3},
    {"no readable description: skipped", "1:valid,2:valid", 0, NO_DESCRIPTION, 0, "ota_0", "1:valid,2:valid",
     0},
    {"no readable description anywhere", "-,-", NO_DESCRIPTION, NO_DESCRIPTION, 0, "none", "-,-", 0},
    {"a new entry without description stays new", "1:valid,2:new", 2, NO_DESCRIPTION, 0, "ota_0",
     "1:valid,2:new", 2},
    {"blank, ota_0 below: ota_1 is recorded", "-,-", 3, 4, 4, "ota_1", "2:valid,-", 4},
    {.what = NULL},
};
