/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a line can have moved.
 */
#include "tracker/core/allowance.h"

#include <criterion/criterion.h>

enum { NOW_S = 1000000, RATE = 5000 };

Test(allowance, an_idle_line_has_two_days_in_hand)
{
    struct allowance a = {0};

    cr_assert_eq(allowance_room(&a, LEDGER_UP, NOW_S, RATE),
                 (uint64_t)RATE * (ALLOWANCE_IDLE_S + LEDGER_RESEND_S));
}

Test(allowance, the_room_is_what_is_left_of_it)
{
    struct allowance a = {0};
    uint64_t room = allowance_room(&a, LEDGER_DOWN, NOW_S, RATE);

    allowance_use(&a, LEDGER_DOWN, NOW_S, RATE, room - 10 * RATE);
    cr_assert_eq(allowance_room(&a, LEDGER_DOWN, NOW_S, RATE), 10 * RATE);
    cr_assert_eq(allowance_room(&a, LEDGER_UP, NOW_S, RATE), room, "the other way is idle");
    allowance_use(&a, LEDGER_DOWN, NOW_S, RATE, 10 * RATE);
    cr_assert_eq(allowance_room(&a, LEDGER_DOWN, NOW_S, RATE), 0);
    cr_assert_eq(allowance_room(&a, LEDGER_DOWN, NOW_S - 500, RATE), 0, "a clock that is set back");
    cr_assert_eq(allowance_room(&a, LEDGER_DOWN, NOW_S + 7, RATE), 7 * RATE);
}

/* As fast as is possible for a month, told of late or in time, in whatever portions. */
Test(allowance, a_line_that_is_always_busy_has_room)
{
    struct allowance a = {0};

    for (int64_t s = 0; s < 30 * 86400; s += 900) {
        uint64_t late = s % 3600 == 0 ? LEDGER_RESEND_S * (uint64_t)RATE : 0;

        cr_assert_geq(allowance_room(&a, LEDGER_UP, NOW_S + s, RATE), 900 * (uint64_t)RATE + late);
        allowance_use(&a, LEDGER_UP, NOW_S + s, RATE, 900 * (uint64_t)RATE);
    }
}

Test(allowance, no_rate_is_too_high)
{
    struct allowance a = {0};

    cr_assert_eq(allowance_room(&a, LEDGER_UP, NOW_S, UINT64_MAX), UINT64_MAX);
    allowance_use(&a, LEDGER_UP, NOW_S, UINT64_MAX, UINT64_MAX);
    cr_assert_gt(allowance_room(&a, LEDGER_UP, NOW_S, UINT64_MAX), 0);
    allowance_use(&a, LEDGER_DOWN, NOW_S, 1, 1);
    cr_assert_geq(allowance_room(&a, LEDGER_DOWN, NOW_S, 1), 0);
}
