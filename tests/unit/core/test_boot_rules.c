/* The table of where the boot decision starts: whole, without contradictions. Its effects are test_boot.c's. */
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool holds(enum ot_boot_when when, bool is)
{
    return when == OT_WHEN_ANY || (when == OT_WHEN_YES) == is;
}

static void every_combination_has_exactly_one_row(void **state)
{
    (void)state;
    for (int finding = 0; finding < OT_FINDINGS; finding++) {
        for (unsigned flags = 0; flags < 4; flags++) {
            bool anti = (flags & 1u) != 0, factory = (flags & 2u) != 0;
            unsigned rows = 0;
            for (unsigned i = 0; i < ot_boot_rule_count; i++) {
                const struct ot_boot_rule *r = &ot_boot_rules[i];
                rows += r->finding == (enum ot_boot_finding)finding && holds(r->anti_rollback, anti) &&
                        holds(r->factory, factory);
            }
            assert_int_equal(rows, 1);
            assert_int_equal(ot_boot_rule_find((enum ot_boot_finding)finding, anti, factory)->finding,
                             finding);
        }
    }
}

static void an_unknown_finding_boots_nothing(void **state)
{
    (void)state;
    assert_int_equal(ot_boot_rule_find(OT_FINDINGS, false, true)->start, OT_START_NOWHERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_combination_has_exactly_one_row),
                                       cmocka_unit_test(an_unknown_finding_boots_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
