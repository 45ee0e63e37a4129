/* Enrolment, both ways, and that the golden messages are the examples of docs/protocol.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"
#include "wire_support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ot_wire_enrol got;
static struct ot_wire_enrolled reply;

static enum ot_status read_enrol(const char *json, size_t len, size_t *error_at)
{
    return ot_wire_enrol_read(json, len, &got, error_at);
}

static enum ot_status read_enrolled(const char *json, size_t len, size_t *error_at)
{
    return ot_wire_enrolled_read(json, len, &reply, error_at);
}

static void the_golden_messages_read_and_write_as_documented(void **state)
{
    (void)state;
    size_t len, again;
    char out[OT_WIRE_MESSAGE_MAX], *text = wire_golden("enrol", &len);
    assert_int_equal(read_enrol(text, len, NULL), OT_OK);
    assert_string_equal(got.device, "lamp-0001");
    assert_int_equal(got.chip_id, 5);
    assert_int_equal(got.hardware_revision, 2);
    assert_int_equal(got.attribute_count, 2);
    assert_string_equal(got.attributes[1].name, "link");
    assert_string_equal(got.attributes[1].value, "wifi");
    assert_int_equal(ot_wire_enrol_write(&got, out, sizeof out, &again), OT_OK);
    assert_int_equal(again, len);
    assert_memory_equal(out, text, len);
    free(text);
    text = wire_golden("enrolled", &len);
    assert_int_equal(read_enrolled(text, len, NULL), OT_OK);
    assert_string_equal(reply.product, "lamp");
    assert_int_equal(reply.poll_s, 60);
    assert_int_equal(ot_wire_enrolled_write(&reply, out, sizeof out, &again), OT_OK);
    assert_int_equal(again, len);
    assert_memory_equal(out, text, len);
    free(text);
}

static void every_field_is_judged(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("enrol", &len);
    assert_int_equal(wire_field_faults(text, read_enrol, " attributes attributes.region attributes.link "),
                     0);
    free(text);
    text = wire_golden("enrolled", &len);
    assert_int_equal(wire_field_faults(text, read_enrolled, " "), 0);
    free(text);
}

static void a_message_is_whole_or_refused(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("enrol", &len);
    assert_int_equal(wire_shape_faults(text, read_enrol), 0);
    free(text);
    text = wire_golden("enrolled", &len);
    assert_int_equal(wire_shape_faults(text, read_enrolled), 0);
    free(text);
}

static void values_have_their_bounds(void **state)
{
    (void)state;
    static const struct wire_edit_case enrol[] = {
        {"\"hw_rev\":2", "\"hw_rev\":64", OT_E_WIRE_RANGE},
        {"\"v\":1", "\"v\":3", OT_E_WIRE_VERSION},
        {"\"link\"", "\"region\"", OT_E_WIRE_DUPLICATE},
        {"\"link\"", "\"l\\u0069nk\"", OT_OK},
        {"\"link\"", "\"reg\\u0069on\"", OT_E_WIRE_DUPLICATE}, /* the same name, however it is written */
        {"\"wifi\"", "\"\\u00fc\\ud83d\\ude00\"", OT_OK},
        {"\"wifi\"", "\"a\\u000ab\"", OT_E_WIRE_TEXT},
        {"esp32c3", "ESP32C3", OT_E_WIRE_TEXT},
        {NULL, NULL, OT_OK},
    };
    static const struct wire_edit_case enrolled[] = {
        {"\"lamp\"", "\"la mp\"", OT_E_WIRE_TEXT},
        {"\"lamp\"", "\"\"", OT_E_WIRE_TEXT},
        {"\"lamp\"", "\"lamplamplamplamplamplamplamplam\"", OT_OK},
        {"\"lamp\"", "\"lamplamplamplamplamplamplamplamp\"", OT_E_WIRE_TEXT},
        {"60", "4294967295", OT_OK},
        {"60", "4294967296", OT_E_WIRE_RANGE},
        {NULL, NULL, OT_OK},
    };
    size_t len;
    char *text = wire_golden("enrol", &len);
    assert_int_equal(wire_edit_faults(text, read_enrol, enrol), 0);
    free(text);
    text = wire_golden("enrolled", &len);
    assert_int_equal(wire_edit_faults(text, read_enrolled, enrolled), 0);
    free(text);
}

static void the_largest_enrolment_fits(void **state)
{
    (void)state;
    static struct ot_wire_check_in c;
    struct ot_wire_enrol m = {
        .chip_id = 20, .hardware_revision = 63, .attribute_count = OT_WIRE_ATTRIBUTES_MAX};
    char out[OT_WIRE_MESSAGE_MAX];
    size_t len = 0;
    wire_largest_check_in(&c, '"');
    memcpy(m.device, c.device, sizeof m.device);
    memcpy(m.attributes, c.attributes, sizeof m.attributes);
    assert_int_equal(ot_wire_enrol_write(&m, out, sizeof out, &len), OT_OK);
    assert_int_equal(wire_read_exactly(read_enrol, out, len, NULL), OT_OK);
    print_message("largest enrolment: %zu bytes\n", len);
    assert_int_equal(ot_wire_enrol_write(&m, out, len - 1, &len), OT_E_BUFFER);
}

/* --- the page --- */

/* Without line breaks and indentation, digests as the page writes them: what is left must be the same text. */
static char *in_the_words_of_the_page(const char *golden)
{
    char *out = malloc(strlen(golden) + 1), *o = out;
    assert_non_null(out);
    while (*golden != '\0') {
        if (strspn(golden, "0123456789abcdef") == 64) {
            o += sprintf(o, "<64 hex>");
            golden += 64;
        } else {
            *o++ = *golden++;
        }
    }
    *o = '\0';
    return out;
}

static char *page_without_indentation(void)
{
    uint32_t size;
    char *page = (char *)read_whole_file(OTARIA_SOURCE_DIR "/docs/protocol.md", &size), *o = page;
    assert_non_null(page);
    for (const char *p = page; *p != '\0';) {
        if (*p == '\n' && p[1] == ' ') {
            for (p++; *p == ' '; p++) {
            }
        } else {
            *o++ = *p++;
        }
    }
    *o = '\0';
    return page;
}

static void the_golden_messages_are_the_examples_of_the_page(void **state)
{
    (void)state;
    static const char *const names[] = {"enrol",    "enrolled",   "check-in",   "reply-ack",
                                        "reply-go", "reply-drop", "reply-offer"};
    char *page = page_without_indentation();
    unsigned examples = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len;
        char *text = wire_golden(names[i], &len), *words = in_the_words_of_the_page(text);
        if (strstr(page, words) == NULL)
            fail_msg("docs/protocol.md does not show %s.json: %s", names[i], words);
        free(words);
        free(text);
    }
    for (const char *p = page; (p = strstr(p, "\n{\"v\":1,")) != NULL; p++)
        examples++;
    assert_int_equal(examples, sizeof names / sizeof names[0]); /* each example has its file */
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_messages_read_and_write_as_documented),
        cmocka_unit_test(every_field_is_judged),
        cmocka_unit_test(a_message_is_whole_or_refused),
        cmocka_unit_test(values_have_their_bounds),
        cmocka_unit_test(the_largest_enrolment_fits),
        cmocka_unit_test(the_golden_messages_are_the_examples_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
