/* The scenario table: see scenarios.h. */
#include "scenarios.h"

#include <string.h>

#define ONE(fw)                                                                                              \
    {                                                                                                        \
        .count = 1, .offers = { {.firmware = (fw)} }                                                         \
    }
#define BOTH_SLOTS_FULL .otadata = "3:valid,2:valid", .second_slot_full = true, .prelude = FIRMWARE_NONE
#define ENDS(fw, event) .ends_on = (fw), .outcome = (event)

const struct matrix_scenario matrix_scenarios[] = {
    {.id = "S1",
     .what = "first update after the factory: otadata erased, not enrolled",
     .otadata = "-,-",
     .prelude = FIRMWARE_NONE,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S2",
     .what = "full update, ota_0 to ota_1",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S3",
     .what = "full update, ota_1 to ota_0",
     .otadata = "1:valid,-",
     .prelude = FIRMWARE_C,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S6",
     .what = "download interrupted three times and resumed",
     BOTH_SLOTS_FULL,
     .server = {.count = 1, .offers = {{.firmware = FIRMWARE_B}}, .cut_every = 5000, .cuts_max = 3},
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S7",
     .what = "self test fails: back",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_SELF_TEST_FAILS,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S8",
     .what = "the new image panics at once: the bootloader goes back",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_CRASH_AT_ONCE,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S9",
     .what = "the new image hangs: the watchdog ends it",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_HANG,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S10",
     .what = "the update brings another key and retires the present one",
     .firmware = {.changes_key = true},
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S11",
     .what = "the update raises the security counter and the floor",
     .firmware = {.raises_counter = true, .raises_floor = true},
     BOTH_SLOTS_FULL,
     .anti_rollback = true,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S12",
     .what = "the update is abandoned half-way, then another release comes",
     BOTH_SLOTS_FULL,
     .server = {.count = 2,
                .offers = {{.firmware = FIRMWARE_B, .abandon_after = 8192}, {.firmware = FIRMWARE_C}}},
     ENDS(FIRMWARE_C, OT_EVENT_CONFIRMED)},
    {.id = "S13",
     .what = "a bootloader without rollback; the new image's self test fails",
     BOTH_SLOTS_FULL,
     .no_rollback = true,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_SELF_TEST_FAILS,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S14",
     .what = "a bootloader without rollback; the new image is good",
     .otadata = "3:undefined,2:undefined",
     .second_slot_full = true,
     .prelude = FIRMWARE_NONE,
     .no_rollback = true,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S15",
     .what = "a bootloader without rollback; the new image panics at once",
     BOTH_SLOTS_FULL,
     .no_rollback = true,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_CRASH_AT_ONCE,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S16",
     .what =
         "the new image confirms, then keeps crashing a few seconds after boot: the late-crash guard goes back",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_CRASH_AFTER,
     .after_s = 5,
     .settle_s = 8,
     ENDS(FIRMWARE_A, OT_EVENT_CONFIRMED)},
    {.id = "S17",
     .what = "the old image breaks while the new one is on trial: there is nothing to go back to",
     BOTH_SLOTS_FULL,
     .old_breaks = true,
     .server = ONE(FIRMWARE_B),
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S18",
     .what = "a required check fails, and again when retried: back, with the check's name",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_SELF_TEST_FAILS,
     .check = "sensor",
     .check_retries = 2,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
    {.id = "S19",
     .what = "a check fails twice and passes at the third try; an eager self test has to wait ten seconds",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_SELF_TEST_FAILS,
     .check = "wifi",
     .check_fails = 2,
     .check_retries = 2,
     .probation_min_s = 10,
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S20",
     .what = "an optional check fails: noted, not fatal",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_SELF_TEST_FAILS,
     .check = "clock",
     .check_is_optional = true,
     ENDS(FIRMWARE_B, OT_EVENT_CONFIRMED)},
    {.id = "S21",
     .what = "the new image passes its checks and cannot reach the server: back, as no_contact",
     BOTH_SLOTS_FULL,
     .server = ONE(FIRMWARE_B),
     .does = VDEV_LOSE_NETWORK,
     ENDS(FIRMWARE_A, OT_EVENT_REVERTED)},
};

const unsigned matrix_scenario_count = sizeof matrix_scenarios / sizeof matrix_scenarios[0];

const struct matrix_scenario *matrix_scenario_find(const char *id)
{
    for (unsigned i = 0; i < matrix_scenario_count; i++) {
        if (strcmp(matrix_scenarios[i].id, id) == 0)
            return &matrix_scenarios[i];
    }
    return NULL;
}

int matrix_scenario_old(const struct matrix_scenario *s)
{
    return s->prelude != FIRMWARE_NONE ? s->prelude : FIRMWARE_A;
}
