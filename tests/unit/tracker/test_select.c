/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Selection: no repeats, never the asker, no seeders for seeders, and every peer as likely as any
 * other, in small and in large swarms.
 */
#include "tracker/core/select.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/bytes.h"

static struct blocks blocks;
static struct peerset_env env = {{3, 4}, {PEERSET_SHORT, true}, &blocks};

/* The tag of the peer with that number. */
#define TAG(n) (((uint32_t)(n) + 1) << 11)

/* A set of |seeds| + |leeches| peers, numbered from 0; the number is the address. */
static void
fill(struct peerset *s, uint32_t seeds, uint32_t leeches)
{
    peerset_init(s, &env, IP_V4);
    for (uint32_t n = 0; n < seeds + leeches; n++) {
        uint8_t key[6] = {0}, id[PEERSET_ID_LEN] = {0};
        uint32_t pos;

        put_u32be(key, n);
        put_u32be(id, n);
        pos = peerset_add(s, &env, key, n < seeds);
        peerset_touch(s, pos, 104, TAG(n), 0, id);
    }
}

/* A query of a stranger, at a time when all peers that fill() made are alive. */
static struct select_query
query(uint32_t want)
{
    return (struct select_query){.want = want,
                                 .self_tag = 1u << 31,
                                 .self_mask = ~(uint32_t)PEER_FLAGS,
                                 .now = 104,
                                 .age_max = 10};
}

/* Draws and counts how often each peer came; checks that none came twice. */
static uint32_t
draw(const struct peerset *s, struct rng *rng, const struct select_query *q, uint32_t *hits,
     uint32_t total)
{
    uint8_t out[SELECT_WANT_MAX * 6], ids[SELECT_WANT_MAX * PEERSET_ID_LEN];
    bool *seen = calloc(total, 1);
    uint32_t got = select_peers(s, rng, NULL, q, out, ids);

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
    struct select_query q = query(want);
    uint32_t range = leechers_only ? leeches : total;
    double expected = (double)rounds * want / range;
    struct peerset s;
    struct rng rng;

    q.leechers_only = leechers_only;
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
    peerset_fini(&s, &env);
    free(hits);
}

/* ---- of every size ---- */

/* What a draw of |want| of |n| peers gives each, for an asker who is one of them or none (NONE).
 * The bound is six standard deviations of a number of draws that is binomial. */
enum { NONE = -1 };

static void
check_size(struct rng *rng, uint32_t n, uint32_t want, int self)
{
    enum { ROUNDS = 1500 };
    uint32_t hits[128] = {0}, others = self == NONE ? n : n - 1,
             got = want < others ? want : others;
    double p = (double)got / others, sigma = sqrt(ROUNDS * p * (1 - p));
    struct select_query q = query(want);
    struct peerset s;

    q.self_at = (uint32_t)(self + 1);
    fill(&s, n / 3, n - n / 3);
    for (int i = 0; i < ROUNDS; i++)
        cr_assert_eq(draw(&s, rng, &q, hits, n), got);
    for (uint32_t i = 0; i < n; i++) {
        double expected = (int)i == self ? 0 : ROUNDS * p;

        cr_assert_leq(fabs(hits[i] - expected), 6 * sigma + 0.5, "%u of %u, %u wanted: %u, not %f",
                      i, n, want, hits[i], expected);
    }
    peerset_fini(&s, &env);
}

Test(select, fair_in_every_size)
{
    static const uint32_t wants[] = {1, 16, 17, 18, 34, 50, 52};
    struct rng rng;

    rng_init(&rng, 7);
    for (uint32_t n = 2; n < 70; n += n < 20 ? 1 : 3) {
        for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
            check_size(&rng, n, wants[i], NONE);
            check_size(&rng, n, wants[i], (int)rng_below(&rng, n));
        }
    }
}

