/* eFuses: read strictly, written whole, and never cleared. */
#include "base/efuse_file.h"
#include "base/file.h"
#include "base/flash_layout.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct temp_dir dir;

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static struct efuses burned(void)
{
    struct efuses f = {
        .has_chip = true, .chip_id = 5, .mac = {0x24, 0x0A, 0xC4, 0, 0, 1}, .secure_boot = true};
    f.secure_version = 3;
    f.has_digest[0] = f.has_digest[1] = true;
    memset(&f.digest[0], 0xAA, sizeof f.digest[0]);
    memset(&f.digest[1], 0xBB, sizeof f.digest[1]);
    f.revoked[1] = true;
    return f;
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct error err = {0};
    struct efuses f = burned(), back;
    assert_int_equal(efuse_file_save(temp_path(&dir, "f"), &f, &err), 0);
    assert_int_equal(efuse_file_load(temp_path(&dir, "f"), &back, &err), 0);
    assert_true(back.has_chip && back.secure_boot && back.has_digest[0] && back.has_digest[1]);
    assert_false(back.has_digest[2]);
    assert_int_equal(back.chip_id, 5);
    assert_int_equal(back.secure_version, 3);
    assert_memory_equal(back.mac, f.mac, sizeof f.mac);
    assert_memory_equal(&back.digest[1], &f.digest[1], sizeof f.digest[1]);
    assert_true(back.revoked[1] && !back.revoked[0] && !back.revoked[2]);
}

static void bits_are_only_ever_set(void **state)
{
    (void)state;
    struct error err = {0};
    const char *path = temp_path(&dir, "f");
    struct efuses f = burned(), less;
    assert_int_equal(efuse_file_save(path, &f, &err), 0);
    less = f;
    less.secure_version = 2;
    assert_int_equal(efuse_file_save(path, &less, &err), -1);
    assert_non_null(strstr(err.text, "cannot be cleared"));
    less = f;
    less.secure_boot = false;
    assert_int_equal(efuse_file_save(path, &less, &err), -1);
    less = f;
    less.revoked[1] = false;
    assert_int_equal(efuse_file_save(path, &less, &err), -1);
    less = f;
    less.has_digest[0] = false;
    assert_int_equal(efuse_file_save(path, &less, &err), -1);
    less = f;
    less.digest[0].bytes[0] ^= 1;
    assert_int_equal(efuse_file_save(path, &less, &err), -1);
}

static void new_bits_may_be_set(void **state)
{
    (void)state;
    struct error err = {0};
    const char *path = temp_path(&dir, "f");
    struct efuses f = burned(), back;
    assert_int_equal(efuse_file_save(path, &f, &err), 0);
    f.secure_version = 4;
    f.revoked[0] = true;
    f.has_digest[2] = true;
    memset(&f.digest[2], 0xCC, sizeof f.digest[2]);
    assert_int_equal(efuse_file_save(path, &f, &err), 0);
    assert_int_equal(efuse_file_load(path, &back, &err), 0);
    assert_true(back.has_digest[2] && back.revoked[0]);
    assert_int_equal(back.secure_version, 4);
}

static int load_text(const char *text, struct error *err)
{
    struct efuses f;
    const char *path = temp_path(&dir, "text");
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, err), 0);
    return efuse_file_load(path, &f, err);
}

static void malformed_files_are_refused_with_the_field_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *names;
    } cases[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{\"chip\":\"esp99\"}", "chip"},
        {"{\"mac\":\"24:0a:c4:00:00\"}", "mac"},
        {"{\"mac\":\"24:0a:c4:00:00:zz\"}", "mac"},
        {"{\"secure_boot\":1}", "secure_boot"},
        {"{\"secure_version\":-1}", "secure_version"},
        {"{\"secure_version\":33}", "secure_version"},
        {"{\"digests\":[\"aa\"]}", "digests"},
        {"{\"digests\":[null,null,null,null]}", "digests"},
        {"{\"revoked\":[1]}", "revoked"},
        {"{\"revokd\":[]}", "revokd"},
        {"{\"secure_boot\":true,\"secure_boot\":false}", "not a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        assert_int_equal(load_text(cases[i].text, &err), -1);
        if (strstr(err.text, cases[i].names) == NULL)
            print_error("%s: %s\n", cases[i].text, err.text);
        assert_non_null(strstr(err.text, cases[i].names));
    }
}

static void absent_fields_are_bits_not_burned(void **state)
{
    (void)state;
    struct error err = {0};
    struct efuses f;
    assert_int_equal(load_text("{}", &err), 0);
    assert_int_equal(efuse_file_load(temp_path(&dir, "text"), &f, &err), 0);
    assert_false(f.has_chip || f.secure_boot || f.has_digest[0] || f.revoked[0]);
}

static void a_random_mac_is_local_and_unicast(void **state)
{
    (void)state;
    struct efuses a, b;
    struct error err = {0};
    assert_int_equal(efuses_random(&a, &err), 0);
    assert_int_equal(efuses_random(&b, &err), 0);
    assert_int_equal(a.mac[0] & 3, 2);
    assert_memory_not_equal(a.mac, b.mac, sizeof a.mac);
}

static void burned_keys_are_a_trust_set_with_their_revocations(void **state)
{
    (void)state;
    struct efuses f = burned();
    struct efuse_keys mem;
    struct ot_trust_set set = efuses_trust(&f, &mem);
    assert_int_equal(set.key_count, 2);
    assert_int_equal(set.revoked_count, 1);
    assert_memory_equal(&set.revoked[0], &f.digest[1], sizeof f.digest[1]);
    assert_int_equal(set.key_bytes, 32);
    f.chip_id = 0x0C; /* ESP32-C2 keeps half a digest */
    set = efuses_trust(&f, &mem);
    assert_int_equal(set.key_bytes, 16);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(what_is_saved_is_loaded),
        IN_DIR(bits_are_only_ever_set),
        IN_DIR(new_bits_may_be_set),
        IN_DIR(malformed_files_are_refused_with_the_field_named),
        IN_DIR(absent_fields_are_bits_not_burned),
        cmocka_unit_test(a_random_mac_is_local_and_unicast),
        cmocka_unit_test(burned_keys_are_a_trust_set_with_their_revocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
