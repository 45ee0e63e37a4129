/* The check-in: its golden message, every refusal, and that the largest one still gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_support.h"

#include "otaria/otadata.h"
#include "otaria/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ot_wire_check_in got;

static enum ot_status read_it(const char *json, size_t len, size_t *error_at)
{
    return ot_wire_check_in_read(json, len, &got, error_at);
}

static void the_golden_message_reads_as_documented(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("check-in", &len);
    assert_int_equal(read_it(text, len, NULL), OT_OK);
    assert_string_equal(got.device, "lamp-0001");
    assert_int_equal(got.chip_id, 5);
    assert_int_equal(got.hardware_revision, 2);
    assert_int_equal(got.slot_bytes, 1966080);
    assert_int_equal(got.bootloader, OT_BOOTLOADER_ROLLBACK);
    assert_int_equal(got.patch_profile, 1);
    assert_int_equal(got.compressed_profile, 1);
    assert_true(got.running.present && got.other.present);
    assert_int_equal(got.running.slot, OT_SLOT_OTA_0);
    assert_int_equal(got.running.release, 5);
    assert_string_equal(got.running.version, "1.0.0");
    assert_int_equal(got.running.state, OT_OTA_VALID);
    assert_int_equal(got.other.slot, OT_SLOT_OTA_0 + 1);
    assert_string_equal(got.other.version, "");
    assert_int_equal(got.other.state, OT_OTA_ABORTED);
    assert_int_equal(got.key_count, 1);
    assert_int_equal(got.keys[0].bytes[0], 0xa8);
    assert_int_equal(got.revoked_count, 0);
    assert_int_equal(got.health.boots, 12);
    assert_int_equal(got.health.link_losses, 3);
    assert_int_equal(got.health.uptime_s, 86400);
    assert_int_equal(got.health.last_reset, OT_RESET_SOFTWARE);
    assert_int_equal(got.ask, OT_ASK_OFFER);
    assert_string_equal(got.attempt, "a-17");
    assert_int_equal(got.event_count, 1);
    assert_int_equal(got.events[0].seq, 9);
    assert_int_equal(got.events[0].kind, OT_EVENT_CONFIRMED);
    assert_int_equal(got.events[0].reason, OT_OK);
    assert_int_equal(got.events[0].way, OT_WAY_FULL);
    assert_int_equal(got.events[0].bytes, 1203024);
    assert_string_equal(got.attributes[0].name, "region");
    assert_string_equal(got.attributes[0].value, "eu");
    assert_int_equal(got.metric_count, 3);
    assert_string_equal(got.metrics[0].name, "heap_floor");
    assert_int_equal(got.metrics[0].value, 41216);
    assert_string_equal(got.metrics[2].name, "rssi_dbm");
    assert_int_equal(got.metrics[2].value, -67);
    free(text);
}

static void writing_gives_the_bytes_that_were_read(void **state)
{
    (void)state;
    size_t len, again;
    char *text = wire_golden("check-in", &len), out[OT_WIRE_MESSAGE_MAX];
    assert_int_equal(read_it(text, len, NULL), OT_OK);
    assert_int_equal(ot_wire_check_in_write(&got, out, sizeof out, &again), OT_OK);
    assert_int_equal(again, len);
    assert_memory_equal(out, text, len);
    free(text);
}

static void every_field_is_judged(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("check-in", &len);
    assert_int_equal(
        wire_field_faults(
            text, read_it,
            " patch_profile compressed_profile other attempt events attributes attributes.region metrics"
            " metrics.heap_floor metrics.boot_ms metrics.rssi_dbm "),
        0);
    free(text);
}

static void a_message_is_whole_or_refused(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("check-in", &len);
    assert_int_equal(wire_shape_faults(text, read_it), 0);
    free(text);
}

#define DIGEST "\"a8babd75cc83f556aa0f96fe6b1227b221e16aa93b1759c813eaad625b7c0815\""

static void values_have_their_bounds_and_names(void **state)
{
    (void)state;
    static const struct wire_edit_case cases[] = {
        {"\"v\":1", "\"v\":2", OT_E_WIRE_VERSION},
        {"\"v\":1", "\"v\":0", OT_E_WIRE_VERSION},
        {"lamp-0001", "", OT_E_WIRE_TEXT},
        {"lamp-0001", "lamp 1", OT_E_WIRE_TEXT},
        {"lamp-0001", "a.B_c:9-", OT_OK},
        {"esp32c3", "esp32c9", OT_E_WIRE_TEXT},
        {"esp32c3", "esp32\\u00633", OT_OK}, /* an escape is the character */
        {"\"hw_rev\":2", "\"hw_rev\":63", OT_OK},
        {"\"hw_rev\":2", "\"hw_rev\":64", OT_E_WIRE_RANGE},
        {"1966080", "4294967295", OT_OK},
        {"1966080", "4294967296", OT_E_WIRE_RANGE},
        {"\"floor\":0", "\"floor\":4294967296", OT_E_WIRE_RANGE},
        {"\"uptime_s\":86400", "\"uptime_s\":281474976710655", OT_OK},
        {"\"uptime_s\":86400", "\"uptime_s\":281474976710656", OT_E_WIRE_RANGE},
        {"rollback", "Rollback", OT_E_WIRE_TEXT},
        {"software", "solar_flare", OT_E_WIRE_TEXT},
        {"\"offer\"", "\"switch\"", OT_OK},
        {"\"offer\"", "\"offers\"", OT_E_WIRE_TEXT},
        {"ota_0", "ota_16", OT_E_WIRE_TEXT},
        {"ota_0", "factory", OT_OK},
        {"ota_0", "none", OT_E_WIRE_TEXT},
        {"\"valid\"", "\"4294967042\"", OT_OK}, /* a torn state word travels as its number */
        {"\"valid\"", "\"4294967296\"", OT_E_WIRE_TEXT},
        {"\"valid\"", "\" 5\"", OT_E_WIRE_TEXT},
        {"\"valid\"", "\"5 \"", OT_E_WIRE_TEXT},
        {"\"valid\"", "\"05\"", OT_E_WIRE_TEXT},
        {"\"valid\"", "\"\"", OT_E_WIRE_TEXT},
        {"5530aa", "5530AA", OT_OK}, /* either case is read */
        {"5530aa", "5530a", OT_E_WIRE_TEXT},
        {"5530aa", "5530ag", OT_E_WIRE_TEXT},
        {"\"0000000000000000\"", "\"00000000000000g0\"", OT_E_WIRE_TEXT},
        {"\"0000000000000000\"", "\"0000\"", OT_E_WIRE_TEXT},
        {"\"confirmed\"", "\"none\"", OT_E_WIRE_TEXT},
        {"\"reason\":\"ok\"", "\"reason\":\"a_reason_of_the_future\"", OT_OK},
        {"\"full\"", "\"compressed\"", OT_OK},
        {"\"full\"", "\"half\"", OT_E_WIRE_TEXT},
        {"\"compressed_profile\":1", "\"compressed_profile\":256", OT_E_WIRE_RANGE},
        {"\"compressed_profile\":1", "\"compressed_profile\":255", OT_OK},
        {"\"attempt\":\"a-17\",\"ask\"", "\"attempt\":\"\",\"ask\"", OT_E_WIRE_TEXT},
        {"\"attempt\":\"a-17\",\"ask\"", "\"attempt\":\"a_17\",\"ask\"", OT_E_WIRE_TEXT},
        {"\"region\"", "\"Region\"", OT_E_WIRE_TEXT},
        {"\"region\"", "\"\"", OT_E_WIRE_TEXT},
        {"\"eu\"", "\"\"", OT_E_WIRE_TEXT},
        {"41216", "9007199254740991", OT_OK},
        {"41216", "-9007199254740991", OT_OK},
        {"41216", "9007199254740992", OT_E_WIRE_RANGE},
        {"41216", "-9007199254740992", OT_E_WIRE_RANGE},
        {"41216", "99999999999999999999999", OT_E_WIRE_RANGE},
        {"41216", "41216.5", OT_E_WIRE_RANGE},
        {"41216", "4e4", OT_E_WIRE_RANGE},
        {"41216", "NaN", OT_E_WIRE_TYPE},
        {"41216", "-NaN", OT_E_WIRE_SYNTAX},
        {"41216", "- 1", OT_E_WIRE_SYNTAX},
        {"41216", "--1", OT_E_WIRE_SYNTAX},
        {"41216", "-0", OT_OK},
        {"41216", "-01", OT_E_WIRE_SYNTAX},
        {"41216", "\"NaN\"", OT_E_WIRE_TYPE},
        {"41216", "\"41216\"", OT_E_WIRE_TYPE},
        {"41216", "null", OT_E_WIRE_TYPE},
        {"41216", "[41216]", OT_E_WIRE_TYPE},
        {"\"heap_floor\"", "\"boot_ms\"", OT_E_WIRE_DUPLICATE},
        {"\"heap_floor\"", "\"Heap\"", OT_E_WIRE_TEXT},
        {"\"heap_floor\"", "\"\"", OT_E_WIRE_TEXT},
        {"\"heap_floor\"", "\"a_name_of_24_bytes_is_ok\"", OT_OK},
        {"\"heap_floor\"", "\"one_of_25_bytes_is_too_lo\"", OT_E_WIRE_TEXT},
        {"{\"heap_floor\":41216,\"boot_ms\":890,\"rssi_dbm\":-67}", "{}", OT_OK},
        {"{\"heap_floor\":41216,\"boot_ms\":890,\"rssi_dbm\":-67}", "[]", OT_E_WIRE_TYPE},
        {"{\"seq\":9", "{\"new\":{},\"seq\":9", OT_OK},
        {"{\"boots\":12", "{\"new\":[1],\"boots\":12", OT_OK},
        {"\"revoked\":[]",
         "\"revoked\":[" DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST
         "]",
         OT_OK},
        {"\"revoked\":[]",
         "\"revoked\":[" DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST "," DIGEST
         "," DIGEST "]",
         OT_E_WIRE_TOO_MANY},
        {"\"keys\":[", "\"keys\":[" DIGEST "," DIGEST "," DIGEST "," DIGEST ",", OT_E_WIRE_TOO_MANY},
        {"\"keys\":[", "\"keys\":[null,", OT_E_WIRE_TYPE},
        {"\"events\":[", "\"events\":[7,", OT_E_WIRE_TYPE},
        {NULL, NULL, OT_OK},
    };
    size_t len;
    char *text = wire_golden("check-in", &len);
    assert_int_equal(wire_edit_faults(text, read_it, cases), 0);
    free(text);
}

