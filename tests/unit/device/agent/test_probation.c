/* Probation and the ways back, the guard before the application starts, keys and counters: where each step can fail. */
#include "fixture.h"

static struct fixture_image old, new;
static struct fake_port f;
static struct ot_agent a;

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_image("1.1.0", 2, false);
    return 0;
}

/* `new` runs from ota_1 on trial, as attempt a-1; `old` is proven and stands in ota_0. */
static void on_trial(void)
{
    fixture_device(&f, &a, &old);
    fake_put_image(&f, 1, new.bytes, new.size);
    a.attempt.phase = OT_PHASE_SWITCHING;
    memcpy(a.attempt.id, "a-1", 4);
    a.attempt.target = new.identity;
    a.attempt.slot = 1;
    assert_int_equal(agent_save_attempt(&a), OT_OK);
    f.facts.running_slot = 1;
    f.boot = (struct ot_boot_state){
        .running_slot = 1, .boot_slot = 1, .running_has_state = true, .running_state = OT_OTA_PENDING};
    f.now_ms = 0;
    f.self_test = OT_SELF_TEST_RUNNING;
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_PROBATION);
}

static void probation_until(uint64_t ms)
{
    f.now_ms = ms;
}

static void a_failed_check_is_named_where_it_has_a_name(void **state)
{
    (void)state;
    on_trial();
    f.self_test = OT_SELF_TEST_FAILED;
    f.failed_check = "sensor";
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0,
              2); /* neither check nor reason can be noted: it goes back all the same */
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
    assert_string_equal(a.check_note.check, "sensor");
    assert_int_equal(a.attempt.reason, OT_E_SELF_TEST);
    static const char *const names[] = {NULL, "Not a name"};
    for (unsigned i = 0; i < 2; i++) {
        on_trial();
        f.self_test = OT_SELF_TEST_FAILED;
        f.self_test_reason = OT_E_READ;
        f.failed_check = names[i];
        assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
        assert_string_equal(a.check_note.check, "");
        assert_int_equal(a.attempt.reason, OT_E_READ);
    }
    on_trial();
    f.self_test = OT_SELF_TEST_FAILED;
    f.port.self_test_failed = NULL;
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
}

static void the_deadline_tells_silence_from_failure(void **state)
{
    (void)state;
    on_trial();
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1000);
    f.self_test = OT_SELF_TEST_PASSED;
    assert_int_equal(agent_work_probation(&a), EV_NETWORK);
    assert_int_equal(agent_work_probation(&a), EV_NONE); /* the next try is not due */
    probation_until(400000);
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
    assert_int_equal(a.attempt.reason, OT_E_NO_CONTACT);
    on_trial();
    assert_int_equal(agent_work_probation(&a), EV_AGAIN); /* reached the server */
    probation_until(400000);
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
    assert_int_equal(a.attempt.reason, OT_E_SELF_TEST_TIMEOUT);
    on_trial();
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1000);
    assert_int_equal(agent_work_probation(&a), EV_NETWORK);
    probation_until(400000);
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
    assert_int_equal(a.attempt.reason, OT_E_SELF_TEST_TIMEOUT);
}

static void contact_can_be_left_out(void **state)
{
    (void)state;
    on_trial();
    a.config.needs_contact = false;
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1000);
    f.self_test = OT_SELF_TEST_PASSED;
    assert_int_equal(agent_work_probation(&a), EV_NONE); /* too eager */
    probation_until(20000);
    assert_int_equal(agent_work_probation(&a), EV_PASSED);
}

static void what_cannot_be_noted_is_not_confirmed(void **state)
{
    (void)state;
    on_trial();
    a.config.needs_contact = false;
    f.self_test = OT_SELF_TEST_PASSED;
    probation_until(20000);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(agent_work_probation(&a), EV_NONE);
    assert_int_equal(agent_work_probation(&a), EV_GIVEN_UP);
    assert_int_equal(a.attempt.reason, OT_E_JOURNAL);
}

/* --- confirm --- */

