/* The verdict on a ring from its counts, and what the engine makes of it. */
#include "rollout/gate.h"
#include "rollout/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 120u

struct stage {
    struct rollout r;
    struct rollout_member members[MOST];
    char told[4096];
};

static void listen(void *ctx, const struct rollout_effect *e)
{
    struct stage *t = ctx;
    if (e->kind == EFFECT_TIMELINE) {
        strncat(t->told, e->text, sizeof t->told - strlen(t->told) - 2);
        strcat(t->told, "\n");
    }
}

/* `count` devices in the ring, `later` in a second one. */
static struct stage *begin(uint32_t count, uint32_t later)
{
    static struct stage t;
    char err[200];
    struct rollout_sink sink = {.ctx = &t, .effect = listen};
    memset(&t, 0, sizeof t);
    t.r.plan = rollout_plan_default();
    t.r.plan.soak_s = 0;
    t.r.plan.in_flight = MOST;
    t.r.poll_s = 60;
    if (later > 0)
        assert_int_equal(ring_plan_add(&t.r.plan.rings, "10%", err, sizeof err), 0);
    assert_int_equal(ring_plan_add(&t.r.plan.rings, "rest", err, sizeof err), 0);
    t.r.members = t.members;
    t.r.member_count = count + later;
    for (uint32_t i = count; i < count + later; i++)
        t.members[i].ring = 1;
    rollout_prepare(&t.r);
    assert_int_equal(rollout_start(&t.r, 1000, &sink), 0);
    return &t;
}

static void report(struct stage *t, uint32_t first, uint32_t count, enum ot_event_kind kind)
{
    struct rollout_sink sink = {.ctx = t, .effect = listen};
    for (uint32_t m = first; m < first + count; m++) {
        if (rollout_may_offer(&t->r, m) == ROLLOUT_OFFER)
            rollout_offer(&t->r, m, 1 + m, 1000, &sink);
        rollout_event(&t->r, m, kind, OT_OK, kind == OT_EVENT_CONFIRMED, 1000, &sink);
    }
    assert_null(rollout_check(&t->r));
}

static void tick(struct stage *t)
{
    struct rollout_sink sink = {.ctx = t, .effect = listen};
    rollout_tick(&t->r, 2000, &sink);
    assert_null(rollout_check(&t->r));
}

static void parts_of_alpha_add_up_to_one(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= ROLLOUT_RINGS_MAX; count++) {
        struct ring_plan plan = {.count = count};
        double sum = 0;
        for (uint32_t i = 0; i < count; i++)
            sum += rollout_alpha_part(&plan, i);
        assert_true(sum == 1);
        assert_true(rollout_alpha_part(&plan, 0) == (count == 1 ? 1 : 0.5));
    }
}

static void a_ring_without_harm_passes_with_a_quorum_and_not_before(void **state)
{
    (void)state;
    struct stage *t = begin(30, 1);
    report(t, 0, 26, OT_EVENT_CONFIRMED);
    assert_int_equal(rollout_gate(&t->r, 0).verdict, GATE_NOT_ENOUGH);
    report(t, 26, 1, OT_EVENT_CONFIRMED);
    struct rollout_gate gate = rollout_gate(&t->r, 0);
    assert_int_equal(gate.verdict, GATE_PASS);
    assert_true(gate.limit == gate_floor(27) && gate.upper == gate.limit); /* 10.5 %: 27 cannot show 10 % */
    report(t, 27, 3, OT_EVENT_CONFIRMED);
    assert_true(rollout_gate(&t->r, 0).limit == 0.1);
    tick(t);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_non_null(strstr(
        t->told, "0 of 30 devices were harmed: the failure rate is at most 9.5 %, the limit is 10.0 %"));
}

