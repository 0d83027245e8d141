/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An intrusive hash table with keyed hashing (SipHash-1-3), so that keys chosen by an attacker
 * can't make it slow. The node is embedded in the object; the table allocates only its buckets. It
 * grows by a bucket or two with each node that is added, so that no call waits for a table of
 * millions to be made anew. Users that iterate in a fixed order keep a list of their own, since the
 * order in the table depends on the seed.
 */
#ifndef COMMON_DS_HASHMAP_H
#define COMMON_DS_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap_node {
    struct hashmap_node *next;
    uint64_t hash;
};

/* True if the object of |node| has the key |key| of |len| bytes. */
typedef bool (*hashmap_match_fn)(const struct hashmap_node *node, const void *key, size_t len);

/* Embedded; read |count| and |nbuckets|, the rest is private. */
struct hashmap {
    struct hashmap_node ***segments; /* of buckets: 16, then 16, 32, 64 and so on */
    size_t nbuckets;                 /* 0 before the first insert */
    size_t low;                      /* the largest power of two up to |nbuckets| */
    size_t count;
    uint64_t seed[2];
    hashmap_match_fn match;
};

void hashmap_init(struct hashmap *m, const uint64_t seed[2], hashmap_match_fn match);

/* Frees the buckets, not the objects. */
void hashmap_fini(struct hashmap *m);

struct hashmap_node *hashmap_find(const struct hashmap *m, const void *key, size_t len);

/* Returns the hash of a key, which all maps with the same seed share. hashmap_find_hashed() and
 * hashmap_add_hashed() take it, for callers that use a key several times. */
uint64_t hashmap_hash(const struct hashmap *m, const void *key, size_t len);
struct hashmap_node *hashmap_find_hashed(const struct hashmap *m, uint64_t hash, const void *key,
                                         size_t len);

/* Prefetches for callers that look up many keys. hashmap_prefetch() starts to load a key's bucket.
 * hashmap_prefetch_node(), some keys later, starts to load the bucket's first node and returns it
 * (NULL: none). hashmap_prefetch_next() skips a node whose hash is not |hash| and does the same
 * with the next node of the bucket. A result does not mean that the key is in the map. */
void hashmap_prefetch(const struct hashmap *m, uint64_t hash);
const struct hashmap_node *hashmap_prefetch_node(const struct hashmap *m, uint64_t hash);
const struct hashmap_node *hashmap_prefetch_next(const struct hashmap_node *node, uint64_t hash);

/* Adds the node under |key|, which must not be in the map yet. SPRAT_E_NOMEM: the map is unchanged.
 */
int hashmap_add(struct hashmap *m, struct hashmap_node *node, const void *key, size_t len);
int hashmap_add_hashed(struct hashmap *m, struct hashmap_node *node, uint64_t hash);

/* Calls |each| for the nodes of |buckets| buckets from bucket |at| on, and returns the bucket to
 * continue at, 0 at the end. |each| must not change the map. If the map changes between two calls,
 * every node that stays is visited at least once. */
size_t hashmap_walk(const struct hashmap *m, size_t at, size_t buckets,
                    void (*each)(void *ctx, struct hashmap_node *node), void *ctx);

/* Removes a node that is in the map. */
void hashmap_remove(struct hashmap *m, struct hashmap_node *node);

#endif
