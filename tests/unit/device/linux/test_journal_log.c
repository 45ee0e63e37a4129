/*
 * The journal over a flash file that loses power: at every byte of every program, and within erases. Whatever the moment,
 * the key that was being set reads as before or as wanted, every other key as before, and the next set works.
 */
#include "base/flash_file.h"
#include "journal_log.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES      (2u * JOURNAL_SECTOR_BYTES)
#define AT         (64u * 1024u) /* where in the chip */
#define ERASE_STEP 16u           /* cuts within an erase */

/* A chip whose power fails after `left` bytes of work; negative: never. */
struct chip {
    struct temp_dir dir;
    struct flash_file file;
    long left;
    bool off;
    unsigned long worked; /* bytes of work so far */
};

static int chip_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct chip *c = ctx;
    return c->off ? -1 : flash_read(&c->file.flash, AT + offset, buf, len);
}

/* How many of `len` bytes are done before the power fails. */
static uint32_t work(struct chip *c, uint32_t len)
{
    uint32_t n = c->left >= 0 && (unsigned long)c->left < len ? (uint32_t)c->left : len;
    c->off = n < len;
    c->left -= c->left >= 0 ? (long)n : 0;
    c->worked += n;
    return n;
}

/* The byte at the cut is left half programmed: some of its bits are still 1. */
static int chip_program(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    struct chip *c = ctx;
    if (c->off)
        return -1;
    uint32_t n = work(c, len);
    if (n > 0 && flash_program(&c->file.flash, AT + offset, buf, n) != 0)
        return -1;
    if (!c->off)
        return 0;
    uint8_t half = buf[n] | 0xA5;
    (void)flash_program(&c->file.flash, AT + offset + n, &half, 1);
    return -1;
}

static int chip_erase(void *ctx, uint32_t offset)
{
    struct chip *c = ctx;
    uint8_t old[JOURNAL_SECTOR_BYTES];
    if (c->off || flash_read(&c->file.flash, AT + offset, old, sizeof old) != 0)
        return -1;
    uint32_t n = work(c, sizeof old);
    assert_int_equal(flash_erase(&c->file.flash, AT + offset, sizeof old), 0);
    if (!c->off)
        return 0;
    assert_int_equal(flash_program(&c->file.flash, AT + offset + n, old + n, (uint32_t)sizeof old - n), 0);
    return -1;
}

static void power_on(struct chip *c, struct journal_log *log)
{
    const struct journal_flash flash = {
        .ctx = c, .read = chip_read, .program = chip_program, .erase_sector = chip_erase};
    c->left = -1;
    c->off = false;
    assert_int_equal(journal_log_open(log, &flash), 0);
}

static void put_back(struct chip *c, const uint8_t image[BYTES])
{
    assert_int_equal(flash_erase(&c->file.flash, AT, BYTES), 0);
    assert_int_equal(flash_program(&c->file.flash, AT, image, BYTES), 0);
}

static int begin(void **state)
{
    struct chip *c = calloc(1, sizeof *c);
    struct error err;
    temp_dir_make(&c->dir);
    assert_int_equal(flash_file_create(&c->file, temp_path(&c->dir, "chip.flash"), 1u << 20, &err), 0);
    c->left = -1;
    *state = c;
    return 0;
}

static int end(void **state)
{
    struct chip *c = *state;
    flash_file_close(&c->file);
    temp_dir_remove(&c->dir);
    free(c);
    return 0;
}

/* --- what the journal should hold --- */

struct model {
    struct {
        uint32_t len;
        uint8_t bytes[JOURNAL_PAYLOAD_MAX];
    } key[JOURNAL_KEYS_MAX];
};

static void remember(struct model *m, unsigned key, const uint8_t *bytes, uint32_t len)
{
    m->key[key].len = len;
    memcpy(m->key[key].bytes, bytes, len);
}

static bool holds(struct journal_log *log, const struct model *m, unsigned key)
{
    uint8_t bytes[JOURNAL_PAYLOAD_MAX];
    uint32_t len = 0;
    assert_int_equal(journal_log_get(log, key, bytes, sizeof bytes, &len), 0);
    return len == m->key[key].len && memcmp(bytes, m->key[key].bytes, len) == 0;
}

static void fill(uint8_t *bytes, uint32_t len, unsigned from)
{
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(from + i * 7u);
}

static void set(struct journal_log *log, struct model *m, unsigned key, uint32_t len, unsigned from)
{
    uint8_t bytes[JOURNAL_PAYLOAD_MAX];
    fill(bytes, len, from);
    assert_int_equal(journal_log_set(log, key, bytes, len), 0);
    remember(m, key, bytes, len);
}