static void a_confirm_makes_the_running_slot_the_selected_one(void **state)
{
    (void)state;
    on_trial();
    f.boot.boot_slot = 0; /* otadata names the other one: selected again, after full verification */
    assert_int_equal(agent_work_confirm(&a), EV_ENDED);
    assert_int_equal(f.boot.boot_slot, 1);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_CONFIRMED);
    on_trial();
    f.boot.boot_slot = 0;
    fake_fail(&f, FAKE_SLOT_READ, OT_E_READ, 0, 100000);
    assert_int_equal(agent_work_confirm(&a), EV_GIVEN_UP);
    assert_int_equal(a.attempt.reason, OT_E_READ);
    on_trial();
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    a.no_fallback = true;
    assert_int_equal(agent_work_confirm(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_NO_FALLBACK);
}

static void a_torn_entry_of_the_other_slot_goes(void **state)
{
    (void)state;
    on_trial();
    fake_fail(&f, FAKE_MARK_VALID, OT_E_STATE, 0, 1);
    assert_int_equal(agent_work_confirm(&a), EV_ENDED);
    assert_int_equal(f.calls[FAKE_FORGET], 1);
    on_trial();
    fake_fail(&f, FAKE_MARK_VALID, OT_E_STATE, 0, 1);
    fake_fail(&f, FAKE_FORGET, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_confirm(&a), EV_GIVEN_UP);
    on_trial();
    fake_fail(&f, FAKE_MARK_VALID, OT_E_STATE, 0, 1);
    a.facts.running_slot = OT_SLOT_FACTORY; /* has no neighbour to forget */
    assert_int_equal(agent_work_confirm(&a), EV_GIVEN_UP);
    assert_int_equal(f.calls[FAKE_FORGET], 0);
}

static void a_proof_that_cannot_be_noted_is_asked_for_again(void **state)
{
    (void)state;
    on_trial();
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_confirm(&a), EV_NONE);
    assert_int_equal(agent_work_confirm(&a), EV_ENDED);
    assert_true(agent_is_proven(&a));
}

static void a_stranger_that_proves_itself_is_a_late_revert(void **state)
{
    (void)state;
    on_trial();
    a.attempt.id[0] = '\0';
    memcpy(a.proof.attempt, "a-9", 4);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_confirm(&a), EV_NONE);
    assert_int_equal(agent_work_confirm(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_LATE_REVERT);
    assert_string_equal(fixture_last_event(&a)->attempt, "a-9");
}

/* --- back --- */

static void nowhere_to_go_is_told_and_the_running_image_stays(void **state)
{
    (void)state;
    on_trial();
    a.bootloader = OT_BOOTLOADER_PLAIN;
    memset(f.slots[0], 0xFF, FAKE_SLOT_BYTES);
    fake_fail(&f, FAKE_MARK_VALID, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_revert(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_NO_FALLBACK);
    on_trial();
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_revert(&a), EV_ENDED);
    on_trial();
    assert_int_equal(agent_work_revert(&a), EV_SWITCHED);
}

static void only_the_image_that_was_there_at_start_is_gone_back_to(void **state)
{
    (void)state;
    on_trial();
    assert_int_equal(agent_select_other(&a), OT_OK);
    assert_int_equal(f.boot.boot_slot, 0);
    on_trial();
    memset(&a.other.digest, 0, sizeof a.other.digest);
    assert_int_equal(agent_select_other(&a), OT_E_IMAGE_DIGEST);
    on_trial();
    a.other.digest = new.identity;
    assert_int_equal(agent_select_other(&a), OT_E_IMAGE_DIGEST);
    on_trial();
    a.facts.ota_count = 1;
    assert_int_equal(agent_select_other(&a), OT_E_STATE);
    a.facts.ota_count = 0;
    assert_int_equal(agent_select_other(&a), OT_E_STATE);
    a.facts.ota_count = 2;
    a.facts.running_slot = OT_SLOT_FACTORY;
    assert_int_equal(agent_select_other(&a), OT_E_STATE);
    on_trial();
    a.trust.floor = 2; /* no way back behind the floor */
    assert_int_equal(agent_select_other(&a), OT_E_BELOW_FLOOR);
    assert_int_equal(f.calls[FAKE_SET_BOOT], 0);
}

