/*
 * The fault matrix.
 *
 *   matrix SUITE...                 run suites (M1 M2 ...), each spread over --jobs processes
 *   matrix --replay KEY             one case, told step by step; KEY as a violation printed it
 *   matrix --list                   suites and scenarios
 *     --jobs N      processes (1)         --sample N    every n-th case only, a running offset by suite
 *     --scenario S  one scenario only     --bytes N     size of the images, a multiple of 4096
 *     --here        in this process (for debuggers and coverage); no --jobs then
 *
 * Prints one line a suite: cases and violations. Exit 0: none violated; 1: some; 2: usage.
 */
#include "suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
    uint32_t jobs, sample, bytes;
    const char *scenario, *replay;
    bool here;
};

struct totals {
    uint64_t cases, violations;
};

static const struct suite *find_suite(const char *id)
{
    for (unsigned i = 0; i < matrix_suite_count; i++) {
        if (strcmp(matrix_suites[i].id, id) == 0)
            return &matrix_suites[i];
    }
    return NULL;
}

/* This process's share of a suite. */
static struct totals run_share(const struct suite *suite, const struct options *o, struct run run)
{
    static struct world w;
    for (unsigned s = 0; s < matrix_scenario_count; s++) {
        if (suite->scenario != NULL && strcmp(suite->scenario, matrix_scenarios[s].id) != 0)
            continue;
        if (o->scenario != NULL && strcmp(o->scenario, matrix_scenarios[s].id) != 0)
            continue;
        world_open(&w, &matrix_scenarios[s], run.bytes);
        suite->run(&run, &w);
        world_close(&w);
    }
    return (struct totals){run.cases, run.violations};
}

static struct run run_of(const struct suite *suite, const struct options *o, uint32_t job)
{
    return (struct run){.suite = suite->id,
                        .bytes = o->bytes != 0 ? o->bytes : suite->default_bytes,
                        .sample = o->sample,
                        .jobs = o->jobs,
                        .job = job};
}

static struct totals run_suite(const struct suite *suite, const struct options *o)
{
    if (o->here)
        return run_share(suite, o, run_of(suite, o, 0));
    struct totals sum = {0, 0};
    int fd[2];
    if (pipe(fd) != 0)
        abort();
    fflush(stdout);
    for (uint32_t job = 0; job < o->jobs; job++) {
        pid_t child = fork();
        if (child < 0)
            abort();
        if (child > 0)
            continue;
        struct totals t = run_share(suite, o, run_of(suite, o, job));
        bool told = write(fd[1], &t, sizeof t) == (ssize_t)sizeof t;
        fflush(stdout);
        _exit(told ? 0 : 3);
    }
    close(fd[1]);
    for (struct totals t; read(fd[0], &t, sizeof t) == (ssize_t)sizeof t;) {
        sum.cases += t.cases;
        sum.violations += t.violations;
    }
    close(fd[0]);
    for (uint32_t job = 0; job < o->jobs; job++) {
        int status = 0;
        if (wait(&status) < 0 || status != 0)
            sum.violations++; /* a process that died has proved nothing */
    }
    return sum;
}

static int replay(const char *key)
{
    char suite_id[8], scenario[8], rest[100] = "";
    uint32_t bytes = 0;
    if (sscanf(key, "%7[^:]:%" SCNu32 ":%7[^:]:%99s", suite_id, &bytes, scenario, rest) < 3 ||
        find_suite(suite_id) == NULL || matrix_scenario_find(scenario) == NULL) {
        fprintf(stderr, "matrix: %s is no case key (M1:16384:S2:57:8)\n", key);
        return 2;
    }
    struct options o = {.jobs = 1, .scenario = scenario};
    struct run run = {.suite = suite_id, .bytes = bytes, .sample = 1, .jobs = 1, .verbose = true};
    for (char *word = strtok(rest, ":"); word != NULL && run.only_count < (int)KEY_MAX;
         word = strtok(NULL, ":"))
        run.only[run.only_count++] = (uint32_t)strtoul(word, NULL, 10);
    struct totals t = run_share(find_suite(suite_id), &o, run);
    printf("%" PRIu64 " cases, %" PRIu64 " violations\n", t.cases, t.violations);
    return t.violations > 0 || t.cases == 0;
}

static int list(void)
{
    for (unsigned i = 0; i < matrix_suite_count; i++)
        printf("%-5s%s\n", matrix_suites[i].id, matrix_suites[i].what);
    for (unsigned i = 0; i < matrix_scenario_count; i++)
        printf("%-5s%s\n", matrix_scenarios[i].id, matrix_scenarios[i].what);
    return 0;
}

static uint32_t number(const char *text)
{
    unsigned long n = text != NULL ? strtoul(text, NULL, 10) : 0;
    if (n == 0 || n > UINT32_MAX) {
        fprintf(stderr, "matrix: %s: a number above 0 is wanted\n", text != NULL ? text : "(nothing)");
        exit(2);
    }
    return (uint32_t)n;
}

static int run_named(char **names, int count, const struct options *o)
{
    bool clean = true;
    for (int i = 0; i < count; i++) {
        const struct suite *suite = find_suite(names[i]);
        if (suite == NULL) {
            fprintf(stderr, "matrix: no suite %s (matrix --list)\n", names[i]);
            return 2;
        }
        time_t began = time(NULL);
        struct totals t = run_suite(suite, o);
        printf("%-5s%10" PRIu64 " cases  %6" PRIu64 " violations  %5ld s   %s\n", suite->id, t.cases,
               t.violations, (long)(time(NULL) - began), suite->what);
        fflush(stdout);
        clean = clean && t.violations == 0 && t.cases > 0;
    }
    return clean ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = {.jobs = 1, .sample = 1};
    int first = 1;
    firmware_use_fixed_chance();
    /* Keys are made once, before any process is split off. */
    struct firmware_set warm;
    firmware_make(&warm, &(struct firmware_plan){.bytes = 16384});
    firmware_drop(&warm);
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--list") == 0)
            return list();
        if (strcmp(argv[first], "--here") == 0) {
            o.here = true;
            continue;
        }
        if (first + 1 == argc)
            return 2;
        if (strcmp(argv[first], "--replay") == 0)
            return replay(argv[first + 1]);
        if (strcmp(argv[first], "--jobs") == 0)
            o.jobs = number(argv[++first]);
        else if (strcmp(argv[first], "--sample") == 0)
            o.sample = number(argv[++first]);
        else if (strcmp(argv[first], "--bytes") == 0)
            o.bytes = number(argv[++first]);
        else if (strcmp(argv[first], "--scenario") == 0)
            o.scenario = argv[++first];
        else {
            fprintf(stderr, "matrix: unknown option %s\n", argv[first]);
            return 2;
        }
    }
    return run_named(argv + first, argc - first, &o);
}
