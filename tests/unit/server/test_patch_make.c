/* A patch made in a process of its own: this program is that process, too, as otariad is. */
#include "base/file.h"
#include "patch/make.h"
#include "tools/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (3u << 20)

static char dir[] = "/tmp/otaria-patch-make.XXXXXX";
static char base[64], target[64], out[64];

static void put(const char *path, size_t len, unsigned seed)
{
    struct error err;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    bytes[len / 2] = (uint8_t)~bytes[len / 2];
    assert_int_equal(file_write_atomic(path, bytes, len, 0600, &err), 0);
    free(bytes);
}

static void a_patch_is_made_and_gives_the_target(void **state)
{
    struct patch_process p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[PATCH_REASON_MAX];
    uint8_t *b, *t, *x, *result;
    size_t b_len, t_len, x_len;
    uint32_t size;
    struct error err;
    (void)state;
    put(base, 9000, 1);
    put(target, 8000, 1);
    assert_true(patch_make(&p, base, target, out, reason));
    assert_string_equal(reason, "");
    assert_int_equal(file_read(base, 1u << 20, &b, &b_len, &err), 0);
    assert_int_equal(file_read(target, 1u << 20, &t, &t_len, &err), 0);
    assert_int_equal(file_read(out, 1u << 20, &x, &x_len, &err), 0);
    assert_true(x_len < t_len);
    assert_int_equal(delta_apply(&(struct delta_file){.bytes = b, .size = (uint32_t)b_len},
                                 &(struct delta_file){.bytes = x, .size = (uint32_t)x_len}, &result, &size),
                     OT_OK);
    assert_int_equal(size, t_len);
    assert_memory_equal(result, t, t_len);
    free(b);
    free(t);
    free(x);
    free(result);
}

static void a_compressed_image_is_made_of_the_target_alone(void **state)
{
    struct patch_process process = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[PATCH_REASON_MAX];
    uint8_t *made, *result;
    size_t len;
    uint32_t size;
    struct error err;
    (void)state;
    uint8_t even[8000] = {7};
    unlink(base);
    assert_int_equal(file_write_atomic(target, even, sizeof even, 0600, &err), 0);
    assert_true(patch_make(&process, NULL, target, out, reason));
    assert_int_equal(file_read(out, 1u << 20, &made, &len, &err), 0);
    assert_true(len < sizeof even / 4);
    assert_int_equal(
        delta_apply(NULL, &(struct delta_file){.bytes = made, .size = (uint32_t)len}, &result, &size), OT_OK);
    assert_int_equal(size, sizeof even);
    assert_memory_equal(result, even, size);
    free(made);
    free(result);
    assert_false(patch_make(&process, NULL, "/nonexistent/target", out, reason));
}

static void what_cannot_be_read_or_written_is_said(void **state)
{
    struct patch_process p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[PATCH_REASON_MAX];
    (void)state;
    put(target, 8000, 1);
    assert_false(patch_make(&p, "/nonexistent/base", target, out, reason));
    assert_string_equal(reason, "the artifact directory could not be read or written");
    assert_false(patch_make(&p, target, target, "/nonexistent/out", reason));
    assert_string_equal(reason, "the artifact directory could not be read or written");
}

static void an_empty_target_is_the_makers_refusal(void **state)
{
    struct patch_process p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[PATCH_REASON_MAX];
    struct error err;
    (void)state;
    put(base, 9000, 1);
    assert_int_equal(file_write_atomic(target, "", 0, 0600, &err), 0);
    assert_false(patch_make(&p, base, target, out, reason));
    assert_string_equal(reason, "the maker: the image does not fit the slot");
}

static void a_maker_whose_parent_has_died_makes_nothing(void **state)
{
    int status = 0;
    (void)state;
    put(base, 9000, 1);
    put(target, 8000, 1);
    unlink(out);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(patch_make_main(base, target, out, "999999999"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    assert_int_not_equal(access(out, F_OK), 0);
}

static void *stop_soon(void *ctx)
{
    struct patch_process *p = ctx;
    pid_t pid = 0;
    while (pid == 0) {
        pthread_mutex_lock(&p->lock);
        pid = p->pid;
        pthread_mutex_unlock(&p->lock);
    }
    patch_make_stop(p);
    return NULL;
}

static void a_stop_ends_the_maker_and_every_later_one(void **state)
{
    struct patch_process p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[PATCH_REASON_MAX];
    pthread_t thread;
    (void)state;
    put(base, LARGE, 1);
    put(target, LARGE, 2);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &p), 0);
    assert_false(patch_make(&p, base, target, out, reason));
    pthread_join(thread, NULL);
    assert_string_equal(reason, "the maker was ended (signal 9)");
    assert_false(patch_make(&p, base, target, out, reason));
    assert_non_null(strstr(reason, "did not start"));
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(base, sizeof base, "%s/base", dir);
    snprintf(target, sizeof target, "%s/target", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(base);
    unlink(target);
    unlink(out);
    return rmdir(dir);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "--make-patch") == 0)
        return patch_make_main(argv[2], argv[3], argv[4], argv[5]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_is_made_and_gives_the_target),
        cmocka_unit_test(a_compressed_image_is_made_of_the_target_alone),
        cmocka_unit_test(what_cannot_be_read_or_written_is_said),
        cmocka_unit_test(an_empty_target_is_the_makers_refusal),
        cmocka_unit_test(a_maker_whose_parent_has_died_makes_nothing),
        cmocka_unit_test(a_stop_ends_the_maker_and_every_later_one),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
