/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fetch becomes the new copy of a torrent. An own peer stays in the table of swarms, unless the
 * copy shows that it has announced to another tracker since, or has sent "stopped" to another
 * tracker.
 */
#include "tracker/core/cluster_merge.h"

#include <stddef.h>

enum {
    MOVED_S = 5,     /* seconds; clocks of trackers and delays of rounds differ by less, */
    CLOCKS_S = 2,    /* and clocks alone */
    DOUBT_MS = 3000, /* until the next fetch, if this one left doubts */
    OWN_LOOKS_MAX = 4 * CLUSTER_SAMPLE, /* own peers that are compared with a whole copy */
};

/* ---- fetched peers ---- */

/* Whether the endpoint has an address and a port. Foreign programs may have written others. */
static bool
is_peer(const uint8_t *key, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i + 2 < len; i++)
        any |= key[i];
    return any != 0 && (key[len - 2] | key[len - 1]) != 0;
}

/* Stores time, tag and flags of the peer at |pos|. */
static void
touch(struct peerset *set, uint32_t pos, bool seed, const struct cluster_seen *seen, int64_t age,
      struct mono now)
{
    peerset_touch(set, pos, (uint16_t)(peerset_seconds(now) - (age < 0 ? 0 : age)),
                  seen->tag << CLUSTER_TAG_SHIFT, !seed && seen->paused ? PEER_PAUSED : 0, NULL);
}

/* Adds a peer to the draft. If it is on both sides, the side with the later time counts. */
static void
add_to_draft(struct cluster *c, enum cluster_side side, const uint8_t *key,
             const struct cluster_seen *seen, struct mono now)
{
    struct peerset *set = cluster_side_family(side) == IP_V4 ? &c->draft.v4 : &c->draft.v6;
    bool seed = cluster_side_is_seeds(side);
    int64_t age = cluster_unix(c, now) - seen->unix_s;
    uint32_t pos;

    if (age > c->timeout_s)
        c->draft.stale |= (uint8_t)(1 << side);
    if (age > c->timeout_s || !is_peer(key, set->key_len))
        return;
    pos = peerset_find(set, &c->swarms->env, key);
    if (pos == PEERSET_NONE)
        pos = peerset_add(set, &c->swarms->env, key, seed);
    else if ((uint16_t)(peerset_seconds(now) - peerset_seen(set, pos)) > age)
        pos = peerset_set_seed(set, &c->swarms->env, pos, seed);
    else
        return;
    if (pos == PEERSET_NONE)
        return;
    touch(set, pos, seed, seen, age, now);
    if (age > c->draft.oldest_s)
        c->draft.oldest_s = age;
}

/* Reads members and scores, which alternate. Members of another length are ignored: a foreign
 * program wrote them. */
int
cluster_draw(struct cluster *c, enum cluster_side side, const struct cluster_reply *r,
             struct mono now)
{
    if (r->type != CLUSTER_REPLY_ARRAY || r->count % 2 != 0 || r->count > 2 * CLUSTER_SAMPLE)
        return SPRAT_E_PROTOCOL;
    for (size_t i = 0; i < r->count; i += 2) {
        const struct cluster_reply *who = &r->elements[i], *score = &r->elements[i + 1];
        struct cluster_seen seen;
        uint64_t n;

        if (who->type != CLUSTER_REPLY_STRING || score->type != CLUSTER_REPLY_STRING ||
            !cluster_score_parse(score->str, score->len, &n))
            return SPRAT_E_PROTOCOL;
        seen = cluster_score_read(n);
        if (who->len == cluster_member_len(side))
            add_to_draft(c, side, who->str, &seen, now);
    }
    c->draft.drawn[side] = (uint32_t)r->count / 2;
    if (c->draft.total[side] < c->draft.drawn[side])
        c->draft.total[side] = c->draft.drawn[side];
    return 0;
}

static void
remove_own(struct cluster *c, struct swarm *w, uint8_t family, uint32_t pos)
{
    swarms_remove_peer(c->swarms, w, family, pos);
}

/* Makes sure that each peer is either an own one or in the copy. It stays an own one unless another
 * tracker saw it later, or has it on the other side although all own changes were sent. */
static void
separate_sets(struct cluster *c, struct shared *t, struct swarm *w, uint8_t family, struct mono now)
{
    const struct peerset *own = swarm_peers(w, family);
    struct peerset *copy = shared_peers(t, family);

    for (uint32_t at = peerset_count(copy); at-- > 0;) {
        uint32_t pos = peerset_find(own, &c->swarms->env, peerset_key(copy, at));
        uint16_t own_age, age;

        if (pos == PEERSET_NONE)
            continue;
        own_age = (uint16_t)(peerset_seconds(now) - peerset_seen(own, pos));
        age = (uint16_t)(peerset_seconds(now) - peerset_seen(copy, at));
        if (age + MOVED_S < own_age || (t->news.count == 0 && age <= own_age + CLOCKS_S &&
                                        peerset_is_seed(copy, at) != peerset_is_seed(own, pos)))
            remove_own(c, w, family, pos);
        else
            peerset_remove(copy, &c->swarms->env, at);
    }
}

