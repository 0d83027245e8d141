/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chained buckets, doubled when full on average. SipHash-1-3 keeps chains short against an attacker
 * who can choose keys but does not know the seed.
 */
#include "common/ds/hashmap.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/prefetch.h"
#include "common/ds/siphash.h"

enum { HASHMAP_BUCKETS_MIN = 16 };

void
hashmap_init(struct hashmap *m, const uint64_t seed[2], hashmap_match_fn match)
{
    *m = (struct hashmap){.seed = {seed[0], seed[1]}, .match = match};
}

void
hashmap_fini(struct hashmap *m)
{
    free(m->buckets);
    *m = (struct hashmap){0};
}

static struct hashmap_node **
bucket_of(const struct hashmap *m, uint64_t hash)
{
    return &m->buckets[hash & (m->nbuckets - 1)];
}

struct hashmap_node *
hashmap_find(const struct hashmap *m, const void *key, size_t len)
{
    uint64_t hash;

    if (m->nbuckets == 0)
        return NULL;
    hash = siphash13(m->seed, key, len);
    for (struct hashmap_node *n = *bucket_of(m, hash); n != NULL; n = n->next)
        if (n->hash == hash && m->match(n, key, len))
            return n;
    return NULL;
}

uint64_t
hashmap_prefetch(const struct hashmap *m, const void *key, size_t len)
{
    uint64_t hash = siphash13(m->seed, key, len);

    if (m->nbuckets > 0)
        prefetch_line(bucket_of(m, hash));
    return hash;
}

const struct hashmap_node *
hashmap_prefetch_node(const struct hashmap *m, uint64_t hash)
{
    const struct hashmap_node *node = m->nbuckets > 0 ? *bucket_of(m, hash) : NULL;

    if (node != NULL)
        prefetch_line(node);
    return node;
}

const struct hashmap_node *
hashmap_prefetch_next(const struct hashmap_node *node, uint64_t hash)
{
    if (node == NULL || node->hash == hash)
        return node;
    if (node->next != NULL)
        prefetch_line(node->next);
    return node->next;
}

static void
push(struct hashmap *m, struct hashmap_node *node)
{
    struct hashmap_node **bucket = bucket_of(m, node->hash);

    node->next = *bucket;
    *bucket = node;
}

static int
resize(struct hashmap *m, size_t nbuckets)
{
    struct hashmap_node **old = m->buckets;
    size_t nold = m->nbuckets;
    struct hashmap_node **buckets = calloc(nbuckets, sizeof(struct hashmap_node *));

    if (buckets == NULL)
        return SPRAT_E_NOMEM;
    m->buckets = buckets;
    m->nbuckets = nbuckets;
    for (size_t i = 0; i < nold; i++) {
        for (struct hashmap_node *n = old[i], *next; n != NULL; n = next) {
            next = n->next;
            push(m, n);
        }
    }
    free(old);
    return 0;
}

int
hashmap_add(struct hashmap *m, struct hashmap_node *node, const void *key, size_t len)
{
    /* A table that can't grow continues with longer chains; only the first array is required. */
    if (m->count >= m->nbuckets &&
        resize(m, m->nbuckets > 0 ? m->nbuckets * 2 : HASHMAP_BUCKETS_MIN) != 0 && m->nbuckets == 0)
        return SPRAT_E_NOMEM;
    node->hash = siphash13(m->seed, key, len);
    push(m, node);
    m->count++;
    return 0;
}

void
hashmap_remove(struct hashmap *m, struct hashmap_node *node)
{
    struct hashmap_node **p = bucket_of(m, node->hash);

    while (*p != node) {
        ASSERT(*p != NULL);
        p = &(*p)->next;
    }
    *p = node->next;
    m->count--;
}

size_t
hashmap_walk(const struct hashmap *m, size_t at, size_t buckets,
             void (*each)(void *ctx, struct hashmap_node *node), void *ctx)
{
    size_t end = m->nbuckets - at < buckets ? m->nbuckets : at + buckets;

    if (at >= m->nbuckets)
        return 0;
    for (; at < end; at++)
        for (struct hashmap_node *n = m->buckets[at]; n != NULL; n = n->next)
            each(ctx, n);
    return at < m->nbuckets ? at : 0;
}
