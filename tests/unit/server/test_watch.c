/* Crashes and link losses beside those of the devices that wait. Hundreds of devices, hour by hour. */
#include "rollout/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 600u
#define HOUR_MS 3600000u

struct stage {
    struct rollout r;
    struct rollout_member members[DEVICES];
    struct rollout_counters counters[DEVICES];
    uint64_t now_ms, random;
    uint32_t effects;
};

static void listen(void *ctx, const struct rollout_effect *e)
{
    struct stage *t = ctx;
    t->effects += e->kind == EFFECT_ROLLOUT;
}

static double draw(struct stage *t)
{
    uint64_t z = t->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* `canaries` run the release in the first ring, the others wait for theirs. */
static struct stage *begin(uint32_t canaries, uint32_t devices, uint64_t seed)
{
    static struct stage t;
    char err[200];
    struct rollout_sink sink = {.ctx = &t, .effect = listen};
    memset(&t, 0, sizeof t);
    t.random = seed;
    t.now_ms = HOUR_MS;
    t.r.plan = rollout_plan_default();
    t.r.plan.in_flight = canaries;
    t.r.plan.soak_s = 30 * 86400;
    t.r.plan.max_crashes_per_device_day = 100000; /* not this limit */
    t.r.poll_s = 3600;
    assert_int_equal(ring_plan_add(&t.r.plan.rings, "10%", err, sizeof err), 0);
    assert_int_equal(ring_plan_add(&t.r.plan.rings, "rest", err, sizeof err), 0);
    t.r.members = t.members;
    t.r.member_count = devices;
    for (uint32_t i = canaries; i < devices; i++)
        t.members[i].ring = 1;
    rollout_prepare(&t.r);
    assert_int_equal(rollout_start(&t.r, t.now_ms, &sink), 0);
    for (uint32_t i = 0; i < devices; i++)
        rollout_seen(&t.r, i, false, &t.counters[i], t.now_ms, &sink);
    for (uint32_t i = 0; i < canaries; i++) {
        rollout_offer(&t.r, i, 1 + i, t.now_ms, &sink);
        rollout_event(&t.r, i, OT_EVENT_CONFIRMED, OT_OK, true, t.now_ms, &sink);
        rollout_seen(&t.r, i, true, &t.counters[i], t.now_ms, &sink);
    }
    return &t;
}

static void tick(struct stage *t)
{
    struct rollout_sink sink = {.ctx = t, .effect = listen};
    rollout_tick(&t->r, t->now_ms, &sink);
    assert_null(rollout_check(&t->r));
}

static void check_in(struct stage *t, uint32_t i)
{
    struct rollout_sink sink = {.ctx = t, .effect = listen};
    rollout_seen(&t->r, i, t->members[i].state == ATTEMPT_CONFIRMED, &t->counters[i], t->now_ms, &sink);
}

/* One hour: everybody checks in; chances of an event in it, per device. */
static void hour(struct stage *t, unsigned metric, double canary, double control)
{
    t->now_ms += HOUR_MS;
    for (uint32_t i = 0; i < t->r.member_count; i++) {
        t->counters[i].of[metric] += draw(t) < (t->members[i].ring == 0 ? canary : control);
        check_in(t, i);
    }
    tick(t);
}

/* Hours until it halts, or `most`. */
static unsigned play(struct stage *t, unsigned metric, double canary, double control, unsigned most)
{
    for (unsigned h = 1; h <= most; h++) {
        hour(t, metric, canary, control);
        if (t->r.state == ROLLOUT_HALTED)
            return h;
    }
    return most;
}

static void a_release_that_crashes_more_is_halted_within_the_day(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stage *t = begin(20, 400, seed);
        unsigned hours = play(t, WATCH_CRASHES, 0.02, 0.001, 72); /* one in 50 h instead of one in 1,000 h */
        assert_int_equal(t->r.state, ROLLOUT_HALTED);
        assert_true(hours < 48);
        assert_non_null(strstr(t->r.reason, "crashes where"));
        assert_int_equal(t->r.rings[0].state, RING_FAILED);
    }
}

static void doubled_link_losses_are_found(void **state)
{
    unsigned halted = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stage *t = begin(60, 400, seed);
        (void)play(t, WATCH_LINK_LOSSES, 2.0 / 24, 1.0 / 24, 24 * 7); /* one a day, and two */
        halted += t->r.state == ROLLOUT_HALTED && strstr(t->r.reason, "link losses") != NULL;
    }
    assert_int_equal(halted, 20);
}

/* The promise of WATCH_ALPHA: 1 % at most, with equal rates, looked at every hour for a week. */
static void a_release_like_the_last_is_left_alone(void **state)
{
    unsigned halted = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rollout_stratum kinds[4] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
        struct stage *t = begin(20, 200, seed);
        t->r.strata = kinds;
        t->r.stratum_count = seed % 2 * 4; /* of one kind, or of four */
        for (uint32_t i = 0; seed % 2 != 0 && i < 200; i++)
            t->members[i].stratum = i % 4;
        rollout_prepare(&t->r);
        (void)play(t, WATCH_LINK_LOSSES, 1.0 / 24, 1.0 / 24, 24 * 7);
        halted += t->r.state == ROLLOUT_HALTED;
        assert_true(fabs(t->r.watch.counts.events[1] - t->r.watch.counts.expected[1]) <
                    6 * sqrt(t->r.watch.counts.expected[1] + 1));
    }
    assert_true(halted <= 6); /* 2 expected at most; more than 6 has a chance of 0.5 % */
}

