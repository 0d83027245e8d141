/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An answer is made in two steps: all fields of a fixed length first; what is left of the allowed
 * length then is divided between peers, Bloom filters and nodes.
 */
#include "peer/core/dht_serve.h"

#include "common/base/minmax.h"
#include "peer/core/dht_out.h"
#include "peer/core/dht_upkeep.h"

enum {
    NODES_KEYS = 7 + 4,   /* "5:nodes", "208:" */
    NODES6_KEYS = 8 + 4,  /* "6:nodes6", "304:" */
    VALUES_KEYS = 8 + 2,  /* "6:values", "l", "e" */
    BLOOM_KEYS = 6 + 4,   /* "4:BFsd", "256:" */
    SAMPLES_KEYS = 9 + 4, /* "7:samples", "400:" */
};

/* An answer while it is made. */
struct answer {
    struct krpc_message m;
    size_t max;  /* bytes that may be sent */
    size_t left; /* … of which these are free */
    uint8_t token[DHT_TOKEN_LEN];
    uint8_t nodes[DHT_K * KRPC_NODE_V4_LEN], nodes6[DHT_K * KRPC_NODE_V6_LEN];
    uint8_t values[DHT_PACKET_MAX];
    uint8_t bloom_seeds[DHT_BLOOM_LEN], bloom_peers[DHT_BLOOM_LEN];
};

bool
serve_init(struct dht *d, const uint8_t key[DHT_KEY_LEN], const uint64_t seed[2])
{
    dht_token_init(&d->tokens, key);
    d->store = dht_store_new(d->family, seed);
    return d->store != NULL;
}

void
serve_fini(struct dht *d)
{
    dht_store_free(d->store);
}

void
serve_stats(const struct dht *d, struct dht_stats *st)
{
    st->hashes = dht_store_hashes_total(d->store);
    st->peers = dht_store_peers_total(d->store);
}

/* Sends the answer if it fits. */
static void
send_answer(struct dht *d, struct answer *a, const struct endpoint *to)
{
    d->out.reply_len = krpc_encode(d->out.reply, a->max, &a->m);
    d->out.reply_to = *to;
    dht_count(d, d->out.reply_len > 0 ? DHT_COUNT_ANSWERS_OUT : DHT_COUNT_QUERIES_REFUSED, 1);
}

static void
send_error(struct dht *d, struct answer *a, const struct endpoint *to, enum krpc_error_code code,
           const char *text)
{
    a->m.kind = KRPC_ERROR;
    a->m.error.code = code;
    a->m.error.text = (struct krpc_bytes){(const uint8_t *)text, strlen(text)};
    send_answer(d, a, to);
}

/* Puts up to |max| nodes close to |target| into |buf|, as many as there is room for. */
static struct krpc_bytes
put_nodes(struct answer *a, const struct dht *of, const uint8_t *target, uint8_t *buf,
          size_t keys_len, struct mono now)
{
    const struct dht_node *nodes[DHT_K];
    size_t each = krpc_node_len(of->family), room, count, len = 0;

    room = a->left > keys_len ? (a->left - keys_len) / each : 0;
    count = dht_table_closest(&of->table, target, nodes, min_u64(room, DHT_K), true, now);
    for (size_t i = 0; i < count; i++)
        len += krpc_node_put(buf + len, nodes[i]->id, &nodes[i]->addr);
    a->left -= min_u64(a->left, len + keys_len);
    return (struct krpc_bytes){buf, len};
}

/* The nodes of the families that the query wants (BEP 32). An empty list tells that we support the
 * method, and is left out where it has no room. */
static void
add_nodes(struct dht *d, struct answer *a, const struct krpc_query *q, struct mono now)
{
    unsigned want = q->want != 0 ? q->want : d->family == IP_V4 ? KRPC_WANT_N4 : KRPC_WANT_N6;
    const struct dht *four = d->family == IP_V4 ? d : d->other;
    const struct dht *six = d->family == IP_V6 ? d : d->other;

    if ((want & KRPC_WANT_N4) != 0 && four != NULL && a->left >= NODES_KEYS)
        a->m.response.nodes = put_nodes(a, four, q->target, a->nodes, NODES_KEYS, now);
    if ((want & KRPC_WANT_N6) != 0 && six != NULL && a->left >= NODES6_KEYS)
        a->m.response.nodes6 = put_nodes(a, six, q->target, a->nodes6, NODES6_KEYS, now);
}

