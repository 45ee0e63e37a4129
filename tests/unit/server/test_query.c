/* Filters: what they read, what they refuse and where, what they match, and that what is printed is what was meant. */
#include "otaria/chip.h"
#include "otaria/otadata.h"
#include "query/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS 86400000u
#define NOW_MS (1000u * (uint64_t)DAY_MS)

static const char *tag_at(const void *of, unsigned index)
{
    const char *const *tags = of;
    return tags[index];
}

static const char *const lab_tags[] = {"lab", "night", NULL};

/* lamp-0042: an esp32c3 of the lab, heard of three days ago. */
static struct ot_wire_check_in facts_of_lamp(void)
{
    struct ot_wire_check_in f = {.hardware_revision = 2,
                                 .slot_bytes = 1966080,
                                 .bootloader = OT_BOOTLOADER_ROLLBACK,
                                 .patch_profile = 1,
                                 .floor = 3,
                                 .key_count = 2,
                                 .revoked_count = 1,
                                 .attribute_count = 3,
                                 .metric_count = 2};
    f.chip_id = ot_chip_by_name("esp32c3")->id;
    f.running = (struct ot_wire_slot){
        .present = true, .slot = 0, .release = 5, .version = "1.1.9", .state = OT_OTA_VALID};
    memset(f.running.digest.bytes, 0xAB, sizeof f.running.digest.bytes);
    f.other = (struct ot_wire_slot){
        .present = true, .slot = 1, .release = 4, .version = "1.1.0-rc.2", .state = OT_OTA_ABORTED};
    memset(f.other.digest.bytes, 0x12, sizeof f.other.digest.bytes);
    memset(f.keys[0].bytes, 0x01, sizeof f.keys[0].bytes);
    memset(f.keys[1].bytes, 0x02, sizeof f.keys[1].bytes);
    memset(f.revoked[0].bytes, 0x03, sizeof f.revoked[0].bytes);
    f.health = (struct ot_health){.boots = 12,
                                  .panics = 1,
                                  .link_losses = 30,
                                  .uptime_s = 7200,
                                  .last_reset = OT_RESET_PANIC,
                                  .crash_signature = 0xDEADBEEF00000001u};
    f.attributes[0] = (struct ot_wire_attribute){.name = "region", .value = "eu"};
    f.attributes[1] = (struct ot_wire_attribute){.name = "site", .value = "Halle 3 \"Ost\""};
    f.attributes[2] = (struct ot_wire_attribute){.name = "chip", .value = "none*"};
    f.metrics[0] = (struct ot_wire_metric){.name = "heap_floor", .value = 41000};
    f.metrics[1] = (struct ot_wire_metric){.name = "rssi", .value = -71};
    return f;
}

static bool is_site(const void *of, const char *name)
{
    (void)of;
    return strcmp(name, "site") == 0;
}

static const char *in_sync(const void *of)
{
    return of;
}

static const struct query_attributes known = {.is_known = is_site};

static bool matches(const char *text, const struct query_device *d)
{
    struct query q;
    struct query_error e;
    struct query_subject s = query_device(d);
    if (query_parse(text, strlen(text), &known, &q, &e) != 0)
        fail_msg("%s: %s", text, e.message);
    return query_matches(&q, &s, NOW_MS);
}

static bool lamp_matches(const char *text)
{
    struct ot_wire_check_in facts = facts_of_lamp();
    struct query_device lamp = {.id = "lamp-0042",
                                .facts = &facts,
                                .has_checked_in = true,
                                .first_seen_ms = NOW_MS - 40u * (uint64_t)DAY_MS,
                                .last_seen_ms = NOW_MS - 3u * (uint64_t)DAY_MS,
                                .tag_at = tag_at,
                                .tags_of = lab_tags,
                                .in_sync = in_sync,
                                .in_sync_of = "no"};
    return matches(text, &lamp);
}

