/* The world of a case: see world.h. */
#include "world.h"

#include "crypto_memo.h"
#include "otaria/otadata.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTADATA      0xF000u
#define JOURNAL      0xD000u /* last two sectors of nvs */
#define AREA_BYTES   0x2000u
#define STEPS_MAX    200000u
#define BOOTS_MAX    60u
#define UNPROVEN_MAX 4u
#define PATIENCE     4000u

bool world_is_otadata(const struct world *w, uint32_t offset)
{
    (void)w;
    return offset >= OTADATA && offset < OTADATA + AREA_BYTES;
}

bool world_is_journal(const struct world *w, uint32_t offset)
{
    (void)w;
    return offset >= JOURNAL && offset < JOURNAL + AREA_BYTES;
}

void world_violates(struct world *w, const char *format, ...)
{
    va_list args;
    if (w->violation[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(w->violation, sizeof w->violation, format, args);
    va_end(args);
}

void world_cut(struct world *w, enum ot_reset_reason reason)
{
    w->cut_reason = reason;
    longjmp(w->cut, 1);
}

/* --- what the chip asks of the world --- */

static int slot_at(const struct world *w, uint32_t offset)
{
    for (int s = 0; s < 2; s++) {
        if (offset >= w->set.slot_offset[s] && offset < w->set.slot_offset[s] + w->set.slot_bytes)
            return s;
    }
    return -1;
}

/* A bootloader would take a usable entry for this slot, should the other one be lost. */
static bool otadata_names(const struct world *w, int slot)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
        struct ot_otadata_entry e;
        nor_peek(&w->nor, OTADATA + i * 0x1000u, bytes, sizeof bytes);
        ot_otadata_parse(bytes, &e);
        if (ot_otadata_usable(&e) && (int)ot_otadata_slot(&e, 2) == slot)
            return true;
    }
    return false;
}

/* V8, before anything happens. */
static void judge_place(struct world *w, const struct nor_command *c)
{
    int slot = slot_at(w, c->offset);
    bool up = w->o.truth.slot >= 0; /* a genuine bootloader looks at nothing */
    if (up && !w->tolerates_failure && nor_asks_the_impossible(&w->nor, c))
        world_violates(w, "V8: programs a 1 where a 0 stands at 0x%x", (unsigned)c->offset);
    if (world_is_otadata(w, c->offset) || (up && world_is_journal(w, c->offset)))
        return;
    if (slot < 0)
        world_violates(w, "V8: writes at 0x%x, which is nobody's", (unsigned)c->offset);
    else if (!up)
        world_violates(w, "V8: the boot step writes into ota_%d", slot);
    else if (slot == w->o.truth.slot)
        world_violates(w, "V8: writes at 0x%x into the running slot", (unsigned)c->offset);
    else if (otadata_names(w, slot) && !w->tolerates_failure)
        world_violates(w, "V1: ota_%d is overwritten while otadata would still boot it", slot);
}

static bool is_good(const struct world *w, int firmware)
{
    const struct matrix_scenario *s = w->scenario;
    if (firmware != FIRMWARE_B || s->does == VDEV_HEALTHY || s->does == VDEV_CRASH_AFTER)
        return true;
    return s->does == VDEV_SELF_TEST_FAILS &&
           (s->check_is_optional || (s->check_fails != 0 && s->check_fails <= s->check_retries));
}

/* The self test has passed and the server was reached: from here on the device may confirm, whatever happens. */
static void note_proof(struct world *w)
{
    struct truth *t = &w->o.truth;
    const struct ot_agent *a = vdev_agent(w->v);
    if (t->slot >= 0 && t->running != FIRMWARE_NONE && a->state == OT_AGENT_PROBATION &&
        a->self_test == OT_SELF_TEST_PASSED && a->contact_since_boot && is_good(w, t->running))
        t->proven[t->running] = true;
}

static enum nor_answer before_command(void *ctx, const struct nor_command *c)
{
    struct world *w = ctx;
    if (c->op != NOR_READ) {
        judge_place(w, c);
        note_proof(w);
    }
    return w->fault != NULL ? w->fault(w->fault_ctx, w, c) : NOR_DO;
}

