/* otadata entries: vectors, predicates, and what selecting or marking a slot writes, as measured on esp_ota_ops. */
#include "boot_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FF20     "ffffffffffffffffffffffffffffffffffffffff"

static const char *hex(const struct ot_otadata_entry *e, char buf[65])
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
    ot_otadata_format(e, bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(buf + (size_t)2 * i, 3, "%02x", bytes[i]);
    return buf;
}

static void the_crc_covers_the_sequence_alone(void **state)
{
    (void)state;
    static const uint32_t table[][2] = {
        {0, 0xFFFFFFFF},         {1, 0x4743989A},   {2, 0x55F63774},     {3, 0xED4A5011},
        {4, 0x709D68A8},         {5, 0xC8210FCD},   {6, 0xDA94A023},     {7, 0x6228C746},
        {8, 0x3A4BD710},         {9, 0x82F7B075},   {10, 0x90421F9B},    {100, 0x4BBB9FAB},
        {255, 0x21FAF90E},       {256, 0xFE3D95C8}, {65535, 0x9F62CDE3}, {0x7FFFFFFF, 0xCCFC5C3C},
        {0xFFFFFFFE, 0x99F8B879}};
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(ot_otadata_crc(table[i][0]), table[i][1]);
    struct ot_otadata_entry e = ot_otadata_make(7, OT_OTA_NEW);
    e.state = OT_OTA_ABORTED;
    memset(e.label, 0, sizeof e.label);
    assert_true(ot_otadata_crc_ok(&e));
}

static void entries_are_the_bytes_of_the_vendor(void **state)
{
    (void)state;
    static const struct {
        uint32_t seq, state;
        const char *bytes;
    } vectors[] = {
        {1, OT_OTA_VALID, "01000000" FF20 "020000009a984347"},
        {2, OT_OTA_NEW, "02000000" FF20 "000000007437f655"},
        {2, OT_OTA_PENDING, "02000000" FF20 "010000007437f655"},
        {2, OT_OTA_VALID, "02000000" FF20 "020000007437f655"},
        {2, OT_OTA_INVALID, "02000000" FF20 "030000007437f655"},
        {2, OT_OTA_ABORTED, "02000000" FF20 "040000007437f655"},
        {2, OT_OTA_UNDEFINED, "02000000" FF20 "ffffffff7437f655"},
        {3, OT_OTA_NEW, "03000000" FF20 "0000000011504aed"},
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct ot_otadata_entry e = ot_otadata_make(vectors[i].seq, vectors[i].state), again;
        uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
        char text[65];
        assert_string_equal(hex(&e, text), vectors[i].bytes);
        ot_otadata_format(&e, bytes);
        ot_otadata_parse(bytes, &again);
        assert_memory_equal(&e, &again, sizeof e);
    }
}

static void an_erased_entry_is_all_ff_and_unusable(void **state)
{
    (void)state;
    const struct ot_otadata_entry e = ot_otadata_blank();
    char text[65];
    assert_string_equal(hex(&e, text), "ffffffff" FF20 "ffffffffffffffff");
    assert_true(ot_otadata_unusable(&e));
}

static void usable_asks_for_sequence_state_and_checksum(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        bool unusable, usable;
    } cases[] = {
        {"1:new", false, true},
        {"1:pending", false, true},
        {"1:valid", false, true},
        {"1:invalid", true, false},
        {"1:aborted", true, false},
        {"1:undefined", false, true},
        {"1:5", false, true},
        {"1:0x80000000", false, true},
        {"0:valid", false, true},
        {"!1:valid", false, false},
        {"!1:invalid", true, false},
        {"4294967295:valid", true, false},
        {"0xfffffffe:valid", false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct boot_world w;
        struct ot_otadata_entry e;
        char text[40];
        snprintf(text, sizeof text, "%s,-", cases[i].entry);
        boot_world_make(&w, 2, false, text);
        ot_otadata_parse(w.flash[0], &e);
        assert_int_equal(ot_otadata_unusable(&e), cases[i].unusable);
        assert_int_equal(ot_otadata_usable(&e), cases[i].usable);
    }
}

