/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random bytes from the kernel: length, and no obvious pattern.
 */
#include "common/crypto/random.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(random, fills_the_whole_and_nothing_more)
{
    /* Over 256 bytes a signal may cut a read short; this many also takes more than one page. */
    static uint8_t bytes[8192 + 1];
    size_t zeros = 0;

    bytes[8192] = 0x5a;
    random_bytes(bytes, 8192);
    cr_assert_eq(bytes[8192], 0x5a);
    for (size_t i = 0; i < 8192; i++)
        zeros += bytes[i] == 0;
    /* 32 are expected; more than 200 does not happen to a working generator. */
    cr_assert_lt(zeros, 200);
}

Test(random, two_draws_differ)
{
    uint8_t a[32], b[32];

    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    cr_assert(memcmp(a, b, sizeof(a)) != 0);
}

Test(random, nothing_is_legal)
{
    random_bytes(NULL, 0);
}
