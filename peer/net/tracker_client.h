/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker client carries out announces: over HTTP, HTTPS or UDP, according to the tracker's
 * URL, and over IPv4 and IPv6 if the tracker's host has both (BEP 7). The core decides the time,
 * the tracker and the event of each announce (peer/core/announce.h). Announces wait in a queue
 * until the process's gate lets them begin (tracker_queue.h, tracker_gate.h).
 */
#ifndef PEER_NET_TRACKER_CLIENT_H
#define PEER_NET_TRACKER_CLIENT_H

#include "common/codec/tracker.h"
#include "common/ev/fetch.h"
#include "common/ev/resolve.h"
#include "peer/core/announce.h"
#include "peer/net/source.h"
#include "peer/net/tracker_gate.h"
#include "peer/net/udp_asker.h"

enum {
    TRACKER_CLIENT_PEERS_MAX = 1000,   /* peers used from one answer */
    TRACKER_CLIENT_TIMEOUT_MS = 30000, /* timeout of one HTTP announce */
    TRACKER_CLIENT_GRACE_MS = 1000,    /* wait for the other family's answer after a success */
    TRACKER_CLIENT_NAMES_MS = 3000,    /* timeout of looking up the names of peers in an answer */
    TRACKER_CLIENT_NAMES_MAX = 64,     /* names of peers looked up at a time, for all torrents of a
                                          loop; at most TRACKER_NAMES_MAX from one answer */
    TRACKER_CLIENT_NAME_ADDRS_MAX = 2, /* addresses used per name */
};

struct tracker_client;
struct tracker_ask;

/* Receives the result of an announce. |addrs| is valid during the call. */
typedef void (*tracker_done_fn)(void *ctx, const struct announce_result *res,
                                const struct endpoint *addrs, size_t count);

/* |udp| is copied; its context and the four objects must outlive the client. NULL when memory is
 * out. */
struct tracker_client *tracker_client_new(struct loop *l, struct resolver *resolver,
                                          struct fetcher *fetcher, struct tracker_gate *gate,
                                          const struct source *source, const struct udp_asker *udp);

/* All announces must have ended or been cancelled (asserted). NULL is legal. */
void tracker_client_free(struct tracker_client *tc);

/* Announces |a| to |url|. |begun| is called once before |fn|: when the announce leaves the queue,
 * or while it waits there, when the tracker's host is found silent; it must not cancel announces.
 * An announce that fails at once (the URL is not a tracker's) ends without |begun|. Names of peers
 * in the answer are looked up within the bounds above; names without a result by then are left out.
 * A name that resolves to this machine (loopback) counts only if the tracker is on this machine
 * too: no remote tracker can make this peer connect to local services. |fn| is called once. Both
 * are called from the loop, never from inside this call, and not after the announce was cancelled.
 * NULL when memory is out: neither is called. */
struct tracker_ask *tracker_client_announce(struct tracker_client *tc, const char *url,
                                            const struct tracker_announce *a,
                                            void (*begun)(void *ctx), tracker_done_fn fn,
                                            void *ctx);

/* Cancels an announce whose |fn| has not been called. NULL is legal. */
void tracker_ask_cancel(struct tracker_ask *ask);

#endif
