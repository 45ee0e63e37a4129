/*
 * Boot control of the virtual device's port: the rules that keep a device bootable (P1 to P4), whatever an agent asks,
 * and the traps of otadata they answer.
 */
#include "vdev_state.h"

#include "base/crypto_openssl.h"
#include "boot_world.h"
#include "image_support.h"
#include "sign_support.h"
#include "temp_dir.h"
#include "tools/flash_image.h"
#include "tools/partition_csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MB 0x100000u

static const char csv[] = "nvs,data,nvs,0x9000,0x6000,\notadata,data,ota,0xF000,0x2000,\n"
                          "ota_0,app,ota_0,0x20000,0x100000,\nota_1,app,ota_1,0x120000,0x100000,\n";

static struct temp_dir dir;
static struct sign_key *key;
static uint8_t *image[2], *broken;
static uint32_t size[2];
static struct vdev_scenario scenario;
static struct vdev v; /* open between start() and the end of a test */

static int make_images(void **state)
{
    (void)state;
    key = sign_key_make(OT_SCHEME_ECDSA256);
    for (uint32_t i = 0; i < 2; i++) {
        const struct image_spec spec = {.chip_id = 5, .seed = i + 1, .size = 20000, .secure_version = 1};
        uint32_t plain;
        uint8_t *unsigned_image = image_make(&spec, &plain);
        image[i] = sign_file(unsigned_image, plain, &key, 1, &size[i]);
        free(unsigned_image);
    }
    broken = malloc(size[1]);
    assert_non_null(broken);
    memcpy(broken, image[1], size[1]);
    broken[1000] ^= 1;
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    free(image[0]);
    free(image[1]);
    free(broken);
    sign_key_free(key);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chip_close(&v.chip);
    temp_dir_remove(&dir);
    return 0;
}

static int boot(void)
{
    struct ot_boot_result r;
    (void)!chip_boot(&v.chip, &(struct ot_boot_config){.rollback = true}, &r);
    v.running_slot = r.slot;
    return r.slot;
}

