/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loopback peers in an answer for another host: replaced, or left out together with their ids.
 */
#include "tracker/core/external.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct external none;
static const struct external both = {
    .v4 = {.ip = {192, 0, 2, 7}, .family = IP_V4},
    .v6 = {.ip = {0x20, 1, 0xd, 0xb8, [15] = 7}, .family = IP_V6},
};

Test(external, what_a_loopback_address_is)
{
    static const uint8_t low[6] = {127, 0, 0, 1, 1, 1}, high[6] = {127, 255, 255, 254, 1, 1};
    static const uint8_t other[6] = {128, 0, 0, 1, 1, 1};
    static const uint8_t six[18] = {[15] = 1, [17] = 9}, any[18] = {[17] = 9};
    static const uint8_t global[18] = {0x20, 1, [15] = 1, [17] = 9};

    cr_expect(external_is_loopback(low, IP_V4));
    cr_expect(external_is_loopback(high, IP_V4));
    cr_expect_not(external_is_loopback(other, IP_V4));
    cr_expect(external_is_loopback(six, IP_V6));
    cr_expect_not(external_is_loopback(any, IP_V6));
    cr_expect_not(external_is_loopback(global, IP_V6));
}

Test(external, loopback_peers_are_left_out_with_their_ids)
{
    uint8_t peers[4 * 6] = {127, 0, 0, 1, 0, 1, 10, 0, 0, 2, 0, 2,
                            127, 9, 9, 9, 0, 3, 10, 0, 0, 4, 0, 4};
    static const uint8_t left[2 * 6] = {10, 0, 0, 2, 0, 2, 10, 0, 0, 4, 0, 4};
    uint8_t ids[4 * 20];

    for (int i = 0; i < 4; i++)
        memset(ids + 20 * i, 'a' + i, 20);
    cr_assert_eq(external_filter(&none, IP_V4, peers, ids, 4), 2);
    cr_expect_arr_eq(peers, left, sizeof(left));
    cr_expect_eq(ids[0], 'b');
    cr_expect_eq(ids[39], 'd');
    cr_expect_eq(external_filter(&none, IP_V4, peers, NULL, 2), 2, "there is nothing to leave out");
    cr_expect_eq(external_filter(&none, IP_V4, peers, NULL, 0), 0);
}

Test(external, the_external_address_takes_their_place)
{
    uint8_t four[2 * 6] = {127, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0, 2};
    static const uint8_t want4[2 * 6] = {192, 0, 2, 7, 0x1a, 0xe1, 10, 0, 0, 2, 0, 2};
    uint8_t six[18] = {[15] = 1, [16] = 0x1a, [17] = 0xe1};
    static const uint8_t want6[18] = {0x20, 1, 0xd, 0xb8, [15] = 7, [16] = 0x1a, [17] = 0xe1};
    struct external only6 = {.v6 = both.v6};

    cr_assert_eq(external_filter(&both, IP_V4, four, NULL, 2), 2);
    cr_expect_arr_eq(four, want4, sizeof(want4));
    cr_assert_eq(external_filter(&both, IP_V6, six, NULL, 1), 1);
    cr_expect_arr_eq(six, want6, sizeof(want6));
    four[0] = 127;
    cr_expect_eq(external_filter(&only6, IP_V4, four, NULL, 1), 0, "the family has none");
}
