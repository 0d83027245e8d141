/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The limit on descriptors goes up as far as it may, and never down.
 */
#include "common/sys/fdlimit.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

static void
set_limits(rlim_t soft, rlim_t hard)
{
    struct rlimit lim = {.rlim_cur = soft, .rlim_max = hard};

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

Test(fdlimit, goes_up_to_the_hard_limit_and_never_down)
{
    struct rlimit lim;

    set_limits(100, 200);
    cr_expect_eq(fdlimit_raise(50), 100u);
    cr_expect_eq(fdlimit_raise(150), 150u);
    cr_expect_eq(fdlimit_raise(65536), 200u);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &lim), 0);
    cr_expect_eq(lim.rlim_cur, 200u);
    cr_expect_eq(lim.rlim_max, 200u);
}