/* The counter is unary: of the bits it asks for, some. Revoke bits likewise. Bits that are burned stay. */
static void burn_some(struct efuses *fuses, const struct efuses *want, enum nor_tear_kind kind, uint64_t seed)
{
    uint32_t missing = want->secure_version - fuses->secure_version;
    fuses->secure_version +=
        kind == NOR_TEAR_PREFIX ? missing / 2 : (uint32_t)(nor_random(&seed) % (missing + 1u));
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        if (want->revoked[i] && !fuses->revoked[i])
            fuses->revoked[i] = kind == NOR_TEAR_PREFIX ? i == 0 : (nor_random(&seed) & 1u) != 0;
    }
}

void world_tear(struct world *w, const struct nor_command *c, const struct variant *v, uint64_t seed)
{
    if (c->op != NOR_BURN) {
        variant_apply(&w->nor, c, v, seed);
        return;
    }
    struct efuses want;
    memcpy(&want, c->bytes, sizeof want);
    if (v->kind == NOR_TEAR_DONE)
        w->o.fuses = want;
    else if (v->kind != NOR_TEAR_NOT_DONE)
        burn_some(&w->o.fuses, &want, v->kind, seed + v->arg);
}

static int burn(void *ctx, const struct efuses *fuses)
{
    struct world *w = ctx;
    const struct nor_command command = {
        .op = NOR_BURN, .len = sizeof *fuses, .bytes = (const uint8_t *)fuses};
    enum nor_answer answer = w->fault != NULL ? w->fault(w->fault_ctx, w, &command) : NOR_DO;
    if (answer == NOR_FAIL)
        return -1;
    if (answer == NOR_DO)
        w->o.fuses = *fuses;
    return 0;
}

static uint64_t now_ms(void *ctx)
{
    const struct world *w = ctx;
    return w->o.now_ms;
}

static uint32_t random_word(void *ctx)
{
    struct world *w = ctx;
    return (uint32_t)nor_random(&w->o.chance);
}

static bool network_fails(struct world *w)
{
    return w->network_fault != NULL && w->network_fault(w->fault_ctx, w);
}

static enum ot_status post(void *ctx, const char *path, const char *token, const uint8_t *body, uint32_t len,
                           uint8_t *reply, uint32_t cap, uint32_t *reply_len, int *http_status)
{
    struct world *w = ctx;
    *http_status = 0;
    if (network_fails(w))
        return OT_E_NETWORK;
    return server_post(&w->server, &w->o.ledger, path, token, body, len, reply, cap, reply_len, http_status);
}

static enum ot_status get_open(void *ctx, const char *path, const char *token, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status)
{
    struct world *w = ctx;
    (void)token;
    *http_status = 0;
    if (network_fails(w))
        return OT_E_NETWORK;
    return server_get_open(&w->server, &w->o.ledger, path, offset, etag, total, http_status);
}

static enum ot_status get_read(void *ctx, uint8_t *buf, uint32_t cap, uint32_t *len)
{
    struct world *w = ctx;
    *len = 0;
    if (network_fails(w))
        return OT_E_NETWORK;
    return server_get_read(&w->server, &w->o.ledger, buf, cap, len);
}

static void get_close(void *ctx)
{
    struct world *w = ctx;
    server_get_close(&w->server, &w->o.ledger);
}

/* --- what happens --- */

static void break_slot(struct world *w, int slot)
{
    static const uint8_t zeros[64];
    nor_poke(&w->nor, w->set.slot_offset[slot] + 0x1000u, zeros, sizeof zeros);
}

/* An image that fails its trial with nothing beside it stays: nobody can do better. */
static bool something_else_would_boot(const struct world *w, int slot)
{
    int other = firmware_in_slot(&w->set, &w->nor, 1 - slot);
    return other != FIRMWARE_NONE && firmware_is_whole(&w->set, &w->nor, 1 - slot, other);
}

/* V5, and the same for keys: nothing is burned for an image that has not confirmed. */
static void judge_fuses(struct world *w)
{
    uint32_t highest = 0;
    const struct truth *t = &w->o.truth;
    for (int i = 0; i < FIRMWARE_COUNT; i++) {
        if (t->proven[i] && w->set.f[i].secure_version > highest)
            highest = w->set.f[i].secure_version;
    }
    if (w->o.fuses.secure_version > highest)
        world_violates(w, "V5: the security counter is %u before any image of that version has confirmed",
                       (unsigned)w->o.fuses.secure_version);
    if (w->o.fuses.revoked[0] && !t->proven[FIRMWARE_B] && !t->proven[FIRMWARE_N])
        world_violates(w,
                       "V5: key 0 is revoked in the eFuses before the image that retires it has confirmed");
    if (w->o.fuses.revoked[0] && w->scenario->keeps_key)
        world_violates(w, "V1: key 0 is revoked in the eFuses, and something still needs it");
}

