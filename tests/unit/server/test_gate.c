/*
 * Gate statistics against figures worked out elsewhere (exact fractions, docs/gates.md has them) and against brute force:
 * every outcome, every order, counted one by one.
 */
#include "rollout/gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void close_to(double got, double want)
{
    if (fabs(got - want) > 1e-8 * fmax(1, fabs(want)))
        fail_msg("%.12g instead of %.12g", got, want);
}

static double choose(unsigned n, unsigned k)
{
    double c = 1;
    for (unsigned i = 0; i < k; i++)
        c = c * (n - i) / (i + 1);
    return c;
}

static double binomial(unsigned k, unsigned n, double p)
{
    return choose(n, k) * pow(p, k) * pow(1 - p, n - k);
}

/* --- bounds --- */

static void upper_bounds_are_the_published_ones(void **state)
{
    static const struct {
        unsigned failures, n;
        double bound;
    } known[] = {{0, 10, 0.2588655509},
                 {0, 59, 0.0495076099},
                 {0, 299, 0.0099691468},
                 {1, 46, 0.0990243168},
                 {1, 45, 0.1011337836},
                 {2, 10, 0.5069013011},
                 {3, 76, 0.0988700768},
                 {5, 100, 0.1022533776},
                 {9, 10, 0.9948838031},
                 {1, 2, 0.9746794345},
                 {7, 7, 1},
                 {0, 0, 1}};
    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        close_to(gate_upper_bound(known[i].failures, known[i].n), known[i].bound);
}

/* What it means, checked by adding up: at the bound, so few failures have a chance of 5 %. */
static void at_the_bound_so_few_failures_are_five_percent(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 60; n++) {
        for (unsigned f = 0; f < n; f++) {
            double p = gate_upper_bound(f, n), sum = 0;
            for (unsigned k = 0; k <= f; k++)
                sum += binomial(k, n, p);
            close_to(sum, GATE_ALPHA);
        }
    }
}

static void bounds_hold_for_a_million_devices(void **state)
{
    (void)state;
    assert_true(fabs(gate_upper_bound(0, 1000000) - 2.995728e-6) < 1e-11);
    double p = gate_upper_bound(100000, 1000000); /* normal: 0.1 + 1.645 * 0.0003 */
    assert_true(p > 0.10049 && p < 0.1005);
    assert_true(gate_upper_bound(999999, 1000000) < 1);
}

static void a_limit_of_ten_percent_needs_29_46_61_76(void **state)
{
    static const uint32_t needed[] = {29, 46, 61, 76};
    (void)state;
    for (uint32_t f = 0; f < 4; f++) {
        assert_int_equal(gate_devices_needed(f, 0.1), needed[f]);
        assert_true(gate_upper_bound(f, needed[f] - 1) > 0.1);
    }
    assert_int_equal(gate_devices_needed(0, 0.05), 59);
    assert_int_equal(gate_devices_needed(0, 0.01), 299);
    assert_int_equal(gate_devices_needed(0, 1), 1);
    assert_int_equal(gate_devices_needed(0, 0), 0);
    assert_int_equal(gate_devices_needed(0, 1e-12), 0);
}

static void the_floor_is_the_bound_without_failures(void **state)
{
    static const struct {
        unsigned n;
        double percent;
    } known[] = {{5, 45.07}, {10, 25.89}, {20, 13.91}, {30, 9.50}, {59, 4.95}, {299, 1.00}};
    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(fabs(100 * gate_floor(known[i].n) - known[i].percent) < 0.005);
    assert_true(gate_floor(0) == 1);
}

/* --- e-values --- */

