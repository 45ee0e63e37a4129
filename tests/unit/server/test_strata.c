/*
 * Strata: every kind of device is in every ring of shares, and nobody is moved without need. Random fleets beside the
 * definition carried out step by step.
 *   S1 each device is in one ring: nobody comes, nobody goes, devices of named rings and of none stay
 *   S2 whoever moved went forward, and of one kind the lower u is never behind the higher
 *   S3 every ring of shares has `min` of each kind, or every device of it that is not in a ring before
 *   S4 nobody moves into a ring in which his kind has more than `min`
 *   S5 the result is that of the definition, whatever the order of the devices
 */
#include "base/crypto_openssl.h"
#include "rollout/strata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES_MAX 200u
#define FLEETS      10000u

static uint64_t drawn;

static uint64_t draw(uint64_t below)
{
    uint64_t z = drawn += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

struct fleet {
    struct ring_plan plan;
    uint32_t min, kinds;
    size_t count;
    char ids[DEVICES_MAX][32];
    struct strata_device before[DEVICES_MAX], after[DEVICES_MAX]; /* after: by index again */
};

static void add_ring(struct ring_plan *plan, const char *text)
{
    char err[200] = "";
    assert_int_equal(ring_plan_add(plan, text, err, sizeof err), 0);
}

/* Rings with and without names, with and without a rest; kinds from common to single devices. */
static void random_fleet(struct fleet *t)
{
    static const char *const shares[] = {"1%", "2.5%", "10%", "20%", "50%"};
    static const char *const named[] = {"internal"};
    uint8_t seed[32];
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)draw(256);
    if (draw(2) == 0)
        add_ring(&t->plan, "internal");
    for (unsigned i = 0; i < 5; i++) {
        if (draw(2) == 0)
            add_ring(&t->plan, shares[i]);
    }
    if (t->plan.count == 0 || draw(3) > 0)
        add_ring(&t->plan, "rest");
    t->min = (uint32_t)draw(6);
    t->kinds = 1 + (uint32_t)draw(12);
    t->count = draw(DEVICES_MAX + 1);
    for (size_t i = 0; i < t->count; i++) {
        struct strata_device *d = &t->before[i];
        snprintf(t->ids[i], sizeof t->ids[i], "lamp-%zu", i);
        d->id = t->ids[i];
        d->u = draw(4) == 0 ? draw(8) << 60 : ring_plan_u(crypto_openssl(), seed, d->id); /* equal u, too */
        d->stratum = (uint32_t)draw(1 + draw(t->kinds));
        d->ring = ring_plan_place(&t->plan, d->u, named, draw(20) == 0);
        d->index = (uint32_t)i;
    }
}

static void place(struct fleet *t)
{
    struct strata_device list[DEVICES_MAX];
    memcpy(list, t->before, sizeof list);
    for (size_t i = t->count; i > 1; i--) { /* in any order */
        size_t k = draw(i);
        struct strata_device swap = list[i - 1];
        list[i - 1] = list[k];
        list[k] = swap;
    }
    strata_place(&t->plan, t->min, list, t->count);
    for (size_t i = 0; i < t->count; i++)
        t->after[list[i].index] = list[i];
}

static bool is_share(const struct fleet *t, int32_t ring)
{
    return ring >= 0 && t->plan.rings[ring].kind != RING_NAMED;
}

static uint32_t count_in(const struct fleet *t, const struct strata_device *list, uint32_t stratum,
                         int32_t ring)
{
    uint32_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += list[i].stratum == stratum && list[i].ring == ring;
    return n;
}

/* The lowest u of this kind behind this ring; -1: none is left. */
static int lowest_behind(const struct fleet *t, const struct strata_device *list, uint32_t stratum,
                         int32_t ring)
{
    int found = -1;
    for (size_t i = 0; i < t->count; i++) {
        const struct strata_device *d = &list[i];
        if (d->stratum != stratum || d->ring <= ring || !is_share(t, d->ring))
            continue;
        if (found < 0 || d->u < list[found].u || (d->u == list[found].u && strcmp(d->id, list[found].id) < 0))
            found = (int)i;
    }
    return found;
}

/* "per ring, strata with fewer than m members move their lowest-u devices forward" */
static void by_definition(const struct fleet *t, struct strata_device *list)
{
    memcpy(list, t->before, sizeof t->before);
    for (int32_t ring = 0; ring < (int32_t)t->plan.count; ring++) {
        for (uint32_t s = 0; is_share(t, ring) && s < t->kinds; s++) {
            while (count_in(t, list, s, ring) < t->min) {
                int next = lowest_behind(t, list, s, ring);
                if (next < 0)
                    break;
                list[next].ring = ring;
            }
        }
    }
}

