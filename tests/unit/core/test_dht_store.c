/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store of announced peers: what is told of them and to whom, the limits and who pays for them,
 * floods, and expiry.
 */
#include "peer/core/dht_store.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/krpc.h"
#include "tests/unit/codec/failing_alloc.h"

static const uint64_t seed[2] = {3, 4};
static const struct endpoint stranger = {.ip = {9, 9, 9, 9}, .port = 1, .family = IP_V4};

static struct dht_store *store;

static void
setup(void)
{
    store = dht_store_new(IP_V4, seed);
}

static void
teardown(void)
{
    dht_store_free(store);
}

TestSuite(dht_store, .init = setup, .fini = teardown);

/* The |n|th info-hash. */
static const uint8_t *
hash(uint32_t n)
{
    static uint8_t h[DHT_ID_LEN];

    put_u32be(h, n);
    return h;
}

static struct endpoint
address(uint32_t ip, uint16_t port)
{
    struct endpoint e = {.port = port, .family = IP_V4};

    put_u32be(e.ip, ip);
    return e;
}

/* A global address in a network of its own: 44.x.x.1, 45.x.x.1 … */
static struct endpoint
alone(uint32_t n)
{
    return address((44u << 24) + (n << 8) + 1, 6881);
}

static bool
announce(const struct endpoint *e, uint32_t h, int64_t ms)
{
    return dht_store_announce(store, hash(h), e, false, mono_add_ms((struct mono){0}, ms));
}

/* Reads the values that |to| gets into |out|. */
static unsigned
values(uint32_t h, const struct endpoint *to, bool no_seeds, size_t max,
       struct endpoint out[DHT_STORE_HASH_PEERS_MAX])
{
    static uint8_t bytes[DHT_STORE_HASH_PEERS_MAX * KRPC_VALUE_MAX];
    struct krpc_bytes list = {bytes, dht_store_values(store, hash(h), to, no_seeds, bytes, max)};
    struct krpc_values v;
    unsigned n = 0;

    cr_assert_leq(list.len, max);
    krpc_values_init(&v, &list, to->family);
    while (krpc_values_next(&v, &out[n]))
        n++;
    return n;
}

static bool
has(uint32_t h, const struct endpoint *e)
{
    struct endpoint out[DHT_STORE_HASH_PEERS_MAX];
    unsigned n = values(h, e, false, sizeof(out), out);

    for (unsigned i = 0; i < n; i++)
        if (endpoint_equal(&out[i], e))
            return true;
    return false;
}

Test(dht_store, tells_what_was_announced)
{
    struct endpoint a = alone(1), b = alone(2), out[DHT_STORE_HASH_PEERS_MAX];

    cr_assert_eq(values(7, &stranger, false, 1000, out), 0);
    cr_assert(announce(&a, 7, 0));
    cr_assert(announce(&b, 7, 0));
    cr_assert(announce(&b, 7, 5));
    cr_assert(announce(&b, 8, 5));
    cr_assert_eq(dht_store_peers(store, hash(7)), 2);
    cr_assert_eq(dht_store_peers(store, hash(9)), 0);
    cr_assert_eq(dht_store_hashes_total(store), 2);
    cr_assert_eq(dht_store_peers_total(store), 3);
    cr_assert_eq(values(7, &stranger, false, 1000, out), 2);
    cr_assert(has(7, &a) && has(7, &b) && has(8, &b));
    cr_assert_not(has(8, &a));
}

Test(dht_store, ports_0_and_1_and_the_other_family_are_refused)
{
    struct endpoint e = alone(1), six = {.ip = {0x20, 1}, .port = 9, .family = IP_V6};

    e.port = 0;
    cr_assert_not(announce(&e, 7, 0));
    e.port = 1;
    cr_assert_not(announce(&e, 7, 0));
    cr_assert_not(announce(&six, 7, 0));
    e.port = 2;
    cr_assert(announce(&e, 7, 0));
    cr_assert_eq(dht_store_peers_total(store), 1);
}

Test(dht_store, a_peer_is_forgotten_in_time)
{
    struct endpoint a = alone(1), b = alone(2);

    announce(&a, 7, 0);
    announce(&b, 7, 10);
    announce(&a, 8, 20);
    announce(&a, 7, 30);
    dht_store_expire(store, mono_add_ms((struct mono){0}, DHT_STORE_PEER_MS + 9));
    cr_assert_eq(dht_store_peers_total(store), 3);
    dht_store_expire(store, mono_add_ms((struct mono){0}, DHT_STORE_PEER_MS + 20));
    cr_assert_eq(dht_store_peers_total(store), 1);
    cr_assert_eq(dht_store_hashes_total(store), 1);
    cr_assert(has(7, &a));
    dht_store_expire(store, mono_add_ms((struct mono){0}, DHT_STORE_PEER_MS + 30));
    cr_assert_eq(dht_store_hashes_total(store), 0);
    cr_assert(announce(&a, 7, DHT_STORE_PEER_MS + 40));
    cr_assert_eq(dht_store_peers(store, hash(7)), 1);
}

