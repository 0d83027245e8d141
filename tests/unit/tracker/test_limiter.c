/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate limit over its stripes: each address has its own, wherever it is counted.
 */
#include "tracker/net/limiter.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

Test(limiter, holds_for_each_of_many_addresses)
{
    static const uint64_t seed[2] = {1, 2};
    struct mono now = {1000000000};
    struct limiter *l = limiter_new(seed);
    struct endpoint e = {.family = IP_V4};

    for (unsigned i = 0; i < 1000; i++)
        cr_assert(limiter_allow(l, &e, now));
    cr_assert_eq(limiter_set(l, 3), 0);
    for (unsigned round = 0; round < 5; round++) {
        for (uint32_t n = 0; n < 5000; n++) {
            put_u32be(e.ip, n);
            cr_assert_eq(limiter_allow(l, &e, now), round < 3, "%u, %u", n, round);
        }
    }
    cr_assert_eq(limiter_set(l, 0), 0);
    cr_assert(limiter_allow(l, &e, now));
    limiter_free(l);
}
