/* Ring plans and where a device belongs: see rollout/plan.h. */
#include "rollout/plan.h"

#include "rollout/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int refuse(char *err, size_t err_len, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t err_len, const char *format, ...)
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
        return refuse(err, err_len, "more than %u rings", ROLLOUT_RINGS_MAX);
    struct ring_spec spec = {.kind = RING_NAMED};
    if (len > 0 && len <= ROLLOUT_RING_NAME_MAX && text[len - 1] == '%') {
        spec.kind = RING_SHARE;
        spec.share = parse_share(text);
        if (spec.share == 0 || spec.share > ROLLOUT_SHARE_WHOLE)
            return refuse(err, err_len, "ring %.31s: a share is above 0%% and at most 100%%, two decimals",
                          text);
    } else if (!is_name(text)) {
        return refuse(err, err_len,
                      "ring %.31s: want a name of a-z, 0-9, _ and -, a share like 10%%, or rest", text);
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
        return refuse(err, err_len, "a plan needs at least one ring");
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct ring_spec *ring = &plan->rings[i];
        total += ring->share;
        if (ring->kind == RING_REST && i + 1 != plan->count)
            return refuse(err, err_len, "ring rest takes everybody left: it can only be the last");
        for (uint32_t j = 0; ring->kind == RING_NAMED && j < i; j++) {
            if (strcmp(plan->rings[j].name, ring->name) == 0)
                return refuse(err, err_len, "ring %s stands twice", ring->name);
        }
    }
    if (total > ROLLOUT_SHARE_WHOLE)
        return refuse(err, err_len, "the shares add up to more than 100%%");
    return 0;
}

/* Is u = hash / 2^256 below share / 10000? The first 64 bits decide: 10000 does not divide 2^64, the error is 2^-50. */
static bool below(const struct ot_digest *hash, uint32_t share)
{
    uint64_t u = 0;
    for (unsigned i = 0; i < 8; i++)
        u = u << 8 | hash->bytes[i];
    if (share >= ROLLOUT_SHARE_WHOLE)
        return true;
    return u < UINT64_MAX / ROLLOUT_SHARE_WHOLE * share;
}

static void hash_device(const struct ot_crypto *crypto, const uint8_t seed[32], const char *device,
                        struct ot_digest *out)
{
    struct ot_sha256 hash;
    crypto->sha256_start(crypto->ctx, &hash);
    crypto->sha256_update(crypto->ctx, &hash, seed, 32);
    crypto->sha256_update(crypto->ctx, &hash, (const uint8_t *)device, strlen(device));
    crypto->sha256_finish(crypto->ctx, &hash, out);
}

int ring_plan_place(const struct ring_plan *plan, const struct ot_crypto *crypto, const uint8_t seed[32],
                    const char *device, const char *const *tags, size_t tag_count)
{
    struct ot_digest hash;
    uint32_t cumulative = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        for (size_t t = 0; plan->rings[i].kind == RING_NAMED && t < tag_count; t++) {
            if (strcmp(tags[t], plan->rings[i].name) == 0)
                return (int)i;
        }
    }
    hash_device(crypto, seed, device, &hash);
    for (uint32_t i = 0; i < plan->count; i++) {
        cumulative += plan->rings[i].share;
        if (plan->rings[i].kind == RING_REST ||
            (plan->rings[i].kind == RING_SHARE && below(&hash, cumulative)))
            return (int)i;
    }
    return -1;
}

struct rollout_plan rollout_plan_default(void)
{
    return (struct rollout_plan){.soak_s = 86400,
                                 .in_flight = 5,
                                 .quorum_percent = 90,
                                 .max_failure_percent = 10,
                                 .max_crashes_per_device_day = 100,
                                 .stale_after_s = 43200,
                                 .lease_s = 3600};
}

uint32_t rollout_plan_decide_by_s(const struct rollout_plan *p)
{
    uint64_t needed = 4u * ((uint64_t)p->soak_s + p->stale_after_s);
    uint64_t chosen = p->decide_by_s != 0 ? p->decide_by_s : needed > 604800u ? needed : 604800u;
    return chosen > UINT32_MAX ? UINT32_MAX : (uint32_t)chosen;
}

double rollout_plan_tolerated(const struct rollout_plan *p)
{
    if (p->max_failure_percent >= 100)
        return 1;
    double part = p->tolerated_failure != 0 ? p->tolerated_failure / 10000.0 : p->max_failure_percent / 500.0;
    return part > GATE_TOLERATED_MIN ? part : GATE_TOLERATED_MIN;
}

int rollout_plan_check_reach(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX],
                             char *err, size_t err_len)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->rings.count; i++)
        most = members[i] > most ? members[i] : most;
    if (!p->limit_is_chosen || p->override_reason[0] != '\0' ||
        p->max_failure_percent / 100.0 >= gate_floor(most))
        return 0;
    return refuse(
        err, err_len,
        "max_failure_percent %u is out of reach: the largest ring has %u devices, which cannot see a failure "
        "rate below %.1f %%; ask for more, or give a reason (override)",
        p->max_failure_percent, most, 100 * gate_floor(most));
}

int rollout_plan_check(const struct rollout_plan *p, char *err, size_t err_len)
{
    if (p->in_flight < 1 || p->in_flight > 1000000)
        return refuse(err, err_len, "in_flight: from 1 to 1000000");
    if (p->quorum_percent < 1 || p->quorum_percent > 100)
        return refuse(err, err_len, "quorum_percent: from 1 to 100");
    if (p->max_failure_percent > 100)
        return refuse(err, err_len, "max_failure_percent: from 0 to 100");
    if (p->tolerated_failure != 0 &&
        (p->tolerated_failure < 50 || p->tolerated_failure > p->max_failure_percent * 100))
        return refuse(err, err_len, "tolerated_failure_percent: from 0.5 to max_failure_percent");
    if (p->stale_after_s < 1 || p->lease_s < 1)
        return refuse(err, err_len, "stale_after_s and lease_s: at least 1");
    if (p->decide_by_s != 0 && p->decide_by_s <= p->soak_s)
        return refuse(err, err_len, "decide_by_s: no ring can have soaked by then (soak_s is %u)", p->soak_s);
    return ring_plan_check(&p->rings, err, err_len);
}