static void an_unknown_reason_does_not_lose_its_event(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("check-in", &len);
    char *edited = wire_edit(text, "\"reason\":\"ok\"", "\"reason\":\"a_reason_of_the_future\"");
    assert_int_equal(read_it(edited, strlen(edited), NULL), OT_OK);
    assert_int_equal(got.events[0].kind, OT_EVENT_CONFIRMED);
    assert_int_equal(got.events[0].reason, OT_E_NOT_FOUND);
    free(edited);
    free(text);
}

/* Eight more in front of the one there is; `#` is their number. */
static void put_eight_before(const char *golden, const char *where, const char *item, char *out)
{
    const char *at = strstr(golden, where);
    assert_non_null(at);
    size_t used = (size_t)(at - golden) + strlen(where);
    memcpy(out, golden, used);
    for (char i = '0'; i < '8'; i++) {
        for (const char *p = item; *p != '\0'; p++)
            out[used++] = *p == '#' ? i : *p;
    }
    memcpy(out + used, at + strlen(where), strlen(at + strlen(where)) + 1);
}

static void a_ninth_event_attribute_or_metric_is_refused(void **state)
{
    (void)state;
    static const char event[] = "{\"seq\":#,\"attempt\":\"a-1\",\"kind\":\"failed\",\"reason\":\"ok\","
                                "\"way\":\"none\",\"bytes\":0},";
    char out[4000];
    size_t len;
    char *text = wire_golden("check-in", &len);
    put_eight_before(text, "\"events\":[", event, out);
    assert_int_equal(read_it(out, strlen(out), NULL), OT_E_WIRE_TOO_MANY);
    put_eight_before(text, "\"attributes\":{", "\"a#\":\"v\",", out);
    assert_int_equal(read_it(out, strlen(out), NULL), OT_E_WIRE_TOO_MANY);
    put_eight_before(text, "\"metrics\":{", "\"a#\":1,", out);
    assert_int_equal(read_it(out, strlen(out), NULL), OT_E_WIRE_TOO_MANY);
    free(text);
}

