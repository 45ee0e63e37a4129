/* Patches as a person makes and applies them, and each refusal with its cause. */
#include "base/file.h"
#include "cli_run.h"
#include "elf_support.h"
#include "image_support.h"
#include "run_program.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct temp_dir dir;
static char old[PATH_MAX], new[PATH_MAX], patch[PATH_MAX], out[PATH_MAX], odd[PATH_MAX];

static void write_file(const char *path, const void *bytes, size_t len)
{
    struct error err = {0};
    if (file_write_atomic(path, bytes, len, 0600, &err) != 0)
        fail_msg("%s", err.text);
}

static void make_image(const char *path, const char *version, uint32_t size)
{
    struct image_spec spec = {.chip_id = 5, .version = version, .seed = 3, .size = size};
    uint32_t len;
    uint8_t *bytes = image_make(&spec, &len);
    write_file(path, bytes, len);
    free(bytes);
}

static int make_files(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    snprintf(old, PATH_MAX, "%s", temp_path(&dir, "old.bin"));
    snprintf(new, PATH_MAX, "%s", temp_path(&dir, "new.bin"));
    snprintf(patch, PATH_MAX, "%s", temp_path(&dir, "new.patch"));
    snprintf(out, PATH_MAX, "%s", temp_path(&dir, "out.bin"));
    snprintf(odd, PATH_MAX, "%s", temp_path(&dir, "odd.patch"));
    make_image(old, "1.0.0", 20000);
    make_image(new, "1.1.0", 20200);
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static void expect_same(const char *a, const char *b)
{
    uint32_t a_len, b_len;
    uint8_t *x = read_whole_file(a, &a_len), *y = read_whole_file(b, &b_len);
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(a_len, b_len);
    assert_memory_equal(x, y, a_len);
    free(x);
    free(y);
}

static void create_apply_info(void **state)
{
    (void)state;
    json_t *image = succeed(OTARIA("image", "info", new));
    json_t *made = succeed(OTARIA("delta", "create", old, new, "--out", patch));
    assert_string_equal(text_of(made, "target"), text_of(image, "digest"));
    assert_string_equal(text_of(made, "chip"), "esp32c3");
    assert_string_equal(text_of(made, "method"), "image");
    assert_int_equal(json_integer_value(json_object_get(made, "target_bytes")),
                     json_integer_value(json_object_get(image, "bytes")));
    json_t *told = succeed(OTARIA("delta", "info", patch));
    assert_true(json_equal(made, told));
    json_t *applied = succeed(OTARIA("delta", "apply", old, patch, "--out", out));
    assert_true(json_equal(made, applied));
    expect_same(new, out);
    json_decref(image);
    json_decref(made);
    json_decref(told);
    json_decref(applied);
}

static void files_that_are_no_images_are_patched_as_plain_data(void **state)
{
    (void)state;
    write_file(odd, "one two three", 13);
    json_t *made = succeed(OTARIA("delta", "create", odd, new, "--out", patch, "--profile", "standard"));
    assert_string_equal(text_of(made, "method"), "plain");
    json_decref(made);
    made = succeed(OTARIA("delta", "apply", odd, patch, "--out", out));
    json_decref(made);
    expect_same(new, out);
}

static void full_images_need_no_base(void **state)
{
    (void)state;
    json_t *made = succeed(OTARIA("delta", "create", "--full", new, "--out", patch));
    assert_string_equal(text_of(made, "method"), "full");
    assert_string_equal(text_of(made, "chip"), "esp32c3");
    assert_true(json_is_null(json_object_get(made, "base")));
    assert_int_equal(json_integer_value(json_object_get(made, "base_bytes")), 0);
    json_t *told = succeed(OTARIA("delta", "info", patch));
    assert_true(json_equal(made, told));
    json_t *applied = succeed(OTARIA("delta", "apply", "--full", patch, "--out", out));
    assert_true(json_equal(made, applied));
    expect_same(new, out);
    json_decref(succeed(OTARIA("delta", "apply", old, patch, "--out", out))); /* nor mind one */
    expect_same(new, out);
    write_file(odd, "\x01\x9E\x37\x79\xB9\x7F\x4A\x7C", 8);
    json_decref(succeed(OTARIA("delta", "create", "--full", odd, "--out", patch)));
    json_decref(succeed(OTARIA("delta", "apply", "--full", patch, "--out", out)));
    expect_same(odd, out);
    json_decref(succeed(OTARIA("delta", "create", old, new, "--out", patch)));
    fails(OTARIA("delta", "apply", "--full", patch, "--out", out), 1, "needs its base");
    fails(OTARIA("delta", "create", "--full", old, new, "--out", out), 2, "--full takes one");
    fails(OTARIA("delta", "create", new, "--out", out), 2, "two files");
    write_file(odd, "", 0);
    fails(OTARIA("delta", "create", "--full", odd, "--out", out), 1, "empty");
    json_decref(made);
    json_decref(told);
    json_decref(applied);
}

static void names_of_elf_files_are_used(void **state)
{
    (void)state;
    struct firmware a = firmware_make(1), b = firmware_make(2);
    char images[2][PATH_MAX], elf[2][PATH_MAX];
    for (unsigned i = 0; i < 2; i++) {
        const struct firmware *f = i == 0 ? &a : &b;
        snprintf(images[i], PATH_MAX, "%s", temp_path(&dir, i == 0 ? "a.bin" : "b.bin"));
        snprintf(elf[i], PATH_MAX, "%s", temp_path(&dir, i == 0 ? "a.elf" : "b.elf"));
        write_file(images[i], f->image, f->image_bytes);
        write_file(elf[i], f->elf, f->elf_bytes);
    }
    json_t *made =
        succeed(OTARIA("delta", "create", images[0], images[1], "--out", patch, "--elf", elf[0], elf[1]));
    json_t *symbols = json_object_get(made, "symbols");
    assert_int_equal(json_integer_value(json_object_get(symbols, "names")), 420);
    assert_true(json_integer_value(json_object_get(made, "bytes")) <
                json_integer_value(json_object_get(symbols, "bytes_without")));
    json_decref(made);
    json_decref(succeed(OTARIA("delta", "apply", images[0], patch, "--out", out)));
    expect_same(images[1], out);
    (void)remove(out);
    fails(OTARIA("delta", "create", images[0], images[1], "--out", out, "--elf", elf[1], elf[0]), 1,
          "b.elf: not what");
    assert_int_equal(access(out, F_OK), -1);
    fails(OTARIA("delta", "create", images[0], images[1], "--out", out, "--elf", elf[0], images[0]), 1,
          "a.bin: no ELF file");
    fails(OTARIA("delta", "create", images[0], images[1], "--out", out, "--elf", elf[0], "/nonexistent"), 1,
          "/nonexistent");
    fails(OTARIA("delta", "create", images[0], images[1], "--out", out, "--elf", elf[0]), 2,
          "takes two files");
    fails(OTARIA("delta", "create", "--full", images[1], "--out", out, "--elf", elf[0], elf[1]), 2,
          "not with --full");
    firmware_free(&a);
    firmware_free(&b);
}

/* `at` of the patch changed, or cut there: refused by name, and no file appears. */
static void expect_refused(uint32_t at, bool cut, const char *message)
{
    uint32_t len;
    uint8_t *bytes = read_whole_file(patch, &len);
    assert_non_null(bytes);
    bytes[at] ^= cut ? 0 : 0x40;
    write_file(odd, bytes, cut ? at : len);
    free(bytes);
    (void)remove(out);
    fails(OTARIA("delta", "apply", old, odd, "--out", out), 1, message);
    assert_int_equal(access(out, F_OK), -1);
}

static void refusals_say_what_is_wrong(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("delta", "create", old, new, "--out", patch)));
    (void)remove(out);
    fails(OTARIA("delta", "apply", new, patch, "--out", out), 1, "the patch was made for");
    assert_int_equal(access(out, F_OK), -1);
    expect_refused(0, false, "not an Otaria patch");
    expect_refused(4, false, "not known here");
    expect_refused(50, true, "ends before");
    expect_refused(90, true, "ends before");
    expect_refused(60, false, "not its target"); /* another target digest than what comes out */
    fails(OTARIA("delta", "info", old), 1, "not an Otaria patch");
    fails(OTARIA("delta", "apply", old, "/nonexistent", "--out", out), 1, "/nonexistent");
    fails(OTARIA("delta", "create", old, "/nonexistent", "--out", out), 1, "/nonexistent");
    write_file(odd, "", 0);
    fails(OTARIA("delta", "create", odd, new, "--out", out), 1, "empty");
    fails(OTARIA("delta", "create", old, new, "--out", "/nonexistent/x"), 1, "/nonexistent/x");
}

static void making_shows_progress_on_a_terminal_alone(void **state)
{
    (void)state;
    struct command c = OTARIA("delta", "create", old, new, "--out", patch);
    struct run_result r = run_on_terminal(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "making the patch   0 %"));
    assert_non_null(strstr(r.out, "making the patch 100 %"));
    run_result_free(&r);
    r = run_program(c.words);
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.err, "");
    run_result_free(&r);
}

static void words_that_are_missing_or_unknown(void **state)
{
    (void)state;
    fails(OTARIA("delta", "create", old, new), 2, "--out");
    fails(OTARIA("delta", "apply", old, patch), 2, "--out");
    fails(OTARIA("delta", "create", old, new, "--out", out, "--profile", "huge"), 2, "--profile");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_apply_info),
        cmocka_unit_test(files_that_are_no_images_are_patched_as_plain_data),
        cmocka_unit_test(full_images_need_no_base),
        cmocka_unit_test(names_of_elf_files_are_used),
        cmocka_unit_test(refusals_say_what_is_wrong),
        cmocka_unit_test(making_shows_progress_on_a_terminal_alone),
        cmocka_unit_test(words_that_are_missing_or_unknown),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