/* A plan for the size that the set has is followed, and fair; any other changes nothing. */
Test(select, a_plan_is_followed_if_it_fits)
{
    enum { N = 90, SEEDS = 30, ROUNDS = 6000 };
    uint32_t hits[N + 1] = {0};
    struct select_query q = query(20);
    uint8_t a[200 * 6], b[200 * 6];
    struct select_plan plan, fresh;
    struct rng rng, other;
    struct peerset s;

    rng_init(&rng, 3);
    rng_init(&other, 4);
    fill(&s, SEEDS, N - SEEDS);
    for (int i = 0; i < ROUNDS; i++) {
        q.self_at = (uint32_t)i % 3 == 0 ? 0 : SEEDS + 1 + rng_below(&rng, N - SEEDS);
        select_plan(&plan, &s, &rng, q.want, false, q.self_at != 0);
        fresh = plan;
        cr_assert_eq(select_peers(&s, &rng, &plan, &q, a, NULL), 20);
        cr_assert_eq(select_peers(&s, &other, &fresh, &q, b, NULL), 20);
        cr_assert_eq(memcmp(a, b, sizeof(uint8_t[20 * 6])), 0, "it is all choice that there is");
        for (uint32_t k = 0; k < 20; k++)
            hits[get_u32be(a + 6 * k)]++;
    }
    for (uint32_t i = 0; i < N; i++)
        cr_assert(hits[i] > ROUNDS * 20 / N * 85 / 100 && hits[i] < ROUNDS * 20 / N * 115 / 100);
    plan = (struct select_plan){.want = 0};
    cr_assert_eq(select_peers(&s, &rng, &plan, &q, a, NULL), 20);
    select_plan(&plan, &s, &rng, 21, false, false);
    fresh = plan;
    for (int i = 0; i < 100; i++) { /* others come and go meanwhile */
        uint8_t key[6] = {9, 9, 9, 9, 9, (uint8_t)i};

        (void)peerset_add(&s, &env, key, i % 2 == 0);
        if (i % 3 != 0)
            peerset_remove(&s, &env, rng_below(&rng, peerset_count(&s)));
        q.want = rng_below(&rng, 60);
        q.leechers_only = i % 5 == 0;
        q.self_at = 0;
        q.age_max = UINT16_MAX;
        plan = fresh;
        cr_assert_leq(select_peers(&s, &rng, &plan, &q, a, NULL), q.want);
    }
    peerset_fini(&s, &env);
}

/* ---- what runs cost ---- */

struct spread {
    double peer;       /* deviation of how often a peer comes, to that of a draw without runs */
    double neighbours; /* how often the next peer is in an answer that a peer is in, */
    double by_chance;  /* and without runs */
    double seeders;    /* deviation of the number of seeders in an answer, to that without runs */
};

static struct spread
measure(uint32_t seeds, uint32_t leeches, uint32_t want, uint32_t rounds)
{
    uint32_t n = seeds + leeches, *hits = calloc(n, sizeof(*hits)), *got = calloc(n, sizeof(*got));
    double p = (double)want / n, mean, var = 0, pairs = 0, seeders = 0, share = (double)seeds / n;
    struct select_query q = query(want);
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 11);
    fill(&s, seeds, leeches);
    for (uint32_t i = 0; i < rounds; i++) {
        double in = 0;

        memset(got, 0, n * sizeof(*got));
        cr_assert_eq(draw(&s, &rng, &q, got, n), want);
        for (uint32_t k = 0; k < n; k++) {
            hits[k] += got[k];
            in += k < seeds ? got[k] : 0;
            pairs += got[k] & got[(k + 1) % n];
        }
        seeders += (in - want * share) * (in - want * share);
    }
    mean = rounds * p;
    for (uint32_t k = 0; k < n; k++)
        var += (hits[k] - mean) * (hits[k] - mean) / n;
    peerset_fini(&s, &env);
    free(hits);
    free(got);
    return (struct spread){
        .peer = sqrt(var / (mean * (1 - p))),
        .neighbours = pairs / rounds / want,
        .by_chance = (double)(want - 1) / (n - 1),
        .seeders = sqrt(seeders / rounds / (want * share * (1 - share) * (n - want) / (n - 1.0))),
    };
}

/* docs/BENCHMARKS.md has these numbers (--verbose). Over many answers each peer comes as evenly as
 * if there were no runs; in one answer neighbours come together. */
Test(select, runs_draw_neighbours_together_and_nothing_else)
{
    static const uint32_t sizes[][2] = {{20, 80}, {50, 150}, {250, 750}, {1250, 3750}};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct spread x = measure(sizes[i][0], sizes[i][1], 50, 20000);

        cr_log_info("runs of %d, 50 of %u peers: spread %.2f, neighbours %.2f (by chance %.2f), "
                    "seeders %.2f\n",
                    SELECT_RUN, sizes[i][0] + sizes[i][1], x.peer, x.neighbours, x.by_chance,
                    x.seeders);
        cr_assert(x.peer > 0.8 && x.peer < 1.2, "%f", x.peer);
        cr_assert_leq(x.neighbours, 1 - 1.0 / SELECT_RUN + 2 * x.by_chance, "%f", x.neighbours);
        cr_assert_leq(x.seeders, 0.5, "%f", x.seeders);
    }
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
    struct select_query q = query(50);
    struct peerset s;
    struct rng rng;

    rng_init(&rng, 1);
    fill(&s, 5, 5);
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 10);
    q.want = 0;
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
    peerset_fini(&s, &env);
    peerset_init(&s, &env, IP_V4);
    q.want = 50;
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
}

