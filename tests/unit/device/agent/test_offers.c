/* From an offer to the switch: what is refused before a byte is fetched, and what breaks on the way. */
#include "fixture.h"

static struct fixture_image old, new, bare;
static struct fake_port f;
static struct ot_agent a;

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_image("1.1.0", 2, false);
    bare = fixture_image("1.1.0", 2, true);
    return 0;
}

/* The agent has the offer in hand; `a.u.reply.offer` may be made worse before it looks at it. */
static void offered(const struct fixture_image *image, uint32_t release, bool undescribed)
{
    fixture_device(&f, &a, &old);
    f.replies[0] = fixture_offer(image, release, undescribed);
    f.now_ms += 120000;
    while (a.state == OT_AGENT_IDLE)
        fake_run(&f, &a, 5);
    assert_int_equal(a.state, OT_AGENT_OFFERED);
}

static void expect_refused(enum ot_status reason)
{
    assert_int_equal(agent_work_offered(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_FAILED);
    assert_int_equal(fixture_last_event(&a)->reason, reason);
    assert_int_equal(a.attempt.phase, OT_PHASE_NONE);
    assert_int_equal(f.calls[FAKE_SLOT_ERASE], 0);
}

static void an_offer_that_cannot_be_is_refused_before_a_byte_is_fetched(void **state)
{
    (void)state;
    offered(&new, 2, false);
    a.u.reply.offer.image.block_bytes = 4096;
    expect_refused(OT_E_WIRE_RANGE);
    offered(&new, 2, false);
    a.u.reply.offer.image.bytes = 0;
    expect_refused(OT_E_WIRE_RANGE);
    offered(&new, 2, false);
    a.u.reply.offer.image.bytes = FAKE_SLOT_BYTES + 1u;
    expect_refused(OT_E_IMAGE_TOO_LARGE);
    offered(&new, 2, false);
    a.trust.floor = 3;
    expect_refused(OT_E_BELOW_FLOOR);
    offered(&bare, 2, true);
    expect_refused(OT_E_DESC_MISSING);
    offered(&new, 2, false);
    a.facts.ota_count = 1;
    expect_refused(OT_E_TABLE_SLOTS);
}

static void a_release_tried_too_often_is_left_alone(void **state)
{
    (void)state;
    offered(&new, 2, false);
    a.attempt.last_target = new.identity;
    a.attempt.last_tries = 255;
    expect_refused(OT_E_TOO_MANY_ATTEMPTS);
    assert_int_equal(a.attempt.last_tries, 255);
}

static void an_undescribed_offer_is_remembered_by_its_claim(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        offered(&bare, 7, true);
        a.facts.allows_undescribed = true;
        if (round == 1)
            a.claims[0].digest = a.running.digest; /* the running image's own claim stays */
        assert_int_equal(agent_work_offered(&a), EV_ACCEPTED);
        const struct ot_claim *claim = &a.claims[round];
        assert_memory_equal(claim->digest.bytes, bare.identity.bytes, OT_DIGEST_BYTES);
        assert_int_equal(claim->release, 7);
        assert_true(f.record_bytes[OT_JOURNAL_CLAIM] > 0);
    }
    /* After a reset the claim is known again: it names the image that stands in the other slot. */
    fake_put_image(&f, 1, bare.bytes, bare.size);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.other.release, 7);
    assert_string_equal(a.other.version, "1.1.0");
}

static void an_offer_that_cannot_be_noted_ends_the_attempt(void **state)
{
    (void)state;
    for (uint32_t good = 0; good < 3; good++) {
        offered(&bare, 2, true);
        a.facts.allows_undescribed = true;
        fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, good, 1);
        assert_int_equal(agent_work_offered(&a), EV_ENDED);
        assert_int_equal(fixture_last_event(&a)->reason, OT_E_JOURNAL);
    }
}