/* --- sizes --- */

static struct ot_wire_check_in largest;

static size_t write_largest(char attribute_char, char out[OT_WIRE_MESSAGE_MAX])
{
    size_t len = 0;
    wire_largest_check_in(&largest, attribute_char);
    assert_int_equal(ot_wire_check_in_write(&largest, out, OT_WIRE_MESSAGE_MAX, &len), OT_OK);
    assert_int_equal(wire_read_exactly(read_it, out, len, NULL), OT_OK);
    return len;
}

/* A message that did not fit would be built again and again, and its device would never be heard of any more. */
static void the_largest_check_in_gets_through_with_its_oldest_events(void **state)
{
    (void)state;
    char out[OT_WIRE_MESSAGE_MAX];
    static const char kinds[] = {'v', '"', '\\'}; /* the latter two double when written */
    for (size_t i = 0; i < sizeof kinds; i++) {
        size_t len = write_largest(kinds[i], out);
        print_message("largest check-in, attributes of '%c': %zu bytes, %u of %u events\n", kinds[i], len,
                      got.event_count, largest.event_count);
        assert_true(got.event_count >= 1 && got.event_count <= OT_WIRE_EVENTS_MAX);
        for (unsigned j = 0; j < got.event_count; j++)
            assert_int_equal(got.events[j].seq, largest.events[j].seq);
        assert_int_equal(got.attribute_count, OT_WIRE_ATTRIBUTES_MAX);
        assert_int_equal(got.revoked_count, OT_WIRE_REVOKED_MAX);
        assert_int_equal(got.metric_count, OT_WIRE_METRICS_MAX);
        assert_memory_equal(got.metrics, largest.metrics, sizeof got.metrics);
    }
}

