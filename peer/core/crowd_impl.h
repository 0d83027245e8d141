/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The private state of the crowd, for its own files: crowd.c (the table of connections, and how
 * they end), crowd_dial.c (how they begin), crowd_room.c (which of them make room), and crowd_say.c
 * (what peers say about peers).
 */
#ifndef PEER_CORE_CROWD_IMPL_H
#define PEER_CORE_CROWD_IMPL_H

#include "common/base/rng.h"
#include "peer/core/crowd.h"
#include "peer/core/ownaddr.h"

struct crowd {
    struct rng rng;
    struct peerlist *list;
    struct ownaddr own;
    struct crowd_user user;
    struct slotmap map;
    struct list doomed;
    uint32_t up, half_open; /* connections in PEER_UP and in PEER_CONNECTING */
    uint32_t hearsay_dials; /* of the half-open ones, those with |hearsay| */
    struct mono turnover;   /* when the next turnover is due; 0: none was planned yet */
    uint64_t origin;        /* as crowd_set_origin() was told; 0: not yet */
};

/* crowd_room.c: makes sure that a connection from |addr| has room. False if the table is full of
 * connections that are useful and of higher priority (BEP 40); otherwise one may be doomed. */
bool crowd_make_room(struct crowd *c, const struct endpoint *addr, struct mono now);

/* crowd.c: the peer list learns the listen port of an incoming peer. */
void crowd_name_port(struct crowd *c, const struct crowd_peer *p);

/* crowd.c: enum peerlist_without bits of the addresses that may not be dialled now. */
unsigned crowd_left_out(const struct crowd *c, unsigned without);

#endif
