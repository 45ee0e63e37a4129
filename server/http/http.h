/**
 * HTTP over TLS: listeners, routes, requests, replies. The only room that knows libevent.
 *
 * One event base per thread, each with its own listening socket (SO_REUSEPORT), so a request lives on one thread. A
 * handler either replies before it returns, or calls http_defer() and replies later from any thread.
 *
 * Limits and what is refused before a handler sees it: docs/design/http.md.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request;

enum http_listener { HTTP_DEVICE = 0, HTTP_OPERATOR = 1, HTTP_LISTENERS };

/** Replies exactly once, or defers. */
typedef void http_handler(void *app, struct http_request *req);

struct http_route {
    enum http_listener listener;
    const char *method;  /* "GET" also answers HEAD */
    const char *pattern; /* "/api/v1/products/{product}": {name} matches one segment */
    int permission;      /* the application's; 0: nobody need be known */
    size_t max_body;
    http_handler *handler;
};

struct http_config {
    const char *listen[HTTP_LISTENERS]; /* "127.0.0.1:8443", "[::1]:0": port 0 takes a free one */
    const char *cert_file, *key_file;   /* PEM */
    unsigned threads;
    size_t max_body[HTTP_LISTENERS];
    unsigned timeout_s; /* idle, reading and writing */
    const struct http_route *routes;
    size_t route_count;
    void *app;
    /**
     * Before the handler: 0 to go on (http_set_identity() as wanted), or 401, 403, or 503: not now, it cannot be stored.
     * `token` is the bearer token, NULL when there is none.
     */
    int (*authorize)(void *app, struct http_request *req, const struct http_route *route, const char *token);
    /** About once a second on the first thread. */
    void (*tick)(void *app);
};

struct http_server *http_server_create(const struct http_config *config, struct error *err);
/** The port a listener got. */
uint16_t http_server_port(const struct http_server *server, enum http_listener listener);
/** Run until http_server_stop(), SIGTERM or SIGINT. Blocks; other threads are started inside. */
void http_server_run(struct http_server *server);
/** From any thread, not from a signal handler. */
void http_server_stop(struct http_server *server);
void http_server_destroy(struct http_server *server);

/* --- a request: everything returned is borrowed and lives until the reply --- */

/** The value a {name} of the pattern matched, percent-decoded; never NULL. */
const char *http_param(const struct http_request *req, const char *name);
/** Query parameter, decoded; NULL when absent. */
const char *http_query(const struct http_request *req, const char *name);
const uint8_t *http_body(const struct http_request *req, size_t *len);
const char *http_peer(const struct http_request *req);
const char *http_method(const struct http_request *req);
const char *http_route_pattern(const struct http_request *req);
/** `app` of the configuration. */
void *http_app(const struct http_request *req);
void http_set_identity(struct http_request *req, void *identity);
void *http_identity(const struct http_request *req);

/* --- replies --- */

/** From here on the reply may come from any thread. */
void http_defer(struct http_request *req);
/** `json` is copied. */
void http_reply_json(struct http_request *req, int status, const char *json, size_t len);
/** {"error":{"code":...,"message":...}} with both escaped. */
void http_reply_error(struct http_request *req, int status, const char *code, const char *message);
/** A file of `size` bytes from `fd` (taken over, closed). Range, If-Range, HEAD, 416. `etag` without quotes. */
void http_reply_file(struct http_request *req, int take_fd, uint64_t size, const char *etag);

#endif
