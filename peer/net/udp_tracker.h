/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client side of the UDP tracker protocol on sockets (BEP 15, BEP 41): connection ids,
 * transaction ids, and asking again when nothing comes. One of it serves all torrents of a loop.
 *
 * BEP 15's waits (15 s, doubling) are for a tracker that has one address and no one to take its
 * place. Here the first wait is 5 s, and a tracker's addresses are asked in turn.
 *
 * An answer counts by its transaction id, from whatever address it comes: a tracker with several
 * addresses may answer from another one than was asked. Transmission accepts it too, libtorrent
 * does not. The sender's address proves nothing, since anybody can write it into a packet; the
 * transaction id (32 random bits, new for each request) and our port must be guessed. After
 * UDP_TRACKER_STRAYS_MAX wrong guesses from elsewhere only the addresses that were asked count.
 */
#ifndef PEER_NET_UDP_TRACKER_H
#define PEER_NET_UDP_TRACKER_H

#include "common/codec/tracker.h"
#include "common/ev/loop.h"
#include "peer/net/source.h"

enum {
    UDP_TRACKER_TRIES = 3,             /* then it failed; the n-th wait is 2^n times the first */
    UDP_TRACKER_RETRY_MS = 5000,       /* the first wait, for each address */
    UDP_TRACKER_ADDRS_MAX = 4,         /* of one tracker that are asked */
    UDP_TRACKER_STRAYS_MAX = 64,       /* datagrams of strangers, while something is asked */
    UDP_TRACKER_CONNECTION_MS = 60000, /* a connection id is used that long */
    UDP_TRACKER_CONNECTIONS_MAX = 256, /* remembered */
    UDP_TRACKER_REPLY_MAX = 8192,      /* bytes */
};

struct udp_tracker;
struct udp_ask;

/* |retry_ms| is UDP_TRACKER_RETRY_MS but in tests. NULL when memory is out. */
struct udp_tracker *udp_tracker_new(struct loop *l, const struct source *source, uint32_t retry_ms);

/* Drops all asks, without callbacks. Not from inside one. NULL is legal. */
void udp_tracker_free(struct udp_tracker *u);

/* Announces |a| to the tracker that has the |count| addresses |to|, of one family (those beyond
 * UDP_TRACKER_ADDRS_MAX are left out); |url_data| is its URL's path and query (BEP 41). The
 * addresses are asked in turn until one answers; one that the network says is unreachable is left
 * out at once. |fn| is called once, from the loop: err 0 and |r| is filled (it may hold a failure),
 * or SPRAT_E_TIMEOUT, or the network's error. |r|, initialised, must live until then. NULL when
 * memory is out. */
struct udp_ask *udp_tracker_announce(struct udp_tracker *u, const struct endpoint *to, size_t count,
                                     const struct tracker_announce *a, const char *url_data,
                                     struct tracker_reply *r, void (*fn)(void *ctx, int err),
                                     void *ctx);

/* |ask| must not have called back yet. NULL is legal. */
void udp_ask_cancel(struct udp_ask *ask);

#endif
