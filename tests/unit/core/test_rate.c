/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rate meters and token buckets, under limits from slow to fast, long idles and hostile sizes.
 */
#include "peer/core/rate.h"

#include <criterion/criterion.h>

static struct rate_user user;

static void
init(void)
{
    rate_user_init(&user);
}

TestSuite(rate, .init = init);

static struct mono
at_us(int64_t us)
{
    return (struct mono){us};
}

/* Bytes that a greedy user gets through in |us|, polling every |step_us| in takes of |take|. */
static uint64_t
greedy(struct rate_bucket *b, int64_t from_us, int64_t us, int64_t step_us, uint64_t take)
{
    uint64_t got = 0;

    for (int64_t t = from_us; t < from_us + us; t += step_us)
        while (rate_bucket_take(b, &user, take, at_us(t)))
            got += take;
    return got;
}

Test(rate, bucket_holds_its_limit_within_two_percent)
{
    static const uint64_t limits[] = {16 << 10, 50000, 1 << 20, 12345678, 100 << 20, 1 << 30};
    static const uint64_t takes[] = {100, 1460, 16384, 65536};
    static const int64_t steps[] = {1000, 10000, 50000};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t j = 0; j < sizeof(takes) / sizeof(takes[0]); j++) {
            for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
                struct rate_bucket b;
                uint64_t got, want = limits[i] * 10;

                if (takes[j] == 100 && limits[i] > 1 << 20)
                    continue; /* the same, in too many steps */
                rate_bucket_init(&b, limits[i], at_us(7));
                got = greedy(&b, 7, 10000000, steps[k], takes[j]);
                cr_assert(got <= want + want / 50 + takes[j], "limit %lu take %lu: %lu",
                          (unsigned long)limits[i], (unsigned long)takes[j], (unsigned long)got);
                cr_assert(got + want / 50 + takes[j] >= want, "limit %lu take %lu: %lu",
                          (unsigned long)limits[i], (unsigned long)takes[j], (unsigned long)got);
            }
        }
    }
}

Test(rate, bucket_polled_when_ready_is_exact)
{
    struct rate_bucket b;
    struct mono now = {0};
    uint64_t got = 0;

    rate_bucket_init(&b, 16 << 10, now);
    for (;;) {
        now = rate_bucket_ready(&b, now);
        if (now.us >= 10000000)
            break;
        cr_assert(rate_bucket_take(&b, &user, 16384, now));
        cr_assert_not(rate_bucket_take(&b, &user, 1, now));
        got += 16384;
    }
    cr_assert_eq(got, 10u * 16384);
}

Test(rate, ready_is_the_first_moment)
{
    struct rate_bucket b;
    struct mono ready;

    rate_bucket_init(&b, 3000, at_us(0));
    cr_assert(rate_bucket_take(&b, &user, 1000, at_us(0)));
    ready = rate_bucket_ready(&b, at_us(10));
    cr_assert_eq(ready.us, 333334);
    cr_assert_not(rate_bucket_take(&b, &user, 1, at_us(ready.us - 1)));
    cr_assert(rate_bucket_take(&b, &user, 1, ready));
}

Test(rate, an_idle_bucket_saves_a_short_burst_only)
{
    struct rate_bucket b;
    uint64_t got;

    rate_bucket_init(&b, 10 << 20, at_us(0));
    got = greedy(&b, INT64_C(4000000000000000000), 1, 1, 1000);
    cr_assert_leq(got, (10 << 20) / 10 + 2000);
    cr_assert_geq(got, (10 << 20) / 10);

    rate_bucket_init(&b, 1, at_us(0));
    got = greedy(&b, INT64_C(4000000000000000000), 1, 1, 24576);
    cr_assert_eq(got, 24576);
}

Test(rate, huge_limits_and_takes_do_not_overflow)
{
    struct rate_bucket b;

    rate_bucket_init(&b, UINT64_MAX, at_us(0));
    cr_assert(rate_bucket_take(&b, &user, UINT64_MAX, at_us(INT64_MAX - 1)));
    cr_assert_not(rate_bucket_take(&b, &user, 1, at_us(INT64_MAX - 1)));
    rate_bucket_return(&b, UINT64_MAX);
    rate_bucket_return(&b, UINT64_MAX);
    cr_assert(rate_bucket_take(&b, &user, 1, at_us(INT64_MAX - 1)));
    rate_bucket_init(&b, 1, at_us(0));
    cr_assert(rate_bucket_take(&b, &user, UINT64_MAX, at_us(0)));
    cr_assert_eq(rate_bucket_ready(&b, at_us(0)).us, INT64_C(1000000000000000000));
}

