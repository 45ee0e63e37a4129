/* The strict reader of request heads: what means one thing passes, what could mean two is refused. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H "Host: localhost\r\n"

static enum guard_progress scan_all(const char *text, size_t len, size_t step, size_t *used)
{
    struct guard_scan scan = {0};
    *used = 0;
    for (size_t at = 0; at < len;) {
        size_t n = len - at < step ? len - at : step, took = 0;
        enum guard_progress progress = guard_scan(&scan, text + at, n, &took);
        if (progress == GUARD_BAD)
            return GUARD_BAD;
        *used += took;
        at += took;
        if (progress == GUARD_COMPLETE)
            return GUARD_COMPLETE;
    }
    return GUARD_MORE;
}

/* As a connection does: scan, then judge. */
static int status_of(const char *text, size_t len, struct guard_head *head)
{
    size_t used;
    switch (scan_all(text, len, 1, &used)) {
    case GUARD_COMPLETE:
        return guard_head(text, used, head).status;
    case GUARD_MORE:
        return -1;
    case GUARD_BAD:
    default:
        return 400;
    }
}

static void a_plain_request_is_read(void **state)
{
    static const char text[] = "POST /api/v1/products/p/releases?version=1%2E0 HTTP/1.1\r\n" H
                               "authorization: Bearer abc123 \r\nContent-Length: 17\r\n\r\nbody";
    struct guard_head head;
    (void)state;
    assert_int_equal(status_of(text, sizeof text - 1, &head), 0);
    assert_string_equal(head.method, "POST");
    assert_int_equal(head.target_len, strlen("/api/v1/products/p/releases?version=1%2E0"));
    assert_int_equal(head.path_len, strlen("/api/v1/products/p/releases"));
    assert_int_equal(head.body_bytes, 17);
    assert_int_equal(head.token_len, 6);
    assert_memory_equal(head.token, "abc123", 6);
}

static void the_end_of_a_head_is_found_however_it_arrives(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" H "\r\nGET /next";
    const size_t end = sizeof text - 1 - strlen("GET /next");
    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        size_t used;
        assert_int_equal(scan_all(text, sizeof text - 1, step, &used), GUARD_COMPLETE);
        assert_int_equal(used, end);
    }
}

struct row {
    int status; /* 0: passes */
    const char *text;
};

