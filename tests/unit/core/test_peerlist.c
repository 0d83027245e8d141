/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peer list: which peers to dial and when, which entries a full list forgets, and bans.
 */
#include "peer/core/peerlist.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static struct rng rng;

static struct peerlist *
list_new(void)
{
    rng_init(&rng, 4);
    return peerlist_new(&rng, NULL);
}

static struct endpoint
v4(uint32_t ip, uint16_t port)
{
    struct endpoint e = {.family = IP_V4, .port = port};

    e.ip[0] = (uint8_t)(ip >> 24);
    e.ip[1] = (uint8_t)(ip >> 16);
    e.ip[2] = (uint8_t)(ip >> 8);
    e.ip[3] = (uint8_t)ip;
    return e;
}

static struct endpoint
v6(uint8_t first, uint8_t last, uint16_t port)
{
    struct endpoint e = {.family = IP_V6, .port = port};

    e.ip[0] = first;
    e.ip[15] = last;
    return e;
}

static uint32_t
add4(struct peerlist *l, uint32_t ip, uint16_t port, enum peer_source source)
{
    struct endpoint e = v4(ip, port);

    return peerlist_add(l, &e, source);
}

static struct mono
at_ms(int64_t ms)
{
    return (struct mono){ms * 1000};
}

/* A limit of ours says nothing about the address: it is not forgotten, however often it waits. */
Test(peerlist, our_own_limits_count_against_no_address)
{
    struct peerlist *l = list_new();
    uint32_t peer = add4(l, 0x0a000001, 6881, PEER_FROM_TRACKER);
    struct mono now = at_ms(1);

    for (unsigned i = 0; i < 3 * PEERLIST_FAILURES_MAX; i++) {
        cr_assert_eq(peerlist_next(l, 0, now), peer, "try %u", i);
        peerlist_on_failed(l, peer, PEER_TRY_LIMIT, now);
        cr_assert_eq(peerlist_next(l, 0, now), PEERLIST_NONE, "not at once");
        now = mono_add_ms(now, 2 * PEERLIST_RETRY_MIN_MS);
    }
    peerlist_free(l);
}

Test(peerlist, a_link_local_address_needs_its_zone)
{
    struct endpoint e = {.family = IP_V6, .ip = {0xfe, 0x80, [15] = 1}, .port = 6881}, other;
    struct rng chance;
    struct peerlist *l;
    uint32_t first;

    rng_init(&chance, 1);
    l = peerlist_new(&chance, NULL);
    cr_assert_eq(peerlist_add(l, &e, PEER_FROM_TRACKER), PEERLIST_NONE, "on which network?");
    e.zone = 2;
    first = peerlist_add(l, &e, PEER_FROM_USER);
    cr_assert_neq(first, PEERLIST_NONE);
    other = e;
    other.zone = 3;
    cr_assert_neq(peerlist_add(l, &other, PEER_FROM_USER), first, "another machine");
    cr_assert_eq(peerlist_add(l, &e, PEER_FROM_USER), first);
    peerlist_free(l);
}

