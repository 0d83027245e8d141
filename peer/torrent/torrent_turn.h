/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Turns of torrents that wait for their metadata: a few dial peers at a time, so that a thousand
 * links do not take all connections of the process. A torrent without addresses needs no turn;
 * trackers and the DHT are asked, and incoming connections are taken, without one. While others
 * wait, a turn ends when it has brought no metadata for TORRENT_TURN_MS.
 */
#ifndef PEER_TORRENT_TORRENT_TURN_H
#define PEER_TORRENT_TORRENT_TURN_H

#include "peer/torrent/torrent_impl.h"

enum {
    TORRENT_TURN_MS = 20000, /* as long as a connection and its handshake may take */
    TORRENT_TURN_PEERS = 50, /* connections of a torrent that waits for its metadata */
};

void turns_init(struct torrent_turns *turns, uint32_t loops);

/* Begins or ends the torrent's turn, or lets it wait for one. To be called after every input of its
 * core. */
void turn_update(struct torrent *t);
/* The core is gone. */
void turn_leave(struct torrent *t);

#endif
