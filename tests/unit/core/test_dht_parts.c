/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small parts of a DHT node: its queries, its guard against floods, the vote over its address,
 * the pool of addresses, and what hearsay it believes.
 */
#include <criterion/criterion.h>

#include "peer/core/dht_guard.h"
#include "peer/core/dht_hearsay.h"
#include "peer/core/dht_pool.h"
#include "peer/core/dht_queries.h"
#include "peer/core/dht_self.h"

static const uint64_t key[2] = {1, 2};
static struct dht_queries q;
static struct dht_guard guard;
static struct dht_pool pool;
static struct dht_self self;
static struct rng rng;
static struct mono now;

static struct endpoint
host(unsigned net, uint8_t last)
{
    return (struct endpoint){
        .family = IP_V4, .ip = {45, (uint8_t)(net >> 8), (uint8_t)net, last}, .port = 6881};
}

static void
begin(void)
{
    now = (struct mono){1000000};
    rng_init(&rng, 1);
    dht_queries_init(&q, key);
    dht_guard_init(&guard, key, now);
    memset(&pool, 0, sizeof(pool));
}

static struct dht_query *
send_one(unsigned n)
{
    struct endpoint to = host(n, 1);

    cr_assert_not_null(dht_queries_add(&q, DHT_ASK_PING, &to, NULL));
    return dht_queries_send(&q, now);
}

