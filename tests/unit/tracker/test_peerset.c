/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The packed peer array against a plain model: random additions, removals, changes of sides and
 * expiries, in all forms of entries, in small sets, in those of several chunks, in indexed ones and
 * where the index changes its width.
 */
#include "tracker/core/peerset.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/rng.h"

/* The tag of a peer with |n|, in all that a form keeps of it. */
#define TAG(n) ((uint32_t)(n) << 16)

static struct blocks blocks;
static struct peerset_env env = {{1, 2}, {PEERSET_SHORT, false}, &blocks};

static const struct peerset_form forms[] = {
    {PEERSET_SHARED, true}, {PEERSET_SHORT, false}, {PEERSET_SHORT, true},
    {PEERSET_EXACT, false}, {PEERSET_EXACT, true},
};

struct model {
    bool in, seed, paused;
    uint16_t seen;
};

static void
make_key(uint8_t key[18], uint32_t n)
{
    memset(key, 0, 18);
    put_u32be(key, n / 5 * 2654435761u);
    key[5] = (uint8_t)(1 + n % 5);
    key[17] = (uint8_t)(n % 5);
}

/* Its end is the tag of PEERSET_SHARED. */
static void
make_id(uint8_t id[PEERSET_ID_LEN], uint32_t n)
{
    memset(id, 0, PEERSET_ID_LEN);
    put_u32be(id, n);
    put_u16be(id + PEERSET_ID_LEN - 2, (uint16_t)n);
}

static uint32_t
find(const struct peerset *s, uint32_t n)
{
    uint8_t key[18];

    make_key(key, n);
    peerset_prefetch(s);
    peerset_prefetch_search(s, &env, key);
    peerset_prefetch_found(s, &env, key);
    return peerset_find(s, &env, key);
}

/* Removes who is silent, as a sweep does (swarms.h), and returns how many these were. */
static uint32_t
expire(struct peerset *s, uint16_t now, uint16_t age_max)
{
    uint32_t removed = 0;

    for (uint32_t pos = peerset_count(s); pos-- > 0;) {
        if (peerset_is_silent(s, pos, now, age_max)) {
            peerset_remove(s, &env, pos);
            removed++;
        }
    }
    peerset_trim(s, &env);
    return removed;
}

/* Two in three count among the peers of their site, of which there are at most three of one. */
static uint32_t
add(struct peerset *s, uint32_t n, bool seed)
{
    uint8_t key[18], id[PEERSET_ID_LEN] = {0};
    uint32_t pos;

    make_key(key, n);
    pos = n % 3 == 0 ? peerset_add(s, &env, key, seed) : peerset_add_sited(s, &env, key, seed);
    make_id(id, n);
    cr_assert_neq(pos, PEERSET_NONE);
    peerset_touch(s, pos, 8, TAG(n), 0, id);
    cr_assert_eq(peerset_is_sited(s, pos), n % 3 != 0);
    return pos;
}

static void
check_against(const struct peerset *s, const struct model *m, uint32_t count)
{
    uint32_t seeds = 0, leeches = 0, paused = 0;
    uint8_t id[PEERSET_ID_LEN];

    for (uint32_t n = 0; n < count; n++) {
        uint32_t pos = find(s, n);

        cr_assert_eq(pos != PEERSET_NONE, m[n].in, "peer %u", n);
        if (!m[n].in)
            continue;
        cr_assert_eq(peerset_is_seed(s, pos), m[n].seed);
        cr_assert_eq(peerset_tag(s, pos), TAG(n));
        cr_assert_eq(peerset_seen(s, pos), m[n].seen & peerset_time_mask(s));
        cr_assert_eq(peerset_flags(s, pos), m[n].paused ? PEER_PAUSED : 0);
        make_id(id, n);
        cr_assert(s->id_len == 0 || peerset_has_id(s, pos, id));
        seeds += m[n].seed;
        leeches += !m[n].seed;
        paused += m[n].paused;
    }
    cr_assert_eq(s->nseeds, seeds);
    cr_assert_eq(s->nleeches, leeches);
    cr_assert_eq(s->npaused, paused);
}

