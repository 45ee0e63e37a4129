/* Names of enums, and which texts are allowed where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "names.h"
#include "wire_support.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void every_name_stands_for_one_value(void **state)
{
    (void)state;
    static const struct wire_name *const tables[] = {wire_event_kinds, wire_resets, wire_ways,
                                                     wire_bootloaders, wire_asks,   wire_switches,
                                                     wire_ota_states};
    for (size_t t = 0; t < COUNT(tables); t++) {
        for (const struct wire_name *n = tables[t]; n->name != NULL; n++) {
            assert_string_equal(ot_wire_name_of(tables[t], n->value), n->name);
            for (const struct wire_name *m = tables[t]; m != n; m++)
                assert_string_not_equal(m->name, n->name);
        }
        assert_null(ot_wire_name_of(tables[t], 1000));
    }
    assert_string_equal(ot_event_kind_name(OT_EVENT_NO_FALLBACK), "no_fallback");
    assert_string_equal(ot_event_kind_name((enum ot_event_kind)99), "none");
    assert_string_equal(ot_reset_reason_name(OT_RESET_DEEP_SLEEP), "deep_sleep");
    assert_string_equal(ot_reset_reason_name((enum ot_reset_reason)99), "unknown");
}

static void outcomes_are_the_six_that_end_an_attempt(void **state)
{
    (void)state;
    unsigned count = 0;
    for (int kind = 0; kind < 256; kind++)
        count += ot_event_is_outcome((enum ot_event_kind)kind) ? 1 : 0;
    assert_int_equal(count, 6);
    assert_true(ot_event_is_outcome(OT_EVENT_CONFIRMED));
    assert_true(ot_event_is_outcome(OT_EVENT_WITHDRAWN));
    assert_false(ot_event_is_outcome(OT_EVENT_BOOTED));
    assert_false(ot_event_is_outcome(OT_EVENT_LATE_REVERT));
}

static void identifiers_have_their_characters_and_lengths(void **state)
{
    (void)state;
    static const struct {
        wire_text_rule *rule;
        size_t max;
        const char *extra; /* beside a-z and 0-9 */
    } rules[] = {
        {ot_wire_is_device_id, OT_DEVICE_ID_MAX, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._:-"},
        {ot_wire_is_product, OT_PRODUCT_MAX, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-"},
        {ot_wire_is_attempt_id, OT_ATTEMPT_ID_MAX, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"},
        {ot_wire_is_attribute_name, OT_ATTRIBUTE_MAX, "_"},
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        char text[100];
        assert_false(rules[i].rule(""));
        wire_fill(text, rules[i].max, 'a');
        assert_true(rules[i].rule(text));
        wire_fill(text, rules[i].max + 1, 'a');
        assert_false(rules[i].rule(text));
        for (int c = 1; c < 256; c++) {
            bool allowed =
                (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(rules[i].extra, c) != NULL;
            text[0] = 'a';
            text[1] = (char)c;
            text[2] = '\0';
            assert_int_equal(rules[i].rule(text), allowed);
        }
    }
}

/* What a person may write, and what would deceive the one who reads it. */
static void texts_are_printable_and_show_what_they_are(void **state)
{
    (void)state;
    static const char *const good[] = {"1.2.0-rc.1+7",
                                       "\xC3\xA9t\xC3\xA9",
                                       "L\xE2\x80\x99\xC3\x8Ele",
                                       "a\xE2\x80\x93z",
                                       "\xE2\x82\xAC",
                                       "\xE2\x80\xA6",
                                       "\xF0\x9F\x98\x80",
                                       " a b ",
                                       "\xC2\xA0",
                                       "\xE6\x9D\xB1",
                                       "\"\\'<>&"};
    static const char *const bad[] = {"",
                                      "a\nb",
                                      "\x7F",
                                      "\xC2\x80", /* C1 */
                                      "\xC2\x9F",
                                      "\xD8\x9C",     /* U+061C */
                                      "\xE2\x80\x8B", /* U+200B zero width space */
                                      "\xE2\x80\x8F", /* U+200F right-to-left mark */
                                      "\xE2\x80\xA8", /* U+2028 line separator */
                                      "\xE2\x80\xAE", /* U+202E right-to-left override */
                                      "\xE2\x81\xA0", /* U+2060 word joiner */
                                      "\xE2\x81\xA6", /* U+2066 isolate */
                                      "\xE2\x81\xAF",
                                      "\xEF\xBB\xBF", /* U+FEFF */
                                      "\xC0\x80",
                                      "a\xFF"};
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(ot_wire_is_version(good[i]));
        assert_true(ot_wire_is_attribute_value(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(ot_wire_is_version(bad[i]));
        assert_false(ot_wire_is_attribute_value(bad[i]));
    }
    char text[60];
    wire_fill(text, OT_VERSION_MAX, 'v');
    assert_true(ot_wire_is_version(text));
    wire_fill(text, OT_VERSION_MAX + 1, 'v');
    assert_false(ot_wire_is_version(text));
}

/* Wire names travel and stand in databases: each must come back as itself and fit what readers keep. */
static void every_status_goes_over_the_wire_and_back(void **state)
{
    (void)state;
    static const enum ot_status all[] = {
#define STATUS(name, number, wire, text) name,
        OT_STATUS_LIST(STATUS)
#undef STATUS
    };
    for (size_t i = 0; i < COUNT(all); i++) {
        const char *wire = ot_status_wire(all[i]);
        assert_int_equal(ot_status_from_wire(wire, (unsigned)strlen(wire)), all[i]);
        assert_true(strlen(wire) <= 31 && strlen(ot_status_text(all[i])) > 3);
    }
    assert_int_equal(ot_status_from_wire("unheard_of", 10), OT_E_NOT_FOUND);
    assert_int_equal(ot_status_from_wire("ok", 1), OT_E_NOT_FOUND);
    assert_string_equal(ot_status_wire((enum ot_status) - 9999), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_stands_for_one_value),
        cmocka_unit_test(outcomes_are_the_six_that_end_an_attempt),
        cmocka_unit_test(identifiers_have_their_characters_and_lengths),
        cmocka_unit_test(texts_are_printable_and_show_what_they_are),
        cmocka_unit_test(every_status_goes_over_the_wire_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
