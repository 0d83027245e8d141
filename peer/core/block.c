/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pool of block buffers: a stack of free blocks, the most recently used on top, and counters.
 * The pool does not look at the bytes.
 */
#include "peer/core/block.h"

#include <stdlib.h>

#include "common/base/assert.h"

struct block_pool {
    struct block *free;
    uint32_t spare; /* blocks on the free stack */
    uint32_t used;    /* except blocks in block_filling() */
    uint32_t filling;
    uint32_t ahead; /* of those used, blocks taken for read-ahead */
    uint32_t blocks_max;
};

struct block_pool *
block_pool_new(uint32_t blocks_max)
{
    struct block_pool *pool = calloc(1, sizeof(*pool));

    if (pool != NULL)
        pool->blocks_max = blocks_max;
    return pool;
}

void
block_pool_free(struct block_pool *pool)
{
    if (pool == NULL)
        return;
    ASSERT(pool->used == 0 && pool->filling == 0);
    block_pool_trim(pool, 0);
    free(pool);
}

struct block *
block_take(struct block_pool *pool)
{
    struct block *b = pool->free;

    if (pool->used >= pool->blocks_max)
        return NULL;
    if (b != NULL) {
        pool->free = b->next_free;
        pool->spare--;
    } else {
        b = malloc(sizeof(*b));
        if (b == NULL)
            return NULL;
        b->pool = pool;
    }
    pool->used++;
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
    struct block *b = NULL;

    if (pool->ahead < pool->blocks_max / BLOCK_AHEAD_PART)
        b = block_take(pool);
    if (b != NULL) {
        b->ahead = true;
        pool->ahead++;
    }
    return b;
}

void
block_adopt(struct block *b)
{
    if (!b->ahead)
        return;
    b->ahead = false;
    b->pool->ahead--;
}

void
block_filling(struct block *b, bool on)
{
    struct block_pool *pool = b->pool;

    if (b->filling == on)
        return;
    b->filling = on;
    pool->used = on ? pool->used - 1 : pool->used + 1;
    pool->filling = on ? pool->filling + 1 : pool->filling - 1;
}

struct block *
block_hold(struct block *b)
{
    ASSERT(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void
block_drop(struct block *b)
{
    struct block_pool *pool;

    if (b == NULL)
        return;
    ASSERT(b->refs > 0);
    if (--b->refs > 0)
        return;
    pool = b->pool;
    block_filling(b, false);
    block_adopt(b);
    ASSERT(pool->used > 0);
    pool->used--;
    pool->spare++;
    b->next_free = pool->free;
    pool->free = b;
}

uint32_t
block_pool_used(const struct block_pool *pool)
{
    return pool->used + pool->filling;
}

uint32_t
block_pool_left(const struct block_pool *pool)
{
    return pool->used < pool->blocks_max ? pool->blocks_max - pool->used : 0;
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
