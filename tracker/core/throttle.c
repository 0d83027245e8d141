/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The generic cell rate algorithm (ITU-T I.371): each request moves the address's theoretical
 * arrival time forward by one interval, and is refused when that time is a whole burst ahead of
 * now.
 */
#include "tracker/core/throttle.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "common/ds/siphash.h"

enum { MINUTE_US = 60000000, V6_HOST_LEN = 8, V6_SITE_LEN = 6 };

void
throttle_init(struct throttle *t, const uint64_t seed[2], uint32_t rows)
{
    *t = (struct throttle){.seed = {seed[0], seed[1]}, .rows = rows};
}

void
throttle_fini(struct throttle *t)
{
    free(t->ways);
    t->ways = NULL;
}

int
throttle_set(struct throttle *t, uint32_t per_minute)
{
    if (per_minute > 0 && t->ways == NULL) {
        t->ways = calloc((size_t)t->rows * THROTTLE_WAYS, sizeof(*t->ways));
        if (t->ways == NULL)
            return SPRAT_E_NOMEM;
    }
    if (per_minute == 0)
        throttle_fini(t);
    t->per_minute = per_minute;
    return 0;
}

uint64_t
throttle_hash(const uint64_t seed[2], const struct endpoint *from, enum throttle_net net)
{
    size_t len = endpoint_ip_len(from);

    if (from->family == IP_V6)
        len = net == THROTTLE_SITE ? V6_SITE_LEN : V6_HOST_LEN;
    return siphash13(seed, from->ip, len) ^ from->family;
}

/* The entry for a hash in its row: its own, an unused one, or the one with the earliest time. */
static struct throttle_way *
find(struct throttle *t, uint64_t hash)
{
    struct throttle_way *row = t->ways + (hash % t->rows) * THROTTLE_WAYS, *best = row;
    uint32_t tag = (uint32_t)(hash >> 32) | 1;

    for (unsigned i = 0; i < THROTTLE_WAYS; i++) {
        if (row[i].tag == tag)
            return &row[i];
        if (row[i].free_us < best->free_us)
            best = &row[i];
    }
    *best = (struct throttle_way){.tag = tag};
    return best;
}

bool
throttle_allow(struct throttle *t, const struct endpoint *from, enum throttle_net net,
               uint32_t cost, struct mono now)
{
    int64_t price_us, paid_us, rate;
    struct throttle_way *way;

    if (t->per_minute == 0)
        return true;
    rate = (int64_t)t->per_minute * (net == THROTTLE_SITE ? THROTTLE_SITE_SHARE : 1);
    price_us = cost < rate ? MINUTE_US / rate * cost : MINUTE_US;
    way = find(t, throttle_hash(t->seed, from, net));
    paid_us = way->free_us > now.us ? way->free_us : now.us;
    if (paid_us - now.us > MINUTE_US - price_us)
        return false;
    way->free_us = paid_us + price_us;
    return true;
}