/* Set key 3 to 100 bytes on this flash, with the power failing after `cut` bytes. Returns what set() said. */
static int cut_set(struct chip *c, const uint8_t image[BYTES], const struct model *before, long cut,
                   bool stay_on)
{
    struct journal_log log;
    struct model after = *before;
    uint8_t bytes[100];
    fill(bytes, sizeof bytes, 99);
    remember(&after, 3, bytes, sizeof bytes);
    put_back(c, image);
    power_on(c, &log);
    c->left = cut;
    int result = journal_log_set(&log, 3, bytes, sizeof bytes);
    if (stay_on) { /* a write that failed, without a reset */
        c->left = -1;
        c->off = false;
    } else {
        power_on(c, &log);
    }
    bool is_new = holds(&log, &after, 3);
    if (result == 0 ? !is_new : !is_new && !holds(&log, before, 3))
        fail_msg("cut after %ld bytes: set said %d, key 3 is neither old nor new", cut, result);
    for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++) {
        if (k != 3 && !holds(&log, before, k))
            fail_msg("cut after %ld bytes: key %u has changed", cut, k);
    }
    set(&log, &after, 3, 50, 1);
    power_on(c, &log);
    for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++)
        assert_true(holds(&log, &after, k));
    return result;
}

/* Every cut until the set gets through; returns how many there were. */
static unsigned cut_everywhere(struct chip *c, const struct model *before)
{
    uint8_t image[BYTES];
    unsigned cuts = 0;
    assert_int_equal(flash_read(&c->file.flash, AT, image, sizeof image), 0);
    for (long cut = 0;; cuts++) {
        bool done = cut_set(c, image, before, cut, false) == 0;
        assert_int_equal(cut_set(c, image, before, cut, true) == 0, done);
        if (done)
            return cuts;
        cut += cut < (long)JOURNAL_SECTOR_BYTES - 64 && cuts > 200 ? (long)ERASE_STEP : 1;
    }
}

static void a_first_set_is_atomic(void **state)
{
    struct model m = {.key = {{0}}};
    assert_true(cut_everywhere(*state, &m) > 300); /* an erase, a record, the header */
}

static void an_appended_set_is_atomic_at_every_byte(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    power_on(c, &log);
    for (unsigned k = 0; k < 8; k++)
        set(&log, &m, k, 20 + k, k);
    assert_int_equal(cut_everywhere(c, &m), 112); /* header and payload, in whole 16 bytes */
}

/* Appends until the next record of key 3 does not fit any more. */
static void nearly_fill(struct journal_log *log, struct model *m)
{
    for (unsigned i = 0; JOURNAL_SECTOR_BYTES - log->end >= 112; i++)
        set(log, m, i % 5, JOURNAL_SECTOR_BYTES - log->end > 700 ? 400 : 90, i);
}

static void a_compacting_set_is_atomic(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    power_on(c, &log);
    nearly_fill(&log, &m);
    assert_true(cut_everywhere(c, &m) > 900);
}

static void a_set_behind_a_torn_record_is_atomic(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    uint8_t bytes[60] = {0};
    power_on(c, &log);
    for (unsigned k = 0; k < 5; k++)
        set(&log, &m, k, 30, k);
    c->left = 40;
    assert_int_equal(journal_log_set(&log, 4, bytes, sizeof bytes), -1);
    power_on(c, &log);
    assert_true(log.tail_is_torn);
    assert_true(cut_everywhere(c, &m) > 300);
}

/* The header is programmed last, when the first record stands beside it already. */
static void compact_and_disturb_the_record_beside_the_header(struct chip *c, struct journal_log *log,
                                                             struct model *m)
{
    uint8_t byte;
    nearly_fill(log, m);
    set(log, m, 0, 30, 1);
    int before = log->sector;
    for (unsigned i = 0; log->sector == before; i++)
        set(log, m, 1 + i % 4, 90, i);
    uint32_t place = log->at[0];
    assert_int_equal(place % JOURNAL_SECTOR_BYTES, 16);
    assert_int_equal(flash_read(&c->file.flash, AT + place, &byte, 1), 0);
    byte &= (uint8_t)(byte - 1); /* one bit falls */
    assert_int_equal(flash_program(&c->file.flash, AT + place, &byte, 1), 0);
    power_on(c, log);
}

static void a_record_disturbed_by_the_header_is_read_where_it_was_copied_from(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    power_on(c, &log);
    compact_and_disturb_the_record_beside_the_header(c, &log, &m);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++)
            assert_true(holds(&log, &m, k));
        set(&log, &m, 1 + i % 4, 90, i); /* the first of them overwrites the sector it is read from */
        power_on(c, &log);
    }
}

