/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Feeds the nodes and carries out their effects. A search's number stands for the numbers of up to
 * two searches in a node, one for each hash of a hybrid torrent.
 */
#include "peer/engine/dhtnodes.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/sys/addr.h"
#include "peer/engine/dhtnames.h"
#include "peer/store/statedht.h"

#define DHTNODES_MAGIC 0x4448544eu

_Static_assert((int)DHT_SAVED_MAX <= (int)STATE_DHT_NODES_MAX, "a row has room for a node's table");
_Static_assert((int)DHT_ID_LEN == (int)STATE_DHT_ID_LEN, "ids have one length");

struct dhtnode {
    struct dhtnodes *all;
    unsigned socket;
    struct dht *dht;
    struct dhtnode *sibling; /* of the other family, if it is known to |dht|; else NULL */
    bool saving; /* a table is on its way to the database */
};

struct dhtnodes {
    uint32_t magic;
    struct dhtnodes_config cfg;
    struct dhtnodes_handler handler;
    struct loop_timer *timer;
    struct dhtnode nodes[UDPDOOR_SOCKETS_MAX];
    unsigned count;
    struct dhtnames *names;
};

static void carry_out(struct dhtnode *n);

static struct mono
now_of(const struct dhtnodes *d)
{
    return loop_now(d->cfg.loop);
}

static void
set_timer(struct dhtnodes *d)
{
    struct mono at = MONO_NEVER;

    for (unsigned i = 0; i < d->count; i++)
        at = mono_min(at, dht_expiry(d->nodes[i].dht));
    loop_timer_set(d->timer, at);
}

static int
feed(struct dhtnode *n, const struct dht_input *in)
{
    int err = dht_handle(n->dht, in, now_of(n->all));

    carry_out(n);
    return err;
}

static void
on_timer(void *ctx)
{
    struct dhtnodes *d = ctx;
    struct dht_input in = {.type = DHT_IN_TICK};

    MAGIC_CHECK(d, DHTNODES_MAGIC);
    for (unsigned i = 0; i < d->count; i++)
        if (mono_due(dht_expiry(d->nodes[i].dht), now_of(d)))
            (void)feed(&d->nodes[i], &in);
    set_timer(d);
}

static bool
on_datagram(void *ctx, unsigned socket, const struct endpoint *from, const uint8_t *data,
            size_t len)
{
    struct dhtnodes *d = ctx;
    struct dht_input in = {.type = DHT_IN_DATAGRAM};

    MAGIC_CHECK(d, DHTNODES_MAGIC);
    in.u.datagram.from = *from;
    in.u.datagram.data = data;
    in.u.datagram.len = len;
    for (unsigned i = 0; i < d->count; i++)
        if (d->nodes[i].socket == socket)
            (void)feed(&d->nodes[i], &in);
    set_timer(d);
    return true;
}

/* --- addresses that may be those of nodes --- */

static void
feed_node(struct dhtnode *n, enum dht_source source, const struct dht_contact *contact)
{
    struct dht_input in = {.type = DHT_IN_NODE};

    in.u.node.source = source;
    in.u.node.contact = *contact;
    (void)feed(n, &in);
}

void
dhtnodes_add(struct dhtnodes *d, enum dht_source source, const struct endpoint *addr)
{
    struct dht_contact contact = {.addr = *addr};

    MAGIC_CHECK(d, DHTNODES_MAGIC);
    for (unsigned i = 0; i < d->count; i++)
        if (udpdoor_addr(d->cfg.door, d->nodes[i].socket)->family == addr->family)
            feed_node(&d->nodes[i], source, &contact);
    set_timer(d);
}

/* A name's address is known. */
static void
on_addr(void *ctx, enum dht_source source, const struct endpoint *addr)
{
    dhtnodes_add(ctx, source, addr);
}

void
dhtnodes_hint(struct dhtnodes *d, const char *host, uint16_t port)
{
    MAGIC_CHECK(d, DHTNODES_MAGIC);
    dhtnames_hint(d->names, host, port);
}

/* --- the database --- */

static void
on_saved(void *node, int err, const char *why)
{
    struct dhtnode *n = node;

    n->saving = false;
    if (err != 0)
        log_info(n->all->cfg.log, "the DHT's nodes were not stored: %s", why);
}

static struct state_dht *
make_row(const struct dhtnode *n)
{
    struct dht_contact all[DHT_SAVED_MAX];
    size_t count = dht_save(n->dht, all, DHT_SAVED_MAX);
    struct state_dht *row = calloc(1, sizeof(*row) + count * sizeof(row->nodes[0]));
    struct dht_stats st;

    if (row == NULL)
        return NULL;
    dht_get_stats(n->dht, &st, now_of(n->all));
    memcpy(row->id, st.id, sizeof(row->id));
    row->count = count;
    for (size_t i = 0; i < count; i++) {
        memcpy(row->nodes[i].id, all[i].id, sizeof(row->nodes[i].id));
        row->nodes[i].addr = all[i].addr;
    }
    return row;
}

