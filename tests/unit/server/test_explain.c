/* One answer to "why is it (not) updating?", in every situation of tests/golden/explain.txt. */
#include "rollout/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A rollout of two rings, the first open, with a device of each; a third device where a situation wants it. */
struct stage {
    struct rollout r;
    struct rollout_member members[3];
    struct rollout_situation s;
};

static void ignore(void *ctx, const struct rollout_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static const struct rollout_sink nobody = {.effect = ignore};

static void set(struct stage *t, enum attempt_state state, enum ot_status reason)
{
    t->members[0].state = state;
    t->members[0].reason = reason;
    t->members[0].attempt = state == ATTEMPT_NONE ? 0 : 41;
    rollout_prepare(&t->r);
}

static void begin(struct stage *t)
{
    char err[100];
    memset(t, 0, sizeof *t);
    t->r.id = 7;
    t->r.poll_s = 14400;
    t->r.plan = rollout_plan_default();
    assert_int_equal(ring_plan_add(&t->r.plan.rings, "10%", err, sizeof err), 0);
    assert_int_equal(ring_plan_add(&t->r.plan.rings, "rest", err, sizeof err), 0);
    t->r.members = t->members;
    t->r.member_count = 2;
    t->members[1].ring = 1;
    rollout_prepare(&t->r);
    t->s =
        (struct rollout_situation){.has_checked_in = true, .rollout = &t->r, .version = "1.1.0", .place = -1};
}

static void started(struct stage *t)
{
    assert_int_equal(rollout_start(&t->r, 1000, &nobody), 0);
}

static void never_seen(struct stage *t)
{
    t->s.has_checked_in = false;
}
static void no_rollout(struct stage *t)
{
    t->s.rollout = NULL;
}
static void not_started(struct stage *t)
{
    t->s.rollout = NULL;
    t->s.has_unstarted = true;
}
static void next_offer(struct stage *t)
{
    started(t);
}
static void second_ring(struct stage *t)
{
    started(t);
    t->s.member = 1;
}
static void bound(struct stage *t)
{
    started(t);
    t->members[1].ring = 0;
    t->members[1].state = ATTEMPT_DOWNLOADING;
    t->members[1].attempt = 40;
    t->r.rings[0].bound = 1;
    rollout_prepare(&t->r);
}
static void state_of(struct stage *t, enum attempt_state s, enum ot_status why)
{
    started(t);
    set(t, s, why);
}
static void offered(struct stage *t)
{
    state_of(t, ATTEMPT_OFFERED, OT_OK);
}
static void downloading(struct stage *t)
{
    state_of(t, ATTEMPT_DOWNLOADING, OT_OK);
}
static void switching(struct stage *t)
{
    state_of(t, ATTEMPT_SWITCHING, OT_OK);
}
static void booted(struct stage *t)
{
    state_of(t, ATTEMPT_BOOTED, OT_OK);
    t->s.runs_release = true;
}
static void withdrawn(struct stage *t)
{
    state_of(t, ATTEMPT_WITHDRAWN, OT_OK);
}
static void failed(struct stage *t)
{
    state_of(t, ATTEMPT_FAILED, OT_E_KEY_UNKNOWN);
}
static void reverted(struct stage *t)
{
    state_of(t, ATTEMPT_REVERTED, OT_OK);
    t->s.check = "wifi";
}
static void silent(struct stage *t)
{
    state_of(t, ATTEMPT_SILENT, OT_OK);
    t->s.unheard_s = 3 * 86400;
}
static void no_fallback(struct stage *t)
{
    state_of(t, ATTEMPT_NO_FALLBACK, OT_OK);
}
static void soaking(struct stage *t)
{
    state_of(t, ATTEMPT_CONFIRMED, OT_OK);
    t->members[0].soak_ms = 7200000;
    t->s.runs_release = true;
}
static void soaked(struct stage *t)
{
    soaking(t);
    t->members[0].soak_ms = 86400000;
}
static void flashed(struct stage *t)
{
    state_of(t, ATTEMPT_CONFIRMED, OT_OK);
}
static void paused(struct stage *t)
{
    started(t);
    assert_int_equal(rollout_pause(&t->r, "lunch", &nobody), 0);
}
static void paused_midway(struct stage *t)
{
    downloading(t);
    assert_int_equal(rollout_pause(&t->r, "lunch", &nobody), 0);
}
static void halted(struct stage *t)
{
    t->members[1].ring = 0;
    state_of(t, ATTEMPT_SWITCHING, OT_OK);
    t->members[1].state = ATTEMPT_SWITCHING;
    t->members[2] = (struct rollout_member){.ring = 1};
    t->r.member_count = 3;
    rollout_prepare(&t->r);
    for (uint32_t i = 0; i < 2; i++)
        rollout_event(&t->r, i, OT_EVENT_REVERTED, OT_OK, false, 2000, &nobody);
    t->s.member = 2;
}
static void undecided(struct stage *t)
{
    state_of(t, ATTEMPT_SWITCHING, OT_OK);
    rollout_event(&t->r, 0, OT_EVENT_REVERTED, OT_OK, false, 2000, &nobody);
    rollout_tick(&t->r, 3000, &nobody);
    t->s.member = 1;
}
static void held(struct stage *t)
{
    started(t);
    rollout_tick(&t->r, 1000 + 1000ull * rollout_plan_decide_by_s(&t->r.plan), &nobody);
}
static void no_place(struct stage *t)
{
    started(t);
    t->s.member = -1;
}
static void left_out(struct stage *t)
{
    no_place(t);
    t->s.is_left_out = true;
    snprintf(t->r.plan.filter, sizeof t->r.plan.filter, "attr.region = eu");
}
static void joins(struct stage *t)
{
    started(t);
    t->s.member = -1;
    t->s.place = 1;
}
static void joins_paused(struct stage *t)
{
    paused(t);
    t->s.member = -1;
    t->s.place = 1;
}
static void fit(struct stage *t, enum ot_status why)
{
    started(t);
    t->s.fit = why;
}
static void chip(struct stage *t)
{
    fit(t, OT_E_IMAGE_CHIP);
}
static void hardware(struct stage *t)
{
    fit(t, OT_E_WRONG_HARDWARE);
}
static void slot(struct stage *t)
{
    fit(t, OT_E_SLOT_SIZE);
}
static void below_floor(struct stage *t)
{
    fit(t, OT_E_BELOW_FLOOR);
}
static void counter(struct stage *t)
{
    fit(t, OT_E_SECURE_VERSION);
}
static void key(struct stage *t)
{
    fit(t, OT_E_KEY_UNKNOWN);
}
static void too_old(struct stage *t)
{
    started(t);
    t->r.plan.min_source = 5;
    t->s.source = 3;
    t->s.source_version = "1.0.0";
    t->s.min_version = "1.0.5";
}
static void source_unknown(struct stage *t)
{
    too_old(t);
    t->s.source = 0;
    t->s.source_version = t->s.min_version = NULL;
}
static void too_new(struct stage *t)
{
    started(t);
    t->r.plan.max_source = 5;
    t->s.source = 6;
}
static void too_old_under_way(struct stage *t)
{
    too_old(t);
    set(t, ATTEMPT_DOWNLOADING, OT_OK);
}
static void step(struct stage *t)
{
    started(t);
    t->s.step_to = "2.0.0";
}
static void ended(struct stage *t,
                  int (*end)(struct rollout *, const char *, uint64_t, const struct rollout_sink *),
                  const char *reason)
{
    started(t);
    assert_int_equal(end(&t->r, reason, 2000, &nobody), 0);
}
static void aborted(struct stage *t)
{
    ended(t, rollout_abort, "wrong build");
}
static void superseded(struct stage *t)
{
    ended(t, rollout_abort, "superseded by a newer rollout");
}
static void recalled(struct stage *t)
{
    ended(t, rollout_recall, "it eats batteries");
}
static void recalled_under_way(struct stage *t)
{
    downloading(t);
    assert_int_equal(rollout_recall(&t->r, "it eats batteries", 2000, &nobody), 0);
}
/* The rollout that brings 1.0.0 back to those that took 1.1.0. */
static void recall(struct stage *t)
{
    started(t);
    t->s.version = "1.0.0";
    t->s.recalled = "1.1.0";
    t->s.runs_recalled = true;
}
static void goes_back(struct stage *t)
{
    recall(t);
}
static void goes_back_below_floor(struct stage *t)
{
    recall(t);
    t->s.fit = OT_E_BELOW_FLOOR;
    t->s.floor = 6;
}
static void goes_back_below_counter(struct stage *t)
{
    recall(t);
    t->s.fit = OT_E_SECURE_VERSION;
}
static void goes_back_elsewhere(struct stage *t)
{
    recall(t);
    t->s.fit = OT_E_SLOT_SIZE;
}
static void never_took_it(struct stage *t)
{
    recall(t);
    t->s.runs_recalled = false;
    t->s.member = -1;
}
static void still_tries_it(struct stage *t)
{
    recall(t);
    t->s.tries_recalled = true;
    t->s.runs_recalled = false;
    t->s.runs_release = true; /* it has said that it switches, and not yet done it */
}
static void comes_late_with_it(struct stage *t)
{
    recall(t);
    t->s.member = -1;
    t->s.place = 1;
}
static void went_back(struct stage *t)
{
    recall(t);
    set(t, ATTEMPT_CONFIRMED, OT_OK);
    t->members[0].soak_ms = 86400000;
    t->s.runs_recalled = false;
    t->s.runs_release = true;
}
static void offline(struct stage *t)
{
    started(t);
    t->s.unheard_s = 100000;
}

static const struct {
    const char *name;
    void (*make)(struct stage *t);
} situations[] = {{"enrolled only", never_seen},
                  {"no rollout", no_rollout},
                  {"rollout not started", not_started},
                  {"its turn", next_offer},
                  {"its turn, but offline", offline},
                  {"later ring", second_ring},
                  {"bound reached", bound},
                  {"offered", offered},
                  {"downloading", downloading},
                  {"switching", switching},
                  {"on probation", booted},
                  {"lease over", withdrawn},
                  {"soaking", soaking},
                  {"soaked", soaked},
                  {"flashed by hand", flashed},
                  {"failed", failed},
                  {"reverted", reverted},
                  {"silent", silent},
                  {"no way back", no_fallback},
                  {"paused", paused},
                  {"paused under way", paused_midway},
                  {"halted", halted},
                  {"held", held},
                  {"held, all have answered", undecided},
                  {"came later", joins},
                  {"came later, paused", joins_paused},
                  {"no ring", no_place},
                  {"left out by the filter", left_out},
                  {"other chip", chip},
                  {"other hardware", hardware},
                  {"slot too small", slot},
                  {"below its floor", below_floor},
                  {"below its counter", counter},
                  {"unknown key", key},
                  {"source too old", too_old},
                  {"source unknown", source_unknown},
                  {"source too new", too_new},
                  {"source too old, under way", too_old_under_way},
                  {"a step on the way", step},
                  {"aborted", aborted},
                  {"superseded", superseded},
                  {"recalled", recalled},
                  {"recalled under way", recalled_under_way},
                  {"goes back", goes_back},
                  {"recall, below its floor", goes_back_below_floor},
                  {"recall, below its counter", goes_back_below_counter},
                  {"recall, does not fit", goes_back_elsewhere},
                  {"recall, never took it", never_took_it},
                  {"recall, still trying it", still_tries_it},
                  {"recall, came late with it", comes_late_with_it},
                  {"recall, went back", went_back}};

static void every_situation_has_the_answer_of_the_golden_file(void **state)
{
    static char got[16384], want[16384];
    size_t at = 0;
    char text[500];
    (void)state;
    for (unsigned i = 0; i < sizeof situations / sizeof situations[0]; i++) {
        struct stage t;
        begin(&t);
        situations[i].make(&t);
        enum rollout_why why = rollout_explain(&t.s, text, sizeof text);
        at += (size_t)snprintf(got + at, sizeof got - at, "%s\t%s\t%s\n", situations[i].name,
                               rollout_why_name(why), text);
    }
    FILE *f = fopen(OTARIA_SOURCE_DIR "/tests/golden/explain.txt", "r");
    assert_non_null(f);
    want[fread(want, 1, sizeof want - 1, f)] = '\0';
    fclose(f);
    if (strcmp(got, want) != 0)
        fputs(got, stdout);
    assert_string_equal(got, want);
}

/* What a person is told and what a check-in does is one function: an offer is promised exactly where the engine allows it. */
static void an_offer_is_promised_exactly_when_the_engine_allows_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof situations / sizeof situations[0]; i++) {
        struct stage t;
        begin(&t);
        situations[i].make(&t);
        enum rollout_why why = rollout_decide(&t.s);
        bool allowed = t.s.rollout != NULL && t.s.has_checked_in && t.s.member >= 0 && t.s.fit == OT_OK &&
                       !t.s.runs_release && !t.s.tries_recalled &&
                       rollout_plan_source(&t.r.plan, t.s.source) == 0 &&
                       (t.s.recalled == NULL || t.s.runs_recalled) &&
                       rollout_may_offer(&t.r, (uint32_t)t.s.member) == ROLLOUT_OFFER;
        assert_int_equal(allowed, why == WHY_OFFERED_NEXT || why == WHY_OFFERED_AGAIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_the_answer_of_the_golden_file),
        cmocka_unit_test(an_offer_is_promised_exactly_when_the_engine_allows_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
