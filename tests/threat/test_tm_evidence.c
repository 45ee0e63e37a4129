/*
 * Threat model, section I, on a fleet with its database: what counts as evidence. Devices that lie, that are offline, that
 * say it twice; images that change under a rollout.
 */
#include "fleet_world.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES_MAX 100u
#define POLL_MS     60000u
#define HOUR_S      3600u

static struct world_outside outside;

struct stage {
    struct temp_dir dir;
    struct fleet_world w;
    struct world_device devices[DEVICES_MAX];
    unsigned count;
};

/* So many devices, one ring, the release offered to all at once. */
static void begin(struct stage *s, unsigned count, uint32_t max_failure_percent)
{
    static const char *const rings[] = {"rest", NULL};
    struct error err;
    struct rollout_plan plan = world_plan(rings);
    temp_dir_make(&s->dir);
    s->count = count;
    plan.soak_s = HOUR_S;
    plan.in_flight = count;
    plan.quorum_percent = 90;
    plan.max_failure_percent = max_failure_percent;
    assert_int_equal(fleet_world_open(&s->w, &outside, s->dir.path, &err), 0);
    assert_int_equal(
        fleet_world_product(&s->w) + fleet_world_token(&s->w, 1000, 0) + fleet_world_push(&s->w, 0), 0);
    for (unsigned i = 0; i < count; i++) {
        s->devices[i] = world_device(i);
        assert_int_equal(fleet_world_enrol(&s->w, &s->devices[i]), 0);
    }
    assert_int_equal(fleet_world_rollout(&s->w, "1.0.0", &plan) + fleet_world_act(&s->w, "start", "so"), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(fleet_world_check_in(&s->w, &s->devices[i], OT_ASK_OFFER, OT_EVENT_NONE), 0);
        assert_true(s->devices[i].reply.has_offer);
    }
}

static void end(struct stage *s)
{
    assert_null(fleet_world_check(&s->w));
    fleet_world_close(&s->w);
    temp_dir_remove(&s->dir);
}

static void say(struct stage *s, unsigned device, enum ot_event_kind kind)
{
    assert_int_equal(fleet_world_check_in(&s->w, &s->devices[device], OT_ASK_NOTHING, kind), 0);
}

/* Time goes by; devices from `from` on are heard of at every poll. */
static void poll_for(struct stage *s, uint64_t seconds, unsigned from)
{
    for (uint64_t ms = 0; ms < seconds * 1000u; ms += POLL_MS) {
        world_pass_ms(&outside, POLL_MS);
        for (unsigned i = from; i < s->count; i++)
            say(s, i, OT_EVENT_NONE);
        fleet_world_tick(&s->w);
    }
}

/* They say it and run something else: no success. Or say it, run it, and are never heard of again: no soak. */
static void tm_I01_a_success_needs_its_digest_and_a_later_poll(void **state)
{
    struct stage s;
    (void)state;
    begin(&s, 10, 30);
    for (unsigned i = 0; i < 10; i++) {
        struct ot_digest real = s.devices[i].target;
        if (i < 3)
            s.devices[i].target = s.devices[i].running; /* it says confirmed, with the old digest */
        say(&s, i, OT_EVENT_CONFIRMED);
        s.devices[i].target = real;
    }
    const struct rollout *r = fleet_world_newest(&s.w);
    assert_int_equal(r->rings[0].counts[ATTEMPT_CONFIRMED], 7);
    poll_for(&s, 2ull * HOUR_S, 0);
    assert_int_equal(r->rings[0].state, RING_ACTIVE);
    end(&s);
    begin(&s, 10, 30);
    for (unsigned i = 0; i < 10; i++)
        say(&s, i, OT_EVENT_CONFIRMED);
    r = fleet_world_newest(&s.w);
    poll_for(&s, 2ull * HOUR_S, 3); /* three of ten are never heard of again */
    assert_int_equal(rollout_soaked(r, 0), 7);
    assert_true(r->rings[0].state != RING_PASSED && r->state == ROLLOUT_RUNNING);
    end(&s);
}

struct names {
    unsigned lines;
    bool told[DEVICES_MAX];
};

