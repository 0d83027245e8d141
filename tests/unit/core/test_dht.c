/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole DHT nodes in a virtual network: how they find each other and the peers of torrents, what
 * they do when nobody answers, and what liars achieve.
 */
#include "peer/core/dht.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>

#include "peer/core/dht_guard.h"
#include "peer/core/dht_impl.h"
#include "peer/core/dht_search.h"
#include "peer/core/dht_upkeep.h"
#include "tests/unit/core/dht_rig.h"

enum { PORT = 6881 };

static struct net net;
static uint8_t hash[DHT_ID_LEN];

static void
begin(void)
{
    net_init(&net, 1);
    rng_fill(&net.rng, hash, sizeof(hash));
}

static void
end(void)
{
    net_fini(&net);
}

static int
compare_unsigned(const void *a, const void *b)
{
    const unsigned *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static struct net_node *
any_node(unsigned below)
{
    return &net.nodes[rng_below(&net.rng, below)];
}

/* A node of the network announces |hash|. */
static struct net_node *
announce(unsigned nodes, uint64_t id)
{
    struct net_node *n = any_node(nodes);

    net_search(&net, n, id, hash, PORT, false);
    net_run(&net, 5000);
    cr_assert_geq(n->rounds, 1);
    return n;
}

/* The allocator of a sanitizer does not count for mallinfo2(). */
#ifndef __SANITIZE_ADDRESS__
static size_t
allocated(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

/* A node allocates what it stores for others at the beginning: 2,000 info-hashes, 20,000 peers. */
Test(dht, a_node_takes_less_than_four_mebibytes)
{
    struct dht_config cfg = {.family = IP_V4};
    size_t before = allocated();
    struct dht *d = dht_new(&cfg, (struct mono){0});

    cr_assert_not_null(d);
    cr_expect_geq(allocated() - before, 1 << 20, "the store is there");
    cr_expect_leq(allocated() - before, 4 << 20);
    dht_free(d);
}
#endif

static bool
has_peers(struct net *n, void *ctx)
{
    struct net_node *node = ctx;

    (void)n;
    return node->peers > 0;
}

Test(dht, a_search_that_starts_before_any_node_is_known_finds_at_once, .init = begin, .fini = end)
{
    unsigned queries[20];
    struct dht_search_stats st;

    net_grow(&net, 50);
    for (unsigned i = 0; i < 20; i++) {
        struct endpoint addr = net_addr(900 + i);
        struct net_node *n = net_add_at(&net, &addr, NULL);
        uint32_t iter = 0;

        rng_fill(&net.rng, hash, sizeof(hash));
        announce(50, i);
        net.boot = NET_BOOT_NONE;
        net_up(&net, n);
        net_search(&net, n, 1, hash, 0, true);
        net_run(&net, 1000 * (i % 4));
        cr_assert(dht_next_search_stats(n->dht, &iter, &st) && st.waiting);
        cr_assert_geq(n->bootstraps, 1);
        net_tell(&net, n, DHT_FROM_BOOTSTRAP, &net.nodes[0].addr, NULL);
        cr_assert(net_run_until(&net, 2000, has_peers, n), "search %u", i);
        cr_assert_eq(n->last_peer.port, 6881, "implied by the datagram");
        queries[i] = n->queries_to_peers;
    }
    qsort(queries, 20, sizeof(queries[0]), compare_unsigned);
    cr_assert_leq(queries[10], 18, "half of libtorrent's 37: %u", queries[10]);
}

Test(dht, a_saved_table_finds_with_few_queries, .init = begin, .fini = end)
{
    struct dht_contact saved[DHT_SAVED_MAX];
    unsigned queries[20];

    net_grow(&net, 120);
    for (unsigned i = 0; i < 20; i++) {
        struct endpoint addr = net_addr(900 + i);
        struct net_node *n = net_add_at(&net, &addr, NULL);
        size_t count = dht_save(any_node(120)->dht, saved, DHT_SAVED_MAX);

        rng_fill(&net.rng, hash, sizeof(hash));
        announce(120, i);
        for (size_t k = 0; k < count; k++)
            net_tell(&net, n, DHT_FROM_SAVED, &saved[k].addr, saved[k].id);
        net_search(&net, n, 1, hash, 0, true);
        net_up(&net, n);
        cr_assert(net_run_until(&net, 2000, has_peers, n), "search %u", i);
        cr_assert_eq(n->sent[KRPC_PING] + n->sent[KRPC_FIND_NODE], 0, "the search goes first");
        queries[i] = n->queries_to_peers;
        net_run(&net, 5000);
        cr_assert_geq(net_stats(&net, n).nodes, DHT_K, "the rest is pinged afterwards");
        cr_assert_eq(n->bootstraps, 0, "saved nodes answered");
    }
    qsort(queries, 20, sizeof(queries[0]), compare_unsigned);
    cr_assert_leq(queries[10], 12, "%u", queries[10]);
}

Test(dht, bootstrap_nodes_are_asked_for_only_if_saved_nodes_fail, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(0), dead = net_addr(1);
    struct net_node *n = net_add_at(&net, &addr, NULL);

    net_tell(&net, n, DHT_FROM_SAVED, &dead, NULL);
    net_up(&net, n);
    net_run(&net, DHT_SAVED_WAIT_MS - 1);
    cr_assert_eq(n->bootstraps, 0);
    net_run(&net, 2);
    cr_assert_eq(n->bootstraps, 1);
    net_run(&net, DHT_BOOTSTRAP_MIN_MS);
    cr_assert_eq(n->bootstraps, 2);
    net_run(&net, 3600000);
    cr_assert(n->bootstraps >= 3600000 / DHT_BOOTSTRAP_MAX_MS && n->bootstraps < 25,
              "with growing pauses: %u", n->bootstraps);
    n->bootstraps = 0;
    net_up(&net, n);
    net_run(&net, DHT_SAVED_WAIT_MS + DHT_BOOTSTRAP_MIN_MS + 1);
    cr_assert_eq(n->bootstraps, 2, "the network came back: without the pause");
}

Test(dht, nothing_is_sent_before_up_or_after_down, .init = begin, .fini = end)
{
    struct net_node *n;
    unsigned before;

    net_grow(&net, 20);
    n = net_add_at(&net, &(struct endpoint){.family = IP_V4, .ip = {99, 1, 1, 1}, .port = 6881},
                   NULL);
    net_tell(&net, n, DHT_FROM_SAVED, &net.nodes[0].addr, NULL);
    net_search(&net, n, 1, hash, PORT, true);
    net_run(&net, 100000);
    cr_assert_eq(n->sent_total, 0);
    cr_assert_eq(n->bootstraps, 0);
    net_up(&net, n);
    net_run(&net, 100);
    net_input(&net, n, &(struct dht_input){.type = DHT_IN_DOWN});
    before = n->sent_total;
    cr_assert_gt(before, 0);
    net_run(&net, 1000000);
    cr_assert_eq(n->sent_total, before);
    net_up(&net, n);
    net_run(&net, 5000);
    cr_assert_gt(n->rounds, 0, "the search goes on");
    cr_assert_eq(net_stats(&net, n).counters[DHT_COUNT_TIMEOUTS], 0,
                 "nobody is blamed for queries of the time before");
}

/* The times at which the rounds of a search end, in seconds from the first one. */
static void
rounds_of(struct net_node *n, int64_t *at_s, unsigned count)
{
    struct mono first = MONO_NEVER;

    for (unsigned i = 0; i < count; i++) {
        unsigned before = n->rounds;

        while (n->rounds == before)
            net_run(&net, 250);
        if (i == 0)
            first = net.now;
        at_s[i] = mono_diff_ms(net.now, first) / 1000;
    }
}

Test(dht, a_hungry_search_comes_again_soon, .init = begin, .fini = end)
{
    const int64_t pauses[] = {5, 15, 60, 120, 300};
    struct net_node *n;
    int64_t at_s[7];

    net_grow(&net, 20);
    n = &net.nodes[7];
    net_search(&net, n, 1, hash, PORT, true);
    rounds_of(n, at_s, 7);
    for (unsigned i = 0; i < 5; i++)
        cr_assert(llabs(at_s[i + 1] - at_s[i] - pauses[i]) <= 2, "pause %u: %ld", i,
                  (long)(at_s[i + 1] - at_s[i]));
    cr_assert_geq(at_s[6] - at_s[5], (DHT_ANNOUNCE_MS - DHT_ANNOUNCE_JITTER_MS) / 1000 - 1);
}

Test(dht, an_announce_is_repeated_with_jitter, .init = begin, .fini = end)
{
    int64_t at_s[8], min = INT64_MAX, max = 0;
    struct net_node *n;

    net_grow(&net, 20);
    n = &net.nodes[7];
    net_search(&net, n, 1, hash, PORT, false);
    rounds_of(n, at_s, 8);
    cr_assert_geq(n->last_announces, DHT_CLOSEST);
    for (unsigned i = 1; i < 8; i++) {
        int64_t pause = at_s[i] - at_s[i - 1];

        min = pause < min ? pause : min;
        max = pause > max ? pause : max;
    }
    cr_assert_geq(min, (DHT_ANNOUNCE_MS - DHT_ANNOUNCE_JITTER_MS) / 1000 - 1);
    cr_assert_leq(max, DHT_ANNOUNCE_MS / 1000 + 2);
    cr_assert_gt(max, min + 5, "not all at the same interval");
}

/* The announce_peer query that left last. */
static struct {
    unsigned count;
    struct krpc_query query;
    bool read_only, has_version;
} told;

static bool
watch_announces(struct net *n, const struct endpoint *from, const struct endpoint *to,
                const uint8_t *data, size_t len)
{
    struct krpc_message m;

    (void)to;
    if (krpc_decode(&m, data, len) != 0 || m.kind != KRPC_QUERY ||
        !endpoint_equal(from, &n->nodes[7].addr))
        return true;
    told.read_only = m.query.read_only;
    told.has_version = m.version.len == DHT_VERSION_LEN;
    if (m.query.method == KRPC_ANNOUNCE_PEER) {
        told.query = m.query;
        told.count++;
    }
    return true;
}

Test(dht, an_announce_carries_the_true_port_and_implied_port, .init = begin, .fini = end)
{
    struct dht_input in = {.type = DHT_IN_SEARCH,
                           .u.search = {.id = 1, .port = PORT, .seed = true}};

    net_grow(&net, 20);
    net.tap = watch_announces;
    memcpy(in.u.search.info_hash, hash, DHT_ID_LEN);
    net_input(&net, &net.nodes[7], &in);
    net_run(&net, 5000);
    cr_assert_geq(told.count, DHT_CLOSEST);
    cr_assert_eq(told.count, net.nodes[7].last_announces);
    cr_assert_eq(told.query.port, PORT);
    cr_assert(told.query.implied_port);
    cr_assert(told.query.seed);
    cr_assert(told.has_version);
    cr_assert_not(told.read_only);
}

Test(dht, a_search_without_a_port_announces_nothing, .init = begin, .fini = end)
{
    net_grow(&net, 20);
    net_search(&net, &net.nodes[7], 1, hash, 0, true);
    net_run(&net, 100000);
    cr_assert_geq(net.nodes[7].rounds, 3);
    cr_assert_eq(net.nodes[7].sent[KRPC_ANNOUNCE_PEER], 0);
}

Test(dht, a_stopped_search_is_over, .init = begin, .fini = end)
{
    struct net_node *n;
    unsigned queries;

    net_grow(&net, 20);
    n = &net.nodes[7];
    net_search(&net, n, 1, hash, PORT, true);
    net_run(&net, 20);
    net_input(&net, n, &(struct dht_input){.type = DHT_IN_STOP, .u.stop = 1});
    net_input(&net, n, &(struct dht_input){.type = DHT_IN_STOP, .u.stop = 2});
    queries = n->sent[KRPC_GET_PEERS];
    net_run(&net, 3600000);
    cr_assert_eq(n->sent[KRPC_GET_PEERS], queries);
    cr_assert_eq(n->sent[KRPC_ANNOUNCE_PEER], 0);
    cr_assert_eq(n->rounds + n->peers, 0);
    cr_assert_eq(net_stats(&net, n).searches, 0);
}

/* Announces that wait for the rate are no longer sent. */
Test(dht, a_stopped_search_announces_no_more, .init = begin, .fini = end)
{
    struct net_node *n;
    unsigned announces;

    net_grow(&net, 30);
    n = &net.nodes[7];
    for (unsigned i = 0; i < 100; i++) {
        rng_fill(&net.rng, hash, sizeof(hash));
        net_search(&net, n, i, hash, PORT, false);
    }
    while (n->rounds < 60)
        net_run(&net, 1);
    announces = n->sent[KRPC_ANNOUNCE_PEER];
    cr_assert_lt(announces, n->announces, "some wait");
    for (unsigned i = 0; i < 100; i++)
        net_input(&net, n, &(struct dht_input){.type = DHT_IN_STOP, .u.stop = i});
    announces = n->sent[KRPC_ANNOUNCE_PEER];
    net_run(&net, 60000);
    cr_assert_eq(n->sent[KRPC_ANNOUNCE_PEER], announces);
}

Test(dht, a_search_that_changes_goes_on, .init = begin, .fini = end)
{
    struct net_node *n;

    net_grow(&net, 20);
    n = &net.nodes[7];
    net_search(&net, n, 1, hash, 0, false);
    net_run(&net, 5000);
    cr_assert_eq(n->rounds, 1);
    net_search(&net, n, 1, hash, 0, false);
    net_run(&net, 100000);
    cr_assert_eq(n->rounds, 1, "nothing changed");
    net_search(&net, n, 1, hash, 0, true);
    net_run(&net, 1000);
    cr_assert_eq(n->rounds, 2, "it became hungry");
    net_search(&net, n, 1, hash, PORT, false);
    net_run(&net, DHT_SEARCH_GAP_MS + 1000);
    cr_assert_eq(n->rounds, 3, "it has a port now");
    cr_assert_geq(n->last_announces, DHT_CLOSEST);
    hash[0] ^= 0x80;
    net_search(&net, n, 1, hash, PORT, false);
    net_run(&net, 2000);
    cr_assert_eq(n->rounds, 4, "another info-hash");
    cr_assert_eq(net_stats(&net, n).searches, 1);
}

Test(dht, many_searches_go_in_turn_and_hungry_ones_first, .init = begin, .fini = end)
{
    struct net_node *n;

    net_grow(&net, 30);
    n = &net.nodes[7];
    for (unsigned i = 0; i < 400; i++) {
        uint8_t other[DHT_ID_LEN];

        rng_fill(&net.rng, other, sizeof(other));
        net_search(&net, n, 10 + i, other, PORT, false);
    }
    net_search(&net, &net.nodes[3], 1, hash, PORT, false);
    net_run(&net, 3000);
    cr_assert_leq(net_stats(&net, n).lookups, DHT_LOOKUPS_FULL_MAX + 1);
    net_search(&net, n, 1, hash, 0, true);
    cr_assert(net_run_until(&net, 3000, has_peers, n), "not behind 400 others");
    cr_assert_lt(n->rounds, 200);
    net_run(&net, 300000);
    cr_assert_geq(n->rounds, 400);
    cr_assert_leq(n->sent_total, DHT_QUERIES_BURST + DHT_QUERIES_RATE * 300);
}

Test(dht, the_number_of_searches_is_bounded, .init = begin, .fini = end)
{
    struct net_node *n = net_add(&net);
    struct dht_input in = {.type = DHT_IN_SEARCH};

    for (unsigned i = 0; i < DHT_SEARCHES_MAX; i++) {
        in.u.search.id = i;
        cr_assert_eq(dht_handle(n->dht, &in, net.now), 0);
    }
    in.u.search.id = DHT_SEARCHES_MAX;
    cr_assert_neq(dht_handle(n->dht, &in, net.now), 0);
    in.u.search.id = 5;
    cr_assert_eq(dht_handle(n->dht, &in, net.now), 0, "one that is known can be changed");
}

Test(dht, searches_succeed_although_datagrams_are_lost, .init = begin, .fini = end)
{
    unsigned found = 0;

    net_grow(&net, 100);
    net.loss_permille = 100;
    for (unsigned i = 0; i < 30; i++) {
        struct net_node *n = any_node(100);

        rng_fill(&net.rng, hash, sizeof(hash));
        announce(100, 100 + i);
        n->peers = 0;
        net_search(&net, n, 1000 + i, hash, 0, true);
        found += net_run_until(&net, 15000, has_peers, n);
    }
    cr_assert_geq(found, 30, "%u", found);
}

/* The first datagrams between a new node and the only address that it knows are lost. */
static bool
lose_first(struct net *n, const struct endpoint *from, const struct endpoint *to,
           const uint8_t *data, size_t len)
{
    unsigned *left = n->ctx;
    struct endpoint own = net_addr(900);

    (void)data;
    (void)len;
    if (*left == 0 || (!endpoint_equal(from, &own) && !endpoint_equal(to, &own)))
        return true;
    --*left;
    return false;
}

Test(dht, the_first_query_is_sent_again_when_it_is_lost, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(900);
    struct net_node *n;
    unsigned lost = 2;

    net_grow(&net, 50);
    announce(50, 1);
    n = net_add_at(&net, &addr, NULL);
    net.ctx = &lost;
    net.tap = lose_first;
    net_up(&net, n);
    net_search(&net, n, 1, hash, 0, true);
    cr_assert(net_run_until(&net, 3000, has_peers, n), "lost %u", 2 - lost);
    cr_assert_eq(lost, 0);
}

/* Nobody is there: the only address gets few queries. */
Test(dht, a_query_is_sent_again_only_a_few_times, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(900);
    struct net_node *n;
    unsigned lost = UINT32_MAX;

    net_grow(&net, 5);
    n = net_add_at(&net, &addr, NULL);
    net.ctx = &lost;
    net.tap = lose_first;
    net_up(&net, n);
    net_search(&net, n, 1, hash, 0, true);
    net_run(&net, 4900);
    cr_assert_eq(n->sent[KRPC_GET_PEERS], 1 + DHT_RESENDS_MAX);
}

Test(dht, searches_succeed_after_half_of_the_nodes_died, .init = begin, .fini = end)
{
    unsigned found = 0;

    net_grow(&net, 150);
    for (unsigned i = 1; i < 150; i += 2)
        net.nodes[i].dead = true;
    net_run(&net, 60000);
    for (unsigned i = 0; i < 20; i++) {
        struct net_node *from = &net.nodes[2 * rng_below(&net.rng, 75)];
        struct net_node *n = &net.nodes[2 * rng_below(&net.rng, 75)];

        rng_fill(&net.rng, hash, sizeof(hash));
        net_search(&net, from, 100 + i, hash, PORT, false);
        net_run(&net, 15000);
        n->peers = 0;
        net_search(&net, n, 1000 + i, hash, 0, true);
        found += net_run_until(&net, 15000, has_peers, n);
    }
    cr_assert_geq(found, 20, "%u", found);
}

Test(dht, a_network_that_falls_silent_does_not_empty_the_table, .init = begin, .fini = end)
{
    struct net_node *n;
    uint32_t nodes;

    net_grow(&net, 40);
    n = &net.nodes[7];
    nodes = net_stats(&net, n).nodes;
    net.loss_permille = 1000;
    n->bootstraps = 0;
    net_run(&net, 3600000);
    cr_assert_geq(net_stats(&net, n).nodes, nodes - 1);
    cr_assert_geq(n->bootstraps, 3, "it asks for other nodes");
    net.loss_permille = 0;
    net_run(&net, DHT_BOOTSTRAP_MAX_MS + 60000);
    cr_assert_geq(net_stats(&net, n).nodes_good, DHT_K);
}

/* Answers a query with the actor's id, or with what the test set. */
static struct {
    const uint8_t *id;
    bool echo, spoil_tid;
    const struct endpoint *from;
    unsigned asked;
} actor_does;

static void
act(struct net *n, struct net_node *self, const struct endpoint *from, const uint8_t *data,
    size_t len)
{
    uint8_t tid[64];
    struct krpc_message m, answer = {.kind = KRPC_RESPONSE,
                                     .id = actor_does.id != NULL ? actor_does.id : self->id,
                                     .response = {.interval = -1, .num = -1}};

    cr_assert_eq(krpc_decode(&m, data, len), 0);
    if (m.kind != KRPC_QUERY)
        return;
    actor_does.asked++;
    if (actor_does.echo) {
        net_send(n, &self->addr, from, data, len);
        return;
    }
    memcpy(tid, m.tid.data, m.tid.len);
    tid[0] ^= actor_does.spoil_tid;
    answer.tid = (struct krpc_bytes){tid, m.tid.len};
    net_send_message(n, actor_does.from != NULL ? actor_does.from : &self->addr, from, &answer);
}

static struct net_node *
node_and_actor(struct net_node **actor, bool with_id)
{
    struct endpoint addr = net_addr(5);
    struct net_node *n = net_add(&net);

    memset(&actor_does, 0, sizeof(actor_does));
    *actor = net_add_actor(&net, &addr, act, NULL);
    net_tell(&net, n, DHT_FROM_SAVED, &addr, with_id ? (*actor)->id : NULL);
    return n;
}

Test(dht, a_node_enters_only_with_the_right_answer, .init = begin, .fini = end)
{
    struct endpoint other = net_addr(6);
    struct net_node *actor, *n;
    uint8_t id[DHT_ID_LEN];

    n = node_and_actor(&actor, true);
    net_run(&net, 1000);
    cr_assert_eq(net_stats(&net, n).nodes, 1);

    n = node_and_actor(&actor, true);
    actor_does.spoil_tid = true;
    net_run(&net, 1000);
    cr_assert_eq(net_stats(&net, n).nodes, 0, "another transaction id");
    cr_assert_gt(net_stats(&net, n).counters[DHT_COUNT_UNASKED], 0);

    n = node_and_actor(&actor, true);
    actor_does.from = &other;
    net_run(&net, 1000);
    cr_assert_eq(net_stats(&net, n).nodes, 0, "another address");

    n = node_and_actor(&actor, true);
    memcpy(id, actor->id, sizeof(id));
    id[10] ^= 1;
    actor_does.id = id;
    net_run(&net, 30);
    cr_assert_eq(net_stats(&net, n).nodes, 0, "another id");
    net_run(&net, 5000);
    cr_assert_gt(net_stats(&net, n).counters[DHT_COUNT_IMPOSTORS], 0);
}

Test(dht, a_doubled_answer_counts_once, .init = begin, .fini = end)
{
    struct net_node *n = net_add(&net), *m = net_add(&net);
    struct dht_stats st;

    (void)m;
    net_tell(&net, n, DHT_FROM_SAVED, &net.nodes[1].addr, NULL);
    net_run(&net, 1000);
    st = net_stats(&net, n);
    cr_assert_eq(st.counters[DHT_COUNT_UNASKED], 0);
    cr_assert_gt(st.counters[DHT_COUNT_ANSWERS_IN], 0);
    cr_assert_eq(st.nodes, 1);
}

Test(dht, a_reflector_is_asked_no_more, .init = begin, .fini = end)
{
    for (unsigned own_id = 0; own_id < 2; own_id++) {
        struct net_node *actor, *n = node_and_actor(&actor, false);
        uint8_t id[DHT_ID_LEN];
        unsigned asked;

        net_id(&net, n, id);
        actor_does.echo = !own_id;
        actor_does.id = own_id ? id : NULL;
        net_run(&net, 1000);
        cr_assert_eq(net_stats(&net, n).nodes, 0);
        cr_assert_geq(net_stats(&net, n).counters[DHT_COUNT_REFLECTORS], 1);
        cr_assert_eq(net_stats(&net, n).counters[DHT_COUNT_ANSWERS_OUT], 0);
        asked = actor_does.asked;
        net_tell(&net, n, DHT_FROM_SAVED, &actor->addr, NULL);
        net_run(&net, 100000);
        cr_assert_eq(actor_does.asked, asked);
        net.nodes[net.count - 1].actor = NULL;
        net.nodes[net.count - 1].addr.port++;
    }
}

/* A node named by strangers is asked at addresses of strangers only. */
static void
name_the_lan(struct net *n, struct net_node *self, const struct endpoint *from, const uint8_t *data,
             size_t len)
{
    const struct endpoint bad[] = {
        {.family = IP_V4, .ip = {192, 168, 1, 1}, .port = 6881},
        {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 6881},
        {.family = IP_V4, .ip = {45, 1, 1, 1}, .port = 53},
        {.family = IP_V4, .ip = {224, 1, 1, 1}, .port = 6881},
        {.family = IP_V4, .ip = {46, 1, 1, 1}, .port = 6881}, /* the good one */
    };
    uint8_t nodes[5 * KRPC_NODE_V4_LEN], values[5 * KRPC_VALUE_V4_LEN];
    size_t nodes_len = 0, values_len = 0;
    struct krpc_message m, answer = {.kind = KRPC_RESPONSE, .id = self->id};

    krpc_decode(&m, data, len);
    for (unsigned i = 0; i < 5; i++) {
        nodes_len += krpc_node_put(nodes + nodes_len, hash, &bad[i]);
        values_len += krpc_value_put(values + values_len, &bad[i]);
    }
    answer.tid = m.tid;
    answer.response.nodes = (struct krpc_bytes){nodes, nodes_len};
    answer.response.values = (struct krpc_bytes){values, values_len};
    if (m.kind == KRPC_QUERY)
        net_send_message(n, &self->addr, from, &answer);
}

static unsigned strange_sends;

static bool
watch_strange(struct net *n, const struct endpoint *from, const struct endpoint *to,
              const uint8_t *data, size_t len)
{
    (void)n;
    (void)from;
    (void)data;
    (void)len;
    strange_sends += to->ip[0] != 45 && to->ip[0] != 46;
    strange_sends += to->port < 1024;
    return true;
}

Test(dht, hearsay_does_not_lead_into_our_network, .init = begin, .fini = end)
{
    struct net_node *n = net_add(&net);
    struct endpoint addr = net_addr(5);

    net.tap = watch_strange;
    strange_sends = 0;
    net_add_actor(&net, &addr, name_the_lan, NULL);
    net_tell(&net, n, DHT_FROM_SAVED, &addr, NULL);
    net_search(&net, n, 1, hash, PORT, true);
    net_run(&net, 20000);
    cr_assert_eq(strange_sends, 0);
    cr_assert_geq(n->peers, 1);
    cr_assert_eq(n->last_peer.ip[0], 46);
    cr_assert_eq(n->peers, n->rounds, "one of five in each round");
}

Test(dht, a_peer_or_torrent_names_no_other_service_as_a_node, .init = begin, .fini = end)
{
    struct net_node *n = net_add(&net);
    struct endpoint addr = net_addr(5);

    net.tap = watch_strange;
    strange_sends = 0;
    addr.port = 53;
    net_tell(&net, n, DHT_FROM_PEER, &addr, NULL);
    net_tell(&net, n, DHT_FROM_TORRENT, &addr, NULL);
    net_run(&net, 10000);
    cr_assert_eq(strange_sends, 0);
    net_tell(&net, n, DHT_FROM_BOOTSTRAP, &addr, NULL);
    net_run(&net, 10000);
    cr_assert_gt(strange_sends, 0, "whom the user names may have any port");
}

/* Saved nodes that came back with other ids are nobody we know. */
Test(dht, impostors_alone_lead_to_the_bootstrap_nodes, .init = begin, .fini = end)
{
    struct net_node *actor, *n = node_and_actor(&actor, true);
    uint8_t id[DHT_ID_LEN];

    memcpy(id, actor->id, sizeof(id));
    id[10] ^= 1;
    actor_does.id = id;
    n->bootstraps = 0;
    net_up(&net, n);
    net_run(&net, DHT_SAVED_WAIT_MS + 1000);
    cr_assert_geq(n->bootstraps, 1);
    cr_assert_leq(actor_does.asked, 3, "and they are not asked again and again");
}

Test(dht, the_id_follows_the_address_that_nodes_see, .init = begin, .fini = end)
{
    struct dht_config cfg = {.family = IP_V4};
    struct endpoint addr = net_addr(900);
    struct net_node *n;
    struct dht_stats st;

    net_grow(&net, 20);
    n = net_add_at(&net, &addr, &cfg);
    cr_assert_not(dht_id_valid(net_stats(&net, n).id, &addr));
    net_up(&net, n);
    net_run(&net, 5000);
    st = net_stats(&net, n);
    cr_assert(endpoint_same_host(&st.external, &addr));
    cr_assert(dht_id_valid(st.id, &addr));
    cr_assert_eq(n->identities, 1);
    cr_assert_eq(st.counters[DHT_COUNT_ID_CHANGES], 1);
    cr_assert_geq(st.nodes, 4, "the table was sorted anew");
}

Test(dht, a_saved_id_stays_if_it_fits, .init = begin, .fini = end)
{
    struct endpoint addr = net_addr(1);
    struct dht_config cfg = {.family = IP_V4, .has_id = true};
    struct net_node *n;

    dht_id_make(cfg.id, &addr, 1, &net.rng);
    n = net_add_at(&net, &addr, &cfg);
    cr_assert(dht_id_equal(net_stats(&net, n).id, cfg.id));
    cfg.external = addr;
    n = net_add_at(&net, &addr, &cfg);
    cr_assert(dht_id_equal(net_stats(&net, n).id, cfg.id));
    cfg.external = net_addr(2);
    n = net_add_at(&net, &addr, &cfg);
    cr_assert_not(dht_id_equal(net_stats(&net, n).id, cfg.id));
}

/* A NAT before node 7: a query comes in only from an address that the node asked a moment ago. */
static struct mono nat_opened[NET_NODES_MAX];

static bool
nat(struct net *n, const struct endpoint *from, const struct endpoint *to, const uint8_t *data,
    size_t len)
{
    const struct endpoint *inside = &n->nodes[7].addr;
    struct krpc_message m;

    for (unsigned i = 0; i < n->count; i++) {
        if (endpoint_equal(from, inside) && endpoint_equal(to, &n->nodes[i].addr))
            nat_opened[i] = n->now;
        if (endpoint_equal(to, inside) && endpoint_equal(from, &n->nodes[i].addr) &&
            krpc_decode(&m, data, len) == 0 && m.kind == KRPC_QUERY)
            return mono_diff_ms(n->now, nat_opened[i]) < DHT_ASKED_MS / 2;
    }
    return true;
}

Test(dht, a_node_that_no_stranger_reaches_becomes_read_only, .init = begin, .fini = end)
{
    struct net_node *n;

    net_grow(&net, 30);
    n = &net.nodes[7];
    net_search(&net, n, 1, hash, PORT, true);
    net_run(&net, DHT_REACH_MS * 3);
    cr_assert_not(net_stats(&net, n).read_only, "strangers ask it");
    net.tap = nat;
    net_run(&net, DHT_REACH_MS * 4);
    cr_assert(net_stats(&net, n).read_only);
    net.tap = NULL;
    net_run(&net, DHT_REACH_AGAIN_MS + DHT_REACH_MS);
    cr_assert_not(net_stats(&net, n).read_only, "it tries again");
}

Test(dht, a_read_only_node_says_so, .init = begin, .fini = end)
{
    net_grow(&net, 20);
    net_input(&net, &net.nodes[7],
              &(struct dht_input){.type = DHT_IN_REACH, .u.reach = DHT_REACH_NO});
    net.tap = watch_announces;
    net_search(&net, &net.nodes[7], 1, hash, PORT, true);
    net_run(&net, 5000);
    cr_assert(told.read_only);
    cr_assert_geq(told.count, DHT_CLOSEST, "it announces as others do");
}

Test(dht, the_table_is_saved_now_and_then, .init = begin, .fini = end)
{
    struct dht_contact saved[DHT_SAVED_MAX];
    struct net_node *n;
    size_t count;

    net_grow(&net, 30);
    n = &net.nodes[7];
    net_run(&net, 3600000);
    cr_assert(n->saves >= 5 && n->saves <= 8, "%u", n->saves);
    count = dht_save(n->dht, saved, DHT_SAVED_MAX);
    cr_assert_eq(count, net_stats(&net, n).nodes);
    cr_assert_eq(dht_save(n->dht, saved, 3), 3);
    cr_assert_eq(net_stats(&net, n).nodes_good, count, "all answer their pings");
}

Test(dht, ipv6_nodes_find_peers_too, .init = begin, .fini = end)
{
    struct net_node *n;

    for (unsigned i = 0; i < 30; i++) {
        struct endpoint addr = {
            .family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, 0, (uint8_t)i, [15] = 1}, .port = 6881};

        n = net_add_at(&net, &addr, NULL);
        net_up(&net, n);
        net_tell(&net, n, DHT_FROM_BOOTSTRAP, &net.nodes[0].addr, NULL);
        net_run(&net, 500);
    }
    net_run(&net, 30000);
    announce(20, 1);
    n = &net.nodes[25];
    net_search(&net, n, 2, hash, 0, true);
    cr_assert(net_run_until(&net, 2000, has_peers, n));
    cr_assert_eq(n->last_peer.family, IP_V6);
}

static unsigned wants; /* queries with "want" that the node before the last one sent */

static bool
count_wants(struct net *n, const struct endpoint *from, const struct endpoint *to,
            const uint8_t *data, size_t len)
{
    struct krpc_message m;

    (void)to;
    cr_assert_eq(krpc_decode(&m, data, len), 0);
    if (m.kind == KRPC_QUERY && endpoint_same_host(from, &n->nodes[n->count - 2].addr) &&
        m.query.want != 0) {
        cr_expect_eq(m.query.want, (unsigned)(KRPC_WANT_N4 | KRPC_WANT_N6));
        cr_expect(m.query.method == KRPC_FIND_NODE || m.query.method == KRPC_GET_PEERS);
        wants++;
    }
    return true;
}

/* A node of each family at one machine; |siblings|: each is told of the other one. */
static void
add_pair(unsigned i, bool siblings)
{
    struct endpoint six = {
        .family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, 0, (uint8_t)i, [15] = 1}, .port = 6881};
    struct net_node *a = net_add(&net), *b = net_add_at(&net, &six, NULL);

    net_up(&net, b);
    if (!siblings)
        return;
    a->sibling = (int)(b - net.nodes);
    b->sibling = (int)(a - net.nodes);
    dht_set_other(a->dht, b->dht);
    dht_set_other(b->dht, a->dht);
}

