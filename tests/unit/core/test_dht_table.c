/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The routing table of a DHT node: who enters, who goes, and who is named.
 */
#include "peer/core/dht_table.h"

#include <criterion/criterion.h>

#include "peer/core/dht_net.h"

static struct dht_table table;
static struct rng rng;
static struct mono now;

static void
begin(void)
{
    const uint8_t own[DHT_ID_LEN] = {0};

    now = (struct mono){1000000};
    rng_init(&rng, 1);
    dht_table_init(&table, own);
}

/* An address in network |net|, host |host|. Ids of private addresses are always valid. */
static struct endpoint
local(unsigned net, uint8_t host)
{
    return (struct endpoint){
        .family = IP_V4, .ip = {10, (uint8_t)(net >> 8), (uint8_t)net, host}, .port = 6881};
}

static struct endpoint
global(unsigned net, uint8_t host)
{
    struct endpoint e = local(net, host);

    e.ip[0] = 45;
    return e;
}

/* An id of bucket |bucket|, whose last bytes are |n|. */
static const uint8_t *
id_in(unsigned bucket, unsigned n)
{
    static uint8_t id[DHT_ID_LEN];

    memset(id, 0, sizeof(id));
    id[bucket / 8] = (uint8_t)(0x80 >> bucket % 8);
    id[18] = (uint8_t)(n >> 8);
    id[19] = (uint8_t)n;
    return id;
}

/* A valid id of bucket 0 for a global address. */
static void
valid_id(uint8_t id[DHT_ID_LEN], const struct endpoint *addr)
{
    for (unsigned r = 0; r < 256; r++) {
        dht_id_make(id, addr, (uint8_t)r, &rng);
        if ((id[0] & 0x80) != 0)
            return;
    }
    cr_assert_fail("no valid id in bucket 0");
}

static bool
answered(unsigned bucket, unsigned n, struct endpoint addr)
{
    return dht_table_answered(&table, id_in(bucket, n), &addr, now);
}

static void
fill(unsigned bucket)
{
    for (unsigned i = 0; i < DHT_K; i++)
        cr_assert(answered(bucket, i, local(bucket, (uint8_t)(i + 1))));
}

Test(dht_table, a_full_bucket_keeps_its_nodes_and_collects_spares, .init = begin)
{
    struct endpoint first = local(0, 1);

    fill(0);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_not(answered(0, 100 + i, local(7, (uint8_t)(i + 1))));
    cr_assert_eq(table.count, DHT_K);
    cr_assert_eq(table.spare_count, DHT_SPARES);
    cr_assert_not_null(dht_table_at(&table, &first));
    cr_assert(answered(1, 0, local(8, 1)), "another bucket has room");
}

Test(dht_table, a_node_that_fails_thrice_goes_and_a_spare_comes, .init = begin)
{
    struct endpoint first = local(0, 1), spare = local(7, 2);

    fill(0);
    answered(0, 100, local(7, 1));
    answered(0, 101, spare);
    for (unsigned i = 1; i <= DHT_FAILURES_MAX; i++) {
        cr_assert_not_null(dht_table_at(&table, &first), "before failure %u", i);
        dht_table_failed(&table, id_in(0, 0), &first);
    }
    cr_assert_null(dht_table_at(&table, &first));
    cr_assert_not_null(dht_table_at(&table, &spare), "the spare that answered last");
    cr_assert_eq(table.count, DHT_K);
    cr_assert_eq(table.spare_count, 1);
}

Test(dht_table, an_answer_forgives_failures, .init = begin)
{
    struct endpoint addr = local(0, 1);

    for (unsigned i = 0; i < 10; i++) {
        answered(0, 0, addr);
        dht_table_failed(&table, id_in(0, 0), &addr);
        dht_table_failed(&table, id_in(0, 0), &addr);
    }
    cr_assert_not_null(dht_table_at(&table, &addr));
}

Test(dht_table, a_newcomer_displaces_a_node_that_fails, .init = begin)
{
    struct endpoint bad = local(0, 3), newcomer = local(7, 1);

    fill(0);
    dht_table_failed(&table, id_in(0, 2), &bad);
    cr_assert(dht_table_wants(&table, id_in(0, 100), &newcomer));
    answered(0, 100, newcomer);
    cr_assert_null(dht_table_at(&table, &bad));
    cr_assert_not_null(dht_table_at(&table, &newcomer));
    cr_assert_eq(table.count, DHT_K);
}

Test(dht_table, an_address_has_one_node, .init = begin)
{
    struct endpoint addr = local(0, 1), other_port = addr;

    other_port.port = 7000;
    cr_assert(answered(0, 1, addr));
    cr_assert_not(dht_table_wants(&table, id_in(3, 2), &other_port));
    cr_assert_not(answered(3, 2, other_port), "the first node stays");
    cr_assert_eq(table.count, 1);
    dht_table_failed(&table, id_in(0, 1), &addr);
    cr_assert(answered(3, 2, other_port), "unless it fails");
    cr_assert_eq(table.count, 1);
    cr_assert(answered(5, 9, other_port), "a node that changes its id");
    cr_assert_eq(table.count, 1);
}

