/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses of DHT nodes that may be alive: saved, bootstrap and torrents' nodes, and those that
 * peers named. The node asks each once. One that answers goes to the routing table, and one that
 * does not is forgotten. The pool is a ring: the oldest address makes room, and addresses that
 * strangers chose (torrent files, peers) displace only each other.
 */
#ifndef PEER_CORE_DHT_POOL_H
#define PEER_CORE_DHT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/core/dht.h"

enum {
    DHT_POOL_MAX = 320,
    DHT_POOL_HEARSAY_MAX = 32, /* of them, addresses that strangers chose */
};

/* Embedded. Read |count|; the rest is private. */
struct dht_pool {
    uint32_t count; /* addresses */
    uint32_t turn[2];
    struct dht_pooled {
        struct dht_contact contact;
        bool used, asked;
    } all[DHT_POOL_MAX]; /* the last DHT_POOL_HEARSAY_MAX are hearsay */
};

void dht_pool_add(struct dht_pool *p, enum dht_source source, const struct dht_contact *contact);

/* The next address that was not asked yet; it counts as asked from now on. NULL: none. */
const struct dht_contact *dht_pool_take(struct dht_pool *p);

/* The address was asked otherwise. */
void dht_pool_asked(struct dht_pool *p, const struct endpoint *addr);

/* The address answered, or did not. */
void dht_pool_remove(struct dht_pool *p, const struct endpoint *addr);

/* Fills |out| with up to |max| addresses, the closest to |target| first and those without an id
 * last, and returns their number. */
size_t dht_pool_closest(const struct dht_pool *p, const uint8_t target[DHT_ID_LEN],
                        const struct dht_contact **out, size_t max);

/* All addresses count as not asked. */
void dht_pool_again(struct dht_pool *p);

#endif