static void booted(struct world *w, int slot)
{
    struct truth *t = &w->o.truth;
    if (w->scenario->old_breaks && firmware_in_slot(&w->set, &w->nor, slot) == FIRMWARE_B)
        break_slot(w, 1 - slot);
    w->o.boots++;
    w->o.booted_ms = w->o.now_ms;
    t->slot = slot;
    t->running = firmware_in_slot(&w->set, &w->nor, slot);
    if (t->running == FIRMWARE_NONE || !firmware_is_whole(&w->set, &w->nor, slot, t->running)) {
        world_violates(w, "V2: ota_%d boots, which holds no release", slot);
        return;
    }
    judge_fuses(w);
}

/* Its application starts: the agent did not send it back before. */
static void started(struct world *w)
{
    struct truth *t = &w->o.truth;
    if (t->running == FIRMWARE_NONE || vdev_agent(w->v)->goes_back)
        return;
    /* otadata that cannot be written any more, on a bootloader without rollback: nobody can take the image out. */
    if (w->tolerates_failure && w->scenario->no_rollback)
        return;
    if (!t->proven[t->running] && something_else_would_boot(w, t->slot) &&
        ++t->unproven_boots[t->running] > UNPROVEN_MAX)
        world_violates(w, "V3: %s was booted %u times without having passed its self test",
                       w->set.f[t->running].version, t->unproven_boots[t->running]);
}

/* When a slot is selected, nothing of a patch or a compressed image is left in its end. */
static void judge_slot_end(struct world *w, int slot, const struct firmware_patch *p)
{
    uint8_t first[32];
    if (p->bytes == NULL || slot < 0 || w->is_next)
        return;
    uint32_t area = w->set.slot_bytes - (p->size + 4095u) / 4096u * 4096u;
    nor_peek(&w->nor, w->set.slot_offset[slot] + area, first, sizeof first);
    if (memcmp(first, p->bytes, sizeof first) == 0)
        world_violates(w, "V8: the patch is still there when ota_%d is selected", slot);
}

static void changed_state(struct world *w, int to, int from)
{
    struct truth *t = &w->o.truth;
    const struct ot_agent *a = vdev_agent(w->v);
    if (to == OT_AGENT_SWITCHING) {
        judge_slot_end(w, a->attempt.slot, &w->server.patch);
        judge_slot_end(w, a->attempt.slot, &w->server.compressed);
    }
    if (to != OT_AGENT_CONFIRMING || t->running == FIRMWARE_NONE)
        return;
    if (from == OT_AGENT_PROBATION) {
        if (!is_good(w, t->running) || a->self_test != OT_SELF_TEST_PASSED || !a->contact_since_boot)
            world_violates(w, "V3: %s is confirmed without a passed self test and a contact",
                           w->set.f[t->running].version);
        t->proven[t->running] = true;
    } else if (!t->proven[t->running]) {
        world_violates(w, "V3: %s goes from %s to confirming without a self test",
                       w->set.f[t->running].version, ot_agent_state_name((enum ot_agent_state)from));
    }
}

static void on_event(void *ctx, const struct vdev *v, enum vdev_event event, int a, int b)
{
    struct world *w = ctx;
    (void)v;
    if (w->verbose && event == VDEV_STATE)
        printf("    %8llu ms  %s -> %s\n", (unsigned long long)w->o.now_ms,
               ot_agent_state_name((enum ot_agent_state)b), ot_agent_state_name((enum ot_agent_state)a));
    switch (event) {
    case VDEV_BOOTED:
        started(w);
        break;
    case VDEV_LOADED:
        booted(w, a);
        if (w->verbose)
            printf("    %8llu ms  boots ota_%d: %s\n", (unsigned long long)w->o.now_ms, a,
                   w->o.truth.running >= 0 ? w->set.f[w->o.truth.running].version : "?");
        break;
    case VDEV_STATE:
        changed_state(w, a, b);
        break;
    case VDEV_RESET:
        w->o.truth.slot = -1;
        w->o.resets++;
        break;
    case VDEV_NOTHING_BOOTS:
        world_violates(w, "V1: nothing boots");
        break;
    case VDEV_OUTCOME:
        if (w->verbose)
            printf("    outcome %s, %s\n", ot_event_kind_name((enum ot_event_kind)a),
                   ot_status_wire((enum ot_status)b));
        break;
    case VDEV_REFUSED:
    case VDEV_NETWORK:
        if (w->verbose)
            printf("    %s %s\n", event == VDEV_NETWORK ? "network" : "refused",
                   ot_status_wire((enum ot_status)a));
        break;
    case VDEV_ACKED:
    default:
        break;
    }
}

