/*
 * Download: the image into the inactive slot, block by block.
 *
 * Each 64 KiB block is written, read back and compared with its hash before the journal counts it. After a lost
 * connection the download goes on at the next byte; after a reset at the last counted block. The block hashes come
 * from the server too, but their list is named by one digest in the offer, and nothing here is trusted anyway:
 * the result is verified like any image.
 */
#include "otaria/planted.h"
#include "work.h"

#include <string.h>

#define SECTOR      4096u
#define ERASE_AHEAD 65536u

static uint32_t block_count(const struct ot_agent *a)
{
    return (a->attempt.image.bytes + OT_AGENT_BLOCK_BYTES - 1) / OT_AGENT_BLOCK_BYTES;
}

/* Block hashes from `first` on, as many as fit the window. */
static enum agent_event fetch_window(struct ot_agent *a, uint32_t first)
{
    uint32_t count = block_count(a) - first, got = 0;
    if (count > OT_AGENT_HASH_WINDOW)
        count = OT_AGENT_HASH_WINDOW;
    agent_transfer_close(a);
    enum agent_event event = agent_transfer_open(a, &a->attempt.image.sha256, "/blocks",
                                                 first * OT_DIGEST_BYTES, block_count(a) * OT_DIGEST_BYTES);
    if (event != EV_AGAIN)
        return event;
    while (got < count * OT_DIGEST_BYTES) {
        uint32_t n = 0;
        enum ot_status st =
            a->port->get_read(a->port->ctx, a->u.raw + got, count * OT_DIGEST_BYTES - got, &n);
        if (st != OT_OK || n == 0)
            return agent_transfer_broken(a, OT_E_NETWORK, 0);
        got += n;
    }
    agent_transfer_close(a);
    a->window_first = first;
    a->window_count = count;
    if (first == 0 && count == block_count(a)) {
        struct ot_digest list;
        ot_sha256_of(a->port->crypto, a->u.raw, got, &list);
        if (!ot_digest_equal(&list, &a->attempt.image.blocks_sha256))
            return agent_end(a, OT_EVENT_FAILED, OT_E_WRONG_TARGET);
    }
    return EV_AGAIN;
}

/* Erased ahead in aligned 64 KiB steps: much faster than sector by sector, and between network reads. */
enum ot_status agent_erase_ahead(struct ot_agent *a, uint32_t to, uint32_t limit)
{
    while (a->erased_to < to) {
        uint32_t n = ERASE_AHEAD - a->erased_to % ERASE_AHEAD;
        if (n > limit - a->erased_to)
            n = limit - a->erased_to;
        enum ot_status st = a->port->slot_erase(a->port->ctx, a->attempt.slot, a->erased_to, n);
        if (st != OT_OK)
            return st;
        a->erased_to += n;
    }
    return OT_OK;
}

/* Write what the buffer holds; the last piece is padded with FF to the 16-byte unit. */
static enum ot_status flush(struct ot_agent *a)
{
    uint32_t n = (a->fill + 15u) & ~15u;
    memset(a->buffer + a->fill, 0xFF, n - a->fill);
    enum ot_status st = agent_erase_ahead(a, a->write_at + n, a->facts.slot_bytes);
    if (st == OT_OK)
        st = a->port->slot_write(a->port->ctx, a->attempt.slot, a->write_at, a->buffer, n);
    if (st == OT_OK) {
        a->write_at += a->fill;
        a->fill = 0;
    }
    return st;
}

static enum ot_status hash_block(struct ot_agent *a, uint32_t from, uint32_t to, struct ot_digest *out)
{
    struct ot_sha256 hash;
    const struct ot_crypto *crypto = a->port->crypto;
    crypto->sha256_start(crypto->ctx, &hash);
    while (from < to) {
        uint32_t n = to - from < OT_AGENT_BUFFER_BYTES ? to - from : OT_AGENT_BUFFER_BYTES;
        enum ot_status st = a->port->slot_read(a->port->ctx, a->attempt.slot, from, a->buffer, n);
        if (st != OT_OK)
            return st;
        crypto->sha256_update(crypto->ctx, &hash, a->buffer, n);
        from += n;
    }
    crypto->sha256_finish(crypto->ctx, &hash, out);
    return OT_OK;
}