static void every_event_gets_through_in_the_end(void **state)
{
    (void)state;
    char out[OT_WIRE_MESSAGE_MAX];
    uint8_t left = OT_WIRE_EVENTS_MAX;
    unsigned messages = 0;
    for (wire_largest_check_in(&largest, '"'); left > 0; messages++) {
        size_t len = 0;
        largest.event_count = left;
        assert_int_equal(ot_wire_check_in_write(&largest, out, sizeof out, &len), OT_OK);
        assert_int_equal(read_it(out, len, NULL), OT_OK);
        assert_true(got.event_count > 0);
        left = (uint8_t)(left - got.event_count); /* acknowledged */
        memmove(largest.events, largest.events + got.event_count, left * sizeof largest.events[0]);
    }
    assert_true(messages <= 3);
}

static void events_wait_only_where_there_is_no_room(void **state)
{
    (void)state;
    char out[2 * OT_WIRE_MESSAGE_MAX];
    size_t whole = 0, len = 0;
    wire_largest_check_in(&largest, 'v');
    assert_int_equal(ot_wire_check_in_write(&largest, out, sizeof out, &whole), OT_OK);
    largest.event_count = 0;
    assert_int_equal(ot_wire_check_in_write(&largest, out, sizeof out, &len), OT_OK);
    size_t without = len;
    assert_int_equal(ot_wire_check_in_write(&largest, out, without - 1, &len), OT_E_BUFFER);
    assert_int_equal(len, 0);
    largest.event_count = OT_WIRE_EVENTS_MAX;
    assert_int_equal(ot_wire_check_in_write(&largest, out, whole, &len), OT_OK);
    assert_int_equal(len, whole);
    assert_int_equal(ot_wire_check_in_write(&largest, out, whole - 1, &len), OT_OK);
    assert_int_equal(read_it(out, len, NULL), OT_OK);
    assert_int_equal(got.event_count, OT_WIRE_EVENTS_MAX - 1);
    assert_int_equal(ot_wire_check_in_write(&largest, out, without, &len), OT_OK);
    assert_int_equal(len, without);
}

