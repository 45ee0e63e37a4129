/*
 * Forecasts beside the same rollout played plainly: every device at each of its polls, one after the other, by code that shares
 * nothing with the forecast but the engine. And what each part of a habit does to the answer.
 */
#include "rollout/engine.h"
#include "rollout/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POLL_S  600u
#define HOUR_S  3600u
#define DAY_S   86400u
#define MANY    20000u
#define STEP_MS 10000u

static struct forecast_device devices[MANY];
static const uint32_t ten_minutes[] = {600};

static void ignore(void *ctx, const struct rollout_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static const struct rollout_sink nobody = {.effect = ignore};

static struct rollout_plan plan_of(const char *const *rings, unsigned count)
{
    char err[100];
    struct rollout_plan plan = rollout_plan_default();
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(ring_plan_add(&plan.rings, rings[i], err, sizeof err), 0);
    plan.soak_s = 4 * HOUR_S;
    return plan;
}

static struct rollout_plan one_ring(void)
{
    static const char *const rings[] = {"rest"};
    return plan_of(rings, 1);
}

static struct forecast_result forecast(const struct rollout_plan *plan, uint32_t count)
{
    struct forecast_result out;
    struct forecast_input in = {.plan = plan,
                                .poll_s = POLL_S,
                                .devices = devices,
                                .count = count,
                                .attempt_s = ten_minutes,
                                .attempt_count = 1,
                                .seed = 7};
    assert_int_equal(rollout_forecast(&in, &out), 0);
    return out;
}

/* Everybody is there, all the time. */
static void steady(uint32_t count)
{
    memset(devices, 0, sizeof devices);
    for (uint32_t i = 0; i < count; i++)
        devices[i].habit.gap_ms = POLL_S * 1000u;
}

/* --- the same, played plainly: seconds until it has finished --- */

struct plain {
    struct rollout r;
    struct rollout_member members[MANY];
    uint64_t ends_ms[MANY];
};

static void plain_poll(struct plain *p, uint32_t m, uint64_t now_ms)
{
    struct rollout_counters none = {.of = {0}};
    enum attempt_state state = p->members[m].state;
    if (state == ATTEMPT_DOWNLOADING)
        rollout_alive(&p->r, m, now_ms, &nobody);
    rollout_seen(&p->r, m, state == ATTEMPT_CONFIRMED, &none, now_ms, &nobody);
    if (rollout_may_offer(&p->r, m) != ROLLOUT_OFFER)
        return;
    rollout_offer(&p->r, m, m + 1, now_ms, &nobody);
    rollout_event(&p->r, m, OT_EVENT_DOWNLOADING, OT_OK, false, now_ms, &nobody);
    p->ends_ms[m] = now_ms + ten_minutes[0] * 1000u;
}

static uint64_t plainly(const struct rollout_plan *plan, uint32_t count)
{
    static struct plain p;
    memset(&p, 0, sizeof p);
    p.r.plan = *plan;
    p.r.poll_s = POLL_S;
    p.r.members = p.members;
    p.r.member_count = count;
    for (uint32_t m = 0; m < count; m++)
        p.members[m].ring = devices[m].ring;
    rollout_prepare(&p.r);
    assert_int_equal(rollout_start(&p.r, 0, &nobody), 0);
    for (uint64_t now_ms = 0; p.r.state == ROLLOUT_RUNNING; now_ms += STEP_MS) {
        for (uint32_t m = (uint32_t)(now_ms / STEP_MS % (POLL_S * 1000u / STEP_MS)); m < count;
             m += POLL_S * 1000u / STEP_MS)
            plain_poll(&p, m, now_ms);
        for (uint32_t m = 0; m < count; m++) {
            if (p.ends_ms[m] == 0 || p.ends_ms[m] > now_ms)
                continue;
            rollout_event(&p.r, m, OT_EVENT_CONFIRMED, OT_OK, true, now_ms, &nobody);
            p.ends_ms[m] = 0;
        }
        rollout_tick(&p.r, now_ms, &nobody);
        if (p.r.state == ROLLOUT_FINISHED)
            return now_ms / 1000u;
        assert_true(now_ms < 60ull * DAY_S * 1000u);
    }
    return 0;
}

static void agrees(const struct rollout_plan *plan, uint32_t count, double factor)
{
    struct forecast_result out = forecast(plan, count);
    double plain_s = (double)plainly(plan, count), told_s = (double)out.takes.median_s;
    assert_int_equal(out.finished, out.runs);
    if (told_s > plain_s * factor || plain_s > told_s * factor)
        fail_msg("%u devices: forecast %.0f s, played %.0f s", count, told_s, plain_s);
}

static void a_forecast_agrees_with_the_rollout_played_plainly(void **state)
{
    static const uint32_t counts[] = {1, 10, 100, 1000};
    struct rollout_plan plan = one_ring();
    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        steady(counts[i]);
        agrees(&plan, counts[i], 1.15);
    }
}

