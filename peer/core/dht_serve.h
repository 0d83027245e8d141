/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers the queries of other DHT nodes: ping, find_node, get_peers, announce_peer (BEP 5, 32,
 * 33), sample_infohashes (BEP 51); all other methods get error 204. An answer to an address that
 * has not proven that it receives what we send is at most DHT_UNPROVEN_FACTOR times as long as the
 * query, so that nobody can use the node to flood a victim.
 */
#ifndef PEER_CORE_DHT_SERVE_H
#define PEER_CORE_DHT_SERVE_H

#include "peer/core/dht_impl.h"

enum {
    DHT_VALUES_FIRST = 8, /* peers that go before nodes where an answer has not room for all */
    DHT_PING_LEN = 80,    /* bytes of a ping of ours, at most */
};

/* False when memory is out. */
bool serve_init(struct dht *d, const uint8_t key[DHT_KEY_LEN], const uint64_t seed[2]);
void serve_fini(struct dht *d);

/* A query of |len| bytes came; the answer, if there is one, is in the outbox. */
void serve_query(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
                 size_t len, struct mono now);

/* Fills the part of the stats that is about the store. */
void serve_stats(const struct dht *d, struct dht_stats *st);

#endif
