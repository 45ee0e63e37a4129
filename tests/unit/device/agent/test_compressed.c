/*
 * An offer with a compressed image: when it is taken, what is taken before and after it, what the journal keeps of it. The
 * decoder is the real one; the patch of these offers is none, and fails, unless a test says so.
 */
#include "fixture.h"

#include "tools/delta.h"

#define BAD_PATCH 300u

enum object { PATCH, COMPRESSED, IMAGE, BLOCKS, OBJECTS };

static struct fixture_image old, new;
static struct delta_patch made, good_patch;
static struct fake_port f;
static struct ot_agent a;
static struct ot_delta delta;
static struct ot_agent_patches patches;

/* What the server has, by name. */
static struct {
    const uint8_t *bytes;
    uint32_t size, opened;
    struct ot_digest sha256;
} objects[OBJECTS];
static enum ot_status (*plain_open)(void *, const char *, const char *, uint32_t, const char *, uint32_t *,
                                    int *);

static int make_images(void **state)
{
    (void)state;
    old = fixture_image("1.0.0", 1, false);
    new = fixture_sized("1.1.0", 2, 20000);
    struct delta_file from = {.bytes = old.bytes, .size = old.size},
                      to = {.bytes = new.bytes, .size = new.size};
    assert_int_equal(delta_make_full(&to, &made), OT_OK);
    assert_int_equal(delta_make(&from, &to, &good_patch), OT_OK);
    assert_true(made.size < new.size);
    return 0;
}

static int drop_images(void **state)
{
    (void)state;
    delta_patch_free(&made);
    delta_patch_free(&good_patch);
    free(old.bytes);
    free(new.bytes);
    return 0;
}

static enum ot_status open_named(void *ctx, const char *path, const char *token, uint32_t offset,
                                 const char *etag, uint32_t *total, int *http_status)
{
    unsigned i = 0;
    char hex[OT_DIGEST_HEX_BYTES];
    for (; i < BLOCKS; i++) {
        ot_digest_to_hex(&objects[i].sha256, hex);
        if (strstr(path, hex) != NULL)
            break;
    }
    if (strstr(path, "/blocks") != NULL)
        i = BLOCKS;
    assert_true(i < OBJECTS);
    objects[i].opened++;
    f.object = objects[i].bytes;
    f.object_bytes = objects[i].size;
    return plain_open(ctx, path, token, offset, etag, total, http_status);
}

static void put(enum object i, const uint8_t *bytes, uint32_t size)
{
    objects[i].bytes = bytes;
    objects[i].size = size;
    ot_sha256_of(f.port.crypto, bytes, size, &objects[i].sha256);
}

/* The agent has an offer in hand: a patch that is none, a compressed image, the image. */
static void offered(bool streams)
{
    static const uint8_t junk[BAD_PATCH] = {'O', 't'};
    fixture_device(&f, &a, &old);
    memset(objects, 0, sizeof objects);
    put(PATCH, junk, sizeof junk);
    put(COMPRESSED, made.bytes, made.size);
    put(IMAGE, new.bytes, new.size);
    put(BLOCKS, objects[IMAGE].sha256.bytes, OT_DIGEST_BYTES); /* one block, whose hash is the file's */
    plain_open = f.port.get_open;
    f.port.get_open = open_named;
    f.replies[0] = fixture_offer(&new, 2, false);
    f.now_ms += 120000;
    while (a.state == OT_AGENT_IDLE)
        fake_run(&f, &a, 5);
    assert_int_equal(a.state, OT_AGENT_OFFERED);
    f.replies[0] = "{\"v\":1,\"ack\":9,\"poll_s\":60}";
    patches = (struct ot_agent_patches)OT_AGENT_PATCHES(&delta);
    patches.streams = streams;
    a.config.patches = &patches;
    struct ot_wire_offer *o = &a.u.reply.offer;
    o->has_patch = o->has_compressed = true;
    o->patch = (struct ot_wire_patch){old.identity, objects[PATCH].sha256, objects[PATCH].size};
    o->compressed = (struct ot_wire_patch){.sha256 = objects[COMPRESSED].sha256, .bytes = made.size};
}

