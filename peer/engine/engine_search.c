/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way between torrents and the searches for peers without trackers: the nodes of the DHT, and
 * local discovery. Both live on the first loop, and the torrents on all loops, so searches and
 * results travel as letters, also within the first loop: then no call of a torrent reaches back
 * into it. A torrent is named by its serial number, and found again by a hash.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/engine/dhtnames.h"
#include "peer/engine/dhtnodes.h"
#include "peer/engine/engine_impl.h"
#include "peer/engine/lsdnode.h"
#include "peer/torrent/torrent_search.h"

/* A torrent that is searched for; the first loop's. */
struct seeker {
    struct hashmap_node node;
    struct list link;
    uint64_t serial;
    struct identity id;
    struct engine *owner;
    bool dht, lsd; /* where it is searched for */
};

/* --- from torrents to the searches --- */

/* A torrent's new wish. */
struct wish {
    struct letter letter;
    struct engine *first, *from;
    uint64_t serial;
    struct identity id;
    struct torrent_search search;
};

static bool
seeker_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct seeker *s = LIST_ENTRY(node, const struct seeker, node);

    ASSERT(len == sizeof(s->serial));
    return memcmp(&s->serial, key, len) == 0;
}

static struct seeker *
find_seeker(const struct engine *s, uint64_t serial)
{
    struct hashmap_node *node = hashmap_find(&s->search.seekers, &serial, sizeof(serial));

    return node != NULL ? LIST_ENTRY(node, struct seeker, node) : NULL;
}

static struct seeker *
add_seeker(struct engine *s, const struct wish *w)
{
    struct seeker *seeker = calloc(1, sizeof(*seeker));

    if (seeker == NULL)
        return NULL;
    seeker->serial = w->serial;
    if (hashmap_add(&s->search.seekers, &seeker->node, &w->serial, sizeof(w->serial)) != 0) {
        free(seeker);
        return NULL;
    }
    list_push_back(&s->search.seeker_list, &seeker->link);
    return seeker;
}

static void
remove_seeker(struct engine *s, struct seeker *seeker)
{
    hashmap_remove(&s->search.seekers, &seeker->node);
    list_remove(&seeker->link);
    free(seeker);
}

static void
end_dht(struct engine *s, struct seeker *seeker)
{
    if (seeker->dht)
        dhtnodes_stop(s->search.nodes, seeker->serial);
    seeker->dht = false;
}

static void
end_lsd(struct engine *s, struct seeker *seeker)
{
    if (seeker->lsd)
        lsdnode_withdraw(s->search.local, seeker->serial, &seeker->id);
    seeker->lsd = false;
}

static void
warn(const struct engine *s, const char *where, int err)
{
    log_warn(&s->process->shared.log, "a torrent is not searched for in the %s: %s", where,
             sprat_strerror(err));
}

static void
search_dht(struct engine *s, struct seeker *seeker, const struct torrent_search *search)
{
    struct dhtnodes_search d = {
        .number = seeker->serial, .id = seeker->id, .seed = search->seed, .hungry = search->hungry};
    int err = dhtnodes_search(s->search.nodes, &d);

    seeker->dht = err == 0;
    if (err != 0)
        warn(s, "DHT", err);
}

static void
search_lsd(struct engine *s, struct seeker *seeker, const struct torrent_search *search)
{
    int err = lsdnode_announce(s->search.local, seeker->serial, &seeker->id, search->active);

    seeker->lsd = err == 0;
    if (err != 0)
        warn(s, "local network", err);
}

static void
carry_out(struct engine *s, struct seeker *seeker, const struct wish *w)
{
    if (!identity_equal(&seeker->id, &w->id)) {
        end_dht(s, seeker);
        end_lsd(s, seeker);
    }
    seeker->id = w->id;
    seeker->owner = w->from;
    if (w->search.dht && s->search.nodes != NULL)
        search_dht(s, seeker, &w->search);
    else
        end_dht(s, seeker);
    if (w->search.lsd && s->search.local != NULL)
        search_lsd(s, seeker, &w->search);
    else
        end_lsd(s, seeker);
}

static void
on_wish(struct letter *l)
{
    struct wish *w = LIST_ENTRY(l, struct wish, letter);
    struct engine *s = w->first;
    struct seeker *seeker = find_seeker(s, w->serial);

    if (seeker == NULL)
        seeker = add_seeker(s, w);
    if (seeker != NULL)
        carry_out(s, seeker, w);
    else
        warn(s, "DHT and the local network", SPRAT_E_NOMEM);
    if (seeker != NULL && !seeker->dht && !seeker->lsd)
        remove_seeker(s, seeker);
    free(w);
}

