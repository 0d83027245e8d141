/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An honest host: it runs the real DHT node and carries out its effects. Its user gets what the
 * node finds.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/dhtnet.h"

static void
feed_node(struct dhthost *h, enum dht_source source, const struct dht_contact *contact)
{
    struct dht_input in = {.type = DHT_IN_NODE};

    in.u.node.source = source;
    in.u.node.contact = *contact;
    dhthost_feed(h, &in);
}

/* The names of the bootstrap nodes resolve at once. */
static void
bootstrap(struct dhthost *h)
{
    for (uint32_t i = 0; i < h->net->spec.bootstraps; i++) {
        struct dht_contact contact = {.addr = h->net->hosts[i].addr};

        if (i != h->index && h->net->hosts[i].lives > 0)
            feed_node(h, DHT_FROM_BOOTSTRAP, &contact);
    }
}

void
dhthost_feed(struct dhthost *h, const struct dht_input *in)
{
    struct engine *g = h->net->engine;
    bool lost = false;
    struct dht_effect fx;

    ASSERT(dht_handle(h->core, in, g->now) == 0);
    while (dht_next(h->core, &fx, g->now) == 1) {
        switch (fx.type) {
        case DHT_FX_SEND:
            dhtnet_send(h->net, h, &h->addr, &fx.u.send.to, fx.u.send.data, fx.u.send.len);
            break;
        case DHT_FX_NODES: break; /* these nodes have no sibling */
        case DHT_FX_BOOTSTRAP: lost = true; break;
        case DHT_FX_PEERS:
        case DHT_FX_SEARCHED:
        case DHT_FX_SAVE:
        case DHT_FX_IDENTITY:
            if (h->user != NULL)
                h->user->on_effect(h, &fx);
            break;
        }
    }
    event_post(g, &h->tick, dht_expiry(h->core));
    if (h->user != NULL)
        h->user->on_idle(h);
    if (lost)
        bootstrap(h);
}

static void
on_tick(struct event *e)
{
    const struct dht_input in = {.type = DHT_IN_TICK};

    dhthost_feed(LIST_ENTRY(e, struct dhthost, tick), &in);
}

void
dhthost_join(struct dhthost *h, const struct dhthost_past *past)
{
    struct dht_config cfg = {.family = IP_V4, .version = {'S', 'P', 0, 1}};
    const struct dht_input up = {.type = DHT_IN_UP};

    dhtnet_place(h);
    rng_fill(&h->net->rng, cfg.key, sizeof(cfg.key));
    cfg.has_id = past != NULL;
    if (past != NULL)
        memcpy(cfg.id, past->id, sizeof(cfg.id));
    h->core = dht_new(&cfg, h->net->engine->now);
    ASSERT(h->core != NULL);
    event_init(&h->tick, on_tick);
    for (size_t i = 0; past != NULL && i < past->count; i++)
        feed_node(h, DHT_FROM_SAVED, &past->nodes[i]);
    dhthost_feed(h, &up);
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
    dhthost_feed(h, &in);
}
