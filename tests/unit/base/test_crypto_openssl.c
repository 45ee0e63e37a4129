/* The OpenSSL adapter of struct ot_crypto: known answers, and refusals of degenerate input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto_openssl.h"

#include <string.h>

static void sha256_of_abc_is_the_known_answer(void **state)
{
    (void)state;
    struct ot_digest d;
    char hex[OT_DIGEST_HEX_BYTES];
    ot_sha256_of(crypto_openssl(), (const uint8_t *)"abc", 3, &d);
    ot_digest_to_hex(&d, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_running_hash_may_be_copied(void **state)
{
    (void)state;
    const struct ot_crypto *c = crypto_openssl();
    struct ot_sha256 a, b;
    struct ot_digest da, db;
    c->sha256_start(c->ctx, &a);
    c->sha256_update(c->ctx, &a, (const uint8_t *)"ab", 2);
    b = a;
    c->sha256_update(c->ctx, &a, (const uint8_t *)"c", 1);
    c->sha256_finish(c->ctx, &a, &da);
    c->sha256_update(c->ctx, &b, (const uint8_t *)"c", 1);
    c->sha256_finish(c->ctx, &b, &db);
    assert_true(ot_digest_equal(&da, &db));
}

static void degenerate_keys_and_signatures_are_refused(void **state)
{
    (void)state;
    const struct ot_crypto *c = crypto_openssl();
    uint8_t n[384], sig[384] = {0}, zero[32] = {0}, x[32], y[32];
    struct ot_digest d = {{0}};
    memset(n, 0xFF, sizeof n);
    memset(x, 1, sizeof x);
    memset(y, 2, sizeof y);
    assert_int_not_equal(c->pss3072_verify(c->ctx, n, 1, &d, sig), OT_OK);
    assert_int_not_equal(c->pss3072_verify(c->ctx, n, 65537, &d, sig), OT_OK);
    assert_int_not_equal(c->p256_verify(c->ctx, x, y, &d, zero, zero), OT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_abc_is_the_known_answer),
        cmocka_unit_test(a_running_hash_may_be_copied),
        cmocka_unit_test(degenerate_keys_and_signatures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
