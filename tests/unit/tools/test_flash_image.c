/* Whole-flash images: what lies where, what is refused, and the boot decision on them. */
#include "base/file.h"
#include "base/flash_file.h"
#include "base/flash_layout.h"
#include "image_support.h"
#include "otaria/bytes.h"
#include "sign_support.h"
#include "temp_dir.h"
#include "tools/flash_boot.h"
#include "tools/flash_image.h"
#include "tools/partition_csv.h"
#include "tools/signers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MB       0x100000u
#define CHIP_C3  5u

static const char csv[] = "nvs,data,nvs,0x9000,0x6000,\notadata,data,ota,0xF000,0x2000,\n"
                          "fctry,data,nvs,0x13000,0x6000,\nota_0,app,ota_0,0x20000,0x100000,\n"
                          "ota_1,app,ota_1,0x120000,0x100000,\n";
static const char csv_without_fctry[] = "nvs,data,nvs,0x9000,0x6000,\notadata,data,ota,0xF000,0x2000,\n"
                                        "ota_0,app,ota_0,0x20000,0x100000,\n";
static const char csv_without_otadata[] = "ota_0,app,ota_0,0x20000,0x100000,\n";

static struct temp_dir dir;
static uint8_t table[OT_TABLE_BYTES];
static uint8_t *image_a, *image_b;
static uint32_t size_a, size_b;

