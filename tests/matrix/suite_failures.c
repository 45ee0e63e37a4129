/*
 * Suites without cuts: M9 (resets during the self test), M10 (flash that fails), M12 (reads that differ), M13 (calls
 * that fail), M11 (images with a wrong bit).
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Run from the scenario's start with the hooks that are set, take them away, judge, and update once more. */
static bool run_hooked(struct world *w, const struct run *r)
{
    w->verbose = r->verbose;
    bool good = world_run(w) && world_judge(w);
    w->fault = NULL;
    w->step_fault = NULL;
    w->network_fault = NULL;
    w->nor.hook_reads = false;
    w->nor.stuck.mask = 0;
    return good && world_next_update(w);
}

/* --- M9 --- */

struct interruption {
    enum ot_agent_state state;
    uint32_t at, seen;
    enum ot_reset_reason cause;
    bool made;
};

static void interrupt(void *ctx, struct world *w)
{
    struct interruption *i = ctx;
    if (i->made || w->o.truth.slot < 0 || vdev_agent(w->v)->state != i->state || i->seen++ != i->at)
        return;
    i->made = true;
    world_cut(w, i->cause);
}

void suite_self_test_resets(struct run *r, struct world *w)
{
    static const enum ot_reset_reason causes[] = {OT_RESET_PANIC, OT_RESET_WATCHDOG, OT_RESET_BROWNOUT,
                                                  OT_RESET_SOFTWARE, OT_RESET_DEEP_SLEEP};
    static const enum ot_agent_state states[] = {OT_AGENT_PROBATION, OT_AGENT_CONFIRMING, OT_AGENT_REVERTING};
    w->device_scenario.self_test_s = 4; /* some forty polls */
    for (uint32_t c = 0; c < 5; c++) {
        for (uint32_t s = 0; s < 3; s++) {
            for (uint32_t at = 0; at < 50; at++) {
                const uint32_t key[] = {c, s, at};
                struct interruption i = {.state = states[s], .at = at, .cause = causes[c]};
                if (!run_takes(r, key, 3))
                    continue;
                world_restore(w, &w->start);
                w->step_fault = interrupt;
                w->fault_ctx = &i;
                bool good = run_hooked(w, r);
                if (!i.made)
                    continue; /* the state is not that long: no case */
                run_report(r, w, good, key, 3, ot_reset_reason_name(i.cause));
            }
        }
    }
    w->device_scenario.self_test_s = 0;
}

/* --- M10 --- */

enum failure_mode {
    FAIL_REPORTED, /* the chip says so, once */
    FAIL_FOR_GOOD, /* ... from then on at this place */
    FAIL_NO_OP,
    FAIL_STUCK_0,
    FAIL_STUCK_1,
    FAIL_READ,     /* the next read of the place fails */
    FAIL_UNSTABLE, /* it reads differently each time until rewritten */
    FAIL_MODES
};

struct failing {
    enum failure_mode mode;
    uint32_t at, seen;
    uint32_t offset, len;
    enum nor_op op;
    bool read_failed;
};

static bool touches(const struct failing *f, const struct nor_command *c)
{
    return f->seen > f->at && c->offset < f->offset + f->len && f->offset < c->offset + c->len;
}

static enum nor_answer at_the_operation(struct failing *f, struct world *w, const struct nor_command *c)
{
    f->offset = c->offset;
    f->len = c->len;
    f->op = c->op;
    if (c->op == NOR_BURN)
        return f->mode == FAIL_NO_OP || f->mode == FAIL_UNSTABLE ? NOR_SKIP
                                                                 : NOR_FAIL; /* no flash, no stuck bits */
    switch (f->mode) {
    case FAIL_REPORTED:
    case FAIL_FOR_GOOD:
        return NOR_FAIL;
    case FAIL_NO_OP:
        return NOR_SKIP;
    case FAIL_STUCK_0:
    case FAIL_STUCK_1:
        w->nor.stuck = (struct nor_stuck){
            .offset = c->offset + c->len / 2, .mask = 4, .value = f->mode == FAIL_STUCK_1 ? 4 : 0};
        return NOR_DO;
    case FAIL_UNSTABLE:
        nor_tear(&w->nor, c, NOR_TEAR_UNSTABLE, 0, f->at);
        return NOR_SKIP;
    case FAIL_READ:
    case FAIL_MODES:
    default:
        return NOR_DO;
    }
}

