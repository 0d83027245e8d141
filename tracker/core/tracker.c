/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handles announces and scrapes, and removes expired peers.
 */
#include "tracker/core/tracker.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/minmax.h"
#include "common/codec/compact.h"
#include "common/ds/wordhash.h"
#include "tracker/core/swarms.h"

enum {
    TIMEOUT_INTERVALS = 2, /* a peer that misses one announce stays listed */
    TIMEOUT_MIN_S = 90, /* clients wait at least 30 s between announces, whatever the interval is */
    SWEEPS_PER_TIMEOUT = 8,   /* how often each swarm is swept */
    SWEEP_PEERS_MAX = 50000,  /* peers examined in one portion */
    SWEEP_SWARMS_MAX = 10000, /* swarms swept in one portion */
    JITTER_PARTS = 8,         /* intervals vary by up to an eighth */
    FULL_RETRY_MIN = 30,      /* minutes after which a refused torrent may be tried again */
    UNLISTED_RETRY_MIN = 30,  /* the same for a torrent that is not on the allow-list */
};

struct tracker {
    struct tracker_config config;
    struct swarms swarms;
    struct cluster *cluster; /* NULL without other trackers */
    struct rng rng;
    enum tracker_mode mode;
    const struct hashlist *list;
    uint64_t announces, scrapes, refused, shed, displaced, withheld;
    bool has_loopback; /* a peer has announced from a loopback address since the start, or a loaded
                          peer may have */
};

void
tracker_config_init(struct tracker_config *c)
{
    *c = (struct tracker_config){
#define X(name, option, dflt, least, most, arg, text) .name = (dflt),
        TRACKER_OPTION_TABLE(X)
#undef X
    };
}

/* The form in which peers are stored. A private tracker stores the user as the tag, so the tag
 * can't be shared with the id. */
static struct peerset_form
form_of(const struct tracker_config *config)
{
    bool shared = config->peer_ids != 0 && !config->has_users;

    return (struct peerset_form){shared ? PEERSET_SHARED : PEERSET_SHORT, config->peer_ids != 0};
}

struct tracker *
tracker_new(const struct tracker_config *config, const struct tracker_seed *seed)
{
    struct tracker *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    if (swarms_init(&t->swarms, seed->hash, form_of(config)) != 0) {
        tracker_free(t);
        return NULL;
    }
    tracker_set_config(t, config);
    rng_init(&t->rng, seed->choice);
    return t;
}

void
tracker_free(struct tracker *t)
{
    if (t == NULL)
        return;
    cluster_free(t->cluster);
    swarms_fini(&t->swarms);
    free(t);
}

void
tracker_set_list(struct tracker *t, enum tracker_mode mode, const struct hashlist *list)
{
    ASSERT((mode == TRACKER_OPEN) == (list == NULL));
    t->mode = mode;
    t->list = list;
}

/* Passes the settings that the cluster uses to it. */
static void
tell_cluster(struct tracker *t)
{
    cluster_set_external(t->cluster, &t->config.external);
    cluster_set_torrents_max(t->cluster, t->config.torrents_max);
}

void
tracker_set_config(struct tracker *t, const struct tracker_config *config)
{
    struct swarms_rules rules = {
        .site_peers_max = config->address_peers,
        .swarms_max = config->torrents_max,
        .exempt = config->exempt,
    };

    t->config = *config;
    swarms_set_rules(&t->swarms, &rules);
    if (t->cluster != NULL)
        tell_cluster(t);
}

void
tracker_share_totals(struct tracker *t, struct swarms_totals *totals)
{
    swarms_share_totals(&t->swarms, totals);
}

static bool
is_served(const struct tracker *t, const uint8_t hash[TRACKER_HASH_LEN])
{
    switch (t->mode) {
    case TRACKER_OPEN: return true;
    case TRACKER_ALLOW: return hashlist_has(t->list, hash);
    case TRACKER_DENY: return !hashlist_has(t->list, hash);
    }
    return false;
}

/* ---- time ---- */

uint32_t
tracker_peer_timeout_s(const struct tracker_config *c)
{
    uint32_t longest = c->interval + c->interval / JITTER_PARTS;
    uint32_t timeout = TIMEOUT_INTERVALS * longest + 1;

    return timeout > TIMEOUT_MIN_S ? timeout : TIMEOUT_MIN_S;
}

