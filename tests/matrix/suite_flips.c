/*
 * M7: flipped bits in the otadata records, in every state an update goes through.
 *
 * The stock format covers the sequence only, so some flips cannot be detected by a bootloader. What must hold all the
 * same: something verified boots, and an image that has not confirmed still owes its self test.
 */
#include "suites.h"

#include "otaria/otadata.h"

#include <stdio.h>
#include <string.h>

#define OTADATA 0xF000u
#define MOMENTS 7u

/** A moment of a device's life with a certain state in the newest record. */
struct moment {
    const char *name, *scenario;
    uint32_t state;
    bool found;
    struct world_snapshot snapshot;
};

static const struct moment wanted[MOMENTS] = {
    {.name = "blank", .scenario = "S1", .state = 0xFFFFFFFEu}, /* no record at all */
    {.name = "new", .scenario = "S2", .state = OT_OTA_NEW},
    {.name = "pending", .scenario = "S2", .state = OT_OTA_PENDING},
    {.name = "valid", .scenario = "S2", .state = OT_OTA_VALID},
    {.name = "invalid", .scenario = "S7", .state = OT_OTA_INVALID},
    {.name = "aborted", .scenario = "S8", .state = OT_OTA_ABORTED},
    {.name = "undefined", .scenario = "S14", .state = OT_OTA_UNDEFINED},
};

static bool record_is(const struct world *w, unsigned sector, uint32_t state)
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
    struct ot_otadata_entry e;
    nor_peek(&w->nor, OTADATA + sector * 0x1000u, bytes, sizeof bytes);
    ot_otadata_parse(bytes, &e);
    if (state == 0xFFFFFFFEu)
        return e.seq == OT_OTADATA_SEQ_EMPTY;
    return e.seq != OT_OTADATA_SEQ_EMPTY && ot_otadata_crc_ok(&e) && e.state == state;
}

/* The newest record (the updates of the scenarios go to sector 1) has the state; blank: both are. */
static bool is_moment(const struct world *w, const struct moment *m)
{
    if (m->state == 0xFFFFFFFEu)
        return record_is(w, 0, m->state) && record_is(w, 1, m->state);
    return record_is(w, 1, m->state) && w->o.ledger.attempt_count > 0;
}

struct search {
    struct moment *m;
};

static enum nor_answer look(void *ctx, struct world *w, const struct nor_command *c)
{
    struct search *s = ctx;
    /* The last such moment before the next operation: the state has been reached and is being lived in. */
    if (c->op == NOR_READ || !is_moment(w, s->m))
        return NOR_DO;
    if (s->m->found)
        world_snapshot_drop(w, &s->m->snapshot);
    world_snapshot(w, &s->m->snapshot);
    s->m->found = true;
    return NOR_DO;
}

/* The scenario's moments, in order of the table. False: it has none. */
static bool find(struct world *w, struct moment *m)
{
    struct search s = {m};
    if (strcmp(m->scenario, w->scenario->id) != 0)
        return false;
    world_restore(w, &w->start);
    w->fault = look;
    w->fault_ctx = &s;
    (void)world_run(w);
    w->fault = NULL;
    return m->found;
}

static void flip(struct world *w, unsigned record, uint32_t bit)
{
    uint8_t byte;
    uint32_t at = OTADATA + record * 0x1000u + bit / 8;
    nor_peek(&w->nor, at, &byte, 1);
    byte ^= (uint8_t)(1u << (bit % 8));
    nor_poke(&w->nor, at, &byte, 1);
}

void suite_bit_flips(struct run *r, struct world *w)
{
    char what[100];
    for (uint32_t i = 0; i < MOMENTS; i++) {
        struct moment m = wanted[i];
        if (!find(w, &m))
            continue;
        for (uint32_t record = 0; record < 2; record++) {
            for (uint32_t bit = 0; bit < 256; bit++) {
                const uint32_t key[] = {i, record, bit};
                if (!run_takes(r, key, 3))
                    continue;
                world_restore(w, &m.snapshot);
                flip(w, record, bit);
                w->verbose = r->verbose;
                snprintf(what, sizeof what, "otadata %s: bit %u of record %u flipped", m.name, (unsigned)bit,
                         (unsigned)record);
                run_report(r, w, run_to_end(w, true), key, 3, what);
            }
        }
        world_snapshot_drop(w, &m.snapshot);
    }
}

void suite_bit_pairs(struct run *r, struct world *w)
{
    char what[100];
    for (uint32_t i = 1; i < 4; i++) { /* new, pending, valid */
        struct moment m = wanted[i];
        if (!find(w, &m))
            continue;
        for (uint32_t pair = 0; pair < 65536; pair++) {
            const uint32_t key[] = {i, pair};
            if (!run_takes(r, key, 2))
                continue;
            world_restore(w, &m.snapshot);
            flip(w, 1, pair / 256);
            flip(w, 1, pair % 256);
            w->verbose = r->verbose;
            snprintf(what, sizeof what, "otadata %s: bits %u and %u of record 1 flipped", m.name,
                     (unsigned)(pair / 256), (unsigned)(pair % 256));
            run_report(r, w, run_to_end(w, run_goes_on(r, key, 2)), key, 2, what);
        }
        world_snapshot_drop(w, &m.snapshot);
    }
}

/* A flip, and the recovery from it cut at each of its first operations. */
void suite_flip_and_cut(struct run *r, struct world *w)
{
    char what[100];
    for (uint32_t i = 0; i < MOMENTS; i++) {
        struct moment m = wanted[i];
        if (!find(w, &m))
            continue;
        for (uint32_t flipped = 0; flipped < 512; flipped++) {
            struct recording rec;
            const uint32_t first[] = {i, flipped};
            if (!run_wants(r, first, 2))
                continue;
            world_restore(w, &m.snapshot);
            flip(w, flipped / 256, flipped % 256);
            (void)recording_try(&rec, w);
            for (uint32_t j = 0; j < rec.count; j++) {
                const uint32_t key[] = {i, flipped, j};
                static const struct variant half = {NOR_TEAR_PREFIX, 1, 2, false, "half"};
                if (!run_takes(r, key, 3))
                    continue;
                world_restore(w, &rec.operations[j].before);
                variant_apply(&w->nor, &rec.operations[j].command, &half, j);
                w->verbose = r->verbose;
                snprintf(what, sizeof what, "otadata %s: bit %u flipped, recovery cut", m.name,
                         (unsigned)flipped);
                run_report(r, w, run_to_end(w, run_goes_on(r, key, 3)), key, 3, what);
            }
            recording_drop(&rec, w);
        }
        world_snapshot_drop(w, &m.snapshot);
    }
}
