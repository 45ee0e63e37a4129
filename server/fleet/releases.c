/*
 * Upload: the same judgement the device will make, so that a person hears of it first.
 *
 * Structure, digest, shape of the file, signature by a key the product trusts, descriptor, product, the rules of release
 * numbers, and the devices there are. What passes is stored and described; what does not is named with its cause and
 * place, and leaves nothing behind.
 */
#include "fleet.h"

#include "artifact/artifact.h"
#include "base/crypto_openssl.h"
#include "load.h"
#include "otaria/fit.h"
#include "otaria/trust.h"
#include "suits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judged {
    struct ot_image image;
    struct ot_image_digests digests;
    struct ot_descriptor desc;
    bool described;
    char version[OT_VERSION_MAX + 1];
    uint32_t number;
    struct fleet_image row;
};

static int refuse_status(struct fleet_refusal *r, enum ot_status st, const char *what)
{
    return fleet_refuse(r, 422, ot_status_wire(st), "%s: %s", what, ot_status_text(st));
}

static int judge_structure(const struct ot_source *src, struct judged *j, struct fleet_refusal *r)
{
    uint8_t scratch[4096];
    bool is_signed = false;
    struct ot_image_limits limits = {0};
    enum ot_status st = ot_image_parse(src, &limits, &j->image);
    if (st != OT_OK)
        return refuse_status(r, st, "image");
    st = ot_image_file_shape(src, &j->image, &is_signed);
    if (st != OT_OK)
        return refuse_status(r, st, "file");
    st = ot_image_hash(src, &j->image, crypto_openssl(), scratch, sizeof scratch, &j->digests);
    if (st != OT_OK)
        return refuse_status(r, st, "image");
    if (ot_chip_by_id(j->image.chip_id) == NULL)
        return fleet_refuse(r, 422, "wrong_chip", "image: chip id 0x%04x is not known here",
                            j->image.chip_id);
    if (!is_signed)
        return refuse_status(r, OT_E_UNSIGNED, "image");
    return 0;
}

static int judge_trust(const struct ot_source *src, const struct fleet_trust *trust, struct judged *j,
                       struct fleet_refusal *r)
{
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    struct ot_verdict verdict = {0};
    struct ot_trust_set set = {.keys = trust->keys,
                               .key_count = trust->key_count,
                               .revoked = trust->revoked,
                               .revoked_count = trust->revoked_count};
    ot_trust_judge(src, &j->image, &j->digests, &set, crypto_openssl(), scratch, sizeof scratch, &verdict);
    if (!ot_verdict_accepts(&verdict, &j->digests.identity))
        return refuse_status(r, verdict.reason, "signature");
    for (uint32_t i = 0; i < OT_SIG_BLOCKS_MAX; i++) {
        struct ot_sig_block block;
        if (ot_source_read(src, j->image.signature_offset + i * OT_SIG_BLOCK_BYTES, scratch,
                           sizeof scratch) != OT_OK ||
            ot_sig_block_parse(scratch, crypto_openssl(), &block) != OT_OK)
            break;
        if (ot_digest_equal(&block.covered, &j->digests.covered) &&
            ot_sig_block_verify(&block, crypto_openssl()) == OT_OK)
            j->row.keys[j->row.key_count++] = block.key;
    }
    return 0;
}

/* Keys the image retires must leave at least one that has signed it. */
static bool would_lock_out(const struct judged *j)
{
    for (uint32_t i = 0; i < j->row.key_count; i++) {
        bool retired = false, kept = j->desc.key_count == 0;
        for (uint32_t k = 0; k < j->desc.revoke_count; k++)
            retired = retired || ot_digest_equal(&j->desc.revoke[k], &j->row.keys[i]);
        for (uint32_t k = 0; k < j->desc.key_count; k++)
            kept = kept || ot_digest_equal(&j->desc.keys[k], &j->row.keys[i]);
        if (kept && !retired)
            return false;
    }
    return j->desc.key_count == 0; /* with a key list of its own, other keys may take over */
}

