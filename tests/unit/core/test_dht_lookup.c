/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One lookup in the DHT: whom it asks, when it is over, and which nodes form the closest set.
 */
#include "peer/core/dht_lookup.h"

#include <criterion/criterion.h>

static struct dht_lookup l;
static const uint8_t target[DHT_ID_LEN];

static void
begin(void)
{
    dht_lookup_init(&l, target, 0);
}

/* Ids of private addresses are always valid, and each is a network of its own. */
static struct endpoint
local(unsigned n)
{
    return (struct endpoint){
        .family = IP_V4, .ip = {10, (uint8_t)(n >> 8), (uint8_t)n, 1}, .port = 6881};
}

static struct endpoint
global(unsigned net, uint8_t host)
{
    return (struct endpoint){
        .family = IP_V4, .ip = {45, (uint8_t)(net >> 8), (uint8_t)net, host}, .port = 6881};
}

/* The id at distance |far|: larger is farther. */
static const uint8_t *
at(unsigned far)
{
    static uint8_t id[DHT_ID_LEN];

    memset(id, 0, sizeof(id));
    id[0] = (uint8_t)(far >> 8);
    id[1] = (uint8_t)far;
    return id;
}

static void
add(unsigned far, struct endpoint addr, uint8_t source)
{
    dht_lookup_add(&l, at(far), &addr, source);
}

/* Asks the next candidate; the distance of its id, or -1 if there is none. */
static int
ask(uint8_t *candidate)
{
    *candidate = dht_lookup_next(&l);
    if (*candidate == DHT_CANDIDATE_NONE)
        return -1;
    dht_lookup_asked(&l, *candidate);
    return l.candidates[*candidate].id[0] << 8 | l.candidates[*candidate].id[1];
}

static void
answer(uint8_t candidate)
{
    dht_lookup_answered(&l, candidate, l.candidates[candidate].id, (const uint8_t *)"tok", 3);
}

Test(dht_lookup, the_closest_are_asked_first_and_few_at_a_time, .init = begin)
{
    uint8_t c[DHT_LOOKUP_ALPHA + 1];

    for (unsigned i = 0; i < 6; i++)
        add(60 - 10 * i, local(i), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < DHT_LOOKUP_ALPHA; i++)
        cr_assert_eq(ask(&c[i]), (int)(10 + 10 * i));
    cr_assert_eq(ask(&c[DHT_LOOKUP_ALPHA]), -1);
    cr_assert_not(dht_lookup_is_over(&l));
    dht_lookup_late(&l, c[0]);
    cr_assert_eq(ask(&c[0]), 40, "nobody waits for a late answer");
}

Test(dht_lookup, with_peers_found_fewer_are_asked_at_a_time, .init = begin)
{
    uint8_t c;

    for (unsigned i = 0; i < 6; i++)
        add(i + 1, local(i), DHT_CANDIDATE_NONE);
    l.peers = 1;
    for (unsigned i = 0; i < DHT_LOOKUP_ALPHA_FED; i++)
        cr_assert_neq(ask(&c), -1);
    cr_assert_eq(ask(&c), -1);
}

Test(dht_lookup, it_is_over_when_the_closest_answered, .init = begin)
{
    uint8_t c;
    int far, last = 0;

    for (unsigned i = 0; i < 30; i++)
        add(i + 1, local(i), DHT_CANDIDATE_NONE);
    while ((far = ask(&c)) != -1) {
        answer(c);
        last = far;
    }
    cr_assert(dht_lookup_is_over(&l));
    cr_assert_eq(last, DHT_CLOSEST);
    cr_assert_eq(l.queries, DHT_CLOSEST, "nobody farther is asked");
}

Test(dht_lookup, a_failed_candidate_makes_room_for_the_next, .init = begin)
{
    uint8_t out[DHT_CLOSEST_FAR], c;
    int far;

    for (unsigned i = 0; i < 30; i++)
        add(i + 1, local(i), DHT_CANDIDATE_NONE);
    while ((far = ask(&c)) != -1) {
        if (far <= 4)
            dht_lookup_failed(&l, c);
        else
            answer(c);
    }
    cr_assert(dht_lookup_is_over(&l));
    cr_assert_eq(l.queries, DHT_CLOSEST + 4);
    cr_assert_eq(dht_lookup_closest(&l, out), DHT_CLOSEST);
    cr_assert_eq(l.candidates[out[0]].id[1], 5);
}

Test(dht_lookup, late_answers_are_awaited_only_while_others_are_missing, .init = begin)
{
    uint8_t late, c;

    add(1, local(1), DHT_CANDIDATE_NONE);
    ask(&late);
    dht_lookup_late(&l, late);
    cr_assert_not(dht_lookup_is_over(&l), "nobody else is left");
    for (unsigned i = 2; i < 2 + DHT_CLOSEST; i++)
        add(i, local(i), DHT_CANDIDATE_NONE);
    while (ask(&c) != -1)
        answer(c);
    cr_assert(dht_lookup_is_over(&l), "the others are enough");
    answer(late);
    cr_assert_eq(l.answered, DHT_CLOSEST + 1, "it still counts");
}