/* Any host of an IPv6 /64 can use all its addresses. */
Test(dht_table, an_ipv6_network_half_has_one_node, .init = begin)
{
    struct endpoint addr = {.family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 6881};

    cr_assert(answered(0, 1, addr));
    addr.ip[15] = 2;
    cr_assert_not(answered(1, 2, addr));
    addr.ip[7] = 1;
    cr_assert(answered(1, 2, addr), "another /64 in another bucket");
    addr.ip[7] = 2;
    cr_assert_not(answered(1, 3, addr), "the same /48 in the same bucket");
}

Test(dht_table, a_bucket_has_one_node_of_a_network, .init = begin)
{
    cr_assert(answered(0, 1, global(1, 1)));
    cr_assert_not(answered(0, 2, global(1, 2)));
    cr_assert_eq(table.spare_count, 0, "not even as a spare");
    cr_assert(answered(1, 3, global(1, 3)), "another bucket");
    cr_assert(answered(0, 4, global(2, 1)), "another network");
    cr_assert(answered(0, 5, local(1, 1)) && answered(0, 6, local(1, 2)),
              "each private address is a network");
}

Test(dht_table, a_valid_id_displaces_an_invalid_one, .init = begin)
{
    struct endpoint addr = global(100, 1), another = global(101, 1);
    uint8_t id[DHT_ID_LEN];

    for (unsigned i = 0; i < DHT_K; i++)
        cr_assert(answered(0, i, global(i, 1)));
    cr_assert_not(answered(0, 50, another), "an invalid id displaces nobody");
    valid_id(id, &addr);
    cr_assert(dht_table_wants(&table, id, &addr));
    cr_assert(dht_table_answered(&table, id, &addr, now));
    cr_assert_eq(table.count, DHT_K);
}

Test(dht_table, answers_name_good_nodes_and_valid_ids_first, .init = begin)
{
    struct endpoint addr = global(100, 1), silent = local(3, 1);
    const struct dht_node *out[DHT_K];
    uint8_t id[DHT_ID_LEN];

    for (unsigned i = 0; i < DHT_K; i++)
        answered(2, i, global(i, 1));
    valid_id(id, &addr);
    dht_table_answered(&table, id, &addr, now);
    answered(2, 99, silent);
    dht_table_failed(&table, id_in(2, 99), &silent);
    cr_assert_eq(dht_table_closest(&table, id_in(2, 0), out, DHT_K, true, now), DHT_K);
    cr_assert(out[0]->valid, "the far node with a valid id");
    for (unsigned i = 0; i < DHT_K; i++)
        cr_assert_eq(out[i]->failures, 0);
    now = mono_add_ms(now, DHT_GOOD_MS);
    cr_assert_eq(dht_table_closest(&table, id_in(2, 0), out, DHT_K, true, now), 0);
    cr_assert_eq(dht_table_closest(&table, id_in(2, 0), out, DHT_K, false, now), DHT_K);
}

/* Compares with a sort of all nodes. */
Test(dht_table, the_closest_nodes_are_the_closest, .init = begin)
{
    uint8_t target[DHT_ID_LEN], id[DHT_ID_LEN];
    const struct dht_node *out[DHT_CLOSEST_MAX], *n;

    rng_fill(&rng, id, sizeof(id));
    dht_table_init(&table, id);
    for (unsigned i = 0; i < 2000; i++) {
        struct endpoint addr = local(i, 1);

        dht_id_near(id, table.own, rng_below(&rng, 20), &rng);
        dht_table_answered(&table, id, &addr, now);
    }
    for (unsigned round = 0; round < 500; round++) {
        size_t max = 1 + rng_below(&rng, DHT_CLOSEST_MAX), closer = 0, count;
        uint32_t iter = 0;

        dht_id_near(target, table.own, rng_below(&rng, 40), &rng);
        count = dht_table_closest(&table, target, out, max, round % 2 == 0, now);
        cr_assert_eq(count, max < table.count ? max : table.count);
        for (size_t i = 1; i < count; i++)
            cr_assert_lt(dht_id_compare(out[i - 1]->id, out[i]->id, target), 0);
        while ((n = dht_table_next(&table, &iter)) != NULL)
            closer += dht_id_compare(n->id, out[count - 1]->id, target) < 0;
        cr_assert_eq(closer, count - 1, "round %u", round);
    }
}

Test(dht_table, pings_go_to_failing_then_to_questionable_nodes, .init = begin)
{
    struct endpoint failing = local(0, 3);
    const struct dht_node *n;

    fill(0);
    fill(1);
    cr_assert_null(dht_table_to_ping(&table, now), "all are good");
    dht_table_failed(&table, id_in(0, 2), &failing);
    n = dht_table_to_ping(&table, now);
    cr_assert(n != NULL && endpoint_equal(&n->addr, &failing));
    cr_assert_null(dht_table_to_ping(&table, now), "once");
    now = mono_add_ms(now, DHT_PING_MS);
    cr_assert_not_null(dht_table_to_ping(&table, now), "until it answers");
    answered(0, 2, failing);

    answered(1, 50, local(9, 1)); /* a spare of bucket 1 */
    now = mono_add_ms(now, DHT_GOOD_MS - 1000);
    dht_table_asked(&table, id_in(1, 0), &(struct endpoint){0}, now);
    n = dht_table_to_ping(&table, mono_add_ms(now, 1000));
    cr_assert_not_null(n, "silent for 15 minutes");
    cr_assert_eq(dht_id_common(n->id, table.own), 1, "a bucket with spares goes first");
}