static void resets_that_change_nothing_come_to_an_end(void **state)
{
    (void)state;
    on_trial();
    f.boot.boot_slot = 0;
    assert_int_equal(agent_leave_slot(&a, &f.boot), OT_OK);
    a.attempt.probation_boots = 5;
    assert_int_equal(agent_leave_slot(&a, &f.boot), OT_E_NOT_ACCEPTED_BY_BOOT);
    on_trial();
    a.bootloader = OT_BOOTLOADER_ROLLBACK;
    fake_fail(&f, FAKE_MARK_INVALID, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_leave_slot(&a, &f.boot), OT_OK); /* by selecting the other */
    assert_int_equal(f.boot.boot_slot, 0);
}

/* --- the guard --- */

/* `old` is proven and has crashed before, soon after boot. */
static void crashed(uint8_t times)
{
    fixture_device(&f, &a, &old);
    fake_put_image(&f, 1, new.bytes, new.size);
    a.proof.crashes = times;
    memcpy(a.proof.attempt, "a-3", 4);
    assert_int_equal(agent_save_proof(&a), OT_OK);
    f.facts.last_reset = OT_RESET_PANIC;
    f.now_ms = 0;
}

static void one_crash_too_many_and_the_other_slot_is_selected(void **state)
{
    (void)state;
    crashed(2);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_true(a.goes_back);
    assert_int_equal(f.boot.boot_slot, 1);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_LATE_REVERT);
    crashed(2);
    memset(f.slots[1], 0xFF, FAKE_SLOT_BYTES); /* nowhere to go: better this image than none */
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_false(a.goes_back);
    assert_int_equal(a.proof.crashes, 0);
    crashed(2);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 2, 1); /* the event cannot be noted */
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    crashed(255);
    f.port.log = NULL; /* a port without a log */
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_true(a.goes_back);
}

static void the_guard_can_be_off_or_busy(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        static uint8_t buffer[OT_AGENT_BUFFER_BYTES];
        struct ot_agent_config config = ot_agent_config_default();
        crashed(200);
        if (way == 0)
            config.late_crashes = 0;
        else { /* another attempt is under way: it ends first */
            a.attempt.phase = OT_PHASE_DOWNLOADING;
            a.attempt.target = new.identity;
            a.attempt.slot = 1;
            assert_int_equal(agent_save_attempt(&a), OT_OK);
        }
        assert_int_equal(ot_agent_start(&a, &f.port, &config, buffer), OT_OK);
        assert_false(a.goes_back);
    }
}

static void a_reset_counts_once_though_an_ended_attempt_is_cleared_behind_it(void **state)
{
    static const enum ot_attempt_phase phases[] = {OT_PHASE_DOWNLOADING, OT_PHASE_SWITCHING};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        crashed(1);
        a.attempt.phase = phases[i];
        memcpy(a.attempt.id, "a-1", 4);
        a.attempt.target = new.identity;
        a.attempt.slot = 1;
        assert_int_equal(agent_outbox_add(&a, OT_EVENT_FAILED, OT_E_READ), OT_OK);
        assert_int_equal(agent_save_attempt(&a), OT_OK); /* the record that could not be cleared */
        assert_int_equal(fake_agent(&f, &a), OT_OK);
        assert_int_equal(agent_work_start(&a), EV_READY);
        assert_int_equal(a.proof.crashes, 2);
        assert_false(a.goes_back);
        assert_int_equal(f.boot.boot_slot, 0);
        /* One more, and the image is left, in the same start that clears the record. */
        a.proof.crashes = 2;
        assert_int_equal(agent_save_proof(&a), OT_OK);
        a.attempt.phase = phases[i];
        a.attempt.target = new.identity;
        memcpy(a.attempt.id, "a-1", 4);
        a.attempt.slot = 1;
        assert_int_equal(agent_save_attempt(&a), OT_OK);
        assert_int_equal(fake_agent(&f, &a), OT_OK);
        assert_int_equal(agent_work_start(&a), EV_SWITCHED);
        assert_int_equal(f.boot.boot_slot, 1);
    }
}

