/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker divided into shards, so that several threads can work on it. shard_of() assigns each
 * torrent to a shard, and each shard has a lock. Limits and metrics cover all shards together.
 *
 * There are as many shards as workers, but shards need locks. The kernel delivers the UDP packets
 * of a shard to one worker (udp_front_steer()), so that worker takes the lock once for a batch of
 * packets and finds it free; that costs less than a hundredth of the batch. The next request on an
 * HTTP connection, however, may be about any torrent. Passing it to the thread that owns the
 * torrent would cost a wake-up of that thread and a change of both epoll sets for each request; the
 * lock costs tens of nanoseconds, and is held only for the announce, not for reading, parsing or
 * writing. No thread ever holds two of these locks.
 */
#ifndef TRACKER_NET_SHARDS_H
#define TRACKER_NET_SHARDS_H

#include "tracker/core/doors.h"
#include "tracker/net/limiter.h"

enum { SHARDS_MAX = 64 };

struct shards;

/* Makes 1 to SHARDS_MAX shards. NULL when memory is out. */
struct shards *shards_new(unsigned count, const struct tracker_config *config,
                          const struct tracker_seed *seed);
void shards_free(struct shards *s);
unsigned shards_count(const struct shards *s);

/* The function that assigns a torrent to a shard. It depends on |seed->choice|, so it differs at
 * each start. */
const struct shard_rule *shards_rule(const struct shards *s);

/* Locks shard |i| for the calling thread, which must hold no other shard, and returns its tracker.
 */
struct tracker *shards_lock(struct shards *s, unsigned i);
void shards_unlock(struct shards *s, unsigned i);

/* These change all shards, one after the other. When shards_set_list() returns, no shard uses the
 * old list any more. */
void shards_set_config(struct shards *s, const struct tracker_config *config);
void shards_set_list(struct shards *s, enum tracker_mode mode, const struct hashlist *list);
void shards_stats(struct shards *s, struct tracker_stats *sum);

/* The access of one thread to the shards: the thread holds the lock of the shard that it entered
 * last until it leaves. Embedded; both pointers are borrowed. */
struct shards_visit {
    struct shards *shards;
    struct limiter *limiter;
    unsigned held; /* index of the locked shard, or SHARDS_MAX for none */
};
void shards_visit_init(struct shards_visit *v, struct shards *s, struct limiter *l);
struct tracker_doors shards_doors(struct shards_visit *v);

#endif