/* A table that is not stored now is stored with the next SAVE. */
static void
save(struct dhtnode *n)
{
    const struct dhtnodes_config *cfg = &n->all->cfg;
    struct state_dht *row = n->saving ? NULL : make_row(n);

    if (row == NULL)
        return;
    n->saving = state_put_dht_async(cfg->state, udpdoor_addr(cfg->door, n->socket), row, cfg->doneq,
                                    on_saved, n) == 0;
    free(row);
}

static void
feed_saved(struct dhtnode *n, const struct state_dht *row)
{
    for (size_t i = 0; i < row->count; i++) {
        struct dht_contact contact = {.addr = row->nodes[i].addr};

        memcpy(contact.id, row->nodes[i].id, sizeof(contact.id));
        feed_node(n, DHT_FROM_SAVED, &contact);
    }
}

/* --- effects --- */

static void
tell_peers(struct dhtnodes *d, const struct dht_effect *fx)
{
    d->handler.on_peers(d->handler.ctx, fx->u.peers.search / 2, fx->u.peers.peers,
                        fx->u.peers.count);
}

/* Feeds nodes that |n| heard of to the node of their family. */
static void
tell_sibling(struct dhtnode *n, const struct dht_effect *fx)
{
    for (size_t i = 0; i < fx->u.nodes.count && n->sibling != NULL; i++)
        feed_node(n->sibling, DHT_FROM_SIBLING, &fx->u.nodes.nodes[i]);
}

static void
carry_out(struct dhtnode *n)
{
    struct dhtnodes *d = n->all;
    struct dht_effect fx;

    while (dht_next(n->dht, &fx, now_of(d)) == 1) {
        switch (fx.type) {
        case DHT_FX_SEND:
            (void)udpdoor_send(d->cfg.door, n->socket, &fx.u.send.to, fx.u.send.data,
                               fx.u.send.len);
            break;
        case DHT_FX_PEERS: tell_peers(d, &fx); break;
        case DHT_FX_NODES: tell_sibling(n, &fx); break;
        case DHT_FX_SEARCHED:
            d->handler.on_searched(d->handler.ctx, fx.u.searched.search / 2, fx.u.searched.peers,
                                   fx.u.searched.again);
            break;
        case DHT_FX_BOOTSTRAP:
            /* Repeated while no node answers, so a failure needs no retry here. */
            dhtnames_ask(d->names);
            break;
        case DHT_FX_SAVE: save(n); break;
        case DHT_FX_IDENTITY: save(n); break;
        }
    }
}

/* --- searches --- */

static int
start(struct dhtnode *n, const struct dhtnodes_search *s, bool v2)
{
    struct dht_input in = {.type = DHT_IN_SEARCH};

    in.u.search = (struct dht_search_spec){
        .id = s->number * 2 + v2,
        .port = n->all->cfg.port,
        .seed = s->seed,
        .hungry = s->hungry,
    };
    memcpy(in.u.search.info_hash, identity_wire_hash(&s->id, v2), DHT_ID_LEN);
    return feed(n, &in);
}

int
dhtnodes_search(struct dhtnodes *d, const struct dhtnodes_search *s)
{
    int err = 0;

    MAGIC_CHECK(d, DHTNODES_MAGIC);
    for (unsigned i = 0; i < d->count && err == 0; i++) {
        if (s->id.has_v1)
            err = start(&d->nodes[i], s, false);
        if (s->id.has_v2 && err == 0)
            err = start(&d->nodes[i], s, true);
    }
    if (err != 0)
        dhtnodes_stop(d, s->number);
    set_timer(d);
    return err;
}

void
dhtnodes_stop(struct dhtnodes *d, uint64_t number)
{
    MAGIC_CHECK(d, DHTNODES_MAGIC);
    for (unsigned i = 0; i < d->count; i++)
        for (unsigned v2 = 0; v2 < 2; v2++) {
            struct dht_input in = {.type = DHT_IN_STOP, .u.stop = number * 2 + v2};

            (void)feed(&d->nodes[i], &in);
        }
    set_timer(d);
}

/* --- begin and end --- */

/* A node that listens at one global address knows how others see it. */
static struct endpoint
external_of(const struct endpoint *at)
{
    bool none = addr_is_any(at) || endpoint_scope(at) != SCOPE_GLOBAL;

    return none ? (struct endpoint){.family = IP_NONE} : *at;
}

