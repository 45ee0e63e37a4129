/* See fixture.h. */
#include "fixture.h"

#include "base/crypto_openssl.h"

static struct sign_key *key;

void fixture_key(struct ot_digest *out)
{
    if (key == NULL)
        key = sign_key_make(OT_SCHEME_ECDSA256);
    sign_key_digest(key, out);
}

static struct fixture_image make(const struct image_spec *spec)
{
    struct fixture_image image;
    struct ot_digest unused;
    struct ot_image parsed;
    struct ot_image_digests digests;
    uint8_t scratch[256];
    uint32_t size;
    fixture_key(&unused);
    uint8_t *plain = image_make(spec, &size);
    image.bytes = sign_file(plain, size, &key, 1, &image.size);
    free(plain);
    struct failing_source state = {.bytes = image.bytes, .size = image.size, .fail_at = UINT32_MAX};
    struct ot_source source = failing_source(&state);
    assert_int_equal(ot_image_parse(&source, &(struct ot_image_limits){.space = 0}, &parsed), OT_OK);
    assert_int_equal(ot_image_hash(&source, &parsed, crypto_openssl(), scratch, sizeof scratch, &digests),
                     OT_OK);
    image.identity = digests.identity;
    return image;
}

struct fixture_image fixture_described(const char *version, const struct ot_descriptor *d,
                                       uint32_t secure_version)
{
    return make(&(struct image_spec){
        .chip_id = 5, .version = version, .descriptor = d, .secure_version = secure_version});
}

struct fixture_image fixture_image(const char *version, uint32_t release, bool undescribed)
{
    struct ot_descriptor d = {.release = release, .hardware_revisions = 1};
    return make(
        &(struct image_spec){.chip_id = 5, .version = version, .descriptor = undescribed ? NULL : &d});
}

struct fixture_image fixture_sized(const char *version, uint32_t release, uint32_t size)
{
    struct ot_descriptor d = {.release = release, .hardware_revisions = 1};
    return make(&(struct image_spec){
        .chip_id = 5, .version = version, .descriptor = &d, .size = size, .repeats = true, .seed = release});
}

void fixture_device(struct fake_port *f, struct ot_agent *a, const struct fixture_image *image)
{
    fake_port_start(f);
    fake_put_image(f, 0, image->bytes, image->size);
    f->facts.factory_key_count = 1;
    fixture_key(&f->facts.factory_keys[0]);
    assert_int_equal(fake_agent(f, a), OT_OK);
    while (a->state != OT_AGENT_IDLE || !a->enrolled)
        fake_run(f, a, 50);
    assert_true(agent_is_proven(a));
}

const char *fixture_offer(const struct fixture_image *image, uint32_t release, bool undescribed)
{
    static char text[2048];
    struct ot_wire_reply m = {.poll_s = 60, .has_offer = true};
    struct ot_wire_offer *o = &m.offer;
    size_t len;
    memcpy(o->attempt, "a-1", 4);
    memcpy(o->version, "1.1.0", 6);
    o->release = release;
    o->target = image->identity;
    o->lease_s = 600;
    o->undescribed = undescribed;
    o->image.bytes = image->size;
    o->image.block_bytes = OT_AGENT_BLOCK_BYTES;
    ot_sha256_of(crypto_openssl(), image->bytes, image->size, &o->image.sha256);
    ot_sha256_of(crypto_openssl(), o->image.sha256.bytes, OT_DIGEST_BYTES,
                 &o->image.blocks_sha256); /* one block */
    assert_int_equal(ot_wire_reply_write(&m, text, sizeof text - 1u, &len), OT_OK);
    text[len] = '\0';
    return text;
}

const struct ot_wire_event *fixture_last_event(const struct ot_agent *a)
{
    assert_true(a->outbox.count > 0);
    return &a->outbox.events[a->outbox.count - 1];
}
