/**
 * The strict reader of request heads that stands in front of libevent's lenient one.
 *
 * libevent 2.1 takes bare LF for a line end, joins folded lines, cuts values at a NUL and keeps blanks in header names:
 * each is a way to make it and a proxy in front see different requests (request smuggling). So no byte reaches it
 * before this reader has found the head to mean one thing only. Pure: no I/O, no allocation, no libevent.
 *
 *     struct guard_scan scan = {0};
 *     size_t used;
 *     if (guard_scan(&scan, bytes, len, &used) == GUARD_COMPLETE)
 *         status = guard_head(head, head_len, &parsed);
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_HEAD_MAX    8192u /* request line and headers */
#define GUARD_TARGET_MAX  4096u /* a filter of 1024 bytes, each as %XX */
#define GUARD_HEADERS_MAX 64u
#define GUARD_METHOD_MAX  16u

enum guard_progress {
    GUARD_MORE,     /* every byte was used; the head goes on */
    GUARD_COMPLETE, /* `*used` bytes end it */
    GUARD_BAD       /* a bare CR or LF, or a NUL: no head at all */
};

/** Where in a head the scan is. Starts as zeros; start again with zeros for the next head. */
struct guard_scan {
    char previous;
    size_t line_bytes;
};

/** Look for the empty line that ends a head in the next `len` bytes. */
enum guard_progress guard_scan(struct guard_scan *scan, const char *bytes, size_t len, size_t *used);

/** What the head says; pointers into it. */
struct guard_head {
    char method[GUARD_METHOD_MAX + 1];
    const char *target;
    size_t target_len, path_len; /* path: up to the '?' */
    uint64_t body_bytes;
    const char *token; /* of `Authorization: Bearer TOKEN`, once; NULL: none, or more than one header */
    size_t token_len;
};

struct guard_refusal {
    int status; /* 0: none */
    const char *code, *message;
};

/** Judge a complete head, its empty line included. The connection is closed after a refusal. */
struct guard_refusal guard_head(const char *head, size_t len, struct guard_head *out);

#endif
