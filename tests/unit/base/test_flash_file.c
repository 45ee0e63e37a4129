/* The flash file behaves like NOR flash and costs no disk where it is erased. */
#include "base/flash_file.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MB 0x100000u

struct fixture {
    struct temp_dir dir;
    struct flash_file file;
};

static struct fixture fixture;

static int set_up(void **state)
{
    struct error err = {0};
    temp_dir_make(&fixture.dir);
    *state = &fixture;
    return flash_file_create(&fixture.file, temp_path(&fixture.dir, "chip"), 4 * MB, &err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    flash_file_close(&f->file);
    temp_dir_remove(&f->dir);
    return 0;
}

static bool all_are(const struct flash *f, uint32_t offset, uint32_t len, uint8_t value)
{
    uint8_t b;
    for (uint32_t i = 0; i < len; i++) {
        if (flash_read(f, offset + i, &b, 1) != 0 || b != value)
            return false;
    }
    return true;
}

/* A file system may report holes in units of its own (up to 64 KiB), so data begins at or before where it is. */
static void what_is_not_erased_is_found_without_reading(void **state)
{
    struct fixture *f = *state;
    const uint8_t byte = 0;
    assert_int_equal(flash_file_next_data(&f->file, 0), 4 * MB);
    assert_int_equal(flash_program(&f->file.flash, MB + 5, &byte, 1), 0);
    assert_in_range(flash_file_next_data(&f->file, 0), MB - 0x10000u, MB);
    assert_int_equal(flash_file_next_data(&f->file, MB), MB);
    assert_int_equal(flash_file_next_data(&f->file, 2 * MB), 4 * MB);
    assert_int_equal(flash_file_next_data(&f->file, 4 * MB), 4 * MB);
    assert_int_equal(flash_erase(&f->file.flash, MB, FLASH_SECTOR_BYTES), 0);
    assert_int_equal(flash_file_next_data(&f->file, MB), 4 * MB);
}

static void a_new_chip_is_erased_and_takes_no_room(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    static uint8_t sector[FLASH_SECTOR_BYTES];
    for (uint32_t at = 0; at < 4 * MB; at += MB / 2) {
        assert_int_equal(flash_read(&f->file.flash, at, sector, sizeof sector), 0);
        for (size_t i = 0; i < sizeof sector; i++)
            assert_int_equal(sector[i], 0xFF);
    }
    assert_int_equal(fstat(f->file.fd, &st), 0);
    assert_int_equal(st.st_size, 4 * MB);
    assert_int_equal(st.st_blocks, 0);
}

static void the_file_holds_the_complement(void **state)
{
    struct fixture *f = *state;
    const uint8_t bytes[3] = {0x00, 0xA5, 0xFF};
    uint8_t raw[3];
    assert_int_equal(flash_program(&f->file.flash, 0x1234, bytes, sizeof bytes), 0);
    assert_int_equal(pread(f->file.fd, raw, sizeof raw, 0x1234), 3);
    assert_int_equal(raw[0], 0xFF);
    assert_int_equal(raw[1], 0x5A);
    assert_int_equal(raw[2], 0x00);
}

static void programming_only_clears_bits(void **state)
{
    struct fixture *f = *state;
    uint8_t b = 0xF0;
    assert_int_equal(flash_program(&f->file.flash, 100, &b, 1), 0);
    b = 0xF1; /* one bit back to 1 */
    assert_int_equal(flash_program(&f->file.flash, 100, &b, 1), -1);
    assert_true(all_are(&f->file.flash, 100, 1, 0xF0));
    b = 0x30;
    assert_int_equal(flash_program(&f->file.flash, 100, &b, 1), 0);
    b = 0x30; /* the same again is nothing new */
    assert_int_equal(flash_program(&f->file.flash, 100, &b, 1), 0);
    assert_true(all_are(&f->file.flash, 100, 1, 0x30));
}

static void a_refused_page_is_left_whole_and_pages_before_it_are_written(void **state)
{
    struct fixture *f = *state;
    uint8_t zero = 0, bytes[512];
    memset(bytes, 0x55, sizeof bytes);
    assert_int_equal(flash_program(&f->file.flash, 0x1000 + 256 + 7, &zero, 1), 0);
    assert_int_equal(flash_program(&f->file.flash, 0x1000, bytes, sizeof bytes), -1);
    assert_true(all_are(&f->file.flash, 0x1000, 256, 0x55));
    assert_true(all_are(&f->file.flash, 0x1000 + 256, 7, 0xFF));
    assert_true(all_are(&f->file.flash, 0x1000 + 256 + 8, 200, 0xFF));
}

static void lengths_cross_pages_and_sectors(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[10000], back[10000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(flash_program(&f->file.flash, 0x20FA1, bytes, sizeof bytes), 0);
    assert_int_equal(flash_read(&f->file.flash, 0x20FA1, back, sizeof back), 0);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_true(all_are(&f->file.flash, 0x20FA0, 1, 0xFF));
    assert_true(all_are(&f->file.flash, 0x20FA1 + sizeof bytes, 1, 0xFF));
}

static void erasing_sets_whole_sectors_and_gives_the_room_back(void **state)
{
    struct fixture *f = *state;
    static uint8_t zeros[3 * FLASH_SECTOR_BYTES];
    struct stat before, after;
    assert_int_equal(flash_program(&f->file.flash, 0x10000, zeros, sizeof zeros), 0);
    assert_int_equal(fsync(f->file.fd), 0);
    assert_int_equal(fstat(f->file.fd, &before), 0);
    assert_int_equal(flash_erase(&f->file.flash, 0x11000, FLASH_SECTOR_BYTES), 0);
    assert_int_equal(fstat(f->file.fd, &after), 0);
    assert_true(all_are(&f->file.flash, 0x10FFF, 1, 0x00));
    assert_true(all_are(&f->file.flash, 0x11000, FLASH_SECTOR_BYTES, 0xFF));
    assert_true(all_are(&f->file.flash, 0x12000, 1, 0x00));
    assert_int_equal(after.st_size, 4 * MB);
    assert_true(after.st_blocks < before.st_blocks);
}

static void erasing_is_for_sectors_of_the_chip_alone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(flash_erase(&f->file.flash, 0x10001, FLASH_SECTOR_BYTES), -1);
    assert_int_equal(flash_erase(&f->file.flash, 0x10000, 100), -1);
    assert_int_equal(flash_erase(&f->file.flash, 4 * MB, FLASH_SECTOR_BYTES), -1);
    assert_int_equal(flash_erase(&f->file.flash, 4 * MB - FLASH_SECTOR_BYTES, 2 * FLASH_SECTOR_BYTES), -1);
    assert_int_equal(flash_erase(&f->file.flash, 0x10000, 0), 0);
}

static void nothing_is_read_or_programmed_beyond_the_chip(void **state)
{
    struct fixture *f = *state;
    uint8_t b[2] = {0, 0};
    assert_int_equal(flash_read(&f->file.flash, 4 * MB - 1, b, 2), -1);
    assert_int_equal(flash_read(&f->file.flash, 0xFFFFFFFF, b, 2), -1);
    assert_int_equal(flash_program(&f->file.flash, 4 * MB - 1, b, 2), -1);
    assert_int_equal(flash_program(&f->file.flash, 4 * MB - 1, b, 1), 0);
}

static void a_chip_is_found_again_as_it_was_left(void **state)
{
    struct fixture *f = *state;
    struct flash_file again;
    struct error err = {0};
    const uint8_t b = 0x42;
    assert_int_equal(flash_program(&f->file.flash, 77, &b, 1), 0);
    assert_int_equal(flash_file_open(&again, temp_path(&f->dir, "chip"), false, &err), 0);
    assert_int_equal(again.flash.size, 4 * MB);
    assert_true(all_are(&again.flash, 77, 1, 0x42));
    assert_int_equal(flash_program(&again.flash, 78, &b, 1), -1); /* opened for reading */
    flash_file_close(&again);
}

static void creating_refuses_odd_sizes_and_existing_files(void **state)
{
    struct fixture *f = *state;
    struct flash_file other;
    struct error err = {0};
    static const uint32_t sizes[] = {0, 4096, MB - 1, 3 * MB, 256 * MB, MB + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(flash_file_create(&other, temp_path(&f->dir, "odd"), sizes[i], &err), -1);
    assert_int_equal(access(temp_path(&f->dir, "odd"), F_OK), -1);
    assert_int_equal(flash_file_create(&other, temp_path(&f->dir, "chip"), MB, &err), -1);
}

static void opening_refuses_what_is_no_chip(void **state)
{
    struct fixture *f = *state;
    struct flash_file other;
    struct error err = {0};
    FILE *odd = fopen(temp_path(&f->dir, "odd"), "w");
    assert_non_null(odd);
    fputs("not flash", odd);
    fclose(odd);
    assert_int_equal(flash_file_open(&other, temp_path(&f->dir, "odd"), false, &err), -1);
    assert_non_null(strstr(err.text, "not a virtual flash file"));
    assert_int_equal(flash_file_open(&other, temp_path(&f->dir, "absent"), false, &err), -1);
    assert_int_equal(flash_file_open(&other, f->dir.path, false, &err), -1);
}

static void sizes_are_written_as_flash_chips_are_sold(void **state)
{
    (void)state;
    assert_int_equal(flash_size_from_text("1MB"), MB);
    assert_int_equal(flash_size_from_text("4MB"), 4 * MB);
    assert_int_equal(flash_size_from_text("128MB"), 128 * MB);
    static const char *const bad[] = {"", "MB", "3MB", "0MB", "256MB", "4", "4mb", "4MB ", "-4MB", "4GB"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(flash_size_from_text(bad[i]), 0);
}

#define WITH_CHIP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CHIP(a_new_chip_is_erased_and_takes_no_room),
        WITH_CHIP(the_file_holds_the_complement),
        WITH_CHIP(programming_only_clears_bits),
        WITH_CHIP(a_refused_page_is_left_whole_and_pages_before_it_are_written),
        WITH_CHIP(lengths_cross_pages_and_sectors),
        WITH_CHIP(erasing_sets_whole_sectors_and_gives_the_room_back),
        WITH_CHIP(erasing_is_for_sectors_of_the_chip_alone),
        WITH_CHIP(nothing_is_read_or_programmed_beyond_the_chip),
        WITH_CHIP(a_chip_is_found_again_as_it_was_left),
        WITH_CHIP(creating_refuses_odd_sizes_and_existing_files),
        WITH_CHIP(opening_refuses_what_is_no_chip),
        WITH_CHIP(what_is_not_erased_is_found_without_reading),
        cmocka_unit_test(sizes_are_written_as_flash_chips_are_sold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
