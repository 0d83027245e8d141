/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's own limit in front of a limit that several torrents share, with changes of limits and
 * tokens that are given back.
 */
#include "peer/core/ratetap.h"

#include <criterion/criterion.h>

enum { TAPS = 3 };

static struct rate_bucket shared;
static struct rate_tap taps[TAPS];

static struct mono
at_us(int64_t us)
{
    return (struct mono){us};
}

static void
init(void)
{
    rate_bucket_init(&shared, 0, at_us(0));
    for (int i = 0; i < TAPS; i++)
        rate_tap_init(&taps[i], &shared, at_us(0));
}

TestSuite(ratetap, .init = init);

/* All taps take as much as they can for |us|, in blocks or in parts of blocks, and the bytes are
 * added to |got|. Returns the time. */
static struct mono
greedy(struct mono from, int64_t us, uint64_t got[TAPS])
{
    struct mono now = from, next;

    while (now.us < from.us + us) {
        next = MONO_NEVER;
        for (int i = 0; i < TAPS; i++) {
            uint32_t part = rate_tap_part(&taps[i], 16384);

            while (rate_tap_take(&taps[i], part, now))
                got[i] += part;
            rate_tap_wait(&taps[i], now);
            next = mono_min(next, rate_tap_ready(&taps[i], now));
        }
        now = next.us > now.us ? next : at_us(now.us + 1);
    }
    return now;
}

Test(ratetap, both_limits_hold_and_the_rest_goes_to_the_others)
{
    uint64_t got[TAPS] = {0};

    rate_bucket_set(&shared, 300000, at_us(0));
    rate_tap_set(&taps[0], 30000, at_us(0));
    greedy(at_us(0), 10000000, got);
    cr_expect_float_eq((double)got[0], 300000, 3000);
    cr_expect_float_eq((double)got[1], 1350000, 40000);
    cr_expect_float_eq((double)got[2], 1350000, 40000);
    cr_expect_float_eq((double)(got[0] + got[1] + got[2]), 3000000, 30000);
}

Test(ratetap, own_limits_hold_without_a_shared_one)
{
    uint64_t got[TAPS] = {0};

    for (int i = 0; i < TAPS; i++)
        rate_tap_set(&taps[i], (uint64_t)(i + 1) * 100000, at_us(0));
    greedy(at_us(0), 10000000, got);
    for (int i = 0; i < TAPS; i++)
        cr_expect_float_eq((double)got[i], (i + 1) * 1000000.0, (i + 1) * 10000.0);
}

/* The first tap waits for its own limit while the shared bucket has tokens. */
Test(ratetap, who_is_refused_by_one_pays_nothing_to_the_other)
{
    rate_bucket_set(&shared, 1000, at_us(0));
    rate_tap_set(&taps[0], 1, at_us(0));
    cr_assert(rate_tap_take(&taps[0], 10, at_us(0)));
    rate_tap_wait(&taps[0], at_us(0));
    cr_assert_not(rate_tap_take(&taps[0], 1000, at_us(20000)), "its own limit");
    cr_assert(rate_tap_take(&taps[1], 1000, at_us(20000)), "nothing was paid, nobody is in line");
    rate_tap_leave(&taps[0], at_us(20000));

    rate_tap_set(&taps[2], 5000, at_us(20000));
    cr_assert_not(rate_tap_take(&taps[2], 5000, at_us(100000)), "the shared limit");
    cr_assert_eq(rate_tap_ready(&taps[2], at_us(100000)).us, 1010000);
    rate_bucket_set(&shared, 0, at_us(100000));
    cr_assert(rate_tap_take(&taps[2], 5000, at_us(100000)), "it had paid nothing");
    cr_assert_eq(rate_tap_ready(&taps[2], at_us(100000)).us, 1020000);
}

Test(ratetap, returns_and_charges_go_to_both)
{
    rate_bucket_set(&shared, 10000, at_us(0));
    rate_tap_set(&taps[0], 1000, at_us(0));
    cr_assert(rate_tap_take(&taps[0], 10000, at_us(0)));
    rate_tap_return(&taps[0], 9000);
    cr_assert_eq(rate_tap_ready(&taps[0], at_us(0)).us, 1000000);
    cr_assert_eq(rate_tap_ready(&taps[1], at_us(0)).us, 100000);
    rate_tap_charge(&taps[0], 1000, at_us(0));
    cr_assert_eq(rate_tap_ready(&taps[0], at_us(0)).us, 2000000);
    cr_assert_eq(rate_tap_ready(&taps[1], at_us(0)).us, 200000);
    cr_assert_eq(rate_tap_limit(&taps[0]), 1000);
    cr_assert_eq(rate_tap_limit(&taps[1]), 10000);
}

Test(ratetap, a_slow_limit_is_paid_in_small_parts)
{
    cr_assert_eq(rate_tap_part(&taps[0], 16384), 16384);
    rate_bucket_set(&shared, 10240, at_us(0));
    cr_assert_eq(rate_tap_part(&taps[0], 16384), 512);
    cr_assert_eq(rate_tap_part(&taps[0], 100), 100);
    rate_tap_set(&taps[0], 1, at_us(0));
    cr_assert_eq(rate_tap_part(&taps[0], 16384), RATE_PART_MIN);
    rate_tap_set(&taps[0], UINT64_MAX, at_us(0));
    rate_bucket_set(&shared, 0, at_us(0));
    cr_assert_eq(rate_tap_part(&taps[0], UINT32_MAX), UINT32_MAX);
}

Test(ratetap, a_limit_changes_at_once)
{
    uint64_t got[TAPS] = {0};
    struct mono now;

    rate_tap_set(&taps[0], 1000000, at_us(0));
    rate_tap_set(&taps[1], 1, at_us(0));
    rate_tap_set(&taps[2], 1, at_us(0));
    now = greedy(at_us(0), 1000000, got);
    rate_tap_set(&taps[0], 10000, now);
    got[0] = 0;
    greedy(now, 10000000, got);
    cr_expect_float_eq((double)got[0], 100000, 1600);
}
