/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connection of one shard of the tracker to Redis. It sends the commands of cluster.h and
 * passes their replies back, without interpreting them, and connects again whenever the connection
 * is lost.
 *
 * After a failure the link tries again after a tenth of a second, and then after increasing delays
 * with a random part. The first failure and the reconnection are logged; failures between them are
 * not.
 */
#ifndef TRACKER_NET_CLUSTER_LINK_H
#define TRACKER_NET_CLUSTER_LINK_H

#include "common/base/log.h"
#include "common/crypto/tls.h"
#include "common/ev/loop.h"
#include "tracker/net/cluster_url.h"
#include "tracker/net/shards.h"

enum {
    CLUSTER_LINK_OUT_MAX = 1 << 19, /* bytes that are not sent yet */
    CLUSTER_LINK_RETRY_MS_MIN = 100,
    CLUSTER_LINK_RETRY_MS_MAX = 10000,
    CLUSTER_LINK_CONNECT_S = 5,  /* to look up the name and connect */
    CLUSTER_LINK_SILENCE_S = 10, /* without a reply while one is due: the connection is dead */
};

struct cluster_link;

struct cluster_link_handler {
    void *ctx;
    /* Replies have come, or will not come: waiting requests can be tried again. */
    void (*on_news)(void *ctx);
    /* The shared secret of connection ids has changed. */
    void (*on_secret)(void *ctx, const uint8_t secret[MAC_KEY_LEN]);
};

/* Makes the link of shard |shard|, whose tracker has joined a cluster. |handler| is copied, all
 * other pointers are borrowed; |tls| is NULL for a URL without TLS. NULL when memory is out. */
struct cluster_link *cluster_link_new(struct loop *l, struct shards *shards, unsigned shard,
                                      const struct cluster_url *url, struct tls_client *tls,
                                      const struct log *log, uint64_t seed,
                                      const struct cluster_link_handler *handler);

/* Sends changes that Redis has not confirmed yet, as long as Redis answers and for a second at
 * most, and then frees the link. Its loop must not run any more, or the caller must be its thread.
 * NULL is legal. */
void cluster_link_free(struct cluster_link *k);

#endif