static void what_runs_already_is_confirmed_or_put_to_the_test(void **state)
{
    (void)state;
    offered(&old, 1, false);
    assert_int_equal(agent_work_offered(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_CONFIRMED);
    offered(&old, 1, false);
    memset(&a.proof, 0, sizeof a.proof);
    assert_int_equal(agent_work_offered(&a), EV_PROBATION);
    assert_true(a.owes_self_test);
    offered(&old, 1, false);
    memset(&a.proof, 0, sizeof a.proof);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_offered(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_JOURNAL);
}

static void an_offer_withdrawn_at_once_is_over(void **state)
{
    (void)state;
    offered(&new, 2, false);
    f.replies[0] = "{\"v\":1,\"ack\":0,\"poll_s\":60,\"drop\":true}";
    assert_int_equal(agent_work_offered(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_WITHDRAWN);
    /* Without an answer the download goes on: the artifact tells whether it may be had. */
    offered(&new, 2, false);
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 9);
    assert_int_equal(agent_work_offered(&a), EV_ACCEPTED);
}

static void from_the_factory_app_the_first_slot_is_written(void **state)
{
    (void)state;
    offered(&new, 2, false);
    a.facts.running_slot = OT_SLOT_FACTORY;
    assert_int_equal(agent_work_offered(&a), EV_ACCEPTED);
    assert_int_equal(a.attempt.slot, 0);
}

static void open_wishes_are_seen_to_before_the_image_becomes_the_old_one(void **state)
{
    (void)state;
    offered(&new, 2, false);
    a.wishes_open = true;
    a.running_secure_version = 0;
    assert_int_equal(agent_work_offered(&a), EV_ACCEPTED);
    assert_false(a.wishes_open);
}

/* --- download --- */

static void downloading(void)
{
    offered(&new, 2, false);
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60}";
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_DOWNLOADING);
}

static void a_download_ends_verified(void **state)
{
    struct ot_digest block;
    uint32_t wait_ms;
    (void)state;
    downloading();
    ot_sha256_of(f.port.crypto, new.bytes, new.size, &block);
    f.object = block.bytes;
    f.object_bytes = OT_DIGEST_BYTES;
    while (a.window_count == 0)
        (void)ot_agent_run(&a, &wait_ms);
    f.object = new.bytes;
    f.object_bytes = new.size;
    assert_int_equal(fake_run(&f, &a, 100), OT_AGENT_VERIFYING);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_ASKING);
    assert_memory_equal(f.slots[1], new.bytes, new.size);
    assert_true(ot_verdict_accepts(&a.verdict, &new.identity));
}

static void refusals_of_the_server_come_to_an_end(void **state)
{
    static const int kinds[] = {403, 404, 410};
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        downloading();
        (void)agent_work_download(&a); /* begins */
        fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1000);
        f.open_http_status = kinds[k];
        enum agent_event event = EV_NETWORK;
        unsigned tries = 0;
        while (event == EV_NETWORK && tries++ < 100) {
            f.now_ms += 5000000;
            event = agent_work_download(&a); /* each time it asks, and is told that the offer stands */
        }
        assert_int_equal(event, EV_ENDED);
        assert_true(tries > 1 && tries < 20);
        assert_int_equal(fixture_last_event(&a)->reason, OT_E_HTTP);
    }
}

static void a_refusal_may_mean_that_it_is_not_wanted_any_more(void **state)
{
    (void)state;
    downloading();
    (void)agent_work_download(&a);
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1000);
    f.open_http_status = 403;
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_NETWORK); /* nobody there to ask */
    f.now_ms += 5000000;
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60,\"drop\":true}";
    assert_int_equal(agent_work_download(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_WITHDRAWN);
}

static void a_strange_answer_to_the_download_is_tried_again(void **state)
{
    (void)state;
    downloading();
    (void)agent_work_download(&a); /* begins */
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    f.open_http_status = 500;
    assert_int_equal(agent_work_download(&a), EV_NETWORK);
    fake_fail(&f, FAKE_OPEN, OT_E_NETWORK, 0, 1);
    a.failures = 255;
    a.config.backoff_max_s = 1;
    f.now_ms += 5000000;
    assert_int_equal(agent_work_download(&a), EV_NETWORK);
    assert_int_equal(a.failures, 255);
    assert_true(a.next_poll_ms <= f.now_ms + 1100u);
}

