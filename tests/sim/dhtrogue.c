/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hostile hosts. They know all addresses, and ask random hosts from time to time, so that
 * others know them.
 */
#include <string.h>

#include "common/base/bytes.h"
#include "common/codec/krpc.h"
#include "common/ds/list.h"
#include "tests/sim/dhtnet.h"

enum {
    NAMED = 8, /* nodes or peers in an answer */
    PERIOD_US = 20000000,
    BUSY_US = 1000000,
    VICTIMS = 64,    /* hosts of which an eclipse asks the closest one */
    NEAR_BITS = 48,  /* leading bits that a made-up id has in common with its target */
    BOUND_TRIES = 8, /* beginnings of ids that an address allows */
};

static struct dhthost *
accomplice(struct dhthost *h)
{
    struct dhtnet *net = h->net;

    return &net->hosts[net->spec.nodes - 1 - rng_below(&net->rng, net->spec.attackers)];
}

static void
send(struct dhthost *h, const struct endpoint *from, const struct endpoint *to,
     const struct krpc_message *m)
{
    uint8_t out[KRPC_SIZE_MAX];
    size_t len = krpc_encode(out, sizeof(out), m);

    if (len > 0)
        dhtnet_send(h->net, h, from, to, out, len);
}

/* Nodes that answer no query as they should: made-up ones, or accomplices. */
static size_t
put_nodes(struct dhthost *h, const uint8_t *target, uint8_t out[NAMED * KRPC_NODE_V4_LEN])
{
    size_t len = 0;

    for (unsigned i = 0; i < NAMED; i++) {
        if (h->rogue == DHTROGUE_ECLIPSE) {
            const struct dhthost *a = accomplice(h);

            len += krpc_node_put(out + len, a->id, &a->addr);
        } else {
            struct endpoint addr = dhtnet_new_address(h->net);
            uint8_t id[DHT_ID_LEN];

            dht_id_near(id, target, NEAR_BITS + i, &h->net->rng);
            len += krpc_node_put(out + len, id, &addr);
        }
    }
    return len;
}

static size_t
put_values(struct dhthost *h, uint8_t out[NAMED * KRPC_VALUE_V4_LEN])
{
    size_t len = 0;

    for (unsigned i = 0; i < NAMED; i++) {
        struct endpoint addr = dhtnet_new_address(h->net);

        len += krpc_value_put(out + len, &addr);
    }
    return len;
}

static void
answer(struct dhthost *h, const struct endpoint *to, const struct krpc_message *q)
{
    struct krpc_message m = {.kind = KRPC_RESPONSE, .tid = q->tid, .id = h->id, .ip = *to};
    uint8_t nodes[NAMED * KRPC_NODE_V4_LEN], values[NAMED * KRPC_VALUE_V4_LEN], id[DHT_ID_LEN];
    bool asked_peers = q->query.method == KRPC_GET_PEERS, named = q->query.target != NULL;

    m.response.interval = m.response.num = -1;
    if (h->rogue == DHTROGUE_REFUSER && q->query.method == KRPC_ANNOUNCE_PEER) {
        m.kind = KRPC_ERROR;
        m.error.code = KRPC_E_SERVER;
    }
    if (h->rogue == DHTROGUE_CHANGELING && named) {
        dht_id_near(id, q->query.target, NEAR_BITS, &h->net->rng);
        m.id = id;
    }
    /* The others name no nodes: they are dead ends. */
    if (named && (h->rogue == DHTROGUE_JUNK || h->rogue == DHTROGUE_ECLIPSE))
        m.response.nodes = (struct krpc_bytes){nodes, put_nodes(h, q->query.target, nodes)};
    if (asked_peers && h->rogue == DHTROGUE_POISON)
        m.response.values = (struct krpc_bytes){values, put_values(h, values)};
    if (asked_peers && h->rogue != DHTROGUE_STINGY)
        m.response.token = (struct krpc_bytes){h->id, 8};
    send(h, &h->addr, to, &m);
}

void
dhtrogue_on_datagram(struct dhthost *h, const struct endpoint *from, const uint8_t *data,
                     size_t len)
{
    struct krpc_message m;

    if (h->rogue == DHTROGUE_ECHO) {
        dhtnet_send(h->net, h, &h->addr, from, data, len);
        return;
    }
    if (krpc_decode(&m, data, len) != 0 || m.kind != KRPC_QUERY)
        return;
    if (h->rogue == DHTROGUE_MUTE && m.query.method != KRPC_PING)
        return;
    answer(h, from, &m);
}

