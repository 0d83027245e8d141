/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A worker: one thread with a loop, and with its own socket at each address. A worker answers all
 * requests that arrive at its sockets, and removes expired peers of one shard. All workers share
 * the shards, the rate limit and the secret of the connection ids.
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

/* Shared by all workers; borrowed. */
struct worker_common {
    struct shards *shards; /* one for each worker */
    struct limiter *limiter;
    struct members *members; /* of a private tracker, or NULL */
    uint8_t secret[MAC_KEY_LEN];
    struct http_front_limits http_limits; /* of each worker's front at an address */
    uint32_t udp_buffer;                  /* bytes for the packets that wait at each UDP socket */
    struct certbox *certs;                /* for HTTPS, or NULL */
    struct tls_client *cluster_tls;       /* for connections to Redis, or NULL */
    const struct cluster_url *cluster;    /* NULL: the shards share no swarms */
    const struct log *log;
    struct worker *const *workers; /* all workers, which wake each other's waiting requests */
    unsigned nworkers;
};

/* Worker |index|, without a socket. NULL when memory is out. */
struct worker *worker_new(const struct worker_common *common, unsigned index);

/* Ends the worker's thread, if it has one. All workers must be stopped before one is freed, since
 * they call worker_poke() on each other. NULL is legal here and in worker_free(). */
void worker_stop(struct worker *w);
void worker_free(struct worker *w);

/* Adds a socket at |at|, at most SETTINGS_LISTEN_MAX of each kind. Call for all workers in the
 * order of their indexes. |*real| gets the bound address, with the port that the kernel chose for
 * port 0. */
int worker_listen_http(struct worker *w, const struct endpoint *at, enum port_share share,
                       struct endpoint *real, struct errbuf *eb);
int worker_listen_https(struct worker *w, const struct endpoint *at, enum port_share share,
                        struct endpoint *real, struct errbuf *eb);
int worker_listen_udp(struct worker *w, const struct endpoint *at, enum port_share share,
                      struct endpoint *real, struct errbuf *eb);

/* Makes the kernel deliver each packet to the worker that owns its torrent, at the address at which
 * this worker listened last. All other workers must listen there too. False if the kernel can't. */
bool worker_steer_udp(struct worker *w);

/* Runs the worker in a thread of its own, until worker_stop(). SPRAT_E_NOMEM. */
int worker_start(struct worker *w);

/* The worker's loop, for a caller that runs it in its own thread and adds other work to it. */
struct loop *worker_loop(struct worker *w);

/* Makes the worker try its requests again that wait for Redis. From any thread. */
void worker_poke(struct worker *w);

/* Adds the numbers of all workers to |m|. From any thread. */
void worker_count_all(const struct worker_common *common, struct metrics *m);

#endif