static const struct row rows[] = {
    {0, "GET / HTTP/1.1\r\n" H "\r\n"},
    {0, "HEAD /a/b?c=d HTTP/1.1\r\n" H "\r\n"},
    {0, "GET / HTTP/1.0\r\n\r\n"},
    {0, "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" H "Content-Length:\t0 \r\n\r\n"},
    {0, "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" H "X-Empty:\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" H "User-Agent: caf\xC3\xA9\r\n\r\n"},
    {0, "PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"},
    {0, "BREW /pot HTTP/1.1\r\n" H "\r\n"}, /* the route table refuses it */
    /* two ways to say where the body ends */
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"},
    {411, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
    {411, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"},
    {411, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"},
    {411, "POST / HTTP/1.1\r\n" H "\r\n"},
    /* lengths that are not numbers, or not of this request */
    {400, "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 5a\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n"},
    {400, "HEAD / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n"},
    {400, "DELETE / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n"},
    /* names */
    {400, "POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length\t: 5\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X(y): 5\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H ": 5\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "NoColon\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X\xC3\xA9: 5\r\n\r\n"},
    /* lines */
    {400, "GET / HTTP/1.1\n" H "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\r\n folded\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\r\n\tfolded\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n " H "\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "X: a\x7F\r\n\r\n"},
    {400, "\r\nGET / HTTP/1.1\r\n" H "\r\n"},
    /* request lines */
    {400, "GET /\r\n" H "\r\n"},
    {400, "GET  / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / HTTP/1.1 \r\n" H "\r\n"},
    {400, "GET\t/ HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / /b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / http/1.1\r\n" H "\r\n"},
    {400, "GET / HTTP/11\r\n" H "\r\n"},
    {505, "GET / HTTP/2.0\r\n" H "\r\n"},
    {505, "GET / HTTP/1.2\r\n" H "\r\n"},
    {505, "GET / HTTP/0.9\r\n" H "\r\n"},
    {505, "PRI * HTTP/2.0\r\n" H "\r\n"},
    {400, "GET * HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http://localhost/ HTTP/1.1\r\n" H "\r\n"},
    {400, "CONNECT localhost:1 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET //evil/healthz HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a\\b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /<script> HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /\xC3\xA9 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%zz HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%4 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a%00b HTTP/1.1\r\n" H "\r\n"},
    {400, "GETGETGETGETGETGETGET / HTTP/1.1\r\n" H "\r\n"},
    /* one host, one of each header that decides something */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H H "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "Range: bytes=0-0\r\nRange: bytes=1-1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "If-Range: \"a\"\r\nIf-Range: \"b\"\r\n\r\n"},
    {417, "POST / HTTP/1.1\r\n" H "Expect: the-unexpected\r\nContent-Length: 1\r\n\r\n"},
};

static void every_head_that_could_mean_two_things_is_refused(void **state)
{
    struct guard_head head;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = status_of(rows[i].text, strlen(rows[i].text), &head);
        if (status != rows[i].status)
            fail_msg("%d instead of %d for\n%s", status, rows[i].status, rows[i].text);
    }
}

static void a_nul_is_never_part_of_a_head(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n";
    struct guard_head head;
    (void)state;
    assert_int_equal(status_of(text, sizeof text - 1, &head), 400);
}

static void two_credentials_are_no_credential(void **state)
{
    static const char *const none[] = {
        "GET / HTTP/1.1\r\n" H "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "Authorization: Bearer \r\n\r\n",
        "GET / HTTP/1.1\r\n" H "Authorization: Bearer\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "Authorization: Basic YTpi\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "Authorization: bearera\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "\r\n",
    };
    struct guard_head head;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(status_of(none[i], strlen(none[i]), &head), 0);
        assert_null(head.token);
    }
}

static void long_targets_and_many_headers_are_refused(void **state)
{
    char text[GUARD_HEAD_MAX];
    struct guard_head head;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    static const char rest[] = " HTTP/1.1\r\n" H "\r\n";
    memcpy(text + 4 + GUARD_TARGET_MAX, rest, sizeof rest);
    assert_int_equal(status_of(text, strlen(text), &head), 0);
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    memcpy(text + 5 + GUARD_TARGET_MAX, rest, sizeof rest);
    assert_int_equal(status_of(text, strlen(text), &head), 414);

    size_t at = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" H);
    for (unsigned i = 1; i < GUARD_HEADERS_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "a:\r\n");
    snprintf(text + at, sizeof text - at, "\r\n");
    assert_int_equal(status_of(text, strlen(text), &head), 0);
    snprintf(text + at, sizeof text - at, "a:\r\n\r\n");
    assert_int_equal(status_of(text, strlen(text), &head), 431);
}

/* Any single byte of a good head replaced by any other: never a crash, and never another length of body. */
static void no_changed_byte_moves_the_end_of_the_body(void **state)
{
    static const char good[] = "POST /x HTTP/1.1\r\n" H "Content-Length: 7\r\n\r\n";
    const char *digit = strstr(good, "7\r\n\r\n");
    char text[sizeof good];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof good; i++) {
        for (int c = 0; c < 256; c++) {
            struct guard_head head;
            memcpy(text, good, sizeof good);
            text[i] = (char)c;
            /* the digit itself and the blank before it may become another number */
            if (status_of(text, sizeof good - 1, &head) == 0 && good + i != digit && good + i + 1 != digit)
                assert_int_equal(head.body_bytes, 7);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_read),
        cmocka_unit_test(the_end_of_a_head_is_found_however_it_arrives),
        cmocka_unit_test(every_head_that_could_mean_two_things_is_refused),
        cmocka_unit_test(a_nul_is_never_part_of_a_head),
        cmocka_unit_test(two_credentials_are_no_credential),
        cmocka_unit_test(long_targets_and_many_headers_are_refused),
        cmocka_unit_test(no_changed_byte_moves_the_end_of_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