static void each_field_is_compared_with_what_the_device_said(void **state)
{
    static const char *const yes[] = {"",
                                      "  ",
                                      "id = lamp-0042",
                                      "id = lamp-*",
                                      "id = *42",
                                      "id = *",
                                      "id = l*0*2",
                                      "id ~ P-00",
                                      "id != lamp-0043",
                                      "id in (lamp-1, lamp-0042)",
                                      "chip = esp32c3",
                                      "chip = esp32*",
                                      "chip in (esp32, esp32c3)",
                                      "hw_rev = 2",
                                      "hw_rev >= 2",
                                      "hw_rev < 3",
                                      "hw_rev != 0",
                                      "version = 1.1.9",
                                      "version < 1.1.10",
                                      "version >= 1.1.9",
                                      "version > 1.1.9-rc.1",
                                      "version <= v1.1.9",
                                      "version = 1.1.*",
                                      "version ~ .9",
                                      "release = 5",
                                      "release > 4",
                                      "digest = abab",
                                      "digest = ABABab",
                                      "slot = ota_0",
                                      "state = valid",
                                      "other.version < 1.1.0",
                                      "other.release = 4",
                                      "other.digest = 1212",
                                      "other.slot = ota_1",
                                      "other.state = aborted",
                                      "bootloader = rollback",
                                      "patch_profile >= 1",
                                      "slot_bytes = 1920K",
                                      "slot_bytes <= 2M",
                                      "floor = 3",
                                      "secure_version = 0",
                                      "key = 0101",
                                      "key = 0202",
                                      "revoked = 0303",
                                      "tag = lab",
                                      "tag = night",
                                      "tag = n*",
                                      "tag != day",
                                      "unheard > 2d",
                                      "unheard >= 3d",
                                      "unheard < 4d",
                                      "unheard >= 72h",
                                      "first_seen > 4w",
                                      "first_seen < 41d",
                                      "checked_in = yes",
                                      "in_sync = no",
                                      "in_sync != yes",
                                      "boots = 12",
                                      "panics > 0",
                                      "watchdogs = 0",
                                      "brownouts = 0",
                                      "other_resets = 0",
                                      "link_losses <= 30",
                                      "uptime >= 2h",
                                      "uptime < 7201s",
                                      "last_reset = panic",
                                      "crash = deadbeef",
                                      "region = eu",
                                      "attr.region = eu",
                                      "link != wifi",
                                      "not link = *",
                                      "region = *",
                                      "site = \"Halle 3 \\\"Ost\\\"\"",
                                      "attr.site ~ halle",
                                      "attr.chip = \"none*\"",
                                      "attr.chip = none*",
                                      "attr.nobody != x",
                                      "metric.rssi < -70",
                                      "metric.rssi >= -71",
                                      "metric.heap_floor > 40000",
                                      "metric.heap_floor != -41000",
                                      "metric.nothing != 0"};
    static const char *const no[] = {"id = lamp-",
                                     "id = amp*",
                                     "id = Lamp-0042",
                                     "id ~ lamp-1",
                                     "id = \"lamp-*\"",
                                     "chip = esp32",
                                     "hw_rev > 2",
                                     "hw_rev = 20",
                                     "version < 1.1.9",
                                     "version = 1.1",
                                     "version > 1.1.9",
                                     "version > 2",
                                     "release >= 6",
                                     "digest = abac",
                                     "digest = 1212",
                                     "slot = ota_1",
                                     "state = pending",
                                     "other.version >= 1.1.0",
                                     "other.state = valid",
                                     "bootloader = plain",
                                     "slot_bytes > 1920K",
                                     "key = 0303",
                                     "key != 0101",
                                     "revoked = 0101",
                                     "tag = la",
                                     "tag != lab",
                                     "unheard > 3d",
                                     "unheard < 3d",
                                     "first_seen < 40d",
                                     "checked_in = no",
                                     "in_sync in (yes, unknown)",
                                     "crash = beef",
                                     "crash != dead",
                                     "region != eu",
                                     "region = EU",
                                     "link = *",
                                     "link = wifi",
                                     "attr.nobody = *",
                                     "attr.chip = esp32c3",
                                     "id in (a, b)",
                                     "not id = *",
                                     "metric.rssi > -71",
                                     "metric.rssi >= 0",
                                     "metric.heap_floor < 0",
                                     "metric.nothing < 1",
                                     "metric.rssi = 71"};
    (void)state;
    for (unsigned i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (!lamp_matches(yes[i]))
            fail_msg("not matched: %s", yes[i]);
    }
    for (unsigned i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (lamp_matches(no[i]))
            fail_msg("matched: %s", no[i]);
    }
}

