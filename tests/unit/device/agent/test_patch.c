/* An offer with a patch: how it is taken, and how the full image takes over. The decoder is scripted: it has tests of its own. */
#include "fixture.h"

#define PATCH 300u

static struct fixture_image old, new;
static struct fake_port f;
static struct ot_agent a;
static uint8_t patch[PATCH];
static struct ot_agent_patches patches;
static const struct ot_delta_io *io;
static uint8_t *sector;
static uint32_t fed, made;
static enum ot_status feed_says, finish_says;

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_image("1.1.0", 2, false);
    for (uint32_t i = 0; i < PATCH; i++)
        patch[i] = (uint8_t)(i * 7u + i / 256u);
    return 0;
}

static void start(struct ot_delta *d, const struct ot_delta_io *with, uint8_t *into)
{
    (void)d;
    io = with;
    sector = into;
    fed = made = 0;
}

/* The patch's last byte gives the whole target, sector by sector. */
static enum ot_status feed(struct ot_delta *d, const uint8_t *bytes, uint32_t len)
{
    (void)d;
    if (feed_says != OT_OK)
        return feed_says;
    assert_memory_equal(bytes, patch + fed, len);
    fed += len;
    while (fed == PATCH && made < new.size) {
        uint32_t n = new.size - made < 4096 ? new.size - made : 4096;
        memcpy(sector, new.bytes + made, n);
        enum ot_status st = io->write(io->ctx, made, sector, n);
        if (st != OT_OK)
            return st;
        made += n;
    }
    return OT_OK;
}

static enum ot_status finish(struct ot_delta *d)
{
    (void)d;
    return finish_says;
}

static uint32_t produced(const struct ot_delta *d)
{
    (void)d;
    return made;
}

/* The agent has an offer with a patch in hand. */
static void offered(bool streams)
{
    feed_says = finish_says = OT_OK;
    fixture_device(&f, &a, &old);
    f.replies[0] = fixture_offer(&new, 2, false);
    f.now_ms += 120000;
    while (a.state == OT_AGENT_IDLE)
        fake_run(&f, &a, 5);
    assert_int_equal(a.state, OT_AGENT_OFFERED);
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60}";
    patches = (struct ot_agent_patches){
        .start = start, .feed = feed, .finish = finish, .produced = produced, .streams = streams};
    a.config.patches = &patches;
    struct ot_wire_offer *o = &a.u.reply.offer;
    o->has_patch = true;
    o->patch.base = a.running.digest;
    o->patch.bytes = PATCH;
    ot_sha256_of(f.port.crypto, patch, PATCH, &o->patch.sha256);
    f.object = patch;
    f.object_bytes = PATCH;
}

static void downloading(bool streams)
{
    offered(streams);
    assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_DOWNLOADING);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
}

static void expect_full(enum ot_status reason)
{
    for (unsigned i = 0; i < 100 && a.patch.way == OT_WAY_PATCH; i++) {
        f.now_ms += 5000000;
        (void)agent_work_download(&a);
    }
    assert_int_equal(a.patch.way, OT_WAY_FULL);
    assert_int_equal(a.patch.reason, reason);
    assert_int_equal(a.patch.applied, 0);
    assert_int_equal(a.state, OT_AGENT_DOWNLOADING);
    assert_int_equal(f.records[OT_JOURNAL_PATCH][1], OT_WAY_FULL);
}

static void either_way_the_target_is_rebuilt_and_reported_as_patched(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        downloading(streams);
        assert_int_equal(fake_run(&f, &a, 100), OT_AGENT_VERIFYING);
        assert_memory_equal(f.slots[1], new.bytes, new.size);
        assert_int_equal(a.attempt.received_bytes, PATCH);
        assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_ASKING);
        assert_int_equal(fixture_last_event(&a)->way, OT_WAY_PATCH);
        assert_int_equal(fixture_last_event(&a)->bytes, PATCH);
        for (uint32_t i = FAKE_SLOT_BYTES - 4096u; i < FAKE_SLOT_BYTES; i++)
            assert_int_equal(f.slots[1][i], 0xFF); /* nothing of a stored patch is left */
    }
}

static void a_patch_for_another_base_or_of_a_strange_size_is_not_fetched(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        offered(false);
        struct ot_wire_offer *o = &a.u.reply.offer;
        if (kind == 0)
            o->patch.base.bytes[0] ^= 1u;
        else
            o->patch.bytes = kind == 1 ? 0 : new.size;
        assert_int_equal(fake_run(&f, &a, 3), OT_AGENT_DOWNLOADING);
        expect_full(kind == 0 ? OT_E_PATCH_BASE : OT_E_WIRE_RANGE);
        assert_int_equal(f.calls[FAKE_OPEN], 0);
    }
}

