/* What breaks while a patch is taken: port, journal, network, decoder, at any call, once and for good. The decoder is scripted. */
#include "fixture.h"

#define PATCH_BYTES 6000u /* two sectors, the second not whole */

static struct fixture_image old, new;
static struct fake_port f;
static struct ot_agent a;
static uint8_t patch[PATCH_BYTES];
static struct ot_digest patch_sha256;

/* --- a decoder that gives the new image, bit by bit as it is fed, or fails as told --- */

static struct {
    const struct ot_delta_io *io;
    uint8_t *sector;
    uint32_t fed, written, starts;
    enum ot_status feed, finish;
    uint32_t feed_good; /* calls of feed before it fails */
    uint32_t short_by;
} script;

static void start(struct ot_delta *d, const struct ot_delta_io *io, uint8_t *sector)
{
    (void)d;
    script.io = io;
    script.sector = sector;
    script.fed = script.written = 0;
    script.starts++;
}

static enum ot_status write_to(uint32_t end)
{
    while (script.written < end) {
        uint32_t left = new.size - script.written, n = left < 4096u ? left : 4096u;
        if (script.written + n > end)
            return OT_OK;
        memcpy(script.sector, new.bytes + script.written, n);
        enum ot_status st = script.io->write(script.io->ctx, script.written, script.sector, n);
        if (st != OT_OK)
            return st;
        script.written += n;
    }
    return OT_OK;
}

static enum ot_status feed(struct ot_delta *d, const uint8_t *bytes, uint32_t len)
{
    (void)d;
    assert_memory_equal(bytes, patch + script.fed, len); /* in order, none twice */
    script.fed += len;
    if (script.feed != OT_OK && script.feed_good == 0)
        return script.feed;
    script.feed_good -= script.feed_good > 0;
    return write_to((uint32_t)((uint64_t) new.size *script.fed / PATCH_BYTES));
}

static enum ot_status finish(struct ot_delta *d)
{
    (void)d;
    return script.finish != OT_OK ? script.finish : write_to(new.size - script.short_by);
}

static uint32_t produced(const struct ot_delta *d)
{
    (void)d;
    return script.written - script.short_by;
}

static struct ot_agent_patches patches;

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_image("1.1.0", 2, false);
    assert_true(new.size > PATCH_BYTES &&new.size + 2u * 4096u <= FAKE_SLOT_BYTES);
    for (uint32_t i = 0; i < PATCH_BYTES; i++)
        patch[i] = (uint8_t)(i * 7u + (i >> 8));
    return 0;
}

/* The agent has an offer with a patch in hand. */
static void offered(bool streams)
{
    fixture_device(&f, &a, &old);
    memset(&script, 0, sizeof script);
    patches = (struct ot_agent_patches){
        .start = start, .feed = feed, .finish = finish, .produced = produced, .streams = streams};
    a.config.patches = &patches;
    f.replies[0] = fixture_offer(&new, 2, false);
    f.now_ms += 120000;
    while (a.state == OT_AGENT_IDLE)
        fake_run(&f, &a, 5);
    assert_int_equal(a.state, OT_AGENT_OFFERED);
    ot_sha256_of(f.port.crypto, patch, PATCH_BYTES, &patch_sha256);
    struct ot_wire_offer *o = &a.u.reply.offer;
    o->has_patch = true;
    o->patch.base = old.identity;
    o->patch.sha256 = patch_sha256;
    o->patch.bytes = PATCH_BYTES;
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60}";
    f.object = patch;
    f.object_bytes = PATCH_BYTES;
}

/* Accepted, and begun: otadata has forgotten the slot. */
static void patching(bool streams)
{
    offered(streams);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_DOWNLOADING);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
    assert_int_equal(agent_work_patch(&a), EV_AGAIN);
}

/* Work until something else than "go on" comes of it. */
static enum agent_event work(void)
{
    enum agent_event event = EV_AGAIN;
    for (unsigned i = 0; i < 1000 && event == EV_AGAIN && a.patch.way == OT_WAY_PATCH; i++)
        event = agent_work_patch(&a);
    return event;
}

static void expect_full_image(enum ot_status reason)
{
    assert_int_equal(a.patch.way, OT_WAY_FULL);
    assert_int_equal(a.patch.reason, reason);
    assert_int_equal(a.patch.applied, 0);
    assert_int_equal(a.attempt.verified_bytes, 0);
    assert_int_not_equal(a.attempt.phase, OT_PHASE_NONE); /* the same attempt goes on */
    assert_int_equal(a.outbox.count, 0);
    assert_false(a.transfer_open);
}

