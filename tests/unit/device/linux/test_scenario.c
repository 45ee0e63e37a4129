/* Scenario files: what is understood, whom a behaviour is for, and the message of everything else. */
#include "temp_dir.h"
#include "vdev/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int read_text(const char *text, struct vdev_scenario *out, struct error *err)
{
    json_t *root = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(root);
    int result = scenario_read(root, NULL, out, err);
    json_decref(root);
    return result;
}

static void an_empty_scenario_is_a_healthy_device(void **state)
{
    (void)state;
    struct vdev_scenario s;
    struct error err;
    struct ot_wire_slot running = {.version = "1.0.0"};
    assert_int_equal(read_text("{}", &s, &err), 0);
    assert_int_equal(s.poll_s, 60);
    assert_int_equal(s.watchdog_s, 9);
    assert_int_equal(s.speed, 1);
    assert_int_equal(scenario_behaviour(&s, &running, 0, NULL, 0)->does, VDEV_HEALTHY);
    scenario_fini(&s);
}

static void every_key_is_taken_over(void **state)
{
    (void)state;
    struct vdev_scenario s;
    struct error err;
    assert_int_equal(
        read_text("{\"poll_s\": 2, \"self_test_s\": 3, \"self_test_deadline_s\": 4, \"watchdog_s\": 5,"
                  " \"speed\": 6, \"attributes\": {\"region\": \"eu\"},"
                  " \"behaviours\": [{\"does\": \"crash_after\", \"after_s\": 30, \"crash\":"
                  " \"00000000deadbeef\"}, {\"does\": \"slow\", \"bytes_per_s\": 7}]}",
                  &s, &err),
        0);
    assert_int_equal(s.poll_s, 2);
    assert_int_equal(s.self_test_s, 3);
    assert_int_equal(s.self_test_deadline_s, 4);
    assert_int_equal(s.watchdog_s, 5);
    assert_int_equal(s.speed, 6);
    assert_string_equal(s.attributes[0].name, "region");
    assert_string_equal(s.attributes[0].value, "eu");
    assert_int_equal(s.behaviour_count, 2);
    assert_int_equal(s.behaviours[0].after_s, 30);
    assert_true(s.behaviours[0].crash_signature == 0xdeadbeefu);
    assert_int_equal(s.behaviours[1].bytes_per_s, 7);
    scenario_fini(&s);
}

static void each_behaviour_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"healthy", "self_test_fails", "crash_at_once", "crash_after",
                                        "hang",    "lose_network",    "slow"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[120];
        struct vdev_scenario s;
        struct error err;
        snprintf(text, sizeof text, "{\"behaviours\": [{\"does\": \"%s\", \"bytes_per_s\": 1}]}", names[i]);
        assert_int_equal(read_text(text, &s, &err), 0);
        assert_int_equal(s.behaviours[0].does, i);
        scenario_fini(&s);
    }
}

#define ALL_ZERO "0000000000000000000000000000000000000000000000000000000000000000"

/* The first that matches counts, and everything given must hold. */
static void a_behaviour_is_for_those_it_names(void **state)
{
    (void)state;
    struct vdev_scenario s;
    struct error err;
    const struct ot_wire_attribute eu[] = {{"link", "wifi"}, {"region", "eu"}}, us[] = {{"region", "us"}};
    struct ot_wire_slot running = {.version = "1.2.0", .release = 120, .digest = {{1}}};
    assert_int_equal(
        read_text(
            "{\"behaviours\": ["
            "{\"match\": {\"version\": \"1.1.0\"}, \"does\": \"hang\"},"
            "{\"match\": {\"release\": 119}, \"does\": \"hang\"},"
            "{\"match\": {\"digest\": \"" ALL_ZERO "\"}, \"does\": \"hang\"},"
            "{\"match\": {\"version\": \"1.2.0\", \"hw_rev\": [2, 63], \"attributes\": {\"region\": \"eu\"}},"
            " \"does\": \"crash_at_once\"},"
            "{\"match\": {\"release\": 120, \"hw_rev\": [2]}, \"does\": \"lose_network\"}]}",
            &s, &err),
        0);
    assert_int_equal(scenario_behaviour(&s, &running, 2, eu, 2)->does, VDEV_CRASH_AT_ONCE);
    assert_int_equal(scenario_behaviour(&s, &running, 63, eu, 2)->does, VDEV_CRASH_AT_ONCE);
    assert_int_equal(scenario_behaviour(&s, &running, 2, us, 1)->does, VDEV_LOSE_NETWORK);
    assert_int_equal(scenario_behaviour(&s, &running, 2, NULL, 0)->does, VDEV_LOSE_NETWORK);
    assert_int_equal(scenario_behaviour(&s, &running, 1, eu, 2)->does, VDEV_HEALTHY);
    memset(&running.digest, 0, sizeof running.digest);
    assert_int_equal(scenario_behaviour(&s, &running, 1, eu, 2)->does, VDEV_HANG);
    scenario_fini(&s);
}

