/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool of block buffers: a stack of free blocks, the most recently used on top, and counters.
 * The pool does not look at the bytes.
 */
#include "peer/core/block.h"

#include <stdlib.h>

#include "common/base/assert.h"

struct block_pool {
    struct block_pool *parent; /* of a share; NULL: a pool of its own. A share has no free blocks,
                                  and |ahead| is counted in the parent */
    struct block *free;
    uint32_t spare; /* blocks on the free stack */
    uint32_t used;  /* except blocks in block_filling() */
    uint32_t filling;
    uint32_t ahead; /* of those used, blocks taken for read-ahead */
    uint32_t blocks_max;
    bool gone; /* a share that is freed with its last block */
};

struct block_pool *
block_pool_new(uint32_t blocks_max)
{
    struct block_pool *pool = calloc(1, sizeof(*pool));

    if (pool != NULL)
        pool->blocks_max = blocks_max;
    return pool;
}

struct block_pool *
block_pool_share(struct block_pool *parent)
{
    struct block_pool *pool = block_pool_new(parent->blocks_max);

    ASSERT(parent->parent == NULL);
    if (pool != NULL)
        pool->parent = parent;
    return pool;
}

void
block_pool_free(struct block_pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->parent != NULL && block_pool_used(pool) > 0) {
        pool->gone = true;
        return;
    }
    ASSERT(pool->used == 0 && pool->filling == 0);
    block_pool_trim(pool, 0);
    free(pool);
}

static struct block_pool *
root_of(struct block_pool *pool)
{
    return pool->parent != NULL ? pool->parent : pool;
}

static struct block *
take_spare(struct block_pool *root)
{
    struct block *b = root->free;

    if (b == NULL)
        return malloc(sizeof(*b));
    root->free = b->next_free;
    root->spare--;
    return b;
}

struct block *
block_take(struct block_pool *pool)
{
    struct block *b = block_pool_left(pool) > 0 ? take_spare(root_of(pool)) : NULL;

    if (b == NULL)
        return NULL;
    b->pool = pool;
    pool->used++;
    if (pool->parent != NULL)
        pool->parent->used++;
    b->next_free = NULL;
    b->refs = 1;
    b->len = 0;
    b->filling = false;
    b->ahead = false;
    return b;
}

struct block *
block_take_ahead(struct block_pool *pool)
{
    struct block_pool *root = root_of(pool);
    struct block *b = NULL;

    if (root->ahead < root->blocks_max / BLOCK_AHEAD_PART)
        b = block_take(pool);
    if (b != NULL) {
        b->ahead = true;
        root->ahead++;
    }
    return b;
}

void
block_adopt(struct block *b)
{
    if (!b->ahead)
        return;
    b->ahead = false;
    root_of(b->pool)->ahead--;
}

static void
count_filling(struct block_pool *pool, bool on)
{
    pool->used = on ? pool->used - 1 : pool->used + 1;
    pool->filling = on ? pool->filling + 1 : pool->filling - 1;
}

void
block_filling(struct block *b, bool on)
{
    if (b->filling == on)
        return;
    b->filling = on;
    count_filling(b->pool, on);
    if (b->pool->parent != NULL)
        count_filling(b->pool->parent, on);
}

struct block *
block_hold(struct block *b)
{
    ASSERT(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

static void
give_back(struct block_pool *share, struct block *b)
{
    struct block_pool *root = root_of(share);

    ASSERT(root->used > 0 && share->used > 0);
    root->used--;
    root->spare++;
    b->next_free = root->free;
    root->free = b;
    if (share == root)
        return;
    share->used--;
    if (share->gone && block_pool_used(share) == 0)
        free(share);
}

void
block_drop(struct block *b)
{
    if (b == NULL)
        return;
    ASSERT(b->refs > 0);
    if (--b->refs > 0)
        return;
    block_filling(b, false);
    block_adopt(b);
    give_back(b->pool, b);
}

uint32_t
block_pool_used(const struct block_pool *pool)
{
    return pool->used + pool->filling;
}

uint32_t
block_pool_left(const struct block_pool *pool)
{
    uint32_t max = pool->blocks_max;

    if (pool->parent != NULL)
        max = BLOCK_SHARE_TIMES * block_pool_left(pool->parent);
    return pool->used < max ? max - pool->used : 0;
}

void
block_pool_trim(struct block_pool *pool, uint32_t keep)
{
    while (pool->spare > keep) {
        struct block *b = pool->free;

        pool->free = b->next_free;
        pool->spare--;
        free(b);
    }
}
