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

/* The links of a ring. */
struct ring {
    uint16_t prev, next;
};

struct entry {
    uint16_t network; /* NONE: no payer */
    struct ring age;
};

struct network {
    uint64_t key;
    uint16_t count;  /* its entries; 0: free */
    uint16_t oldest; /* the entry */
    uint16_t chain;  /* the next network of the same bucket, or the next free one */
    struct ring level;
};

struct dht_payers {
    uint64_t seed[2];
    uint16_t top;             /* the highest level in use; 0: none */
    uint16_t free;            /* the first free network that was used before, or NONE */
    uint16_t used;            /* networks that were ever used */
    uint32_t mask;            /* number of buckets - 1 */
    struct entry *entries;    /* the first one is not used */
    struct network *networks; /* as many */
    uint16_t *levels;         /* [count]: a network with so many entries, or NONE */
    uint16_t *buckets;
};

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
                             .entries = calloc(entries + 1u, sizeof(struct entry)),
                             .networks = calloc(entries + 1u, sizeof(struct network)),
                             .levels = calloc(entries + 1u, sizeof(uint16_t)),
                             .buckets = calloc(buckets, sizeof(uint16_t))};
    if (p->entries == NULL || p->networks == NULL || p->levels == NULL || p->buckets == NULL) {
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
    free(p->levels);
    free(p->networks);
    free(p->entries);
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

static void
leave_level(struct dht_payers *p, uint16_t n)
{
    struct network *net = &p->networks[n];

    if (net->count == 0)
        return;
    p->networks[net->level.prev].level.next = net->level.next;
    p->networks[net->level.next].level.prev = net->level.prev;
    if (p->levels[net->count] == n)
        p->levels[net->count] = net->level.next != n ? net->level.next : NONE;
}

static void
join_level(struct dht_payers *p, uint16_t n)
{
    struct network *net = &p->networks[n];
    uint16_t head = p->levels[net->count];

    if (net->count == 0)
        return;
    if (head == NONE) {
        net->level = (struct ring){n, n};
        p->levels[net->count] = n;
        return;
    }
    /* Before the head: the network that has been at this level for the longest time is the head. */
    net->level = (struct ring){p->networks[head].level.prev, head};
    p->networks[net->level.prev].level.next = n;
    p->networks[head].level.prev = n;
}

static void
set_count(struct dht_payers *p, uint16_t n, uint16_t count)
{
    leave_level(p, n);
    p->networks[n].count = count;
    join_level(p, n);
    if (count > p->top)
        p->top = count;
    while (p->top > 0 && p->levels[p->top] == NONE)
        p->top--;
}

/* Puts |entry| on the ring of network |n| as the newest one: before the oldest. */
static void
join_ring(struct dht_payers *p, uint16_t n, uint16_t entry)
{
    uint16_t oldest = p->networks[n].oldest;
    struct entry *e = &p->entries[entry];

    if (oldest == NONE) {
        e->age = (struct ring){entry, entry};
        p->networks[n].oldest = entry;
        return;
    }
    e->age = (struct ring){p->entries[oldest].age.prev, oldest};
    p->entries[e->age.prev].age.next = entry;
    p->entries[oldest].age.prev = entry;
}

static void
leave_ring(struct dht_payers *p, uint16_t n, uint16_t entry)
{
    struct entry *e = &p->entries[entry];

    p->entries[e->age.prev].age.next = e->age.next;
    p->entries[e->age.next].age.prev = e->age.prev;
    if (p->networks[n].oldest == entry)
        p->networks[n].oldest = e->age.next != entry ? e->age.next : NONE;
}

void
dht_payers_charge(struct dht_payers *p, uint16_t entry, const struct endpoint *addr)
{
    uint64_t key = dht_network(addr);
    uint16_t n = find(p, key);

    ASSERT(p->entries[entry].network == NONE);
    if (n == NONE)
        n = add_network(p, key);
    p->entries[entry].network = n;
    join_ring(p, n, entry);
    set_count(p, n, p->networks[n].count + 1);
}

void
dht_payers_refund(struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->entries[entry].network;

    if (n == NONE)
        return;
    leave_ring(p, n, entry);
    p->entries[entry].network = NONE;
    set_count(p, n, p->networks[n].count - 1);
    if (p->networks[n].count == 0)
        remove_network(p, n);
}

void
dht_payers_touch(struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->entries[entry].network;

    ASSERT(n != NONE);
    leave_ring(p, n, entry);
    join_ring(p, n, entry);
}

uint16_t
dht_payers_crowd(const struct dht_payers *p, uint16_t entry)
{
    uint16_t n = p->entries[entry].network;

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
    return p->top > 0 ? p->networks[p->levels[p->top]].oldest : NONE;
}

uint16_t
dht_payers_oldest_of(const struct dht_payers *p, const struct endpoint *addr)
{
    uint16_t n = find(p, dht_network(addr));

    return n != NONE ? p->networks[n].oldest : NONE;
}
