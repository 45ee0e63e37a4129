/*
 * Gate statistics of counts and rates: see rollout/gate.h. Sums over a distribution start at its largest wanted term and
 * go down on both sides by ratios of neighbours: no term is lost to underflow, and nothing is subtracted from 1.
 */
#include "rollout/gate.h"

#include <math.h>

#define NEGLIGIBLE 1e-18

/* lgamma() writes a global; this one does not. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static double log_choose(double n, double k)
{
    return log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1);
}

static double log_beta(double a, double b)
{
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

/* n * log(x) with 0 * log(0) = 0: a likelihood's 0^0 is 1. */
static double times_log(double n, double x)
{
    return n > 0 ? n * log(x) : 0;
}

/* --- a distribution with one peak --- */

/* P(X = k) of a binomial (total = 0) or hypergeometric distribution. */
struct counts {
    double n, p;               /* binomial: of n, each with p */
    double drawn, marked, all; /* hypergeometric: of `all`, `marked` are; `drawn` are looked at */
    bool is_drawn;
};

static double log_chance(const struct counts *c, double k)
{
    if (c->is_drawn)
        return log_choose(c->marked, k) + log_choose(c->all - c->marked, c->drawn - k) -
               log_choose(c->all, c->drawn);
    return log_choose(c->n, k) + times_log(k, c->p) + (c->n > k ? (c->n - k) * log1p(-c->p) : 0);
}

/* P(k + 1) / P(k) */
static double ratio(const struct counts *c, double k)
{
    if (c->is_drawn)
        return (c->marked - k) * (c->drawn - k) / ((k + 1) * (c->all - c->marked - c->drawn + k + 1));
    return (c->n - k) / (k + 1) * c->p / (1 - c->p);
}

static double mode(const struct counts *c)
{
    if (c->is_drawn)
        return floor((c->drawn + 1) * (c->marked + 1) / (c->all + 2));
    return floor((c->n + 1) * c->p);
}

/* P(low <= X <= high); both ends are values that X can take. */
static double between(const struct counts *c, double low, double high)
{
    double peak = fmin(fmax(mode(c), low), high), sum = 1, term = 1;
    for (double k = peak; k < high && term > NEGLIGIBLE; k++) {
        term *= ratio(c, k);
        sum += term;
    }
    term = 1;
    for (double k = peak; k > low && term > NEGLIGIBLE; k--) {
        term /= ratio(c, k - 1);
        sum += term;
    }
    return fmin(1, exp(log_chance(c, peak) + log(sum)));
}

/* --- bounds --- */

double gate_floor(uint32_t n)
{
    return n == 0 ? 1 : -expm1(log(GATE_ALPHA) / n);
}

/* The rate at which so few failures would have a chance of 5 %. The chance falls with the rate: halve. */
double gate_upper_bound(uint32_t failures, uint32_t n)
{
    double low = 0, high = 1;
    if (failures >= n)
        return 1;
    if (failures == 0)
        return gate_floor(n);
    for (unsigned i = 0; i < 60; i++) {
        struct counts c = {.n = n, .p = (low + high) / 2};
        if (between(&c, 0, failures) > GATE_ALPHA)
            low = c.p;
        else
            high = c.p;
    }
    return high;
}

uint32_t gate_devices_needed(uint32_t failures, double limit)
{
    uint32_t low = failures, high = failures + 1;
    if (limit <= 0)
        return 0;
    while (gate_upper_bound(failures, high) > limit) {
        if (high > UINT32_MAX / 4)
            return 0;
        low = high;
        high *= 2;
    }
    while (high - low > 1) { /* the bound of `low` is above the limit, that of `high` within */
        uint32_t middle = low + (high - low) / 2;
        if (gate_upper_bound(failures, middle) > limit)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* --- against the control, once --- */

double gate_fisher(uint32_t failures, uint32_t n, uint32_t control_failures, uint32_t control_n)
{
    struct counts c = {.is_drawn = true,
                       .drawn = n,
                       .marked = (double)failures + control_failures,
                       .all = (double)n + control_n};
    double least = fmax(0, c.drawn + c.marked - c.all);
    if (failures > n || control_failures > control_n || failures <= least)
        return 1;
    return between(&c, failures, fmin(c.drawn, c.marked));
}

double gate_rate_test(uint32_t events, double exposure, uint32_t control_events, double control_exposure)
{
    struct counts c = {.n = (double)events + control_events, .p = exposure / (exposure + control_exposure)};
    if (events == 0 || !(exposure > 0) || !(control_exposure > 0))
        return 1;
    return between(&c, events, c.n);
}

/* --- e-values --- */

double gate_log_e(uint32_t failures, uint32_t n, double tolerated)
{
    double f = failures, s = (double)n - f, p0 = fmin(fmax(tolerated, GATE_TOLERATED_MIN), 1);
    if (n == 0 || failures > n)
        return 0;
    double best = fmin(p0, f / n);
    return log_beta(1 + f, 9 + s) - log_beta(1, 9) - times_log(f, best) - times_log(s, 1 - best);
}

double gate_mean_log_e(const double *log_e, size_t count)
{
    double most = -INFINITY, sum = 0;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, log_e[i]);
    if (isinf(most))
        return most;
    for (size_t i = 0; i < count; i++)
        sum += exp(log_e[i] - most);
    return most + log(sum / (double)count);
}

double gate_log_e_with_kinds(double all, double kinds)
{
    double most = fmax(all, kinds);
    if (isinf(most))
        return most;
    return most + log(GATE_OF_ALL * exp(all - most) + (1 - GATE_OF_ALL) * exp(kinds - most));
}

/* From a little worse to hopeless: a real ratio between two of them costs a factor of about two at most. */
static const double ratios[GATE_RATIOS] = {1.5, 2, 4, 10, 50};

void gate_rates_event(struct gate_rates *rates, bool is_canary, double w)
{
    if (!(w > 0 && w < 1))
        return;
    for (unsigned i = 0; i < GATE_RATIOS; i++)
        rates->log_e[i] += (is_canary ? log(ratios[i]) : 0) - log(ratios[i] * w + 1 - w);
}

double gate_rates_log_e(const struct gate_rates *rates)
{
    return gate_mean_log_e(rates->log_e, GATE_RATIOS);
}
