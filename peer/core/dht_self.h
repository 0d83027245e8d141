/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our external address as other DHT nodes see it, and our id, which is tied to it (BEP 42). Each
 * answer to a query of ours may name the address it was sent to. Nodes may lie, and an id that
 * changes costs a new routing table, so an address is believed only if more than half of the recent
 * voters name it, few of them from one network, and our id changes at most once in a while.
 */
#ifndef PEER_CORE_DHT_SELF_H
#define PEER_CORE_DHT_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "peer/core/dht_id.h"

enum {
    DHT_VOTES = 32,              /* remembered votes, one per site */
    DHT_VOTES_NETWORK_MAX = 2,   /* … of one network (dht_net.h) */
    DHT_VOTES_MIN = 2,           /* votes that a first address needs */
    DHT_SELF_CHANGE_MS = 300000, /* shortest time between two changes by votes */
};

/* Embedded. Read |id| and |external|; the rest is private. */
struct dht_self {
    uint8_t id[DHT_ID_LEN];
    struct endpoint external; /* IP_NONE: not known; the port is 0 */
    bool certain;             /* |external| is not subject to votes */
    struct mono changed;      /* the last change by votes */
    bool voted;               /* there was such a change */
    uint32_t count, turn;
    struct dht_vote {
        uint64_t site, network;
        struct endpoint says;
    } votes[DHT_VOTES]; /* a ring */
};

/* |id|: the id of a former run, or NULL. |external| may be of family IP_NONE. */
void dht_self_init(struct dht_self *self, const uint8_t *id, const struct endpoint *external,
                   struct rng *rng);

/* Our address is known for certain; family IP_NONE: not any longer. True if the id changed. */
bool dht_self_set(struct dht_self *self, const struct endpoint *external, struct rng *rng);

/* The node |voter| says that our address is |says|. True if our address changed; the id then
 * changed too, unless it was valid for the new address. */
bool dht_self_vote(struct dht_self *self, const struct endpoint *voter, const struct endpoint *says,
                   struct rng *rng, struct mono now);

#endif
