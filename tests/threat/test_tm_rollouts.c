/*
 * Threat model, sections F and I, as far as the rollout engine decides them: reports that come twice, late, in another
 * order or never, and what operators do meanwhile.
 */
#include "base/crypto_openssl.h"
#include "rollout/engine.h"
#include "rollout/strata.h"
#include "rollout/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 10u
#define HOUR_MS 3600000u

struct stage {
    struct rollout r;
    struct rollout_member members[DEVICES];
    uint64_t now_ms;
};

static void ignore(void *ctx, const struct rollout_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static const struct rollout_sink nobody = {.effect = ignore};

/* One ring of ten devices, running. */
static void begin(struct stage *t, uint32_t in_flight)
{
    char err[100];
    memset(t, 0, sizeof *t);
    t->now_ms = 1000;
    t->r.poll_s = 3600;
    t->r.plan = rollout_plan_default();
    t->r.plan.in_flight = in_flight;
    t->r.plan.soak_s = 0;
    assert_int_equal(ring_plan_add(&t->r.plan.rings, "rest", err, sizeof err), 0);
    t->r.members = t->members;
    t->r.member_count = DEVICES;
    rollout_prepare(&t->r);
    assert_int_equal(rollout_start(&t->r, t->now_ms, &nobody), 0);
}

static void offer(struct stage *t, uint32_t m)
{
    assert_int_equal(rollout_may_offer(&t->r, m), ROLLOUT_OFFER);
    rollout_offer(&t->r, m, 100 + m, t->now_ms, &nobody);
}

static void report(struct stage *t, uint32_t m, enum ot_event_kind kind)
{
    rollout_event(&t->r, m, kind, OT_OK, kind == OT_EVENT_CONFIRMED, t->now_ms, &nobody);
    assert_null(rollout_check(&t->r));
}

static void later(struct stage *t, uint64_t ms)
{
    t->now_ms += ms;
    rollout_tick(&t->r, t->now_ms, &nobody);
    assert_null(rollout_check(&t->r));
}

static const enum ot_event_kind good_way[] = {OT_EVENT_DOWNLOADING, OT_EVENT_INSTALLED, OT_EVENT_SWITCHING,
                                              OT_EVENT_BOOTED,      OT_EVENT_CONFIRMED, OT_EVENT_DOWNLOADING};

/* All 720 orders of six reports, each report once and twice. */
static void permute(const unsigned *left, unsigned count, enum ot_event_kind *order, unsigned at,
                    unsigned *played)
{
    struct stage t;
    for (unsigned i = 0; i < count; i++) {
        unsigned rest[6], n = 0;
        for (unsigned k = 0; k < count; k++) {
            if (k != i)
                rest[n++] = left[k];
        }
        order[at] = good_way[left[i]];
        permute(rest, n, order, at + 1, played);
    }
    for (unsigned times = 1; count == 0 && times <= 2; times++) {
        begin(&t, 5);
        offer(&t, 0);
        for (unsigned i = 0; i < 6; i++) {
            for (unsigned again = 0; again < times; again++)
                report(&t, 0, order[i]);
        }
        assert_int_equal(t.members[0].state, ATTEMPT_CONFIRMED);
        assert_int_equal(t.r.rings[0].counts[ATTEMPT_CONFIRMED], 1);
        assert_int_equal(rollout_resolved(&t.r, 0), 1);
        assert_int_equal(rollout_in_flight(&t.r, 0), 0);
        ++*played;
    }
}

static void tm_F12_reports_in_any_order_and_twice_count_once(void **state)
{
    static const unsigned all[] = {0, 1, 2, 3, 4, 5};
    enum ot_event_kind order[6];
    unsigned played = 0;
    (void)state;
    permute(all, 6, order, 0, &played);
    assert_int_equal(played, 1440);
}

static void tm_F12_late_reports_after_silence_and_abort_count_once_and_restart_nothing(void **state)
{
    struct stage t;
    (void)state;
    begin(&t, 5);
    offer(&t, 0);
    report(&t, 0, OT_EVENT_SWITCHING);
    later(&t, 13 * HOUR_MS);
    assert_int_equal(t.members[0].state, ATTEMPT_SILENT);
    assert_int_equal(rollout_harmed(&t.r, 0), 1);
    assert_int_equal(rollout_abort(&t.r, "x", t.now_ms, &nobody), 0);
    report(&t, 0, OT_EVENT_CONFIRMED);
    assert_int_equal(rollout_harmed(&t.r, 0), 0);
    assert_int_equal(rollout_resolved(&t.r, 0), 1);
    assert_int_equal(t.r.state, ROLLOUT_ABORTED);
}

static void vanish(struct stage *t, uint32_t gone)
{
    begin(t, 10);
    for (uint32_t m = 0; m < DEVICES; m++) {
        offer(t, m);
        report(t, m, OT_EVENT_SWITCHING);
    }
    for (uint32_t m = gone; m < DEVICES; m++)
        report(t, m, OT_EVENT_CONFIRMED);
    later(t, 11 * HOUR_MS);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    later(t, 2 * HOUR_MS);
    assert_int_equal(rollout_harmed(&t->r, 0), gone);
}

/* Three of ten are more than chance; one or two may be, and pass nothing: a person looks at them. */
static void tm_I03_devices_that_vanish_behind_the_switch_halt_the_rollout(void **state)
{
    struct stage t;
    (void)state;
    vanish(&t, 3);
    assert_int_equal(t.r.state, ROLLOUT_HALTED);
    vanish(&t, 2);
    assert_int_equal(t.r.state, ROLLOUT_HELD);
    vanish(&t, 1);
    assert_int_equal(t.r.state, ROLLOUT_HELD);
}

static void tm_I11_a_retry_takes_the_place_of_the_outcome_before(void **state)
{
    struct stage t;
    (void)state;
    begin(&t, 5);
    offer(&t, 0);
    report(&t, 0, OT_EVENT_FAILED);
    assert_int_equal(rollout_may_offer(&t.r, 0), ROLLOUT_ALREADY_DONE);
    assert_int_equal(rollout_retry(&t.r, 0, "cable", t.now_ms, &nobody), 0);
    offer(&t, 0);
    report(&t, 0, OT_EVENT_CONFIRMED);
    assert_int_equal(rollout_resolved(&t.r, 0), 1);
    assert_int_equal(rollout_harmed(&t.r, 0), 0);
    assert_int_equal(rollout_retry(&t.r, UINT32_MAX, "again", t.now_ms, &nobody), -1);
}

static void end_at_each_state(int (*end)(struct rollout *, const char *, uint64_t,
                                         const struct rollout_sink *))
{
    struct stage t;
    for (unsigned steps = 0; steps <= 4; steps++) {
        bool has_switched = steps >= 3;
        begin(&t, 5);
        offer(&t, 0);
        for (unsigned i = 0; i < steps; i++)
            report(&t, 0, good_way[i]);
        assert_int_equal(end(&t.r, "x", t.now_ms, &nobody), 0);
        assert_null(rollout_check(&t.r));
        assert_int_equal(rollout_switch_wanted(&t.r, 0), ROLLOUT_SWITCH_NO);
        assert_int_equal(rollout_may_offer(&t.r, 1), ROLLOUT_NOT_RUNNING);
        assert_int_equal(attempt_is_open(t.members[0].state), has_switched);
        later(&t, 13 * HOUR_MS);
        assert_int_equal(t.members[0].state, has_switched ? ATTEMPT_SILENT : ATTEMPT_WITHDRAWN);
        assert_int_equal(rollout_resume(&t.r, "x", t.now_ms, &nobody), -1);
        assert_int_equal(rollout_retry(&t.r, UINT32_MAX, "x", t.now_ms, &nobody), -1);
    }
}

static void tm_I12_an_abort_or_recall_reaches_each_state_of_an_attempt(void **state)
{
    (void)state;
    end_at_each_state(rollout_abort);
    end_at_each_state(rollout_recall);
}

static void seen(struct stage *t, uint32_t m)
{
    struct rollout_counters none = {.of = {0}};
    rollout_seen(&t->r, m, true, &none, t->now_ms, &nobody);
}

/* Three days without a server are not three days of soak: at most three poll intervals of the gap count. */
static void tm_I14_a_server_that_is_down_longer_than_the_soak_passes_nothing(void **state)
{
    struct stage t;
    (void)state;
    begin(&t, DEVICES);
    t.r.plan.soak_s = 86400;
    for (uint32_t m = 0; m < DEVICES; m++) {
        offer(&t, m);
        report(&t, m, OT_EVENT_CONFIRMED);
    }
    later(&t, HOUR_MS);
    t.now_ms += 72 * HOUR_MS; /* the worst clock: the server's own stands still while it is down */
    for (uint32_t m = 0; m < DEVICES; m++)
        seen(&t, m);
    later(&t, 0);
    assert_int_equal(t.r.state, ROLLOUT_RUNNING);
    assert_int_equal(rollout_soaked(&t.r, 0), 0);
    for (unsigned hours = 3; hours < 24; hours++) {
        assert_int_equal(t.r.state, ROLLOUT_RUNNING);
        later(&t, HOUR_MS);
        for (uint32_t m = 0; m < DEVICES; m++)
            seen(&t, m);
    }
    later(&t, 0);
    assert_int_equal(t.r.state, ROLLOUT_FINISHED);
}

/* All of them come at once when it goes on: as many are offered it as the bound says. */
static void tm_I15_a_resume_lets_no_more_through_than_the_bound(void **state)
{
    struct stage t;
    (void)state;
    for (uint32_t bound = 1; bound <= DEVICES; bound++) {
        uint32_t offered = 0;
        begin(&t, bound);
        assert_int_equal(rollout_pause(&t.r, "x", &nobody), 0);
        for (uint32_t m = 0; m < DEVICES; m++)
            assert_int_equal(rollout_may_offer(&t.r, m), ROLLOUT_NOT_RUNNING);
        later(&t, 24 * HOUR_MS);
        assert_int_equal(rollout_resume(&t.r, "x", t.now_ms, &nobody), 0);
        for (uint32_t m = 0; m < DEVICES; m++) {
            if (rollout_may_offer(&t.r, m) == ROLLOUT_OFFER) {
                offer(&t, m);
                offered++;
            }
        }
        assert_int_equal(offered, bound);
    }
}

/* 10,000 sets of devices and shares: each device has one place, more share never takes one away, 100 % is everybody. */
static void tm_I16_shares_of_any_set_are_stable_and_complete(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 10000; set++) {
        struct ring_plan plan = {.count = 0}, wider = {.count = 0};
        uint8_t seed[32] = {(uint8_t)set, (uint8_t)(set >> 8)};
        char share[16], more[16], id[24], err[100];
        unsigned a = 1 + set % 98, b = a + 1 + set / 98 % (99 - a);
        snprintf(share, sizeof share, "%u%%", a);
        snprintf(more, sizeof more, "%u%%", b);
        assert_int_equal(ring_plan_add(&plan, share, err, sizeof err), 0);
        assert_int_equal(ring_plan_add(&plan, "rest", err, sizeof err), 0);
        assert_int_equal(ring_plan_add(&wider, more, err, sizeof err), 0);
        for (unsigned d = 0; d < set % 4; d++) {
            snprintf(id, sizeof id, "lamp-%u", d);
            uint64_t u = ring_plan_u(crypto_openssl(), seed, id);
            int ring = ring_plan_place(&plan, u, NULL, 0), in_wider = ring_plan_place(&wider, u, NULL, 0);
            assert_true(ring == 0 || ring == 1);
            assert_true(u == ring_plan_u(crypto_openssl(), seed, id));
            if (ring == 0)
                assert_int_equal(in_wider, 0);
        }
    }
}