/* BEP 32: a machine that knows a single IPv4 node finds the IPv6 nodes through it. */
Test(dht, nodes_of_the_other_family_are_asked_for, .init = begin, .fini = end)
{
    enum { PAIRS = 60 };
    struct dht_stats st;

    net.boot = NET_BOOT_NONE;
    for (unsigned i = 0; i < PAIRS; i++) {
        add_pair(i, true);
        net_tell(&net, &net.nodes[2 * i], DHT_FROM_BOOTSTRAP, &net.nodes[0].addr, NULL);
        net_tell(&net, &net.nodes[2 * i + 1], DHT_FROM_BOOTSTRAP, &net.nodes[1].addr, NULL);
        net_run(&net, 200);
    }
    net_run(&net, 60000);
    add_pair(PAIRS, true);
    net.tap = count_wants;
    wants = 0;
    net_tell(&net, &net.nodes[2 * PAIRS], DHT_FROM_BOOTSTRAP, &net.nodes[0].addr, NULL);
    net_run(&net, 120000);
    cr_expect_gt(wants, 0u);
    st = net_stats(&net, &net.nodes[2 * PAIRS + 1]);
    cr_expect_geq(st.nodes_good, (uint32_t)DHT_SIBLING_FEW);
    /* Now that both know enough nodes, none asks in the name of the other. */
    wants = 0;
    net_search(&net, &net.nodes[2 * PAIRS], 1, hash, PORT, true);
    net_run(&net, 60000);
    cr_expect_eq(wants, 0u);
    /* Without a sibling nobody does. */
    add_pair(PAIRS + 1, false);
    net_tell(&net, &net.nodes[2 * PAIRS + 2], DHT_FROM_BOOTSTRAP, &net.nodes[0].addr, NULL);
    net_run(&net, 60000);
    cr_expect_eq(wants, 0u);
    st = net_stats(&net, &net.nodes[2 * PAIRS + 3]);
    cr_expect_eq(st.nodes, 0u);
}

