/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's search in the DHT (BEP 5): whether the torrent is to be found there and looks for
 * peers there, and what becomes of the peers that are found. The engine has the DHT's nodes.
 */
#ifndef PEER_TORRENT_TORRENT_DHT_H
#define PEER_TORRENT_TORRENT_DHT_H

#include "peer/torrent/torrent_impl.h"

/* Tells the engine if the torrent wants something else of the DHT than before. */
void torrent_dht_update(struct torrent *t);

/* The search found peers. Nodes of the DHT are strangers: any address may be wrong. */
void torrent_dht_on_peers(struct torrent *t, const struct endpoint *peers, size_t count);
/* A round of the search has ended, which found |peers| addresses; the next begins at |again|. */
void torrent_dht_on_searched(struct torrent *t, uint32_t peers, struct mono again);

#endif
