/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each shared torrent has a record with the copy of its peers and a chain of events, which are
 * changes to send. The records are in queues, by how soon their commands must be sent.
 */
#include "tracker/core/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/cluster_impl.h"
#include "tracker/core/select.h"

enum {
    EVENTS_MIN = 256,
    EVICT_MAX = 1000,
};

_Static_assert(PEER_FLAGS < 1 << CLUSTER_TAG_SHIFT, "tags and flags share a word");

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct shared *t = (const struct shared *)(const void *)node;

    return memcmp(t->hash, key, len) == 0;
}

_Static_assert(offsetof(struct shared, node) == 0, "the node must be the first member");

struct cluster *
cluster_new(const struct cluster_config *config, struct swarms *swarms)
{
    struct cluster *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->config = *config;
    c->login = (struct cluster_login){.user = c->config.user,
                                      .password = c->config.password,
                                      .database = c->config.database};
    c->swarms = swarms;
    hashmap_init(&c->map, swarms->env.seed, match);
    for (int i = 0; i < 2; i++)
        list_init(&c->by_use[i]);
    for (int i = 0; i < QUEUES; i++)
        list_init(&c->queues[i]);
    c->free_event = EVENT_NONE;
    peerset_init(&c->draft.v4, &swarms->env, IP_V4);
    peerset_init(&c->draft.v6, &swarms->env, IP_V6);
    c->timeout_s = UINT16_MAX / 2;
    memcpy(c->secret, config->secret, sizeof(c->secret));
    rng_init(&c->rng, config->seed);
    rng_fill(&c->rng, &c->changes_by, sizeof(c->changes_by));
    cluster_script_id(c->script_id);
    return c;
}

static void
shared_free(struct cluster *c, struct shared *t)
{
    list_remove(&t->use);
    list_remove(&t->queue);
    hashmap_remove(&c->map, &t->node);
    c->copied -= t->copied;
    peerset_fini(&t->v4, &c->swarms->env);
    peerset_fini(&t->v6, &c->swarms->env);
    free(t);
}

void
cluster_free(struct cluster *c)
{
    if (c == NULL)
        return;
    list_remove(&c->swarms->told);
    for (int i = 0; i < 2; i++)
        LIST_EACH_SAFE (it, &c->by_use[i])
            shared_free(c, LIST_ENTRY(it, struct shared, use));
    hashmap_fini(&c->map);
    peerset_fini(&c->draft.v4, &c->swarms->env);
    peerset_fini(&c->draft.v6, &c->swarms->env);
    free(c->events);
    free(c);
}

void
cluster_set_waker(struct cluster *c, void (*wake)(void *ctx), void *ctx)
{
    c->wake = wake;
    c->wake_ctx = ctx;
}

/* The user's id is in the bits in which select.h looks for it. */
uint32_t
cluster_tag_of_user(uint32_t user)
{
    _Static_assert((int)CLUSTER_TAG_SHIFT == (int)SELECT_USER_SHIFT, "the same place");
    return (user & ((1u << CLUSTER_TAG_BITS) - 1)) << CLUSTER_TAG_SHIFT;
}

uint32_t
cluster_tag(const uint8_t peer_id[TRACKER_PEER_ID_LEN])
{
    return (uint32_t)(cluster_id_hash(peer_id) & ((1 << CLUSTER_TAG_BITS) - 1))
           << CLUSTER_TAG_SHIFT;
}

/* ---- torrents ---- */

/* Whether the torrent has unsent changes, waits for replies, or wants a fetch. */
static bool
is_busy(const struct shared *t)
{
    return t->in_flight || t->news.count > 0 || t->wants_peers || t->wants_numbers;
}

/* Drops records of torrents that were not used for |keep_ms|; with |force| at least one. Returns
 * true if |force| was not satisfied. */
static bool
evict_of(struct cluster *c, struct list *by_use, int64_t keep_ms, bool force, struct mono now)
{
    int max = EVICT_MAX;

    LIST_EACH_SAFE (it, by_use) {
        struct shared *t = LIST_ENTRY(it, struct shared, use);

        if (max-- == 0 || (!force && mono_younger(t->used_at, keep_ms, now)))
            break;
        if (is_busy(t))
            continue;
        shared_free(c, t);
        force = c->copied > CLUSTER_COPIED_MAX;
    }
    return force;
}

