/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keys that differ little are spread like random ones, over low and high bits of the hash.
 */
#include "common/ds/wordhash.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

enum { PLACES = 1024, KEYS = 64 * PLACES };

static const uint64_t seed[2] = {1, 2};

/* No place has twice as many keys as it should have: 64, give or take 8. */
static void
check_spread(unsigned shift, size_t len, size_t at)
{
    static uint32_t places[PLACES];
    uint8_t key[20] = {0};

    memset(places, 0, sizeof(places));
    for (uint32_t n = 0; n < KEYS; n++) {
        put_u32be(key + at, n);
        places[wordhash(seed, key, len) >> shift & (PLACES - 1)]++;
    }
    for (int i = 0; i < PLACES; i++)
        cr_assert_leq(places[i], 128, "shift %u, %zu bytes, counter at %zu: %u", shift, len, at,
                      places[i]);
}

Test(wordhash, spreads_numbers)
{
    for (unsigned shift = 0; shift <= 48; shift += 16)
        for (size_t at = 0; at < 20; at += 4)
            check_spread(shift, 20, at);
    for (unsigned shift = 0; shift <= 48; shift += 16)
        check_spread(shift, 16, 12);
    check_spread(0, 8, 4);
}

Test(wordhash, depends_on_each_byte_and_on_the_seed)
{
    const uint64_t other[2] = {1, 3}, another[2] = {4, 2};
    uint8_t key[20] = "0123456789abcdefghi";
    uint64_t hash = wordhash(seed, key, sizeof(key));

    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= 1;
        cr_assert_neq((uint32_t)wordhash(seed, key, sizeof(key)), (uint32_t)hash, "%zu", i);
        key[i] ^= 1;
    }
    cr_assert_eq(wordhash(seed, key, sizeof(key)), hash);
    cr_assert_neq((uint32_t)wordhash(other, key, sizeof(key)), (uint32_t)hash);
    cr_assert_neq((uint32_t)wordhash(another, key, sizeof(key)), (uint32_t)hash);
}