static void not_binds_closest_then_and_then_or(void **state)
{
    (void)state;
    assert_true(lamp_matches("hw_rev = 2 or hw_rev = 9 and release = 9"));
    assert_false(lamp_matches("(hw_rev = 2 or hw_rev = 9) and release = 9"));
    assert_false(lamp_matches("not hw_rev = 2 and release = 9"));
    assert_true(lamp_matches("not (hw_rev = 2 and release = 9)"));
    assert_true(lamp_matches("NOT not hw_rev = 2 And release = 5"));
    assert_true(lamp_matches("not hw_rev = 9 and release = 5 or release = 9"));
    assert_true(
        lamp_matches("chip=esp32c3 and hw_rev>=2 and (region=eu or tag=lab) and not link=cellular and "
                     "unheard>2d and version<1.2.0"));
}

static void what_a_device_never_said_is_neither_less_nor_more(void **state)
{
    struct ot_wire_check_in facts = {.running = {.present = true}, .chip_id = ot_chip_by_name("esp32")->id};
    struct query_device silent = {
        .id = "new", .facts = &facts, .first_seen_ms = NOW_MS, .last_seen_ms = NOW_MS + 1};
    static const char *const no[] = {"version < 9",    "version >= 0",    "version = *",       "release = 0",
                                     "boots = 0",      "slot_bytes < 1M", "digest = 0000",     "state = *",
                                     "bootloader = *", "uptime < 1h",     "other.release = 0", "crash = 0000",
                                     "tag = *",        "key = 0000",      "unheard > 0s",      "region = *",
                                     "last_reset = *", "in_sync = *"};
    (void)state;
    for (unsigned i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (matches(no[i], &silent))
            fail_msg("matched: %s", no[i]);
    }
    assert_true(matches("version != 1.0.0 and not boots = 0 and checked_in = no and chip = esp32", &silent));
    assert_true(matches("unheard <= 0s and hw_rev = 0 and tag != lab", &silent));
}

static void versions_have_the_order_of_semantic_versioning(void **state)
{
    static const char *const rising[] = {"0",
                                         "0.9.12",
                                         "1.0.0-1",
                                         "1.0.0-alpha",
                                         "1.0.0-alpha.1",
                                         "1.0.0-alpha.beta",
                                         "1.0.0-beta.2",
                                         "1.0.0-beta.11",
                                         "1.0.0-rc.1",
                                         "1.0.0",
                                         "1.0.1",
                                         "1.2",
                                         "1.10.0",
                                         "2",
                                         "2.0.0.1",
                                         "18446744073709551617"};
    int order;
    (void)state;
    for (unsigned a = 0; a < sizeof rising / sizeof rising[0]; a++) {
        for (unsigned b = 0; b < sizeof rising / sizeof rising[0]; b++) {
            assert_true(query_version_order(rising[a], rising[b], &order));
            if (order != (a > b) - (a < b))
                fail_msg("%s, %s: %d", rising[a], rising[b], order);
        }
    }
    assert_true(query_version_order("v1.2", "1.2.0+build.7", &order) && order == 0);
    static const char *const none[] = {"",     "v",        "1.",   ".1",   "1..2", "one",
                                       "1.0-", "1.0-a..b", "1.0+", "1.0 ", "v1x",  "-1"};
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(query_version_order(none[i], "1.0.0", &order));
}