static uint16_t
peer_timeout_s(const struct tracker *t)
{
    return (uint16_t)tracker_peer_timeout_s(&t->config);
}

static int64_t
sweep_period_ms(const struct tracker *t)
{
    int64_t ms = (int64_t)peer_timeout_s(t) * 1000 / SWEEPS_PER_TIMEOUT;

    return ms < 1000 ? 1000 : ms;
}

static uint32_t
with_jitter(struct tracker *t, uint32_t seconds)
{
    return seconds + rng_below(&t->rng, seconds / JITTER_PARTS + 1);
}

/* ---- other trackers ---- */

int
tracker_join(struct tracker *t, const struct cluster_config *config)
{
    ASSERT(t->cluster == NULL && t->swarms.map.count == 0);
    /* A fleet compares times by the second, and its answers have no ids. */
    swarms_set_form(&t->swarms, (struct peerset_form){PEERSET_EXACT, false});
    t->cluster = cluster_new(config, &t->swarms);
    if (t->cluster == NULL)
        return SPRAT_E_NOMEM;
    tell_cluster(t);
    t->has_loopback |= config->one_host;
    return 0;
}

void
tracker_set_unix(struct tracker *t, int64_t unix_s, struct mono now)
{
    if (t->cluster != NULL)
        cluster_set_time(t->cluster, unix_s, peer_timeout_s(t), now);
}

struct cluster *
tracker_cluster(struct tracker *t)
{
    return t->cluster;
}

bool
tracker_must_wait(struct tracker *t, const uint8_t hash[TRACKER_HASH_LEN], bool peers,
                  struct mono now)
{
    return t->cluster != NULL && is_served(t, hash) &&
           cluster_must_wait(t->cluster, hash, peers, now);
}

/* ---- one announce ---- */

/* An announce with the values derived from it. */
struct ask {
    const struct tracker_announce *a;
    struct swarms_place at;
    uint8_t key[COMPACT_V6_LEN]; /* the peer's compact endpoint */
    uint8_t family;
    uint32_t tag; /* of the peer id, and in a private tracker of the user */
    uint32_t self_mask;
    struct select_hidden hidden;
    bool seed;
    uint32_t self_at; /* as in struct select_query */
    uint16_t now_s;
    struct mono now;
};

/* The tag of a peer. Trackers of a cluster must compute the same tag; a tracker that is alone uses
 * a secret hash. In a private tracker the tag is the user, so that answers can leave out a user's
 * own peers and those of disabled users. */
static uint32_t
peer_tag(const struct tracker *t, const uint8_t peer_id[TRACKER_PEER_ID_LEN], uint32_t user)
{
    const struct peerset_form *form = &t->swarms.env.form;
    uint32_t hash;

    if (t->cluster != NULL)
        return user != 0 ? cluster_tag_of_user(user) : cluster_tag(peer_id);
    if (form->meta == PEERSET_SHARED)
        return peerset_shared_tag(peer_id);
    if (user != 0)
        return user << SELECT_USER_SHIFT;
    /* A client can get the tag of another peer by using its peer id, so collisions of the hash gain
     * nothing. */
    hash = (uint32_t)wordhash(t->swarms.env.seed, peer_id, TRACKER_PEER_ID_LEN);
    return hash & peerset_tag_mask(form);
}

static void
ask_init(struct ask *k, const struct tracker *t, const struct tracker_announce *a,
         const struct endpoint *from, const struct tracker_answer *ans, struct mono now)
{
    struct endpoint listens = *from;

    ASSERT(from->family == IP_V4 || from->family == IP_V6);
    ASSERT(ans->user == 0 || t->swarms.env.form.meta != PEERSET_SHARED);
    listens.port = a->port;
    *k = (struct ask){.a = a, .family = from->family, .now_s = peerset_seconds(now), .now = now};
    compact_put(k->key, &listens);
    k->at = ans->ask != NULL ? ans->ask->at : swarms_place(&t->swarms, a->info_hash);
    k->tag = peer_tag(t, a->peer_id, ans->user);
    k->self_mask = ans->user != 0 ? UINT32_MAX << SELECT_USER_SHIFT : ~(uint32_t)PEER_FLAGS;
    k->hidden = ans->hidden;
    k->seed = a->left == 0 || a->event == TRACKER_EVENT_COMPLETED;
}

