/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An allocator for many small arrays that grow and shrink, which leaves no gaps between them. All
 * blocks of one size are adjacent in slabs. When a block is freed, the last block of its size moves
 * into its place, so memory is never fragmented, in whatever order blocks come and go.
 *
 * A block therefore has one owner: the pointer variable that holds its address, which the allocator
 * changes when it moves the block. The address of a block is valid until any block is freed.
 *
 *  offset   size
 *  0        8    address of the owner
 *  8        n    the memory, aligned to 8
 */
#ifndef TRACKER_CORE_BLOCKS_H
#define TRACKER_CORE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BLOCKS_LEN_MAX = 12280, /* bytes of a block */
    BLOCKS_HEAD_LEN = 8,
    BLOCKS_STEP = 8,       /* sizes are multiples of this */
    BLOCKS_CLASSES = 2048, /* sizes up to so many steps */
};

/* The blocks of one size. */
struct blocks_class {
    void **slabs; /* allocated for the next power of two of |nslabs| */
    uint32_t nslabs, count;
};

/* Embedded; starts as all zero; private. */
struct blocks {
    struct blocks_class classes[BLOCKS_CLASSES];
};

/* Frees all blocks. Their owners still hold their addresses. */
void blocks_fini(struct blocks *b);

/* The greatest length of a block that takes no more memory than a block of |len| bytes. |len| is at
 * most BLOCKS_LEN_MAX; the result may be above that. */
size_t blocks_fit(size_t len);

/* Allocates a block of |len| bytes, at most BLOCKS_LEN_MAX, and stores its address in |*owner|.
 * False when memory is out, and |*owner| is unchanged. */
bool blocks_alloc(struct blocks *b, void **owner, size_t len);

/* Frees the block of |*owner|, which was allocated with |len|, and sets |*owner| to NULL. */
void blocks_free(struct blocks *b, void **owner, size_t len);

/* Makes |owner| the owner of the block whose address it holds. For callers that copied the pointer
 * from the previous owner. */
void blocks_set_owner(void **owner);

#endif