/* Start a block again: what is in flash is not what the hash names. */
static enum ot_status restart_block(struct ot_agent *a)
{
    agent_transfer_close(a);
    a->write_at = a->attempt.verified_bytes;
    a->erased_to = a->write_at;
    a->fill = 0;
    return OT_E_WRONG_TARGET;
}

/* A whole block is in flash: read it back, compare, count it. */
static enum ot_status finish_block(struct ot_agent *a)
{
    struct ot_digest got;
    uint32_t block = a->attempt.verified_bytes / OT_AGENT_BLOCK_BYTES;
    if (OT_PLANTED(7)) {
        a->attempt.verified_bytes = a->attempt.image.bytes;
        return agent_save_attempt(a);
    }
    enum ot_status st = hash_block(a, a->attempt.verified_bytes, a->write_at, &got);
    if (st != OT_OK)
        return st;
    if (block < a->window_first || block - a->window_first >= a->window_count)
        return OT_E_STATE;
    if (!OT_PLANTED(6) && !ot_digest_equal(&got, &a->u.window[block - a->window_first])) {
        agent_log(a, AGENT_LOG_BLOCK_WRONG, (int32_t)block, 0);
        return restart_block(a);
    }
    a->attempt.verified_bytes = a->write_at;
    a->block_retries = 0;
    return agent_save_attempt(a);
}

/* At most one sector (or what the network gives) and its consequences. */
static enum agent_event take_bytes(struct ot_agent *a)
{
    uint32_t n = 0, left = a->attempt.image.bytes - a->write_at - a->fill;
    uint32_t room = SECTOR - (a->write_at + a->fill) % SECTOR;
    enum agent_event event = agent_transfer_read(a, a->buffer + a->fill, room < left ? room : left, &n);
    if (event != EV_AGAIN) {
        a->fill = 0; /* at most one sector is fetched again */
        return event;
    }
    a->fill += n;
    bool image_end = a->write_at + a->fill == a->attempt.image.bytes;
    if ((a->write_at + a->fill) % SECTOR != 0 && !image_end)
        return EV_AGAIN;
    enum ot_status st = flush(a);
    if (st == OT_OK && (a->write_at % OT_AGENT_BLOCK_BYTES == 0 || image_end))
        st = finish_block(a);
    if (st == OT_OK)
        return EV_AGAIN;
    /* A flash that refuses, or bytes that are not the block's: a few more tries, then the attempt is given up. */
    (void)restart_block(a);
    a->block_retries++;
    return a->block_retries > 3 ? agent_end(a, OT_EVENT_FAILED, st) : EV_AGAIN;
}

enum ot_status agent_forget_target(struct ot_agent *a)
{
    if (OT_PLANTED(5))
        return OT_OK;
    enum ot_status st = a->port->forget_slot(a->port->ctx, a->attempt.slot);
    if (st == OT_E_STATE && agent_select_running(a) == OT_OK)
        st = a->port->forget_slot(a->port->ctx, a->attempt.slot);
    return st;
}

/* Sectors from the last verified block on are written anew: they may hold anything. */
static enum agent_event begin(struct ot_agent *a)
{
    enum ot_status st = a->attempt.verified_bytes == 0 ? agent_forget_target(a) : OT_OK;
    if (st != OT_OK)
        return agent_end(a, OT_EVENT_FAILED, st);
    a->write_at = a->attempt.verified_bytes;
    a->erased_to = a->attempt.verified_bytes;
    a->fill = 0;
    return EV_AGAIN;
}

enum agent_event agent_work_download(struct ot_agent *a)
{
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms && a->failures > 0)
        return EV_NONE;
    if (agent_way(a) != OT_WAY_FULL)
        return agent_work_patch(a);
    if (a->write_at < a->attempt.verified_bytes || a->erased_to == UINT32_MAX)
        return begin(a);
    if (a->attempt.verified_bytes == a->attempt.image.bytes) {
        agent_transfer_close(a);
        a->failures = 0;
        return EV_INSTALLED;
    }
    uint32_t block = a->write_at / OT_AGENT_BLOCK_BYTES;
    if (a->window_count == 0 || block < a->window_first || block - a->window_first >= a->window_count)
        return fetch_window(a, block / OT_AGENT_HASH_WINDOW * OT_AGENT_HASH_WINDOW);
    if (!a->transfer_open)
        return agent_transfer_open(a, &a->attempt.image.sha256, "", a->write_at, a->attempt.image.bytes);
    return take_bytes(a);
}