Test(peerlist, refuses_what_is_no_peer)
{
    struct peerlist *l = list_new();
    struct endpoint none = {.port = 5}, mapped = v6(0, 1, 5), any6 = v6(0, 0, 5);

    mapped.ip[10] = mapped.ip[11] = 0xff;
    cr_assert_eq(add4(l, 0x0a000001, 0, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(add4(l, 0x0a000001, 0, PEER_FROM_USER), PEERLIST_NONE);
    cr_assert_eq(add4(l, 0, 5, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(add4(l, 0xe0000001, 5, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(add4(l, 0xffffffff, 5, PEER_FROM_INCOMING), PEERLIST_NONE);
    cr_assert_eq(peerlist_add(l, &none, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(peerlist_add(l, &mapped, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(peerlist_add(l, &any6, PEER_FROM_TRACKER), PEERLIST_NONE);
    any6 = v6(0xff, 2, 5);
    cr_assert_eq(peerlist_add(l, &any6, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(peerlist_count(l), 0u);
    any6 = v6(0, 1, 5); /* ::1 */
    cr_assert_neq(peerlist_add(l, &any6, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_neq(add4(l, 0x7f000001, 5, PEER_FROM_TRACKER), PEERLIST_NONE);
    peerlist_free(l);
    peerlist_free(NULL);
}

Test(peerlist, knows_an_address_again)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1000, PEER_FROM_TRACKER);

    cr_assert_eq(add4(l, 0x0a000001, 1000, PEER_FROM_STATE), a);
    cr_assert_neq(add4(l, 0x0a000001, 1001, PEER_FROM_TRACKER), a);
    cr_assert_eq(peerlist_count(l), 2u);
    cr_assert_eq(peerlist_addr(l, a)->port, 1000);
    cr_assert_null(peerlist_addr(l, 2));
    cr_assert_null(peerlist_addr(l, PEERLIST_NONE));
    peerlist_free(l);
}

Test(peerlist, dials_new_ones_first_and_by_hand_before_all)
{
    struct peerlist *l = list_new();
    uint32_t state = add4(l, 0x0a000001, 1, PEER_FROM_STATE);
    uint32_t tracker = add4(l, 0x0a000002, 1, PEER_FROM_TRACKER);
    uint32_t user = add4(l, 0x0a000003, 1, PEER_FROM_USER);
    struct mono now = at_ms(1000000);

    cr_assert_eq(peerlist_next(l, false, now), user);
    peerlist_on_connecting(l, user);
    peerlist_on_failed(l, user, PEER_TRY_REFUSED, at_ms(0));
    cr_assert_eq(peerlist_next(l, false, now), tracker);
    peerlist_on_connecting(l, tracker);
    cr_assert_eq(peerlist_next(l, false, now), state);
    peerlist_on_connecting(l, state);
    cr_assert_eq(peerlist_next(l, false, now), user, "its second try is due by now");
    peerlist_on_connecting(l, user);
    cr_assert_eq(peerlist_next(l, false, now), PEERLIST_NONE);
    cr_assert_eq(peerlist_expiry(l, false).us, MONO_NEVER.us);
    peerlist_free(l);
}

Test(peerlist, waits_longer_after_each_failure_and_forgets_in_the_end)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);
    struct mono now = at_ms(0), next;
    int64_t mean = PEERLIST_RETRY_MIN_MS;

    for (int i = 1; i < PEERLIST_FAILURES_MAX; i++) {
        cr_assert_eq(peerlist_next(l, false, now), a);
        peerlist_on_connecting(l, a);
        peerlist_on_failed(l, a, PEER_TRY_REFUSED, now);
        next = peerlist_expiry(l, false);
        cr_assert(mono_diff_ms(next, now) >= mean * 3 / 4 &&
                  mono_diff_ms(next, now) <= mean * 5 / 4);
        cr_assert_eq(peerlist_next(l, false, (struct mono){next.us - 1}), PEERLIST_NONE);
        now = next;
        mean = mean * 2 < PEERLIST_RETRY_MAX_MS ? mean * 2 : PEERLIST_RETRY_MAX_MS;
    }
    peerlist_on_connecting(l, a);
    peerlist_on_failed(l, a, PEER_TRY_REFUSED, now);
    cr_assert_null(peerlist_addr(l, a));
    cr_assert_eq(peerlist_count(l), 0u);
    cr_assert_eq(peerlist_expiry(l, false).us, MONO_NEVER.us);
    peerlist_on_failed(l, a, PEER_TRY_REFUSED, now);
    peerlist_free(l);
}

Test(peerlist, never_forgets_what_was_given_by_hand)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_USER);
    struct mono now = at_ms(0);

    for (int i = 0; i < 20; i++) {
        now = mono_add_ms(now, PEERLIST_RETRY_MAX_MS * 2);
        cr_assert_eq(peerlist_next(l, false, now), a);
        peerlist_on_connecting(l, a);
        peerlist_on_failed(l, a, PEER_TRY_REFUSED, now);
    }
    cr_assert_geq(mono_diff_ms(peerlist_expiry(l, false), now), PEERLIST_RETRY_MAX_MS * 3 / 4);
    cr_assert_eq(add4(l, 0x0a000001, 1, PEER_FROM_USER), a);
    cr_assert_eq(peerlist_next(l, false, now), a, "given again: tried at once");
    peerlist_free(l);
}

Test(peerlist, who_can_not_be_reached_promises_nothing)
{
    struct peerlist *l = list_new();
    uint32_t dead = add4(l, 0x0a000001, 1000, PEER_FROM_TRACKER);
    uint32_t good = add4(l, 0x0a000002, 1000, PEER_FROM_TRACKER);

    cr_assert_eq(peerlist_promising(l), 2u);
    peerlist_on_connecting(l, dead);
    cr_assert_eq(peerlist_promising(l), 2u);
    peerlist_on_failed(l, dead, PEER_TRY_REFUSED, at_ms(0));
    cr_assert_eq(peerlist_count(l), 2u);
    cr_assert_eq(peerlist_promising(l), 1u);
    peerlist_on_connecting(l, dead);
    cr_assert_eq(peerlist_promising(l), 2u, "it is being tried");
    peerlist_on_closed(l, dead, true, at_ms(0));
    cr_assert_eq(peerlist_promising(l), 2u);
    peerlist_on_connecting(l, good);
    peerlist_on_failed(l, dead, PEER_TRY_REFUSED, at_ms(0));
    cr_assert(!peerlist_hopeless(l), "one may be busy");
    for (int i = 1; i < PEERLIST_FAILURES_MAX; i++)
        peerlist_on_failed(l, dead, PEER_TRY_REFUSED, at_ms(0));
    cr_assert(peerlist_hopeless(l));
    cr_assert_eq(peerlist_count(l), 1u, "forgotten");
    cr_assert_eq(peerlist_promising(l), 1u);
    peerlist_free(l);
}

Test(peerlist, a_useful_connection_clears_the_failures)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);
    struct mono now = at_ms(0);

    for (int i = 0; i < 50; i++) {
        now = mono_add_ms(now, PEERLIST_RETRY_MAX_MS * 2);
        cr_assert_eq(peerlist_next(l, false, now), a);
        peerlist_on_connecting(l, a);
        peerlist_on_closed(l, a, i % 5 == 0, now);
    }
    peerlist_on_connecting(l, a);
    peerlist_on_closed(l, a, true, now);
    cr_assert_leq(mono_diff_ms(peerlist_expiry(l, false), now), PEERLIST_RETRY_MIN_MS * 5 / 4);
    peerlist_free(l);
}

Test(peerlist, a_seed_does_not_dial_seeds)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);

    peerlist_on_seed(l, a, true);
    cr_assert_eq(peerlist_next(l, true, at_ms(0)), PEERLIST_NONE);
    cr_assert_eq(peerlist_expiry(l, true).us, MONO_NEVER.us);
    cr_assert_eq(peerlist_next(l, false, at_ms(0)), a);
    cr_assert_neq(peerlist_expiry(l, false).us, MONO_NEVER.us);
    peerlist_on_seed(l, a, false);
    cr_assert_eq(peerlist_next(l, true, at_ms(0)), a);
    peerlist_free(l);
}

Test(peerlist, incoming_ones_are_separate_until_they_tell_their_port)
{
    struct peerlist *l = list_new();
    uint32_t known = add4(l, 0x0a000001, 6881, PEER_FROM_TRACKER);
    uint32_t a = add4(l, 0x0a000001, 0, PEER_FROM_INCOMING);
    uint32_t b = add4(l, 0x0a000001, 0, PEER_FROM_INCOMING);

    cr_assert(a != b && a != known && b != known);
    peerlist_on_connecting(l, a);
    peerlist_on_connecting(l, b);
    peerlist_set_port(l, a, 6881);
    cr_assert_null(peerlist_addr(l, known), "it is the same one, and connected as a");
    cr_assert_eq(peerlist_addr(l, a)->port, 6881);
    cr_assert_eq(add4(l, 0x0a000001, 6881, PEER_FROM_TRACKER), a);
    cr_assert_eq(peerlist_next(l, false, at_ms(0)), PEERLIST_NONE);
    peerlist_set_port(l, b, 6881);
    cr_assert_eq(peerlist_addr(l, b)->port, 0, "that is a's already");
    cr_assert_eq(peerlist_count(l), 2u);
    peerlist_on_closed(l, b, true, at_ms(0));
    cr_assert_eq(peerlist_count(l), 1u, "it can't be dialled");
    peerlist_on_closed(l, a, true, at_ms(0));
    cr_assert_eq(peerlist_next(l, false, at_ms(60000)), a);
    peerlist_free(l);
}

Test(peerlist, we_do_not_dial_ourselves)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);

    peerlist_on_connecting(l, a);
    peerlist_on_self(l, a);
    peerlist_on_closed(l, a, false, at_ms(0));
    cr_assert_eq(add4(l, 0x0a000001, 1, PEER_FROM_TRACKER), a);
    cr_assert_eq(peerlist_next(l, false, at_ms(100000000)), PEERLIST_NONE);
    cr_assert_eq(peerlist_count(l), 0u);
    peerlist_free(l);
}

Test(peerlist, a_ban_is_for_the_host)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);
    uint32_t b = add4(l, 0x0a000001, 2, PEER_FROM_USER);
    uint32_t c = add4(l, 0x0a000002, 1, PEER_FROM_TRACKER);
    struct endpoint six = v6(0x20, 1, 7), other = v6(0x21, 1, 7), four = v4(0x0a000001, 99);
    uint32_t d = peerlist_add(l, &six, PEER_FROM_TRACKER);

    peerlist_on_connecting(l, a);
    peerlist_ban(l, a, at_ms(0));
    cr_assert_null(peerlist_addr(l, b));
    cr_assert_not_null(peerlist_addr(l, a), "it is still connected");
    peerlist_on_closed(l, a, true, at_ms(0));
    cr_assert_null(peerlist_addr(l, a));
    cr_assert(peerlist_is_banned(l, &four));
    cr_assert_eq(add4(l, 0x0a000001, 3, PEER_FROM_USER), PEERLIST_NONE);
    cr_assert_eq(add4(l, 0x0a000001, 0, PEER_FROM_INCOMING), PEERLIST_NONE);
    cr_assert_not_null(peerlist_addr(l, c));
    peerlist_ban(l, d, at_ms(0));
    six.port = 1;
    cr_assert(peerlist_is_banned(l, &six));
    cr_assert_not(peerlist_is_banned(l, &other));
    peerlist_ban(l, 77, at_ms(0));
    peerlist_free(l);
}

