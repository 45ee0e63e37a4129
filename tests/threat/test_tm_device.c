/*
 * Threat model, sections F and G: networks that lie, and what physics does to a device. G's big matrices run as samples
 * here; scripts/matrix runs them whole.
 */
#include "threat_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void run(struct world *w)
{
    (void)(world_run(w) && world_judge(w));
}

/* A server that lies so often, then behaves: the update must go through all the same. */
static void lies_then_behaves(enum server_lie lie, int status, uint32_t times)
{
    struct world *w = threat_world("S2");
    w->server.lie = lie;
    w->server.lie_status = status;
    w->server.lies_left = times;
    w->server.lie_chance = times;
    run(w);
    threat_expect_updated(w);
    threat_close(w);
}

/* A lie about the image that goes on: refused, and the next honest update succeeds. */
static void lies_for_good(enum server_lie lie)
{
    struct world *w = threat_world("S2");
    w->server.lie = lie;
    w->server.lies_left = UINT32_MAX;
    run(w);
    threat_expect_refused_somehow(w);
    w->server.lie = LIE_NONE;
    assert_true(world_next_update(w));
    threat_close(w);
}

static void tm_F04_endless_data(void **state)
{
    (void)state;
    lies_for_good(LIE_ENDLESS);
    lies_then_behaves(LIE_HUGE, 0, 5);
}

static void tm_F05_resume_answered_wrongly(void **state)
{
    struct world *w = threat_world("S6");
    (void)state;
    w->server.lie = LIE_IGNORES_RANGE;
    w->server.lies_left = 2;
    run(w);
    threat_expect_sound(w); /* mixed bytes are found by the block's hash; the rest of the attempt is honest */
    assert_true(w->o.truth.running == FIRMWARE_B || w->o.ledger.attempts[0].outcome == OT_EVENT_FAILED);
    threat_close(w);
    lies_for_good(LIE_TOTAL);
    lies_for_good(LIE_OTHER_BYTES);
}

static void tm_F06_connections_that_break(void **state)
{
    (void)state;
    for (uint32_t every = 97; every < 6000; every = every * 2 + 31) {
        struct world *w = threat_world("S2");
        w->server.plan.cut_every = every;
        w->server.plan.cuts_max = 60;
        run(w);
        threat_expect_updated(w);
        /* At most a sector is sent again for each cut. */
        assert_true(w->o.ledger.sent_bytes <= w->set.f[FIRMWARE_B].size + w->o.ledger.cuts_made * 4096u);
        assert_true(w->o.ledger.cuts_made > 0);
        threat_close(w);
    }
    lies_then_behaves(LIE_SHORT, 0, 3);
}

/* Every network call of an update fails once, each in a run of its own. */
static void tm_F15_half_open_and_restarting_servers(void **state)
{
    static const int statuses[] = {429, 500, 502, 503, 504};
    (void)state;
    for (unsigned i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        lies_then_behaves(LIE_STATUS, statuses[i], 4);
    threat_suite("M13", "S2", 3);
}

static void tm_F13_clock_jumps(void **state)
{
    (void)state;
    threat_suite("M13", "S7", 2); /* ten years ahead at any step, among others */
}

static void tm_F14_captive_portal(void **state)
{
    (void)state;
    lies_then_behaves(LIE_HTML, 0, 10);
}

static void tm_A16_replies_of_garbage(void **state)
{
    (void)state;
    for (uint32_t times = 1; times < 120; times += 2) {
        struct world *w = threat_world("S2");
        w->server.lie = LIE_GARBAGE;
        w->server.lies_left = times;
        w->server.lie_chance = times;
        run(w);
        threat_expect_sound(w);
        /* A spoiled offer may name a target that does not exist; then the attempt fails, and nothing else. */
        if (w->o.ledger.attempts[0].outcome != OT_EVENT_CONFIRMED)
            assert_int_equal(w->o.truth.running, FIRMWARE_A);
        w->server.lie = LIE_NONE;
        assert_true(world_next_update(w));
        threat_close(w);
    }
}

/* The same report again and again: counted once. (The ledger checks: one outcome an attempt.) */
static void tm_F11_replayed_reports(void **state)
{
    struct world *w = threat_world("S2");
    (void)state;
    run(w);
    threat_expect_updated(w);
    uint32_t ack = w->o.ledger.ack;
    w->o.ledger.ack =
        0; /* a server restored from yesterday: the device repeats nothing it was acknowledged */
    assert_true(world_next_update(w));
    assert_true(w->o.ledger.ack > ack);
    threat_close(w);
}

static void tm_G01_one_cut(void **state)
{
    (void)state;
    threat_suite("M1", "S2", 9);
    threat_suite("M1", "S7", 9);
}

static void tm_G03_two_cuts(void **state)
{
    (void)state;
    threat_suite("M4", "S8", 900);
}

static void tm_G04_bits_of_the_boot_record(void **state)
{
    (void)state;
    threat_suite("M7", "S2", 3);
    threat_suite("M7", "S7", 3);
    threat_suite("M7", "S8", 3);
}

/* The update is abandoned half-way, then the running image breaks: the half-written slot never boots. */
static void tm_G05_abandoned_half_way_then_broken(void **state)
{
    struct world *w = threat_world("S12");
    uint8_t zero[16] = {0};
    (void)state;
    w->server.plan.count = 1;
    run(w);
    threat_expect_sound(w);
    assert_int_equal(w->o.truth.running, FIRMWARE_A);
    nor_poke(&w->nor, w->set.slot_offset[0] + 0x1000, zero, sizeof zero);
    vdev_cut(w->v, OT_RESET_POWER_ON);
    w->o.truth.slot = -1;
    (void)world_run(w);
    assert_string_equal(w->violation, "V1: nothing boots"); /* honest: no slot holds a whole image */
    threat_close(w);
}

/* The newest image breaks in its slot: the older one boots, and the next update puts both records right. */
static void tm_G06_fallback_then_update(void **state)
{
    struct world *w = threat_world("S2");
    uint8_t zero[16] = {0};
    (void)state;
    run(w);
    threat_expect_updated(w);
    nor_poke(&w->nor, w->set.slot_offset[1] + 0x1000, zero, sizeof zero);
    vdev_cut(w->v, OT_RESET_POWER_ON);
    w->o.truth.slot = -1;
    (void)world_run(w);
    threat_expect_sound(w);
    assert_int_equal(w->o.truth.running, FIRMWARE_A);
    assert_true(w->o.ledger.attempts[0].went_back); /* told: confirmed once, runs no more */
    assert_true(world_next_update(w));
    threat_close(w);
}

static void tm_G07_brownouts_in_a_row(void **state)
{
    (void)state;
    threat_suite("M8", "S7", 11);
}

static void tm_G08_resets_during_the_self_test(void **state)
{
    (void)state;
    threat_suite("M9", "S2", 4);
    threat_suite("M9", "S7", 4);
}

static void runs_to(const char *scenario, enum ot_event_kind outcome, enum ot_status reason,
                    const char *check)
{
    struct world *w = threat_world(scenario);
    run(w);
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcome, outcome);
    assert_int_equal(w->o.ledger.attempts[0].reason, reason);
    assert_string_equal(w->o.ledger.attempts[0].check, check);
    threat_close(w);
}

