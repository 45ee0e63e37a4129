/*
 * Operating characteristics of the gates: how often a rollout is halted that should not be, and how many devices a bad
 * one harms. Exactly (exact.h), and played with the real engine (play.h); the two must agree within 3 standard errors.
 *
 *     gates --check [--runs N] [--seed S] [--small]     exact against played, and what is promised; 1 when it does not hold
 *     gates --table ring|rules|rollouts|ends            exact figures, as docs/gates.md has them
 */
#include "ends.h"
#include "exact.h"
#include "play.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

static const double rates[] = {0.005, 0.01, 0.02, 0.1, 0.3};
static const uint32_t sizes[] = {10, 20, 50, 100, 200, 500, 1000};
static const uint32_t small_sizes[] = {10, 100};

struct plan {
    uint32_t count, rings[5];
};
static const struct plan plans[] = {
    {1, {100}}, {2, {10, 1000}}, {3, {10, 100, 1000}}, {5, {10, 50, 100, 500, 1000}}};

/* --- tables --- */

static void print_head(const char *first)
{
    printf("| %s |", first);
    for (unsigned i = 0; i < LENGTH(rates); i++)
        printf(" %g %% fail |", 100 * rates[i]);
    printf("\n|---|");
    for (unsigned i = 0; i < LENGTH(rates); i++)
        printf("---|");
    printf("\n");
}

static void print_percent(double part)
{
    double percent = 100 * part;
    printf(percent >= 99.95 || percent < 0.005 ? "%.0f" : percent < 1 ? "%.2f" : "%.1f", percent);
}

static void print_odds(struct odds odds, bool with_held)
{
    printf(" ");
    print_percent(odds.halted);
    if (with_held) {
        printf(" / ");
        print_percent(odds.held);
    }
    printf(" / %.*f |", odds.harmed < 0.995 ? 2 : odds.harmed < 99.5 ? 1 : 0, odds.harmed);
}

static void table_of_rings(void)
{
    struct rule rule = rule_otaria(0.05);
    print_head("devices in the ring");
    for (unsigned n = 0; n < LENGTH(sizes); n++) {
        printf("| %u |", sizes[n]);
        for (unsigned i = 0; i < LENGTH(rates); i++)
            print_odds(exact_ring(&rule, sizes[n], rates[i]), true);
        printf("\n");
    }
}

static void table_of_rules(void)
{
    struct rule otaria = rule_otaria(0.05);
    print_head("devices, rule");
    for (unsigned n = 0; n < LENGTH(sizes); n += 3) {
        for (unsigned k = 0; k <= RULE_BASELINES; k++) {
            const struct rule *rule = k == 0 ? &otaria : &rule_baselines[k - 1];
            printf("| %u, %s |", sizes[n], rule->name);
            for (unsigned i = 0; i < LENGTH(rates); i++)
                print_odds(exact_ring(rule, sizes[n], rates[i]), false);
            printf("\n");
        }
    }
}

static void print_plan(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        printf("%s%u", i > 0 ? "-" : "", plan->rings[i]);
}

static void table_of_rollouts(void)
{
    struct rule otaria = rule_otaria(0.05);
    const struct rule *rules[] = {&otaria, &rule_baselines[1], &rule_baselines[3], &rule_baselines[4]};
    print_head("rings, rule");
    for (unsigned k = 0; k < LENGTH(plans); k++) {
        for (unsigned way = 0; way < LENGTH(rules) + 1; way++) {
            const struct rule *rule = rules[way > 0 ? way - 1 : 0];
            printf("| ");
            print_plan(&plans[k]);
            printf(", %s%s |", rule->name, way == 0 ? ", held rings widened" : "");
            for (unsigned i = 0; i < LENGTH(rates); i++)
                print_odds(exact_rollout(rule, plans[k].rings, plans[k].count, rates[i], way == 0), true);
            printf("\n");
        }
    }
}

/* --- the looks at the ends --- */

struct end {
    uint32_t n, m;
    double others, ring; /* chance of silence; of a metric: 0 */
};
static const struct end ends[] = {{10, 990, 0.02, 0.02},  {10, 990, 0.02, 0.3},     {100, 900, 0.02, 0.02},
                                  {100, 900, 0.02, 0.06}, {100, 900, 0.02, 0.2},    {100, 900, 0.2, 0.2},
                                  {100, 900, 0.2, 0.4},   {1000, 1000, 0.02, 0.02}, {1000, 1000, 0.02, 0.06}};
static const struct end metric_ends[] = {{5, 40, 0, 0}, {8, 100, 0, 0}};