static int judge_descriptor(const struct ot_source *src, const struct fleet_product *p,
                            const struct fleet_push *push, struct judged *j, struct fleet_refusal *r)
{
    enum ot_status st = ot_descriptor_read(src, &j->desc);
    j->described = st == OT_OK;
    if (st != OT_OK && st != OT_E_DESC_MISSING)
        return refuse_status(r, st, "descriptor at 0x120");
    if (j->described && push->undescribed)
        return fleet_refuse(r, 422, "described", "the image describes itself: push it without --undescribed");
    if (!j->described && !push->undescribed)
        return fleet_refuse(r, 422, ot_status_wire(OT_E_DESC_MISSING),
                            "%s: add one, or push it with --undescribed, --version and --release",
                            ot_status_text(OT_E_DESC_MISSING));
    struct ot_fit_place place = {.product = p->name, .allows_undescribed = push->undescribed};
    st = ot_fit_judge(&j->image, true, j->described ? &j->desc : NULL, &place);
    if (st == OT_E_WRONG_PRODUCT)
        return fleet_refuse(r, 422, ot_status_wire(st), "the image is for product \"%s\", not for %s",
                            ot_wire_is_version(j->image.app.project) ? j->image.app.project : "(unprintable)",
                            p->name);
    if (st != OT_OK)
        return refuse_status(r, st, "image");
    if (j->described && would_lock_out(j))
        return refuse_status(r, OT_E_LOCKOUT, "descriptor");
    snprintf(j->version, sizeof j->version, "%s", j->described ? j->image.app.version : push->version);
    j->number = j->described ? j->desc.release : push->number;
    if (!ot_wire_is_version(j->version) || j->number == 0)
        return fleet_refuse(r, 422, "version",
                            "version (1 to %u printable bytes) and release (above 0) are needed",
                            OT_VERSION_MAX);
    return 0;
}

static void describe(const struct fleet_push *push, struct judged *j)
{
    struct fleet_image *row = &j->row;
    row->digest = j->digests.identity;
    row->bytes = (uint32_t)push->len;
    row->chip_id = j->image.chip_id;
    row->hardware_revisions = j->described ? j->desc.hardware_revisions : UINT64_MAX;
    row->floor = j->described ? j->desc.floor : 0;
    row->secure_version = j->image.app.secure_version;
    row->min_slot_bytes = ot_image_space_needed(&j->image, true);
    if (j->described && j->desc.min_slot_bytes > row->min_slot_bytes)
        row->min_slot_bytes = j->desc.min_slot_bytes;
    row->undescribed = !j->described;
    ot_sha256_of(crypto_openssl(), push->bytes, push->len, &row->sha256);
    if (!j->described)
        return;
    row->trust_count = j->desc.key_count;
    row->revoke_count = j->desc.revoke_count;
    memcpy(row->trust, j->desc.keys, sizeof row->trust);
    memcpy(row->revoke, j->desc.revoke, sizeof row->revoke);
}

/* A new release: at or above every floor, and above all others. */
static int place_new(const struct fleet_product *p, const struct judged *j, struct fleet_refusal *r)
{
    uint32_t floor;
    const struct fleet_release *above = fleet_floor_of(p, &floor);
    if (j->number < floor)
        return fleet_refuse(r, 422, ot_status_wire(OT_E_BELOW_FLOOR),
                            "release %" PRIu32 " is below the floor of %" PRIu32 " that %s sets", j->number,
                            floor, above->version);
    for (size_t i = 0; i < p->release_count; i++) {
        if (p->releases[i]->number >= j->number)
            return fleet_refuse(r, 422, "release_order",
                                "release %" PRIu32 " is not above release %" PRIu32
                                " (%s): numbers only rise",
                                j->number, p->releases[i]->number, p->releases[i]->version);
    }
    return 0;
}

/* The release this image belongs to: the one of its version, or a new one. */
static int place(const struct fleet_product *p, const struct judged *j, struct fleet_release **existing,
                 bool *same, struct fleet_refusal *r)
{
    *existing = fleet_release(p, j->version);
    *same = false;
    if (*existing == NULL)
        return place_new(p, j, r);
    if ((*existing)->number != j->number)
        return fleet_refuse(r, 409, "exists", "version %s is release %" PRIu32 ", not %" PRIu32, j->version,
                            (*existing)->number, j->number);
    for (uint32_t i = 0; i < (*existing)->image_count; i++) {
        const struct fleet_image *have = &(*existing)->images[i];
        if (ot_digest_equal(&have->sha256, &j->row.sha256)) {
            *same = true;
            return 0;
        }
        if (have->chip_id == j->row.chip_id && (have->hardware_revisions & j->row.hardware_revisions) != 0)
            return fleet_refuse(r, 409, "exists", "version %s already has another image for that hardware",
                                j->version);
    }
    if ((*existing)->image_count == FLEET_IMAGES_MAX)
        return fleet_refuse(r, 422, "too_many_images", "a release has at most %u images", FLEET_IMAGES_MAX);
    return 0;
}

