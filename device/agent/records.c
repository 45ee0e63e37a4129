/*
 * Layouts never change: the old image that comes back reads what the new one wrote. A new fact gets a new record.
 *
 * Journal records. Every record: [0] format version 1, payload little endian, last 4 bytes CRC-32 of what precedes.
 *
 *   ATTEMPT  1 phase, 2 slot, 3 flags (1 undescribed, 2 switching reported), 4 switch tries, 5 probation boots,
 *            6 last tries, 7 zero, 8 release, 12 verified, 16 received, 20 reason, 24 bytes, 28 block bytes,
 *            32 target, 64 artifact sha256, 96 blocks sha256, 128 last target, 160 id[25], 185 version[33]
 *   OUTBOX   1 count, 4 next seq, then 40 bytes an event: seq, kind, way (full for a newer one), newer way, zero, reason,
 *            bytes, id[24]
 *   TRUST    1 revoked count, 2 key count, 4 floor, 8 generation, 12 keys[4], 140 revoked digests
 *   TOKEN    1 enrolled, 2 token[64]
 *   HEALTH   4 boots, panics, watchdogs, brownouts, other resets; 24 uptime (u64), 32 crash signature (u64)
 *   CLAIM    two of: digest[32], release, version[33]
 *   CHECK    4 attempt id[25], 32 check name[25]
 *   PATCH    1 way, 2 starts, 4 reason, 8 bytes, 12 fetched, 16 applied, 20 received, 24 sha256, 56 attempt id[25]
 *   COMPRESSED  the same
 *   PROOF    1 crashes, 2 trial boots, 3 bootloader, 4 keys settled, 8 digest, 40 attempt id[25]
 */
#include "work.h"

#include "otaria/bytes.h"
#include "otaria/planted.h"

#include <string.h>

#define FORMAT_VERSION 1u
#define CRC_BYTES      4u
#define ATTEMPT_BYTES  218u
#define EVENT_BYTES    40u
#define OUTBOX_HEAD    8u
#define TRUST_HEAD     140u
#define TOKEN_BYTES    66u
#define HEALTH_BYTES   40u
#define CLAIM_BYTES    69u
#define PROOF_BYTES    65u
#define CHECK_BYTES    57u
#define PATCH_BYTES    81u
#define READ_TRIES     3

_Static_assert(OUTBOX_HEAD + OT_AGENT_OUTBOX_EVENTS * EVENT_BYTES + CRC_BYTES <= OT_JOURNAL_RECORD_MAX,
               "outbox");
_Static_assert(TRUST_HEAD + OT_WIRE_REVOKED_MAX * OT_DIGEST_BYTES + CRC_BYTES <= OT_JOURNAL_RECORD_MAX,
               "trust");

static enum ot_status save(struct ot_agent *a, enum ot_journal_key key, uint8_t *bytes, uint32_t len)
{
    bytes[0] = FORMAT_VERSION;
    ot_store32(bytes + len, ot_crc32(0, bytes, len));
    enum ot_status st = a->port->journal_set(a->port->ctx, key, bytes, len + CRC_BYTES);
    if (st == OT_OK)
        a->journal_failures = 0;
    else if (a->journal_failures < 12)
        a->journal_failures++;
    return st;
}

static bool is_well_formed(const uint8_t *bytes, uint32_t len)
{
    return len > CRC_BYTES && bytes[0] == FORMAT_VERSION &&
           ot_load32(bytes + len - CRC_BYTES) == ot_crc32(0, bytes, len - CRC_BYTES);
}

/*
 * The payload length of a whole, well-formed record, else 0. A record that is there and cannot be read is not an
 * absent one: the agent must not start without it (a lost token would lock the device out).
 */
static uint32_t load(struct ot_agent *a, enum ot_journal_key key, uint8_t bytes[OT_JOURNAL_RECORD_MAX])
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint32_t len = 0;
        enum ot_status st = a->port->journal_get(a->port->ctx, key, bytes, OT_JOURNAL_RECORD_MAX, &len);
        if (st == OT_E_NOT_FOUND || (OT_PLANTED(11) && st != OT_OK))
            return 0;
        if (st == OT_OK && is_well_formed(bytes, len))
            return len - CRC_BYTES;
        if (st != OT_OK && i == READ_TRIES - 1)
            a->failure = st;
    }
    return 0;
}

