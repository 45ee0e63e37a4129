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

#define SECTOR       4096u
#define ERASE_AHEAD  65536u
#define REFUSALS_MAX 5u
#define PATH_BYTES   96u

static void artifact_path(const struct ot_agent *a, const char *suffix, char out[PATH_BYTES])
{
    static const char prefix[] = "/device/v1/artifacts/";
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&a->attempt.image.sha256, hex);
    memcpy(out, prefix, sizeof prefix - 1);
    memcpy(out + sizeof prefix - 1, hex, OT_DIGEST_HEX_BYTES - 1);
    memcpy(out + sizeof prefix - 1 + OT_DIGEST_HEX_BYTES - 1, suffix, strlen(suffix) + 1);
}

static uint32_t block_count(const struct ot_agent *a)
{
    return (a->attempt.image.bytes + OT_AGENT_BLOCK_BYTES - 1) / OT_AGENT_BLOCK_BYTES;
}

static void close_transfer(struct ot_agent *a)
{
    if (a->transfer_open)
        a->port->get_close(a->port->ctx);
    a->transfer_open = false;
}

/* The connection is gone or was never there. Come again later, at the same place. */
static enum agent_event broken(struct ot_agent *a, enum ot_status st, int http_status)
{
    close_transfer(a);
    a->failure = st;
    agent_log(a, AGENT_LOG_NETWORK, st, http_status);
    uint32_t ceiling = 1u << (a->failures < 10 ? a->failures : 10);
    if (ceiling > a->config.backoff_max_s)
        ceiling = a->config.backoff_max_s;
    if (a->failures < 255)
        a->failures++;
    a->next_poll_ms =
        a->port->now_ms(a->port->ctx) + 100u + a->port->random(a->port->ctx) % (ceiling * 1000u);
    return EV_NETWORK;
}

/* 403 or 404: the server no longer offers it to us. Ask what is going on. */
static enum agent_event refused(struct ot_agent *a, int http_status)
{
    if (http_status != 403 && http_status != 404 && http_status != 410)
        return broken(a, OT_E_HTTP, http_status);
    close_transfer(a);
    enum agent_event event = agent_check_in(a, OT_ASK_NOTHING);
    if (event != EV_AGAIN)
        return event;
    if (a->u.reply.drop)
        return agent_end(a, OT_EVENT_WITHDRAWN, OT_E_WITHDRAWN);
    if (++a->refusals >= REFUSALS_MAX)
        return agent_end(a, OT_EVENT_FAILED,
                         OT_E_HTTP); /* an offer that cannot be had: let the server think again */
    return broken(a, OT_E_HTTP, http_status);
}

static enum agent_event open_at(struct ot_agent *a, const char *suffix, uint32_t offset, bool with_etag,
                                uint32_t want_total)
{
    char path[PATH_BYTES], etag[OT_DIGEST_HEX_BYTES];
    uint32_t total = 0;
    int http_status = 0;
    artifact_path(a, suffix, path);
    ot_digest_to_hex(&a->attempt.image.sha256, etag);
    enum ot_status st = a->port->get_open(a->port->ctx, path, a->token, offset, with_etag ? etag : NULL,
                                          &total, &http_status);
    if (st == OT_E_HTTP)
        return refused(a, http_status);
    if (st == OT_E_NETWORK)
        return broken(a, st, http_status);
    a->transfer_open = st == OT_OK;
    if (st != OT_OK || total != want_total) {
        /* Not the object the offer names: its bytes would never verify. */
        close_transfer(a);
        return agent_end(a, OT_EVENT_FAILED, st == OT_OK ? OT_E_WRONG_TARGET : st);
    }
    return EV_AGAIN;
}

/* Block hashes from `first` on, as many as fit the window. */
static enum agent_event fetch_window(struct ot_agent *a, uint32_t first)
{
    uint32_t count = block_count(a) - first, got = 0;
    if (count > OT_AGENT_HASH_WINDOW)
        count = OT_AGENT_HASH_WINDOW;
    close_transfer(a);
    enum agent_event event =
        open_at(a, "/blocks", first * OT_DIGEST_BYTES, false, block_count(a) * OT_DIGEST_BYTES);
    if (event != EV_AGAIN)
        return event;
    while (got < count * OT_DIGEST_BYTES) {
        uint32_t n = 0;
        enum ot_status st =
            a->port->get_read(a->port->ctx, a->u.raw + got, count * OT_DIGEST_BYTES - got, &n);
        if (st != OT_OK || n == 0)
            return broken(a, OT_E_NETWORK, 0);
        got += n;
    }
    close_transfer(a);
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
static enum ot_status erase_ahead(struct ot_agent *a, uint32_t to)
{
    while (a->erased_to < to) {
        uint32_t n = ERASE_AHEAD - a->erased_to % ERASE_AHEAD;
        if (n > a->facts.slot_bytes - a->erased_to)
            n = a->facts.slot_bytes - a->erased_to;
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
    enum ot_status st = erase_ahead(a, a->write_at + n);
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
    close_transfer(a);
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
    enum ot_status st = a->port->get_read(a->port->ctx, a->buffer + a->fill, room < left ? room : left, &n);
    if (st != OT_OK || n == 0) {
        a->fill = 0; /* at most one sector is fetched again */
        return broken(a, OT_E_NETWORK, 0);
    }
    a->failures = 0;
    a->fill += n;
    a->attempt.received_bytes += n;
    bool image_end = a->write_at + a->fill == a->attempt.image.bytes;
    if ((a->write_at + a->fill) % SECTOR != 0 && !image_end)
        return EV_AGAIN;
    st = flush(a);
    if (st == OT_OK && (a->write_at % OT_AGENT_BLOCK_BYTES == 0 || image_end))
        st = finish_block(a);
    if (st == OT_OK)
        return EV_AGAIN;
    /* A flash that refuses, or bytes that are not the block's: a few more tries, then the attempt is given up. */
    (void)restart_block(a);
    a->block_retries++;
    return a->block_retries > 3 ? agent_end(a, OT_EVENT_FAILED, st) : EV_AGAIN;
}

/* Sectors from the last verified block on are written anew: they may hold anything. */
static enum agent_event begin(struct ot_agent *a)
{
    if (a->attempt.verified_bytes == 0 && !OT_PLANTED(5)) {
        enum ot_status st = a->port->forget_slot(a->port->ctx, a->attempt.slot);
        if (st == OT_E_STATE && agent_select_running(a) == OT_OK)
            st = a->port->forget_slot(a->port->ctx, a->attempt.slot);
        if (st != OT_OK)
            return agent_end(a, OT_EVENT_FAILED, st);
    }
    a->write_at = a->attempt.verified_bytes;
    a->erased_to = a->attempt.verified_bytes;
    a->fill = 0;
    return EV_AGAIN;
}

enum agent_event agent_work_download(struct ot_agent *a)
{
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms && a->failures > 0)
        return EV_NONE;
    if (a->write_at < a->attempt.verified_bytes || a->erased_to == UINT32_MAX)
        return begin(a);
    if (a->attempt.verified_bytes == a->attempt.image.bytes) {
        close_transfer(a);
        a->failures = 0;
        return EV_INSTALLED;
    }
    uint32_t block = a->write_at / OT_AGENT_BLOCK_BYTES;
    if (a->window_count == 0 || block < a->window_first || block - a->window_first >= a->window_count)
        return fetch_window(a, block / OT_AGENT_HASH_WINDOW * OT_AGENT_HASH_WINDOW);
    if (!a->transfer_open)
        return open_at(a, "", a->write_at, a->write_at > 0, a->attempt.image.bytes);
    return take_bytes(a);
}