#define FLEET 1000u

/* Nobody moves: rings of 5 %, 20 % and the rest by hash, one device in twenty of a kind that the release kills. */
struct fleet {
    struct rollout r;
    struct rollout_member members[FLEET];
    struct rollout_stratum kinds[3];
    uint64_t now_ms;
};

static void place_fleet(struct fleet *t, uint32_t set, uint32_t min)
{
    static struct strata_device devices[FLEET];
    static char ids[FLEET][24];
    uint8_t seed[32] = {(uint8_t)set, (uint8_t)(set >> 8), 22};
    for (uint32_t i = 0; i < FLEET; i++) {
        snprintf(ids[i], sizeof ids[i], "lamp-%u", i);
        devices[i] = (struct strata_device){.u = ring_plan_u(crypto_openssl(), seed, ids[i]), .id = ids[i]};
        devices[i].index = i;
        devices[i].stratum = i % 20 == 0 ? 2 : i % 3 == 0;
        devices[i].ring = ring_plan_place(&t->r.plan.rings, devices[i].u, NULL, 0);
    }
    strata_place(&t->r.plan.rings, min, devices, FLEET);
    for (uint32_t i = 0; i < FLEET; i++) {
        t->members[devices[i].index].ring = (uint8_t)devices[i].ring;
        t->members[devices[i].index].stratum = devices[i].stratum;
    }
}

