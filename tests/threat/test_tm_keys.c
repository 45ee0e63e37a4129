/*
 * Threat model, section K and the downgrades of C and E: keys, floor and counter on the device, and that nothing a
 * server offers later takes them back.
 */
#include "threat_support.h"

#include "image_support.h"
#include "otaria/descriptor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* From now on the set holds this image in the place of firmware `name`; `keys`: bit k, signed by key k. */
static void forge(struct world *w, enum firmware_name name, const struct ot_descriptor *d,
                  uint32_t secure_version, unsigned keys)
{
    struct firmware *f = &w->set.f[name];
    struct sign_key *signers[2];
    unsigned count = 0;
    uint32_t size = 0;
    const struct image_spec spec = {.chip_id = MATRIX_CHIP,
                                    .project = MATRIX_PRODUCT,
                                    .version = f->version,
                                    .secure_version = secure_version,
                                    .descriptor = d,
                                    .seed = 900u + d->release,
                                    .size = 12288};
    for (unsigned k = 0; k < 2; k++) {
        if ((keys >> k & 1u) != 0)
            signers[count++] = firmware_key(k);
    }
    uint8_t *image = image_make(&spec, &size);
    free(f->bytes);
    f->digest_offset = size - OT_DIGEST_BYTES;
    memcpy(f->identity.bytes, image + f->digest_offset, OT_DIGEST_BYTES);
    f->bytes = count > 0 ? sign_file(image, size, signers, count, &f->size) : image;
    if (count > 0)
        free(image);
    else
        f->size = size;
    f->release = d->release;
    f->secure_version = secure_version;
    firmware_rehash(f);
}

static struct ot_descriptor descriptor(uint32_t release)
{
    return (struct ot_descriptor){.release = release, .hardware_revisions = 1};
}

/* Offer it to the device as it stands, and let it come to its end. */
static const struct ledger_attempt *offer(struct world *w, enum firmware_name name)
{
    w->server.plan = (struct server_plan){.count = 1};
    w->server.plan.offers[0].firmware = name;
    w->o.ledger.plan_at = 0;
    w->o.now_ms += 61000;
    (void)(world_run(w) && world_judge(w));
    threat_expect_sound(w);
    return &w->o.ledger.attempts[w->o.ledger.attempt_count - 1];
}

static void expect_refused(struct world *w, enum firmware_name name, enum ot_status reason)
{
    int runs = w->o.truth.running;
    const struct ledger_attempt *a = offer(w, name);
    if (a->outcome != OT_EVENT_FAILED || a->reason != reason)
        fail_msg("release %u ended as %s (%s), not refused as %s", (unsigned)w->set.f[name].release,
                 ot_event_kind_name(a->outcome), ot_status_wire(a->reason), ot_status_wire(reason));
    assert_int_equal(w->o.truth.running, runs);
}

static void expect_taken(struct world *w, enum firmware_name name)
{
    const struct ledger_attempt *a = offer(w, name);
    if (a->outcome != OT_EVENT_CONFIRMED)
        fail_msg("ended as %s (%s)", ot_event_kind_name(a->outcome), ot_status_wire(a->reason));
    assert_int_equal(w->o.truth.running, name);
}

/* The scenario's update has happened. */
static struct world *after(const char *scenario)
{
    struct world *w = threat_world(scenario);
    (void)(world_run(w) && world_judge(w));
    threat_expect_updated(w);
    return w;
}

static void lose_power(struct world *w)
{
    vdev_cut(w->v, OT_RESET_POWER_ON);
    w->o.truth.slot = -1;
    (void)world_run(w);
    threat_expect_sound(w);
}

/* --- floor and counter --- */