bool
engine_search(struct torrent *t, const struct torrent_search *search)
{
    struct engine *from = engine_of(t), *first = from->process->engines[0];
    struct wish *w = malloc(sizeof(*w));

    if (w == NULL)
        return false;
    *w = (struct wish){.letter.run = on_wish,
                       .first = first,
                       .from = from,
                       .serial = t->serial,
                       .id = t->facts.id,
                       .search = *search};
    mailbox_post_own(first->mail, &w->letter);
    return true;
}

/* --- nodes that a peer or a torrent file named --- */

struct dht_hint {
    struct letter letter;
    struct engine *first;
    struct endpoint addr;
};

static void
on_hint(struct letter *l)
{
    struct dht_hint *h = LIST_ENTRY(l, struct dht_hint, letter);

    if (h->first->search.nodes != NULL)
        dhtnodes_add(h->first->search.nodes, DHT_FROM_PEER, &h->addr);
    free(h);
}

void
engine_add_dht_node(struct torrent_env *env, const struct endpoint *addr)
{
    struct engine *s = LIST_ENTRY(env, struct engine, env), *first = s->process->engines[0];
    struct dht_hint *h = malloc(sizeof(*h));

    if (h == NULL)
        return;
    *h = (struct dht_hint){.letter.run = on_hint, .first = first, .addr = *addr};
    /* A full mailbox loses the hint: other peers name nodes too. */
    if (mailbox_post(first->mail, &h->letter) != 0)
        free(h);
}

struct dht_names {
    struct letter letter;
    struct engine *first;
    size_t count;
    struct {
        char host[RESOLVE_HOST_MAX + 1];
        uint16_t port;
    } names[DHTNAMES_HINTS_TORRENT];
};

static void
on_names(struct letter *l)
{
    struct dht_names *n = LIST_ENTRY(l, struct dht_names, letter);

    for (size_t i = 0; i < n->count && n->first->search.nodes != NULL; i++)
        dhtnodes_hint(n->first->search.nodes, n->names[i].host, n->names[i].port);
    free(n);
}

bool
engine_add_dht_names(struct torrent_env *env, const struct metainfo_node *nodes, size_t count)
{
    struct engine *s = LIST_ENTRY(env, struct engine, env), *first = s->process->engines[0];
    struct dht_names *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return false;
    n->letter.run = on_names;
    n->first = first;
    for (size_t i = 0; i < count && n->count < DHTNAMES_HINTS_TORRENT; i++) {
        if (strlen(nodes[i].host) > RESOLVE_HOST_MAX)
            continue;
        strcpy(n->names[n->count].host, nodes[i].host);
        n->names[n->count++].port = nodes[i].port;
    }
    if (mailbox_post(first->mail, &n->letter) == 0)
        return true;
    free(n);
    return false;
}

/* --- from the searches to torrents --- */

struct news {
    struct letter letter;
    struct engine *to;
    uint64_t serial;
    uint8_t hash[WIRE_HASH_LEN];
    enum peer_source source;
    bool searched; /* a round has ended; else |peers| were found */
    uint32_t found;
    struct mono again;
    size_t count;
    struct endpoint peers[];
};

static void
on_news(struct letter *l)
{
    struct news *news = LIST_ENTRY(l, struct news, letter);
    struct engine *owner = NULL;
    struct torrent *t = process_find(news->to->process, news->hash, &owner);

    if (t != NULL && owner == news->to && t->serial == news->serial) {
        if (news->searched)
            torrent_search_on_round(t, news->found, news->again);
        else
            torrent_search_on_peers(t, news->source, news->peers, news->count);
    }
    free(news);
}

static struct news *
make_news(const struct seeker *seeker, enum peer_source source, size_t count)
{
    struct news *news = calloc(1, sizeof(*news) + count * sizeof(news->peers[0]));

    if (news == NULL)
        return NULL;
    news->letter.run = on_news;
    news->to = seeker->owner;
    news->serial = seeker->serial;
    memcpy(news->hash, identity_wire_hash(&seeker->id, false), sizeof(news->hash));
    news->source = source;
    news->count = count;
    return news;
}

