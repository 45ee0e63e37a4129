/* What a ring is known by beside those that wait survives the database to the last bit. */
#include "fleet/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rollout_plan plan_of(const char *metric)
{
    char err[200];
    struct rollout_plan plan = rollout_plan_default();
    assert_int_equal(rollout_metrics_add(&plan.metrics, metric, err, sizeof err), 0);
    return plan;
}

static void evidence_comes_back_as_it_was(void **state)
{
    (void)state;
    static struct rollout_ring ring, got;
    struct rollout_plan plan = plan_of("heap_floor:lower_is_worse");
    ring.rates = (struct watch_counts){{3, 0}, {17, 1000000}, {0.1, 1e6 / 3}};
    ring.end.looks = RING_END_LOOKED_OUT_OF_TIME | RING_END_LOOKED;
    ring.end.count = 4;
    for (uint32_t i = 0; i < 4; i++) {
        struct ring_end_gate *g = &ring.end.gates[i];
        g->kind = (enum ring_end_kind)i;
        g->verdict = (enum gate_verdict)(i % 3);
        g->below = 0.005 / 7;
        g->reported = i;
        g->wanted = 27;
        g->compared = (struct gate_compared){.p = 1e-300 * i,
                                             .strata = i,
                                             .canaries = 5,
                                             .controls = UINT32_MAX,
                                             .events = 1,
                                             .control_events = 2,
                                             .expected = 1.0 / 3,
                                             .median = -9007199254740991.0,
                                             .control_median = 0.1,
                                             .worse_part = 2.0 / 3};
    }
    char *text = fleet_evidence_to_text(&ring);
    assert_int_equal(fleet_evidence_from_text(text, &plan, &got), 0);
    assert_memory_equal(&ring.rates, &got.rates, sizeof got.rates);
    assert_memory_equal(&ring.end, &got.end, sizeof got.end);
    free(text);
}

static void a_ring_of_an_older_server_has_none_and_nonsense_is_refused(void **state)
{
    (void)state;
    static struct rollout_ring got;
    struct rollout_plan plan = plan_of("heap_floor:lower_is_worse");
    got.end.count = 1;
    assert_int_equal(fleet_evidence_from_text("", &plan, &got), 0);
    assert_true(got.end.count == 0 && got.end.looks == 0);
#define RATES "{\"rates\":[{},{}],\"looks\":1,\"gates\":"
    assert_int_equal(fleet_evidence_from_text(RATES "[]}", &plan, &got), 0);
    assert_int_equal(fleet_evidence_from_text(RATES "[{\"kind\":\"silent\"}]}", &plan, &got), 0);
    assert_int_equal(fleet_evidence_from_text(RATES "[{\"kind\":\"luck\"}]}", &plan, &got), -1);
    assert_int_equal(fleet_evidence_from_text(RATES "[{\"kind\":\"silent\",\"verdict\":3}]}", &plan, &got),
                     -1);
    assert_int_equal(fleet_evidence_from_text(RATES "[{\"kind\":\"metric\",\"metric\":1}]}", &plan, &got),
                     -1);
    assert_int_equal(fleet_evidence_from_text(RATES "[{},{},{},{},{},{},{},{}]}", &plan, &got), -1);
    assert_int_equal(fleet_evidence_from_text(RATES "7}", &plan, &got), -1);
    assert_int_equal(fleet_evidence_from_text("nonsense", &plan, &got), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_comes_back_as_it_was),
        cmocka_unit_test(a_ring_of_an_older_server_has_none_and_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
