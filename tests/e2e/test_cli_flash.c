/*
 * The partition and flash commands as a person types them: contract, answers, refusals, and that `flash boot` takes
 * every decision of the boot table.
 */
#include "base/file.h"
#include "boot_rows.h"
#include "boot_world.h"
#include "cli_run.h"
#include "image_support.h"
#include "sign_support.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKAGED OTARIA_SOURCE_DIR "/packaging/partitions/otaria-4mb.csv"

static struct temp_dir dir;
static char good[PATH_MAX], broken[PATH_MAX], signed_image[PATH_MAX], chip[PATH_MAX];
static char signer_hex[OT_DIGEST_HEX_BYTES];

static void write_file(const char *path, const void *bytes, size_t len)
{
    struct error err = {0};
    if (file_write_atomic(path, bytes, len, 0600, &err) != 0)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    struct image_spec spec = {.chip_id = 5, .version = "1.0.0", .seed = 1, .size = 6000};
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256);
    struct ot_digest digest;
    uint32_t size, signed_size;
    uint8_t *bytes = image_make(&spec, &size);
    uint8_t *file = sign_file(bytes, size, &key, 1, &signed_size);
    temp_dir_make(&dir);
    snprintf(good, sizeof good, "%s", temp_path(&dir, "good.bin"));
    snprintf(broken, sizeof broken, "%s", temp_path(&dir, "broken.bin"));
    snprintf(signed_image, sizeof signed_image, "%s", temp_path(&dir, "signed.bin"));
    snprintf(chip, sizeof chip, "%s", temp_path(&dir, "chip.flash"));
    write_file(good, bytes, size);
    write_file(signed_image, file, signed_size);
    bytes[2000] ^= 1;
    write_file(broken, bytes, size);
    sign_key_digest(key, &digest);
    ot_digest_to_hex(&digest, signer_hex);
    sign_key_free(key);
    free(bytes);
    free(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* --- partition --- */

static void a_table_is_built_shown_and_checked(void **state)
{
    (void)state;
    const char *bin = temp_path(&dir, "table.bin");
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct error err = {0};
    json_decref(succeed(OTARIA("partition", "build", PACKAGED, "--flash-size", "4MB", "--out", bin)));
    assert_int_equal(file_read(bin, 10000, &bytes, &len, &err), 0);
    assert_int_equal(len, 3072);
    free(bytes);
    json_t *root = succeed(OTARIA("partition", "show", bin));
    json_t *list = json_object_get(root, "partitions");
    assert_int_equal(json_array_size(list), 8);
    assert_string_equal(text_of(json_array_get(list, 5), "label"), "ota_0");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 5), "offset")), 0x20000);
    json_decref(root);
    root = succeed(OTARIA("partition", "check", bin, "--flash-size", "4MB"));
    assert_true(json_is_true(json_object_get(root, "ok")));
    assert_true(json_is_true(json_object_get(root, "factory_nvs")));
    assert_int_equal(json_integer_value(json_object_get(root, "slot_bytes")), 0x1E0000);
    assert_int_equal(json_integer_value(json_object_get(root, "unallocated")), 0x10000);
    json_decref(root);
}

static void what_show_prints_builds_the_same_table_again(void **state)
{
    (void)state;
    const char *bin = temp_path(&dir, "table.bin"), *csv = temp_path(&dir, "again.csv");
    const char *again = temp_path(&dir, "again.bin");
    uint8_t *first = NULL, *second = NULL;
    size_t first_len, second_len;
    struct error err = {0};
    json_decref(succeed(OTARIA("partition", "build", PACKAGED, "--flash-size", "4MB", "--out", bin)));
    struct run_result r = run_program(OTARIA("partition", "show", bin).words);
    write_file(csv, r.out, strlen(r.out));
    run_result_free(&r);
    json_decref(succeed(OTARIA("partition", "build", csv, "--flash-size", "4MB", "--out", again)));
    assert_int_equal(file_read(bin, 10000, &first, &first_len, &err), 0);
    assert_int_equal(file_read(again, 10000, &second, &second_len, &err), 0);
    assert_int_equal(first_len, second_len);
    assert_memory_equal(first, second, first_len);
    free(first);
    free(second);
}

