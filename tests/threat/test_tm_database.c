/*
 * Threat model, section H: the database file itself. Interrupted while it is brought to the present schema, of a schema
 * that is not known yet, and damaged behind the server's back. Each case ends in a child: whatever the file holds, the
 * server opens it whole or says why not.
 */
#include "base/file.h"
#include "fault_io.h"
#include "fleet_world.h"
#include "old_database.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define EXIT_REFUSED 71
#define DAMAGES      60u
#define DATABASE_MAX (4u << 20)

static struct world_outside outside;

static bool all_cases(void)
{
    return getenv("OTARIA_ALL_CALLS") != NULL;
}

static char *open_and_dump(const char *dir, struct error *err)
{
    struct fleet_world w;
    struct world_outside at = outside;
    if (fleet_world_open(&w, &at, dir, err) != 0)
        return NULL;
    char *text = fleet_world_dump(&w);
    fleet_world_close(&w);
    return text;
}

/* Opens it in a child, with a fault armed: exit status, 0 when it could. `said` (200 bytes) receives its message. */
static int open_in_child(const char *dir, enum fault fault, unsigned long long at, char *said)
{
    int status = 0, channel[2];
    fflush(NULL);
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        struct error err = {{0}};
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        fault_io_arm(fault, at, 1);
        char *text = open_and_dump(dir, &err);
        (void)!write(channel[1], err.text, strlen(err.text));
        _exit(text != NULL ? 0 : EXIT_REFUSED);
    }
    close(channel[1]);
    ssize_t n = read(channel[0], said, 199);
    said[n > 0 ? n : 0] = '\0';
    close(channel[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 1)
        fail_msg("it broke: status 0x%x", (unsigned)status);
    return WEXITSTATUS(status);
}

static unsigned long long calls_to_open(const char *path, int version)
{
    struct temp_dir dir;
    struct error err = {{0}};
    temp_dir_make(&dir);
    old_database_make(temp_path(&dir, "otaria.db"), version);
    fault_io_arm(FAULT_NONE, 0, 0);
    char *text = open_and_dump(dir.path, &err);
    if (text == NULL)
        fail_msg("%s: %s", path, err.text);
    free(text);
    unsigned long long calls = fault_io_calls();
    temp_dir_remove(&dir);
    return calls;
}

/* Killed, or without power, in the middle of the migration from `version`: the next start finishes it. */
static void interrupt(int version, enum fault fault, unsigned long long at, const char *want)
{
    struct temp_dir dir;
    struct error err = {{0}};
    char said[200];
    temp_dir_make(&dir);
    old_database_make(temp_path(&dir, "otaria.db"), version);
    fault_io_arm(FAULT_NONE, 0, 0);
    fault_io_seed(at);
    (void)open_in_child(dir.path, fault, at, said);
    fault_io_arm(FAULT_NONE, 0, 0);
    char *text = open_and_dump(dir.path, &err);
    if (text == NULL)
        fail_msg("from schema %d, fault %d at call %llu: %s", version, (int)fault, at, err.text);
    assert_string_equal(text, want);
    free(text);
    temp_dir_remove(&dir);
}

static void tm_H13_a_migration_interrupted_at_any_call_goes_on(void **state)
{
    unsigned runs = 0;
    (void)state;
    for (int version = 1; version < OLD_DATABASE_LAST; version++) {
        struct temp_dir dir;
        struct error err = {{0}};
        unsigned long long calls = calls_to_open("an old database", version);
        unsigned long long stride = all_cases() ? 1 : calls / 3 + 1;
        temp_dir_make(&dir);
        old_database_make(temp_path(&dir, "otaria.db"), version);
        char *want = open_and_dump(dir.path, &err);
        assert_non_null(want);
        for (unsigned long long at = 1 + (unsigned long long)(time(NULL) / 86400) % stride; at <= calls;
             at += stride) {
            interrupt(version, FAULT_KILL, at, want);
            interrupt(version, FAULT_POWER, at, want);
            runs += 2;
        }
        free(want);
        temp_dir_remove(&dir);
    }
    print_message("%u interruptions on the way from %d older schemas\n", runs, OLD_DATABASE_LAST - 1);
    assert_true(runs > 2u * OLD_DATABASE_LAST);
}

