/*
 * Keys in the eFuses, as the virtual device's port revokes them (P6), and its counter (P7): a chip with three digests,
 * a bootloader and two images, each signed by the keys a case wants.
 */
#include "vdev_state.h"

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
#include <unistd.h>

#include <cmocka.h>

#define MB 0x100000u

static const char csv[] = "nvs,data,nvs,0x9000,0x6000,\notadata,data,ota,0xF000,0x2000,\n"
                          "ota_0,app,ota_0,0x20000,0x100000,\nota_1,app,ota_1,0x120000,0x100000,\n";

static struct temp_dir dir;
static struct sign_key *keys[4];
static struct ot_digest digests[4]; /* the fourth is burned nowhere */
static struct vdev_scenario scenario;
static struct vdev v;

static int make_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        keys[i] = sign_key_make(OT_SCHEME_RSA3072);
        sign_key_digest(keys[i], &digests[i]);
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        sign_key_free(keys[i]);
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

/* An image signed by the keys of this bitmap; 0: unsigned. */
static uint8_t *signed_by(unsigned bitmap, uint32_t *size)
{
    struct sign_key *signers[3];
    unsigned count = 0;
    uint32_t plain;
    uint8_t *image = image_make(&(struct image_spec){.chip_id = 5, .seed = 3, .size = 8000}, &plain);
    for (unsigned i = 0; i < 3; i++) {
        if ((bitmap >> i & 1u) != 0)
            signers[count++] = keys[i];
    }
    if (count == 0) {
        *size = plain;
        return image;
    }
    uint8_t *file = sign_file(image, plain, signers, count, size);
    free(image);
    return file;
}

/* bootloader < 0: none in flash. Booted once, so that otadata says which slot runs. */
static void start(int bootloader, unsigned image, const char *otadata)
{
    static uint8_t table[OT_TABLE_BYTES];
    struct partition_list list;
    struct error err = {0};
    struct ot_boot_result result;
    uint32_t image_size, boot_size = 0;
    uint8_t *bytes = signed_by(image, &image_size), *boot = NULL;
    struct flash_image_spec spec = {
        .flash_bytes = 4 * MB, .table = table, .has_otadata = true, .chip = ot_chip_by_id(5)};
    const char *path = temp_path(&dir, "chip");
    assert_int_equal(partition_csv_parse(csv, strlen(csv), "t", &(struct partition_rules){0}, &list, &err),
                     0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    spec.table_count = list.count;
    assert_int_equal(flash_otadata_spec(otadata, spec.otadata, &err), 0);
    assert_int_equal(flash_image_add_slot(&spec, "ota_0", bytes, image_size, &err), 0);
    if (bootloader >= 0) {
        spec.bootloader = boot = signed_by((unsigned)bootloader, &boot_size);
        spec.bootloader_len = boot_size;
    }
    assert_int_equal(flash_image_create(path, &spec, &err), 0);
    free(bytes);
    free(boot);
    memset(&v, 0, sizeof v);
    v.options.scenario = &scenario;
    v.options.rollback = v.options.anti_rollback = true;
    if (chip_open(&v.chip, path, &v.world, &err) != 0 || vdev_port_init(&v, &err) != 0)
        fail_msg("%s", err.text);
    (void)!chip_boot(&v.chip, &(struct ot_boot_config){.rollback = true}, &result);
    v.running_slot = result.slot;
    struct efuses burned = v.chip.fuses;
    burned.secure_boot = true;
    for (unsigned i = 0; i < 3; i++) {
        burned.has_digest[i] = true;
        burned.digest[i] = digests[i];
    }
    assert_int_equal(chip_burn(&v.chip, &burned), OT_OK);
}

static enum ot_status retire(unsigned key)
{
    return v.port.revoke_key(&v, &digests[key]);
}

/* What the file says, for only that survives a power cut. */
static unsigned revoked_bits(void)
{
    struct efuses fuses;
    struct error err = {0};
    if (efuse_file_load(v.chip.efuse_path, &fuses, &err) != 0)
        fail_msg("%s", err.text);
    return (fuses.revoked[0] ? 1u : 0u) | (fuses.revoked[1] ? 2u : 0u) | (fuses.revoked[2] ? 4u : 0u);
}

static void tm_K08_two_of_three_keys_in_every_order_and_never_the_last(void **state)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        start(7, 7, "1:valid,-");
        assert_int_equal(retire(orders[i][0]), OT_OK);
        assert_int_equal(retire(orders[i][1]), OT_OK);
        assert_int_equal(retire(orders[i][0]), OT_OK); /* again: done already */
        assert_int_equal(retire(orders[i][2]), OT_E_LOCKOUT);
        assert_int_equal(revoked_bits(), 7u & ~(1u << orders[i][2]));
        struct ot_boot_result r;
        assert_int_equal(chip_boot(&v.chip, &(struct ot_boot_config){.rollback = true}, &r), OT_OK);
        assert_int_equal(r.slot, 0);
        chip_close(&v.chip);
        unlink(v.chip.efuse_path);
    }
}

