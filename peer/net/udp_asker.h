/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way from a tracker client to the client side of the UDP tracker protocol. On the loop that
 * has the UDP sockets it leads to udp_tracker.h directly; on other loops the engine carries
 * announces to that loop, and the answers back.
 */
#ifndef PEER_NET_UDP_ASKER_H
#define PEER_NET_UDP_ASKER_H

#include "common/codec/tracker.h"

/* An announce. All is copied when the announce begins, but for |reply|, which must live until |fn|
 * was called. */
struct udp_request {
    const struct endpoint *to; /* the tracker's addresses, of one family; those beyond
                                  UDP_TRACKER_ADDRS_MAX are left out */
    size_t count;
    const struct tracker_announce *announce;
    const char *url_data;        /* path and query of the tracker's URL (BEP 41) */
    struct tracker_reply *reply; /* initialised */
    /* Called once, from the loop: err 0 and |reply| is filled (it may hold a failure), or
     * SPRAT_E_TIMEOUT, or the network's error. */
    void (*fn)(void *ctx, int err);
    void *ctx;
};

struct udp_asker {
    void *ctx;
    /* Begins an announce; NULL when memory is out. */
    void *(*announce)(void *ctx, const struct udp_request *request);
    /* Cancels an announce whose |fn| has not been called. */
    void (*cancel)(void *ask);
};

#endif
