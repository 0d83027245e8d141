/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/core/bans.h"

#include <criterion/criterion.h>

static const uint64_t seed[2] = {1, 2};
static const struct mono now = {1000};

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
    bans_add(&bans, &a, MONO_NEVER);
    bans_add(&bans, &a, MONO_NEVER);
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
        cr_assert_not(bans_offend(&bans, &a, now));
        cr_assert_not(bans_offend(&bans, &b, now));
    }
    cr_assert_not(bans_has(&bans, &a));
    cr_assert(bans_offend(&bans, &a, now));
    cr_assert(bans_has(&bans, &a));
    cr_assert_not(bans_has(&bans, &b));
    cr_assert_not(bans_offend(&bans, &a, now), "it is banned already");
    bans_fini(&bans);
}

Test(bans, offences_of_many_get_no_ban_forgotten)
{
    struct endpoint a = host(0);
    struct bans bans;

    bans_init(&bans, seed);
    bans_add(&bans, &a, MONO_NEVER);
    for (uint32_t i = 1; i <= BANS_MAX + 1; i++) {
        struct endpoint e = host(i);

        cr_assert_not(bans_offend(&bans, &e, now));
    }
    cr_assert(bans_has(&bans, &a));
    /* The oldest offender was forgotten: its offences are counted from 0 again. */
    a = host(1);
    for (int i = 1; i < BANS_OFFENCES; i++)
        cr_assert_not(bans_offend(&bans, &a, now));
    cr_assert(bans_offend(&bans, &a, now));
    bans_fini(&bans);
}

Test(bans, bans_and_offences_end)
{
    struct mono later = mono_add_ms(now, BANS_OFFENCE_MS);
    struct endpoint a = host(1), b = host(2), c;
    struct bans bans;

    bans_init(&bans, seed);
    bans_add(&bans, &a, later);
    bans_add(&bans, &b, later);
    bans_add(&bans, &b, mono_add_ms(now, BANS_MS));
    for (uint32_t i = 0; i < 2 * BANS_MAX; i++) {
        c = host(10 + i);
        bans_add(&bans, &c, later);
    }
    bans_add(&bans, &b, mono_add_ms(now, BANS_MS));
    for (int i = 1; i < BANS_OFFENCES; i++)
        cr_assert_not(bans_offend(&bans, &a, now));
    bans_expire(&bans, later);
    cr_assert_not(bans_has(&bans, &a));
    cr_assert_not(bans_has(&bans, &c));
    cr_assert(bans_has(&bans, &b));
    cr_assert_not(bans_offend(&bans, &a, later), "its offences are forgotten");
    for (uint32_t i = 0; i < 2 * BANS_MAX; i++) {
        c = host(10 + i);
        bans_add(&bans, &c, MONO_NEVER);
    }
    cr_assert(bans_has(&bans, &c));
    bans_expire(&bans, mono_add_ms(later, BANS_MS));
    cr_assert(bans_has(&bans, &c));
    bans_fini(&bans);
}
