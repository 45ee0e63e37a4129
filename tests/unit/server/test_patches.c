/*
 * Which patches and compressed images a fleet wants, in which order, what is dropped and withdrawn, and what a device is
 * offered of it. Nothing is made here: results are handed back as the maker would.
 */
#include "fleet/fleet.h"
#include "fleet/patches.h"
#include "image_support.h"
#include "sign_support.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 4u

static struct sign_key *key;
static struct temp_dir dir;
static struct fleet *f;
static struct fleet_product *p;
static struct ot_wire_check_in facts[DEVICES];

static void open_it(void)
{
    struct error err;
    f = fleet_open(dir.path, 60, NULL, &err);
    assert_non_null(f);
    f->patch_bases = 2;
    p = fleet_product(f, "lamp");
}

static struct fleet_image *push(uint32_t release)
{
    char version[16];
    struct ot_descriptor desc = {.release = release, .hardware_revisions = 1};
    snprintf(version, sizeof version, "1.%u.0", release);
    struct image_spec spec = {
        .chip_id = 5, .project = "lamp", .version = version, .descriptor = &desc, .seed = release};
    struct fleet_refusal refusal;
    struct fleet_release *out = NULL;
    uint32_t plain_size, size;
    bool created;
    uint8_t *plain = image_make(&spec, &plain_size), *file = sign_file(plain, plain_size, &key, 1, &size);
    struct fleet_push what = {.product = "lamp", .bytes = file, .len = size};
    assert_int_equal(fleet_release_push(f, "test", &what, &out, &created, &refusal, NULL, NULL), 0);
    free(plain);
    free(file);
    return &out->images[0];
}

/* Device `i` says that it runs this, and what it decodes. */
static void says(uint32_t i, const struct fleet_image *runs, uint8_t patches, uint8_t compressed)
{
    struct fleet_token token = {.role = ROLE_ENROL, .product = p, .uses = -1};
    struct ot_wire_enrol m = {.chip_id = 5};
    struct ot_wire_check_in *c = &facts[i];
    struct ot_wire_reply reply;
    struct fleet_refusal refusal;
    bool created, wait;
    snprintf(m.device, sizeof m.device, "lamp-%u", i);
    memcpy(m.token_sha256.bytes, &(uint32_t){i + 1}, sizeof i);
    assert_int_equal(fleet_enrol(f, &token, &m, &created, &refusal, NULL, NULL), 0);
    *c = (struct ot_wire_check_in){
        .chip_id = 5, .slot_bytes = 1u << 20, .patch_profile = patches, .compressed_profile = compressed};
    memcpy(c->device, m.device, sizeof m.device);
    c->running.present = true;
    c->running.digest = runs->digest;
    assert_int_equal(fleet_check_in(f, fleet_device(p, m.device), c, &reply, &wait, &refusal, NULL, NULL), 0);
}

static void begin(void)
{
    char err[100];
    struct ring_plan rings = {.count = 0};
    struct ot_digest trust;
    struct fleet_refusal refusal;
    temp_dir_make(&dir);
    open_it();
    assert_int_equal(ring_plan_add(&rings, "rest", err, sizeof err), 0);
    sign_key_digest(key, &trust);
    assert_int_equal(fleet_product_create(f, "test", "lamp", &rings, &trust, 1, &refusal, NULL, NULL), 0);
    p = fleet_product(f, "lamp");
}

static void end(void)
{
    fleet_close(f);
    temp_dir_remove(&dir);
}

/* What the maker is given next, and that it came to so many bytes. */
static void make_next(const struct fleet_image *target, const struct ot_digest *base, uint32_t bytes)
{
    struct fleet_patch_job job;
    assert_true(fleet_patch_next(f, &job));
    assert_memory_equal(&job.target_sha256, &target->sha256, sizeof job.target_sha256);
    assert_memory_equal(&job.patch.base, base, sizeof job.patch.base);
    job.patch.bytes = bytes;
    job.patch.sha256 = *base;
    job.patch.sha256.bytes[31] ^= 0x5A;
    job.patch.state = bytes < job.worth_below ? PATCH_MADE : PATCH_DROPPED;
    fleet_patch_put(f, &job);
}

static bool wants_more(void)
{
    struct fleet_patch_job job;
    return fleet_patch_next(f, &job);
}

static const struct ot_digest none;

static struct fleet_image *newest(void)
{
    return &p->releases[p->release_count - 1]->images[0];
}

