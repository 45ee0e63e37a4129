/* What happened to a device: see history.h. */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct row {
    enum history_kind kind;
    int64_t count;
    const char *attempt;
    int64_t what;
    int64_t reason, way, number;
    const char *text;
    const struct ot_digest *digest;
};

static void clear_old(struct store_batch *batch, struct fleet_device *d)
{
    static const struct {
        int64_t class, keep;
    } bounds[] = {{HISTORY_CLASS(HISTORY_RUNS), HISTORY_KEEP_LIFE},
                  {HISTORY_CLASS(HISTORY_EVENT), HISTORY_KEEP_ATTEMPTS},
                  {HISTORY_CLASS(HISTORY_RESET), HISTORY_KEEP_RESETS},
                  {HISTORY_CLASS(HISTORY_TAG), HISTORY_KEEP_TAGS}};
    for (unsigned i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        store_add(batch, STORE_CLEAR_HISTORY, d->num, bounds[i].class * 10, bounds[i].class * 10 + 9,
                  bounds[i].keep - 1);
}

static void add(struct fleet *f, struct store_batch *batch, struct fleet_device *d, const struct row *row)
{
    static const struct ot_digest none;
    if (!f->keeps_history)
        return;
    store_add(batch, STORE_PUT_HISTORY, d->num, fleet_wall_ms(f), (int64_t)row->kind, row->count,
              row->attempt != NULL ? row->attempt : "", row->what, row->reason, row->way, row->number,
              row->text != NULL ? row->text : "", row->digest != NULL ? row->digest : &none,
              (int64_t)(row->kind == HISTORY_RESET));
    if (++d->history_rows < HISTORY_CLEAR_AT)
        return;
    d->history_rows = 0;
    clear_old(batch, d);
}

void fleet_history_enrolled(struct fleet *f, struct store_batch *batch, struct fleet_device *d)
{
    add(f, batch, d, &(struct row){.kind = HISTORY_ENROLLED, .count = 1});
}

/* --- check-ins --- */

static bool note_running(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                         const struct ot_wire_slot *now)
{
    const struct ot_wire_slot *before = &d->facts.running;
    if (d->has_checked_in && ot_digest_equal(&before->digest, &now->digest) &&
        strcmp(before->version, now->version) == 0)
        return false;
    if (f->keeps_history && d->has_checked_in)
        store_add(batch, STORE_END_HISTORY, d->num, fleet_wall_ms(f), (int64_t)HISTORY_RUNS);
    add(f, batch, d,
        &(struct row){.kind = HISTORY_RUNS,
                      .what = now->slot,
                      .number = now->release,
                      .text = now->version,
                      .digest = &now->digest});
    return true;
}

static bool stands_in(const struct ot_digest *key, const struct ot_digest *list, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        if (ot_digest_equal(key, &list[i]))
            return true;
    }
    return false;
}

/* Keys of `list` that are not in `other`. */
static bool note_keys(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                      const struct ot_digest *list, uint8_t count, const struct ot_digest *other,
                      uint8_t other_count, enum history_change what)
{
    bool found = false;
    for (uint8_t i = 0; i < count; i++) {
        if (stands_in(&list[i], other, other_count))
            continue;
        add(f, batch, d, &(struct row){.kind = HISTORY_KEY, .count = 1, .what = what, .digest = &list[i]});
        found = true;
    }
    return found;
}

static bool note_number(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                        enum history_kind kind, uint32_t before, uint32_t now)
{
    if (before == now)
        return false;
    add(f, batch, d, &(struct row){.kind = kind, .count = 1, .number = now});
    return true;
}

/* Abnormal ones, by the counters: what came before the first check-in is not ours to tell. */
static bool note_resets(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                        enum ot_reset_reason cause, uint32_t before, uint32_t now, uint64_t crash)
{
    char text[17] = "";
    if (!d->has_checked_in || now <= before)
        return false;
    if (crash != 0 && (cause == OT_RESET_PANIC || cause == OT_RESET_WATCHDOG))
        snprintf(text, sizeof text, "%016" PRIx64, crash);
    add(f, batch, d,
        &(struct row){
            .kind = HISTORY_RESET, .count = (int64_t)now - (int64_t)before, .what = cause, .text = text});
    return true;
}

bool fleet_history_facts(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                         const struct ot_wire_check_in *m)
{
    const struct ot_wire_check_in *b = &d->facts;
    const struct ot_health *before = &b->health, *now = &m->health;
    uint64_t crash = now->crash_signature;
    bool any = note_running(f, batch, d, &m->running);
    any |= note_keys(f, batch, d, b->keys, b->key_count, m->keys, m->key_count, HISTORY_GONE);
    any |= note_keys(f, batch, d, m->keys, m->key_count, b->keys, b->key_count, HISTORY_COME);
    any |=
        note_keys(f, batch, d, m->revoked, m->revoked_count, b->revoked, b->revoked_count, HISTORY_REVOKED);
    any |= note_number(f, batch, d, HISTORY_FLOOR, b->floor, m->floor);
    any |= note_number(f, batch, d, HISTORY_SECURE_VERSION, b->secure_version, m->secure_version);
    any |= note_resets(f, batch, d, OT_RESET_PANIC, before->panics, now->panics, crash);
    any |= note_resets(f, batch, d, OT_RESET_WATCHDOG, before->watchdogs, now->watchdogs, crash);
    any |= note_resets(f, batch, d, OT_RESET_BROWNOUT, before->brownouts, now->brownouts, 0);
    any |= note_resets(f, batch, d, OT_RESET_UNKNOWN, before->other_resets, now->other_resets, 0);
    return any;
}

/* --- attempts --- */

void fleet_history_event(struct fleet *f, struct store_batch *batch, struct fleet_device *d,
                         const struct ot_wire_event *e)
{
    add(f, batch, d,
        &(struct row){.kind = HISTORY_EVENT,
                      .count = 1,
                      .attempt = e->attempt,
                      .what = e->kind,
                      .reason = e->reason,
                      .way = e->way,
                      .number = e->bytes,
                      .text = e->check});
}

void fleet_history_state(struct fleet_change *change, uint32_t member)
{
    char attempt[32];
    const struct rollout_member *m = &change->rollout->engine.members[member];
    struct fleet_device *d = change->rollout->members[member].device;
    if (m->attempt == 0 || (m->state != ATTEMPT_OFFERED && m->state != ATTEMPT_SILENT &&
                            m->state != ATTEMPT_SUPERSEDED && m->state != ATTEMPT_WITHDRAWN))
        return; /* the device tells of the others itself */
    snprintf(attempt, sizeof attempt, "a-%" PRIu64, m->attempt);
    add(change->fleet, change->batch, d,
        &(struct row){.kind = HISTORY_STATE,
                      .count = 1,
                      .attempt = attempt,
                      .what = m->state,
                      .reason = m->reason,
                      .number = (int64_t)change->rollout->engine.id,
                      .text = fleet_target(change->rollout, (int)member, d)->version});
}

void fleet_history_tag(struct fleet *f, struct store_batch *batch, struct fleet_device *d, const char *who,
                       const char *tag, enum history_change what)
{
    add(f, batch, d,
        &(struct row){.kind = HISTORY_TAG, .count = 1, .attempt = who, .what = what, .text = tag});
}