static void on_line(void *ctx, const struct store_row *row)
{
    struct names *n = ctx;
    unsigned number = 0;
    if (strcmp(store_text(row, 2), "attempt") != 0 || sscanf(store_text(row, 4), "lamp-%u", &number) != 1)
        return;
    n->lines++;
    n->told[number % DEVICES_MAX] = true;
}

/* Five of a hundred say that it failed, ten times each: five devices are counted, named, and the ring does not pass. */
static void tm_I02_liars_count_once_each_and_are_named(void **state)
{
    static struct stage s;
    struct names names = {.lines = 0};
    struct error err;
    (void)state;
    begin(&s, DEVICES_MAX, 5);
    for (unsigned i = 0; i < DEVICES_MAX; i++) {
        for (unsigned again = 0; again < (i < 5 ? 10 : 1); again++)
            say(&s, i, i < 5 ? OT_EVENT_FAILED : OT_EVENT_CONFIRMED);
    }
    const struct rollout *r = fleet_world_newest(&s.w);
    poll_for(&s, HOUR_S + 600, 5);
    assert_int_equal(rollout_harmed(r, 0), 5);
    assert_true(r->state == ROLLOUT_HALTED || r->state == ROLLOUT_HELD);
    assert_int_equal(store_each(s.w.fleet->store, STORE_TIMELINE, on_line, &names, &err, (int64_t)r->id,
                                (int64_t)0, (int64_t)500),
                     0);
    assert_int_equal(names.lines, 5);
    for (unsigned i = 0; i < DEVICES_MAX; i++)
        assert_int_equal(names.told[i], i < 5);
    end(&s);
}

/* Half of them are offline during the soak: a gap counts for three polls at most, and the ring waits, but not for ever. */
static void tm_I04_offline_is_not_soak_and_no_deadlock(void **state)
{
    struct stage s;
    (void)state;
    begin(&s, 10, 30);
    for (unsigned i = 0; i < 10; i++)
        say(&s, i, OT_EVENT_CONFIRMED);
    const struct rollout *r = fleet_world_newest(&s.w);
    poll_for(&s, 3ull * HOUR_S, 5);
    for (unsigned i = 0; i < 5; i++)
        say(&s, i, OT_EVENT_NONE); /* back after three hours */
    fleet_world_tick(&s.w);
    assert_int_equal(rollout_soaked(r, 0), 5);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(r->members[i].soak_ms >= HOUR_S * 1000u || r->members[i].soak_ms == 3ull * POLL_MS);
    assert_int_equal(r->state, ROLLOUT_RUNNING);
    world_pass_ms(&outside, 1000ull * rollout_plan_decide_by_s(&r->plan));
    fleet_world_tick(&s.w);
    assert_true(r->state == ROLLOUT_HELD || r->state == ROLLOUT_HALTED);
    end(&s);
}

/* What was soaked is what is rolled out: a version's bytes never change, and soak on anything else does not count. */
static void tm_I17_nothing_changes_under_a_rollout(void **state)
{
    struct stage s;
    (void)state;
    begin(&s, 10, 30);
    for (unsigned i = 0; i < 10; i++)
        say(&s, i, OT_EVENT_CONFIRMED);
    assert_int_equal(fleet_world_push(&s.w, WORLD_OTHER), -1);
    assert_int_equal(s.w.refusal.status, 409);
    const struct rollout *r = fleet_world_newest(&s.w);
    for (unsigned i = 0; i < 10; i++)
        memset(s.devices[i].running.bytes, 0x77, sizeof s.devices[i].running.bytes); /* flashed by hand */
    poll_for(&s, 2ull * HOUR_S, 0);
    assert_int_equal(rollout_soaked(r, 0), 0);
    assert_true(r->rings[0].state != RING_PASSED);
    end(&s);
}

static int set_up(void **state)
{
    (void)state;
    world_outside_make(&outside);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_outside_free(&outside);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_I01_a_success_needs_its_digest_and_a_later_poll),
        cmocka_unit_test(tm_I02_liars_count_once_each_and_are_named),
        cmocka_unit_test(tm_I04_offline_is_not_soak_and_no_deadlock),
        cmocka_unit_test(tm_I17_nothing_changes_under_a_rollout),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