static void one_of_thirty_is_not_enough_evidence_and_one_of_46_is(void **state)
{
    (void)state;
    struct stage *t = begin(30, 1);
    report(t, 0, 29, OT_EVENT_CONFIRMED);
    report(t, 29, 1, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    tick(t);
    assert_int_equal(t->r.state, ROLLOUT_HELD);
    assert_non_null(strstr(t->r.reason, "1 of 30 devices was harmed: the failure rate may be up to 14.9 %"));
    assert_non_null(strstr(t->r.reason, "it takes 46 devices"));
    t = begin(46, 1);
    report(t, 0, 45, OT_EVENT_CONFIRMED);
    report(t, 45, 1, OT_EVENT_REVERTED);
    tick(t);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
}

static void it_halts_in_the_middle_of_a_ring_by_its_part_of_alpha(void **state)
{
    (void)state;
    struct stage *t = begin(100, 0); /* the only ring: all of alpha, 3 of 18 */
    report(t, 0, 15, OT_EVENT_CONFIRMED);
    report(t, 15, 2, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    report(t, 17, 1, OT_EVENT_FAILED);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_non_null(strstr(t->r.reason, "e-value 21.7, it halts at 20"));
    t = begin(100, 1); /* the first of two: half of it, 3 of 13 */
    report(t, 0, 15, OT_EVENT_CONFIRMED);
    report(t, 15, 3, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    t = begin(100, 1);
    report(t, 0, 10, OT_EVENT_CONFIRMED);
    report(t, 10, 3, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
}

static void harm_that_a_person_has_accepted_passes_and_one_more_halts(void **state)
{
    (void)state;
    struct rollout_sink sink = {.effect = listen};
    struct stage *t = begin(20, 1);
    sink.ctx = t;
    report(t, 0, 2, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    report(t, 2, 1, OT_EVENT_REVERTED); /* not offered any more */
    assert_int_equal(rollout_harmed(&t->r, 0), 2);
    assert_int_equal(rollout_resume(&t->r, "a bad batch", 1000, &sink), 0);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    report(t, 2, 18, OT_EVENT_CONFIRMED);
    assert_int_equal(rollout_gate(&t->r, 0).verdict, GATE_PASS);
    tick(t);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
    assert_non_null(strstr(t->told, "2 of 20 devices were harmed, which a person has accepted"));
    report(t, 3, 1, OT_EVENT_LATE_REVERT);
    report(t, 4, 1, OT_EVENT_LATE_REVERT);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
}

static void a_limit_of_100_percent_is_no_limit(void **state)
{
    (void)state;
    struct stage *t = begin(20, 1);
    t->r.plan.max_failure_percent = 100;
    report(t, 0, 20, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    tick(t);
    assert_int_equal(t->r.rings[0].state, RING_PASSED);
}

static void a_limit_must_be_one_that_some_ring_can_show(void **state)
{
    char err[300] = "";
    uint32_t members[ROLLOUT_RINGS_MAX] = {5, 30, 20};
    struct rollout_plan plan = rollout_plan_default();
    (void)state;
    plan.rings.count = 3;
    plan.max_failure_percent = 9;
    assert_int_equal(rollout_plan_check_reach(&plan, members, err, sizeof err), 0); /* nobody asked for it */
    plan.limit_is_chosen = true;
    assert_int_equal(rollout_plan_check_reach(&plan, members, err, sizeof err), -1);
    assert_non_null(
        strstr(err, "the largest ring has 30 devices, which cannot see a failure rate below 9.5 %"));
    strcpy(plan.override_reason, "we watch the bench");
    assert_int_equal(rollout_plan_check_reach(&plan, members, err, sizeof err), 0);
    plan.override_reason[0] = '\0';
    plan.max_failure_percent = 10;
    assert_int_equal(rollout_plan_check_reach(&plan, members, err, sizeof err), 0);
}

static void what_is_tolerated_is_a_fifth_of_the_limit_unless_chosen(void **state)
{
    struct rollout_plan plan = rollout_plan_default();
    (void)state;
    assert_true(rollout_plan_tolerated(&plan) == 0.02);
    plan.max_failure_percent = 1;
    assert_true(rollout_plan_tolerated(&plan) == GATE_TOLERATED_MIN);
    plan.tolerated_failure = 100;
    assert_true(rollout_plan_tolerated(&plan) == 0.01);
    plan.max_failure_percent = 100;
    assert_true(rollout_plan_tolerated(&plan) == 1);
}

/* `common` devices of one kind, which are well, and 20 of another, behind them. */
static struct stage *begin_kinds(uint32_t common, struct rollout_stratum kinds[2])
{
    struct stage *t = begin(common + 20, 1);
    memset(kinds, 0, 2 * sizeof *kinds);
    kinds[0].name = "hw_rev=1";
    kinds[1].name = "hw_rev=2";
    for (uint32_t i = common; i < common + 20; i++)
        t->members[i].stratum = 1;
    t->members[common + 20].stratum = STRATA_NONE;
    t->r.strata = kinds;
    t->r.stratum_count = 2;
    rollout_prepare(&t->r);
    return t;
}

/* Three of three: 0.2 / 2 * E(3 of 3) = 57, and the first ring of two halts at 40. Of all 93 they are few. */
static void a_kind_that_all_fail_halts_while_the_rest_is_well(void **state)
{
    struct rollout_stratum kinds[2];
    (void)state;
    struct stage *t = begin_kinds(90, kinds);
    report(t, 0, 90, OT_EVENT_CONFIRMED);
    report(t, 90, 2, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    report(t, 92, 1, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_non_null(strstr(t->r.reason, "3 of 93 devices were harmed (3 of 3 of hw_rev=2), and 2.0 %"));
    t = begin(110, 1); /* nothing is known of kinds */
    report(t, 0, 90, OT_EVENT_CONFIRMED);
    report(t, 90, 3, OT_EVENT_REVERTED);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
}

/* By hand: E(3 of 10) is 83.58, E(3 of 5) and E(0 of 5) are 292.55 and 0.643. */
static void evidence_of_kinds_is_a_fifth_of_all(void **state)
{
    struct rollout_stratum kinds[2];
    (void)state;
    struct stage *t = begin_kinds(5, kinds);
    report(t, 0, 5, OT_EVENT_CONFIRMED);
    report(t, 5, 2, OT_EVENT_CONFIRMED);
    t->r.plan.max_failure_percent = 10;
    kinds[1].harmed[0] = 3;
    kinds[1].resolved[0] = 5;
    t->r.rings[0].counts[ATTEMPT_REVERTED] = 3;
    struct rollout_gate g = rollout_gate(&t->r, 0);
    assert_true(fabs(exp(g.log_e) - (0.8 * 83.58 + 0.1 * 292.55 + 0.1 * 0.643)) < 0.01);
    assert_string_equal(g.kind, "hw_rev=2");
    assert_int_equal(g.kind_harmed, 3);
    assert_int_equal(g.kind_resolved, 5);
}

static double draw(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* One ring of 100 of four kinds (60, 25, 10, 5 %), 5 in flight and doubling; all fail with the same chance. Harmed. */
static uint32_t play_ring(uint64_t *random, double fails, uint32_t kinds_known, bool *halted)
{
    static const uint8_t kind_of[20] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3};
    struct rollout_stratum kinds[4] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
    uint32_t harmed = 0;
    struct stage *t = begin(100, 0);
    t->r.plan.in_flight = 5;
    t->r.rings[0].bound = 5;
    for (uint32_t i = 0; i < 100; i++)
        t->members[i].stratum = kind_of[i % 20];
    t->r.strata = kinds;
    t->r.stratum_count = kinds_known;
    rollout_prepare(&t->r);
    for (uint32_t from = 0, to; from < 100 && t->r.state == ROLLOUT_RUNNING; from = to) {
        to = from + t->r.rings[0].bound < 100 ? from + t->r.rings[0].bound : 100;
        struct rollout_sink sink = {.ctx = t, .effect = listen};
        for (uint32_t m = from; m < to; m++)
            rollout_offer(&t->r, m, 1 + m, 1000, &sink);
        for (uint32_t m = from; m < to; m++) {
            bool fails_now = draw(random) < fails;
            harmed += fails_now;
            rollout_event(&t->r, m, OT_EVENT_SWITCHING, OT_OK, false, 1000, &sink); /* none is called back */
            rollout_event(&t->r, m, fails_now ? OT_EVENT_REVERTED : OT_EVENT_CONFIRMED, OT_OK, !fails_now,
                          1000, &sink);
        }
        rollout_tick(&t->r, 2000, &sink);
    }
    *halted = t->r.state == ROLLOUT_HALTED;
    t->r.strata = NULL;
    t->r.stratum_count = 0;
    return harmed;
}

/* What docs/gates.md says that kinds cost, and the promises that hold with them, too. */
static void kinds_cost_little_where_all_fail_alike(void **state)
{
    static const double fails[] = {0.01, 0.02, 0.1, 0.3}, most[] = {2, 5, 100, 100}, harm[] = {2, 3, 7, 4};
    (void)state;
    for (unsigned f = 0; f < 4; f++) {
        double harmed[2] = {0}, halts[2] = {0};
        for (uint32_t known = 0; known < 2; known++) {
            uint64_t random = 7;
            for (unsigned n = 0; n < 2000; n++) {
                bool halted;
                harmed[known] += play_ring(&random, fails[f], 4 * known, &halted) / 2000.0;
                halts[known] += halted / 20.0;
            }
        }
        print_message("%4.0f %% fail: %.2f harmed, %.1f %% halted; without kinds %.2f and %.1f %%\n",
                      100 * fails[f], harmed[1], halts[1], harmed[0], halts[0]);
        assert_true(halts[1] <= most[f] && harmed[1] <= harm[f]);
        assert_true(harmed[1] <= 1.1 * harmed[0] + 0.1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_alpha_add_up_to_one),
        cmocka_unit_test(a_ring_without_harm_passes_with_a_quorum_and_not_before),
        cmocka_unit_test(one_of_thirty_is_not_enough_evidence_and_one_of_46_is),
        cmocka_unit_test(it_halts_in_the_middle_of_a_ring_by_its_part_of_alpha),
        cmocka_unit_test(a_kind_that_all_fail_halts_while_the_rest_is_well),
        cmocka_unit_test(evidence_of_kinds_is_a_fifth_of_all),
        cmocka_unit_test(kinds_cost_little_where_all_fail_alike),
        cmocka_unit_test(harm_that_a_person_has_accepted_passes_and_one_more_halts),
        cmocka_unit_test(a_limit_of_100_percent_is_no_limit),
        cmocka_unit_test(a_limit_must_be_one_that_some_ring_can_show),
        cmocka_unit_test(what_is_tolerated_is_a_fifth_of_the_limit_unless_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