static void check_devices(const struct fleet *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct strata_device *a = &t->before[i], *b = &t->after[i];
        assert_ptr_equal(a->id, b->id);                               /* S1 */
        assert_int_equal(is_share(t, a->ring), is_share(t, b->ring)); /* S1 */
        assert_true(is_share(t, a->ring) || a->ring == b->ring);      /* S1 */
        assert_true(b->ring <= a->ring);                              /* S2 */
        assert_int_equal(b->is_moved, a->ring != b->ring);            /* S2 */
        if (b->is_moved)
            assert_true(count_in(t, t->after, b->stratum, b->ring) <= t->min); /* S4 */
        for (size_t k = 0; k < t->count; k++) {
            const struct strata_device *c = &t->after[k];
            if (c->stratum == b->stratum && c->u < b->u && is_share(t, c->ring) && is_share(t, b->ring))
                assert_true(c->ring <= b->ring); /* S2 */
        }
    }
}

static void check_kinds(const struct fleet *t)
{
    for (uint32_t s = 0; s < t->kinds; s++) {
        uint32_t left = 0;
        for (int32_t ring = 0; ring < (int32_t)t->plan.count; ring++)
            left += is_share(t, ring) ? count_in(t, t->before, s, ring) : 0;
        for (int32_t ring = 0; ring < (int32_t)t->plan.count; ring++) {
            uint32_t here = count_in(t, t->after, s, ring);
            if (!is_share(t, ring))
                continue;
            assert_true(here >= (left < t->min ? left : t->min)); /* S3 */
            left -= here;
        }
        assert_int_equal(left, 0); /* S1 */
    }
}

static void every_kind_is_in_every_ring(void **state)
{
    static struct fleet t;
    static struct strata_device defined[DEVICES_MAX];
    const char *given = getenv("OTARIA_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1, moved = 0;
    (void)state;
    for (unsigned n = 0; n < FLEETS; n++) {
        drawn = seed + n;
        random_fleet(&t);
        place(&t);
        by_definition(&t, defined);
        for (size_t i = 0; i < t.count; i++) {
            if (t.after[i].ring != defined[i].ring)
                fail_msg("OTARIA_SEED=%llu: %s is in ring %d, by definition in %d", (unsigned long long)drawn,
                         t.ids[i], t.after[i].ring, defined[i].ring); /* S5 */
            moved += t.after[i].is_moved;
        }
        check_devices(&t);
        check_kinds(&t);
    }
    print_message("%u fleets from seed %llu: %llu devices moved forward\n", FLEETS, (unsigned long long)seed,
                  (unsigned long long)moved);
    assert_true(moved > FLEETS); /* it is about something */
}

/* A hand's count: ten of the rare kind in a hundred, and the ring of 10 % has three of it. */
static void a_rare_kind_comes_into_a_small_ring(void **state)
{
    struct strata_device d[100];
    struct ring_plan plan = {.count = 0};
    uint32_t rare[2] = {0}, all[2] = {0};
    (void)state;
    add_ring(&plan, "10%");
    add_ring(&plan, "rest");
    for (uint32_t i = 0; i < 100; i++) {
        d[i] = (struct strata_device){.u = UINT64_MAX / 100 * i + 1, .id = "lamp", .index = i};
        d[i].ring = i < 10 ? 0 : 1;
        d[i].stratum = i >= 90; /* the last ten by hash: none is in the first ring */
    }
    strata_place(&plan, 3, d, 100);
    for (unsigned i = 0; i < 100; i++) {
        rare[d[i].ring] += d[i].stratum;
        all[d[i].ring]++;
        assert_int_equal(d[i].is_moved, d[i].index >= 90 && d[i].index < 93);
    }
    assert_int_equal(rare[0], 3);
    assert_int_equal(all[0], 13);
    assert_int_equal(all[1], 87);
}

static void attributes_are_names_once_and_few(void **state)
{
    struct strata_spec spec = {.min = 3};
    char err[200], longest[STRATA_ATTRIBUTE_MAX + 2];
    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[STRATA_ATTRIBUTE_MAX + 1] = '\0';
    const char *bad[] = {"", "Region", "re gion", "a;b", "\x1b[2J", "r\xc3\xa9gion", "region'--", longest};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(strata_spec_add(&spec, bad[i], err, sizeof err), -1);
    assert_int_equal(spec.count, 0);
    assert_int_equal(strata_spec_add(&spec, "hw_rev", err, sizeof err), 0);
    assert_int_equal(strata_spec_add(&spec, "hw_rev", err, sizeof err), -1);
    assert_non_null(strstr(err, "twice"));
    assert_int_equal(strata_spec_add(&spec, longest + 1, err, sizeof err), 0);
    assert_int_equal(strata_spec_add(&spec, "region", err, sizeof err), 0);
    assert_int_equal(strata_spec_add(&spec, "link", err, sizeof err), 0);
    assert_int_equal(strata_spec_add(&spec, "chip", err, sizeof err), -1);
    for (uint32_t min = 0; min <= STRATA_MIN_MAX + 1; min++) {
        spec.min = min;
        assert_int_equal(strata_spec_check(&spec, err, sizeof err),
                         min >= 1 && min <= STRATA_MIN_MAX ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_in_every_ring),
        cmocka_unit_test(a_rare_kind_comes_into_a_small_ring),
        cmocka_unit_test(attributes_are_names_once_and_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
