/* The reply to a check-in, with and without an offer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_support.h"

#include <stdlib.h>
#include <string.h>

static struct ot_wire_reply got;

static enum ot_status read_it(const char *json, size_t len, size_t *error_at)
{
    return ot_wire_reply_read(json, len, &got, error_at);
}

static void read_golden(const char *name)
{
    size_t len;
    char *text = wire_golden(name, &len);
    assert_int_equal(read_it(text, len, NULL), OT_OK);
    free(text);
}

static void the_golden_messages_read_as_documented(void **state)
{
    (void)state;
    read_golden("reply-ack");
    assert_int_equal(got.ack, 9);
    assert_int_equal(got.poll_s, 60);
    assert_int_equal(got.switch_answer, OT_SWITCH_UNANSWERED);
    assert_false(got.drop || got.has_offer);
    read_golden("reply-go");
    assert_int_equal(got.switch_answer, OT_SWITCH_GO);
    read_golden("reply-drop");
    assert_true(got.drop);
    assert_int_equal(got.ack, 0);
}

static void the_golden_offer_reads_as_documented(void **state)
{
    (void)state;
    read_golden("reply-offer");
    const struct ot_wire_offer *o = &got.offer;
    assert_true(got.has_offer && o->has_patch);
    assert_string_equal(o->attempt, "a-18");
    assert_int_equal(o->release, 6);
    assert_string_equal(o->version, "1.1.0");
    assert_int_equal(o->lease_s, 600);
    assert_false(o->undescribed);
    assert_int_equal(o->image.bytes, 1203200);
    assert_int_equal(o->image.block_bytes, 65536);
    assert_int_equal(o->patch.bytes, 20480);
    assert_memory_not_equal(&o->image.sha256, &o->image.blocks_sha256, 32);
    assert_memory_not_equal(&o->patch.base, &o->patch.sha256, 32);
}

static void an_offer_may_carry_a_compressed_image(void **state)
{
    (void)state;
    read_golden("reply-offer");
    const struct ot_wire_offer *o = &got.offer;
    assert_true(got.has_offer && o->has_patch && o->has_compressed);
    assert_int_equal(o->compressed.bytes, 704512);
    assert_true(ot_digest_is_zero(&o->compressed.base)); /* it needs none */
    assert_memory_not_equal(&o->compressed.sha256, &o->patch.sha256, 32);
    assert_memory_not_equal(&o->compressed.sha256, &o->image.sha256, 32);
    size_t len;
    char *text = wire_golden("reply-offer", &len);
    char *without = wire_edit(text, "\"compressed\"", "\"squeezed\"");
    assert_int_equal(read_it(without, strlen(without), NULL), OT_OK);
    assert_true(got.offer.has_patch && !got.offer.has_compressed);
    free(without);
    free(text);
}

static void writing_gives_the_bytes_that_were_read(void **state)
{
    (void)state;
    static const char *const names[] = {"reply-ack", "reply-go", "reply-drop", "reply-offer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len, again;
        char *text = wire_golden(names[i], &len), out[OT_WIRE_MESSAGE_MAX];
        assert_int_equal(read_it(text, len, NULL), OT_OK);
        assert_int_equal(ot_wire_reply_write(&got, out, sizeof out, &again), OT_OK);
        assert_int_equal(again, len);
        assert_memory_equal(out, text, len);
        assert_int_equal(ot_wire_reply_write(&got, out, len - 1, &again), OT_E_BUFFER);
        free(text);
    }
}

static void every_field_is_judged(void **state)
{
    (void)state;
    size_t len;
    char *text = wire_golden("reply-offer", &len);
    assert_int_equal(
        wire_field_faults(text, read_it, " offer offer.undescribed offer.patch offer.compressed "), 0);
    free(text);
    text = wire_golden("reply-go", &len);
    assert_int_equal(wire_field_faults(text, read_it, " switch "), 0);
    free(text);
    text = wire_golden("reply-drop", &len);
    assert_int_equal(wire_field_faults(text, read_it, " drop "), 0);
    free(text);
}

static void a_message_is_whole_or_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"reply-ack", "reply-drop", "reply-offer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len;
        char *text = wire_golden(names[i], &len);
        assert_int_equal(wire_shape_faults(text, read_it), 0);
        free(text);
    }
}

