/* Recording: see recording.h. */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum operation_kind operation_kind_of(const struct world *w, const struct nor_command *c)
{
    if (c->op == NOR_BURN)
        return OPERATION_BURN;
    bool record = world_is_otadata(w, c->offset) || world_is_journal(w, c->offset);
    if (c->op == NOR_ERASE)
        return record ? OPERATION_RECORD_ERASE : OPERATION_IMAGE_ERASE;
    return record ? OPERATION_RECORD_PROGRAM : OPERATION_IMAGE_PROGRAM;
}

static enum nor_answer note(void *ctx, struct world *w, const struct nor_command *c)
{
    struct recording *r = ctx;
    if (c->op == NOR_READ)
        return NOR_DO;
    if (r->count == r->capacity) {
        r->capacity = r->capacity == 0 ? 256 : r->capacity * 2;
        r->operations = realloc(r->operations, r->capacity * sizeof *r->operations);
        if (r->operations == NULL)
            abort();
    }
    struct operation *o = &r->operations[r->count++];
    world_snapshot(w, &o->before);
    o->command = *c;
    if (c->op == NOR_PROGRAM || c->op == NOR_BURN)
        memcpy(o->bytes, c->bytes, c->len);
    o->kind = operation_kind_of(w, c);
    o->running_slot = w->o.truth.slot;
    o->state = vdev_agent(w->v)->state;
    return NOR_DO;
}

bool recording_try(struct recording *r, struct world *w)
{
    *r = (struct recording){0};
    w->fault = note;
    w->fault_ctx = r;
    bool good = world_run(w) && world_judge(w);
    w->fault = NULL;
    /* The array has stopped moving: commands may point into it. */
    for (uint32_t i = 0; i < r->count; i++)
        r->operations[i].command.bytes = r->operations[i].bytes;
    return good;
}

/* As the scenario's table says it must, without faults. */
static void judge_end(struct world *w)
{
    const struct ledger *l = &w->o.ledger;
    enum ot_event_kind outcome = l->attempts[l->attempt_count - 1].outcome;
    if (w->o.truth.running != w->scenario->ends_on || outcome != w->scenario->outcome)
        world_violates(w, "ends as %s on %s", ot_event_kind_name(outcome),
                       w->set.f[w->o.truth.running].version);
}

void recording_make(struct recording *r, struct world *w)
{
    if (recording_try(r, w))
        judge_end(w);
    if (w->violation[0] == '\0')
        return;
    fprintf(stderr, "matrix: %s without faults: %s\n", w->scenario->id, w->violation);
    abort();
}

void recording_drop(struct recording *r, struct world *w)
{
    for (uint32_t i = 0; i < r->count; i++)
        world_snapshot_drop(w, &r->operations[i].before);
    free(r->operations);
    *r = (struct recording){0};
}
