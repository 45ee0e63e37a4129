/* After a reset: what three witnesses, each of which may be wrong or missing, come to. And records that are not whole. */
#include "fixture.h"

#include "otaria/bytes.h"

static struct fixture_image old, new, bare;
static struct fake_port f;
static struct ot_agent a;

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_image("1.1.0", 2, false);
    bare = fixture_image("9.9.9", 2, true);
    return 0;
}

static void again(enum ot_status expected)
{
    assert_int_equal(fake_agent(&f, &a), expected);
}

/* An attempt for `new` in this phase stands in the journal; the device starts anew. */
static void restarted_in(enum ot_attempt_phase phase)
{
    fixture_device(&f, &a, &old);
    fake_put_image(&f, 1, new.bytes, new.size);
    a.attempt.phase = phase;
    memcpy(a.attempt.id, "a-1", 4);
    a.attempt.target = new.identity;
    a.attempt.slot = 1;
    a.attempt.image.bytes = new.size;
    a.attempt.image.block_bytes = OT_AGENT_BLOCK_BYTES;
    assert_int_equal(agent_save_attempt(&a), OT_OK);
    again(OT_OK);
    assert_int_equal(a.attempt.phase, phase);
}

static void nothing_starts_without_facts_or_a_slot(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    fake_fail(&f, FAKE_FACTS, OT_E_READ, 0, 1);
    again(OT_E_READ);
    f.facts.running_slot = OT_SLOT_NONE;
    again(OT_E_STATE);
    f.facts.running_slot = 0;
    f.facts.slot_bytes = 0;
    again(OT_E_STATE);
}

static void resets_are_counted_by_their_reason(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    static const enum ot_reset_reason reasons[] = {OT_RESET_PANIC, OT_RESET_WATCHDOG, OT_RESET_BROWNOUT,
                                                   OT_RESET_UNKNOWN};
    uint32_t others = a.health.other_resets; /* the fixture's own start */
    for (unsigned i = 0; i < 4; i++) {
        f.facts.last_reset = reasons[i];
        again(OT_OK);
    }
    assert_int_equal(a.health.panics, 1);
    assert_int_equal(a.health.watchdogs, 1);
    assert_int_equal(a.health.brownouts, 1);
    assert_int_equal(a.health.other_resets, others + 1u);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0,
              1); /* a count that cannot be kept keeps nothing from running */
    again(OT_OK);
    assert_int_equal(a.health.other_resets, others + 2u);
}

static void a_record_that_cannot_be_read_is_not_an_absent_one(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    fake_fail(&f, FAKE_JOURNAL_GET, OT_E_JOURNAL, 0, 2); /* the third reading is right */
    again(OT_OK);
    assert_true(a.enrolled);
    fake_fail(&f, FAKE_JOURNAL_GET, OT_E_JOURNAL, 0, 3);
    again(OT_E_JOURNAL);
}

/* Every record: a wrong length, another version, a wrong CRC, nothing but a CRC. */
static void damaged_records_read_as_absent(void **state)
{
    (void)state;
    for (int key = 1; key < (int)OT_JOURNAL_KEYS; key++) {
        for (unsigned damage = 0; damage < 4; damage++) {
            fixture_device(&f, &a, &old);
            a.facts.allows_undescribed = true;
            assert_int_equal(agent_save_claims(&a), OT_OK);
            assert_int_equal(agent_save_check(&a), OT_OK);
            assert_int_equal(agent_save_trust(&a), OT_OK);
            assert_int_equal(agent_save_attempt(&a), OT_OK);
            if (f.record_bytes[key] == 0)
                continue;
            if (damage == 0)
                f.record_bytes[key] -= 8;
            else if (damage == 1)
                f.records[key][0] = 9;
            else if (damage == 2)
                f.records[key][f.record_bytes[key] - 1u] ^= 1;
            else
                f.record_bytes[key] = 4;
            if (damage == 0) { /* whole, and yet not what it should be */
                uint32_t len = f.record_bytes[key] - 4u;
                ot_store32(f.records[key] + len, ot_crc32(0, f.records[key], len));
            }
            again(OT_OK);
            assert_int_equal(a.attempt.phase, OT_PHASE_NONE);
            assert_int_equal(a.enrolled, key != OT_JOURNAL_TOKEN);
        }
    }
}

static void rewrite(enum ot_journal_key key, uint32_t at, uint8_t value)
{
    uint32_t len = f.record_bytes[key] - 4u;
    f.records[key][at] = value;
    ot_store32(f.records[key] + len, ot_crc32(0, f.records[key], len));
}