static void values_have_their_bounds_and_names(void **state)
{
    (void)state;
    static const struct wire_edit_case cases[] = {
        {"\"ack\":9", "\"ack\":4294967295", OT_OK},
        {"\"ack\":9", "\"ack\":4294967296", OT_E_WIRE_RANGE},
        {"\"poll_s\":60", "\"poll_s\":0", OT_OK}, /* the device has bounds of its own */
        {"\"v\":1", "\"v\":2", OT_E_WIRE_VERSION},
        {"\"undescribed\":false", "\"undescribed\":true", OT_OK},
        {"\"undescribed\":false", "\"undescribed\":falsy", OT_E_WIRE_SYNTAX},
        {"\"undescribed\":false", "\"undescribed\":fal", OT_E_WIRE_SYNTAX},
        {"\"1.1.0\"", "\"\"", OT_E_WIRE_TEXT},
        {"\"a-18\"", "\"a 18\"", OT_E_WIRE_TEXT},
        {"\"a-18\"", "\"aaaaaaaaaaaaaaaaaaaaaaaa\"", OT_OK},
        {"\"a-18\"", "\"aaaaaaaaaaaaaaaaaaaaaaaaa\"", OT_E_WIRE_TEXT},
        {"\"ack\":9", "\"switch\":\"yes\",\"ack\":9", OT_E_WIRE_TEXT},
        {"\"ack\":9", "\"switch\":\"no\",\"ack\":9", OT_OK},
        {"\"image\":{", "\"image\":{\"new\":1,", OT_OK},
        {"\"patch\":{", "\"patch\":{\"new\":\"x\",", OT_OK},
        {"\"offer\":{", "\"offer\":{\"new\":null,", OT_OK},
        {"\"compressed\":{", "\"compressed\":{\"base\":7,\"base\":8,",
         OT_OK}, /* it has none: an unknown field */
        {"\"bytes\":704512", "\"bytes\":4294967296", OT_E_WIRE_RANGE},
        {"\"compressed\"", "\"squeezed\"", OT_OK},
        {NULL, NULL, OT_OK},
    };
    size_t len;
    char *text = wire_golden("reply-offer", &len);
    assert_int_equal(wire_edit_faults(text, read_it, cases), 0);
    free(text);
}

static void the_largest_reply_fits_a_device(void **state)
{
    (void)state;
    struct ot_wire_reply m = {.ack = UINT32_MAX,
                              .poll_s = UINT32_MAX,
                              .switch_answer = OT_SWITCH_GO,
                              .drop = true,
                              .has_offer = true};
    char out[2048]; /* what the agent receives into */
    size_t len = 0;
    wire_fill(m.offer.attempt, OT_ATTEMPT_ID_MAX, 'a');
    wire_fill(m.offer.version, OT_VERSION_MAX, '\\');
    m.offer.release = m.offer.lease_s = m.offer.image.bytes = m.offer.image.block_bytes = UINT32_MAX;
    m.offer.has_patch = true;
    m.offer.patch.bytes = UINT32_MAX;
    m.offer.has_compressed = true;
    m.offer.compressed.bytes = UINT32_MAX;
    assert_int_equal(ot_wire_reply_write(&m, out, sizeof out, &len), OT_OK);
    assert_int_equal(wire_read_exactly(read_it, out, len, NULL), OT_OK);
    print_message("largest reply: %zu bytes\n", len);
    m.offer.version[0] = '\0';
    assert_int_equal(ot_wire_reply_write(&m, out, sizeof out, &len), OT_E_WIRE_TEXT);
    m.has_offer = false;
    m.switch_answer = (enum ot_switch_answer)7;
    assert_int_equal(ot_wire_reply_write(&m, out, sizeof out, &len), OT_E_WIRE_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_messages_read_as_documented),
        cmocka_unit_test(the_golden_offer_reads_as_documented),
        cmocka_unit_test(an_offer_may_carry_a_compressed_image),
        cmocka_unit_test(writing_gives_the_bytes_that_were_read),
        cmocka_unit_test(every_field_is_judged),
        cmocka_unit_test(a_message_is_whole_or_refused),
        cmocka_unit_test(values_have_their_bounds_and_names),
        cmocka_unit_test(the_largest_reply_fits_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
