/*
 * Suites of downloads that are interrupted once: DC, the connection at a random byte; DP, the power at a random moment.
 *
 * Judged besides V1..V9: the update goes through all the same, and what had been sent already is asked for again for at
 * most a sector (connection) or a block (power): what the device holds in RAM, and what no journal record covers.
 */
#include "suites.h"

#include <stdio.h>

#define CONNECTION_CUTS 10000u
#define POWER_CUTS      2000u
#define SECTOR          4096u
#define BLOCK           65536u

/* The end: B runs, confirmed, and no more than this was sent twice. */
static bool downloaded(struct world *w, uint32_t again_max)
{
    const struct ledger *l = &w->o.ledger;
    bool good = world_run(w) && world_judge(w);
    if (good && (w->o.truth.running != FIRMWARE_B || l->attempt_count != 1 ||
                 l->attempts[0].outcome != OT_EVENT_CONFIRMED))
        world_violates(w, "the update ended as %s (%s)", ot_event_kind_name(l->attempts[0].outcome),
                       ot_status_wire(l->attempts[0].reason));
    uint32_t size = w->set.f[FIRMWARE_B].size;
    if (l->again_most > again_max || l->sent_bytes > size + again_max || l->sent_bytes < size)
        world_violates(w, "%u bytes asked for again after one cut, %u sent of %u", (unsigned)l->again_most,
                       (unsigned)l->sent_bytes, (unsigned)size);
    return w->violation[0] == '\0';
}

void suite_cut_connections(struct run *r, struct world *w)
{
    struct server_plan plan = w->server.plan;
    char what[60];
    for (uint32_t i = 0; i < CONNECTION_CUTS; i++) {
        const uint32_t key[] = {i};
        uint64_t chance = i * 7919u + 1u;
        if (!run_takes(r, key, 1))
            continue;
        world_restore(w, &w->start);
        w->verbose = r->verbose;
        w->server.plan.cut_at = 1u + (uint32_t)(nor_random(&chance) % (w->set.f[FIRMWARE_B].size - 1u));
        snprintf(what, sizeof what, "connection cut at byte %u", (unsigned)w->server.plan.cut_at);
        (void)downloaded(w, SECTOR);
        if (w->o.ledger.cuts_made != 1)
            world_violates(w, "the connection was not cut");
        run_report(r, w, w->violation[0] == '\0', key, 1, what);
    }
    w->server.plan = plan;
}

/* --- power --- */

struct moment {
    uint32_t at, seen; /* of all flash commands and network calls of the download */
    uint64_t chance;
    bool made;
};

static bool is_now(struct moment *m, const struct world *w)
{
    bool downloading = w->o.truth.slot >= 0 && vdev_agent(w->v)->state == OT_AGENT_DOWNLOADING;
    if (m->made || !downloading || m->seen++ != m->at)
        return false;
    m->made = true;
    return true;
}

static enum nor_answer moment_of_flash(void *ctx, struct world *w, const struct nor_command *c)
{
    struct moment *m = ctx;
    if (c->op == NOR_READ || !is_now(m, w))
        return NOR_DO;
    enum operation_kind kind = operation_kind_of(w, c);
    const struct variant *v;
    do
        v = variant_get(kind, (unsigned)(nor_random(&m->chance) % variant_count(kind)));
    while (v->goes_on);
    world_tear(w, c, v, nor_random(&m->chance));
    world_cut(w, OT_RESET_POWER_ON);
}

static bool moment_of_network(void *ctx, struct world *w)
{
    if (is_now(ctx, w))
        world_cut(w, OT_RESET_POWER_ON);
    return false;
}

static bool run_with_moment(struct world *w, struct moment *m)
{
    world_restore(w, &w->start);
    w->fault = moment_of_flash;
    w->network_fault = moment_of_network;
    w->fault_ctx = m;
    bool good = downloaded(w, BLOCK);
    w->fault = NULL;
    w->network_fault = NULL;
    return good;
}

void suite_cut_downloads(struct run *r, struct world *w)
{
    struct moment count = {.at = UINT32_MAX};
    char what[60];
    (void)run_with_moment(w, &count);
    for (uint32_t i = 0; i < POWER_CUTS; i++) {
        const uint32_t key[] = {i};
        struct moment m = {.chance = i * 104729u + 3u};
        if (!run_takes(r, key, 1))
            continue;
        m.at = (uint32_t)(nor_random(&m.chance) % count.seen);
        snprintf(what, sizeof what, "power cut at moment %u of %u", (unsigned)m.at, (unsigned)count.seen);
        w->verbose = r->verbose;
        (void)run_with_moment(w, &m);
        if (!m.made)
            world_violates(w, "the power was not cut");
        run_report(r, w, w->violation[0] == '\0', key, 1, what);
    }
}
