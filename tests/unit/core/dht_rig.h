/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A network of DHT nodes in virtual time, for tests: datagrams take a random delay and may be lost.
 * Beside nodes of ours there are actors, whose behaviour a test writes. A run with the same seed is
 * the same run.
 */
#ifndef TESTS_UNIT_CORE_DHT_RIG_H
#define TESTS_UNIT_CORE_DHT_RIG_H

#include "common/base/rng.h"
#include "common/codec/krpc.h"
#include "peer/core/dht.h"

enum { NET_NODES_MAX = 1200, NET_BOOT_NONE = -1 };

struct net;
struct net_node;

/* A datagram came to an actor. */
typedef void (*net_actor_fn)(struct net *net, struct net_node *self, const struct endpoint *from,
                             const uint8_t *data, size_t len);

struct net_node {
    struct endpoint addr;
    struct dht *dht;    /* NULL: an actor */
    int sibling;        /* with dht_set_other(): the number of that node; else -1 */
    net_actor_fn actor; /* NULL: the node takes nothing */
    void *ctx;
    uint8_t id[DHT_ID_LEN]; /* of an actor; of ours, dht_stats has it */
    bool dead;              /* sends and gets nothing */
    struct mono expiry;
    /* What the effects said. */
    unsigned sent[KRPC_UNKNOWN + 1]; /* queries, by method */
    unsigned sent_total;             /* datagrams */
    size_t sent_bytes;
    unsigned bootstraps, saves, identities, rounds, peers, announces;
    unsigned queries_to_peers; /* get_peers until the first PEERS effect */
    struct mono first_peers;
    struct endpoint last_peer;
    uint32_t last_announces, last_queries;
    struct mono again; /* of the last SEARCHED */
};

/* Sees every datagram that is sent; false: it is lost. */
typedef bool (*net_tap_fn)(struct net *net, const struct endpoint *from, const struct endpoint *to,
                           const uint8_t *data, size_t len);

struct net {
    struct mono now;
    struct rng rng;
    struct net_node *nodes;
    unsigned count;
    int64_t delay_min_us, delay_max_us;
    unsigned loss_permille;
    int boot; /* the node whose address a BOOTSTRAP effect gets */
    net_tap_fn tap;
    void *ctx;
    struct net_packet *packets; /* a heap by time */
    size_t packet_count, packet_cap;
    uint64_t packets_ever;
};

void net_init(struct net *net, uint64_t seed);
void net_fini(struct net *net);

/* The address of node |i|: each in a network of its own, global. */
struct endpoint net_addr(unsigned i);

/* Adds a node that knows its external address and is up. |cfg|: NULL, or a configuration whose key
 * is replaced. */
struct net_node *net_add_at(struct net *net, const struct endpoint *addr,
                            const struct dht_config *cfg);
struct net_node *net_add(struct net *net);
struct net_node *net_add_actor(struct net *net, const struct endpoint *addr, net_actor_fn actor,
                               void *ctx);

/* Adds |count| nodes that all bootstrap from the first one, and runs until they know each other. */
void net_grow(struct net *net, unsigned count);

void net_input(struct net *net, struct net_node *n, const struct dht_input *in);
void net_up(struct net *net, struct net_node *n);
void net_tell(struct net *net, struct net_node *n, enum dht_source source,
              const struct endpoint *addr, const uint8_t *id);
void net_search(struct net *net, struct net_node *n, uint64_t id, const uint8_t *info_hash,
                uint16_t port, bool hungry);

/* Sends in the name of |from|. */
void net_send(struct net *net, const struct endpoint *from, const struct endpoint *to,
              const uint8_t *data, size_t len);
void net_send_message(struct net *net, const struct endpoint *from, const struct endpoint *to,
                      const struct krpc_message *m);

/* Runs for |ms|, or until |done| says so; false if it did not. */
void net_run(struct net *net, int64_t ms);
bool net_run_until(struct net *net, int64_t ms, bool (*done)(struct net *net, void *ctx),
                   void *ctx);

struct dht_stats net_stats(struct net *net, const struct net_node *n);
void net_id(struct net *net, const struct net_node *n, uint8_t id[DHT_ID_LEN]);

#endif
