/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A site's entry is in one row of a few entries, which is searched as a whole.
 */
#include "peer/core/dht_guard.h"

#include <string.h>

#include "common/base/minmax.h"
#include "common/ds/siphash.h"
#include "peer/core/dht_net.h"

enum { QUERY = 1000 }; /* one query, in the unit of the allowances */

void
dht_guard_init(struct dht_guard *g, const uint64_t key[2], struct mono now)
{
    memset(g, 0, sizeof(*g));
    memcpy(g->key, key, sizeof(g->key));
    g->began = now;
}

static uint32_t
seconds(const struct dht_guard *g, struct mono now)
{
    return (uint32_t)(mono_diff_ms(now, g->began) / 1000) + 1;
}

static uint64_t
hash_of(const struct dht_guard *g, const struct endpoint *e)
{
    uint64_t site = dht_site(e);

    return siphash13(g->key, &site, sizeof(site));
}

static const struct dht_guard_entry *
find(const struct dht_guard *g, const struct endpoint *e)
{
    uint64_t hash = hash_of(g, e);
    const struct dht_guard_entry *row = g->entries[hash % DHT_GUARD_ROWS];

    for (unsigned i = 0; i < DHT_GUARD_WAYS; i++)
        if (row[i].site == hash && row[i].seen_s > 0)
            return &row[i];
    return NULL;
}

/* The site's entry: its old one, or one that takes the place of the site that was silent for the
 * longest time, of those without a proof first. */
static struct dht_guard_entry *
entry_for(struct dht_guard *g, const struct endpoint *e, struct mono now)
{
    uint64_t hash = hash_of(g, e);
    struct dht_guard_entry *row = g->entries[hash % DHT_GUARD_ROWS], *oldest = row;
    uint32_t now_s = seconds(g, now);

    for (unsigned i = 0; i < DHT_GUARD_WAYS; i++) {
        uint64_t age_key = (uint64_t)row[i].proven_s << 32 | row[i].seen_s;

        if (row[i].site == hash && row[i].seen_s > 0) {
            row[i].seen_s = now_s;
            return &row[i];
        }
        if (age_key < ((uint64_t)oldest->proven_s << 32 | oldest->seen_s))
            oldest = &row[i];
    }
    *oldest = (struct dht_guard_entry){.site = hash, .seen_s = now_s};
    return oldest;
}

static bool
is_recent(const struct dht_guard *g, uint32_t at_s, int64_t ms, struct mono now)
{
    return at_s > 0 && seconds(g, now) - at_s < ms / 1000;
}

static bool
is_proven(const struct dht_guard *g, const struct dht_guard_entry *e, struct mono now)
{
    return e != NULL && is_recent(g, e->proven_s, DHT_PROOF_MS, now);
}

bool
dht_guard_query(struct dht_guard *g, const struct endpoint *from, struct mono now)
{
    struct dht_guard_entry *e = entry_for(g, from, now);
    struct allowance_terms of_site = {DHT_GUARD_SITE_RATE * QUERY, DHT_GUARD_SITE_BURST * QUERY};
    struct allowance_terms of_all = {DHT_GUARD_RATE * QUERY, DHT_GUARD_BURST * QUERY};

    if (!is_proven(g, e, now))
        of_all.most /= 2;
    return allowance_take(&e->queries, QUERY, of_site, now) &&
           allowance_take(&g->all, QUERY, of_all, now);
}

bool
dht_guard_ping(struct dht_guard *g, struct mono now)
{
    const struct allowance_terms terms = {DHT_GUARD_PING_RATE * QUERY,
                                          DHT_GUARD_PING_BURST * QUERY};

    return allowance_take(&g->pings, QUERY, terms, now);
}

void
dht_guard_asked(struct dht_guard *g, const struct endpoint *to, struct mono now)
{
    entry_for(g, to, now)->asked_s = seconds(g, now);
}

void
dht_guard_proved(struct dht_guard *g, const struct endpoint *from, struct mono now)
{
    entry_for(g, from, now)->proven_s = seconds(g, now);
}

bool
dht_guard_was_asked(const struct dht_guard *g, const struct endpoint *from, struct mono now)
{
    const struct dht_guard_entry *e = find(g, from);

    return e != NULL && is_recent(g, e->asked_s, DHT_ASKED_MS, now);
}

size_t
dht_guard_allowance(const struct dht_guard *g, const struct endpoint *to, size_t len, size_t most,
                    struct mono now)
{
    return is_proven(g, find(g, to), now) ? most : min_u64(len * DHT_UNPROVEN_FACTOR, most);
}