Test(peerlist, the_oldest_ban_is_forgotten_first)
{
    struct peerlist *l = list_new();
    struct endpoint first = v4(0x0b000000, 1), last;

    for (uint32_t i = 0; i <= BANS_MAX; i++) {
        last = v4(0x0b000000 + i, 1);
        peerlist_ban(l, peerlist_add(l, &last, PEER_FROM_TRACKER), at_ms(0));
        cr_assert(peerlist_is_banned(l, &last));
        if (i == BANS_MAX - 1)
            cr_assert(peerlist_is_banned(l, &first));
    }
    cr_assert_not(peerlist_is_banned(l, &first));
    first = v4(0x0b000001, 1);
    cr_assert(peerlist_is_banned(l, &first));
    peerlist_free(l);
}

Test(peerlist, a_full_list_forgets_the_least_useful)
{
    struct peerlist *l = list_new();
    uint32_t lost, bad, n;

    for (uint32_t i = 0; i < PEERLIST_MAX; i++)
        cr_assert_neq(add4(l, 0x0b000000 + i, 1, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(peerlist_count(l), (uint32_t)PEERLIST_MAX);
    cr_assert_eq(add4(l, 0x0c000000, 1, PEER_FROM_TRACKER), PEERLIST_NONE, "none is worse");
    bad = add4(l, 0x0b000123, 1, PEER_FROM_TRACKER);
    peerlist_on_connecting(l, bad);
    peerlist_on_failed(l, bad, PEER_TRY_REFUSED, at_ms(0));
    n = add4(l, 0x0c000000, 1, PEER_FROM_TRACKER);
    cr_assert_eq(n, bad, "the failed one's place");
    cr_assert_eq(peerlist_addr(l, n)->ip[0], 0x0c);
    lost = add4(l, 0x0d000000, 1, PEER_FROM_USER);
    cr_assert_neq(lost, PEERLIST_NONE, "by hand always finds room");
    cr_assert_eq(peerlist_count(l), (uint32_t)PEERLIST_MAX);
    for (uint32_t i = peerlist_walk(l, PEERLIST_NONE); i != PEERLIST_NONE; i = peerlist_walk(l, i))
        peerlist_on_connecting(l, i);
    cr_assert_eq(add4(l, 0x0d000001, 1, PEER_FROM_USER), PEERLIST_NONE, "the connected stay");
    peerlist_free(l);
}

Test(peerlist, walks_in_number_order)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1, PEER_FROM_TRACKER);
    uint32_t b = add4(l, 0x0a000002, 1, PEER_FROM_TRACKER);
    uint32_t c = add4(l, 0x0a000003, 1, PEER_FROM_TRACKER);

    peerlist_ban(l, b, at_ms(0));
    cr_assert_eq(peerlist_walk(l, PEERLIST_NONE), a);
    cr_assert_eq(peerlist_walk(l, a), c);
    cr_assert_eq(peerlist_walk(l, c), PEERLIST_NONE);
    peerlist_free(l);
}