Test(rate, unlimited_never_says_no)
{
    struct rate_bucket b;

    rate_bucket_init(&b, 0, at_us(0));
    for (int i = 0; i < 100; i++)
        cr_assert(rate_bucket_take(&b, &user, 1 << 30, at_us(0)));
    rate_bucket_return(&b, 5);
    cr_assert_eq(rate_bucket_ready(&b, at_us(55)).us, 55);
}

Test(rate, set_changes_the_limit_at_once)
{
    struct rate_bucket b;
    uint64_t got;

    rate_bucket_init(&b, 1 << 30, at_us(0));
    rate_bucket_set(&b, 100000, at_us(5000000));
    cr_assert(greedy(&b, 5000000, 1, 1, 1000) <= 11000, "the old limit's burst is cut");
    got = greedy(&b, 5000001, 10000000, 1000, 1000);
    cr_assert(got >= 990000 && got <= 1010000);
    rate_bucket_set(&b, 0, at_us(16000000));
    cr_assert(rate_bucket_take(&b, &user, 1 << 30, at_us(16000000)));
    rate_bucket_set(&b, 100000, at_us(17000000));
    cr_assert(rate_bucket_take(&b, &user, 1000, at_us(17000000)),
              "what was unlimited left no debt");
}

Test(rate, returned_tokens_can_be_taken_again)
{
    struct rate_bucket b;

    rate_bucket_init(&b, 1000, at_us(0));
    cr_assert(rate_bucket_take(&b, &user, 16384, at_us(0)));
    cr_assert_not(rate_bucket_take(&b, &user, 1, at_us(0)));
    rate_bucket_return(&b, 16384);
    cr_assert(rate_bucket_take(&b, &user, 1, at_us(0)));
}

Test(rate, a_clock_that_steps_back_is_harmless)
{
    struct rate_bucket b;

    rate_bucket_init(&b, 1000, at_us(5000000));
    cr_assert(rate_bucket_take(&b, &user, 1000, at_us(5000000)));
    cr_assert_not(rate_bucket_take(&b, &user, 1, at_us(1000000)));
    cr_assert_not(rate_bucket_take(&b, &user, 1, at_us(5900000)));
    cr_assert(rate_bucket_take(&b, &user, 1, at_us(6000000)));
}

Test(rate, meter_shows_a_steady_rate)
{
    struct rate_meter m = {0};

    for (int64_t t = 0; t < 60000; t += 10)
        rate_meter_add(&m, 1000, at_us(t * 1000));
    cr_assert_eq(m.total, 6000u * 1000);
    cr_assert(rate_meter_rate(&m, at_us(59990000)) >= 99000);
    cr_assert(rate_meter_rate(&m, at_us(59990000)) <= 101000);
}

Test(rate, meter_is_right_from_its_first_seconds)
{
    struct rate_meter m = {0};

    cr_assert_eq(rate_meter_rate(&m, at_us(123)), 0u);
    rate_meter_add(&m, 16384, at_us(900000));
    cr_assert(rate_meter_rate(&m, at_us(900001)) == 16384,
              "a second at least, so no huge first value");
    for (int64_t t = 900; t < 3900; t++)
        rate_meter_add(&m, 100, at_us(t * 1000));
    cr_assert(rate_meter_rate(&m, at_us(3900000)) >= 100000);
    cr_assert(rate_meter_rate(&m, at_us(3900000)) <= 106000);
}

Test(rate, meter_forgets)
{
    struct rate_meter m = {0};

    rate_meter_add(&m, 1000000, at_us(0));
    cr_assert_eq(rate_meter_rate(&m, at_us(5000000)), 200000u);
    cr_assert_eq(rate_meter_rate(&m, at_us(9999999)), 100000u);
    cr_assert_eq(rate_meter_rate(&m, at_us(10000000)), 0u);
    rate_meter_add(&m, 95, at_us(INT64_C(9000000000000000)));
    cr_assert_eq(rate_meter_rate(&m, at_us(INT64_C(9000000000000000) + 500000)), 10u);
    cr_assert_eq(m.total, 1000095u);
}

