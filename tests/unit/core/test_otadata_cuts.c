/*
 * Power cuts in every rewrite of otadata, by the bootloader and by the application, as measured on genuine code for
 * every byte position: before the erase, behind it, and with 1 to 31 of 32 bytes programmed.
 *
 * Then the traps that follow: a torn first entry, a fallback boot, words that a torn write can leave.
 */
#include "boot_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ot_boot_config with_rollback = {.rollback = true};

enum operation { BOOTS, SELECTS_OTA_0, SELECTS_OTA_1, MARKS_VALID, MARKS_INVALID };

struct cut_row {
    const char *what;
    enum operation operation;
    const char *before, *bad; /* images that do not verify */
    /* At the boot behind the cut: what boots, and otadata then. */
    const char *before_erase, *otadata_before_erase;
    const char *after_erase, *otadata_after_erase;
    const char *torn; /* otadata depends on how many bytes, and every such entry counts as lost */
};

static const struct cut_row rows[] = {
    {"bootloader, first boot", BOOTS, "-,-", "", /* retried; a torn one is never repaired, see below */
     "ota_0", "1:valid,-", "ota_0", "1:valid,-", "ota_0"},
    {"bootloader, first boot of ota_1", BOOTS, "-,-", "ota_0", /**/
     "ota_1", "2:valid,-", "ota_1", "2:valid,-", "ota_1"},
    {"set_boot, other slot, first update", SELECTS_OTA_1, "1:valid,-", "", /**/
     "ota_0", "1:valid,-", "ota_0", "1:valid,-", "ota_0"},
    {"set_boot, other slot", SELECTS_OTA_0, "1:valid,2:valid", "", /* the new image's old entry is lost */
     "ota_1", "1:valid,2:valid", "ota_1", "-,2:valid", "ota_1"},
    {"set_boot, other slot, after a rollback", SELECTS_OTA_1, "1:valid,2:aborted", "", /**/
     "ota_0", "1:valid,2:aborted", "ota_0", "1:valid,-", "ota_0"},
    {"set_boot, same slot", SELECTS_OTA_1, "1:valid,2:valid", "", /* the other slot boots */
     "ota_1", "1:valid,2:valid", "ota_0", "1:valid,-", "ota_0"},
    {"set_boot, same slot, the only entry", SELECTS_OTA_1, "-,2:valid",
     "", /* the second trap: a first boot */
     "ota_1", "-,2:valid", "ota_0", "1:valid,-", "ota_0"},
    {"bootloader, NEW to PENDING", BOOTS, "1:valid,2:new", "", /* before: the trial begins at the next boot */
     "ota_1", "1:valid,2:pending", "ota_0", "1:valid,-", "ota_0"},
    {"bootloader, NEW to PENDING, the only entry", BOOTS, "2:new,-", "", /**/
     "ota_1", "2:pending,-", "ota_0", "1:valid,-", "ota_0"},
    {"mark_valid", MARKS_VALID, "1:valid,2:pending", "", /* confirmed, and yet the old app without a trace */
     "ota_0", "1:valid,2:aborted", "ota_0", "1:valid,-", "ota_0"},
    {"bootloader, PENDING to ABORTED", BOOTS, "1:valid,2:pending", "", /**/
     "ota_0", "1:valid,2:aborted", "ota_0", "1:valid,-", "ota_0"},
    {"bootloader, PENDING to ABORTED, the only entry", BOOTS, "1:pending,-", "", /**/
     "ota_0", "1:aborted,-", "ota_0", "1:valid,-", "ota_0"},
    {"mark_invalid", MARKS_INVALID, "1:valid,2:pending", "", /**/
     "ota_0", "1:valid,2:aborted", "ota_0", "1:valid,-", "ota_0"},
};

static struct ot_boot_result boot(struct boot_world *w)
{
    struct ot_boot_result r;
    (void)!boot_world_boot(w, with_rollback, &r);
    return r;
}

