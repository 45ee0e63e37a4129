/* Does a verified image fit this place? Each cause, each boundary, and the order of causes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_support.h"

#include "otaria/fit.h"

#include <string.h>

static struct ot_image image_of(uint16_t chip, const char *project, uint32_t length)
{
    struct ot_image image = {.chip_id = chip, .segment_count = 1, .length = length, .has_app_desc = true};
    image.segments[0] = (struct ot_segment){0x3C000020, 0x20, 0x1000};
    image.app.secure_version = 5;
    memcpy(image.app.project, project, strlen(project));
    return image;
}

static const struct ot_descriptor described = {
    .release = 10, .floor = 4, .hardware_revisions = 1u | 1ull << 63, .min_slot_bytes = 0x30000};

static struct ot_fit_place place_of_lamp(void)
{
    return (struct ot_fit_place){.product = "lamp",
                                 .has_chip = true,
                                 .chip_id = 5,
                                 .has_hardware_revision = true,
                                 .hardware_revision = 63,
                                 .slot_bytes = 0x30000,
                                 .floor = 10,
                                 .secure_version = 5};
}

static void an_image_that_meets_every_demand_to_the_last_unit_fits(void **state)
{
    (void)state;
    struct ot_image image = image_of(5, "lamp", 0x20000);
    struct ot_fit_place place = place_of_lamp();
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_OK);
}

static void a_place_that_asks_nothing_takes_any_described_image(void **state)
{
    (void)state;
    struct ot_image image = image_of(0x777, "other", 0xFFFFF0);
    const struct ot_fit_place nothing = {0};
    assert_int_equal(ot_fit_judge(&image, true, &described, &nothing), OT_OK);
    assert_int_equal(ot_fit_judge(&image, true, NULL, &nothing), OT_E_DESC_MISSING);
}

static void each_demand_is_refused_by_its_own_cause(void **state)
{
    (void)state;
    struct ot_image good = image_of(5, "lamp", 0x20000), image = good;
    struct ot_fit_place place = place_of_lamp();
    struct ot_descriptor d = described;

    place.chip_id = 9;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_IMAGE_CHIP);
    place = place_of_lamp();
    static const char *const others[] = {"", "lam", "lampe", "LAMP", "lamp "};
    for (unsigned i = 0; i < 5; i++) {
        place.product = others[i];
        assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_WRONG_PRODUCT);
    }
    place = place_of_lamp();
    for (unsigned revision = 0; revision < 256; revision++) {
        place.hardware_revision = (uint8_t)revision;
        assert_int_equal(ot_fit_judge(&image, true, &d, &place),
                         revision == 0 || revision == 63 ? OT_OK : OT_E_WRONG_HARDWARE);
    }
    place = place_of_lamp();
    place.floor = 11;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_BELOW_FLOOR);
    place = place_of_lamp();
    place.secure_version = 6;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_SECURE_VERSION);
    place = place_of_lamp();
    d.min_slot_bytes = 0x30001;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_SLOT_SIZE);
    d = described;
    image.length = 0x20001;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_IMAGE_TOO_LARGE);
}

/* Trap 17. */
static void a_signed_image_that_fills_the_slot_leaves_no_room_for_its_sector(void **state)
{
    (void)state;
    struct ot_image image = image_of(5, "lamp", 0x30000);
    struct ot_fit_place place = place_of_lamp();
    assert_int_equal(ot_fit_judge(&image, false, &described, &place), OT_OK);
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_E_IMAGE_TOO_LARGE);
    place.slot_bytes = 0x31000;
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_OK);
}

static void an_undescribed_image_is_judged_by_chip_version_and_size_alone(void **state)
{
    (void)state;
    struct ot_image image = image_of(5, "arduino-lib-builder", 0x20000);
    struct ot_fit_place place = place_of_lamp();
    place.floor = 0;
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_E_DESC_MISSING);
    place.allows_undescribed = true;
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_OK);
    place.secure_version = 6;
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_E_SECURE_VERSION);
    place.secure_version = 5;
    place.slot_bytes = 0x20000;
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_E_IMAGE_TOO_LARGE);
    place.slot_bytes = 0x30000;
    place.floor = 1; /* nothing proves that it is not older */
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_E_BELOW_FLOOR);
    place.chip_id = 0;
    assert_int_equal(ot_fit_judge(&image, true, NULL, &place), OT_E_IMAGE_CHIP);
}

/* A descriptor in the padding behind a tiny image would be signed, but not named by the identity. */
static void a_descriptor_outside_the_first_segment_counts_as_missing(void **state)
{
    (void)state;
    struct ot_image image = image_of(5, "lamp", 0x20000);
    struct ot_fit_place place = place_of_lamp();
    place.allows_undescribed = true;
    image.segments[0].length = OT_DESC_OFFSET + OT_DESC_BYTES - 0x20;
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_OK);
    image.segments[0].length -= 4;
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_E_DESC_MISSING);
}

/* Everything is wrong; each repaired demand uncovers the next cause. */
static void causes_come_in_the_order_of_the_contract(void **state)
{
    (void)state;
    struct ot_image image = image_of(0, "other", 0x30000);
    struct ot_descriptor d = {.release = 1, .hardware_revisions = 2, .min_slot_bytes = 0x40000};
    struct ot_fit_place place = place_of_lamp();
    place.secure_version = 6;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_IMAGE_CHIP);
    image.chip_id = 5;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_WRONG_PRODUCT);
    place.product = "other";
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_WRONG_HARDWARE);
    place.hardware_revision = 1;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_BELOW_FLOOR);
    place.floor = 1;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_SECURE_VERSION);
    place.secure_version = 0;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_SLOT_SIZE);
    d.min_slot_bytes = 0;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_E_IMAGE_TOO_LARGE);
    place.slot_bytes = 0;
    assert_int_equal(ot_fit_judge(&image, true, &d, &place), OT_OK);
}

static void a_product_name_of_32_characters_is_compared_whole(void **state)
{
    (void)state;
    struct ot_image image = image_of(5, "0123456789abcdef0123456789abcdef", 0x1000);
    struct ot_fit_place place = {.product = "0123456789abcdef0123456789abcdef"};
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_OK);
    place.product = "0123456789abcdef0123456789abcdeF";
    assert_int_equal(ot_fit_judge(&image, true, &described, &place), OT_E_WRONG_PRODUCT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_that_meets_every_demand_to_the_last_unit_fits),
        cmocka_unit_test(a_place_that_asks_nothing_takes_any_described_image),
        cmocka_unit_test(each_demand_is_refused_by_its_own_cause),
        cmocka_unit_test(a_signed_image_that_fills_the_slot_leaves_no_room_for_its_sector),
        cmocka_unit_test(an_undescribed_image_is_judged_by_chip_version_and_size_alone),
        cmocka_unit_test(a_descriptor_outside_the_first_segment_counts_as_missing),
        cmocka_unit_test(causes_come_in_the_order_of_the_contract),
        cmocka_unit_test(a_product_name_of_32_characters_is_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
