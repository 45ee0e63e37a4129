/*
 * Threat model, section I, on a whole fleet with its database, under clocks of the test's own: clocks that jump, a server
 * that is down, everybody coming at once, and what one person may do and is remembered for.
 */
#include "fleet/fleet.h"
#include "image_support.h"
#include "otaria/otadata.h"
#include "rollout/verdict.h"
#include "sign_support.h"
#include "temp_dir.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 12u
#define HERD    3000u
#define POLL_S  600u
#define HOUR_MS 3600000u
#define DAY_MS  86400000
#define SOAK_S  14400u

struct stage {
    struct temp_dir dir;
    struct fleet *f;
    struct fleet_product *p;
    struct fleet_rollout *r;
    uint64_t mono_ms;
    int64_t wall_ms;
    uint8_t chance;
    uint32_t count;
    struct ot_wire_check_in facts[HERD];
    uint32_t seq[HERD];
};

static struct sign_key *key;
static struct stage stage;

/* --- outside --- */

static uint64_t mono(void *ctx)
{
    return ((struct stage *)ctx)->mono_ms;
}

static int64_t wall(void *ctx)
{
    return ((struct stage *)ctx)->wall_ms;
}

static int some(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = ++((struct stage *)ctx)->chance;
    return 0;
}

static void open_fleet(struct stage *t)
{
    struct error err;
    struct fleet_outside outside = {.ctx = t, .mono_ms = mono, .wall_ms = wall, .random = some};
    t->f = fleet_open(t->dir.path, POLL_S, &outside, &err);
    assert_non_null(t->f);
    t->p = fleet_product(t->f, "lamp");
    t->r = t->p != NULL && t->p->rollout_count > 0 ? t->p->rollouts[t->p->rollout_count - 1] : NULL;
}

static void later(struct stage *t, uint64_t ms)
{
    t->mono_ms += ms;
    t->wall_ms += (int64_t)ms;
    fleet_tick(t->f);
}

/* --- a product, two releases, devices --- */

static struct fleet_release *push(struct stage *t, const char *version, uint32_t release)
{
    struct ot_descriptor desc = {.release = release, .hardware_revisions = 1};
    struct image_spec spec = {
        .chip_id = 5, .project = "lamp", .version = version, .descriptor = &desc, .seed = release};
    struct fleet_refusal refusal;
    struct fleet_release *out = NULL;
    uint32_t plain_size, size;
    bool created;
    uint8_t *plain = image_make(&spec, &plain_size), *file = sign_file(plain, plain_size, &key, 1, &size);
    struct fleet_push what = {.product = "lamp", .bytes = file, .len = size};
    if (fleet_release_push(t->f, "test", &what, &out, &created, &refusal, NULL, NULL) != 0)
        fail_msg("%s", refusal.message);
    free(plain);
    free(file);
    return out;
}

static void runs(struct stage *t, uint32_t i, const struct fleet_release *release)
{
    struct ot_wire_slot *slot = &t->facts[i].running;
    slot->present = true;
    slot->digest = release->images[0].digest;
    slot->release = release->number;
    slot->state = OT_OTA_VALID;
    snprintf(slot->version, sizeof slot->version, "%s", release->version);
}

static struct fleet_device *device(struct stage *t, uint32_t i)
{
    return fleet_device(t->p, t->facts[i].device);
}

static void enrol(struct stage *t, struct fleet_token *token, uint32_t i, const struct fleet_release *release)
{
    struct ot_wire_enrol m = {.chip_id = 5};
    struct fleet_refusal refusal;
    bool created;
    snprintf(m.device, sizeof m.device, "lamp-%04u", i);
    memcpy(m.token_sha256.bytes, &(uint32_t){i + 1}, sizeof i);
    assert_int_equal(fleet_enrol(t->f, token, &m, &created, &refusal, NULL, NULL), 0);
    t->facts[i] = (struct ot_wire_check_in){.chip_id = 5, .slot_bytes = 1u << 20};
    memcpy(t->facts[i].device, m.device, sizeof m.device);
    runs(t, i, release);
}