static void a_key_that_the_bootloader_needs_is_kept(void **state)
{
    (void)state;
    start(1, 7, "1:valid,-");
    assert_int_equal(retire(0), OT_E_LOCKOUT);
    assert_int_equal(retire(1), OT_OK);
    assert_int_equal(revoked_bits(), 2);
}

static void a_key_that_the_running_image_needs_is_kept(void **state)
{
    (void)state;
    start(7, 2, "1:valid,-");
    assert_int_equal(retire(1), OT_E_LOCKOUT);
    assert_int_equal(retire(0), OT_OK);
    assert_int_equal(revoked_bits(), 1);
}

static void a_bootloader_that_nobody_signed_keeps_every_key(void **state)
{
    (void)state;
    start(0, 7, "1:valid,-");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(retire(i), OT_E_LOCKOUT);
    assert_int_equal(revoked_bits(), 0);
    struct ot_boot_result r; /* and the ROM does not start it */
    assert_int_equal(chip_boot(&v.chip, &(struct ot_boot_config){.rollback = true}, &r), OT_E_NO_BOOT);
}

static void without_a_bootloader_in_flash_the_images_alone_decide(void **state)
{
    (void)state;
    start(-1, 3, "1:valid,-");
    assert_int_equal(retire(0), OT_OK);
    assert_int_equal(retire(1), OT_E_LOCKOUT);
    assert_int_equal(retire(2), OT_OK);
    assert_int_equal(revoked_bits(), 5);
}

static void nothing_is_revoked_while_the_running_image_is_on_trial(void **state)
{
    (void)state;
    start(7, 7, "1:new,-");
    assert_int_equal(retire(0), OT_E_STATE);
    assert_int_equal(v.port.mark_valid(&v), OT_OK);
    assert_int_equal(retire(0), OT_OK);
}

static void keys_that_are_not_burned_and_chips_without_revocation_are_left_alone(void **state)
{
    struct ot_facts facts;
    (void)state;
    start(7, 7, "1:valid,-");
    assert_int_equal(retire(3), OT_E_NOT_FOUND);
    assert_int_equal(v.port.facts(&v, &facts), OT_OK);
    assert_true(facts.can_revoke);
    assert_int_equal(facts.fuse_key_bytes, 32);
    v.chip.fuses.chip_id = 0; /* the classic ESP32: one digest, no revoke bit */
    assert_int_equal(retire(0), OT_E_NOT_FOUND);
    assert_int_equal(v.port.facts(&v, &facts), OT_OK);
    assert_false(facts.can_revoke);
    v.chip.fuses.chip_id = 0x000C; /* the C2 holds half a digest */
    assert_int_equal(retire(0), OT_E_NOT_FOUND);
    assert_int_equal(v.port.facts(&v, &facts), OT_OK);
    assert_false(facts.can_revoke);
    assert_int_equal(facts.fuse_key_bytes, 16);
    assert_int_equal(revoked_bits(), 0);
}

static void the_counter_rises_to_what_the_chip_can_hold_and_never_falls(void **state)
{
    (void)state;
    start(7, 7, "1:valid,-");
    assert_int_equal(v.port.raise_secure_version(&v, 17), OT_E_RANGE); /* a C3 has 16 bits */
    assert_int_equal(v.chip.fuses.secure_version, 0);
    assert_int_equal(v.port.raise_secure_version(&v, 16), OT_OK);
    assert_int_equal(v.port.raise_secure_version(&v, 3), OT_OK);
    assert_int_equal(v.chip.fuses.secure_version, 16);
    v.options.anti_rollback = false; /* a bootloader that does not use it */
    assert_int_equal(v.port.raise_secure_version(&v, 17), OT_OK);
    assert_int_equal(v.chip.fuses.secure_version, 16);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(tm_K08_two_of_three_keys_in_every_order_and_never_the_last),
        IN_DIR(a_key_that_the_bootloader_needs_is_kept),
        IN_DIR(a_key_that_the_running_image_needs_is_kept),
        IN_DIR(a_bootloader_that_nobody_signed_keeps_every_key),
        IN_DIR(without_a_bootloader_in_flash_the_images_alone_decide),
        IN_DIR(nothing_is_revoked_while_the_running_image_is_on_trial),
        IN_DIR(keys_that_are_not_burned_and_chips_without_revocation_are_left_alone),
        IN_DIR(the_counter_rises_to_what_the_chip_can_hold_and_never_falls),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