static void bad_tables_are_refused_with_their_cause(void **state)
{
    (void)state;
    static const char unequal[] = "otadata,data,ota,,0x2000,\na,app,ota_0,,1M,\nb,app,ota_1,,512K,\n";
    static const char bad[] = "nvs,data,nvs,0x9000,0x4000,\nx,app,,,1M,\n";
    const char *csv = temp_path(&dir, "unequal.csv"), *bad_csv = temp_path(&dir, "bad.csv");
    const char *out = temp_path(&dir, "never.bin");
    write_file(csv, unequal, strlen(unequal));
    write_file(bad_csv, bad, strlen(bad));
    fails(OTARIA("partition", "check", csv), 1, "two equal contiguous OTA slots");
    fails(OTARIA("partition", "build", bad_csv, "--flash-size", "4MB", "--out", out), 1,
          "bad.csv:2: the subtype of an app partition is empty");
    fails(OTARIA("partition", "build", PACKAGED, "--flash-size", "2MB", "--out", out), 1, "ends at");
    assert_int_equal(access(out, F_OK), -1);
    fails(OTARIA("partition", "show", "/nonexistent"), 1, "/nonexistent");
}

/* --- usage --- */

static void usage_errors_end_with_2(void **state)
{
    (void)state;
    fails(OTARIA("partition", "build", PACKAGED), 2, "--flash-size and --out");
    fails(OTARIA("partition", "build", PACKAGED, "--flash-size", "5MB", "--out", "x"), 2, "--flash-size 5MB");
    fails(OTARIA("partition", "show"), 2, "something is missing");
    fails(OTARIA("partition", "show", "a", "b"), 2, "unexpected word");
    fails(OTARIA("flash", "boot", "a", "--rollback", "maybe"), 2, "on or off");
    fails(OTARIA("flash", "boot", "a", "--no-such-option"), 2, "--no-such-option");
    fails(OTARIA("flash", "create", "--table", PACKAGED), 2, "are needed");
    struct run_result r = run_program(OTARIA("flash", "boot", "a", "--efuse").words);
    assert_int_equal(r.exit_code, 2);
    assert_non_null(strstr(r.err, "--efuse needs a value"));
    run_result_free(&r);
    r = run_program(OTARIA("no", "such").words);
    assert_int_equal(r.exit_code, 2);
    assert_non_null(strstr(r.err, "no command \"no such\""));
    run_result_free(&r);
}

static void help_lists_every_command_and_option(void **state)
{
    (void)state;
    struct run_result r = run_program(OTARIA("--help").words);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "otaria partition check"));
    assert_non_null(strstr(r.out, "otaria flash boot"));
    run_result_free(&r);
    r = run_program(OTARIA("flash", "boot", "--help").words);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(strstr(r.out, "--anti-rollback on|off"));
    assert_non_null(strstr(r.out, "--json"));
    run_result_free(&r);
}

/* --- flash --- */

static struct command create(const char *slot_0, const char *slot_1, const char *otadata)
{
    static char first[PATH_MAX + 10], second[PATH_MAX + 10];
    struct command c = OTARIA("flash", "create", "--table", PACKAGED, "--flash-size", "4MB", "--out", chip);
    snprintf(first, sizeof first, "ota_0=%s", slot_0);
    snprintf(second, sizeof second, "ota_1=%s", slot_1);
    add(&c, "--slot");
    add(&c, first);
    add(&c, "--slot");
    add(&c, second);
    if (otadata != NULL) {
        add(&c, "--otadata");
        add(&c, otadata);
    }
    return c;
}

static void a_flash_is_created_and_shown(void **state)
{
    (void)state;
    struct command c = create(good, signed_image, "1:valid,2:new");
    add(&c, "--device-id");
    add(&c, "lamp-7");
    add(&c, "--hw-rev");
    add(&c, "2");
    add(&c, "--product");
    add(&c, "lamp");
    json_decref(succeed(c));
    json_t *root = succeed(OTARIA("flash", "show", chip));
    json_t *slots = json_object_get(root, "slots"), *factory = json_object_get(root, "factory");
    assert_int_equal(json_array_size(slots), 2);
    assert_string_equal(text_of(json_array_get(slots, 0), "image"), "ok");
    assert_string_equal(text_of(json_array_get(slots, 0), "version"), "1.0.0");
    assert_string_equal(text_of(json_array_get(slots, 0), "digest"),
                        text_of(json_array_get(slots, 1), "digest"));
    json_t *signature = json_array_get(json_object_get(json_array_get(slots, 1), "signatures"), 0);
    assert_string_equal(text_of(signature, "key"), signer_hex);
    assert_string_equal(text_of(signature, "status"), "ok");
    assert_string_equal(text_of(factory, "device_id"), "lamp-7");
    assert_string_equal(text_of(factory, "product"), "lamp");
    assert_int_equal(json_integer_value(json_object_get(factory, "hw_rev")), 2);
    assert_true(json_is_true(json_object_get(factory, "undescribed")));
    /* trust: whoever signed what is in the slots */
    assert_int_equal(json_array_size(json_object_get(factory, "trust")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(factory, "trust"), 0)), signer_hex);
    json_decref(root);
}

