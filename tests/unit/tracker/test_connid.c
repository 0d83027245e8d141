/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connection ids: two minutes and not a second more, one address only, across a change of keys.
 */
#include "tracker/core/connid.h"

#include <criterion/criterion.h>

static const uint8_t secret[MAC_KEY_LEN] = "0123456789abcde";
static const struct endpoint here = {.ip = {10, 0, 0, 1}, .port = 1000, .family = IP_V4};

static struct mono
at(int64_t seconds)
{
    return (struct mono){seconds * 1000000 + 999999};
}

Test(connid, is_taken_for_two_minutes)
{
    struct connid c;

    connid_init(&c, secret);
    for (int64_t start = 0; start < 200000; start += 601) {
        uint64_t id = connid_make(&c, &here, at(start));

        cr_assert(connid_check(&c, id, &here, at(start)));
        cr_assert(connid_check(&c, id, &here, at(start + CONNID_LIFE_S)), "start %ld", (long)start);
        cr_assert_not(connid_check(&c, id, &here, at(start + CONNID_LIFE_S + 1)));
        cr_assert_not(connid_check(&c, id, &here, at(start + 65536)), "the second wraps around");
        if (start > CONNID_AHEAD_S) {
            cr_assert(connid_check(&c, id, &here, at(start - CONNID_AHEAD_S)), "another clock");
            cr_assert_not(connid_check(&c, id, &here, at(start - CONNID_AHEAD_S - 1)));
        }
    }
}

Test(connid, a_new_secret_leaves_ids_of_the_old_their_two_minutes)
{
    struct connid c, other;
    uint64_t id, newer;

    connid_init(&c, secret);
    id = connid_make(&c, &here, at(1000));
    connid_init(&other, (const uint8_t *)"anothersecret...");
    newer = connid_make(&other, &here, at(1000));
    cr_assert_not(connid_check(&c, newer, &here, at(1000)));
    connid_set_secret(&c, (const uint8_t *)"anothersecret...", at(1010));
    cr_assert(connid_check(&c, id, &here, at(1120)));
    cr_assert(connid_check(&c, newer, &here, at(1120)));
    cr_assert_eq(connid_make(&c, &here, at(1000)), newer);
    connid_set_secret(&c, (const uint8_t *)"and a third one.", at(1020));
    cr_assert_not(connid_check(&c, id, &here, at(1020)), "only the last one");
    cr_assert(connid_check(&c, newer, &here, at(1120)));
}

Test(connid, belongs_to_an_address_but_to_no_port)
{
    struct endpoint other = here, six = {.ip = {10, 0, 0, 1}, .family = IP_V6};
    struct connid c;
    uint64_t id;

    connid_init(&c, secret);
    id = connid_make(&c, &here, at(50));
    other.port++;
    cr_assert(connid_check(&c, id, &other, at(60)));
    other.ip[3]++;
    cr_assert_not(connid_check(&c, id, &other, at(60)));
    cr_assert_not(connid_check(&c, id, &six, at(60)), "the family counts");
}

Test(connid, no_bit_can_be_changed)
{
    struct connid c;
    uint64_t id;

    connid_init(&c, secret);
    id = connid_make(&c, &here, at(500));
    for (int bit = 0; bit < 64; bit++)
        cr_assert_not(connid_check(&c, id ^ (UINT64_C(1) << bit), &here, at(500)), "bit %d", bit);
    cr_assert_not(connid_check(&c, 0, &here, at(500)));
    cr_assert_not(connid_check(&c, 0, &here, at(0)));
}

Test(connid, needs_the_secret_and_the_key_changes)
{
    static const uint8_t other_secret[MAC_KEY_LEN] = "0123456789abcdf";
    struct connid a, b, same;
    uint64_t id;

    connid_init(&a, secret);
    connid_init(&b, other_secret);
    connid_init(&same, secret);
    id = connid_make(&a, &here, at(100));
    cr_assert_not(connid_check(&b, id, &here, at(100)));
    cr_assert(connid_check(&same, id, &here, at(100)), "a fleet shares ids");
    /* The same second modulo 2^16 in another epoch has another MAC. */
    cr_assert_neq(connid_make(&a, &here, at(100 + 65536)), id);
    /* An id from just before a change of keys is good just after it, and the old key can come back.
     */
    id = connid_make(&a, &here, at(CONNID_KEY_S - 1));
    (void)connid_make(&a, &here, at(CONNID_KEY_S + 1));
    cr_assert(connid_check(&a, id, &here, at(CONNID_KEY_S + 1)));
}
