/**
 * HTTPS client for the command line and the virtual device, over libcurl.
 *
 * One `struct https` belongs to one thread, trusts one CA file and keeps its connection and TLS session across
 * requests. Plain http is refused, redirects are not followed, names are checked. The bearer token travels in a header
 * and nowhere else: not in a message, not in a log.
 */
#ifndef BASE_HTTPS_H
#define BASE_HTTPS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct https;

struct https_options {
    const char *ca_file;        /* PEM; NULL: the system's authorities */
    unsigned connect_timeout_s; /* 0: 10 */
    unsigned request_timeout_s; /* whole request without upload or download of files; 0: 30 */
    unsigned stall_timeout_s;   /* a transfer slower than 100 bytes/s for this long is given up; 0: 30 */
};

/** Strings of `options` are copied. NULL with a message. */
struct https *https_create(const struct https_options *options, struct error *err);
void https_destroy(struct https *h);

/** "https://host[:port]" without path, as a user gives it: 0, or -1 with a message. */
int https_check_url(const char *url, struct error *err);

struct https_request {
    const char *method; /* "GET", "POST" */
    const char *url;
    const char *token;        /* NULL: none */
    const char *content_type; /* NULL: application/json */
    const void *body;         /* borrowed */
    size_t body_len;
    size_t reply_limit;                                          /* a longer reply fails */
    void (*on_upload)(void *ctx, uint64_t sent, uint64_t total); /* may be NULL */
    void *ctx;
};

struct https_reply {
    int status;
    uint32_t retry_after_s;
    char *body; /* NUL-terminated; https_reply_free() */
    size_t len;
};

/** 0 with any HTTP status; -1 when there was no complete reply (message says why). Blocks. */
int https_request(struct https *h, const struct https_request *request, struct https_reply *reply,
                  struct error *err);
void https_reply_free(struct https_reply *reply);

enum https_get {
    HTTPS_GET_OK = 0, /* `read` continues exactly at the offset asked for */
    HTTPS_GET_CHANGED =
        1, /* the object is not the one `etag` names, or the range was ignored: start again at 0 */
    HTTPS_GET_STATUS = 2, /* `*status` says what the server answered */
    HTTPS_GET_FAILED = 3, /* no answer */
};

/** Start a download with back-pressure; one at a time. `etag` without quotes, NULL: none. */
enum https_get https_get_open(struct https *h, const char *url, const char *token, uint64_t offset,
                              const char *etag, uint64_t *total, int *status, struct error *err);
/** Up to `cap` bytes; `*len` 0 is the end. -1: the connection broke or stalled. */
int https_get_read(struct https *h, void *buf, size_t cap, size_t *len, struct error *err);
void https_get_close(struct https *h);

#endif
