/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peers that the host finds wait for an event, since they may be found while the node's core is
 * being fed.
 */
#include "tests/sim/nodedht.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/sim.h"

struct nodedht {
    struct node *node;
    struct dhthost *host;
    struct dhthost_past past;
    bool has_past;
    struct nodedht_search {
        bool on, seed, hungry;
    } told; /* to the host's core */
    struct event found;
    struct endpoint peers[DHT_PEERS_MAX]; /* found, and not given to the node's core yet */
    size_t count;
};

/* --- from the DHT to the swarm --- */

static void
on_found(struct event *e)
{
    struct nodedht *d = LIST_ENTRY(e, struct nodedht, found);
    struct swarm_input in = {.type = SWARM_IN_ADDRS};

    in.u.addrs.source = PEER_FROM_DHT;
    in.u.addrs.addrs = d->peers;
    in.u.addrs.count = d->count;
    d->count = 0;
    if (d->told.on)
        node_feed(d->node, &in);
}

/* What has no room is dropped: other nodes name the same peers. */
static void
keep_peers(struct nodedht *d, const struct endpoint *peers, size_t count)
{
    for (size_t i = 0; i < count && d->count < DHT_PEERS_MAX; i++)
        d->peers[d->count++] = peers[i];
}

static void
keep_table(struct nodedht *d)
{
    struct dht_stats st;

    dht_get_stats(d->host->core, &st, d->node->sim->engine.now);
    memcpy(d->past.id, st.id, sizeof(d->past.id));
    d->past.count = dht_save(d->host->core, d->past.nodes, DHT_SAVED_MAX);
    d->has_past = true;
}

static void
on_effect(struct dhthost *h, const struct dht_effect *fx)
{
    struct nodedht *d = h->owner;

    switch (fx->type) {
    case DHT_FX_PEERS: keep_peers(d, fx->u.peers.peers, fx->u.peers.count); break;
    case DHT_FX_SAVE:
    case DHT_FX_IDENTITY: keep_table(d); break;
    case DHT_FX_SEARCHED:
    case DHT_FX_SEND:
    case DHT_FX_NODES:
    case DHT_FX_BOOTSTRAP: break;
    }
}

static void
on_idle(struct dhthost *h)
{
    struct nodedht *d = h->owner;

    if (d->count > 0)
        event_post_us(&d->node->sim->engine, &d->found, 0);
}

static const struct dhthost_user user = {.on_effect = on_effect, .on_idle = on_idle};

/* --- from the swarm to the DHT: a search for each hash --- */

static struct nodedht_search
make_search(struct node *n)
{
    struct nodedht_search s = {.on = false};

    if (n->state != NODE_UP || n->paused || n->sim->content->mi->is_private)
        return s;
    s.on = true;
    s.seed = bitfield_full(&n->disk.done);
    s.hungry = !s.seed && swarm_peers_up(n->swarm) == 0;
    return s;
}

static bool
is_same(const struct nodedht_search *a, const struct nodedht_search *b)
{
    return a->on == b->on && a->seed == b->seed && a->hungry == b->hungry;
}

static void
tell(struct nodedht *d, bool v2)
{
    struct dht_input in = {.type = d->told.on ? DHT_IN_SEARCH : DHT_IN_STOP};

    if (!d->told.on) {
        in.u.stop = v2;
        dhthost_feed(d->host, &in);
        return;
    }
    in.u.search = (struct dht_search_spec){
        .id = v2, .port = d->node->addr.port, .seed = d->told.seed, .hungry = d->told.hungry};
    memcpy(in.u.search.info_hash, identity_wire_hash(&d->node->sim->content->mi->id, v2),
           DHT_ID_LEN);
    dhthost_feed(d->host, &in);
}

void
nodedht_update(struct nodedht *d)
{
    const struct identity *id = &d->node->sim->content->mi->id;
    struct nodedht_search s = make_search(d->node);

    if (is_same(&s, &d->told))
        return;
    d->told = s;
    if (id->has_v1 && d->node->spec.tongue != SPEAKS_V2)
        tell(d, false);
    if (id->has_v2 && d->node->spec.tongue != SPEAKS_V1)
        tell(d, true);
}

void
nodedht_add(struct nodedht *d, const struct endpoint *addr)
{
    struct dht_input in = {.type = DHT_IN_NODE};

    in.u.node.source = DHT_FROM_PEER;
    in.u.node.contact.addr = *addr;
    dhthost_feed(d->host, &in);
}

/* --- begin and end --- */

struct nodedht *
nodedht_new(struct node *n)
{
    struct nodedht *d = sim_alloc(1, sizeof(*d));

    d->node = n;
    d->host = swarmdht_host(n->sim->dht, n->index);
    d->host->user = &user;
    d->host->owner = d;
    d->host->addr = n->addr;
    d->host->delay_us = n->spec.line.delay_us;
    d->host->nat = n->spec.line.nat;
    event_init(&d->found, on_found);
    return d;
}

void
nodedht_free(struct nodedht *d)
{
    if (d == NULL)
        return;
    ASSERT(!d->host->up);
    free(d);
}

void
nodedht_join(struct nodedht *d)
{
    d->told = (struct nodedht_search){.on = false};
    dhthost_join(d->host, d->has_past ? &d->past : NULL);
}

void
nodedht_leave(struct nodedht *d)
{
    event_cancel(&d->node->sim->engine, &d->found);
    d->count = 0;
    dhthost_leave(d->host);
}

void
nodedht_set_side(struct nodedht *d, unsigned side)
{
    d->host->side = side;
}