/* To the point where the server is asked, whatever has to be waited for. */
static void install(void)
{
    for (unsigned i = 0; i < 300 && a.state != OT_AGENT_ASKING; i++) {
        f.now_ms += 5000000;
        fake_run(&f, &a, 20);
    }
    assert_int_equal(a.state, OT_AGENT_ASKING);
    assert_memory_equal(f.slots[1], new.bytes, new.size);
    for (uint32_t i = FAKE_SLOT_BYTES - 16384u; i < FAKE_SLOT_BYTES; i++)
        assert_int_equal(f.slots[1][i], 0xFF); /* nothing of what was stored is left */
}

static void expect(enum ot_way way, enum ot_status why, uint32_t bytes, uint32_t patch_opened,
                   uint32_t compressed_opened, uint32_t image_opened)
{
    install();
    const struct ot_wire_event *e = fixture_last_event(&a);
    assert_int_equal(e->kind, OT_EVENT_INSTALLED);
    assert_int_equal(e->way, way);
    assert_int_equal(e->reason, why);
    assert_int_equal(e->bytes, bytes);
    assert_int_equal(objects[PATCH].opened, patch_opened);
    assert_int_equal(objects[COMPRESSED].opened, compressed_opened);
    assert_int_equal(objects[IMAGE].opened, image_opened);
}

/* --- the order --- */

static void a_compressed_image_needs_no_patch_and_no_base(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        offered(streams != 0);
        a.u.reply.offer.has_patch = false;
        expect(OT_WAY_COMPRESSED, OT_OK, made.size, 0, 1, 0);
        offered(streams != 0);
        a.u.reply.offer.patch.base.bytes[0] ^= 1u; /* a patch for something else is not even fetched */
        expect(OT_WAY_COMPRESSED, OT_E_PATCH_BASE, made.size, 0, 1, 0);
    }
}

static void a_patch_that_works_is_all_that_is_fetched(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        offered(streams != 0);
        put(PATCH, good_patch.bytes, good_patch.size);
        a.u.reply.offer.patch.sha256 = objects[PATCH].sha256;
        a.u.reply.offer.patch.bytes = good_patch.size;
        expect(OT_WAY_PATCH, OT_OK, good_patch.size, 1, 0, 0);
    }
}

static void after_a_patch_the_compressed_image_and_after_that_the_image(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        uint32_t patch_costs = streams ? 256 : BAD_PATCH; /* refused by its first bytes */
        offered(streams != 0);
        expect(OT_WAY_COMPRESSED, OT_E_PATCH_MAGIC, patch_costs + made.size, 1, 1, 0);
        offered(streams != 0);
        static uint8_t other[65536];
        memcpy(other, made.bytes, made.size);
        other[4] = 9; /* a method that nobody knows */
        objects[COMPRESSED].bytes = other;
        ot_sha256_of(f.port.crypto, other, made.size, &objects[COMPRESSED].sha256);
        a.u.reply.offer.compressed.sha256 = objects[COMPRESSED].sha256;
        expect(OT_WAY_FULL, OT_E_PATCH_MAGIC, patch_costs + new.size + (streams ? 256u : made.size), 1, 1,
               1); /* the first cause is told */
    }
}

static void what_decodes_and_is_not_the_target_gives_way_to_the_image(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        struct delta_patch wrong;
        struct delta_file file = {.bytes = new.bytes, .size = new.size};
        new.bytes[new.size / 2] ^= 1u;
        assert_int_equal(delta_make_full(&file, &wrong), OT_OK);
        new.bytes[new.size / 2] ^= 1u;
        offered(streams != 0);
        a.u.reply.offer.has_patch = false;
        put(COMPRESSED, wrong.bytes, wrong.size);
        a.u.reply.offer.compressed.sha256 = objects[COMPRESSED].sha256;
        a.u.reply.offer.compressed.bytes = wrong.size;
        expect(OT_WAY_FULL, OT_E_PATCH_RESULT, wrong.size + new.size, 0, 1, 1);
        delta_patch_free(&wrong);
    }
}

static void a_size_that_saves_nothing_is_not_fetched(void **state)
{
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        offered(false);
        a.u.reply.offer.has_patch = false;
        a.u.reply.offer.compressed.bytes = zero ? 0 : new.size;
        expect(OT_WAY_FULL, OT_E_WIRE_RANGE, new.size, 0, 0, 1);
    }
}

