/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers that others announced to our DHT node (BEP 5), of one address family: which peers have
 * which torrent, random samples of them for answers, the Bloom filters of BEP 33, and the samples
 * of info-hashes of BEP 51. Knows no messages beside the form of "values", and no tokens.
 *
 * The memory is allocated at the beginning, with the sizes below, and takes less than 2.5 MiB. An
 * entry is paid for by the network (dht_net.h) that announced it: a full store gives up the oldest
 * entry of the network that has the most, so that a network with few announces loses nothing to
 * one that floods. The same holds for the info-hashes; each is paid for by one of its peers.
 */
#ifndef PEER_CORE_DHT_STORE_H
#define PEER_CORE_DHT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "peer/core/dht_bloom.h"
#include "peer/core/dht_id.h"

enum {
    DHT_STORE_HASHES_MAX = 2000,
    DHT_STORE_PEERS_MAX = 20000,
    DHT_STORE_HASH_PEERS_MAX = 1000, /* peers of one info-hash */
    DHT_STORE_SITE_MAX = 4,          /* … of one site (dht_net.h): several hosts behind a NAT */
    DHT_STORE_NETWORK_HASHES_MAX = 250, /* info-hashes that one network pays for */
    DHT_STORE_NETWORK_PEERS_MAX = 2500, /* peers of one network */
    DHT_STORE_PEER_MS = 2700000,        /* A peer is forgotten so long after its last announce.
                                           Clients announce every 15 to 30 minutes. */
    DHT_STORE_PORT_MIN = 2,             /* Clients that hide their port announce port 1. */
    DHT_STORE_SAMPLES_MAX = 20,         /* info-hashes of one sample */
    DHT_STORE_SAMPLE_S = 21600,         /* a sample of that many is kept for this time, seconds */
};

struct dht_store;

/* |family|: that of all peers. |seed|: random, for the tables and the samples. NULL when memory is
 * out. */
struct dht_store *dht_store_new(enum ip_family family, const uint64_t seed[2]);
void dht_store_free(struct dht_store *s);

/* A peer announced itself: |peer| is the address that its datagram came from, with the port that it
 * announced; its token was good. |seed|: the peer has all pieces (BEP 33). False, and nothing is
 * stored, if the port is below DHT_STORE_PORT_MIN or the address is of the wrong family. */
bool dht_store_announce(struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                        const struct endpoint *peer, bool seed, struct mono now);

/* Forgets the peers that have not announced themselves for DHT_STORE_PEER_MS. To be called from
 * time to time, at best once a minute. */
void dht_store_expire(struct dht_store *s, struct mono now);

/* The number of peers of an info-hash; 0: none is known. */
uint32_t dht_store_peers(const struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN]);

/* Writes a random sample of the peers of an info-hash to |out|, in the form of "values" in a
 * response (krpc.h), at most |max| bytes, and returns their number of bytes. Peers in private
 * networks are told only to nodes in private networks. |no_seeds|: seeds are left out (BEP 33). */
size_t dht_store_values(struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                        const struct endpoint *to, bool no_seeds, uint8_t *out, size_t max);

/* Makes the Bloom filters of the seeds and of the other peers of an info-hash (BEP 33). False: no
 * peer of it is known. */
bool dht_store_blooms(const struct dht_store *s, const uint8_t info_hash[DHT_ID_LEN],
                      uint8_t seeds[DHT_BLOOM_LEN], uint8_t peers[DHT_BLOOM_LEN]);

/* A sample of the info-hashes of the store (BEP 51). */
struct dht_store_sample {
    const uint8_t *hashes; /* |count| times DHT_ID_LEN bytes; valid until the next call on |s| */
    uint32_t count;
    uint32_t interval_s; /* a new sample comes after this time */
};

/* The random sample that all nodes get now. The last DHT_STORE_SAMPLES_MAX are kept for
 * DHT_STORE_SAMPLE_S, so that asking often shows no more; a smaller sample is all there is. */
struct dht_store_sample dht_store_sample(struct dht_store *s, struct mono now);

uint32_t dht_store_hashes_total(const struct dht_store *s);
uint32_t dht_store_peers_total(const struct dht_store *s);

#endif
