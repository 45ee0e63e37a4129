/*
 * Virtual time: what is skipped changes no decision, the same seed decides the same, the database says what the server
 * decided, and a scenario that makes no sense is refused by name. 2,000 devices; the larger runs are in scripts/nightly.
 */
#include "defects.h"
#include "virtual_unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FLEET                                                                                                  \
    "\"fleet\": {\"count\": %u, \"seed\": %u, \"hardware\": [{\"hw_rev\": 0, \"share\": 80}, {\"hw_rev\": 2, " \
    "\"share\": 20}], \"regions\": {\"eu\": 60, \"us\": 40}, \"links\": {\"wifi\": 80, \"cellular\": 20}},"    \
    "\"bytes_per_s\": {\"cellular\": 3000}, \"named\": {\"internal\": 5},"                                     \
    "\"life\": {\"crashes_per_1000_h\": 2, \"link_losses_per_day\": 1,"                                        \
    " \"away\": {\"share_percent\": 5, \"hours\": 9, \"every_hours\": 24}}"

static int read_text(const char *text, struct virtual_scenario *out, struct error *err)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    int result = virtual_scenario_read(root, out, err);
    json_decref(root);
    return result;
}

static struct virtual_outcome play(unsigned devices, unsigned seed, const char *more, bool whole)
{
    char text[2000];
    struct virtual_scenario s;
    struct virtual_options o = {.whole = whole};
    struct virtual_outcome out;
    struct error err = {""};
    snprintf(text, sizeof text, "{" FLEET "%s}", devices, seed, more);
    if (read_text(text, &s, &err) != 0 || virtual_play(&s, &o, &out, &err) != 0)
        fail_msg("%s", err.text);
    virtual_scenario_fini(&s);
    assert_string_equal(out.decisions, out.stored);
    return out;
}

/* Some devices fall back, some crash, some die: a rollout with something to decide in every ring. */
#define TROUBLE                                                                                                           \
    ", \"days\": 9, \"tick_s\": 60, \"plan\": {\"rings\": [\"internal\", \"5%\", \"20%\", \"rest\"], \"soak_s\": 50000}," \
    "\"behaviours\": [{\"match\": {\"share_percent\": 1}, \"does\": \"self_test_fails\"},"                                \
    "{\"match\": {\"share_percent\": 0.5}, \"does\": \"die\"},"                                                           \
    "{\"match\": {\"share_percent\": 2}, \"does\": \"crash_often\", \"per_day\": 0.1}]"

static void what_is_skipped_changes_no_decision(void **state)
{
    (void)state;
    struct virtual_outcome whole = play(2000, 3, TROUBLE, true), skipped = play(2000, 3, TROUBLE, false);
    assert_string_equal(whole.decisions, skipped.decisions);
    assert_int_equal(whole.skipped_check_ins, 0);
    assert_int_equal(whole.whole_check_ins, skipped.whole_check_ins + skipped.skipped_check_ins);
    assert_true(skipped.skipped_check_ins > 4 * skipped.whole_check_ins);
    assert_true(skipped.affected > 0 && skipped.rings[2].opened_s > 0);
}

static void the_same_seed_decides_the_same(void **state)
{
    (void)state;
    struct virtual_outcome a = play(300, 5, ", \"days\": 6", false), b = play(300, 5, ", \"days\": 6", false),
                           c = play(300, 6, ", \"days\": 6", false);
    assert_string_equal(a.decisions, b.decisions);
    assert_string_not_equal(a.decisions, c.decisions);
}

static void a_healthy_release_reaches_everybody(void **state)
{
    (void)state;
    struct virtual_outcome o =
        play(500, 1, ", \"days\": 12, \"plan\": {\"rings\": [\"10%\", \"rest\"]}", false);
    assert_int_equal(o.state, ROLLOUT_FINISHED);
    assert_int_equal(o.switched, 500);
    assert_int_equal(o.affected, 0);
}

static void a_broken_one_is_halted_in_its_first_ring(void **state)
{
    (void)state;
    struct virtual_outcome o =
        play(500, 1,
             ", \"plan\": {\"rings\": [\"10%\", \"rest\"]}, \"behaviours\": [{\"does\": "
             "\"crash_at_once\"}]",
             false);
    assert_int_equal(o.state, ROLLOUT_HALTED);
    assert_int_equal(o.rings[1].switched, 0);
    assert_true(o.switched <= 5);
}