/* Thousands of random calls: next and expiry always agree, and nothing that may not be dialled is.
 */
Test(peerlist, random_calls_keep_the_rules)
{
    struct peerlist *l = list_new();
    static bool connected[PEERLIST_MAX], self[PEERLIST_MAX], seed[PEERLIST_MAX];
    struct rng own;
    struct mono now = at_ms(0);

    rng_init(&own, 8);
    for (int i = 0; i < 60000; i++) {
        uint32_t peer = rng_below(&own, 300), n;
        bool seeding = rng_below(&own, 2) == 0;

        now = mono_add_ms(now, rng_below(&own, 2000));
        n = peerlist_next(l, seeding, now);
        cr_assert_eq(n != PEERLIST_NONE, mono_due(peerlist_expiry(l, seeding), now));
        if (n != PEERLIST_NONE) {
            cr_assert(!connected[n] && !self[n] && !(seeding && seed[n]));
            cr_assert_not(peerlist_is_banned(l, peerlist_addr(l, n)));
            cr_assert_neq(peerlist_addr(l, n)->port, 0);
        }
        switch (rng_below(&own, 9)) {
        case 0:
        case 1:
            peer = add4(l, 0x0a000000 + rng_below(&own, 400), (uint16_t)(1 + rng_below(&own, 3)),
                        PEER_FROM_TRACKER);
            if (peer != PEERLIST_NONE && !connected[peer] && peerlist_count(l) == 0)
                cr_assert(self[peer]);
            break;
        case 2:
            peer = add4(l, 0x0a000000 + rng_below(&own, 400), 0, PEER_FROM_INCOMING);
            if (peer != PEERLIST_NONE) {
                connected[peer] = true;
                self[peer] = seed[peer] = false;
                peerlist_on_connecting(l, peer);
                peerlist_set_port(l, peer, (uint16_t)rng_below(&own, 4));
            }
            break;
        case 3:
            if (n != PEERLIST_NONE) {
                connected[n] = true;
                peerlist_on_connecting(l, n);
            }
            break;
        case 4:
        case 5:
            if (peerlist_addr(l, peer) != NULL && connected[peer]) {
                connected[peer] = false;
                peerlist_on_closed(l, peer, rng_below(&own, 2) == 0, now);
            }
            break;
        case 6:
            if (peerlist_addr(l, peer) != NULL) {
                seed[peer] = rng_below(&own, 2) == 0;
                peerlist_on_seed(l, peer, seed[peer]);
            }
            break;
        case 7:
            if (peerlist_addr(l, peer) != NULL && rng_below(&own, 20) == 0) {
                self[peer] = true;
                peerlist_on_self(l, peer);
            }
            break;
        default:
            if (rng_below(&own, 40) == 0)
                peerlist_ban(l, peer, at_ms(0));
            break;
        }
        for (uint32_t k = 0; k < PEERLIST_MAX && i % 500 == 0; k++)
            if (peerlist_addr(l, k) == NULL)
                connected[k] = self[k] = seed[k] = false;
        /* The number may belong to another peer now. */
        if (peerlist_addr(l, peer) == NULL && peer != PEERLIST_NONE)
            connected[peer] = self[peer] = seed[peer] = false;
    }
    peerlist_free(l);
}