/* Of some random hosts, the one whose id is the closest to |target|. */
static const struct dhthost *
victim_near(struct dhtnet *net, const uint8_t *target)
{
    const struct dhthost *best = NULL;
    uint8_t best_id[DHT_ID_LEN];

    for (unsigned i = 0; i < VICTIMS; i++) {
        const struct dhthost *h = dhtnet_random_host(net);
        struct dht_stats st;

        if (h->rogue != DHTROGUE_NONE)
            continue;
        dht_get_stats(h->core, &st, net->engine->now);
        if (best != NULL && dht_id_compare(st.id, best_id, target) >= 0)
            continue;
        best = h;
        memcpy(best_id, st.id, DHT_ID_LEN);
    }
    return best != NULL ? best : dhtnet_random_host(net);
}

/* Asks a random host, under the own address or, to flood, that of the victim. */
static void
ask(struct dhthost *h, const struct endpoint *from)
{
    struct krpc_message m = {.kind = KRPC_QUERY, .tid = {(const uint8_t *)"rg", 2}, .id = h->id};
    const struct dhthost *to;
    uint8_t target[DHT_ID_LEN];

    rng_fill(&h->net->rng, target, sizeof(target));
    if (h->rogue == DHTROGUE_ECLIPSE)
        memcpy(target, h->net->torrents[0].hash, sizeof(target));
    to = h->rogue == DHTROGUE_ECLIPSE ? victim_near(h->net, target) : dhtnet_random_host(h->net);
    m.query.target = target;
    m.query.method = rng_below(&h->net->rng, 2) == 0 ? KRPC_FIND_NODE : KRPC_GET_PEERS;
    if (to != h)
        send(h, from, &to->addr, &m);
}

static void
on_tick(struct event *e)
{
    struct dhthost *h = LIST_ENTRY(e, struct dhthost, tick);
    bool busy = h->rogue == DHTROGUE_FLOOD || h->rogue == DHTROGUE_ECLIPSE;
    int64_t period_us = busy ? BUSY_US : PERIOD_US;

    ask(h, h->rogue == DHTROGUE_FLOOD ? &h->net->victim : &h->addr);
    event_post_us(h->net->engine, &h->tick,
                  period_us / 2 + rng_below(&h->net->rng, (uint32_t)period_us));
}

/* The id that is the closest to the first torrent of those that the address allows. */
static void
bound_id(struct dhthost *h)
{
    const uint8_t *target = h->net->torrents[0].hash;
    uint8_t id[DHT_ID_LEN];

    for (uint8_t r = 0; r < BOUND_TRIES; r++) {
        dht_id_make(id, &h->addr, r, &h->net->rng);
        /* All bits but those that the address decides are those of the target. */
        id[2] = (uint8_t)((id[2] & 0xf8) | (target[2] & 7));
        memcpy(id + 3, target + 3, DHT_ID_LEN - 4);
        if (r == 0 || dht_id_compare(id, h->id, target) < 0)
            memcpy(h->id, id, DHT_ID_LEN);
    }
}

static void
take_address(struct dhthost *h)
{
    struct dhtnet *net = h->net;
    uint32_t place = net->spec.nodes - 1 - h->index;
    const struct dhthost *neighbour = h + net->spec.networks;

    h->addr = dhtnet_new_address(net);
    if (h->rogue == DHTROGUE_ECLIPSE && place >= net->spec.networks) {
        h->addr = neighbour->addr;
        h->addr.ip[3]++;
    }
}

void
dhtrogue_join(struct dhthost *h)
{
    take_address(h);
    dht_id_make(h->id, &h->addr, (uint8_t)rng_u32(&h->net->rng), &h->net->rng);
    if (h->rogue == DHTROGUE_ECLIPSE && h->net->spec.bound_ids)
        bound_id(h);
    else if (h->rogue == DHTROGUE_ECLIPSE)
        dht_id_near(h->id, h->net->torrents[0].hash, NEAR_BITS + h->index % NEAR_BITS,
                    &h->net->rng);
    h->delay_us = dhtnet_new_delay_us(h->net);
    dhtnet_place(h);
    event_init(&h->tick, on_tick);
    event_post_us(h->net->engine, &h->tick, rng_below(&h->net->rng, PERIOD_US));
}

void
dhtrogue_leave(struct dhthost *h)
{
    dhtnet_remove(h);
}
