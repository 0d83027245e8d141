/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peers are in one array, with two indexes: by info-hash and site, and by info-hash and place. The
 * peers of an info-hash have the places 0, 1, 2 …, so that a random place is a random peer; when
 * one goes, the last one gets its place. All links in the indexes are numbers of entries,
 * from 1, so that zeroed memory is an empty store.
 */
#include "peer/core/dht_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/krpc.h"
#include "common/ds/list.h"
#include "common/ds/siphash.h"
#include "peer/core/dht_net.h"
#include "peer/core/dht_payers.h"

#define NONE 0

enum {
    PEER_BUCKETS = 1 << 15,
    HASH_BUCKETS = 1 << 11,
    CROWD_SAMPLE = 64, /* peers that are compared when an info-hash has too many */
    SKIPS_MAX = 64,    /* peers that an answer may pass over */
};

enum { BY_SITE, BY_PLACE, INDEXES };

struct peer {
    struct list age; /* in |ages| or |free_peers| */
    struct mono seen;
    uint8_t ip[16];
    struct dht_bloom_bits bits;
    uint16_t port;
    uint16_t hash;
    uint16_t place;
    uint16_t chain[INDEXES]; /* the next peer of the same bucket */
    bool seed;
};

/* An info-hash. It exists as long as it has peers. */
struct hash {
    uint8_t info_hash[DHT_ID_LEN];
    uint16_t count; /* peers; 0: the entry is free */
    uint16_t payer; /* the peer whose network pays for the info-hash */
    uint16_t chain; /* the next info-hash of the same bucket, or the next free one */
};

struct dht_store {
    enum ip_family family;
    uint64_t seed[2];
    struct rng rng;
    struct list ages; /* peers, the one that announced itself the longest ago first */
    struct list free_peers;
    uint16_t peers_used, hashes_used; /* entries that were ever used */
    uint16_t hash_free;               /* the first free one of them, or NONE */
    uint32_t peers_total, hashes_total;
    struct dht_payers *peer_payers, *hash_payers;
    uint8_t sample[DHT_STORE_SAMPLES_MAX * DHT_ID_LEN];
    uint32_t sample_count;
    struct mono sample_until;
    uint16_t hash_buckets[HASH_BUCKETS];
    uint16_t peer_buckets[INDEXES][PEER_BUCKETS];
    struct hash hashes[DHT_STORE_HASHES_MAX + 1]; /* the first one is not used */
    struct peer peers[DHT_STORE_PEERS_MAX + 1];   /* nor is this one */
};

_Static_assert(DHT_STORE_PEERS_MAX < UINT16_MAX && DHT_STORE_HASHES_MAX < UINT16_MAX,
               "numbers have 16 bits");

struct dht_store *
dht_store_new(enum ip_family family, const uint64_t seed[2])
{
    struct dht_store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->family = family;
    memcpy(s->seed, seed, sizeof(s->seed));
    rng_init(&s->rng, seed[0] ^ seed[1]);
    list_init(&s->ages);
    list_init(&s->free_peers);
    s->peer_payers = dht_payers_new(DHT_STORE_PEERS_MAX, seed);
    s->hash_payers = dht_payers_new(DHT_STORE_HASHES_MAX, seed);
    if (s->peer_payers == NULL || s->hash_payers == NULL) {
        dht_store_free(s);
        return NULL;
    }
    return s;
}

void
dht_store_free(struct dht_store *s)
{
    if (s == NULL)
        return;
    dht_payers_free(s->hash_payers);
    dht_payers_free(s->peer_payers);
    free(s);
}

static struct endpoint
address_of(const struct dht_store *s, const struct peer *p)
{
    struct endpoint e = {.port = p->port, .family = (uint8_t)s->family};

    memcpy(e.ip, p->ip, sizeof(e.ip));
    return e;
}

static uint16_t
number_of(const struct dht_store *s, const struct peer *p)
{
    return (uint16_t)(p - s->peers);
}

/* The number of the bucket of an info-hash and a site or place. */
static size_t
peer_bucket(const struct dht_store *s, uint16_t hash, uint64_t value)
{
    const uint64_t key[2] = {hash, value};

    return siphash13(s->seed, key, sizeof(key)) % PEER_BUCKETS;
}

static void
index_add(struct dht_store *s, unsigned index, struct peer *p, uint64_t value)
{
    uint16_t *bucket = &s->peer_buckets[index][peer_bucket(s, p->hash, value)];

    p->chain[index] = *bucket;
    *bucket = number_of(s, p);
}