static enum nor_answer failing_fault(void *ctx, struct world *w, const struct nor_command *c)
{
    struct failing *f = ctx;
    if (c->op == NOR_READ) {
        if (f->mode != FAIL_READ || f->read_failed || !touches(f, c))
            return NOR_DO;
        f->read_failed = true;
        return NOR_FAIL;
    }
    if (f->seen++ == f->at)
        return at_the_operation(f, w, c);
    if (f->mode == FAIL_FOR_GOOD && c->op == f->op && c->offset == f->offset)
        return NOR_FAIL;
    return NOR_DO;
}

/* A place that never works again is no case for "the next update succeeds": nobody can promise that. */
static bool is_repairable(enum failure_mode mode)
{
    return mode == FAIL_REPORTED || mode == FAIL_NO_OP || mode == FAIL_READ || mode == FAIL_UNSTABLE;
}

void suite_flash_failures(struct run *r, struct world *w)
{
    static const char *const names[FAIL_MODES] = {"fails once",     "fails for good", "does nothing",
                                                  "bit stuck at 0", "bit stuck at 1", "cannot be read once",
                                                  "reads unstable"};
    struct recording rec;
    char what[100];
    recording_make(&rec, w);
    uint32_t count = rec.count;
    recording_drop(&rec, w);
    for (uint32_t mode = 0; mode < FAIL_MODES; mode++) {
        for (uint32_t at = 0; at < count; at++) {
            const uint32_t key[] = {mode, at};
            struct failing f = {.mode = (enum failure_mode)mode, .at = at};
            if (!run_takes(r, key, 2))
                continue;
            world_restore(w, &w->start);
            w->fault = failing_fault;
            w->fault_ctx = &f;
            w->nor.hook_reads = f.mode == FAIL_READ;
            w->verbose = r->verbose;
            w->tolerates_failure = !is_repairable(f.mode);
            w->tolerates_full = f.mode == FAIL_READ || f.mode == FAIL_UNSTABLE;
            bool good = run_hooked(w, r);
            w->tolerates_failure = false;
            w->tolerates_full = false;
            snprintf(what, sizeof what, "operation %u %s", (unsigned)at, names[mode]);
            run_report(r, w, good, key, 2, what);
        }
    }
}

/* --- M12, M13 --- */

struct nth {
    uint64_t at, seen;
    enum nor_answer answer;
    bool reads; /* else programs and erases */
};

/*
 * A genuine bootloader with anti-rollback reads secure_version once and burns what it read. A wrong bit there can cost a
 * chip its old images, and nothing outside the bootloader can help it: no case for the agent.
 */
static bool bootloader_reads_version(const struct world *w, const struct nor_command *c)
{
    return w->scenario->anti_rollback && w->o.truth.slot < 0 && c->op == NOR_READ && c->len == 8;
}

static enum nor_answer nth_command(void *ctx, struct world *w, const struct nor_command *c)
{
    struct nth *n = ctx;
    if ((c->op == NOR_READ) != n->reads || bootloader_reads_version(w, c))
        return NOR_DO;
    return n->seen++ == n->at ? n->answer : NOR_DO;
}

static bool nth_network(void *ctx, struct world *w)
{
    struct nth *n = ctx;
    (void)w;
    return n->seen++ == n->at;
}

static void nth_clock(void *ctx, struct world *w)
{
    struct nth *n = ctx;
    if (n->seen++ == n->at)
        w->o.now_ms += 10ull * 365u * 86400u * 1000u; /* ten years in one step */
}