/* Every peer is in some sample, none twice in one, and no sample is longer than asked for. */
Test(dht_store, samples_are_random)
{
    struct endpoint e, out[DHT_STORE_HASH_PEERS_MAX];
    unsigned seen[100] = {0};

    for (uint32_t i = 0; i < 100; i++) {
        e = alone(i);
        announce(&e, 7, 0);
    }
    for (unsigned round = 0; round < 1000; round++) {
        unsigned now[100] = {0}, n = values(7, &stranger, false, 10 * KRPC_VALUE_V4_LEN + 7, out);

        cr_assert_eq(n, 10);
        for (unsigned i = 0; i < n; i++)
            cr_assert_eq(now[out[i].ip[2]]++, 0);
        for (unsigned i = 0; i < 100; i++)
            seen[i] += now[i];
    }
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_gt(seen[i], 50);
        cr_assert_lt(seen[i], 150);
    }
    cr_assert_eq(values(7, &stranger, false, KRPC_VALUE_V4_LEN - 1, out), 0);
    cr_assert_eq(values(7, &stranger, false, 0, out), 0);
}

Test(dht_store, private_addresses_are_told_only_in_private_networks)
{
    struct endpoint near = address(0x0a000007, 6881), far = alone(1),
                    local = address(0x7f000001, 9);
    struct endpoint out[DHT_STORE_HASH_PEERS_MAX];

    announce(&near, 7, 0);
    announce(&far, 7, 0);
    announce(&local, 7, 0);
    cr_assert_eq(values(7, &stranger, false, 1000, out), 1);
    cr_assert(endpoint_equal(&out[0], &far));
    cr_assert_eq(values(7, &near, false, 1000, out), 2);
    cr_assert_eq(values(7, &local, false, 1000, out), 3);
}

/* BEP 33. */
Test(dht_store, seeds)
{
    struct endpoint a = alone(1), b = alone(2), out[DHT_STORE_HASH_PEERS_MAX];
    uint8_t seeds[DHT_BLOOM_LEN], peers[DHT_BLOOM_LEN], expected[DHT_BLOOM_LEN] = {0};

    cr_assert_not(dht_store_blooms(store, hash(7), seeds, peers));
    dht_store_announce(store, hash(7), &a, true, (struct mono){0});
    dht_store_announce(store, hash(7), &b, false, (struct mono){0});
    cr_assert_eq(values(7, &stranger, true, 1000, out), 1);
    cr_assert(endpoint_equal(&out[0], &b));
    cr_assert_eq(values(7, &stranger, false, 1000, out), 2);
    cr_assert(dht_store_blooms(store, hash(7), seeds, peers));
    dht_bloom_set(expected, dht_bloom_bits(&a));
    cr_assert_arr_eq(seeds, expected, DHT_BLOOM_LEN);
    memset(expected, 0, sizeof(expected));
    dht_bloom_set(expected, dht_bloom_bits(&b));
    cr_assert_arr_eq(peers, expected, DHT_BLOOM_LEN);
    /* The state may change with each announce. */
    dht_store_announce(store, hash(7), &b, true, (struct mono){0});
    cr_assert_eq(values(7, &stranger, true, 1000, out), 0);
}

Test(dht_store, a_site_has_few_peers_of_one_info_hash)
{
    struct endpoint e = alone(1), other = alone(2);

    announce(&other, 7, 0);
    for (uint16_t port = 100; port < 110; port++) {
        e.port = port;
        announce(&e, 7, port);
    }
    cr_assert_eq(dht_store_peers(store, hash(7)), DHT_STORE_SITE_MAX + 1);
    e.port = 109;
    cr_assert(has(7, &e));
    e.port = 110 - DHT_STORE_SITE_MAX;
    cr_assert(has(7, &e));
    cr_assert(has(7, &other));
    /* On this machine each port is somebody else. */
    e = address(0x7f000001, 0);
    for (e.port = 100; e.port < 110; e.port++)
        announce(&e, 8, 0);
    cr_assert_eq(dht_store_peers(store, hash(8)), 10);
}