static void what_is_refused_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *part;
    } cases[] = {
        {"regoin = eu", 0, "\"regoin\" is no field; fields are id, chip, hw_rev, "},
        {"chip = esp32c3 and rgn = eu", 19, "region, link and, for any other attribute, attr.NAME"},
        {"chip", 4, "behind chip stands one of = != in, not the end"},
        {"chip = ", 7, "a value is wanted, not the end"},
        {"chip = esp42", 7, "chip cannot be \"esp42\": it is one of esp32, "},
        {"chip < esp32", 5, "behind chip stands one of = != in, not \"<\""},
        {"chip == esp32", 6, "a value is wanted, not \"=\""},
        {"chip = and", 7, "in quotes it would be one"},
        {"hw_rev >= two", 10, "whole number"},
        {"hw_rev = 4294967296", 9, "whole number"},
        {"hw_rev = -1", 9, "whole number"},
        {"slot_bytes > 4096M", 13, "wants bytes"},
        {"unheard = 2d", 8, "behind unheard stands one of < <= > >=, not"},
        {"unheard > 2", 10, "wants a time"},
        {"unheard > d", 10, "wants a time"},
        {"unheard > 9999999w", 10, "wants a time"},
        {"version < banana", 10, "has no place in an order"},
        {"digest = abc", 9, "4 to 64 hex digits"},
        {"digest = xyzq", 9, "4 to 64 hex digits"},
        {"crash = 00112233445566778", 8, "4 to 16 hex digits"},
        {"state = running", 8, "one of new, pending"},
        {"id = (a)", 5, "a value is wanted, not \"(\""},
        {"id in a", 6, "\"(\" is wanted, not \"a\""},
        {"id in ()", 7, "a value is wanted"},
        {"id in (a b)", 9, "\",\" or \")\" is wanted"},
        {"id in (a,)", 9, "a value is wanted"},
        {"(id = a", 7, "\"and\", \"or\" or \")\" is wanted, not the end"},
        {"id = a)", 6, "\"and\", \"or\" or the end is wanted"},
        {"id = a id = b", 7, "\"and\", \"or\" or the end is wanted"},
        {"and id = a", 0, "a field, \"not\" or \"(\" is wanted"},
        {"id = a and", 10, "a field, \"not\" or \"(\" is wanted, not the end"},
        {"not", 3, "a field"},
        {"\"id\" = a", 0, "a field"},
        {"id = \"a", 5, "not closed"},
        {"id = \"a\\n\"", 8, "behind \\ in quotes"},
        {"id = \"\"", 5, "1 to 64 bytes"},
        {"id = \"\x1b[31m\"", 5, "printable"},
        {"id = \"\xff\"", 5, "printable"},
        {"id = \xc3\xa4", 5, "double quotes"},
        {"id & tag", 3, "nothing in a filter begins like this"},
        {"attr. = a", 0, "behind the dot stands a name"},
        {"attr.Site = a", 0, "behind the dot stands a name"},
        {"metric.a-b > 1", 0, "behind the dot stands a name"},
        {"metric.rssi > 1.5", 14, "a metric is compared with a whole number, not \"1.5\""},
        {"metric.rssi > 9007199254740992", 14, "a whole number"},
        {"metric.rssi > -", 14, "a whole number"},
        {"metric.rssi ~ 1", 12, "behind metric stands one of = != < <= > >= in"},
        {"id = 0123456789012345678901234567890123456789012345678901234567890123456789", 5,
         "at most 64 bytes"},
    };
    struct query q;
    struct query_error e;
    char place[32];
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(query_parse(cases[i].text, strlen(cases[i].text), NULL, &q, &e), -1);
        snprintf(place, sizeof place, "at byte %zu: ", e.at);
        if (e.at != cases[i].at || strstr(e.message, cases[i].part) == NULL ||
            strncmp(e.message, place, strlen(place)) != 0)
            fail_msg("%s: at %zu, %s", cases[i].text, e.at, e.message);
    }
    assert_int_equal(query_parse("id = a\0b", 8, NULL, &q, &e), -1);
    assert_int_equal(e.at, 6);
}

