/*
 * Smaller ways than the image: the target rebuilt in the inactive slot, from the image that runs and a patch, or from a
 * compressed image, which is a patch without a base. "Patch" below is either.
 *
 * Stored, when both fit into the slot: the patch is downloaded into whole sectors at the slot's end, its hash is checked,
 * and it is decoded from there as often as the power fails. Streaming, when they do not: from the network straight into
 * the decoder, from the beginning after each reset. Either way every block of the target that is written and read back
 * is counted in the journal. Decoding again leaves counted sectors alone when they read right. The others are written
 * anew, whatever they read: a sector that was being written when the power went may read right once and wrong later.
 *
 * A patch proves nothing: what came out is verified like any image. Whatever goes wrong with it, the attempt goes on by
 * the next way (patch, compressed image, image), each once, and says so.
 */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

#define SECTOR      4096u
#define FEED        256u  /* patch bytes at a time: the less, the sooner the agent gives the processor back */
#define COMPARE_AT  1024u /* the second half of u.raw compares, the first feeds */
#define COMPARE     1024u
#define RETRIES_MAX 3u
#define WRITES_MAX  3

_Static_assert(COMPARE_AT + COMPARE <= sizeof((struct ot_agent *)0)->u.raw && FEED <= COMPARE_AT, "halves");

static uint32_t whole_sectors(uint32_t bytes)
{
    return (bytes + SECTOR - 1u) / SECTOR * SECTOR;
}

/* --- which way --- */

enum ot_way agent_way(const struct ot_agent *a)
{
    if (a->patch.way == OT_WAY_PATCH)
        return OT_WAY_PATCH;
    return a->compressed.way == OT_WAY_COMPRESSED ? OT_WAY_COMPRESSED : OT_WAY_FULL;
}

/* Of the way that the attempt goes now, which is not the image. */
static struct ot_patch_note *note_of(struct ot_agent *a)
{
    return a->patch.way == OT_WAY_PATCH ? &a->patch : &a->compressed;
}

enum ot_status agent_patch_reason(const struct ot_agent *a)
{
    if (a->patch.way == OT_WAY_PATCH)
        return OT_OK;
    return a->patch.reason != OT_OK ? a->patch.reason : a->compressed.reason;
}

static bool is_stored(const struct ot_agent *a, const struct ot_patch_note *n)
{
    const struct ot_agent_patches *p = a->config.patches;
    return p != NULL && !p->streams && n->bytes != 0 && n->bytes <= a->facts.slot_bytes &&
           whole_sectors(a->attempt.image.bytes) + whole_sectors(n->bytes) <= a->facts.slot_bytes;
}

/* Where the target must end: at the stored patch, or at the slot's end. */
static uint32_t target_limit(const struct ot_agent *a, const struct ot_patch_note *n)
{
    return a->facts.slot_bytes - (is_stored(a, n) ? whole_sectors(n->bytes) : 0);
}

/* One way of the offer; `reason`: why it cannot be tried. */
static enum ot_status take(struct ot_agent *a, struct ot_patch_note *n, enum ot_way way,
                           const struct ot_wire_patch *p, enum ot_status reason)
{
    if (reason == OT_OK && (p->bytes == 0 || p->bytes >= a->attempt.image.bytes))
        reason = OT_E_WIRE_RANGE;
    n->way = reason == OT_OK ? way : OT_WAY_FULL;
    n->reason = reason;
    n->sha256 = p->sha256;
    n->bytes = reason == OT_OK ? p->bytes : 0;
    return agent_save_patch(a, n);
}

void agent_patch_forget(struct ot_agent *a)
{
    memset(&a->patch, 0, sizeof a->patch);
    memset(&a->compressed, 0, sizeof a->compressed);
}

