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
    struct shard_rule rule; /* assigns a torrent to a tracker */
    /* Returns the tracker of shard |shard|, which the caller may use alone until the next enter()
     * or leave(). */
    struct tracker *(*enter)(void *ctx, unsigned shard);
    /* Must be called before the caller waits for anything; allowed without an enter() before. */
    void (*leave)(void *ctx);
    /* Whether a request from |from| that costs as much as |cost| requests is within the rate limit
     * of its address; if so, it is counted. Call only after the client has proved its address,
     * since otherwise anybody could use up the limit of another address. An entered tracker stays
     * entered. */
    bool (*may_ask)(void *ctx, const struct endpoint *from, uint32_t cost, struct mono now);
};

/* How often a request was tried. A request that should wait (tracker_must_wait()) is tried again
 * later; the last time it is answered with the peers that are known then. It counts for the rate
 * limit once. */
enum service_turn { TURN_FIRST, TURN_AGAIN, TURN_LAST };

/* The reason in the answer to a client above its rate limit. */
#define TRACKER_TOO_OFTEN "too many requests from your address"
enum { TRACKER_TOO_OFTEN_RETRY_MIN = 1 };

/* Torrents of a scrape that count like one request: each needs a search, while an announce needs a
 * search and a draw of peers. */
enum { TRACKER_SCRAPE_SHARE = 8 };

/* The number of requests as which a scrape of |n| torrents counts. */
static inline uint32_t
tracker_scrape_cost(size_t n)
{
    return n > 0 ? (uint32_t)((n + TRACKER_SCRAPE_SHARE - 1) / TRACKER_SCRAPE_SHARE) : 1;
}

/* Makes the doors to one tracker of a single thread, without a rate limit. */
struct tracker_doors tracker_doors_to(struct tracker *t);

static inline struct tracker *
tracker_doors_enter(const struct tracker_doors *d, const uint8_t hash[TRACKER_HASH_LEN])
{
    return d->enter(d->ctx, shard_of(&d->rule, hash));
}

#endif