static void another_object_than_offered_ends_the_attempt(void **state)
{
    (void)state;
    downloading();
    (void)agent_work_download(&a);
    f.object_bytes = 64; /* two block hashes, for an image of one block */
    assert_int_equal(agent_work_download(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_WRONG_TARGET);
    downloading();
    (void)agent_work_download(&a);
    fake_fail(&f, FAKE_OPEN, OT_E_STATE, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_STATE);
    downloading();
    (void)agent_work_download(&a);
    static const uint8_t lie[OT_DIGEST_BYTES];
    f.object = lie;
    f.object_bytes = sizeof lie;
    assert_int_equal(agent_work_download(&a), EV_ENDED); /* a list that is not the one the offer names */
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_WRONG_TARGET);
}

static void a_list_that_breaks_off_is_fetched_again(void **state)
{
    static const uint8_t half[OT_DIGEST_BYTES / 2];
    (void)state;
    downloading();
    (void)agent_work_download(&a);
    f.object = half;
    f.object_bytes = OT_DIGEST_BYTES;
    fake_fail(&f, FAKE_READ, OT_E_NETWORK, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_NETWORK);
    assert_false(a.transfer_open);
}

static void a_slot_that_cannot_be_forgotten_ends_the_attempt(void **state)
{
    (void)state;
    downloading();
    fake_fail(&f, FAKE_FORGET, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_BOOT_CONTROL);
    /* otadata selects the slot to be written: the running one is selected first. */
    downloading();
    fake_fail(&f, FAKE_FORGET, OT_E_STATE, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_AGAIN);
    assert_int_equal(f.calls[FAKE_FORGET], 2);
    downloading();
    fake_fail(&f, FAKE_FORGET, OT_E_STATE, 0, 1);
    fake_fail(&f, FAKE_BOOT_STATE, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_download(&a), EV_ENDED);
}

/* --- asking, switching --- */

static void asking(void)
{
    downloading();
    fake_put_image(&f, 1, new.bytes, new.size);
    a.attempt.verified_bytes = new.size;
    a.state = OT_AGENT_VERIFYING;
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_ASKING);
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60}";
}

static void the_application_can_put_the_restart_off_for_so_long(void **state)
{
    (void)state;
    asking();
    f.may_restart = false;
    a.next_poll_ms = 0;
    assert_int_equal(agent_work_ask(&a), EV_NONE);
    uint32_t asked = f.calls[FAKE_POST];
    f.now_ms += 1000;
    assert_int_equal(agent_work_ask(&a), EV_NONE);
    assert_int_equal(f.calls[FAKE_POST], asked);
    f.now_ms += (uint64_t)a.config.defer_restart_max_s * 1000u;
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60,\"switch\":\"go\"}";
    assert_int_equal(agent_work_ask(&a), EV_GO);
}

static void answers_to_the_question(void **state)
{
    (void)state;
    asking();
    assert_int_equal(agent_work_ask(&a), EV_NONE); /* answered, but not this */
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60,\"switch\":\"no\"}";
    assert_int_equal(agent_work_ask(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_WITHDRAWN);
    asking();
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60,\"drop\":true}";
    assert_int_equal(agent_work_ask(&a), EV_ENDED);
    asking();
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1);
    assert_int_equal(agent_work_ask(&a), EV_NETWORK);
    assert_int_equal(agent_work_ask(&a), EV_NONE); /* not before the next try is due */
    f.now_ms += 3600000;
    assert_int_equal(agent_work_ask(&a), EV_NONE);
}

