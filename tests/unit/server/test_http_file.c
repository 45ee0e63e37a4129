/*
 * Which bytes of a file a request asks for. Peers with resuming downloads differ: esp_https_ota asks for the size with
 * HEAD, or with bytes=0-0, leaves its last request open, or ends it one past the last byte.
 */
#include "http/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 1000u

static void a_range_is_clamped_to_the_file_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum http_range kind;
        uint64_t first, last;
    } cases[] = {
        {NULL, HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-0", HTTP_RANGE_OK, 0, 0},
        {"bytes=0-999", HTTP_RANGE_OK, 0, 999},
        {"bytes=0-1000", HTTP_RANGE_OK, 0, 999}, /* one past the end */
        {"bytes=512-", HTTP_RANGE_OK, 512, 999},
        {"bytes=999-", HTTP_RANGE_OK, 999, 999},
        {"bytes=1000-", HTTP_RANGE_BAD, 0, 0},
        {"bytes=1000-1001", HTTP_RANGE_BAD, 0, 0},
        {"bytes=18446744073709551615-", HTTP_RANGE_BAD, 0, 0},
        {"bytes=18446744073709551616-", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-18446744073709551615", HTTP_RANGE_OK, 0, 999},
        {"bytes=-1", HTTP_RANGE_OK, 999, 999},
        {"bytes=-1000", HTTP_RANGE_OK, 0, 999},
        {"bytes=-5000", HTTP_RANGE_OK, 0, 999},
        {"bytes=-0", HTTP_RANGE_BAD, 0, 0},
        {"bytes=5-4", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-1,3-4", HTTP_RANGE_NONE, 0, 0},
        {"bytes= 0-1", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-1 ", HTTP_RANGE_NONE, 0, 0},
        {"bytes=-", HTTP_RANGE_NONE, 0, 0},
        {"bytes=", HTTP_RANGE_NONE, 0, 0},
        {"bytes=+1-2", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0x1-2", HTTP_RANGE_NONE, 0, 0},
        {"bytes=1-2x", HTTP_RANGE_NONE, 0, 0},
        {"items=0-1", HTTP_RANGE_NONE, 0, 0},
        {"", HTTP_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 0, last = 0;
        enum http_range kind = http_parse_range(cases[i].header, SIZE, &first, &last);
        if (kind != cases[i].kind ||
            (kind == HTTP_RANGE_OK && (first != cases[i].first || last != cases[i].last)))
            fail_msg("%s: kind %d, %lu to %lu", cases[i].header, (int)kind, (unsigned long)first,
                     (unsigned long)last);
    }
}

static void nothing_can_be_asked_of_an_empty_file(void **state)
{
    (void)state;
    uint64_t first, last;
    assert_int_equal(http_parse_range("bytes=0-", 0, &first, &last), HTTP_RANGE_BAD);
    assert_int_equal(http_parse_range("bytes=-1", 0, &first, &last), HTTP_RANGE_BAD);
}

static void head_is_answered_wherever_get_is(void **state)
{
    (void)state;
    static const struct http_route routes[] = {
        {.listener = HTTP_DEVICE, .method = "POST", .pattern = "/check-in"},
        {.listener = HTTP_DEVICE, .method = "GET", .pattern = "/artifacts/{sha256}"},
    };
    struct http_server server = {.config = {.routes = routes, .route_count = 2}};
    static const struct {
        const char *method, *path;
        const struct http_route *route;
        const char *allowed;
    } cases[] = {
        {"GET", "/artifacts/ab", &routes[1], NULL}, {"HEAD", "/artifacts/ab", &routes[1], NULL},
        {"POST", "/artifacts/ab", NULL, "GET"},     {"HEAD", "/check-in", NULL, "POST"},
        {"HEAD", "/artifacts", NULL, NULL},         {"HEAD", "/artifacts/ab/", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request req = {0};
        const char *allowed;
        const struct http_route *route =
            http_find_route(&server, HTTP_DEVICE, cases[i].method, cases[i].path, &req, &allowed);
        assert_ptr_equal(route, cases[i].route);
        if (route == NULL && cases[i].allowed != NULL)
            assert_string_equal(allowed, cases[i].allowed);
        else if (route == NULL)
            assert_null(allowed);
        else
            assert_string_equal(http_param(&req, "sha256"), "ab");
        assert_null(http_find_route(&server, HTTP_OPERATOR, cases[i].method, cases[i].path,
                                    &(struct http_request){0}, &allowed));
        for (unsigned p = 0; p < req.param_count; p++)
            free(req.params[p].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_clamped_to_the_file_or_refused),
        cmocka_unit_test(nothing_can_be_asked_of_an_empty_file),
        cmocka_unit_test(head_is_answered_wherever_get_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
