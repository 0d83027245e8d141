/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a DHT node (core/dht.h) remembers in the state database from one run to the next: its id,
 * and nodes that answered it. There is a row for each local address that a node has.
 */
#ifndef PEER_STORE_STATEDHT_H
#define PEER_STORE_STATEDHT_H

#include "peer/store/state.h"

enum {
    STATE_DHT_ID_LEN = 20,
    STATE_DHT_NODES_MAX = 512, /* nodes of a row */
    STATE_DHT_ROWS_MAX = 32,   /* local addresses; the row that was stored first is dropped first */
};

struct state_dht_node {
    uint8_t id[STATE_DHT_ID_LEN];
    struct endpoint addr; /* of the same family as the local address; the zone is not stored */
};

struct state_dht {
    uint8_t id[STATE_DHT_ID_LEN];
    size_t count;
    struct state_dht_node nodes[]; /* |count| of them, the best first */
};

/* Reads the row of the local address |at|, whose port and zone have no meaning. 0 and |*out|, which
 * is NULL if there is no row and is to be freed with free() otherwise. Waits for the disk: for the
 * start. */
int state_load_dht(struct state *st, const struct endpoint *at, struct state_dht **out,
                   struct errbuf *eb);

/* Stores the row of the local address |at| on the database's thread; |row| is copied, at most
 * STATE_DHT_NODES_MAX nodes of it. |done| as in state_apply_async(). NOMEM, AGAIN. */
int state_put_dht_async(struct state *st, const struct endpoint *at, const struct state_dht *row,
                        struct doneq *q, state_done_fn done, void *user);

#endif