static uint32_t
hear4(struct peerlist *l, uint32_t ip, uint16_t port, uint32_t teller)
{
    struct endpoint e = v4(ip, port), t = v4(teller, 1);

    return peerlist_hear(l, &e, false, &t, PEER_FROM_PEX);
}

Test(peerlist, hearsay_is_bounded_by_its_teller)
{
    struct peerlist *l = list_new();
    unsigned taken = 0;

    for (uint32_t i = 0; i < 500; i++)
        taken += hear4(l, 0x08000000 + i, 6881, 0x09090909) != PEERLIST_NONE;
    cr_assert_eq(taken, (unsigned)PEERLIST_HEARSAY_TELLER_MAX);
    cr_assert_neq(hear4(l, 0x07000001, 6881, 0x0a090909), PEERLIST_NONE, "another may");
    peerlist_free(l);
}

Test(peerlist, hearsay_is_bounded_in_all)
{
    struct peerlist *l = list_new();
    unsigned taken = 0;

    for (uint32_t i = 0; i < PEERLIST_MAX; i++)
        taken += hear4(l, 0x08000000 + i, 6881, 0x09000000 + i) != PEERLIST_NONE;
    cr_assert_eq(taken, (unsigned)PEERLIST_HEARSAY_MAX);
    cr_assert_neq(add4(l, 0x07000001, 6881, PEER_FROM_TRACKER), PEERLIST_NONE);
    peerlist_free(l);
}

