/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The test vectors of BEP 40, and cases that they do not cover.
 */
#include "peer/core/peerprio.h"

#include <criterion/criterion.h>

static struct endpoint
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct endpoint){.family = IP_V4, .ip = {a, b, c, d}, .port = port};
}

/* 2001:db8:N:… with the bytes 6 to 15 given at their ends. */
static struct endpoint
v6(uint8_t fifth, uint8_t sixth, uint8_t seventh, uint8_t last)
{
    return (struct endpoint){.family = IP_V6, .port = 1,
                             .ip = {0x20, 1, 0x0d, 0xb8, 0, fifth, sixth, seventh, [15] = last}};
}

Test(peerprio, the_vectors_of_bep_40)
{
    struct endpoint client = v4(123, 213, 32, 10, 5), far = v4(98, 76, 54, 32, 6),
                    near = v4(123, 213, 32, 234, 7);

    cr_assert_eq(peerprio(&client, &far), 0xec2d7224);
    cr_assert_eq(peerprio(&far, &client), 0xec2d7224);
    cr_assert_eq(peerprio(&client, &near), 0x99568189);
    cr_assert_eq(peerprio(&near, &client), 0x99568189);
}

Test(peerprio, one_host_goes_by_its_ports)
{
    struct endpoint a = v4(10, 0, 0, 1, 6881), b = v4(10, 0, 0, 1, 6882), c = v4(10, 0, 0, 1, 6883);

    cr_assert_eq(peerprio(&a, &b), peerprio(&b, &a));
    cr_assert_neq(peerprio(&a, &b), peerprio(&a, &c));
}

/* Bits that the mask hides make no difference; those behind the common part do. */
Test(peerprio, masks_of_ipv4)
{
    struct endpoint a = v4(1, 2, 3, 4, 1), b = v4(9, 9, 0, 0, 1), hidden = v4(9, 9, 0xaa, 0xaa, 1);
    struct endpoint same16 = v4(1, 2, 0xff, 0, 1), hidden16 = v4(1, 2, 0xff, 0xaa, 1),
                    other16 = v4(1, 2, 0x55, 0, 1);

    cr_assert_eq(peerprio(&a, &b), peerprio(&a, &hidden));
    cr_assert_eq(peerprio(&a, &same16), peerprio(&a, &hidden16));
    cr_assert_neq(peerprio(&a, &same16), peerprio(&a, &other16));
}

Test(peerprio, masks_of_ipv6)
{
    struct endpoint a = v6(1, 0, 0, 0), b = v6(2, 0, 0, 0), hidden = v6(2, 0xaa, 0xaa, 0xaa),
                    shown = v6(2, 0, 0, 1);
    struct endpoint same48 = v6(1, 0xff, 0, 0), hidden48 = v6(1, 0xff, 0xaa, 0xaa),
                    other48 = v6(1, 0x55, 0, 0);
    struct endpoint v4peer = v4(1, 2, 3, 4, 1);

    cr_assert_eq(peerprio(&a, &b), peerprio(&a, &hidden));
    cr_assert_neq(peerprio(&a, &b), peerprio(&a, &shown));
    cr_assert_eq(peerprio(&a, &same48), peerprio(&a, &hidden48));
    cr_assert_neq(peerprio(&a, &same48), peerprio(&a, &other48));
    cr_assert_eq(peerprio(&a, &b), peerprio(&b, &a));
    cr_assert_eq(peerprio(&a, &v4peer), 0);
}
