/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents leeched at once.
 */
#include <criterion/criterion.h>

#include "tracker/core/slots.h"

static const uint64_t seed[2] = {1, 2};

enum { TIMEOUT_S = 100 };

Test(slots, are_bounded_and_left)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(slots_take(&s, 1, 10, 2, 0));
    cr_assert(slots_take(&s, 1, 11, 2, 0));
    cr_assert_not(slots_take(&s, 1, 12, 2, 1));
    cr_assert(slots_take(&s, 1, 10, 2, 1), "it has this one already");
    cr_assert(slots_take(&s, 2, 12, 2, 1), "another user");
    slots_leave(&s, 1, 10);
    slots_leave(&s, 1, 10);
    slots_leave(&s, 3, 10);
    cr_assert(slots_take(&s, 1, 12, 2, 1));
    cr_assert_not(slots_take(&s, 1, 10, 2, 1));
    slots_fini(&s);
}

Test(slots, silence_frees_them)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(slots_take(&s, 1, 10, 1, 0));
    cr_assert_not(slots_take(&s, 1, 11, 1, TIMEOUT_S));
    cr_assert(slots_take(&s, 1, 11, 1, TIMEOUT_S + 1));
    slots_fini(&s);
}

Test(slots, silent_users_are_forgotten)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    for (uint32_t user = 1; user <= 50; user++)
        cr_assert(slots_take(&s, user, 10, 1, 0));
    for (uint32_t user = 101; user <= 150; user++)
        cr_assert(slots_take(&s, user, 10, 1, 2 * TIMEOUT_S));
    cr_assert_eq(s.users.count, 50);
    for (uint32_t user = 101; user <= 150; user++)
        slots_leave(&s, user, 10);
    cr_assert_eq(s.users.count, 0);
    slots_fini(&s);
}

Test(slots, many_of_one_user)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    for (uint32_t t = 1; t <= 1000; t++)
        cr_assert(slots_take(&s, 1, t, 1000, 0));
    cr_assert_not(slots_take(&s, 1, 1001, 1000, 0));
    slots_fini(&s);
}
