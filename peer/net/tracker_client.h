/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries out announces: over HTTP, HTTPS or UDP, as the tracker's URL says, and over IPv4 and IPv6
 * where the tracker's host has both (BEP 7). When, to whom and with which event is the core's
 * decision (peer/core/announce.h). Announces wait in line until the process's gate lets them begin
 * (tracker_gate.h): first "stopped", then downloads, then seeds.
 */
#ifndef PEER_NET_TRACKER_CLIENT_H
#define PEER_NET_TRACKER_CLIENT_H

#include "common/codec/tracker.h"
#include "common/ev/fetch.h"
#include "common/ev/resolve.h"
#include "peer/core/announce.h"
#include "peer/net/source.h"
#include "peer/net/tracker_gate.h"
#include "peer/net/udp_tracker.h"

enum {
    TRACKER_CLIENT_PEERS_MAX = 1000,   /* taken from one answer */
    TRACKER_CLIENT_TIMEOUT_MS = 30000, /* for one HTTP announce */
    TRACKER_CLIENT_GRACE_MS = 1000,    /* when one family has answered, how long for the other */
    TRACKER_CLIENT_NAMES_MS = 3000,    /* how long the names of peers in an answer are looked up */
    TRACKER_CLIENT_NAMES_MAX = 64,     /* names of peers looked up at a time, for all torrents of a
                                          loop; TRACKER_NAMES_MAX from one answer */
    TRACKER_CLIENT_NAME_ADDRS_MAX = 2, /* addresses taken of one name */
};

struct tracker_client;
struct tracker_ask;

/* |addrs| is valid during the call. */
typedef void (*tracker_done_fn)(void *ctx, const struct announce_result *res,
                                const struct endpoint *addrs, size_t count);

/* The four must outlive it. |udp_retry_ms| is UDP_TRACKER_RETRY_MS but in tests. NULL when memory
 * is out. */
struct tracker_client *tracker_client_new(struct loop *l, struct resolver *resolver,
                                          struct fetcher *fetcher, struct tracker_gate *gate,
                                          const struct source *source, uint32_t udp_retry_ms);

/* All asks must have ended or been cancelled (asserted). NULL is legal. */
void tracker_client_free(struct tracker_client *tc);

/* Announces |a| at |url|. |begun| is called once before |fn|, when the announce leaves the line; or
 * while it is in line, when the tracker's host is found silent. Peers that the tracker gives by DNS
 * name are looked up within the bounds above; what is not found by then is left out. A name that
 * leads to this machine itself (loopback) counts only if the tracker is there too: no tracker of
 * others makes us dial our own services.
 * Both are called from the loop, never from inside this call, and not after it was cancelled. NULL,
 * and nothing comes, when memory is out. */
struct tracker_ask *tracker_client_announce(struct tracker_client *tc, const char *url,
                                            const struct tracker_announce *a,
                                            void (*begun)(void *ctx), tracker_done_fn fn,
                                            void *ctx);

/* |ask| must not have called back yet. NULL is legal. */
void tracker_ask_cancel(struct tracker_ask *ask);

#endif
