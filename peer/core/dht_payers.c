/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Networks are on a ring for each number of entries; the highest ring that is not empty has the
 * most crowded ones. The entries of a network are on a ring from the oldest to the newest. All
 * links are numbers from 1, so that zeroed memory is an empty table.
 */
#include "peer/core/dht_payers.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/ds/siphash.h"
#include "peer/core/dht_net.h"

#define NONE DHT_PAYERS_NONE

/* The links of a member of a ring. A ring's members are numbers, and index an array of links. */
struct ring {
    uint16_t prev, next;
};

struct network {
    uint64_t key;
    uint16_t count;  /* its entries; 0: free */
    uint16_t oldest; /* the head of the ring of its entries */
    uint16_t chain;  /* the next network of the same bucket, or the next free one */
};

struct dht_payers {
    uint64_t seed[2];
    uint16_t top;             /* the highest level in use; 0: none */
    uint16_t free;            /* the first free network that was used before, or NONE */
    uint16_t used;            /* networks that were ever used */
    uint32_t mask;            /* number of buckets - 1 */
    /* By number of the entry or network; the first member is not used. */
    uint16_t *payers;         /* the entry's network; NONE: no payer */
    struct ring *ages;        /* entries of one network, from the oldest to the newest */
    struct network *networks; /* as many as entries */
    struct ring *levels;      /* networks with as many entries as each other */
    uint16_t *level_heads;    /* [count]: the head of the ring of networks with so many entries */
    uint16_t *buckets;
};

/* Adds |n| as the last member of the ring that begins with |*head| (NONE: an empty ring). */
static void
ring_join(struct ring *links, uint16_t *head, uint16_t n)
{
    if (*head == NONE) {
        links[n] = (struct ring){n, n};
        *head = n;
        return;
    }
    links[n] = (struct ring){links[*head].prev, *head};
    links[links[n].prev].next = n;
    links[*head].prev = n;
}

/* Removes |n|. The member after the first one becomes the first one. */
static void
ring_leave(struct ring *links, uint16_t *head, uint16_t n)
{
    links[links[n].prev].next = links[n].next;
    links[links[n].next].prev = links[n].prev;
    if (*head == n)
        *head = links[n].next != n ? links[n].next : NONE;
}

static uint32_t
bucket_count(uint16_t entries)
{
    uint32_t n = 16;

    while (n < entries)
        n *= 2;
    return n;
}

struct dht_payers *
dht_payers_new(uint16_t entries, const uint64_t seed[2])
{
    struct dht_payers *p = calloc(1, sizeof(*p));
    uint32_t buckets = bucket_count(entries);

    ASSERT(entries > 0 && entries < UINT16_MAX);
    if (p == NULL)
        return NULL;
    *p = (struct dht_payers){.seed = {seed[0], seed[1]},
                             .mask = buckets - 1,
                             .payers = calloc(entries + 1u, sizeof(uint16_t)),
                             .ages = calloc(entries + 1u, sizeof(struct ring)),
                             .networks = calloc(entries + 1u, sizeof(struct network)),
                             .levels = calloc(entries + 1u, sizeof(struct ring)),
                             .level_heads = calloc(entries + 1u, sizeof(uint16_t)),
                             .buckets = calloc(buckets, sizeof(uint16_t))};
    if (p->payers == NULL || p->ages == NULL || p->networks == NULL || p->levels == NULL ||
        p->level_heads == NULL || p->buckets == NULL) {
        dht_payers_free(p);
        return NULL;
    }
    return p;
}

void
dht_payers_free(struct dht_payers *p)
{
    if (p == NULL)
        return;
    free(p->buckets);
    free(p->level_heads);
    free(p->levels);
    free(p->networks);
    free(p->ages);
    free(p->payers);
    free(p);
}

static uint16_t *
bucket_of(const struct dht_payers *p, uint64_t key)
{
    return &p->buckets[siphash13(p->seed, &key, sizeof(key)) & p->mask];
}

static uint16_t
find(const struct dht_payers *p, uint64_t key)
{
    uint16_t n = *bucket_of(p, key);

    while (n != NONE && p->networks[n].key != key)
        n = p->networks[n].chain;
    return n;
}

static uint16_t
add_network(struct dht_payers *p, uint64_t key)
{
    uint16_t n = p->free, *bucket = bucket_of(p, key);

    if (n != NONE)
        p->free = p->networks[n].chain;
    else
        n = ++p->used;
    p->networks[n] = (struct network){.key = key, .oldest = NONE, .chain = *bucket};
    *bucket = n;
    return n;
}

static void
remove_network(struct dht_payers *p, uint16_t n)
{
    uint16_t *link = bucket_of(p, p->networks[n].key);

    while (*link != n)
        link = &p->networks[*link].chain;
    *link = p->networks[n].chain;
    p->networks[n].chain = p->free;
    p->free = n;
}

/* The head of a level is the network that has been there for the longest time. */
static void
set_count(struct dht_payers *p, uint16_t n, uint16_t count)
{
    uint16_t before = p->networks[n].count;

    if (before > 0)
        ring_leave(p->levels, &p->level_heads[before], n);
    p->networks[n].count = count;
    if (count > 0)
        ring_join(p->levels, &p->level_heads[count], n);
    if (count > p->top)
        p->top = count;
    while (p->top > 0 && p->level_heads[p->top] == NONE)
        p->top--;
}

void
dht_payers_charge(struct dht_payers *p, uint16_t entry, const struct endpoint *addr)
{
    uint64_t key = dht_network(addr);
    uint16_t n = find(p, key);

    ASSERT(p->payers[entry] == NONE);
    if (n == NONE)
        n = add_network(p, key);
    p->payers[entry] = n;
    ring_join(p->ages, &p->networks[n].oldest, entry);
    set_count(p, n, p->networks[n].count + 1);
}

void
dht_payers_refund(struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->payers[entry];

    if (n == NONE)
        return;
    ring_leave(p->ages, &p->networks[n].oldest, entry);
    p->payers[entry] = NONE;
    set_count(p, n, p->networks[n].count - 1);
    if (p->networks[n].count == 0)
        remove_network(p, n);
}

void
dht_payers_touch(struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->payers[entry];

    ASSERT(n != NONE);
    ring_leave(p->ages, &p->networks[n].oldest, entry);
    ring_join(p->ages, &p->networks[n].oldest, entry);
}

uint16_t
dht_payers_crowd(const struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->payers[entry];

    return n != NONE ? p->networks[n].count : 0;
}

uint16_t
dht_payers_crowd_of(const struct dht_payers *p, const struct endpoint *addr)
{
    uint16_t n = find(p, dht_network(addr));

    return n != NONE ? p->networks[n].count : 0;
}

uint16_t
dht_payers_oldest(const struct dht_payers *p)
{
    return p->top > 0 ? p->networks[p->level_heads[p->top]].oldest : NONE;
}

uint16_t
dht_payers_oldest_of(const struct dht_payers *p, const struct endpoint *addr)
{
    uint16_t n = find(p, dht_network(addr));

    return n != NONE ? p->networks[n].oldest : NONE;
}
