/*
 * Threat model, section H: the disk under the server. A scenario of everything that writes is played once undisturbed,
 * with what the server knows noted after every step. Then once for every system call that writes: killed there, power
 * lost there, disk full there, an error there. What a restart finds must be exactly what was known after the last step
 * that was answered, or after the one that was under way.
 *
 * Every 25th call, from another one each day; with OTARIA_ALL_CALLS=1 (scripts/nightly) every call.
 */
#include "fault_io.h"
#include "fleet_world.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICES    4u
#define STEPS_MAX  100u
#define EXIT_STORE 70 /* the store gives up: server/store */
#define EXIT_OPEN  71 /* fleet_world_open() refused */

/* --- the scenario --- */

struct play {
    struct fleet_world world;
    struct world_device devices[DEVICES];
    struct rollout_plan plan;
};

enum what { PRODUCT, TOKEN, PUSH, ENROL, TAG, ROLLOUT, ACT, ASK, TELL, SWITCH, TICK };

struct step {
    enum what what;
    unsigned number; /* device, image, or milliseconds */
    const char *word;
    enum ot_event_kind event;
};

static const struct step steps[] = {
    {PRODUCT, 0, NULL, 0},
    {TOKEN, 0, NULL, 0},
    {PUSH, 0, NULL, 0},
    {ENROL, 0, NULL, 0},
    {ENROL, 1, NULL, 0},
    {ENROL, 2, NULL, 0},
    {ENROL, 3, NULL, 0},
    {TAG, 0, "internal", 0},
    {PUSH, 1, NULL, 0},
    {ROLLOUT, 0, "1.1.0", 0},
    {ACT, 0, "start", 0},
    {ASK, 0, NULL, 0},
    {TELL, 0, NULL, OT_EVENT_DOWNLOADING},
    {TELL, 0, NULL, OT_EVENT_INSTALLED},
    {ACT, 0, "pause", 0},
    {ASK, 1, NULL, 0},
    {ACT, 0, "resume", 0},
    {SWITCH, 0, NULL, 0},
    {TELL, 0, NULL, OT_EVENT_SWITCHING},
    {TELL, 0, NULL, OT_EVENT_BOOTED},
    {TELL, 0, NULL, OT_EVENT_CONFIRMED},
    {TICK, 5000, NULL, 0},
    {ASK, 1, NULL, 0},
    {TELL, 1, NULL, OT_EVENT_DOWNLOADING},
    {TELL, 1, NULL, OT_EVENT_FAILED},
    {ASK, 2, NULL, 0},
    {ASK, 3, NULL, 0},
    {TICK, 700000, NULL, 0},
    {ACT, 0, "retry", 0},
    {ASK, 1, NULL, 0},
    {TELL, 1, NULL, OT_EVENT_INSTALLED},
    {TELL, 1, NULL, OT_EVENT_CONFIRMED},
    {ACT, 0, "widen", 0},
    {PUSH, 2, NULL, 0},
    {ROLLOUT, 0, "1.2.0", 0},
    {ACT, 0, "start", 0},
    {ASK, 0, NULL, 0},
    {TELL, 0, NULL, OT_EVENT_CONFIRMED},
    {TELL, 0, NULL, OT_EVENT_LATE_REVERT},
    {ACT, 0, "abort", 0},
};
#define STEPS (sizeof steps / sizeof steps[0])

/* In a child no assertion of the test's may jump back into the runner. */
static void must(bool claim)
{
    if (!claim)
        abort();
}

static void play_step(struct play *p, const struct step *s)
{
    struct fleet_world *w = &p->world;
    struct world_device *d = &p->devices[s->number % DEVICES];
    world_pass_ms(w->outside, 1000);
    switch (s->what) {
    case PRODUCT:
        must(fleet_world_product(w) == 0);
        break;
    case TOKEN:
        must(fleet_world_token(w, 100, 0) == 0);
        break;
    case PUSH:
        while (fleet_world_push(w, s->number) != 0) /* nothing is left behind: it is simply sent again */
            must(w->refusal.status == 503);
        break;
    case ENROL:
        must(fleet_world_enrol(w, d) == 0);
        break;
    case TAG:
        must(fleet_world_tag(w, d, s->word) == 0);
        break;
    case ROLLOUT:
        must(fleet_world_rollout(w, s->word, &p->plan) == 0);
        break;
    case ACT:
        (void)fleet_world_act(w, s->word, "because");
        break;
    case ASK:
        must(fleet_world_check_in(w, d, OT_ASK_OFFER, OT_EVENT_NONE) == 0);
        break;
    case SWITCH:
        must(fleet_world_check_in(w, d, OT_ASK_SWITCH, OT_EVENT_NONE) == 0);
        break;
    case TELL:
        must(fleet_world_check_in(w, d, OT_ASK_NOTHING, s->event) == 0);
        break;
    case TICK:
    default:
        world_pass_ms(w->outside, s->number);
        fleet_world_tick(w);
        break;
    }
}

