/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hash index of a large peer set: finds the positions of peers by a keyed hash. It grows and
 * shrinks by one bucket at a time (linear hashing), so no call processes the whole set. The owner
 * computes the hashes and compares the peers.
 *
 * A bucket is a block (blocks.h) with about a hundred peers, in no order:
 *
 *  offset   size
 *  0        2        number of peers
 *  2        2        |cap|, a multiple of 16; the highest bit: positions have 3 bytes, else 2
 *  4        cap      marks: the highest byte of each hash (marks.h)
 *  4 + cap  2/3 cap  positions
 */
#ifndef TRACKER_CORE_PEERINDEX_H
#define TRACKER_CORE_PEERINDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "tracker/core/blocks.h"

enum {
    PEERINDEX_LOAD = 128,           /* maximum of the average number of peers in a bucket */
    PEERINDEX_NARROW_MAX = 1 << 16, /* positions that 2 bytes can distinguish */
    PEERINDEX_STEPS_MAX = 12 * PEERINDEX_LOAD, /* steps of a call, if no bucket has more than four
                                                  times the average number of peers */
};

#define PEERINDEX_NONE UINT32_MAX

/* Returns the hash of the peer at |pos|; |ctx| is from the caller of peerindex_add(). */
typedef uint64_t (*peerindex_hash_fn)(const void *ctx, uint32_t pos);

/* Embedded; private except |steps|. */
struct peerindex {
    void ***segments; /* of buckets: 4, then 4, 8, 16 and so on */
    uint32_t nbuckets;
    uint32_t low; /* the largest power of two up to |nbuckets| */
    uint32_t count;
    uint32_t nwide; /* so many of the first buckets have wide positions, and so have all new ones
                       unless it is 0 */
    uint32_t steps; /* number of peers that the last change copied to another bucket */
};

/* Makes an empty index. False when memory is out. */
bool peerindex_init(struct peerindex *x, struct blocks *b);
void peerindex_fini(struct peerindex *x, struct blocks *b);

/* Makes room for a peer with |hash|, so that the next peerindex_add() with this hash can't fail.
 * False when memory is out, or when the bucket has thousands of peers, which must belong to a few
 * sites. */
bool peerindex_reserve(struct peerindex *x, struct blocks *b, uint64_t hash);

/* Adds a peer after peerindex_reserve(). |hash_of| is called for peers of the bucket that is split.
 */
void peerindex_add(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos,
                   peerindex_hash_fn hash_of, const void *ctx);

/* Widens the positions of one more bucket. False when memory is out. */
bool peerindex_widen(struct peerindex *x, struct blocks *b);

/* Whether positions of PEERINDEX_NARROW_MAX and above can be stored. */
bool peerindex_is_wide(const struct peerindex *x);

/* Removes the peer with |hash| at |pos|, which must be in the index. */
void peerindex_remove(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos);

/* Changes the position of the peer with |hash| from |pos| to |to|. The peer must be in the index.
 */
void peerindex_move(struct peerindex *x, uint64_t hash, uint32_t pos, uint32_t to);

/* Returns the positions of the peers with the mark of |hash|, one in each call: begin with |*probe|
 * 0. PEERINDEX_NONE at the end. */
uint32_t peerindex_next(const struct peerindex *x, uint64_t hash, uint32_t *probe);

/* Prefetches what a search for |hash| reads. */
void peerindex_prefetch(const struct peerindex *x, uint64_t hash);

#endif