Test(peerlist, a_host_in_the_local_network_has_few_ports)
{
    struct peerlist *l = list_new();
    unsigned taken = 0;

    for (uint16_t i = 0; i < 50; i++) {
        struct endpoint e = v4(0x0a000001, (uint16_t)(2000 + i));

        taken += peerlist_hear(l, &e, false, &e, PEER_FROM_LSD) != PEERLIST_NONE;
    }
    cr_assert_eq(taken, (unsigned)PEERLIST_HEARSAY_LSD_MAX);
    cr_assert_eq(peerlist_sources(l, peerlist_next(l, 0, at_ms(0))), (unsigned)PEER_FROM_LSD);
    cr_assert(peerlist_is_hearsay(l, peerlist_next(l, 0, at_ms(0))));
    cr_assert_neq(hear4(l, 0x0a000001, 3000, 0x0a000002), PEERLIST_NONE, "a peer may name it");
    peerlist_free(l);
}

Test(peerlist, hearsay_is_bounded_by_whom_it_is_about)
{
    struct peerlist *l = list_new();
    unsigned taken = 0;

    for (uint16_t i = 0; i < 50; i++)
        taken += hear4(l, 0x08080808, (uint16_t)(2000 + i), 0x09000000 + i) != PEERLIST_NONE;
    cr_assert_eq(taken, (unsigned)PEERLIST_HEARSAY_SITE_MAX);
    taken = 0;
    for (uint16_t i = 0; i < 50; i++)
        taken += hear4(l, 0x7f000001, (uint16_t)(2000 + i), 0x7f000001) != PEERLIST_NONE;
    cr_assert_eq(taken, 50u, "many may live on this machine");
    peerlist_free(l);
}

Test(peerlist, hearsay_that_proves_true_makes_room)
{
    struct peerlist *l = list_new();
    struct endpoint e = v4(0x08080808, 2001);
    uint32_t a = hear4(l, 0x08080808, 2000, 0x09000001);

    cr_assert_eq(peerlist_sources(l, a), (unsigned)PEER_FROM_PEX);
    hear4(l, 0x08080808, 2001, 0x09000001);
    cr_assert_eq(hear4(l, 0x08080808, 2002, 0x09000001), PEERLIST_NONE);
    peerlist_on_connecting(l, a);
    cr_assert_eq(hear4(l, 0x08080808, 2002, 0x09000001), PEERLIST_NONE, "not yet");
    peerlist_on_up(l, a);
    cr_assert_neq(hear4(l, 0x08080808, 2002, 0x09000001), PEERLIST_NONE);
    cr_assert_eq(hear4(l, 0x08080808, 2003, 0x09000001), PEERLIST_NONE);
    a = peerlist_add(l, &e, PEER_FROM_TRACKER);
    cr_assert_eq(peerlist_sources(l, a), (unsigned)(PEER_FROM_PEX | PEER_FROM_TRACKER));
    cr_assert_neq(hear4(l, 0x08080808, 2003, 0x09000001), PEERLIST_NONE, "the tracker says so too");
    peerlist_free(l);
}

