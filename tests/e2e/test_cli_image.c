/*
 * The key and image commands as a person types them: keys of both schemes, signing up to three times, verification by
 * every way to name a key, and each refusal with its cause.
 */
#include "base/file.h"
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct temp_dir dir;
static char rsa[PATH_MAX], ec[PATH_MAX], ec_2[PATH_MAX], ec_3[PATH_MAX];
static char rsa_hex[65], ec_hex[65], ec_2_hex[65], ec_3_hex[65];
static char image[PATH_MAX], out[PATH_MAX], out_2[PATH_MAX];

static void write_file(const char *path, const void *bytes, size_t len)
{
    struct error err = {0};
    if (file_write_atomic(path, bytes, len, 0600, &err) != 0)
        fail_msg("%s", err.text);
}

static void generate(const char *scheme, const char *name, char path[PATH_MAX], char hex[65])
{
    snprintf(path, PATH_MAX, "%s", temp_path(&dir, name));
    json_t *root = succeed(OTARIA("key", "generate", "--scheme", scheme, "--out", path));
    snprintf(hex, 65, "%s", text_of(root, "digest"));
    json_decref(root);
}

/* Keys are made once: RSA takes a while. */
static int make_keys(void **state)
{
    (void)state;
    struct ot_descriptor d = {.release = 7, .floor = 5, .hardware_revisions = 5};
    struct image_spec spec = {
        .chip_id = 5, .project = "lamp", .version = "1.2.0", .descriptor = &d, .size = 9000};
    uint32_t size;
    uint8_t *bytes = image_make(&spec, &size);
    temp_dir_make(&dir);
    generate("rsa3072", "rsa.pem", rsa, rsa_hex);
    generate("ecdsa256", "ec.pem", ec, ec_hex);
    generate("ecdsa256", "ec2.pem", ec_2, ec_2_hex);
    generate("ecdsa256", "ec3.pem", ec_3, ec_3_hex);
    snprintf(image, sizeof image, "%s", temp_path(&dir, "image.bin"));
    snprintf(out, sizeof out, "%s", temp_path(&dir, "out.bin"));
    snprintf(out_2, sizeof out_2, "%s", temp_path(&dir, "out2.bin"));
    write_file(image, bytes, size);
    free(bytes);
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

static int remove_output(void **state)
{
    (void)state;
    unlink(out);
    unlink(out_2);
    return 0;
}

/* --- keys --- */

static void a_key_is_private_and_never_replaced(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(ec, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fails(OTARIA("key", "generate", "--scheme", "ecdsa256", "--out", ec), 1, "File exists");
    fails(OTARIA("key", "generate", "--scheme", "rsa2048", "--out", out), 1, "rsa3072 or ecdsa256");
    fails(OTARIA("key", "generate", "--scheme", "ecdsa256"), 2, "--out");
}

static void expect_digest(const char *key, const char *hex)
{
    json_t *root = succeed(OTARIA("key", "digest", key));
    assert_string_equal(text_of(root, "digest"), hex);
    json_decref(root);
}

static void a_key_has_one_digest_however_it_is_named(void **state)
{
    (void)state;
    const char *pub = temp_path(&dir, "pub.pem");
    char command[3 * PATH_MAX];
    expect_digest(rsa, rsa_hex);
    expect_digest(ec, ec_hex);
    expect_digest(ec_hex, ec_hex);
    snprintf(command, sizeof command, "openssl pkey -in '%s' -pubout -out '%s' 2>/dev/null", rsa, pub);
    if (system(command) != 0) {
        print_message("skipped: no openssl program to make a public PEM\n");
        return;
    }
    expect_digest(pub, rsa_hex);
    fails(OTARIA("image", "sign", image, "--key", pub, "--out", out), 1, "not a private key");
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    fails(OTARIA("key", "digest", image), 1, "not a private or public key");
    fails(OTARIA("key", "digest", "/nonexistent"), 1, "/nonexistent");
    fails(OTARIA("key", "digest", "pkcs11:token=x"), 1, "PKCS#11");
}

/* --- signing and verifying --- */

static void expect_accepted(const char *file, const char *trust, const char *key_hex, int block)
{
    json_t *root = succeed(OTARIA("image", "verify", file, "--trust", trust));
    assert_true(json_is_true(json_object_get(root, "accepted")));
    assert_string_equal(text_of(root, "key"), key_hex);
    assert_int_equal(json_integer_value(json_object_get(root, "block")), block);
    json_decref(root);
}

static void an_image_is_signed_by_either_scheme_and_verified(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "sign", image, "--key", rsa, "--out", out)));
    expect_accepted(out, rsa, rsa_hex, 0);
    expect_accepted(out, rsa_hex, rsa_hex, 0);
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, "--out", out)));
    expect_accepted(out, ec, ec_hex, 0);
}

static void up_to_three_keys_sign_together_or_one_after_the_other(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, ec_2, "--out", out)));
    json_decref(succeed(OTARIA("image", "sign", out, "--key", ec_3, "--out", out_2)));
    expect_accepted(out_2, ec, ec_hex, 0);
    expect_accepted(out_2, ec_2, ec_2_hex, 1);
    expect_accepted(out_2, ec_3, ec_3_hex, 2);
    fails(OTARIA("image", "sign", out_2, "--key", rsa, "--out", out), 1, "three blocks");
    fails(OTARIA("image", "sign", out, "--key", ec, "--out", out_2), 1, "by this key already");
    fails(OTARIA("image", "sign", image, "--key", ec, ec, "--out", out_2), 1, "by this key already");
    fails(OTARIA("image", "sign", image, "--out", out_2), 2, "--key");
}

