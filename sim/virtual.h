/**
 * A fleet under virtual time: the server's real fleet (decisions, ledger, store) and devices that are no more than what
 * they tell it. Weeks are played in minutes; the same scenario and seed decide the same on every machine.
 *
 *     if (virtual_play(&scenario, &options, &outcome, &err) == 0)
 *         printf("%s\n", outcome.reason);
 */
#ifndef SIM_VIRTUAL_H
#define SIM_VIRTUAL_H

#include "rollout/engine.h"
#include "virtual_scenario.h"

#include <signal.h>
#include <stdio.h>

struct virtual_options {
    const char *state_dir; /* database and artifacts; must not exist, stays; NULL: a temporary one */
    bool whole;            /* play every check-in whole; otherwise those that say nothing new are skipped */
    bool until_decided;    /* end when the rollout has finished, halted, is held or aborted */
    FILE *progress;        /* NULL: none */
    const volatile sig_atomic_t *stop; /* not zero: give up, and leave nothing behind; NULL: never */
};

struct virtual_ring {
    char name[ROLLOUT_RING_NAME_MAX + 1];
    enum ring_kind kind;
    enum ring_state state;
    uint32_t members;
    int64_t opened_s, ended_s;  /* virtual seconds after the rollout's start; -1: has not */
    uint32_t offered, switched; /* devices that had an offer, that ran the release */
    uint32_t affected; /* of those that ran it: with a behaviour of the scenario that is not healthy */
    uint32_t harmed, confirmed, soaked; /* as the server counts */
};

struct virtual_outcome {
    enum rollout_state state;
    char reason[ROLLOUT_REASON_MAX];
    uint32_t ring_count;
    struct virtual_ring rings[ROLLOUT_RINGS_MAX];
    int64_t ended_s; /* virtual seconds after the start, of the last decision */
    uint32_t devices, switched, affected;
    uint64_t whole_check_ins, skipped_check_ins;
    char decisions[OT_DIGEST_HEX_BYTES]; /* digest of the timeline and of what every member came to */
    char stored[OT_DIGEST_HEX_BYTES];    /* the same, from a server that reads the database anew */
};

/** 0, or -1 with a message. */
int virtual_play(const struct virtual_scenario *scenario, const struct virtual_options *options,
                 struct virtual_outcome *out, struct error *err);

/** For people, and as JSON (which the caller owns). */
void virtual_print(const struct virtual_outcome *o, FILE *out);
json_t *virtual_to_json(const struct virtual_outcome *o);

#endif