static void tm_C07_E02_older_releases_at_every_boundary(void **state)
{
    (void)state;
    const struct {
        uint32_t floor, release;
        bool is_taken;
    } cases[] = {{0, 1, true},
                 {1, 1, true},
                 {2, 1, false},
                 {11, 10, false},
                 {11, 11, true},
                 {UINT32_MAX - 1, UINT32_MAX - 2, false},
                 {UINT32_MAX, UINT32_MAX - 1, false},
                 {UINT32_MAX - 1, UINT32_MAX, true},
                 {UINT32_MAX, UINT32_MAX, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = threat_world("S2");
        struct ot_descriptor b = descriptor(cases[i].floor > 0 ? cases[i].floor : 1),
                             c = descriptor(cases[i].release);
        b.floor = cases[i].floor;
        forge(w, FIRMWARE_B, &b, 0, 1);
        forge(w, FIRMWARE_C, &c, 0, 1);
        expect_taken(w, FIRMWARE_B);
        assert_int_equal(vdev_agent(w->v)->trust.floor, cases[i].floor);
        if (cases[i].is_taken)
            expect_taken(w, FIRMWARE_C);
        else
            expect_refused(w, FIRMWARE_C, OT_E_BELOW_FLOOR);
        threat_close(w);
    }
}

/* The server says what it likes of an image: what counts is what stands in it. */
static void tm_E02_a_false_release_in_the_offer(void **state)
{
    struct world *w = after("S11");
    (void)state;
    w->set.f[FIRMWARE_A].release = 99; /* in the offer; the image says 10 */
    expect_refused(w, FIRMWARE_A, OT_E_BELOW_FLOOR);
    threat_close(w);
}

static void tm_C07_E02_the_floor_survives_reboot_and_rollback(void **state)
{
    struct world *w = after("S11"); /* floor 11, counter 3 */
    (void)state;
    expect_refused(w, FIRMWARE_A, OT_E_BELOW_FLOOR);
    lose_power(w);
    expect_refused(w, FIRMWARE_A, OT_E_BELOW_FLOOR);
    w->behaviour.digest = w->set.f[FIRMWARE_N].identity;
    w->behaviour.does = VDEV_SELF_TEST_FAILS;
    assert_int_equal(offer(w, FIRMWARE_N)->outcome, OT_EVENT_REVERTED);
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
    expect_refused(w, FIRMWARE_A, OT_E_BELOW_FLOOR);
    assert_int_equal(vdev_agent(w->v)->trust.floor, 11);
    assert_int_equal(w->o.fuses.secure_version, 3);
    threat_close(w);
}

static void tm_C07_G11_security_counter_at_its_boundaries(void **state)
{
    static const struct {
        uint32_t offered;
        enum ot_status refused;
    } cases[] = {{0, OT_E_SECURE_VERSION},
                 {2, OT_E_SECURE_VERSION},
                 {3, OT_OK},
                 {4, OT_OK},
                 {15, OT_OK},
                 {16, OT_OK}, /* all the bits of a C3 */
                 {17, OT_E_SECURE_VERSION_RANGE},
                 {UINT32_MAX, OT_E_SECURE_VERSION_RANGE}};
    struct world *w = after("S11");
    struct world_snapshot here;
    (void)state;
    world_snapshot(w, &here);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct ot_descriptor d = descriptor(20);
        world_restore(w, &here);
        forge(w, FIRMWARE_C, &d, cases[i].offered, 1);
        if (cases[i].refused != OT_OK)
            expect_refused(w, FIRMWARE_C, cases[i].refused);
        else
            expect_taken(w, FIRMWARE_C);
        assert_int_equal(w->o.fuses.secure_version, cases[i].refused == OT_OK ? cases[i].offered : 3);
    }
    world_snapshot_drop(w, &here);
    threat_close(w);
}

/* --- keys --- */

static void tm_K02_a_retired_key_signs_nothing_any_more(void **state)
{
    struct world *w = after("S10"); /* key 0 is retired, key 1 trusted */
    struct ot_descriptor d = descriptor(20);
    (void)state;
    forge(w, FIRMWARE_C, &d, 0, 1);
    expect_refused(w, FIRMWARE_C, OT_E_KEY_UNKNOWN);
    lose_power(w);
    expect_refused(w, FIRMWARE_C, OT_E_KEY_UNKNOWN);
    forge(w, FIRMWARE_C, &d, 0, 3);
    expect_taken(w, FIRMWARE_C); /* the other signature counts */
    threat_close(w);
}

