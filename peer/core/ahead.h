/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Read-ahead: blocks that one socket read fills in advance, on the guess that PIECE messages of
 * full blocks follow one another. Each header goes right before its block's data. Where the guess
 * is right, no byte is copied; other bytes come out again as bytes. This module knows the header of
 * PIECE, and nothing else of the protocol.
 */
#ifndef PEER_CORE_AHEAD_H
#define PEER_CORE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/core/block.h"

enum { AHEAD_MAX = 16 }; /* blocks in one read */

/* A place for received bytes. */
struct wire_span {
    uint8_t *base;
    size_t len;
};

/* Embedded; private. All zeros is an empty one. */
struct ahead {
    struct block *slots[AHEAD_MAX]; /* NULL: the block was taken, or went back to the pool */
    uint32_t count;
    uint32_t want;       /* blocks for the next read, from the size of the last reads; 0 counts
                            as 1 */
    size_t filled, used; /* bytes received and consumed, counted from the first slot's header on */
};

/* Takes as many blocks from the pool as it allows for read-ahead, and writes their places to
 * |spans|, in order. No byte of the previous read may be left. Returns the number of spans, at most
 * AHEAD_MAX. */
int ahead_spans(struct ahead *a, struct block_pool *pool, struct wire_span spans[AHEAD_MAX]);

/* The read filled |len| bytes; unused blocks go back to the pool. */
void ahead_filled(struct ahead *a, size_t len);

/* Received bytes that were not taken. */
size_t ahead_left(const struct ahead *a);

/* Takes the block at the front if the header of a full block precedes it. Its data is incomplete
 * (block->len) if the read ended there. NULL: use ahead_bytes(). */
struct block *ahead_take(struct ahead *a);

/* The bytes at the front, and how many are contiguous; ahead_consume() may consume no more than
 * those. */
const uint8_t *ahead_bytes(const struct ahead *a, size_t *len);
void ahead_consume(struct ahead *a, size_t len);

/* Drops all blocks and bytes. */
void ahead_fini(struct ahead *a);

#endif
