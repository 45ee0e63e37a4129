/* Named checks: order, retries, deadlines, required and optional. */
#include "agent/self_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct script {
    const char *says; /* one letter a call: r running, p passed, f failed; the last one stays */
    unsigned calls, firsts;
};

static enum ot_self_test_state scripted(void *ctx, bool first)
{
    struct script *s = ctx;
    char c = *s->says;
    s->calls++;
    s->firsts += first;
    if (s->says[1] != '\0')
        s->says++;
    return c == 'p' ? OT_SELF_TEST_PASSED : c == 'f' ? OT_SELF_TEST_FAILED : OT_SELF_TEST_RUNNING;
}

static enum ot_self_test_state run(struct ot_self_test *t, const struct ot_check *checks, uint32_t count,
                                   unsigned steps)
{
    enum ot_self_test_state state = OT_SELF_TEST_RUNNING;
    ot_self_test_start(t, checks, count, 1000);
    for (unsigned i = 0; i < steps && state == OT_SELF_TEST_RUNNING; i++)
        state = ot_self_test_step(t, 1000 + 100 * i);
    return state;
}

static void checks_run_one_after_the_other(void **state)
{
    struct script a = {.says = "rrp"}, b = {.says = "rp"};
    const struct ot_check checks[] = {{.name = "a", .run = scripted, .ctx = &a, .required = true},
                                      {.name = "b", .run = scripted, .ctx = &b, .required = true}};
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, checks, 2, 4), OT_SELF_TEST_RUNNING);
    assert_int_equal(a.calls, 3);
    assert_int_equal(b.calls, 1);
    assert_int_equal(ot_self_test_step(&t, 2000), OT_SELF_TEST_PASSED);
    assert_int_equal(ot_self_test_step(&t, 2000), OT_SELF_TEST_PASSED);
    assert_null(ot_self_test_failed(&t));
}

static void a_required_check_fails_by_name_after_its_retries(void **state)
{
    struct script a = {.says = "p"}, b = {.says = "f"};
    const struct ot_check checks[] = {
        {.name = "a", .run = scripted, .ctx = &a, .required = true},
        {.name = "b", .run = scripted, .ctx = &b, .required = true, .retries = 2}};
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, checks, 2, 50), OT_SELF_TEST_FAILED);
    assert_string_equal(ot_self_test_failed(&t), "b");
    assert_int_equal(b.calls, 3);
    assert_int_equal(b.firsts, 3);
    assert_int_equal(ot_self_test_step(&t, 9000), OT_SELF_TEST_FAILED);
    assert_int_equal(b.calls, 3);
}

static void a_retry_may_pass(void **state)
{
    struct script a = {.says = "ffp"};
    const struct ot_check checks[] = {
        {.name = "a", .run = scripted, .ctx = &a, .required = true, .retries = 2}};
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, checks, 1, 50), OT_SELF_TEST_PASSED);
}

static void an_optional_check_is_noted(void **state)
{
    struct script a = {.says = "f"}, b = {.says = "p"};
    const struct ot_check checks[] = {{.name = "a", .run = scripted, .ctx = &a},
                                      {.name = "b", .run = scripted, .ctx = &b, .required = true}};
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, checks, 2, 50), OT_SELF_TEST_PASSED);
    assert_int_equal(t.optional_failed, 1);
    assert_null(ot_self_test_failed(&t));
}

static void a_deadline_ends_each_try(void **state)
{
    struct script a = {.says = "r"};
    const struct ot_check checks[] = {
        {.name = "a", .run = scripted, .ctx = &a, .required = true, .retries = 1, .deadline_ms = 500}};
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, checks, 1, 100), OT_SELF_TEST_FAILED);
    assert_int_equal(a.firsts, 2);
    assert_int_equal(a.calls,
                     11); /* 0 to 500 ms, then 600 to 1000 ms of the second try, which began at 500 */
}

static void no_checks_pass_and_too_many_do_not(void **state)
{
    static const struct ot_check none[OT_CHECKS_MAX + 1u];
    struct ot_self_test t;
    (void)state;
    assert_int_equal(run(&t, none, 0, 1), OT_SELF_TEST_PASSED);
    assert_int_equal(run(&t, none, OT_CHECKS_MAX + 1u, 1), OT_SELF_TEST_FAILED);
    assert_string_equal(ot_self_test_failed(&t), "too_many_checks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_run_one_after_the_other),
        cmocka_unit_test(a_required_check_fails_by_name_after_its_retries),
        cmocka_unit_test(a_retry_may_pass),
        cmocka_unit_test(an_optional_check_is_noted),
        cmocka_unit_test(a_deadline_ends_each_try),
        cmocka_unit_test(no_checks_pass_and_too_many_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
