/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shards are an array of trackers, each with its own lock.
 */
#include "tracker/net/shards.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/prefetch.h"
#include "common/sys/lock.h"

struct shards {
    struct swarms_totals totals;
    unsigned count;
    struct shard_rule rule;
    /* Each element begins a cache line, so that taking its lock does not slow down its neighbours.
     */
    struct locked_tracker {
        _Alignas(CACHE_LINE) struct lock lock;
        struct tracker *tracker;
    } all[];
};

struct shards *
shards_new(unsigned count, const struct tracker_config *config, const struct tracker_seed *seed)
{
    struct tracker_seed own = *seed;
    struct shards *s;
    struct rng rng;
    size_t size = sizeof(*s) + count * sizeof(s->all[0]);

    ASSERT(count >= 1 && count <= SHARDS_MAX);
    s = aligned_alloc(CACHE_LINE, size);
    if (s == NULL)
        return NULL;
    rng_init(&rng, seed->choice);
    *s = (struct shards){.rule = shard_rule_make(count, &rng)};
    for (; s->count < count; s->count++) {
        struct locked_tracker *k = &s->all[s->count];

        own.choice = seed->choice + s->count; /* all shards use the same hash, but each draws peers
                                                 with its own random numbers */
        k->tracker = tracker_new(config, &own);
        if (k->tracker == NULL) {
            shards_free(s);
            return NULL;
        }
        tracker_share_totals(k->tracker, &s->totals);
        lock_init(&k->lock);
    }
    return s;
}

void
shards_free(struct shards *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->count; i++) {
        tracker_free(s->all[i].tracker);
        lock_fini(&s->all[i].lock);
    }
    free(s);
}

unsigned
shards_count(const struct shards *s)
{
    return s->count;
}

const struct shard_rule *
shards_rule(const struct shards *s)
{
    return &s->rule;
}

struct tracker *
shards_lock(struct shards *s, unsigned i)
{
    ASSERT(i < s->count);
    lock_take(&s->all[i].lock);
    return s->all[i].tracker;
}

void
shards_unlock(struct shards *s, unsigned i)
{
    lock_drop(&s->all[i].lock);
}

void
shards_set_config(struct shards *s, const struct tracker_config *config)
{
    for (unsigned i = 0; i < s->count; i++) {
        tracker_set_config(shards_lock(s, i), config);
        shards_unlock(s, i);
    }
}

void
shards_set_list(struct shards *s, enum tracker_mode mode, const struct hashlist *list)
{
    for (unsigned i = 0; i < s->count; i++) {
        tracker_set_list(shards_lock(s, i), mode, list);
        shards_unlock(s, i);
    }
}

void
shards_stats(struct shards *s, struct tracker_stats *sum)
{
    *sum = (struct tracker_stats){.announces = 0};
    for (unsigned i = 0; i < s->count; i++) {
        struct tracker_stats one;

        tracker_stats(shards_lock(s, i), &one);
        shards_unlock(s, i);
        tracker_stats_add(sum, &one);
    }
}

/* ---- visits ---- */

static void
leave(void *ctx)
{
    struct shards_visit *v = ctx;

    if (v->held != SHARDS_MAX)
        shards_unlock(v->shards, v->held);
    v->held = SHARDS_MAX;
}

static struct tracker *
enter(void *ctx, unsigned shard)
{
    struct shards_visit *v = ctx;

    if (v->held == shard)
        return v->shards->all[shard].tracker;
    leave(v);
    v->held = shard;
    return shards_lock(v->shards, shard);
}

static bool
may_ask(void *ctx, const struct endpoint *from, uint32_t cost, struct mono now)
{
    struct shards_visit *v = ctx;

    return limiter_allow(v->limiter, from, cost, now);
}

void
shards_visit_init(struct shards_visit *v, struct shards *s, struct limiter *l)
{
    *v = (struct shards_visit){.shards = s, .limiter = l, .held = SHARDS_MAX};
}

struct tracker_doors
shards_doors(struct shards_visit *v)
{
    return (struct tracker_doors){
        .ctx = v, .rule = v->shards->rule, .enter = enter, .leave = leave, .may_ask = may_ask};
}
