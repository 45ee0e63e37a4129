/* A device that says "confirmed" and is never heard of again: harm while it stays so, for as long as its soak is asked for. */
#include "rollout/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 20u
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

/* One ring of twenty, all confirmed an hour after the start; a day of soak, half a day of silence. */
static struct stage *begin(void)
{
    static struct stage t;
    char err[200];
    memset(&t, 0, sizeof t);
    t.r.plan = rollout_plan_default();
    t.r.plan.in_flight = DEVICES;
    t.r.poll_s = 3600;
    assert_int_equal(ring_plan_add(&t.r.plan.rings, "rest", err, sizeof err), 0);
    t.r.members = t.members;
    t.r.member_count = DEVICES;
    rollout_prepare(&t.r);
    assert_int_equal(rollout_start(&t.r, t.now_ms, &nobody), 0);
    t.now_ms += HOUR_MS;
    for (uint32_t i = 0; i < DEVICES; i++) {
        rollout_offer(&t.r, i, 1 + i, t.now_ms, &nobody);
        rollout_event(&t.r, i, OT_EVENT_CONFIRMED, OT_OK, true, t.now_ms, &nobody);
    }
    return &t;
}

static void hour(struct stage *t, uint32_t from, bool runs_target)
{
    static const struct rollout_counters none = {.of = {0}};
    t->now_ms += HOUR_MS;
    for (uint32_t i = from; i < DEVICES; i++)
        rollout_seen(&t->r, i, runs_target, &none, t->now_ms, &nobody);
    rollout_tick(&t->r, t->now_ms, &nobody);
    assert_null(rollout_check(&t->r));
}

static void success_and_death_halts(void **state)
{
    (void)state;
    struct stage *t = begin();
    for (unsigned i = 0; i < 11; i++)
        hour(t, 4, true);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
    assert_int_equal(rollout_harmed(&t->r, 0), 0);
    hour(t, 4, true); /* twelve hours */
    assert_int_equal(rollout_harmed(&t->r, 0), 4);
    assert_int_equal(t->r.state, ROLLOUT_HALTED);
    assert_non_null(strstr(t->r.reason, "harmed"));
}

static void a_device_that_is_back_is_no_harm(void **state)
{
    (void)state;
    struct stage *t = begin();
    for (unsigned i = 0; i < 12; i++)
        hour(t, 1, true);
    assert_int_equal(t->members[0].state, ATTEMPT_SILENT);
    hour(t, 0, true);
    assert_int_equal(t->members[0].state, ATTEMPT_CONFIRMED);
    assert_int_equal(t->members[0].soak_ms, 3 * HOUR_MS); /* no more than three polls for all that time */
    assert_int_equal(rollout_harmed(&t->r, 0), 0);
    assert_int_equal(t->r.state, ROLLOUT_RUNNING);
}

static void one_that_is_back_with_another_image_stays_harm(void **state)
{
    (void)state;
    struct stage *t = begin();
    for (unsigned i = 0; i < 12; i++)
        hour(t, 1, true);
    static const struct rollout_counters none = {.of = {0}};
    rollout_seen(&t->r, 0, false, &none, t->now_ms, &nobody);
    rollout_seen(&t->r, 0, true, &none, t->now_ms, &nobody);
    assert_int_equal(t->members[0].state, ATTEMPT_SILENT);
    rollout_event(&t->r, 0, OT_EVENT_LATE_REVERT, OT_OK, false, t->now_ms, &nobody);
    assert_int_equal(t->members[0].state, ATTEMPT_REVERTED);
    assert_null(rollout_check(&t->r));
}

static void nobody_is_missed_after_the_soak(void **state)
{
    (void)state;
    struct stage *t = begin();
    for (unsigned i = 0; i < 24; i++)
        hour(t, 0, true);
    assert_int_equal(t->r.state, ROLLOUT_FINISHED);
    for (unsigned i = 0; i < 48; i++)
        hour(t, DEVICES, true);
    assert_int_equal(rollout_harmed(&t->r, 0), 0);
    assert_int_equal(t->r.state, ROLLOUT_FINISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_and_death_halts),
        cmocka_unit_test(a_device_that_is_back_is_no_harm),
        cmocka_unit_test(one_that_is_back_with_another_image_stays_harm),
        cmocka_unit_test(nobody_is_missed_after_the_soak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