static void begin_fleet(struct fleet *t, uint32_t set, bool knows_kinds)
{
    static const char *const names[] = {"hw_rev=0", "hw_rev=1", "hw_rev=2"}, *const rings[] = {"5%", "20%",
                                                                                               "rest"};
    char err[100];
    memset(t, 0, sizeof *t);
    t->now_ms = 1000;
    t->r.poll_s = 3600;
    t->r.plan = rollout_plan_default();
    t->r.plan.soak_s = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ring_plan_add(&t->r.plan.rings, rings[i], err, sizeof err), 0);
        t->kinds[i].name = names[i];
    }
    t->r.members = t->members;
    t->r.member_count = FLEET;
    place_fleet(t, set, knows_kinds ? STRATA_MIN_DEFAULT : 0);
    t->r.strata = t->kinds;
    t->r.stratum_count = knows_kinds ? 3 : 0;
    rollout_prepare(&t->r);
    assert_int_equal(rollout_start(&t->r, t->now_ms, &nobody), 0);
}

/* Offers as the bound allows, then all their outcomes; a person widens what is held. Harmed devices in all. */
static uint32_t play_fleet(struct fleet *t)
{
    uint32_t harmed = 0;
    for (unsigned round = 0; round < 400 && t->r.state == ROLLOUT_RUNNING; round++) {
        for (uint32_t m = 0; m < FLEET; m++) {
            if (rollout_may_offer(&t->r, m) == ROLLOUT_OFFER)
                rollout_offer(&t->r, m, 1 + m, t->now_ms, &nobody);
        }
        for (uint32_t m = 0; m < FLEET; m++) {
            bool sick = t->members[m].stratum == 2;
            if (!attempt_is_open(t->members[m].state))
                continue;
            rollout_event(&t->r, m, sick ? OT_EVENT_REVERTED : OT_EVENT_CONFIRMED, OT_OK, !sick, t->now_ms,
                          &nobody);
        }
        t->now_ms += 1000;
        rollout_tick(&t->r, t->now_ms, &nobody);
        if (t->r.state == ROLLOUT_HELD)
            assert_int_equal(rollout_widen(&t->r, "the worst of persons", t->now_ms, &nobody), 0);
    }
    assert_null(rollout_check(&t->r));
    for (uint32_t m = 0; m < FLEET; m++)
        harmed += attempt_is_harm(t->members[m].state);
    return harmed;
}

