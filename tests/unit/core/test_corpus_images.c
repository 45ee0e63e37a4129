/* Real firmware of nine projects parses, hashes to its appended digest, and only whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"

#include "base/crypto_openssl.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ot_image_limits no_limits;

static enum ot_status hash_of(const uint8_t *bytes, uint32_t size, struct ot_image *image,
                              struct ot_image_digests *digests)
{
    static uint8_t scratch[65536];
    struct ot_memory memory = {bytes, size};
    struct ot_source src = ot_source_from_memory(&memory);
    enum ot_status st = ot_image_parse(&src, &no_limits, image);
    return st != OT_OK ? st : ot_image_hash(&src, image, crypto_openssl(), scratch, sizeof scratch, digests);
}

static void judge_file(const char *path)
{
    struct ot_image image;
    struct ot_image_digests d;
    struct ot_descriptor descriptor;
    uint32_t size = 0;
    bool is_signed = true;
    uint8_t *bytes = read_whole_file(path, &size);
    assert_non_null(bytes);
    enum ot_status st = hash_of(bytes, size, &image, &d);
    if (st != OT_OK)
        printf("%s: %s\n", path, ot_status_text(st));
    assert_int_equal(st, OT_OK);
    assert_non_null(ot_chip_by_id(image.chip_id));
    assert_true(image.length <= size);
    assert_memory_equal(d.identity.bytes, bytes + image.digest_offset, 32);

    struct ot_memory memory = {bytes, image.length};
    struct ot_source src = ot_source_from_memory(&memory);
    assert_int_equal(ot_image_file_shape(&src, &image, &is_signed), OT_OK);
    assert_false(is_signed);
    assert_int_equal(ot_descriptor_read(&src, &descriptor), OT_E_DESC_MISSING);

    bytes[image.length / 2] ^= 0x40;
    assert_int_not_equal(hash_of(bytes, size, &image, &d), OT_OK);
    bytes[image.length / 2] ^= 0x40;
    assert_int_not_equal(hash_of(bytes, image.length - 1, &image, &d), OT_OK);
    free(bytes);
}

static void every_corpus_image_hashes_to_its_appended_digest(void **state)
{
    (void)state;
    char pattern[1024];
    glob_t found;
    const char *dir = corpus_dir();
    if (dir == NULL)
        skip();
    (void)snprintf(pattern, sizeof pattern, "%s/*/*/*.bin", dir);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 30);
    for (size_t i = 0; i < found.gl_pathc; i++)
        judge_file(found.gl_pathv[i]);
    printf("%zu images\n", found.gl_pathc);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_corpus_image_hashes_to_its_appended_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
