/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An honest host of a play: it announces torrents and looks for them, and notes whether searches
 * find the host that announced.
 */
#include <string.h>

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
        h->search.found_at = h->net->engine->now;
    }
}

static void
on_announced(struct dhthost *h, const struct dht_effect *fx)
{
    struct dhtnet_torrent *t = &h->net->torrents[fx->u.searched.search - ANNOUNCING];

    if (t->host == h->index && t->lives == h->lives && fx->u.searched.announces > 0)
        t->announced = true;
}

static void
on_searched(struct dhthost *h, const struct dht_effect *fx)
{
    if (fx->u.searched.search >= ANNOUNCING) {
        on_announced(h, fx);
        return;
    }
    h->search.queries = fx->u.searched.queries;
    h->search.ended = true;
}

static void
on_effect(struct dhthost *h, const struct dht_effect *fx)
{
    switch (fx->type) {
    case DHT_FX_PEERS: on_peers(h, fx); break;
    case DHT_FX_SEARCHED: on_searched(h, fx); break;
    case DHT_FX_SEND:
    case DHT_FX_NODES:
    case DHT_FX_BOOTSTRAP:
    case DHT_FX_SAVE:
    case DHT_FX_IDENTITY: break;
    }
}

static void
on_idle(struct dhthost *h)
{
    if (h->search.ended && h->search.torrent != 0)
        dhtseek_end(h, h->search.queries);
    h->search.ended = false;
}

const struct dhthost_user dhtseek_user = {.on_effect = on_effect, .on_idle = on_idle};

static void
start(struct dhthost *h, uint64_t id, uint32_t torrent, uint16_t port)
{
    struct dht_input in = {.type = DHT_IN_SEARCH};

    in.u.search.id = id;
    memcpy(in.u.search.info_hash, h->net->torrents[torrent].hash, DHT_ID_LEN);
    in.u.search.port = port;
    in.u.search.hungry = port == 0;
    dhthost_feed(h, &in);
}

void
dhtseek_announce(struct dhthost *h, uint32_t torrent)
{
    start(h, ANNOUNCING + torrent, torrent, DHTNET_PORT);
}

void
dhtseek_search(struct dhthost *h, uint32_t torrent)
{
    h->search.torrent = torrent + 1;
    h->search.seeds = h->net->torrents[torrent].lives;
    h->search.found = h->search.ended = false;
    h->search.began = h->net->engine->now;
    start(h, SEARCHING, torrent, 0);
}

void
dhtseek_end(struct dhthost *h, uint32_t queries)
{
    const struct dht_input stop = {.type = DHT_IN_STOP, .u.stop = SEARCHING};

    h->net->on_search_end(h->net, h, queries);
    h->search.torrent = 0;
    dhthost_feed(h, &stop);
}
