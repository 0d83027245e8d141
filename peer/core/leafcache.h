/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bounded cache of leaf hashes (BEP 52) of some pieces; the least recently used piece goes first.
 * The leaves of a piece may arrive in stretches, as hash requests ask for them. The cache trusts
 * its input: the hash tree verifies proofs.
 */
#ifndef PEER_CORE_LEAFCACHE_H
#define PEER_CORE_LEAFCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/hashmap.h"
#include "common/ds/list.h"

enum {
    LEAFCACHE_STRETCH = 512,      /* leaves that become known together */
    LEAFCACHE_STRETCHES_MAX = 64, /* most stretches of a piece: 512 MiB */
};

/* The leaves of one piece. Read only; valid until the next call on the cache. */
struct leafset {
    struct hashmap_node node;
    struct list link;
    uint32_t piece;
    uint32_t count;   /* number of the piece's leaves: its data blocks */
    uint64_t known;   /* one bit per stretch */
    uint8_t leaves[]; /* 32 bytes each */
};

/* Embedded; private. */
struct leafcache {
    struct hashmap map;
    struct list by_use; /* the least recently used piece first */
    uint32_t leaves_max;
    uint32_t leaves; /* allocated leaves, known or not */
};

void leafcache_init(struct leafcache *c, uint32_t leaves_max);
void leafcache_fini(struct leafcache *c);

/* The piece's leaves if any are known, else NULL. Does not count as use. */
const struct leafset *leafcache_find(const struct leafcache *c, uint32_t piece);

/* Marks the piece as the most recently used. */
void leafcache_touch(struct leafcache *c, uint32_t piece);

/* Stores |n| leaves of |piece| from leaf |first| on; the piece has |count| in all. Either one
 * stretch, or all leaves (first 0, n = count). On SPRAT_E_NOMEM the piece is unchanged. */
int leafcache_put(struct leafcache *c, uint32_t piece, uint32_t count, uint32_t first,
                  const uint8_t *leaves, uint32_t n);

static inline bool
leafset_knows(const struct leafset *s, uint32_t leaf)
{
    return leaf < s->count && (s->known >> leaf / LEAFCACHE_STRETCH & 1) != 0;
}

/* The index of the first unknown leaf; |count| if all are known. */
uint32_t leafset_first_unknown(const struct leafset *s);

#endif
