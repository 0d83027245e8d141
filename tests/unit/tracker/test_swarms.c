/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of swarms and the order of its sweeps.
 */
#include "tracker/core/swarms.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

static const uint64_t seed[2] = {5, 6};
static const struct peerset_form bare = {PEERSET_SHORT, false};
static const struct peerset_form with_ids = {PEERSET_SHARED, true};
static const uint8_t key[6] = {1, 2, 3, 4, 5, 6};

static struct swarm *
add(struct swarms *s, char name, int64_t now_us)
{
    uint8_t hash[TRACKER_HASH_LEN];

    memset(hash, name, sizeof(hash));
    return swarms_add(s, hash, (struct mono){now_us});
}

static struct swarm *
find(struct swarms *s, char name)
{
    uint8_t hash[TRACKER_HASH_LEN];

    memset(hash, name, sizeof(hash));
    return swarms_find(s, hash);
}

Test(swarms, finds_what_was_added)
{
    struct swarms s;
    struct swarm *a;

    cr_assert_eq(swarms_init(&s, seed, bare), 0);
    cr_assert_null(swarms_oldest(&s));
    cr_assert_null(find(&s, 'a'));
    a = add(&s, 'a', 1);
    cr_assert_eq(find(&s, 'a'), a);
    cr_assert_null(find(&s, 'b'));
    cr_assert_eq(swarm_peers(a, IP_V6), &swarm_no_peers);
    cr_assert_null(swarm_set(a, IP_V6));
    swarms_fini(&s);
}

Test(swarms, are_swept_in_turn_and_vanish_when_empty)
{
    struct swarms s;
    struct swarm *a, *b;
    uint32_t longest;

    cr_assert_eq(swarms_init(&s, seed, with_ids), 0);
    a = add(&s, 'a', 1);
    b = add(&s, 'b', 2);
    cr_assert_eq(swarms_oldest(&s), a);
    peerset_touch(&a->v4, swarms_add_peer(&s, a, IP_V4, key, true, 10, &longest), 10, 8, 0,
                  (uint8_t[20]){0});
    cr_assert_eq(tally_get(&s.totals->peers), 1);
    cr_assert_eq(swarms_sweep(&s, 9, 12, 5, (struct mono){3}), 1);
    cr_assert_eq(swarms_oldest(&s), b);
    cr_assert_eq(swarms_sweep(&s, 9, 12, 5, (struct mono){3}), 0);
    cr_assert_null(find(&s, 'b'));
    cr_assert_eq(swarms_oldest(&s), a);
    cr_assert_eq(swarms_sweep(&s, 9, 30, 5, (struct mono){4}), 1);
    cr_assert_eq(s.peers4, 0);
    cr_assert_eq(tally_get(&s.totals->peers), 0);
    cr_assert_eq(tally_get(&s.totals->swarms), 0);
    cr_assert_eq(s.map.count, 0);
    cr_assert_null(swarms_oldest(&s));
    swarms_fini(&s);
}

/* Peer |n| at an address of its own. */
static void
add_peer(struct swarms *s, struct swarm *w, uint32_t n, uint16_t seen)
{
    uint8_t own[6] = {0, 0, 0, 0, 1, 1};
    uint32_t longest;

    put_u32be(own, n);
    peerset_touch(&w->v4, swarms_add_peer(s, w, IP_V4, own, n % 2 == 0, seen, &longest), seen, 8, 0,
                  NULL);
}

Test(swarms, a_large_one_is_swept_in_portions)
{
    enum { COUNT = 10000, LOOKS = 100 };
    struct swarms s;
    struct swarm *a, *b;
    uint32_t calls = 0;

    cr_assert_eq(swarms_init(&s, seed, bare), 0);
    s.rules.site_peers_max = 4;
    a = add(&s, 'a', 1);
    b = add(&s, 'b', 2);
    add_peer(&s, b, 0, 10);
    for (uint32_t n = 0; n < COUNT; n++)
        add_peer(&s, a, n, n % 4 == 0 ? 10 : 20);
    for (; swarms_oldest(&s) == a; calls++) {
        uint32_t looked = swarms_sweep(&s, LOOKS, 24, 5, (struct mono){3});

        cr_assert_leq(looked, (uint32_t)LOOKS);
        if (calls == 10) {
            /* What comes and goes meanwhile disturbs nothing. */
            for (uint32_t n = COUNT; n < COUNT + 200; n++)
                add_peer(&s, a, n, 20);
            for (uint32_t n = 0; n < 300; n++)
                swarms_remove_peer(&s, a, IP_V4, n);
        }
    }
    cr_assert_geq(calls, (uint32_t)(COUNT - 300) / LOOKS);
    cr_assert_eq(s.peers4, peerset_count(&a->v4) + 1u);
    cr_assert_eq(s.crowd.total, s.peers4);
    for (uint32_t pos = 0; pos < peerset_count(&a->v4); pos++)
        cr_assert_eq(peerset_seen(&a->v4, pos), 16);
    cr_assert_eq(swarms_sweep(&s, LOOKS, 24, 5, (struct mono){4}), 1u);
    cr_assert_null(find(&s, 'b'));
    /* A swarm that is removed in the middle of its sweep is not swept further. */
    b = add(&s, 'b', 5);
    cr_assert_eq(swarms_sweep(&s, LOOKS, 24, 5, (struct mono){6}), (uint32_t)LOOKS);
    while (peerset_count(&a->v4) > 1)
        swarms_remove_peer(&s, a, IP_V4, 0);
    s.rules.swarms_max = 1;
    cr_assert_eq(swarms_sweep(&s, LOOKS, 24, 5, (struct mono){7}), 1u);
    swarms_fini(&s);
}

Test(swarms, the_set_of_ipv6_peers_comes_with_the_first_and_goes_when_empty)
{
    static const uint8_t key6[18] = {0x20, 1, [17] = 9};
    struct swarms s;
    struct swarm *a;
    uint32_t longest;

    cr_assert_eq(swarms_init(&s, seed, bare), 0);
    a = add(&s, 'a', 1);
    add_peer(&s, a, 1, 20);
    cr_assert_eq(peerset_find(swarm_peers(a, IP_V6), &s.env, key6), PEERSET_NONE);
    cr_assert_eq(swarms_add_peer(&s, a, IP_V6, key6, true, 10, &longest), 0);
    peerset_touch(swarm_set(a, IP_V6), 0, 10, 8, 0, NULL);
    cr_assert_eq(peerset_find(swarm_peers(a, IP_V6), &s.env, key6), 0);
    cr_assert_eq(s.peers6, 1);
    while (s.peers6 > 0)
        (void)swarms_sweep(&s, 1, 24, 5, (struct mono){4});
    (void)swarms_sweep(&s, 9, 24, 5, (struct mono){4});
    cr_assert_eq(swarm_peers(a, IP_V6), &swarm_no_peers);
    cr_assert_eq(peerset_count(swarm_peers(a, IP_V4)), 1);
    swarms_fini(&s);
}
