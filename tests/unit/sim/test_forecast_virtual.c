/*
 * Forecasts beside the rollouts that they are about: the server's whole fleet and its devices under virtual time. What the
 * forecast is given is what a server would know of those devices.
 */
#include "rollout/forecast.h"
#include "virtual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 2000u
#define POLL_S  14400u
#define SOAK_S  50000u

static const char *const rings[] = {"internal", "5%", "20%", "rest"};

static struct virtual_outcome play(const char *life)
{
    char text[2000];
    struct virtual_scenario s;
    struct virtual_options o = {.until_decided = true};
    struct virtual_outcome out;
    struct error err = {""};
    snprintf(
        text, sizeof text,
        "{\"poll_s\": %u, \"days\": 20, \"fleet\": {\"count\": %u, \"seed\": 5, \"hardware\": [{\"hw_rev\": 0, \"share\": 100}]}, \"named\": {\"internal\": 5}%s,"
        "\"plan\": {\"rings\": [\"internal\", \"5%%\", \"20%%\", \"rest\"], \"soak_s\": %u,"
        "\"stale_after_s\": 43200}}",
        POLL_S, DEVICES, life, SOAK_S);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (virtual_scenario_read(root, &s, &err) != 0 || virtual_play(&s, &o, &out, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(root);
    virtual_scenario_fini(&s);
    return out;
}

/* Rings as large as they came out; one device in `away_one_in` (0: none) is away for nine hours of each day. */
static struct forecast_result forecast(const struct virtual_outcome *played, uint32_t away_one_in)
{
    static struct forecast_device devices[DEVICES];
    static const uint32_t attempt_s[] = {60, 300, 600};
    char err[100];
    struct rollout_plan plan = rollout_plan_default();
    struct forecast_result out;
    uint32_t count = 0;
    for (uint32_t k = 0; k < played->ring_count; k++) {
        assert_int_equal(ring_plan_add(&plan.rings, rings[k], err, sizeof err), 0);
        for (uint32_t i = 0; i < played->rings[k].members; i++, count++) {
            devices[count] =
                (struct forecast_device){.ring = (uint8_t)k, .habit = {.gap_ms = POLL_S * 1000u}};
            if (away_one_in != 0 && count % away_one_in == 0)
                devices[count].habit = (struct poll_habit){
                    .gap_ms = POLL_S * 1000u, .away_ppm = 9 * 1000000 / 24, .away_s = 9 * 3600};
        }
    }
    plan.soak_s = SOAK_S;
    struct forecast_input in = {.plan = &plan,
                                .poll_s = POLL_S,
                                .devices = devices,
                                .count = count,
                                .attempt_s = attempt_s,
                                .attempt_count = 3,
                                .seed = 1};
    assert_int_equal(rollout_forecast(&in, &out), 0);
    return out;
}

static void is_within(const char *what, double told, double played, double factor)
{
    if (told > played * factor || played > told * factor)
        fail_msg("%s: forecast %.0f s, played %.0f s", what, told, played);
}

static void compare(const char *life, uint32_t away_one_in)
{
    struct virtual_outcome played = play(life);
    struct forecast_result told = forecast(&played, away_one_in);
    assert_int_equal(played.state, ROLLOUT_FINISHED);
    assert_true(told.finished * 10 >=
                told.runs * 9); /* nine hours and a gap may be silence: the others were held */
    for (uint32_t k = 0; k < played.ring_count; k++)
        is_within(rings[k], (double)told.rings[k].takes.median_s,
                  (double)(played.rings[k].ended_s - played.rings[k].opened_s), 1.2);
    is_within("the rollout", (double)told.takes.median_s, (double)played.ended_s, 1.1);
}

static void devices_that_are_always_there(void **state)
{
    (void)state;
    compare("", 0);
}

static void one_in_twenty_is_away_at_night(void **state)
{
    (void)state;
    compare(", \"life\": {\"away\": {\"share_percent\": 5, \"hours\": 9, \"every_hours\": 24}}", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(devices_that_are_always_there),
                                       cmocka_unit_test(one_in_twenty_is_away_at_night)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
