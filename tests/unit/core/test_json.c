/* The JSON reader and writer of core/wire, below the messages: numbers, strings, nesting, errors that stick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct json_reader opened(const char *text)
{
    struct json_reader r;
    ot_json_open(&r, text, strlen(text));
    return r;
}

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max, value;
        enum ot_status status;
    } cases[] = {
        {"0", 0, 0, OT_OK},
        {"1", 0, 0, OT_E_WIRE_RANGE},
        {"10", 10, 10, OT_OK},
        {"11", 10, 0, OT_E_WIRE_RANGE},
        {"100", 10, 0, OT_E_WIRE_RANGE},
        {"4294967295", UINT32_MAX, UINT32_MAX, OT_OK},
        {"4294967296", UINT32_MAX, 0, OT_E_WIRE_RANGE},
        {"9223372036854775808", UINT64_MAX, 1ull << 63, OT_OK},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, OT_OK},
        {"18446744073709551616", UINT64_MAX, 0, OT_E_WIRE_RANGE},
        {"184467440737095516150", UINT64_MAX, 0, OT_E_WIRE_RANGE},
        {" \n7\t", 9, 7, OT_OK},
        {"-0", 9, 0, OT_E_WIRE_RANGE},
        {"-1", 9, 0, OT_E_WIRE_RANGE},
        {"1.0", 9, 0, OT_E_WIRE_RANGE},
        {"1e0", 9, 0, OT_E_WIRE_RANGE},
        {"1E400", 9, 0, OT_E_WIRE_RANGE},
        {"00", 9, 0, OT_E_WIRE_SYNTAX},
        {"07", 9, 0, OT_E_WIRE_SYNTAX},
        {"1 2", 9, 1, OT_E_WIRE_SYNTAX},
        {"0x1", 9, 0, OT_E_WIRE_SYNTAX},
        {"", 9, 0, OT_E_WIRE_SYNTAX},
        {"true", 9, 0, OT_E_WIRE_TYPE},
        {"\"1\"", 9, 0, OT_E_WIRE_TYPE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_reader r = opened(cases[i].text);
        uint64_t value = ot_json_number(&r, cases[i].max);
        assert_int_equal(ot_json_close(&r), cases[i].status);
        assert_int_equal(value, cases[i].value);
    }
}

static void signed_numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t limit, value;
        enum ot_status status;
    } cases[] = {
        {"0", 0, 0, OT_OK},
        {"-0", 0, 0, OT_OK},
        {"-1", 1, -1, OT_OK},
        {"\n-10 ", 10, -10, OT_OK},
        {"-11", 10, 0, OT_E_WIRE_RANGE},
        {"11", 10, 0, OT_E_WIRE_RANGE},
        {"9223372036854775807", INT64_MAX, INT64_MAX, OT_OK},
        {"-9223372036854775807", INT64_MAX, -INT64_MAX, OT_OK},
        {"-9223372036854775808", INT64_MAX, 0, OT_E_WIRE_RANGE},
        {"-", 9, 0, OT_E_WIRE_SYNTAX},
        {"- 1", 9, 0, OT_E_WIRE_SYNTAX},
        {"--1", 9, 0, OT_E_WIRE_SYNTAX},
        {"+1", 9, 0, OT_E_WIRE_TYPE},
        {"-1.0", 9, 0, OT_E_WIRE_RANGE},
        {"-Infinity", 9, 0, OT_E_WIRE_SYNTAX},
        {"NaN", 9, 0, OT_E_WIRE_TYPE},
        {"\"-1\"", 9, 0, OT_E_WIRE_TYPE},
        {"", 9, 0, OT_E_WIRE_SYNTAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_reader r = opened(cases[i].text);
        int64_t value = ot_json_signed(&r, cases[i].limit);
        assert_int_equal(ot_json_close(&r), cases[i].status);
        assert_int_equal(value, cases[i].value);
    }
    char out[64];
    size_t len = 0;
    struct json_writer w;
    ot_json_start(&w, out, sizeof out);
    ot_json_put_begin(&w, NULL, '[');
    ot_json_put_signed(&w, NULL, -INT64_MAX);
    ot_json_put_signed(&w, NULL, 0);
    ot_json_put_signed(&w, NULL, INT64_MAX);
    ot_json_put_end(&w, ']');
    assert_int_equal(ot_json_finish(&w, &len), OT_OK);
    assert_int_equal(len, strlen("[-9223372036854775807,0,9223372036854775807]"));
    assert_memory_equal(out, "[-9223372036854775807,0,9223372036854775807]", len);
}

static void strings_are_unescaped_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
        enum ot_status status;
    } cases[] = {
        {"\"\"", "", OT_OK},
        {"\"abcdefg\"", "abcdefg", OT_OK},
        {"\"abcdefgh\"", NULL, OT_E_WIRE_TEXT}, /* one more than the room */
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\"", "\"\\/\b\f\n\r", OT_OK},
        {"\"\\t\\u0041\\u00e9\"", "\tA\xC3\xA9", OT_OK},
        {"\"\\u20AC\"", "\xE2\x82\xAC", OT_OK},
        {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80", OT_OK},
        {"\"\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80", OT_OK},
        {"\"\\u0000\"", NULL, OT_E_WIRE_TEXT},
        {"\"\\ud83d\"", NULL, OT_E_WIRE_TEXT},
        {"\"\\ud83d\\n\"", NULL, OT_E_WIRE_TEXT},
        {"\"\\ud83d\\ud83d\"", NULL, OT_E_WIRE_TEXT},
        {"\"\\ude00\"", NULL, OT_E_WIRE_TEXT},
        {"\"\\u00G0\"", NULL, OT_E_WIRE_SYNTAX},
        {"\"\\u00", NULL, OT_E_WIRE_SYNTAX},
        {"\"\\ud83d\\u", NULL, OT_E_WIRE_SYNTAX},
        {"\"\\", NULL, OT_E_WIRE_SYNTAX},
        {"\"\\a\"", NULL, OT_E_WIRE_SYNTAX},
        {"\"a", NULL, OT_E_WIRE_SYNTAX},
        {"\"\x1F\"", NULL, OT_E_WIRE_TEXT},
        {"\"\x7F\"", "\x7F", OT_OK},
        {"7", NULL, OT_E_WIRE_TYPE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_reader r = opened(cases[i].text);
        char out[8];
        ot_json_string(&r, out, sizeof out);
        assert_int_equal(ot_json_close(&r), cases[i].status);
        if (cases[i].value != NULL)
            assert_string_equal(out, cases[i].value);
    }
}

