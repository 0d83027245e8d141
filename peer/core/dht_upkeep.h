/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a DHT node does without being asked: it tries the addresses of the pool, pings nodes that
 * are questionable, looks up its own id and random ids so that its buckets stay full, asks for
 * bootstrap nodes when nobody answers, has its table saved, and finds out whether it is reachable.
 *
 * Hungry searches go first: for a moment after the start, everything else waits for them.
 */
#ifndef PEER_CORE_DHT_UPKEEP_H
#define PEER_CORE_DHT_UPKEEP_H

#include "peer/core/dht_impl.h"

enum {
    DHT_UPKEEP_MS = 5000,       /* time between two runs … */
    DHT_UPKEEP_EARLY_MS = 1000, /* … during the first DHT_EARLY_MS after UP */
    DHT_EARLY_MS = 60000,
    DHT_YIELD_MS = 2000,         /* the longest time that upkeep waits for hungry searches */
    DHT_PINGS_AT_ONCE = 4,       /* pings of one run, to nodes of the table or of the pool … */
    DHT_POOL_MS = 50,            /* … of which runs come so often */
    DHT_SAVED_WAIT_MS = 3000,    /* time that known nodes have to answer before bootstrap nodes are
                                    asked for */
    DHT_SILENT_MS = 60000,       /* the same, if nodes answered before */
    DHT_BOOTSTRAP_MIN_MS = 5000, /* pause between two BOOTSTRAP effects; doubles … */
    DHT_BOOTSTRAP_MAX_MS = 300000, /* … up to this */
    DHT_HOME_AGAIN_MS = 30000,     /* time between the first two lookups of our own id */
    DHT_HOME_MS = 900000,          /* … and between all further ones */
    DHT_SAVE_FIRST_MS = 30000,     /* time from the first answer to the first SAVE */
    DHT_STORE_EXPIRE_MS = 60000,   /* time between two calls of dht_store_expire() */
    DHT_REACH_MS = 600000,         /* the node is read-only when no stranger's query came in this
                                      time … */
    DHT_REACH_ASKED = 20,         /* … in which it sent at least so many queries */
    DHT_REACH_AGAIN_MS = 3600000,  /* a read-only node tries again after this time */
};

void upkeep_up(struct dht *d, struct mono now);
void upkeep_run(struct dht *d, struct mono now);
struct mono upkeep_expiry(const struct dht *d);

/* A node answered. */
void upkeep_on_answer(struct dht *d, struct mono now);

/* A query came from a site that we did not ask: we are reachable. */
void upkeep_on_stranger(struct dht *d, struct mono now);

/* The caller knows whether we are reachable, or no longer does. */
void upkeep_set_reach(struct dht *d, enum dht_reach reach, struct mono now);

/* Our id changed. */
void upkeep_on_identity(struct dht *d, struct mono now);

/* True if a query without an answer is its node's fault: others answered meanwhile. */
bool upkeep_blames(const struct dht *d, const struct dht_query *q);

#endif