enum ot_status agent_patch_take(struct ot_agent *a, const struct ot_wire_offer *o)
{
    bool runs = ot_digest_equal(&o->patch.base, &a->running.digest);
    enum ot_status st = OT_OK;
    agent_patch_forget(a);
    if (a->config.patches == NULL)
        return OT_OK;
    if (o->has_patch)
        st = take(a, &a->patch, OT_WAY_PATCH, &o->patch, runs ? OT_OK : OT_E_PATCH_BASE);
    if (st == OT_OK && o->has_compressed)
        st = take(a, &a->compressed, OT_WAY_COMPRESSED, &o->compressed, OT_OK);
    return st;
}

enum agent_event agent_patch_give_up(struct ot_agent *a, enum ot_status reason)
{
    struct ot_patch_note *n = note_of(a);
    agent_log(a, AGENT_LOG_PATCH, reason, (int32_t)n->applied);
    if (OT_PLANTED(34))
        return agent_end(a, OT_EVENT_FAILED, reason);
    n->way = OT_WAY_FULL;
    n->reason = reason;
    n->applied = 0;
    enum ot_status st = OT_PLANTED(35) ? OT_OK : agent_save_patch(a, n);
    if (st != OT_OK) /* a reset from here would try it once more */
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
    a->attempt.verified_bytes = 0;
    a->erased_to = UINT32_MAX; /* the next way begins as any download does */
    a->write_at = 0;
    a->fill = 0;
    a->window_count = 0;
    a->refusals = 0;
    a->failures = 0;
    return EV_AGAIN;
}

enum ot_status agent_patch_erase(struct ot_agent *a)
{
    uint32_t from = target_limit(a, &a->patch);
    if (a->patch.way != OT_WAY_PATCH && target_limit(a, &a->compressed) < from)
        from = target_limit(a, &a->compressed);
    if (OT_PLANTED(31) || from == a->facts.slot_bytes)
        return OT_OK;
    return a->port->slot_erase(a->port->ctx, a->attempt.slot, from, a->facts.slot_bytes - from);
}

/* The port failed, or the journal: from the beginning, a few times; then the next way. */
static enum agent_event again(struct ot_agent *a, enum ot_status st)
{
    struct ot_agent_patches *p = a->config.patches;
    const struct ot_patch_note *n = note_of(a);
    a->failure = st;
    p->is_decoding = false;
    a->fill = 0;
    p->at = is_stored(a, n) ? n->fetched : 0;
    agent_transfer_close(a);
    return ++p->retries > RETRIES_MAX ? agent_patch_give_up(a, st) : EV_AGAIN;
}

/* --- sectors --- */

static bool reads_right(struct ot_agent *a, uint32_t at, const uint8_t *bytes, uint32_t len)
{
    uint8_t *piece = a->u.raw + COMPARE_AT;
    for (uint32_t i = 0; i < len; i += COMPARE) {
        uint32_t n = len - i < COMPARE ? len - i : COMPARE;
        if (a->port->slot_read(a->port->ctx, a->attempt.slot, at + i, piece, n) != OT_OK ||
            memcmp(piece, bytes + i, n) != 0)
            return false;
    }
    return true;
}

/* The agent's buffer holds the sector: write it and look at it. `is_erased`: the first try needs no erase. */
static enum ot_status put_sector(struct ot_agent *a, uint32_t at, uint32_t len, bool is_erased)
{
    uint32_t n = (len + 15u) & ~15u;
    enum ot_status st = OT_OK;
    memset(a->buffer + len, 0xFF, n - len);
    for (int i = 0; i < WRITES_MAX; i++) {
        st = is_erased ? OT_OK : a->port->slot_erase(a->port->ctx, a->attempt.slot, at, SECTOR);
        if (st == OT_OK)
            st = a->port->slot_write(a->port->ctx, a->attempt.slot, at, a->buffer, n);
        if (st == OT_OK && reads_right(a, at, a->buffer, n))
            return OT_OK;
        is_erased = false;
    }
    return st != OT_OK ? st : OT_E_FLASH_WRITE;
}

static enum ot_status put_target_sector(struct ot_agent *a, const struct ot_patch_note *n, uint32_t at,
                                        uint32_t len)
{
    if (OT_PLANTED(33))
        return OT_OK;
    if (at < n->applied)
        return reads_right(a, at, a->buffer, len) ? OT_OK : put_sector(a, at, len, false);
    enum ot_status st = agent_erase_ahead(a, at + len, target_limit(a, n));
    return st == OT_OK ? put_sector(a, at, len, true) : st;
}

