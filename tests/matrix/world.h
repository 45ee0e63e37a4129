/**
 * One device and its server in one process: flash, eFuses, time, ledger. A case restores a snapshot, does something
 * terrible, and runs the device until nothing is left to do; the invariants V1..V9 are judged on the way.
 */
#ifndef MATRIX_WORLD_H
#define MATRIX_WORLD_H

#include "scenarios.h"
#include "variants.h"
#include "vdev/vdev.h"

#include <setjmp.h>

/** What is true, whatever the device believes. */
struct truth {
    int running;                 /* firmware of the present boot */
    int slot;                    /* where it runs from */
    bool proven[FIRMWARE_COUNT]; /* passed its own self test, and reached the server, before confirming */
    uint8_t unproven_boots[FIRMWARE_COUNT];
};

/** Everything outside the flash that survives a power cut. */
struct outside {
    struct efuses fuses;
    uint64_t now_ms, booted_ms, chance;
    struct ledger ledger;
    struct truth truth;
    uint32_t boots, resets;
};

struct world_snapshot {
    struct nor_state flash;
    struct outside outside;
};

struct world {
    const struct matrix_scenario *scenario;
    struct firmware_set set;
    struct nor nor;
    struct server server;
    struct outside o;
    struct vdev_scenario device_scenario;
    struct vdev_behaviour behaviour;
    struct vdev_world ports;
    struct vdev *v;
    jmp_buf cut; /* longjmp here: the power goes */
    enum ot_reset_reason cut_reason;
    bool cut_armed;
    char violation[300]; /* the first one; "" none */
    bool verbose;
    bool tolerates_failure; /* a place of the flash is broken for good: the next update may fail, cleanly */
    bool tolerates_full; /* a good patch may be given up for the image: reads lie, or its record was lost */
    bool is_next;        /* the update after everything, which is never a patch */
    /* Called before each program, erase and burn (reads too when nor.hook_reads): the fault injector. */
    enum nor_answer (*fault)(void *ctx, struct world *w, const struct nor_command *command);
    /* Called before each agent step; may cut. */
    void (*step_fault)(void *ctx, struct world *w);
    /* Called before each network call; true: it fails. */
    bool (*network_fault)(void *ctx, struct world *w);
    void *fault_ctx;
    struct world_snapshot start;
};

/** A world where the scenario's prelude has happened. `bytes`: size of the images. Aborts when that already fails. */
void world_open(struct world *w, const struct matrix_scenario *scenario, uint32_t bytes);
void world_close(struct world *w);

void world_snapshot(struct world *w, struct world_snapshot *out);
void world_restore(struct world *w, const struct world_snapshot *from);
void world_snapshot_drop(struct world *w, struct world_snapshot *snapshot);

/** Cut the power from within a hook; does not return. */
void world_cut(struct world *w, enum ot_reset_reason reason) __attribute__((noreturn));

/** Leave an operation, of the flash or a burn, as the variant says. */
void world_tear(struct world *w, const struct nor_command *command, const struct variant *variant,
                uint64_t seed);

/** Run until the server's plan is done and the device idle, or something is violated. false: violated. */
bool world_run(struct world *w);
/** ... and judge how it ended: outcome and running firmware belong together, one outcome an attempt. */
bool world_judge(struct world *w);
/** After everything: the next update must go through. */
bool world_next_update(struct world *w);

/** Note a violation, if it is the first. */
void world_violates(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The flash areas of the device's own records. */
bool world_is_otadata(const struct world *w, uint32_t offset);
bool world_is_journal(const struct world *w, uint32_t offset);

#endif