Test(dht_lookup, a_site_is_known_once_and_a_network_twice, .init = begin)
{
    struct endpoint other_port = global(1, 1);

    other_port.port = 7000;
    add(1, global(1, 1), DHT_CANDIDATE_NONE);
    add(2, other_port, DHT_CANDIDATE_NONE);
    cr_assert_eq(l.count, 1);
    for (uint8_t i = 2; i < 20; i++)
        add(i, global(1, i), DHT_CANDIDATE_NONE);
    cr_assert_eq(l.count, DHT_LOOKUP_NETWORK_MAX);
}

/* The id of a global address is valid only by BEP 42. */
static void
add_valid(unsigned net, uint8_t host)
{
    struct endpoint addr = global(net, host);
    uint8_t id[DHT_ID_LEN];
    struct rng rng;

    rng_init(&rng, net);
    dht_id_make(id, &addr, host, &rng);
    dht_lookup_add(&l, id, &addr, DHT_CANDIDATE_NONE);
}

Test(dht_lookup, ids_that_fit_no_address_never_count_as_closest, .init = begin)
{
    uint8_t out[DHT_CLOSEST_FAR], c;
    size_t count;

    for (unsigned i = 0; i < 30; i++)
        add(1 + i, global(1000 + i, 1), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < DHT_CLOSEST; i++)
        add_valid(i, 1);
    while (ask(&c) != -1) {
        cr_assert(l.candidates[c].valid, "the close ones are not even asked");
        answer(c);
    }
    cr_assert(dht_lookup_is_over(&l));
    count = dht_lookup_closest(&l, out);
    cr_assert_eq(count, DHT_CLOSEST);
    for (size_t i = 0; i < count; i++)
        cr_assert(l.candidates[out[i]].valid);
}

/* Old clients do not know BEP 42: a DHT of them alone is usable too. */
Test(dht_lookup, invalid_ids_serve_where_valid_ones_are_too_few, .init = begin)
{
    uint8_t out[DHT_CLOSEST_FAR], c;

    for (unsigned i = 0; i < 30; i++)
        add(1 + i, global(1000 + i, 1), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < 3; i++)
        add_valid(i, 1);
    while (ask(&c) != -1)
        answer(c);
    cr_assert(dht_lookup_is_over(&l));
    cr_assert_eq(dht_lookup_closest(&l, out), DHT_CLOSEST);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(l.candidates[out[i]].valid, "valid ones first");
    cr_assert_eq(l.queries, DHT_CLOSEST, "no more of them than needed");
}

Test(dht_lookup, the_closest_set_has_one_node_of_a_network, .init = begin)
{
    uint8_t out[DHT_CLOSEST_FAR], c;
    size_t count;

    for (unsigned i = 0; i < 12; i++) {
        add_valid(i, 1);
        add_valid(i, 2);
    }
    while (ask(&c) != -1)
        answer(c);
    count = dht_lookup_closest(&l, out);
    cr_assert_eq(count, DHT_CLOSEST);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(l.candidates[out[i]].network, l.candidates[out[k]].network);
    cr_assert_eq(l.queries, DHT_CLOSEST);
}

/* Attackers that surround the target, each in a network of its own, do not push the honest nodes
 * out of the set. */
Test(dht_lookup, the_closest_set_reaches_as_far_as_the_size_of_the_dht_says, .init = begin)
{
    uint8_t out[DHT_CLOSEST_FAR], c;
    unsigned honest = 0;
    size_t count;

    dht_lookup_init(&l, target, (uint64_t)1100 << 48);
    for (unsigned i = 0; i < DHT_CLOSEST; i++)
        add(1 + i, local(i), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < 20; i++)
        add(1000 + 20 * i, local(100 + i), DHT_CANDIDATE_NONE);
    while (ask(&c) != -1)
        answer(c);
    cr_assert(dht_lookup_is_over(&l));
    count = dht_lookup_closest(&l, out);
    for (size_t i = 0; i < count; i++)
        honest += l.candidates[out[i]].id[0] >= 1000 >> 8;
    cr_assert_eq(honest, 6, "those within the radius");
    dht_lookup_init(&l, target, UINT64_MAX);
    for (unsigned i = 0; i < 60; i++)
        add(1 + i, local(i), DHT_CANDIDATE_NONE);
    while (ask(&c) != -1)
        answer(c);
    cr_assert_eq(l.queries, DHT_CLOSEST_FAR, "and no farther than that");
}

/* Attackers who are everywhere name only each other: eight of them are all that the lookup hears
 * of, but they are farther apart than honest nodes would be. */