/* --- snapshots --- */

void world_snapshot(struct world *w, struct world_snapshot *out)
{
    nor_snapshot(&w->nor, &out->flash);
    out->outside = w->o;
}

void world_restore(struct world *w, const struct world_snapshot *from)
{
    nor_restore(&w->nor, &from->flash);
    w->nor.chance = from->outside.now_ms; /* a case replays to the bit, whatever ran before it */
    w->o = from->outside;
    w->violation[0] = '\0';
    w->o.truth.slot = -1;
    vdev_cut(w->v, OT_RESET_POWER_ON);
}

void world_snapshot_drop(struct world *w, struct world_snapshot *snapshot)
{
    nor_snapshot_drop(&w->nor, &snapshot->flash);
}

/* --- life --- */

static void open_device(struct world *w)
{
    struct error err = {0};
    w->ports = (struct vdev_world){.ctx = w,
                                   .flash = &w->nor.flash,
                                   .fuses = &w->o.fuses,
                                   .burn = burn,
                                   .now_ms = now_ms,
                                   .random = random_word,
                                   .crypto = crypto_memo(),
                                   .post = post,
                                   .get_open = get_open,
                                   .get_read = get_read,
                                   .get_close = get_close};
    w->behaviour = (struct vdev_behaviour){.does = w->scenario->does,
                                           .after_s = w->scenario->after_s,
                                           .has_digest = true,
                                           .digest = w->set.f[FIRMWARE_B].identity,
                                           .fails = w->scenario->check_fails,
                                           .optional = w->scenario->check_is_optional,
                                           .crash_signature = 0xDEADBEEF};
    if (w->scenario->check != NULL)
        snprintf(w->behaviour.check, sizeof w->behaviour.check, "%s", w->scenario->check);
    w->device_scenario = (struct vdev_scenario){.poll_s = 60,
                                                .check_retries = w->scenario->check_retries,
                                                .probation_min_s = w->scenario->probation_min_s,
                                                .patches_stream = w->scenario->patch_streams,
                                                .watchdog_s = 9,
                                                .speed = 1,
                                                .behaviour_count = 1,
                                                .behaviours = &w->behaviour};
    struct vdev_options options = {.server_url = "in-process",
                                   .enrolment_token = "enrol",
                                   .scenario = &w->device_scenario,
                                   .world = &w->ports,
                                   .rollback = !w->scenario->no_rollback,
                                   .anti_rollback = w->scenario->anti_rollback,
                                   .on_event = on_event,
                                   .ctx = w};
    w->v = vdev_open(&options, &err);
    if (w->v == NULL) {
        fprintf(stderr, "matrix: %s\n", err.text);
        abort();
    }
}

/* Device idle, server's plan done, nothing more to say. */
static bool is_stable(const struct world *w)
{
    uint64_t up_ms = w->o.now_ms - w->o.booted_ms;
    return vdev_is_idle(w->v) && server_is_done(&w->server, &w->o.ledger) &&
           up_ms >= (uint64_t)w->scenario->settle_s * 1000u;
}

/*
 * Where the bootloader knows no rollback, only the agent can go back; power that fails just then, again and again,
 * cannot be held against it: the image never got to run.
 */
static void forgive_boot(struct world *w)
{
    struct truth *t = &w->o.truth;
    enum ot_agent_state state = vdev_agent(w->v)->state;
    if (w->scenario->no_rollback && t->slot >= 0 && t->running != FIRMWARE_NONE && !t->proven[t->running] &&
        (state == OT_AGENT_STARTING || state == OT_AGENT_REVERTING) && t->unproven_boots[t->running] > 1)
        t->unproven_boots[t->running]--;
}

