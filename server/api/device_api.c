/* The device API: enrolment, check-ins, artifacts. Messages are core/wire's, byte for byte. */
#include "common.h"

#include "artifact/artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void refuse_message(struct http_request *req, enum ot_status st, size_t at)
{
    char message[200];
    snprintf(message, sizeof message, "%s, at byte %zu", ot_status_text(st), at);
    http_reply_error(req, 400, ot_status_wire(st), message);
}

/* A message ready to go once the change is on disk. */
struct waiting {
    struct http_request *req;
    int status;
    char text[OT_WIRE_MESSAGE_MAX];
    size_t len;
};

static void send_waiting(void *ctx)
{
    struct waiting *w = ctx;
    http_reply_json(w->req, w->status, w->text, w->len);
    free(w);
}

void api_enrol(void *app, struct http_request *req)
{
    struct api *api = app;
    struct fleet_token *token = api_token(req);
    struct ot_wire_enrol m;
    struct ot_wire_enrolled reply = {.poll_s = api->fleet->poll_s};
    struct fleet_refusal refusal;
    size_t len = 0, at = 0;
    bool created = false;
    const uint8_t *body = http_body(req, &len);
    enum ot_status st = ot_wire_enrol_read(body != NULL ? (const char *)body : "", len, &m, &at);
    if (st != OT_OK) {
        refuse_message(req, st, at);
        return;
    }
    struct waiting *w = fleet_need(calloc(1, sizeof *w));
    w->req = req;
    w->status = 201;
    snprintf(reply.product, sizeof reply.product, "%s", token->product->name);
    if (ot_wire_enrolled_write(&reply, w->text, sizeof w->text, &w->len) != OT_OK)
        w->len = 0;
    http_defer(req);
    if (fleet_enrol(api->fleet, token, &m, &created, &refusal, send_waiting, w) != 0) {
        free(w);
        http_reply_error(req, refusal.status, refusal.code, refusal.message);
    } else if (!created) {
        w->status = 200;
        fleet_when_durable(api->fleet, send_waiting,
                           w); /* the first request may still be on its way to the disk */
    }
}

/* The reply is written while the batch is queued: `wait` decides who sends it. */
struct check_in {
    struct waiting waiting;
    struct ot_wire_reply reply;
};

static void send_check_in(void *ctx)
{
    struct check_in *c = ctx;
    struct waiting *w = &c->waiting;
    w->status = 200;
    if (ot_wire_reply_write(&c->reply, w->text, sizeof w->text, &w->len) == OT_OK)
        http_reply_json(w->req, w->status, w->text, w->len);
    else
        http_reply_error(w->req, 503, "reply", "the reply could not be written");
    free(c);
}

void api_check_in(void *app, struct http_request *req)
{
    struct api *api = app;
    struct ot_wire_check_in m;
    struct fleet_refusal refusal;
    size_t len = 0, at = 0;
    bool wait = false;
    const uint8_t *body = http_body(req, &len);
    enum ot_status st = ot_wire_check_in_read(body != NULL ? (const char *)body : "", len, &m, &at);
    if (st != OT_OK) {
        refuse_message(req, st, at);
        return;
    }
    struct check_in *c = fleet_need(calloc(1, sizeof *c));
    c->waiting.req = req;
    http_defer(req);
    if (fleet_check_in(api->fleet, http_identity(req), &m, &c->reply, &wait, &refusal, send_check_in, c) !=
        0) {
        free(c);
        http_reply_error(req, refusal.status, refusal.code, refusal.message);
    } else if (!wait) {
        send_check_in(c);
    }
}

static void serve(struct api *api, struct http_request *req, int blocks)
{
    struct ot_digest sha256;
    uint64_t size = 0;
    char etag[80], hex[OT_DIGEST_HEX_BYTES];
    const char *name = http_param(req, "sha256");
    int fd = -1;
    if (ot_digest_from_hex(name, strlen(name), &sha256) == OT_OK &&
        fleet_may_fetch(api->fleet, http_identity(req), &sha256))
        fd = artifact_read(api->fleet->artifact_dir, &sha256, blocks, &size);
    if (fd < 0) {
        http_reply_error(req, 404, "not_offered", "no such artifact is offered to this device");
        return;
    }
    ot_digest_to_hex(&sha256, hex);
    snprintf(etag, sizeof etag, "%s%s", hex, blocks ? "-blocks" : "");
    http_reply_file(req, fd, size, etag);
}

void api_artifact(void *app, struct http_request *req)
{
    serve(app, req, 0);
}

void api_blocks(void *app, struct http_request *req)
{
    serve(app, req, 1);
}