static void e_values_are_the_published_ones(void **state)
{
    static const struct {
        unsigned failures, n;
        double e;
    } known[] = {{0, 0, 1},
                 {0, 10, 0.4736842105},
                 {1, 1, 5},
                 {2, 2, 45.45454545},
                 {2, 5, 21.89180911},
                 {2, 6, 17.87086458},
                 {3, 18, 21.69822833},
                 {3, 19, 18.97804227},
                 {4, 34, 21.42522033},
                 {4, 35, 19.37809816},
                 {5, 53, 20.10918679},
                 {5, 54, 18.5653328}};
    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        close_to(exp(gate_log_e(known[i].failures, known[i].n, 0.02)), known[i].e);
}

static void no_history_tolerates_less_than_half_a_percent(void **state)
{
    (void)state;
    assert_true(gate_log_e(2, 30, 0.0001) == gate_log_e(2, 30, 0.005));
    assert_true(gate_log_e(2, 30, 0) == gate_log_e(2, 30, 0.005));
    assert_true(gate_log_e(2, 30, 0.01) < gate_log_e(2, 30, 0.005));
    assert_true(isfinite(gate_log_e(30, 30, 1)) && gate_log_e(30, 30, 1) <= 0);
}

/* Under every tolerated rate the mean e-value is at most 1: all outcomes of every n up to 80. */
static void an_e_value_expects_at_most_one_of_a_good_release(void **state)
{
    static const double tolerated[] = {0.005, 0.02, 0.1, 0.3};
    (void)state;
    for (unsigned t = 0; t < 4; t++) {
        for (unsigned n = 1; n <= 80; n++) {
            for (unsigned part = 0; part <= 4; part++) {
                double p = tolerated[t] * part / 4, mean = 0;
                for (unsigned f = 0; f <= n; f++)
                    mean += binomial(f, n, p) * exp(gate_log_e(f, n, tolerated[t]));
                assert_true(mean <= 1 + 1e-9);
            }
        }
    }
}

/* And whoever looks after each of 300 reports is misled once in twenty at most: every path, by dynamic programming. */
static void looking_always_misleads_once_in_twenty_at_most(void **state)
{
    double at[301] = {1}, halted = 0;
    (void)state;
    for (unsigned n = 1; n <= 300; n++) {
        for (unsigned f = n; f <= n; f--) {
            at[f] = at[f] * 0.98 + (f > 0 ? at[f - 1] * 0.02 : 0);
            if (gate_log_e(f, n, 0.02) >= log(1 / GATE_ALPHA)) {
                halted += at[f];
                at[f] = 0;
            }
        }
    }
    assert_true(halted > 0.015 && halted < 0.025); /* docs/gates.md: 1.9 % of 300 */
}

static void a_sick_stratum_is_not_outvoted(void **state)
{
    double e[] = {gate_log_e(0, 45, 0.02), gate_log_e(3, 10, 0.02), gate_log_e(0, 45, 0.02)};
    (void)state;
    assert_true(fabs(exp(e[0] + e[1] + e[2]) - 2.3218) < 1e-4);
    assert_true(fabs(exp(gate_mean_log_e(e, 3)) - 27.9726) < 1e-4);
    assert_true(gate_mean_log_e(e, 0) == 0);
    assert_true(gate_mean_log_e((double[]){2000, 2000}, 2) == 2000); /* nothing overflows */
}

/* --- against the control --- */

static void fisher_is_the_published_one(void **state)
{
    (void)state;
    close_to(gate_fisher(1, 10, 10, 990), 0.1051625431);
    close_to(gate_fisher(2, 10, 10, 990), 0.005635626759);
    close_to(gate_fisher(3, 10, 10, 990), 0.0001958965141);
    close_to(gate_fisher(5, 50, 3, 200), 0.009230447323);
    assert_true(gate_fisher(0, 10, 10, 990) == 1);
    assert_true(gate_fisher(0, 0, 0, 0) == 1);
    assert_true(gate_fisher(500, 1000, 5000, 999000) < 1e-300); /* far out, and no NaN */
    close_to(gate_fisher(1000, 100000, 0, 0), 1);
}

