/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connection of one shard of the tracker to Redis, kept up for as long as there is one to be
 * had: it carries the conversation of cluster.h, and knows nothing of what is said.
 *
 * A Redis that can't be reached is tried again after a tenth of a second, then less and less often,
 * at times that differ from tracker to tracker; the first failure and the return are said in the
 * log, and what is between them is not.
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
    void (*on_news)(void *ctx); /* replies came, or none will: requests that wait may go on */
    /* Connection ids are to be made with another secret. */
    void (*on_secret)(void *ctx, const uint8_t secret[MAC_KEY_LEN]);
};

/* For shard |shard|, whose tracker has joined a cluster. All pointers but |handler| are borrowed;
 * |tls| is NULL for a URL without TLS. NULL when memory is out. */
struct cluster_link *cluster_link_new(struct loop *l, struct shards *shards, unsigned shard,
                                      const struct cluster_url *url, struct tls_client *tls,
                                      const struct log *log, uint64_t seed,
                                      const struct cluster_link_handler *handler);

/* Its loop must not run any more, or be the caller's. What Redis has not been told yet, it is told
 * before, as long as it answers and for a second at most. NULL is legal. */
void cluster_link_free(struct cluster_link *k);

#endif
