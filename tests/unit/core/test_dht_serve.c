/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a DHT node answers to the queries of others, and what it refuses.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "peer/core/dht_guard.h"
#include "peer/core/dht_serve.h"
#include "peer/core/dht_upkeep.h"
#include "tests/unit/core/dht_rig.h"

static struct net net;
static struct net_node *node;
static struct endpoint asker;
static uint8_t asker_id[DHT_ID_LEN], hash[DHT_ID_LEN];

/* What came back to the asker. */
static struct {
    uint8_t data[KRPC_READ_MAX];
    size_t len;
    struct krpc_message m;
    unsigned answers, queries;
    size_t bytes;
} got;

static void
on_datagram(struct net *n, struct net_node *self, const struct endpoint *from, const uint8_t *data,
            size_t len)
{
    struct krpc_message m;

    (void)n;
    (void)self;
    (void)from;
    got.bytes += len;
    cr_assert_eq(krpc_decode(&m, data, len), 0);
    if (m.kind == KRPC_QUERY) {
        got.queries++;
        return;
    }
    got.answers++;
    memcpy(got.data, data, len);
    got.len = len;
    krpc_decode(&got.m, got.data, got.len);
}

static struct net_node *
actor(unsigned i)
{
    struct endpoint addr = net_addr(i);

    return net_add_actor(&net, &addr, on_datagram, NULL);
}

static void
begin(void)
{
    struct net_node *a;

    net_init(&net, 1);
    node = net_add(&net);
    a = actor(500);
    asker = a->addr;
    memcpy(asker_id, a->id, DHT_ID_LEN);
    rng_fill(&net.rng, hash, sizeof(hash));
    memset(&got, 0, sizeof(got));
}

static void
end(void)
{
    net_fini(&net);
}

static size_t
send_raw(const struct endpoint *from, const void *data, size_t len)
{
    memset(&got, 0, sizeof(got));
    net_send(&net, from, &node->addr, data, len);
    net_run(&net, 150);
    return len;
}

/* Asks, and returns the length of the query. */
static size_t
ask_as(const struct endpoint *from, const uint8_t *id, enum krpc_method method,
       const struct krpc_query *fields)
{
    struct krpc_message m = {.kind = KRPC_QUERY,
                             .tid = {(const uint8_t *)"aa", 2},
                             .id = id,
                             .query = fields != NULL ? *fields : (struct krpc_query){0}};
    uint8_t buf[KRPC_SIZE_MAX];

    m.query.method = method;
    if (method != KRPC_PING && m.query.target == NULL)
        m.query.target = hash;
    return send_raw(from, buf, krpc_encode(buf, sizeof(buf), &m));
}

static size_t
ask(enum krpc_method method, const struct krpc_query *fields)
{
    return ask_as(&asker, asker_id, method, fields);
}

/* The routing table gets |count| nodes that answer. */
static void
give_nodes(unsigned count)
{
    net_grow(&net, count);
    for (unsigned i = 0; i < net.count; i++)
        if (net.nodes[i].dht != NULL && &net.nodes[i] != node)
            net_tell(&net, node, DHT_FROM_SAVED, &net.nodes[i].addr, NULL);
    net_run(&net, 20000);
}

/* |count| peers of |hash|, each from a network of its own. */
static void
give_peers(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct endpoint from = net_addr(600 + i);
        struct krpc_query q = {.implied_port = true};
        uint8_t token[8];

        net_add_actor(&net, &from, on_datagram, NULL);
        ask_as(&from, asker_id, KRPC_GET_PEERS, NULL);
        cr_assert_eq(got.m.response.token.len, sizeof(token));
        memcpy(token, got.m.response.token.data, sizeof(token));
        q.token = (struct krpc_bytes){token, sizeof(token)};
        ask_as(&from, asker_id, KRPC_ANNOUNCE_PEER, &q);
        cr_assert_eq(got.m.kind, KRPC_RESPONSE);
    }
}