static void impossible_values_in_whole_records_are_not_believed(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_DOWNLOADING);
    rewrite(OT_JOURNAL_ATTEMPT, 1, OT_PHASE_REVERTING + 1);
    again(OT_OK);
    assert_int_equal(a.attempt.phase, OT_PHASE_NONE);
    fixture_device(&f, &a, &old);
    assert_int_equal(agent_save_outbox(&a), OT_OK);
    rewrite(OT_JOURNAL_OUTBOX, 1, OT_AGENT_OUTBOX_EVENTS + 1);
    again(OT_OK);
    assert_int_equal(a.outbox.count, 0);
    rewrite(OT_JOURNAL_OUTBOX, 1, 1); /* says one event, holds none */
    again(OT_OK);
    assert_int_equal(a.outbox.count, 0);
    fixture_device(&f, &a, &old);
    a.trust.floor = 7;
    assert_int_equal(agent_save_trust(&a), OT_OK);
    for (unsigned i = 0; i < 3; i++) {
        static const struct {
            uint32_t at;
            uint8_t value;
        } wrong[] = {{1, OT_WIRE_REVOKED_MAX + 1}, {2, OT_WIRE_KEYS_MAX + 1}, {1, 1}};
        rewrite(OT_JOURNAL_TRUST, wrong[i].at, wrong[i].value);
        again(OT_OK);
        assert_int_equal(a.trust.floor, 7); /* the second copy has it */
        assert_int_equal(agent_save_trust(&a), OT_OK);
    }
    rewrite(OT_JOURNAL_PROOF, 3, 77);
    again(OT_OK);
    assert_int_equal(a.bootloader, OT_BOOTLOADER_UNKNOWN);
    memcpy(a.check_note.check, "Not a name", 11);
    assert_int_equal(agent_save_check(&a), OT_OK);
    again(OT_OK);
    assert_string_equal(a.check_note.check, "");
}

static void a_failing_first_copy_of_the_trust_record_stops_the_second(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    uint32_t before = f.calls[FAKE_JOURNAL_SET];
    assert_int_equal(agent_save_trust(&a), OT_E_JOURNAL);
    assert_int_equal(f.calls[FAKE_JOURNAL_SET], before + 1u);
}

static void a_device_without_a_product_is_what_its_image_says(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    f.facts.product[0] = '\0';
    again(OT_OK);
    assert_string_equal(a.facts.product, "lamp");
    fake_put_image(&f, 0, bare.bytes, bare.size); /* an undescribed one says nothing */
    again(OT_OK);
    assert_string_equal(a.facts.product, "");
}

static void a_version_that_is_no_version_is_not_passed_on(void **state)
{
    struct ot_descriptor d = {.release = 3, .hardware_revisions = 1};
    (void)state;
    struct fixture_image odd = fixture_described("\x01odd", &d, 0);
    fixture_device(&f, &a, &odd);
    assert_string_equal(a.running.version, "");
    assert_int_equal(a.running.release, 3);
    free(odd.bytes);
}

static void a_descriptor_that_reads_differently_each_time_is_none(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    uint32_t before = f.calls[FAKE_SLOT_READ];
    again(OT_OK);
    assert_true(a.running_described);
    uint32_t last =
        f.calls[FAKE_SLOT_READ] - before - 1u;         /* the descriptor of the running slot is read last */
    fake_fail(&f, FAKE_SLOT_READ, OT_E_READ, last, 3); /* the fourth reading is right */
    again(OT_OK);
    assert_true(a.running_described);
    assert_int_equal(a.running.release, 1);
    fake_fail(&f, FAKE_SLOT_READ, OT_E_READ, last, 4);
    again(OT_OK);
    assert_int_equal(f.bad[FAKE_SLOT_READ], 0);
    assert_false(a.running_described);
    assert_int_equal(a.running.release, 0);
    assert_false(ot_digest_is_zero(&a.running.digest)); /* the image around it is whole */
}

static void only_one_slot_or_none(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    f.facts.ota_count = 1;
    again(OT_OK);
    assert_false(a.other.present);
    f.facts.ota_count = 0;
    f.facts.running_slot = OT_SLOT_FACTORY;
    f.boot.running_has_state = false;
    f.boot.boot_slot = f.boot.running_slot = OT_SLOT_FACTORY;
    again(OT_OK);
    assert_false(a.other.present);
    f.facts.ota_count = 2;
    again(OT_OK);
    assert_int_equal(a.other.slot, 0);
}

static void otadata_that_cannot_be_read_waits(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    again(OT_OK);
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_start(&a), EV_NONE);
    assert_int_equal(agent_work_start(&a), EV_READY);
}