static void the_compressed_image_comes_first_and_is_what_a_patch_must_beat(void **state)
{
    (void)state;
    begin();
    const struct fleet_image *a = push(1), *b = push(2);
    for (uint32_t i = 0; i < 3; i++)
        says(i, a, 1, 1);
    says(3, b, 1, 1);
    const struct fleet_image *c = push(3);
    make_next(c, &none, 700);
    make_next(c, &a->digest, 700); /* no smaller: dropped */
    make_next(c, &b->digest, 699);
    assert_false(wants_more());
    assert_null(fleet_patch_for(c, &facts[0]));
    assert_int_equal(fleet_compressed_for(c, &facts[0])->bytes, 700);
    assert_int_equal(fleet_patch_for(c, &facts[3])->bytes, 699);
    assert_int_equal(fleet_patch_count(c), 2); /* of two: the compressed image takes no place */
    fleet_close(f);
    open_it(); /* as it was */
    assert_null(fleet_patch_for(newest(), &facts[0]));
    assert_int_equal(fleet_compressed_for(newest(), &facts[0])->bytes, 700);
    assert_int_equal(fleet_patch_for(newest(), &facts[3])->bytes, 699);
    assert_false(wants_more());
    end();
}

static void only_devices_that_say_so_are_offered_one(void **state)
{
    (void)state;
    begin();
    const struct fleet_image *a = push(1);
    says(0, a, 1, 0);
    const struct fleet_image *b = push(2);
    make_next(b, &a->digest, 900); /* nobody takes a compressed image: none is made */
    assert_false(wants_more());
    says(1, a, 0, 1);
    make_next(b, &none, 800);
    assert_null(fleet_compressed_for(b, &facts[0]));
    assert_int_equal(fleet_compressed_for(b, &facts[1])->bytes, 800);
    assert_null(fleet_patch_for(b, &facts[1]));
    assert_null(fleet_patch_for(b, &facts[0])); /* made before, and no smaller: dropped now */
    struct ot_wire_check_in blank = facts[0];
    blank.running.digest = none; /* what runs does not verify: not the base of a compressed image */
    assert_null(fleet_patch_for(b, &blank));
    end();
}

static void one_that_saves_nothing_is_dropped_and_where_none_are_wanted_none_is_made(void **state)
{
    (void)state;
    begin();
    const struct fleet_image *a = push(1);
    says(0, a, 1, 1);
    const struct fleet_image *b = push(2);
    f->patch_bases = 0;
    assert_false(wants_more());
    f->patch_bases = 1;
    make_next(b, &none, b->bytes);
    assert_null(fleet_compressed_for(b, &facts[0]));
    assert_int_equal(fleet_compressed_of(b)->state, PATCH_DROPPED);
    make_next(b, &a->digest, b->bytes - 1u); /* then the image is what a patch must beat */
    assert_int_equal(fleet_patch_for(b, &facts[0])->bytes, b->bytes - 1u);
    assert_false(wants_more());
    end();
}

static void note(const struct fleet_image *image, enum ot_way way, enum ot_status why)
{
    struct store_batch *batch = store_batch_new();
    fleet_patch_note(f, batch, image, &facts[0], way, why);
    store_commit(f->store, batch, NULL, NULL);
}

static void what_devices_cannot_use_is_withdrawn_each_by_itself(void **state)
{
    (void)state;
    begin();
    const struct fleet_image *a = push(1);
    says(0, a, 1, 1);
    const struct fleet_image *b = push(2);
    make_next(b, &none, 800);
    make_next(b, &a->digest, 100);
    for (uint32_t i = 0; i < FLEET_PATCH_REFUSALS; i++) {
        assert_non_null(fleet_patch_for(b, &facts[0]));
        note(b, OT_WAY_COMPRESSED, OT_E_PATCH_FORMAT); /* the patch failed, the compressed image did not */
    }
    assert_null(fleet_patch_for(b, &facts[0]));
    assert_int_equal(fleet_compressed_of(b)->taken, FLEET_PATCH_REFUSALS);
    for (uint32_t i = 0; i < FLEET_PATCH_REFUSALS; i++) {
        assert_non_null(fleet_compressed_for(b, &facts[0]));
        note(b, OT_WAY_FULL, OT_OK); /* it was not offered: says nothing */
        note(b, OT_WAY_FULL, OT_E_PATCH_RESULT);
    }
    assert_null(fleet_compressed_for(b, &facts[0]));
    assert_int_equal(fleet_compressed_of(b)->state, PATCH_WITHDRAWN);
    assert_false(wants_more());
    fleet_close(f);
    open_it();
    assert_null(fleet_compressed_for(newest(), &facts[0]));
    assert_null(fleet_patch_for(newest(), &facts[0]));
    end();
}

static int make_key(void **state)
{
    (void)state;
    key = sign_key_make(OT_SCHEME_ECDSA256);
    return 0;
}

static int free_key(void **state)
{
    (void)state;
    sign_key_free(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_compressed_image_comes_first_and_is_what_a_patch_must_beat),
        cmocka_unit_test(only_devices_that_say_so_are_offered_one),
        cmocka_unit_test(one_that_saves_nothing_is_dropped_and_where_none_are_wanted_none_is_made),
        cmocka_unit_test(what_devices_cannot_use_is_withdrawn_each_by_itself),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