/* Reports the change to the other trackers, if there are any. */
static void
tell(struct tracker *t, const struct ask *k, bool paused, enum cluster_change change)
{
    struct cluster_peer p = {
        .key = k->key,
        .family = k->family,
        .seed = k->seed,
        .paused = paused,
        .tag = k->tag,
        .peer_id = k->a->peer_id,
    };

    if (t->cluster != NULL)
        cluster_on_peer(t->cluster, k->a->info_hash, &p, change, k->now);
}

/* Reports to the other trackers that an own peer has gone. */
static void
tell_gone(struct tracker *t, const struct swarm *w, const struct peerset *set, uint8_t family,
          uint32_t pos, struct mono now)
{
    uint8_t key[COMPACT_V6_LEN]; /* a copy, because the change of another set can move this one */
    struct cluster_peer p = {
        .key = key,
        .family = family,
        .seed = peerset_is_seed(set, pos),
        .tag = peerset_tag(set, pos),
    };

    if (t->cluster == NULL)
        return;
    memcpy(key, peerset_key(set, pos), set->key_len);
    cluster_on_peer(t->cluster, w->info_hash, &p, CLUSTER_GONE, now);
}

static void
tell_all_gone(struct tracker *t, const struct swarm *w, struct mono now)
{
    const struct peerset *v6 = swarm_peers(w, IP_V6);

    for (uint32_t pos = 0; pos < peerset_count(&w->v4); pos++)
        tell_gone(t, w, &w->v4, IP_V4, pos, now);
    for (uint32_t pos = 0; pos < peerset_count(v6); pos++)
        tell_gone(t, w, v6, IP_V6, pos, now);
}

/* A late "stopped" must not remove another peer id that uses the same address and port now, so the
 * tags are compared. */
static void
remove_peer(struct tracker *t, struct swarm *w, const struct ask *k)
{
    const struct peerset *set = w != NULL ? swarm_peers(w, k->family) : NULL;
    uint32_t pos = set != NULL ? peerset_find(set, &t->swarms.env, k->key) : PEERSET_NONE;

    tell(t, k, false, CLUSTER_GONE);
    if (pos == PEERSET_NONE || peerset_tag(set, pos) != k->tag)
        return;
    swarms_remove_peer(&t->swarms, w, k->family, pos);
}

static bool
has_room(const struct tracker *t)
{
    return tally_get(&t->swarms.totals->peers) < t->config.peers_max;
}

/* Removes a swarm to make room for the asker, but not |keep|, the asker's own. */
static bool
shed(struct tracker *t, const struct swarm *keep, const struct ask *k)
{
    struct swarm *w = swarms_find_burden(&t->swarms, keep, k->family, k->key);

    if (w == NULL)
        return false;
    tell_all_gone(t, w, k->now);
    swarms_drop(&t->swarms, w);
    t->shed++;
    return true;
}

/* Adds the asker. If its address has the maximum number of peers, the one with the oldest announce
 * is removed: it has most likely gone. So a client that returns with another port is listed at
 * once. */
static uint32_t
add_peer(struct tracker *t, struct swarm *w, const struct ask *k)
{
    uint32_t pos, longest;

    if (peerset_count(swarm_peers(w, k->family)) >= t->config.torrent_peers_max ||
        (!has_room(t) && !shed(t, w, k)))
        return PEERSET_NONE;
    pos = swarms_add_peer(&t->swarms, w, k->family, k->key, k->seed, k->now_s, &longest);
    if (longest == PEERSET_NONE)
        return pos;
    t->displaced++;
    tell_gone(t, w, swarm_peers(w, k->family), k->family, longest, k->now);
    swarms_remove_peer(&t->swarms, w, k->family, longest);
    return swarms_add_peer(&t->swarms, w, k->family, k->key, k->seed, k->now_s, &longest);
}

/* A peer with addresses in both families sends "completed" from each, and must be counted once.
 * Seeders come first in a set, so the other entry is found in all but the largest swarms. */
