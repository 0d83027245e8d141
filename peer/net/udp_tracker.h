/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client side of the UDP tracker protocol (BEP 15, BEP 41): connection ids, transaction ids,
 * and retransmission. One client serves all torrents of the process. It sends from the UDP sockets
 * at the listening addresses (udpdoor.h) and reads the answers that arrive there.
 *
 * BEP 15's waits (15 s, doubling) suit a tracker that has one address and no substitute. Here the
 * first wait is 5 s, and the client asks the tracker's addresses in turn.
 *
 * An answer is matched by source address and transaction id. A tracker with several addresses may
 * answer from another address than the requested one, so the transaction id alone is enough until
 * UDP_TRACKER_STRAYS_MAX wrong ones have come from other addresses. Transmission accepts such
 * answers too, libtorrent does not. The source address proves little, since any sender can forge
 * it; the transaction id must be guessed: 32 random bits, new for each request.
 */
#ifndef PEER_NET_UDP_TRACKER_H
#define PEER_NET_UDP_TRACKER_H

#include "common/codec/tracker.h"
#include "common/ev/loop.h"
#include "peer/core/udpsort.h"
#include "peer/net/source.h"
#include "peer/net/udp_asker.h"

enum {
    UDP_TRACKER_TRIES = 3,             /* attempts before the announce fails; the n-th wait is 2^n
                                          times the first */
    UDP_TRACKER_RETRY_MS = 5000,       /* the first wait, for each address */
    UDP_TRACKER_ADDRS_MAX = 4,         /* addresses of one tracker that are asked */
    UDP_TRACKER_STRAYS_MAX = 64,       /* datagrams from other addresses, while a request is open */
    UDP_TRACKER_CONNECTION_MS = 60000, /* lifetime of a connection id */
    UDP_TRACKER_CONNECTIONS_MAX = 256, /* connection ids that are kept */
    UDP_TRACKER_REPLY_MAX = UDPSORT_TRACKER_MAX, /* bytes */
};

struct udp_tracker;
struct udp_ask;

struct udpdoor;

/* Sends from the sockets of |door|, and from sockets of its own to addresses for which |door| has
 * none; |door| may be NULL. Both must outlive the client. |retry_ms| is UDP_TRACKER_RETRY_MS except
 * in tests. NULL when memory is out. */
struct udp_tracker *udp_tracker_new(struct loop *l, const struct source *source,
                                    struct udpdoor *door, uint32_t retry_ms);

/* Frees the client and drops all announces, without callbacks. Must not be called inside a
 * callback. NULL is legal. */
void udp_tracker_free(struct udp_tracker *u);

/* Begins an announce. The client asks the tracker's addresses in turn until an address answers; an
 * address that the network reports as unreachable is skipped at once. NULL when memory is out. */
struct udp_ask *udp_tracker_announce(struct udp_tracker *u, const struct udp_request *request);

/* Cancels an announce whose |fn| has not been called. NULL is legal. */
void udp_ask_cancel(struct udp_ask *ask);

/* The same two calls, for tracker clients on this loop. */
struct udp_asker udp_tracker_asker(struct udp_tracker *u);

#endif