static bool step(struct world *w)
{
    uint32_t wait_ms = 0;
    if (setjmp(w->cut) != 0) {
        forgive_boot(w);
        vdev_cut(w->v, w->cut_reason);
        w->o.truth.slot = -1;
        nor_power_on(&w->nor, w->o.chance);
        return true;
    }
    if (w->step_fault != NULL)
        w->step_fault(w->fault_ctx, w);
    if (vdev_step(w->v, &wait_ms) != 0) {
        world_violates(w, "V1: nothing boots, or the agent does not start");
        return false;
    }
    w->o.now_ms += wait_ms > 0 ? wait_ms : 1;
    return true;
}

/* Flash that cannot be written any more holds no count of crashes, and a bootloader without rollback needs one. */
static bool loops_for_good(const struct world *w)
{
    return w->scenario->no_rollback || w->scenario->does == VDEV_CRASH_AFTER;
}

bool world_run(struct world *w)
{
    uint32_t boots = w->o.boots;
    for (uint32_t i = 0; w->violation[0] == '\0'; i++) {
        if (is_stable(w))
            break;
        if (!step(w))
            break;
        if (w->tolerates_failure && (i > PATIENCE || (loops_for_good(w) && w->o.boots - boots > BOOTS_MAX)))
            break; /* still alive on a whole image: all that flash which is broken for good allows */
        if (i > STEPS_MAX || w->o.boots - boots > BOOTS_MAX)
            world_violates(w, "V6: not stable after %u steps and %u boots (state %s)", (unsigned)i,
                           (unsigned)(w->o.boots - boots), ot_agent_state_name(vdev_agent(w->v)->state));
    }
    return w->violation[0] == '\0';
}

static void judge_attempt(struct world *w, uint32_t index)
{
    const struct ledger_attempt *a = &w->o.ledger.attempts[index];
    if (a->outcomes != 1)
        world_violates(w, "V7: attempt a-%u has %u outcomes", (unsigned)index + 1, (unsigned)a->outcomes);
    /* Unless flash lost the attempt's record: then the attempt is made again from its beginning. */
    bool again = (a->told_twice & 1u << OT_EVENT_DOWNLOADING) != 0;
    if (!again && (a->told_twice & ~(1u << OT_EVENT_KEY_KEPT)) != 0)
        world_violates(w, "V7: attempt a-%u tells event kinds %#x twice", (unsigned)index + 1,
                       (unsigned)a->told_twice);
    if (a->outcome == OT_EVENT_CONFIRMED && !w->o.truth.proven[a->firmware])
        world_violates(w, "V7: attempt a-%u is reported confirmed, its firmware never passed",
                       (unsigned)index + 1);
    if (a->went_back && a->late_reason == OT_E_LATE_CRASHES && a->firmware != FIRMWARE_B)
        world_violates(w, "V7: attempt a-%u is blamed for crashes, its firmware never crashes",
                       (unsigned)index + 1);
}

static enum ot_way way_due(const struct matrix_scenario *s)
{
    if (s->patch == PATCH_GOOD)
        return OT_WAY_PATCH;
    return s->compressed == PATCH_GOOD ? OT_WAY_COMPRESSED : OT_WAY_FULL;
}

/*
 * The first good one of patch and compressed image is the way taken, and costs none of the next, whatever power and network
 * do; a bad one costs nothing but the way. Flash or reads that fail may be taken for a bad patch.
 */
static void judge_way(struct world *w, const struct ledger_attempt *a)
{
    const struct matrix_scenario *s = w->scenario;
    const struct ledger *l = &w->o.ledger;
    if ((s->patch == PATCH_NONE && s->compressed == PATCH_NONE) || a->firmware != FIRMWARE_B ||
        a->outcome != OT_EVENT_CONFIRMED)
        return;
    enum ot_way way = way_due(s);
    if (a->way != way && !w->tolerates_failure && !w->tolerates_full)
        world_violates(w, "V7: told way %d, %u image bytes were sent; not by a smaller way because of %s",
                       (int)a->way, (unsigned)l->sent_image_bytes, ot_status_wire(a->not_by_patch));
    if (a->way != OT_WAY_FULL && l->sent_image_bytes > 0 && !w->tolerates_full)
        world_violates(w, "V7: told as way %d, %u image bytes were sent", (int)a->way,
                       (unsigned)l->sent_image_bytes);
    if (a->way == OT_WAY_PATCH && l->sent_compressed_bytes > 0 && !w->tolerates_full)
        world_violates(w, "V7: told as a patch, %u bytes of the compressed image were sent",
                       (unsigned)l->sent_compressed_bytes);
}

