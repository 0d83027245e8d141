/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rate limit by address (throttle.h) for several threads. Each address belongs to one stripe,
 * whichever worker receives its requests, so the limit is the same for any number of workers. Each
 * stripe has its own lock.
 */
#ifndef TRACKER_NET_LIMITER_H
#define TRACKER_NET_LIMITER_H

#include "tracker/core/netset.h"
#include "tracker/core/throttle.h"

enum {
    LIMITER_STRIPES = 64,
    LIMITER_ROWS = 256, /* of each stripe; all stripes together count 64 Ki addresses in 1 MiB,
                           which is allocated when a limit is set */
};

struct limiter;

/* |seed| must be a secret. NULL when memory is out. */
struct limiter *limiter_new(const uint64_t seed[2]);
void limiter_free(struct limiter *l);

/* Sets the number of requests that an address may send in a minute; 0: no limit. Addresses in
 * |exempt|, which is copied, have no limit. After SPRAT_E_NOMEM there is no limit. */
int limiter_set(struct limiter *l, uint32_t per_minute, const struct netset *exempt);

/* Whether a request from |from| that counts like |cost| requests is within the limits of its
 * address and of its IPv6 /48. If it is, it is counted. From any thread. */
bool limiter_allow(struct limiter *l, const struct endpoint *from, uint32_t cost, struct mono now);

#endif
