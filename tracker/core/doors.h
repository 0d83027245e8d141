/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The functions by which a service reaches the tracker of a torrent: the only tracker, or one of
 * several that threads share. The implementation knows about locks; the services do not.
 */
#ifndef TRACKER_CORE_DOORS_H
#define TRACKER_CORE_DOORS_H

#include "tracker/core/shard.h"
#include "tracker/core/tracker.h"

struct tracker_doors {
    void *ctx;
    struct shard_rule rule; /* which tracker has a torrent */
    /* The tracker of shard |shard|, for the caller alone until the next enter() or leave(). */
    struct tracker *(*enter)(void *ctx, unsigned shard);
    /* To be called before the caller waits for anything; without an enter() before it too. */
    void (*leave)(void *ctx);
    /* Whether a request from |from| is within the rate limit of its address; if so, it counts. To
     * be asked when the address is proven: else anybody could use up another's. Leaves an entered
     * tracker entered. */
    bool (*may_ask)(void *ctx, const struct endpoint *from, struct mono now);
};

/* A request that had better wait (tracker_must_wait()) comes again later, and has its answer the
 * last time whatever is known by then. It counts for the rate limit once. */
enum service_turn { TURN_FIRST, TURN_AGAIN, TURN_LAST };

/* The reason in the answer to a client above its rate limit. */
#define TRACKER_TOO_OFTEN "too many requests from your address"
enum { TRACKER_TOO_OFTEN_RETRY_MIN = 1 };

/* Makes the doors to one tracker of a single thread, without a rate limit. */
struct tracker_doors tracker_doors_to(struct tracker *t);

static inline struct tracker *
tracker_doors_enter(const struct tracker_doors *d, const uint8_t hash[TRACKER_HASH_LEN])
{
    return d->enter(d->ctx, shard_of(&d->rule, hash));
}

#endif
