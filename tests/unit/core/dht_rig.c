/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtual network: a heap of datagrams, and the next expiry of each node.
 */
#include "tests/unit/core/dht_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct net_packet {
    struct mono at;
    uint64_t turn; /* orders equal times */
    struct endpoint from, to;
    size_t len;
    uint8_t *data;
};

void
net_init(struct net *net, uint64_t seed)
{
    *net = (struct net){
        .now = {1000000000}, .delay_min_us = 10000, .delay_max_us = 60000, .boot = NET_BOOT_NONE};
    rng_init(&net->rng, seed);
    net->nodes = calloc(NET_NODES_MAX, sizeof(net->nodes[0]));
    cr_assert_not_null(net->nodes);
}

void
net_fini(struct net *net)
{
    for (unsigned i = 0; i < net->count; i++)
        dht_free(net->nodes[i].dht);
    for (size_t i = 0; i < net->packet_count; i++)
        free(net->packets[i].data);
    free(net->packets);
    free(net->nodes);
}

struct endpoint
net_addr(unsigned i)
{
    return (struct endpoint){.family = IP_V4,
                             .ip = {(uint8_t)(45 + i / 65536), (uint8_t)(i / 256), (uint8_t)i, 7},
                             .port = 6881};
}

static struct net_node *
node_at(struct net *net, const struct endpoint *addr)
{
    for (unsigned i = 0; i < net->count; i++)
        if (endpoint_equal(&net->nodes[i].addr, addr))
            return &net->nodes[i];
    return NULL;
}

static bool
is_before(const struct net_packet *a, const struct net_packet *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->turn < b->turn;
}

static void
push(struct net *net, const struct net_packet *p)
{
    size_t i = net->packet_count++;

    if (net->packet_count > net->packet_cap) {
        net->packet_cap = net->packet_cap * 2 + 64;
        net->packets = realloc(net->packets, net->packet_cap * sizeof(net->packets[0]));
        cr_assert_not_null(net->packets);
    }
    for (; i > 0 && is_before(p, &net->packets[(i - 1) / 2]); i = (i - 1) / 2)
        net->packets[i] = net->packets[(i - 1) / 2];
    net->packets[i] = *p;
}

static struct net_packet
pop(struct net *net)
{
    struct net_packet first = net->packets[0], last = net->packets[--net->packet_count];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < net->packet_count) {
        if (child + 1 < net->packet_count &&
            is_before(&net->packets[child + 1], &net->packets[child]))
            child++;
        if (!is_before(&net->packets[child], &last))
            break;
        net->packets[i] = net->packets[child];
        i = child;
    }
    net->packets[i] = last;
    return first;
}

void
net_send(struct net *net, const struct endpoint *from, const struct endpoint *to,
         const uint8_t *data, size_t len)
{
    uint32_t spread = (uint32_t)(net->delay_max_us - net->delay_min_us) + 1;
    struct net_packet p = {.from = *from, .to = *to, .len = len, .turn = net->packets_ever++};

    if (net->tap != NULL && !net->tap(net, from, to, data, len))
        return;
    if (rng_below(&net->rng, 1000) < net->loss_permille)
        return;
    p.at = mono_add_us(net->now, net->delay_min_us + rng_below(&net->rng, spread));
    p.data = malloc(len + 1);
    cr_assert_not_null(p.data);
    memcpy(p.data, data, len);
    push(net, &p);
}

void
net_send_message(struct net *net, const struct endpoint *from, const struct endpoint *to,
                 const struct krpc_message *m)
{
    uint8_t buf[KRPC_READ_MAX];
    size_t len = krpc_encode(buf, sizeof(buf), m);

    cr_assert_gt(len, 0);
    net_send(net, from, to, buf, len);
}

static void
on_send(struct net *net, struct net_node *n, const struct dht_effect *fx)
{
    struct krpc_message m;

    cr_assert_leq(fx->u.send.len, DHT_PACKET_MAX);
    cr_assert_eq(krpc_decode(&m, fx->u.send.data, fx->u.send.len), 0);
    if (m.kind == KRPC_QUERY) {
        n->sent[m.query.method]++;
        if (m.query.method == KRPC_GET_PEERS && n->peers == 0)
            n->queries_to_peers++;
    }
    n->sent_total++;
    n->sent_bytes += fx->u.send.len;
    if (!n->dead)
        net_send(net, &n->addr, &fx->u.send.to, fx->u.send.data, fx->u.send.len);
}

/* True if the effect asks for a bootstrap node. */
static bool
on_effect(struct net *net, struct net_node *n, const struct dht_effect *fx)
{
    switch (fx->type) {
    case DHT_FX_SEND: on_send(net, n, fx); return false;
    case DHT_FX_PEERS:
        cr_assert_gt(fx->u.peers.count, 0);
        if (n->peers == 0)
            n->first_peers = net->now;
        n->peers += (unsigned)fx->u.peers.count;
        n->last_peer = fx->u.peers.peers[0];
        return false;
    case DHT_FX_NODES:
        for (size_t i = 0; i < fx->u.nodes.count && n->sibling >= 0; i++)
            net_tell(net, &net->nodes[n->sibling], DHT_FROM_SIBLING, &fx->u.nodes.nodes[i].addr,
                     fx->u.nodes.nodes[i].id);
        return false;
    case DHT_FX_SEARCHED:
        n->rounds++;
        n->announces += fx->u.searched.announces;
        n->last_announces = fx->u.searched.announces;
        n->last_queries = fx->u.searched.queries;
        n->again = fx->u.searched.again;
        return false;
    case DHT_FX_BOOTSTRAP: n->bootstraps++; return net->boot != NET_BOOT_NONE;
    case DHT_FX_SAVE: n->saves++; return false;
    case DHT_FX_IDENTITY: n->identities++; return false;
    }
    return false;
}

