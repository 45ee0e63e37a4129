/* Who is in a fleet: the same seed gives the same fleet, shares are kept, bad plans are refused by field. */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HARDWARE                                                                                             \
    "\"hardware\": [{\"hw_rev\": 0, \"share\": 50, \"flash\": \"a\"}, {\"hw_rev\": 2, \"share\": 50, \"flash\": \"b\"}]"

static int read_plan(const char *text, struct plan *out, char err[200])
{
    json_t *root = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(root);
    int result = plan_read(root, true, out, err, 200);
    json_decref(root);
    return result;
}

static struct plan plan_of(unsigned count, unsigned seed, const char *more)
{
    char text[800], err[200];
    struct plan p;
    snprintf(text, sizeof text, "{\"count\": %u, \"seed\": %u, " HARDWARE "%s}", count, seed, more);
    assert_int_equal(read_plan(text, &p, err), 0);
    return p;
}

static bool same(const struct plan_device *a, const struct plan_device *b)
{
    const char *none = "";
    return strcmp(a->id, b->id) == 0 && a->hardware->revision == b->hardware->revision &&
           a->start_ms == b->start_ms &&
           strcmp(a->region != NULL ? a->region : none, b->region != NULL ? b->region : none) == 0 &&
           strcmp(a->link != NULL ? a->link : none, b->link != NULL ? b->link : none) == 0;
}

#define MORE                                                                                                 \
    ", \"regions\": {\"eu\": 50, \"us\": 30, \"apac\": 20}, \"links\": {\"wifi\": 80, \"cellular\": 20}, \"start_spread_ms\": 5000"

static void the_same_seed_gives_the_same_fleet(void **state)
{
    (void)state;
    struct plan a = plan_of(500, 7, MORE), b = plan_of(500, 7, MORE), c = plan_of(500, 8, MORE);
    unsigned different = 0;
    for (unsigned i = 0; i < 500; i++) {
        struct plan_device x = plan_device(&a, i), y = plan_device(&b, i), z = plan_device(&c, i);
        assert_true(same(&x, &y));
        different += !same(&x, &z);
    }
    assert_true(different > 250);
    plan_fini(&a);
    plan_fini(&b);
    plan_fini(&c);
}

static void a_larger_fleet_begins_with_the_smaller_one(void **state)
{
    (void)state;
    struct plan small = plan_of(100, 7, MORE), large = plan_of(1000, 7, MORE);
    for (unsigned i = 0; i < 100; i++) {
        struct plan_device x = plan_device(&small, i), y = plan_device(&large, i);
        assert_true(same(&x, &y));
    }
    plan_fini(&small);
    plan_fini(&large);
}

static void a_new_attribute_does_not_reshuffle_the_hardware(void **state)
{
    (void)state;
    struct plan without = plan_of(300, 7, ""), with = plan_of(300, 7, MORE);
    for (unsigned i = 0; i < 300; i++) {
        struct plan_device x = plan_device(&without, i), y = plan_device(&with, i);
        assert_int_equal(x.hardware->revision, y.hardware->revision);
        assert_null(x.region);
        assert_null(x.link);
        assert_int_equal(x.start_ms, 0);
    }
    plan_fini(&without);
    plan_fini(&with);
}

/* 4000 draws at 20 %: the standard deviation is 25, so 200 off the mean happens once in 10^15 seeds. */
static void shares_are_kept(void **state)
{
    (void)state;
    struct plan p = plan_of(4000, 7, MORE);
    unsigned revision_2 = 0, apac = 0, cellular = 0, latest = 0;
    for (unsigned i = 0; i < 4000; i++) {
        struct plan_device d = plan_device(&p, i);
        revision_2 += d.hardware->revision == 2;
        apac += strcmp(d.region, "apac") == 0;
        cellular += strcmp(d.link, "cellular") == 0;
        latest = d.start_ms > latest ? d.start_ms : latest;
        assert_string_equal(d.hardware->flash, d.hardware->revision == 2 ? "b" : "a");
    }
    assert_in_range(revision_2, 1750, 2250);
    assert_in_range(apac, 600, 1000);
    assert_in_range(cellular, 600, 1000);
    assert_in_range(latest, 4500, 4999);
    plan_fini(&p);
}