static void
index_remove(struct dht_store *s, unsigned index, struct peer *p, uint64_t value)
{
    uint16_t *link = &s->peer_buckets[index][peer_bucket(s, p->hash, value)];

    while (*link != number_of(s, p))
        link = &s->peers[*link].chain[index];
    *link = p->chain[index];
}

/* The number of the peer at a place that is in use. */
static uint16_t
peer_at(const struct dht_store *s, uint16_t hash, uint32_t place)
{
    uint16_t n = s->peer_buckets[BY_PLACE][peer_bucket(s, hash, place)];

    while (s->peers[n].hash != hash || s->peers[n].place != place)
        n = s->peers[n].chain[BY_PLACE];
    return n;
}

static struct peer *
random_peer(struct dht_store *s, uint16_t hash)
{
    return &s->peers[peer_at(s, hash, rng_below(&s->rng, s->hashes[hash].count))];
}

static size_t
hash_bucket(const struct dht_store *s, const uint8_t *info_hash)
{
    return siphash13(s->seed, info_hash, DHT_ID_LEN) % HASH_BUCKETS;
}

static uint16_t
hash_find(const struct dht_store *s, const uint8_t *info_hash)
{
    uint16_t h = s->hash_buckets[hash_bucket(s, info_hash)];

    while (h != NONE && !dht_id_equal(s->hashes[h].info_hash, info_hash))
        h = s->hashes[h].chain;
    return h;
}

/* A new info-hash, for which there is room, without peers yet. */
static uint16_t
hash_add(struct dht_store *s, const uint8_t *info_hash)
{
    uint16_t h = s->hash_free, *bucket = &s->hash_buckets[hash_bucket(s, info_hash)];

    if (h != NONE)
        s->hash_free = s->hashes[h].chain;
    else
        h = ++s->hashes_used;
    s->hashes[h] = (struct hash){.payer = NONE, .chain = *bucket};
    memcpy(s->hashes[h].info_hash, info_hash, DHT_ID_LEN);
    *bucket = h;
    s->hashes_total++;
    return h;
}

static void
hash_remove(struct dht_store *s, uint16_t h)
{
    uint16_t *link = &s->hash_buckets[hash_bucket(s, s->hashes[h].info_hash)];

    while (*link != h)
        link = &s->hashes[*link].chain;
    *link = s->hashes[h].chain;
    s->hashes[h].chain = s->hash_free;
    s->hash_free = h;
    s->hashes_total--;
    dht_payers_refund(s->hash_payers, h);
}

static void
set_payer(struct dht_store *s, uint16_t h, const struct peer *p)
{
    struct endpoint addr = address_of(s, p);

    dht_payers_refund(s->hash_payers, h);
    dht_payers_charge(s->hash_payers, h, &addr);
    s->hashes[h].payer = number_of(s, p);
}

/* |p| announced the info-hash: its network pays from now on if it pays for fewer than the network
 * that pays now. So nobody becomes the payer of others' info-hashes to have them given up. */
static void
offer_payer(struct dht_store *s, const struct peer *p)
{
    struct endpoint addr = address_of(s, p);

    if (s->hashes[p->hash].payer == NONE ||
        dht_payers_crowd_of(s->hash_payers, &addr) + 1 < dht_payers_crowd(s->hash_payers, p->hash))
        set_payer(s, p->hash, p);
    else
        dht_payers_touch(s->hash_payers, p->hash);
}

static void
peer_drop(struct dht_store *s, struct peer *p)
{
    struct hash *h = &s->hashes[p->hash];
    struct endpoint addr = address_of(s, p);
    struct peer *last = &s->peers[peer_at(s, p->hash, h->count - 1u)];

    index_remove(s, BY_SITE, p, dht_site(&addr));
    index_remove(s, BY_PLACE, last, last->place);
    if (last != p) {
        index_remove(s, BY_PLACE, p, p->place);
        last->place = p->place;
        index_add(s, BY_PLACE, last, last->place);
    }
    h->count--;
    dht_payers_refund(s->peer_payers, number_of(s, p));
    list_remove(&p->age);
    list_push_front(&s->free_peers, &p->age);
    s->peers_total--;
    if (h->count == 0)
        hash_remove(s, p->hash);
    else if (h->payer == number_of(s, p))
        set_payer(s, p->hash, random_peer(s, p->hash));
}

/* Forgets an info-hash with all its peers. */
static void
hash_drop(struct dht_store *s, uint16_t h)
{
    dht_payers_refund(s->hash_payers, h);
    s->hashes[h].payer = NONE;
    for (uint32_t left = s->hashes[h].count; left > 0; left--)
        peer_drop(s, &s->peers[peer_at(s, h, left - 1)]);
}

/* The peer of |addr|, if it is there. Else NULL, and |oldest| is the site's oldest peer if the site
 * has as many as it may. */