static void refusals_name_the_reason(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, "--out", out)));
    fails(OTARIA("image", "verify", image, "--trust", ec), 1, "no signature sector");
    fails(OTARIA("image", "verify", out, "--trust", ec_2), 1, "not trusted here");
    fails(OTARIA("image", "verify", out, "--trust", ec, ec_2, "--revoked", ec_hex), 1, "revoked");
    fails(OTARIA("image", "verify", out), 2, "--trust");
    fails(OTARIA("image", "verify", "/nonexistent", "--trust", ec), 1, "/nonexistent");
}

/* Changes one byte of `out`, or cuts it, and expects a refusal. */
static void damaged(long at, long cut_to, const char *message)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct error err = {0};
    assert_int_equal(file_read(out, 1 << 20, &bytes, &len, &err), 0);
    if (at >= 0)
        bytes[at] ^= 0x04;
    write_file(out_2, bytes, cut_to > 0 ? (size_t)cut_to : len);
    free(bytes);
    fails(OTARIA("image", "verify", out_2, "--trust", ec), 1, message);
}

static void damage_is_refused_with_its_cause(void **state)
{
    (void)state;
    struct stat st;
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, "--out", out)));
    assert_int_equal(stat(out, &st), 0);
    long sector = st.st_size - OT_SIG_SECTOR_BYTES;
    damaged(0, 0, "first byte");
    damaged(4000, 0, "checksum");
    damaged(0x120 + 20, 0, "checksum");
    damaged(sector - 1, 0, "padding");
    damaged(sector + 110, 0, "CRC");
    damaged(-1, sector + 100, "ends before");
    damaged(-1, 5000, "ends before");
}

static void one_image_has_one_digest_signed_or_not(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, "--out", out)));
    json_t *plain = succeed(OTARIA("image", "info", image)),
           *signed_one = succeed(OTARIA("image", "info", out));
    assert_string_equal(text_of(plain, "digest"), text_of(signed_one, "digest"));
    assert_true(json_is_false(json_object_get(plain, "signed")));
    assert_true(json_is_true(json_object_get(signed_one, "signed")));
    assert_string_equal(text_of(plain, "project"), "lamp");
    assert_string_equal(text_of(plain, "version"), "1.2.0");
    assert_string_equal(text_of(plain, "chip"), "esp32c3");
    json_t *d = json_object_get(plain, "descriptor");
    assert_int_equal(json_integer_value(json_object_get(d, "release")), 7);
    assert_int_equal(json_integer_value(json_object_get(d, "floor")), 5);
    json_t *signature = json_array_get(json_object_get(signed_one, "signatures"), 0);
    assert_string_equal(text_of(signature, "key"), ec_hex);
    assert_string_equal(text_of(signature, "status"), "ok");
    json_decref(plain);
    json_decref(signed_one);
}

static void an_image_signed_elsewhere_is_believed_alike(void **state)
{
    (void)state;
    struct sign_key *key = sign_key_make(OT_SCHEME_RSA3072);
    struct ot_digest digest;
    char hex[OT_DIGEST_HEX_BYTES];
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint32_t signed_len;
    struct error err = {0};
    assert_int_equal(file_read(image, 1 << 20, &bytes, &len, &err), 0);
    uint8_t *file = sign_file(bytes, (uint32_t)len, &key, 1, &signed_len);
    write_file(out, file, signed_len);
    sign_key_digest(key, &digest);
    ot_digest_to_hex(&digest, hex);
    expect_accepted(out, hex, hex, 0);
    sign_key_free(key);
    free(file);
    free(bytes);
}

/* --- placeholder images and descriptors --- */

static void a_placeholder_image_is_made_signed_and_believed(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "make", "--chip", "esp32s3", "--project", "lamp", "--version",
                               "2.0.0", "--release", "9", "--hw-rev", "0,2", "--size", "20000", "--trust-key",
                               ec, "--out", out)));
    json_t *root = succeed(OTARIA("image", "info", out));
    assert_string_equal(text_of(root, "chip"), "esp32s3");
    json_t *d = json_object_get(root, "descriptor");
    assert_int_equal(json_array_size(json_object_get(d, "hw_revs")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "keys"), 0)), ec_hex);
    json_decref(root);
    json_decref(succeed(OTARIA("image", "sign", out, "--key", ec, "--out", out_2)));
    expect_accepted(out_2, ec, ec_hex, 0);
}

static void a_descriptor_is_written_into_the_place_it_has(void **state)
{
    (void)state;
    json_decref(succeed(OTARIA("image", "describe", image, "--release", "8", "--hw-rev", "1", "--out", out)));
    json_t *root = succeed(OTARIA("image", "info", out));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "descriptor"), "release")), 8);
    json_decref(root);
    json_decref(succeed(OTARIA("image", "sign", image, "--key", ec, "--out", out)));
    fails(OTARIA("image", "describe", out, "--release", "8", "--hw-rev", "1", "--out", out_2), 1, "out.bin");
    assert_int_equal(access(out_2, F_OK), -1);
}

#define T(test) cmocka_unit_test_teardown(test, remove_output)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_key_is_private_and_never_replaced),
        T(a_key_has_one_digest_however_it_is_named),
        T(what_is_no_key_is_refused),
        T(an_image_is_signed_by_either_scheme_and_verified),
        T(up_to_three_keys_sign_together_or_one_after_the_other),
        T(refusals_name_the_reason),
        T(damage_is_refused_with_its_cause),
        T(one_image_has_one_digest_signed_or_not),
        T(an_image_signed_elsewhere_is_believed_alike),
        T(a_placeholder_image_is_made_signed_and_believed),
        T(a_descriptor_is_written_into_the_place_it_has),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