static void a_set_beside_a_disturbed_record_is_atomic(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    power_on(c, &log);
    compact_and_disturb_the_record_beside_the_header(c, &log, &m);
    assert_true(cut_everywhere(c, &m) > 300);
}

/* What was set to nothing while compacting must not come back with what the other sector still knows. */
static void nothing_comes_back_from_the_other_sector(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    uint8_t torn[60] = {0};
    power_on(c, &log);
    for (unsigned k = 0; k < 5; k++)
        set(&log, &m, k, 30, k);
    c->left = 40;
    assert_int_equal(journal_log_set(&log, 4, torn, sizeof torn), -1);
    power_on(c, &log);
    set(&log, &m, 2, 0, 0); /* compacts */
    c->left = 40;
    assert_int_equal(journal_log_set(&log, 4, torn, sizeof torn), -1);
    power_on(c, &log);
    assert_true(log.tail_is_torn);
    assert_true(holds(&log, &m, 2));
}

/* Cut after cut after cut, at random places, some while the damage of the last is being mended. */
static void cuts_upon_cuts_lose_nothing(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    uint32_t seed = 20260101;
    unsigned failed = 0;
    power_on(c, &log);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t bytes[JOURNAL_PAYLOAD_MAX];
        struct model wanted = m;
        seed = seed * 1664525u + 1013904223u;
        unsigned key = (seed >> 8) % 6;
        uint32_t len = (seed >> 12) % 5 == 0 ? 0 : (seed >> 16) % 300;
        fill(bytes, len, i);
        remember(&wanted, key, bytes, len);
        c->left = (seed >> 20) % 4 == 0 ? (long)((seed >> 4) % 5000) : -1;
        int result = journal_log_set(&log, key, bytes, len);
        failed += result != 0;
        power_on(c, &log);
        bool is_new = holds(&log, &wanted, key);
        if (result == 0 ? !is_new : !is_new && !holds(&log, &m, key))
            fail_msg("step %u: key %u is neither old nor new", i, key);
        m = is_new ? wanted : m;
        for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++)
            assert_true(holds(&log, &m, k));
    }
    assert_true(failed > 50);
}

static void what_does_not_fit_is_refused_and_harms_nothing(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    uint8_t bytes[JOURNAL_PAYLOAD_MAX + 1] = {0};
    uint32_t len;
    power_on(c, &log);
    assert_int_equal(journal_log_set(&log, JOURNAL_KEYS_MAX, bytes, 4), -1);
    assert_int_equal(journal_log_set(&log, 0, bytes, JOURNAL_PAYLOAD_MAX + 1), -1);
    assert_int_equal(journal_log_get(&log, JOURNAL_KEYS_MAX, bytes, sizeof bytes, &len), -1);
    for (unsigned k = 0; k < 7; k++) /* seven of the longest fit into a sector, an eighth does not */
        set(&log, &m, k, JOURNAL_PAYLOAD_MAX, k);
    assert_int_equal(journal_log_set(&log, 7, bytes, JOURNAL_PAYLOAD_MAX), -1);
    assert_int_equal(journal_log_get(&log, 0, bytes, JOURNAL_PAYLOAD_MAX - 1, &len),
                     -1);   /* too little room */
    set(&log, &m, 0, 0, 0); /* makes room */
    set(&log, &m, 7, JOURNAL_PAYLOAD_MAX, 7);
    power_on(c, &log);
    for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++)
        assert_true(holds(&log, &m, k));
}

static void opening_never_writes(void **state)
{
    struct chip *c = *state;
    struct journal_log log;
    struct model m = {.key = {{0}}};
    power_on(c, &log);
    assert_int_equal(c->worked, 0);
    set(&log, &m, 1, 10, 0);
    unsigned long worked = c->worked;
    for (unsigned i = 0; i < 3; i++)
        power_on(c, &log);
    assert_true(holds(&log, &m, 1));
    assert_int_equal(c->worked, worked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_first_set_is_atomic, begin, end),
        cmocka_unit_test_setup_teardown(an_appended_set_is_atomic_at_every_byte, begin, end),
        cmocka_unit_test_setup_teardown(a_compacting_set_is_atomic, begin, end),
        cmocka_unit_test_setup_teardown(a_set_behind_a_torn_record_is_atomic, begin, end),
        cmocka_unit_test_setup_teardown(a_record_disturbed_by_the_header_is_read_where_it_was_copied_from,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_set_beside_a_disturbed_record_is_atomic, begin, end),
        cmocka_unit_test_setup_teardown(nothing_comes_back_from_the_other_sector, begin, end),
        cmocka_unit_test_setup_teardown(cuts_upon_cuts_lose_nothing, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused_and_harms_nothing, begin, end),
        cmocka_unit_test_setup_teardown(opening_never_writes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
