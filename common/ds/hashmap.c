/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linear hashing (linearhash.h): when the table is three quarters full, the next bucket in turn is
 * split into two, by one more bit of the hash. Growing copies nothing. SipHash-1-3 keeps chains
 * short against an attacker who can choose keys but does not know the seed.
 */
#include "common/ds/hashmap.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/prefetch.h"
#include "common/ds/linearhash.h"
#include "common/ds/siphash.h"

enum {
    BUCKETS_MIN = 16,
    SPLITS_MAX = 2, /* with each node that is added */
};

void
hashmap_init(struct hashmap *m, const uint64_t seed[2], hashmap_match_fn match)
{
    *m = (struct hashmap){.seed = {seed[0], seed[1]}, .match = match};
}

static unsigned
segment_of(size_t bucket)
{
    return linearhash_segment(bucket, BUCKETS_MIN);
}

void
hashmap_fini(struct hashmap *m)
{
    for (unsigned i = 0; m->nbuckets > 0 && i <= segment_of(m->nbuckets - 1); i++)
        free(m->segments[i]);
    free(m->segments);
    *m = (struct hashmap){0};
}

/* The bucket with that number. */
static struct hashmap_node **
bucket_at(const struct hashmap *m, size_t bucket)
{
    return &m->segments[segment_of(bucket)][linearhash_index(bucket, BUCKETS_MIN)];
}

static struct hashmap_node **
bucket_of(const struct hashmap *m, uint64_t hash)
{
    return bucket_at(m, linearhash_bucket(hash, m->nbuckets, m->low));
}

uint64_t
hashmap_hash(const struct hashmap *m, const void *key, size_t len)
{
    return siphash13(m->seed, key, len);
}

struct hashmap_node *
hashmap_find(const struct hashmap *m, const void *key, size_t len)
{
    return m->nbuckets > 0 ? hashmap_find_hashed(m, hashmap_hash(m, key, len), key, len) : NULL;
}

struct hashmap_node *
hashmap_find_hashed(const struct hashmap *m, uint64_t hash, const void *key, size_t len)
{
    if (m->nbuckets == 0)
        return NULL;
    for (struct hashmap_node *n = *bucket_of(m, hash); n != NULL; n = n->next)
        if (n->hash == hash && m->match(n, key, len))
            return n;
    return NULL;
}

void
hashmap_prefetch(const struct hashmap *m, uint64_t hash)
{
    if (m->nbuckets > 0)
        prefetch_line(bucket_of(m, hash));
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
push(struct hashmap_node **bucket, struct hashmap_node *node)
{
    node->next = *bucket;
    *bucket = node;
}

/* Another segment, of |nbuckets| empty buckets. */
static int
add_segment(struct hashmap *m, unsigned index, size_t nbuckets)
{
    struct hashmap_node ***segments =
        realloc(m->segments, (index + 1) * sizeof(struct hashmap_node **));

    if (segments == NULL)
        return SPRAT_E_NOMEM;
    m->segments = segments;
    segments[index] = calloc(nbuckets, sizeof(struct hashmap_node *));
    return segments[index] != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
begin(struct hashmap *m)
{
    int err = add_segment(m, 0, BUCKETS_MIN);

    if (err == 0)
        m->nbuckets = m->low = BUCKETS_MIN;
    return err;
}

/* Splits the bucket whose turn it is. False when memory is out. */
static bool
split(struct hashmap *m)
{
    size_t bucket = m->nbuckets;
    struct hashmap_node **from = bucket_at(m, bucket - m->low), **to;

    if (bucket == m->low && add_segment(m, segment_of(bucket), bucket) != 0)
        return false;
    to = bucket_at(m, bucket);
    m->nbuckets++;
    while (*from != NULL) {
        struct hashmap_node *node = *from;

        if ((node->hash & (2 * m->low - 1)) == bucket) {
            *from = node->next;
            push(to, node);
        } else {
            from = &node->next;
        }
    }
    if (m->nbuckets == 2 * m->low)
        m->low *= 2;
    return true;
}

int
hashmap_add(struct hashmap *m, struct hashmap_node *node, const void *key, size_t len)
{
    return hashmap_add_hashed(m, node, hashmap_hash(m, key, len));
}

int
hashmap_add_hashed(struct hashmap *m, struct hashmap_node *node, uint64_t hash)
{
    if (m->nbuckets == 0 && begin(m) != 0)
        return SPRAT_E_NOMEM;
    /* A table that can't grow continues with longer chains. */
    for (int i = 0; i < SPLITS_MAX && m->count >= m->nbuckets / 4 * 3 && split(m); i++)
        ;
    node->hash = hash;
    push(bucket_of(m, node->hash), node);
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
        for (struct hashmap_node *n = *bucket_at(m, at); n != NULL; n = n->next)
            each(ctx, n);
    return at < m->nbuckets ? at : 0;
}