/* Against a decoder that asks for the shortest form, for every sequence of two bytes and the edges of longer ones. */
static void utf8_is_the_shortest_form_of_a_character(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {{"\x7F\x80", 1},
                 {"\xC2\x80", 2},
                 {"\xC1\xBF", 0},
                 {"\xC0\xAF", 0},
                 {"\xDF\xBF", 2},
                 {"\xE0\xA0\x80", 3},
                 {"\xE0\x9F\xBF", 0},
                 {"\xED\x9F\xBF", 3},
                 {"\xED\xA0\x80", 0},
                 {"\xED\xBF\xBF", 0},
                 {"\xEE\x80\x80", 3},
                 {"\xEF\xBF\xBF", 3},
                 {"\xF0\x90\x80\x80", 4},
                 {"\xF0\x8F\xBF\xBF", 0},
                 {"\xF4\x8F\xBF\xBF", 4},
                 {"\xF4\x90\x80\x80", 0},
                 {"\xF5\x80\x80\x80", 0},
                 {"\xF8\x88\x80\x80", 0},
                 {"\xE2\x82", 0},
                 {"\xE2\x28\xA1", 0},
                 {"\xF0\x9F\x98", 0},
                 {"\x80", 0},
                 {"\xFF", 0},
                 {"\xFE", 0}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(ot_json_utf8_length((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)),
                         cases[i].length);
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const uint8_t s[2] = {(uint8_t)a, (uint8_t)b};
            bool is_pair = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;
            assert_int_equal(ot_json_utf8_length(s, 2), a < 0x80 ? 1 : is_pair ? 2 : 0);
        }
    }
}