/* Never, too early, by name: the application's word is taken only when it has run, and reached the server. */
static void tm_G09_confirm_at_the_right_time(void **state)
{
    (void)state;
    runs_to("S18", OT_EVENT_REVERTED, OT_E_SELF_TEST, "sensor");
    runs_to("S19", OT_EVENT_CONFIRMED, OT_OK, "");
    runs_to("S20", OT_EVENT_CONFIRMED, OT_OK, "");
    runs_to("S21", OT_EVENT_REVERTED, OT_E_NO_CONTACT, "");
    /* Ten seconds at least, however fast its checks were. */
    struct world *w = threat_world("S19");
    uint64_t booted = 0, confirmed = 0;
    for (unsigned i = 0; i < 100000 && confirmed == 0; i++) {
        uint32_t wait_ms = 0;
        assert_int_equal(vdev_step(w->v, &wait_ms), 0);
        if (w->o.truth.running == FIRMWARE_B && booted == 0)
            booted = w->o.now_ms;
        if (w->o.truth.running == FIRMWARE_B && vdev_agent(w->v)->state == OT_AGENT_REPORTING)
            confirmed = w->o.now_ms;
        w->o.now_ms += wait_ms > 0 ? wait_ms : 1;
    }
    assert_true(booted != 0 && confirmed - booted >= 10000);
    threat_close(w);
    threat_suite("M9", "S19", 3);
    threat_suite("M1", "S18", 9);
}

/* Running image broken and nothing else whole: nothing unverified ever runs. */
static void tm_G10_both_slots_bad(void **state)
{
    struct world *w = threat_world("S2");
    uint8_t zero[16] = {0};
    (void)state;
    for (int slot = 0; slot < 2; slot++)
        nor_poke(&w->nor, w->set.slot_offset[slot] + 0x2000, zero, sizeof zero);
    vdev_cut(w->v, OT_RESET_POWER_ON);
    w->o.truth.slot = -1;
    assert_false(world_run(w));
    assert_string_equal(w->violation, "V1: nothing boots");
    threat_close(w);
}

static void tm_G11_counter_only_after_confirm(void **state)
{
    struct world *w = threat_world("S11");
    (void)state;
    run(w);
    threat_expect_updated(w);
    assert_int_equal(w->o.fuses.secure_version, 3);
    threat_close(w);
    threat_suite("M1", "S11", 9); /* V5 is judged at every boot */
}

static void tm_G12_bootloader_without_rollback(void **state)
{
    struct world *w = threat_world("S13");
    (void)state;
    run(w);
    threat_expect_sound(w);
    assert_int_equal(w->o.truth.running, FIRMWARE_A);
    assert_int_equal(w->o.ledger.attempts[0].outcome, OT_EVENT_REVERTED);
    threat_close(w);
    w = threat_world("S14");
    run(w);
    threat_expect_updated(w);
    assert_int_equal(w->o.ledger.last.bootloader, OT_BOOTLOADER_PLAIN); /* detected, and told */
    threat_close(w);
    threat_suite("M1", "S15", 9);
}

