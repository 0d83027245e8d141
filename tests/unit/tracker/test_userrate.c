/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate limit of a user.
 */
#include "tracker/core/userrate.h"

#include <criterion/criterion.h>

#include "tests/unit/codec/failing_alloc.h"

static unsigned
count_allowed(struct userrate *u, uint32_t user, unsigned asked, struct mono now)
{
    unsigned n = 0;

    for (unsigned i = 0; i < asked; i++)
        n += userrate_allow(u, user, now);
    return n;
}

Test(userrate, a_burst_and_then_the_rate)
{
    const struct mono now = {5000000};
    struct userrate u;

    userrate_init(&u, 16, 60);
    cr_assert_eq(count_allowed(&u, 33, 100, now), 60);
    cr_assert_eq(count_allowed(&u, 33 + 16, 100, now), 60, "another user has a limit of their own");
    cr_assert_eq(count_allowed(&u, 33, 100, mono_add_ms(now, 10000)), 10);
    cr_assert_eq(count_allowed(&u, 33, 100, mono_add_ms(now, 3600000)), 60);
    u.per_minute = 120;
    cr_assert_eq(count_allowed(&u, 1600000, 500, now), 120);
    u.per_minute = 0;
    cr_assert_eq(count_allowed(&u, 33, 1000, now), 1000);
    userrate_fini(&u);
}

Test(userrate, every_id_has_a_place)
{
    const struct mono now = {5000000};
    struct userrate u;

    userrate_init(&u, 1, 1);
    for (uint32_t user = 1; user != 0; user *= 2)
        (void)count_allowed(&u, user, 1, now);
    (void)count_allowed(&u, UINT32_MAX, 1, now);
    cr_assert_eq(u.size, USERRATE_USERS_MAX);
    cr_assert_not(userrate_allow(&u, UINT32_MAX, now));
    userrate_fini(&u);
}

Test(userrate, without_memory_nobody_is_refused)
{
    struct userrate u;
    bool allowed;

    userrate_init(&u, 1, 1);
    failing_alloc_after(0);
    allowed = userrate_allow(&u, 1, (struct mono){5000000});
    cr_assert(failing_alloc_end() && allowed);
    userrate_fini(&u);
}
