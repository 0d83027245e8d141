/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pool of reference-counted buffers of one block (16 KiB). A payload is read from the socket into
 * a block, and the same block is hashed and written. A pool belongs to one loop and is not
 * thread-safe: a worker may use a block's bytes while the loop holds the reference, and returns the
 * block by message.
 */
#ifndef PEER_CORE_BLOCK_H
#define PEER_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

struct block_pool;

enum {
    BLOCK_HEAD_LEN = 13,   /* bytes of a PIECE message before its payload */
    BLOCK_AHEAD_PART = 4,  /* read-ahead may use a fourth of a pool's blocks */
    BLOCK_SHARE_TIMES = 3, /* a share may use three times as many blocks as are free */
};

struct block {
    struct block_pool *pool;
    struct block *next_free;
    uint32_t refs;
    uint32_t len;                  /* valid bytes, at most BLOCK_LEN */
    bool filling;                  /* see block_filling() */
    bool ahead;                    /* see block_take_ahead() */
    _Alignas(16) uint8_t head[16]; /* its last BLOCK_HEAD_LEN bytes take the PIECE header, right
                                      before the data */
    uint8_t data[BLOCK_LEN];
};

/* The pool gives out at most |blocks_max| blocks at a time, without those in block_filling(). NULL
 * when memory is out. */
struct block_pool *block_pool_new(uint32_t blocks_max);

/* A share of |parent|, for one of its users: a pool whose blocks are those of |parent|, and which
 * gives out at most BLOCK_SHARE_TIMES as many as are left in |parent|. So a user that does not
 * return its blocks, since its disk hangs, leaves a fourth of them to the others, two such users
 * leave a seventh, and a user that is alone can have three fourths. NULL when memory is out. */
struct block_pool *block_pool_share(struct block_pool *parent);

/* All blocks must have been dropped (asserted), but for a share, whose last blocks may be dropped
 * later. A share is freed before its parent. NULL is legal. */
void block_pool_free(struct block_pool *pool);

/* A block with one reference and len 0; NULL when the pool or memory is exhausted: then stop
 * reading from sockets until a block is dropped. */
struct block *block_take(struct block_pool *pool);

/* |on|: a socket fills the block, which may take as long as the peer likes. Meanwhile the block
 * does not count for |blocks_max|, so that peers that stop in mid-block leave all blocks to the
 * other peers. Each connection has one such block at most. */
void block_filling(struct block *b, bool on);

/* As block_take(), for bytes of which it is not known yet whether they are a block (ahead.h). Only
 * a part of the pool is available for this, which bounds what a peer can occupy with bytes that we
 * do not parse because it does not read our answers. */
struct block *block_take_ahead(struct block_pool *pool);

/* The bytes of a block from block_take_ahead() turned out to be a block: from now on it does not
 * count for the part of the pool that is for such bytes. */
void block_adopt(struct block *b);

struct block *block_hold(struct block *b);

/* Drops a reference; the last one returns the block to the pool. NULL is legal. */
void block_drop(struct block *b);

/* block_pool_used(): blocks in use, those in block_filling() included; block_pool_left(): how many
 * more may be taken. */
uint32_t block_pool_used(const struct block_pool *pool);
uint32_t block_pool_left(const struct block_pool *pool);

/* Frees unused blocks except for |keep| spare ones. */
void block_pool_trim(struct block_pool *pool, uint32_t keep);

#endif