static struct peer *
peer_find(struct dht_store *s, uint16_t hash, const struct endpoint *addr, struct peer **oldest)
{
    uint64_t site = dht_site(addr);
    struct peer *first = NULL;
    unsigned count = 0;

    *oldest = NULL;
    for (uint16_t n = s->peer_buckets[BY_SITE][peer_bucket(s, hash, site)]; n != NONE;
         n = s->peers[n].chain[BY_SITE]) {
        struct peer *p = &s->peers[n];
        struct endpoint is = address_of(s, p);

        if (p->hash != hash || dht_site(&is) != site)
            continue;
        if (endpoint_equal(&is, addr))
            return p;
        count++;
        if (first == NULL || mono_before(p->seen, first->seen))
            first = p;
    }
    if (count >= DHT_STORE_SITE_MAX)
        *oldest = first;
    return NULL;
}

/* Which of some random peers of an info-hash makes room for a peer of |addr|: the oldest one of the
 * network that most of them are in, or of the network of |addr| if it is among them. */
static struct peer *
crowded_peer(struct dht_store *s, uint16_t hash, const struct endpoint *addr)
{
    struct peer *some[CROWD_SAMPLE], *best = NULL;
    uint64_t networks[CROWD_SAMPLE];
    unsigned most = 0;

    for (unsigned i = 0; i < CROWD_SAMPLE; i++) {
        struct endpoint e;

        some[i] = random_peer(s, hash);
        e = address_of(s, some[i]);
        networks[i] = dht_network(&e);
    }
    for (unsigned i = 0; i < CROWD_SAMPLE; i++) {
        unsigned same = networks[i] == dht_network(addr) ? CROWD_SAMPLE : 0;

        for (unsigned k = 0; k < CROWD_SAMPLE; k++)
            same += networks[k] == networks[i];
        if (same > most || (same == most && mono_before(some[i]->seen, best->seen))) {
            most = same;
            best = some[i];
        }
    }
    return best;
}

/* Makes room for one more peer of |addr|'s network. */
static void
make_room_for_peer(struct dht_store *s, const struct endpoint *addr)
{
    if (dht_payers_crowd_of(s->peer_payers, addr) >= DHT_STORE_NETWORK_PEERS_MAX)
        peer_drop(s, &s->peers[dht_payers_oldest_of(s->peer_payers, addr)]);
    if (s->peers_total == DHT_STORE_PEERS_MAX)
        peer_drop(s, &s->peers[dht_payers_oldest(s->peer_payers)]);
}

static void
make_room_for_hash(struct dht_store *s, const struct endpoint *addr)
{
    if (dht_payers_crowd_of(s->hash_payers, addr) >= DHT_STORE_NETWORK_HASHES_MAX)
        hash_drop(s, dht_payers_oldest_of(s->hash_payers, addr));
    if (s->hashes_total == DHT_STORE_HASHES_MAX)
        hash_drop(s, dht_payers_oldest(s->hash_payers));
}

/* A new peer, for which there is room. */
static struct peer *
peer_add(struct dht_store *s, uint16_t hash, const struct endpoint *addr)
{
    struct list *link = list_pop_front(&s->free_peers);
    struct peer *p = link != NULL ? LIST_ENTRY(link, struct peer, age) : &s->peers[++s->peers_used];

    *p = (struct peer){.bits = dht_bloom_bits(addr),
                       .port = addr->port,
                       .hash = hash,
                       .place = s->hashes[hash].count++};
    memcpy(p->ip, addr->ip, sizeof(p->ip));
    list_init(&p->age);
    index_add(s, BY_SITE, p, dht_site(addr));
    index_add(s, BY_PLACE, p, p->place);
    dht_payers_charge(s->peer_payers, number_of(s, p), addr);
    s->peers_total++;
    return p;
}

static struct peer *
peer_insert(struct dht_store *s, const uint8_t *info_hash, const struct endpoint *addr)
{
    uint16_t h;

    make_room_for_peer(s, addr);
    /* The info-hash may have lost its last peer. */
    h = hash_find(s, info_hash);
    if (h == NONE) {
        make_room_for_hash(s, addr);
        h = hash_add(s, info_hash);
    } else if (s->hashes[h].count == DHT_STORE_HASH_PEERS_MAX) {
        peer_drop(s, crowded_peer(s, h, addr));
    }
    return peer_add(s, h, addr);
}

