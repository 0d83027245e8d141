/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each stripe has a throttle and a lock. The lock may be taken while a shard is locked, never the
 * other way round.
 */
#include "tracker/net/limiter.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/sys/lock.h"

struct limiter {
    _Atomic bool limits; /* false: no limit is set, and no lock is taken */
    uint64_t seed[2];
    struct {
        struct lock lock;
        struct throttle throttle;
        struct netset exempt;
    } stripes[LIMITER_STRIPES];
};

struct limiter *
limiter_new(const uint64_t seed[2])
{
    struct limiter *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    for (int i = 0; i < LIMITER_STRIPES; i++) {
        lock_init(&l->stripes[i].lock);
        throttle_init(&l->stripes[i].throttle, seed, LIMITER_ROWS);
    }
    /* The stripe is chosen with another key than the row: otherwise all addresses of a stripe would
     * fall into a few of its rows. */
    l->seed[0] = ~seed[0];
    l->seed[1] = seed[1];
    return l;
}

void
limiter_free(struct limiter *l)
{
    if (l == NULL)
        return;
    for (int i = 0; i < LIMITER_STRIPES; i++) {
        throttle_fini(&l->stripes[i].throttle);
        lock_fini(&l->stripes[i].lock);
    }
    free(l);
}

int
limiter_set(struct limiter *l, uint32_t per_minute, const struct netset *exempt)
{
    int err = 0;

    for (int i = 0; i < LIMITER_STRIPES && err == 0; i++) {
        lock_take(&l->stripes[i].lock);
        err = throttle_set(&l->stripes[i].throttle, per_minute);
        l->stripes[i].exempt = *exempt;
        lock_drop(&l->stripes[i].lock);
    }
    atomic_store(&l->limits, err == 0 && per_minute > 0);
    return err;
}

static bool
allow(struct limiter *l, const struct endpoint *from, enum throttle_net net, uint32_t cost,
      struct mono now)
{
    unsigned i = (unsigned)(throttle_hash(l->seed, from, net) % LIMITER_STRIPES);
    bool may;

    lock_take(&l->stripes[i].lock);
    may = netset_has(&l->stripes[i].exempt, from) ||
          throttle_allow(&l->stripes[i].throttle, from, net, cost, now);
    lock_drop(&l->stripes[i].lock);
    return may;
}

bool
limiter_allow(struct limiter *l, const struct endpoint *from, uint32_t cost, struct mono now)
{
    if (!atomic_load_explicit(&l->limits, memory_order_relaxed))
        return true;
    return allow(l, from, THROTTLE_HOST, cost, now) &&
           (from->family != IP_V6 || allow(l, from, THROTTLE_SITE, cost, now));
}