/* Removes own peers that are missing in Redis: they have sent "stopped" to another tracker. If
 * another explanation is possible, because not |settled|, they stay and the torrent is fetched
 * again soon. */
static void
remove_gone(struct cluster *c, struct shared *t, struct swarm *w, uint8_t family, bool settled,
            struct mono now)
{
    const struct peerset *copy = shared_peers(t, family);
    const struct peerset *own = swarm_peers(w, family);

    if (!t->whole[cluster_side(family, true)] || !t->whole[cluster_side(family, false)] ||
        peerset_count(own) > OWN_LOOKS_MAX)
        return;
    for (uint32_t pos = peerset_count(own); pos-- > 0;) {
        if (peerset_find(copy, &c->swarms->env, peerset_key(own, pos)) != PEERSET_NONE)
            continue;
        if (settled)
            remove_own(c, w, family, pos);
        else
            c->draft.good_until = mono_add_ms(now, DOUBT_MS);
    }
}

/* ---- changes of other trackers ---- */

static void
count_copy(struct cluster *c, struct shared *t)
{
    c->copied -= t->copied;
    t->copied = peerset_count(&t->v4) + peerset_count(&t->v6);
    c->copied += t->copied;
}

static void
remove_copy(struct cluster *c, struct shared *t, uint8_t family, const uint8_t *who, uint32_t tag)
{
    struct peerset *copy = shared_peers(t, family);
    uint32_t pos = peerset_find(copy, &c->swarms->env, who);

    if (pos != PEERSET_NONE && peerset_tag(copy, pos) == tag)
        peerset_remove(copy, &c->swarms->env, pos);
}

/* Removes peers from the copy that have sent "stopped" here, which the other trackers do not know
 * yet. */
static void
remove_leavers(struct cluster *c, struct shared *t)
{
    for (uint32_t i = t->news.first, n = 0; n < t->news.count; n++, i = c->events[i].next) {
        const struct event *e = &c->events[i];

        if (e->what == '-')
            remove_copy(c, t, cluster_side_family(event_side(e)), e->who,
                        cluster_score_read(e->score).tag << CLUSTER_TAG_SHIFT);
    }
}

/* Removes an own peer that has announced to another tracker |age| seconds ago and not here since.
 */
static void
remove_if_moved(struct cluster *c, struct swarm *w, uint8_t family, uint32_t pos, int64_t age,
                struct mono now)
{
    uint16_t own_age = (uint16_t)(peerset_seconds(now) - peerset_seen(swarm_peers(w, family), pos));

    if (own_age + CLOCKS_S >= age)
        remove_own(c, w, family, pos);
}

static uint32_t
find_own(const struct cluster *c, struct swarm *w, uint8_t family, const uint8_t *who)
{
    if (w == NULL)
        return PEERSET_NONE;
    return peerset_find(swarm_peers(w, family), &c->swarms->env, who);
}

static bool
merge_came(struct cluster *c, struct shared *t, struct swarm *w,
           const struct cluster_change_entry *change, struct mono now)
{
    uint8_t family = cluster_side_family(change->side);
    struct cluster_seen seen = cluster_score_read(change->score);
    struct peerset *copy = shared_peers(t, family);
    bool seed = cluster_side_is_seeds(change->side);
    int64_t age = cluster_unix(c, now) - seen.unix_s;
    uint32_t pos = find_own(c, w, family, change->who);

    if (age > c->timeout_s || !is_peer(change->who, copy->key_len))
        return true;
    if (pos != PEERSET_NONE)
        remove_if_moved(c, w, family, pos, age, now);
    if (find_own(c, w, family, change->who) != PEERSET_NONE)
        return true;
    pos = peerset_find(copy, &c->swarms->env, change->who);
    if (pos == PEERSET_NONE)
        pos = peerset_add(copy, &c->swarms->env, change->who, seed);
    else
        pos = peerset_set_seed(copy, &c->swarms->env, pos, seed);
    if (pos == PEERSET_NONE)
        return false;
    touch(copy, pos, seed, &seen, age, now);
    return true;
}

static void
merge_gone(struct cluster *c, struct shared *t, struct swarm *w,
           const struct cluster_change_entry *change, struct mono now)
{
    uint8_t family = cluster_side_family(change->side);
    struct cluster_seen seen = cluster_score_read(change->score);
    uint32_t tag = seen.tag << CLUSTER_TAG_SHIFT, pos = find_own(c, w, family, change->who);

    remove_copy(c, t, family, change->who, tag);
    if (pos != PEERSET_NONE && peerset_tag(swarm_peers(w, family), pos) == tag)
        remove_if_moved(c, w, family, pos, cluster_unix(c, now) - seen.unix_s, now);
}

/* Merges a change. Own changes are known already, with one exception: a peer that stopped here may
 * still be in the copy, if another tracker had reported it before. */
bool
cluster_merge_change(struct cluster *c, struct shared *t, const struct cluster_change_entry *change,
                     enum cluster_change_by by, struct mono now)
{
    struct swarm *w = by == BY_OTHER ? swarms_find(c->swarms, t->hash) : NULL;

