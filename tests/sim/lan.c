/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries datagrams from one core of local discovery to the others, and the peers that they name to
 * the swarm's core.
 */
#include "tests/sim/lan.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "tests/sim/node.h"
#include "tests/sim/sim.h"

enum {
    LINK = 0,    /* each node has one interface, with IPv4 only */
    BITS = 8,    /* all nodes are in 10.0.0.0/8 */
    TORRENT = 1, /* the number of the only torrent */
};

struct datagram {
    struct list link;
    struct event event;
    struct node *to;
    struct endpoint from;
    size_t len;
    uint8_t data[LSD_SENT_MAX];
};

static void on_tick(struct event *e);

void
lan_init(struct node *n)
{
    event_init(&n->lan.tick, on_tick);
    list_init(&n->lan.coming);
}

static void
drop(struct datagram *d)
{
    event_cancel(&d->to->sim->engine, &d->event);
    list_remove(&d->link);
    free(d);
}

static void
on_arrival(struct event *e)
{
    struct datagram *d = LIST_ENTRY(e, struct datagram, event);
    struct node *n = d->to;
    struct swarm_input in = {.type = SWARM_IN_ADDRS};
    uint64_t numbers[LSD_HASHES_READ];
    struct endpoint peer;

    in.u.addrs.source = PEER_FROM_LSD;
    in.u.addrs.addrs = &peer;
    in.u.addrs.count = 1;
    if (lsd_receive(n->lan.lsd, LINK, &d->from, d->data, d->len, n->sim->engine.now, numbers,
                    &peer) > 0)
        node_feed(n, &in);
    drop(d);
}

static void
send_to(const struct node *from, struct node *to, const struct lsd_packet *p)
{
    struct sim *s = to->sim;
    struct datagram *d;

    if (from->side != to->side || rng_below(&s->rng, 1000000) < s->net.loss)
        return;
    d = sim_alloc(1, sizeof(*d));
    d->to = to;
    d->from = from->addr;
    d->len = p->len;
    memcpy(d->data, p->data, p->len);
    event_init(&d->event, on_arrival);
    list_push_back(&to->lan.coming, &d->link);
    event_post_us(&s->engine, &d->event, from->spec.line.delay_us + to->spec.line.delay_us);
}

/* A sender hears itself too. */
static void
send_to_all(struct node *n, const struct lsd_packet *p)
{
    struct sim *s = n->sim;

    for (unsigned i = 0; i < s->count; i++) {
        struct node *to = s->nodes[i];

        if (to->lan.lsd != NULL && to->spec.lan == n->spec.lan)
            send_to(n, to, p);
    }
}

static void
on_tick(struct event *e)
{
    struct node *n = LIST_ENTRY(e, struct node, lan.tick);
    struct engine *g = &n->sim->engine;
    struct lsd_packet p;

    while (lsd_next(n->lan.lsd, &p, g->now))
        send_to_all(n, &p);
    event_post(g, &n->lan.tick, lsd_expiry(n->lan.lsd));
}

void
lan_join(struct node *n)
{
    struct sim *s = n->sim;
    const struct metainfo *mi = s->content->mi;
    uint64_t key[2];
    struct lsd_link link = {.family = IP_V4,
                            .port = n->addr.port,
                            .network_count = 1,
                            .networks = {{.addr = n->addr, .bits = BITS}}};

    if (n->spec.lan == 0)
        return;
    rng_fill(&s->rng, key, sizeof(key));
    n->lan.lsd = lsd_new(key, rng_u64(&s->rng));
    ASSERT(n->lan.lsd != NULL);
    lsd_link_up(n->lan.lsd, LINK, &link, s->engine.now);
    for (unsigned v2 = 0; v2 < 2; v2++)
        if (v2 ? mi->id.has_v2 : mi->id.has_v1)
            ASSERT(lsd_announce(n->lan.lsd, identity_wire_hash(&mi->id, v2), TORRENT, true,
                                s->engine.now) == 0);
    event_post(&s->engine, &n->lan.tick, lsd_expiry(n->lan.lsd));
}

void
lan_leave(struct node *n)
{
    LIST_EACH_SAFE (it, &n->lan.coming)
        drop(LIST_ENTRY(it, struct datagram, link));
    event_cancel(&n->sim->engine, &n->lan.tick);
    lsd_free(n->lan.lsd);
    n->lan.lsd = NULL;
}