static void act(struct boot_world *w, enum operation operation)
{
    struct ot_otadata_entry e[2];
    struct ot_otadata_write write = {0};
    ot_otadata_parse(w->flash[0], &e[0]);
    ot_otadata_parse(w->flash[1], &e[1]);
    if (operation == BOOTS)
        (void)boot(w);
    else if (operation == MARKS_VALID || operation == MARKS_INVALID)
        assert_int_equal(ot_otadata_mark(e, operation == MARKS_VALID ? OT_OTA_VALID : OT_OTA_INVALID, &write),
                         OT_OK);
    else
        assert_int_equal(ot_otadata_select(e, operation == SELECTS_OTA_1 ? 1 : 0, 2, true, &write), OT_OK);
    boot_world_write(w, &write);
}

static void is(const struct cut_row *row, int cut, const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fail_msg("%s, cut at %d: %s is %s, should be %s", row->what, cut, what, got, wanted);
}

static void cut_and_boot(const struct cut_row *row, int cut, const char *boots, const char *otadata)
{
    struct boot_world w;
    char name[8], text[100];
    boot_world_make(&w, 2, false, row->before);
    w.bad = row->bad;
    w.cut_after_bytes = cut;
    act(&w, row->operation);
    assert_true(w.power_lost); /* there was a write to cut */
    boot_world_power_up(&w);
    is(row, cut, "what boots", ot_slot_name(boot(&w).slot, name), boots);
    if (otadata != NULL)
        is(row, cut, "otadata", boot_world_otadata(&w, text), otadata);
}

static void every_cut_in_every_rewrite_boots_what_was_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct cut_row *row = &rows[i];
        cut_and_boot(row, CUT_BEFORE_ERASE, row->before_erase, row->otadata_before_erase);
        cut_and_boot(row, 0, row->after_erase, row->otadata_after_erase);
        for (int bytes = 1; bytes < (int)OT_OTADATA_ENTRY_BYTES; bytes++)
            cut_and_boot(row, bytes, row->torn, NULL);
    }
}

/* Each operation, uncut, does what it is for: else the table above would show nothing. */
static void every_rewrite_of_the_table_comes_through_without_a_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct boot_world w;
        char before[100], after[100];
        boot_world_make(&w, 2, false, rows[i].before);
        w.bad = rows[i].bad;
        boot_world_otadata(&w, before);
        act(&w, rows[i].operation);
        assert_int_equal(w.writes, 1);
        assert_string_not_equal(boot_world_otadata(&w, after), before);
    }
}

/* begin() on IDF >= 5.5, the agent's forget_slot: the inactive entry is erased, whole or half. */
static void forgetting_the_inactive_entry_changes_nothing_at_any_byte(void **state)
{
    (void)state;
    static const char *const before[] = {"1:valid,2:valid", "1:valid,2:aborted", "3:valid,2:valid"};
    for (size_t i = 0; i < COUNT(before); i++) {
        for (size_t erased = 0; erased <= OT_OTADATA_ENTRY_BYTES; erased++) {
            struct boot_world w;
            struct ot_otadata_entry e[2];
            boot_world_make(&w, 2, false, before[i]);
            ot_otadata_parse(w.flash[0], &e[0]);
            ot_otadata_parse(w.flash[1], &e[1]);
            int active = ot_otadata_active(e);
            int runs = (int)ot_otadata_slot(&e[active], 2);
            memset(w.flash[1 - active], 0xFF, erased);
            assert_int_equal(boot(&w).slot, runs);
            assert_int_equal(w.writes, 0);
        }
    }
}

