/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Swarms in a keyed hash table, and beside it a list in the order of sweeping, which is also the
 * only way to walk them all: nothing depends on the hash's seed.
 */
#include "tracker/core/swarms.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct swarm *w = (const struct swarm *)(const void *)node;

    return memcmp(w->info_hash, key, len) == 0;
}

_Static_assert(offsetof(struct swarm, node) == 0, "the node must be the swarm's first member");

void
swarms_init(struct swarms *s, const uint64_t seed[2], bool keeps_ids)
{
    *s = (struct swarms){.env = {{seed[0], seed[1]}}, .keeps_ids = keeps_ids};
    hashmap_init(&s->map, seed, match);
    list_init(&s->by_sweep);
    list_init(&s->saved);
    list_init(&s->shed);
    list_init(&s->told);
    s->totals = &s->own_totals;
}

void
swarms_share_totals(struct swarms *s, struct swarms_totals *totals)
{
    s->totals = totals;
}

static void
swarm_free(struct swarm *w)
{
    peerset_fini(&w->v4);
    peerset_fini(&w->v6);
    free(w);
}

void
swarms_fini(struct swarms *s)
{
    struct list *link;

    list_remove(&s->saved);
    list_remove(&s->shed);
    list_remove(&s->told);
    while ((link = list_pop_front(&s->by_sweep)) != NULL)
        swarm_free(LIST_ENTRY(link, struct swarm, link));
    hashmap_fini(&s->map);
}

struct swarm *
swarms_find(const struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN])
{
    return (struct swarm *)(void *)hashmap_find(&s->map, hash, TRACKER_HASH_LEN);
}

static const struct peerset *
peers_of(const struct hashmap_node *node, uint8_t family)
{
    const struct swarm *w = (const struct swarm *)(const void *)node;

    return family == IP_V4 ? &w->v4 : &w->v6;
}

/* Each loop asks memory for what the one before it has read the address of. */
void
swarms_prefetch(const struct swarms *s, const struct swarms_ask *asks, size_t n)
{
    uint64_t keys[SWARMS_PREFETCH_MAX];
    const struct hashmap_node *nodes[SWARMS_PREFETCH_MAX];
    size_t i;

    for (i = 0; i < n; i++)
        keys[i] = hashmap_prefetch(&s->map, asks[i].info_hash, TRACKER_HASH_LEN);
    for (i = 0; i < n; i++)
        nodes[i] = hashmap_prefetch_node(&s->map, keys[i]);
    for (i = 0; i < n; i++) {
        nodes[i] = hashmap_prefetch_next(nodes[i], keys[i]);
        if (nodes[i] != NULL)
            peerset_prefetch(peers_of(nodes[i], asks[i].family));
    }
    for (i = 0; i < n; i++)
        if (nodes[i] != NULL)
            peerset_prefetch_search(peers_of(nodes[i], asks[i].family), &s->env, asks[i].key);
    for (i = 0; i < n; i++)
        if (nodes[i] != NULL)
            peerset_prefetch_found(peers_of(nodes[i], asks[i].family), &s->env, asks[i].key);
}

struct swarm *
swarms_add(struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN], struct mono now)
{
    struct swarm *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    memcpy(w->info_hash, hash, TRACKER_HASH_LEN);
    peerset_init(&w->v4, IP_V4, s->keeps_ids);
    peerset_init(&w->v6, IP_V6, s->keeps_ids);
    w->swept_at = now;
    w->leechers_s = (uint32_t)(now.us / 1000000);
    if (hashmap_add(&s->map, &w->node, hash, TRACKER_HASH_LEN) != 0) {
        free(w);
        return NULL;
    }
    list_push_back(&s->by_sweep, &w->link);
    tally_add(&s->totals->swarms, 1);
    return w;
}

/* A link that no swarm hangs on. */
static bool
is_mark(const struct swarms *s, const struct list *link)
{
    return link == &s->saved || link == &s->shed || link == &s->told;
}

struct swarm *
swarms_next(const struct swarms *s, const struct list *link)
{
    do
        link = link->next;
    while (is_mark(s, link));
    return link == &s->by_sweep ? NULL : LIST_ENTRY(link, struct swarm, link);
}

struct swarm *
swarms_oldest(const struct swarms *s)
{
    return swarms_next(s, &s->by_sweep);
}

static void
uncount_peers(struct swarms *s, uint32_t n4, uint32_t n6)
{
    if (n4 + n6 == 0)
        return;
    swarms_count_peers(s, IP_V4, -(int64_t)n4);
    swarms_count_peers(s, IP_V6, -(int64_t)n6);
}

static void
swarm_drop(struct swarms *s, struct swarm *w)
{
    uncount_peers(s, peerset_count(&w->v4), peerset_count(&w->v6));
    tally_sub(&s->totals->swarms, 1);
    list_remove(&w->link);
    hashmap_remove(&s->map, &w->node);
    swarm_free(w);
}

bool
swarms_shed(struct swarms *s, const struct swarm *keep)
{
    for (int look = 0; look < SWARMS_SHED_LOOKS; look++) {
        struct list *next = list_linked(&s->shed) ? s->shed.next : &s->by_sweep;
        struct swarm *w = LIST_ENTRY(next, struct swarm, link);

        list_remove(&s->shed);
        list_insert_after(next, &s->shed); /* behind the last: from the front again */
        if (next == &s->by_sweep || is_mark(s, next) || w == keep)
            continue;
        if (peerset_count(&w->v4) + peerset_count(&w->v6) <= 1) {
            swarm_drop(s, w);
            return true;
        }
    }
    return false;
}

uint32_t
swarms_sweep(struct swarms *s, struct swarm *w, uint16_t now_s, uint16_t age_max, struct mono now)
{
    uint32_t looked_at = peerset_count(&w->v4) + peerset_count(&w->v6), gone4, gone6;

    gone4 = peerset_expire(&w->v4, &s->env, now_s, age_max);
    gone6 = peerset_expire(&w->v6, &s->env, now_s, age_max);
    uncount_peers(s, gone4, gone6);
    if (peerset_count(&w->v4) + peerset_count(&w->v6) == 0) {
        swarm_drop(s, w);
    } else {
        w->swept_at = now;
        list_remove(&w->link);
        list_push_back(&s->by_sweep, &w->link);
    }
    return looked_at;
}