/* Every way to choose which n of up to 12 devices were the canary. */
static void fisher_counts_all_choices(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= 6; n++) {
        for (unsigned m = 0; m <= 6; m++) {
            for (unsigned failed = 0; failed <= n + m; failed++) {
                for (unsigned f = failed > m ? failed - m : 0; f <= failed && f <= n; f++) {
                    unsigned all = 0, as_bad = 0;
                    for (unsigned set = 0; set < 1u << (n + m); set++) {
                        bool chosen = (unsigned)__builtin_popcount(set) == n;
                        all += chosen;
                        as_bad += chosen && (unsigned)__builtin_popcount(set & ((1u << failed) - 1)) >= f;
                    }
                    close_to(gate_fisher(f, n, failed - f, m), (double)as_bad / all);
                }
            }
        }
    }
}

static void rates_are_the_published_ones(void **state)
{
    (void)state;
    close_to(gate_rate_test(1, 240, 24, 23760), 0.2221786406);
    close_to(gate_rate_test(2, 240, 24, 23760), 0.02772330075);
    close_to(gate_rate_test(3, 240, 24, 23760), 0.002444106571);
    assert_true(gate_rate_test(0, 240, 24, 23760) == 1);
    assert_true(gate_rate_test(3, 240, 0, 0) == 1);
    assert_true(gate_rate_test(3, 0, 1, 100) == 1);
}

/* All 1,024 orders of ten events of equal rates: the mean is exactly 1, and seldom 20. */
static void the_e_process_of_rates_is_fair(void **state)
{
    double mean = 0, misled = 0;
    (void)state;
    for (unsigned order = 0; order < 1024; order++) {
        struct gate_rates rates = {{0}};
        double chance = 1, most = 0;
        for (unsigned i = 0; i < 10; i++) {
            double w = 0.05 + 0.03 * i; /* the canary's share grows while the ring fills */
            bool is_canary = order >> i & 1u;
            chance *= is_canary ? w : 1 - w;
            gate_rates_event(&rates, is_canary, w);
            most = fmax(most, gate_rates_log_e(&rates));
        }
        mean += chance * exp(gate_rates_log_e(&rates));
        misled += most >= log(20) ? chance : 0;
    }
    close_to(mean, 1);
    assert_true(misled > 0 && misled < GATE_ALPHA);
}

static void a_canary_that_crashes_is_found_and_a_share_of_all_is_no_evidence(void **state)
{
    struct gate_rates rates = {{0}};
    (void)state;
    gate_rates_event(&rates, true, 0); /* nobody runs it, or everybody does */
    gate_rates_event(&rates, true, 1);
    assert_true(gate_rates_log_e(&rates) == 0);
    for (unsigned i = 0; i < 3; i++)
        gate_rates_event(&rates, true, 0.01);
    assert_true(gate_rates_log_e(&rates) > log(20)); /* three of three, with 1 % of the exposure */
    for (unsigned i = 0; i < 300; i++)
        gate_rates_event(&rates, false, 0.01);
    assert_true(gate_rates_log_e(&rates) < log(20));
}

/* --- numeric metrics --- */

static double below(double a, double b)
{
    return a < b ? 1 : a > b ? 0 : 0.5;
}

/* Every choice of n of the values as the canary's: the part of them that looks as bad, or worse. */
static double counted(const double *values, unsigned n, unsigned m, double *part)
{
    unsigned all = 0, as_bad = 0;
    double seen = -1;
    for (unsigned set = (1u << n) - 1; set < 1u << (n + m); set++) { /* the first is the one that was seen */
        double won = 0;
        if ((unsigned)__builtin_popcount(set) != n)
            continue;
        for (unsigned i = 0; i < n + m; i++) {
            for (unsigned k = 0; k < n + m; k++)
                won += (set >> i & 1u) && !(set >> k & 1u) ? below(values[i], values[k]) : 0;
        }
        seen = seen < 0 ? won : seen;
        all++;
        as_bad += won >= seen;
    }
    *part = seen / n / m;
    return (double)as_bad / all;
}

