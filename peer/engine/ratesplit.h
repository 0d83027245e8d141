/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Divides one rate limit among the buckets of several loops, according to the recent use of each. A
 * pure decision: the module knows no clock, no bucket and no loop.
 */
#ifndef PEER_ENGINE_RATESPLIT_H
#define PEER_ENGINE_RATESPLIT_H

#include <stdint.h>

enum {
    RATESPLIT_MAX = 16,   /* buckets */
    RATESPLIT_FLOOR = 64, /* a bucket without demand keeps 1/64 of its even share */
    RATESPLIT_STEP = 32,  /* changes of less than 1/32 of a share are not made */
};

/* The demand of one bucket, and the share that it holds. */
struct rate_claim {
    uint64_t used;    /* bytes/s that recently passed the bucket */
    uint32_t waiting; /* users that wait for the bucket */
    uint64_t held;    /* bytes/s at which the bucket may still be filled, until its loop takes the
                         new share */
};

/* Writes to |shares| how fast each of |n| buckets may be filled from now on. Buckets with waiting
 * users share the rest of the limit, in proportion to their waiting users. Each share is 1 at
 * least. The sum of the shares, together with the rates that are still held above a lowered share,
 * is |limit| at most (and up to |n| bytes more, where a limit is that low), unless the held rates
 * exceed it already: a rate that one bucket gives up goes to another bucket at the next call. */
void ratesplit(uint64_t limit, const struct rate_claim *claims, uint64_t *shares, uint32_t n);

#endif
