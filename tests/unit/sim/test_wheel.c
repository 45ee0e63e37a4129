/* The timing wheel against a list that is searched. */
#include "chance.h"
#include "wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ITEMS 200u
#define END_S 400000u /* several rounds */

static void everybody_is_taken_in_their_second_and_in_order(void **state)
{
    (void)state;
    static uint32_t due_s[ITEMS], list[ITEMS];
    struct wheel w;
    uint32_t taken = 0;
    wheel_init(&w, ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++) {
        due_s[i] = 1 + (uint32_t)(chance_draw(1, i, 0, 0) % 200000u);
        wheel_put(&w, i, due_s[i]);
    }
    for (uint32_t now_s = 1; now_s < END_S; now_s++) {
        uint32_t count = wheel_take(&w, now_s, list), wanted = 0;
        for (uint32_t i = 0; i < ITEMS; i++)
            wanted += due_s[i] == now_s;
        assert_int_equal(count, wanted);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(due_s[list[i]], now_s);
            assert_true(i == 0 || list[i - 1] < list[i]);
            due_s[list[i]] = now_s + 1 + (uint32_t)(chance_draw(2, list[i], 0, now_s) % 150000u);
            wheel_put(&w, list[i], due_s[list[i]]);
        }
        taken += count;
    }
    assert_true(taken > 3 * ITEMS);
    wheel_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everybody_is_taken_in_their_second_and_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
