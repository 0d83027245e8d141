/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The block pool: its limit, its counts, and that buffers come back.
 */
#include "peer/core/block.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

Test(block, limit_is_kept)
{
    struct block_pool *pool = block_pool_new(3);
    struct block *b[3];

    cr_assert_not_null(pool);
    cr_assert_eq(block_pool_left(pool), 3);
    for (size_t i = 0; i < 3; i++) {
        b[i] = block_take(pool);
        cr_assert_not_null(b[i]);
        cr_assert_eq(b[i]->refs, 1);
        cr_assert_eq(b[i]->len, 0);
    }
    cr_assert_eq(block_pool_used(pool), 3);
    cr_assert_eq(block_pool_left(pool), 0);
    cr_assert_null(block_take(pool));
    block_drop(b[1]);
    cr_assert_eq(block_pool_left(pool), 1);
    b[1] = block_take(pool);
    cr_assert_not_null(b[1]);
    cr_assert_null(block_take(pool));
    for (size_t i = 0; i < 3; i++)
        block_drop(b[i]);
    cr_assert_eq(block_pool_used(pool), 0);
    block_pool_free(pool);
}

Test(block, the_last_reference_gives_it_back)
{
    struct block_pool *pool = block_pool_new(1);
    struct block *b = block_take(pool);

    cr_assert_eq(block_hold(b), b);
    cr_assert_eq(block_hold(b), b);
    block_drop(b);
    block_drop(b);
    cr_assert_eq(block_pool_used(pool), 1);
    cr_assert_null(block_take(pool));
    block_drop(b);
    cr_assert_eq(block_pool_used(pool), 0);
    block_pool_free(pool);
}

Test(block, a_reused_buffer_starts_over)
{
    struct block_pool *pool = block_pool_new(2);
    struct block *b = block_take(pool);

    b->len = BLOCK_LEN;
    memset(b->data, 0xff, BLOCK_LEN);
    block_drop(b);
    /* The block that was dropped last is probably still in the cache, so it is reused first. */
    cr_assert_eq(block_take(pool), b);
    cr_assert_eq(b->len, 0);
    cr_assert_eq(b->refs, 1);
    block_drop(b);
    block_pool_free(pool);
}

Test(block, trimming_keeps_what_is_asked_and_what_is_used)
{
    struct block_pool *pool = block_pool_new(8);
    struct block *b[8];

    for (size_t i = 0; i < 8; i++)
        b[i] = block_take(pool);
    for (size_t i = 1; i < 8; i++)
        block_drop(b[i]);
    block_pool_trim(pool, 2);
    block_pool_trim(pool, 5);
    memset(b[0]->data, 1, BLOCK_LEN);
    cr_assert_eq(block_pool_used(pool), 1);
    cr_assert_eq(block_pool_left(pool), 7);
    for (size_t i = 1; i < 8; i++) {
        b[i] = block_take(pool);
        cr_assert_not_null(b[i]);
    }
    for (size_t i = 0; i < 8; i++)
        block_drop(b[i]);
    block_pool_free(pool);
}

Test(block, null_is_legal)
{
    block_drop(NULL);
    block_pool_free(NULL);
}

Test(block, a_leaked_block_is_our_bug, .signal = SIGABRT)
{
    struct block_pool *pool = block_pool_new(1);

    (void)block_take(pool);
    block_pool_free(pool);
}

/* Peers that stop halfway through a block leave all blocks to the others; only complete blocks
 * count. */
