/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate limit by address (throttle.h) for many threads. An address is counted in one place,
 * whichever worker its requests come to, so that the limit is the same for any number of workers;
 * places of different addresses have locks of their own.
 */
#ifndef TRACKER_NET_LIMITER_H
#define TRACKER_NET_LIMITER_H

#include "tracker/core/netset.h"
#include "tracker/core/throttle.h"

enum {
    LIMITER_STRIPES = 64,
    LIMITER_ROWS = 256, /* of each: 64 K addresses in all, 1 MiB, once a limit is set */
};

struct limiter;

/* |seed| must be a secret. NULL when memory is out. */
struct limiter *limiter_new(const uint64_t seed[2]);
void limiter_free(struct limiter *l);

/* Requests that an address may send in a minute; 0: any. Addresses in |exempt|, which is copied,
 * may send any number. SPRAT_E_NOMEM: there is no limit. */
int limiter_set(struct limiter *l, uint32_t per_minute, const struct netset *exempt);

/* Whether something from |from| that costs as much as |cost| requests is within the limits of its
 * address and of its IPv6 /48; if it is, it counts. From any thread. */
bool limiter_allow(struct limiter *l, const struct endpoint *from, uint32_t cost, struct mono now);

#endif