static void creation_is_refused_by_name(void **state)
{
    (void)state;
    char wrong[PATH_MAX + 10];
    snprintf(wrong, sizeof wrong, "ota_7=%s", good);
    fails(
        OTARIA("flash", "create", "--table", PACKAGED, "--flash-size", "4MB", "--slot", wrong, "--out", chip),
        1, "slot ota_7: the partition table has no such slot");
    fails(OTARIA("flash", "create", "--table", PACKAGED, "--flash-size", "4MB", "--slot", "ota_0", "--out",
                 chip),
          2, "SLOT=IMG");
    fails(create(good, good, "1:fine,-"), 2, "state \"fine\"");
    fails(create("/nonexistent", good, NULL), 1, "/nonexistent");
    assert_int_equal(access(chip, F_OK), -1);
}

static void boot_writes_only_when_told_to(void **state)
{
    (void)state;
    json_decref(succeed(create(good, good, "1:valid,2:new")));
    for (int i = 0; i < 2; i++) {
        json_t *root = succeed(OTARIA("flash", "boot", chip));
        assert_string_equal(text_of(root, "slot"), "ota_1");
        json_decref(root);
    }
    json_decref(succeed(OTARIA("flash", "boot", chip, "--write")));
    json_t *root = succeed(OTARIA("flash", "boot", chip));
    assert_string_equal(text_of(root, "slot"), "ota_0"); /* its one trial is over */
    json_decref(root);
}

static void trust_decides_what_boots(void **state)
{
    (void)state;
    static const char stranger[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    json_decref(succeed(create(signed_image, good, "1:valid,2:valid")));
    json_t *root = succeed(OTARIA("flash", "boot", chip, "--trust", stranger, signer_hex));
    assert_string_equal(text_of(root, "slot"), "ota_0"); /* ota_1 is unsigned */
    json_decref(root);
    root = succeed(OTARIA("flash", "boot", "--trust", signer_hex, chip));
    assert_string_equal(text_of(root, "slot"), "ota_0");
    json_decref(root);
    root = succeed(OTARIA("flash", "boot", chip, "--trust", stranger));
    assert_true(json_is_null(json_object_get(root, "slot")));
    json_decref(root);
}

static void a_key_file_is_trusted_like_its_digest(void **state)
{
    (void)state;
    const char *key = temp_path(&dir, "key.pem"), *image = temp_path(&dir, "ours.bin");
    json_t *root = succeed(OTARIA("key", "generate", "--scheme", "ecdsa256", "--out", key));
    char hex[OT_DIGEST_HEX_BYTES];
    snprintf(hex, sizeof hex, "%s", text_of(root, "digest"));
    json_decref(root);
    json_decref(succeed(OTARIA("image", "sign", good, "--key", key, "--out", image)));
    struct command c = create(image, signed_image, "1:valid,2:valid");
    add(&c, "--trust"); /* named keys stand instead of those that signed */
    add(&c, key);
    root = succeed(c);
    assert_int_equal(json_array_size(json_object_get(root, "trust")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "trust"), 0)), hex);
    json_decref(root);
    root = succeed(OTARIA("flash", "boot", chip, "--trust", key));
    assert_string_equal(text_of(root, "slot"), "ota_0");
    json_decref(root);
}

static void efuses_decide_what_boots_and_are_raised_by_write_alone(void **state)
{
    (void)state;
    char fuses[300];
    const char *path = temp_path(&dir, "efuse.json");
    snprintf(fuses, sizeof fuses, "{\"chip\":\"esp32c3\",\"secure_boot\":true,\"digests\":[\"%s\"]}",
             signer_hex);
    write_file(path, fuses, strlen(fuses));
    json_decref(succeed(create(signed_image, good, "1:valid,2:valid")));
    json_t *root = succeed(OTARIA("flash", "boot", chip, "--efuse", path));
    assert_string_equal(text_of(root, "slot"), "ota_0");
    json_decref(root);
    static const char other_chip[] = "{\"chip\":\"esp32s3\"}", high[] = "{\"secure_version\":1}";
    write_file(path, other_chip, strlen(other_chip));
    root = succeed(OTARIA("flash", "boot", chip, "--efuse", path));
    assert_true(json_is_null(json_object_get(root, "slot")));
    json_decref(root);
    write_file(path, high, strlen(high));
    root = succeed(OTARIA("flash", "boot", chip, "--efuse", path, "--anti-rollback", "on"));
    assert_int_equal(json_array_size(json_object_get(root, "tried")), 0); /* both are version 0 */
    json_decref(root);
}