Test(block, those_being_filled_do_not_count)
{
    struct block_pool *pool = block_pool_new(1);
    struct block *a = block_take(pool), *b, *c;

    block_filling(a, true);
    cr_assert_eq(block_pool_left(pool), 1);
    b = block_take(pool);
    cr_assert_not_null(b);
    block_filling(b, true);
    c = block_take(pool);
    cr_assert_not_null(c);
    cr_assert_null(block_take(pool));
    cr_assert_eq(block_pool_used(pool), 3);
    block_filling(a, false);
    cr_assert_eq(block_pool_left(pool), 0, "more than there may be");
    block_drop(c);
    cr_assert_null(block_take(pool), "a counts");
    block_drop(b); /* half filled: its connection ended */
    cr_assert_null(block_take(pool));
    block_drop(a);
    cr_assert_eq(block_pool_used(pool), 0);
    c = block_take(pool);
    cr_assert_not(c->filling, "that is forgotten");
    block_drop(c);
    block_pool_free(pool);
}

/* Only a part of the pool is given out for guesses, which count until they prove right. */
Test(block, read_ahead)
{
    struct block_pool *pool = block_pool_new(2 * BLOCK_AHEAD_PART);
    struct block *a = block_take_ahead(pool), *b = block_take_ahead(pool), *c;

    cr_assert_not_null(b);
    cr_assert_null(block_take_ahead(pool));
    cr_assert_eq(block_pool_used(pool), 2);
    block_adopt(a);
    block_adopt(a);
    c = block_take_ahead(pool);
    cr_assert_not_null(c);
    cr_assert_null(block_take_ahead(pool));
    block_drop(a);
    cr_assert_null(block_take_ahead(pool), "that was none any more");
    block_drop(b);
    b = block_take_ahead(pool);
    cr_assert_not_null(b);
    block_drop(b);
    block_drop(c);
    cr_assert_eq(block_pool_used(pool), 0);
    a = block_take(pool);
    cr_assert_not(a->ahead);
    block_drop(a);
    block_pool_free(pool);
}

static uint32_t
take_all(struct block_pool *pool, struct block **out)
{
    uint32_t n = 0;

    while ((out[n] = block_take(pool)) != NULL)
        n++;
    return n;
}

Test(block, a_share_leaves_blocks_to_the_others)
{
    struct block_pool *pool = block_pool_new(112);
    struct block_pool *hung = block_pool_share(pool), *too = block_pool_share(pool);
    struct block_pool *other = block_pool_share(pool);
    struct block *b[3][113];
    uint32_t n[3];

    n[0] = take_all(hung, b[0]);
    cr_expect_eq(n[0], 84u, "three fourths");
    n[1] = take_all(too, b[1]);
    cr_expect_eq(n[1], 21u);
    cr_assert_eq(block_pool_left(pool), 7u);
    n[2] = take_all(other, b[2]);
    cr_expect_gt(n[2], 0u);
    cr_expect_eq(block_pool_used(other), n[2]);
    block_drop(b[2][0]);
    b[2][0] = block_take(other);
    cr_expect_not_null(b[2][0], "it goes on with the blocks that it returned");
    for (int i = 0; i < 3; i++)
        for (uint32_t k = 0; k < n[i]; k++)
            block_drop(b[i][k]);
    cr_expect_eq(block_pool_used(pool), 0u);
    block_pool_free(hung);
    block_pool_free(too);
    block_pool_free(other);
    block_pool_free(pool);
}

Test(block, a_share_counts_as_its_pool_does)
{
    struct block_pool *pool = block_pool_new(8);
    struct block_pool *share = block_pool_share(pool);
    struct block *a = block_take(share), *b, *c;

    block_filling(a, true);
    cr_expect(block_pool_left(pool) == 8 && block_pool_used(share) == 1);
    block_filling(a, false);
    cr_expect(block_pool_left(pool) == 7 && block_pool_used(share) == 1);
    b = block_take_ahead(share);
    c = block_take_ahead(pool);
    cr_assert(b != NULL && c != NULL);
    cr_expect_null(block_take_ahead(share), "a fourth of all blocks");
    block_adopt(b);
    block_drop(c);
    block_drop(b);
    block_filling(a, true);
    block_pool_free(share);
    block_drop(a); /* and the share with it */
    cr_expect_eq(block_pool_used(pool), 0u);
    block_pool_free(pool);
}