static bool
is_error(enum krpc_error_code code)
{
    return got.answers == 1 && got.m.kind == KRPC_ERROR && got.m.error.code == code;
}

Test(dht_serve, a_ping_is_answered_with_id_address_and_version, .init = begin, .fini = end)
{
    uint8_t id[DHT_ID_LEN];

    net_id(&net, node, id);
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.answers, 1);
    cr_assert_eq(got.m.kind, KRPC_RESPONSE);
    cr_assert(dht_id_equal(got.m.id, id));
    cr_assert(got.m.tid.len == 2 && memcmp(got.m.tid.data, "aa", 2) == 0);
    cr_assert(endpoint_equal(&got.m.ip, &asker));
    cr_assert(got.m.version.len == 4 && memcmp(got.m.version.data, "SP01", 4) == 0);
}

Test(dht_serve, methods_of_others_get_204_and_bad_arguments_203, .init = begin, .fini = end)
{
    static const struct {
        const char *text;
        enum krpc_error_code code; /* 0: an answer */
    } rows[] = {
        {"d1:ad2:id20:abcdefghij01234567896:target20:abcdefghij0123456789e1:q3:get1:t1:x1:y1:qe",
         KRPC_E_METHOD},
        {"d1:ad2:id20:abcdefghij01234567895:token1:x1:v1:xe1:q3:put1:t1:x1:y1:qe", KRPC_E_METHOD},
        {"d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t1:x1:y1:qe", KRPC_E_METHOD},
        {"d1:ad2:id20:abcdefghij01234567896:target20:abcdefghij0123456789e1:q4:vote1:t1:x1:y1:qe",
         (enum krpc_error_code)0},
        {"d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t1:x1:y1:qe", KRPC_E_PROTOCOL},
        {"d1:ad2:id20:abcdefghij0123456789e1:q9:get_peers1:t1:x1:y1:qe", KRPC_E_PROTOCOL},
        {"d1:ad2:id3:abce1:q4:ping1:t1:x1:y1:qe", KRPC_E_PROTOCOL},
        {"d1:q4:ping1:t1:x1:y1:qe", KRPC_E_PROTOCOL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        send_raw(&asker, rows[i].text, strlen(rows[i].text));
        if (rows[i].code == 0)
            cr_assert_eq(got.m.kind, KRPC_RESPONSE, "row %zu", i);
        else
            cr_assert(is_error(rows[i].code), "row %zu", i);
    }
}

Test(dht_serve, find_node_names_the_families_that_are_wanted, .init = begin, .fini = end)
{
    struct endpoint addr6 = {.family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 6881};
    struct krpc_query q = {.want = KRPC_WANT_N6};
    struct net_node *six = net_add_at(&net, &addr6, NULL), *seven;

    addr6.ip[3] = 1;
    seven = net_add_at(&net, &addr6, NULL);
    net_up(&net, six);
    net_up(&net, seven);
    net_tell(&net, six, DHT_FROM_SAVED, &seven->addr, NULL);
    give_nodes(20);
    dht_set_other(node->dht, six->dht);
    ask(KRPC_FIND_NODE, NULL);
    cr_assert_eq(krpc_nodes_count(&got.m.response.nodes, IP_V4), DHT_K);
    cr_assert_null(got.m.response.nodes6.data, "not by default");
    ask(KRPC_FIND_NODE, &q);
    cr_assert_null(got.m.response.nodes.data);
    cr_assert_eq(krpc_nodes_count(&got.m.response.nodes6, IP_V6), 1);
    q.want = KRPC_WANT_N4 | KRPC_WANT_N6;
    ask(KRPC_FIND_NODE, &q);
    cr_assert_not_null(got.m.response.nodes.data);
    cr_assert_not_null(got.m.response.nodes6.data);
    dht_set_other(node->dht, NULL);
    ask(KRPC_FIND_NODE, &q);
    cr_assert_null(got.m.response.nodes6.data);
}

Test(dht_serve, what_is_announced_is_found, .init = begin, .fini = end)
{
    struct krpc_values values;
    struct endpoint peer;

    give_peers(1);
    ask(KRPC_GET_PEERS, NULL);
    krpc_values_init(&values, &got.m.response.values, IP_V4);
    cr_assert(krpc_values_next(&values, &peer));
    cr_assert_eq(peer.ip[1], net_addr(600).ip[1]);
    cr_assert_eq(peer.port, 6881, "the port of the datagram");
    cr_assert_not(krpc_values_next(&values, &peer));
}

Test(dht_serve, an_announce_needs_its_token_and_a_port, .init = begin, .fini = end)
{
    struct endpoint other = net_addr(501);
    struct krpc_query q = {.port = 7000};
    uint8_t token[DHT_TOKEN_LEN];

    net_add_actor(&net, &other, on_datagram, NULL);
    ask(KRPC_GET_PEERS, NULL);
    memcpy(token, got.m.response.token.data, sizeof(token));
    ask(KRPC_ANNOUNCE_PEER, &q);
    cr_assert(is_error(KRPC_E_PROTOCOL), "no token");
    q.token = (struct krpc_bytes){token, sizeof(token)};
    ask_as(&other, asker_id, KRPC_ANNOUNCE_PEER, &q);
    cr_assert(is_error(KRPC_E_PROTOCOL), "the token of another address");
    q.target = asker_id;
    ask(KRPC_ANNOUNCE_PEER, &q);
    cr_assert(is_error(KRPC_E_PROTOCOL), "the token of another info-hash");
    q.target = hash;
    q.port = 1;
    ask(KRPC_ANNOUNCE_PEER, &q);
    cr_assert(is_error(KRPC_E_PROTOCOL), "port 1");
    cr_assert_eq(net_stats(&net, node).peers, 0);
    cr_assert_eq(net_stats(&net, node).counters[DHT_COUNT_ANNOUNCES_REFUSED], 4);
    q.port = 7000;
    ask(KRPC_ANNOUNCE_PEER, &q);
    cr_assert_eq(got.m.kind, KRPC_RESPONSE);
    cr_assert_eq(net_stats(&net, node).peers, 1);
    net_run(&net, DHT_TOKEN_PERIOD_MS * 2);
    ask(KRPC_ANNOUNCE_PEER, &q);
    cr_assert(is_error(KRPC_E_PROTOCOL), "an old token");
}

Test(dht_serve, a_stored_peer_is_forgotten_in_time, .init = begin, .fini = end)
{
    give_peers(1);
    cr_assert_eq(net_stats(&net, node).peers, 1);
    net_run(&net, DHT_STORE_PEER_MS + 2 * DHT_STORE_EXPIRE_MS);
    cr_assert_eq(net_stats(&net, node).peers, 0, "though nobody asks for it");
}

/* With everything that an answer can carry. */
Test(dht_serve, an_address_without_a_proof_gets_four_times_its_bytes, .init = begin, .fini = end)
{
    struct endpoint addr6 = {.family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 6881};
    struct net_node *six = net_add_at(&net, &addr6, NULL);
    unsigned tried = 0;

    dht_set_other(node->dht, six->dht);
    give_nodes(30);
    give_peers(150);
    for (unsigned method = 0; method <= KRPC_SAMPLE_INFOHASHES; method++)
        for (unsigned flags = 0; flags < 16; flags++) {
            struct endpoint stranger = net_addr(10000 + tried++);
            struct krpc_query q = {.want = flags & 3,
                                   .scrape = flags & 4,
                                   .noseed = flags & 8,
                                   .port = 7000,
                                   .token = {asker_id, 8}};
            size_t len;

            net_add_actor(&net, &stranger, on_datagram, NULL);
            len = ask_as(&stranger, asker_id, (enum krpc_method)method, &q);
            net_run(&net, 2000);
            cr_assert_eq(got.answers, 1);
            cr_assert_leq(got.bytes, DHT_UNPROVEN_FACTOR * len, "method %u flags %u: %zu for %zu",
                          method, flags, got.bytes, len);
        }
}

/* The ping that asks a stranger for its word counts too. */
Test(dht_serve, our_ping_is_part_of_four_times_the_bytes, .init = begin, .fini = end)
{
    unsigned pinged = 0;

    give_nodes(30);
    give_peers(60);
    for (unsigned i = 0; i < 60; i++) {
        struct net_node *stranger = actor(10000 + i);
        size_t len = ask_as(&stranger->addr, stranger->id, KRPC_GET_PEERS, NULL);

        net_run(&net, 2000);
        cr_assert_eq(got.answers, 1);
        cr_assert_leq(got.bytes, DHT_UNPROVEN_FACTOR * len);
        pinged += got.queries;
    }
    cr_assert_geq(pinged, 10, "%u", pinged);
}

Test(dht_serve, an_asker_without_a_proof_gets_peers_and_nodes, .init = begin, .fini = end)
{
    give_nodes(30);
    give_peers(100);
    ask(KRPC_GET_PEERS, NULL);
    cr_assert_geq(got.m.response.values.len, DHT_VALUES_FIRST * KRPC_VALUE_V4_LEN);
    cr_assert_geq(krpc_nodes_count(&got.m.response.nodes, IP_V4), 4);
    cr_assert_not_null(got.m.response.token.data);
}

Test(dht_serve, a_proof_brings_all_that_fits, .init = begin, .fini = end)
{
    struct krpc_query q = {.scrape = true};

    give_nodes(30);
    give_peers(150);
    ask_as(&net.nodes[net.count - 1].addr, asker_id, KRPC_GET_PEERS, &q);
    cr_assert_leq(got.len, DHT_PACKET_MAX);
    cr_assert_not_null(got.m.response.bloom_peers, "it announced, so it is proven");
    cr_assert_eq(krpc_nodes_count(&got.m.response.nodes, IP_V4), DHT_K);
    q.scrape = false;
    ask_as(&net.nodes[net.count - 1].addr, asker_id, KRPC_GET_PEERS, &q);
    cr_assert_geq(got.m.response.values.len, 70 * KRPC_VALUE_V4_LEN);
    cr_assert_eq(krpc_nodes_count(&got.m.response.nodes, IP_V4), DHT_K);
}

Test(dht_serve, samples_are_always_in_the_answer, .init = begin, .fini = end)
{
    ask(KRPC_SAMPLE_INFOHASHES, NULL);
    cr_assert_not_null(got.m.response.samples.data, "even if there is none (BEP 51)");
    cr_assert_eq(got.m.response.num, 0);
    give_peers(1);
    ask(KRPC_SAMPLE_INFOHASHES, NULL);
    cr_assert_eq(got.m.response.samples.len, DHT_ID_LEN);
    cr_assert(dht_id_equal(got.m.response.samples.data, hash));
    cr_assert_eq(got.m.response.num, 1);
    cr_assert_geq(got.m.response.interval, 0);
}

Test(dht_serve, a_read_only_node_answers_nobody, .init = begin, .fini = end)
{
    net_input(&net, node, &(struct dht_input){.type = DHT_IN_REACH, .u.reach = DHT_REACH_NO});
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.answers, 0);
    cr_assert(net_stats(&net, node).read_only);
    net_input(&net, node, &(struct dht_input){.type = DHT_IN_REACH, .u.reach = DHT_REACH_YES});
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.answers, 1);
}