static void one_that_the_server_does_not_have_is_done_without(void **state)
{
    (void)state;
    offered(false);
    a.u.reply.offer.has_patch = false;
    fake_fail(&f, FAKE_OPEN, OT_E_HTTP, 0, 1);
    f.open_http_status = 404;
    expect(OT_WAY_FULL, OT_E_HTTP, new.size, 0, 1, 1);
}

static void an_agent_without_a_decoder_says_so_and_takes_the_image(void **state)
{
    (void)state;
    offered(false);
    a.config.patches = NULL;
    expect(OT_WAY_FULL, OT_OK, new.size, 0, 0, 1);
    assert_null(strstr((const char *)f.posted, "compressed_profile"));
    offered(false);
    install();
    assert_non_null(strstr((const char *)f.posted, "\"compressed_profile\":1"));
}

/* --- the slot's end --- */

static void only_what_was_stored_is_erased(void **state)
{
    (void)state;
    offered(false);
    put(PATCH, good_patch.bytes, good_patch.size);
    a.u.reply.offer.patch.sha256 = objects[PATCH].sha256;
    a.u.reply.offer.patch.bytes = good_patch.size;
    uint32_t patch_at = FAKE_SLOT_BYTES - (good_patch.size + 4095u) / 4096u * 4096u,
             compressed_at = FAKE_SLOT_BYTES - (made.size + 4095u) / 4096u * 4096u;
    a.u.reply.offer.compressed.bytes +=
        FAKE_SLOT_BYTES - compressed_at < FAKE_SLOT_BYTES - patch_at ? 8192u : 0;
    compressed_at = FAKE_SLOT_BYTES - (a.u.reply.offer.compressed.bytes + 4095u) / 4096u * 4096u;
    f.slots[1][compressed_at - 4096u] = 7; /* beyond either */
    install();
    assert_int_equal(f.slots[1][compressed_at - 4096u], 7);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
}

/* --- the journal --- */

static void reset(void)
{
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    a.config.patches = &patches;
    while (a.state == OT_AGENT_STARTING)
        fake_run(&f, &a, 1);
}

static void after_a_reset_it_goes_on_by_the_way_it_was_on(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        offered(streams != 0);
        while (agent_way(&a) != OT_WAY_COMPRESSED || a.compressed.starts == 0)
            fake_run(&f, &a, 1);
        reset();
        assert_int_equal(agent_way(&a), OT_WAY_COMPRESSED);
        assert_int_equal(a.patch.reason, OT_E_PATCH_MAGIC);
        install();
        assert_int_equal(objects[PATCH].opened, 1); /* not tried again */
        assert_int_equal(fixture_last_event(&a)->way, OT_WAY_COMPRESSED);
        assert_int_equal(fixture_last_event(&a)->bytes, a.attempt.received_bytes);
        /* An agent of the time before: its record of the patch says the image, and nothing else it does not know. */
        assert_int_equal(f.records[OT_JOURNAL_PATCH][1], OT_WAY_FULL);
        assert_int_equal(f.records[OT_JOURNAL_COMPRESSED][1], OT_WAY_COMPRESSED);
    }
}

static void a_reset_after_the_last_smaller_way_goes_on_with_the_image(void **state)
{
    (void)state;
    offered(false);
    a.u.reply.offer.compressed.sha256.bytes[0] ^= 1u;
    objects[COMPRESSED].sha256.bytes[0] ^= 1u;
    while (a.state != OT_AGENT_DOWNLOADING || agent_way(&a) != OT_WAY_FULL)
        fake_run(&f, &a, 1);
    uint32_t opened = objects[COMPRESSED].opened;
    reset();
    assert_int_equal(agent_way(&a), OT_WAY_FULL);
    install();
    assert_int_equal(objects[COMPRESSED].opened, opened);
    assert_int_equal(fixture_last_event(&a)->way, OT_WAY_FULL);
}

static void events_of_this_way_read_as_full_to_an_older_agent(void **state)
{
    (void)state;
    offered(false);
    f.http_status = 503; /* nothing is acknowledged */
    a.u.reply.offer.has_patch = false;
    install();
    const struct ot_wire_event *e = fixture_last_event(&a);
    const uint8_t *record = f.records[OT_JOURNAL_OUTBOX] + 8 + (a.outbox.count - 1u) * 40u;
    assert_int_equal(e->way, OT_WAY_COMPRESSED);
    assert_int_equal(record[5], OT_WAY_FULL); /* where that looks */
    reset();
    assert_int_equal(fixture_last_event(&a)->way, OT_WAY_COMPRESSED);
}