static void a_bootloader_is_told_by_what_it_left_of_the_state(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_INSTALLED);
    f.boot.running_state = OT_OTA_NEW;
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 1, 1); /* remembered at the next start, then */
    again(OT_OK);
    assert_int_equal(a.bootloader, OT_BOOTLOADER_PLAIN);
    f.boot.running_state = OT_OTA_PENDING;
    again(OT_OK);
    assert_int_equal(a.bootloader, OT_BOOTLOADER_ROLLBACK);
}

static void a_fallback_is_healed_where_it_is_one(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    f.boot.boot_slot = 1;
    fake_fail(&f, FAKE_MARK_INVALID, OT_E_BOOT_CONTROL, 0, 1);
    again(OT_OK); /* cannot be done now */
    assert_int_equal(f.boot.boot_slot, 1);
    again(OT_OK);
    assert_int_equal(f.boot.boot_slot, 0);
    assert_int_equal(f.boot.other_state, OT_OTA_INVALID);
    f.boot.boot_slot = 1;
    f.boot.running_state = OT_OTA_ABORTED; /* the other way round */
    again(OT_OK);
    assert_int_equal(f.boot.boot_slot, 1);
    assert_int_equal(f.calls[FAKE_MARK_INVALID], 2);
    f.boot.running_state = OT_OTA_VALID;
    f.boot.boot_slot = OT_SLOT_NONE;
    again(OT_OK);
    f.boot.boot_slot = 1;
    f.facts.running_slot = OT_SLOT_FACTORY;
    f.boot.running_slot = OT_SLOT_FACTORY;
    again(OT_OK);
    assert_int_equal(f.calls[FAKE_MARK_INVALID], 2);
}

static void expect_start(enum agent_event event, enum ot_event_kind kind, enum ot_status reason)
{
    assert_int_equal(agent_work_start(&a), event);
    if (event != EV_ENDED)
        return;
    assert_int_equal(fixture_last_event(&a)->kind, kind);
    assert_int_equal(fixture_last_event(&a)->reason, reason);
}

static void what_became_of_a_target_that_does_not_run(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_REVERTING);
    expect_start(EV_ENDED, OT_EVENT_REVERTED, OT_E_SELF_TEST);
    restarted_in(OT_PHASE_REVERTING);
    a.attempt.reason = OT_E_NO_CONTACT;
    expect_start(EV_ENDED, OT_EVENT_REVERTED, OT_E_NO_CONTACT);
    restarted_in(OT_PHASE_PROBATION);
    expect_start(EV_ENDED, OT_EVENT_REVERTED, OT_E_RESET_IN_PROBATION);
    restarted_in(OT_PHASE_SWITCHING);
    f.boot.boot_slot = 1;
    f.boot.running_slot = 0;
    expect_start(EV_ENDED, OT_EVENT_REJECTED, OT_E_NOT_ACCEPTED_BY_BOOT);
    restarted_in(OT_PHASE_SWITCHING);
    f.boot.other_has_state = true;
    f.boot.other_state = OT_OTA_ABORTED;
    expect_start(EV_ENDED, OT_EVENT_REVERTED, OT_E_RESET_IN_PROBATION);
    restarted_in(OT_PHASE_SWITCHING);
    f.boot.other_has_state = true;
    f.boot.other_state = OT_OTA_INVALID;
    expect_start(EV_ENDED, OT_EVENT_REJECTED, OT_E_NOT_ACCEPTED_BY_BOOT);
    restarted_in(OT_PHASE_SWITCHING);
    f.boot.other_has_state = true;
    f.boot.other_state = OT_OTA_VALID;
    expect_start(EV_INSTALLED, 0, OT_OK);
    restarted_in(OT_PHASE_INSTALLED);
    expect_start(EV_INSTALLED, 0, OT_OK);
    restarted_in(OT_PHASE_DOWNLOADING);
    expect_start(EV_RESUME, 0, OT_OK);
    restarted_in(OT_PHASE_DOWNLOADING);
    a.attempt.slot = 0; /* that is where this one runs */
    expect_start(EV_ENDED, OT_EVENT_FAILED, OT_E_BOOT_RECORD);
}

static void what_a_target_that_runs_owes(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_CONFIRMING);
    a.running.digest = new.identity;
    expect_start(EV_FINISH, 0, OT_OK);
    restarted_in(OT_PHASE_REVERTING);
    a.running.digest = new.identity;
    expect_start(EV_GO_BACK, 0, OT_OK);
    restarted_in(OT_PHASE_REVERTING);
    a.running.digest = new.identity;
    f.boot.running_state = OT_OTA_ABORTED; /* nothing else boots */
    expect_start(EV_PROBATION, 0, OT_OK);
    assert_true(a.no_fallback);
    restarted_in(OT_PHASE_SWITCHING);
    a.running.digest = new.identity;
    expect_start(EV_PROBATION, 0, OT_OK);
}

