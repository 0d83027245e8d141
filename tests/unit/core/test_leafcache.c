/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The leaf cache: its bound, its order of forgetting, and stretches.
 */
#include "peer/core/leafcache.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BIG = 3 * LEAFCACHE_STRETCH + 10 };

static uint8_t leaves[BIG * 32];

static void
put(struct leafcache *c, uint32_t piece, uint32_t n)
{
    memset(leaves, (int)piece, (size_t)n * 32);
    cr_assert_eq(leafcache_put(c, piece, n, 0, leaves, n), 0);
}

Test(leafcache, forgets_the_longest_unused)
{
    struct leafcache c;

    leafcache_init(&c, 12);
    put(&c, 1, 4);
    put(&c, 2, 4);
    put(&c, 3, 4);
    leafcache_touch(&c, 1);
    put(&c, 4, 3);
    cr_assert_null(leafcache_find(&c, 2));
    cr_assert_not_null(leafcache_find(&c, 1));
    cr_assert_not_null(leafcache_find(&c, 3));
    cr_assert_eq(leafcache_find(&c, 4)->leaves[2 * 32], 4);
    cr_assert_eq(c.leaves, 11);
    put(&c, 5, 12);
    cr_assert_eq(c.leaves, 12);
    cr_assert_null(leafcache_find(&c, 1));
    leafcache_touch(&c, 1);
    leafcache_fini(&c);
}

Test(leafcache, putting_again_replaces)
{
    struct leafcache c;

    leafcache_init(&c, 12);
    put(&c, 7, 4);
    memset(leaves, 9, 4 * 32);
    cr_assert_eq(leafcache_put(&c, 7, 4, 0, leaves, 4), 0);
    cr_assert_eq(leafcache_find(&c, 7)->leaves[0], 9);
    cr_assert_eq(c.leaves, 4);
    leafcache_fini(&c);
}

Test(leafcache, stretches)
{
    const struct leafset *s;
    struct leafcache c;

    leafcache_init(&c, 10000);
    memset(leaves, 1, sizeof(leaves));
    cr_assert_eq(leafcache_put(&c, 0, BIG, 512, leaves, 512), 0);
    s = leafcache_find(&c, 0);
    cr_assert_eq(leafset_first_unknown(s), 0);
    cr_assert_not(leafset_knows(s, 511));
    cr_assert(leafset_knows(s, 512));
    cr_assert(leafset_knows(s, 1023));
    cr_assert_not(leafset_knows(s, 1024));
    cr_assert_eq(leafcache_put(&c, 0, BIG, 0, leaves, 512), 0);
    cr_assert_eq(leafset_first_unknown(leafcache_find(&c, 0)), 1024);
    cr_assert_eq(leafcache_put(&c, 0, BIG, 1536, leaves, 10), 0);
    cr_assert_eq(leafset_first_unknown(leafcache_find(&c, 0)), 1024);
    cr_assert_eq(leafcache_put(&c, 0, BIG, 1024, leaves, 512), 0);
    s = leafcache_find(&c, 0);
    cr_assert_eq(leafset_first_unknown(s), BIG);
    cr_assert(leafset_knows(s, BIG - 1));
    cr_assert_not(leafset_knows(s, BIG));
    leafcache_fini(&c);
}