static void a_damaged_patch_gives_way_to_the_full_image(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        downloading(streams);
        feed_says = OT_E_PATCH_FORMAT;
        expect_full(OT_E_PATCH_FORMAT);
        downloading(streams);
        finish_says = OT_E_PATCH_FORMAT;
        expect_full(OT_E_PATCH_FORMAT);
        downloading(streams);
        f.object_bytes = PATCH - 1u;
        expect_full(OT_E_WRONG_TARGET);
    }
    downloading(false);
    a.patch.sha256.bytes[0] ^= 1u; /* stored bytes are decoded only when their hash is right */
    expect_full(OT_E_WRONG_TARGET);
}

static void a_port_that_fails_now_and_then_is_tried_again_and_for_good_is_given_up(void **state)
{
    static const struct {
        enum fake_call call;
        enum ot_status status;
    } kinds[] = {{FAKE_SLOT_ERASE, OT_E_FLASH_ERASE},
                 {FAKE_SLOT_WRITE, OT_E_FLASH_WRITE},
                 {FAKE_JOURNAL_SET, OT_E_JOURNAL}};
    (void)state;
    for (unsigned k = 0; k < 6; k++) {
        downloading(k % 2 == 1);
        fake_fail(&f, kinds[k / 2].call, kinds[k / 2].status, 0, 1);
        assert_int_equal(fake_run(&f, &a, 200), OT_AGENT_VERIFYING);
        assert_memory_equal(f.slots[1], new.bytes, new.size);
        assert_int_equal(a.patch.way, OT_WAY_PATCH);
        if (kinds[k / 2].call == FAKE_JOURNAL_SET)
            continue; /* then it cannot be noted either */
        downloading(k % 2 == 1);
        fake_fail(&f, kinds[k / 2].call, kinds[k / 2].status, 0, 1000);
        expect_full(kinds[k / 2].status);
    }
}

static void a_patch_the_server_no_longer_has_is_done_without(void **state)
{
    (void)state;
    downloading(false);
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    f.open_http_status = 404;
    expect_full(OT_E_HTTP);
}

static void an_agent_that_has_no_decoder_takes_the_full_image(void **state)
{
    (void)state;
    downloading(false);
    a.config.patches = NULL;
    expect_full(OT_E_PATCH_VERSION);
}

static void a_patch_goes_on_after_a_reset_where_the_journal_counted(void **state)
{
    (void)state;
    downloading(false);
    while (a.patch.fetched < PATCH)
        (void)agent_work_download(&a);
    uint32_t opened = f.calls[FAKE_OPEN];
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    a.config.patches = &patches;
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
    assert_int_equal(a.patch.fetched, PATCH);
    while (a.state != OT_AGENT_DOWNLOADING)
        fake_run(&f, &a, 5);
    assert_int_equal(fake_run(&f, &a, 100), OT_AGENT_VERIFYING);
    assert_int_equal(f.calls[FAKE_OPEN], opened); /* not fetched again */
    assert_memory_equal(f.slots[1], new.bytes, new.size);
}

static void a_lost_connection_goes_on_at_the_next_byte(void **state)
{
    (void)state;
    downloading(true);
    fake_fail(&f, FAKE_READ, OT_E_NETWORK, 1, 1);
    while (f.bad[FAKE_READ] > 0)
        (void)agent_work_download(&a);
    assert_false(a.transfer_open);
    assert_int_equal(fed, 256);
    f.now_ms += 5000000;
    assert_int_equal(fake_run(&f, &a, 100), OT_AGENT_VERIFYING);
    assert_int_equal(a.attempt.received_bytes, PATCH); /* nothing twice */
}

static void what_came_out_wrong_or_too_short_is_not_installed(void **state)
{
    (void)state;
    downloading(false);
    while (!patches.is_decoding)
        (void)agent_work_download(&a);
    made = new.size + 1u; /* the decoder says that it made something else */
    expect_full(OT_E_PATCH_RESULT);
    downloading(false);
    assert_int_equal(fake_run(&f, &a, 100), OT_AGENT_VERIFYING);
    f.slots[1][new.size / 2] ^= 1u;
    assert_int_equal(fake_run(&f, &a, 5), OT_AGENT_DOWNLOADING);
    assert_int_equal(a.patch.way, OT_WAY_FULL);
    assert_int_equal(a.patch.reason, OT_E_PATCH_RESULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_way_the_target_is_rebuilt_and_reported_as_patched),
        cmocka_unit_test(a_patch_for_another_base_or_of_a_strange_size_is_not_fetched),
        cmocka_unit_test(a_damaged_patch_gives_way_to_the_full_image),
        cmocka_unit_test(a_port_that_fails_now_and_then_is_tried_again_and_for_good_is_given_up),
        cmocka_unit_test(a_patch_the_server_no_longer_has_is_done_without),
        cmocka_unit_test(an_agent_that_has_no_decoder_takes_the_full_image),
        cmocka_unit_test(a_patch_goes_on_after_a_reset_where_the_journal_counted),
        cmocka_unit_test(a_lost_connection_goes_on_at_the_next_byte),
        cmocka_unit_test(what_came_out_wrong_or_too_short_is_not_installed),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
