/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The generic cell rate algorithm (ITU-T I.371): each request moves the time at which its address
 * has paid for everything one interval on, and is refused when that time is a whole burst ahead.
 */
#include "tracker/core/throttle.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "common/ds/siphash.h"

enum { MINUTE_US = 60000000, V6_PREFIX_LEN = 8 };

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
throttle_hash(const uint64_t seed[2], const struct endpoint *from)
{
    size_t len = from->family == IP_V6 ? V6_PREFIX_LEN : endpoint_ip_len(from);

    return siphash13(seed, from->ip, len) ^ from->family;
}

/* The way of that address: its own, an unused one, or that of who has paid longest ago. */
static struct throttle_way *
find(struct throttle *t, const struct endpoint *from)
{
    uint64_t hash = throttle_hash(t->seed, from);
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
throttle_allow(struct throttle *t, const struct endpoint *from, struct mono now)
{
    int64_t interval_us, paid_us;
    struct throttle_way *way;

    if (t->per_minute == 0)
        return true;
    interval_us = MINUTE_US / (int64_t)t->per_minute;
    way = find(t, from);
    paid_us = way->free_us > now.us ? way->free_us : now.us;
    if (paid_us - now.us > MINUTE_US - interval_us)
        return false;
    way->free_us = paid_us + interval_us;
    return true;
}