Test(dht_lookup, a_sparse_set_is_no_closest_set, .init = begin)
{
    uint8_t first, c;
    int far;

    dht_lookup_init(&l, target, (uint64_t)1000 << 48);
    add(3000, local(1), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < 5; i++)
        add(6000 + i, local(10 + i), DHT_CANDIDATE_NONE);
    ask(&first);
    answer(first);
    for (unsigned i = 0; i < DHT_CLOSEST - 1; i++)
        add(300 * (i + 1), local(20 + i), first);
    while ((far = ask(&c)) != -1 && far < 6000)
        answer(c);
    cr_assert_geq(far, 6000, "the other nodes of the table are asked too");
    answer(c);
    for (unsigned i = 0; i < DHT_CLOSEST; i++)
        add(100 * (i + 1), local(30 + i), c);
    while ((far = ask(&c)) != -1) {
        cr_assert_leq(far, 1000, "the honest ones that they name are dense");
        answer(c);
    }
    cr_assert(dht_lookup_is_over(&l));
}

/* A liar names addresses that do not exist, closer than all that exist. */
Test(dht_lookup, nodes_of_a_liar_are_asked_last, .init = begin)
{
    unsigned fakes = 0;
    uint8_t liar, c;
    int far;

    add(500, local(1), DHT_CANDIDATE_NONE);
    ask(&liar);
    answer(liar);
    for (unsigned i = 0; i < DHT_LOOKUP_NAMED_MAX; i++)
        add(1 + i, local(100 + i), liar);
    for (unsigned i = 0; i < 20; i++)
        add(100 + i, local(200 + i), DHT_CANDIDATE_NONE);
    while ((far = ask(&c)) != -1) {
        if (far >= 100) {
            answer(c);
            continue;
        }
        dht_lookup_late(&l, c);
        dht_lookup_failed(&l, c);
        fakes++;
    }
    cr_assert(dht_lookup_is_over(&l));
    cr_assert_leq(fakes, DHT_NAMED_FAILURES + DHT_LOOKUP_ALPHA);
    cr_assert_eq(l.answered, DHT_CLOSEST + 1u);
}

Test(dht_lookup, a_full_lookup_forgets_those_of_who_named_the_most, .init = begin)
{
    unsigned honest = 0;
    uint8_t liar, c;

    add(5000, local(1), DHT_CANDIDATE_NONE);
    ask(&liar);
    answer(liar);
    add(6000, local(2), DHT_CANDIDATE_NONE);
    ask(&c);
    answer(c);
    for (unsigned i = 0; i < 8; i++)
        add(700 + i, local(10 + i), c);
    for (unsigned i = 0; i < 500; i++)
        add(1 + i, local(100 + i), liar);
    cr_assert_eq(l.count, DHT_LOOKUP_MAX);
    for (unsigned i = 0; i < l.count; i++)
        honest += l.candidates[i].source == c;
    cr_assert_eq(honest, 8);
}

Test(dht_lookup, queries_are_bounded, .init = begin)
{
    unsigned asked = 0;
    uint8_t c;

    for (unsigned i = 0; i < 1000; i++) {
        add(2000 - i, local(i), DHT_CANDIDATE_NONE);
        while (ask(&c) != -1) {
            dht_lookup_failed(&l, c);
            asked++;
        }
    }
    cr_assert_eq(asked, DHT_LOOKUP_QUERIES);
    cr_assert(dht_lookup_is_over(&l));
}

Test(dht_lookup, an_address_without_an_id_gets_its_place_when_it_answers, .init = begin)
{
    struct endpoint addr = local(1);
    uint8_t c, out[DHT_CLOSEST_FAR];

    dht_lookup_add(&l, NULL, &addr, DHT_CANDIDATE_NONE);
    add(50, local(2), DHT_CANDIDATE_NONE);
    cr_assert_eq(ask(&c), 50, "a known id goes first");
    answer(c);
    cr_assert_neq(ask(&c), -1);
    dht_lookup_answered(&l, c, at(7), (const uint8_t *)"t", 1);
    cr_assert_eq(dht_lookup_closest(&l, out), 2);
    cr_assert_eq(l.candidates[out[0]].id[1], 7);
}

Test(dht_lookup, only_a_token_that_fits_is_one, .init = begin)
{
    static const uint8_t token[DHT_TOKEN_MAX + 1];
    uint8_t c, out[DHT_CLOSEST_FAR];

    for (unsigned i = 0; i < 3; i++)
        add(1 + i, local(i), DHT_CANDIDATE_NONE);
    for (unsigned i = 0; i < 3; i++) {
        const size_t lens[] = {0, DHT_TOKEN_MAX, DHT_TOKEN_MAX + 1};

        ask(&c);
        dht_lookup_answered(&l, c, l.candidates[c].id, token, lens[i]);
    }
    cr_assert_eq(dht_lookup_closest(&l, out), 1);
    cr_assert_eq(l.candidates[out[0]].id[1], 2);
}