static bool
counted_in_other_family(struct swarm *w, const struct ask *k)
{
    const struct peerset *other = swarm_peers(w, k->family == IP_V4 ? IP_V6 : IP_V4);
    uint32_t pos = peerset_find_tag(other, k->tag, k->a->peer_id);

    return pos != PEERSET_NONE && (peerset_flags(other, pos) & PEER_COUNTED) != 0;
}

/* Adds the peer or updates its entry, and returns its position; PEERSET_NONE if there is no room.
 */
static uint32_t
update_peer(struct tracker *t, struct swarm *w, const struct ask *k)
{
    const struct peerset *listed = swarm_peers(w, k->family);
    struct peerset *set;
    uint32_t pos = peerset_find(listed, &t->swarms.env, k->key);
    enum cluster_change change = CLUSTER_NEW;
    bool paused = !k->seed && k->a->event == TRACKER_EVENT_PAUSED;
    bool was_seed = false, was_paused;
    unsigned flags = 0;

    if (pos == PEERSET_NONE) {
        pos = add_peer(t, w, k);
        if (pos == PEERSET_NONE)
            return pos;
    } else {
        change = CLUSTER_CHANGED;
        if (peerset_tag(listed, pos) == k->tag) {
            was_seed = peerset_is_seed(listed, pos);
            was_paused = (peerset_flags(listed, pos) & PEER_PAUSED) != 0;
            flags = peerset_flags(listed, pos) & PEER_COUNTED;
            if (was_seed == k->seed && was_paused == paused)
                change = CLUSTER_STILL;
        }
    }
    if (k->a->event == TRACKER_EVENT_COMPLETED && !was_seed && flags == 0) {
        flags = PEER_COUNTED;
        if (!counted_in_other_family(w, k)) {
            w->downloaded++;
            change = CLUSTER_COMPLETED;
        }
    }
    if (paused)
        flags |= PEER_PAUSED;
    set = swarm_set(w, k->family);
    pos = peerset_set_seed(set, &t->swarms.env, pos, k->seed);
    peerset_touch(set, pos, k->now_s, k->tag, flags, k->a->peer_id);
    tell(t, k, paused, change);
    return pos;
}

static uint32_t
numwant(const struct tracker *t, int32_t wanted)
{
    uint32_t want = wanted < 0 ? t->config.numwant_default : (uint32_t)wanted;

    return min_u32(want, t->config.numwant_max);
}

static uint32_t
select_family(struct tracker *t, const struct swarm *w, const struct cluster_view *view,
              const struct ask *k, struct tracker_answer *ans, uint8_t family, uint32_t want)
{
    bool v4 = family == IP_V4;
    uint32_t max = v4 ? ans->max4 : ans->max6;
    struct select_query q = {
        .want = want < max ? want : max,
        .leechers_only = k->seed || k->a->event == TRACKER_EVENT_PAUSED,
        .self_at = family == k->family ? k->self_at : 0,
        .self_tag = k->tag,
        .self_mask = k->self_mask,
        .self_id = k->a->peer_id,
        .hidden = k->hidden,
        .now = k->now_s,
        .age_max = peer_timeout_s(t),
    };
    uint64_t all = view->total[cluster_side(family, false)];

    if (q.want == 0)
        return 0;
    if (!q.leechers_only)
        all += view->total[cluster_side(family, true)];
    return select_peers_of_two(swarm_peers(w, family), v4 ? view->v4 : view->v6, all, &t->rng,
                               family == k->family ? ans->plan : NULL, &q, v4 ? ans->v4 : ans->v6,
                               v4 ? ans->ids4 : ans->ids6);
}

/* Replaces or removes loopback addresses in an answer to another host. */
static uint32_t
hide_loopback(struct tracker *t, const struct ask *k, uint8_t family, struct tracker_answer *ans,
              uint32_t n)
{
    bool v4 = family == IP_V4;
    uint32_t kept;

    if (!t->has_loopback || external_is_loopback(k->key, k->family))
        return n;
    kept = external_filter(&t->config.external, family, v4 ? ans->v4 : ans->v6,
                           v4 ? ans->ids4 : ans->ids6, n);
    t->withheld += n - kept;
    return kept;
}