/* What the decoder has made; its sector is the agent's buffer. */
static enum ot_status take_sector(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct ot_agent *a = ctx;
    struct ot_patch_note *n = note_of(a);
    uint32_t end = offset + len;
    (void)bytes;
    a->port->watchdog_feed(a->port->ctx);
    enum ot_status st = put_target_sector(a, n, offset, len);
    if (st != OT_OK || end <= n->applied ||
        (end % OT_AGENT_BLOCK_BYTES != 0 && end != a->attempt.image.bytes))
        return st;
    n->applied = end;
    n->starts = 0;
    return agent_save_patch(a, n);
}

/* --- the decoder --- */

static void start_decoder(struct ot_agent *a, const struct ot_patch_note *note)
{
    struct ot_agent_patches *p = a->config.patches;
    p->base = (struct ot_slot_source){.port = a->port, .slot = a->facts.running_slot};
    p->written = (struct ot_slot_source){.port = a->port, .slot = a->attempt.slot};
    p->io = (struct ot_delta_io){.base = agent_source(&p->base, a->facts.slot_bytes),
                                 .base_digest = a->running.digest,
                                 .written = agent_source(&p->written, a->facts.slot_bytes),
                                 .target_max = a->attempt.image.bytes,
                                 .crypto = a->port->crypto,
                                 .ctx = a,
                                 .write = take_sector};
    p->start(p->delta, &p->io, a->buffer);
    p->at = 0;
    p->is_decoding = true;
    a->erased_to = note->applied;
}

static bool is_ports_fault(enum ot_status st)
{
    return st == OT_E_READ || st == OT_E_FLASH_ERASE || st == OT_E_FLASH_WRITE || st == OT_E_JOURNAL;
}

/* `n` more bytes of the patch, or its end. */
static enum agent_event decode(struct ot_agent *a, const struct ot_patch_note *note, uint32_t n)
{
    struct ot_agent_patches *p = a->config.patches;
    enum ot_status st = p->feed(p->delta, a->u.raw, n);
    p->at += n;
    if (st == OT_OK && p->at < note->bytes)
        return EV_AGAIN;
    if (st == OT_OK)
        st = p->finish(p->delta);
    if (st == OT_OK && p->produced(p->delta) != a->attempt.image.bytes)
        st = OT_E_PATCH_RESULT;
    if (st == OT_OK)
        return EV_AGAIN; /* all of it is counted */
    agent_transfer_close(a);
    return is_ports_fault(st) ? again(a, st) : agent_patch_give_up(a, st);
}

/* --- stored --- */

static enum agent_event fetch(struct ot_agent *a, struct ot_patch_note *note)
{
    struct ot_agent_patches *p = a->config.patches;
    uint32_t n = 0, left = note->bytes - p->at - a->fill;
    if (!a->transfer_open)
        return agent_transfer_open(a, &note->sha256, "", p->at, note->bytes);
    uint32_t room = SECTOR - a->fill;
    enum agent_event event = agent_transfer_read(a, a->buffer + a->fill, room < left ? room : left, &n);
    if (event != EV_AGAIN) {
        a->fill = 0; /* at most one sector is fetched again */
        return event;
    }
    a->fill += n;
    if (a->fill < SECTOR && n < left)
        return EV_AGAIN;
    enum ot_status st = put_sector(a, target_limit(a, note) + p->at, a->fill, false);
    p->at += a->fill;
    a->fill = 0;
    if (st == OT_OK && (p->at % OT_AGENT_BLOCK_BYTES == 0 || p->at == note->bytes)) {
        note->fetched = p->at;
        note->starts = 0;
        st = agent_save_patch(a, note);
    }
    return st == OT_OK ? EV_AGAIN : again(a, st);
}