static void switching_that_cannot_be_noted_is_not_reported(void **state)
{
    (void)state;
    for (uint32_t good = 0; good < 2; good++) {
        asking();
        a.attempt.switching_reported = false;
        a.outbox.count = 0;
        f.replies[0] = "{\"v\":1,\"ack\":0,\"poll_s\":60}";
        fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, good, 1);
        assert_int_equal(agent_work_ask(&a), EV_NONE);
        assert_false(a.attempt.switching_reported);
        assert_int_equal(a.outbox.count, good); /* once in the outbox is enough */
        (void)agent_work_ask(&a);
        assert_int_equal(a.outbox.count, 1);
    }
}

static void no_slot_is_selected_without_its_verdict_or_its_record(void **state)
{
    (void)state;
    asking();
    a.verdict = (struct ot_verdict){0};
    assert_int_equal(agent_work_switch(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_STATE);
    assert_int_equal(f.calls[FAKE_SET_BOOT], 0);
    asking();
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_work_switch(&a), EV_NONE);
    assert_int_equal(f.calls[FAKE_SET_BOOT], 0);
    assert_int_equal(agent_work_switch(&a), EV_SWITCHED);
    assert_int_equal(f.boot.boot_slot, 1);
    asking();
    fake_fail(&f, FAKE_SET_BOOT, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_switch(&a), EV_ENDED);
    asking();
    a.attempt.switch_tries = 3;
    assert_int_equal(agent_work_switch(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_NOT_ACCEPTED_BY_BOOT);
}

static void an_outcome_is_durable_before_the_attempt_is_forgotten(void **state)
{
    (void)state;
    asking();
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1);
    assert_int_equal(agent_end(&a, OT_EVENT_FAILED, OT_E_READ), EV_NONE);
    assert_int_equal(a.attempt.phase, OT_PHASE_INSTALLED);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 1, 1); /* the record of the attempt cannot be cleared */
    assert_int_equal(agent_end(&a, OT_EVENT_FAILED, OT_E_READ), EV_ENDED);
    assert_int_equal(a.attempt.phase, OT_PHASE_NONE);
    /* The next start does, and tells nothing twice. */
    uint32_t events = a.outbox.count;
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.attempt.phase, OT_PHASE_INSTALLED);
    assert_int_equal(fake_run(&f, &a, 5), OT_AGENT_REPORTING);
    assert_int_equal(a.outbox.count, events);
    assert_int_equal(a.attempt.phase, OT_PHASE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_that_cannot_be_is_refused_before_a_byte_is_fetched),
        cmocka_unit_test(a_release_tried_too_often_is_left_alone),
        cmocka_unit_test(an_undescribed_offer_is_remembered_by_its_claim),
        cmocka_unit_test(an_offer_that_cannot_be_noted_ends_the_attempt),
        cmocka_unit_test(what_runs_already_is_confirmed_or_put_to_the_test),
        cmocka_unit_test(an_offer_withdrawn_at_once_is_over),
        cmocka_unit_test(from_the_factory_app_the_first_slot_is_written),
        cmocka_unit_test(open_wishes_are_seen_to_before_the_image_becomes_the_old_one),
        cmocka_unit_test(a_download_ends_verified),
        cmocka_unit_test(refusals_of_the_server_come_to_an_end),
        cmocka_unit_test(a_refusal_may_mean_that_it_is_not_wanted_any_more),
        cmocka_unit_test(a_strange_answer_to_the_download_is_tried_again),
        cmocka_unit_test(another_object_than_offered_ends_the_attempt),
        cmocka_unit_test(a_list_that_breaks_off_is_fetched_again),
        cmocka_unit_test(a_slot_that_cannot_be_forgotten_ends_the_attempt),
        cmocka_unit_test(the_application_can_put_the_restart_off_for_so_long),
        cmocka_unit_test(answers_to_the_question),
        cmocka_unit_test(switching_that_cannot_be_noted_is_not_reported),
        cmocka_unit_test(no_slot_is_selected_without_its_verdict_or_its_record),
        cmocka_unit_test(an_outcome_is_durable_before_the_attempt_is_forgotten),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
