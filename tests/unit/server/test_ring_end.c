/* The look at the end of a ring: what it finds, what it leaves alone, that it is made once, and what a person can do. */
#include "gate_stage.h"
#include "rollout/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_good_release_passes_with_every_number_told(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_int_equal(t->compared, 1);
    assert_int_equal(ring_end_verdict(&t->r.rings[0].end), GATE_PASS);
    assert_non_null(strstr(t->told, "silent: 0 of 30 devices are not heard of, and 0 of 100 that wait"));
    assert_non_null(strstr(t->told, "crashes: 0 devices where 0.0 would be expected"));
    assert_non_null(strstr(t->told, "heap_floor: 4"));
    const struct ring_end_gate *heap = gate_stage_gate(t, RING_END_METRIC);
    assert_int_equal(heap->compared.canaries, 30);
    assert_int_equal(heap->compared.controls, 100);
    assert_true(heap->compared.p > 0.01 && fabs(heap->compared.worse_part - 0.02) < 0.1);
}

static void a_heap_floor_that_sinks_by_15_percent_halts(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    t->shift = -0.15;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_int_equal(t->r.rings[0].state, RING_FAILED);
    assert_non_null(strstr(t->r.reason, "ring 10%: heap_floor: 3"));
    assert_non_null(strstr(t->r.reason, "lower in 100 % of pairs"));
}

static void what_is_tolerated_and_what_is_better_passes(void **state)
{
    (void)state;
    static const double shifts[] = {-0.04, 0.3};
    for (unsigned i = 0; i < 2; i++) {
        struct gate_stage *t = gate_stage(30, 130);
        t->shift = shifts[i];
        gate_stage_hours(t, 25);
        assert_int_equal(t->r.rings[0].state, RING_PASSED);
    }
}

static void higher_is_worse_where_the_product_says_so(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    t->r.plan.metrics.list[0].higher_is_worse = true;
    t->shift = 0.3;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_true(gate_stage_gate(t, RING_END_METRIC)->compared.median >
                gate_stage_gate(t, RING_END_METRIC)->compared.control_median);
    assert_non_null(strstr(t->r.reason, "higher in 100 % of pairs"));
}

static void too_few_reports_hold_the_ring_until_they_are_there(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    struct rollout_sink sink = gate_stage_sink(t);
    for (uint32_t i = 0; i < 4; i++)
        t->is_without[i] = true; /* 26 of 30 report it, and 27 must */
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_non_null(
        strstr(t->r.reason, "heap_floor: 26 of the devices that have soaked report it, and 27 must"));
    struct ring_end_gate silent = *gate_stage_gate(t, RING_END_SILENT);
    t->is_without[0] = false;
    gate_stage_hours(t, 1);
    assert_int_equal(rollout_resume(&t->r, "they report now", t->now_ms, &sink), 0);
    gate_stage_hours(t, 1);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_int_equal(t->compared, 2);
    assert_memory_equal(&silent, gate_stage_gate(t, RING_END_SILENT),
                        sizeof silent); /* not looked at again */
}

static void without_thirty_that_wait_there_is_no_control(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 59);
    t->shift = -0.5;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_non_null(strstr(t->told, "heap_floor: no control"));
    assert_non_null(strstr(t->told, "silent: no control"));
    t = gate_stage(30, 60);
    t->shift = -0.5;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
}

static void who_waits_is_control_of_his_own_stratum(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    t->shift = -0.5;
    for (uint32_t i = 30; i < 130; i++)
        t->members[i].stratum = 1; /* another hardware */
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_non_null(strstr(t->told, "heap_floor: no control"));
}

static void who_has_not_checked_in_since_the_ring_was_opened_is_no_control(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    t->shift = -0.5;
    for (uint32_t i = 30; i < 130; i++) {
        t->is_gone[i] = i >= 59;
        t->members[i].seen_ms = i >= 59 ? 1 : t->members[i].seen_ms;
    }
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
}

static void a_ring_is_looked_at_once_whatever_happens(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    struct rollout_sink sink = gate_stage_sink(t);
    gate_stage_hours(t, 20);
    gate_stage_restart(t);
    gate_stage_hours(t, 2);
    assert_int_equal(t->compared, 0); /* soaked or not */
    gate_stage_hours(t, 3);
    assert_int_equal(t->compared, 1);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    gate_stage_restart(t);
    gate_stage_hours(t, 30);
    assert_int_equal(t->compared, 1);
    assert_int_equal(rollout_pause(&t->r, "why", &sink), 0);
    assert_int_equal(rollout_resume(&t->r, "why", t->now_ms, &sink), 0);
    assert_int_equal(t->compared, 1);
}

/* Who waits is stored only when something changes: right after a restart nobody does, and a gate would be missed. */
static void after_a_restart_it_waits_for_those_that_wait(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    t->shift = -0.15;
    gate_stage_hours(t, 23);
    gate_stage_restart(t);
    t->now_ms += 1;
    gate_stage_hours(t, 1);
    assert_int_equal(t->compared, 0);
    gate_stage_hours(t, 3);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
}

static void a_person_who_goes_on_has_accepted_it(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    struct rollout_sink sink = gate_stage_sink(t);
    t->shift = -0.15;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_int_equal(rollout_resume(&t->r, "the new buffer", t->now_ms, &sink), 0);
    gate_stage_hours(t, 1);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_int_equal(t->r.rings[1].state, RING_ACTIVE);
    assert_int_equal(t->compared, 1);
}