bool
dht_store_announce(struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                   const struct endpoint *peer, bool seed, struct mono now)
{
    struct peer *p = NULL, *oldest = NULL;
    uint16_t h = hash_find(s, info_hash);

    if (peer->port < DHT_STORE_PORT_MIN || peer->family != s->family)
        return false;
    if (h != NONE)
        p = peer_find(s, h, peer, &oldest);
    if (p == NULL) {
        if (oldest != NULL)
            peer_drop(s, oldest);
        p = peer_insert(s, info_hash, peer);
    } else {
        dht_payers_touch(s->peer_payers, number_of(s, p));
    }
    p->seen = now;
    p->seed = seed;
    list_remove(&p->age);
    list_push_back(&s->ages, &p->age);
    offer_payer(s, p);
    return true;
}

void
dht_store_expire(struct dht_store *s, struct mono now)
{
    while (!list_empty(&s->ages)) {
        struct peer *p = LIST_ENTRY(s->ages.next, struct peer, age);

        if (!mono_due(mono_add_ms(p->seen, DHT_STORE_PEER_MS), now))
            break;
        peer_drop(s, p);
    }
}

uint32_t
dht_store_peers(const struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN])
{
    uint16_t h = hash_find(s, info_hash);

    return h != NONE ? s->hashes[h].count : 0;
}

/* A random step through |count| places that comes to each place once. */
static uint32_t
random_step(struct rng *rng, uint32_t count)
{
    uint32_t step = 1 + rng_below(rng, count);

    for (;; step++) {
        uint32_t a = count, b = step;

        while (b != 0) {
            uint32_t rest = a % b;

            a = b;
            b = rest;
        }
        if (a == 1)
            return step;
    }
}

size_t
dht_store_values(struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                 const struct endpoint *to, bool no_seeds, uint8_t *out, size_t max)
{
    size_t each = s->family == IP_V4 ? KRPC_VALUE_V4_LEN : KRPC_VALUE_V6_LEN, len = 0;
    uint16_t h = hash_find(s, info_hash);
    uint32_t place, step, count, skips = 0;

    if (h == NONE)
        return 0;
    count = s->hashes[h].count;
    place = rng_below(&s->rng, count);
    step = random_step(&s->rng, count);
    for (uint32_t i = 0; i < count && skips < SKIPS_MAX && max - len >= each; i++) {
        const struct peer *p = &s->peers[peer_at(s, h, place)];
        struct endpoint addr = address_of(s, p);

        place = (place + step) % count;
        if ((no_seeds && p->seed) || endpoint_scope(&addr) > endpoint_scope(to))
            skips++;
        else
            len += krpc_value_put(out + len, &addr);
    }
    return len;
}

bool
dht_store_blooms(const struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                 uint8_t seeds[DHT_BLOOM_LEN], uint8_t peers[DHT_BLOOM_LEN])
{
    uint16_t h = hash_find(s, info_hash);

    memset(seeds, 0, DHT_BLOOM_LEN);
    memset(peers, 0, DHT_BLOOM_LEN);
    if (h == NONE)
        return false;
    for (uint32_t i = 0; i < s->hashes[h].count; i++) {
        const struct peer *p = &s->peers[peer_at(s, h, i)];

        dht_bloom_set(p->seed ? seeds : peers, p->bits);
    }
    return true;
}

/* Chooses the sample: each info-hash is as likely as any other. */
static void
choose_sample(struct dht_store *s)
{
    uint32_t left = s->hashes_total;

    s->sample_count = 0;
    for (uint16_t h = 1; h <= s->hashes_used && s->sample_count < DHT_STORE_SAMPLES_MAX; h++) {
        if (s->hashes[h].count == 0)
            continue;
        if (rng_below(&s->rng, left--) >= DHT_STORE_SAMPLES_MAX - s->sample_count)
            continue;
        memcpy(s->sample + s->sample_count * DHT_ID_LEN, s->hashes[h].info_hash, DHT_ID_LEN);
        s->sample_count++;
    }
}

struct dht_store_sample
dht_store_sample(struct dht_store *s, struct mono now)
{
    int64_t left_us;

    if (s->sample_count < DHT_STORE_SAMPLES_MAX || mono_due(s->sample_until, now)) {
        choose_sample(s);
        s->sample_until = mono_add_ms(now, (int64_t)DHT_STORE_SAMPLE_S * 1000);
    }
    left_us = mono_diff_us(s->sample_until, now);
    return (struct dht_store_sample){.hashes = s->sample,
                                     .count = s->sample_count,
                                     .interval_s = s->sample_count < DHT_STORE_SAMPLES_MAX
                                                       ? 0
                                                       : (uint32_t)((left_us + 999999) / 1000000)};
}

uint32_t
dht_store_hashes_total(const struct dht_store *s)
{
    return s->hashes_total;
}

uint32_t
dht_store_peers_total(const struct dht_store *s)
{
    return s->peers_total;
}