enum nth_what {
    NTH_READ_FLIPS,
    NTH_READ_FAILS,
    NTH_WRITE_FAILS,
    NTH_NETWORK_FAILS,
    NTH_CLOCK_JUMPS,
};

static void hook_nth(struct world *w, struct nth *n, enum nth_what what)
{
    world_restore(w, &w->start);
    w->fault_ctx = n;
    n->answer = what == NTH_READ_FLIPS ? NOR_FLIP : NOR_FAIL;
    n->reads = what == NTH_READ_FLIPS || what == NTH_READ_FAILS;
    w->nor.hook_reads = n->reads;
    if (what == NTH_NETWORK_FAILS)
        w->network_fault = nth_network;
    else if (what == NTH_CLOCK_JUMPS)
        w->step_fault = nth_clock;
    else
        w->fault = nth_command;
}

static void every_nth(struct run *r, struct world *w, enum nth_what what, const char *text)
{
    struct nth count = {.at = UINT64_MAX};
    hook_nth(w, &count, what);
    (void)world_run(w);
    w->fault = NULL;
    w->step_fault = NULL;
    w->network_fault = NULL;
    for (uint32_t at = 0; at < count.seen; at++) {
        const uint32_t key[] = {(uint32_t)what, at};
        struct nth n = {.at = at};
        if (!run_takes(r, key, 2))
            continue;
        hook_nth(w, &n, what);
        w->tolerates_full = n.reads;
        run_report(r, w, run_hooked(w, r), key, 2, text);
        w->tolerates_full = false;
    }
}

void suite_changing_reads(struct run *r, struct world *w)
{
    every_nth(r, w, NTH_READ_FLIPS, "one read delivers a wrong bit");
}

void suite_failing_calls(struct run *r, struct world *w)
{
    every_nth(r, w, NTH_READ_FAILS, "one read fails");
    every_nth(r, w, NTH_WRITE_FAILS, "one program or erase fails");
    every_nth(r, w, NTH_NETWORK_FAILS, "one network call fails");
    every_nth(r, w, NTH_CLOCK_JUMPS, "the clock jumps ten years ahead");
}

/* --- M11 --- */

/* Bits that nothing covers, by format: what follows a block's checksum, and what follows the blocks. */
static bool is_covered(const struct firmware *f, uint32_t byte)
{
    uint32_t sector = f->size - 4096u;
    return byte < sector || byte - sector < 1200u;
}

void suite_corrupt_image(struct run *r, struct world *w)
{
    struct firmware f = w->set.f[FIRMWARE_B];
    if (strcmp(w->scenario->id, "S2") != 0)
        return; /* the image is the same in all */
    f.bytes = malloc(f.size);
    f.blocks = NULL;
    if (f.bytes == NULL)
        abort();
    memcpy(f.bytes, w->set.f[FIRMWARE_B].bytes, f.size);
    for (uint32_t bit = 0; bit < f.size * 8u; bit++) {
        const uint32_t key[] = {bit};
        if (!is_covered(&f, bit / 8) || !run_takes(r, key, 1))
            continue;
        f.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        firmware_rehash(&f);
        world_restore(w, &w->start);
        w->server.replaced = f;
        w->server.replace_bytes = f.bytes;
        w->verbose = r->verbose;
        bool good = world_run(w) && world_judge(w);
        w->server.replace_bytes = NULL;
        if (good && (w->o.truth.running != FIRMWARE_A || w->o.ledger.attempts[0].outcome != OT_EVENT_FAILED))
            world_violates(w, "V2: an image with bit %u wrong was taken", (unsigned)bit);
        run_report(r, w, w->violation[0] == '\0', key, 1, "an image with one wrong bit is offered");
        f.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    w->server.replaced = (struct firmware){0};
    free(f.bytes);
    free(f.blocks);
}
