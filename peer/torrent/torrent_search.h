/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's search for peers without trackers, in the DHT (BEP 5) and in the local network
 * (BEP 14): whether the torrent is to be found there and looks for peers there, and what becomes of
 * the peers that are found. The engine has the DHT's nodes and the sockets.
 */
#ifndef PEER_TORRENT_TORRENT_SEARCH_H
#define PEER_TORRENT_TORRENT_SEARCH_H

#include "peer/torrent/torrent_impl.h"

/* Tells the engine if the torrent wants something else than before. */
void torrent_search_update(struct torrent *t);

/* The search found peers; |source| is DHT or LSD. Nodes of the DHT and hosts of the local network
 * are strangers: any address may be wrong. */
void torrent_search_on_peers(struct torrent *t, enum peer_source source,
                             const struct endpoint *peers, size_t count);
/* A round of the search in the DHT has ended, which found |peers| addresses; the next begins at
 * |again|. */
void torrent_search_on_round(struct torrent *t, uint32_t peers, struct mono again);

#endif