/* A caller that does not look at the result must not get the whole fleet. */
static void a_refused_filter_matches_nothing(void **state)
{
    struct ot_wire_check_in facts = facts_of_lamp();
    struct query_device lamp = {.id = "lamp", .facts = &facts};
    struct query_subject s = query_device(&lamp);
    struct query q;
    struct query_error e;
    (void)state;
    assert_int_equal(query_parse("id = lamp or what", 17, NULL, &q, &e), -1);
    assert_false(query_matches(&q, &s, NOW_MS));
}

static void a_bare_name_is_an_attribute_only_where_one_is_known(void **state)
{
    struct query q;
    struct query_error e;
    char text[QUERY_TEXT_MAX + 1];
    (void)state;
    assert_int_equal(query_parse("site = a", 8, &known, &q, &e), 0);
    query_print(&q, text);
    assert_string_equal(text, "attr.site = a");
    assert_int_equal(query_parse("site = a", 8, NULL, &q, &e), -1);
    assert_int_equal(query_parse("seit = a", 8, &known, &q, &e), -1);
    assert_int_equal(query_parse("region = a and link = b", 23, NULL, &q, &e), 0);
    query_print(&q, text);
    assert_string_equal(text, "region = a and link = b");
}

static void the_printed_form_reads_back_as_the_same_query(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {" chip=esp32c3   AND(hw_rev>=2)", "chip = esp32c3 and hw_rev >= 2"},
        {"((id=a or id=b) and tag=c)", "id in (a, b) and tag = c"},
        {"id in (a)", "id = a"},
        {"not(not id=a)", "id = a"},
        {"not (id=a and tag=b or region=c)", "not (id = a and tag = b or region = c)"},
        {"(id=a and tag=b) or region=c", "id = a and tag = b or region = c"},
        {"id=a and (tag=b or region=c)", "id = a and (tag = b or region = c)"},
        {"id=a or (tag=b or region=c)", "id = a or tag = b or region = c"},
        {"unheard>86400s or uptime<3600s or first_seen<0w", "unheard > 1d or uptime < 1h or first_seen < 0s"},
        {"slot_bytes>=1920K", "slot_bytes >= 1966080"},
        {"id = \"plain\" and id = \"st*r\" and id = st*r", "id = plain and id = \"st*r\" and id = st*r"},
        {"region = \"or\" and region = \"a b\" and region=\"q\\\"b\\\\\"",
         "region = \"or\" and region = \"a b\" and region = \"q\\\"b\\\\\""},
        {"id ~ \"a*\"", "id ~ a*"},
        {"digest=ABCD", "digest = abcd"},
        {"metric.link in(-5,9007199254740991)", "metric.link in (-5, 9007199254740991)"},
        {"site in (\"\xc3\xa4 1\",b) and attr.link=c", "attr.site in (\"\xc3\xa4 1\", b) and link = c"},
    };
    struct query q, again;
    struct query_error e;
    char text[QUERY_TEXT_MAX + 1], twice[QUERY_TEXT_MAX + 1];
    (void)state;
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(query_parse(pairs[i][0], strlen(pairs[i][0]), &known, &q, &e), 0);
        query_print(&q, text);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(query_parse(text, strlen(text), NULL, &again, &e), 0);
        query_print(&again, twice);
        assert_string_equal(twice, text);
    }
}

