/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How we learn our own address from peers' votes.
 */
#include "peer/core/ownaddr.h"

#include <criterion/criterion.h>

static struct endpoint
v4(uint8_t last, uint16_t port)
{
    return (struct endpoint){.family = IP_V4, .ip = {8, 8, 8, last}, .port = port};
}

static struct mono now;

/* Each vote comes long after the one before. */
static bool
vote(struct ownaddr *o, uint8_t voter, uint8_t says)
{
    struct endpoint from = v4(voter, (uint16_t)(1000 + says)), it = v4(says, 0);

    now = mono_add_ms(now, OWNADDR_CHANGE_MS);
    return ownaddr_vote(o, &from, &it, now);
}

Test(ownaddr, the_first_word_counts_until_more_say_otherwise)
{
    struct ownaddr o;

    ownaddr_init(&o, 6881);
    cr_assert_eq(ownaddr_get(&o, IP_V4)->family, IP_NONE);
    cr_assert(vote(&o, 1, 100));
    cr_assert_eq(ownaddr_get(&o, IP_V4)->ip[3], 100);
    cr_assert_eq(ownaddr_get(&o, IP_V4)->port, 6881);
    cr_assert_eq(ownaddr_get(&o, IP_V6)->family, IP_NONE);
    cr_assert_not(vote(&o, 2, 101), "one against one");
    cr_assert_not(vote(&o, 2, 101), "it has said so");
    cr_assert(vote(&o, 3, 101));
    cr_assert_eq(ownaddr_get(&o, IP_V4)->ip[3], 101);
}

Test(ownaddr, one_voice_is_one_vote_and_old_ones_are_forgotten)
{
    struct ownaddr o;

    ownaddr_init(&o, 1);
    for (uint8_t i = 0; i < 3; i++)
        vote(&o, i, 100);
    for (uint8_t i = 0; i < 50; i++)
        cr_assert_not(vote(&o, 9, 200));
    cr_assert_eq(ownaddr_get(&o, IP_V4)->ip[3], 100);
    for (uint8_t i = 0; i < OWNADDR_VOTES; i++)
        vote(&o, (uint8_t)(20 + i), 200);
    cr_assert_eq(ownaddr_get(&o, IP_V4)->ip[3], 200);
    cr_assert_not(
        ownaddr_vote(&o, &(struct endpoint){.family = IP_V4}, &(struct endpoint){0}, now));
}

Test(ownaddr, families_are_apart)
{
    struct endpoint from = v4(1, 5), six = {.family = IP_V6, .ip = {0x20, 1}};
    struct ownaddr o;

    ownaddr_init(&o, 1);
    cr_assert(vote(&o, 1, 100));
    cr_assert(ownaddr_vote(&o, &from, &six, now));
    cr_assert_eq(ownaddr_get(&o, IP_V6)->ip[0], 0x20);
    cr_assert_eq(ownaddr_get(&o, IP_V4)->ip[3], 100);
}

/* Each change sorts the peer list anew, and a vote is 22 bytes. */
Test(ownaddr, who_changes_its_mind_all_the_time_changes_little)
{
    struct endpoint from = v4(1, 5), other = v4(9, 0);
    unsigned changes = 0;
    struct ownaddr o;

    ownaddr_init(&o, 1);
    for (unsigned i = 0; i < 10000; i++) {
        struct endpoint it = v4((uint8_t)(100 + i % 2), 0);

        now = mono_add_ms(now, 1);
        changes += ownaddr_vote(&o, &from, &it, now);
    }
    cr_assert_eq(changes, 1u);
    now = mono_add_ms(now, OWNADDR_CHANGE_MS);
    cr_assert(ownaddr_vote(&o, &from, &other, now));
}