static bool
has_peers(const struct swarm *w, const struct cluster_view *view, uint8_t family)
{
    return w != NULL && (view->v4 != NULL || peerset_count(swarm_peers(w, family)) > 0);
}

/* Peer ids are not shared between trackers, and an answer has the ids of all its peers or none, so
 * in a cluster it has none. */
static void
fill_peers(struct tracker *t, const struct swarm *w, const struct cluster_view *view,
           const struct ask *k, struct tracker_answer *ans)
{
    uint8_t other = k->family == IP_V4 ? IP_V6 : IP_V4;
    uint32_t want = k->a->event != TRACKER_EVENT_STOPPED ? numwant(t, k->a->numwant) : 0;
    uint32_t n = 0, n_other = 0;

    if (has_peers(w, view, k->family))
        n = select_family(t, w, view, k, ans, k->family, want);
    if (n < want && has_peers(w, view, other))
        n_other = select_family(t, w, view, k, ans, other, want - n);
    ans->n4 = hide_loopback(t, k, IP_V4, ans, k->family == IP_V4 ? n : n_other);
    ans->n6 = hide_loopback(t, k, IP_V6, ans, k->family == IP_V4 ? n_other : n);
    ans->has_ids = t->swarms.env.form.keeps_ids;
}

/* Fills |view| with the own peers of a swarm, which may be NULL, and those of the other trackers.
 */
static void
look(const struct tracker *t, const uint8_t hash[TRACKER_HASH_LEN], const struct swarm *w,
     struct cluster_view *view, struct mono now)
{
    const struct peerset *v6;

    if (t->cluster != NULL) {
        cluster_look(t->cluster, hash, w, view, now);
        return;
    }
    *view = (struct cluster_view){.v4 = NULL};
    if (w == NULL)
        return;
    v6 = swarm_peers(w, IP_V6);
    view->total[CLUSTER_V4_SEEDS] = w->v4.nseeds;
    view->total[CLUSTER_V4_LEECHES] = w->v4.nleeches;
    view->total[CLUSTER_V6_SEEDS] = v6->nseeds;
    view->total[CLUSTER_V6_LEECHES] = v6->nleeches;
    view->downloaded = w->downloaded;
}

static void
fill_counts(const struct cluster_view *view, struct tracker_answer *ans)
{
    ans->complete = view->total[CLUSTER_V4_SEEDS] + view->total[CLUSTER_V6_SEEDS];
    ans->incomplete = view->total[CLUSTER_V4_LEECHES] + view->total[CLUSTER_V6_LEECHES];
    ans->downloaded = view->downloaded;
}

/* Updates the time at which the swarm last had a leecher: now, if it has one before or after this
 * announce, at any tracker of the cluster. */
static void
note_leechers(struct swarm *w, const struct ask *k, uint32_t before, struct tracker_answer *ans)
{
    uint32_t now_s = (uint32_t)(k->now.us / 1000000);

    if (before + ans->incomplete > 0)
        w->leechers_s = now_s;
    ans->leechers_age_s = now_s - w->leechers_s;
}

static void
reset_answer(struct tracker *t, struct tracker_answer *ans)
{
    ans->failure = ans->warning = NULL;
    ans->retry_in_min = TRACKER_RETRY_UNSAID;
    ans->complete = ans->incomplete = ans->downloaded = ans->leechers_age_s = 0;
    ans->n4 = ans->n6 = 0;
    ans->has_ids = false;
    ans->interval_s = with_jitter(t, t->config.interval);
    ans->min_interval_s = with_jitter(t, t->config.min_interval);
    if (ans->min_interval_s > ans->interval_s)
        ans->min_interval_s = ans->interval_s;
}

static struct swarm *
find_or_add_swarm(struct tracker *t, const struct ask *k, struct tracker_answer *ans)
{
    struct swarm *w = swarms_find_at(&t->swarms, &k->at);

    if (w != NULL || k->a->event == TRACKER_EVENT_STOPPED)
        return w;
    if ((tally_get(&t->swarms.totals->swarms) < t->config.torrents_max && has_room(t)) ||
        shed(t, NULL, k))
        w = swarms_add_at(&t->swarms, &k->at, k->now);
    if (w == NULL) {
        ans->failure = "this tracker has no room for another torrent";
        ans->retry_in_min = FULL_RETRY_MIN;
    }
    return w;
}

