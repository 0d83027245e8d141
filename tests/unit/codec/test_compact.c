/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compact endpoints in both families, lists with entries that nobody can use, and cut lists.
 */
#include "common/codec/compact.h"

#include <criterion/criterion.h>

Test(compact, round_trip_v4)
{
    struct endpoint e = {.ip = {127, 0, 0, 1}, .port = 6881, .family = IP_V4}, back;
    uint8_t wire[COMPACT_V6_LEN];

    cr_assert_eq(compact_put(wire, &e), COMPACT_V4_LEN);
    cr_assert_arr_eq(wire, "\x7f\0\0\1\x1a\xe1", 6);
    compact_get(&back, wire, IP_V4);
    cr_assert(endpoint_equal(&e, &back));
}

Test(compact, round_trip_v6)
{
    struct endpoint e = {.ip = {0x20, 1, [15] = 9}, .port = 65535, .family = IP_V6}, back;
    uint8_t wire[COMPACT_V6_LEN];

    cr_assert_eq(compact_put(wire, &e), COMPACT_V6_LEN);
    compact_get(&back, wire, IP_V6);
    cr_assert(endpoint_equal(&e, &back));
}

Test(compact, mapped_address_becomes_v4)
{
    static const uint8_t wire[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 7, 0, 80};
    struct endpoint e;

    compact_get(&e, wire, IP_V6);
    cr_assert_eq(e.family, IP_V4);
    cr_assert_eq(e.ip[0], 10);
    cr_assert_eq(e.ip[4], 0);
    cr_assert_eq(e.port, 80);
}

Test(compact, list_leaves_out_what_is_of_no_use)
{
    static const uint8_t wire[] = {
        1, 2, 3, 4, 0, 1, /* good */
        1, 2, 3, 4, 0, 0, /* port 0 */
        0, 0, 0, 0, 0, 1, /* no address */
        5, 6, 7, 8, 1, 0, /* good */
        9, 9, 9, 9, 9,    /* cut */
    };
    struct endpoint e[8];

    cr_assert_eq(compact_get_list(e, 8, wire, sizeof(wire), IP_V4), 2);
    cr_assert_eq(e[1].port, 256);
    cr_assert_eq(compact_get_list(e, 1, wire, sizeof(wire), IP_V4), 1);
    cr_assert_eq(compact_get_list(e, 0, wire, sizeof(wire), IP_V4), 0);
    cr_assert_eq(compact_get_list(e, 8, wire, 5, IP_V4), 0);
    cr_assert_eq(compact_get_list(e, 8, NULL, 0, IP_V6), 0);
}