static struct fleet_release *store_release(struct fleet *f, struct fleet_product *p, const struct judged *j,
                                           struct fleet_release *release, struct store_batch *batch)
{
    if (release == NULL) {
        release = fleet_need(calloc(1, sizeof *release));
        release->id = f->next_release++;
        release->product = p;
        release->number = j->number;
        release->created_ms = fleet_wall_ms(f);
        snprintf(release->version, sizeof release->version, "%s", j->version);
        fleet_append((void ***)&p->releases, &p->release_count, release);
        store_add(batch, STORE_PUT_RELEASE, release->id, p->name, release->version, (int64_t)release->number,
                  release->created_ms);
    }
    const struct fleet_image *i = &j->row;
    char *keys = fleet_digests_to_text(i->keys, i->key_count),
         *trusts = fleet_digests_to_text(i->trust, i->trust_count),
         *revokes = fleet_digests_to_text(i->revoke, i->revoke_count);
    release->images[release->image_count++] = *i;
    store_add(batch, STORE_PUT_IMAGE, release->id, &i->digest, &i->sha256, (int64_t)i->bytes, &i->blocks,
              (int64_t)i->chip_id, (int64_t)i->hardware_revisions, (int64_t)i->floor,
              (int64_t)i->secure_version, (int64_t)i->min_slot_bytes, (int64_t)i->undescribed, keys, trusts,
              revokes);
    free(keys);
    free(trusts);
    free(revokes);
    return release;
}

/* What the bytes alone and the product's keys decide; without the lock, because it takes a while. */
static int judge_bytes(const struct fleet_product *p, const struct fleet_trust *trust,
                       const struct fleet_push *push, struct judged *j, struct fleet_refusal *refusal)
{
    struct ot_memory memory = {.bytes = push->bytes, .size = (uint32_t)push->len};
    struct ot_source src = ot_source_from_memory(&memory);
    if (judge_structure(&src, j, refusal) != 0 || judge_trust(&src, trust, j, refusal) != 0 ||
        judge_descriptor(&src, p, push, j, refusal) != 0)
        return -1;
    describe(push, j);
    return 0;
}

/* What the product has already: its releases, its devices. With the lock. */
static int judge_place(const struct fleet_product *p, const struct fleet_push *push, const struct judged *j,
                       struct fleet_release **release, bool *same, struct fleet_refusal *refusal)
{
    if (place(p, j, release, same, refusal) != 0)
        return -1;
    return *same || push->any_device ? 0 : fleet_suits(p, &j->image, j->described ? &j->desc : NULL, refusal);
}

int fleet_release_push(struct fleet *f, const char *who, const struct fleet_push *push,
                       struct fleet_release **out, bool *created, struct fleet_refusal *refusal,
                       fleet_done *done, void *ctx)
{
    struct judged j = {.number = 0};
    struct artifact artifact;
    struct fleet_trust trust;
    struct error err;
    bool same = false;
    *created = false;
    fleet_lock(f);
    struct fleet_product *p = fleet_product(f, push->product);
    if (p != NULL)
        fleet_trust_of(p, &trust);
    fleet_unlock(f); /* products are never removed */
    if (p == NULL)
        return fleet_refuse(refusal, 404, "not_found", "there is no product %.40s", push->product);
    int result = judge_bytes(p, &trust, push, &j, refusal);
    fleet_trust_free(&trust);
    if (result != 0)
        return -1;
    fleet_lock(f);
    result = judge_place(p, push, &j, out, &same, refusal);
    fleet_unlock(f);
    if (result != 0)
        return -1;
    /* The bytes are durable before any row names them. */
    if (artifact_put(f->artifact_dir, push->bytes, push->len, &artifact, &err) != 0)
        return fleet_refuse(refusal, 503, "storage", "%s", err.text);
    j.row.blocks = artifact.blocks;
    fleet_lock(f); /* and judged again: another push may have come first */
    result = judge_place(p, push, &j, out, &same, refusal);
    if (result == 0 && !same) {
        struct store_batch *batch = store_batch_new();
        *out = store_release(f, p, &j, *out, batch);
        fleet_audit(f, batch, who, "release.push", p->name, j.version);
        store_commit(f->store, batch, done, ctx);
        *created = true;
    }
    fleet_unlock(f);
    return result;
}