/* --- every row of the decision table --- */

static void write_table(const char *path, unsigned slots, bool factory)
{
    char text[1200];
    int at = snprintf(text, sizeof text, "otadata,data,ota,,0x2000,\n%s",
                      factory ? "factory,app,factory,,64K,\n" : "");
    for (unsigned i = 0; i < slots; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "ota_%u,app,ota_%u,,64K,\n", i, i);
    write_file(path, text, (size_t)at);
}

static void make_chip(const struct boot_row *row, bool factory)
{
    static char slot[17][PATH_MAX + 10];
    const char *csv = temp_path(&dir, "row.csv");
    struct command c = OTARIA("flash", "create", "--table", csv, "--flash-size", "4MB", "--out", chip,
                              "--otadata", row->otadata);
    write_table(csv, row->slots, factory);
    add(&c, "--slot"); /* one option, many values */
    for (int i = factory ? OT_SLOT_FACTORY : 0; i < (int)row->slots; i++) {
        char name[8];
        const char *label = ot_slot_name(i, name);
        snprintf(slot[i + 1], sizeof slot[0], "%s=%s", label,
                 strstr(row->bad, label) != NULL ? broken : good);
        add(&c, slot[i + 1]);
    }
    json_decref(succeed(c));
}

static bool same_text(const struct boot_row *row, const char *what, const char *is, const char *should)
{
    if (strcmp(is, should) == 0)
        return true;
    print_error("%s: otadata %s, bad \"%s\": %s is %s, should be %s\n", row->rule, row->otadata, row->bad,
                what, is, should);
    return false;
}

static bool tried_matches(const struct boot_row *row, const json_t *tried)
{
    char text[200] = "";
    size_t i;
    json_t *slot;
    json_array_foreach(tried, i, slot)
    {
        strcat(text, i > 0 ? " " : "");
        strcat(text, json_string_value(slot));
    }
    return same_text(row, "tried", text, row->tried != NULL ? row->tried : row->boots);
}

static bool otadata_matches(const struct boot_row *row, const json_t *otadata)
{
    struct boot_world should;
    bool ok = true;
    boot_world_make(&should, row->slots, false, row->after != NULL ? row->after : row->otadata);
    for (unsigned i = 0; i < 2; i++) {
        char hex[65];
        for (unsigned j = 0; j < 32; j++)
            snprintf(hex + (size_t)2 * j, 3, "%02x", should.flash[i][j]);
        const char *is = json_string_value(json_array_get(otadata, i));
        ok = same_text(row, i == 0 ? "otadata 0" : "otadata 1", is != NULL ? is : "null", hex) && ok;
    }
    return ok;
}

/* Boots twice: the first time only asking, the second time writing. The answer must be the same. */
static bool row_holds(const struct boot_row *row, bool factory, const char *rollback,
                      const char *anti_rollback)
{
    bool ok = true;
    make_chip(row, factory);
    for (int write = 0; write < 2; write++) {
        struct command c =
            OTARIA("flash", "boot", chip, "--rollback", rollback, "--anti-rollback", anti_rollback);
        if (write)
            add(&c, "--write");
        json_t *root = succeed(c);
        json_t *slot = json_object_get(root, "slot");
        ok = same_text(row, "boots", json_is_null(slot) ? "none" : json_string_value(slot), row->boots) && ok;
        ok = tried_matches(row, json_object_get(root, "tried")) && ok;
        ok = otadata_matches(row, json_object_get(root, "otadata")) && ok;
        ok = json_array_size(json_object_get(root, "reasons")) > 0 && ok;
        json_decref(root);
    }
    json_t *root = succeed(OTARIA("flash", "show", chip));
    ok = otadata_matches(row, json_object_get(root, "otadata")) && ok; /* now it is in the file */
    json_decref(root);
    return ok;
}

static void hold_rows(const struct boot_row *row, const char *rollback, const char *anti_rollback)
{
    unsigned failures = 0;
    for (; row->rule != NULL; row++) {
        if (row->factory != ROW_FACTORY)
            failures += row_holds(row, false, rollback, anti_rollback) ? 0 : 1;
        if (row->factory != ROW_NO_FACTORY)
            failures += row_holds(row, true, rollback, anti_rollback) ? 0 : 1;
    }
    assert_int_equal(failures, 0);
}