void
net_input(struct net *net, struct net_node *n, const struct dht_input *in)
{
    struct dht_effect fx;
    bool boot = false;

    cr_assert_eq(dht_handle(n->dht, in, net->now), 0);
    while (dht_next(n->dht, &fx, net->now))
        boot |= on_effect(net, n, &fx);
    if (boot)
        net_tell(net, n, DHT_FROM_BOOTSTRAP, &net->nodes[net->boot].addr, NULL);
    n->expiry = dht_expiry(n->dht);
}

struct net_node *
net_add_actor(struct net *net, const struct endpoint *addr, net_actor_fn actor, void *ctx)
{
    struct net_node *n = &net->nodes[net->count++];

    cr_assert_leq(net->count, NET_NODES_MAX);
    *n = (struct net_node){
        .addr = *addr, .actor = actor, .ctx = ctx, .sibling = -1, .expiry = MONO_NEVER};
    dht_id_make(n->id, addr, (uint8_t)rng_u32(&net->rng), &net->rng);
    return n;
}

struct net_node *
net_add_at(struct net *net, const struct endpoint *addr, const struct dht_config *cfg)
{
    struct net_node *n = net_add_actor(net, addr, NULL, NULL);
    struct dht_config own = {.family = (enum ip_family)addr->family, .external = *addr};

    if (cfg != NULL)
        own = *cfg;
    memcpy(own.version, "SP01", DHT_VERSION_LEN);
    rng_fill(&net->rng, own.key, sizeof(own.key));
    n->dht = dht_new(&own, net->now);
    cr_assert_not_null(n->dht);
    return n;
}

void
net_up(struct net *net, struct net_node *n)
{
    net_input(net, n, &(struct dht_input){.type = DHT_IN_UP});
}

struct net_node *
net_add(struct net *net)
{
    struct endpoint addr = net_addr(net->count);
    struct net_node *n = net_add_at(net, &addr, NULL);

    net_up(net, n);
    return n;
}

void
net_grow(struct net *net, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        net_add(net);
        net->boot = 0;
        net_run(net, 200);
    }
    net_run(net, 60000);
}

void
net_tell(struct net *net, struct net_node *n, enum dht_source source, const struct endpoint *addr,
         const uint8_t *id)
{
    struct dht_input in = {.type = DHT_IN_NODE,
                           .u.node = {.source = source, .contact.addr = *addr}};

    if (id != NULL)
        memcpy(in.u.node.contact.id, id, DHT_ID_LEN);
    net_input(net, n, &in);
}

void
net_search(struct net *net, struct net_node *n, uint64_t id, const uint8_t *info_hash,
           uint16_t port, bool hungry)
{
    struct dht_input in = {.type = DHT_IN_SEARCH,
                           .u.search = {.id = id, .port = port, .hungry = hungry}};

    memcpy(in.u.search.info_hash, info_hash, DHT_ID_LEN);
    net_input(net, n, &in);
}

static void
deliver(struct net *net, const struct net_packet *p)
{
    struct net_node *n = node_at(net, &p->to);
    struct dht_input in = {.type = DHT_IN_DATAGRAM,
                           .u.datagram = {.from = p->from, .data = p->data, .len = p->len}};

    if (n == NULL || n->dead)
        return;
    if (n->dht != NULL)
        net_input(net, n, &in);
    else if (n->actor != NULL)
        n->actor(net, n, &p->from, p->data, p->len);
}

/* The node whose expiry is next, or NULL. */
static struct net_node *
next_node(struct net *net)
{
    struct net_node *first = NULL;

    for (unsigned i = 0; i < net->count; i++)
        if (net->nodes[i].dht != NULL && !net->nodes[i].dead &&
            (first == NULL || mono_before(net->nodes[i].expiry, first->expiry)))
            first = &net->nodes[i];
    return first;
}

/* One event; false if there is none up to |end|. */
static bool
step(struct net *net, struct mono end)
{
    struct net_node *n = next_node(net);
    struct mono timer = n != NULL ? n->expiry : MONO_NEVER;
    struct mono packet = net->packet_count > 0 ? net->packets[0].at : MONO_NEVER;
    struct mono at = mono_min(timer, packet);

    if (mono_before(end, at))
        return false;
    net->now = mono_max(net->now, at);
    if (mono_before(timer, packet)) {
        net_input(net, n, &(struct dht_input){.type = DHT_IN_TICK});
        cr_assert(mono_before(net->now, n->expiry) || mono_before(timer, n->expiry),
                  "a tick must have an effect on the next expiry");
    } else {
        struct net_packet p = pop(net);

        deliver(net, &p);
        free(p.data);
    }
    return true;
}

bool
net_run_until(struct net *net, int64_t ms, bool (*done)(struct net *net, void *ctx), void *ctx)
{
    struct mono end = mono_add_ms(net->now, ms);

    do {
        if (done != NULL && done(net, ctx))
            return true;
    } while (step(net, end));
    net->now = end;
    return false;
}

void
net_run(struct net *net, int64_t ms)
{
    net_run_until(net, ms, NULL, NULL);
}

struct dht_stats
net_stats(struct net *net, const struct net_node *n)
{
    struct dht_stats st;

    dht_get_stats(n->dht, &st, net->now);
    return st;
}

void
net_id(struct net *net, const struct net_node *n, uint8_t id[DHT_ID_LEN])
{
    struct dht_stats st = net_stats(net, n);

    memcpy(id, st.id, DHT_ID_LEN);
}
