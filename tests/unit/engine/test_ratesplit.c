/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/engine/ratesplit.h"

#include <criterion/criterion.h>

#include "common/base/rng.h"

enum { LIMIT = 1000000, ROUNDS = 12 };

/* Computes the shares after some rounds in which each bucket applies its share at once, and uses
 * what it wants of it. UINT64_MAX: it uses all of it, and |waiting| of its users wait. */
static void
settle(uint64_t limit, const uint64_t *wants, const uint32_t *waiting, uint64_t *held, uint32_t n)
{
    struct rate_claim claims[RATESPLIT_MAX];
    uint64_t shares[RATESPLIT_MAX];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t sum = 0;

        for (uint32_t i = 0; i < n; i++)
            claims[i] = (struct rate_claim){.used = wants[i] < held[i] ? wants[i] : held[i],
                                            .waiting = wants[i] > held[i] ? waiting[i] : 0,
                                            .held = held[i]};
        ratesplit(limit, claims, shares, n);
        for (uint32_t i = 0; i < n; i++) {
            sum += shares[i] > held[i] ? shares[i] : held[i];
            held[i] = shares[i];
        }
        cr_assert_leq(sum, limit + n, "what is held and what is given, in round %d", round);
    }
}

Test(ratesplit, idle_buckets_share_evenly)
{
    uint64_t wants[4] = {0}, held[4] = {LIMIT / 4, LIMIT / 4, LIMIT / 4, LIMIT / 4};
    uint32_t waiting[4] = {1, 1, 1, 1};

    settle(LIMIT, wants, waiting, held, 4);
    for (int i = 0; i < 4; i++)
        cr_expect_geq(held[i], LIMIT / 4 * 96 / 100);
}

Test(ratesplit, one_that_waits_gets_what_idle_ones_leave)
{
    uint64_t wants[4] = {UINT64_MAX, 0, 0, 0},
             held[4] = {LIMIT / 4, LIMIT / 4, LIMIT / 4, LIMIT / 4};
    uint32_t waiting[4] = {1, 1, 1, 1};

    settle(LIMIT, wants, waiting, held, 4);
    cr_expect_geq(held[0], LIMIT * 95ull / 100, "%lu", held[0]);
    for (int i = 1; i < 4; i++)
        cr_expect_geq(held[i], 1, "an idle one can begin");
}

Test(ratesplit, shares_follow_the_number_that_waits)
{
    uint64_t wants[2] = {UINT64_MAX, UINT64_MAX}, held[2] = {LIMIT / 2, LIMIT / 2};
    uint32_t waiting[2] = {3, 1};

    settle(LIMIT, wants, waiting, held, 2);
    cr_expect_geq(held[0], LIMIT * 72ull / 100);
    cr_expect_leq(held[0], LIMIT * 78ull / 100);
    cr_expect_geq(held[0] + held[1], LIMIT * 97ull / 100);
}

Test(ratesplit, one_that_uses_less_than_its_part_keeps_that)
{
    uint64_t wants[2] = {LIMIT / 12, UINT64_MAX}, held[2] = {LIMIT / 2, LIMIT / 2};
    uint32_t waiting[2] = {1, 8};

    settle(LIMIT, wants, waiting, held, 2);
    cr_expect_geq(held[0], wants[0], "%lu", held[0]);
    cr_expect_geq(held[1], LIMIT * 85ull / 100, "%lu", held[1]);
}

Test(ratesplit, demand_that_moves_is_followed)
{
    uint64_t first[2] = {UINT64_MAX, 0}, then[2] = {0, UINT64_MAX},
             held[2] = {LIMIT / 2, LIMIT / 2};
    uint32_t waiting[2] = {1, 1};

    settle(LIMIT, first, waiting, held, 2);
    cr_expect_gt(held[0], 9 * held[1]);
    settle(LIMIT, then, waiting, held, 2);
    cr_expect_gt(held[1], 9 * held[0]);
}

Test(ratesplit, a_limit_below_a_byte_each_leaves_a_byte_each)
{
    struct rate_claim claims[3] = {{.held = 1}, {.held = 1}, {.waiting = 9, .held = 1}};
    uint64_t shares[3];

    ratesplit(2, claims, shares, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(shares[i], 1);
}

static uint64_t
below(struct rng *rng, uint64_t bound)
{
    return rng_u64(rng) % bound;
}

/* With all claims, also impossible ones. */
Test(ratesplit, never_gives_more_than_the_limit)
{
    struct rate_claim claims[RATESPLIT_MAX];
    uint64_t shares[RATESPLIT_MAX];
    struct rng rng;

    rng_init(&rng, 5);
    for (int round = 0; round < 20000; round++) {
        uint32_t n = 1 + rng_below(&rng, RATESPLIT_MAX);
        uint64_t limit = 1 + below(&rng, UINT64_C(1) << below(&rng, 40)), sum = 0, held = 0;

        for (uint32_t i = 0; i < n; i++) {
            claims[i] = (struct rate_claim){
                .used = rng_below(&rng, 10) == 0 ? UINT64_MAX : below(&rng, 2 * limit),
                .waiting = rng_below(&rng, 3) == 0 ? rng_below(&rng, 100000) : 0,
                .held = below(&rng, 2 * limit / n + 1)};
            held += claims[i].held;
        }
        ratesplit(limit, claims, shares, n);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert_geq(shares[i], 1);
            sum += shares[i] > claims[i].held ? shares[i] : claims[i].held;
        }
        cr_assert_leq(sum, (held > limit ? held : limit) + n, "round %d", round);
    }
}