/* --- before the first byte --- */

static void a_patch_that_cannot_be_noted_ends_the_attempt(void **state)
{
    (void)state;
    for (uint32_t good = 0; good < 2; good++) {
        offered(false);
        fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, good, 1);
        assert_int_equal(agent_work_offered(&a), EV_ENDED);
        assert_int_equal(fixture_last_event(&a)->reason, OT_E_JOURNAL);
    }
}

static void a_slot_that_cannot_be_forgotten_ends_the_attempt(void **state)
{
    (void)state;
    offered(false);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_DOWNLOADING);
    fake_fail(&f, FAKE_FORGET, OT_E_BOOT_CONTROL, 0, 1);
    assert_int_equal(agent_work_patch(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->reason, OT_E_BOOT_CONTROL);
}

/* --- both ways to the target --- */

static void stored_or_streaming_the_target_stands_in_the_slot(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        patching(streams != 0);
        assert_int_equal(work(), EV_INSTALLED);
        assert_memory_equal(f.slots[1], new.bytes, new.size);
        assert_int_equal(a.attempt.received_bytes, PATCH_BYTES);
        assert_int_equal(script.starts, 1);
        assert_false(a.transfer_open);
        uint8_t *tail = f.slots[1] + FAKE_SLOT_BYTES - 8192u;
        assert_int_equal(memcmp(tail, patch, PATCH_BYTES) == 0, !streams);
        /* Gone before the switch. */
        assert_int_equal(agent_patch_erase(&a), OT_OK);
        assert_int_equal(tail[0], 0xFF);
    }
}

static void a_patch_that_does_not_fit_beside_the_image_streams(void **state)
{
    (void)state;
    patching(false);
    a.facts.slot_bytes = (new.size + 4095u) / 4096u * 4096u + 4096u; /* room for one sector of two */
    assert_int_equal(work(), EV_INSTALLED);
    assert_memory_equal(f.slots[1], new.bytes, new.size);
}

static void after_a_reset_counted_sectors_are_looked_at_and_left(void **state)
{
    (void)state;
    for (int damaged = 0; damaged < 2; damaged++) {
        patching(true);
        assert_int_equal(work(), EV_INSTALLED);
        /* As after a reset: the decoder begins anew, everything is counted. */
        f.slots[1][5] ^= (uint8_t)damaged;
        patches.is_decoding = false;
        a.patch.applied = new.size - 1u; /* not all of it: else nothing is decoded */
        a.erased_to = UINT32_MAX;
        uint32_t erases = f.calls[FAKE_SLOT_ERASE], writes = f.calls[FAKE_SLOT_WRITE];
        assert_int_equal(work(), EV_INSTALLED);
        assert_memory_equal(f.slots[1], new.bytes, new.size);
        if (!damaged) {
            assert_int_equal(f.calls[FAKE_SLOT_ERASE], erases);
            assert_int_equal(f.calls[FAKE_SLOT_WRITE], writes);
        }
    }
}

/* --- what the decoder says --- */

static void a_patch_the_decoder_refuses_is_given_up_at_once(void **state)
{
    static const enum ot_status refusals[] = {OT_E_PATCH_MAGIC, OT_E_PATCH_FORMAT, OT_E_PATCH_WORK,
                                              OT_E_PATCH_BASE};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (int streams = 0; streams < 2; streams++) {
            patching(streams != 0);
            script.feed = refusals[i];
            script.feed_good = i;
            assert_int_equal(work(), EV_AGAIN);
            expect_full_image(refusals[i]);
            assert_int_equal(script.starts, 1);
        }
    }
    patching(false);
    script.finish = OT_E_PATCH_TRUNCATED;
    assert_int_equal(work(), EV_AGAIN);
    expect_full_image(OT_E_PATCH_TRUNCATED);
    patching(true);
    script.short_by = 16;
    assert_int_equal(work(), EV_AGAIN);
    expect_full_image(OT_E_PATCH_RESULT);
}

static void a_port_that_fails_is_tried_a_few_times_and_then_the_image(void **state)
{
    static const enum ot_status faults[] = {OT_E_READ, OT_E_FLASH_ERASE, OT_E_FLASH_WRITE, OT_E_JOURNAL};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        patching(false);
        script.feed = faults[i];
        assert_int_equal(work(), EV_AGAIN);
        expect_full_image(faults[i]);
        assert_int_equal(script.starts, 4); /* once, and three times more */
    }
    /* One failure costs one more run of the decoder. */
    patching(false);
    script.feed = OT_E_READ;
    while (script.starts == 0)
        (void)agent_work_patch(&a);
    script.feed = OT_OK;
    assert_int_equal(work(), EV_INSTALLED);
    assert_int_equal(script.starts, 2);
}