/* One random change to both. */
static void
step(struct peerset *s, struct model *m, uint32_t n, struct rng *rng)
{
    uint8_t id[PEERSET_ID_LEN] = {0};
    uint32_t pos = find(s, n);

    if (pos == PEERSET_NONE) {
        m[n] = (struct model){.in = true, .seed = rng_below(rng, 2) == 0, .seen = 8};
        add(s, n, m[n].seed);
        return;
    }
    switch (rng_below(rng, 3)) {
    case 0:
        peerset_remove(s, &env, pos);
        m[n].in = false;
        break;
    case 1:
        if (m[n].seed != (rng_below(rng, 2) == 0)) {
            m[n].seed = !m[n].seed;
            m[n].paused = false;
        }
        pos = peerset_set_seed(s, &env, pos, m[n].seed);
        cr_assert_eq(pos, find(s, n));
        break;
    default:
        m[n].seen = (uint16_t)rng_below(rng, 1000);
        m[n].paused = !m[n].seed && rng_below(rng, 2) == 0;
        make_id(id, n);
        peerset_touch(s, pos, m[n].seen, TAG(n), m[n].paused ? PEER_PAUSED : 0, id);
    }
}

static void
run_form(enum ip_family family, uint32_t count, int steps, int check_every)
{
    struct model *m = calloc(count, sizeof(*m));
    struct peerset s;
    struct rng rng;

    rng_init(&rng, count);
    peerset_init(&s, &env, family);
    for (int i = 0; i < steps; i++) {
        step(&s, m, rng_below(&rng, count), &rng);
        if (i % check_every == 0)
            check_against(&s, m, count);
    }
    /* What was last seen before second 504 goes. */
    (void)expire(&s, 1007, (uint16_t)(503 - peerset_age_error(&s)));
    for (uint32_t n = 0; n < count; n++)
        m[n].in = m[n].in && m[n].seen >= 504;
    check_against(&s, m, count);
    for (int i = 0; i < steps / 4; i++)
        step(&s, m, rng_below(&rng, count), &rng);
    check_against(&s, m, count);
    peerset_fini(&s, &env);
    blocks_fini(&blocks);
    free(m);
}

static void
run_model(enum ip_family family, uint32_t count, int steps, int check_every)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        env.form = forms[i];
        run_form(family, count, steps, check_every);
    }
}

Test(peerset, model_small)
{
    run_model(IP_V4, 8, 3000, 1);
    run_model(IP_V6, 30, 5000, 3);
}

Test(peerset, model_marked)
{
    run_model(IP_V4, 100, 10000, 17);
    run_model(IP_V6, 200, 10000, 31);
    run_model(IP_V4, 600, 30000, 300); /* up to where there are several chunks */
}

Test(peerset, equal_marks_are_told_apart)
{
    /* With this key every mark is the same. */
    static const struct peerset_env blind = {{0, 0}, {PEERSET_SHORT, false}, &blocks};
    enum { COUNT = 200 };
    struct peerset s;
    uint8_t key[18];

    peerset_init(&s, &blind, IP_V4);
    for (uint32_t n = 0; n < COUNT; n++) {
        memset(key, 0, sizeof(key));
        put_u16be(key + 4, (uint16_t)n);
        cr_assert_eq(peerset_find(&s, &blind, key), PEERSET_NONE);
        cr_assert_eq(peerset_add(&s, &blind, key, false), n);
    }
    for (uint32_t n = 0; n < COUNT; n++) {
        put_u16be(key + 4, (uint16_t)n);
        cr_assert_eq(peerset_find(&s, &blind, key), n);
    }
    peerset_fini(&s, &env);
}

Test(peerset, little_is_left_unused)
{
    struct peerset s;

    peerset_init(&s, &env, IP_V4);
    for (uint32_t n = 0; n < 5000; n++) {
        add(&s, n, false);
        cr_assert_leq(s.cap, n + 16 + (n < PEERSET_SMALL_MAX ? n / 16 : 16));
    }
    peerset_fini(&s, &env);
}

Test(peerset, model_chunked_and_indexed)
{
    run_model(IP_V4, 2500, 20000, 2000);
    run_model(IP_V6, 5000, 30000, 5000);
}

