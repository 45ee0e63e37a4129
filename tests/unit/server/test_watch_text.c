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
    struct rollout_watch watch = {.counts = {.events = {3, 0},
                                             .control_events = {17, 1000000},
                                             .expected = {0.1, 1e6 / 3}}},
                         got;
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        gate_rates_event(&watch.rates[i % 2], i % 7 == 0, 1.0 / (3 + i));
    char *text = fleet_watch_to_text(&watch);
    assert_int_equal(fleet_watch_from_text(text, &got), 0);
    assert_memory_equal(watch.rates, got.rates, sizeof got.rates);
    assert_memory_equal(watch.counts.events, got.counts.events, sizeof got.counts.events);
    assert_memory_equal(watch.counts.control_events, got.counts.control_events,
                        sizeof got.counts.control_events);
    assert_memory_equal(watch.counts.expected, got.counts.expected, sizeof got.counts.expected);
    free(text);
}

static void a_rollout_of_an_older_server_has_seen_nothing_and_nonsense_is_refused(void **state)
{
    struct rollout_watch got = {.counts = {.events = {1, 1}}};
    (void)state;
    assert_int_equal(fleet_watch_from_text("", &got), 0);
    assert_true(got.counts.events[0] == 0 && rollout_watch_log_e(&got) == 0);
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