/* Drops records that were not used for a while, earlier those of torrents without peers, since
 * fetching them again is cheap. With |force| drops at least one, and as many as are needed to be
 * below CLUSTER_COPIED_MAX, as far as they are not busy. */
static void
evict(struct cluster *c, bool force, struct mono now)
{
    force = evict_of(c, &c->by_use[0], CLUSTER_COLD_MS, force, now);
    evict_of(c, &c->by_use[1], CLUSTER_KEEP_MS, force, now);
}

void
cluster_set_time(struct cluster *c, int64_t unix_s, uint16_t timeout_s, struct mono now)
{
    c->unix_offset_s = unix_s - now.us / 1000000;
    c->timeout_s = timeout_s;
    evict(c, false, now);
}

struct shared *
cluster_find(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN])
{
    return (struct shared *)(void *)hashmap_find(&c->map, hash, TRACKER_HASH_LEN);
}

static struct shared *
add_shared(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], struct mono now)
{
    struct shared *t;

    if (c->map.count >= CLUSTER_TORRENTS_MAX || c->copied > CLUSTER_COPIED_MAX)
        evict(c, true, now);
    if (c->map.count >= CLUSTER_TORRENTS_MAX)
        return NULL;
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    memcpy(t->hash, hash, TRACKER_HASH_LEN);
    if (hashmap_add(&c->map, &t->node, hash, TRACKER_HASH_LEN) != 0) {
        free(t);
        return NULL;
    }
    list_init(&t->use);
    list_init(&t->queue);
    chain_init(&t->news);
    chain_init(&t->sent);
    peerset_init(&t->v4, &c->swarms->env, IP_V4);
    peerset_init(&t->v6, &c->swarms->env, IP_V6);
    return t;
}

struct shared *
cluster_shared(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], struct mono now)
{
    struct shared *t = cluster_find(c, hash);

    if (t == NULL)
        t = add_shared(c, hash, now);
    if (t == NULL)
        return NULL;
    t->used_at = now;
    list_remove(&t->use);
    list_push_back(&c->by_use[shared_count(t) > 0], &t->use);
    return t;
}

/* ---- queues ---- */

static enum queue
queue_of(const struct shared *t)
{
    if (t->written_back || ((t->wants_peers || t->wants_numbers) && t->awaited))
        return QUEUE_URGENT;
    if (t->wants_peers || t->wants_numbers || t->prompt)
        return QUEUE_PROMPT;
    return t->news.count > 0 || t->stale != 0 || t->changes.restart ? QUEUE_LAZY : QUEUE_NONE;
}

/* All torrents of a queue wait equally long, so appending keeps the queue in the order of |due|. */
void
cluster_queue(struct cluster *c, struct shared *t, struct mono now)
{
    static const int64_t delay_ms[QUEUES] = {
        [QUEUE_URGENT] = 0, [QUEUE_PROMPT] = CLUSTER_ROUND_MS, [QUEUE_LAZY] = CLUSTER_LAZY_MS};
    enum queue to = queue_of(t);
    bool first;

    if (t->in_flight || to == QUEUE_NONE || (list_linked(&t->queue) && t->queued <= to))
        return;
    first = list_empty(&c->queues[to]);
    list_remove(&t->queue);
    list_push_back(&c->queues[to], &t->queue);
    t->queued = to;
    t->due = mono_add_ms(now, delay_ms[to]);
    if (first && c->wake != NULL)
        c->wake(c->wake_ctx);
}

/* ---- events ---- */

static bool
more_events(struct cluster *c)
{
    uint32_t cap = c->events_cap == 0 ? EVENTS_MIN : c->events_cap * 2;
    struct event *events;

    if (cap > CLUSTER_EVENTS_MAX)
        return false;
    events = realloc(c->events, cap * sizeof(*events));
    if (events == NULL)
        return false;
    c->events = events;
    for (uint32_t i = cap; i-- > c->events_cap;) {
        c->events[i].next = c->free_event;
        c->free_event = i;
    }
    c->events_cap = cap;
    return true;
}

void
cluster_add_event(struct cluster *c, struct shared *t, const struct event *e)
{
    uint32_t i;

    if (c->free_event == EVENT_NONE && !more_events(c)) {
        c->lost_news = true;
        c->stats.dropped++;
        return;
    }
    i = c->free_event;
    c->free_event = c->events[i].next;
    c->events[i] = *e;
    c->events[i].next = EVENT_NONE;
    if (t->news.count == 0)
        t->news.first = i;
    else
        c->events[t->news.last].next = i;
    t->news.last = i;
    t->news.count++;
    c->stats.waiting++;
}

