/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarms are in a sorted array. Nearly every swarm of a large table is smaller than the last
 * element, and so costs one comparison.
 */
#include "tracker/core/topswarms.h"

#include <string.h>

#include "common/base/assert.h"

static const char *const order_names[] = {
#define X(id, name) name,
    TOPSWARMS_ORDER_TABLE(X)
#undef X
};

bool
topswarms_order_parse(const char *name, size_t len, enum topswarms_order *order)
{
    for (size_t i = 0; i < sizeof(order_names) / sizeof(order_names[0]); i++) {
        if (strlen(order_names[i]) == len && memcmp(order_names[i], name, len) == 0) {
            *order = (enum topswarms_order)i;
            return true;
        }
    }
    return false;
}

void
topswarms_init(struct topswarms *t, enum topswarms_order order, size_t max)
{
    ASSERT(max >= 1 && max <= TOPSWARMS_MAX);
    t->order = order;
    t->max = max;
    t->count = 0;
}

static uint64_t
weight(const struct topswarms *t, const struct tracker_scrape *s)
{
    switch (t->order) {
    case TOPSWARMS_BY_PEERS: return (uint64_t)s->complete + s->incomplete;
    case TOPSWARMS_BY_SEEDERS: return s->complete;
    case TOPSWARMS_BY_LEECHERS: return s->incomplete;
    case TOPSWARMS_BY_COMPLETED: return s->downloaded;
    }
    UNREACHABLE();
}

static bool
is_before(const struct topswarms *t, const struct tracker_scrape *a, const struct tracker_scrape *b)
{
    uint64_t wa = weight(t, a), wb = weight(t, b);

    return wa != wb ? wa > wb : memcmp(a->info_hash, b->info_hash, TRACKER_HASH_LEN) < 0;
}

static void
remove_at(struct topswarms *t, size_t i)
{
    t->count--;
    memmove(&t->at[i], &t->at[i + 1], (t->count - i) * sizeof(t->at[0]));
}

void
topswarms_offer(struct topswarms *t, const struct tracker_scrape *s)
{
    size_t i;

    if (s->complete + s->incomplete == 0)
        return;
    if (t->count == t->max && !is_before(t, s, &t->at[t->count - 1]))
        return;
    for (i = 0; i < t->count; i++) {
        if (memcmp(t->at[i].info_hash, s->info_hash, TRACKER_HASH_LEN) == 0) {
            remove_at(t, i);
            break;
        }
    }
    if (t->count == t->max)
        t->count--;
    for (i = t->count++; i > 0 && is_before(t, s, &t->at[i - 1]); i--)
        t->at[i] = t->at[i - 1];
    t->at[i] = *s;
}