Test(dht_table, of_questionable_nodes_the_longest_silent_is_pinged_first, .init = begin)
{
    struct endpoint silent = local(0, 5);
    const struct dht_node *n;

    fill(0);
    for (unsigned i = 0; i < DHT_K; i++) {
        struct endpoint addr = local(0, (uint8_t)(i + 1));

        if (i != 4)
            dht_table_asked(&table, id_in(0, i), &addr, mono_add_ms(now, 1000));
    }
    n = dht_table_to_ping(&table, mono_add_ms(now, DHT_GOOD_MS + 2000));
    cr_assert(n != NULL && endpoint_equal(&n->addr, &silent));
}

/* A query does not make a node, but keeps one good (BEP 5). */
Test(dht_table, a_query_counts_only_for_a_node_that_once_answered, .init = begin)
{
    struct endpoint addr = local(0, 1);

    cr_assert_not(dht_table_asked(&table, id_in(0, 1), &addr, now));
    cr_assert_eq(table.count, 0);
    answered(0, 1, addr);
    now = mono_add_ms(now, DHT_GOOD_MS - 1);
    cr_assert(dht_table_asked(&table, id_in(0, 1), &addr, now));
    now = mono_add_ms(now, DHT_GOOD_MS - 1);
    cr_assert(dht_node_is_good(dht_table_at(&table, &addr), now));
}

Test(dht_table, buckets_are_refreshed_down_to_the_deepest, .init = begin)
{
    uint8_t target[DHT_ID_LEN];
    unsigned seen = 0;

    cr_assert_not(dht_table_to_refresh(&table, target, &rng, now), "an empty table");
    fill(0);
    answered(3, 1, local(9, 1));
    while (dht_table_to_refresh(&table, target, &rng, now))
        seen |= 1u << dht_id_common(target, table.own);
    cr_assert_eq(seen, 0xe, "buckets 1 to 3 are not full");
    now = mono_add_ms(now, DHT_GOOD_MS - 1);
    cr_assert_not(dht_table_to_refresh(&table, target, &rng, now));
    now = mono_add_ms(now, 1);
    seen = 0;
    while (dht_table_to_refresh(&table, target, &rng, now))
        seen |= 1u << dht_id_common(target, table.own);
    cr_assert_eq(seen, 0xf, "a full bucket that has not changed");
}

Test(dht_table, another_own_id_sorts_the_nodes_anew, .init = begin)
{
    const struct dht_node *n;
    uint32_t iter = 0, count = 0;
    uint8_t own[DHT_ID_LEN];

    for (unsigned b = 0; b < 5; b++)
        fill(b);
    memcpy(own, id_in(2, 3), sizeof(own));
    dht_table_set_own(&table, own);
    while ((n = dht_table_next(&table, &iter)) != NULL) {
        cr_assert_not(dht_id_equal(n->id, own), "we are no node of our table");
        count++;
    }
    cr_assert_eq(count, table.count);
    cr_assert_geq(count, 2 * DHT_K, "bucket 0 and 1 stay full");
}

Test(dht_table, our_own_id_never_enters, .init = begin)
{
    struct endpoint addr = local(0, 1);

    cr_assert_not(dht_table_answered(&table, table.own, &addr, now));
    cr_assert_eq(table.count + table.spare_count, 0);
    cr_assert_not(dht_table_wants(&table, table.own, &addr));
}

/* The counts agree with the content, whatever happens. */
Test(dht_table, counts_hold_under_random_use, .init = begin)
{
    for (unsigned i = 0; i < 50000; i++) {
        struct endpoint addr = global(rng_below(&rng, 60), (uint8_t)rng_below(&rng, 4));
        const uint8_t *id = id_in(rng_below(&rng, 6), rng_below(&rng, 40));
        uint32_t iter = 0, count = 0;

        switch (rng_below(&rng, 4)) {
        case 0: dht_table_failed(&table, id, &addr); break;
        case 1: dht_table_remove(&table, &addr); break;
        default: dht_table_answered(&table, id, &addr, now); break;
        }
        for (const struct dht_node *n; (n = dht_table_next(&table, &iter)) != NULL; count++)
            cr_assert_lt(n->failures, DHT_FAILURES_MAX);
        cr_assert_eq(count, table.count);
        count = 0;
        for (unsigned b = 0; b < DHT_BUCKETS; b++)
            count += table.buckets[b].spare_count;
        cr_assert_eq(count, table.spare_count);
    }
}
