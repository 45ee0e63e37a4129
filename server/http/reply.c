/* Replies: built on any thread, sent on the request's own. */
#include "internal.h"

#include "base/printable.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

void http_request_free(struct http_request *req)
{
    for (unsigned i = 0; i < req->param_count; i++)
        free(req->params[i].value);
    if (req->has_query)
        evhttp_clear_headers(&req->query);
    if (req->fd >= 0)
        close(req->fd);
    free(req->body);
    free(req);
}

static void header(struct http_request *req, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(req->ev), name, value);
}

static void common_headers(struct http_request *req)
{
    header(req, "Cache-Control", "no-store");
    header(req, "X-Content-Type-Options", "nosniff");
    header(req, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    header(req, "Strict-Transport-Security", "max-age=31536000");
    if (req->status == 503 || req->status == 429)
        header(req, "Retry-After", "5");
    if (req->status == 401)
        header(req, "WWW-Authenticate", "Bearer");
}

static void send_json(struct http_request *req, struct evbuffer *out)
{
    header(req, "Content-Type", "application/json");
    evbuffer_add(out, req->body, req->body_len);
    evhttp_send_reply(req->ev, req->status, NULL, out);
}

/* If-Range names another object: the whole of this one. */
static bool range_applies(struct http_request *req)
{
    char quoted[90];
    const char *condition = evhttp_find_header(evhttp_request_get_input_headers(req->ev), "If-Range");
    snprintf(quoted, sizeof quoted, "\"%s\"", req->etag);
    return condition == NULL || strcmp(condition, quoted) == 0;
}

static void send_file(struct http_request *req, struct evbuffer *out)
{
    char text[100];
    uint64_t first = 0, last = 0, len = req->size;
    const char *range = evhttp_find_header(evhttp_request_get_input_headers(req->ev), "Range");
    enum http_range kind =
        range_applies(req) ? http_parse_range(range, req->size, &first, &last) : HTTP_RANGE_NONE;
    snprintf(text, sizeof text, "\"%s\"", req->etag);
    header(req, "ETag", text);
    header(req, "Accept-Ranges", "bytes");
    header(req, "Content-Type", "application/octet-stream");
    req->status = 200;
    if (kind == HTTP_RANGE_BAD) {
        snprintf(text, sizeof text, "bytes */%" PRIu64, req->size);
        header(req, "Content-Range", text);
        evhttp_send_reply(req->ev, 416, NULL, out);
        return;
    }
    if (kind == HTTP_RANGE_OK) {
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, req->size);
        header(req, "Content-Range", text);
        len = last - first + 1;
        req->status = 206;
    }
    snprintf(text, sizeof text, "%" PRIu64, len);
    header(req, "Content-Length", text);
    bool head = evhttp_request_get_command(req->ev) == EVHTTP_REQ_HEAD;
    if (!head && len > 0) {
        if (evbuffer_add_file(out, req->fd, (ev_off_t)first, (ev_off_t)len) != 0) {
            evhttp_send_error(req->ev, 500, NULL);
            return;
        }
        req->fd = -1; /* the buffer owns it now */
    }
    evhttp_send_reply(req->ev, req->status, NULL, out);
}

void http_send_now(struct http_request *req)
{
    struct evbuffer *out = req->ev != NULL ? evbuffer_new() : NULL;
    if (out != NULL) {
        struct evhttp_connection *connection = evhttp_request_get_connection(req->ev);
        if (connection != NULL)
            evhttp_connection_set_closecb(connection, NULL, NULL);
        common_headers(req);
        if (req->fd >= 0)
            send_file(req, out);
        else
            send_json(req, out);
        evbuffer_free(out);
    }
    http_request_free(req);
}

static void on_own_thread(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    http_send_now(arg);
}

static void finish(struct http_request *req)
{
    static const struct timeval at_once = {0, 0};
    if (!req->deferred)
        http_send_now(req);
    else if (event_base_once(req->thread->base, -1, EV_TIMEOUT, on_own_thread, req, &at_once) != 0)
        abort(); /* out of memory: a reply that waits for a commit cannot be dropped silently */
}

void http_reply_json(struct http_request *req, int status, const char *json, size_t len)
{
    req->status = status;
    req->body = malloc(len + 1);
    if (req->body == NULL)
        abort();
    memcpy(req->body, json, len);
    req->body[len] = '\0';
    req->body_len = len;
    finish(req);
}

void http_reply_error(struct http_request *req, int status, const char *code, const char *message)
{
    char safe[1024]; /* a message may name what was asked for */
    text_printable(message, safe, sizeof safe);
    json_t *root = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", safe);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    static const char fallback[] = "{\"error\":{\"code\":\"internal\",\"message\":\"\"}}";
    json_decref(root);
    http_reply_json(req, status, text != NULL ? text : fallback, strlen(text != NULL ? text : fallback));
    free(text);
}

void http_reply_file(struct http_request *req, int take_fd, uint64_t size, const char *etag)
{
    req->fd = take_fd;
    req->size = size;
    snprintf(req->etag, sizeof req->etag, "%s", etag);
    finish(req);
}

void http_defer(struct http_request *req)
{
    req->deferred = true;
}

const uint8_t *http_body(const struct http_request *req, size_t *len)
{
    struct evbuffer *in = req->ev != NULL ? evhttp_request_get_input_buffer(req->ev) : NULL;
    *len = in != NULL ? evbuffer_get_length(in) : 0;
    return *len > 0 ? evbuffer_pullup(in, -1) : NULL;
}

const char *http_peer(const struct http_request *req)
{
    char *address = NULL;
    ev_uint16_t port = 0;
    struct evhttp_connection *connection = req->ev != NULL ? evhttp_request_get_connection(req->ev) : NULL;
    if (connection != NULL)
        evhttp_connection_get_peer(connection, &address, &port);
    return address != NULL ? address : "";
}

const char *http_method(const struct http_request *req)
{
    return req->route->method;
}

const char *http_route_pattern(const struct http_request *req)
{
    return req->route->pattern;
}

void *http_app(const struct http_request *req)
{
    return req->thread->server->config.app;
}

void http_set_identity(struct http_request *req, void *identity)
{
    req->identity = identity;
}

void *http_identity(const struct http_request *req)
{
    return req->identity;
}
