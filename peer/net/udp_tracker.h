/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client side of the UDP tracker protocol on sockets (BEP 15, BEP 41): connection ids,
 * transaction ids, and retransmission. One client serves all torrents of a loop.
 *
 * BEP 15's waits (15 s, doubling) suit a tracker that has one address and no substitute. Here the
 * first wait is 5 s, and the client asks the tracker's addresses in turn.
 *
 * The transaction id alone matches an answer to its request, from any source address: a tracker
 * with several addresses may answer from another address than the requested one. Transmission
 * accepts such answers too, libtorrent does not. The source address proves nothing, since any
 * sender can forge it; the transaction id (32 random bits, new for each request) and the local port
 * must be guessed. After UDP_TRACKER_STRAYS_MAX wrong guesses from other addresses only answers
 * from requested addresses count.
 */
#ifndef PEER_NET_UDP_TRACKER_H
#define PEER_NET_UDP_TRACKER_H

#include "common/codec/tracker.h"
#include "common/ev/loop.h"
#include "peer/net/source.h"

enum {
    UDP_TRACKER_TRIES = 3,             /* attempts before the announce fails; the n-th wait is 2^n
                                          times the first */
    UDP_TRACKER_RETRY_MS = 5000,       /* the first wait, for each address */
    UDP_TRACKER_ADDRS_MAX = 4,         /* addresses of one tracker that are asked */
    UDP_TRACKER_STRAYS_MAX = 64,       /* datagrams from other addresses, while a request is open */
    UDP_TRACKER_CONNECTION_MS = 60000, /* lifetime of a connection id */
    UDP_TRACKER_CONNECTIONS_MAX = 256, /* connection ids that are kept */
    UDP_TRACKER_REPLY_MAX = 8192,      /* bytes */
};

struct udp_tracker;
struct udp_ask;

/* |retry_ms| is UDP_TRACKER_RETRY_MS except in tests. NULL when memory is out. */
struct udp_tracker *udp_tracker_new(struct loop *l, const struct source *source, uint32_t retry_ms);

/* Frees the client and drops all announces, without callbacks. Must not be called inside a
 * callback. NULL is legal. */
void udp_tracker_free(struct udp_tracker *u);

/* Announces |a| to the tracker that has the |count| addresses |to|, of one family (addresses beyond
 * UDP_TRACKER_ADDRS_MAX are left out); |url_data| is its URL's path and query (BEP 41). The client
 * asks the addresses in turn until an address answers; an address that the network reports as
 * unreachable is skipped at once. |fn| is called once, from the loop: err 0 and |r| is filled (it
 * may hold a failure), or SPRAT_E_TIMEOUT, or the network's error. |r|, initialised, must live
 * until then. NULL when memory is out. */
struct udp_ask *udp_tracker_announce(struct udp_tracker *u, const struct endpoint *to, size_t count,
                                     const struct tracker_announce *a, const char *url_data,
                                     struct tracker_reply *r, void (*fn)(void *ctx, int err),
                                     void *ctx);

/* Cancels an announce whose |fn| has not been called. NULL is legal. */
void udp_ask_cancel(struct udp_ask *ask);

#endif
