/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The network of the simulated DHT: addresses, and datagrams under way.
 */
#include "tests/sim/dhtnet.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/codec/krpc.h"
#include "common/ds/list.h"
#include "common/ds/siphash.h"

enum { ADDR_KEY_LEN = 6, DELAY_MIN_US = 2000, DELAY_MAX_US = 60000 };

struct datagram {
    struct event arrival;
    struct list link;
    struct dhtnet *net;
    struct endpoint from, to;
    unsigned side; /* the sender's */
    size_t len;
    uint8_t data[];
};

static void
addr_key(const struct endpoint *e, uint8_t key[ADDR_KEY_LEN])
{
    memcpy(key, e->ip, 4);
    put_u16be(key + 4, e->port);
}

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct dhthost *h = (const struct dhthost *)(const void *)node;
    uint8_t own[ADDR_KEY_LEN];

    addr_key(&h->addr, own);
    return len == ADDR_KEY_LEN && memcmp(own, key, len) == 0;
}

static struct dhthost *
host_at(const struct dhtnet *net, const struct endpoint *e)
{
    uint8_t key[ADDR_KEY_LEN];

    addr_key(e, key);
    return (struct dhthost *)(void *)hashmap_find(&net->by_addr, key, sizeof(key));
}

static void
drop(struct datagram *d)
{
    event_cancel(d->net->engine, &d->arrival);
    list_remove(&d->link);
    free(d);
}

void
dhtnet_init(struct dhtnet *net, const struct dhtnet_spec *spec, struct engine *g)
{
    uint64_t seed[2];

    *net = (struct dhtnet){.spec = *spec, .engine = g};
    list_init(&net->flying);
    rng_init(&net->rng, spec->seed);
    seed[0] = rng_u64(&net->rng);
    seed[1] = rng_u64(&net->rng);
    hashmap_init(&net->by_addr, seed, match);
    net->hosts = sim_alloc(spec->nodes, sizeof(*net->hosts));
    net->torrents = sim_alloc(spec->torrents, sizeof(*net->torrents));
    for (uint32_t i = 0; i < spec->torrents; i++)
        rng_fill(&net->rng, net->torrents[i].hash, DHT_ID_LEN);
    net->victim = dhtnet_new_address(net);
}

void
dhtnet_fini(struct dhtnet *net)
{
    for (uint32_t i = 0; i < net->spec.nodes; i++) {
        struct dhthost *h = &net->hosts[i];

        event_cancel(net->engine, &h->churn);
        if (h->up && h->rogue == DHTROGUE_NONE)
            dhthost_leave(h);
        else if (h->up)
            dhtrogue_leave(h);
    }
    while (!list_empty(&net->flying))
        drop(LIST_ENTRY(net->flying.next, struct datagram, link));
    hashmap_fini(&net->by_addr);
    free(net->torrents);
    free(net->hosts);
}

struct endpoint
dhtnet_new_address(struct dhtnet *net)
{
    struct endpoint e = {.port = DHTNET_PORT, .family = IP_V4};

    do {
        put_u32be(e.ip, rng_u32(&net->rng));
    } while (e.ip[0] == 0 || e.ip[0] == DHTNET_RESERVED || e.ip[0] >= 224 ||
             endpoint_scope(&e) != SCOPE_GLOBAL || host_at(net, &e) != NULL ||
             endpoint_same_host(&e, &net->victim));
    return e;
}

int64_t
dhtnet_new_delay_us(struct dhtnet *net)
{
    return DELAY_MIN_US + rng_below(&net->rng, DELAY_MAX_US - DELAY_MIN_US);
}

struct dhthost *
dhtnet_random_host(struct dhtnet *net)
{
    for (;;) {
        struct dhthost *h = &net->hosts[rng_below(&net->rng, net->spec.nodes)];

        if (h->up)
            return h;
    }
}

void
dhtnet_place(struct dhthost *h)
{
    uint8_t key[ADDR_KEY_LEN];

    addr_key(&h->addr, key);
    ASSERT(host_at(h->net, &h->addr) == NULL);
    h->up_at = h->net->engine->now;
    h->up = true;
    h->lives++;
    ASSERT(hashmap_add(&h->net->by_addr, &h->by_addr, key, sizeof(key)) == 0);
}

void
dhtnet_remove(struct dhthost *h)
{
    h->up = false;
    event_cancel(h->net->engine, &h->tick);
    hashmap_remove(&h->net->by_addr, &h->by_addr);
}

static bool
is_query(const struct datagram *d)
{
    struct krpc_message m;

    return krpc_decode(&m, d->data, d->len) == 0 && m.kind == KRPC_QUERY;
}

static void
arrive(struct event *e)
{
    struct datagram *d = LIST_ENTRY(e, struct datagram, arrival);
    struct dhthost *h = host_at(d->net, &d->to);

    if (h == NULL || (h->nat && is_query(d)))
        d->net->count.nowhere++;
    else if (h->side != d->side)
        d->net->count.lost++;
    else if (h->rogue == DHTROGUE_NONE)
        dhthost_on_datagram(h, &d->from, d->data, d->len);
    else
        dhtrogue_on_datagram(h, &d->from, d->data, d->len);
    drop(d);
}

/* Adds a datagram to the hash of the run. */
static void
trace(struct dhtnet *net, const struct datagram *d)
{
    const uint64_t key[2] = {net->trace, (uint64_t)net->engine->now.us};

    net->trace = siphash13(key, d->data, d->len) ^ get_u32be(d->from.ip) ^
                 (uint64_t)get_u32be(d->to.ip) << 32;
}

static void
count(struct dhtnet *net, const struct dhthost *sender, const struct datagram *d)
{
    net->count.sent++;
    net->count.bytes += d->len;
    if (endpoint_same_host(&d->from, &net->victim))
        net->count.spoofed += d->len;
    if (endpoint_same_host(&d->to, &net->victim) && sender->rogue == DHTROGUE_NONE)
        net->count.reflected += d->len;
}

void
dhtnet_send(struct dhtnet *net, const struct dhthost *sender, const struct endpoint *from,
            const struct endpoint *to, const uint8_t *data, size_t len)
{
    struct datagram *d = sim_alloc(1, sizeof(*d) + len);
    const struct dhthost *receiver = host_at(net, to);
    int64_t delay_us = sender->delay_us + (receiver != NULL ? receiver->delay_us : 0) +
                       rng_below(&net->rng, (uint32_t)net->spec.jitter_us + 1);

    d->net = net;
    d->from = *from;
    d->to = *to;
    d->side = sender->side;
    d->len = len;
    memcpy(d->data, data, len);
    count(net, sender, d);
    trace(net, d);
    if (net->on_send != NULL)
        net->on_send(net, sender, data, len);
    if (rng_below(&net->rng, 1000000) < net->spec.loss) {
        net->count.lost++;
        free(d);
        return;
    }
    list_init(&d->link);
    list_push_back(&net->flying, &d->link);
    event_init(&d->arrival, arrive);
    event_post_us(net->engine, &d->arrival, delay_us);
}