static void flash_boot_takes_every_decision_of_the_table(void **state)
{
    (void)state;
    hold_rows(boot_rows_rollback, "on", "off");
}

static void flash_boot_does_so_without_rollback(void **state)
{
    (void)state;
    hold_rows(boot_rows_no_rollback, "off", "off");
}

static void flash_boot_does_so_with_anti_rollback(void **state)
{
    (void)state;
    hold_rows(boot_rows_anti_rollback, "on", "on");
}

/* An image of this secure_version, or one whose description cannot be read. */
static void write_version(const char *path, int version)
{
    struct image_spec spec = {.chip_id = 5, .seed = 9, .size = 6000, .secure_version = (uint32_t)version};
    uint32_t size;
    uint8_t *bytes = image_make(&spec, &size);
    if (version == NO_DESCRIPTION)
        bytes[OT_APP_DESC_OFFSET] ^= 1;
    write_file(path, bytes, size);
    free(bytes);
}

static void write_counter(const char *path, uint32_t counter)
{
    char text[80];
    int n = snprintf(text, sizeof text, "{\"chip\":\"esp32c3\",\"secure_version\":%u}", counter);
    write_file(path, text, (size_t)n);
}

static json_int_t counter_of(const char *path)
{
    json_t *fuses = json_load_file(path, 0, NULL);
    assert_non_null(fuses);
    json_int_t n = json_integer_value(json_object_get(fuses, "secure_version"));
    json_decref(fuses);
    return n;
}

/* Asking changes nothing; writing leaves otadata and the eFuse file as the chip would be. */
static void flash_boot_holds_images_against_the_counter(void **state)
{
    (void)state;
    char image[2][PATH_MAX], efuse[PATH_MAX];
    snprintf(image[0], sizeof image[0], "%s", temp_path(&dir, "v0.bin"));
    snprintf(image[1], sizeof image[1], "%s", temp_path(&dir, "v1.bin"));
    snprintf(efuse, sizeof efuse, "%s", temp_path(&dir, "efuse.json"));
    for (const struct boot_counter_row *row = boot_rows_counter; row->what != NULL; row++) {
        const struct boot_row as_row = {
            .rule = row->what, .slots = 2, .otadata = row->otadata, .after = row->after};
        print_message("%s\n", row->what);
        write_version(image[0], row->version_0);
        write_version(image[1], row->version_1);
        for (int write = 0; write < 2; write++) {
            json_decref(succeed(create(image[0], image[1], row->otadata)));
            unlink(efuse);
            write_counter(efuse, row->counter);
            struct command c = OTARIA("flash", "boot", chip, "--efuse", efuse, "--anti-rollback", "on");
            if (write)
                add(&c, "--write");
            json_t *root = succeed(c);
            json_t *slot = json_object_get(root, "slot");
            assert_string_equal(json_is_null(slot) ? "none" : json_string_value(slot), row->boots);
            assert_true(otadata_matches(&as_row, json_object_get(root, "otadata")));
            assert_int_equal(json_integer_value(json_object_get(root, "secure_version")), row->counter_after);
            assert_int_equal(counter_of(efuse), write ? row->counter_after : row->counter);
            json_decref(root);
        }
        json_t *root = succeed(OTARIA("flash", "boot", chip, "--efuse", efuse, "--anti-rollback", "off"));
        assert_int_equal(json_integer_value(json_object_get(root, "secure_version")), row->counter_after);
        json_decref(root);
    }
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(a_table_is_built_shown_and_checked),
        IN_DIR(what_show_prints_builds_the_same_table_again),
        IN_DIR(bad_tables_are_refused_with_their_cause),
        IN_DIR(usage_errors_end_with_2),
        IN_DIR(help_lists_every_command_and_option),
        IN_DIR(a_flash_is_created_and_shown),
        IN_DIR(creation_is_refused_by_name),
        IN_DIR(boot_writes_only_when_told_to),
        IN_DIR(trust_decides_what_boots),
        IN_DIR(a_key_file_is_trusted_like_its_digest),
        IN_DIR(efuses_decide_what_boots_and_are_raised_by_write_alone),
        IN_DIR(flash_boot_takes_every_decision_of_the_table),
        IN_DIR(flash_boot_does_so_without_rollback),
        IN_DIR(flash_boot_does_so_with_anti_rollback),
        IN_DIR(flash_boot_holds_images_against_the_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
