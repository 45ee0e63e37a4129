/* Outages: what they explain, seen from a device that had no contact. Times in seconds here. */
#include "rollout/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S 1000ull

static void without_outage_a_device_has_no_excuse(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 0, 0);
    outages_answered(&o, 100 * S);
    assert_false(outages_explain(&o, 0, 300 * S));
    assert_false(outages_explain(&o, 300 * S, 300 * S)); /* no time in between */
    assert_int_equal(outages_gap(&o, 400 * S), 300 * S);
    assert_int_equal(outages_gap(&o, 50 * S), 0); /* out of order */
}

/* Switched at 100 s, the server was down for five minutes at 110 s of its time, the device is back at 130 s. */
static void a_server_that_was_down_explains_it(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 110 * S, 300 * S);
    assert_true(outages_explain(&o, 100 * S, 130 * S));
    assert_true(outages_explain(&o, 100 * S, 400 * S));  /* 300 of 600 s */
    assert_false(outages_explain(&o, 100 * S, 401 * S)); /* less than half */
    assert_false(outages_explain(&o, 111 * S, 130 * S)); /* it was over before */
    assert_false(outages_explain(&o, 50 * S, 109 * S));  /* it came later */
}

static void a_short_restart_explains_nothing(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 110 * S, 3 * S);
    assert_false(outages_explain(&o, 100 * S, 400 * S));
}

static void a_stretch_in_which_nobody_was_answered_counts_like_downtime(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 0, 0);
    outages_answered(&o, 100 * S);
    outages_add(&o, 500 * S);
    outages_answered(&o, 500 * S);
    assert_true(outages_explain(&o, 110 * S, 520 * S));
    assert_true(outages_explain(&o, 300 * S, 520 * S)); /* the part of it in the window */
    assert_false(outages_explain(&o, 480 * S, 900 * S));
    assert_false(outages_explain(&o, 501 * S, 900 * S));
}

/* Down for a minute, and not reached for two more: one outage of three. */
static void a_gap_behind_a_restart_belongs_to_it(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 100 * S, 60 * S);
    outages_add(&o, 220 * S);
    outages_answered(&o, 220 * S);
    assert_int_equal(o.count, 1);
    assert_true(outages_explain(&o, 90 * S, 270 * S)); /* 180 of 240 s */
    assert_false(outages_explain(&o, 90 * S, 500 * S));
}

static void two_short_ones_are_not_one_long_one(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 0, 0);
    for (uint64_t at = 100; at < 500; at += 150) {
        outages_answered(&o, at * S);
        outages_add(&o, (at + 100) * S);
        outages_answered(&o, (at + 140) * S);
    }
    assert_false(outages_explain(&o, 90 * S, 500 * S));
}

static void the_latest_sixteen_are_kept(void **state)
{
    (void)state;
    struct outages o = {.count = 0};
    outages_begin(&o, 0, 0);
    for (uint64_t i = 0; i < 40; i++) {
        outages_answered(&o, (i * 100 + 1) * S);
        outages_add(&o, (i * 100 + 90) * S);
        outages_answered(&o, (i * 100 + 99) * S);
    }
    assert_int_equal(o.count, 40);
    assert_true(outages_explain(&o, 2400 * S, 2500 * S));
    assert_true(outages_explain(&o, 3900 * S, 4000 * S));
    assert_false(outages_explain(&o, 2300 * S, 2400 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_outage_a_device_has_no_excuse),
        cmocka_unit_test(a_server_that_was_down_explains_it),
        cmocka_unit_test(a_short_restart_explains_nothing),
        cmocka_unit_test(a_stretch_in_which_nobody_was_answered_counts_like_downtime),
        cmocka_unit_test(a_gap_behind_a_restart_belongs_to_it),
        cmocka_unit_test(two_short_ones_are_not_one_long_one),
        cmocka_unit_test(the_latest_sixteen_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