Test(peerset, a_large_set_has_a_wide_index_and_gives_back_what_it_does_not_need)
{
    enum { COUNT = 120000 };
    struct peerset s;

    peerset_init(&s, &env, IP_V4);
    for (uint32_t n = 0; n < COUNT; n++)
        add(&s, n, n % 3 == 0);
    cr_assert_eq(s.nseeds, COUNT / 3);
    for (uint32_t n = 0; n < COUNT; n += 2) {
        peerset_remove(&s, &env, find(&s, n));
        cr_assert_leq(s.cap, peerset_count(&s) + 2 * PEERSET_SMALL_MAX);
    }
    for (uint32_t n = 0; n < COUNT; n++)
        cr_assert_eq(find(&s, n) == PEERSET_NONE, n % 2 == 0, "%u", n);
    for (uint32_t n = 1; n < COUNT; n += 2)
        if (n > 99)
            peerset_touch(&s, find(&s, n), 60000, TAG(n), 0, NULL);
    cr_assert_eq(expire(&s, 8 + 100, 100), COUNT / 2 - 50, "60000 is long ago");
    cr_assert_lt(s.cap, 60, "memory is given back");
    cr_assert_neq(find(&s, 1), PEERSET_NONE);
    peerset_fini(&s, &env);
}

Test(peerset, a_set_that_shrinks_and_grows_at_its_limits_stays_whole)
{
    struct peerset s;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct model *m = calloc(1600, sizeof(*m));

        env.form = forms[i];
        peerset_init(&s, &env, IP_V4);
        for (uint32_t turn = 0; turn < 6; turn++) {
            uint32_t most = turn % 2 == 0 ? 1600 : 300, least = turn % 2 == 0 ? 700 : 150;

            for (uint32_t n = 0; n < most; n++) {
                if (find(&s, n) == PEERSET_NONE)
                    add(&s, n, false);
                m[n] = (struct model){.in = true, .seen = 8};
            }
            check_against(&s, m, 1600);
            for (uint32_t n = 1600; n-- > least;) {
                if (find(&s, n) != PEERSET_NONE)
                    peerset_remove(&s, &env, find(&s, n));
                m[n].in = false;
            }
            peerset_trim(&s, &env);
            check_against(&s, m, 1600);
        }
        peerset_fini(&s, &env);
        free(m);
    }
}

/* Each set's memory may move when another set changes. */
Test(peerset, sets_share_the_memory_of_a_tracker)
{
    enum { SETS = 40, STEPS = 40000, COUNT = 300 };
    struct peerset *sets = calloc(SETS, sizeof(*sets));
    struct model **m = calloc(SETS, sizeof(*m));
    struct rng rng;

    rng_init(&rng, 3);
    env.form = forms[0];
    for (int i = 0; i < SETS; i++) {
        peerset_init(&sets[i], &env, IP_V4);
        m[i] = calloc(COUNT, sizeof(**m));
    }
    for (int i = 0; i < STEPS; i++) {
        uint32_t at = rng_below(&rng, SETS), with = rng_below(&rng, SETS);

        step(&sets[at], m[at], rng_below(&rng, COUNT), &rng);
        if (i % 50 == 0 && at != with) {
            struct model *saved = m[at];

            peerset_swap(&sets[at], &sets[with]);
            m[at] = m[with];
            m[with] = saved;
        }
        if (i % 3000 == 0)
            for (int k = 0; k < SETS; k++)
                check_against(&sets[k], m[k], COUNT);
    }
    for (int i = 0; i < SETS; i++) {
        check_against(&sets[i], m[i], COUNT);
        peerset_fini(&sets[i], &env);
        free(m[i]);
    }
    blocks_fini(&blocks);
    free(sets);
    free(m);
}

Test(peerset, finds_tags_within_bounds)
{
    struct peerset s;

    peerset_init(&s, &env, IP_V4);
    cr_assert_eq(peerset_find_tag(&s, 8, NULL), PEERSET_NONE);
    for (uint32_t n = 1; n <= PEERSET_TAG_SCAN_MAX + 1; n++)
        add(&s, n, false);
    cr_assert_eq(peerset_find_tag(&s, TAG(1), NULL), 0);
    cr_assert_eq(peerset_find_tag(&s, TAG(PEERSET_TAG_SCAN_MAX), NULL), PEERSET_TAG_SCAN_MAX - 1);
    cr_assert_eq(peerset_find_tag(&s, TAG(PEERSET_TAG_SCAN_MAX + 1), NULL), PEERSET_NONE);
    peerset_fini(&s, &env);
}

Test(peerset, an_id_is_compared_where_its_end_is_the_tag)
{
    uint8_t id[PEERSET_ID_LEN];
    struct peerset s;

    env.form = forms[0];
    peerset_init(&s, &env, IP_V4);
    for (uint32_t n = 1; n < 4; n++)
        add(&s, n, false);
    make_id(id, 2);
    cr_assert_eq(peerset_find_tag(&s, TAG(2), id), 1);
    id[0] ^= 1;
    cr_assert_eq(peerset_find_tag(&s, TAG(2), id), PEERSET_NONE);
    peerset_fini(&s, &env);
}