/* Trap 22: sequence not empty, checksum wrong, in a device that is otherwise well. */
static void a_torn_first_entry_is_never_repaired_by_booting(void **state)
{
    (void)state;
    for (int bytes = 1; bytes < (int)OT_OTADATA_ENTRY_BYTES; bytes++) {
        struct boot_world w;
        uint8_t torn[2][OT_OTADATA_ENTRY_BYTES];
        struct ot_otadata_entry e[2];
        struct ot_otadata_write write;
        char text[100];
        boot_world_make(&w, 2, false, "-,-");
        w.cut_after_bytes = bytes;
        boot(&w);
        boot_world_power_up(&w);
        w.writes = 0;
        memcpy(torn, w.flash, sizeof torn);
        for (int boots = 0; boots < 3; boots++)
            assert_int_equal(boot(&w).slot, 0);
        assert_memory_equal(torn, w.flash, sizeof torn);
        assert_int_equal(w.writes, 0);
        /* nothing to mark, and the next update makes all normal again */
        ot_otadata_parse(w.flash[0], &e[0]);
        ot_otadata_parse(w.flash[1], &e[1]);
        assert_int_equal(ot_otadata_mark(e, OT_OTA_VALID, &write), OT_E_STATE);
        act(&w, SELECTS_OTA_1);
        assert_int_equal(boot(&w).slot, 1);
        ot_otadata_parse(w.flash[0], &e[0]);
        assert_true(ot_otadata_usable(&e[0]));
        boot_world_otadata(&w, text);
        assert_string_equal(text, "2:pending,-");
    }
}

/*
 * A program command that stops halfway may have cleared any subset of its bits. With sequence and checksum right, any
 * state word above the wanted one can stand there: INVALID and ABORTED give the slot up, everything else keeps it.
 */
static void any_state_word_a_torn_write_leaves_boots_one_of_the_two(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {OT_OTA_NEW, OT_OTA_PENDING, OT_OTA_VALID, OT_OTA_INVALID,
                                      OT_OTA_ABORTED};
    uint32_t random = 1;
    for (unsigned i = 0; i < 20000; i++) {
        struct boot_world w;
        random = random * 1664525u + 1013904223u;
        /* mostly low bits left standing, as the last byte programmed would */
        uint32_t left = i < 4096 ? i : random;
        struct ot_otadata_entry e = ot_otadata_make(2, wanted[i % COUNT(wanted)] | left);
        boot_world_make(&w, 2, false, "1:valid,-");
        ot_otadata_format(&e, w.flash[1]);
        bool gives_up = e.state == OT_OTA_PENDING || e.state == OT_OTA_INVALID || e.state == OT_OTA_ABORTED;
        assert_int_equal(boot(&w).slot, gives_up ? 0 : 1);
    }
}

/* The fallback boot: PENDING stays on the broken slot while the old one runs. Every cure of it, and the poison. */
static void a_fallback_boot_is_healed_by_marking_invalid_and_poisoned_by_marking_valid(void **state)
{
    (void)state;
    struct boot_world w;
    char text[100];
    for (int cure = 0; cure < 4; cure++) {
        boot_world_make(&w, 2, false, "1:valid,2:new");
        w.bad = "ota_1";
        assert_int_equal(boot(&w).slot, 0);
        assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:pending");
        if (cure == 0) {
            act(&w, MARKS_INVALID);
            assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:invalid");
        } else if (cure == 1) {
            assert_int_equal(boot(&w).slot, 0); /* a plain reboot */
            assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:aborted");
        } else if (cure == 2) {
            act(&w, SELECTS_OTA_0);
            act(&w, MARKS_VALID);
            assert_string_equal(boot_world_otadata(&w, text), "3:valid,2:pending");
        } else {
            act(&w, MARKS_VALID); /* what "confirm at the end of start-up" does: the broken slot is blessed */
            assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:valid");
        }
        w.bad = ""; /* a download into ota_1 is complete, nobody has selected it */
        assert_int_equal(boot(&w).slot, cure == 3 ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_in_every_rewrite_boots_what_was_measured),
        cmocka_unit_test(every_rewrite_of_the_table_comes_through_without_a_cut),
        cmocka_unit_test(forgetting_the_inactive_entry_changes_nothing_at_any_byte),
        cmocka_unit_test(a_torn_first_entry_is_never_repaired_by_booting),
        cmocka_unit_test(any_state_word_a_torn_write_leaves_boots_one_of_the_two),
        cmocka_unit_test(a_fallback_boot_is_healed_by_marking_invalid_and_poisoned_by_marking_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