/* Its part in the newest rollout; the order of members is not kept over a restart. */
static const struct rollout_member *member(const struct stage *t, uint32_t i)
{
    const struct fleet_device *d = fleet_device(t->p, t->facts[i].device);
    assert_ptr_equal(d->memberships[d->membership_count - 1].rollout, t->r);
    return &t->r->engine.members[d->memberships[d->membership_count - 1].member];
}

/* Kind 0: no event. */
static struct ot_wire_reply check_in(struct stage *t, uint32_t i, enum ot_ask ask, enum ot_event_kind kind)
{
    struct ot_wire_reply reply;
    struct fleet_refusal refusal;
    struct ot_wire_check_in m = t->facts[i];
    struct ot_wire_event *e = &m.events[0];
    bool wait;
    m.ask = ask;
    if (kind != OT_EVENT_NONE) {
        m.event_count = 1;
        *e = (struct ot_wire_event){.seq = ++t->seq[i], .kind = kind, .way = OT_WAY_FULL, .bytes = 1000};
        snprintf(e->attempt, sizeof e->attempt, "a-%" PRIu64, member(t, i)->attempt);
    }
    assert_int_equal(fleet_check_in(t->f, device(t, i), &m, &reply, &wait, &refusal, NULL, NULL), 0);
    return reply;
}

static void start_rollout(struct stage *t, struct fleet_release *release, uint32_t in_flight)
{
    struct rollout_plan plan = rollout_plan_default();
    struct fleet_refusal refusal;
    plan.soak_s = SOAK_S;
    plan.stale_after_s = 7200;
    plan.in_flight = in_flight;
    if (fleet_rollout_create(t->f, "test", t->p, release, &plan, false, &t->r, &refusal, NULL, NULL) != 0)
        fail_msg("%s", refusal.message);
    assert_int_equal(fleet_rollout_act(t->f, "test", t->r, "start", "", &refusal, NULL, NULL), 0);
}

static void begin(struct stage *t, uint32_t count, uint32_t in_flight)
{
    char id[24], secret[80], err[100];
    struct ring_plan rings = {.count = 0};
    struct ot_digest trust;
    struct fleet_refusal refusal;
    memset(t, 0, sizeof *t);
    temp_dir_make(&t->dir);
    t->mono_ms = 1000;
    t->wall_ms = 1790000000000;
    t->count = count;
    open_fleet(t);
    assert_int_equal(ring_plan_add(&rings, "rest", err, sizeof err), 0);
    sign_key_digest(key, &trust);
    assert_int_equal(fleet_product_create(t->f, "test", "lamp", &rings, &trust, 1, &refusal, NULL, NULL), 0);
    t->p = fleet_product(t->f, "lamp");
    assert_int_equal(
        fleet_token_create(t->f, "test", ROLE_ENROL, "lamp", -1, 0, id, secret, &refusal, NULL, NULL), 0);
    struct fleet_token token = {.role = ROLE_ENROL, .product = t->p, .uses = -1};
    struct fleet_release *old = push(t, "1.0.0", 10);
    for (uint32_t i = 0; i < count; i++) {
        enrol(t, &token, i, old);
        (void)check_in(t, i, OT_ASK_NOTHING, OT_EVENT_NONE);
    }
    start_rollout(t, push(t, "1.1.0", 11), in_flight);
}

static void end(struct stage *t)
{
    fleet_close(t->f);
    temp_dir_remove(&t->dir);
}

static const struct fleet_release *newest(const struct stage *t)
{
    return t->p->releases[t->p->release_count - 1];
}

static void confirm(struct stage *t, uint32_t i)
{
    assert_true(check_in(t, i, OT_ASK_OFFER, OT_EVENT_NONE).has_offer);
    (void)check_in(t, i, OT_ASK_NOTHING, OT_EVENT_SWITCHING);
    runs(t, i, newest(t));
    (void)check_in(t, i, OT_ASK_NOTHING, OT_EVENT_CONFIRMED);
}

static void all_come(struct stage *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        (void)check_in(t, i, OT_ASK_OFFER, OT_EVENT_NONE);
}

