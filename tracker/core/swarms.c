/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarms are in a keyed hash table, and in a list in the order of sweeps. Walks over all swarms
 * use the list, so that their order does not depend on the seed of the hash.
 */
#include "tracker/core/swarms.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

enum { SHED_DECAY_PARTS = 16 };

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct swarm *w = (const struct swarm *)(const void *)node;

    return memcmp(w->info_hash, key, len) == 0;
}

const struct peerset swarm_no_peers = {.key_len = COMPACT_V6_LEN, .meta_len = PEERSET_EXACT};

_Static_assert(offsetof(struct swarm, node) == 0, "the node must be the swarm's first member");

int
swarms_init(struct swarms *s, const uint64_t seed[2], struct peerset_form form)
{
    *s = (struct swarms){.env = {.seed = {seed[0], seed[1]}, .form = form}};
    s->env.blocks = &s->blocks;
    records_init(&s->records, sizeof(struct swarm));
    hashmap_init(&s->map, seed, match);
    list_init(&s->by_sweep);
    list_init(&s->saved);
    rng_init(&s->rng, seed[0] ^ seed[1]);
    list_init(&s->told);
    s->totals = &s->own_totals;
    return crowd_init(&s->crowd, seed);
}

void
swarms_set_form(struct swarms *s, struct peerset_form form)
{
    ASSERT(s->map.count == 0);
    s->env.form = form;
}

void
swarms_share_totals(struct swarms *s, struct swarms_totals *totals)
{
    s->totals = totals;
}

static void
free_v6(struct swarms *s, struct swarm *w)
{
    if (w->v6 == NULL)
        return;
    peerset_fini(w->v6, &s->env);
    free(w->v6);
    w->v6 = NULL;
}

static void
swarm_free(struct swarms *s, struct swarm *w)
{
    peerset_fini(&w->v4, &s->env);
    free_v6(s, w);
    records_free(&s->records, w);
}

void
swarms_fini(struct swarms *s)
{
    struct list *link;

    list_remove(&s->saved);
    list_remove(&s->told);
    while ((link = list_pop_front(&s->by_sweep)) != NULL)
        swarm_free(s, LIST_ENTRY(link, struct swarm, link));
    hashmap_fini(&s->map);
    crowd_fini(&s->crowd);
    blocks_fini(&s->blocks);
    records_fini(&s->records);
}

struct swarm *
swarms_find(const struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN])
{
    struct swarms_place at = swarms_place(s, hash);

    return swarms_find_at(s, &at);
}

struct swarm *
swarms_find_at(const struct swarms *s, const struct swarms_place *at)
{
    struct hashmap_node *node =
        hashmap_find_hashed(&s->map, at->hash, at->info_hash, TRACKER_HASH_LEN);

    return (struct swarm *)(void *)node;
}

static const struct peerset *
peers_of(const struct hashmap_node *node, uint8_t family)
{
    const struct swarm *w = (const struct swarm *)(const void *)node;

    return swarm_peers(w, family);
}

