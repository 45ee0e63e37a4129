/*
 * The boot decision against the table of docs/formats.md "Boot decision": every row of it, measured on genuine
 * bootloaders, and every numbered rule.
 *
 * The rows are in tests/support/boot_rows.c; `otaria flash boot` is held against the same ones. Torn writes:
 * test_otadata_cuts.c.
 */
#include "boot_rows.h"
#include "boot_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static unsigned failures;

static void differs(const struct boot_row *row, bool factory, const char *what, const char *is,
                    const char *should)
{
    printf("%s: %s factory, otadata %s, bad \"%s\": %s is %s, should be %s\n", row->rule,
           factory ? "with" : "no", row->otadata, row->bad, what, is, should);
    failures++;
}

static void expect(const struct boot_row *row, bool factory, const char *what, const char *is,
                   const char *should)
{
    if (strcmp(is, should) != 0)
        differs(row, factory, what, is, should);
}

/* The bytes in flash are those of the notation, and the result shows the same bytes. */
static void expect_flash(const struct boot_row *row, bool factory, const struct boot_world *w,
                         const struct ot_boot_result *r)
{
    char text[100];
    struct boot_world should;
    const char *after = row->after != NULL ? row->after : row->otadata;
    boot_world_make(&should, row->slots, factory, after);
    if (memcmp(should.flash, w->flash, sizeof w->flash) != 0)
        differs(row, factory, "otadata", boot_world_otadata(w, text), after);
    if (memcmp(w->flash, r->otadata, sizeof w->flash) != 0)
        differs(row, factory, "result.otadata", "something else", "what is in flash");
    if (row->after == NULL && w->writes != 0)
        differs(row, factory, "flash", "written", "left alone");
}

static void run_row(const struct boot_row *row, bool factory, struct ot_boot_config config)
{
    struct boot_world w;
    struct ot_boot_result r;
    char name[8], text[100];
    boot_world_make(&w, row->slots, factory, row->otadata);
    w.bad = row->bad;
    enum ot_status st = boot_world_boot(&w, config, &r);
    expect(row, factory, "boots", ot_slot_name(r.slot, name), row->boots);
    expect(row, factory, "tried", boot_world_tried(&r, text), row->tried != NULL ? row->tried : row->boots);
    expect(row, factory, "status", st == OT_OK ? "a slot boots" : ot_status_wire(st),
           strcmp(row->boots, "none") == 0 ? "no_boot" : "a slot boots");
    expect_flash(row, factory, &w, &r);
}

static void run_rows(const struct boot_row *row, struct ot_boot_config config)
{
    failures = 0;
    for (; row->rule != NULL; row++) {
        if (row->factory != ROW_FACTORY)
            run_row(row, false, config);
        if (row->factory != ROW_NO_FACTORY)
            run_row(row, true, config);
    }
    assert_int_equal(failures, 0);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
static const struct ot_boot_config with_rollback = {.rollback = true};
static const struct ot_boot_config with_anti = {.rollback = true, .anti_rollback = true};

static void every_row_with_rollback(void **state)
{
    (void)state;
    run_rows(boot_rows_rollback, with_rollback);
}

static void every_row_without_rollback(void **state)
{
    (void)state;
    run_rows(boot_rows_no_rollback, (struct ot_boot_config){0});
}

static void every_row_with_anti_rollback_and_a_counter_of_zero(void **state)
{
    (void)state;
    run_rows(boot_rows_anti_rollback, with_anti);
}

/* --- what a table of outcomes does not show --- */

static struct ot_boot_result boot(struct boot_world *w, struct ot_boot_config config)
{
    struct ot_boot_result r;
    (void)!boot_world_boot(w, config, &r);
    return r;
}

static void pending_is_written_before_the_image_is_looked_at(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "1:valid,2:new");
    boot(&w, with_rollback);
    assert_string_equal(w.log, "w1 v:ota_1 ");
}

static void first_entry_is_written_after_the_image_has_loaded(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "-,-");
    boot(&w, with_rollback);
    assert_string_equal(w.log, "v:ota_0 w0 ");
}