/* An outage is everybody's: it comes when the canaries have grown to half of all, and is no evidence. */
static void a_storm_that_hits_all_is_no_evidence(void **state)
{
    (void)state;
    struct stage *t = begin(150, 300, 7);
    for (unsigned day = 0; day < 10; day++) {
        hour(t, WATCH_LINK_LOSSES, 0.9, 0.9);
        for (unsigned h = 0; h < 24; h++)
            hour(t, WATCH_LINK_LOSSES, 0, 0);
    }
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    assert_true(t->r.watch.counts.events[WATCH_LINK_LOSSES] > 1000);
}

static void one_looping_device_is_one_device(void **state)
{
    (void)state;
    struct stage *t = begin(20, 400, 1);
    hour(t, WATCH_CRASHES, 0, 0);
    for (unsigned h = 0; h < 23; h++) {
        t->now_ms += HOUR_MS;
        t->counters[3].of[WATCH_CRASHES] += 10;
        for (uint32_t i = 0; i < 400; i++)
            check_in(t, i);
        tick(t);
    }
    assert_int_equal(t->r.watch.counts.events[WATCH_CRASHES], 1);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
}

static void without_thirty_controls_there_is_no_evidence(void **state)
{
    (void)state;
    struct stage *t = begin(20, 49, 1);
    (void)play(t, WATCH_CRASHES, 0.5, 0, 48);
    assert_int_equal(t->r.watch.counts.events[WATCH_CRASHES], 0);
    t = begin(20, 50, 1);
    assert_true(play(t, WATCH_CRASHES, 0.5, 0, 48) < 48);
}

/* Devices of the control that nobody hears of are not at risk: the share does not fall by them. */
static void heard_of(struct stage *t, uint32_t devices, uint32_t crashing)
{
    t->now_ms += HOUR_MS;
    if (crashing < devices)
        t->counters[crashing].of[WATCH_CRASHES]++;
    for (uint32_t i = 0; i < devices; i++)
        check_in(t, i);
    tick(t);
}

static void who_is_offline_is_no_control(void **state)
{
    (void)state;
    struct stage *t = begin(20, 400, 1);
    t->now_ms += 10 * HOUR_MS; /* 20 of the 380 only are heard of */
    heard_of(t, 40, 400);
    heard_of(t, 40, 0);
    assert_int_equal(t->r.watch.counts.events[WATCH_CRASHES], 0);
    heard_of(t, 60, 400);
    heard_of(t, 60, 1);
    assert_int_equal(t->r.watch.counts.events[WATCH_CRASHES], 1);
    assert_true(fabs(t->r.watch.counts.expected[WATCH_CRASHES] - 19.0 / 59) <
                1e-9); /* device 0 had its event today */
}

/* Every tenth device is of a kind that loses its link every day with the release, not every ten: hours until it halts. */
static unsigned hours_with_a_sick_kind(uint32_t kinds_known, uint64_t seed)
{
    static struct rollout_stratum kinds[2];
    struct stage *t = begin(60, 600, seed);
    memset(kinds, 0, sizeof kinds);
    kinds[0].name = "hw_rev=1";
    kinds[1].name = "hw_rev=2";
    for (uint32_t i = 0; i < t->r.member_count; i++)
        t->members[i].stratum = i % 10 == 0;
    t->r.strata = kinds;
    t->r.stratum_count = kinds_known;
    rollout_prepare(&t->r);
    for (unsigned h = 1; h <= 24 * 14; h++) {
        t->now_ms += HOUR_MS;
        for (uint32_t i = 0; i < t->r.member_count; i++) {
            bool is_sick = t->members[i].ring == 0 && t->members[i].stratum == 1;
            t->counters[i].of[WATCH_LINK_LOSSES] += draw(t) < (is_sick ? 40.0 : 1.0) / 240;
            check_in(t, i);
        }
        tick(t);
        if (t->r.state == ROLLOUT_HALTED && kinds_known > 1)
            assert_non_null(strstr(t->r.reason, "most on hw_rev=2"));
        if (t->r.state == ROLLOUT_HALTED)
            return h;
    }
    return 24 * 14;
}

static void healthy_kinds_do_not_outvote_a_sick_one(void **state)
{
    unsigned with = 0, without = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        with += hours_with_a_sick_kind(2, seed);
        without += hours_with_a_sick_kind(1, seed);
    }
    print_message("hours until a sick kind halts: %.0f; with all kinds as one: %.0f\n", with / 10.0,
                  without / 10.0);
    assert_true(with * 10 < without * 7);
}

static void a_person_who_goes_on_has_seen_it(void **state)
{
    (void)state;
    struct stage *t = begin(20, 400, 3);
    struct rollout_sink sink = {.ctx = t, .effect = listen};
    (void)play(t, WATCH_CRASHES, 0.05, 0.001, 72);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_int_equal(rollout_resume(&t->r, "known", t->now_ms, &sink), 0);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    assert_true(rollout_watch_log_e(&t->r.watch) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_that_crashes_more_is_halted_within_the_day),
        cmocka_unit_test(doubled_link_losses_are_found),
        cmocka_unit_test(a_release_like_the_last_is_left_alone),
        cmocka_unit_test(a_storm_that_hits_all_is_no_evidence),
        cmocka_unit_test(one_looping_device_is_one_device),
        cmocka_unit_test(without_thirty_controls_there_is_no_evidence),
        cmocka_unit_test(who_is_offline_is_no_control),
        cmocka_unit_test(healthy_kinds_do_not_outvote_a_sick_one),
        cmocka_unit_test(a_person_who_goes_on_has_seen_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
