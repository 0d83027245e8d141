/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Selection: no repeats, never the asker, no seeders for seeders, and every peer as likely as any
 * other, in small and in large swarms.
 */
#include "tracker/core/select.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/bytes.h"

static const struct peerset_env env = {{3, 4}};

/* A set of |seeds| + |leeches| peers, numbered from 0; the number is the address, the tag its
 * four-fold. */
static void
fill(struct peerset *s, uint32_t seeds, uint32_t leeches)
{
    peerset_init(s, IP_V4, true);
    for (uint32_t n = 0; n < seeds + leeches; n++) {
        uint8_t key[6] = {0}, id[PEERSET_ID_LEN] = {0};
        uint32_t pos;

        put_u32be(key, n);
        put_u32be(id, n);
        pos = peerset_add(s, &env, key, n < seeds);
        peerset_touch(s, pos, 100, (n + 1) << 3, 0, id);
    }
}

/* Draws and counts how often each peer came; checks that none came twice. */
static uint32_t
draw(const struct peerset *s, struct rng *rng, const struct select_query *q, uint32_t *hits,
     uint32_t total)
{
    uint8_t out[SELECT_WANT_MAX * 6], ids[SELECT_WANT_MAX * PEERSET_ID_LEN];
    bool *seen = calloc(total, 1);
    uint32_t got = select_peers(s, rng, q, out, ids);

    for (uint32_t i = 0; i < got; i++) {
        uint32_t n = get_u32be(out + 6 * i);

        cr_assert_lt(n, total);
        cr_assert_not(seen[n], "peer %u came twice", n);
        cr_assert_eq(get_u32be(ids + PEERSET_ID_LEN * i), n);
        seen[n] = true;
        hits[n]++;
    }
    free(seen);
    return got;
}

static void
check_fair(uint32_t seeds, uint32_t leeches, bool leechers_only, uint32_t want, int rounds)
{
    uint32_t total = seeds + leeches, *hits = calloc(total, sizeof(*hits));
    struct select_query q = {.want = want,
                             .leechers_only = leechers_only,
                             .self_tag = 1u << 31,
                             .self_mask = ~(uint32_t)PEER_FLAGS,
                             .now = 100,
                             .age_max = 10};
    uint32_t range = leechers_only ? leeches : total;
    double expected = (double)rounds * want / range;
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 42);
    fill(&s, seeds, leeches);
    for (int i = 0; i < rounds; i++)
        cr_assert_eq(draw(&s, &rng, &q, hits, total), want);
    for (uint32_t n = 0; n < total; n++) {
        if (leechers_only && n < seeds)
            cr_assert_eq(hits[n], 0);
        else
            cr_assert(hits[n] > expected * 0.75 && hits[n] < expected * 1.25, "%u: %u of %f", n,
                      hits[n], expected);
    }
    peerset_fini(&s);
    free(hits);
}

Test(select, fair_in_small_swarms)
{
    check_fair(3, 7, false, 4, 4000);
    check_fair(20, 20, true, 19, 4000);
    check_fair(100, 250, false, 200, 2000);
}

Test(select, fair_in_large_swarms)
{
    check_fair(300, 300, false, 50, 12000);
    check_fair(1000, 500, true, 200, 2500);
}

Test(select, all_of_them_if_so_many_are_wanted)
{
    uint32_t hits[10] = {0};
    struct select_query q = {.want = 50,
                             .self_tag = 1u << 31,
                             .self_mask = ~(uint32_t)PEER_FLAGS,
                             .now = 100,
                             .age_max = 10};
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 1);
    fill(&s, 5, 5);
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 10);
    q.want = 0;
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
    peerset_fini(&s);
    peerset_init(&s, IP_V4, true);
    q.want = 50;
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
}

Test(select, never_the_asker)
{
    uint32_t *hits = calloc(1000, sizeof(*hits));
    struct select_query q = {.want = 200,
                             .self_tag = (7 + 1) << 3,
                             .self_mask = ~(uint32_t)PEER_FLAGS,
                             .now = 100,
                             .age_max = 10};
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 1);
    fill(&s, 0, 1000);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(draw(&s, &rng, &q, hits, 1000), 200);
    cr_assert_eq(hits[7], 0);
    peerset_fini(&s);
    fill(&s, 0, 10);
    memset(hits, 0, 10 * sizeof(*hits));
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 9);
    peerset_fini(&s);
    free(hits);
}