/* One network announces many more peers than an info-hash can have. The others keep most places. */
Test(dht_store, a_network_cannot_crowd_out_the_peers_of_an_info_hash)
{
    struct endpoint e, out[DHT_STORE_HASH_PEERS_MAX];
    unsigned n, kept = 0;

    for (uint32_t i = 0; i < DHT_STORE_HASH_PEERS_MAX; i++) {
        e = alone(i);
        announce(&e, 7, 0);
    }
    for (uint32_t i = 0; i < 4000; i++) {
        e = address((99u << 24) + i % 256, (uint16_t)(1000 + i / 256));
        announce(&e, 7, 1 + i);
    }
    cr_assert_eq(dht_store_peers(store, hash(7)), DHT_STORE_HASH_PEERS_MAX);
    n = values(7, &stranger, false, sizeof(out), out);
    for (unsigned i = 0; i < n; i++)
        kept += out[i].ip[0] != 99;
    cr_assert_gt(kept, DHT_STORE_HASH_PEERS_MAX * 8 / 10);
}

/* A network floods with info-hashes and with peers; those of others stay. */
Test(dht_store, a_flood_costs_only_its_own_network)
{
    struct endpoint e;

    for (uint32_t i = 0; i < 100; i++) {
        e = alone(i);
        announce(&e, i, 0);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        e = address((99u << 24) + i % 256, 1000);
        announce(&e, 1000 + i, 1 + i);
    }
    cr_assert_eq(dht_store_hashes_total(store), 100 + DHT_STORE_NETWORK_HASHES_MAX);
    for (uint32_t i = 0; i < 30000; i++) {
        e = address((98u << 24) + i % 256, (uint16_t)(1000 + i));
        announce(&e, i % 200, 6000 + i);
    }
    cr_assert_leq(dht_store_peers_total(store),
                  100 + DHT_STORE_NETWORK_HASHES_MAX + DHT_STORE_NETWORK_PEERS_MAX);
    for (uint32_t i = 0; i < 100; i++) {
        e = alone(i);
        cr_assert(has(i, &e), "%u", i);
    }
}

/* Many networks flood together: each pays with its own entries. */
Test(dht_store, a_full_store_gives_up_what_the_most_crowded_networks_have)
{
    struct endpoint e;

    for (uint32_t i = 0; i < 100; i++) {
        e = alone(i);
        announce(&e, i, 0);
    }
    for (uint32_t i = 0; i < 60000; i++) {
        e = address((99u << 24) + (i % 50 << 8) + i / 50 % 256, (uint16_t)(1000 + i));
        announce(&e, 1000 + i % 30000, 1 + i);
    }
    cr_assert_eq(dht_store_hashes_total(store), DHT_STORE_HASHES_MAX);
    for (uint32_t i = 0; i < 60000; i++) {
        e = address((98u << 24) + (i % 50 << 8) + i / 50 % 256, (uint16_t)(1000 + i));
        announce(&e, i % 100, 100000 + i);
    }
    cr_assert_leq(dht_store_peers_total(store), DHT_STORE_PEERS_MAX);
    for (uint32_t i = 0; i < 100; i++) {
        e = alone(i);
        cr_assert(has(i, &e), "%u", i);
    }
}

/* An attacker announces a popular info-hash first, then floods: the info-hash stays, since another
 * of its peers pays. */
Test(dht_store, whoever_pays_for_an_info_hash_cannot_take_it_along)
{
    struct endpoint first = address((99u << 24) + 1, 1000), friend = alone(1);

    announce(&first, 7, 0);
    announce(&friend, 7, 1);
    for (uint32_t i = 0; i < 5000; i++) {
        announce(&first, 1000 + i, 2 + i);
        if (i == 100)
            announce(&friend, 7, 2 + i);
    }
    cr_assert(has(7, &friend));
    cr_assert_eq(dht_store_hashes_total(store), 1 + DHT_STORE_NETWORK_HASHES_MAX);
}