static void tm_G14_bit_rot(void **state)
{
    (void)state;
    for (uint32_t sector = 0; sector < 4; sector++) {
        struct world *w = threat_world("S2");
        uint8_t byte;
        run(w);
        threat_expect_updated(w);
        /* The inactive image rots: nothing happens, and the next update overwrites it. */
        nor_peek(&w->nor, w->set.slot_offset[0] + sector * 4096u + 100u, &byte, 1);
        byte ^= 0x10;
        nor_poke(&w->nor, w->set.slot_offset[0] + sector * 4096u + 100u, &byte, 1);
        vdev_cut(w->v, OT_RESET_POWER_ON);
        w->o.truth.slot = -1;
        assert_true(world_run(w));
        assert_int_equal(w->o.truth.running, FIRMWARE_B);
        assert_true(world_next_update(w));
        threat_close(w);
    }
}

static void tm_G15_flash_failures(void **state)
{
    (void)state;
    threat_suite("M10", "S2", 5);
}

static void tm_G16_flash_serves_other_data(void **state)
{
    (void)state;
    threat_suite("M12", "S7", 2);
}

/* A broken release, offered again and again for thirty days: attempts and erases are bounded. */
static void tm_G17_wear_is_bounded(void **state)
{
    struct world *w = threat_world("S7");
    uint32_t before, sector = 0xF000u / FLASH_SECTOR_BYTES;
    (void)state;
    run(w);
    before = w->nor.now.wear[sector] + w->nor.now.wear[sector + 1];
    for (unsigned i = 0; i < 5 && w->o.ledger.attempt_count < LEDGER_ATTEMPTS; i++) {
        uint32_t at = w->o.ledger.plan_at;
        if (at >= 3)
            break;
        w->server.plan = (struct server_plan){.count = at + 1};
        w->server.plan.offers[at].firmware = FIRMWARE_B;
        w->o.now_ms += 6ull * 86400u * 1000u;
        assert_true(world_run(w));
    }
    uint32_t erases = w->nor.now.wear[sector] + w->nor.now.wear[sector + 1] - before;
    assert_true(erases <= 8u * 2u * (w->o.ledger.attempt_count - 1u));
    threat_close(w);
}

/* The server is away for sixty days after the update: the outcome waits, and arrives. */
static void tm_G20_outcome_waits_for_weeks(void **state)
{
    struct world *w = threat_world("S7");
    (void)state;
    /* Let it go as far as the reset into the new image, then take the server away. */
    for (unsigned i = 0; i < 4000 && w->o.boots < 3; i++) {
        uint32_t wait_ms = 0;
        assert_int_equal(vdev_step(w->v, &wait_ms), 0);
        w->o.now_ms += wait_ms > 0 ? wait_ms : 1;
    }
    w->server.lie = LIE_STATUS;
    w->server.lie_status = 503;
    w->server.lies_left = 1200;
    run(w);
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcomes, 1);
    threat_close(w);
}

static void tm_K07_cuts_while_keys_change(void **state)
{
    (void)state;
    threat_suite("M1", "S10", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_F04_endless_data),
        cmocka_unit_test(tm_F05_resume_answered_wrongly),
        cmocka_unit_test(tm_F06_connections_that_break),
        cmocka_unit_test(tm_F11_replayed_reports),
        cmocka_unit_test(tm_F13_clock_jumps),
        cmocka_unit_test(tm_F14_captive_portal),
        cmocka_unit_test(tm_F15_half_open_and_restarting_servers),
        cmocka_unit_test(tm_A16_replies_of_garbage),
        cmocka_unit_test(tm_G01_one_cut),
        cmocka_unit_test(tm_G03_two_cuts),
        cmocka_unit_test(tm_G04_bits_of_the_boot_record),
        cmocka_unit_test(tm_G05_abandoned_half_way_then_broken),
        cmocka_unit_test(tm_G06_fallback_then_update),
        cmocka_unit_test(tm_G07_brownouts_in_a_row),
        cmocka_unit_test(tm_G08_resets_during_the_self_test),
        cmocka_unit_test(tm_G09_confirm_at_the_right_time),
        cmocka_unit_test(tm_G10_both_slots_bad),
        cmocka_unit_test(tm_G11_counter_only_after_confirm),
        cmocka_unit_test(tm_G12_bootloader_without_rollback),
        cmocka_unit_test(tm_G14_bit_rot),
        cmocka_unit_test(tm_G15_flash_failures),
        cmocka_unit_test(tm_G16_flash_serves_other_data),
        cmocka_unit_test(tm_G17_wear_is_bounded),
        cmocka_unit_test(tm_G20_outcome_waits_for_weeks),
        cmocka_unit_test(tm_K07_cuts_while_keys_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