/* Dials |n| times with no success; false if it could not. */
static bool
fail_times(struct peerlist *l, unsigned n, int64_t *ms)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t peer = peerlist_next(l, false, at_ms(*ms));

        if (peer == PEERLIST_NONE)
            return false;
        peerlist_on_connecting(l, peer);
        peerlist_on_failed(l, peer, PEER_TRY_REFUSED, at_ms(*ms));
        *ms += 60000;
    }
    return true;
}

Test(peerlist, hearsay_is_not_tried_often)
{
    struct peerlist *l = list_new();
    int64_t ms = 0;

    hear4(l, 0x08080808, 2000, 0x09000001);
    cr_assert(fail_times(l, PEERLIST_HEARSAY_FAILURES, &ms));
    cr_assert_eq(peerlist_next(l, false, at_ms(ms)), PEERLIST_NONE, "it rests");
    hear4(l, 0x08080808, 2000, 0x09000002);
    cr_assert_eq(peerlist_next(l, false, at_ms(ms)), PEERLIST_NONE, "whoever tells again");
    ms += PEERLIST_HEARSAY_REST_MS;
    cr_assert(fail_times(l, 1, &ms));
    cr_assert_eq(peerlist_count(l), 0u, "forgotten");
    peerlist_free(l);
}

Test(peerlist, hearsay_comes_after_what_trackers_say)
{
    struct peerlist *l = list_new();
    struct endpoint seed = v4(0x08080809, 2000), teller = v4(0x09000001, 1);
    uint32_t told = hear4(l, 0x08080808, 2000, 0x09000001);
    uint32_t sure = add4(l, 0x08080807, 2000, PEER_FROM_TRACKER);

    cr_assert_eq(peerlist_next(l, false, at_ms(0)), sure);
    peerlist_on_connecting(l, sure);
    cr_assert_eq(peerlist_next(l, false, at_ms(0)), told);
    peerlist_on_connecting(l, told);
    cr_assert_neq(peerlist_hear(l, &seed, true, &teller, PEER_FROM_PEX), PEERLIST_NONE);
    cr_assert_eq(peerlist_next(l, true, at_ms(0)), PEERLIST_NONE, "a seed needs no seeds");
    cr_assert_neq(peerlist_next(l, false, at_ms(0)), PEERLIST_NONE);
    peerlist_free(l);
}

/* The BEP's own example has the far one before the near one for this client. */
Test(peerlist, equals_go_by_their_canonical_priority)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct endpoint own = v4(0x7bd5200a, 6881);
        struct peerlist *l;
        uint32_t far, near;

        rng_init(&rng, seed);
        l = peerlist_new(&rng, NULL);
        near = add4(l, 0x7bd520ea, 5, PEER_FROM_TRACKER);
        if (seed % 2 == 0)
            peerlist_set_own(l, &own);
        far = add4(l, 0x624c3620, 5, PEER_FROM_TRACKER);
        peerlist_set_own(l, &own);
        cr_assert_eq(peerlist_next(l, false, at_ms(0)), far);
        peerlist_on_connecting(l, far);
        cr_assert_eq(peerlist_next(l, false, at_ms(0)), near);
        peerlist_free(l);
    }
}

Test(peerlist, a_ban_of_ipv6_is_of_the_network)
{
    struct peerlist *l = list_new();
    struct endpoint a = v6(0x20, 1, 5), b = v6(0x20, 2, 6), other = v6(0x20, 1, 5);
    uint32_t peer = peerlist_add(l, &a, PEER_FROM_TRACKER);

    other.ip[7] = 1;
    cr_assert_neq(peerlist_add(l, &b, PEER_FROM_TRACKER), PEERLIST_NONE);
    peerlist_ban(l, peer, at_ms(0));
    cr_assert(peerlist_is_banned(l, &b));
    cr_assert_eq(peerlist_add(l, &b, PEER_FROM_TRACKER), PEERLIST_NONE);
    cr_assert_eq(peerlist_count(l), 0u);
    cr_assert_not(peerlist_is_banned(l, &other));
    peerlist_free(l);
}

static struct peer_try_status
try_of(const struct peerlist *l, uint32_t peer)
{
    struct peer_try_status st;

    cr_assert(peerlist_try_status(l, peer, &st));
    return st;
}

