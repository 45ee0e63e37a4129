/* Threat model, section I, as far as gates decide it: small canaries, late faults, races, metrics of all sorts. */
#include "gate_stage.h"
#include "otaria/wire.h"
#include "rollout/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Ten devices cannot show 10 %: what they can show is said, one harmed is not enough evidence, and nothing fails by three. */
static void tm_I08_a_canary_too_small_says_what_it_cannot_see(void **state)
{
    (void)state;
    char text[200];
    struct gate_stage *t = gate_stage(10, 110);
    struct rollout_sink sink = gate_stage_sink(t);
    struct rollout_gate gate = rollout_gate(&t->r, 0);
    assert_true(gate.limit > 0.25 && gate.limit < 0.26 && gate.asked == 0.1);
    rollout_event(&t->r, 0, OT_EVENT_LATE_REVERT, OT_OK, false, t->now_ms, &sink);
    gate_stage_hours(t, 30);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_non_null(strstr(t->r.reason, "with 1 harmed it takes 46 devices"));
    t = gate_stage(10, 110);
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    gate = rollout_gate(&t->r, 0);
    rollout_gate_text(&gate, text, sizeof text);
    assert_non_null(strstr(text, "at most 25.9 %, and so few devices cannot show less"));
}

/* A leak shows after 20 hours: the soak is long enough, and the value at its end is what counts. */
static void tm_I09_a_leak_that_shows_after_20_hours_is_found_in_its_ring(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    gate_stage_hours(t, 20);
    t->shift = -0.2;
    gate_stage_hours(t, 5);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_int_equal(t->r.rings[1].state, RING_WAITING);
}

/* Paused over the end of its soak: no look, and nothing passes; the look comes with the resume, once. */
static void tm_I10_a_pause_an_abort_and_reports_at_the_moment_of_the_look(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    struct rollout_sink sink = gate_stage_sink(t);
    gate_stage_hours(t, 20);
    assert_int_equal(rollout_pause(&t->r, "why", &sink), 0);
    t->shift = -0.2;
    gate_stage_hours(t, 10);
    assert_int_equal(t->compared, 0);
    assert_int_equal(t->r.state, ROLLOUT_PAUSED);
    assert_int_equal(rollout_resume(&t->r, "why", t->now_ms, &sink), 0);
    assert_int_equal(t->compared, 1);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);

    t = gate_stage(30, 130);
    sink = gate_stage_sink(t);
    t->shift = -0.2;
    gate_stage_hours(t, 20);
    assert_int_equal(rollout_abort(&t->r, "why", t->now_ms, &sink), 0);
    gate_stage_hours(t, 10);
    assert_int_equal(t->compared, 0);

    t = gate_stage(30, 130); /* it passes, and harm of the ring that has passed still halts */
    sink = gate_stage_sink(t);
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    for (uint32_t i = 0; i < 8; i++)
        rollout_event(&t->r, i, OT_EVENT_LATE_REVERT, OT_OK, false, t->now_ms, &sink);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_int_equal(t->compared, 1);
}

/* One device's lies are one device's; its rank is the lowest or the highest, and no more. */
static void tm_I20_absurd_and_negative_values_of_one_device_decide_nothing(void **state)
{
    (void)state;
    static const int64_t lies[] = {-OT_METRIC_VALUE_MAX, OT_METRIC_VALUE_MAX, -1, 0};
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct gate_stage *t = gate_stage(30, 130);
        struct rollout_sink sink = gate_stage_sink(t);
        t->is_gone[0] = t->is_gone[100] = true; /* check in by hand */
        for (unsigned h = 0; h < 25; h++) {
            t->counters[0].values = t->counters[100].values = (struct rollout_values){1, {lies[i]}};
            rollout_seen(&t->r, 0, true, &t->counters[0], t->now_ms + GATE_STAGE_HOUR_MS, &sink);
            rollout_seen(&t->r, 100, false, &t->counters[100], t->now_ms + GATE_STAGE_HOUR_MS, &sink);
            gate_stage_hours(t, 1);
        }
        assert_int_equal(t->r.rings[0].state, RING_PASSED);
        assert_int_equal(gate_stage_gate(t, RING_END_METRIC)->compared.canaries, 30);
        double p = gate_stage_gate(t, RING_END_METRIC)->compared.p;
        assert_true(p > 0.001 && p <= 1);
    }
}