static void devices_are_named_by_prefix_and_number(void **state)
{
    (void)state;
    struct plan p = plan_of(10000, 1, ", \"prefix\": \"lamp.A_1\"");
    assert_string_equal(plan_device(&p, 0).id, "lamp.A_1-0001");
    assert_string_equal(plan_device(&p, 9999).id, "lamp.A_1-10000");
    plan_fini(&p);
}

#define WITH(field) "{\"count\": 1, " HARDWARE ", " field "}"

static const struct {
    const char *text, *message;
} refused[] = {
    {"[]", "no \"fleet\" object"},
    {"{}", "count and hardware are required"},
    {"{\"count\": 1}", "count and hardware are required"},
    {"{" HARDWARE "}", "count and hardware are required"},
    {"{\"count\": 0, " HARDWARE "}", "fleet.count: a whole number from 1 to 100000"},
    {"{\"count\": 100001, " HARDWARE "}", "fleet.count"},
    {"{\"count\": \"5\", " HARDWARE "}", "fleet.count"},
    {WITH("\"colour\": 1"), "fleet: unknown key colour"},
    {WITH("\"seed\": -1"), "fleet.seed"},
    {WITH("\"start_spread_ms\": 1.5"), "fleet.start_spread_ms"},
    {WITH("\"prefix\": \"\""), "fleet.prefix"},
    {WITH("\"prefix\": \"a/b\""), "fleet.prefix"},
    {WITH("\"prefix\": \"a123456789b123456789c123456789d12\""), "fleet.prefix"},
    {WITH("\"prefix\": 1"), "fleet.prefix"},
    {WITH("\"regions\": []"), "fleet.regions: an object"},
    {WITH("\"regions\": {\"eu\": 0}"), "fleet.regions: a whole number from 1"},
    {WITH("\"regions\": {\"\": 1}"), "fleet.regions: a name is printable"},
    {WITH("\"links\": {\"wi\\nfi\": 1}"), "fleet.links: a name is printable"},
    {WITH("\"links\": {\"a123456789b123456789c123456789d123456789e12345678\": 1}"), "fleet.links: at most"},
    {"{\"count\": 1, \"hardware\": []}", "fleet.hardware: a list of 1 to 16"},
    {"{\"count\": 1, \"hardware\": {}}", "fleet.hardware: a list"},
    {"{\"count\": 1, \"hardware\": [1]}", "each entry needs hw_rev and flash"},
    {"{\"count\": 1, \"hardware\": [{\"hw_rev\": 1}]}", "each entry needs hw_rev and flash"},
    {"{\"count\": 1, \"hardware\": [{\"flash\": \"a\"}]}", "each entry needs hw_rev and flash"},
    {"{\"count\": 1, \"hardware\": [{\"hw_rev\": 64, \"flash\": \"a\"}]}", "fleet.hardware.hw_rev"},
    {"{\"count\": 1, \"hardware\": [{\"hw_rev\": 1, \"flash\": 5}]}", "wrong type: flash"},
    {"{\"count\": 1, \"hardware\": [{\"hw_rev\": 1, \"flash\": \"a\", \"share\": 0}]}",
     "fleet.hardware.share"},
    {"{\"count\": 1, \"hardware\": [{\"hw_rev\": 1, \"flash\": \"a\", \"colour\": 0}]}",
     "unknown key or wrong type: colour"},
};

static void bad_plans_are_refused_with_the_field_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char err[200] = "";
        struct plan p;
        if (read_plan(refused[i].text, &p, err) == 0 || strstr(err, refused[i].message) == NULL)
            fail_msg("%s: %s", refused[i].text, err);
        plan_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_fleet),
        cmocka_unit_test(a_larger_fleet_begins_with_the_smaller_one),
        cmocka_unit_test(a_new_attribute_does_not_reshuffle_the_hardware),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(devices_are_named_by_prefix_and_number),
        cmocka_unit_test(bad_plans_are_refused_with_the_field_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
