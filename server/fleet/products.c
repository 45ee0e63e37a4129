/* Products, tokens, tags. */
#include "fleet.h"

#include "base/crypto_openssl.h"
#include "history.h"
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fleet_random(const struct fleet *f, uint8_t *out, size_t len, struct fleet_refusal *refusal)
{
    if (f->outside.random(f->outside.ctx, out, len) != 0)
        return fleet_refuse(refusal, 503, "no_random", "no random numbers to be had");
    return 0;
}

int fleet_product_create(struct fleet *f, const char *who, const char *name, const struct ring_plan *rings,
                         const struct ot_digest *trust, uint32_t trust_count, struct fleet_refusal *refusal,
                         fleet_done *done, void *ctx)
{
    char err[200];
    struct ot_digest seed;
    if (!ot_wire_is_product(name))
        return fleet_refuse(refusal, 400, "name", "a product name is 1 to %u of letters, digits and ._-",
                            OT_PRODUCT_MAX);
    if (trust_count == 0 || trust_count > FLEET_TRUST_MAX)
        return fleet_refuse(refusal, 422, "no_trust", "a product trusts 1 to %u keys", FLEET_TRUST_MAX);
    if (ring_plan_check(rings, err, sizeof err) != 0)
        return fleet_refuse(refusal, 422, "rings", "%s", err);
    if (fleet_random(f, seed.bytes, sizeof seed.bytes, refusal) != 0)
        return -1;
    fleet_lock(f);
    if (fleet_product(f, name) != NULL) {
        fleet_unlock(f);
        return fleet_refuse(refusal, 409, "exists", "product %s exists", name);
    }
    struct fleet_product *p = fleet_need(calloc(1, sizeof *p));
    snprintf(p->name, sizeof p->name, "%s", name);
    p->seed = seed;
    p->rings = *rings;
    p->trust_count = trust_count;
    memcpy(p->trust, trust, trust_count * sizeof *trust);
    p->fleet = f;
    p->created_ms = fleet_wall_ms(f);
    strmap_put(&f->product_map, p->name, p);
    fleet_append((void ***)&f->products, &f->product_count, p);
    char *rings_text = fleet_rings_to_text(rings), *trust_text = fleet_digests_to_text(trust, trust_count);
    struct store_batch *batch = store_batch_new();
    store_add(batch, STORE_PUT_PRODUCT, p->name, &p->seed, rings_text, trust_text, p->created_ms);
    fleet_audit(f, batch, who, "product.create", name, rings_text);
    store_commit(f->store, batch, done, ctx);
    fleet_unlock(f);
    free(rings_text);
    free(trust_text);
    return 0;
}

static void make_secret(const uint8_t bytes[32], enum fleet_role role, char token[80])
{
    struct ot_digest d;
    char hex[OT_DIGEST_HEX_BYTES];
    memcpy(d.bytes, bytes, sizeof d.bytes);
    ot_digest_to_hex(&d, hex);
    snprintf(token, 80, "ot_%s_%s", fleet_role_name(role), hex);
    explicit_bzero(hex, sizeof hex);
    explicit_bzero(&d, sizeof d);
}

int fleet_token_create(struct fleet *f, const char *who, enum fleet_role role, const char *product,
                       int64_t uses, int64_t expires_in_s, char id[24], char token[80],
                       struct fleet_refusal *refusal, fleet_done *done, void *ctx)
{
    uint8_t bytes[32];
    if (role == ROLE_NONE)
        return fleet_refuse(refusal, 400, "role", "role is one of admin, uploader, viewer, enrol");
    if (role == ROLE_ENROL && product == NULL)
        return fleet_refuse(refusal, 400, "product", "an enrolment token belongs to one product");
    if (fleet_random(f, bytes, sizeof bytes, refusal) != 0)
        return -1;
    fleet_lock(f);
    struct fleet_product *p = product != NULL ? fleet_product(f, product) : NULL;
    if (product != NULL && p == NULL) {
        fleet_unlock(f);
        return fleet_refuse(refusal, 404, "not_found", "there is no product %.40s", product);
    }
    struct fleet_token *t = fleet_need(calloc(1, sizeof *t));
    make_secret(bytes, role, token);
    explicit_bzero(bytes, sizeof bytes);
    ot_sha256_of(crypto_openssl(), (const uint8_t *)token, strlen(token), &t->sha256);
    snprintf(t->id, sizeof t->id, "t-%" PRId64, f->next_token + 1);
    snprintf(id, 24, "%s", t->id);
    t->role = role;
    t->product = p;
    t->uses = uses;
    t->expires_s = expires_in_s > 0 ? fleet_wall_ms(f) / 1000 + expires_in_s : 0;
    fleet_link_token(f, t);
    struct store_batch *batch = store_batch_new();
    store_add(batch, STORE_PUT_TOKEN, t->id, &t->sha256, fleet_role_name(role), p != NULL ? p->name : "",
              t->uses, t->expires_s, fleet_wall_ms(f));
    fleet_audit(f, batch, who, "token.create", t->id, fleet_role_name(role));
    store_commit(f->store, batch, done, ctx);
    fleet_unlock(f);
    return 0;
}

static bool is_tag(const char *tag)
{
    size_t len = strlen(tag);
    return len > 0 && len <= ROLLOUT_RING_NAME_MAX &&
           strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int find_tag(const struct fleet_device *d, const char *tag)
{
    for (uint32_t i = 0; i < d->tag_count; i++) {
        if (strcmp(d->tags[i], tag) == 0)
            return (int)i;
    }
    return -1;
}

static void apply_tags(struct fleet *f, const char *who, struct fleet_device *d, struct store_batch *batch,
                       const char *const *add, size_t add_count, const char *const *drop, size_t drop_count)
{
    for (size_t i = 0; i < drop_count; i++) {
        int at = find_tag(d, drop[i]);
        if (at < 0)
            continue;
        d->tag_count--;
        memmove(d->tags[at], d->tags[at + 1], (d->tag_count - (uint32_t)at) * sizeof d->tags[0]);
        store_add(batch, STORE_DROP_TAG, d->num, drop[i]);
        fleet_history_tag(f, batch, d, who, drop[i], HISTORY_GONE);
    }
    for (size_t i = 0; i < add_count; i++) {
        if (find_tag(d, add[i]) >= 0)
            continue;
        fleet_add_tag(d, add[i]);
        store_add(batch, STORE_PUT_TAG, d->num, add[i]);
        fleet_history_tag(f, batch, d, who, add[i], HISTORY_COME);
    }
}

int fleet_tag(struct fleet *f, const char *who, struct fleet_device *d, const char *const *add,
              size_t add_count, const char *const *drop, size_t drop_count, struct fleet_refusal *refusal,
              fleet_done *done, void *ctx)
{
    for (size_t i = 0; i < add_count; i++) {
        if (!is_tag(add[i]))
            return fleet_refuse(refusal, 400, "tag", "a tag is 1 to %u of a-z, 0-9, _ and -",
                                ROLLOUT_RING_NAME_MAX);
    }
    fleet_lock(f);
    if (d->tag_count + add_count > FLEET_TAGS_MAX) {
        fleet_unlock(f);
        return fleet_refuse(refusal, 422, "too_many_tags", "a device has at most %u tags", FLEET_TAGS_MAX);
    }
    struct store_batch *batch = store_batch_new();
    apply_tags(f, who, d, batch, add, add_count, drop, drop_count);
    fleet_audit(f, batch, who, "device.tag", d->id, add_count > 0 ? add[0] : "");
    store_commit(f->store, batch, done, ctx);
    fleet_unlock(f);
    return 0;
}
