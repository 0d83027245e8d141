/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker in several shards, so that several threads can work on it. Each shard has a lock, and
 * the torrents that shard_of() gives it. Limits and metrics cover all shards together.
 *
 * Each worker has its own shard, and yet shards have locks, for this reason: the kernel gives a
 * worker the UDP packets of its own shard (udp_front_steer()), so its lock is taken once for a
 * batch of packets and found free, which costs less than a hundredth of the batch. An HTTP
 * connection is a client's, and its next request may be about any torrent. Handing it to the thread
 * that owns the torrent would cost a wake-up of that thread and a change of both epoll sets for
 * each request; the lock costs tens of nanoseconds, and is held for the announce alone, not for
 * reading, parsing or writing. No thread ever holds two of them.
 */
#ifndef TRACKER_NET_SHARDS_H
#define TRACKER_NET_SHARDS_H

#include "tracker/core/doors.h"
#include "tracker/net/limiter.h"

enum { SHARDS_MAX = 64 };

struct shards;

/* |count| of 1 to SHARDS_MAX. NULL when memory is out. */
struct shards *shards_new(unsigned count, const struct tracker_config *config,
                          const struct tracker_seed *seed);
void shards_free(struct shards *s);
unsigned shards_count(const struct shards *s);

/* Which shard has a torrent. It is made from |seed->choice|, so it is another at each start. */
const struct shard_rule *shards_rule(const struct shards *s);

/* The tracker of shard |i| for the calling thread alone, until it unlocks it. It must hold no
 * other. */
struct tracker *shards_lock(struct shards *s, unsigned i);
void shards_unlock(struct shards *s, unsigned i);

/* For all shards, one after the other. When shards_set_list() returns, nobody uses the old list any
 * more. */
void shards_set_config(struct shards *s, const struct tracker_config *config);
void shards_set_list(struct shards *s, enum tracker_mode mode, const struct hashlist *list);
void shards_stats(struct shards *s, struct tracker_stats *sum);

/* One thread's way in: it holds the lock of the shard that it entered last until it leaves.
 * Embedded; both are borrowed. */
struct shards_visit {
    struct shards *shards;
    struct limiter *limiter;
    unsigned held; /* a shard's number, or SHARDS_MAX for none */
};
void shards_visit_init(struct shards_visit *v, struct shards *s, struct limiter *l);
struct tracker_doors shards_doors(struct shards_visit *v);

#endif
