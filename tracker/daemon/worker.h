/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One thread of the tracker: a loop, its own sockets at each address, and the services behind them.
 * It answers whatever comes to its sockets, sweeps one shard, and knows nothing of the other
 * workers: they share the shards, the rate limit and the secret of the connection ids.
 */
#ifndef TRACKER_DAEMON_WORKER_H
#define TRACKER_DAEMON_WORKER_H

#include "tracker/core/metrics.h"
#include "tracker/net/cluster_link.h"
#include "tracker/net/http_front.h"
#include "tracker/net/members.h"
#include "tracker/net/shards.h"
#include "tracker/net/udp_front.h"
#include "tracker/operator/settings.h"

struct worker;

/* What all workers share; borrowed. */
struct worker_common {
    struct shards *shards; /* one for each worker */
    struct limiter *limiter;
    struct members *members; /* of a private tracker, or NULL */
    uint8_t secret[MAC_KEY_LEN];
    struct http_front_limits http_limits; /* of each worker's front at an address */
    uint32_t udp_buffer;                  /* bytes of packets that wait at each UDP socket */
    struct certbox *certs;                /* for HTTPS, or NULL */
    struct tls_client *cluster_tls;       /* for it, or NULL */
    const struct cluster_url *cluster;    /* NULL: the shards have joined none */
    const struct log *log;
    struct worker *const *workers; /* each other, for requests that wait */
    unsigned nworkers;
};

/* Worker |index|, without a socket. NULL when memory is out. */
struct worker *worker_new(const struct worker_common *common, unsigned index);

/* Ends its thread, if it has one. All are stopped before one is freed: they poke each other. NULL
 * is legal, here and below. */
void worker_stop(struct worker *w);
void worker_free(struct worker *w);

/* Adds a socket at |at|, at most SETTINGS_LISTEN_MAX of each kind, all workers in the order of
 * their numbers. |*real| is where it listens, with the port that was found for port 0. */
int worker_listen_http(struct worker *w, const struct endpoint *at, enum port_share share,
                       struct endpoint *real, struct errbuf *eb);
int worker_listen_https(struct worker *w, const struct endpoint *at, enum port_share share,
                        struct endpoint *real, struct errbuf *eb);
int worker_listen_udp(struct worker *w, const struct endpoint *at, enum port_share share,
                      struct endpoint *real, struct errbuf *eb);

/* Has the kernel give packets to the worker that owns their torrent, at the address that this
 * worker listened at last and all others do too by now. False if it can't. */
bool worker_steer_udp(struct worker *w);

/* Runs it in a thread of its own, until worker_free(). SPRAT_E_NOMEM. */
int worker_start(struct worker *w);

/* For who runs it in the calling thread instead, and puts other things onto its loop. */
struct loop *worker_loop(struct worker *w);

/* Has requests come again that wait for Redis, if there are any. From any thread. */
void worker_poke(struct worker *w);

/* Adds its numbers to |m|. From any thread. */
void worker_count(const struct worker *w, struct metrics *m);

#endif