static void crashes_are_forgotten_after_a_while(void **state)
{
    (void)state;
    crashed(1);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.proof.crashes, 2);
    agent_late_crash_forget(&a);
    assert_int_equal(a.proof.crashes, 2);
    f.now_ms = 700000;
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    agent_late_crash_forget(&a);
    assert_int_equal(a.proof.crashes, 0);
    uint32_t sets = f.calls[FAKE_JOURNAL_SET];
    agent_late_crash_forget(&a);
    assert_int_equal(f.calls[FAKE_JOURNAL_SET], sets);
    /* Forgotten for good once it could be noted: the next start counts from one. */
    a.proof.crashes = 2;
    agent_late_crash_forget(&a);
    f.now_ms = 0;
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.proof.crashes, 1);
}

static void a_stranger_beside_an_attempt_gets_one_boot(void **state)
{
    (void)state;
    fixture_device(&f, &a, &old);
    fake_put_image(&f, 1, new.bytes, new.size);
    a.attempt.phase = OT_PHASE_DOWNLOADING;
    memcpy(a.attempt.id, "a-2", 4);
    memset(a.attempt.target.bytes, 7, OT_DIGEST_BYTES);
    a.attempt.slot = 1;
    assert_int_equal(agent_save_attempt(&a), OT_OK);
    a.proof.digest = new.identity; /* another image proved itself last */
    a.proof.trial_boots = 0;
    assert_int_equal(agent_save_proof(&a), OT_OK);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.proof.trial_boots, 1);
    assert_false(a.goes_back);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.proof.trial_boots, 2);
    assert_true(a.goes_back);
    a.proof.trial_boots = 255;
    assert_int_equal(agent_guard(&a), OT_OK);
    assert_int_equal(a.proof.trial_boots, 255);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_guard(&a), OT_E_JOURNAL);
    memset(&a.running.digest, 0,
           sizeof a.running.digest); /* what runs does not verify: nothing to hold against it */
    assert_int_equal(agent_guard(&a), OT_OK);
}

static void a_trial_of_many_boots_goes_back_every_time(void **state)
{
    (void)state;
    on_trial();
    a.attempt.phase = OT_PHASE_PROBATION;
    a.attempt.probation_boots = 255;
    assert_int_equal(agent_save_attempt(&a), OT_OK);
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 1, 1);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.attempt.phase, OT_PHASE_REVERTING);
    assert_int_equal(a.attempt.probation_boots, 255);
    assert_false(a.goes_back);
}

/* --- keys and counters --- */

static struct fixture_image keyed(struct ot_descriptor *d, uint32_t secure_version)
{
    d->release = 2;
    d->hardware_revisions = 1;
    return fixture_described("2.0.0", d, secure_version);
}

static void a_counter_is_raised_on_two_equal_readings(void **state)
{
    struct ot_descriptor d = {0};
    (void)state;
    struct fixture_image image = keyed(&d, 3);
    fixture_device(&f, &a, &image);
    assert_int_equal(f.facts.secure_version, 3);
    f.facts.secure_version = a.facts.secure_version = 1;
    a.running_secure_version = 2; /* read wrongly the first time */
    agent_adopt(&a);
    assert_int_equal(f.facts.secure_version, 1);
    assert_true(a.wishes_open);
    a.running_secure_version = 3;
    fake_fail(&f, FAKE_SLOT_READ, OT_E_READ, 0, 100000);
    agent_adopt(&a);
    assert_int_equal(f.facts.secure_version, 1);
    fake_fail(&f, FAKE_SLOT_READ, OT_OK, 0, 0);
    fake_fail(&f, FAKE_RAISE, OT_E_FLASH_WRITE, 0, 1);
    agent_adopt(&a);
    assert_true(a.wishes_open);
    agent_adopt(&a);
    assert_false(a.wishes_open);
    assert_int_equal(f.facts.secure_version, 3);
    free(image.bytes);
}