    switch (change->what) {
    case CLUSTER_CHANGE_CAME: return by != BY_OTHER || merge_came(c, t, w, change, now);
    case CLUSTER_CHANGE_GONE: merge_gone(c, t, w, change, now); return true;
    case CLUSTER_CHANGE_COMPLETED: t->changes.recount |= by != BY_US; return true;
    case CLUSTER_CHANGE_ANY: return false;
    }
    return false;
}

void
cluster_merge_end(struct cluster *c, struct shared *t)
{
    remove_leavers(c, t);
    count_copy(c, t);
}

/* ---- a fetch ---- */

void
cluster_merge(struct cluster *c, struct shared *t, struct mono now)
{
    struct swarm *w = swarms_find(c->swarms, t->hash);
    bool settled =
        t->news.count == 0 && !c->lost_news && !c->back.active && mono_due(c->settled_at, now);

    peerset_swap(&t->v4, &c->draft.v4);
    peerset_swap(&t->v6, &c->draft.v6);
    count_copy(c, t);
    remove_leavers(c, t);
    for (int side = 0; side < CLUSTER_SIDES; side++)
        t->whole[side] = c->draft.drawn[side] == c->draft.total[side] &&
                         (c->draft.has_size || c->draft.drawn[side] < CLUSTER_SAMPLE);
    t->peers_at = now;
    c->draft.good_until = mono_add_ms(now, (c->timeout_s - c->draft.oldest_s) * 1000);
    for (uint8_t family = IP_V4; w != NULL && family <= IP_V6; family += IP_V6 - IP_V4) {
        remove_gone(c, t, w, family, settled, now);
        separate_sets(c, t, w, family, now);
    }
}

/* ---- writing back ---- */

void
cluster_write_back_begin(struct cluster *c)
{
    list_remove(&c->swarms->told);
    list_insert_after(&c->swarms->by_sweep, &c->swarms->told);
    c->back.active = true;
    c->back.begun = false;
    c->lost_news = false;
}

static void
write_back_peer(struct cluster *c, struct shared *t, const struct peerset *set, uint8_t family,
                uint32_t pos, struct mono now)
{
    uint16_t age = (uint16_t)(peerset_seconds(now) - peerset_seen(set, pos));
    struct cluster_peer p = {
        .key = peerset_key(set, pos),
        .family = family,
        .seed = peerset_is_seed(set, pos),
        .paused = (peerset_flags(set, pos) & PEER_PAUSED) != 0,
        .tag = peerset_tag(set, pos),
    };
    struct event e = cluster_event('<', &p, (uint32_t)(cluster_unix(c, now) - age));

    if (cluster_make_public(c, &e))
        cluster_add_event(c, t, &e);
}

/* Writes back peers from the end of the set: when a peer is removed meanwhile, mostly a peer that
 * was written already moves to its position. A peer that is missed is written with its next
 * announce. Writes at most |*max|, and returns how many of |left| remain. */
static uint32_t
write_back_set(struct cluster *c, struct shared *t, const struct peerset *set, uint8_t family,
               uint32_t left, uint32_t *max, struct mono now)
{
    if (left > peerset_count(set))
        left = peerset_count(set);
    for (; left > 0 && *max > 0; (*max)--)
        write_back_peer(c, t, set, family, --left, now);
    return left;
}

/* Continues with the swarm that was begun, or begins the next one. */
static void
write_back_swarm(struct cluster *c, struct swarm *w, uint32_t *max, struct mono now)
{
    struct write_back *b = &c->back;
    struct shared *t = cluster_shared(c, w->info_hash, now);

    if (!b->begun || memcmp(b->hash, w->info_hash, TRACKER_HASH_LEN) != 0) {
        memcpy(b->hash, w->info_hash, TRACKER_HASH_LEN);
        b->begun = true;
        b->left4 = peerset_count(&w->v4);
        b->left6 = peerset_count(swarm_peers(w, IP_V6));
    }
    if (t == NULL) {
        b->left4 = b->left6 = 0;
        return;
    }
    t->downloaded_least = w->downloaded;
    b->left4 = write_back_set(c, t, &w->v4, IP_V4, b->left4, max, now);
    b->left6 = write_back_set(c, t, swarm_peers(w, IP_V6), IP_V6, b->left6, max, now);
    t->prompt |= t->news.count > 0;
    t->written_back |= t->news.count > 0;
    cluster_queue(c, t, now);
}

void
cluster_write_back_some(struct cluster *c, struct mono now)
{
    struct write_back *b = &c->back;
    struct list *mark = &c->swarms->told;
    uint32_t max = CLUSTER_WRITE_BACK_MAX;

    for (uint32_t looks = 0; looks < CLUSTER_WRITE_BACK_MAX && max > 0; looks++) {
        struct swarm *w = swarms_next(c->swarms, mark);

        if (w == NULL) {
            list_remove(mark);
            b->active = false;
            return;
        }
        write_back_swarm(c, w, &max, now);
        if (b->left4 + b->left6 == 0) {
            b->begun = false;
            list_remove(mark);
            list_insert_after(&w->link, mark);
        }
    }
}
