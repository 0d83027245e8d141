/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The order of the network's hosts: the bootstrap host, those without a peer, of which the hostile
 * ones are the last, then those of the peers.
 */
#include "tests/sim/swarmdht.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { BOOTSTRAPS = 1, JOIN_US = 1000000 };

static void
on_join(struct event *e)
{
    struct dhthost *h = LIST_ENTRY(e, struct dhthost, churn);

    if (h->rogue != DHTROGUE_NONE) {
        dhtrogue_join(h);
        return;
    }
    h->addr = dhtnet_new_address(h->net);
    h->delay_us = dhtnet_new_delay_us(h->net);
    dhthost_join(h, NULL);
}

/* The bootstrap host joins at once; the hosts of peers join with them. */
static void
hosts_init(struct swarmdht *d, uint32_t hostile)
{
    struct dhtnet *net = &d->net;

    for (uint32_t i = 0; i < net->spec.nodes; i++) {
        struct dhthost *h = &net->hosts[i];

        h->net = net;
        h->index = i;
        event_init(&h->churn, on_join);
        if (i >= d->strangers)
            continue;
        if (i >= d->strangers - hostile)
            h->rogue = 1 + i % (DHTROGUE_ECLIPSE - 1);
        event_post_us(net->engine, &h->churn, i == 0 ? 0 : rng_below(&net->rng, JOIN_US));
    }
}

static void
on_send(struct dhtnet *net, const struct dhthost *sender, const uint8_t *data, size_t len)
{
    struct swarmdht *d = LIST_ENTRY(net, struct swarmdht, net);
    bool names = false;

    for (uint32_t i = 0; i < net->spec.torrents; i++)
        names = names || memmem(data, len, net->torrents[i].hash, DHT_ID_LEN) != NULL;
    d->naming += names;
    if (names && d->sim->content->mi->is_private)
        sim_fail(d->sim, "host %u of the DHT names a private torrent", sender->index);
}

struct swarmdht *
swarmdht_new(struct sim *s, const struct swarmdht_spec *spec, uint32_t nodes)
{
    struct swarmdht *d = sim_alloc(1, sizeof(*d));
    const struct identity *id = &s->content->mi->id;
    uint32_t strangers = BOOTSTRAPS + spec->hosts;
    struct dhtnet_spec world = {.seed = rng_u64(&s->rng),
                                .nodes = strangers + nodes,
                                .bootstraps = BOOTSTRAPS,
                                .loss = spec->loss,
                                .jitter_us = spec->jitter_us,
                                .torrents = id->has_v1 && id->has_v2 ? 2 : 1};

    d->sim = s;
    d->strangers = strangers;
    dhtnet_init(&d->net, &world, &s->engine);
    d->net.on_send = on_send;
    for (uint32_t i = 0; i < world.torrents; i++)
        memcpy(d->net.torrents[i].hash, identity_wire_hash(id, i > 0), DHT_ID_LEN);
    hosts_init(d, spec->hostile);
    return d;
}

void
swarmdht_free(struct swarmdht *d)
{
    if (d == NULL)
        return;
    dhtnet_fini(&d->net);
    free(d);
}

struct dhthost *
swarmdht_host(struct swarmdht *d, unsigned index)
{
    return &d->net.hosts[d->strangers + index];
}

void
swarmdht_end_bootstrap(struct swarmdht *d)
{
    struct dhthost *h = &d->net.hosts[0];

    if (h->up)
        dhthost_leave(h);
}