/* An attacker: answers with no peers, and names only attackers. */
struct gang {
    struct endpoint addrs[64];
    uint8_t ids[64][DHT_ID_LEN];
    unsigned count;
};

static void
lie(struct net *n, struct net_node *self, const struct endpoint *from, const uint8_t *data,
    size_t len)
{
    const struct gang *gang = self->ctx;
    uint8_t nodes[8 * KRPC_NODE_V4_LEN];
    struct krpc_message m, answer = {.kind = KRPC_RESPONSE, .id = self->id};
    uint32_t first = rng_below(&n->rng, gang->count);
    size_t used = 0;

    if (krpc_decode(&m, data, len) != 0 || m.kind != KRPC_QUERY)
        return;
    for (unsigned i = 0; i < 8; i++) {
        unsigned k = (first + i * 8 + i) % gang->count;

        used += krpc_node_put(nodes + used, gang->ids[k], &gang->addrs[k]);
    }
    answer.tid = m.tid;
    answer.response.nodes = (struct krpc_bytes){nodes, used};
    answer.response.token = (struct krpc_bytes){(const uint8_t *)"liar", 4};
    net_send_message(n, &self->addr, from, &answer);
}

/* Attackers in 8 networks, with ids as near to |hash| as they like. They have asked every node for
 * |hash|, so that all tables that would have them do. |exempt|: in private networks, where no id is
 * invalid, and each address is a network. */