Test(select, never_the_asker)
{
    uint32_t *hits = calloc(1000, sizeof(*hits));
    struct select_query q = query(200);
    struct peerset s;
    struct rng rng;

    q.self_tag = TAG(7);
    rng_init(&rng, 1);
    fill(&s, 0, 1000);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(draw(&s, &rng, &q, hits, 1000), 200);
    cr_assert_eq(hits[7], 0);
    peerset_fini(&s, &env);
    fill(&s, 0, 10);
    memset(hits, 0, 10 * sizeof(*hits));
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 9);
    peerset_fini(&s, &env);
    free(hits);
}

/* On a private tracker a tag begins with the user. Here each user has 32 peers. */
Test(select, no_peers_of_the_own_user_or_of_hidden_ones)
{
    enum { TOTAL = 320, PER_USER = 1 << 5 };
    uint32_t hits[TOTAL] = {0};
    uint64_t disabled = 1u << 2 | 1u << 5;
    struct select_query q = query(200);
    struct peerset s;
    struct rng rng;

    q.self_tag = 4u << SELECT_USER_SHIFT;
    q.self_mask = UINT32_MAX << SELECT_USER_SHIFT;
    q.hidden = (struct select_hidden){&disabled, 64};
    rng_init(&rng, 1);
    fill(&s, 0, TOTAL);
    for (uint32_t n = 0; n < TOTAL; n++) {
        uint8_t id[PEERSET_ID_LEN] = {0};

        put_u32be(id, n);
        peerset_touch(&s, n, 104, (n + 1) / PER_USER << SELECT_USER_SHIFT, 0, id);
    }
    for (int i = 0; i < 200; i++)
        cr_assert_gt(draw(&s, &rng, &q, hits, TOTAL), 100);
    for (uint32_t n = 0; n < TOTAL; n++) {
        uint32_t user = (n + 1) / PER_USER;
        bool shown = user != 4 && user != 2 && user != 5;

        cr_assert_eq(hits[n] > 0, shown, "peer %u of user %u came %u times", n, user, hits[n]);
    }
    peerset_fini(&s, &env);
}

Test(select, who_is_silent_is_passed_over)
{
    uint32_t hits[10] = {0};
    struct select_query q = query(50);
    struct peerset s;
    struct rng rng;

    q.now = 122;
    rng_init(&rng, 1);
    fill(&s, 5, 5);
    cr_assert_eq(draw(&s, &rng, &q, hits, 10), 0);
    peerset_touch(&s, 4, 112, 1 << 30, 0, (uint8_t[PEERSET_ID_LEN]){0});
    cr_assert_eq(select_peers(&s, &rng, NULL, &q, (uint8_t[300]){0}, NULL), 1);
    peerset_fini(&s, &env);
}

/* How many of |want| drawn from two sets come from the first, on average. |others| hold the numbers
 * behind the own ones and stand for the rest of |all|. */
static double
own_share(uint32_t own, uint32_t others, uint64_t all, uint32_t want, uint32_t expected)
{
    struct select_query q = query(want);
    uint8_t out[SELECT_WANT_MAX * 6];
    uint64_t from_own = 0;
    struct peerset a, b;
    struct rng rng;
    enum { ROUNDS = 4000 };

    q.self_tag = UINT32_MAX << 8;
    rng_init(&rng, 7);
    fill(&a, own / 2, own - own / 2);
    fill(&b, 0, own + others);
    for (uint32_t n = 0; n < own; n++) {
        uint8_t key[6] = {0};

        put_u32be(key, n);
        peerset_remove(&b, &env, peerset_find(&b, &env, key));
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t got = select_peers_of_two(&a, &b, all, &rng, NULL, &q, out, NULL);
        bool seen[1000] = {false};

        cr_assert_eq(got, expected);
        for (uint32_t k = 0; k < got; k++) {
            uint32_t n = get_u32be(out + 6 * k);

            cr_assert(n < own + others && !seen[n]);
            seen[n] = true;
            from_own += n < own;
        }
    }
    peerset_fini(&a, &env);
    peerset_fini(&b, &env);
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

Test(select, the_end_of_an_id_is_not_enough_to_be_the_asker)
{
    uint32_t hits[4] = {0};
    uint8_t self[PEERSET_ID_LEN] = {0};
    struct select_query q = query(50);
    struct peerset s;
    struct rng rng;

    q.self_tag = 0;
    q.self_id = self;
    rng_init(&rng, 1);
    env.form = (struct peerset_form){PEERSET_SHARED, true};
    fill(&s, 2, 2);
    put_u32be(self, 3);
    cr_assert_eq(draw(&s, &rng, &q, hits, 4), 3, "all have the same end");
    cr_assert_eq(hits[3], 0);
    peerset_fini(&s, &env);
}