static void act(struct stage *t, const char *action)
{
    struct fleet_refusal refusal;
    if (fleet_rollout_act(t->f, "boss", t->r, action, "because", &refusal, NULL, NULL) != 0)
        fail_msg("%s: %s", action, refusal.message);
}

/* --- what a rollout has come to, as text --- */

static void put_down(const struct stage *t, char *out, size_t len)
{
    const struct rollout *r = &t->r->engine;
    size_t at = (size_t)snprintf(out, len, "%s %s bound %u", rollout_state_name(r->state),
                                 ring_state_name(r->rings[0].state), r->rings[0].bound);
    for (uint32_t i = 0; i < t->count && at < len; i++)
        at += (size_t)snprintf(out + at, len - at, "; %s %" PRIu64, attempt_state_name(member(t, i)->state),
                               member(t, i)->soak_ms);
}

/*
 * One history through every state: waiting, in flight, soaking, paused, and on. `jump_ms` is added to the wall clock at
 * every step and taken back at the next.
 */
static void play(struct stage *t, int64_t jump_ms, char *out, size_t len)
{
    size_t at = 0;
    begin(t, DEVICES, DEVICES);
    for (unsigned step = 0; step < 20; step++) {
        t->wall_ms += step % 2 == 0 ? jump_ms : -jump_ms;
        later(t, POLL_S * 1000u);
        if (step == 2) {
            for (uint32_t i = 0; i < DEVICES; i++)
                confirm(t, i);
        } else if (step == 8) {
            act(t, "pause");
        } else if (step == 10) {
            act(t, "resume");
        }
        all_come(t);
        put_down(t, out + at, len - at);
        at += strlen(out + at);
        at += (size_t)snprintf(out + at, len - at, "\n");
        assert_true(at < len);
    }
    assert_int_equal(device(t, 0)->habit.gap_ms, POLL_S * 1000u); /* nor does what is known of how it comes */
    assert_int_equal(device(t, 0)->habit.away_ppm, 0);
    for (unsigned i = 0; i < 50; i++) {
        later(t, 2 * POLL_S * 1000u);
        assert_true(fleet_still_here(t->f, device(t, 0), &t->facts[0].health)); /* as the simulator comes */
    }
    assert_in_range(device(t, 0)->habit.gap_ms, 1900u * POLL_S, 2000u * POLL_S);
    end(t);
}

static void tm_I13_clocks_that_jump_change_nothing(void **state)
{
    static char still[16384], jumped[16384];
    static const int64_t jumps[] = {3600000, -3600000, DAY_MS, -DAY_MS, 365ll * DAY_MS, -365ll * DAY_MS};
    (void)state;
    play(&stage, 0, still, sizeof still);
    assert_non_null(strstr(still, "running soaking"));
    assert_non_null(strstr(still, "paused"));
    for (unsigned i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        play(&stage, jumps[i], jumped, sizeof jumped);
        assert_string_equal(jumped, still);
    }
}

/* Half have confirmed, one is behind its switch. Then there is no server for three days; its clock may begin at zero again. */
static void down_for_three_days(bool boots)
{
    static char before[4096], after[4096];
    struct stage *t = &stage;
    begin(t, DEVICES, DEVICES);
    for (uint32_t i = 0; i < DEVICES / 2; i++)
        confirm(t, i);
    assert_true(check_in(t, 6, OT_ASK_OFFER, OT_EVENT_NONE).has_offer);
    (void)check_in(t, 6, OT_ASK_NOTHING, OT_EVENT_SWITCHING);
    later(t, POLL_S * 1000u);
    for (uint32_t i = 0; i < DEVICES / 2; i++)
        (void)check_in(t, i, OT_ASK_NOTHING, OT_EVENT_NONE);
    put_down(t, before, sizeof before);
    fleet_close(t->f);
    t->wall_ms += 3 * DAY_MS;
    t->mono_ms = boots ? 7 : t->mono_ms + 3 * DAY_MS;
    open_fleet(t);
    fleet_tick(t->f);
    put_down(t, after, sizeof after);
    assert_string_equal(after, before);
    for (uint32_t i = 0; i < DEVICES / 2; i++)
        (void)check_in(t, i, OT_ASK_NOTHING, OT_EVENT_NONE);
    for (uint32_t i = 0; i < DEVICES / 2; i++)
        assert_in_range(member(t, i)->soak_ms, POLL_S * 1000u, 3 * POLL_S * 1000u);
    assert_int_equal(t->r->engine.state, ROLLOUT_RUNNING);
    assert_int_equal(member(t, 6)->state, ATTEMPT_SWITCHING);
    assert_int_equal(device(t, 0)->habit.away_ppm, 0); /* nor were the devices away */
    assert_null(rollout_check(&t->r->engine));
    end(t);
}