static void
besiege(struct gang *gang, unsigned honest, bool exempt)
{
    gang->count = exempt ? 8 : 64;
    for (unsigned i = 0; i < gang->count; i++) {
        gang->addrs[i] =
            (struct endpoint){.family = IP_V4,
                              .ip = {exempt ? 10 : 77, 1, (uint8_t)(i % 8), (uint8_t)(i / 8 + 1)},
                              .port = 6881};
        memcpy(gang->ids[i], hash, DHT_ID_LEN);
        gang->ids[i][3] ^= (uint8_t)(1 + i);
        gang->ids[i][19] = (uint8_t)i;
        memcpy(net_add_actor(&net, &gang->addrs[i], lie, gang)->id, gang->ids[i], DHT_ID_LEN);
    }
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < gang->count; i++) {
            struct krpc_message m = {.kind = KRPC_QUERY,
                                     .tid = {(const uint8_t *)"zz", 2},
                                     .id = gang->ids[i],
                                     .query = {.method = KRPC_GET_PEERS, .target = hash}};

            for (unsigned k = 0; k < honest; k++)
                net_send_message(&net, &gang->addrs[i], &net.nodes[k].addr, &m);
            net_run(&net, 250);
        }
}

static unsigned
siege(bool exempt)
{
    unsigned found = 0;

    net_grow(&net, 150);
    for (unsigned i = 0; i < 6; i++) {
        struct gang gang;
        struct net_node *n = any_node(150), *from = any_node(150);

        rng_fill(&net.rng, hash, sizeof(hash));
        net.count = 150;
        besiege(&gang, 150, exempt);
        net_search(&net, from, 100 + i, hash, PORT, false);
        net_run(&net, 15000);
        n->peers = 0;
        net_search(&net, n, 1000 + i, hash, 0, true);
        found += net_run_until(&net, 10000, has_peers, n);
        net_run(&net, 1000);
    }
    return found;
}

