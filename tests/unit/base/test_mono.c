/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Points in time: order, sums that can't overflow, and "never".
 */
#include "common/base/mono.h"

#include <criterion/criterion.h>

static const struct mono one = {1000000}, two = {2000000};

Test(mono, order)
{
    cr_assert(mono_before(one, two));
    cr_assert_not(mono_before(two, one));
    cr_assert_not(mono_before(one, one));
    cr_assert(mono_due(one, one));
    cr_assert(mono_due(one, two));
    cr_assert_not(mono_due(two, one));
    cr_assert_eq(mono_min(one, two).us, one.us);
    cr_assert_eq(mono_min(MONO_NEVER, two).us, two.us);
}

Test(mono, sums_and_differences)
{
    cr_assert_eq(mono_add_us(one, 5).us, 1000005);
    cr_assert_eq(mono_add_us(one, -5).us, 999995);
    cr_assert_eq(mono_add_ms(one, 1000).us, two.us);
    cr_assert_eq(mono_diff_us(two, one), 1000000);
    cr_assert_eq(mono_diff_us(one, two), -1000000);
    cr_assert_eq(mono_diff_ms(two, one), 1000);
}

Test(mono, never_stays_never)
{
    cr_assert_eq(mono_add_us(MONO_NEVER, -5).us, MONO_NEVER.us);
    cr_assert_eq(mono_add_us(MONO_NEVER, 5).us, MONO_NEVER.us);
    cr_assert_eq(mono_add_us(one, INT64_MAX).us, MONO_NEVER.us, "an overflow is never");
    cr_assert_not(mono_due(MONO_NEVER, two));
}