Test(peerset, entries_are_small)
{
    static const struct {
        size_t v4, v6, id;
    } sizes[] = {{10, 22, 18}, {11, 23, 0}, {11, 23, 20}, {12, 24, 0}, {12, 24, 20}};
    struct peerset s;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        env.form = forms[i];
        peerset_init(&s, &env, IP_V4);
        cr_assert_eq(peerset_stride(&s), sizes[i].v4);
        cr_assert_eq(s.id_len, sizes[i].id);
        peerset_init(&s, &env, IP_V6);
        cr_assert_eq(peerset_stride(&s), sizes[i].v6);
    }
    cr_assert_leq(sizeof(s), 32u);
}

/* A peer is never taken for silent too early, and at most seven seconds too late. */
Test(peerset, ages_wrap_around)
{
    struct peerset s;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        env.form = forms[i];
        peerset_init(&s, &env, IP_V4);
        for (uint16_t seen = 65500; seen != 30; seen++) {
            uint8_t id[PEERSET_ID_LEN] = {0};
            uint32_t pos = add(&s, 1, true), late = 0;

            peerset_touch(&s, pos, seen, TAG(1), 0, id);
            for (uint16_t age = 0; age <= 10; age++)
                cr_assert_eq(expire(&s, (uint16_t)(seen + age), 10), 0);
            while (expire(&s, (uint16_t)(seen + 11 + late), 10) == 0)
                late++;
            cr_assert_leq(late, env.form.meta == PEERSET_EXACT ? 0u : 7u);
            cr_assert_null(s.memory);
        }
    }
}

enum { SITES = 200, MANY_SITES = 800, SITE_PEERS = 4 };

/* Peer |n| of site |site|. */
static void
site_key(uint8_t key[18], enum ip_family family, uint32_t site, uint32_t n)
{
    memset(key, 0, 18);
    put_u32be(key, site);
    if (family == IP_V4)
        put_u16be(key + 4, (uint16_t)(1000 + n));
    else
        put_u32be(key + 12, n);
}

/* Adds peers of one site after the other, and one that does not count to each. */
static void
count_sites(enum ip_family family, uint32_t sites)
{
    struct peerset s;
    uint32_t longest;
    uint8_t key[18];

    peerset_init(&s, &env, family);
    for (uint32_t n = 0; n < SITE_PEERS; n++) {
        for (uint32_t site = 0; site < sites; site++) {
            site_key(key, family, site, n);
            cr_assert_eq(peerset_count_site(&s, &env, key, 10, 99, &longest), n);
            cr_assert_eq(longest == PEERSET_NONE, n == 0);
            peerset_touch(&s, peerset_add_sited(&s, &env, key, (site + n) % 2 == 0),
                          (uint16_t)(16 + 8 * ((n + site) % SITE_PEERS)), 8, 0, NULL);
        }
    }
    for (uint32_t site = 0; site < sites; site++) {
        site_key(key, family, site, 99);
        peerset_touch(&s, peerset_add(&s, &env, key, true), 1, 8, 0, NULL);
        cr_assert_eq(peerset_count_site(&s, &env, key, 10, 99, &longest), (uint32_t)SITE_PEERS);
        cr_assert_eq(peerset_seen(&s, longest), 16, "the one that is silent longest");
        cr_assert_eq(peerset_count_site(&s, &env, key, 2, 99, &longest), 2u);
        for (uint32_t n = 0; n < SITE_PEERS; n++) {
            site_key(key, family, site, n);
            cr_assert_neq(peerset_find(&s, &env, key), PEERSET_NONE);
        }
        peerset_remove(&s, &env, peerset_find(&s, &env, key));
        cr_assert_eq(peerset_count_site(&s, &env, key, 10, 99, &longest), SITE_PEERS - 1u);
    }
    peerset_fini(&s, &env);
}

Test(peerset, counts_the_peers_of_a_site)
{
    count_sites(IP_V4, 3); /* a few entries, */
    count_sites(IP_V6, 3);
    count_sites(IP_V4, 40); /* marks, */
    count_sites(IP_V6, 40);
    count_sites(IP_V4, SITES); /* chunks, */
    count_sites(IP_V6, SITES);
    count_sites(IP_V4, MANY_SITES); /* an index */
    count_sites(IP_V6, MANY_SITES);
}