/* V9: eight erases of a metadata sector for each attempt; what resets cost comes on top. */
static void judge_wear(struct world *w)
{
    static const uint32_t places[] = {OTADATA, OTADATA + 0x1000u, JOURNAL, JOURNAL + 0x1000u};
    const struct nor_state *then = &w->start.flash;
    uint32_t limit = 8u * (w->o.ledger.attempt_count + 1u) + 4u * w->o.boots;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t sector = places[i] / FLASH_SECTOR_BYTES;
        uint32_t erases = (uint32_t)(w->nor.now.wear[sector] - (then->wear != NULL ? then->wear[sector] : 0));
        if (erases > limit && !w->tolerates_failure)
            world_violates(w, "V9: %u erases at 0x%x, the bound is %u", (unsigned)erases, (unsigned)places[i],
                           (unsigned)limit);
    }
}

/* What the image in charge asked for is in force in the end, whatever failed on the way. Judged after one more start. */
static void judge_wishes(struct world *w)
{
    const struct truth *t = &w->o.truth;
    const struct firmware *f = &w->set.f[t->running];
    const struct efuses *fuses = &w->o.fuses;
    const struct matrix_scenario *s = w->scenario;
    if (s->anti_rollback && fuses->secure_version < f->secure_version)
        world_violates(w, "V5: %s asks for counter %u, it is %u", f->version, (unsigned)f->secure_version,
                       (unsigned)fuses->secure_version);
    uint32_t told = 0;
    bool asked = false; /* B has confirmed: one that fails asks for nothing */
    for (uint32_t i = 0; i < w->o.ledger.attempt_count; i++) {
        const struct ledger_attempt *a = &w->o.ledger.attempts[i];
        told += a->keys_kept;
        asked = asked || (a->firmware == FIRMWARE_B && a->outcome == OT_EVENT_CONFIRMED);
    }
    if (!s->secure_boot || !asked)
        return;
    if (s->keeps_key && told != 1)
        world_violates(w, "V7: that a key stays valid was told %u times", (unsigned)told);
    if (!s->keeps_key && (!fuses->revoked[0] || told != 0))
        world_violates(w, "V2: key 0 is %srevoked in the eFuses; told as kept %u times",
                       fuses->revoked[0] ? "" : "not ", (unsigned)told);
}

bool world_judge(struct world *w)
{
    const struct ledger *l = &w->o.ledger;
    const struct truth *t = &w->o.truth;
    if (w->tolerates_failure && !is_stable(w))
        return w->violation[0] == '\0';
    judge_wear(w);
    if (l->attempt_count > 0 && !w->is_next)
        judge_way(w, &l->attempts[l->attempt_count - 1]);
    for (uint32_t i = 0; i < l->attempt_count; i++)
        judge_attempt(w, i);
    if (l->refused_messages > 0)
        world_violates(w, "the device sent %u messages that its own protocol refuses",
                       (unsigned)l->refused_messages);
    if (vdev_agent(w->v)->unexpected_events > 0)
        world_violates(w, "the agent met %u (state, event) pairs without a row",
                       (unsigned)vdev_agent(w->v)->unexpected_events);
    if (l->attempt_count == 0 || w->violation[0] != '\0')
        return w->violation[0] == '\0';
    const struct ledger_attempt *last = &l->attempts[l->attempt_count - 1];
    bool runs = t->running == last->firmware;
    bool says = last->outcome == OT_EVENT_CONFIRMED || last->outcome == OT_EVENT_NO_FALLBACK;
    if (runs != (says && !last->went_back) && !w->tolerates_failure)
        world_violates(w, "V4: outcome %s (%s), but %s runs", ot_event_kind_name(last->outcome),
                       ot_status_wire(last->reason), w->set.f[t->running].version);
    if (runs && last->outcome == OT_EVENT_CONFIRMED && !t->proven[t->running])
        world_violates(w, "V3: %s runs for good without having passed", w->set.f[t->running].version);
    if (l->last.running.present && !ot_digest_equal(&l->last.running.digest, &w->set.f[t->running].identity))
        world_violates(w, "V7: the server was told another digest than what runs");
    return w->violation[0] == '\0';
}

