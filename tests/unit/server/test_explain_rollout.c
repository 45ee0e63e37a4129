/* What a rollout and its rings are said to wait for, in every state: tests/golden/explain_rollout.txt. */
#include "rollout/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 24u

/* Four named devices, twenty others; time in milliseconds. */
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

static void created(struct stage *t)
{
    char err[100];
    memset(t, 0, sizeof *t);
    t->r.id = 7;
    t->r.poll_s = 3600;
    t->now_ms = 1000;
    t->r.plan = rollout_plan_default();
    assert_int_equal(ring_plan_add(&t->r.plan.rings, "internal", err, sizeof err), 0);
    assert_int_equal(ring_plan_add(&t->r.plan.rings, "rest", err, sizeof err), 0);
    t->r.members = t->members;
    t->r.member_count = DEVICES;
    for (uint32_t i = 4; i < DEVICES; i++)
        t->members[i].ring = 1;
    rollout_prepare(&t->r);
}

static void started(struct stage *t)
{
    created(t);
    assert_int_equal(rollout_start(&t->r, t->now_ms, &nobody), 0);
}

static void answer(struct stage *t, uint32_t from, uint32_t count, enum ot_event_kind kind)
{
    for (uint32_t i = from; i < from + count; i++) {
        if (rollout_may_offer(&t->r, i) != ROLLOUT_OFFER)
            return;
        rollout_offer(&t->r, i, 100 + i, t->now_ms, &nobody);
        rollout_event(&t->r, i, kind, OT_OK, kind == OT_EVENT_CONFIRMED, t->now_ms, &nobody);
    }
    rollout_tick(&t->r, t->now_ms, &nobody);
}

static void under_way(struct stage *t)
{
    started(t);
    answer(t, 0, 2, OT_EVENT_CONFIRMED);
    answer(t, 2, 1, OT_EVENT_DOWNLOADING);
}

static void soaking(struct stage *t)
{
    started(t);
    answer(t, 0, 4, OT_EVENT_CONFIRMED);
}

static void hours_later(struct stage *t, unsigned hours)
{
    struct rollout_counters none = {.of = {0}};
    for (; hours > 0; hours--) {
        t->now_ms += 3600000;
        for (uint32_t i = 0; i < DEVICES; i++)
            rollout_seen(&t->r, i, t->members[i].state == ATTEMPT_CONFIRMED, &none, t->now_ms, &nobody);
        rollout_tick(&t->r, t->now_ms, &nobody);
    }
}

static void second_ring(struct stage *t)
{
    soaking(t);
    hours_later(t, 24);
    answer(t, 4, 5, OT_EVENT_DOWNLOADING);
}

static void halted(struct stage *t)
{
    started(t);
    answer(t, 0, 4, OT_EVENT_REVERTED);
}

static void held(struct stage *t)
{
    started(t);
    t->now_ms += 1000ull * rollout_plan_decide_by_s(&t->r.plan);
    rollout_tick(&t->r, t->now_ms, &nobody);
}

static void paused(struct stage *t)
{
    under_way(t);
    assert_int_equal(rollout_pause(&t->r, "lunch", &nobody), 0);
}

static void finished(struct stage *t)
{
    soaking(t);
    hours_later(t, 24);
    t->r.rings[1].bound = DEVICES;
    answer(t, 4, DEVICES - 4, OT_EVENT_CONFIRMED);
    hours_later(t, 24);
}

static void aborted(struct stage *t)
{
    under_way(t);
    assert_int_equal(rollout_abort(&t->r, "wrong build", t->now_ms, &nobody), 0);
}

static void recalled(struct stage *t)
{
    finished(t);
    assert_int_equal(rollout_recall(&t->r, "it eats batteries", t->now_ms, &nobody), 0);
}

static const struct {
    const char *name;
    void (*make)(struct stage *t);
} stages[] = {{"created", created}, {"started", started},         {"under way", under_way},
              {"soaking", soaking}, {"second ring", second_ring}, {"halted", halted},
              {"held", held},       {"paused", paused},           {"finished", finished},
              {"aborted", aborted}, {"recalled", recalled}};

static void every_state_says_what_it_waits_for(void **state)
{
    static char got[16384], want[16384];
    char text[600];
    size_t at = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        struct stage t;
        stages[i].make(&t);
        assert_null(rollout_check(&t.r));
        rollout_explain_all(&t.r, text, sizeof text);
        at += (size_t)snprintf(got + at, sizeof got - at, "%s\t%s\n", stages[i].name, text);
        for (uint32_t k = 0; k < t.r.plan.rings.count; k++) {
            rollout_explain_ring(&t.r, k, text, sizeof text);
            at += (size_t)snprintf(got + at, sizeof got - at, "\tring %s\t%s\t%s\n",
                                   t.r.plan.rings.rings[k].name, ring_state_name(t.r.rings[k].state), text);
        }
    }
    FILE *f = fopen(OTARIA_SOURCE_DIR "/tests/golden/explain_rollout.txt", "r");
    assert_non_null(f);
    want[fread(want, 1, sizeof want - 1, f)] = '\0';
    fclose(f);
    if (strcmp(got, want) != 0)
        fputs(got, stdout);
    assert_string_equal(got, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_state_says_what_it_waits_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