/* Negative numbers are numbers: -67 dBm that become -90 are worse. */
static void tm_I20_a_metric_below_zero_is_compared_like_any(void **state)
{
    (void)state;
    struct gate_value v[200];
    for (unsigned i = 0; i < 200; i++)
        v[i] = (struct gate_value){.value = (i < 40 ? -90 : -67) - (double)(i % 7), .is_canary = i < 40};
    assert_true(gate_compare_values(v, 200, 0.05).p < 1e-9);
    for (unsigned i = 0; i < 200; i++)
        v[i].value = -67 - (double)(i % 7);
    assert_true(gate_compare_values(v, 200, 0.05).p > 0.05);
}

static void tm_I20_missing_values_never_pass(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    for (uint32_t i = 0; i < 30; i++)
        t->is_without[i] = true;
    gate_stage_hours(t, 25);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_int_equal(gate_stage_gate(t, RING_END_METRIC)->verdict, GATE_NOT_ENOUGH);
}

/* Reported under the old image, or until the middle of the soak and no more: that is none. */
static void tm_I20_stale_values_are_missing(void **state)
{
    (void)state;
    struct gate_stage *t = gate_stage(30, 130);
    gate_stage_hours(t, 12);
    for (uint32_t i = 0; i < 30; i++)
        t->is_without[i] = true;
    gate_stage_hours(t, 13);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_non_null(strstr(t->r.reason, "heap_floor: 0 of the devices that have soaked report it"));
}

/* The message that carries NaN, text, a fraction or too much is refused whole: nothing of it gets here. */
static void tm_I20_no_number_is_refused_with_its_message(void **state)
{
    (void)state;
    static const char *const values[] = {"NaN", "-NaN", "Infinity",         "\"NaN\"",           "null",
                                         "1.5", "1e3",  "9007199254740992", "-9007199254740992", "true",
                                         "{}",  "0x10"};
    static struct ot_wire_check_in m;
    char json[1200];
    for (unsigned i = 0; i <= sizeof values / sizeof values[0]; i++) {
        const char *value = i > 0 ? values[i - 1] : "-41216";
        snprintf(
            json, sizeof json,
            "{\"v\":1,\"device\":\"lamp-1\",\"chip\":\"esp32c3\",\"hw_rev\":0,\"slot_bytes\":1,\"bootloader\":"
            "\"rollback\",\"running\":{\"slot\":\"ota_0\",\"digest\":\"%064d\",\"release\":1,\"version\":"
            "\"1\",\"state\":\"valid\"},\"floor\":0,\"secure_version\":0,\"keys\":[],\"revoked\":[],\"health\":"
            "{\"boots\":1,\"panics\":0,\"watchdogs\":0,\"brownouts\":0,\"other_resets\":0,\"link_losses\":0,"
            "\"uptime_s\":1,\"last_reset\":\"software\",\"crash\":\"0000000000000000\"},\"ask\":\"offer\","
            "\"metrics\":{\"heap_floor\":%s}}",
            0, value);
        enum ot_status st = ot_wire_check_in_read(json, strlen(json), &m, NULL);
        if ((st == OT_OK) != (i == 0))
            fail_msg("%s: %s", value, ot_status_wire(st));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_I08_a_canary_too_small_says_what_it_cannot_see),
        cmocka_unit_test(tm_I09_a_leak_that_shows_after_20_hours_is_found_in_its_ring),
        cmocka_unit_test(tm_I10_a_pause_an_abort_and_reports_at_the_moment_of_the_look),
        cmocka_unit_test(tm_I20_absurd_and_negative_values_of_one_device_decide_nothing),
        cmocka_unit_test(tm_I20_a_metric_below_zero_is_compared_like_any),
        cmocka_unit_test(tm_I20_missing_values_never_pass),
        cmocka_unit_test(tm_I20_stale_values_are_missing),
        cmocka_unit_test(tm_I20_no_number_is_refused_with_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
