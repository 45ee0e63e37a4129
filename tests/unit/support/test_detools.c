/* The peer's patch decoder against the worked examples of detools, and against everything that is no patch. */
#include "detools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char base[] =
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs.";
static const char target[] =
    "The quick brown cat jumps over the lazy dog. Pack my box with five dozen LIQUOR jugs!!";
#define BASE_BYTES (sizeof base - 1)

#define Z16         "00000000000000000000000000000000"
#define Z54         Z16 Z16 Z16 "000000000000"
#define LIQUOR_JUGS "4c4951554f52206a7567732121"
#define STREAM                                                                                               \
    "00"                                                                                                     \
    "8901" Z16 "fdf2fc" Z54 "0d" LIQUOR_JUGS "0b"
#define HEATSHRINK_HEX                                                                                       \
    "0496014480"                                                                                             \
    "62602111ffdf97f094d61b4ca4d46ab4fa9482d575b3dce4321858"
#define RAW_HEX "009601" STREAM
#define CRLE_HEX                                                                                             \
    "029601"                                                                                                 \
    "0003008901"                                                                                             \
    "011000"                                                                                                 \
    "0003fdf2fc"                                                                                             \
    "013600"                                                                                                 \
    "000f0d" LIQUOR_JUGS "0b"

static const char *const examples[] = {HEATSHRINK_HEX, RAW_HEX, CRLE_HEX};
static const size_t example_bytes[] = {32, 94, 36};

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex != '\0'; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* From memory of exactly that size. */
static const char *apply(const uint8_t *patch, size_t len, uint8_t **out, size_t *out_len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, patch, len);
    const char *why = detools_apply(copy, len, (const uint8_t *)base, BASE_BYTES, out, out_len);
    free(copy);
    return why;
}

static void the_worked_examples_give_the_target(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(examples); i++) {
        uint8_t patch[100], *out;
        size_t len = from_hex(examples[i], patch), out_len;
        assert_int_equal(len, example_bytes[i]);
        assert_null(apply(patch, len, &out, &out_len));
        assert_int_equal(out_len, sizeof target - 1);
        assert_memory_equal(out, target, out_len);
        free(out);
    }
}

static void the_header_example_is_read_and_the_patch_behind_it(void **state)
{
    (void)state;
    uint8_t file[200], digest[32], wanted[32], *out;
    size_t n = from_hex("10decdfc604a071f26720e1027f6b99be3bda6bd8a0c0aedb0137b127abd2bc55bd2bda6", file),
           out_len;
    memset(file + n, 0, 28);
    assert_int_equal(n + 28, DETOOLS_HEADER_BYTES);
    n = DETOOLS_HEADER_BYTES + from_hex(HEATSHRINK_HEX, file + DETOOLS_HEADER_BYTES);
    assert_null(detools_header(file, n, digest));
    from_hex("604a071f26720e1027f6b99be3bda6bd8a0c0aedb0137b127abd2bc55bd2bda6", wanted);
    assert_memory_equal(digest, wanted, 32);
    assert_null(apply(file + DETOOLS_HEADER_BYTES, n - DETOOLS_HEADER_BYTES, &out, &out_len));
    free(out);
    assert_non_null(detools_header(file, DETOOLS_HEADER_BYTES - 1, digest));
    file[63] = 1;
    assert_string_equal(detools_header(file, n, digest), "reserved bytes are set");
    file[0]++;
    assert_string_equal(detools_header(file, n, digest), "not a patch file");
}

static void numbers_are_sign_and_magnitude(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int64_t value;
    } good[] = {{"00", 0},
                {"3f", 63},
                {"40", 0},
                {"41", -1},
                {"8001", 64},
                {"8901", 73},
                {"0b", 11},
                {"9601", 86},
                {"c901", -73},
                {"908619", 205200},
                {"bfffffff0f", 0x7FFFFFFF},
                {"ffffffff0f", -0x7FFFFFFF}};
    static const char *const bad[] = {"", "80", "808080808000", "bfffffff1f", "8080808010"};
    for (size_t i = 0; i < COUNT(good); i++) {
        uint8_t bytes[8];
        int64_t value;
        size_t len = from_hex(good[i].hex, bytes), used;
        assert_null(detools_number(bytes, len, &value, &used));
        assert_int_equal(value, good[i].value);
        assert_int_equal(used, len);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t bytes[8];
        int64_t value;
        size_t used;
        assert_non_null(detools_number(bytes, from_hex(bad[i], bytes), &value, &used));
    }
}

/* dfpatch 0, diff_size 3 as literals, then 16 bits that ask for 3 bytes from a distance of 18 when 2 are there. */
static void the_window_is_zero_in_the_beginning(void **state)
{
    (void)state;
    static const struct {
        unsigned bits, count;
    } tokens[] = {{0x100, 9}, {0x103, 9}, {17u << 7 | 2u, 16}, {0x100, 9}, {0x100, 9}, {0, 4}};
    uint8_t patch[10] = {0x04, 0x03, 0x44}, *out;
    uint64_t word = 0;
    size_t out_len;
    for (size_t i = 0; i < COUNT(tokens); i++)
        word = word << tokens[i].count | tokens[i].bits;
    for (unsigned i = 0; i < 7; i++)
        patch[3 + i] = (uint8_t)(word >> (48 - 8 * i));
    assert_null(apply(patch, sizeof patch, &out, &out_len));
    assert_int_equal(out_len, 3);
    assert_memory_equal(out, base, 3); /* differences of zero */
    free(out);
    patch[9] |= 1; /* padding is zero */
    assert_string_equal(apply(patch, sizeof patch, &out, &out_len), "a token is cut off");
}