static void table_of_ends(void)
{
    printf(
        "| devices in the ring, that wait | silent of those that wait | of the ring's | fails |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < LENGTH(ends); i++) {
        double odds = exact_silence(ends[i].n, ends[i].m, ends[i].others, ends[i].ring);
        printf("| %u, %u | %g %% | %g %% | ", ends[i].n, ends[i].m, 100 * ends[i].others, 100 * ends[i].ring);
        printf(odds < 0.0001 ? "%.4f %%" : odds < 0.01 ? "%.3f %%" : "%.1f %%", 100 * odds);
        printf(" |\n");
    }
}

/* --- exact against played --- */

struct check {
    uint64_t runs, seed, cells, repeated, wrong;
    double furthest; /* in standard errors */
};

/* Standard errors between; a count that is expected less than ten times is judged by its own distribution. */
static double distance(double expected, double got, double error, uint64_t runs)
{
    double mean = expected * (double)runs, count = got * (double)runs, term = exp(-mean), tail = 1;
    if (expected >= 0 && expected <= 1 && mean < 10) {
        for (double k = 0; k < count; k++) {
            tail -= term;
            term *= mean / (k + 1);
        }
        return count <= mean || tail > 0.00135 ? 0 : 4; /* one-sided, as far out as 3 standard errors */
    }
    return error > 0 ? fabs(got - expected) / error : got == expected ? 0 : 99;
}

static double compare(const struct odds *odds, const struct played *played)
{
    double n = (double)played->runs, mean = played->harmed / n;
    double spread = sqrt(fmax(0, played->harmed_squares / n - mean * mean) / n);
    const double pairs[][2] = {{odds->halted, (double)played->halted / n},
                               {odds->held, (double)played->held / n},
                               {odds->passed, (double)played->passed / n}};
    double furthest = spread > 0 ? fabs(mean - odds->harmed) / spread : 0;
    for (unsigned i = 0; i < LENGTH(pairs); i++) {
        double p = pairs[i][0], q = fmax(0, 1 - p);
        /* What hardly ever fails to happen is judged by how often it does. */
        double d = q * n < 10 ? distance(q, 1 - pairs[i][1], 0, played->runs)
                              : distance(p, pairs[i][1], sqrt(p * q / n), played->runs);
        furthest = fmax(furthest, d);
    }
    return furthest;
}

/* One cell in a few hundred lies beyond 3 standard errors by chance: it plays again, four times as long. */
static void check_cell(struct check *c, const struct plan *plan, double p, bool widened)
{
    struct rule rule = rule_otaria(0.05);
    struct odds odds = exact_rollout(&rule, plan->rings, plan->count, p, widened);
    struct played played = play(plan->rings, plan->count, p, widened, c->runs, c->seed + c->cells);
    double away = compare(&odds, &played);
    c->cells++;
    if (away > 3) {
        c->repeated++;
        played = play(plan->rings, plan->count, p, widened, 4 * c->runs, c->seed + 1000000 + c->cells);
        away = compare(&odds, &played);
    }
    c->furthest = fmax(c->furthest, away);
    if (away <= 3)
        return;
    c->wrong++;
    printf("WRONG: rings ");
    print_plan(plan);
    printf(
        ", %g %% fail: %.1f standard errors apart: exact halted %.5f held %.5f harmed %.4f, played %.5f %.5f %.4f\n",
        100 * p, away, odds.halted, odds.held, odds.harmed, (double)played.halted / (double)played.runs,
        (double)played.held / (double)played.runs, played.harmed / (double)played.runs);
}

static void check_played(struct check *c, const uint32_t *rings, size_t count)
{
    for (unsigned i = 0; i < LENGTH(rates); i++) {
        for (size_t n = 0; n < count; n++)
            check_cell(c, &(struct plan){1, {rings[n]}}, rates[i], false);
        for (unsigned k = 0; k < LENGTH(plans); k++) {
            if (count < LENGTH(sizes) && plans[k].count > 2)
                continue; /* the small check */
            check_cell(c, &plans[k], rates[i], false);
            check_cell(c, &plans[k], rates[i], true);
        }
    }
    printf("%s: exact and played: %" PRIu64 " cells of %" PRIu64 " runs from seed %" PRIu64 ", %" PRIu64
           " played again, the furthest %.1f standard errors apart\n",
           c->wrong == 0 ? "good" : "WRONG", c->cells, c->runs, c->seed, c->repeated, c->furthest);
}

/* One number against another, with a second try as for cells. */
static void check_end(struct check *c, const char *what, const struct end *e, double odds, bool is_metric)
{
    double away = 0;
    for (uint64_t times = 1; times <= 4; times += 3) {
        uint64_t runs = times * c->runs, seed = c->seed + c->cells + times;
        uint64_t got = is_metric ? play_metric(e->n, e->m, runs, seed)
                                 : play_silence(e->n, e->m, e->others, e->ring, runs, seed);
        away = distance(odds, (double)got / (double)runs, sqrt(odds * (1 - odds) / (double)runs), runs);
        if (away <= 3)
            break;
        c->repeated++;
    }
    c->cells++;
    c->furthest = fmax(c->furthest, away);
    if (away <= 3)
        return;
    c->wrong++;
    printf("WRONG: %s of %u beside %u (%g, %g): %.1f standard errors from the exact %.5f\n", what, e->n, e->m,
           e->others, e->ring, away, odds);
}

