/* Rings of a plan, and where a device belongs: see rollout/ring_plan.h. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rollout_refuse(char *err, size_t err_len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, err_len, format, args);
    va_end(args);
    return -1;
}

/* "10%" or "2.25%" in 1/10000; 0 when it is not a share. */
static uint32_t parse_share(const char *text)
{
    uint32_t whole = 0, part = 0, digits = 0, decimals = 0;
    for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
        whole = whole * 10u + (uint32_t)(*text - '0');
    if (digits > 0 && *text == '.') {
        for (text++; *text >= '0' && *text <= '9' && decimals < 2; text++, decimals++)
            part = part * 10u + (uint32_t)(*text - '0');
        if (decimals == 0)
            return 0;
        part *= decimals == 1 ? 10u : 1u;
    }
    if (digits == 0 || strcmp(text, "%") != 0)
        return 0;
    return whole * 100u + part;
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= ROLLOUT_RING_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

int ring_plan_add(struct ring_plan *plan, const char *text, char *err, size_t err_len)
{
    size_t len = strlen(text);
    if (plan->count == ROLLOUT_RINGS_MAX)
        return rollout_refuse(err, err_len, "more than %u rings", ROLLOUT_RINGS_MAX);
    struct ring_spec spec = {.kind = RING_NAMED};
    if (len > 0 && len <= ROLLOUT_RING_NAME_MAX && text[len - 1] == '%') {
        spec.kind = RING_SHARE;
        spec.share = parse_share(text);
        if (spec.share == 0 || spec.share > ROLLOUT_SHARE_WHOLE)
            return rollout_refuse(err, err_len,
                                  "ring %.31s: a share is above 0%% and at most 100%%, two decimals", text);
    } else if (!is_name(text)) {
        return rollout_refuse(
            err, err_len, "ring %.31s: want a name of a-z, 0-9, _ and -, a share like 10%%, or rest", text);
    } else if (strcmp(text, "rest") == 0) {
        spec.kind = RING_REST;
    }
    snprintf(spec.name, sizeof spec.name, "%s", text);
    plan->rings[plan->count++] = spec;
    return 0;
}

int ring_plan_check(const struct ring_plan *plan, char *err, size_t err_len)
{
    uint32_t total = 0;
    if (plan->count == 0)
        return rollout_refuse(err, err_len, "a plan needs at least one ring");
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct ring_spec *ring = &plan->rings[i];
        total += ring->share;
        if (ring->kind == RING_REST && i + 1 != plan->count)
            return rollout_refuse(err, err_len, "ring rest takes everybody left: it can only be the last");
        for (uint32_t j = 0; ring->kind == RING_NAMED && j < i; j++) {
            if (strcmp(plan->rings[j].name, ring->name) == 0)
                return rollout_refuse(err, err_len, "ring %s stands twice", ring->name);
        }
    }
    if (total > ROLLOUT_SHARE_WHOLE)
        return rollout_refuse(err, err_len, "the shares add up to more than 100%%");
    return 0;
}

/* Is u / 2^64 below share / 10000? 10000 does not divide 2^64: the error is 2^-50. */
static bool below(uint64_t u, uint32_t share)
{
    return share >= ROLLOUT_SHARE_WHOLE || u < UINT64_MAX / ROLLOUT_SHARE_WHOLE * share;
}

uint64_t ring_plan_u(const struct ot_crypto *crypto, const uint8_t seed[32], const char *device)
{
    struct ot_sha256 hash;
    struct ot_digest digest;
    uint64_t u = 0;
    crypto->sha256_start(crypto->ctx, &hash);
    crypto->sha256_update(crypto->ctx, &hash, seed, 32);
    crypto->sha256_update(crypto->ctx, &hash, (const uint8_t *)device, strlen(device));
    crypto->sha256_finish(crypto->ctx, &hash, &digest);
    for (unsigned i = 0; i < 8; i++)
        u = u << 8 | digest.bytes[i];
    return u;
}

int ring_plan_place(const struct ring_plan *plan, uint64_t u, const char *const *tags, size_t tag_count)
{
    uint32_t cumulative = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        for (size_t t = 0; plan->rings[i].kind == RING_NAMED && t < tag_count; t++) {
            if (strcmp(tags[t], plan->rings[i].name) == 0)
                return (int)i;
        }
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        cumulative += plan->rings[i].share;
        if (plan->rings[i].kind == RING_REST || (plan->rings[i].kind == RING_SHARE && below(u, cumulative)))
            return (int)i;
    }
    return -1;
}