static void what_may_not_travel_is_not_written(void **state)
{
    (void)state;
    char out[OT_WIRE_MESSAGE_MAX];
    struct ot_wire_check_in *m = &largest;
    size_t len;
#define REFUSED(change, status)                                                                              \
    do {                                                                                                     \
        wire_largest_check_in(m, 'v');                                                                       \
        m->event_count = 2;                                                                                  \
        change;                                                                                              \
        assert_int_equal(ot_wire_check_in_write(m, out, sizeof out, &len), status);                          \
        assert_int_equal(len, 0);                                                                            \
    } while (0)
    REFUSED(m->device[0] = '\0', OT_E_WIRE_TEXT);
    REFUSED(m->device[3] = ' ', OT_E_WIRE_TEXT);
    REFUSED(m->chip_id = 1, OT_E_WIRE_RANGE);
    REFUSED(m->bootloader = (enum ot_wire_bootloader)9, OT_E_WIRE_RANGE);
    REFUSED(m->running.version[0] = '\x01', OT_E_WIRE_TEXT);
    REFUSED(m->key_count = OT_WIRE_KEYS_MAX + 1, OT_E_WIRE_TOO_MANY);
    REFUSED(m->revoked_count = OT_WIRE_REVOKED_MAX + 1, OT_E_WIRE_TOO_MANY);
    REFUSED(m->health.last_reset = (enum ot_reset_reason)9, OT_E_WIRE_RANGE);
    REFUSED(m->ask = (enum ot_ask)9, OT_E_WIRE_RANGE);
    REFUSED(m->event_count = OT_WIRE_EVENTS_MAX + 1, OT_E_WIRE_TOO_MANY);
    REFUSED(m->events[0].kind = OT_EVENT_NONE, OT_E_WIRE_RANGE);
    REFUSED(m->events[1].attempt[0] = '\0', OT_E_WIRE_TEXT);
    REFUSED(m->attribute_count = OT_WIRE_ATTRIBUTES_MAX + 1, OT_E_WIRE_TOO_MANY);
    REFUSED(m->attributes[7].name[0] = 'A', OT_E_WIRE_TEXT);
    REFUSED(m->attributes[7].value[0] = '\xFF', OT_E_WIRE_TEXT);
    REFUSED(m->metric_count = OT_WIRE_METRICS_MAX + 1, OT_E_WIRE_TOO_MANY);
    REFUSED(m->metrics[7].name[0] = 'A', OT_E_WIRE_TEXT);
    REFUSED(m->metrics[7].value = OT_METRIC_VALUE_MAX + 1, OT_E_WIRE_RANGE);
    REFUSED(m->metrics[0].value = INT64_MIN, OT_E_WIRE_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_message_reads_as_documented),
        cmocka_unit_test(writing_gives_the_bytes_that_were_read),
        cmocka_unit_test(every_field_is_judged),
        cmocka_unit_test(a_message_is_whole_or_refused),
        cmocka_unit_test(values_have_their_bounds_and_names),
        cmocka_unit_test(an_unknown_reason_does_not_lose_its_event),
        cmocka_unit_test(a_ninth_event_attribute_or_metric_is_refused),
        cmocka_unit_test(the_largest_check_in_gets_through_with_its_oldest_events),
        cmocka_unit_test(every_event_gets_through_in_the_end),
        cmocka_unit_test(events_wait_only_where_there_is_no_room),
        cmocka_unit_test(what_may_not_travel_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
