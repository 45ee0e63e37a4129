/** The scenarios of the matrix: what is rolled out, what the new firmware does, and how it must end without faults. */
#ifndef MATRIX_SCENARIOS_H
#define MATRIX_SCENARIOS_H

#include "server.h"
#include "vdev/scenario.h"

struct matrix_scenario {
    const char *id, *what;
    struct firmware_plan firmware;        /* `bytes` comes from the suite */
    const char *otadata;                  /* at the beginning */
    bool second_slot_full;                /* C stands in ota_1, as after earlier updates */
    int prelude;                          /* firmware installed before faults begin, or FIRMWARE_NONE */
    enum firmware_patch_fault patch;      /* offered with B */
    enum firmware_patch_fault compressed; /* likewise */
    bool patch_streams;                   /* neither is ever stored */
    struct server_plan server;
    enum vdev_does does; /* firmware B */
    uint32_t after_s;
    const char *check; /* self_test_fails: the check, "" or NULL: unnamed; */
    uint32_t check_fails, check_retries, probation_min_s;
    bool check_is_optional;
    bool anti_rollback, no_rollback;
    bool old_breaks;         /* the old image is unreadable from the first boot of the new one on */
    bool secure_boot;        /* in hardware: both keys burned, the third place revoked */
    uint8_t bootloader_keys; /* bit k: the bootloader is signed by key k */
    bool keeps_key;          /* key 0 cannot be revoked in hardware: to be told, once */
    uint32_t settle_s;       /* only then is it over: what crashes late shall have crashed */
    int ends_on;
    enum ot_event_kind outcome; /* of the last attempt */
};

extern const struct matrix_scenario matrix_scenarios[];
extern const unsigned matrix_scenario_count;

/** By id ("S2"), or NULL. */
const struct matrix_scenario *matrix_scenario_find(const char *id);
/** What runs before the update. */
int matrix_scenario_old(const struct matrix_scenario *s);

#endif