/* --- what the port does --- */

static void fail_always(enum fake_call call, enum ot_status status, enum ot_status reason)
{
    patching(false);
    while (a.patch.fetched < PATCH_BYTES)
        assert_int_equal(agent_work_patch(&a), EV_AGAIN);
    fake_fail(&f, call, status, 0, 1000000);
    assert_int_equal(work(), EV_AGAIN);
    assert_int_equal(a.patch.way, OT_WAY_FULL);
    assert_int_equal(a.patch.reason, reason);
}

static void a_slot_that_fails_for_good_costs_the_patch_not_the_attempt(void **state)
{
    (void)state;
    fail_always(FAKE_SLOT_READ, OT_E_READ, OT_E_READ);
    fail_always(FAKE_SLOT_WRITE, OT_E_FLASH_WRITE, OT_E_FLASH_WRITE);
    fail_always(FAKE_SLOT_ERASE, OT_E_FLASH_ERASE, OT_E_FLASH_ERASE);
    /* A journal that fails when the last sector is written: the target stands there, and is verified like any. */
    patching(false);
    while (a.patch.fetched < PATCH_BYTES)
        assert_int_equal(agent_work_patch(&a), EV_AGAIN);
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1000000);
    assert_int_equal(work(), EV_INSTALLED);
    assert_memory_equal(f.slots[1], new.bytes, new.size);
    /* When a patch is given up and that cannot be noted: the image all the same. */
    patching(true);
    script.feed = OT_E_PATCH_FORMAT;
    fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, 0, 1000000);
    assert_int_equal(work(), EV_AGAIN);
    expect_full_image(OT_E_PATCH_FORMAT);
}

static void a_slot_that_fails_once_costs_one_more_try(void **state)
{
    static const struct {
        enum fake_call call;
        enum ot_status status;
    } faults[] = {{FAKE_SLOT_READ, OT_E_READ},
                  {FAKE_SLOT_WRITE, OT_E_FLASH_WRITE},
                  {FAKE_SLOT_ERASE, OT_E_FLASH_ERASE},
                  {FAKE_JOURNAL_SET, OT_E_JOURNAL}};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (uint32_t good = 0; good < 40; good++) {
            for (int streams = 0; streams < 2; streams++) {
                patching(streams != 0);
                fake_fail(&f, faults[i].call, faults[i].status, good, 1);
                while (a.patch.way == OT_WAY_PATCH && a.patch.applied < new.size) {
                    enum agent_event event = agent_work_patch(&a);
                    assert_true(event == EV_AGAIN || event == EV_NETWORK);
                    f.now_ms += 5000000;
                    if (streams && !patches.is_decoding)
                        a.patch.fetched = 0;
                }
                assert_int_equal(a.patch.way, OT_WAY_PATCH);
                assert_memory_equal(f.slots[1], new.bytes, new.size);
            }
        }
    }
}

static void a_stored_patch_with_another_hash_is_fetched_again_and_then_given_up(void **state)
{
    (void)state;
    patching(false);
    memset(a.patch.sha256.bytes, 7, OT_DIGEST_BYTES);
    assert_int_equal(work(), EV_AGAIN);
    expect_full_image(OT_E_WRONG_TARGET);
    assert_int_equal(a.attempt.received_bytes, 4u * PATCH_BYTES);
    assert_int_equal(script.starts, 0); /* never decoded */
}

/* --- what the network does --- */

static void a_connection_that_breaks_is_taken_up_where_it_was(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        for (int empty = 0; empty < 2; empty++) {
            patching(streams != 0);
            for (int i = 0; i < (streams ? 4 : 2); i++)
                assert_int_equal(agent_work_patch(&a), EV_AGAIN);
            if (empty)
                f.object_at = f.object_bytes; /* ends too early */
            else
                fake_fail(&f, FAKE_READ, OT_E_NETWORK, 0, 1);
            assert_int_equal(agent_work_patch(&a), EV_NETWORK);
            f.now_ms += 5000000;
            assert_int_equal(work(), EV_INSTALLED);
            assert_memory_equal(f.slots[1], new.bytes, new.size);
            assert_true(a.attempt.received_bytes <= PATCH_BYTES + 4096u);
        }
    }
}

