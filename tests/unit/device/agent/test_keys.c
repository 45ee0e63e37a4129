/* Which key lists an image may bring: every combination of four keys, against the rule in one sentence. */
#include "work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ot_digest key(unsigned i)
{
    struct ot_digest d;
    memset(d.bytes, (int)(i + 1), sizeof d.bytes);
    return d;
}

static uint8_t list(unsigned bitmap, struct ot_digest out[4])
{
    uint8_t count = 0;
    for (unsigned i = 0; i < 4; i++) {
        if ((bitmap >> i & 1u) != 0)
            out[count++] = key(i);
    }
    return count;
}

/* The device's present image trusts `has`, and `revoked` are gone already. */
static void make(struct ot_agent *a, unsigned has, unsigned revoked)
{
    memset(a, 0, sizeof *a);
    a->running_described = true;
    a->running.digest = key(200);
    a->proof.digest = key(200);
    a->running_desc.key_count = list(has, a->running_desc.keys);
    a->trust.revoked_count = list(revoked, a->trust.revoked);
}

static void tm_K04_some_key_must_be_left_whatever_the_lists(void **state)
{
    (void)state;
    static struct ot_agent a;
    unsigned refused = 0, taken = 0;
    for (unsigned revoked = 0; revoked < 16; revoked++) {
        for (unsigned brings = 0; brings < 16; brings++) {
            for (unsigned retires = 0; retires < 16; retires++) {
                struct ot_descriptor d = {.release = 1, .hardware_revisions = 1};
                const unsigned has = 5;
                if ((brings & retires) != 0)
                    continue; /* no descriptor may say so */
                make(&a, has, revoked);
                d.key_count = list(brings, d.keys);
                d.revoke_count = list(retires, d.revoke);
                unsigned left = (brings != 0 ? brings : has) & ~revoked & ~retires & 15u;
                assert_int_equal(agent_judge_keys(&a, &d), left != 0 ? OT_OK : OT_E_LOCKOUT);
                if (left != 0)
                    taken++;
                else
                    refused++;
            }
        }
    }
    assert_true(refused > 100 && taken > 100);
}

static void an_undescribed_image_goes_by_the_factorys_keys(void **state)
{
    (void)state;
    static struct ot_agent a;
    make(&a, 3, 0);
    assert_int_equal(agent_judge_keys(&a, NULL), OT_E_LOCKOUT); /* the factory gave it none */
    a.facts.factory_key_count = list(2, a.facts.factory_keys);
    assert_int_equal(agent_judge_keys(&a, NULL), OT_OK);
    a.trust.revoked_count = list(2, a.trust.revoked);
    assert_int_equal(agent_judge_keys(&a, NULL), OT_E_LOCKOUT);
}

static void revocations_that_could_not_be_remembered_are_refused_as_a_whole(void **state)
{
    (void)state;
    static struct ot_agent a;
    struct ot_descriptor d = {.release = 1, .hardware_revisions = 1, .key_count = 1, .revoke_count = 2};
    make(&a, 1, 0);
    d.keys[0] = key(0);
    for (unsigned i = 0; i < OT_WIRE_REVOKED_MAX - 1; i++)
        a.trust.revoked[a.trust.revoked_count++] = key(100 + i);
    d.revoke[0] = key(100); /* known already: takes no room */
    d.revoke[1] = key(50);
    assert_int_equal(agent_judge_keys(&a, &d), OT_OK);
    d.revoke[0] = key(51);
    assert_int_equal(agent_judge_keys(&a, &d), OT_E_REVOKED_FULL);
}

static void an_image_on_trial_brings_no_keys_of_its_own_yet(void **state)
{
    (void)state;
    static struct ot_agent a;
    make(&a, 2, 0); /* runs, and trusts key 1 */
    a.trust.key_count = list(1, a.trust.keys);
    a.facts.factory_key_count = list(8, a.facts.factory_keys);
    a.proof.digest = key(201); /* another one is the confirmed image */
    struct ot_trust_set set = agent_software_trust(&a);
    assert_int_equal(set.key_count, 1);
    assert_memory_equal(set.keys[0].bytes, key(0).bytes, OT_DIGEST_BYTES);
    a.proof.digest = a.running.digest;
    set = agent_software_trust(&a);
    assert_memory_equal(set.keys[0].bytes, key(1).bytes, OT_DIGEST_BYTES);
    a.running_desc.key_count = 0; /* it says nothing: the list in force stays */
    set = agent_software_trust(&a);
    assert_memory_equal(set.keys[0].bytes, key(0).bytes, OT_DIGEST_BYTES);
    a.running_described = false;
    set = agent_software_trust(&a);
    assert_memory_equal(set.keys[0].bytes, key(3).bytes, OT_DIGEST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_K04_some_key_must_be_left_whatever_the_lists),
        cmocka_unit_test(an_undescribed_image_goes_by_the_factorys_keys),
        cmocka_unit_test(revocations_that_could_not_be_remembered_are_refused_as_a_whole),
        cmocka_unit_test(an_image_on_trial_brings_no_keys_of_its_own_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
