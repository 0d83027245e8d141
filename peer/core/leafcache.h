/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leaf hashes of some pieces, bounded: the piece unused for longest goes first. A piece's leaves
 * may come in stretches, as hash requests ask for them. It trusts what it is given: proofs are the
 * hash tree's business.
 */
#ifndef PEER_CORE_LEAFCACHE_H
#define PEER_CORE_LEAFCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/hashmap.h"
#include "common/ds/list.h"

enum {
    LEAFCACHE_STRETCH = 512,      /* leaves that are known or unknown together */
    LEAFCACHE_STRETCHES_MAX = 64, /* of a piece: 512 MiB */
};

/* The leaves of one piece. Read only, and not beyond the next call on the cache. */
struct leafset {
    struct hashmap_node node;
    struct list link;
    uint32_t piece;
    uint32_t count;   /* leaves of the piece: its data blocks */
    uint64_t known;   /* a bit for each stretch */
    uint8_t leaves[]; /* 32 bytes each */
};

/* Embedded; private. */
struct leafcache {
    struct hashmap map;
    struct list by_use; /* the longest unused first */
    uint32_t leaves_max;
    uint32_t leaves; /* room taken, known or not */
};

void leafcache_init(struct leafcache *c, uint32_t leaves_max);
void leafcache_fini(struct leafcache *c);

/* The piece's leaves, if any are known; NULL otherwise. Does not count as use. */
const struct leafset *leafcache_find(const struct leafcache *c, uint32_t piece);

/* The piece goes last from now on. */
void leafcache_touch(struct leafcache *c, uint32_t piece);

/* Keeps |n| leaves of |piece| from leaf |first| on, of |count| in all: one stretch, or all of them
 * (first 0, n count). SPRAT_E_NOMEM, and the piece is as before. */
int leafcache_put(struct leafcache *c, uint32_t piece, uint32_t count, uint32_t first,
                  const uint8_t *leaves, uint32_t n);

static inline bool
leafset_knows(const struct leafset *s, uint32_t leaf)
{
    return leaf < s->count && (s->known >> leaf / LEAFCACHE_STRETCH & 1) != 0;
}

/* The first leaf that is not known; |count| if all are. */
uint32_t leafset_first_unknown(const struct leafset *s);

#endif
