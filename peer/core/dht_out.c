/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes queries. A query that is too long to be sent does not exist: each of its fields has a
 * maximum.
 */
#include "peer/core/dht_out.h"

#include "common/base/assert.h"

bool
out_is_banned(const struct dht *d, const struct endpoint *addr)
{
    for (unsigned i = 0; i < DHT_REFLECTORS_MAX; i++)
        if (endpoint_equal(&d->reflectors[i], addr))
            return true;
    return false;
}

void
out_ban(struct dht *d, const struct endpoint *addr)
{
    dht_count(d, DHT_COUNT_REFLECTORS, 1);
    dht_table_remove(&d->table, addr);
    dht_pool_remove(&d->pool, addr);
    if (out_is_banned(d, addr))
        return;
    d->reflectors[d->reflector_turn] = *addr;
    d->reflector_turn = (d->reflector_turn + 1) % DHT_REFLECTORS_MAX;
}

struct dht_query *
out_ask(struct dht *d, enum dht_query_kind kind, const struct endpoint *to, const uint8_t *id)
{
    if (to->family != d->family || out_is_banned(d, to))
        return NULL;
    return dht_queries_add(&d->queries, kind, to, id);
}

static enum krpc_method
method_of(const struct dht_query *q)
{
    switch ((enum dht_query_kind)q->kind) {
    case DHT_ASK_PING: return KRPC_PING;
    case DHT_ASK_FIND_NODE: return KRPC_FIND_NODE;
    case DHT_ASK_GET_PEERS: return KRPC_GET_PEERS;
    case DHT_ASK_ANNOUNCE: return KRPC_ANNOUNCE_PEER;
    }
    UNREACHABLE();
}

/* Both families, or the family of the query alone, which needs no "want" (BEP 32). */
static unsigned
want_of(const struct dht *d, const struct dht_query *q)
{
    bool names_nodes = q->kind == DHT_ASK_FIND_NODE || q->kind == DHT_ASK_GET_PEERS;

    return names_nodes && dht_sibling_lacks_nodes(d) ? KRPC_WANT_N4 | KRPC_WANT_N6 : 0;
}

static size_t
write_query(struct dht *d, const struct dht_query *q)
{
    uint8_t tid[DHT_TID_LEN];
    bool announce = q->kind == DHT_ASK_ANNOUNCE;
    struct krpc_message m = {
        .kind = KRPC_QUERY,
        .tid = {tid, sizeof(tid)},
        .id = d->self.id,
        .query = {.method = method_of(q),
                  .target = q->kind == DHT_ASK_PING ? NULL : q->target,
                  .want = want_of(d, q),
                  .noseed = q->seed && q->kind == DHT_ASK_GET_PEERS,
                  .seed = q->seed && announce,
                  .port = announce ? q->port : 0,
                  .implied_port = announce,
                  .read_only = d->upkeep.read_only},
    };

    if (d->version[0] != 0)
        m.version = (struct krpc_bytes){d->version, DHT_VERSION_LEN};
    if (announce)
        m.query.token = (struct krpc_bytes){q->token, q->token_len};
    dht_queries_tid(&d->queries, q, tid);
    return krpc_encode(d->out.packet, sizeof(d->out.packet), &m);
}

bool
out_next(struct dht *d, struct dht_effect *fx, struct mono now)
{
    struct dht_query *q = d->up ? dht_queries_send(&d->queries, now) : NULL;
    size_t len;

    if (q == NULL)
        return false;
    len = write_query(d, q);
    ASSERT(len > 0);
    dht_guard_asked(&d->guard, &q->to, now);
    dht_count(d, DHT_COUNT_QUERIES_OUT, 1);
    d->upkeep.reach_asked++;
    *fx = (struct dht_effect){.type = DHT_FX_SEND,
                              .u.send = {.to = q->to, .data = d->out.packet, .len = len}};
    return true;
}