Test(dht_queries, an_answer_needs_the_exact_transaction_id, .init = begin)
{
    uint8_t tid[DHT_TID_LEN + 1] = {0};
    struct dht_query *query = NULL;

    for (unsigned i = 0; i < DHT_QUERIES_MAX / 2 + 5; i++) {
        query = send_one(i);
        dht_queries_tid(&q, query, tid);
        cr_assert_eq(dht_queries_find(&q, tid, DHT_TID_LEN), query);
        if (i < 20)
            dht_queries_remove(&q, query);
        now = mono_add_ms(now, 10);
    }
    cr_assert_null(dht_queries_find(&q, tid, DHT_TID_LEN - 1));
    cr_assert_null(dht_queries_find(&q, tid, DHT_TID_LEN + 1));
    for (unsigned bit = 0; bit < 8 * DHT_TID_LEN; bit++) {
        tid[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_null(dht_queries_find(&q, tid, DHT_TID_LEN), "bit %u", bit);
        tid[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    dht_queries_remove(&q, query);
    cr_assert_null(dht_queries_find(&q, tid, DHT_TID_LEN), "it was answered before");
}

Test(dht_queries, an_unsent_query_has_no_answer, .init = begin)
{
    struct endpoint to = host(1, 1);
    struct dht_query *query = dht_queries_add(&q, DHT_ASK_PING, &to, NULL);
    uint8_t tid[DHT_TID_LEN];

    dht_queries_tid(&q, query, tid);
    cr_assert_null(dht_queries_find(&q, tid, sizeof(tid)));
}

Test(dht_queries, the_table_is_bounded, .init = begin)
{
    struct endpoint to = host(1, 1);

    for (unsigned i = 0; i < DHT_QUERIES_MAX; i++)
        cr_assert_not_null(dht_queries_add(&q, DHT_ASK_PING, &to, NULL));
    cr_assert_null(dht_queries_add(&q, DHT_ASK_PING, &to, NULL));
    dht_queries_forget_lookup(&q, DHT_NO_LOOKUP);
    cr_assert_eq(q.count, 0);
    cr_assert_not_null(send_one(2), "the line holds none that are forgotten");
}

Test(dht_queries, the_rate_of_queries_is_bounded, .init = begin)
{
    struct endpoint to = host(1, 1);
    unsigned sent = 0;
    struct mono end = mono_add_ms(now, 2000);

    while (mono_before(now, end)) {
        struct dht_query *query;

        while (dht_queries_add(&q, DHT_ASK_PING, &to, NULL) != NULL)
            ;
        while ((query = dht_queries_send(&q, now)) != NULL) {
            dht_queries_remove(&q, query);
            sent++;
        }
        cr_assert_null(dht_queries_due(&q, now));
        cr_assert(mono_before(now, dht_queries_expiry(&q)), "it says when more may go");
        now = dht_queries_expiry(&q);
    }
    cr_assert_leq(sent, DHT_QUERIES_BURST + 2 * DHT_QUERIES_RATE + 2);
    cr_assert_geq(sent, DHT_QUERIES_BURST + 2 * DHT_QUERIES_RATE - 20);
}

Test(dht_queries, a_query_is_late_by_the_round_trips_and_then_fails, .init = begin)
{
    struct dht_query *query;
    int64_t late_ms;

    for (unsigned i = 0; i < 50; i++) {
        query = send_one(i);
        now = mono_add_ms(now, 20);
        dht_queries_answered(&q, query, now);
        dht_queries_remove(&q, query);
    }
    query = send_one(99);
    late_ms = mono_diff_ms(query->due, now);
    cr_assert(late_ms >= DHT_LATE_MIN_MS && late_ms < 100, "%ld", (long)late_ms);
    cr_assert_null(dht_queries_due(&q, mono_add_ms(now, late_ms - 1)));
    cr_assert_eq(dht_queries_due(&q, query->due), query);
    cr_assert_eq(query->state, DHT_QUERY_LATE);
    cr_assert_null(dht_queries_due(&q, mono_add_ms(now, late_ms)));
    cr_assert_eq(mono_diff_ms(dht_queries_expiry(&q), now), DHT_EXPIRE_MS);
    cr_assert_eq(dht_queries_due(&q, mono_add_ms(now, DHT_EXPIRE_MS)), query);
    cr_assert_eq(query->state, DHT_QUERY_FREE);
    cr_assert_eq(q.count, 0);
}

Test(dht_queries, the_time_until_late_is_bounded, .init = begin)
{
    for (int64_t rtt_ms = 1; rtt_ms <= 5000; rtt_ms += 4999) {
        struct dht_query *query;

        dht_queries_init(&q, key);
        query = send_one(1);
        cr_assert_eq(mono_diff_ms(query->due, now), DHT_LATE_FIRST_MS);
        now = mono_add_ms(now, rtt_ms);
        for (unsigned i = 0; i < 60; i++)
            dht_queries_answered(&q, query, now);
        query = send_one(2);
        cr_assert_eq(mono_diff_ms(query->due, now),
                     rtt_ms == 1 ? DHT_LATE_MIN_MS : DHT_LATE_MAX_MS);
    }
}

Test(dht_guard, one_site_exhausts_only_its_own_answers, .init = begin)
{
    struct endpoint flood = host(1, 1), other = host(2, 1);
    unsigned served = 0;

    for (unsigned i = 0; i < 1000; i++) {
        flood.port = (uint16_t)(1024 + i); /* another port is the same site */
        served += dht_guard_query(&guard, &flood, now);
    }
    cr_assert_eq(served, DHT_GUARD_SITE_BURST);
    cr_assert(dht_guard_query(&guard, &other, now));
    for (unsigned ms = 0; ms < 10000; ms++) {
        now = mono_add_ms(now, 1);
        served += dht_guard_query(&guard, &flood, now);
    }
    cr_assert_leq(served, DHT_GUARD_SITE_BURST + 10 * DHT_GUARD_SITE_RATE);
    cr_assert_geq(served, DHT_GUARD_SITE_BURST + 10 * DHT_GUARD_SITE_RATE - 5);
}

Test(dht_guard, a_million_strangers_leave_half_to_proven_sites, .init = begin)
{
    struct endpoint friend = host(1, 1);
    unsigned served = 0, friends = 0;

    dht_guard_proved(&guard, &friend, now);
    for (unsigned i = 0; i < 1000000; i++) {
        struct endpoint e = host(i % 65536, (uint8_t)(2 + i / 65536));

        now = mono_add_us(now, 10);
        served += dht_guard_query(&guard, &e, now);
        if (i % 20000 == 0)
            friends += dht_guard_query(&guard, &friend, now);
    }
    cr_assert_leq(served, DHT_GUARD_BURST / 2 + 10 * DHT_GUARD_RATE);
    cr_assert_eq(friends, 50, "a proven site keeps its entry and its answers");
}

Test(dht_guard, a_proof_lifts_the_limit_of_bytes_for_a_while, .init = begin)
{
    struct endpoint e = host(1, 1), other = host(2, 1);

    cr_assert_eq(dht_guard_allowance(&guard, &e, 90, 1024, now), 90 * DHT_UNPROVEN_FACTOR);
    cr_assert_eq(dht_guard_allowance(&guard, &e, 900, 1024, now), 1024);
    dht_guard_proved(&guard, &e, now);
    cr_assert_eq(dht_guard_allowance(&guard, &e, 90, 1024, now), 1024);
    cr_assert_eq(dht_guard_allowance(&guard, &other, 90, 1024, now), 90 * DHT_UNPROVEN_FACTOR);
    now = mono_add_ms(now, DHT_PROOF_MS);
    cr_assert_eq(dht_guard_allowance(&guard, &e, 90, 1024, now), 90 * DHT_UNPROVEN_FACTOR);
}

Test(dht_guard, it_remembers_whom_we_asked, .init = begin)
{
    struct endpoint e = host(1, 1);

    dht_guard_query(&guard, &e, now);
    cr_assert_not(dht_guard_was_asked(&guard, &e, now));
    dht_guard_asked(&guard, &e, now);
    cr_assert(dht_guard_was_asked(&guard, &e, now));
    now = mono_add_ms(now, DHT_ASKED_MS);
    cr_assert_not(dht_guard_was_asked(&guard, &e, now));
}

Test(dht_guard, pings_to_askers_are_bounded, .init = begin)
{
    unsigned pings = 0;

    for (unsigned i = 0; i < 1000; i++) {
        pings += dht_guard_ping(&guard, now);
        now = mono_add_ms(now, 10);
    }
    cr_assert_leq(pings, DHT_GUARD_PING_BURST + 10 * DHT_GUARD_PING_RATE);
    cr_assert_geq(pings, 10 * DHT_GUARD_PING_RATE);
}

static bool
vote(unsigned net, uint8_t voter, uint8_t says)
{
    struct endpoint from = host(net, voter), it = host(9999, says);

    it.port = voter; /* must not matter */
    return dht_self_vote(&self, &from, &it, &rng, now);
}

static void
begin_self(void)
{
    struct endpoint none = {.family = IP_NONE};

    begin();
    dht_self_init(&self, NULL, &none, &rng);
}

Test(dht_self, more_than_one_node_decides_our_address, .init = begin_self)
{
    struct endpoint ours = host(9999, 5);

    cr_assert_not(vote(1, 1, 5));
    cr_assert_not(vote(1, 1, 5), "the same voter");
    cr_assert_eq(self.external.family, IP_NONE);
    cr_assert(vote(2, 1, 5));
    cr_assert(endpoint_same_host(&self.external, &ours));
    cr_assert_eq(self.external.port, 0);
    cr_assert(dht_id_valid(self.id, &ours));
}

Test(dht_self, a_change_needs_a_majority_and_time, .init = begin_self)
{
    for (unsigned i = 0; i < 10; i++)
        vote(i, 1, 5);
    cr_assert_eq(self.external.ip[3], 5);
    now = mono_add_ms(now, DHT_SELF_CHANGE_MS);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_not(vote(100 + i, 1, 6), "10 against %u", i);
    cr_assert(vote(200, 1, 6));
    for (unsigned i = 0; i < 100; i++)
        cr_assert_not(vote(300 + i, 1, 7), "too soon");
    now = mono_add_ms(now, DHT_SELF_CHANGE_MS);
    cr_assert(vote(500, 1, 7));
}

/* One network has few votes, however many hosts it has. */
Test(dht_self, a_network_of_liars_is_outvoted, .init = begin_self)
{
    for (unsigned i = 0; i < 6; i++)
        vote(i, 1, 5);
    now = mono_add_ms(now, DHT_SELF_CHANGE_MS);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_not(vote(100 + i % 2, (uint8_t)(1 + i % 250), 6));
    cr_assert_eq(self.external.ip[3], 5);
}

Test(dht_self, a_certain_address_is_not_voted_on, .init = begin_self)
{
    struct endpoint ours = host(9999, 8), none = {.family = IP_NONE};
    uint8_t id[DHT_ID_LEN];

    cr_assert(dht_self_set(&self, &ours, &rng));
    memcpy(id, self.id, sizeof(id));
    for (unsigned i = 0; i < 100; i++)
        cr_assert_not(vote(i, 1, 5));
    cr_assert_not(dht_self_set(&self, &ours, &rng), "the same address keeps the id");
    cr_assert(dht_id_equal(id, self.id));
    cr_assert_not(dht_self_set(&self, &none, &rng));
    cr_assert(vote(1, 1, 5), "until it is certain no longer");
}

Test(dht_self, an_id_that_fits_the_address_stays, .init = begin_self)
{
    struct endpoint ours = host(9999, 5), elsewhere = host(9999, 6);
    uint8_t id[DHT_ID_LEN];

    dht_id_make(id, &ours, 3, &rng);
    dht_self_init(&self, id, &ours, &rng);
    cr_assert(dht_id_equal(self.id, id));
    dht_self_init(&self, id, &elsewhere, &rng);
    cr_assert_not(dht_id_equal(self.id, id));
    cr_assert(dht_id_valid(self.id, &elsewhere));
}

static void
put(unsigned net, uint8_t id, enum dht_source source)
{
    struct dht_contact c = {.id = {id}, .addr = host(net, 1)};

    dht_pool_add(&pool, source, &c);
}

Test(dht_pool, each_address_is_taken_once, .init = begin)
{
    struct endpoint addr = host(2, 1);

    put(1, 1, DHT_FROM_SAVED);
    put(2, 2, DHT_FROM_SAVED);
    put(2, 2, DHT_FROM_SAVED);
    put(3, 3, DHT_FROM_SAVED);
    cr_assert_eq(pool.count, 3);
    dht_pool_asked(&pool, &addr);
    cr_assert_eq(dht_pool_take(&pool)->id[0], 1);
    cr_assert_eq(dht_pool_take(&pool)->id[0], 3);
    cr_assert_null(dht_pool_take(&pool));
    dht_pool_remove(&pool, &addr);
    cr_assert_eq(pool.count, 2);
    dht_pool_again(&pool);
    cr_assert_eq(dht_pool_take(&pool)->id[0], 1);
}

Test(dht_pool, peers_displace_only_what_peers_named, .init = begin)
{
    for (unsigned i = 0; i < 50; i++)
        put(i, 1, DHT_FROM_SAVED);
    for (unsigned i = 0; i < 1000; i++)
        put(1000 + i, 2, DHT_FROM_PEER);
    cr_assert_eq(pool.count, 50 + DHT_POOL_HEARSAY_MAX);
    for (unsigned i = 0; i < 1000; i++)
        put(i, 1, DHT_FROM_SAVED);
    cr_assert_eq(pool.count, DHT_POOL_MAX);
}

Test(dht_pool, the_closest_come_first_and_unknown_ids_last, .init = begin)
{
    const uint8_t target[DHT_ID_LEN] = {0};
    const struct dht_contact *out[3];

    put(1, 0, DHT_FROM_BOOTSTRAP);
    put(2, 30, DHT_FROM_SAVED);
    put(3, 10, DHT_FROM_SAVED);
    cr_assert_eq(dht_pool_closest(&pool, target, out, 3), 3);
    cr_assert_eq(out[0]->id[0], 10);
    cr_assert_eq(out[1]->id[0], 30);
    put(4, 20, DHT_FROM_SAVED);
    cr_assert_eq(dht_pool_closest(&pool, target, out, 3), 3);
    cr_assert_eq(out[1]->id[0], 20);
    cr_assert_eq(out[2]->id[0], 30);
    cr_assert_eq(dht_pool_closest(&pool, target, out, 0), 0);
}

Test(dht_hearsay, strangers_name_no_address_near_us_and_no_other_service)
{
    const struct endpoint global = {.family = IP_V4, .ip = {45, 1, 1, 1}, .port = 6881};
    const struct endpoint lan = {.family = IP_V4, .ip = {192, 168, 1, 1}, .port = 6881};
    const struct endpoint loop = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 6881};
    const struct endpoint all[] = {global, lan, loop};
    struct endpoint bad = global;

    for (unsigned named = 0; named < 3; named++)
        for (unsigned by = 0; by < 3; by++)
            cr_assert_eq(dht_hearsay_ok(&all[named], &all[by]), named <= by, "%u by %u", named, by);
    bad.port = DHT_PORT_MIN - 1;
    cr_assert_not(dht_hearsay_ok(&bad, &global));
    bad = global;
    bad.ip[0] = 224;
    cr_assert_not(dht_hearsay_ok(&bad, &loop));
    bad.ip[0] = 0;
    cr_assert_not(dht_hearsay_ok(&bad, &loop));
    bad = (struct endpoint){.family = IP_V6, .port = 6881};
    cr_assert_not(dht_hearsay_ok(&bad, &loop));
    bad.ip[0] = 0xff;
    cr_assert_not(dht_hearsay_ok(&bad, &loop));
}