static void a_connection_that_delivers_in_drops_is_good_enough(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        patching(streams != 0);
        f.read_max = 100;
        assert_int_equal(work(), EV_INSTALLED);
        assert_memory_equal(f.slots[1], new.bytes, new.size);
        assert_int_equal(a.attempt.received_bytes, PATCH_BYTES);
    }
}

static void an_agent_without_a_decoder_leaves_the_patch(void **state)
{
    (void)state;
    offered(false);
    a.config.patches = NULL;
    assert_int_equal(agent_work_offered(&a), EV_ACCEPTED);
    assert_int_equal(a.patch.bytes, 0);
}

static void a_patch_the_server_does_not_have_is_done_without(void **state)
{
    static const int kinds[] = {403, 404, 410};
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        patching(k == 1);
        fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
        f.open_http_status = kinds[k];
        assert_int_equal(agent_work_patch(&a), EV_AGAIN);
        expect_full_image(OT_E_HTTP);
    }
    patching(false); /* a server in trouble: later */
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    f.open_http_status = 503;
    assert_int_equal(agent_work_patch(&a), EV_NETWORK);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
    patching(true); /* asked about it, the server wants nothing any more */
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    f.open_http_status = 404;
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60,\"drop\":true}";
    assert_int_equal(agent_work_patch(&a), EV_ENDED);
    assert_int_equal(fixture_last_event(&a)->kind, OT_EVENT_WITHDRAWN);
    patching(true); /* or cannot be asked */
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    fake_fail(&f, FAKE_POST, OT_E_NETWORK, 0, 1);
    f.open_http_status = 404;
    assert_int_equal(agent_work_patch(&a), EV_NETWORK);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
}

static void an_object_of_another_size_is_no_patch(void **state)
{
    (void)state;
    patching(false);
    f.object_bytes = PATCH_BYTES - 1u;
    assert_int_equal(agent_work_patch(&a), EV_AGAIN);
    expect_full_image(OT_E_WRONG_TARGET);
    patching(false);
    fake_fail(&f, FAKE_OPEN, OT_E_STATE, 0, 1);
    assert_int_equal(agent_work_patch(&a), EV_AGAIN);
    expect_full_image(OT_E_STATE);
}

/* --- the record --- */

static void the_record_of_another_attempt_says_nothing(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        patching(false);
        assert_int_equal(agent_save_patch(&a, &a.patch), OT_OK);
        if (other) {
            a.attempt.id[0] = 'b';
            assert_int_equal(agent_save_patch(&a, &a.patch), OT_OK);
        }
        assert_int_equal(fake_agent(&f, &a), OT_OK);
        assert_int_equal(a.patch.way, other ? OT_WAY_NONE : OT_WAY_PATCH);
        assert_int_equal(a.patch.bytes, other ? 0 : PATCH_BYTES);
    }
}

static void the_stored_patch_is_erased_or_the_failure_is_told(void **state)
{
    (void)state;
    patching(false);
    assert_int_equal(work(), EV_INSTALLED);
    fake_fail(&f, FAKE_SLOT_ERASE, OT_E_FLASH_ERASE, 0, 1);
    assert_int_equal(agent_patch_erase(&a), OT_E_FLASH_ERASE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_that_cannot_be_noted_ends_the_attempt),
        cmocka_unit_test(a_slot_that_cannot_be_forgotten_ends_the_attempt),
        cmocka_unit_test(stored_or_streaming_the_target_stands_in_the_slot),
        cmocka_unit_test(a_patch_that_does_not_fit_beside_the_image_streams),
        cmocka_unit_test(after_a_reset_counted_sectors_are_looked_at_and_left),
        cmocka_unit_test(a_patch_the_decoder_refuses_is_given_up_at_once),
        cmocka_unit_test(a_port_that_fails_is_tried_a_few_times_and_then_the_image),
        cmocka_unit_test(a_slot_that_fails_for_good_costs_the_patch_not_the_attempt),
        cmocka_unit_test(a_slot_that_fails_once_costs_one_more_try),
        cmocka_unit_test(a_stored_patch_with_another_hash_is_fetched_again_and_then_given_up),
        cmocka_unit_test(a_connection_that_breaks_is_taken_up_where_it_was),
        cmocka_unit_test(a_connection_that_delivers_in_drops_is_good_enough),
        cmocka_unit_test(an_agent_without_a_decoder_leaves_the_patch),
        cmocka_unit_test(a_patch_the_server_does_not_have_is_done_without),
        cmocka_unit_test(an_object_of_another_size_is_no_patch),
        cmocka_unit_test(the_record_of_another_attempt_says_nothing),
        cmocka_unit_test(the_stored_patch_is_erased_or_the_failure_is_told),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