Test(dht_serve, an_asker_enters_the_table_when_it_answers_a_ping, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(3);
    struct net_node *other = net_add_at(&net, &addr, NULL);

    net_up(&net, other);
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.queries, 1, "it is asked for its word");
    net_run(&net, 10000);
    cr_assert_eq(net_stats(&net, node).nodes, 0, "and gives none");
    net_tell(&net, other, DHT_FROM_SAVED, &node->addr, NULL);
    net_run(&net, 1000);
    cr_assert_eq(net_stats(&net, node).nodes, 1);
}

Test(dht_serve, a_read_only_asker_is_served_and_never_enters, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(3);
    struct dht_config cfg = {.family = IP_V4, .external = addr, .reach = DHT_REACH_NO};
    struct net_node *other = net_add_at(&net, &addr, &cfg);

    net_up(&net, other);
    net_tell(&net, other, DHT_FROM_SAVED, &node->addr, NULL);
    net_run(&net, 10000);
    cr_assert_eq(net_stats(&net, other).nodes, 1, "it was served");
    cr_assert_eq(net_stats(&net, node).nodes, 0);
    cr_assert_eq(node->sent[KRPC_PING], 0);
}

Test(dht_serve, a_flood_costs_its_sender_the_answers, .init = begin, .fini = end)
{
    for (unsigned i = 0; i < 500; i++)
        net_send(&net, &asker, &node->addr,
                 (const uint8_t *)"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t1:x1:y1:qe", 56);
    net_run(&net, 100);
    cr_assert_eq(got.answers, DHT_GUARD_SITE_BURST);
    cr_assert_eq(net_stats(&net, node).counters[DHT_COUNT_QUERIES_REFUSED],
                 500 - DHT_GUARD_SITE_BURST);
    asker = actor(501)->addr;
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.answers, 1, "others are served");
}