/* A chip with these entries and images, booted once. */
static int start(const char *otadata, const uint8_t *in_0, const uint8_t *in_1)
{
    static uint8_t table[OT_TABLE_BYTES];
    struct partition_list list;
    struct error err = {0};
    struct flash_image_spec spec = {.flash_bytes = 4 * MB, .table = table, .has_otadata = true};
    const char *path = temp_path(&dir, "chip");
    assert_int_equal(partition_csv_parse(csv, strlen(csv), "t", &(struct partition_rules){0}, &list, &err),
                     0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    spec.table_count = list.count;
    assert_int_equal(flash_otadata_spec(otadata, spec.otadata, &err), 0);
    assert_int_equal(flash_image_add_slot(&spec, "ota_0", in_0, size[0], &err), 0);
    assert_int_equal(flash_image_add_slot(&spec, "ota_1", in_1, size[1], &err), 0);
    assert_int_equal(flash_image_create(path, &spec, &err), 0);
    memset(&v, 0, sizeof v);
    v.options.scenario = &scenario;
    v.options.rollback = true;
    if (chip_open(&v.chip, path, &v.world, &err) != 0 || vdev_port_init(&v, &err) != 0)
        fail_msg("%s", err.text);
    return boot();
}

static void expect_otadata(const char *wanted)
{
    struct boot_world w;
    char text[100];
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(chip_read_otadata(&v.chip, i, w.flash[i]), 0);
    assert_string_equal(boot_world_otadata(&w, text), wanted);
}

/* The verdict on an image, by the only one who gives it. */
static struct ot_verdict judge(const uint8_t *bytes, uint32_t len)
{
    struct ot_memory memory = {.bytes = bytes, .size = len};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image parsed;
    struct ot_image_digests digests;
    struct ot_verdict verdict;
    struct ot_digest name;
    static uint8_t scratch[4096];
    sign_key_digest(key, &name);
    const struct ot_trust_set trust = {.keys = &name, .key_count = 1};
    assert_int_equal(ot_image_parse(&src, &(struct ot_image_limits){.space = MB}, &parsed), OT_OK);
    assert_int_equal(ot_image_hash(&src, &parsed, crypto_openssl(), scratch, sizeof scratch, &digests),
                     OT_OK);
    ot_trust_judge(&src, &parsed, &digests, &trust, crypto_openssl(), scratch, sizeof scratch, &verdict);
    assert_true(ot_verdict_accepts(&verdict, &digests.identity));
    return verdict;
}

/* --- P4 --- */

/* Traps 2 and 3: on a fallback boot a confirm would bless the broken slot. */
static void a_fallback_boot_can_not_be_confirmed_only_healed(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,2:new", image[0], broken), 0);
    expect_otadata("1:valid,2:pending");
    assert_int_equal(v.port.mark_valid(&v), OT_E_STATE);
    expect_otadata("1:valid,2:pending");
    assert_int_equal(v.port.mark_invalid(&v, 0), OT_E_STATE); /* P5: slot 1 is the active one */
    expect_otadata("1:valid,2:pending");
    assert_int_equal(v.port.mark_invalid(&v, 1), OT_OK);
    expect_otadata("1:valid,2:invalid");
    assert_int_equal(v.port.mark_valid(&v), OT_OK); /* running is boot again: already so */
    expect_otadata("1:valid,2:invalid");
    assert_int_equal(boot(), 0);
}

static void a_trial_is_confirmed_where_it_runs(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,2:new", image[0], image[1]), 1);
    assert_int_equal(v.port.mark_valid(&v), OT_OK);
    expect_otadata("1:valid,2:valid");
    assert_int_equal(boot(), 1);
}

/* Trap 22: a healthy device whose first write was torn has no state, and nothing to confirm. */
static void lost_otadata_is_no_failure_to_confirm(void **state)
{
    (void)state;
    struct ot_boot_state now;
    assert_int_equal(start("!1:valid,-", image[0], image[1]), 0);
    assert_int_equal(v.port.boot_state(&v, &now), OT_OK);
    assert_false(now.running_has_state);
    assert_int_equal(now.boot_slot, now.running_slot);
    assert_int_equal(v.port.mark_valid(&v), OT_OK);
    expect_otadata("!1:valid,-");
    assert_int_equal(v.port.mark_invalid(&v, 0), OT_E_STATE);
}

static void a_running_image_is_not_given_up_when_nothing_else_would_boot(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,2:new", broken, image[1]), 1);
    assert_int_equal(v.port.mark_invalid(&v, 1), OT_E_STATE);
    expect_otadata("1:valid,2:pending");
}

/* --- P1, P2 --- */

static void only_the_other_slot_is_written_and_not_before_the_running_one_is_confirmed(void **state)
{
    (void)state;
    static const uint8_t bytes[32] = {1};
    assert_int_equal(start("1:valid,2:new", image[0], image[1]), 1);
    assert_int_equal(v.port.slot_erase(&v, 0, 0, 4096), OT_E_STATE);
    assert_int_equal(v.port.slot_write(&v, 0, 0, bytes, 16), OT_E_STATE);
    assert_int_equal(v.port.slot_erase(&v, 1, 0, 4096), OT_E_ARGUMENT);
    assert_int_equal(v.port.mark_valid(&v), OT_OK);
    static const int never[] = {1, OT_SLOT_FACTORY, OT_SLOT_TEST, 2, OT_SLOT_NONE};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        assert_int_equal(v.port.slot_erase(&v, never[i], 0, 4096), OT_E_ARGUMENT);
        assert_int_equal(v.port.slot_write(&v, never[i], 0, bytes, 16), OT_E_ARGUMENT);
    }
    assert_int_equal(v.port.slot_erase(&v, 0, 0, 4096), OT_OK);
    assert_int_equal(v.port.slot_write(&v, 0, 0, bytes, 16), OT_OK);
    assert_int_equal(v.port.slot_erase(&v, 0, MB, 4096), OT_E_RANGE);
    assert_int_equal(v.port.slot_write(&v, 0, MB - 16, bytes, 32), OT_E_RANGE);
}

/* Trap 16: what flash encryption asks for holds on every device. */
static void writes_are_whole_units_of_sixteen_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[48] = {0};
    assert_int_equal(start("1:valid,-", image[0], image[1]), 0);
    assert_int_equal(v.port.slot_erase(&v, 1, 0, 4096), OT_OK);
    assert_int_equal(v.port.slot_write(&v, 1, 8, bytes, 16), OT_E_ARGUMENT);
    assert_int_equal(v.port.slot_write(&v, 1, 16, bytes, 24), OT_E_ARGUMENT);
    assert_int_equal(v.port.slot_write(&v, 1, 16, bytes, 48), OT_OK);
    assert_int_equal(OT_AGENT_BLOCK_BYTES % 16u, 0); /* where downloads resume */
}

/* --- P3 --- */

