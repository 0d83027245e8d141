/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way between torrents and the nodes of the DHT. The nodes live on the first loop, and the
 * torrents on all loops, so searches and results travel as letters, also within the first loop:
 * then no call of a torrent reaches back into it. A torrent is named by its serial number, and
 * found again by a hash.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/engine/dhtnodes.h"
#include "peer/engine/engine_impl.h"
#include "peer/torrent/torrent_dht.h"

/* A torrent that is searched for; the first loop's. */
struct dht_seeker {
    struct hashmap_node node;
    struct list link;
    uint64_t serial;
    struct identity id;
    struct engine *owner;
};

/* --- from torrents to the nodes --- */

/* A torrent's new wish. */
struct dht_wish {
    struct letter letter;
    struct engine *first, *from;
    uint64_t serial;
    struct identity id;
    struct torrent_search search;
};

static bool
seeker_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct dht_seeker *s = LIST_ENTRY(node, const struct dht_seeker, node);

    ASSERT(len == sizeof(s->serial));
    return memcmp(&s->serial, key, len) == 0;
}

static struct dht_seeker *
find_seeker(const struct engine *s, uint64_t serial)
{
    struct hashmap_node *node = hashmap_find(&s->dht.seekers, &serial, sizeof(serial));

    return node != NULL ? LIST_ENTRY(node, struct dht_seeker, node) : NULL;
}

static struct dht_seeker *
add_seeker(struct engine *s, const struct dht_wish *w)
{
    struct dht_seeker *seeker = calloc(1, sizeof(*seeker));

    if (seeker == NULL)
        return NULL;
    seeker->serial = w->serial;
    if (hashmap_add(&s->dht.seekers, &seeker->node, &w->serial, sizeof(w->serial)) != 0) {
        free(seeker);
        return NULL;
    }
    list_push_back(&s->dht.seeker_list, &seeker->link);
    return seeker;
}

static void
remove_seeker(struct engine *s, struct dht_seeker *seeker)
{
    hashmap_remove(&s->dht.seekers, &seeker->node);
    list_remove(&seeker->link);
    free(seeker);
}

static void
end_search(struct engine *s, struct dht_seeker *seeker)
{
    dhtnodes_stop(s->dht.nodes, seeker->serial);
    remove_seeker(s, seeker);
}

static int
search(struct engine *s, const struct dht_wish *w)
{
    struct dht_seeker *seeker = find_seeker(s, w->serial);
    struct dhtnodes_search search = {
        .number = w->serial, .id = w->id, .seed = w->search.seed, .hungry = w->search.hungry};
    int err;

    if (seeker != NULL && !identity_equal(&seeker->id, &w->id))
        dhtnodes_stop(s->dht.nodes, w->serial);
    if (seeker == NULL)
        seeker = add_seeker(s, w);
    if (seeker == NULL)
        return SPRAT_E_NOMEM;
    seeker->id = w->id;
    seeker->owner = w->from;
    err = dhtnodes_search(s->dht.nodes, &search);
    if (err != 0)
        remove_seeker(s, seeker);
    return err;
}

static void
on_wish(struct letter *l)
{
    struct dht_wish *w = LIST_ENTRY(l, struct dht_wish, letter);
    struct engine *s = w->first;
    struct dht_seeker *seeker;
    int err = 0;

    if (s->dht.nodes != NULL && w->search.wanted)
        err = search(s, w);
    else if (s->dht.nodes != NULL && (seeker = find_seeker(s, w->serial)) != NULL)
        end_search(s, seeker);
    if (err != 0)
        log_warn(&s->process->shared.log, "a torrent is not searched for in the DHT: %s",
                 sprat_strerror(err));
    free(w);
}

void
engine_search_dht(struct torrent *t, const struct torrent_search *search)
{
    struct engine *from = engine_of(t), *first = from->process->engines[0];
    struct dht_wish *w = malloc(sizeof(*w));

    if (w == NULL)
        return;
    *w = (struct dht_wish){.letter.run = on_wish,
                           .first = first,
                           .from = from,
                           .serial = t->serial,
                           .id = t->facts.id,
                           .search = *search};
    mailbox_post_own(first->mail, &w->letter);
}

/* --- a node that a peer named --- */

struct dht_hint {
    struct letter letter;
    struct engine *first;
    struct endpoint addr;
    bool by_peer;
};