static void tm_K03_an_old_key_list_brings_no_retired_key_back(void **state)
{
    struct world *w = after("S10");
    struct ot_descriptor old_list = descriptor(20), next = descriptor(21);
    (void)state;
    old_list.key_count = 2;
    old_list.keys[0] = w->set.key[0];
    old_list.keys[1] = w->set.key[1];
    forge(w, FIRMWARE_C, &old_list, 0, 2);
    expect_taken(w, FIRMWARE_C);
    forge(w, FIRMWARE_B, &next, 0, 1);
    expect_refused(w, FIRMWARE_B, OT_E_KEY_REVOKED);
    lose_power(w);
    expect_refused(w, FIRMWARE_B, OT_E_KEY_REVOKED);
    threat_close(w);
}

static void tm_K04_an_image_that_would_leave_no_key_is_refused(void **state)
{
    struct world *w = threat_world("S2"); /* trusts key 0 */
    struct ot_descriptor d = descriptor(20);
    (void)state;
    d.revoke_count = 1;
    d.revoke[0] = w->set.key[0];
    forge(w, FIRMWARE_C, &d, 0, 1); /* no keys of its own, and the only one retired */
    expect_refused(w, FIRMWARE_C, OT_E_LOCKOUT);
    d.key_count = 1;
    d.keys[0] = w->set.key[1];
    forge(w, FIRMWARE_C, &d, 0, 1);
    expect_taken(w, FIRMWARE_C);
    d = descriptor(21);
    d.key_count = 1;
    d.keys[0] = w->set.key[0]; /* retired long ago */
    forge(w, FIRMWARE_B, &d, 0, 2);
    expect_refused(w, FIRMWARE_B, OT_E_LOCKOUT);
    threat_close(w);
}

static void tm_K05_an_image_signed_by_the_key_it_retires_keeps_running(void **state)
{
    struct world *w = after("S10"); /* B is signed by key 0 and retires it */
    (void)state;
    for (int i = 0; i < 3; i++)
        lose_power(w);
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
    offer(w, FIRMWARE_N); /* the next check-in after the reboot tells the server */
    assert_int_equal(w->o.truth.running, FIRMWARE_N);
    assert_int_equal(w->o.ledger.last.revoked_count, 1);
    assert_true(ot_digest_equal(&w->o.ledger.last.revoked[0], &w->set.key[0]));
    assert_int_equal(w->o.ledger.last.key_count, 1);
    assert_true(ot_digest_equal(&w->o.ledger.last.keys[0], &w->set.key[1]));
    threat_close(w);
}

static void tm_K06_keys_of_an_image_that_failed_are_not_remembered(void **state)
{
    struct world *w = threat_world("S34");
    (void)state;
    (void)(world_run(w) && world_judge(w));
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcome, OT_EVENT_REVERTED);
    for (int i = 0; i < 2; i++) {
        const struct ot_trust_state *t = &vdev_agent(w->v)->trust;
        assert_int_equal(t->revoked_count, 0);
        assert_int_equal(t->key_count, 2); /* those of A */
        assert_true(ot_digest_equal(&t->keys[0], &w->set.key[0]));
        lose_power(w);
    }
    threat_close(w);
}

/* "0 keys: the device keeps the trust it had", which is the last list that confirmed, not the factory's. */
static void tm_K06_an_image_without_a_key_list_keeps_the_one_in_force(void **state)
{
    struct world *w = after("S10"); /* keys: 1. The factory's: 0 */
    struct ot_descriptor silent = descriptor(20), next = descriptor(21);
    (void)state;
    forge(w, FIRMWARE_C, &silent, 0, 2);
    expect_taken(w, FIRMWARE_C);
    lose_power(w);
    forge(w, FIRMWARE_B, &next, 0, 1);
    expect_refused(w, FIRMWARE_B, OT_E_KEY_UNKNOWN);
    forge(w, FIRMWARE_B, &next, 0, 2);
    expect_taken(w, FIRMWARE_B);
    threat_close(w);
}

