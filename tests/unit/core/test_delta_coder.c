/* The coder of patches: its tables are their formulas, and what is coded comes back, in as few bytes as it must. */
#include "otaria/delta/coder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
    uint8_t list[65536];
    uint32_t count;
};

static void emit(void *ctx, uint8_t byte)
{
    struct bytes *b = ctx;
    assert_true(b->count < sizeof b->list);
    b->list[b->count++] = byte;
}

static void start_decoding(struct delta_coder *c, const struct bytes *b)
{
    delta_coder_start(c, NULL, NULL);
    c->in = b->list;
    c->in_len = b->count;
    delta_coder_prime(c);
}

static void test_tables_are_their_formulas(void **state)
{
    (void)state;
    for (int i = 1; i < 128; i++)
        assert_int_equal(delta_stretch_table[i], lround(256 * log(i / (65536.0 - i))));
    for (int i = 0; i < 128; i++) {
        double p = 16.0 * i + 8, q = 256.0 * i + 128;
        assert_int_equal(delta_stretch_table[128 + i], lround(256 * log(p / (65536 - p))));
        assert_int_equal(delta_stretch_table[256 + i], lround(256 * log(q / (65536 - q))));
    }
    for (int i = 0; i < 178; i++)
        assert_int_equal(delta_squash_table[i], lround(fmax(2, 65536 / (1 + exp(i / 16.0)))));
}

static void test_squash_undoes_stretch(void **state)
{
    (void)state;
    for (uint32_t p = 64; p < 65536 - 64; p += 7) {
        double ratio = (double)delta_squash(delta_stretch(p), DELTA_STRETCH_MAX) / p;
        assert_true(ratio > 0.85 && ratio < 1.18);
    }
    assert_int_equal(delta_squash(-100000, DELTA_STRETCH_MAX), 2);
    assert_int_equal(delta_squash(100000, DELTA_STRETCH_MAX), 65534);
}

static void test_bits_come_back(void **state)
{
    static struct bytes out;
    struct delta_coder c;
    (void)state;
    for (unsigned seed = 0; seed < 50; seed++) {
        out.count = 0;
        srand(seed);
        delta_coder_start(&c, emit, &out);
        for (int i = 0; i < 5000; i++) {
            uint32_t p = 1u + (uint32_t)rand() % 65535u;
            delta_code_bit(&c, (unsigned)rand() % 65536u < p, p);
        }
        delta_coder_finish(&c);
        srand(seed);
        start_decoding(&c, &out);
        for (int i = 0; i < 5000; i++) {
            uint32_t p = 1u + (uint32_t)rand() % 65535u;
            assert_int_equal(delta_code_bit(&c, 0, p), (unsigned)rand() % 65536u < p);
        }
        assert_int_equal(c.in_len, 0);
        assert_true(c.missing <= 4);
    }
}

static void test_a_long_run_of_the_expected_costs_nearly_nothing(void **state)
{
    static struct bytes out;
    struct delta_coder c;
    (void)state;
    out.count = 0;
    delta_coder_start(&c, emit, &out);
    for (int i = 0; i < 100000; i++)
        delta_code_bit(&c, 1, 65534);
    delta_coder_finish(&c);
    assert_true(out.count <= 2);
}

static void test_numbers_come_back(void **state)
{
    static const uint32_t values[] = {0, 1, 2, 3, 7, 8, 255, 65535, 1u << 20, (1u << 27) - 2u};
    static struct bytes out;
    struct delta_coder c;
    struct delta_number n;
    (void)state;
    out.count = 0;
    delta_coder_start(&c, emit, &out);
    delta_number_start(&n);
    for (unsigned i = 0; i < 10; i++) {
        delta_code_number(&c, &n, values[i]);
        delta_code_signed(&c, &n, -(int32_t)(values[i] / 2u));
        delta_code_signed(&c, &n, (int32_t)(values[i] / 2u));
    }
    delta_coder_finish(&c);
    start_decoding(&c, &out);
    delta_number_start(&n);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(delta_code_number(&c, &n, 0), values[i]);
        assert_int_equal(delta_code_signed(&c, &n, 0), -(int32_t)(values[i] / 2u));
        assert_int_equal(delta_code_signed(&c, &n, 0), values[i] / 2u);
    }
}

static void test_any_bytes_decode_to_numbers_in_range(void **state)
{
    static struct bytes in;
    struct delta_coder c;
    struct delta_number n;
    (void)state;
    for (unsigned seed = 0; seed < 200; seed++) {
        srand(seed);
        in.count = 512;
        for (uint32_t i = 0; i < in.count; i++)
            in.list[i] = (uint8_t)(seed < 2 ? seed * 255u : (unsigned)rand());
        start_decoding(&c, &in);
        delta_number_start(&n);
        for (int i = 0; i < 100; i++)
            assert_true(delta_code_number(&c, &n, 0) <= (1u << 28) - 2u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_their_formulas),
        cmocka_unit_test(test_squash_undoes_stretch),
        cmocka_unit_test(test_bits_come_back),
        cmocka_unit_test(test_a_long_run_of_the_expected_costs_nearly_nothing),
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_any_bytes_decode_to_numbers_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
