/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An honest host: it runs the real DHT node, carries out its effects, and notes whether searches
 * find who announced.
 */
#include <string.h>

#include "common/base/assert.h"
#include "common/ds/list.h"
#include "tests/sim/dhtnet.h"

/* Numbers of searches; that of an announce is ANNOUNCING plus the torrent's. */
enum { SEARCHING = 1, ANNOUNCING = 2 };

static void
on_peers(struct dhthost *h, const struct dht_effect *fx)
{
    const struct dhtnet_torrent *t;
    const struct endpoint *wanted;

    if (fx->u.peers.search != SEARCHING || h->search.torrent == 0 || h->search.found)
        return;
    t = &h->net->torrents[h->search.torrent - 1];
    /* A peer has the same port for TCP. */
    wanted = &h->net->hosts[t->host].addr;
    for (size_t i = 0; i < fx->u.peers.count && !h->search.found; i++) {
        h->search.found = endpoint_equal(&fx->u.peers.peers[i], wanted);
        h->search.found_at = h->net->engine.now;
    }
}

static void
on_announced(struct dhthost *h, const struct dht_effect *fx)
{
    struct dhtnet_torrent *t = &h->net->torrents[fx->u.searched.search - ANNOUNCING];

    if (t->host == h->index && t->lives == h->lives && fx->u.searched.announces > 0)
        t->announced = true;
}

static void feed(struct dhthost *h, const struct dht_input *in);

/* The names of the bootstrap nodes resolve at once. */
static void
bootstrap(struct dhthost *h)
{
    for (uint32_t i = 0; i < DHTNET_BOOTSTRAPS; i++) {
        struct dht_input in = {.type = DHT_IN_NODE};

        if (i == h->index || !h->net->hosts[i].up)
            continue;
        in.u.node.source = DHT_FROM_BOOTSTRAP;
        in.u.node.contact.addr = h->net->hosts[i].addr;
        feed(h, &in);
    }
}

static void
feed(struct dhthost *h, const struct dht_input *in)
{
    struct engine *g = &h->net->engine;
    bool lost = false, searched = false;
    uint32_t queries = 0;
    struct dht_effect fx;

    ASSERT(dht_handle(h->core, in, g->now) == 0);
    while (dht_next(h->core, &fx, g->now) == 1) {
        switch (fx.type) {
        case DHT_FX_SEND:
            dhtnet_send(h->net, h, &h->addr, &fx.u.send.to, fx.u.send.data, fx.u.send.len);
            break;
        case DHT_FX_PEERS: on_peers(h, &fx); break;
        case DHT_FX_NODES: break; /* these nodes have no sibling */
        case DHT_FX_SEARCHED:
            if (fx.u.searched.search >= ANNOUNCING) {
                on_announced(h, &fx);
                break;
            }
            queries = fx.u.searched.queries;
            searched = true;
            break;
        case DHT_FX_BOOTSTRAP: lost = true; break;
        case DHT_FX_SAVE: break;
        case DHT_FX_IDENTITY: break;
        }
    }
    event_post(g, &h->tick, dht_expiry(h->core));
    /* The node takes no input while an effect is carried out. */
    if (searched && h->search.torrent != 0)
        dhthost_end_search(h, queries);
    if (lost)
        bootstrap(h);
}

static void
on_tick(struct event *e)
{
    const struct dht_input in = {.type = DHT_IN_TICK};

    feed(LIST_ENTRY(e, struct dhthost, tick), &in);
}

void
dhthost_join(struct dhthost *h)
{
    struct dht_config cfg = {.family = IP_V4, .version = {'S', 'P', 0, 1}};
    const struct dht_input up = {.type = DHT_IN_UP};

    h->addr = dhtnet_new_address(h->net);
    dhtnet_place(h);
    h->search.torrent = 0;
    rng_fill(&h->net->rng, cfg.key, sizeof(cfg.key));
    h->core = dht_new(&cfg, h->net->engine.now);
    ASSERT(h->core != NULL);
    event_init(&h->tick, on_tick);
    feed(h, &up);
}

void
dhthost_leave(struct dhthost *h)
{
    dhtnet_remove(h);
    dht_free(h->core);
    h->core = NULL;
}

void
dhthost_on_datagram(struct dhthost *h, const struct endpoint *from, const uint8_t *data, size_t len)
{
    struct dht_input in = {.type = DHT_IN_DATAGRAM};

    in.u.datagram.from = *from;
    in.u.datagram.data = data;
    in.u.datagram.len = len;
    feed(h, &in);
}

static void
start(struct dhthost *h, uint64_t id, uint32_t torrent, uint16_t port)
{
    struct dht_input in = {.type = DHT_IN_SEARCH};

    in.u.search.id = id;
    memcpy(in.u.search.info_hash, h->net->torrents[torrent].hash, DHT_ID_LEN);
    in.u.search.port = port;
    in.u.search.hungry = port == 0;
    feed(h, &in);
}

void
dhthost_announce(struct dhthost *h, uint32_t torrent)
{
    start(h, ANNOUNCING + torrent, torrent, DHTNET_PORT);
}

void
dhthost_search(struct dhthost *h, uint32_t torrent)
{
    h->search.torrent = torrent + 1;
    h->search.seeds = h->net->torrents[torrent].lives;
    h->search.found = false;
    h->search.began = h->net->engine.now;
    start(h, SEARCHING, torrent, 0);
}

void
dhthost_end_search(struct dhthost *h, uint32_t queries)
{
    const struct dht_input stop = {.type = DHT_IN_STOP, .u.stop = SEARCHING};

    h->net->on_search_end(h->net, h, queries);
    h->search.torrent = 0;
    feed(h, &stop);
}
