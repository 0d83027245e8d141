/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/core/bans.h"

#include <criterion/criterion.h>

static const uint64_t seed[2] = {1, 2};

static struct endpoint
host(uint32_t n)
{
    return (struct endpoint){.family = IP_V4,
                             .ip = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
                             .port = 6881};
}

Test(bans, a_site_is_banned_whatever_the_port)
{
    struct endpoint a = host(1), b = host(2);
    struct bans bans;

    bans_init(&bans, seed);
    cr_assert_not(bans_has(&bans, &a));
    bans_add(&bans, &a);
    bans_add(&bans, &a);
    a.port = 1;
    cr_assert(bans_has(&bans, &a));
    cr_assert_not(bans_has(&bans, &b));
    bans_fini(&bans);
}

Test(bans, an_offence_is_forgiven_until_there_are_many)
{
    struct endpoint a = host(1), b = host(2);
    struct bans bans;

    bans_init(&bans, seed);
    for (int i = 1; i < BANS_OFFENCES; i++) {
        cr_assert_not(bans_offend(&bans, &a));
        cr_assert_not(bans_offend(&bans, &b));
    }
    cr_assert_not(bans_has(&bans, &a));
    cr_assert(bans_offend(&bans, &a));
    cr_assert(bans_has(&bans, &a));
    cr_assert_not(bans_has(&bans, &b));
    cr_assert_not(bans_offend(&bans, &a), "it is banned already");
    bans_fini(&bans);
}

Test(bans, offences_of_many_get_no_ban_forgotten)
{
    struct endpoint a = host(0);
    struct bans bans;

    bans_init(&bans, seed);
    bans_add(&bans, &a);
    for (uint32_t i = 1; i <= BANS_MAX + 1; i++) {
        struct endpoint e = host(i);

        cr_assert_not(bans_offend(&bans, &e));
    }
    cr_assert(bans_has(&bans, &a));
    /* The oldest offender is forgotten: it has all its chances again. */
    a = host(1);
    for (int i = 1; i < BANS_OFFENCES; i++)
        cr_assert_not(bans_offend(&bans, &a));
    cr_assert(bans_offend(&bans, &a));
    bans_fini(&bans);
}