void
tracker_on_announce(struct tracker *t, const struct tracker_announce *a,
                    const struct endpoint *from, struct tracker_answer *ans, struct mono now)
{
    uint32_t leechers;
    struct cluster_view view;
    struct swarm *w;
    struct ask k;

    t->announces++;
    reset_answer(t, ans);
    if (a->port == 0) {
        ans->failure = "port is out of range";
        return;
    }
    if (!is_served(t, a->info_hash)) {
        t->refused++;
        ans->failure = "this tracker does not serve this torrent";
        ans->retry_in_min = t->mode == TRACKER_ALLOW ? UNLISTED_RETRY_MIN : TRACKER_RETRY_NEVER;
        return;
    }
    ask_init(&k, t, a, from, ans, now);
    t->has_loopback |= external_is_loopback(k.key, k.family);
    w = find_or_add_swarm(t, &k, ans);
    if (ans->failure != NULL)
        return;
    leechers = w != NULL ? swarm_leechers(w) : 0;
    if (a->event == TRACKER_EVENT_STOPPED)
        remove_peer(t, w, &k);
    else
        k.self_at = update_peer(t, w, &k) + 1; /* 0 for PEERSET_NONE */
    if (a->event != TRACKER_EVENT_STOPPED && k.self_at == 0)
        ans->warning = "this tracker has no room for another peer: you are not listed";
    look(t, a->info_hash, w, &view, now);
    fill_counts(&view, ans);
    if (w != NULL)
        note_leechers(w, &k, leechers, ans);
    fill_peers(t, w, &view, &k, ans);
}

_Static_assert((int)TRACKER_PREFETCH_MAX == (int)SWARMS_PREFETCH_MAX, "the swarms do it");

void
tracker_prefetch(const struct tracker *t, struct swarms_ask *asks, size_t n)
{
    swarms_prefetch(&t->swarms, asks, n);
}

void
tracker_plan(struct tracker *t, const struct swarms_ask *ask, const struct tracker_wish *wish,
             struct select_plan *plan)
{
    const struct swarm *w = swarms_find_at(&t->swarms, &ask->at);
    uint32_t want = min_u32(numwant(t, wish->numwant), wish->max);

    plan->want = 0;
    if (w == NULL || t->cluster != NULL)
        return;
    select_plan(plan, swarm_peers(w, ask->family), &t->rng, want, wish->seeds || wish->paused,
                !wish->seeds);
}

/* Estimates the paused leechers of all |leeches| from those that are known here. */
static uint32_t
paused(const struct swarm *w, const struct cluster_view *view, uint32_t leeches)
{
    uint64_t n = 0, of = 0;

    if (w != NULL) {
        n = w->v4.npaused + swarm_peers(w, IP_V6)->npaused;
        of = swarm_leechers(w);
    }
    if (view->v4 != NULL) {
        n += view->v4->npaused + view->v6->npaused;
        of += view->v4->nleeches + view->v6->nleeches;
    }
    return of == 0 ? 0 : (uint32_t)(n * leeches / of);
}

/* Fills the numbers of |entry| by its hash. |w| is the own swarm or NULL. */
static void
count_swarm(const struct tracker *t, const struct swarm *w, struct tracker_scrape *entry,
            struct mono now)
{
    struct cluster_view view;
    uint32_t leeches;

    look(t, entry->info_hash, w, &view, now);
    leeches = view.total[CLUSTER_V4_LEECHES] + view.total[CLUSTER_V6_LEECHES];
    entry->complete = view.total[CLUSTER_V4_SEEDS] + view.total[CLUSTER_V6_SEEDS];
    entry->incomplete = leeches;
    entry->downloaded = view.downloaded;
    entry->downloaders = leeches - paused(w, &view, leeches);
}

void
tracker_on_scrape(struct tracker *t, struct tracker_scrape *entry, struct mono now)
{
    const struct swarm *w = swarms_find(&t->swarms, entry->info_hash);

    t->scrapes++;
    entry->complete = entry->downloaded = entry->incomplete = entry->downloaders = 0;
    if (!is_served(t, entry->info_hash))
        return;
    count_swarm(t, w, entry, now);
}