static void a_slot_is_selected_with_a_verdict_on_what_stands_in_it(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,-", image[0], image[1]), 0);
    const struct ot_verdict none = {0}, other = judge(image[0], size[0]), good = judge(image[1], size[1]);
    assert_int_equal(v.port.set_boot(&v, 1, &none), OT_E_STATE);
    assert_int_equal(v.port.set_boot(&v, 1, &other), OT_E_STATE);
    assert_int_equal(v.port.set_boot(&v, 2, &good), OT_E_ARGUMENT);
    assert_int_equal(v.port.set_boot(&v, OT_SLOT_FACTORY, &good), OT_E_ARGUMENT);
    expect_otadata("1:valid,-");
    assert_int_equal(v.port.set_boot(&v, 1, &good), OT_OK);
    expect_otadata("1:valid,2:new");
}

static void an_image_that_does_not_verify_is_not_selected_though_it_was_judged(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,-", image[0], broken), 0);
    const struct ot_verdict good = judge(image[1], size[1]);
    assert_int_not_equal(v.port.set_boot(&v, 1, &good), OT_OK);
    expect_otadata("1:valid,-");
}

/* --- forgetting the slot to be overwritten --- */

/* Trap 6: after it there is no way back to the old image, so a half-written slot is never what is left to boot. */
static void the_slot_to_be_overwritten_is_forgotten_first(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        int runs, slot;
        enum ot_status status;
        const char *after;
    } cases[] = {
        {"1:valid,2:valid", 1, 0, OT_OK, "-,2:valid"},
        {"3:valid,2:aborted", 0, 1, OT_OK, "3:valid,-"},
        {"1:valid,-", 0, 1, OT_OK, "1:valid,-"},
        {"1:valid,!2:valid", 0, 1, OT_OK, "1:valid,-"},          /* a bad CRC may read right the next time */
        {"1:valid,3:invalid", 0, 1, OT_OK, "1:valid,3:invalid"}, /* names the running slot: stays */
        {"!1:valid,-", 0, 1, OT_E_STATE, "!1:valid,-"}, /* torn: it may name the other slot the next time */
        {"1:valid,2:valid", 1, 1, OT_E_ARGUMENT, "1:valid,2:valid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(start(cases[i].before, image[0], image[1]), cases[i].runs);
        assert_int_equal(v.port.forget_slot(&v, cases[i].slot), cases[i].status);
        expect_otadata(cases[i].after);
        assert_int_equal(boot(), cases[i].runs);
        if (i + 1 < sizeof cases / sizeof cases[0])
            chip_close(&v.chip);
    }
}

/* Forgetting all that is named would invent a first boot; and what is named is not to be written. */
static void the_only_slot_named_is_not_forgotten_before_the_running_one_is_selected(void **state)
{
    (void)state;
    const struct ot_verdict good = judge(image[1], size[1]);
    assert_int_equal(start("1:valid,!2:valid", broken, image[1]), 1); /* a fallback boot */
    assert_int_equal(v.port.forget_slot(&v, 0), OT_E_STATE);
    expect_otadata("1:valid,!2:valid");
    assert_int_equal(v.port.set_boot(&v, 1, &good), OT_OK);
    assert_int_equal(v.port.forget_slot(&v, 0), OT_OK);
    expect_otadata("-,2:new");
}

/* Traps 5 and 23: whatever makes the bootloader select twice ends the trial, be it a wake-up or a reset button. */
static void a_second_selection_ends_the_trial(void **state)
{
    (void)state;
    assert_int_equal(start("1:valid,2:new", image[0], image[1]), 1);
    assert_int_equal(boot(), 0);
    expect_otadata("1:valid,2:aborted");
}

#define ON_CHIP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_CHIP(a_fallback_boot_can_not_be_confirmed_only_healed),
        ON_CHIP(a_trial_is_confirmed_where_it_runs),
        ON_CHIP(lost_otadata_is_no_failure_to_confirm),
        ON_CHIP(a_running_image_is_not_given_up_when_nothing_else_would_boot),
        ON_CHIP(only_the_other_slot_is_written_and_not_before_the_running_one_is_confirmed),
        ON_CHIP(writes_are_whole_units_of_sixteen_bytes),
        ON_CHIP(the_only_slot_named_is_not_forgotten_before_the_running_one_is_selected),
        ON_CHIP(a_slot_is_selected_with_a_verdict_on_what_stands_in_it),
        ON_CHIP(an_image_that_does_not_verify_is_not_selected_though_it_was_judged),
        ON_CHIP(the_slot_to_be_overwritten_is_forgotten_first),
        ON_CHIP(a_second_selection_ends_the_trial),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}