/* Random calls; the counts agree, and everything can be found or is gone at the end. */
Test(dht_store, nothing_is_lost_in_a_random_run)
{
    struct endpoint e, out[DHT_STORE_HASH_PEERS_MAX];
    struct rng r;
    uint32_t total = 0;

    rng_init(&r, 5);
    for (uint32_t i = 0; i < 100000; i++) {
        struct mono now = mono_add_ms((struct mono){0}, (int64_t)i * 100);

        e = address((44u << 24) + (rng_below(&r, 300) << 8) + rng_below(&r, 4),
                    (uint16_t)(6881 + rng_below(&r, 6)));
        cr_assert(dht_store_announce(store, hash(rng_below(&r, 40)), &e, i % 3 == 0, now));
        if (i % 1000 == 0)
            dht_store_expire(store, now);
    }
    for (uint32_t h = 0; h < 40; h++) {
        uint32_t n = dht_store_peers(store, hash(h));

        cr_assert_eq(values(h, &stranger, false, sizeof(out), out), n);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < i; k++)
                cr_assert_not(endpoint_equal(&out[i], &out[k]));
        total += n;
    }
    cr_assert_eq(total, dht_store_peers_total(store));
    dht_store_expire(store, mono_add_ms((struct mono){0}, 10000000 + DHT_STORE_PEER_MS));
    cr_assert_eq(dht_store_peers_total(store), 0);
    cr_assert_eq(dht_store_hashes_total(store), 0);
}

/* BEP 51. */
Test(dht_store, a_small_store_is_its_own_sample)
{
    struct endpoint e = alone(1);
    struct dht_store_sample s = dht_store_sample(store, (struct mono){0});

    cr_assert_eq(s.count, 0);
    cr_assert_eq(s.interval_s, 0);
    announce(&e, 7, 0);
    announce(&e, 8, 0);
    s = dht_store_sample(store, (struct mono){0});
    cr_assert_eq(s.count, 2);
    cr_assert_eq(s.interval_s, 0);
    cr_assert_arr_eq(s.hashes, hash(7), DHT_ID_LEN);
    cr_assert_arr_eq(s.hashes + DHT_ID_LEN, hash(8), DHT_ID_LEN);
}

Test(dht_store, a_full_sample_stays_for_its_interval)
{
    uint8_t first[DHT_STORE_SAMPLES_MAX * DHT_ID_LEN];
    struct endpoint e = alone(1);
    struct mono later = mono_add_ms((struct mono){0}, (int64_t)DHT_STORE_SAMPLE_S * 1000 - 1);
    struct dht_store_sample s;

    for (uint32_t i = 0; i < 200; i++)
        announce(&e, i, 0);
    s = dht_store_sample(store, (struct mono){0});
    cr_assert_eq(s.count, DHT_STORE_SAMPLES_MAX);
    cr_assert_eq(s.interval_s, DHT_STORE_SAMPLE_S);
    memcpy(first, s.hashes, sizeof(first));
    s = dht_store_sample(store, later);
    cr_assert_arr_eq(s.hashes, first, sizeof(first));
    cr_assert_eq(s.interval_s, 1);
    s = dht_store_sample(store, mono_add_ms(later, 1));
    cr_assert_eq(s.count, DHT_STORE_SAMPLES_MAX);
    cr_assert_neq(memcmp(s.hashes, first, sizeof(first)), 0);
    for (uint32_t i = 0; i < s.count; i++)
        cr_assert_eq(dht_store_peers(store, s.hashes + i * DHT_ID_LEN), 1);
}

Test(dht_store, ipv6)
{
    struct dht_store *six = dht_store_new(IP_V6, seed);
    struct endpoint e = {.ip = {0x2a, 1, [15] = 1}, .port = 6881, .family = IP_V6}, back;
    uint8_t out[KRPC_VALUE_V6_LEN * 2];
    struct krpc_bytes list = {out, 0};
    struct krpc_values v;

    cr_assert(dht_store_announce(six, hash(7), &e, false, (struct mono){0}));
    cr_assert_not(dht_store_announce(six, hash(7), &stranger, false, (struct mono){0}));
    list.len = dht_store_values(six, hash(7), &e, false, out, sizeof(out));
    cr_assert_eq(list.len, KRPC_VALUE_V6_LEN);
    krpc_values_init(&v, &list, IP_V6);
    cr_assert(krpc_values_next(&v, &back));
    cr_assert(endpoint_equal(&back, &e));
    /* A site is a /64. */
    for (uint8_t i = 2; i < 20; i++) {
        e.ip[15] = i;
        dht_store_announce(six, hash(7), &e, false, (struct mono){0});
    }
    cr_assert_eq(dht_store_peers(six, hash(7)), DHT_STORE_SITE_MAX);
    dht_store_free(six);
}

Test(dht_store, without_memory)
{
    for (unsigned n = 0; n < 11; n++) {
        failing_alloc_after(n);
        cr_assert_null(dht_store_new(IP_V4, seed));
        cr_assert(failing_alloc_end());
    }
    dht_store_free(NULL);
}