static void length_depth_and_number_of_terms_have_bounds(void **state)
{
    struct query q;
    struct query_error e;
    char text[QUERY_TEXT_MAX * 2], printed[QUERY_TEXT_MAX + 1];
    (void)state;
    memset(text, ' ', sizeof text);
    assert_int_equal(query_parse(text, QUERY_TEXT_MAX, NULL, &q, &e), 0);
    assert_int_equal(query_parse(text, QUERY_TEXT_MAX + 1, NULL, &q, &e), -1);
    for (unsigned depth = QUERY_DEPTH_MAX; depth <= QUERY_DEPTH_MAX + 1; depth++) {
        snprintf(text, sizeof text, "%.*sid=a%.*s", (int)depth, "((((((((((((((((((((", (int)depth,
                 "))))))))))))))))))))");
        assert_int_equal(query_parse(text, strlen(text), NULL, &q, &e), depth > QUERY_DEPTH_MAX ? -1 : 0);
    }
    assert_int_equal(e.at, QUERY_DEPTH_MAX);
    /* As many parts as there can be: each term negated, each pair joined and negated. */
    size_t n = 0;
    for (unsigned i = 0; i < QUERY_TERMS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
                              i == 0       ? ""
                              : i % 2 == 0 ? ")and "
                                           : " or ",
                              i % 2 == 0 ? "not(not id=a" : "tag=b");
    snprintf(text + n, sizeof text - n, ")");
    assert_true(strlen(text) > QUERY_TEXT_MAX / 2);
    assert_int_equal(query_parse(text, strlen(text), NULL, &q, &e), 0);
    assert_true(q.node_count < QUERY_NODES_MAX);
    n = (size_t)snprintf(text, sizeof text, "id in (0");
    for (unsigned i = 1; i < QUERY_TERMS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",%u", i);
    snprintf(text + n, sizeof text - n, ")");
    assert_int_equal(query_parse(text, strlen(text), NULL, &q, &e), 0);
    query_print(&q, printed);
    assert_int_equal(query_parse(printed, strlen(printed), NULL, &q, &e), 0);
    snprintf(text + n, sizeof text - n, ",x)");
    assert_int_equal(query_parse(text, strlen(text), NULL, &q, &e), -1);
    assert_non_null(strstr(e.message, "at most 64 comparisons"));
    /* What would be too long once it is written out is refused: it could not be kept. */
    for (n = 0; n + 24 < QUERY_TEXT_MAX;)
        n += (size_t)snprintf(text + n, sizeof text - n, "%ssite!=%013zu", n > 0 ? " or " : "", n);
    assert_true(n <= QUERY_TEXT_MAX);
    assert_int_equal(query_parse(text, n, &known, &q, &e), -1);
    assert_non_null(strstr(e.message, "written out this is"));
}

static void a_query_knows_what_it_asks_about(void **state)
{
    struct query q;
    struct query_error e;
    (void)state;
    assert_int_equal(query_parse("id = in_sync or not (tag = a and in_sync = no)", 46, NULL, &q, &e), 0);
    assert_true(query_asks(&q, QUERY_IN_SYNC) && query_asks(&q, QUERY_TAG) && !query_asks(&q, QUERY_CHIP));
    assert_int_equal(query_parse("id = in_sync", 12, NULL, &q, &e), 0);
    assert_false(query_asks(&q, QUERY_IN_SYNC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_compared_with_what_the_device_said),
        cmocka_unit_test(not_binds_closest_then_and_then_or),
        cmocka_unit_test(what_a_device_never_said_is_neither_less_nor_more),
        cmocka_unit_test(versions_have_the_order_of_semantic_versioning),
        cmocka_unit_test(what_is_refused_is_named_with_its_place),
        cmocka_unit_test(a_refused_filter_matches_nothing),
        cmocka_unit_test(a_bare_name_is_an_attribute_only_where_one_is_known),
        cmocka_unit_test(a_query_knows_what_it_asks_about),
        cmocka_unit_test(the_printed_form_reads_back_as_the_same_query),
        cmocka_unit_test(length_depth_and_number_of_terms_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