static void entries_from(const char *text, struct ot_otadata_entry e[2])
{
    struct boot_world w;
    boot_world_make(&w, 2, false, text);
    ot_otadata_parse(w.flash[0], &e[0]);
    ot_otadata_parse(w.flash[1], &e[1]);
}

static void the_active_entry_has_the_larger_sequence(void **state)
{
    (void)state;
    static const struct {
        const char *otadata;
        int active;
    } cases[] = {
        {"-,-", -1},
        {"1:valid,-", 0},
        {"-,1:valid", 1},
        {"1:valid,2:new", 1},
        {"3:valid,2:new", 0},
        {"2:valid,2:new", 0},
        {"1:valid,2:aborted", 0},
        {"!3:valid,2:valid", 1},
        {"1:invalid,2:aborted", -1},
        {"!1:valid,!2:valid", -1},
        {"0x7fffffff:valid,0x80000000:valid", 1},
        {"0xfffffffe:valid,1:valid", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ot_otadata_entry e[2];
        entries_from(cases[i].otadata, e);
        assert_int_equal(ot_otadata_active(e), cases[i].active);
    }
}

static void a_slot_is_the_sequence_less_one_modulo_the_count(void **state)
{
    (void)state;
    static const uint32_t cases[][3] = {{1, 2, 0}, {2, 2, 1}, {3, 2, 0}, {0, 2, 1},   {0, 3, 0},
                                        {6, 3, 2}, {8, 3, 1}, {5, 1, 0}, {16, 16, 15}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ot_otadata_entry e = ot_otadata_make(cases[i][0], OT_OTA_VALID);
        assert_int_equal(ot_otadata_slot(&e, cases[i][1]), cases[i][2]);
    }
}

/* --- selecting --- */

/* Applies a write and gives the notation back. */
static const char *apply(struct ot_otadata_entry e[2], const struct ot_otadata_write *write, char *buf)
{
    struct boot_world w;
    if (write->needed)
        e[write->sector] = write->entry;
    ot_otadata_format(&e[0], w.flash[0]);
    ot_otadata_format(&e[1], w.flash[1]);
    return boot_world_otadata(&w, buf);
}

struct selection {
    const char *before;
    unsigned count, slot;
    bool rollback;
    const char *after;
};

static const struct selection selections[] = {
    {"-,-", 2, 0, true, "1:new,-"},
    {"-,-", 2, 1, true, "2:new,-"}, /* sector 0, slot + 1 */
    {"-,-", 2, 1, false, "2:undefined,-"},
    {"!1:valid,!2:valid", 2, 1, true, "2:new,!2:valid"},
    {"1:invalid,2:aborted", 2, 0, true, "1:new,2:aborted"},
    {"1:valid,-", 2, 1, true, "1:valid,2:new"},
    {"1:valid,-", 2, 1, false, "1:valid,2:undefined"},
    {"1:valid,2:valid", 2, 0, true, "3:new,2:valid"},
    {"3:valid,2:valid", 2, 1, true, "3:valid,4:new"},
    {"1:valid,2:aborted", 2, 1, true, "1:valid,2:new"}, /* after a rollback the sequence is used again */
    {"1:valid,2:invalid", 2, 1, true, "1:valid,2:new"},
    {"-,2:valid", 2, 0, true, "3:new,2:valid"},
    {"1:valid,!9:valid", 2, 1, true, "1:valid,2:new"},
    {"2:valid,-", 4, 3, true, "2:valid,4:new"},
    {"4:valid,-", 4, 0, true, "4:valid,5:new"},
    {"7:valid,6:valid", 3, 2, true, "7:valid,9:new"},
    {"0x7fffffff:valid,-", 2, 1, true, "2147483647:valid,2147483648:new"}, /* and is found at once */
    {"0:valid,-", 2, 0, true, "0:valid,1:new"},
    {"0:valid,-", 3, 2, true, "0:valid,3:new"}, /* not 0 again, which would name ota_0 */
    /* the slot that is active already: same sector, same sequence */
    {"1:valid,-", 2, 0, true, "1:new,-"},
    {"1:valid,2:valid", 2, 1, true, "1:valid,2:new"},
    {"3:valid,2:valid", 2, 0, false, "3:undefined,2:valid"},
    {"2:valid,2:new", 2, 1, true, "2:new,2:new"}, /* on a tie entry 0 is active */
};

static void selecting_a_slot_writes_what_the_vendor_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(selections); i++) {
        const struct selection *s = &selections[i];
        struct ot_otadata_entry e[2];
        struct ot_otadata_write write;
        char text[100];
        entries_from(s->before, e);
        assert_int_equal(ot_otadata_select(e, s->slot, s->count, s->rollback, &write), OT_OK);
        assert_true(write.needed);
        assert_string_equal(apply(e, &write, text), s->after);
    }
}

