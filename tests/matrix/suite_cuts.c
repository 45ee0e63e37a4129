/*
 * Suites of cuts in flash operations: M1..M3 (one), M4, M5 (two), M6 (many), M8 (the same one again and again).
 *
 * A single cut costs one snapshot and one recovery. "No-op" variants go on with the agent's memory intact, so the run
 * is repeated from its beginning with the fault armed.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

static void describe(const struct operation *o, const struct variant *v, char *out, size_t len)
{
    snprintf(out, len, "%s at 0x%x, %u bytes, in %s: %s", operation_kind_name(o->kind),
             (unsigned)o->command.offset, (unsigned)o->command.len,
             o->running_slot < 0 ? "boot" : ot_agent_state_name(o->state), v->name);
}

/* A bit of another record goes with it: the patch's note, with which the image takes over (docs/formats.md). */
static bool loses_a_record(const struct variant *v)
{
    return v->kind == NOR_TEAR_DISTURB;
}

static void cut_at(struct world *w, const struct operation *o, const struct variant *v, uint64_t seed)
{
    world_restore(w, &o->before);
    world_tear(w, &o->command, v, seed);
    nor_power_on(&w->nor, seed);
}

/* --- a fault at the n-th operation, the run going on --- */

struct armed {
    uint32_t at, seen;
    enum nor_answer answer;
};

static enum nor_answer armed_fault(void *ctx, struct world *w, const struct nor_command *c)
{
    struct armed *a = ctx;
    (void)w;
    if (c->op == NOR_READ)
        return NOR_DO;
    return a->seen++ == a->at ? a->answer : NOR_DO;
}

bool run_with_answer(struct world *w, uint32_t at, enum nor_answer answer, bool next)
{
    struct armed a = {.at = at, .answer = answer};
    world_restore(w, &w->start);
    w->fault = armed_fault;
    w->fault_ctx = &a;
    bool good = world_run(w) && world_judge(w);
    w->fault = NULL;
    return good && (!next || world_next_update(w));
}

/* --- M1, M2, M3 --- */

void suite_single(struct run *r, struct world *w)
{
    struct recording rec;
    char what[200];
    recording_make(&rec, w);
    for (uint32_t i = 0; i < rec.count; i++) {
        const struct operation *o = &rec.operations[i];
        for (uint32_t v = 0; v < variant_count(o->kind); v++) {
            const uint32_t key[] = {i, v};
            const struct variant *variant = variant_get(o->kind, v);
            if (!run_takes(r, key, 2))
                continue;
            bool good;
            w->verbose = r->verbose;
            w->tolerates_full = loses_a_record(variant);
            if (variant->goes_on) {
                good = run_with_answer(w, i, NOR_SKIP, true);
            } else {
                cut_at(w, o, variant, i * 64u + v);
                good = run_to_end(w, true);
            }
            w->tolerates_full = false;
            describe(o, variant, what, sizeof what);
            run_report(r, w, good, key, 2, what);
        }
    }
    recording_drop(&rec, w);
}

/* --- M4, M5 --- */

static const struct variant second[] = {
    {NOR_TEAR_NOT_DONE, 0, 0, false, "not-done"},
    {NOR_TEAR_DONE, 0, 0, false, "done"},
    {NOR_TEAR_PREFIX, 1, 2, false, "part-1/2"},
    {NOR_TEAR_BITS, 7, 0, false, "bits-7"},
};

struct pair {
    bool records_only, all_variants;
};

static bool is_record(const struct operation *o)
{
    return o->kind == OPERATION_RECORD_PROGRAM || o->kind == OPERATION_RECORD_ERASE;
}

/* The recovery of a first cut is recorded, and cut at each of its operations. */
static void cut_recovery(struct run *r, struct world *w, const struct pair *p, const struct variant *before,
                         const uint32_t *first)
{
    struct recording rec;
    char what[200];
    (void)recording_try(&rec, w); /* a violation of the first cut alone is M1's finding */
    for (uint32_t j = 0; j < rec.count; j++) {
        const struct operation *o = &rec.operations[j];
        if (p->records_only && !is_record(o))
            continue;
        uint32_t variants = p->all_variants ? variant_count(o->kind) : 4u;
        for (uint32_t x = 0; x < variants; x++) {
            const struct variant *v = p->all_variants ? variant_get(o->kind, x) : &second[x];
            const uint32_t key[] = {first[0], first[1], j, x};
            if (v->goes_on || !run_takes(r, key, 4))
                continue;
            cut_at(w, o, v, j * 64u + x);
            w->verbose = r->verbose;
            w->tolerates_full = loses_a_record(v) || loses_a_record(before);
            bool good = run_to_end(w, run_goes_on(r, key, 4));
            w->tolerates_full = false;
            describe(o, v, what, sizeof what);
            run_report(r, w, good, key, 4, what);
        }
    }
    recording_drop(&rec, w);
}