/* Who signed it x how high its counter is: both must be right, whatever the other one is. */
static void tm_K09_counter_and_keys_are_both_judged(void **state)
{
    static const struct {
        unsigned keys;
        enum ot_status refused;
    } signers[] = {{0, OT_E_UNSIGNED}, {1, OT_E_KEY_UNKNOWN}, {2, OT_OK}, {3, OT_OK}};
    static const struct {
        uint32_t version;
        enum ot_status refused;
    } counters[] = {{2, OT_E_SECURE_VERSION}, {3, OT_OK}, {4, OT_OK}, {17, OT_E_SECURE_VERSION_RANGE}};
    struct world *w = after("S32"); /* Secure Boot; key 0 revoked in the eFuses; counter 3 */
    struct world_snapshot here;
    (void)state;
    assert_true(w->o.fuses.revoked[0]);
    world_snapshot(w, &here);
    for (size_t s = 0; s < COUNT(signers); s++) {
        for (size_t c = 0; c < COUNT(counters); c++) {
            const struct ot_descriptor d = descriptor(20);
            world_restore(w, &here);
            forge(w, FIRMWARE_C, &d, counters[c].version, signers[s].keys);
            if (signers[s].refused != OT_OK)
                expect_refused(w, FIRMWARE_C, signers[s].refused);
            else if (counters[c].refused != OT_OK)
                expect_refused(w, FIRMWARE_C, counters[c].refused);
            else
                expect_taken(w, FIRMWARE_C);
        }
    }
    world_snapshot_drop(w, &here);
    threat_close(w);
}

/* With the software list forgotten, the eFuses alone still refuse the key. */
static void tm_K08_the_chip_remembers_without_a_journal(void **state)
{
    struct world *w = after("S32");
    const struct ot_descriptor d = descriptor(20);
    (void)state;
    assert_true(w->o.fuses.revoked[0]);
    assert_false(w->o.fuses.revoked[1]);
    forge(w, FIRMWARE_C, &d, 3, 1);
    nor_poke(&w->nor, w->set.slot_offset[0], w->set.f[FIRMWARE_C].bytes, w->set.f[FIRMWARE_C].size);
    lose_power(w);
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
    threat_close(w);
}

static void tm_K08_burns_that_break_off(void **state)
{
    (void)state;
    threat_suite("M1", "S31", 40);
    threat_suite("M8", "S31", 40);
    threat_suite("M13", "S30", 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_C07_E02_older_releases_at_every_boundary),
        cmocka_unit_test(tm_E02_a_false_release_in_the_offer),
        cmocka_unit_test(tm_C07_E02_the_floor_survives_reboot_and_rollback),
        cmocka_unit_test(tm_C07_G11_security_counter_at_its_boundaries),
        cmocka_unit_test(tm_K02_a_retired_key_signs_nothing_any_more),
        cmocka_unit_test(tm_K03_an_old_key_list_brings_no_retired_key_back),
        cmocka_unit_test(tm_K04_an_image_that_would_leave_no_key_is_refused),
        cmocka_unit_test(tm_K05_an_image_signed_by_the_key_it_retires_keeps_running),
        cmocka_unit_test(tm_K06_keys_of_an_image_that_failed_are_not_remembered),
        cmocka_unit_test(tm_K06_an_image_without_a_key_list_keeps_the_one_in_force),
        cmocka_unit_test(tm_K09_counter_and_keys_are_both_judged),
        cmocka_unit_test(tm_K08_the_chip_remembers_without_a_journal),
        cmocka_unit_test(tm_K08_burns_that_break_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
