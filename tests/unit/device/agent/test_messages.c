/* Enrolment, check-ins, the outbox, and the agent's waiting: a server that is strange, a journal that is full. */
#include "fixture.h"

#include "machine.h"

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

static void enrolling(void)
{
    fake_port_start(&f);
    fake_put_image(&f, 0, old.bytes, old.size);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_ENROLLING);
    f.now_ms += 1000;
}

static void enrolment_goes_on_until_it_is_durable(void **state)
{
    (void)state;
    enrolling();
    f.enrolment_token = NULL;
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    assert_int_equal(agent_work_enrol(&a), EV_NONE); /* not due */
    f.enrolment_token = "enrol";
    f.now_ms += 3600000;
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1); /* no token that is not kept is ever sent */
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    assert_int_equal(f.calls[FAKE_POST], 0);
    f.now_ms += 3600000;
    f.http_status = 500;
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    f.now_ms += 3600000;
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1);
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    f.now_ms += 3600000;
    f.http_status = 201;
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    f.now_ms += 3600000;
    assert_int_equal(agent_work_enrol(&a), EV_READY);
    enrolling();
    memset(a.facts.device, 'x', sizeof a.facts.device - 1u);
    a.facts.device[0] = '\x01'; /* a name that no message may carry */
    assert_int_equal(agent_work_enrol(&a), EV_NETWORK);
    assert_int_equal(f.calls[FAKE_POST], 0);
}

static const char first[OT_ATTEMPT_ID_MAX + 1] = "a-1", third[OT_ATTEMPT_ID_MAX + 1] = "c-1";

static void idle(void)
{
    fixture_device(&f, &a, &old);
    f.now_ms += 1000000;
    a.next_poll_ms = 0;
}

static void an_interval_is_kept_within_bounds(void **state)
{
    (void)state;
    idle();
    f.replies[0] = "{\"v\":1,\"ack\":0,\"poll_s\":86400}";
    a.config.poll_max_s = 100;
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(a.poll_s, 100);
    a.next_poll_ms = 0;
    a.config.poll_min_s = 90;
    f.replies[0] = "{\"v\":1,\"ack\":0,\"poll_s\":1}";
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(a.poll_s, 90);
}

static void a_reply_that_is_none_counts_as_no_answer(void **state)
{
    (void)state;
    idle();
    f.replies[0] = "{\"v\":1,";
    assert_int_equal(agent_work_idle(&a), EV_NETWORK);
    a.next_poll_ms = 0;
    f.http_status = 503;
    assert_int_equal(agent_work_idle(&a), EV_NETWORK);
    a.next_poll_ms = 0;
    a.failures = 255;
    a.config.backoff_max_s = 2;
    assert_int_equal(agent_work_idle(&a), EV_NETWORK);
    assert_int_equal(a.failures, 255);
    memset(a.facts.device, 1, 4); /* a message that cannot be written */
    a.next_poll_ms = 0;
    uint32_t posts = f.calls[FAKE_POST];
    assert_int_equal(agent_work_idle(&a), EV_NETWORK);
    assert_int_equal(f.calls[FAKE_POST], posts);
}

static void otadata_and_uptime_that_cannot_be_had_keep_nobody_silent(void **state)
{
    (void)state;
    idle();
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(a.uptime_saved_ms, 0);
    a.next_poll_ms = 0;
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_true(a.uptime_saved_ms > 0);
}

/* What the server has been told last. */
static const struct ot_wire_check_in *told(void)
{
    static struct ot_wire_check_in m;
    size_t error_at;
    assert_int_equal(ot_wire_check_in_read((const char *)f.posted, f.posted_bytes, &m, &error_at), OT_OK);
    return &m;
}

static void revocations_of_chip_and_journal_are_told_together(void **state)
{
    (void)state;
    idle();
    a.trust.revoked_count = 1;
    memset(&a.trust.revoked[0], 5, sizeof a.trust.revoked[0]);
    a.facts.fuse_revoked_count = 2;
    memset(&a.facts.fuse_revoked[0], 5, sizeof a.facts.fuse_revoked[0]); /* known to both */
    memset(&a.facts.fuse_revoked[1], 6, sizeof a.facts.fuse_revoked[1]);
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(told()->revoked_count, 2);
    assert_int_equal(told()->revoked[0].bytes[0], 5);
    assert_int_equal(told()->revoked[1].bytes[0], 6);
    a.trust.revoked_count = OT_WIRE_REVOKED_MAX;
    for (unsigned i = 0; i < OT_WIRE_REVOKED_MAX; i++)
        memset(&a.trust.revoked[i], (int)(100 + i), sizeof a.trust.revoked[i]);
    a.next_poll_ms = 0;
    assert_int_equal(agent_work_idle(&a), EV_NONE); /* as many as a message holds */
    assert_int_equal(told()->revoked_count, OT_WIRE_REVOKED_MAX);
    assert_int_equal(told()->revoked[OT_WIRE_REVOKED_MAX - 1].bytes[0], 100 + OT_WIRE_REVOKED_MAX - 1);
}

