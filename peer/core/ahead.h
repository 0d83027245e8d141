/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks that one read of a socket fills in advance, on the guess that whole pieces come, one
 * behind the other: each header goes right before its block's data. A guess that was right costs no
 * copy; what came otherwise is given out again as bytes. Knows the one header that it guesses, and
 * nothing else of the protocol.
 */
#ifndef PEER_CORE_AHEAD_H
#define PEER_CORE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/core/block.h"

enum { AHEAD_MAX = 16 }; /* blocks a read */

/* Where bytes go. */
struct wire_span {
    uint8_t *base;
    size_t len;
};

/* Embedded; private. All zeros is an empty one. */
struct ahead {
    struct block *slots[AHEAD_MAX]; /* NULL: taken, or given back */
    uint32_t count;
    uint32_t want;       /* blocks for the next read, by what the last ones brought; 0 is 1 */
    size_t filled, used; /* bytes, counted from the first slot's header on */
};

/* Takes blocks from the pool, as many as it has for this, and writes where they want to be filled,
 * in order. Nothing may be left of the last read. Returns how many: at most AHEAD_MAX. */
int ahead_spans(struct ahead *a, struct block_pool *pool, struct wire_span spans[AHEAD_MAX]);

/* |len| bytes came into the spans; blocks that got none go back. */
void ahead_filled(struct ahead *a, size_t len);

/* Bytes that came and were not taken. */
size_t ahead_left(const struct ahead *a);

/* Takes the block at the front, if a whole block's header stands before it: its data may be
 * incomplete (block->len) when the read ended there. NULL: ahead_bytes() is the way. */
struct block *ahead_take(struct ahead *a);

/* The bytes at the front, and how many lie side by side; consumed bytes must be among those. */
const uint8_t *ahead_bytes(const struct ahead *a, size_t *len);
void ahead_consume(struct ahead *a, size_t len);

/* Forgets all of it. */
void ahead_fini(struct ahead *a);

#endif