/* Shared with the child: how far it has come. */
struct progress {
    volatile unsigned answered;
};

static struct world_outside outside;
static struct progress *progress;
static char *known[STEPS + 1]; /* after so many steps */
static unsigned long long all_calls;

static void play_from(const char *dir, unsigned long long at, enum fault fault, unsigned long long count)
{
    static const char *const rings[] = {"internal", "rest", NULL};
    static struct play p;
    struct error err;
    p.plan = world_plan(rings);
    for (unsigned i = 0; i < DEVICES; i++)
        p.devices[i] = world_device(i);
    fault_io_arm(fault, at, count);
    if (fleet_world_open(&p.world, &outside, dir, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        _exit(EXIT_OPEN);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        play_step(&p, &steps[i]);
        progress->answered = i + 1;
    }
    fleet_world_close(&p.world);
}

/* --- once undisturbed --- */

static void play_undisturbed(void)
{
    static const char *const rings[] = {"internal", "rest", NULL};
    struct temp_dir dir;
    struct play p = {.plan = world_plan(rings)};
    struct world_outside before = outside;
    struct error err;
    for (unsigned i = 0; i < DEVICES; i++)
        p.devices[i] = world_device(i);
    temp_dir_make(&dir);
    fault_io_arm(FAULT_NONE, 0, 0);
    assert_int_equal(fleet_world_open(&p.world, &outside, dir.path, &err), 0);
    known[0] = fleet_world_dump(&p.world);
    for (unsigned i = 0; i < STEPS; i++) {
        play_step(&p, &steps[i]);
        assert_null(fleet_world_check(&p.world));
        known[i + 1] = fleet_world_dump(&p.world);
        if ((steps[i].what == ASK || steps[i].what == TELL) && strcmp(known[i + 1], known[i]) == 0)
            fail_msg("step %u does nothing, and so proves nothing: %s", i, strstr(known[i], " ring 0:"));
    }
    assert_int_equal(fleet_world_newest(&p.world)->state, ROLLOUT_ABORTED);
    fleet_world_close(&p.world);
    all_calls = fault_io_calls();
    outside = before;
    temp_dir_remove(&dir);
}

static int set_up(void **state)
{
    (void)state;
    world_outside_make(&outside);
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    play_undisturbed();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= STEPS; i++)
        free(known[i]);
    world_outside_free(&outside);
    munmap(progress, sizeof *progress);
    return 0;
}

/* --- and with a fault --- */

