/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pooled, reference-counted buffers of one block (16 KiB): a payload is read from the socket into
 * one, and the same one is hashed and written. A pool belongs to one loop and is not thread-safe: a
 * worker may use a block's bytes while the loop holds the reference, and hands it back by message.
 */
#ifndef PEER_CORE_BLOCK_H
#define PEER_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

struct block_pool;

struct block {
    struct block_pool *pool;
    struct block *next_free;
    uint32_t refs;
    uint32_t len; /* bytes that count, at most BLOCK_LEN */
    bool filling; /* see block_filling() */
    uint8_t data[BLOCK_LEN];
};

/* At most |blocks_max| blocks are given out at a time, those that are being filled not counted. NULL
 * when memory is out. */
struct block_pool *block_pool_new(uint32_t blocks_max);

/* All blocks must have been dropped (asserted). NULL is legal. */
void block_pool_free(struct block_pool *pool);

/* A block with one reference and len 0; NULL when the pool or memory is exhausted: stop reading
 * from sockets until one is dropped. */
struct block *block_take(struct block_pool *pool);

/* |on|: a socket fills the block, which may take as long as its peer likes: it does not count until
 * that is over, so that peers who stop halfway leave the others theirs. There is one such block a
 * connection at most. */
void block_filling(struct block *b, bool on);

struct block *block_hold(struct block *b);

/* Gives a reference up; the last one puts the block back. NULL is legal. */
void block_drop(struct block *b);

/* Blocks in use, those being filled too; and how many more may be taken. */
uint32_t block_pool_used(const struct block_pool *pool);
uint32_t block_pool_left(const struct block_pool *pool);

/* Gives free memory back to the system, but for |keep| spare blocks. */
void block_pool_trim(struct block_pool *pool, uint32_t keep);

#endif
