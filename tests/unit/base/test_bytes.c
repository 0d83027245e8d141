/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Big-endian numbers and endpoints.
 */
#include "common/base/bytes.h"

#include <criterion/criterion.h>

#include "common/base/endpoint.h"

Test(bytes, big_endian)
{
    static const uint8_t in[] = {0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88};
    uint8_t out[8];

    cr_assert_eq(get_u16be(in), 0x8182);
    cr_assert_eq(get_u32be(in), 0x81828384);
    cr_assert_eq(get_u64be(in), 0x8182838485868788);
    put_u16be(out, 0x8182);
    cr_assert_arr_eq(out, in, 2);
    put_u32be(out, 0x81828384);
    cr_assert_arr_eq(out, in, 4);
    put_u64be(out, 0x8182838485868788);
    cr_assert_arr_eq(out, in, 8);
}

Test(bytes, no_alignment_is_needed)
{
    static const uint8_t in[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

    cr_assert_eq(get_u32be(in + 1), 0x01020304);
    cr_assert_eq(get_u64be(in + 1), 0x0102030405060708);
}

Test(bytes, endpoints)
{
    struct endpoint a = {.ip = {10, 0, 0, 1}, .port = 1, .family = IP_V4};
    struct endpoint b = a;

    cr_assert(endpoint_equal(&a, &b));
    b.port = 2;
    cr_assert_not(endpoint_equal(&a, &b));
    cr_assert(endpoint_same_host(&a, &b));
    b = a;
    b.family = IP_V6;
    cr_assert_not(endpoint_equal(&a, &b));
    cr_assert_not(endpoint_same_host(&a, &b));
    cr_assert_eq(endpoint_ip_len(&a), 4);
    cr_assert_eq(endpoint_ip_len(&b), 16);
}