static enum ot_status skip_all(const char *text)
{
    struct json_reader r = opened(text);
    ot_json_skip(&r);
    return ot_json_close(&r);
}

static void any_value_is_skipped_to_the_depth_allowed(void **state)
{
    (void)state;
    static const char *const good[] = {"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-0",
                                       "-1.5e-3",
                                       "1e400",
                                       "\"a\\u0041\"",
                                       "[]",
                                       "{}",
                                       "[[],{},[1,2]]",
                                       "{\"a\":{\"b\":[{\"c\":null}]},\"d\":1}",
                                       "[[[[[[[[]]]]]]]]",
                                       "[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]"};
    static const char *const broken[] = {"",           "nul",    "[",          "[1",      "[1,",
                                         "[,]",        "{\"a\"", "{",          "{\"a\":", "{a:1}",
                                         "{\"a\":1",   "[1 2]",  "{\"a\" 1}",  "]",       "-",
                                         "1.",         ".1",     "1e",         "1e+",     "+1",
                                         "01",         "\"a",    "[1]]",       "[}",      "{]",
                                         "{\"a\":1,}", "[1,]",   "tru",        "True",    "'a'",
                                         "/**/1",      "[1}",    "{\"a\":[1}]"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(skip_all(good[i]), OT_OK);
    for (size_t i = 0; i < COUNT(broken); i++)
        assert_int_equal(skip_all(broken[i]), OT_E_WIRE_SYNTAX);
    assert_int_equal(skip_all("[[[[[[[[[]]]]]]]]]"), OT_E_WIRE_DEPTH);
    assert_int_equal(skip_all("[{\"a\":[{\"a\":[{\"a\":[{\"a\":[]}]}]}]}]"), OT_E_WIRE_DEPTH);
}

static void a_hundred_thousand_brackets_cost_no_stack(void **state)
{
    (void)state;
    enum { N = 100000 };
    char *text = malloc(N + 1);
    assert_non_null(text);
    memset(text, '[', N);
    text[N] = '\0';
    assert_int_equal(skip_all(text), OT_E_WIRE_DEPTH);
    free(text);
}

static void the_first_failure_stays_and_everything_after_it_fails(void **state)
{
    (void)state;
    char text[8], name[8];
    bool first = true;
    struct ot_digest d;
    struct json_reader r = opened("[1]");
    assert_false(ot_json_object_begin(&r));
    size_t at = r.at;
    assert_int_equal(ot_json_number(&r, 9), 0);
    ot_json_string(&r, text, sizeof text);
    assert_string_equal(text, "");
    assert_false(ot_json_bool(&r));
    assert_false(ot_json_array_begin(&r));
    assert_false(ot_json_next_item(&r, &first));
    assert_false(ot_json_next_field(&r, &first, name, sizeof name));
    ot_json_digest(&r, &d);
    ot_json_skip(&r);
    ot_json_fail(&r, OT_E_WIRE_RANGE);
    assert_int_equal(ot_json_close(&r), OT_E_WIRE_TYPE);
    assert_int_equal(r.at, at); /* where reading stopped */
}

static void a_name_too_long_is_an_unknown_one_and_never_a_shorter_one(void **state)
{
    (void)state;
    struct json_reader r = opened("{\"attempts\":1}");
    char name[8];
    bool first = true;
    assert_true(ot_json_object_begin(&r));
    assert_true(ot_json_next_field(&r, &first, name, sizeof name));
    assert_string_equal(name, "");
    ot_json_skip(&r);
    assert_false(ot_json_next_field(&r, &first, name, sizeof name));
    assert_int_equal(ot_json_close(&r), OT_OK);
}

/* --- writing --- */

static enum ot_status write_all(char *buf, size_t cap, size_t *len, const char *text)
{
    struct json_writer w;
    struct ot_digest d;
    memset(&d, 0x5A, sizeof d);
    ot_json_start(&w, buf, cap);
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_string(&w, "s", text);
    ot_json_put_number(&w, "n", UINT64_MAX);
    ot_json_put_number(&w, "z", 0);
    ot_json_put_begin(&w, "a", '[');
    ot_json_put_bool(&w, NULL, true);
    ot_json_put_bool(&w, NULL, false);
    ot_json_put_begin(&w, NULL, '{');
    ot_json_put_end(&w, '}');
    ot_json_put_end(&w, ']');
    ot_json_put_digest(&w, "d", &d);
    ot_json_put_end(&w, '}');
    return ot_json_finish(&w, len);
}

static void what_is_written_is_the_text_expected(void **state)
{
    (void)state;
    static const char wanted[] =
        "{\"s\":\"\\\"\\\\\\u000a\\u0001\xC3\xA9\",\"n\":18446744073709551615,\"z\":0,\"a\":[true,false,{}],\"d\":"
        "\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"}";
    char out[300];
    size_t len = 0;
    assert_int_equal(write_all(out, sizeof out, &len, "\"\\\n\x01\xC3\xA9"), OT_OK);
    assert_int_equal(len, sizeof wanted - 1);
    assert_memory_equal(out, wanted, len);
}