static int64_t told(const struct vdev_scenario *s, const struct vdev_behaviour *b, const char *device,
                    const char *name, uint32_t count)
{
    struct ot_wire_metric list[OT_WIRE_METRICS_MAX] = {0};
    assert_int_equal(scenario_metrics(s, b, device, list), count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0)
            return list[i].value;
    }
    return INT64_MIN;
}

static void a_behaviour_has_metrics_of_its_own(void **state)
{
    (void)state;
    struct vdev_scenario s;
    struct error err;
    assert_int_equal(read_text("{\"metrics\": {\"heap_floor\": 41000, \"rssi_dbm\": -67}, \"behaviours\":"
                               " [{\"metrics\": {\"heap_floor\": -1, \"boot_ms\": 900}}]}",
                               &s, &err),
                     0);
    assert_int_equal(told(&s, NULL, "a", "heap_floor", 2), 41000);
    assert_int_equal(told(&s, NULL, "a", "rssi_dbm", 2), -67);
    assert_int_equal(told(&s, &s.behaviours[0], "a", "heap_floor", 3), -1);
    assert_int_equal(told(&s, &s.behaviours[0], "a", "rssi_dbm", 3), -67);
    assert_int_equal(told(&s, &s.behaviours[0], "a", "boot_ms", 3), 900);
    scenario_fini(&s);
}

/* Each device has its place in the spread, and keeps it; the fleet fills it. */
static void metrics_spread_over_the_fleet(void **state)
{
    (void)state;
    struct vdev_scenario s;
    struct error err;
    int64_t low = INT64_MAX, high = INT64_MIN, sum = 0;
    assert_int_equal(
        read_text("{\"metrics\": {\"boot_ms\": {\"value\": 900, \"spread\": 100}, \"x\": {\"value\": -5}}}",
                  &s, &err),
        0);
    for (int i = 0; i < 1000; i++) {
        char device[20];
        snprintf(device, sizeof device, "lamp-%04d", i);
        int64_t v = told(&s, NULL, device, "boot_ms", 2);
        assert_int_equal(told(&s, NULL, device, "boot_ms", 2), v);
        assert_int_equal(told(&s, NULL, device, "x", 2), -5);
        low = v < low ? v : low;
        high = v > high ? v : high;
        sum += v;
    }
    assert_true(low >= 800 && low < 805 && high <= 1000 && high > 995);
    assert_true(sum > 892000 && sum < 908000); /* a standard error is 1.8 for each */
    scenario_fini(&s);
}