/* 8 of 30 are not heard of any more, one of the 300 that wait: the soak of a quorum never comes, its time does. */
static void silence_is_found_when_its_time_is_over(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 330);
    t->r.plan.stale_after_s = 40 * 86400; /* not that */
    t->r.plan.decide_by_s = 7 * 86400;
    gate_stage_hours(t, 3);
    for (uint32_t i = 0; i < 8; i++)
        t->is_gone[i] = true;
    t->is_gone[200] = true;
    gate_stage_hours(t, 7 * 24);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_non_null(strstr(t->r.reason, "silent: 8 of 30 devices are not heard of, and 1 of 300"));
    assert_int_equal(t->r.rings[0].end.looks, RING_END_LOOKED_OUT_OF_TIME);
}

/* The same part of both sides: an outage, a weekend. */
static void silence_of_everybody_is_no_harm(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 330);
    t->r.plan.stale_after_s = 40 * 86400;
    t->r.plan.decide_by_s = 7 * 86400;
    gate_stage_hours(t, 3);
    for (uint32_t i = 0; i < 330; i += 3)
        t->is_gone[i] = true;
    gate_stage_hours(t, 7 * 24);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_int_equal(ring_end_verdict(&t->r.rings[0].end), GATE_PASS);
}

/* A device that crashed once a day, for a week of soak, where the others hardly ever do: counted in windows, at the end. */
static void events_of_the_rings_own_time_are_counted(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 330);
    for (unsigned h = 0; h < 23; h++) {
        gate_stage_hours(t, 1);
        if (h == 5)
            t->counters[3].of[WATCH_CRASHES]++;
        if (h == 9)
            t->counters[100].of[WATCH_CRASHES]++;
        t->counters[4].of[WATCH_LINK_LOSSES]++; /* one device, one day: one event */
    }
    gate_stage_hours(t, 2);
    const struct gate_compared *crashes = &gate_stage_gate(t, RING_END_CRASHES)->compared;
    assert_int_equal(crashes->events, 1);
    assert_int_equal(crashes->control_events, 1);
    assert_true(fabs(crashes->expected - 2 * 30.0 / 330) < 0.01);
    assert_int_equal(gate_stage_gate(t, RING_END_LINK_LOSSES)->compared.events, 1);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
}

static void metrics_are_written_and_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again;
    } good[] = {
        {"heap_floor:lower_is_worse", "heap_floor:lower_is_worse:5%"},
        {"boot_ms:higher_is_worse:12.5%", "boot_ms:higher_is_worse:12.50%"},
        {"a:higher_is_worse:0%", "a:higher_is_worse:0%"},
        {"a_name_of_24_bytes_is_ok:lower_is_worse:100%", "a_name_of_24_bytes_is_ok:lower_is_worse:100%"}};
    static const char *const bad[] = {"",
                                      "heap_floor",
                                      ":lower_is_worse",
                                      "Heap:lower_is_worse",
                                      "a:lower",
                                      "a:lower_is_worse:",
                                      "a:lower_is_worse:5",
                                      "a:lower_is_worse:101%",
                                      "a:lower_is_worse:-1%",
                                      "a:lower_is_worse:1.234%",
                                      "a:lower_is_worse:5%%",
                                      "a:lower_is_worse:5%:",
                                      "a:lower_is_worse:1e1%",
                                      "a:lower_is_worse: 5%",
                                      "one_of_25_bytes_is_too_lo:lower_is_worse"};
    struct rollout_metrics m = {0};
    char err[200], text[ROLLOUT_METRIC_TEXT_BYTES];
    for (unsigned i = 0; i < 4; i++) {
        if (i == 2)
            assert_int_equal(rollout_metrics_add(&m, "boot_ms:lower_is_worse", err, sizeof err), -1);
        assert_int_equal(rollout_metrics_add(&m, good[i].text, err, sizeof err), 0);
        rollout_metric_text(&m.list[i], text);
        assert_string_equal(text, good[i].again);
    }
    assert_int_equal(rollout_metrics_add(&m, "fifth:lower_is_worse", err, sizeof err), -1);
    assert_non_null(strstr(err, "four already"));
    m.count = 0;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (rollout_metrics_add(&m, bad[i], err, sizeof err) == 0 || strstr(err, "metric") == NULL)
            fail_msg("%s: %s", bad[i], err);
    }
    assert_int_equal(m.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_release_passes_with_every_number_told),
        cmocka_unit_test(a_heap_floor_that_sinks_by_15_percent_halts),
        cmocka_unit_test(what_is_tolerated_and_what_is_better_passes),
        cmocka_unit_test(higher_is_worse_where_the_product_says_so),
        cmocka_unit_test(too_few_reports_hold_the_ring_until_they_are_there),
        cmocka_unit_test(without_thirty_that_wait_there_is_no_control),
        cmocka_unit_test(who_waits_is_control_of_his_own_stratum),
        cmocka_unit_test(who_has_not_checked_in_since_the_ring_was_opened_is_no_control),
        cmocka_unit_test(a_ring_is_looked_at_once_whatever_happens),
        cmocka_unit_test(after_a_restart_it_waits_for_those_that_wait),
        cmocka_unit_test(a_person_who_goes_on_has_accepted_it),
        cmocka_unit_test(silence_is_found_when_its_time_is_over),
        cmocka_unit_test(silence_of_everybody_is_no_harm),
        cmocka_unit_test(events_of_the_rings_own_time_are_counted),
        cmocka_unit_test(metrics_are_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
