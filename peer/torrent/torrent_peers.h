/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of a torrent.
 */
#ifndef PEER_TORRENT_TORRENT_PEERS_H
#define PEER_TORRENT_TORRENT_PEERS_H

#include "peer/net/conn.h"
#include "peer/torrent/torrent_impl.h"

/* A peer of the core, and its connection. */
struct peer_slot {
    slot_id id; /* SLOT_NONE: free */
    struct conn *conn;
    struct endpoint addr; /* of the peer */
    struct handshake offer;
    bool shaken;       /* both handshakes are complete */
    struct host *host; /* NULL until the peer sends or receives payload */
};

/* Carry out the effects CONNECT, ACCEPT, REFUSE, CLOSE, SEND, SEND_PIECE and ALLOW. An effect on a
 * connection that has just ended does nothing. */
void peers_connect_to(struct torrent *t, const struct swarm_effect *fx);
void peers_accept(struct torrent *t, const struct swarm_effect *fx);
void peers_refuse(struct torrent *t, const struct swarm_effect *fx);
void peers_close(struct torrent *t, const struct swarm_effect *fx);
void peers_send(struct torrent *t, const struct swarm_effect *fx);
void peers_send_piece(struct torrent *t, const struct swarm_effect *fx);
void peers_allow(struct torrent *t, const struct swarm_effect *fx);
/* |c| has asked for this torrent with |h|: the core has the connection afterwards, or it is closed.
 */
void peers_on_stranger(struct torrent *t, struct conn *c, const struct handshake *h);
/* Closes all connections without telling the core, which is being dropped. */
void peers_drop_all(struct torrent *t);
/* The same, but the peers still receive all sent bytes. */
void peers_part_all(struct torrent *t);
/* Local addresses are gone: closes the connections that use them. */
void peers_on_addresses_gone(struct torrent *t, const struct endpoint *addrs, size_t count);
/* Closes all connections, and frees the table and the totals by host. */
void peers_fini(struct torrent *t);

#endif