enum ot_status agent_save_attempt(struct ot_agent *a)
{
    const struct ot_attempt *t = &a->attempt;
    uint8_t b[ATTEMPT_BYTES + CRC_BYTES] = {0};
    b[1] = (uint8_t)t->phase;
    b[2] = (uint8_t)t->slot;
    b[3] = (uint8_t)((t->undescribed ? 1u : 0u) | (t->switching_reported ? 2u : 0u));
    b[4] = t->switch_tries;
    b[5] = t->probation_boots;
    b[6] = t->last_tries;
    ot_store32(b + 8, t->release);
    ot_store32(b + 12, t->verified_bytes);
    ot_store32(b + 16, t->received_bytes);
    ot_store32(b + 20, (uint32_t)(int32_t)t->reason);
    ot_store32(b + 24, t->image.bytes);
    ot_store32(b + 28, t->image.block_bytes);
    memcpy(b + 32, t->target.bytes, 32);
    memcpy(b + 64, t->image.sha256.bytes, 32);
    memcpy(b + 96, t->image.blocks_sha256.bytes, 32);
    memcpy(b + 128, t->last_target.bytes, 32);
    memcpy(b + 160, t->id, sizeof t->id);
    memcpy(b + 185, t->version, sizeof t->version);
    return save(a, OT_JOURNAL_ATTEMPT, b, ATTEMPT_BYTES);
}

static void load_attempt(struct ot_agent *a)
{
    struct ot_attempt *t = &a->attempt;
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_ATTEMPT, b) != ATTEMPT_BYTES || b[1] > OT_PHASE_REVERTING)
        return;
    t->phase = (enum ot_attempt_phase)b[1];
    t->slot = (int8_t)b[2];
    t->undescribed = (b[3] & 1u) != 0;
    t->switching_reported = (b[3] & 2u) != 0;
    t->switch_tries = b[4];
    t->probation_boots = b[5];
    t->last_tries = b[6];
    t->release = ot_load32(b + 8);
    t->verified_bytes = ot_load32(b + 12);
    t->received_bytes = ot_load32(b + 16);
    t->reason = (enum ot_status)(int32_t)ot_load32(b + 20);
    t->image.bytes = ot_load32(b + 24);
    t->image.block_bytes = ot_load32(b + 28);
    memcpy(t->target.bytes, b + 32, 32);
    memcpy(t->image.sha256.bytes, b + 64, 32);
    memcpy(t->image.blocks_sha256.bytes, b + 96, 32);
    memcpy(t->last_target.bytes, b + 128, 32);
    memcpy(t->id, b + 160, OT_ATTEMPT_ID_MAX);
    memcpy(t->version, b + 185, OT_VERSION_MAX);
}

/* An agent of the time before these ways could not send their numbers, and so nothing at all: it reads them as `full`. */
static bool is_newer(enum ot_way way)
{
    return way == OT_WAY_COMPRESSED;
}

enum ot_status agent_save_outbox(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX] = {0};
    b[1] = a->outbox.count;
    ot_store32(b + 4, a->outbox.next_seq);
    for (uint32_t i = 0; i < a->outbox.count; i++) {
        const struct ot_wire_event *e = &a->outbox.events[i];
        uint8_t *p = b + OUTBOX_HEAD + i * EVENT_BYTES;
        ot_store32(p, e->seq);
        p[4] = (uint8_t)e->kind;
        p[5] = (uint8_t)(is_newer(e->way) ? OT_WAY_FULL : e->way);
        p[6] = (uint8_t)(is_newer(e->way) ? e->way : 0);
        ot_store32(p + 8, (uint32_t)(int32_t)e->reason);
        ot_store32(p + 12, e->bytes);
        memcpy(p + 16, e->attempt, OT_ATTEMPT_ID_MAX);
    }
    return save(a, OT_JOURNAL_OUTBOX, b, OUTBOX_HEAD + a->outbox.count * EVENT_BYTES);
}

static void load_outbox(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    uint32_t len = load(a, OT_JOURNAL_OUTBOX, b);
    a->outbox.next_seq = 1;
    if (len < OUTBOX_HEAD || b[1] > OT_AGENT_OUTBOX_EVENTS || len != OUTBOX_HEAD + b[1] * EVENT_BYTES)
        return;
    a->outbox.count = b[1];
    a->outbox.next_seq = ot_load32(b + 4);
    for (uint32_t i = 0; i < a->outbox.count; i++) {
        struct ot_wire_event *e = &a->outbox.events[i];
        const uint8_t *p = b + OUTBOX_HEAD + i * EVENT_BYTES;
        e->seq = ot_load32(p);
        e->kind = (enum ot_event_kind)p[4];
        e->way = (enum ot_way)(p[6] == OT_WAY_COMPRESSED ? p[6] : p[5]);
        e->reason = (enum ot_status)(int32_t)ot_load32(p + 8);
        e->bytes = ot_load32(p + 12);
        memcpy(e->attempt, p + 16, OT_ATTEMPT_ID_MAX);
    }
}

