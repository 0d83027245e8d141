/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeded generator: the reference sequence, equal runs, and bounds.
 */
#include "common/base/rng.h"

#include <criterion/criterion.h>
#include <string.h>

Test(rng, the_reference_sequence)
{
    /* xoshiro256** from the state 1, 2, 3, 4. */
    static const uint64_t known[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
    };
    struct rng r = {{1, 2, 3, 4}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        cr_assert_eq(rng_u64(&r), known[i], "number %zu", i);
}

Test(rng, the_same_seed_makes_the_same_choices)
{
    struct rng a, b, c;
    int equal = 0;

    rng_init(&a, 7);
    rng_init(&b, 7);
    rng_init(&c, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t v = rng_u64(&a);

        cr_assert_eq(v, rng_u64(&b));
        equal += v == rng_u64(&c);
    }
    cr_assert_eq(equal, 0);
}

Test(rng, seed_0_works)
{
    struct rng r;
    uint64_t all = 0;

    rng_init(&r, 0);
    for (int i = 0; i < 64; i++)
        all |= rng_u64(&r);
    cr_assert_eq(all, UINT64_MAX, "every bit comes up");
}

Test(rng, below_stays_below_and_reaches_all)
{
    static const uint32_t bounds[] = {1, 2, 3, 7, 10};
    struct rng r;

    rng_init(&r, 3);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        unsigned seen[10] = {0};

        for (int k = 0; k < 10000; k++) {
            uint32_t v = rng_below(&r, bounds[i]);

            cr_assert_lt(v, bounds[i]);
            seen[v]++;
        }
        for (uint32_t v = 0; v < bounds[i]; v++)
            cr_assert(seen[v] > 8000 / bounds[i] && seen[v] < 12000 / bounds[i] + 1, "%u of %u: %u",
                      v, bounds[i], seen[v]);
    }
    for (int k = 0; k < 1000; k++)
        cr_assert_lt(rng_below(&r, 0x80000001u), 0x80000001u);
}

Test(rng, fill_fills_the_whole_and_nothing_more)
{
    for (size_t len = 0; len < 30; len++) {
        uint8_t bytes[40];
        struct rng r;

        memset(bytes, 0xee, sizeof(bytes));
        rng_init(&r, 5);
        rng_fill(&r, bytes, len);
        for (size_t i = len; i < sizeof(bytes); i++)
            cr_assert_eq(bytes[i], 0xee);
    }
}
