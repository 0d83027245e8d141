/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client side of the UDP tracker protocol on sockets (BEP 15, BEP 41): connection ids,
 * transaction ids, and asking again when nothing comes. One of it serves all torrents of a loop.
 */
#ifndef PEER_NET_UDP_TRACKER_H
#define PEER_NET_UDP_TRACKER_H

#include "common/codec/tracker.h"
#include "common/ev/loop.h"
#include "peer/net/source.h"

enum {
    UDP_TRACKER_TRIES = 3,              /* then it failed; the n-th wait is 2^n times the first */
    UDP_TRACKER_RETRY_MS = 15000,       /* the first wait */
    UDP_TRACKER_CONNECTION_MS = 60000,  /* a connection id is used that long */
    UDP_TRACKER_CONNECTIONS_MAX = 256,  /* remembered */
    UDP_TRACKER_REPLY_MAX = 8192,       /* bytes */
};

struct udp_tracker;
struct udp_ask;

/* |retry_ms| is UDP_TRACKER_RETRY_MS but in tests. NULL when memory is out. */
struct udp_tracker *udp_tracker_new(struct loop *l, const struct source *source, uint32_t retry_ms);

/* Drops all asks, without callbacks. Not from inside one. NULL is legal. */
void udp_tracker_free(struct udp_tracker *u);

/* Announces |a| to the tracker at |to|; |url_data| is its URL's path and query (BEP 41). |fn| is
 * called once, from the loop: err 0 and |r| is filled (it may hold a failure), or SPRAT_E_TIMEOUT,
 * or an error of the socket. |r|, initialised, must live until then. NULL when memory is out. */
struct udp_ask *udp_tracker_announce(struct udp_tracker *u, const struct endpoint *to,
                                     const struct tracker_announce *a, const char *url_data,
                                     struct tracker_reply *r, void (*fn)(void *ctx, int err),
                                     void *ctx);

/* |ask| must not have called back yet. NULL is legal. */
void udp_ask_cancel(struct udp_ask *ask);

#endif
