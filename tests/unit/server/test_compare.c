/* Canaries beside the control of their stratum: by hand, by chance (false alarms counted), and what is left out. */
#include "rollout/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t random_state;

static double draw(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void one_stratum_is_fishers_test(void **state)
{
    (void)state;
    struct gate_counts s = {3, 10, 10, 990};
    struct gate_compared c = gate_compare_counts(&s, 1);
    assert_true(fabs(c.p - 0.0001958965141) < 1e-12);
    assert_true(fabs(c.expected - 0.13) < 1e-12);
    assert_int_equal(c.strata, 1);
}

static void strata_without_control_are_left_out(void **state)
{
    (void)state;
    struct gate_counts s[] = {{5, 5, 0, 29}, {0, 0, 10, 1000}, {0, 7, 3, 30}};
    struct gate_compared c = gate_compare_counts(s, 3);
    assert_int_equal(c.strata, 1);
    assert_int_equal(c.canaries, 7);
    assert_int_equal(c.controls, 30);
    assert_true(c.p == 1);
    c = gate_compare_counts(s, 2);
    assert_int_equal(c.strata, 0);
    assert_true(c.p == 1);
}

/* P(X1 + X2 >= x), by adding up all pairs of hypergeometric counts. */
static double exactly(const struct gate_counts s[2], uint32_t x)
{
    double sum = 0;
    double tails[2][64];
    for (unsigned i = 0; i < 2; i++) {
        uint32_t all = s[i].events + s[i].control_events;
        for (uint32_t k = 0; k < 64; k++)
            tails[i][k] = k > s[i].canaries || k > all ? 0
                          : k == 0                     ? 1
                                   : gate_fisher(k, s[i].canaries, all - k, s[i].controls);
    }
    for (uint32_t a = 0; a < 63; a++) {
        for (uint32_t b = 0; b < 63; b++)
            sum += a + b >= x ? (tails[0][a] - tails[0][a + 1]) * (tails[1][b] - tails[1][b + 1]) : 0;
    }
    return sum;
}

/* The bound over strata is never below what is exact, and near it where control is plenty. */
static void several_strata_are_never_judged_too_hard(void **state)
{
    (void)state;
    for (uint32_t f = 0; f < 8; f++) {
        struct gate_counts s[2] = {{f, 10, 2, 40}, {1, 20, 20, 300}};
        struct gate_compared c = gate_compare_counts(s, 2);
        double p = exactly(s, f + 1);
        if (f + 1 >= c.expected + 1) {
            assert_true(c.p >= p - 1e-9);
            assert_true(c.p < 6 * p + 1e-6);
        }
    }
}

static size_t fill(struct gate_value *v, uint32_t strata, uint32_t n, uint32_t m, double worse)
{
    size_t count = 0;
    for (uint32_t s = 0; s < strata; s++) {
        for (uint32_t i = 0; i < n + m; i++) /* kinds differ by far more than devices of one kind */
            v[count++] = (struct gate_value){
                .value = floor((40000 + 10000 * s) * (i < n ? 1 - worse : 1) + 4000 * draw()),
                .stratum = s,
                .is_canary = i < n};
    }
    return count;
}

static void a_heap_that_sinks_by_15_percent_is_found(void **state)
{
    static struct gate_value v[2000];
    (void)state;
    random_state = 1;
    struct gate_compared c = gate_compare_values(v, fill(v, 3, 20, 100, 0.15), 0.05);
    assert_int_equal(c.strata, 3);
    assert_int_equal(c.canaries, 60);
    assert_int_equal(c.controls, 300);
    assert_true(c.p < 1e-20);
    assert_true(c.worse_part > 0.99);
    assert_true(c.median < c.control_median);
    c = gate_compare_values(v, fill(v, 3, 20, 100, 0.04), 0.05); /* tolerated */
    assert_true(c.p > 0.5);
    c = gate_compare_values(v, fill(v, 1, 5, 100, 0.15), 0.05); /* five devices are enough */
    assert_true(c.p < 1e-6);
}

/* One kind of hardware is sick, and the others would outvote it. */
static void one_sick_stratum_is_not_outvoted(void **state)
{
    static struct gate_value v[9000];
    (void)state;
    random_state = 2;
    size_t count = fill(v, 20, 10, 200, 0);
    for (size_t i = 0; i < count; i++)
        v[i].value -= v[i].stratum == 7 && v[i].is_canary ? 20000 : 0;
    struct gate_compared c = gate_compare_values(v, count, 0.05);
    assert_true(c.p < 1e-4);
}

/* One canary in each stratum, each a little worse: together they show it. */
static void a_few_devices_in_each_stratum_count_together(void **state)
{
    static struct gate_value v[9000];
    (void)state;
    random_state = 3;
    struct gate_compared c = gate_compare_values(v, fill(v, 30, 1, 40, 0.12), 0);
    assert_true(c.p < 1e-8);
}

static void without_control_nothing_is_said(void **state)
{
    static struct gate_value v[200];
    (void)state;
    random_state = 4;
    struct gate_compared c = gate_compare_values(v, fill(v, 2, 20, 29, 0.5), 0);
    assert_int_equal(c.strata, 0);
    assert_true(c.p == 1 && c.worse_part == 0.5);
    assert_int_equal(gate_compare_values(v, 0, 0).strata, 0);
}

/* All alike, ties and all: the chance of p <= 1 % is 1 % at most. Few values, so that many are ties. */
static void alarms_are_as_rare_as_they_say(void **state)
{
    static struct gate_value v[400];
    static const struct {
        uint32_t strata, n, m, values;
    } kinds[] = {{1, 4, 32, 1000}, {1, 20, 60, 1000}, {1, 20, 60, 4}, {3, 9, 40, 1000}, {3, 9, 40, 3}};
    (void)state;
    random_state = 5;
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        unsigned alarms = 0, rounds = 1000;
        for (unsigned i = 0; i < rounds; i++) {
            size_t count = fill(v, kinds[k].strata, kinds[k].n, kinds[k].m, 0);
            for (size_t j = 0; j < count; j++)
                v[j].value = floor(draw() * kinds[k].values);
            alarms += gate_compare_values(v, count, 0).p <= 0.01;
        }
        print_message("%u strata of %u beside %u: %u of %u below 1 %%\n", kinds[k].strata, kinds[k].n,
                      kinds[k].m, alarms, rounds);
        assert_true(alarms <= 10 + 3 * 3.2); /* 3 standard errors */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_stratum_is_fishers_test),
        cmocka_unit_test(strata_without_control_are_left_out),
        cmocka_unit_test(several_strata_are_never_judged_too_hard),
        cmocka_unit_test(a_heap_that_sinks_by_15_percent_is_found),
        cmocka_unit_test(one_sick_stratum_is_not_outvoted),
        cmocka_unit_test(a_few_devices_in_each_stratum_count_together),
        cmocka_unit_test(without_control_nothing_is_said),
        cmocka_unit_test(alarms_are_as_rare_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