static void set_metric(unsigned at, const char *name, int64_t value)
{
    memcpy(f.metrics[at].name, name, strlen(name) + 1);
    f.metrics[at].value = value;
}

static void metrics_are_told_and_a_slip_costs_only_its_own(void **state)
{
    (void)state;
    idle();
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(told()->metric_count, 0);
    set_metric(0, "heap_floor", 41000);
    set_metric(1, "Boot time", 900); /* no such name may travel */
    set_metric(2, "heap_floor", 1);  /* twice: the first counts */
    set_metric(3, "too_large", OT_METRIC_VALUE_MAX + 1);
    set_metric(4, "rssi_dbm", -OT_METRIC_VALUE_MAX);
    memset(f.metrics[5].name, 'x', sizeof f.metrics[5].name); /* not ended: cut */
    f.metrics[5].value = -1;
    set_metric(6, "", 1);
    f.metric_count = 7;
    a.next_poll_ms = 0;
    uint32_t logged = f.logged;
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(f.logged - logged, 4);
    assert_int_equal(told()->metric_count, 3);
    assert_string_equal(told()->metrics[0].name, "heap_floor");
    assert_int_equal(told()->metrics[0].value, 41000);
    assert_string_equal(told()->metrics[1].name, "rssi_dbm");
    assert_int_equal(told()->metrics[1].value, -OT_METRIC_VALUE_MAX);
    assert_string_equal(told()->metrics[2].name, "xxxxxxxxxxxxxxxxxxxxxxxx");
    f.metric_count = 1000; /* says more than there is room for */
    a.next_poll_ms = 0;
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(told()->metric_count, 3);
    f.port.app_metrics = NULL;
    a.next_poll_ms = 0;
    assert_int_equal(agent_work_idle(&a), EV_NONE);
    assert_int_equal(told()->metric_count, 0);
}

static void an_ack_that_cannot_be_noted_is_given_again(void **state)
{
    (void)state;
    idle();
    memcpy(a.attempt.id, "a-1", 4);
    a.attempt.phase = OT_PHASE_DOWNLOADING;
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_DOWNLOADING, OT_OK), OT_OK);
    f.replies[0] = "{\"v\":1,\"ack\":1,\"poll_s\":60}";
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 1, 1); /* behind the uptime */
    assert_int_equal(agent_check_in(&a, OT_ASK_NOTHING), EV_AGAIN);
}

static void reporting_waits_and_takes_an_offer(void **state)
{
    (void)state;
    idle();
    a.state = OT_AGENT_REPORTING;
    a.next_poll_ms = f.now_ms + 10;
    assert_int_equal(agent_work_report(&a), EV_NONE);
    a.next_poll_ms = 0;
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1);
    assert_int_equal(agent_work_report(&a), EV_NETWORK);
    a.next_poll_ms = 0;
    f.replies[0] = fixture_offer(&new, 2, false);
    assert_int_equal(agent_work_report(&a), EV_OFFER);
}

/* --- the outbox --- */

static void a_full_outbox_loses_progress_first_and_outcomes_never(void **state)
{
    (void)state;
    idle();
    memcpy(a.attempt.id, "a-1", 4);
    for (unsigned i = 0; i < OT_AGENT_OUTBOX_EVENTS; i++)
        assert_int_equal(agent_outbox_add(&a, i == 2 ? OT_EVENT_DOWNLOADING : OT_EVENT_BOOTED, OT_OK), OT_OK);
    for (unsigned i = 0; i < OT_AGENT_OUTBOX_EVENTS; i++) {
        char id[] = {'b', '-', (char)('0' + i), '\0'};
        memcpy(a.attempt.id, id, sizeof id);
        assert_int_equal(agent_outbox_add(&a, i % 3 == 1 ? OT_EVENT_KEY_KEPT : OT_EVENT_FAILED, OT_E_READ),
                         OT_OK);
        assert_int_equal(a.outbox.count, OT_AGENT_OUTBOX_EVENTS);
    }
    memcpy(a.attempt.id, "c-1", 4);
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_BOOTED, OT_OK), OT_OK); /* progress: given up silently */
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_FAILED, OT_E_READ), OT_E_JOURNAL);
    assert_int_equal(agent_outbox_add_late(&a, third, OT_EVENT_LATE_REVERT, OT_E_READ), OT_E_JOURNAL);
    for (unsigned i = 0; i < OT_AGENT_OUTBOX_EVENTS; i++)
        assert_true(a.outbox.events[i].kind != OT_EVENT_BOOTED);
}

