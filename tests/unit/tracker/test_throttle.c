/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The limit holds for each address and for nobody else, and a full table forgets in the address's
 * favour.
 */
#include "tracker/core/throttle.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

enum { ROWS = 1 << 12 };

static const uint64_t seed[2] = {1, 2};

static struct endpoint
v4(uint32_t n)
{
    struct endpoint e = {.family = IP_V4, .port = (uint16_t)n};

    put_u32be(e.ip, n);
    return e;
}

static unsigned
ask(struct throttle *t, const struct endpoint *from, unsigned times, struct mono now)
{
    unsigned allowed = 0;

    while (times-- > 0)
        allowed += throttle_allow(t, from, THROTTLE_HOST, 1, now);
    return allowed;
}

Test(throttle, a_burst_then_the_rate)
{
    struct mono now = {1000000000};
    struct endpoint a = v4(1), b = v4(2);
    struct throttle t;
    unsigned allowed = 0;

    throttle_init(&t, seed, ROWS);
    cr_assert_eq(ask(&t, &a, 1000, now), 1000, "there is no limit at first");
    cr_assert_eq(throttle_set(&t, 60), 0);
    cr_assert_eq(ask(&t, &a, 1000, now), 60);
    a.port = 99;
    cr_assert_eq(ask(&t, &a, 1, now), 0, "another port is no other address");
    cr_assert_eq(ask(&t, &b, 1000, now), 60);
    for (int second = 0; second < 600; second++) {
        now = mono_add_ms(now, 1000);
        allowed += ask(&t, &a, 10, now);
    }
    cr_assert_eq(allowed, 600);
    now = mono_add_ms(now, 3600 * 1000);
    cr_assert_eq(ask(&t, &a, 1000, now), 60, "who was silent has a burst, not an hour's worth");
    cr_assert_eq(throttle_set(&t, 0), 0);
    cr_assert_eq(ask(&t, &a, 1000, now), 1000);
    throttle_fini(&t);
}

Test(throttle, an_ipv6_net_is_one_address)
{
    struct mono now = {1000000000};
    struct endpoint e = {.family = IP_V6, .ip = {0x20, 1}};
    struct throttle t;
    unsigned allowed = 0;

    throttle_init(&t, seed, ROWS);
    cr_assert_eq(throttle_set(&t, 10), 0);
    for (uint8_t host = 0; host < 100; host++) {
        e.ip[15] = e.ip[8] = host;
        allowed += ask(&t, &e, 1, now);
    }
    cr_assert_eq(allowed, 10);
    e.ip[7] = 1;
    cr_assert_eq(ask(&t, &e, 100, now), 10);
    throttle_fini(&t);
}

Test(throttle, more_addresses_than_fit)
{
    enum { ADDRESSES = 4 * ROWS * THROTTLE_WAYS };
    struct mono now = {1000000000};
    struct endpoint busy = v4(0xffffffff);
    struct throttle t;
    unsigned allowed = 0;

    throttle_init(&t, seed, ROWS);
    cr_assert_eq(throttle_set(&t, 1000), 0);
    (void)ask(&t, &busy, 2000, now);
    for (uint32_t n = 0; n < ADDRESSES; n++) {
        struct endpoint e = v4(n);

        cr_assert(throttle_allow(&t, &e, THROTTLE_HOST, 1, now));
        if (n % 1000 == 0)
            allowed += ask(&t, &busy, 1, now);
    }
    cr_assert_eq(allowed, 0, "who asks most is forgotten last");
    throttle_fini(&t);
}

Test(throttle, the_highest_rate)
{
    struct mono now = {1000000000};
    struct endpoint a = v4(1);
    struct throttle t;

    throttle_init(&t, seed, ROWS);
    cr_assert_eq(throttle_set(&t, THROTTLE_RATE_MAX), 0);
    cr_assert_eq(ask(&t, &a, 2 * THROTTLE_RATE_MAX, now), THROTTLE_RATE_MAX);
    throttle_fini(&t);
}

Test(throttle, what_costs_more_counts_more)
{
    struct mono now = {1000000000};
    struct endpoint a = v4(1), b = v4(2);
    struct throttle t;
    unsigned allowed = 0;

    throttle_init(&t, seed, ROWS);
    cr_assert_eq(throttle_set(&t, 100), 0);
    for (int i = 0; i < 100; i++)
        allowed += throttle_allow(&t, &a, THROTTLE_HOST, 10, now);
    cr_assert_eq(allowed, 10u);
    cr_assert_eq(ask(&t, &a, 100, now), 0u);
    cr_assert(throttle_allow(&t, &b, THROTTLE_HOST, 1000, now), "a burst pays for anything");
    cr_assert_eq(ask(&t, &b, 100, now), 0u);
    throttle_fini(&t);
}