bool world_next_update(struct world *w)
{
    if (w->tolerates_failure && !is_stable(w))
        return w->violation[0] == '\0'; /* the update that never ended cannot be followed by one */
    struct server_plan plan = w->server.plan;
    const struct ledger *l = &w->o.ledger;
    w->server.plan = (struct server_plan){.count = l->plan_at + 1};
    w->server.plan.offers[l->plan_at].firmware = FIRMWARE_N;
    uint32_t attempt = l->attempt_count;
    w->o.now_ms += 61000;
    w->is_next = true;
    bool good = world_run(w) && world_judge(w);
    w->is_next = false;
    if (good && !w->tolerates_failure &&
        (w->o.truth.running != FIRMWARE_N || l->attempts[attempt].outcome != OT_EVENT_CONFIRMED))
        world_violates(w, "V6: the next update ended as %s (%s)",
                       ot_event_kind_name(l->attempts[attempt].outcome),
                       ot_status_wire(l->attempts[attempt].reason));
    if (good && !w->tolerates_failure)
        judge_wishes(w);
    w->server.plan = plan;
    return w->violation[0] == '\0';
}

static void run_prelude(struct world *w)
{
    struct server_plan plan = w->server.plan;
    w->server.plan = (struct server_plan){.count = w->scenario->prelude != FIRMWARE_NONE ? 1 : 0};
    w->server.plan.offers[0].firmware =
        (enum firmware_name)(w->scenario->prelude != FIRMWARE_NONE ? w->scenario->prelude : FIRMWARE_A);
    if (strcmp(w->scenario->id, "S1") != 0 && (!world_run(w) || !world_judge(w))) {
        fprintf(stderr, "matrix: %s: the prelude fails: %s\n", w->scenario->id, w->violation);
        abort();
    }
    w->server.plan = plan;
    w->o.ledger.plan_at = 0;
    w->o.ledger.sent_bytes = 0;
    w->o.ledger.sent_image_bytes = w->o.ledger.sent_compressed_bytes = 0;
    w->o.now_ms += 61000;
}

void world_open(struct world *w, const struct matrix_scenario *scenario, uint32_t bytes)
{
    struct firmware_plan plan = scenario->firmware;
    memset(w, 0, sizeof *w);
    w->scenario = scenario;
    plan.bytes = bytes;
    firmware_make(&w->set, &plan);
    nor_init(&w->nor, w->set.flash_bytes);
    firmware_flash(&w->set, &w->nor, scenario->otadata);
    if (scenario->second_slot_full)
        nor_poke(&w->nor, w->set.slot_offset[1], w->set.f[FIRMWARE_C].bytes, w->set.f[FIRMWARE_C].size);
    w->server = (struct server){.set = &w->set,
                                .plan = scenario->server,
                                .replaces = FIRMWARE_B,
                                .hides_patch = scenario->patch == PATCH_GONE};
    firmware_make_patch(&w->set, scenario->patch, &w->server.patch);
    firmware_compress(&w->set, scenario->compressed, &w->server.compressed);
    w->o.fuses = (struct efuses){.has_chip = true, .chip_id = MATRIX_CHIP, .mac = {2, 0, 0, 0, 0, 1}};
    if (scenario->secure_boot)
        firmware_secure_boot(&w->set, &w->nor, &w->o.fuses, scenario->bootloader_keys);
    w->o.now_ms = 1000;
    w->o.chance = 1;
    w->o.truth.slot = -1;
    w->o.truth.proven[FIRMWARE_A] = true; /* the factory saw to that */
    w->o.ledger.serves = FIRMWARE_NONE;
    open_device(w);
    w->nor.before = before_command;
    w->nor.ctx = w;
    run_prelude(w);
    world_snapshot(w, &w->start);
}

void world_close(struct world *w)
{
    world_snapshot_drop(w, &w->start);
    vdev_close(w->v);
    nor_fini(&w->nor);
    firmware_drop(&w->set);
    free(w->server.patch.bytes);
    free(w->server.compressed.bytes);
}