static int
open_node(struct dhtnodes *d, unsigned socket, struct errbuf *eb)
{
    struct dht_input up = {.type = DHT_IN_UP};
    struct dhtnode *n = &d->nodes[d->count];
    const struct endpoint *at = udpdoor_addr(d->cfg.door, socket);
    struct dht_config cfg = {.family = (enum ip_family)at->family, .external = external_of(at)};
    struct state_dht *row;
    int err = state_load_dht(d->cfg.state, at, &row, eb);

    if (err != 0)
        return err;
    *n = (struct dhtnode){.all = d, .socket = socket};
    random_bytes(cfg.key, sizeof(cfg.key));
    memcpy(cfg.version, "SP\x00\x01", sizeof(cfg.version));
    cfg.has_id = row != NULL;
    if (row != NULL)
        memcpy(cfg.id, row->id, sizeof(cfg.id));
    n->dht = dht_new(&cfg, now_of(d));
    if (n->dht == NULL) {
        free(row);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    d->count++;
    if (row != NULL)
        feed_saved(n, row);
    free(row);
    (void)feed(n, &up);
    return 0;
}

/* Queries that want nodes of the other family are answered from that family's node, and each of the
 * two asks for nodes in the name of the other one (BEP 32). */
static void
introduce_families(struct dhtnodes *d)
{
    struct dhtnode *first[2] = {NULL, NULL};

    for (unsigned i = 0; i < d->count; i++) {
        bool v6 = udpdoor_addr(d->cfg.door, d->nodes[i].socket)->family == IP_V6;

        if (first[v6] == NULL)
            first[v6] = &d->nodes[i];
    }
    if (first[0] == NULL || first[1] == NULL)
        return;
    for (unsigned i = 0; i < 2; i++) {
        dht_set_other(first[i]->dht, first[!i]->dht);
        first[i]->sibling = first[!i];
    }
}

static struct dhtnames *
make_names(struct dhtnodes *d)
{
    struct dhtnames_config names = {.loop = d->cfg.loop,
                                    .resolver = d->cfg.resolver,
                                    .log = d->cfg.log,
                                    .ctx = d,
                                    .on_addr = on_addr};
    struct dhtnames *n = dhtnames_new(&names);

    for (size_t i = 0; n != NULL && i < d->cfg.name_count; i++)
        dhtnames_add(n, d->cfg.names[i]);
    return n;
}

int
dhtnodes_new(const struct dhtnodes_config *cfg, const struct dhtnodes_handler *handler,
             struct dhtnodes **out, struct errbuf *eb)
{
    struct udpdoor_reader reader = {.on_datagram = on_datagram};
    struct dhtnodes *d = calloc(1, sizeof(*d));
    int err = 0;

    if (d == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(d, DHTNODES_MAGIC);
    d->cfg = *cfg;
    d->handler = *handler;
    d->names = make_names(d);
    d->timer = loop_timer_new(cfg->loop, on_timer, d);
    if (d->names == NULL || d->timer == NULL)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (unsigned i = 0; i < udpdoor_count(cfg->door) && err == 0; i++)
        err = open_node(d, i, eb);
    if (err != 0) {
        dhtnodes_close(d);
        dhtnodes_free(d);
        return err;
    }
    introduce_families(d);
    reader.ctx = d;
    udpdoor_set_reader(cfg->door, UDP_KRPC, &reader);
    set_timer(d);
    *out = d;
    return 0;
}

void
dhtnodes_close(struct dhtnodes *d)
{
    if (d == NULL)
        return;
    MAGIC_CHECK(d, DHTNODES_MAGIC);
    udpdoor_set_reader(d->cfg.door, UDP_KRPC, NULL);
    loop_timer_free(d->timer);
    d->timer = NULL;
    dhtnames_free(d->names);
    d->names = NULL;
    for (unsigned i = 0; i < d->count; i++)
        dht_set_other(d->nodes[i].dht, NULL);
    for (unsigned i = 0; i < d->count; i++) {
        save(&d->nodes[i]);
        dht_free(d->nodes[i].dht);
        d->nodes[i].dht = NULL;
    }
}

void
dhtnodes_free(struct dhtnodes *d)
{
    if (d == NULL)
        return;
    MAGIC_CHECK(d, DHTNODES_MAGIC);
    MAGIC_CLEAR(d);
    free(d);
}

/* --- to show --- */

unsigned
dhtnodes_count(const struct dhtnodes *d)
{
    return d->count;
}

const struct endpoint *
dhtnodes_stats(const struct dhtnodes *d, unsigned node, struct dht_stats *st)
{
    MAGIC_CHECK(d, DHTNODES_MAGIC);
    dht_get_stats(d->nodes[node].dht, st, now_of(d));
    return udpdoor_addr(d->cfg.door, d->nodes[node].socket);
}