static void an_unproven_image_goes_on_with_an_attempt_for_another(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_DOWNLOADING);
    a.proof.digest = bare.identity;
    expect_start(EV_RESUME, 0, OT_OK);
}

static void an_outcome_that_stands_is_only_cleared(void **state)
{
    (void)state;
    restarted_in(OT_PHASE_SWITCHING);
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_FAILED, OT_E_READ), OT_OK);
    assert_int_equal(agent_save_attempt(&a), OT_OK);
    again(OT_OK);
    assert_int_equal(agent_work_start(&a), EV_READY);
    assert_int_equal(a.outbox.count, 1);
    /* What runs then is judged without it: here a stranger, on trial as an attempt without a name. */
    restarted_in(OT_PHASE_SWITCHING);
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_FAILED, OT_E_READ), OT_OK);
    a.proof.digest = new.identity;
    assert_int_equal(agent_work_start(&a), EV_PROBATION);
    assert_int_equal(a.attempt.phase, OT_PHASE_PROBATION);
    assert_string_equal(a.attempt.id, "");
    assert_true(ot_digest_equal(&a.attempt.target, &old.identity));
    assert_int_equal(a.attempt.probation_boots, 1);
    assert_int_equal(f.boot.boot_slot, 0);
}

static void what_the_guard_decided_is_done_first(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    a.goes_back = true;
    assert_int_equal(agent_work_start(&a), EV_SWITCHED);
}

static void a_factory_fresh_image_is_noted_or_waits(void **state)
{
    (void)state;
    fake_port_start(&f);
    fake_put_image(&f, 0, old.bytes, old.size);
    again(OT_OK);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_start(&a), EV_NONE);
    assert_int_equal(agent_work_start(&a), EV_ENROL);
    assert_true(agent_is_proven(&a));
    fake_port_start(&f);
    fake_put_image(&f, 0, old.bytes, old.size);
    f.boot.running_state = OT_OTA_PENDING; /* somebody sent it: a self test is owed */
    again(OT_OK);
    assert_int_equal(agent_work_start(&a), EV_PROBATION);
    fake_port_start(&f);
    f.boot.running_has_state = false;
    again(OT_OK); /* what runs does not verify: it is left alone */
    assert_int_equal(agent_work_start(&a), EV_ENROL);
}

static void otadata_that_forgot_a_proven_image_is_told_again(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    f.boot.running_state = OT_OTA_NEW;
    again(OT_OK);
    assert_int_equal(agent_work_start(&a), EV_READY);
    assert_int_equal(f.boot.running_state, OT_OTA_VALID);
    f.boot.running_state = OT_OTA_PENDING;
    fake_fail(&f, FAKE_MARK_VALID, OT_E_BOOT_CONTROL, 0, 1);
    again(OT_OK);
    assert_int_equal(agent_work_start(&a), EV_READY);
    assert_int_equal(f.boot.running_state, OT_OTA_PENDING); /* another time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_starts_without_facts_or_a_slot),
        cmocka_unit_test(resets_are_counted_by_their_reason),
        cmocka_unit_test(a_record_that_cannot_be_read_is_not_an_absent_one),
        cmocka_unit_test(damaged_records_read_as_absent),
        cmocka_unit_test(impossible_values_in_whole_records_are_not_believed),
        cmocka_unit_test(a_failing_first_copy_of_the_trust_record_stops_the_second),
        cmocka_unit_test(a_device_without_a_product_is_what_its_image_says),
        cmocka_unit_test(a_version_that_is_no_version_is_not_passed_on),
        cmocka_unit_test(a_descriptor_that_reads_differently_each_time_is_none),
        cmocka_unit_test(only_one_slot_or_none),
        cmocka_unit_test(otadata_that_cannot_be_read_waits),
        cmocka_unit_test(a_bootloader_is_told_by_what_it_left_of_the_state),
        cmocka_unit_test(a_fallback_is_healed_where_it_is_one),
        cmocka_unit_test(what_became_of_a_target_that_does_not_run),
        cmocka_unit_test(what_a_target_that_runs_owes),
        cmocka_unit_test(an_unproven_image_goes_on_with_an_attempt_for_another),
        cmocka_unit_test(an_outcome_that_stands_is_only_cleared),
        cmocka_unit_test(what_the_guard_decided_is_done_first),
        cmocka_unit_test(a_factory_fresh_image_is_noted_or_waits),
        cmocka_unit_test(otadata_that_forgot_a_proven_image_is_told_again),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