static enum ot_status check_stored(struct ot_agent *a, const struct ot_patch_note *note)
{
    struct ot_sha256 hash;
    struct ot_digest got;
    const struct ot_crypto *crypto = a->port->crypto;
    crypto->sha256_start(crypto->ctx, &hash);
    for (uint32_t at = 0; at < note->bytes; at += SECTOR) {
        uint32_t n = note->bytes - at < SECTOR ? note->bytes - at : SECTOR;
        enum ot_status st =
            a->port->slot_read(a->port->ctx, a->attempt.slot, target_limit(a, note) + at, a->buffer, n);
        if (st != OT_OK)
            return st;
        crypto->sha256_update(crypto->ctx, &hash, a->buffer, n);
    }
    crypto->sha256_finish(crypto->ctx, &hash, &got);
    return ot_digest_equal(&got, &note->sha256) ? OT_OK : OT_E_WRONG_TARGET;
}

static enum agent_event apply_stored(struct ot_agent *a, struct ot_patch_note *note)
{
    struct ot_agent_patches *p = a->config.patches;
    enum ot_status st;
    agent_transfer_close(a);
    if (!p->is_decoding) {
        st = check_stored(a, note);
        if (st == OT_E_WRONG_TARGET)
            note->fetched = 0; /* fetched anew */
        if (st != OT_OK)
            return again(a, st);
        start_decoder(a, note);
    }
    uint32_t n = note->bytes - p->at < FEED ? note->bytes - p->at : FEED;
    st = a->port->slot_read(a->port->ctx, a->attempt.slot, target_limit(a, note) + p->at, a->u.raw, n);
    return st == OT_OK ? decode(a, note, n) : again(a, st);
}

/* --- streaming --- */

static enum agent_event apply_stream(struct ot_agent *a, const struct ot_patch_note *note)
{
    struct ot_agent_patches *p = a->config.patches;
    uint32_t n = 0;
    if (!p->is_decoding) {
        agent_transfer_close(a);
        start_decoder(a, note);
    }
    if (!a->transfer_open)
        return agent_transfer_open(a, &note->sha256, "", p->at, note->bytes);
    uint32_t left = note->bytes - p->at;
    enum agent_event event = agent_transfer_read(a, a->u.raw, left < FEED ? left : FEED, &n);
    return event == EV_AGAIN ? decode(a, note, n)
                             : event; /* without it the decoder waits for the next byte */
}

/*
 * A device whose power never lasts as long as a stream or a decoding takes would begin for ever; the image goes on where it
 * was. Boots that got a block further are not counted.
 */
static bool begins_too_often(struct ot_agent *a, struct ot_patch_note *note)
{
    if (note->starts >= OT_AGENT_PATCH_STARTS)
        return true;
    note->starts++;
    enum ot_status st = agent_save_patch(a, note);
    if (st != OT_OK) /* a boot is not counted */
        agent_log(a, AGENT_LOG_JOURNAL, st, 0);
    return false;
}

static enum agent_event begin(struct ot_agent *a, struct ot_patch_note *note)
{
    struct ot_agent_patches *p = a->config.patches;
    if (begins_too_often(a, note))
        return agent_patch_give_up(a, OT_E_PATCH_RESETS);
    enum ot_status st = agent_forget_target(a);
    if (st != OT_OK)
        return agent_end(a, OT_EVENT_FAILED, st);
    p->is_decoding = false;
    p->retries = 0;
    p->at = is_stored(a, note) ? note->fetched : 0;
    a->fill = 0;
    a->erased_to = note->applied;
    return EV_AGAIN;
}

enum agent_event agent_work_patch(struct ot_agent *a)
{
    struct ot_patch_note *note = note_of(a);
    if (a->config.patches == NULL)
        return agent_patch_give_up(a, OT_E_PATCH_VERSION);
    if (note->applied == a->attempt.image.bytes) {
        agent_transfer_close(a);
        a->failures = 0;
        return EV_INSTALLED;
    }
    if (a->erased_to == UINT32_MAX)
        return begin(a, note);
    if (!is_stored(a, note))
        return apply_stream(a, note);
    return note->fetched < note->bytes ? fetch(a, note) : apply_stored(a, note);
}
