/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An intrusive hash table with keyed hashing (SipHash-1-3), so that keys chosen by strangers can't
 * make it slow. The node is embedded in the object; the table allocates only its bucket array.
 * There is no iteration on purpose: nothing may depend on the seed. Keep a list beside it.
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

/* Embedded; private but for |count|. */
struct hashmap {
    struct hashmap_node **buckets;
    size_t nbuckets; /* a power of two, or 0 before the first insert */
    size_t count;
    uint64_t seed[2];
    hashmap_match_fn match;
};

void hashmap_init(struct hashmap *m, const uint64_t seed[2], hashmap_match_fn match);

/* Frees the buckets, not the objects. */
void hashmap_fini(struct hashmap *m);

struct hashmap_node *hashmap_find(const struct hashmap *m, const void *key, size_t len);

/* For who is going to look for many keys: the first call gets a key's bucket on its way from
 * memory, the second, some keys later, the bucket's first node, which it returns (NULL: none). The
 * third passes over a node that is not |hash|'s and does the same with the next in its bucket.
 * None says that the key is in. */
uint64_t hashmap_prefetch(const struct hashmap *m, const void *key, size_t len);
const struct hashmap_node *hashmap_prefetch_node(const struct hashmap *m, uint64_t hash);
const struct hashmap_node *hashmap_prefetch_next(const struct hashmap_node *node, uint64_t hash);

/* Adds the node under |key|, which must not be in yet. SPRAT_E_NOMEM, and nothing is changed. */
int hashmap_add(struct hashmap *m, struct hashmap_node *node, const void *key, size_t len);

/* Calls |each| for the nodes of |buckets| buckets from bucket |at| on, and returns the bucket to go
 * on at, 0 at the end. |each| must not change the map. When it is changed between two calls, what
 * stays in it comes once or more often. */
size_t hashmap_walk(const struct hashmap *m, size_t at, size_t buckets,
                    void (*each)(void *ctx, struct hashmap_node *node), void *ctx);

/* Takes out a node that is in. */
void hashmap_remove(struct hashmap *m, struct hashmap_node *node);

#endif