static void what_is_no_patch_is_refused_with_its_cause(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *why;
    } cases[] = {
        {"", "the patch ends too early"},
        {"80", "not a sequential patch"},
        {"10", "not a sequential patch"},
        {"0101000100", "unknown compression"},
        {"050100", "unknown compression"},
        {"0041", "impossible target size"},
        {"0081808010", "impossible target size"},
        {"0000", NULL},
        {"000000", "something is left over"},
        {"0400", NULL},
        {"04014580", "not window 8 and lookahead 7"},
        {HEATSHRINK_HEX "00", "a token is cut off"}, /* more than the padding of a byte */
        {"04014480", "a token is cut off"},
        {"0001"
         "01",
         "data format patches are not decoded"},
        {"0001"
         "00"
         "0100"
         "00"
         "00",
         NULL},
        {"0001"
         "00"
         "0100"
         "00"
         "00"
         "00",
         "something is left over"},
        {"0001"
         "00"
         "0100"
         "00",
         "the patch ends too early"}, /* the last adjustment is there too */
        {"0001"
         "00"
         "0200"
         "00"
         "00",
         "a difference goes beyond the target"},
        {"0001"
         "00"
         "41",
         "a difference goes beyond the target"},
        {"0001"
         "00"
         "00"
         "02"
         "0000",
         "an insertion goes beyond the target"},
        {"0001"
         "00"
         "00"
         "01"
         "ff"
         "41",
         "an adjustment goes beyond the base"},
        {"0001"
         "00"
         "00"
         "01"
         "ff"
         "9501",
         NULL}, /* to the very end: 85 */
        {"0001"
         "00"
         "00"
         "01"
         "ff"
         "9601",
         "an adjustment goes beyond the base"}, /* 86 */
        {"0002"
         "00"
         "00"
         "01"
         "ff"
         "9501"
         "0100"
         "00"
         "00",
         "a difference goes beyond the base"},
        {"0001"
         "00"
         "000000"
         "000000"
         "000000"
         "000000"
         "000000"
         "00"
         "01"
         "ff"
         "00",
         NULL},
        {"0201"
         "0106"
         "00"
         "0206"
         "00",
         "unknown kind of segment"},
        {"0201"
         "01ffffffff7f00",
         "too many empty rounds"},
        {"0201"
         "01ffffffffff7f00",
         "a number is too long"},
        {"0201"
         "0003"
         "0000",
         "the patch ends too early"},
        {"0201"
         "0005"
         "0000"
         "01"
         "ff"
         "00"
         "0000"
         "0100"
         "00",
         NULL}, /* empty segments are harmless */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t patch[64], *out;
        size_t out_len;
        const char *why = apply(patch, from_hex(cases[i].hex, patch), &out, &out_len);
        if (cases[i].why == NULL ? why != NULL : why == NULL || strcmp(why, cases[i].why) != 0)
            fail_msg("%s: %s", cases[i].hex, why != NULL ? why : "accepted");
        free(out);
    }
}

static void a_patch_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(examples); i++) {
        uint8_t patch[100], *out;
        size_t len = from_hex(examples[i], patch), out_len;
        for (size_t cut = 0; cut < len; cut++) {
            assert_non_null(apply(patch, cut, &out, &out_len));
            assert_null(out);
        }
    }
}

static void any_changed_byte_gives_a_target_of_the_stated_size_or_a_refusal(void **state)
{
    (void)state;
    unsigned accepted = 0, refused = 0;
    for (size_t i = 0; i < COUNT(examples); i++) {
        uint8_t patch[100], *out;
        size_t len = from_hex(examples[i], patch), out_len, used;
        for (size_t at = 0; at < len; at++) {
            uint8_t keep = patch[at];
            for (int value = 0; value < 256; value++) {
                int64_t stated;
                patch[at] = (uint8_t)value;
                if (apply(patch, len, &out, &out_len) != NULL) {
                    refused++;
                    continue;
                }
                assert_null(detools_number(patch + 1, len - 1, &stated, &used));
                assert_int_equal(out_len, stated);
                free(out);
                accepted++;
            }
            patch[at] = keep;
        }
    }
    print_message("%u changed patches: %u refused, %u give other bytes\n", accepted + refused, refused,
                  accepted);
    assert_true(refused > 1000 && accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_examples_give_the_target),
        cmocka_unit_test(the_header_example_is_read_and_the_patch_behind_it),
        cmocka_unit_test(numbers_are_sign_and_magnitude),
        cmocka_unit_test(the_window_is_zero_in_the_beginning),
        cmocka_unit_test(what_is_no_patch_is_refused_with_its_cause),
        cmocka_unit_test(a_patch_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_changed_byte_gives_a_target_of_the_stated_size_or_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
