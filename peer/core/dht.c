/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entry points of the DHT node: they dispatch inputs, hand out effects and show the state. The
 * part that each input concerns handles it (dht_impl.h lists the parts).
 */
#include "peer/core/dht.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/ds/siphash.h"
#include "peer/core/dht_answer.h"
#include "peer/core/dht_hearsay.h"
#include "peer/core/dht_out.h"
#include "peer/core/dht_search.h"
#include "peer/core/dht_serve.h"
#include "peer/core/dht_upkeep.h"

static bool
init_parts(struct dht *d, const struct dht_config *cfg, struct mono now)
{
    uint64_t key[2], seed[2];

    memcpy(key, cfg->key, sizeof(key));
    rng_init(&d->rng, siphash24(key, "rng", 3));
    seed[0] = rng_u64(&d->rng);
    seed[1] = rng_u64(&d->rng);
    dht_self_init(&d->self, cfg->has_id ? cfg->id : NULL, &cfg->external, &d->rng);
    dht_table_init(&d->table, d->self.id);
    dht_guard_init(&d->guard, seed, now);
    dht_queries_init(&d->queries, key);
    slotmap_init(&d->searches, DHT_SEARCHES_MAX);
    hashmap_init(&d->by_id, seed, search_matches);
    heap_init(&d->heaps[0]);
    heap_init(&d->heaps[1]);
    list_init(&d->finished);
    return serve_init(d, cfg->key, seed);
}

struct dht *
dht_new(const struct dht_config *cfg, struct mono now)
{
    struct dht *d = calloc(1, sizeof(*d));

    ASSERT(cfg->family == IP_V4 || cfg->family == IP_V6);
    if (d == NULL)
        return NULL;
    d->family = cfg->family;
    memcpy(d->version, cfg->version, sizeof(d->version));
    if (!init_parts(d, cfg, now)) {
        dht_free(d);
        return NULL;
    }
    upkeep_set_reach(d, cfg->reach, now);
    return d;
}

void
dht_free(struct dht *d)
{
    if (d == NULL)
        return;
    search_free_all(d);
    heap_fini(&d->heaps[0]);
    heap_fini(&d->heaps[1]);
    hashmap_fini(&d->by_id);
    slotmap_fini(&d->searches);
    serve_fini(d);
    free(d);
}

void
dht_set_other(struct dht *d, const struct dht *other)
{
    d->other = other;
}

static void
on_up(struct dht *d, struct mono now)
{
    d->up = true;
    upkeep_up(d, now);
    search_abort_all(d, now);
    search_hurry(d, now);
}

static void
on_down(struct dht *d, struct mono now)
{
    search_abort_all(d, now);
    dht_queries_clear(&d->queries);
    d->up = false;
}

static void
on_datagram(struct dht *d, const struct dht_input *in, struct mono now)
{
    const struct endpoint *from = &in->u.datagram.from;
    struct krpc_message m;

    dht_count(d, DHT_COUNT_DATAGRAMS_IN, 1);
    dht_count(d, DHT_COUNT_BYTES_IN, in->u.datagram.len);
    if (!d->up || from->family != d->family || from->port == 0)
        return;
    if (krpc_decode(&m, in->u.datagram.data, in->u.datagram.len) != 0) {
        dht_count(d, DHT_COUNT_MALFORMED, 1);
        return;
    }
    if (m.kind != KRPC_QUERY)
        answer_read(d, &m, from, now);
    else if (!answer_is_echo(d, &m, from, now))
        serve_query(d, &m, from, in->u.datagram.len, now);
}

static void
on_node(struct dht *d, const struct dht_input *in, struct mono now)
{
    const struct dht_contact *c = &in->u.node.contact;
    uint16_t port_min = dht_source_is_hearsay(in->u.node.source) ? DHT_PORT_MIN : 1;

    if (c->addr.family != d->family || c->addr.port < port_min || dht_id_equal(c->id, d->self.id) ||
        out_is_banned(d, &c->addr) || dht_table_at(&d->table, &c->addr) != NULL)
        return;
    dht_pool_add(&d->pool, in->u.node.source, c);
    d->upkeep.pool_due = mono_min(d->upkeep.pool_due, now);
    search_offer(d, c, now);
}

static void
on_external(struct dht *d, const struct endpoint *external, struct mono now)
{
    if (external->family != IP_NONE && external->family != d->family)
        return;
    dht_self_set(&d->self, external, &d->rng);
    upkeep_on_identity(d, now);
}

static void
run(struct dht *d, struct mono now)
{
    if (!d->up)
        return;
    answer_tick(d, now);
    search_run(d, now);
    upkeep_run(d, now);
}

int
dht_handle(struct dht *d, const struct dht_input *in, struct mono now)
{
    int err = 0;

    d->out.reply_len = 0;
    d->out.peers_count = 0;
    switch (in->type) {
    case DHT_IN_DATAGRAM: on_datagram(d, in, now); return 0;
    case DHT_IN_UP: on_up(d, now); break;
    case DHT_IN_DOWN: on_down(d, now); break;
    case DHT_IN_TICK: break;
    case DHT_IN_NODE: on_node(d, in, now); break;
    case DHT_IN_EXTERNAL: on_external(d, &in->u.external, now); break;
    case DHT_IN_REACH: upkeep_set_reach(d, in->u.reach, now); break;
    case DHT_IN_SEARCH: err = search_start(d, &in->u.search, now); break;
    case DHT_IN_STOP: search_stop(d, in->u.stop); break;
    }
    run(d, now);
    return err;
}