static void a_buffer_too_small_is_never_overrun(void **state)
{
    (void)state;
    char big[300];
    size_t whole = 0, len = 0;
    assert_int_equal(write_all(big, sizeof big, &whole, "text"), OT_OK);
    for (size_t cap = 0; cap < whole; cap++) {
        char *exact = malloc(cap > 0 ? cap : 1);
        assert_non_null(exact);
        assert_int_equal(write_all(exact, cap, &len, "text"), OT_E_BUFFER);
        assert_int_equal(len, 0);
        free(exact);
    }
    assert_int_equal(write_all(big, whole, &len, "text"), OT_OK);
    assert_int_equal(len, whole);
}

static void text_that_is_not_utf8_is_not_written_and_the_first_cause_stays(void **state)
{
    (void)state;
    char out[300];
    size_t len = 1;
    assert_int_equal(write_all(out, sizeof out, &len, "\xED\xA0\x80"), OT_E_WIRE_TEXT);
    assert_int_equal(len, 0);
    assert_int_equal(write_all(out, 3, &len, "\xFF"), OT_E_BUFFER);
    struct json_writer w;
    ot_json_start(&w, out, 2);
    ot_json_put_string(&w, NULL, "long");
    ot_json_refuse(&w, OT_E_WIRE_RANGE);
    assert_int_equal(ot_json_finish(&w, &len), OT_E_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(signed_numbers_are_whole_and_in_range),
        cmocka_unit_test(strings_are_unescaped_and_bounded),
        cmocka_unit_test(utf8_is_the_shortest_form_of_a_character),
        cmocka_unit_test(any_value_is_skipped_to_the_depth_allowed),
        cmocka_unit_test(a_hundred_thousand_brackets_cost_no_stack),
        cmocka_unit_test(the_first_failure_stays_and_everything_after_it_fails),
        cmocka_unit_test(a_name_too_long_is_an_unknown_one_and_never_a_shorter_one),
        cmocka_unit_test(what_is_written_is_the_text_expected),
        cmocka_unit_test(a_buffer_too_small_is_never_overrun),
        cmocka_unit_test(text_that_is_not_utf8_is_not_written_and_the_first_cause_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