/* News for a loop whose mailbox is full are lost: the next round of the search, or the next
 * announce, brings them again. */
static void
send_news(struct news *news)
{
    if (mailbox_post(news->to->mail, &news->letter) != 0)
        free(news);
}

static void
tell_peers(struct engine *s, uint64_t number, enum peer_source source, const struct endpoint *peers,
           size_t count)
{
    struct seeker *seeker = find_seeker(s, number);
    struct news *news = seeker != NULL ? make_news(seeker, source, count) : NULL;

    if (news == NULL)
        return;
    memcpy(news->peers, peers, count * sizeof(peers[0]));
    send_news(news);
}

static void
on_peers(void *engine, uint64_t number, const struct endpoint *peers, size_t count)
{
    tell_peers(engine, number, PEER_FROM_DHT, peers, count);
}

static void
on_local_peer(void *engine, uint64_t number, const struct endpoint *peer)
{
    tell_peers(engine, number, PEER_FROM_LSD, peer, 1);
}

static void
on_searched(void *engine, uint64_t number, uint32_t peers, struct mono again)
{
    struct engine *s = engine;
    struct seeker *seeker = find_seeker(s, number);
    struct news *news = seeker != NULL ? make_news(seeker, PEER_FROM_DHT, 0) : NULL;

    if (news == NULL)
        return;
    news->searched = true;
    news->found = peers;
    news->again = again;
    send_news(news);
}

/* --- begin and end, on the first loop --- */

static int
open_dht(struct engine *s, const struct engine_config *cfg, struct errbuf *eb)
{
    struct dhtnodes_handler handler = {.ctx = s, .on_peers = on_peers, .on_searched = on_searched};
    struct dhtnodes_config nodes = {
        .loop = s->env.loop,
        .door = s->process->doors.udp,
        .resolver = s->env.resolver,
        .state = s->process->shared.state,
        .doneq = s->env.doneq,
        .log = &s->process->shared.log,
        .names = cfg->dht_names,
        .name_count = cfg->dht_name_count,
        .port = s->process->shared.port,
    };

    if (!cfg->dht)
        return 0;
    s->process->shared.dht = true;
    return dhtnodes_new(&nodes, &handler, &s->search.nodes, eb);
}

static int
open_lsd(struct engine *s, const struct engine_config *cfg, struct errbuf *eb)
{
    struct lsdnode_handler handler = {.ctx = s, .on_peer = on_local_peer};
    struct lsdnode_config local = {.loop = s->env.loop,
                                   .listen = s->process->doors.addrs,
                                   .listen_count = s->process->doors.count,
                                   .log = &s->process->shared.log};

    if (!cfg->lsd)
        return 0;
    s->process->shared.lsd = true;
    s->search.local = lsdnode_new(&local, &handler);
    return s->search.local != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
engine_open_searches(struct engine *s, const struct engine_config *cfg, struct errbuf *eb)
{
    int err = open_dht(s, cfg, eb);

    return err != 0 ? err : open_lsd(s, cfg, eb);
}

void
engine_search_init(struct engine *s, const uint64_t seed[2])
{
    hashmap_init(&s->search.seekers, seed, seeker_matches);
    list_init(&s->search.seeker_list);
}

void
engine_search_on_change(struct engine *s)
{
    if (s->search.local != NULL)
        lsdnode_on_change(s->search.local);
}

void
engine_close_searches(struct engine *s)
{
    lsdnode_free(s->search.local);
    s->search.local = NULL;
    dhtnodes_close(s->search.nodes);
    s->search.closed = s->search.nodes;
    s->search.nodes = NULL;
}

void
engine_fini_searches(struct engine *s)
{
    dhtnodes_free(s->search.closed);
    LIST_EACH_SAFE (it, &s->search.seeker_list)
        remove_seeker(s, LIST_ENTRY(it, struct seeker, link));
    hashmap_fini(&s->search.seekers);
}

unsigned
engine_dht_count(const struct engine *s)
{
    return s->search.nodes != NULL ? dhtnodes_count(s->search.nodes) : 0;
}

const struct endpoint *
engine_dht_stats(const struct engine *s, unsigned node, struct dht_stats *st)
{
    return dhtnodes_stats(s->search.nodes, node, st);
}

bool
engine_lsd_stats(const struct engine *s, struct lsd_stats *st)
{
    if (s->search.local != NULL)
        lsdnode_get_stats(s->search.local, st);
    return s->search.local != NULL;
}
