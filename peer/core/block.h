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

enum {
    BLOCK_HEAD_LEN = 13,   /* bytes of a piece's header on the wire */
    BLOCK_AHEAD_PART = 4,  /* one of so many blocks of a pool may be read ahead into */
};

struct block {
    struct block_pool *pool;
    struct block *next_free;
    uint32_t refs;
    uint32_t len; /* bytes that count, at most BLOCK_LEN */
    bool filling; /* see block_filling() */
    bool ahead;   /* see block_take_ahead() */
    _Alignas(16) uint8_t head[16]; /* its end is room for the header that comes before the data */
    uint8_t data[BLOCK_LEN];
};

/* At most |blocks_max| blocks are given out at a time, those that are being filled not counted.
 * NULL when memory is out. */
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

/* As block_take(), for bytes of which it is not known yet that they are a block's (ahead.h). Only a
 * part of the pool is given out so, which is then what a peer can hold with bytes that are not
 * looked at because it does not read our answers. */
struct block *block_take_ahead(struct block_pool *pool);

/* It is one: it counts as any other from now on. */
void block_adopt(struct block *b);

struct block *block_hold(struct block *b);

/* Gives a reference up; the last one puts the block back. NULL is legal. */
void block_drop(struct block *b);

/* Blocks in use, those being filled too; and how many more may be taken. */
uint32_t block_pool_used(const struct block_pool *pool);
uint32_t block_pool_left(const struct block_pool *pool);

/* Gives free memory back to the system, but for |keep| spare blocks. */
void block_pool_trim(struct block_pool *pool, uint32_t keep);

#endif