static void ranks_count_all_choices_ties_and_all(void **state)
{
    uint32_t random = 1;
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        double values[12], part;
        unsigned n = 1 + round % 5, m = 1 + round / 5 % 7;
        for (unsigned i = 0; i < n + m; i++) {
            random = random * 1664525u + 1013904223u;
            values[i] = (random >> 16) % (2 + round % 9); /* few values, many ties */
        }
        double p = counted(values, n, m, &part);
        struct gate_ranks got = gate_mann_whitney(values, n, values + n, m);
        assert_true(got.is_exact);
        close_to(got.p, p);
        close_to(got.worse_part, part);
    }
}

static void three_low_canaries_of_twenty_three_are_enough(void **state)
{
    double low[] = {1, 2, 3}, normal[30];
    (void)state;
    for (unsigned i = 0; i < 30; i++)
        normal[i] = 10 + i;
    struct gate_ranks got = gate_mann_whitney(low, 3, normal, 20);
    close_to(got.p, 1.0 / 1771); /* C(23,3) */
    assert_true(got.worse_part == 1);
    assert_true(gate_mann_whitney(normal, 20, low, 3).p == 1);
    assert_true(gate_mann_whitney(low, 0, normal, 20).p == 1);
    assert_true(gate_mann_whitney(low, 3, normal, 0).p == 1);
    assert_true(gate_mann_whitney(normal, 30, normal, 30).p > 0.4); /* the same devices twice */
    for (unsigned i = 0; i < 30; i++)
        normal[i] = 7;
    assert_true(gate_mann_whitney(normal, 15, normal + 15, 15).p == 1); /* one value only: no news */
}

/* Where the exact count ends, the approximation is near it. */
static void the_approximation_goes_on_where_counting_ends(void **state)
{
    double values[26];
    (void)state;
    for (unsigned shift = 0; shift < 8; shift++) {
        for (unsigned i = 0; i < 26; i++)
            values[i] = i % 2 == 0 ? i - 2.0 * shift : i;
        double canary[13], control[13];
        for (unsigned i = 0; i < 26; i++)
            (i % 2 == 0 ? canary : control)[i / 2] = values[i];
        struct gate_ranks exact = gate_mann_whitney(canary, 12, control, 12);
        struct gate_ranks rough = gate_mann_whitney(canary, 13, control, 13);
        assert_true(exact.is_exact && !rough.is_exact);
        assert_true(fabs(exact.p - rough.p) < 0.03);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upper_bounds_are_the_published_ones),
        cmocka_unit_test(at_the_bound_so_few_failures_are_five_percent),
        cmocka_unit_test(bounds_hold_for_a_million_devices),
        cmocka_unit_test(a_limit_of_ten_percent_needs_29_46_61_76),
        cmocka_unit_test(the_floor_is_the_bound_without_failures),
        cmocka_unit_test(e_values_are_the_published_ones),
        cmocka_unit_test(no_history_tolerates_less_than_half_a_percent),
        cmocka_unit_test(an_e_value_expects_at_most_one_of_a_good_release),
        cmocka_unit_test(looking_always_misleads_once_in_twenty_at_most),
        cmocka_unit_test(a_sick_stratum_is_not_outvoted),
        cmocka_unit_test(fisher_is_the_published_one),
        cmocka_unit_test(fisher_counts_all_choices),
        cmocka_unit_test(rates_are_the_published_ones),
        cmocka_unit_test(the_e_process_of_rates_is_fair),
        cmocka_unit_test(a_canary_that_crashes_is_found_and_a_share_of_all_is_no_evidence),
        cmocka_unit_test(ranks_count_all_choices_ties_and_all),
        cmocka_unit_test(three_low_canaries_of_twenty_three_are_enough),
        cmocka_unit_test(the_approximation_goes_on_where_counting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