/* Each loop prefetches what the loop before it has found the address of. */
void
swarms_prefetch(const struct swarms *s, struct swarms_ask *asks, size_t n)
{
    const struct hashmap_node *nodes[SWARMS_PREFETCH_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        asks[i].at = swarms_place(s, asks[i].at.info_hash);
        hashmap_prefetch(&s->map, asks[i].at.hash);
    }
    for (i = 0; i < n; i++)
        nodes[i] = hashmap_prefetch_node(&s->map, asks[i].at.hash);
    for (i = 0; i < n; i++) {
        nodes[i] = hashmap_prefetch_next(nodes[i], asks[i].at.hash);
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
    struct swarms_place at = swarms_place(s, hash);

    return swarms_add_at(s, &at, now);
}

struct swarm *
swarms_add_at(struct swarms *s, const struct swarms_place *at, struct mono now)
{
    struct swarm *w = records_alloc(&s->records);

    if (w == NULL)
        return NULL;
    memcpy(w->info_hash, at->info_hash, TRACKER_HASH_LEN);
    peerset_init(&w->v4, &s->env, IP_V4);
    w->swept_at = now;
    w->leechers_s = (uint32_t)(now.us / 1000000);
    if (hashmap_add_hashed(&s->map, &w->node, at->hash) != 0) {
        records_free(&s->records, w);
        return NULL;
    }
    list_push_back(&s->by_sweep, &w->link);
    tally_add(&s->totals->swarms, 1);
    return w;
}

/* Whether a link is a mark and not that of a swarm. */
static bool
is_mark(const struct swarms *s, const struct list *link)
{
    return link == &s->saved || link == &s->told;
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

/* ---- peers ---- */

/* Counts |n| peers of a family that were added, or removed if |n| is negative. */
static void
count_peers(struct swarms *s, uint8_t family, int64_t n)
{
    if (n == 0)
        return;
    *(family == IP_V4 ? &s->peers4 : &s->peers6) += (uint64_t)n;
    tally_add(&s->totals->peers, (uint64_t)n);
}

static struct endpoint
endpoint_of(uint8_t family, const uint8_t *key)
{
    struct endpoint e = {.family = family};

    memcpy(e.ip, key, endpoint_ip_len(&e));
    return e;
}

/* Whether the peer counts among the peers of its site. */
static bool
is_counted(const struct swarms *s, uint8_t family, const uint8_t *key)
{
    struct endpoint e;

    if (s->rules.site_peers_max == 0)
        return false;
    if (s->rules.exempt.count == 0)
        return true;
    e = endpoint_of(family, key);
    return !netset_has(&s->rules.exempt, &e);
}

/* The set to which a peer of |family| is added; NULL when memory is out. Most swarms have IPv4
 * peers only, so the IPv6 set is allocated with its first peer. */
static struct peerset *
set_to_fill(struct swarms *s, struct swarm *w, uint8_t family)
{
    if (family == IP_V6 && w->v6 == NULL) {
        w->v6 = malloc(sizeof(*w->v6));
        if (w->v6 != NULL)
            peerset_init(w->v6, &s->env, IP_V6);
    }
    return swarm_set(w, family);
}

uint32_t
swarms_add_peer(struct swarms *s, struct swarm *w, uint8_t family, const uint8_t *key, bool seed,
                uint16_t now_s, uint32_t *longest)
{
    struct peerset *set = set_to_fill(s, w, family);
    uint32_t max = s->rules.site_peers_max, pos;
    bool counted = is_counted(s, family, key);

    *longest = PEERSET_NONE;
    if (set == NULL)
        return PEERSET_NONE;
    if (counted && peerset_count_site(set, &s->env, key, max, now_s, longest) >= max)
        return PEERSET_NONE;
    *longest = PEERSET_NONE;
    pos =
        counted ? peerset_add_sited(set, &s->env, key, seed) : peerset_add(set, &s->env, key, seed);
    if (pos == PEERSET_NONE)
        return pos;
    count_peers(s, family, 1);
    if (counted)
        crowd_enter(&s->crowd, key, set->key_len);
    return pos;
}

static void
drop_peer(struct swarms *s, struct peerset *set, uint32_t pos)
{
    if (peerset_is_sited(set, pos))
        crowd_leave(&s->crowd, peerset_key(set, pos), set->key_len);
    peerset_remove(set, &s->env, pos);
}

void
swarms_remove_peer(struct swarms *s, struct swarm *w, uint8_t family, uint32_t pos)
{
    drop_peer(s, swarm_set(w, family), pos);
    count_peers(s, family, -1);
}

static uint32_t
swarm_count(const struct swarm *w)
{
    return peerset_count(&w->v4) + peerset_count(swarm_peers(w, IP_V6));
}

void
swarms_drop(struct swarms *s, struct swarm *w)
{
    while (peerset_count(&w->v4) > 0)
        swarms_remove_peer(s, w, IP_V4, peerset_count(&w->v4) - 1);
    while (peerset_count(swarm_peers(w, IP_V6)) > 0)
        swarms_remove_peer(s, w, IP_V6, peerset_count(w->v6) - 1);
    tally_sub(&s->totals->swarms, 1);
    if (s->sweeping == w)
        s->sweeping = NULL;
    if (s->saving == w)
        s->saving = NULL;
    list_remove(&w->link);
    hashmap_remove(&s->map, &w->node);
    swarm_free(s, w);
}

/* ---- making room ---- */

/* The minimum of |least| and of the peer counts of the addresses in the set. An unsited peer counts
 * as 0. */
static uint32_t
least_crowd(const struct swarms *s, const struct peerset *set, uint32_t least)
{
    for (uint32_t pos = 0; pos < peerset_count(set) && least > 0; pos++) {
        uint32_t n = 0;

        if (peerset_is_sited(set, pos))
            n = crowd_count(&s->crowd, peerset_key(set, pos), set->key_len);
        least = n < least ? n : least;
    }
    return least;
}

/* The burden of a swarm: the peer count of its least busy address; 0 if the swarm must not be
 * removed. */
static uint32_t
burden(const struct swarms *s, const struct swarm *w)
{
    uint32_t n, fair = s->rules.swarms_max / SWARMS_FAIR_PARTS;

    if (swarm_count(w) > SWARMS_SHED_PEERS)
        return 0;
    n = least_crowd(s, swarm_peers(w, IP_V6), least_crowd(s, &w->v4, UINT32_MAX));
    return w->sweeps >= SWARMS_OLD_SWEEPS && n <= fair + crowd_noise(&s->crowd) ? 0 : n;
}

/* The search for the swarm with the highest burden among random swarms. */
struct search {
    const struct swarms *s;
    const struct swarm *keep;
    struct swarm *found;
    uint32_t most; /* burden of |found|, or the bound that a burden must exceed */
    int looks;
};

static void
look(void *ctx, struct hashmap_node *node)
{
    struct search *x = ctx;
    struct swarm *w = (struct swarm *)(void *)node;
    uint32_t n = w != x->keep ? burden(x->s, w) : 0;

    x->looks--;
    if (n > x->most) {
        x->most = n;
        x->found = w;
    }
}

/* The burden must exceed the asker's count by more than one, so that two addresses don't remove
 * each other's swarms in turns. It must also be at least half of the recent maximum, so that if the
 * random swarms contain none of a flood, no other swarm is removed instead. If that bound is not
 * met any more, the maximum decays step by step. */
struct swarm *
swarms_find_burden(struct swarms *s, const struct swarm *keep, uint8_t family, const uint8_t *key)
{
    uint32_t own =
        is_counted(s, family, key) ? crowd_count(&s->crowd, key, compact_len(family)) : 0;
    bool must_be_busy = false;
    struct search x = {.s = s, .keep = keep, .most = own + 1 + crowd_noise(&s->crowd)};

    if (x.most < s->crowd.most / 2) {
        x.most = s->crowd.most / 2;
        must_be_busy = true;
    }
    x.looks = SWARMS_SHED_LOOKS;
    for (int tries = 0; x.looks > 0 && tries < 2 * SWARMS_SHED_LOOKS && s->map.count > 0; tries++)
        (void)hashmap_walk(&s->map, rng_below(&s->rng, (uint32_t)s->map.nbuckets), 1, look, &x);
    if (x.found == NULL && must_be_busy)
        s->crowd.most -= (s->crowd.most + SHED_DECAY_PARTS - 1) / SHED_DECAY_PARTS;
    return x.found;
}

/* ---- sweeps ---- */

/* Examines peers from the end on, so that a peer that moves into a hole was examined already. */
static void
sweep_set(struct swarms *s, struct peerset *set, uint8_t family, uint32_t *left, uint32_t *looks,
          uint16_t now_s, uint16_t age_max)
{
    int64_t removed = 0;

    if (set == NULL) {
        *left = 0;
        return;
    }
    if (*left > peerset_count(set))
        *left = peerset_count(set);
    while (*left > 0 && *looks > 0) {
        (*looks)--;
        (*left)--;
        if (!peerset_is_silent(set, *left, now_s, age_max))
            continue;
        drop_peer(s, set, *left);
        removed++;
    }
    count_peers(s, family, -removed);
}

static void
finish_sweep(struct swarms *s, struct swarm *w, struct mono now)
{
    s->sweeping = NULL;
    peerset_trim(&w->v4, &s->env);
    if (peerset_count(swarm_peers(w, IP_V6)) > 0)
        peerset_trim(w->v6, &s->env);
    else
        free_v6(s, w);
    if (swarm_count(w) == 0) {
        swarms_drop(s, w);
        return;
    }
    w->swept_at = now;
    if (w->sweeps < SWARMS_OLD_SWEEPS)
        w->sweeps++;
    list_remove(&w->link);
    list_push_back(&s->by_sweep, &w->link);
}

uint32_t
swarms_sweep(struct swarms *s, uint32_t looks, uint16_t now_s, uint16_t age_max, struct mono now)
{
    struct swarm *w = s->sweeping;
    uint32_t left = looks;

    if (w == NULL) {
        w = s->sweeping = swarms_oldest(s);
        s->sweep4 = peerset_count(&w->v4);
        s->sweep6 = peerset_count(swarm_peers(w, IP_V6));
    }
    sweep_set(s, &w->v4, IP_V4, &s->sweep4, &left, now_s, age_max);
    sweep_set(s, w->v6, IP_V6, &s->sweep6, &left, now_s, age_max);
    if (s->sweep4 + s->sweep6 == 0)
        finish_sweep(s, w, now);
    return looks - left;
}