static void suite_two(struct run *r, struct world *w, const struct pair *p)
{
    struct recording rec;
    recording_make(&rec, w);
    for (uint32_t i = 0; i < rec.count; i++) {
        const struct operation *o = &rec.operations[i];
        for (uint32_t v = 0; v < variant_count(o->kind); v++) {
            const uint32_t key[] = {i, v};
            const struct variant *variant = variant_get(o->kind, v);
            if (variant->goes_on || (p->records_only && !is_record(o)) || !run_wants(r, key, 2))
                continue;
            cut_at(w, o, variant, i * 64u + v);
            cut_recovery(r, w, p, variant, key);
        }
    }
    recording_drop(&rec, w);
}

void suite_double(struct run *r, struct world *w)
{
    suite_two(r, w, &(struct pair){0});
}

void suite_double_records(struct run *r, struct world *w)
{
    suite_two(r, w, &(struct pair){.records_only = true, .all_variants = true});
}

/* --- M6 --- */

struct storm {
    uint64_t chance;
    uint32_t left, next_in;
};

static enum nor_answer storm_fault(void *ctx, struct world *w, const struct nor_command *c)
{
    struct storm *s = ctx;
    if (c->op == NOR_READ || s->left == 0 || s->next_in-- > 0)
        return NOR_DO;
    enum operation_kind kind = operation_kind_of(w, c);
    const struct variant *v = variant_get(kind, (unsigned)(nor_random(&s->chance) % variant_count(kind)));
    s->left--;
    s->next_in = (uint32_t)(nor_random(&s->chance) % 80u);
    if (v->goes_on)
        return NOR_SKIP;
    w->tolerates_full |= loses_a_record(v);
    world_tear(w, c, v, nor_random(&s->chance));
    world_cut(w, OT_RESET_BROWNOUT);
}

void suite_many(struct run *r, struct world *w)
{
    const uint32_t per_scenario = 100000u / matrix_scenario_count + 1u;
    for (uint32_t i = 0; i < per_scenario; i++) {
        const uint32_t key[] = {i};
        if (!run_takes(r, key, 1))
            continue;
        struct storm s = {.chance = i * 1000003u + 17u};
        s.left = 3u + (uint32_t)(nor_random(&s.chance) % 8u);
        s.next_in = (uint32_t)(nor_random(&s.chance) % 120u);
        world_restore(w, &w->start);
        w->verbose = r->verbose;
        w->tolerates_full = s.left >= OT_AGENT_PATCH_STARTS; /* as in M8 */
        w->fault = storm_fault;
        w->fault_ctx = &s;
        bool good = world_run(w) && world_judge(w);
        w->fault = NULL;
        good = good && world_next_update(w);
        w->tolerates_full = false;
        run_report(r, w, good, key, 1, "several random faults");
    }
}

/* --- M8 --- */

struct brownout {
    enum nor_op op;
    uint32_t offset, left;
};

static enum nor_answer brownout_fault(void *ctx, struct world *w, const struct nor_command *c)
{
    static const struct variant half = {NOR_TEAR_PREFIX, 1, 2, false, "half"};
    struct brownout *b = ctx;
    if (c->op == NOR_READ || b->left == 0 || c->op != b->op || c->offset != b->offset)
        return NOR_DO;
    b->left--;
    world_tear(w, c, &half, b->left);
    world_cut(w, OT_RESET_BROWNOUT);
}

void suite_brownout(struct run *r, struct world *w)
{
    struct recording rec;
    char what[100];
    recording_make(&rec, w);
    for (uint32_t i = 0; i < rec.count; i++) {
        for (uint32_t k = 1; k <= 20; k++) {
            const uint32_t key[] = {i, k};
            const struct operation *o = &rec.operations[i];
            if (!run_takes(r, key, 2))
                continue;
            struct brownout b = {o->command.op, o->command.offset, k};
            world_restore(w, &o->before);
            w->verbose = r->verbose;
            /* From eight starts without progress on it gives a patch up, and is right; going on from the recording is one. */
            w->tolerates_full = k + 1u >= OT_AGENT_PATCH_STARTS;
            w->fault = brownout_fault;
            w->fault_ctx = &b;
            bool good = world_run(w) && world_judge(w);
            w->fault = NULL;
            good = good && world_next_update(w);
            w->tolerates_full = false;
            snprintf(what, sizeof what, "%u brownouts in a row at 0x%x", (unsigned)k, (unsigned)b.offset);
            run_report(r, w, good, key, 2, what);
        }
    }
    recording_drop(&rec, w);
}