/* Sets the fields that all responses have, and what room they leave. */
static void
begin_response(struct dht *d, struct answer *a)
{
    size_t len;

    a->m.kind = KRPC_RESPONSE;
    a->m.id = d->self.id;
    len = krpc_encoded_len(&a->m);
    a->left = a->max > len ? a->max - len : 0;
}

static void
add_blooms(struct dht *d, struct answer *a, const struct krpc_query *q)
{
    const size_t len = 2 * (BLOOM_KEYS + DHT_BLOOM_LEN);

    if (!q->scrape || a->left < len ||
        !dht_store_blooms(d->store, q->target, a->bloom_seeds, a->bloom_peers))
        return;
    a->left -= len;
    a->m.response.bloom_seeds = a->bloom_seeds;
    a->m.response.bloom_peers = a->bloom_peers;
}

/* Peers fill the room that is left, but for that of |nodes_len| bytes for nodes, unless that leaves
 * them less than DHT_VALUES_FIRST. */
static void
add_values(struct dht *d, struct answer *a, const struct krpc_query *q, const struct endpoint *from,
           size_t nodes_len)
{
    size_t each = d->family == IP_V4 ? KRPC_VALUE_V4_LEN : KRPC_VALUE_V6_LEN;
    size_t room = a->left > VALUES_KEYS ? a->left - VALUES_KEYS : 0, len;
    size_t first = min_u64(room, DHT_VALUES_FIRST * each);

    room = room > nodes_len + first ? room - nodes_len : first;
    len = dht_store_values(d->store, q->target, from, q->noseed, a->values,
                           min_u64(room, sizeof(a->values)));
    if (len == 0)
        return;
    a->m.response.values = (struct krpc_bytes){a->values, len};
    a->left -= len + VALUES_KEYS;
}

static void
on_get_peers(struct dht *d, struct answer *a, const struct krpc_query *q,
             const struct endpoint *from, struct mono now)
{
    size_t each = krpc_node_len(d->family), keys = d->family == IP_V4 ? NODES_KEYS : NODES6_KEYS;

    dht_token_make(&d->tokens, from, q->target, now, a->token);
    a->m.response.token = (struct krpc_bytes){a->token, sizeof(a->token)};
    begin_response(d, a);
    add_blooms(d, a, q);
    add_values(d, a, q, from, DHT_K * each + keys);
    add_nodes(d, a, q, now);
    send_answer(d, a, from);
}

static void
on_announce(struct dht *d, struct answer *a, const struct krpc_query *q,
            const struct endpoint *from, struct mono now)
{
    struct endpoint peer = *from;

    if (!dht_token_check(&d->tokens, q->token.data, q->token.len, from, q->target, now)) {
        dht_count(d, DHT_COUNT_ANNOUNCES_REFUSED, 1);
        send_error(d, a, from, KRPC_E_PROTOCOL, "bad token");
        return;
    }
    dht_guard_proved(&d->guard, from, now);
    if (!q->implied_port)
        peer.port = q->port;
    if (!dht_store_announce(d->store, q->target, &peer, q->seed, now)) {
        dht_count(d, DHT_COUNT_ANNOUNCES_REFUSED, 1);
        send_error(d, a, from, KRPC_E_PROTOCOL, "invalid port");
        return;
    }
    dht_count(d, DHT_COUNT_ANNOUNCES_IN, 1);
    begin_response(d, a);
    send_answer(d, a, from);
}

static void
on_sample(struct dht *d, struct answer *a, const struct krpc_query *q, const struct endpoint *from,
          struct mono now)
{
    struct dht_store_sample sample = dht_store_sample(d->store, now);
    size_t count;