static unsigned
tried(const struct peerlist *l, enum peer_try how)
{
    uint32_t counts[PEER_TRY_COUNT];

    peerlist_tries(l, counts);
    return counts[how];
}

/* How tries end is remembered by address, and counted as long as the address is known. */
Test(peerlist, remembers_how_tries_ended)
{
    struct peerlist *l = list_new();
    uint32_t a = add4(l, 0x0a000001, 1000, PEER_FROM_TRACKER);
    uint32_t b = add4(l, 0x0a000002, 1000, PEER_FROM_USER);
    uint32_t in = add4(l, 0x0a000003, 0, PEER_FROM_INCOMING);
    struct peer_try_status st;
    struct mono now = at_ms(0);

    cr_assert_eq(tried(l, PEER_TRY_NONE), 2, "an address without a port can't be tried");
    cr_assert(!peerlist_try_status(l, in, &st));
    peerlist_on_connecting(l, a);
    peerlist_on_failed(l, a, PEER_TRY_CLOSED, now);
    cr_assert_eq(try_of(l, a).how, PEER_TRY_CLOSED);
    cr_assert_eq(try_of(l, a).failures, 1);
    cr_assert_neq(try_of(l, a).retry_at.us, MONO_NEVER.us);
    cr_assert_eq(tried(l, PEER_TRY_CLOSED), 1);
    cr_assert_eq(tried(l, PEER_TRY_NONE), 1);

    peerlist_on_connecting(l, b);
    peerlist_on_up(l, b);
    cr_assert_eq(try_of(l, b).how, PEER_TRY_UP);
    cr_assert(try_of(l, b).connected);
    peerlist_on_closed(l, b, true, now);
    cr_assert_eq(try_of(l, b).how, PEER_TRY_LEFT);
    peerlist_on_connecting(l, b);
    peerlist_on_self(l, b);
    peerlist_on_failed(l, b, PEER_TRY_TWIN, now);
    cr_assert_eq(try_of(l, b).how, PEER_TRY_SELF);
    cr_assert_eq(try_of(l, b).retry_at.us, MONO_NEVER.us, "ourselves are not dialled again");

    for (unsigned i = 1; i < PEERLIST_FAILURES_MAX; i++) {
        peerlist_on_connecting(l, a);
        peerlist_on_failed(l, a, PEER_TRY_REFUSED, now);
    }
    cr_assert_eq(tried(l, PEER_TRY_CLOSED) + tried(l, PEER_TRY_REFUSED), 0);
    cr_assert_eq(peerlist_given_up(l), 1);

    peerlist_set_port(l, in, 4000);
    cr_assert_eq(tried(l, PEER_TRY_NONE), 1);
    cr_assert_eq(peerlist_banned(l), 0);
    peerlist_ban(l, in, at_ms(0));
    cr_assert_eq(tried(l, PEER_TRY_NONE), 0);
    cr_assert_eq(peerlist_banned(l), 1);
    peerlist_free(l);
}

Test(peerlist, errors_are_told_apart)
{
    cr_assert_eq(peer_try_from(SPRAT_E_REFUSED, false), PEER_TRY_REFUSED);
    cr_assert_eq(peer_try_from(SPRAT_E_TIMEOUT, false), PEER_TRY_TIMEOUT);
    cr_assert_eq(peer_try_from(SPRAT_E_TIMEOUT, true), PEER_TRY_SILENT);
    cr_assert_eq(peer_try_from(SPRAT_E_CLOSED, true), PEER_TRY_CLOSED);
    cr_assert_eq(peer_try_from(SPRAT_E_RESET, true), PEER_TRY_CLOSED);
    cr_assert_eq(peer_try_from(SPRAT_E_PROTOCOL, true), PEER_TRY_FOREIGN);
    cr_assert_eq(peer_try_from(SPRAT_E_NOTFOUND, true), PEER_TRY_HASH);
    cr_assert_eq(peer_try_from(SPRAT_E_UNREACHABLE, false), PEER_TRY_UNREACHABLE);
    cr_assert_eq(peer_try_from(SPRAT_E_LIMIT, false), PEER_TRY_LIMIT);
    cr_assert_eq(peer_try_from(SPRAT_E_IO, false), PEER_TRY_OTHER);
}