static void three_slots_are_selected_with_the_smallest_fitting_sequences(void **state)
{
    (void)state;
    static const uint32_t steps[][2] = {{0, 1}, {1, 2}, {2, 3}, {0, 4},
                                        {2, 6}, {1, 8}, {0, 10}}; /* slot, seq */
    struct ot_otadata_entry e[2] = {ot_otadata_blank(), ot_otadata_blank()};
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct ot_otadata_write write;
        assert_int_equal(ot_otadata_select(e, steps[i][0], 3, true, &write), OT_OK);
        assert_int_equal(write.entry.seq, steps[i][1]);
        assert_int_equal(write.sector, i % 2);
        assert_int_equal(ot_otadata_slot(&write.entry, 3), steps[i][0]);
        write.entry.state = OT_OTA_VALID; /* it confirms itself */
        e[write.sector] = write.entry;
        assert_int_equal(ot_otadata_active(e), write.sector);
    }
}

static void selecting_leaves_the_other_entry_and_the_label_alone(void **state)
{
    (void)state;
    struct ot_otadata_entry e[2];
    struct ot_otadata_write write;
    entries_from("1:valid,2:aborted", e);
    memset(e[1].label, 0x42, sizeof e[1].label);
    assert_int_equal(ot_otadata_select(e, 1, 2, true, &write), OT_OK);
    assert_int_equal(write.sector, 1);
    assert_memory_equal(write.entry.label, e[1].label, sizeof e[1].label);
}

static void selecting_refuses_slots_that_do_not_exist_and_exhausted_sequences(void **state)
{
    (void)state;
    struct ot_otadata_entry e[2];
    struct ot_otadata_write write;
    entries_from("1:valid,-", e);
    assert_int_equal(ot_otadata_select(e, 2, 2, true, &write), OT_E_ARGUMENT);
    assert_int_equal(ot_otadata_select(e, 0, 0, true, &write), OT_E_ARGUMENT);
    assert_false(write.needed);
    entries_from("0xffffffee:valid,-", e);
    assert_int_equal(ot_otadata_select(e, 0, 2, true, &write), OT_E_OTADATA_SEQ);
    assert_false(write.needed);
    entries_from("0xffffffed:valid,-", e);
    assert_int_equal(ot_otadata_select(e, 1, 2, true, &write), OT_OK);
    assert_true(write.entry.seq < OT_OTADATA_SEQ_LIMIT);
}

/* --- marking --- */

static void marking_acts_on_the_active_entry(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        uint32_t state;
        bool needed;
        const char *after;
    } cases[] = {
        {"1:valid,2:pending", OT_OTA_VALID, true, "1:valid,2:valid"},
        {"1:valid,2:pending", OT_OTA_INVALID, true, "1:valid,2:invalid"},
        {"1:valid,2:new", OT_OTA_VALID, true, "1:valid,2:valid"},
        {"1:valid,2:valid", OT_OTA_VALID, false, "1:valid,2:valid"},
        {"1:undefined,-", OT_OTA_VALID, true, "1:valid,-"},
        {"3:pending,2:valid", OT_OTA_VALID, true, "3:valid,2:valid"},
        {"1:valid,2:aborted", OT_OTA_VALID, false, "1:valid,2:aborted"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ot_otadata_entry e[2];
        struct ot_otadata_write write;
        char text[100];
        entries_from(cases[i].before, e);
        assert_int_equal(ot_otadata_mark(e, cases[i].state, &write), OT_OK);
        assert_int_equal(write.needed, cases[i].needed);
        assert_string_equal(apply(e, &write, text), cases[i].after);
    }
}