static void tm_I22_a_release_that_kills_one_hardware_revision_is_stopped_in_its_first_ring(void **state)
{
    static struct fleet t;
    uint32_t with = 0, without = 0, later = 0;
    (void)state;
    for (uint32_t set = 0; set < 50; set++) {
        begin_fleet(&t, set, true);
        uint32_t harmed = play_fleet(&t);
        assert_int_equal(t.r.state, ROLLOUT_HALTED);
        assert_int_equal(t.r.rings[0].state, RING_FAILED);
        assert_int_equal(t.r.rings[1].state, RING_WAITING);
        assert_non_null(strstr(t.r.reason, "of hw_rev=2)"));
        assert_true(harmed <= 8);
        with += harmed;
        begin_fleet(&t, set, false);
        without += play_fleet(&t);
        later += t.r.rings[1].state != RING_WAITING;
    }
    print_message(
        "harmed in the mean: %.1f, and %.1f without strata (%u of 50 fleets went on to the next ring)\n",
        with / 50.0, without / 50.0, later);
    assert_true(without > with + with / 2 && later > 5); /* it is the strata that do it */
}

/* Quorum, limit, tolerated, in percent; members, confirmed, harmed: what the gate must say. */
static void tm_I24_a_gate_without_evidence_or_sense_never_passes(void **state)
{
    static const struct {
        uint32_t quorum, limit, members, confirmed, harmed;
        enum gate_verdict verdict;
    } sets[] = {
        {90, 10, 0, 0, 0, GATE_NOT_ENOUGH},
        {90, 10, 1, 0, 0, GATE_NOT_ENOUGH},
        {90, 10, 1, 1, 0, GATE_PASS},
        {90, 10, 1, 0, 1, GATE_NOT_ENOUGH},
        {90, 10, 2, 0, 0, GATE_NOT_ENOUGH},
        {90, 10, 2, 1, 0, GATE_NOT_ENOUGH},
        {90, 10, 2, 2, 0, GATE_PASS},
        {90, 10, 2, 0, 2, GATE_FAIL},
        {90, 10, 10, 0, 0, GATE_NOT_ENOUGH},
        {90, 10, 10, 8, 0, GATE_NOT_ENOUGH},
        {90, 10, 10, 9, 0, GATE_PASS},
        {90, 10, 10, 9, 1, GATE_NOT_ENOUGH},
        {90, 10, 10, 0, 1, GATE_NOT_ENOUGH},
        {90, 10, 10, 0, 10, GATE_FAIL},
        {90, 10, 30, 27, 0, GATE_PASS},
        {90, 10, 30, 26, 0, GATE_NOT_ENOUGH},
        {90, 10, 30, 29, 1, GATE_NOT_ENOUGH},
        {90, 10, 46, 45, 1, GATE_PASS},
        {90, 10, 45, 44, 1, GATE_NOT_ENOUGH},
        {90, 10, 61, 59, 2, GATE_PASS},
        {90, 10, 60, 58, 2, GATE_NOT_ENOUGH},
        {90, 10, 100, 95, 5, GATE_NOT_ENOUGH},
        {90, 10, 100, 70, 30, GATE_FAIL},
        {100, 10, 100, 99, 0, GATE_NOT_ENOUGH},
        {100, 10, 100, 100, 0, GATE_PASS},
        {1, 10, 100, 1, 0, GATE_PASS},
        {1, 10, 100, 0, 0, GATE_NOT_ENOUGH},
        {1, 10, 1000, 9, 0, GATE_NOT_ENOUGH},
        {1, 10, 1000, 10, 0, GATE_PASS},
        {90, 0, 100, 100, 0, GATE_PASS},
        {90, 0, 100, 99, 1, GATE_NOT_ENOUGH},
        {90, 0, 1000, 999, 1, GATE_NOT_ENOUGH},
        {90, 0, 1000, 970, 30, GATE_FAIL},
        {90, 1, 299, 299, 0, GATE_PASS},
        {90, 1, 299, 298, 1, GATE_NOT_ENOUGH},
        {90, 1, 473, 472, 1, GATE_PASS},
        {90, 100, 10, 0, 10, GATE_PASS},
        {90, 100, 10, 0, 0, GATE_NOT_ENOUGH},
        {90, 10, 1000000, 900000, 0, GATE_PASS},
        {90, 10, 1000000, 899999, 0, GATE_NOT_ENOUGH},
        {90, 10, 1000000, 999000, 1000, GATE_PASS},
        {90, 10, 1000000, 0, 1000000, GATE_FAIL},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        struct rollout r = {.plan = rollout_plan_default()};
        char text[ROLLOUT_REASON_MAX], err[100];
        assert_int_equal(ring_plan_add(&r.plan.rings, "rest", err, sizeof err), 0);
        r.plan.quorum_percent = sets[i].quorum;
        r.plan.max_failure_percent = sets[i].limit;
        r.rings[0].members = sets[i].members;
        r.rings[0].counts[ATTEMPT_CONFIRMED] = sets[i].confirmed;
        r.rings[0].counts[ATTEMPT_REVERTED] = sets[i].harmed;
        struct rollout_gate g = rollout_gate(&r, 0);
        rollout_gate_text(&g, text, sizeof text);
        if (g.verdict != sets[i].verdict)
            fail_msg("set %u: %s: %s", i, gate_verdict_name(g.verdict), text);
        assert_true(isfinite(g.upper) && isfinite(g.floor) && isfinite(g.limit) && isfinite(g.log_halt));
        assert_true(!isnan(g.log_e) && g.upper >= 0 && g.upper <= 1 && g.floor <= 1);
        assert_null(strstr(text, "nan"));
    }
}

