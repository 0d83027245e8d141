/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of connections, and which of them are to be closed. Closing is deferred: a function
 * that wants to close a connection dooms its peer, and swarm_peer.c frees the doomed peers at the
 * end of swarm_handle().
 */
#ifndef PEER_CORE_SWARM_CONNS_H
#define PEER_CORE_SWARM_CONNS_H

#include "peer/core/swarm_impl.h"

void conns_init(struct swarm *s);
/* Frees all peers and the table; sends nothing. */
void conns_fini(struct swarm *s);

/* A new peer in PEER_CONNECTING; NULL when memory or the table's slots are out. */
struct swarm_peer *peer_new(struct swarm *s, uint32_t number, const struct endpoint *addr,
                            bool incoming);
/* The connection is up: PEER_CONNECTING → PEER_UP. */
void peer_set_up(struct swarm *s, struct swarm_peer *p);
/* Frees a doomed peer that peers_next_doomed() returned. */
void peer_free(struct swarm *s, struct swarm_peer *p);

/* The next peer in slot order that is not doomed: start with *iter = 0; NULL at the end. */
struct swarm_peer *peers_next(const struct swarm *s, uint32_t *iter);
/* The peer with this id; NULL if it is gone or doomed. */
struct swarm_peer *peers_get(const struct swarm *s, slot_id id);
/* Peers that are not doomed. */
uint32_t peers_count(const struct swarm *s);
/* Has the site of |addr| SWARM_SITE_PEERS_MAX connections already? */
bool peers_site_full(const struct swarm *s, const struct endpoint *addr);

/* Dooms |p|, if it is not doomed yet: its connection will be closed for the reason |err|.
 * peer_doom_silently(): as peer_doom(), without a CLOSE effect, since the connection is gone, or a
 * REFUSE effect closes it. */
void peer_doom(struct swarm *s, struct swarm_peer *p, int err);
void peer_doom_silently(struct swarm *s, struct swarm_peer *p, int err);
void peers_doom_all(struct swarm *s, int err);
/* Takes the first doomed peer off the list of the doomed; NULL if there is none. */
struct swarm_peer *peers_next_doomed(struct swarm *s);

/* Bans the site of the peer with this number in the peer list, and dooms its peers. */
void peer_ban(struct swarm *s, uint32_t number, int err);
/* Counts an offence if |p| was closed for a broken protocol; bans its site after too many. */
void peer_offends(struct swarm *s, const struct swarm_peer *p, int err);
/* Another torrent that shares the bans banned a site: forgets and dooms its peers. */
void peers_on_banned(struct swarm *s);

#endif
