/* Transfers from the server: one artifact at a time, opened at any byte, and what follows when it cannot be had. */
#include "work.h"

#include <string.h>

#define REFUSALS_MAX 5u
#define PATH_BYTES   96u

static void artifact_path(const struct ot_digest *object, const char *suffix, char out[PATH_BYTES])
{
    static const char prefix[] = "/device/v1/artifacts/";
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(object, hex);
    memcpy(out, prefix, sizeof prefix - 1);
    memcpy(out + sizeof prefix - 1, hex, OT_DIGEST_HEX_BYTES - 1);
    memcpy(out + sizeof prefix - 1 + OT_DIGEST_HEX_BYTES - 1, suffix, strlen(suffix) + 1);
}

void agent_transfer_close(struct ot_agent *a)
{
    if (a->transfer_open)
        a->port->get_close(a->port->ctx);
    a->transfer_open = false;
}

/* The connection is gone or was never there. Come again later, at the same place. */
enum agent_event agent_transfer_broken(struct ot_agent *a, enum ot_status st, int http_status)
{
    agent_transfer_close(a);
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

enum agent_event agent_transfer_failed(struct ot_agent *a, enum ot_status st)
{
    agent_transfer_close(a);
    if (agent_way(a) != OT_WAY_FULL)
        return agent_patch_give_up(a, st);
    return agent_end(a, OT_EVENT_FAILED, st);
}

/* 403 or 404: the server no longer offers it to us. Ask what is going on. */
static enum agent_event refused(struct ot_agent *a, int http_status)
{
    if (http_status != 403 && http_status != 404 && http_status != 410)
        return agent_transfer_broken(a, OT_E_HTTP, http_status);
    agent_transfer_close(a);
    enum agent_event event = agent_check_in(a, OT_ASK_NOTHING);
    if (agent_way(a) != OT_WAY_FULL)
        a->config.patches->is_decoding = false; /* its sector was in the buffer of the message */
    if (event != EV_AGAIN)
        return event;
    if (a->u.reply.drop)
        return agent_end(a, OT_EVENT_WITHDRAWN, OT_E_WITHDRAWN);
    /* A smaller way that cannot be had is done without. The image: let the server think again. */
    if (agent_way(a) != OT_WAY_FULL || ++a->refusals >= REFUSALS_MAX)
        return agent_transfer_failed(a, OT_E_HTTP);
    return agent_transfer_broken(a, OT_E_HTTP, http_status);
}

enum agent_event agent_transfer_open(struct ot_agent *a, const struct ot_digest *object, const char *suffix,
                                     uint32_t offset, uint32_t want_total)
{
    char path[PATH_BYTES], etag[OT_DIGEST_HEX_BYTES];
    uint32_t total = 0;
    int http_status = 0;
    artifact_path(object, suffix, path);
    ot_digest_to_hex(object, etag);
    bool with_etag = offset > 0 && suffix[0] == '\0';
    enum ot_status st = a->port->get_open(a->port->ctx, path, a->token, offset, with_etag ? etag : NULL,
                                          &total, &http_status);
    if (st == OT_E_HTTP)
        return refused(a, http_status);
    if (st == OT_E_NETWORK)
        return agent_transfer_broken(a, st, http_status);
    a->transfer_open = st == OT_OK;
    if (st != OT_OK || total != want_total) /* not the object the offer names: its bytes would never verify */
        return agent_transfer_failed(a, st == OT_OK ? OT_E_WRONG_TARGET : st);
    return EV_AGAIN;
}

enum agent_event agent_transfer_read(struct ot_agent *a, uint8_t *into, uint32_t room, uint32_t *n)
{
    enum ot_status st = a->port->get_read(a->port->ctx, into, room, n);
    if (st != OT_OK || *n == 0)
        return agent_transfer_broken(a, OT_E_NETWORK, 0);
    a->failures = 0;
    a->attempt.received_bytes += *n;
    return EV_AGAIN;
}
