/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an answer says goes to the routing table, the pool, the vote over our address and the lookup
 * that asked, in this order; the lookup then asks further nodes.
 */
#include "peer/core/dht_answer.h"

#include "peer/core/dht_hearsay.h"
#include "peer/core/dht_out.h"
#include "peer/core/dht_search.h"
#include "peer/core/dht_upkeep.h"

/* The lookup's candidate that a query asked; NULL: the query belongs to no lookup. */
static struct dht_lookup *
lookup_of(struct dht *d, const struct dht_query *q)
{
    return q->lookup != DHT_NO_LOOKUP ? &d->jobs[q->lookup].lookup : NULL;
}

/* Tells the query's lookup by |tell| that there is no answer, and the lookup asks further nodes. */
static void
go_on_without(struct dht *d, const struct dht_query *q,
              void (*tell)(struct dht_lookup *l, uint8_t candidate), struct mono now)
{
    struct dht_lookup *l = lookup_of(d, q);

    if (l == NULL)
        return;
    tell(l, q->candidate);
    search_go_on(d, q->lookup, now);
}

/* The query was in vain, whoever is to blame. */
static void
fail(struct dht *d, const struct dht_query *q, struct mono now)
{
    go_on_without(d, q, dht_lookup_failed, now);
}

static void
on_reflector(struct dht *d, struct dht_query *q, struct mono now)
{
    struct dht_query copy = *q;

    dht_queries_remove(&d->queries, q);
    out_ban(d, &copy.to);
    fail(d, &copy, now);
}

bool
answer_is_echo(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
               struct mono now)
{
    struct dht_query *q = dht_queries_find(&d->queries, m->tid.data, m->tid.len);

    if (q == NULL || !endpoint_equal(&q->to, from))
        return false;
    on_reflector(d, q, now);
    return true;
}

/* The nodes of the other family that an answer names: an effect. */
static void
take_sibling_nodes(struct dht *d, const struct dht_query *q, const struct krpc_message *m)
{
    enum ip_family family = d->family == IP_V4 ? IP_V6 : IP_V4;
    const struct krpc_bytes *nodes = family == IP_V4 ? &m->response.nodes : &m->response.nodes6;
    size_t count = dht_sibling_lacks_nodes(d) ? krpc_nodes_count(nodes, family) : 0;
    struct dht_outbox *out = &d->out;
    struct krpc_node node;

    out->nodes_count = 0;
    for (size_t i = 0; i < count && out->nodes_count < DHT_SIBLING_NAMED_MAX; i++) {
        struct dht_contact *c = &out->nodes[out->nodes_count];

        krpc_node_get(&node, nodes, family, i);
        if (node.addr.family != family || !dht_hearsay_ok(&node.addr, &q->to))
            continue;
        memcpy(c->id, node.id, sizeof(c->id));
        c->addr = node.addr;
        out->nodes_count++;
    }
}

/* The nodes that an answer names. */
static void
take_nodes(struct dht *d, const struct dht_query *q, const struct krpc_message *m,
           struct dht_lookup *l)
{
    const struct krpc_bytes *nodes = d->family == IP_V4 ? &m->response.nodes : &m->response.nodes6;
    size_t count = krpc_nodes_count(nodes, d->family);
    struct krpc_node node;

    for (size_t i = 0; i < count && i < DHT_LOOKUP_NAMED_MAX; i++) {
        krpc_node_get(&node, nodes, d->family, i);
        if (node.addr.family == d->family && !dht_id_equal(node.id, d->self.id) &&
            dht_hearsay_ok(&node.addr, &q->to) && !out_is_banned(d, &node.addr))
            dht_lookup_add(l, node.id, &node.addr, q->candidate);
    }
}

/* Our own announce comes back too. */
static bool
is_ourselves(const struct dht *d, const struct dht_search *s, const struct endpoint *peer)
{
    return peer->port == s->spec.port && endpoint_same_host(peer, &d->self.external);
}

/* The peers that an answer names: an effect. */
static void
take_peers(struct dht *d, const struct dht_query *q, const struct krpc_message *m)
{
    struct dht_job *job = &d->jobs[q->lookup];
    struct dht_outbox *out = &d->out;
    struct krpc_values values;
    struct endpoint peer;

    if (job->search == NULL)
        return;
    out->peers_count = 0;
    krpc_values_init(&values, &m->response.values, d->family);
    while (out->peers_count < DHT_PEERS_MAX && krpc_values_next(&values, &peer))
        if (dht_hearsay_ok(&peer, &q->to) && !is_ourselves(d, job->search, &peer))
            out->peers[out->peers_count++] = peer;
    out->peers_search = job->search->spec.id;
    job->lookup.peers += (uint32_t)out->peers_count;
}