static void check_ends(struct check *all)
{
    struct check c = {.runs = all->runs, .seed = all->seed + 5000000};
    for (unsigned i = 0; i < LENGTH(ends); i++)
        check_end(&c, "silence", &ends[i], exact_silence(ends[i].n, ends[i].m, ends[i].others, ends[i].ring),
                  false);
    for (unsigned i = 0; i < LENGTH(metric_ends); i++)
        check_end(&c, "a metric", &metric_ends[i], exact_metric(metric_ends[i].n, metric_ends[i].m), true);
    all->wrong += c.wrong;
    printf("%s: looks at the end of a ring: %" PRIu64 " cells, %" PRIu64
           " played again, the furthest %.1f standard errors apart\n",
           c.wrong == 0 ? "good" : "WRONG", c.cells, c.repeated, c.furthest);
}

/* More than a bound on the average allows, by 3 standard errors of it? */
static bool is_too_often(uint64_t count, uint64_t runs, double bound)
{
    double mean = bound * (double)runs;
    return (double)count > mean + 3 * sqrt(mean * (1 - bound)) + 1;
}

static void check_null(struct check *c, uint64_t runs)
{
    struct null_halts got = play_null(runs, c->seed);
    bool bad =
        is_too_often(got.watch, got.runs, 0.01) || is_too_often(got.looks, got.runs, 0.005) || got.other > 0;
    c->wrong += bad;
    printf("%s: rollouts 10-100-1000 of a release like the last, two metrics gated, %" PRIu64
           " played: the watch halted %" PRIu64 " (1 %% at most), looks at ends %" PRIu64
           " (0.5 %% at most), nothing else did; %" PRIu64 " held, because devices had left\n",
           bad ? "WRONG" : "good", got.runs, got.watch, got.looks, got.held);
}

/* --- what is promised --- */

static void promise(struct check *c, const char *what, double got, double most)
{
    printf("%s: %s: %.3g, promised %.3g at most\n", got <= most ? "good" : "WRONG", what, got, most);
    c->wrong += got <= most ? 0 : 1;
}

static void check_promises(struct check *c)
{
    struct rule rule = rule_otaria(0.05);
    double half = 0, full = 0;
    for (unsigned k = 0; k < LENGTH(plans); k++) { /* whatever a person does with held rings */
        half = fmax(half, exact_rollout(&rule, plans[k].rings, plans[k].count, 0.01, true).halted);
        full = fmax(full, exact_rollout(&rule, plans[k].rings, plans[k].count, 0.02, true).halted);
    }
    promise(c, "false halts of a whole rollout, at half the tolerated rate", half, 0.02);
    promise(c, "false halts of a whole rollout, at the tolerated rate", full, 0.05);
    /* Crashes and link losses by the watch: 1 %; the looks at the ends of rings: 0.5 %; whatever the failure rate. */
    promise(c, "... with every gate, at half the tolerated rate", half + 0.01 + 0.005, 0.02);
    promise(c, "... with every gate, at the tolerated rate", full + 0.01 + 0.005, 0.05);
    promise(c, "devices harmed in a ring of 100, 30 % fail", exact_ring(&rule, 100, 0.3).harmed, 4);
    promise(c, "devices harmed in a ring of 100, 10 % fail", exact_ring(&rule, 100, 0.1).harmed, 7);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: gates --check [--runs N] [--seed S] [--small] | --table ring|rules|rollouts|ends\n");
    return 2;
}

static int check(int argc, char **argv)
{
    struct check c = {.runs = 20000, .seed = 1};
    bool is_small = false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--small") == 0)
            is_small = true;
        else if (i + 1 < argc && strcmp(argv[i], "--runs") == 0)
            c.runs = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            c.seed = strtoull(argv[++i], NULL, 10);
        else
            return usage();
    }
    if (c.runs < 100)
        return usage();
    check_promises(&c);
    check_ends(&c);
    check_null(&c, c.runs / (is_small ? 25 : 5));
    check_played(&c, is_small ? small_sizes : sizes, is_small ? LENGTH(small_sizes) : LENGTH(sizes));
    return c.wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--check") == 0)
        return check(argc, argv);
    if (argc != 3 || strcmp(argv[1], "--table") != 0)
        return usage();
    if (strcmp(argv[2], "ring") == 0)
        table_of_rings();
    else if (strcmp(argv[2], "rules") == 0)
        table_of_rules();
    else if (strcmp(argv[2], "rollouts") == 0)
        table_of_rollouts();
    else if (strcmp(argv[2], "ends") == 0)
        table_of_ends();
    else
        return usage();
    return 0;
}
