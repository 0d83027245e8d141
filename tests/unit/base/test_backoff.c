/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pauses that grow, end at their limit, and begin anew.
 */
#include "common/base/backoff.h"

#include <criterion/criterion.h>

Test(backoff, doubles_up_to_its_limit)
{
    static const uint32_t longest[] = {100, 200, 400, 800, 1000, 1000};
    struct backoff b = {0};
    struct rng rng;

    rng_init(&rng, 1);
    for (int again = 0; again < 50; again++) {
        for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
            uint32_t ms = backoff_next(&b, 100, 1000, &rng);

            cr_assert_eq(b.ms, longest[i]);
            cr_assert(ms >= longest[i] / 2 && ms <= longest[i], "%u of %u", ms, longest[i]);
        }
        backoff_reset(&b);
    }
}

Test(backoff, numbers_without_bounds)
{
    struct backoff b = {UINT32_MAX - 1};
    struct rng rng;

    rng_init(&rng, 1);
    cr_assert_geq(backoff_next(&b, 1, UINT32_MAX, &rng), UINT32_MAX / 2);
    cr_assert_eq(b.ms, UINT32_MAX);
}
