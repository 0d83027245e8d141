/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The routing table of a DHT node (BEP 5): the nodes that are known to answer, sorted into buckets
 * by how many leading bits of their id are ours. A full bucket keeps spare nodes, which take the
 * place of nodes that stop answering.
 *
 * The caller passes only nodes that answered a query from the address that was asked. The table
 * holds one node per site, and a bucket one per network (dht_net.h). A node whose id is valid for
 * its address (BEP 42) displaces one whose id is not.
 */
#ifndef PEER_CORE_DHT_TABLE_H
#define PEER_CORE_DHT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "peer/core/dht_id.h"

enum {
    DHT_K = 8,            /* nodes of a bucket; nodes that an answer names */
    DHT_SPARES = 8,       /* spare nodes of a bucket */
    DHT_BUCKETS = 32,     /* the last bucket holds all ids with at least 31 bits in common */
    DHT_FAILURES_MAX = 3, /* queries without an answer, one after the other, that remove a node */
    DHT_GOOD_MS = 900000, /* a node that was silent for longer is questionable */
};

struct dht_node {
    uint8_t id[DHT_ID_LEN];
    struct endpoint addr;
    uint64_t site, network;
    struct mono answered; /* the last answer */
    struct mono seen;     /* the last answer or query */
    struct mono pinged;   /* the last ping that is not answered yet */
    uint8_t failures;     /* queries without an answer since |answered| */
    bool valid;           /* BEP 42 */
};

struct dht_bucket {
    struct dht_node nodes[DHT_K];
    struct dht_node spares[DHT_SPARES]; /* the one that answered last is the last */
    uint8_t count, spare_count;
    struct mono changed;   /* the last answer of one of its nodes */
    struct mono refreshed; /* the last dht_table_to_refresh() */
};

/* Embedded. Read |own| and the counts; the rest is private. */
struct dht_table {
    uint8_t own[DHT_ID_LEN];
    uint32_t count, spare_count;
    struct dht_bucket buckets[DHT_BUCKETS];
};

void dht_table_init(struct dht_table *t, const uint8_t own[DHT_ID_LEN]);

/* Sorts the nodes anew for another id of ours. Nodes for which a bucket has no room become spares
 * or are forgotten. */
void dht_table_set_own(struct dht_table *t, const uint8_t own[DHT_ID_LEN]);

/* A node answered. True if it is new in the table. A node that has no place becomes a spare of its
 * bucket, or is forgotten because its site or network is there already. */
bool dht_table_answered(struct dht_table *t, const uint8_t id[DHT_ID_LEN],
                        const struct endpoint *addr, struct mono now);

/* A node sent a query. True if the node is in the table. */
bool dht_table_asked(struct dht_table *t, const uint8_t id[DHT_ID_LEN], const struct endpoint *addr,
                     struct mono now);

/* A node did not answer. The DHT_FAILURES_MAX-th failure removes it, and a spare takes its place.
 */
void dht_table_failed(struct dht_table *t, const uint8_t id[DHT_ID_LEN],
                      const struct endpoint *addr);

/* Removes the node at |addr|, whatever its id is, and spares at that address. */
void dht_table_remove(struct dht_table *t, const struct endpoint *addr);

/* True if a node with that id and address would get a place, should it answer. */
bool dht_table_wants(const struct dht_table *t, const uint8_t id[DHT_ID_LEN],
                     const struct endpoint *addr);

/* The node at that address, or NULL. */
const struct dht_node *dht_table_at(const struct dht_table *t, const struct endpoint *addr);

bool dht_node_is_good(const struct dht_node *n, struct mono now);

/* Fills |out| with up to |max| (at most DHT_CLOSEST_MAX) nodes, the closest to |target| first, and
 * returns their number. |good_only|: only good nodes, and those with an invalid id only where valid
 * ones are too few. */
enum { DHT_CLOSEST_MAX = 32 };
size_t dht_table_closest(const struct dht_table *t, const uint8_t target[DHT_ID_LEN],
                         const struct dht_node **out, size_t max, bool good_only, struct mono now);

/* The node that needs a ping most, or NULL: one that failed, then one that is questionable, first
 * in buckets with spares. It counts as pinged from now on, and is not returned again for
 * DHT_PING_MS. */
enum { DHT_PING_MS = 4000 };
const struct dht_node *dht_table_to_ping(struct dht_table *t, struct mono now);

/* True, with a random id of a bucket to look up: one that is not full or has not changed for
 * DHT_GOOD_MS, and was not refreshed for as long. It counts as refreshed from now on. The first
 * call refreshes far buckets too, which the lookup of our own id passes by. Buckets below the
 * deepest that has nodes are not refreshed. */
bool dht_table_to_refresh(struct dht_table *t, uint8_t target[DHT_ID_LEN], struct rng *rng,
                          struct mono now);

/* Walks all nodes: start with *iter = 0; NULL at the end. */
const struct dht_node *dht_table_next(const struct dht_table *t, uint32_t *iter);

#endif