void
cluster_put_before(struct cluster *c, struct chain *chain, struct chain *behind)
{
    if (chain->count == 0)
        return;
    c->events[chain->last].next = behind->first;
    if (behind->count == 0)
        behind->last = chain->last;
    behind->first = chain->first;
    behind->count += chain->count;
    chain_init(chain);
}

void
cluster_forget(struct cluster *c, struct chain *chain)
{
    if (chain->count == 0)
        return;
    c->stats.waiting -= chain->count;
    c->events[chain->last].next = c->free_event;
    c->free_event = chain->first;
    chain_init(chain);
}

/* ---- announces ---- */

/* Removes a peer from the copy that announced here; after "stopped" only if the copy has the same
 * peer id. Returns whether other trackers may still have the peer on its former side. */
static bool
drop_copy(struct cluster *c, struct shared *t, const struct cluster_peer *p,
          enum cluster_change change, struct mono now)
{
    struct peerset *set = shared_peers(t, p->family);
    uint32_t pos = peerset_find(set, &c->swarms->env, p->key);
    bool known = t->changes.known && mono_younger(t->peers_at, CLUSTER_FEW_FRESH_MS, now);

    if (pos == PEERSET_NONE)
        return change != CLUSTER_NEW || !known;
    known &= peerset_is_seed(set, pos) == p->seed;
    if (change != CLUSTER_GONE || peerset_tag(set, pos) == p->tag)
        peerset_remove(set, &c->swarms->env, pos);
    return !known;
}

static void
add_completion(struct cluster *c, struct shared *t, const struct cluster_peer *p)
{
    struct event e = {.what = '!', .side = 's', .len = 8};

    put_u64be(e.who, cluster_id_hash(p->peer_id));
    cluster_add_event(c, t, &e);
}

struct event
cluster_event(char what, const struct cluster_peer *p, uint32_t unix_s)
{
    struct cluster_seen seen = {
        .unix_s = unix_s, .tag = p->tag >> CLUSTER_TAG_SHIFT, .paused = p->paused};
    struct event e = {.what = what, .side = p->seed ? 's' : 'l'};

    e.len = (uint8_t)compact_len((enum ip_family)p->family);
    memcpy(e.who, p->key, e.len);
    e.score = cluster_score(&seen);
    return e;
}

bool
cluster_make_public(const struct cluster *c, struct event *e)
{
    uint8_t family = e->len == COMPACT_V4_LEN ? IP_V4 : IP_V6;

    return c->config.one_host || !external_is_loopback(e->who, family) ||
           external_replace(&c->external, family, e->who);
}

void
cluster_set_external(struct cluster *c, const struct external *x)
{
    c->external = *x;
}

void
cluster_set_torrents_max(struct cluster *c, uint32_t max)
{
    c->torrents_max = max;
}

/* While Redis is unreachable, only peers that stop are queued: all others will be written back when
 * it returns. */
void
cluster_on_peer(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN],
                const struct cluster_peer *p, enum cluster_change change, struct mono now)
{
    static const char whats[] = {[CLUSTER_STILL] = '=',
                                 [CLUSTER_NEW] = '+',
                                 [CLUSTER_CHANGED] = '+',
                                 [CLUSTER_COMPLETED] = '+',
                                 [CLUSTER_GONE] = '-'};
    struct shared *t = cluster_shared(c, hash, now);
    struct event e = cluster_event(whats[change], p, (uint32_t)cluster_unix(c, now));

    if (t == NULL) {
        c->lost_news = true;
        c->stats.dropped++;
        return;
    }
    if (!drop_copy(c, t, p, change, now) && e.what == '+')
        e.what = '*';
    if (c->back.begun && memcmp(c->back.hash, hash, TRACKER_HASH_LEN) == 0 && e.what == '+')
        t->unsure_until = mono_add_ms(now, c->timeout_s * INT64_C(1000));
    if (e.what == '=' && mono_before(now, t->unsure_until))
        e.what = '+';
    if (t->news.count == 0)
        t->lazy_due = mono_add_ms(now, CLUSTER_LAZY_MS);
    if ((c->state != LINK_DOWN || change == CLUSTER_GONE) && cluster_make_public(c, &e))
        cluster_add_event(c, t, &e);
    if (change == CLUSTER_COMPLETED)
        add_completion(c, t, p);
    t->prompt |= change != CLUSTER_STILL && t->news.count > 0;
    cluster_queue(c, t, now);
}