static void a_new_image_gets_exactly_one_boot(void **state)
{
    (void)state;
    struct boot_world w;
    char text[100];
    boot_world_make(&w, 2, false, "1:valid,2:new");
    assert_int_equal(boot(&w, with_rollback).slot, 1);
    assert_int_equal(boot(&w, with_rollback).slot, 0);
    assert_int_equal(boot(&w, with_rollback).slot, 0);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:aborted");
}

static void a_broken_new_image_leaves_pending_which_the_next_boot_aborts(void **state)
{
    (void)state;
    struct boot_world w;
    char text[100];
    boot_world_make(&w, 2, false, "1:valid,2:new");
    w.bad = "ota_1";
    struct ot_boot_result r = boot(&w, with_rollback);
    assert_int_equal(r.selected, 1);
    assert_int_equal(r.slot, 0);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:pending");
    assert_int_equal(boot(&w, with_rollback).slot, 0);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:aborted");
}

static void a_rewrite_keeps_the_label_bytes(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "1:pending,2:new");
    memset(w.flash[0] + 4, 0x5A, 20);
    memset(w.flash[1] + 4, 0xA5, 20);
    boot(&w, with_rollback);
    for (unsigned i = 4; i < 24; i++) {
        assert_int_equal(w.flash[0][i], 0x5A);
        assert_int_equal(w.flash[1][i], 0xA5);
    }
}

static void without_otadata_factory_boots_or_else_ota_0(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, true, "2:valid,-");
    w.slots.has_otadata = false;
    assert_int_equal(boot(&w, with_rollback).slot, OT_SLOT_FACTORY);
    w.slots.has_factory = false;
    assert_int_equal(boot(&w, with_rollback).slot, 0);
    assert_int_equal(w.writes, 0);
}

static void otadata_of_one_sector_boots_nothing(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, true, "1:valid,-");
    w.slots.otadata.size = 0x1000;
    struct ot_boot_result r = boot(&w, with_rollback);
    assert_int_equal(r.slot, OT_SLOT_NONE);
    assert_int_equal(r.tried_count, 0);
}

static void unreadable_otadata_boots_nothing(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, true, "1:valid,-");
    w.read_fails = true;
    assert_int_equal(boot(&w, with_rollback).slot, OT_SLOT_NONE);
}

static void a_refused_otadata_write_is_noted_and_the_boot_goes_on(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "1:valid,2:new");
    w.write_fails = true;
    struct ot_boot_result r = boot(&w, with_rollback);
    assert_int_equal(r.slot, 1);
    assert_int_equal(r.reasons[1].reason, OT_BOOT_NEW_PENDING);
    assert_int_equal(r.reasons[1].status, OT_E_FLASH_WRITE);
}

static void a_table_without_ota_slots_boots_factory(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 0, true, "1:valid,-");
    assert_int_equal(boot(&w, with_rollback).slot, OT_SLOT_FACTORY);
    assert_int_equal(boot(&w, with_anti).slot, OT_SLOT_FACTORY);
    w.slots.has_factory = false;
    assert_int_equal(boot(&w, with_rollback).slot, OT_SLOT_NONE);
    boot_world_set_otadata(&w, "-,-");
    assert_int_equal(boot(&w, with_anti).slot, OT_SLOT_NONE);
    assert_int_equal(w.writes, 0);
}

static void the_test_app_is_the_last_resort_and_is_never_recorded(void **state)
{
    (void)state;
    struct boot_world w;
    char text[100];
    boot_world_make(&w, 2, true, "-,-");
    w.slots.has_factory = false;
    w.slots.has_test = true;
    w.bad = "ota_0 ota_1";
    struct ot_boot_result r = boot(&w, with_rollback);
    assert_int_equal(r.slot, OT_SLOT_TEST);
    assert_string_equal(boot_world_tried(&r, text), "ota_0 ota_1 test");
    assert_int_equal(w.writes, 0);
}

static void slots_that_are_absent_are_passed_over(void **state)
{
    (void)state;
    struct boot_world w;
    char text[100];
    boot_world_make(&w, 3, false, "2:valid,-"); /* ota_1 */
    w.slots.ota_present = 0x5;                  /* but only ota_0 and ota_2 are there: counted as two */
    w.slots.ota_count = 2;
    struct ot_boot_result r = boot(&w, with_rollback);
    assert_string_equal(boot_world_tried(&r, text), "ota_0");
}