/* Transaction ids of any length come back exactly, or not at all. */
Test(dht_serve, a_transaction_id_of_any_length_is_echoed, .init = begin, .fini = end)
{
    for (size_t len = 0; len < 1200; len += 150) {
        char text[1400];
        size_t used = (size_t)snprintf(
            text, sizeof(text), "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t%zu:%0*d1:y1:qe", len,
            (int)len, 0);

        if (len == 0)
            used = (size_t)snprintf(text, sizeof(text),
                                    "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t0:1:y1:qe");
        send_raw(&asker, text, used);
        cr_assert_leq(got.bytes, DHT_PACKET_MAX);
        if (len < 900)
            cr_assert(got.answers == 1 && got.m.tid.len == len, "%zu", len);
        else if (len > 1000)
            cr_assert_eq(got.answers, 0);
    }
}

/* Datagrams of every length and content: nothing but an answer or an error comes of them. */
Test(dht_serve, noise_is_counted_and_harms_nothing, .init = begin, .fini = end)
{
    uint8_t good[KRPC_SIZE_MAX], buf[KRPC_READ_MAX + 100];
    struct krpc_message m = {.kind = KRPC_QUERY,
                             .tid = {(const uint8_t *)"aa", 2},
                             .id = asker_id,
                             .query = {.method = KRPC_GET_PEERS, .target = hash, .want = 3}};
    size_t len = krpc_encode(good, sizeof(good), &m);

    for (unsigned i = 0; i < 20000; i++) {
        struct dht_input in = {.type = DHT_IN_DATAGRAM,
                               .u.datagram = {.from = net_addr(i), .data = buf}};

        if (i % 2 == 0) {
            in.u.datagram.len = rng_below(&net.rng, sizeof(buf));
            rng_fill(&net.rng, buf, in.u.datagram.len);
            buf[0] = 'd';
        } else {
            in.u.datagram.len = len;
            memcpy(buf, good, len);
            for (unsigned k = 0; k < 3; k++)
                buf[rng_below(&net.rng, (uint32_t)len)] = (uint8_t)rng_u32(&net.rng);
        }
        net_input(&net, node, &in);
        net.now = mono_add_ms(net.now, 3);
    }
    cr_assert_geq(net_stats(&net, node).counters[DHT_COUNT_MALFORMED], 10000);
    ask(KRPC_PING, NULL);
    cr_assert_eq(got.answers, 1);
}
