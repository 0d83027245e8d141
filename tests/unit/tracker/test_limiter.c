/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate limit over its stripes: each address has its own, wherever it is counted.
 */
#include "tracker/net/limiter.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

static const uint64_t seed[2] = {1, 2};

Test(limiter, holds_for_each_of_many_addresses)
{
    struct netset none = {.count = 0};
    struct mono now = {1000000000};
    struct limiter *l = limiter_new(seed);
    struct endpoint e = {.family = IP_V4};

    for (unsigned i = 0; i < 1000; i++)
        cr_assert(limiter_allow(l, &e, 1, now));
    cr_assert_eq(limiter_set(l, 3, &none), 0);
    for (unsigned round = 0; round < 5; round++) {
        for (uint32_t n = 0; n < 5000; n++) {
            put_u32be(e.ip, n);
            cr_assert_eq(limiter_allow(l, &e, 1, now), round < 3, "%u, %u", n, round);
        }
    }
    cr_assert_eq(limiter_set(l, 0, &none), 0);
    cr_assert(limiter_allow(l, &e, 1, now));
    limiter_free(l);
}

static unsigned
ask(struct limiter *l, const struct endpoint *from, unsigned times)
{
    struct mono now = {1000000000};
    unsigned allowed = 0;

    while (times-- > 0)
        allowed += limiter_allow(l, from, 1, now);
    return allowed;
}

Test(limiter, an_ipv6_site_has_a_limit_of_its_own)
{
    struct netset none = {.count = 0};
    struct limiter *l = limiter_new(seed);
    struct endpoint e = {.family = IP_V6, .ip = {0x20, 1}};
    unsigned allowed = 0;

    cr_assert_eq(limiter_set(l, 10, &none), 0);
    for (uint16_t subnet = 0; subnet < 1000; subnet++) {
        put_u16be(e.ip + 6, subnet);
        allowed += ask(l, &e, 20);
    }
    cr_assert_eq(allowed, 10u * THROTTLE_SITE_SHARE);
    e.ip[5] = 1;
    cr_assert_eq(ask(l, &e, 20), 10u, "another /48 is another site");
    limiter_free(l);
}

Test(limiter, exempt_networks_have_none)
{
    struct netset exempt = {.count = 0};
    struct limiter *l = limiter_new(seed);
    struct endpoint in = {.family = IP_V4, .ip = {10, 1, 2, 3}},
                    out = {.family = IP_V4, .ip = {11}};

    cr_assert_eq(netset_add(&exempt, &in, 8), 0);
    cr_assert_eq(limiter_set(l, 10, &exempt), 0);
    cr_assert_eq(ask(l, &in, 100), 100u);
    cr_assert_eq(ask(l, &out, 100), 10u);
    cr_assert_eq(limiter_set(l, 10, &(struct netset){.count = 0}), 0);
    cr_assert_eq(ask(l, &in, 100), 10u, "what it asked before was not counted");
    limiter_free(l);
}