static void the_note_of_another_attempt_says_nothing(void **state)
{
    (void)state;
    offered(false);
    while (a.state != OT_AGENT_DOWNLOADING)
        fake_run(&f, &a, 1);
    a.attempt.id[0] = 'b';
    assert_int_equal(agent_save_patch(&a, &a.compressed), OT_OK);
    assert_int_equal(fake_agent(&f, &a), OT_OK);
    assert_int_equal(a.compressed.way, OT_WAY_NONE);
    assert_int_equal(a.patch.way, OT_WAY_PATCH);
}

static void ways_that_cannot_be_noted_end_the_attempt(void **state)
{
    (void)state;
    for (uint32_t good = 0; good < 2; good++) {
        offered(false);
        fake_fail(&f, FAKE_JOURNAL_SET, OT_E_JOURNAL, good, 1);
        assert_int_equal(agent_work_offered(&a), EV_ENDED);
        assert_int_equal(fixture_last_event(&a)->reason, OT_E_JOURNAL);
    }
}

/* --- power that never lasts --- */

static void boots_without_progress_are_counted_and_the_image_takes_over(void **state)
{
    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        offered(streams != 0);
        a.u.reply.offer.has_patch = false;
        while (a.compressed.starts == 0)
            fake_run(&f, &a, 1);
        for (unsigned i = 1; i < OT_AGENT_PATCH_STARTS; i++) {
            reset();
            while (a.compressed.starts == i)
                fake_run(&f, &a, 1);
            assert_int_equal(agent_way(&a), OT_WAY_COMPRESSED);
        }
        reset();
        expect(OT_WAY_FULL, OT_E_PATCH_RESETS, new.size, 0, 0, 1);
    }
}

static void a_boot_that_got_a_block_further_is_not_counted(void **state)
{
    (void)state;
    struct fixture_image small = new;
    struct delta_patch small_made = made;
    new = fixture_sized("1.1.0", 2, 80000);
    assert_int_equal(delta_make_full(&(struct delta_file){.bytes = new.bytes, .size = new.size}, &made),
                     OT_OK);
    offered(true);
    a.u.reply.offer.has_patch = false;
    for (unsigned i = 0; i + 1u < OT_AGENT_PATCH_STARTS; i++) {
        while (a.compressed.starts == i)
            fake_run(&f, &a, 1);
        reset();
    }
    while (a.compressed.applied == 0)
        fake_run(&f, &a, 1);
    assert_int_equal(a.compressed.applied, 65536);
    assert_int_equal(a.compressed.starts, 0);
    reset();
    assert_int_equal(a.compressed.applied, 65536);
    while (a.state != OT_AGENT_VERIFYING)
        fake_run(&f, &a, 1);
    assert_memory_equal(f.slots[1], new.bytes, new.size);
    assert_int_equal(agent_way(&a), OT_WAY_COMPRESSED);
    free(new.bytes);
    delta_patch_free(&made);
    new = small;
    made = small_made;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compressed_image_needs_no_patch_and_no_base),
        cmocka_unit_test(a_patch_that_works_is_all_that_is_fetched),
        cmocka_unit_test(after_a_patch_the_compressed_image_and_after_that_the_image),
        cmocka_unit_test(what_decodes_and_is_not_the_target_gives_way_to_the_image),
        cmocka_unit_test(a_size_that_saves_nothing_is_not_fetched),
        cmocka_unit_test(one_that_the_server_does_not_have_is_done_without),
        cmocka_unit_test(an_agent_without_a_decoder_says_so_and_takes_the_image),
        cmocka_unit_test(only_what_was_stored_is_erased),
        cmocka_unit_test(after_a_reset_it_goes_on_by_the_way_it_was_on),
        cmocka_unit_test(a_reset_after_the_last_smaller_way_goes_on_with_the_image),
        cmocka_unit_test(events_of_this_way_read_as_full_to_an_older_agent),
        cmocka_unit_test(the_note_of_another_attempt_says_nothing),
        cmocka_unit_test(ways_that_cannot_be_noted_end_the_attempt),
        cmocka_unit_test(boots_without_progress_are_counted_and_the_image_takes_over),
        cmocka_unit_test(a_boot_that_got_a_block_further_is_not_counted),
    };
    return cmocka_run_group_tests(tests, make_images, drop_images);
}
