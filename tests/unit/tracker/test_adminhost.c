/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Host headers that browsers and programs send, and those of a rebound name.
 */
#include "tracker/operator/adminhost.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static struct adminhost a;

static bool
serves(const char *host)
{
    return adminhost_serves(&a, host, strlen(host));
}

Test(adminhost, addresses_and_own_names)
{
    char longest[ADMINHOST_NAME_MAX + 3];

    cr_assert_eq(adminhost_add(&a, "Tracker.example"), 0);
    cr_assert(serves(""));
    cr_assert(serves("127.0.0.1:6970"));
    cr_assert(serves("192.0.2.1"));
    cr_assert(serves("[::1]:6970"));
    cr_assert(serves("[fe80::1]"));
    cr_assert(serves("LocalHost:1"));
    cr_assert(serves("tracker.EXAMPLE."));
    cr_assert(serves("tracker.example:443"));
    cr_assert_not(serves("evil.example"));
    cr_assert_not(serves("evil.example:6970"));
    cr_assert_not(serves("127.0.0.1.evil.example"));
    cr_assert_not(serves("localhost.evil.example"));
    cr_assert_not(serves("tracker.example.evil.example"));
    cr_assert_not(serves("[::1"));
    cr_assert_not(serves(":6970"));
    cr_assert_not(serves("."));
    memset(longest, 'a', sizeof(longest));
    cr_assert_not(adminhost_serves(&a, longest, sizeof(longest)));
}

Test(adminhost, names_that_are_none)
{
    cr_assert_eq(adminhost_add(&a, ""), SPRAT_E_INVAL);
    cr_assert_eq(adminhost_add(&a, "a b"), SPRAT_E_INVAL);
    cr_assert_eq(adminhost_add(&a, "host:80"), SPRAT_E_INVAL);
    for (int i = 0; i < ADMINHOST_MAX; i++)
        cr_assert_eq(adminhost_add(&a, "x"), 0);
    cr_assert_eq(adminhost_add(&a, "x"), SPRAT_E_LIMIT);
}
