/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's records of its connections. The crowd (crowd.h) has them in its table, and dooms
 * those that are to be closed; swarm_peer.c frees the doomed ones at the end of swarm_handle().
 */
#ifndef PEER_CORE_SWARM_CONNS_H
#define PEER_CORE_SWARM_CONNS_H

#include "peer/core/swarm_impl.h"

/* A record that is in no crowd yet; NULL when memory is out. */
struct swarm_peer *peer_new(struct swarm *s);
/* Frees a record that is in no crowd any more. */
void peer_free(struct swarm_peer *p);
/* The connection ends: its entry in the table of receivers learns of it. */
void peer_leave_receivers(struct swarm *s, struct swarm_peer *p);
/* Takes all connections out of the crowd and frees them; sends nothing. */
void conns_drop_all(struct swarm *s);

/* The record of a connection in the crowd. */
static inline struct swarm_peer *
peer_of(const struct crowd_peer *at)
{
    return LIST_ENTRY(at, struct swarm_peer, at);
}

/* The next peer in slot order that is not doomed: start with *iter = 0; NULL at the end. */
struct swarm_peer *peers_next(const struct swarm *s, uint32_t *iter);
/* The peer with this id; NULL if it is gone or doomed. */
struct swarm_peer *peers_get(const struct swarm *s, slot_id id);
/* Peers that are not doomed. */
uint32_t peers_count(const struct swarm *s);

/* Dooms |p|, if it is not doomed yet: its connection will be closed for the reason |err|.
 * peer_doom_silently(): as peer_doom(), without a CLOSE effect, since the connection is gone, or a
 * REFUSE effect closes it. */
void peer_doom(struct swarm *s, struct swarm_peer *p, int err);
void peer_doom_silently(struct swarm *s, struct swarm_peer *p, int err);
void peers_doom_all(struct swarm *s, int err);

/* Bans the site (bans.h) of the peer with this number in the peer list; dooms all of its peers. */
void peer_ban(struct swarm *s, uint32_t number, int err);

#endif
