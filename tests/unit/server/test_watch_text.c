/* What a rollout's watch must remember survives the database to the last bit. */
#include "fleet/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_watch_comes_back_as_it_was(void **state)
{
    struct rollout_stratum kinds[3] = {{.name = "a"}}, got_kinds[3] = {{.name = "a"}};
    struct rollout r = {.watch.counts = {.events = {3, 0},
                                         .control_events = {17, 1000000},
                                         .expected = {0.1, 1e6 / 3}},
                        .strata = kinds,
                        .stratum_count = 3},
                   got = {.strata = got_kinds, .stratum_count = 3};
    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        gate_rates_event(&r.watch.rates[i % 2], i % 7 == 0, 1.0 / (3 + i));
        gate_rates_event(&kinds[i % 2 + 1].rates[i % 2], i % 5 == 0, 1.0 / (3 + i));
    }
    char *text = fleet_watch_to_text(&r);
    assert_int_equal(fleet_watch_from_text(text, &got), 0);
    assert_memory_equal(r.watch.rates, got.watch.rates, sizeof got.watch.rates);
    assert_memory_equal(&r.watch.counts, &got.watch.counts, sizeof got.watch.counts);
    for (unsigned s = 0; s < 3; s++)
        assert_memory_equal(kinds[s].rates, got_kinds[s].rates, sizeof kinds[s].rates);
    assert_true(rollout_health_log_e(&r) == rollout_health_log_e(&got));
    got.stratum_count = 2; /* it names a third one */
    assert_int_equal(fleet_watch_from_text(text, &got), -1);
    free(text);
}

static void a_rollout_of_an_older_server_has_seen_nothing_and_nonsense_is_refused(void **state)
{
    struct rollout got = {.watch.counts.events = {1, 1}};
    (void)state;
    assert_int_equal(fleet_watch_from_text("", &got), 0);
    assert_true(got.watch.counts.events[0] == 0 && rollout_health_log_e(&got) == 0);
    assert_int_equal(fleet_watch_from_text("[{}]", &got), -1);
    assert_int_equal(fleet_watch_from_text("nonsense", &got), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_comes_back_as_it_was),
        cmocka_unit_test(a_rollout_of_an_older_server_has_seen_nothing_and_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