static void what_is_told_is_not_told_again(void **state)
{
    (void)state;
    idle();
    memcpy(a.attempt.id, "a-1", 4);
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_FAILED, OT_E_READ), OT_OK);
    assert_int_equal(agent_outbox_add(&a, OT_EVENT_CONFIRMED, OT_OK), OT_OK); /* it has its outcome */
    assert_int_equal(a.outbox.count, 1);
    assert_int_equal(agent_outbox_add_late(&a, first, OT_EVENT_LATE_REVERT, OT_E_READ), OT_OK);
    assert_int_equal(agent_outbox_add_late(&a, first, OT_EVENT_LATE_REVERT, OT_E_READ), OT_OK);
    assert_int_equal(a.outbox.count, 2);
    /* A cut between the event and the note of it: noted at the next start. */
    memcpy(a.proof.attempt, "a-1", 4);
    assert_int_equal(agent_save_proof(&a), OT_OK);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_string_equal(a.proof.attempt, "");
    memcpy(a.proof.attempt, "a-1", 4);
    assert_int_equal(agent_save_proof(&a), OT_OK);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_string_equal(a.proof.attempt, "");
}

/* --- the machine --- */

static void a_state_that_is_none_does_nothing(void **state)
{
    (void)state;
    uint32_t wait_ms;
    idle();
    assert_int_equal(agent_next(OT_AGENT_IDLE, EV_PASSED), -1);
    uint32_t posts = f.calls[FAKE_POST], sets = f.calls[FAKE_JOURNAL_SET];
    a.state = (enum ot_agent_state)99;
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_AGAIN);
    assert_int_equal(a.state, 99);
    assert_int_equal(f.calls[FAKE_POST], posts);
    assert_int_equal(f.calls[FAKE_JOURNAL_SET], sets);
}

static void states_and_events_have_names(void **state)
{
    (void)state;
    a.state = (enum ot_agent_state)99;
    assert_string_equal(ot_agent_state_name(a.state), "unknown");
    assert_string_equal(ot_agent_state_name(OT_AGENT_RESETTING), "resetting");
    assert_string_equal(agent_event_name(EV_REPORTED), "reported");
    assert_string_equal(agent_event_name(EV_COUNT), "unknown");
}

static void waiting_is_bounded(void **state)
{
    uint32_t wait_ms;
    (void)state;
    idle();
    a.next_poll_ms = f.now_ms + 100000000;
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_AGAIN);
    assert_int_equal(wait_ms, 3600000);
    a.journal_failures = 3; /* flash is worn by trying again and again */
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_AGAIN);
    assert_int_equal(wait_ms, 8000);
    a.journal_failures = 0;
    a.state = OT_AGENT_PROBATION;
    a.config.needs_contact = false;
    a.self_test_started = true;
    a.probation_since_ms = f.now_ms;
    a.next_poll_ms = f.now_ms + 50;
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_AGAIN);
    assert_int_equal(wait_ms, 50);
    a.next_poll_ms = f.now_ms + 5000;
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_AGAIN);
    assert_int_equal(wait_ms, 100);
    a.state = OT_AGENT_RESETTING;
    assert_int_equal(ot_agent_run(&a, &wait_ms), OT_AGENT_RESET);
    assert_int_equal(f.resets, 0); /* asked for already */
}

static void verification_of_a_slot_reads_again_before_it_refuses(void **state)
{
    (void)state;
    idle();
    fake_put_image(&f, 1, new.bytes, new.size);
    fake_fail(&f, FAKE_SLOT_READ, OT_E_READ, 3, 1);
    assert_int_equal(agent_verify_slot(&a, 1, true), OT_OK);
    a.facts.product[0] = '\0';
    assert_int_equal(agent_verify_slot(&a, 1, true), OT_OK);
    a.facts.has_secure_boot = true; /* the chip believes nobody */
    assert_int_equal(agent_verify_slot(&a, 1, true), OT_E_NO_TRUST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enrolment_goes_on_until_it_is_durable),
        cmocka_unit_test(an_interval_is_kept_within_bounds),
        cmocka_unit_test(a_reply_that_is_none_counts_as_no_answer),
        cmocka_unit_test(otadata_and_uptime_that_cannot_be_had_keep_nobody_silent),
        cmocka_unit_test(revocations_of_chip_and_journal_are_told_together),
        cmocka_unit_test(metrics_are_told_and_a_slip_costs_only_its_own),
        cmocka_unit_test(an_ack_that_cannot_be_noted_is_given_again),
        cmocka_unit_test(reporting_waits_and_takes_an_offer),
        cmocka_unit_test(a_full_outbox_loses_progress_first_and_outcomes_never),
        cmocka_unit_test(what_is_told_is_not_told_again),
        cmocka_unit_test(a_state_that_is_none_does_nothing),
        cmocka_unit_test(states_and_events_have_names),
        cmocka_unit_test(waiting_is_bounded),
        cmocka_unit_test(verification_of_a_slot_reads_again_before_it_refuses),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