/* On a private tracker a tag begins with the user. Here each user has 32 peers. */
Test(select, no_peers_of_the_own_user_or_of_hidden_ones)
{
    enum { TOTAL = 320, PER_USER = 1 << (SELECT_USER_SHIFT - 3) };
    uint32_t hits[TOTAL] = {0};
    uint64_t disabled = 1u << 2 | 1u << 5;
    struct select_query q = {.want = 200,
                             .self_tag = 4u << SELECT_USER_SHIFT,
                             .self_mask = UINT32_MAX << SELECT_USER_SHIFT,
                             .hidden = {&disabled, 64},
                             .now = 100,
                             .age_max = 10};
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 1);
    fill(&s, 0, TOTAL);
    for (int i = 0; i < 200; i++)
        cr_assert_gt(draw(&s, &rng, &q, hits, TOTAL), 100);
    for (uint32_t n = 0; n < TOTAL; n++) {
        uint32_t user = (n + 1) / PER_USER;
        bool shown = user != 4 && user != 2 && user != 5;

        cr_assert_eq(hits[n] > 0, shown, "peer %u of user %u came %u times", n, user, hits[n]);
    }
    peerset_fini(&s);
}

Test(select, who_is_silent_is_passed_over)
{
    uint32_t hits[10] = {0};
    struct select_query q = {.want = 50,
                             .self_tag = 1u << 31,
                             .self_mask = ~(uint32_t)PEER_FLAGS,
                             .now = 111,
                             .age_max = 10};
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 1);
    fill(&s, 5, 5);
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
    peerset_touch(&s, 4, 101, 1 << 30, 0, s.ids);
    cr_assert_eq(select_peers(&s, &rng, &q, (uint8_t[300]){0}, NULL), 1);
    peerset_fini(&s);
}

/* How many of |want| drawn from two sets come from the first, on average. |others| hold the numbers
 * behind the own ones and stand for the rest of |all|. */
static double
own_share(uint32_t own, uint32_t others, uint64_t all, uint32_t want, uint32_t expected)
{
    struct select_query q = {.want = want,
                             .self_tag = UINT32_MAX << 3,
                             .self_mask = ~(uint32_t)PEER_FLAGS,
                             .now = 100,
                             .age_max = 10};
    uint8_t out[SELECT_WANT_MAX * 6];
    uint64_t from_own = 0;
    struct peerset a, b;
    struct rng rng;
    enum { ROUNDS = 4000 };

    rng_init(&rng, 7);
    fill(&a, own / 2, own - own / 2);
    fill(&b, 0, own + others);
    for (uint32_t n = 0; n < own; n++) {
        uint8_t key[6] = {0};

        put_u32be(key, n);
        peerset_remove(&b, &env, peerset_find(&b, &env, key));
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t got = select_peers_of_two(&a, &b, all, &rng, &q, out, NULL);
        bool seen[1000] = {false};

        cr_assert_eq(got, expected);
        for (uint32_t k = 0; k < got; k++) {
            uint32_t n = get_u32be(out + 6 * k);

            cr_assert(n < own + others && !seen[n]);
            seen[n] = true;
            from_own += n < own;
        }
    }
    peerset_fini(&a);
    peerset_fini(&b);
    return (double)from_own / ROUNDS;
}

Test(select, two_sets_are_drawn_from_as_one)
{
    cr_assert_float_eq(own_share(30, 70, 100, 20, 20), 6, 0.1);
    cr_assert_float_eq(own_share(30, 100, 3000, 50, 50), 0.5, 0.1, "a sample stands for many");
    cr_assert_float_eq(own_share(5, 6, 11, 50, 11), 5, 0.001, "all that there are");
    cr_assert_float_eq(own_share(100, 3, 1000000, 50, 50), 47, 0.001, "too few to stand for them");
    cr_assert_float_eq(own_share(0, 9, 9, 4, 4), 0, 0.001);
}