/* ---- the largest swarms ---- */

enum { TOP_PORTION = 4096 }; /* buckets */

struct offering {
    const struct tracker *tracker;
    struct topswarms *top;
    struct mono now;
};

static void
offer(void *ctx, struct hashmap_node *node)
{
    const struct offering *o = ctx;
    const struct swarm *w = LIST_ENTRY(node, struct swarm, node);
    struct tracker_scrape s;

    memcpy(s.info_hash, w->info_hash, sizeof(s.info_hash));
    count_swarm(o->tracker, w, &s, o->now);
    topswarms_offer(o->top, &s);
}

size_t
tracker_offer_top(const struct tracker *t, size_t at, struct topswarms *top, struct mono now)
{
    struct offering o = {.tracker = t, .top = top, .now = now};

    return hashmap_walk(&t->swarms.map, at, TOP_PORTION, offer, &o);
}

/* ---- expiry ---- */

struct mono
tracker_expiry(const struct tracker *t)
{
    const struct swarm *w = swarms_oldest(&t->swarms);

    return w == NULL ? MONO_NEVER : mono_add_ms(w->swept_at, sweep_period_ms(t));
}

void
tracker_on_timer(struct tracker *t, struct mono now)
{
    uint32_t looks = SWEEP_PEERS_MAX;

    for (int n = 0; n < SWEEP_SWARMS_MAX && looks > 0; n++) {
        if (!mono_due(tracker_expiry(t), now))
            return;
        looks -= swarms_sweep(&t->swarms, looks, peerset_seconds(now), peer_timeout_s(t), now);
    }
}

/* ---- snapshots ---- */

void
tracker_save_head(const struct tracker *t, struct buf *out, int64_t unix_s)
{
    snapshot_put_head(&t->swarms, out, unix_s);
}

void
tracker_save_begin(struct tracker *t)
{
    snapshot_begin(&t->swarms);
}

int
tracker_save_some(struct tracker *t, struct buf *out, struct mono now)
{
    return snapshot_some(&t->swarms, out, peerset_seconds(now));
}

void
tracker_save_cancel(struct tracker *t)
{
    snapshot_cancel(&t->swarms);
}

int
tracker_load(struct tracker *t, const struct snapshot_run *run, uint32_t passed_s, struct mono now)
{
    struct snapshot_bounds bounds = {
        .passed_s = passed_s,
        .age_max = peer_timeout_s(t),
        .peers_max = t->config.peers_max,
        .swarms_max = t->config.torrents_max,
    };

    if (t->swarms.env.form.keeps_ids && !run->has_ids)
        return SPRAT_E_INVAL;
    t->has_loopback = true;
    return snapshot_load(&t->swarms, run, &bounds, peerset_seconds(now), now);
}

void
tracker_stats(const struct tracker *t, struct tracker_stats *s)
{
    *s = (struct tracker_stats){
        .announces = t->announces,
        .scrapes = t->scrapes,
        .refused = t->refused,
        .shed = t->shed,
        .displaced = t->displaced,
        .withheld = t->withheld,
        .torrents = t->swarms.map.count,
        .peers4 = t->swarms.peers4,
        .peers6 = t->swarms.peers6,
    };
    if (t->cluster != NULL) {
        s->cluster_connected = cluster_is_ready(t->cluster);
        cluster_stats(t->cluster, &s->cluster);
    }
}

void
tracker_stats_add(struct tracker_stats *sum, const struct tracker_stats *s)
{
    sum->announces += s->announces;
    sum->scrapes += s->scrapes;
    sum->refused += s->refused;
    sum->shed += s->shed;
    sum->displaced += s->displaced;
    sum->withheld += s->withheld;
    sum->torrents += s->torrents;
    sum->peers4 += s->peers4;
    sum->peers6 += s->peers6;
    sum->cluster_connected += s->cluster_connected;
    sum->cluster.commands += s->cluster.commands;
    sum->cluster.fetches += s->cluster.fetches;
    sum->cluster.dropped += s->cluster.dropped;
    sum->cluster.errors += s->cluster.errors;
    sum->cluster.waiting += s->cluster.waiting;
}