/* --- anti-rollback with a counter that matters --- */

static void every_anti_rollback_case(void **state)
{
    (void)state;
    for (const struct boot_counter_row *c = boot_rows_counter; c->what != NULL; c++) {
        struct boot_world w;
        char name[8], text[100];
        boot_world_make(&w, 2, false, c->otadata);
        w.version[0] = c->version_0;
        w.version[1] = c->version_1;
        w.chip_version = c->counter;
        struct ot_boot_result r = boot(&w, with_anti);
        print_message("%s\n", c->what);
        assert_string_equal(ot_slot_name(r.slot, name), c->boots);
        assert_string_equal(boot_world_otadata(&w, text), c->after);
        assert_int_equal(w.chip_version, c->counter_after);
    }
}

static void images_below_the_counter_are_not_even_looked_at(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "1:valid,2:valid");
    w.version[0] = 3;
    w.chip_version = 4;
    w.version[1] = 3;
    struct ot_boot_result r = boot(&w, with_anti);
    assert_int_equal(r.tried_count, 0);
    assert_string_equal(w.log, "");
}

static void without_anti_rollback_versions_do_not_matter(void **state)
{
    (void)state;
    struct boot_world w;
    boot_world_make(&w, 2, false, "1:valid,2:valid");
    w.version[1] = NO_DESCRIPTION;
    w.chip_version = 9;
    assert_int_equal(boot(&w, with_rollback).slot, 1);
    assert_int_equal(w.burns, 0);
}

/* --- explanations --- */

static void each_step_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int reason = OT_BOOT_NO_OTADATA; reason <= OT_BOOT_NOTHING_BOOTS; reason++) {
        struct ot_boot_step step = {.reason = (enum ot_boot_reason)reason, .arg = 1};
        char text[200];
        assert_string_not_equal(ot_boot_reason_name(step.reason), "unknown");
        assert_true(strlen(ot_boot_reason_text(&step, text, sizeof text)) > 10);
        assert_null(strchr(text, '%'));
    }
    assert_string_equal(ot_boot_reason_name((enum ot_boot_reason)99), "unknown");
}

static void a_refused_image_is_named_with_its_cause(void **state)
{
    (void)state;
    struct ot_boot_step step = {.reason = OT_BOOT_IMAGE_REFUSED, .arg = 1, .status = OT_E_KEY_REVOKED};
    char text[200], tiny[9];
    assert_string_equal(ot_boot_reason_text(&step, text, sizeof text),
                        "ota_1 does not verify: the image is signed only by revoked keys");
    assert_string_equal(ot_boot_reason_text(&step, tiny, sizeof tiny), "ota_1 do");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_with_rollback),
        cmocka_unit_test(every_row_without_rollback),
        cmocka_unit_test(every_row_with_anti_rollback_and_a_counter_of_zero),
        cmocka_unit_test(pending_is_written_before_the_image_is_looked_at),
        cmocka_unit_test(first_entry_is_written_after_the_image_has_loaded),
        cmocka_unit_test(a_new_image_gets_exactly_one_boot),
        cmocka_unit_test(a_broken_new_image_leaves_pending_which_the_next_boot_aborts),
        cmocka_unit_test(a_rewrite_keeps_the_label_bytes),
        cmocka_unit_test(without_otadata_factory_boots_or_else_ota_0),
        cmocka_unit_test(otadata_of_one_sector_boots_nothing),
        cmocka_unit_test(unreadable_otadata_boots_nothing),
        cmocka_unit_test(a_refused_otadata_write_is_noted_and_the_boot_goes_on),
        cmocka_unit_test(a_table_without_ota_slots_boots_factory),
        cmocka_unit_test(the_test_app_is_the_last_resort_and_is_never_recorded),
        cmocka_unit_test(slots_that_are_absent_are_passed_over),
        cmocka_unit_test(every_anti_rollback_case),
        cmocka_unit_test(images_below_the_counter_are_not_even_looked_at),
        cmocka_unit_test(without_anti_rollback_versions_do_not_matter),
        cmocka_unit_test(each_step_has_a_name_and_a_sentence),
        cmocka_unit_test(a_refused_image_is_named_with_its_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