/* The answer to the query that was handled last. */
static bool
next_reply(struct dht_outbox *out, struct dht_effect *fx)
{
    if (out->reply_len == 0)
        return false;
    *fx = (struct dht_effect){
        .type = DHT_FX_SEND,
        .u.send = {.to = out->reply_to, .data = out->reply, .len = out->reply_len}};
    out->reply_len = 0;
    return true;
}

static bool
next_peers(struct dht_outbox *out, struct dht_effect *fx)
{
    if (out->peers_count == 0)
        return false;
    *fx = (struct dht_effect){
        .type = DHT_FX_PEERS,
        .u.peers = {.search = out->peers_search, .peers = out->peers, .count = out->peers_count}};
    out->peers_count = 0;
    return true;
}

static bool
next_nodes(struct dht_outbox *out, struct dht_effect *fx)
{
    if (out->nodes_count == 0)
        return false;
    *fx = (struct dht_effect){.type = DHT_FX_NODES,
                              .u.nodes = {.nodes = out->nodes, .count = out->nodes_count}};
    out->nodes_count = 0;
    return true;
}

/* Takes a flag of the outbox as an effect. */
static bool
next_flag(bool *flag, enum dht_effect_type type, struct dht_effect *fx)
{
    if (!*flag)
        return false;
    *flag = false;
    *fx = (struct dht_effect){.type = type};
    return true;
}

int
dht_next(struct dht *d, struct dht_effect *fx, struct mono now)
{
    struct dht_outbox *out = &d->out;
    bool any = next_reply(out, fx) || next_peers(out, fx) || next_nodes(out, fx) ||
               search_next_fx(d, fx) || next_flag(&out->bootstrap, DHT_FX_BOOTSTRAP, fx) ||
               next_flag(&out->save, DHT_FX_SAVE, fx) ||
               next_flag(&out->identity, DHT_FX_IDENTITY, fx) || out_next(d, fx, now);

    if (any && fx->type == DHT_FX_SEND) {
        dht_count(d, DHT_COUNT_DATAGRAMS_OUT, 1);
        dht_count(d, DHT_COUNT_BYTES_OUT, fx->u.send.len);
    }
    return any;
}

struct mono
dht_expiry(const struct dht *d)
{
    if (!d->up)
        return MONO_NEVER;
    return mono_min(mono_min(dht_queries_expiry(&d->queries), search_expiry(d)), upkeep_expiry(d));
}

/* Good nodes first, then all others of the table. */
size_t
dht_save(const struct dht *d, struct dht_contact *out, size_t max)
{
    size_t n = 0;

    for (unsigned failed = 0; failed < 2; failed++) {
        const struct dht_node *node;
        uint32_t iter = 0;

        while (n < max && (node = dht_table_next(&d->table, &iter)) != NULL) {
            if ((node->failures > 0) != failed)
                continue;
            memcpy(out[n].id, node->id, DHT_ID_LEN);
            out[n++].addr = node->addr;
        }
    }
    return n;
}

static uint32_t
jobs_used(const struct dht *d)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < DHT_LOOKUPS_MAX; i++)
        n += d->jobs[i].used;
    return n;
}

static uint32_t
nodes_good(const struct dht *d, struct mono now)
{
    const struct dht_node *node;
    uint32_t iter = 0, n = 0;

    while ((node = dht_table_next(&d->table, &iter)) != NULL)
        n += dht_node_is_good(node, now);
    return n;
}

void
dht_get_stats(const struct dht *d, struct dht_stats *st, struct mono now)
{
    *st = (struct dht_stats){.external = d->self.external,
                             .up = d->up,
                             .read_only = d->upkeep.read_only,
                             .nodes = d->table.count,
                             .nodes_good = nodes_good(d, now),
                             .nodes_spare = d->table.spare_count,
                             .searches = d->searches.count,
                             .lookups = jobs_used(d),
                             .rtt_ms = (uint32_t)((d->queries.srtt_us + 999) / 1000)};
    memcpy(st->id, d->self.id, DHT_ID_LEN);
    memcpy(st->counters, d->counters, sizeof(st->counters));
    serve_stats(d, st);
    /* The radius is that of DHT_CLOSEST = 2^3 nodes. */
    if (d->size.radius != 0)
        st->size_log2 = 3 + (uint32_t)__builtin_clzll(d->size.radius);
}

bool
dht_next_search_stats(const struct dht *d, uint32_t *iter, struct dht_search_stats *st)
{
    const struct dht_search *s = slotmap_next(&d->searches, iter);

    if (s == NULL)
        return false;
    *st = (struct dht_search_stats){.spec = s->spec,
                                    .running = s->lookup != DHT_NO_LOOKUP,
                                    .waiting = s->lookup == DHT_NO_LOOKUP && !search_can_start(d),
                                    .rounds = s->rounds,
                                    .peers = s->peers,
                                    .announces = s->announces,
                                    .again = s->due.at};
    return true;
}