static void so_it_does_over_several_rings(void **state)
{
    static const char *const rings[] = {"internal", "10%", "rest"};
    struct rollout_plan plan = plan_of(rings, 3);
    (void)state;
    steady(1000);
    for (uint32_t i = 0; i < 1000; i++)
        devices[i].ring = i < 5 ? 0 : i < 105 ? 1 : 2;
    agrees(&plan, 1000, 1.15);
}

/* A ring of many is played by a thousand of them. */
static void a_large_ring_is_played_by_part_of_it(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(MANY);
    agrees(&plan, MANY, 1.3);
    plan.in_flight = 200;
    agrees(&plan, MANY, 1.3);
}

static void a_ring_takes_its_attempt_and_its_soak(void **state)
{
    static const char *const rings[] = {"internal"};
    struct rollout_plan plan = plan_of(rings, 1);
    (void)state;
    steady(10);
    struct forecast_result out = forecast(&plan, 10);
    uint64_t least = 600 + plan.soak_s, most = least + 3 * POLL_S + plan.soak_s / 4;
    assert_in_range(out.rings[0].takes.median_s, least, most);
    assert_int_equal(out.rings[0].begins.median_s, 0);
    assert_int_equal(out.rings[0].members, 10);
    assert_int_equal(out.rings[0].passed, out.runs);
}

static void the_same_input_gives_the_same_answer(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(200);
    for (uint32_t i = 0; i < 200; i++)
        devices[i].habit = (struct poll_habit){
            .gap_ms = 300000 + i * 1000, .away_ppm = 20000, .away_s = 7200, .away_spread_s = 3600};
    struct forecast_result a = forecast(&plan, 200), b = forecast(&plan, 200);
    assert_memory_equal(&a, &b, sizeof a);
}

static void devices_that_are_away_make_it_longer(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(200);
    uint64_t there = forecast(&plan, 200).takes.median_s;
    for (uint32_t i = 0; i < 200; i++)
        devices[i].habit = (struct poll_habit){
            .gap_ms = POLL_S * 1000u, .away_ppm = 300000, .away_s = 4 * HOUR_S, .away_spread_s = HOUR_S};
    struct forecast_result out = forecast(&plan, 200);
    assert_true(out.takes.median_s != FORECAST_NEVER && out.takes.median_s > there + HOUR_S);
    assert_true(out.takes.p90_s >= out.takes.median_s);
}

/* A fifth of them has not been heard of for a year: nine in ten will not answer in a week. */
static void a_quorum_that_does_not_come_is_held(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(200);
    for (uint32_t i = 0; i < 200; i += 5)
        devices[i].unheard_s = 365 * DAY_S;
    struct forecast_result out = forecast(&plan, 200);
    assert_int_equal(out.held, out.runs);
    assert_true(out.takes.median_s == FORECAST_NEVER);
    assert_non_null(strstr(out.reason, "not enough evidence in its time"));
    plan.quorum_percent = 70;
    out = forecast(&plan, 200);
    assert_int_equal(out.finished, out.runs);
}