static void a_scenario_without_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"{}", "no \"fleet\" object"},
        {"{\"polls\": 1}", "unknown key polls"},
        {"{\"poll_s\": 1}", "poll_s: a number from 60"},
        {"{\"days\": 1.5}", "days: a number"},
        {"{\"fleet\": {\"count\": 1, \"hardware\": [{\"share\": 1}]}}", "each entry needs hw_rev"},
        {"{\"life\": {\"crashes\": 1}}", "life: unknown key crashes"},
        {"{\"life\": {\"away\": {\"hours\": 3, \"every_hours\": 2}}}", "every_hours must be more than hours"},
        {"{\"bytes_per_s\": {\"lora\": 1}}", "fleet.links has no lora"},
        {"{\"named\": {\"internal\": 0}}", "named.internal"},
        {"{\"release\": {\"version\": \"1.0.0\"}}", "what the fleet runs before"},
        {"{\"behaviours\": [{\"does\": \"explode\"}]}", "unknown does: explode"},
        {"{\"behaviours\": [{\"does\": \"crash_after\"}]}", "after_s is missing"},
        {"{\"behaviours\": [{\"match\": {\"hw_rev\": [64]}}]}", "match.hw_rev"},
        {"{\"plan\": {\"rings\": [\"110%\"]}}", "plan.rings"},
        {"{\"plan\": {\"quorum_percent\": 0}}", "plan.quorum_percent"},
        {"{\"plan\": {\"soak\": 1}}", "plan: unknown key soak"},
        {"{\"strata\": \"hw_rev\"}", "strata: a list"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct virtual_scenario s;
        struct error err = {""};
        assert_int_equal(read_text(wrong[i].text, &s, &err), -1);
        if (strstr(err.text, wrong[i].message) == NULL)
            fail_msg("%s: %s", wrong[i].text, err.text);
        virtual_scenario_fini(&s);
    }
}

/* --- an inventory --- */

static int read_inventory(const char *text, struct virtual_scenario *s, struct error *err)
{
    char path[] = "/tmp/otaria-inventory-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    virtual_scenario_default(s);
    int result = virtual_inventory_load(path, s, err);
    unlink(path);
    return result;
}

/* Three kinds; the rarest of at least 1 % is hw_rev 1 in eu; two chips. */
static void many_devices(char *text, size_t size, unsigned count)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(
            text + at, size - at,
            "%s{\"id\": \"d-%u\", \"chip\": \"%s\", \"hw_rev\": %u, \"attributes\": {\"region\": "
            "\"%s\"}, \"tags\": [\"%s\"], \"health\": {\"uptime_s\": 100000, \"panics\": 1}}",
            i > 0 ? "," : "", i, i % 2 == 0 ? "esp32" : "esp32c3", i % 10 == 0, i % 3 == 0 ? "us" : "eu",
            i < 4 ? "internal" : "field");
    snprintf(text + at, size - at, "]");
}

static void an_inventory_is_rehearsed(void **state)
{
    (void)state;
    static char text[100000];
    struct virtual_scenario s;
    struct virtual_options options = {.until_decided = true};
    struct virtual_outcome o;
    struct error err = {""};
    char why[200];
    many_devices(text, sizeof text, 400);
    if (read_inventory(text, &s, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(s.crashes_per_s > 0.99e-5 && s.crashes_per_s < 1.01e-5);
    s.crashes_per_s = 0;
    s.start_s = 2 * s.poll_s;
    s.rollout.rings.count = 0;
    assert_int_equal(ring_plan_add(&s.rollout.rings, "internal", why, sizeof why), 0);
    assert_int_equal(ring_plan_add(&s.rollout.rings, "rest", why, sizeof why), 0);
    assert_int_equal(defect_into(defect_by_name("one_hardware"), &s, &err), 0);
    assert_int_equal(s.behaviours[0].hardware_revisions, 2);
    assert_string_equal(s.behaviours[0].region, "us"); /* 14 devices; in eu there are 26 */
    assert_int_equal(defect_into(defect_by_name("lose_network"), &s, &err), 0);
    assert_int_equal(virtual_play(&s, &options, &o, &err), 0);
    assert_int_equal(o.devices, 400);
    assert_int_equal(o.rings[0].members, 4);
    assert_int_equal(defect_stopped_in(&o), 0);
    assert_int_equal(o.rings[1].switched, 0);
    virtual_scenario_fini(&s);
}

static void an_inventory_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"{}", "a list of devices"},
        {"[]", "a list of devices"},
        {"[{\"id\": \"a b\"}]", "device 1: no id"},
        {"[{\"id\": \"a\", \"chip\": \"z80\"}]", "chip z80"},
        {"[{\"id\": \"a\", \"chip\": \"esp32\", \"hw_rev\": 64}]", "hw_rev from 0 to 63"},
        {"[{\"id\": \"a\", \"chip\": \"esp32\", \"hw_rev\": 1, \"attributes\": {\"A\": \"b\"}}]",
         "attributes"},
        {"[{\"id\": \"a\", \"chip\": \"esp32\", \"hw_rev\": 1, \"tags\": [1]}]", "tags"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct virtual_scenario s;
        struct error err = {""};
        assert_int_equal(read_inventory(wrong[i].text, &s, &err), -1);
        if (strstr(err.text, wrong[i].message) == NULL)
            fail_msg("%s: %s", wrong[i].text, err.text);
        virtual_scenario_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_skipped_changes_no_decision),
        cmocka_unit_test(the_same_seed_decides_the_same),
        cmocka_unit_test(a_healthy_release_reaches_everybody),
        cmocka_unit_test(a_broken_one_is_halted_in_its_first_ring),
        cmocka_unit_test(a_scenario_without_sense_is_refused),
        cmocka_unit_test(an_inventory_is_rehearsed),
        cmocka_unit_test(an_inventory_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