Test(dht, attackers_around_an_info_hash_do_not_hide_it, .init = begin, .fini = end)
{
    unsigned found = siege(false);

    cr_assert_eq(found, 6, "%u", found);
}

/* The same where neither BEP 42 nor the networks help: eight attackers are the eight closest. */
Test(dht, attackers_with_valid_ids_do_not_hide_it, .init = begin, .fini = end)
{
    unsigned found = siege(true);

    cr_assert_eq(found, 6, "%u", found);
}

/* The attackers of |gang| that are closest to a target: what a lookup that believes them converges
 * to. */
static void
lie_well(struct net *n, struct net_node *self, const struct endpoint *from, const uint8_t *data,
         size_t len)
{
    const struct gang *gang = self->ctx;
    uint8_t nodes[8 * KRPC_NODE_V4_LEN];
    struct krpc_message m, answer = {.kind = KRPC_RESPONSE, .id = self->id};
    uint64_t named = 0;
    size_t used = 0;

    if (krpc_decode(&m, data, len) != 0 || m.kind != KRPC_QUERY)
        return;
    for (unsigned i = 0; m.query.target != NULL && i < 8 && i < gang->count; i++) {
        unsigned best = gang->count;

        for (unsigned k = 0; k < gang->count; k++)
            if ((named >> k & 1) == 0 &&
                (best == gang->count ||
                 dht_id_compare(gang->ids[k], gang->ids[best], m.query.target) < 0))
                best = k;
        named |= UINT64_C(1) << best;
        used += krpc_node_put(nodes + used, gang->ids[best], &gang->addrs[best]);
    }
    answer.tid = m.tid;
    answer.response.nodes = (struct krpc_bytes){nodes, used};
    answer.response.token = (struct krpc_bytes){(const uint8_t *)"liar", 4};
    net_send_message(n, &self->addr, from, &answer);
}