/* In a child, so that it may end as it likes. Returns its exit status; what it has answered is in `progress`. */
static int run_with_fault(const char *dir, enum fault fault, unsigned long long at, unsigned long long count)
{
    int status = 0;
    progress->answered = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fault_io_seed(at * 7919 + fault);
        if (freopen(getenv("OTARIA_CHILD_LOG") != NULL ? getenv("OTARIA_CHILD_LOG") : "/dev/null", "a",
                    stderr) == NULL) /* it says what failed, a hundred times */
            _exit(1);
        play_from(dir, at, fault, count);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("fault %d at call %llu: the server ended by signal %d", (int)fault, at, WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void expect_known(const char *dir, enum fault fault, unsigned long long at)
{
    struct fleet_world w;
    struct error err;
    struct world_outside before = outside;
    fault_io_arm(FAULT_NONE, 0, 0);
    if (fleet_world_open(&w, &outside, dir, &err) != 0)
        fail_msg("fault %d at call %llu, %u steps answered: does not open: %s", (int)fault, at,
                 progress->answered, err.text);
    char *now = fleet_world_dump(&w);
    const char *bad = fleet_world_check(&w);
    unsigned n = progress->answered;
    if (strcmp(now, known[n]) != 0 && (n == STEPS || strcmp(now, known[n + 1]) != 0)) {
        printf("--- found\n%s--- after step %u\n%s\n--- after the next\n%s", now, n, known[n],
               n < STEPS ? known[n + 1] : "");
        fail_msg("fault %d at call %llu: what was known after step %u is not there", (int)fault, at, n);
    }
    if (bad != NULL)
        fail_msg("fault %d at call %llu: %s", (int)fault, at, bad);
    free(now);
    fleet_world_close(&w);
    outside = before;
}

static unsigned long long stride(void)
{
    return getenv("OTARIA_ALL_CALLS") != NULL ? 1 : 25;
}

/* Each day other ones. */
static unsigned long long first_call(void)
{
    unsigned long long first = 1 + (unsigned long long)time(NULL) / 86400 % stride();
    print_message("calls %llu, %llu, ... of %llu\n", first, first + stride(), all_calls);
    return first;
}

/* Ends at the n-th call, for each n: then a new process finds a whole state. */
static unsigned end_at_each_call(enum fault fault, int exit_status)
{
    unsigned runs = 0, exits = 0;
    for (unsigned long long at = first_call(); at <= all_calls; at += stride()) {
        struct temp_dir dir;
        temp_dir_make(&dir);
        int status = run_with_fault(dir.path, fault, at, 1);
        if (status != exit_status && status != EXIT_OPEN && status != 0)
            fail_msg("fault %d at call %llu: exit status %d", (int)fault, at, status);
        expect_known(dir.path, fault, at);
        temp_dir_remove(&dir);
        exits += status == exit_status;
        runs++;
    }
    assert_true(exits > runs / 2);
    return runs;
}

static void tm_H02_killed_at_every_call_that_writes(void **state)
{
    (void)state;
    print_message("%u kills\n", end_at_each_call(FAULT_KILL, FAULT_EXIT));
}

static void tm_H03_power_lost_at_every_call_that_writes(void **state)
{
    (void)state;
    print_message("%u power losses\n", end_at_each_call(FAULT_POWER, FAULT_EXIT));
}

/* It stops rather than guess what is on the disk; a rollout whose halt or pause could not be stored makes no offers. */
static void tm_H05_I23_an_error_of_the_disk_at_every_call(void **state)
{
    (void)state;
    print_message("%u errors\n", end_at_each_call(FAULT_IO, EXIT_STORE));
}

/* The disk is full for a while: nothing is lost, nothing is told before it is stored, and no restart is needed. */
static void tm_H04_disk_full_at_every_call(void **state)
{
    (void)state;
    unsigned runs = 0, whole = 0;
    for (unsigned long long at = first_call(); at <= all_calls; at += stride()) {
        struct temp_dir dir;
        temp_dir_make(&dir);
        int status = run_with_fault(dir.path, FAULT_FULL, at, 1);
        assert_true(status == 0 || status == EXIT_STORE || status == EXIT_OPEN);
        expect_known(dir.path, FAULT_FULL, at);
        temp_dir_remove(&dir);
        whole += status == 0 && progress->answered == STEPS;
        runs++;
    }
    print_message("%u times full, %u went on to the end by themselves\n", runs, whole);
    assert_true(whole > runs / 2);
}

static void count(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

/* A device repeats its enrolment, an operator looks: neither is told of what a crash could still take back. */
static void tm_H01_nothing_is_shown_before_it_is_stored(void **state)
{
    struct fleet_world w;
    struct temp_dir dir;
    struct error err;
    struct world_outside before = outside;
    struct world_device d = world_device(1);
    struct ot_wire_enrol m = {.device = "lamp-01", .chip_id = 5, .token_sha256 = {{1}}};
    atomic_int seen = 0;
    bool created = false;
    (void)state;
    temp_dir_make(&dir);
    fault_io_arm(FAULT_NONE, 0, 0);
    assert_int_equal(fleet_world_open(&w, &outside, dir.path, &err), 0);
    assert_int_equal(fleet_world_product(&w) + fleet_world_token(&w, 100, 0), 0);
    fault_io_arm(FAULT_HOLD, 1, UINT64_MAX);
    assert_int_equal(fleet_enrol(w.fleet, w.enrol, &m, &created, &w.refusal, NULL, NULL), 0);
    assert_true(created);
    assert_int_equal(fleet_enrol(w.fleet, w.enrol, &m, &created, &w.refusal, NULL, NULL), 0);
    assert_false(created);
    fleet_when_durable(w.fleet, count, &seen);
    while (fault_io_calls() == 0) {
    } /* the disk is at it */
    assert_int_equal(seen, 0);
    fault_io_arm(FAULT_NONE, 0, 0);
    while (seen == 0) {
    }
    fleet_world_find(&w, &d);
    assert_non_null(d.known);
    fleet_world_close(&w);
    outside = before;
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_H01_nothing_is_shown_before_it_is_stored),
        cmocka_unit_test(tm_H02_killed_at_every_call_that_writes),
        cmocka_unit_test(tm_H03_power_lost_at_every_call_that_writes),
        cmocka_unit_test(tm_H05_I23_an_error_of_the_disk_at_every_call),
        cmocka_unit_test(tm_H04_disk_full_at_every_call),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