static void tm_I21_a_ring_of_unreachable_devices_is_held_for_a_person(void **state)
{
    struct stage t;
    (void)state;
    begin(&t, 5);
    offer(&t, 0);
    report(&t, 0, OT_EVENT_CONFIRMED);
    later(&t, 1000ull * rollout_plan_decide_by_s(&t.r.plan) - 1);
    assert_int_equal(t.r.state, ROLLOUT_RUNNING);
    later(&t, 1);
    assert_int_equal(t.r.state, ROLLOUT_HELD);
    assert_int_equal(t.r.rings[0].state, RING_HELD);
    assert_int_equal(rollout_may_offer(&t.r, 1), ROLLOUT_NOT_RUNNING);
    assert_int_equal(rollout_resume(&t.r, "wait", t.now_ms, &nobody), 0);
    offer(&t, 1);
    later(&t, HOUR_MS);
    assert_int_equal(t.r.state, ROLLOUT_RUNNING);
    assert_int_equal(rollout_widen(&t.r, "enough", t.now_ms, &nobody), 0);
    assert_int_equal(t.r.state, ROLLOUT_FINISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_F12_reports_in_any_order_and_twice_count_once),
        cmocka_unit_test(tm_F12_late_reports_after_silence_and_abort_count_once_and_restart_nothing),
        cmocka_unit_test(tm_I03_devices_that_vanish_behind_the_switch_halt_the_rollout),
        cmocka_unit_test(tm_I11_a_retry_takes_the_place_of_the_outcome_before),
        cmocka_unit_test(tm_I12_an_abort_or_recall_reaches_each_state_of_an_attempt),
        cmocka_unit_test(tm_I14_a_server_that_is_down_longer_than_the_soak_passes_nothing),
        cmocka_unit_test(tm_I15_a_resume_lets_no_more_through_than_the_bound),
        cmocka_unit_test(tm_I16_shares_of_any_set_are_stable_and_complete),
        cmocka_unit_test(tm_I22_a_release_that_kills_one_hardware_revision_is_stopped_in_its_first_ring),
        cmocka_unit_test(tm_I24_a_gate_without_evidence_or_sense_never_passes),
        cmocka_unit_test(tm_I21_a_ring_of_unreachable_devices_is_held_for_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