/* Away for days when they have just been updated, they are silent: the plan would halt itself, and says so before. */
static void silence_that_would_halt_it_is_foreseen(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(300);
    plan.soak_s = 3 * DAY_S;
    for (uint32_t i = 0; i < 300; i++)
        devices[i].habit = (struct poll_habit){
            .gap_ms = POLL_S * 1000u, .away_ppm = 400000, .away_s = 3 * DAY_S, .away_spread_s = 3 * DAY_S};
    struct forecast_result out = forecast(&plan, 300);
    assert_true(out.halted > out.runs / 2);
    assert_non_null(strstr(out.reason, "harmed"));
}

/* In a play nothing is measured; a plan with metrics is not held for that. */
static void metrics_that_nobody_reports_in_a_play_hold_nothing(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    steady(50);
    plan.metrics.count = 1;
    snprintf(plan.metrics.list[0].name, sizeof plan.metrics.list[0].name, "heap_floor");
    struct forecast_result out = forecast(&plan, 50);
    assert_int_equal(out.finished, out.runs);
}

static void nobody_is_in_it(void **state)
{
    struct rollout_plan plan = one_ring();
    (void)state;
    struct forecast_result out = forecast(&plan, 0);
    assert_int_equal(out.finished, out.runs);
    assert_int_equal(out.takes.median_s, 0);
}

/* --- habits --- */

static void a_habit_is_an_average_of_its_gaps(void **state)
{
    struct poll_habit h = {.gap_ms = 0};
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        poll_habit_seen(&h, 660000, POLL_S);
        poll_habit_seen(&h, 1000, POLL_S); /* reports of an update */
    }
    assert_in_range(h.gap_ms, 659000, 661000);
    assert_int_equal(h.away_ppm, 0);
    assert_int_equal(h.away_s, 0);
}

static void the_part_of_the_time_away_is_weighed_by_time(void **state)
{
    struct poll_habit h = {.gap_ms = 0};
    (void)state;
    for (unsigned weeks = 0; weeks < 10; weeks++) {
        for (unsigned i = 0; i < 18 * 7; i++) /* 18 hours there, six away */
            poll_habit_seen(&h, i % 18 == 0 ? 6ull * 3600000u : 3600000u, HOUR_S);
    }
    assert_in_range(h.away_ppm, 190000, 260000);
    assert_in_range(h.away_s, 4 * HOUR_S, 6 * HOUR_S);
    assert_in_range(h.gap_ms, 3500000, 3700000);
    assert_in_range(h.away_spread_s, 0, 60); /* each time the same */
    poll_habit_seen(&h, 40ull * 3600000u, HOUR_S);
    assert_in_range(h.away_spread_s, 8 * HOUR_S, 9 * HOUR_S);
    poll_habit_seen(&h, UINT64_MAX / 2, HOUR_S); /* whatever a clock says */
    assert_true(h.away_ppm <= 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_forecast_agrees_with_the_rollout_played_plainly),
                                       cmocka_unit_test(so_it_does_over_several_rings),
                                       cmocka_unit_test(a_large_ring_is_played_by_part_of_it),
                                       cmocka_unit_test(a_ring_takes_its_attempt_and_its_soak),
                                       cmocka_unit_test(the_same_input_gives_the_same_answer),
                                       cmocka_unit_test(devices_that_are_away_make_it_longer),
                                       cmocka_unit_test(a_quorum_that_does_not_come_is_held),
                                       cmocka_unit_test(silence_that_would_halt_it_is_foreseen),
                                       cmocka_unit_test(metrics_that_nobody_reports_in_a_play_hold_nothing),
                                       cmocka_unit_test(nobody_is_in_it),
                                       cmocka_unit_test(a_habit_is_an_average_of_its_gaps),
                                       cmocka_unit_test(the_part_of_the_time_away_is_weighed_by_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