static void tm_H13_a_schema_of_a_newer_server_is_refused_and_left_alone(void **state)
{
    struct temp_dir dir;
    struct error err = {{0}};
    uint8_t *before, *after;
    size_t before_len, after_len;
    (void)state;
    temp_dir_make(&dir);
    old_database_make(temp_path(&dir, "otaria.db"), OLD_DATABASE_LAST);
    old_database_claim(temp_path(&dir, "otaria.db"), OLD_DATABASE_LAST + 1);
    assert_int_equal(file_read(temp_path(&dir, "otaria.db"), DATABASE_MAX, &before, &before_len, &err), 0);
    assert_null(open_and_dump(dir.path, &err));
    assert_non_null(strstr(err.text, "use the newer otariad"));
    assert_int_equal(file_read(temp_path(&dir, "otaria.db"), DATABASE_MAX, &after, &after_len, &err), 0);
    /* Bytes 18 and 19 say that it may have a WAL, and 24 to 27 and 92 to 99 count changes of the header. */
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before + 100, after + 100, before_len - 100);
    old_database_claim(temp_path(&dir, "otaria.db"), -7);
    assert_null(open_and_dump(dir.path, &err));
    assert_non_null(strstr(err.text, "damaged"));
    free(before);
    free(after);
    temp_dir_remove(&dir);
}

/* --- damage --- */

static void fill(const char *dir)
{
    static const char *const rings[] = {"internal", "rest", NULL};
    struct fleet_world w;
    struct error err;
    struct rollout_plan plan = world_plan(rings);
    struct world_outside at = outside;
    assert_int_equal(fleet_world_open(&w, &at, dir, &err), 0);
    assert_int_equal(fleet_world_product(&w) + fleet_world_token(&w, 100, 0) + fleet_world_push(&w, 0), 0);
    for (unsigned i = 0; i < 6; i++) {
        struct world_device d = world_device(i);
        assert_int_equal(fleet_world_enrol(&w, &d), 0);
        if (i < 3)
            assert_int_equal(fleet_world_tag(&w, &d, "internal"), 0);
    }
    assert_int_equal(fleet_world_rollout(&w, "1.0.0", &plan) + fleet_world_act(&w, "start", "so"), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct world_device d = world_device(i);
        fleet_world_find(&w, &d);
        assert_int_equal(fleet_world_check_in(&w, &d, OT_ASK_OFFER, OT_EVENT_NONE), 0);
        assert_int_equal(fleet_world_check_in(&w, &d, OT_ASK_NOTHING, OT_EVENT_DOWNLOADING), 0);
    }
    fleet_world_close(&w);
}

/* One bit, a whole page of zeros, or the end cut off. */
static void damage(uint8_t *bytes, size_t *len, uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    uint64_t r = *random >> 16;
    size_t pages = *len / 4096;
    switch (r % 4) {
    case 0:
        memset(bytes + 4096 * (r / 4 % pages), 0, 4096);
        break;
    case 1:
        *len = 4096 * (r / 4 % pages) + (r % 8 < 4 ? 0 : r / 64 % 4096);
        break;
    default:
        bytes[r / 4 % *len] ^= (uint8_t)(1u << (r >> 40 & 7u));
        break;
    }
}

/* Refused with a message, or opened with every invariant of its rollouts: nothing breaks on it. */
static void tm_H07_a_damaged_database_is_refused_or_makes_sense(void **state)
{
    struct temp_dir dir;
    struct error err;
    uint8_t *whole, *bytes;
    size_t whole_len;
    unsigned refused = 0, opened = 0;
    uint64_t random = (uint64_t)time(NULL) / 86400;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)random);
    temp_dir_make(&dir);
    fault_io_arm(FAULT_NONE, 0, 0);
    fill(dir.path);
    assert_int_equal(file_read(temp_path(&dir, "otaria.db"), DATABASE_MAX, &whole, &whole_len, &err), 0);
    bytes = malloc(whole_len);
    for (unsigned i = 0; i < (all_cases() ? 5000 : DAMAGES); i++) {
        char said[200];
        size_t len = whole_len;
        memcpy(bytes, whole, whole_len);
        damage(bytes, &len, &random);
        unlink(temp_path(&dir, "otaria.db-wal"));
        unlink(temp_path(&dir, "otaria.db-shm"));
        assert_int_equal(file_write_atomic(temp_path(&dir, "otaria.db"), bytes, len, 0600, &err), 0);
        int status = open_in_child(dir.path, FAULT_NONE, 0, said);
        assert_true(status == 0 || (status == EXIT_REFUSED && strncmp(said, "database", 8) == 0));
        refused += status != 0;
        opened += status == 0;
    }
    print_message("%u damaged databases: %u refused, %u opened\n", refused + opened, refused, opened);
    assert_true(refused > 0 && opened > 0);
    free(bytes);
    free(whole);
    temp_dir_remove(&dir);
}

static int set_up(void **state)
{
    (void)state;
    world_outside_make(&outside);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_outside_free(&outside);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tm_H13_a_migration_interrupted_at_any_call_goes_on),
        cmocka_unit_test(tm_H13_a_schema_of_a_newer_server_is_refused_and_left_alone),
        cmocka_unit_test(tm_H07_a_damaged_database_is_refused_or_makes_sense),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