/* All waiting users try when the bucket is ready, always in the same order. */
Test(rate, users_of_one_bucket_take_turns)
{
    struct rate_bucket b;
    struct rate_user users[3];
    uint64_t got[3] = {0};
    struct mono now = at_us(0);

    rate_bucket_init(&b, 100000, now);
    for (int i = 0; i < 3; i++)
        rate_user_init(&users[i]);
    while (now.us < 30000000) {
        for (int i = 0; i < 3; i++) {
            while (rate_bucket_take(&b, &users[i], 16384, now))
                got[i] += 16384;
            rate_bucket_wait(&b, &users[i]);
        }
        now = rate_bucket_ready(&b, now);
    }
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq((double)got[i], 1000000, 32768, "user %d got %zu", i, (size_t)got[i]);
}

/* A user behind another one in the line does not try again and again at one time. */
Test(rate, who_is_not_first_in_line_looks_again_a_moment_later)
{
    struct rate_bucket b;
    struct rate_user first, second;

    rate_bucket_init(&b, 1000000, at_us(0));
    rate_user_init(&first);
    rate_user_init(&second);
    rate_bucket_wait(&b, &first);
    rate_bucket_wait(&b, &second);
    cr_expect_eq(rate_user_ready(&b, &first, at_us(1000)).us, 1000);
    cr_expect_eq(rate_user_ready(&b, &second, at_us(1000)).us, 1000 + RATE_YIELD_US);
    cr_expect_eq(rate_user_ready(&b, &second, at_us(100000)).us, 100000, "it is full");
    rate_user_leave(&first);
    cr_expect_eq(rate_user_ready(&b, &second, at_us(1000)).us, 1000);
    cr_assert(rate_bucket_take(&b, &second, 2000, at_us(1000)));
    rate_bucket_wait(&b, &second);
    rate_bucket_wait(&b, &first);
    cr_expect_eq(rate_user_ready(&b, &second, at_us(1000)).us, 2000, "the bucket's time");
    rate_bucket_set(&b, 0, at_us(1000));
    cr_expect_eq(rate_user_ready(&b, &first, at_us(1000)).us, 1000, "no limit, no line");
}

Test(rate, who_leaves_the_line_holds_nobody_up)
{
    struct rate_bucket b;
    struct rate_user first, second;

    rate_bucket_init(&b, 1000000, at_us(0));
    rate_user_init(&first);
    rate_user_init(&second);
    rate_bucket_wait(&b, &first);
    rate_bucket_wait(&b, &second);
    cr_assert_not(rate_bucket_take(&b, &second, 1, at_us(1000)));
    rate_user_leave(&first);
    rate_user_leave(&first);
    cr_assert(rate_bucket_take(&b, &second, 1, at_us(1000)));
    /* A user that stands in the line and never takes blocks no other user either. */
    rate_bucket_wait(&b, &first);
    cr_assert_not(rate_bucket_take(&b, &second, 1, at_us(1000)));
    cr_assert(rate_bucket_take(&b, &second, 1, at_us(200000)));
    rate_user_leave(&first);
}

/* Messages can't wait: they are charged, but blocks always keep a part of the limit. */
Test(rate, overhead_is_charged_and_leaves_room_for_blocks)
{
    static const unsigned times[] = {0, 1, 2, 10}; /* messages, in quarters of the limit */
    const uint64_t limit = 100000;

    for (unsigned i = 0; i < sizeof(times) / sizeof(*times); i++) {
        uint64_t got = 0, messages = limit * times[i] / 4 / 100;
        struct rate_bucket b;

        rate_bucket_init(&b, limit, at_us(0));
        for (int64_t t = 0; t < 60000000; t += 10000) {
            rate_bucket_overhead(&b, messages, at_us(t));
            got += greedy(&b, t, 10000, 1000, 100);
        }
        cr_assert_geq(got / 60, limit / 4 * (times[i] < 3 ? 4 - times[i] : 1) * 92 / 100, "%u: %lu",
                      i, (unsigned long)(got / 60));
        cr_assert_leq(got / 60, limit / 4 * (times[i] < 3 ? 4 - times[i] : 1) * 103 / 100,
                      "%u: %lu", i, (unsigned long)(got / 60));
    }
}