enum ot_status agent_save_trust(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX] = {0};
    uint32_t len = TRUST_HEAD + a->trust.revoked_count * OT_DIGEST_BYTES;
    b[1] = a->trust.revoked_count;
    b[2] = a->trust.key_count;
    ot_store32(b + 4, a->trust.floor);
    ot_store32(b + 8, ++a->trust.generation);
    memcpy(b + 12, a->trust.keys, a->trust.key_count * OT_DIGEST_BYTES);
    memcpy(b + TRUST_HEAD, a->trust.revoked, a->trust.revoked_count * OT_DIGEST_BYTES);
    enum ot_status st = save(a, OT_JOURNAL_TRUST, b, len);
    return st == OT_OK ? save(a, OT_JOURNAL_TRUST_2, b, len) : st;
}

/* Floor and revocations only ever grow: what either copy knows is in force. Of the keys the newer list is. */
static void load_trust_copy(struct ot_agent *a, enum ot_journal_key key)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    uint32_t len = load(a, key, b);
    if (len < TRUST_HEAD || b[1] > OT_WIRE_REVOKED_MAX || b[2] > OT_WIRE_KEYS_MAX ||
        len != TRUST_HEAD + b[1] * OT_DIGEST_BYTES)
        return;
    if (ot_load32(b + 8) > a->trust.generation) {
        a->trust.generation = ot_load32(b + 8);
        a->trust.key_count = b[2];
        memcpy(a->trust.keys, b + 12, b[2] * OT_DIGEST_BYTES);
    }
    if (ot_load32(b + 4) > a->trust.floor)
        a->trust.floor = ot_load32(b + 4);
    if (b[1] > a->trust.revoked_count) {
        a->trust.revoked_count = b[1];
        memcpy(a->trust.revoked, b + TRUST_HEAD, b[1] * OT_DIGEST_BYTES);
    }
}

enum ot_status agent_save_token(struct ot_agent *a)
{
    uint8_t b[TOKEN_BYTES + CRC_BYTES] = {0};
    b[1] = a->enrolled ? 1 : 0;
    memcpy(b + 2, a->token, 64);
    return save(a, OT_JOURNAL_TOKEN, b, TOKEN_BYTES);
}

static void load_token(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_TOKEN, b) != TOKEN_BYTES)
        return;
    a->enrolled = b[1] == 1;
    memcpy(a->token, b + 2, 64);
}

enum ot_status agent_save_health(struct ot_agent *a)
{
    uint8_t b[HEALTH_BYTES + CRC_BYTES] = {0};
    ot_store32(b + 4, a->health.boots);
    ot_store32(b + 8, a->health.panics);
    ot_store32(b + 12, a->health.watchdogs);
    ot_store32(b + 16, a->health.brownouts);
    ot_store32(b + 20, a->health.other_resets);
    ot_store64(b + 24, a->health.uptime_s);
    ot_store64(b + 32, a->health.crash_signature);
    return save(a, OT_JOURNAL_HEALTH, b, HEALTH_BYTES);
}

static void load_health(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_HEALTH, b) != HEALTH_BYTES)
        return;
    a->health.boots = ot_load32(b + 4);
    a->health.panics = ot_load32(b + 8);
    a->health.watchdogs = ot_load32(b + 12);
    a->health.brownouts = ot_load32(b + 16);
    a->health.other_resets = ot_load32(b + 20);
    a->health.uptime_s = ot_load64(b + 24);
    a->health.crash_signature = ot_load64(b + 32);
}

enum ot_status agent_save_claims(struct ot_agent *a)
{
    uint8_t b[8 + 2 * CLAIM_BYTES + CRC_BYTES] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *p = b + 8 + i * CLAIM_BYTES;
        memcpy(p, a->claims[i].digest.bytes, 32);
        ot_store32(p + 32, a->claims[i].release);
        memcpy(p + 36, a->claims[i].version, OT_VERSION_MAX);
    }
    return save(a, OT_JOURNAL_CLAIM, b, 8 + 2 * CLAIM_BYTES);
}

static void load_claims(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_CLAIM, b) != 8 + 2 * CLAIM_BYTES)
        return;
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *p = b + 8 + i * CLAIM_BYTES;
        memcpy(a->claims[i].digest.bytes, p, 32);
        a->claims[i].release = ot_load32(p + 32);
        memcpy(a->claims[i].version, p + 36, OT_VERSION_MAX);
    }
}

enum ot_status agent_save_proof(struct ot_agent *a)
{
    uint8_t b[PROOF_BYTES + CRC_BYTES] = {0};
    b[1] = a->proof.crashes;
    b[2] = a->proof.trial_boots;
    b[3] = (uint8_t)a->bootloader;
    b[4] = a->proof.keys_settled ? 1 : 0;
    memcpy(b + 8, a->proof.digest.bytes, OT_DIGEST_BYTES);
    memcpy(b + 40, a->proof.attempt, OT_ATTEMPT_ID_MAX);
    return save(a, OT_JOURNAL_PROOF, b, PROOF_BYTES);
}