static void
on_hint(struct letter *l)
{
    struct dht_hint *h = LIST_ENTRY(l, struct dht_hint, letter);

    if (h->first->dht.nodes != NULL)
        dhtnodes_add(h->first->dht.nodes, h->by_peer ? DHT_FROM_PEER : DHT_FROM_TORRENT, &h->addr);
    free(h);
}

void
engine_add_dht_node(struct torrent_env *env, const struct endpoint *addr, bool by_peer)
{
    struct engine *s = LIST_ENTRY(env, struct engine, env), *first = s->process->engines[0];
    struct dht_hint *h = malloc(sizeof(*h));

    if (h == NULL)
        return;
    *h =
        (struct dht_hint){.letter.run = on_hint, .first = first, .addr = *addr, .by_peer = by_peer};
    /* A full mailbox loses the hint: other peers name nodes too. */
    if (mailbox_post(first->mail, &h->letter) != 0)
        free(h);
}

/* --- from the nodes to torrents --- */

struct dht_news {
    struct letter letter;
    struct engine *to;
    uint64_t serial;
    uint8_t hash[WIRE_HASH_LEN];
    bool searched; /* a round has ended; else |peers| are the first of many */
    uint32_t found;
    struct mono again;
    size_t count;
    struct endpoint peers[];
};

static void
on_news(struct letter *l)
{
    struct dht_news *news = LIST_ENTRY(l, struct dht_news, letter);
    struct engine *owner = NULL;
    struct torrent *t = process_find(news->to->process, news->hash, &owner);

    if (t != NULL && owner == news->to && t->serial == news->serial) {
        if (news->searched)
            torrent_dht_on_searched(t, news->found, news->again);
        else
            torrent_dht_on_peers(t, news->peers, news->count);
    }
    free(news);
}

static struct dht_news *
make_news(const struct dht_seeker *seeker, size_t count)
{
    struct dht_news *news = calloc(1, sizeof(*news) + count * sizeof(news->peers[0]));

    if (news == NULL)
        return NULL;
    news->letter.run = on_news;
    news->to = seeker->owner;
    news->serial = seeker->serial;
    memcpy(news->hash, identity_wire_hash(&seeker->id, false), sizeof(news->hash));
    news->count = count;
    return news;
}

/* News for a loop whose mailbox is full are lost: the next round of the search finds them again. */
static void
send_news(struct dht_news *news)
{
    if (mailbox_post(news->to->mail, &news->letter) != 0)
        free(news);
}

static void
on_peers(void *engine, uint64_t number, const struct endpoint *peers, size_t count)
{
    struct engine *s = engine;
    struct dht_seeker *seeker = find_seeker(s, number);
    struct dht_news *news = seeker != NULL ? make_news(seeker, count) : NULL;

    if (news == NULL)
        return;
    memcpy(news->peers, peers, count * sizeof(peers[0]));
    send_news(news);
}

static void
on_searched(void *engine, uint64_t number, uint32_t peers, struct mono again)
{
    struct engine *s = engine;
    struct dht_seeker *seeker = find_seeker(s, number);
    struct dht_news *news = seeker != NULL ? make_news(seeker, 0) : NULL;

    if (news == NULL)
        return;
    news->searched = true;
    news->found = peers;
    news->again = again;
    send_news(news);
}

/* --- begin and end, on the first loop --- */

int
engine_open_dht(struct engine *s, const struct engine_config *cfg, struct errbuf *eb)
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
    return dhtnodes_new(&nodes, &handler, &s->dht.nodes, eb);
}

void
engine_dht_init(struct engine *s, const uint64_t seed[2])
{
    hashmap_init(&s->dht.seekers, seed, seeker_matches);
    list_init(&s->dht.seeker_list);
}

void
engine_close_dht(struct engine *s)
{
    dhtnodes_close(s->dht.nodes);
    s->dht.closed = s->dht.nodes;
    s->dht.nodes = NULL;
}

void
engine_fini_dht(struct engine *s)
{
    dhtnodes_free(s->dht.closed);
    LIST_EACH_SAFE (it, &s->dht.seeker_list)
        remove_seeker(s, LIST_ENTRY(it, struct dht_seeker, link));
    hashmap_fini(&s->dht.seekers);
}

unsigned
engine_dht_count(const struct engine *s)
{
    return s->dht.nodes != NULL ? dhtnodes_count(s->dht.nodes) : 0;
}

const struct endpoint *
engine_dht_stats(const struct engine *s, unsigned node, struct dht_stats *st)
{
    return dhtnodes_stats(s->dht.nodes, node, st);
}
