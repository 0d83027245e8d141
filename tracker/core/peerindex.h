/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hash index of a large peerset: finds the positions of peers by a keyed hash. It grows and
 * shrinks by one bucket at a time (linear hashing), so no call does work for the whole set. The
 * owner makes the hashes and compares the peers.
 *
 * A bucket is a block (blocks.h) of some hundred peers, in no order:
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
    PEERINDEX_LOAD = 128,                      /* peers of a bucket on average, at most */
    PEERINDEX_NARROW_MAX = 1 << 16,            /* positions that 2 bytes can tell apart */
    PEERINDEX_STEPS_MAX = 12 * PEERINDEX_LOAD, /* of a call, if no bucket has more than four times
                                                  as many peers as the average */
};

#define PEERINDEX_NONE UINT32_MAX

/* The hash of the peer at |pos|, of which |ctx| knows. */
typedef uint64_t (*peerindex_hash_fn)(const void *ctx, uint32_t pos);

/* Embedded; private but for |steps|. */
struct peerindex {
    void ***segments; /* of buckets: 4, then 4, 8, 16 and so on */
    uint32_t nbuckets;
    uint32_t low; /* the largest power of two up to |nbuckets| */
    uint32_t count;
    uint32_t nwide; /* this many of the first buckets have wide positions, and all new ones unless
                       it is 0 */
    uint32_t steps; /* times that a peer was copied from bucket to bucket by the last change */
};

/* An empty index. False when memory is out. */
bool peerindex_init(struct peerindex *x, struct blocks *b);
void peerindex_fini(struct peerindex *x, struct blocks *b);

/* Makes room for a peer with |hash|, so that the next peerindex_add() with this hash can't fail.
 * False when memory is out, or the bucket has some thousand peers, all of a few sites. */
bool peerindex_reserve(struct peerindex *x, struct blocks *b, uint64_t hash);

/* Adds a peer after peerindex_reserve(). |hash_of| is called for peers of the bucket that is split.
 */
void peerindex_add(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos,
                   peerindex_hash_fn hash_of, const void *ctx);

/* Widens the positions of one more bucket. False when memory is out. */
bool peerindex_widen(struct peerindex *x, struct blocks *b);

/* Whether positions of PEERINDEX_NARROW_MAX and above can be stored. */
bool peerindex_is_wide(const struct peerindex *x);

/* Removes the peer with |hash| at |pos|, which is in. */
void peerindex_remove(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos);

/* The peer with |hash| at |pos|, which is in, is at |to| from now on. */
void peerindex_move(struct peerindex *x, uint64_t hash, uint32_t pos, uint32_t to);

/* The positions of the peers with the mark of |hash|, one after the other: begin with |*probe| 0.
 * PEERINDEX_NONE at the end. */
uint32_t peerindex_next(const struct peerindex *x, uint64_t hash, uint32_t *probe);

/* Gets what a search for |hash| reads on its way from memory. */
void peerindex_prefetch(const struct peerindex *x, uint64_t hash);

#endif