/* A fifth of the DHT lies, from the beginning on, with good ids and addresses. */
Test(dht, searches_succeed_although_a_fifth_lies, .init = begin, .fini = end)
{
    static struct gang gang;
    unsigned found = 0;

    gang.count = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct endpoint addr = net_addr(i);

        if (i % 5 == 4) {
            gang.addrs[gang.count] = addr;
            memcpy(gang.ids[gang.count++], net_add_actor(&net, &addr, lie_well, &gang)->id,
                   DHT_ID_LEN);
        } else {
            net_add(&net);
            net.boot = 0;
        }
        for (unsigned k = 0; i % 5 == 4 && k < i; k += 1 + rng_below(&net.rng, 5)) {
            struct krpc_message m = {.kind = KRPC_QUERY,
                                     .tid = {(const uint8_t *)"zz", 2},
                                     .id = net.nodes[i].id,
                                     .query = {.method = KRPC_FIND_NODE, .target = hash}};

            net_send_message(&net, &addr, &net.nodes[k].addr, &m);
        }
        net_run(&net, 200);
    }
    net_run(&net, 60000);
    for (unsigned i = 0; i < 40; i++) {
        struct net_node *n = &net.nodes[5 * rng_below(&net.rng, 40) + 1];

        rng_fill(&net.rng, hash, sizeof(hash));
        net_search(&net, &net.nodes[5 * rng_below(&net.rng, 40)], 100 + i, hash, PORT, false);
        net_run(&net, 5000);
        n->peers = 0;
        net_search(&net, n, 1000 + i, hash, 0, true);
        found += net_run_until(&net, 20000, has_peers, n);
    }
    cr_assert_eq(found, 40, "%u", found);
}

Test(dht, a_node_is_small)
{
    cr_assert_leq(sizeof(struct dht), 1 << 20);
}