static void marking_fails_when_no_entry_is_active(void **state)
{
    (void)state;
    static const char *const cases[] = {"-,-", "1:aborted,-", "!1:valid,!2:valid", "1:invalid,2:aborted"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ot_otadata_entry e[2];
        struct ot_otadata_write write;
        entries_from(cases[i], e);
        assert_int_equal(ot_otadata_mark(e, OT_OTA_VALID, &write), OT_E_STATE);
        assert_false(write.needed);
    }
}

/* --- whole updates: app side and bootloader together --- */

static void set_and_boot(struct boot_world *w, uint32_t slot, const char *after_set, const char *after_boot)
{
    struct ot_otadata_entry e[2];
    struct ot_otadata_write write;
    struct ot_boot_result r;
    char text[100];
    ot_otadata_parse(w->flash[0], &e[0]);
    ot_otadata_parse(w->flash[1], &e[1]);
    assert_int_equal(ot_otadata_select(e, slot, 2, true, &write), OT_OK);
    ot_otadata_format(&write.entry, w->flash[write.sector]);
    assert_string_equal(boot_world_otadata(w, text), after_set);
    assert_int_equal(boot_world_boot(w, (struct ot_boot_config){.rollback = true}, &r), OT_OK);
    assert_int_equal(r.slot, (int)slot);
    assert_string_equal(boot_world_otadata(w, text), after_boot);
}

static void mark(struct boot_world *w, uint32_t new_state)
{
    struct ot_otadata_entry e[2];
    struct ot_otadata_write write;
    ot_otadata_parse(w->flash[0], &e[0]);
    ot_otadata_parse(w->flash[1], &e[1]);
    assert_int_equal(ot_otadata_mark(e, new_state, &write), OT_OK);
    if (write.needed)
        ot_otadata_format(&write.entry, w->flash[write.sector]);
}

static void full_cycles_end_as_on_genuine_chips(void **state)
{
    (void)state;
    struct boot_world w;
    struct ot_boot_result r;
    char text[100];
    const struct ot_boot_config rollback = {.rollback = true};
    boot_world_make(&w, 2, false, "1:valid,-");
    set_and_boot(&w, 1, "1:valid,2:new", "1:valid,2:pending");
    mark(&w, OT_OTA_VALID);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:valid"); /* confirmed */

    boot_world_make(&w, 2, false, "1:valid,-");
    set_and_boot(&w, 1, "1:valid,2:new", "1:valid,2:pending");
    assert_int_equal(boot_world_boot(&w, rollback, &r), OT_OK);
    assert_int_equal(r.slot, 0);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:aborted"); /* crashed in its trial */
    set_and_boot(&w, 1, "1:valid,2:new", "1:valid,2:pending");              /* and is tried again */

    mark(&w, OT_OTA_INVALID);
    assert_int_equal(boot_world_boot(&w, rollback, &r), OT_OK);
    assert_int_equal(r.slot, 0);
    assert_string_equal(boot_world_otadata(&w, text), "1:valid,2:invalid"); /* gave up by itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_crc_covers_the_sequence_alone),
        cmocka_unit_test(entries_are_the_bytes_of_the_vendor),
        cmocka_unit_test(an_erased_entry_is_all_ff_and_unusable),
        cmocka_unit_test(usable_asks_for_sequence_state_and_checksum),
        cmocka_unit_test(the_active_entry_has_the_larger_sequence),
        cmocka_unit_test(a_slot_is_the_sequence_less_one_modulo_the_count),
        cmocka_unit_test(selecting_a_slot_writes_what_the_vendor_writes),
        cmocka_unit_test(three_slots_are_selected_with_the_smallest_fitting_sequences),
        cmocka_unit_test(selecting_leaves_the_other_entry_and_the_label_alone),
        cmocka_unit_test(selecting_refuses_slots_that_do_not_exist_and_exhausted_sequences),
        cmocka_unit_test(marking_acts_on_the_active_entry),
        cmocka_unit_test(marking_fails_when_no_entry_is_active),
        cmocka_unit_test(full_cycles_end_as_on_genuine_chips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