static int set_up(void **state)
{
    (void)state;
    struct image_spec a = {
        .chip_id = CHIP_C3, .version = "1.0.0", .seed = 1, .size = 20000, .secure_version = 3};
    struct image_spec b = {
        .chip_id = CHIP_C3, .version = "1.1.0", .seed = 2, .size = 30000, .secure_version = 5};
    temp_dir_make(&dir);
    image_a = image_make(&a, &size_a);
    image_b = image_make(&b, &size_b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(image_a);
    free(image_b);
    temp_dir_remove(&dir);
    return 0;
}

static struct flash_image_spec spec_for(const char *text)
{
    struct partition_list list;
    struct error err = {0};
    struct flash_image_spec spec = {.flash_bytes = 4 * MB, .table = table};
    assert_int_equal(partition_csv_parse(text, strlen(text), "t", &(struct partition_rules){0}, &list, &err),
                     0);
    assert_int_equal(partition_table_build(&list, table, &err), 0);
    spec.table_count = list.count;
    return spec;
}

static void create(const struct flash_image_spec *spec, struct flash_file *flash, struct flash_layout *layout)
{
    struct error err = {0};
    const char *path = temp_path(&dir, "chip");
    if (flash_image_create(path, spec, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(flash_file_open(flash, path, true, &err), 0);
    assert_int_equal(flash_layout_read(layout, &flash->flash, OT_TABLE_OFFSET_DEFAULT, &err), 0);
}

static void add(struct flash_image_spec *spec, const char *slot, const uint8_t *bytes, uint32_t len)
{
    struct error err = {0};
    assert_int_equal(flash_image_add_slot(spec, slot, bytes, len, &err), 0);
}

static void expect_flash(const struct flash *f, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    uint8_t *have = malloc(len);
    assert_non_null(have);
    assert_int_equal(flash_read(f, offset, have, len), 0);
    assert_memory_equal(have, bytes, len);
    free(have);
}

static void everything_lies_where_the_table_says(void **state)
{
    (void)state;
    struct flash_file f;
    struct flash_layout l;
    struct stat st;
    uint8_t bootloader[100] = {0xE9}, entry[32], blank[32];
    struct flash_image_spec spec = spec_for(csv);
    ot_store16(bootloader + 12, CHIP_C3);
    spec.chip = ot_chip_by_name("esp32c3");
    spec.bootloader = bootloader;
    spec.bootloader_len = sizeof bootloader;
    add(&spec, "ota_0", image_a, size_a);
    add(&spec, "ota_1", image_b, size_b);
    spec.has_otadata = true;
    spec.otadata[0] = ot_otadata_make(1, OT_OTA_VALID);
    spec.otadata[1] = ot_otadata_blank();
    create(&spec, &f, &l);
    expect_flash(&f.flash, 0, bootloader, sizeof bootloader);
    expect_flash(&f.flash, 0x8000, table, sizeof table);
    expect_flash(&f.flash, 0x20000, image_a, size_a);
    expect_flash(&f.flash, 0x120000, image_b, size_b);
    ot_otadata_format(&spec.otadata[0], entry);
    memset(blank, 0xFF, sizeof blank);
    expect_flash(&f.flash, 0xF000, entry, sizeof entry);
    expect_flash(&f.flash, 0x10000, blank, sizeof blank);
    assert_int_equal(fstat(f.fd, &st), 0);
    assert_int_equal(st.st_size, 4 * MB);
    assert_true(st.st_blocks * 512 < 100000); /* erased flash is holes */
    flash_file_close(&f);
}

static void read_factory(const struct flash *f, uint32_t offset, const char *device, unsigned keys)
{
    uint8_t page[NVS_PAGE_BYTES], trust[128], n = 0;
    char text[80];
    size_t len = 0;
    assert_int_equal(flash_read(f, offset, page, sizeof page), 0);
    assert_int_equal(nvs_page_get_string(page, "otaria", "device_id", text, sizeof text), 0);
    assert_string_equal(text, device);
    assert_int_equal(nvs_page_get_string(page, "otaria", "product", text, sizeof text), 0);
    assert_string_equal(text, "lamp");
    assert_int_equal(nvs_page_get_u8(page, "otaria", "hw_rev", &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(nvs_page_get_blob(page, "otaria", "trust", trust, sizeof trust, &len), 0);
    assert_int_equal(len, keys * 32);
    assert_int_equal(trust[32 * (keys - 1)], 0xA0 + keys - 1);
    assert_int_equal(nvs_page_get_u8(page, "otaria", "undescribed", &n), 0);
    assert_int_equal(n, 0);
}

static void fill_factory(struct flash_factory *factory, unsigned keys)
{
    *factory =
        (struct flash_factory){.device_id = "lamp-7", .product = "lamp", .has_hw_rev = true, .hw_rev = 2};
    factory->refuses_undescribed = true;
    factory->trust_count = keys;
    for (unsigned i = 0; i < keys; i++)
        memset(&factory->trust[i], (int)(0xA0 + i), 32);
}

static void factory_data_goes_to_fctry_or_else_to_the_start_of_nvs(void **state)
{
    (void)state;
    struct flash_file f;
    struct flash_layout l;
    struct flash_image_spec spec = spec_for(csv);
    fill_factory(&spec.factory, 4);
    add(&spec, "ota_0", image_a, size_a);
    create(&spec, &f, &l);
    read_factory(&f.flash, 0x13000, "lamp-7", 4);
    flash_file_close(&f);
    spec = spec_for(csv_without_fctry);
    fill_factory(&spec.factory, 1);
    add(&spec, "ota_0", image_a, size_a);
    create(&spec, &f, &l);
    read_factory(&f.flash, 0x9000, "lamp-7", 1);
    flash_file_close(&f);
}

static void without_factory_data_nvs_stays_erased(void **state)
{
    (void)state;
    struct flash_file f;
    struct flash_layout l;
    uint8_t erased[FLASH_SECTOR_BYTES];
    struct flash_image_spec spec = spec_for(csv);
    memset(erased, 0xFF, sizeof erased);
    add(&spec, "ota_0", image_a, size_a);
    create(&spec, &f, &l);
    expect_flash(&f.flash, 0x13000, erased, sizeof erased);
    expect_flash(&f.flash, 0x9000, erased, sizeof erased);
    flash_file_close(&f);
}

static void refuse(struct flash_image_spec *spec, const char *message)
{
    struct error err = {0};
    assert_int_equal(flash_image_create(temp_path(&dir, "refused"), spec, &err), -1);
    if (strstr(err.text, message) == NULL)
        print_error("\"%s\" does not say \"%s\"\n", err.text, message);
    assert_non_null(strstr(err.text, message));
    assert_int_equal(access(temp_path(&dir, "refused"), F_OK), -1);
}

static void slots_are_refused_by_name(void **state)
{
    (void)state;
    struct error err = {0};
    static uint8_t large[MB + 1];
    struct flash_image_spec spec = spec_for(csv);
    assert_int_equal(flash_image_add_slot(&spec, "ota_2", image_a, size_a, &err), -1);
    assert_string_equal(err.text, "slot ota_2: the partition table has no such slot");
    assert_int_equal(flash_image_add_slot(&spec, "factory", image_a, size_a, &err), -1);
    assert_int_equal(flash_image_add_slot(&spec, "storage", image_a, size_a, &err), -1);
    assert_int_equal(flash_image_add_slot(&spec, "ota_0", large, sizeof large, &err), -1);
    assert_string_equal(err.text, "slot ota_0: the image has 1048577 bytes, the slot 0x100000 (1048576)");
    assert_int_equal(flash_image_add_slot(&spec, "ota_0", large, sizeof large - 1, &err), 0);
    assert_int_equal(flash_image_add_slot(&spec, "ota_0", image_a, size_a, &err), -1);
    assert_string_equal(err.text, "slot ota_0: given twice");
    assert_int_equal(flash_image_add_slot(&spec, "ota_1", image_a, 0, &err), -1);
}

static void impossible_wishes_are_refused_before_anything_is_written(void **state)
{
    (void)state;
    uint8_t bootloader[0x9000] = {0xE9};
    struct flash_image_spec spec = spec_for(csv);
    spec.flash_bytes = 2 * MB;
    refuse(&spec, "partition table: a partition does not end inside the flash chip");
    spec = spec_for(csv);
    spec.table_offset = 0x9000;
    refuse(&spec, "lies on or below the partition table");
    spec.table_offset = 0x8100;
    refuse(&spec, "must be a sector");
    spec = spec_for(csv);
    spec.bootloader = bootloader;
    spec.bootloader_len = 0x1000;
    refuse(&spec, "needs a chip");
    spec.chip = ot_chip_by_name("esp32c3");
    refuse(&spec, "bootloader: made for chip 0x0000, not for esp32c3");
    bootloader[12] = CHIP_C3;
    spec.bootloader_len = 0x8001;
    refuse(&spec, "run into the partition table");
    spec.bootloader_len = 0x1000;
    bootloader[0] = 0;
    refuse(&spec, "not an ESP app image");
    spec = spec_for(csv_without_otadata);
    spec.has_otadata = true;
    refuse(&spec, "otadata");
    spec = spec_for(csv_without_otadata);
    spec.factory.device_id = "lamp-7";
    refuse(&spec, "factory data: the table has no NVS partition");
    spec = spec_for(csv);
    spec.factory.device_id = "lamp 7";
    refuse(&spec, "device id \"lamp 7\"");
    spec = spec_for(csv);
    spec.factory.has_hw_rev = true;
    spec.factory.hw_rev = 64;
    refuse(&spec, "hardware revision 64: 0 to 63");
}

static void a_failed_creation_leaves_the_old_file(void **state)
{
    (void)state;
    struct error err = {0};
    struct flash_image_spec spec = spec_for(csv);
    struct stat st;
    const char *path = temp_path(&dir, "chip");
    add(&spec, "ota_0", image_a, size_a);
    assert_int_equal(flash_image_create(path, &spec, &err), 0);
    spec.flash_bytes = 3 * MB;
    assert_int_equal(flash_image_create(path, &spec, &err), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4 * MB);
}

/* --- otadata as text --- */

static void otadata_is_written_as_a_person_says_it(void **state)
{
    (void)state;
    struct ot_otadata_entry e[2];
    struct error err = {0};
    const struct ot_otadata_entry blank = ot_otadata_blank();
    assert_int_equal(flash_otadata_spec("1:valid,2:new", e, &err), 0);
    assert_true(e[0].seq == 1 && e[0].state == OT_OTA_VALID && ot_otadata_crc_ok(&e[0]));
    assert_true(e[1].seq == 2 && e[1].state == OT_OTA_NEW && ot_otadata_crc_ok(&e[1]));
    assert_int_equal(flash_otadata_spec("-,!0xfffffffe:undefined", e, &err), 0);
    assert_memory_equal(&e[0], &blank, sizeof blank);
    assert_true(e[1].seq == 0xFFFFFFFE && e[1].state == OT_OTA_UNDEFINED && !ot_otadata_crc_ok(&e[1]));
    assert_int_equal(flash_otadata_spec("3:pending,4:invalid", e, &err), 0);
    assert_int_equal(e[0].state, OT_OTA_PENDING);
    assert_int_equal(e[1].state, OT_OTA_INVALID);
    assert_int_equal(flash_otadata_spec("5:aborted,6:0x100", e, &err), 0);
    assert_int_equal(e[0].state, OT_OTA_ABORTED);
    assert_int_equal(e[1].state, 0x100);
    static const char *const bad[] = {
        "",     "1:valid", "1:valid,2:new,3:new", "1,2",      "1:good,-",   "x:valid,-", ":valid,-",
        "1:,-", "!-,-",    "4294967296:new,-",    "-1:new,-", "1:valid, -", "1:VALID,-", "1:valid,!"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (flash_otadata_spec(bad[i], e, &err) != -1)
            fail_msg("accepted: %s", bad[i]);
    }
}

/* --- booting what was made --- */

static enum ot_status boot(const char *otadata, struct flash_boot_options *options, struct ot_boot_result *r,
                           uint8_t after[2][OT_OTADATA_ENTRY_BYTES])
{
    struct flash_file f;
    struct flash_layout l;
    struct error err = {0};
    struct flash_image_spec spec = spec_for(csv);
    add(&spec, "ota_0", image_a, size_a);
    add(&spec, "ota_1", image_b, size_b);
    spec.has_otadata = true;
    assert_int_equal(flash_otadata_spec(otadata, spec.otadata, &err), 0);
    create(&spec, &f, &l);
    enum ot_status st = flash_boot(&l, options, r);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(flash_layout_read_otadata(&l, i, after[i]), 0);
    flash_file_close(&f);
    return st;
}

static void only_a_boot_that_may_write_changes_the_file(void **state)
{
    (void)state;
    struct flash_boot_options o = {.config = {.rollback = true}};
    struct ot_boot_result r;
    uint8_t after[2][OT_OTADATA_ENTRY_BYTES];
    assert_int_equal(boot("1:valid,2:new", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 1);
    assert_int_equal(r.otadata[1][24], OT_OTA_PENDING);
    assert_int_equal(after[1][24], OT_OTA_NEW);
    o.write = true;
    assert_int_equal(boot("1:valid,2:new", &o, &r, after), OT_OK);
    assert_memory_equal(after, r.otadata, sizeof after);
    assert_int_equal(after[1][24], OT_OTA_PENDING);
}

static void a_broken_image_is_passed_over(void **state)
{
    (void)state;
    struct flash_boot_options o = {.config = {.rollback = true}};
    struct ot_boot_result r;
    uint8_t after[2][OT_OTADATA_ENTRY_BYTES];
    image_b[5000] ^= 1;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 0);
    assert_int_equal(r.tried_count, 2);
    assert_int_equal(r.reasons[1].reason, OT_BOOT_IMAGE_REFUSED);
    assert_int_equal(r.reasons[1].status, OT_E_IMAGE_CHECKSUM);
}

static void efuses_name_the_chip_and_hold_the_counter(void **state)
{
    (void)state;
    struct efuses fuses = {.has_chip = true, .chip_id = CHIP_C3};
    struct flash_boot_options o = {
        .config = {.rollback = true, .anti_rollback = true}, .fuses = &fuses, .write = true};
    struct ot_boot_result r;
    struct error err = {0};
    uint8_t after[2][OT_OTADATA_ENTRY_BYTES];
    const char *path = temp_path(&dir, "efuse");
    assert_int_equal(efuse_file_save(path, &fuses, &err), 0);
    o.efuse_path = path;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 1);
    assert_int_equal(fuses.secure_version, 5);
    assert_int_equal(efuse_file_load(path, &fuses, &err), 0);
    assert_int_equal(fuses.secure_version, 5);
    assert_int_equal(boot("1:valid,2:invalid", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 1); /* ota_0 has version 3 */
    fuses.chip_id = 9;
    assert_int_equal(boot("1:valid,-", &o, &r, after), OT_E_NO_BOOT);
}

static void signatures_are_asked_for_by_efuses_or_by_the_caller(void **state)
{
    (void)state;
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256), *other = sign_key_make(OT_SCHEME_ECDSA256);
    struct sign_key *const both[] = {other, key};
    struct ot_digest digest;
    struct efuses fuses = {.secure_boot = true};
    struct flash_boot_options o = {.config = {.rollback = true}, .fuses = &fuses};
    struct ot_boot_result r;
    uint8_t after[2][OT_OTADATA_ENTRY_BYTES];
    uint8_t *unsigned_a = image_a;
    image_a = sign_file(unsigned_a, size_a, both, 2, &size_a);
    sign_key_digest(key, &digest);
    fuses.has_digest[0] = true;
    fuses.digest[0] = digest;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 0); /* ota_1 is unsigned */
    assert_int_equal(r.reasons[1].status, OT_E_UNSIGNED);
    fuses.revoked[0] = true;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_E_NO_BOOT);
    assert_int_equal(r.reasons[2].status, OT_E_KEY_REVOKED); /* ota_0, behind ota_1 */
    fuses = (struct efuses){0};
    struct ot_trust_set set = {.keys = &digest, .key_count = 1};
    o.trust = &set;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_OK);
    assert_int_equal(r.slot, 0);
    digest.bytes[0] ^= 1;
    assert_int_equal(boot("1:valid,2:valid", &o, &r, after), OT_E_NO_BOOT);
    free(unsigned_a);
    sign_key_free(key);
    sign_key_free(other);
}

static void signers_are_those_whose_signature_holds(void **state)
{
    (void)state;
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256), *other = sign_key_make(OT_SCHEME_ECDSA256);
    struct sign_key *const both[] = {key, other};
    struct ot_digest digest;
    struct signer signers[OT_SIG_BLOCKS_MAX];
    struct ot_image image;
    struct ot_image_digests digests;
    struct flash_file f;
    struct flash_layout l;
    struct flash_part part;
    uint32_t size;
    uint8_t *file = sign_file(image_a, size_a, both, 2, &size);
    file[size - OT_SIG_SECTOR_BYTES + OT_SIG_BLOCK_BYTES + 110] ^= 1; /* inside the second signature */
    sign_block_reseal(file + size - OT_SIG_SECTOR_BYTES + OT_SIG_BLOCK_BYTES);
    struct flash_image_spec spec = spec_for(csv);
    add(&spec, "ota_0", file, size);
    create(&spec, &f, &l);
    assert_int_equal(flash_slot_inspect(&l, 0, &(struct ot_image_limits){0}, &image, &digests), OT_OK);
    struct ot_source src = flash_part_source(&f.flash, ot_slots_partition(&l.slots, 0), &part);
    assert_int_equal(signers_find(&src, &image, &digests, signers), 2);
    sign_key_digest(key, &digest);
    assert_int_equal(signers[0].status, OT_OK);
    assert_int_equal(signers[0].scheme, OT_SCHEME_ECDSA256);
    assert_memory_equal(&signers[0].key, &digest, sizeof digest);
    assert_int_equal(signers[1].status, OT_E_SIG_INVALID);
    flash_file_close(&f);
    free(file);
    sign_key_free(key);
    sign_key_free(other);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(everything_lies_where_the_table_says),
        IN_DIR(factory_data_goes_to_fctry_or_else_to_the_start_of_nvs),
        IN_DIR(without_factory_data_nvs_stays_erased),
        IN_DIR(slots_are_refused_by_name),
        IN_DIR(impossible_wishes_are_refused_before_anything_is_written),
        IN_DIR(a_failed_creation_leaves_the_old_file),
        cmocka_unit_test(otadata_is_written_as_a_person_says_it),
        IN_DIR(only_a_boot_that_may_write_changes_the_file),
        IN_DIR(a_broken_image_is_passed_over),
        IN_DIR(efuses_name_the_chip_and_hold_the_counter),
        IN_DIR(signatures_are_asked_for_by_efuses_or_by_the_caller),
        IN_DIR(signers_are_those_whose_signature_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