/* Whether a request may add a record for its torrent. */
static bool
may_ask_for(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], struct mono now)
{
    if (c->map.count < c->torrents_max || cluster_find(c, hash) != NULL)
        return true;
    evict(c, true, now);
    return c->map.count < c->torrents_max;
}

/* Whether Redis has recently taken longer than a request may wait; then no request waits for a
 * while. */
static bool
is_slow(struct cluster *c, struct mono now)
{
    const struct in_flight *oldest = &c->flight[c->flight_first];

    if (c->flight_count > 0 && mono_due(mono_add_ms(oldest->sent_at, CLUSTER_WAIT_MS), now))
        c->slow_until = mono_add_ms(now, CLUSTER_SLOW_MS);
    return mono_before(now, c->slow_until);
}

bool
cluster_must_wait(struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                  struct mono now)
{
    struct shared *t;
    struct mono at;
    bool few, wait;

    if (c->state != LINK_READY || !may_ask_for(c, hash, now))
        return false;
    t = cluster_shared(c, hash, now);
    if (t == NULL)
        return false;
    few = peers && shared_count(t) < CLUSTER_FEW;
    at = peers || mono_before(t->numbers_at, t->peers_at) ? t->peers_at : t->numbers_at;
    /* A copy from before the connection was lost counts as old. */
    if (mono_younger(at, few ? CLUSTER_FEW_FRESH_MS : CLUSTER_FRESH_MS, now) &&
        !mono_before(at, c->ready_at))
        return false;
    wait = (few || !mono_younger(at, CLUSTER_COLD_MS, now)) && !is_slow(c, now);
    if (!t->in_flight || (peers && !t->fetching && !t->checking)) {
        t->wants_peers |= peers;
        t->wants_numbers = true;
        t->awaited |= wait;
        cluster_queue(c, t, now);
    }
    return wait;
}

static uint32_t
side_count(const struct peerset *set, bool seeds)
{
    return seeds ? set->nseeds : set->nleeches;
}

void
cluster_look(const struct cluster *c, const uint8_t hash[TRACKER_HASH_LEN], const struct swarm *w,
             struct cluster_view *view, struct mono now)
{
    struct shared *t = cluster_find(c, hash);
    bool has_peers = t != NULL && mono_younger(t->peers_at, CLUSTER_COLD_MS, now);
    bool has_numbers = t != NULL && mono_younger(t->numbers_at, CLUSTER_COLD_MS, now);
    bool is_latest = has_peers && !mono_before(t->peers_at, t->numbers_at);

    *view = (struct cluster_view){.downloaded = w != NULL ? w->downloaded : 0};
    if (has_peers) {
        view->v4 = &t->v4;
        view->v6 = &t->v6;
    }
    if (t != NULL && t->downloaded > view->downloaded)
        view->downloaded = t->downloaded;
    for (int side = 0; side < CLUSTER_SIDES; side++) {
        uint8_t family = cluster_side_family((enum cluster_side)side);
        bool seeds = cluster_side_is_seeds((enum cluster_side)side);
        uint32_t n = w != NULL ? side_count(swarm_peers(w, family), seeds) : 0;

        if (has_peers)
            n += side_count(shared_peers(t, family), seeds);
        /* If the copy is whole and the latest, the sum is exact; else the number that Redis
         * reported may be higher. */
        if (has_numbers && !(is_latest && t->whole[side]) && t->total[side] > n)
            n = t->total[side];
        view->total[side] = n;
    }
}

const uint8_t *
cluster_secret(const struct cluster *c, uint32_t *version)
{
    *version = c->secret_version;
    return c->secret;
}

bool
cluster_is_ready(const struct cluster *c)
{
    return c->state == LINK_READY;
}

size_t
cluster_in_flight(const struct cluster *c)
{
    return c->flight_count;
}

void
cluster_stats(const struct cluster *c, struct cluster_stats *s)
{
    *s = c->stats;
}

bool
cluster_hurries(const struct cluster *c)
{
    return c->is_last || c->back.active || c->stats.waiting > CLUSTER_EVENTS_MAX / 2;
}