static void load_proof(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_PROOF, b) != PROOF_BYTES)
        return;
    a->proof.crashes = b[1];
    a->proof.trial_boots = b[2];
    a->bootloader = b[3] <= OT_BOOTLOADER_PLAIN ? (enum ot_wire_bootloader)b[3] : OT_BOOTLOADER_UNKNOWN;
    a->proof.keys_settled = b[4] == 1;
    memcpy(a->proof.digest.bytes, b + 8, OT_DIGEST_BYTES);
    memcpy(a->proof.attempt, b + 40, OT_ATTEMPT_ID_MAX);
}

enum ot_status agent_save_check(struct ot_agent *a)
{
    uint8_t b[CHECK_BYTES + CRC_BYTES] = {0};
    memcpy(b + 4, a->check_note.attempt, OT_ATTEMPT_ID_MAX);
    memcpy(b + 32, a->check_note.check, OT_CHECK_NAME_MAX);
    return save(a, OT_JOURNAL_CHECK, b, CHECK_BYTES);
}

static void load_check(struct ot_agent *a)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, OT_JOURNAL_CHECK, b) != CHECK_BYTES)
        return;
    memcpy(a->check_note.attempt, b + 4, OT_ATTEMPT_ID_MAX);
    memcpy(a->check_note.check, b + 32, OT_CHECK_NAME_MAX);
    if (!ot_wire_is_check_name(a->check_note.check))
        a->check_note.check[0] = '\0';
}

enum ot_status agent_save_patch(struct ot_agent *a, const struct ot_patch_note *p)
{
    uint8_t b[PATCH_BYTES + CRC_BYTES] = {0};
    b[1] = (uint8_t)p->way;
    b[2] = p->starts;
    ot_store32(b + 4, (uint32_t)(int32_t)p->reason);
    ot_store32(b + 8, p->bytes);
    ot_store32(b + 12, p->fetched);
    ot_store32(b + 16, p->applied);
    ot_store32(b + 20, a->attempt.received_bytes);
    memcpy(b + 24, p->sha256.bytes, OT_DIGEST_BYTES);
    memcpy(b + 56, a->attempt.id, OT_ATTEMPT_ID_MAX);
    return save(a, p == &a->compressed ? OT_JOURNAL_COMPRESSED : OT_JOURNAL_PATCH, b, PATCH_BYTES);
}

/* Only of the attempt under way: the record of another one is old. */
static void load_patch(struct ot_agent *a, enum ot_journal_key key, enum ot_way way, struct ot_patch_note *p)
{
    uint8_t b[OT_JOURNAL_RECORD_MAX];
    if (load(a, key, b) != PATCH_BYTES || a->attempt.phase == OT_PHASE_NONE ||
        memcmp(b + 56, a->attempt.id, OT_ATTEMPT_ID_MAX) != 0)
        return;
    p->way = b[1] == way ? way : OT_WAY_FULL;
    p->starts = b[2];
    p->reason = (enum ot_status)(int32_t)ot_load32(b + 4);
    p->bytes = ot_load32(b + 8);
    p->fetched = ot_load32(b + 12);
    p->applied = ot_load32(b + 16);
    memcpy(p->sha256.bytes, b + 24, OT_DIGEST_BYTES);
    uint32_t received = ot_load32(b + 20); /* the newest record knows most */
    if (received > a->attempt.received_bytes)
        a->attempt.received_bytes = received;
}

/*
 * late_revert is durable before the note that it is told, so that it is not lost; what a cut between the two left is noted
 * here, before anything is sent, so that it is not told twice.
 */
static void note_late_revert(struct ot_agent *a)
{
    if (!agent_outbox_tells(a, OT_EVENT_LATE_REVERT, a->proof.attempt))
        return;
    memset(a->proof.attempt, 0, sizeof a->proof.attempt);
    enum ot_status st = agent_save_proof(a);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
}

enum ot_status agent_records_load(struct ot_agent *a)
{
    a->failure = OT_OK;
    load_attempt(a);
    load_patch(a, OT_JOURNAL_PATCH, OT_WAY_PATCH, &a->patch);
    load_patch(a, OT_JOURNAL_COMPRESSED, OT_WAY_COMPRESSED, &a->compressed);
    load_outbox(a);
    load_trust_copy(a, OT_JOURNAL_TRUST);
    load_trust_copy(a, OT_JOURNAL_TRUST_2);
    load_token(a);
    load_health(a);
    load_claims(a);
    load_proof(a);
    load_check(a);
    note_late_revert(a);
    return a->failure;
}