static const struct {
    const char *text, *message;
} refused[] = {
    {"{\"metrics\": []}", "metrics: an object of at most 8"},
    {"{\"metrics\": {\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}}",
     "metrics: an object of at most 8"},
    {"{\"metrics\": {\"Heap\": 1}}", "metrics: Heap: a name"},
    {"{\"metrics\": {\"heap\": 1.5}}", "metrics: a whole number"},
    {"{\"metrics\": {\"heap\": \"1\"}}", "metrics: a whole number"},
    {"{\"metrics\": {\"heap\": 9007199254740992}}", "metrics: a whole number"},
    {"{\"metrics\": {\"heap\": {\"spread\": 1}}}", "metrics: value is missing"},
    {"{\"metrics\": {\"heap\": {\"value\": 1, \"spread\": -1}}}", "metrics: a whole number"},
    {"{\"metrics\": {\"heap\": {\"value\": 1, \"spread\": 9007199254740991}}}",
     "value and spread are too large"},
    {"{\"metrics\": {\"heap\": {\"value\": 1, \"mean\": 1}}}", "metrics: unknown key mean"},
    {"{\"behaviours\": [{\"metrics\": {\"Heap\": 1}}]}", "behaviours.metrics: Heap"},
    {"[]", "a JSON object"},
    {"{\"colour\": 1}", "unknown key colour"},
    {"{\"fleet\": {}}", "unknown key fleet"}, /* nobody here takes it */
    {"{\"poll_s\": -1}", "poll_s: a whole number from 0 to 86400"},
    {"{\"poll_s\": 86401}", "poll_s: a whole number"},
    {"{\"poll_s\": \"2\"}", "poll_s: a whole number"},
    {"{\"speed\": 1.5}", "speed: a whole number"},
    {"{\"attributes\": []}", "attributes: an object of strings"},
    {"{\"attributes\": {\"region\": 1}}", "attributes: at most"},
    {"{\"attributes\": {\"Region\": \"eu\"}}", "attributes: Region"},
    {"{\"attributes\": {\"region\": \"e\\nu\"}}", "attributes: region"},
    {"{\"attributes\": {\"region\": \"\"}}", "attributes: region"},
    {"{\"attributes\": {\"a123456789b123456789c123456789d123456789e12345678\": \"x\"}}",
     "attributes: at most"},
    {"{\"behaviours\": {}}", "behaviours: a list"},
    {"{\"behaviours\": [1]}", "behaviours: a list of objects"},
    {"{\"behaviours\": [{\"does\": \"explode\"}]}", "behaviours.does: explode is not known"},
    {"{\"behaviours\": [{\"does\": 1}]}", "behaviours.does: that is not known"},
    {"{\"behaviours\": [{\"when\": 1}]}", "behaviours: unknown key when"},
    {"{\"behaviours\": [{\"after_s\": -1}]}", "behaviours.after_s"},
    {"{\"behaviours\": [{\"bytes_per_s\": true}]}", "behaviours.bytes_per_s"},
    {"{\"behaviours\": [{\"does\": \"slow\"}]}", "slow needs bytes_per_s"},
    {"{\"behaviours\": [{\"crash\": \"12\"}]}", "behaviours.crash: 16 hex digits"},
    {"{\"behaviours\": [{\"crash\": \"12zzzzzzzzzzzzzz\"}]}", "behaviours.crash: 16 hex digits"},
    {"{\"behaviours\": [{\"crash\": \"0x000000deadbeef\"}]}", "behaviours.crash: 16 hex digits"},
    {"{\"behaviours\": [{\"crash\": 5}]}", "behaviours.crash: 16 hex digits"},
    {"{\"behaviours\": [{\"match\": []}]}", "behaviours.match: an object"},
    {"{\"behaviours\": [{\"match\": {\"colour\": 1}}]}", "behaviours.match: unknown or malformed key colour"},
    {"{\"behaviours\": [{\"match\": {\"version\": \"\"}}]}", "malformed key version"},
    {"{\"behaviours\": [{\"match\": {\"digest\": \"abcd\"}}]}", "malformed key digest"},
    {"{\"behaviours\": [{\"match\": {\"release\": 4294967296}}]}", "behaviours.match.release"},
    {"{\"behaviours\": [{\"match\": {\"hw_rev\": 2}}]}", "behaviours.match.hw_rev: a list"},
    {"{\"behaviours\": [{\"match\": {\"hw_rev\": [64]}}]}",
     "behaviours.match.hw_rev: a whole number from 0 to 63"},
    {"{\"behaviours\": [{\"match\": {\"attributes\": {\"region\": \"\\u001b\"}}}]}",
     "behaviours.match.attributes"},
};

static void bad_scenarios_are_refused_with_the_field_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct vdev_scenario s;
        struct error err = {""};
        if (read_text(refused[i].text, &s, &err) == 0 || strstr(err.text, refused[i].message) == NULL)
            fail_msg("%s: %s", refused[i].text, err.text);
        scenario_fini(&s);
    }
}

static void more_attributes_than_a_device_can_have_are_refused(void **state)
{
    (void)state;
    char text[2000] = "{\"attributes\": {";
    struct vdev_scenario s;
    struct error err;
    for (unsigned i = 0; i <= OT_WIRE_ATTRIBUTES_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"a%u\": \"x\"", i > 0 ? "," : "", i);
    strcat(text, "}}");
    assert_int_equal(read_text(text, &s, &err), -1);
    assert_non_null(strstr(err.text, "attributes: at most"));
    scenario_fini(&s);
}

static void a_file_is_named_with_its_line(void **state)
{
    (void)state;
    struct temp_dir dir;
    struct vdev_scenario s;
    struct error err;
    temp_dir_make(&dir);
    const char *path = temp_path(&dir, "scenario.json");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\n\"poll_s\": 1,\n\"poll_s\": 2}\n", f);
    fclose(f);
    assert_int_equal(scenario_load(path, &s, &err), -1);
    assert_non_null(strstr(err.text, "scenario.json: line 3: duplicate"));
    scenario_fini(&s);
    assert_int_equal(scenario_load(temp_path(&dir, "none.json"), &s, &err), -1);
    assert_non_null(strstr(err.text, "none.json"));
    scenario_fini(&s);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"poll_s\": 1, \"fleet\": {\"anything\": 1}}", f);
    fclose(f);
    assert_int_equal(scenario_load(path, &s, &err), 0); /* a fleet's scenario serves for one device */
    scenario_fini(&s);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_scenario_is_a_healthy_device),
        cmocka_unit_test(every_key_is_taken_over),
        cmocka_unit_test(each_behaviour_has_its_name),
        cmocka_unit_test(a_behaviour_is_for_those_it_names),
        cmocka_unit_test(a_behaviour_has_metrics_of_its_own),
        cmocka_unit_test(metrics_spread_over_the_fleet),
        cmocka_unit_test(more_attributes_than_a_device_can_have_are_refused),
        cmocka_unit_test(bad_scenarios_are_refused_with_the_field_named),
        cmocka_unit_test(more_attributes_than_a_device_can_have_are_refused),
        cmocka_unit_test(a_file_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