static void
feed_lookup(struct dht *d, const struct dht_query *q, const struct krpc_message *m, struct mono now)
{
    struct dht_lookup *l = lookup_of(d, q);

    if (l == NULL)
        return;
    dht_lookup_answered(l, q->candidate, m->id, m->response.token.data, m->response.token.len);
    take_nodes(d, q, m, l);
    take_sibling_nodes(d, q, m);
    if (q->kind == DHT_ASK_GET_PEERS)
        take_peers(d, q, m);
    search_go_on(d, q->lookup, now);
}

static void
on_response(struct dht *d, const struct dht_query *q, const struct krpc_message *m, struct mono now)
{
    bool first = d->table.count == 0;

    dht_count(d, DHT_COUNT_ANSWERS_IN, 1);
    dht_guard_proved(&d->guard, &q->to, now);
    if (!dht_id_is_zero(q->id) && !dht_id_equal(q->id, m->id)) {
        dht_count(d, DHT_COUNT_IMPOSTORS, 1);
        dht_table_remove(&d->table, &q->to);
        dht_pool_remove(&d->pool, &q->to);
        fail(d, q, now);
        return;
    }
    upkeep_on_answer(d, now);
    dht_table_answered(&d->table, m->id, &q->to, now);
    dht_pool_remove(&d->pool, &q->to);
    if (m->ip.family == d->family && dht_self_vote(&d->self, &q->to, &m->ip, &d->rng, now))
        upkeep_on_identity(d, now);
    if (first && d->table.count > 0)
        search_hurry(d, now);
    feed_lookup(d, q, m, now);
}

static void
on_error(struct dht *d, const struct dht_query *q, struct mono now)
{
    dht_count(d, DHT_COUNT_ERRORS_IN, 1);
    dht_guard_proved(&d->guard, &q->to, now);
    dht_pool_remove(&d->pool, &q->to);
    fail(d, q, now);
}

void
answer_read(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
            struct mono now)
{
    struct dht_query *q = dht_queries_find(&d->queries, m->tid.data, m->tid.len), copy;

    if (q == NULL || !endpoint_equal(&q->to, from)) {
        dht_count(d, DHT_COUNT_UNASKED, 1);
        return;
    }
    if (m->kind == KRPC_RESPONSE && m->id != NULL && dht_id_equal(m->id, d->self.id)) {
        on_reflector(d, q, now);
        return;
    }
    copy = *q;
    dht_queries_answered(&d->queries, q, now);
    dht_queries_remove(&d->queries, q);
    if (m->kind == KRPC_ERROR || m->id == NULL)
        on_error(d, &copy, now);
    else
        on_response(d, &copy, m, now);
}

static void
on_timeout(struct dht *d, const struct dht_query *q, struct mono now)
{
    dht_count(d, DHT_COUNT_TIMEOUTS, 1);
    d->upkeep.unanswered++;
    if (upkeep_blames(d, q)) {
        dht_table_failed(&d->table, q->id, &q->to);
        dht_pool_remove(&d->pool, &q->to);
    }
    fail(d, q, now);
}

/* Has nobody answered the query's lookup, and is nobody left to ask? */
static bool
hangs(struct dht *d, const struct dht_query *q)
{
    const struct dht_lookup *l = lookup_of(d, q);

    return l != NULL && d->jobs[q->lookup].used && l->answered == 0 && l->asked_now == 0;
}

/* Whoever knows one address only would wait long for an answer that is lost. */
static void
on_late(struct dht *d, struct dht_query *q, struct mono now)
{
    struct dht_query copy = *q;

    go_on_without(d, &copy, dht_lookup_late, now);
    if (hangs(d, &copy))
        dht_queries_resend(&d->queries, q);
}

void
answer_tick(struct dht *d, struct mono now)
{
    struct dht_query *q;

    while ((q = dht_queries_due(&d->queries, now)) != NULL) {
        struct dht_query copy = *q;

        if (copy.state == DHT_QUERY_LATE)
            on_late(d, q, now);
        else
            on_timeout(d, &copy, now);
    }
}
