/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The index of positions: all that was added is found at every moment of its growth, once, and no
 * addition moves more than a few slots.
 */
#include "tracker/core/hashindex.h"

#include <criterion/criterion.h>

/* Pairs of objects share a hash, and are near others. */
static uint32_t
hash_of(uint32_t n)
{
    return n / 12 * 2654435761u + n % 12 / 2;
}

/* How often the search for |n| comes to it. */
static uint32_t
times_found(const struct hashindex *x, uint32_t n)
{
    uint32_t probe = 0, at, found = 0;

    while ((at = hashindex_next(x, hash_of(n), &probe)) != HASHINDEX_NONE)
        found += at == n;
    return found;
}

Test(hashindex, grows_by_a_few_slots_with_each_object)
{
    enum { COUNT = 300000 };
    struct hashindex x = {0};
    uint32_t growing = 0;

    for (uint32_t n = 0; n < COUNT; n++) {
        cr_assert_eq(hashindex_add(&x, hash_of(n), n), 0);
        cr_assert_leq(x.steps, (uint32_t)HASHINDEX_STEPS_MAX);
        growing += x.old != NULL;
        cr_assert_eq(times_found(&x, n), 1);
        cr_assert_eq(times_found(&x, n / 2), 1);
        cr_assert_eq(times_found(&x, n / 7), 1);
        cr_assert_eq(times_found(&x, n + 1), 0);
    }
    cr_assert_gt(growing, COUNT / 100, "searches read both tables now and then");
    for (uint32_t n = 0; n < COUNT; n++)
        cr_assert_eq(times_found(&x, n), 1, "%u", n);
    hashindex_fini(&x);
}

Test(hashindex, is_cleared_while_it_grows)
{
    struct hashindex x = {0};
    uint32_t n = 0;

    for (; x.old == NULL || x.nslots < 1024; n++)
        cr_assert_eq(hashindex_add(&x, hash_of(n), n), 0);
    hashindex_clear(&x);
    cr_assert_eq(x.count, 0);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(times_found(&x, i), 0);
    for (uint32_t i = 0; i < 5000; i++)
        cr_assert_eq(hashindex_add(&x, hash_of(i), i), 0);
    for (uint32_t i = 0; i < 5000; i++)
        cr_assert_eq(times_found(&x, i), 1);
    hashindex_fini(&x);
}