static void what_an_image_asks_for_waits_for_its_proof(void **state)
{
    struct ot_descriptor d = {.floor = 2};
    (void)state;
    struct fixture_image image = keyed(&d, 0);
    fixture_device(&f, &a, &image);
    assert_int_equal(a.trust.floor, 2);
    a.trust.floor = 0;
    memset(&a.proof.digest, 9, sizeof a.proof.digest);
    agent_adopt(&a);
    assert_int_equal(a.trust.floor, 0);
    free(image.bytes);
}

static void keys_the_eFuses_can_lose(void **state)
{
    struct ot_descriptor d = {.key_count = 1, .revoke_count = 2, .flags = OT_DESC_FLAG_DROP_OLD_SLOT};
    struct ot_digest mine;
    (void)state;
    fixture_key(&mine);
    d.keys[0] = mine;
    memset(d.revoke[0].bytes, 1, OT_DIGEST_BYTES);
    memset(d.revoke[1].bytes, 2, OT_DIGEST_BYTES);
    struct fixture_image image = keyed(&d, 0);
    static const struct {
        enum ot_status answer;
        bool settled, told;
    } cases[] = {{OT_OK, true, false},
                 {OT_E_LOCKOUT, true, true},
                 {OT_E_FLASH_WRITE, false, false},
                 {OT_E_STATE, false, false}};
    for (unsigned i = 0; i < 4; i++) {
        fixture_device(&f, &a, &old);
        fake_put_image(&f, 0, image.bytes, image.size);
        f.facts.has_secure_boot = f.facts.can_revoke = true;
        f.facts.fuse_key_bytes = i % 2 == 0 ? 0 : 16;
        f.facts.fuse_key_count = 2;
        f.facts.fuse_keys[0] = mine;
        f.facts.fuse_keys[1] = d.revoke[0]; /* the other one it names was never burned */
        assert_int_equal(fake_agent(&f, &a), OT_OK);
        a.proof = (struct ot_proof){.digest = image.identity, .attempt = "a-5"};
        if (cases[i].answer != OT_OK)
            fake_fail(&f, FAKE_REVOKE, cases[i].answer, 0, 1000);
        agent_adopt(&a);
        assert_int_equal(a.proof.keys_settled, cases[i].settled);
        assert_int_equal(a.outbox.count > 0 && fixture_last_event(&a)->kind == OT_EVENT_KEY_KEPT,
                         cases[i].told);
        assert_int_equal(f.facts.fuse_revoked_count, cases[i].answer == OT_OK);
        agent_adopt(&a); /* settled, or tried again */
    }
    free(image.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_check_is_named_where_it_has_a_name),
        cmocka_unit_test(the_deadline_tells_silence_from_failure),
        cmocka_unit_test(contact_can_be_left_out),
        cmocka_unit_test(what_cannot_be_noted_is_not_confirmed),
        cmocka_unit_test(a_confirm_makes_the_running_slot_the_selected_one),
        cmocka_unit_test(a_torn_entry_of_the_other_slot_goes),
        cmocka_unit_test(a_proof_that_cannot_be_noted_is_asked_for_again),
        cmocka_unit_test(a_stranger_that_proves_itself_is_a_late_revert),
        cmocka_unit_test(nowhere_to_go_is_told_and_the_running_image_stays),
        cmocka_unit_test(only_the_image_that_was_there_at_start_is_gone_back_to),
        cmocka_unit_test(resets_that_change_nothing_come_to_an_end),
        cmocka_unit_test(one_crash_too_many_and_the_other_slot_is_selected),
        cmocka_unit_test(the_guard_can_be_off_or_busy),
        cmocka_unit_test(a_reset_counts_once_though_an_ended_attempt_is_cleared_behind_it),
        cmocka_unit_test(crashes_are_forgotten_after_a_while),
        cmocka_unit_test(a_stranger_beside_an_attempt_gets_one_boot),
        cmocka_unit_test(a_trial_of_many_boots_goes_back_every_time),
        cmocka_unit_test(a_counter_is_raised_on_two_equal_readings),
        cmocka_unit_test(what_an_image_asks_for_waits_for_its_proof),
        cmocka_unit_test(keys_the_eFuses_can_lose),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