static void tm_I14_a_server_that_is_down_is_neither_soak_nor_silence(void **state)
{
    (void)state;
    down_for_three_days(false);
    down_for_three_days(true);
}

/* 3,000 devices have waited for a day. They come in the same second, over and over: the bound holds, and so do their downloads. */
static void tm_I15_a_herd_after_a_pause_is_let_in_by_the_bound(void **state)
{
    struct stage *t = &stage;
    (void)state;
    begin(t, HERD, 50);
    act(t, "pause");
    later(t, 24u * HOUR_MS);
    all_come(t);
    assert_int_equal(rollout_in_flight(&t->r->engine, 0), 0);
    act(t, "resume");
    for (unsigned round = 0; round < 3; round++) {
        uint32_t may_fetch = 0;
        all_come(t);
        for (uint32_t i = 0; i < HERD; i++)
            may_fetch += fleet_may_fetch(t->f, device(t, i), &newest(t)->images[0].sha256);
        assert_int_equal(rollout_in_flight(&t->r->engine, 0), 50);
        assert_int_equal(may_fetch, 50);
    }
    end(t);
}

/* --- who did what --- */

struct audit {
    char text[8192];
    size_t at;
};

static void on_entry(void *ctx, const struct store_row *row)
{
    struct audit *a = ctx;
    a->at += (size_t)snprintf(a->text + a->at, sizeof a->text - a->at, "%s %s %s\n", store_text(row, 2),
                              store_text(row, 3), store_text(row, 5));
    assert_true(a->at < sizeof a->text);
}

/* A ring that is skipped, a gate that is lowered, a soak that is shortened: by whom, from what to what, and why. */
static void tm_I19_what_one_person_lowers_is_on_record(void **state)
{
    static struct audit a;
    struct stage *t = &stage;
    struct error err;
    struct fleet_refusal refusal;
    (void)state;
    begin(t, DEVICES, DEVICES);
    assert_int_equal(fleet_rollout_act(t->f, "boss", t->r, "widen", "", &refusal, NULL, NULL), -1);
    assert_string_equal(refusal.code, "reason");
    act(t, "widen");
    act(t, "pause");
    act(t, "resume");
    fleet_close(t->f); /* on disk */
    open_fleet(t);
    memset(&a, 0, sizeof a);
    assert_int_equal(store_each(t->f->store, STORE_AUDIT, on_entry, &a, &err, (int64_t)0, (int64_t)1000), 0);
    assert_non_null(
        strstr(a.text, "test rollout.create 1.1.0, soak_s 14400 instead of 86400, in_flight 12 instead of 5, "
                       "stale_after_s 7200 instead of 43200\n"));
    assert_non_null(strstr(a.text, "boss rollout.widen running -> finished: because\n"));
    assert_non_null(strstr(a.text, "boss rollout.pause finished -> paused: because\n"));
    end(t);
}

static int make_key(void **state)
{
    (void)state;
    key = sign_key_make(OT_SCHEME_ECDSA256);
    return 0;
}

static int drop_key(void **state)
{
    (void)state;
    sign_key_free(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_I13_clocks_that_jump_change_nothing),
        cmocka_unit_test(tm_I14_a_server_that_is_down_is_neither_soak_nor_silence),
        cmocka_unit_test(tm_I15_a_herd_after_a_pause_is_let_in_by_the_bound),
        cmocka_unit_test(tm_I19_what_one_person_lowers_is_on_record),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