    a->m.response.interval = sample.interval_s;
    a->m.response.num = dht_store_hashes_total(d->store);
    begin_response(d, a);
    count = a->left > SAMPLES_KEYS ? (a->left - SAMPLES_KEYS) / DHT_ID_LEN : 0;
    count = min_u64(count, sample.count);
    a->m.response.samples =
        (struct krpc_bytes){count > 0 ? sample.hashes : a->values, count * DHT_ID_LEN};
    a->left -= min_u64(a->left, SAMPLES_KEYS + count * DHT_ID_LEN);
    add_nodes(d, a, q, now);
    send_answer(d, a, from);
}

static void
on_find_node(struct dht *d, struct answer *a, const struct krpc_query *q,
             const struct endpoint *from, struct mono now)
{
    begin_response(d, a);
    add_nodes(d, a, q, now);
    send_answer(d, a, from);
}

static void
dispatch(struct dht *d, struct answer *a, const struct krpc_message *m, const struct endpoint *from,
         struct mono now)
{
    const struct krpc_query *q = &m->query;

    if (q->method == KRPC_GET || q->method == KRPC_PUT ||
        (q->method == KRPC_UNKNOWN && q->target == NULL)) {
        send_error(d, a, from, KRPC_E_METHOD, "method unknown");
        return;
    }
    if (m->id == NULL || (q->target == NULL && q->method != KRPC_PING)) {
        send_error(d, a, from, KRPC_E_PROTOCOL, "missing arguments");
        return;
    }
    switch (q->method) {
    case KRPC_PING:
        begin_response(d, a);
        send_answer(d, a, from);
        break;
    case KRPC_FIND_NODE:
    case KRPC_UNKNOWN:
    case KRPC_GET:
    case KRPC_PUT: on_find_node(d, a, q, from, now); break;
    case KRPC_GET_PEERS: on_get_peers(d, a, q, from, now); break;
    case KRPC_ANNOUNCE_PEER: on_announce(d, a, q, from, now); break;
    case KRPC_SAMPLE_INFOHASHES: on_sample(d, a, q, from, now); break;
    }
}

/* A node that asks may be one for our table: it has to answer a ping first. Returns the bytes that
 * the ping takes. */
static size_t
ping_asker(struct dht *d, const struct krpc_message *m, const struct endpoint *from,
           struct mono now)
{
    if (m->id == NULL || m->query.read_only || dht_id_equal(m->id, d->self.id) ||
        dht_table_asked(&d->table, m->id, from, now) || !dht_table_wants(&d->table, m->id, from) ||
        !dht_guard_ping(&d->guard, now) || dht_queries_pending(&d->queries, from) ||
        out_ask(d, DHT_ASK_PING, from, m->id) == NULL)
        return 0;
    return DHT_PING_LEN;
}

/* True if the query is to be answered. */
static bool
admit(struct dht *d, const struct krpc_message *m, const struct endpoint *from, struct mono now)
{
    if (m->id != NULL && dht_id_equal(m->id, d->self.id))
        return false;
    if (!dht_guard_was_asked(&d->guard, from, now))
        upkeep_on_stranger(d, now);
    return !d->upkeep.read_only && dht_guard_query(&d->guard, from, now);
}

void
serve_query(struct dht *d, const struct krpc_message *m, const struct endpoint *from, size_t len,
            struct mono now)
{
    struct answer a;
    size_t pinged;

    dht_count(d, DHT_COUNT_QUERIES_IN, 1);
    if (!admit(d, m, from, now)) {
        dht_count(d, DHT_COUNT_QUERIES_REFUSED, 1);
        return;
    }
    memset(&a.m, 0, sizeof(a.m));
    a.m.tid = m->tid;
    a.m.ip = *from;
    a.m.response.interval = -1;
    a.m.response.num = -1;
    if (d->version[0] != 0)
        a.m.version = (struct krpc_bytes){d->version, DHT_VERSION_LEN};
    a.max = dht_guard_allowance(&d->guard, from, len, DHT_PACKET_MAX, now);
    pinged = a.max < DHT_PACKET_MAX ? ping_asker(d, m, from, now) : 0;
    a.max -= min_u64(a.max, pinged);
    dispatch(d, &a, m, from, now);
}
