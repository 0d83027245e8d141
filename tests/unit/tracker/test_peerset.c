/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The packed peer array against a plain model: random additions, removals, changes of sides and
 * expiries, in small sets, in indexed ones and where the index changes its width.
 */
#include "tracker/core/peerset.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/rng.h"

static const struct peerset_env env = {{1, 2}};

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
    put_u32be(id, n);
    cr_assert_neq(pos, PEERSET_NONE);
    peerset_touch(s, pos, 7, n << 3, 0, id);
    cr_assert_eq(peerset_is_sited(s, pos), n % 3 != 0);
    return pos;
}

static void
check_against(const struct peerset *s, const struct model *m, uint32_t count)
{
    uint32_t seeds = 0, leeches = 0, paused = 0;

    for (uint32_t n = 0; n < count; n++) {
        uint32_t pos = find(s, n);

        cr_assert_eq(pos != PEERSET_NONE, m[n].in, "peer %u", n);
        if (!m[n].in)
            continue;
        cr_assert_eq(peerset_is_seed(s, pos), m[n].seed);
        cr_assert_eq(peerset_tag(s, pos), n << 3);
        cr_assert_eq(peerset_seen(s, pos), m[n].seen);
        cr_assert_eq(peerset_flags(s, pos), m[n].paused ? PEER_PAUSED : 0);
        if (s->ids != NULL)
            cr_assert_eq(get_u32be(s->ids + (size_t)pos * PEERSET_ID_LEN), n);
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
        m[n] = (struct model){.in = true, .seed = rng_below(rng, 2) == 0, .seen = 7};
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
        put_u32be(id, n);
        peerset_touch(s, pos, m[n].seen, n << 3, m[n].paused ? PEER_PAUSED : 0, id);
    }
}

static void
run_model(enum ip_family family, bool ids, uint32_t count, int steps, int check_every)
{
    struct model *m = calloc(count, sizeof(*m));
    struct peerset s;
    struct rng rng;

    rng_init(&rng, count);
    peerset_init(&s, family, ids);
    for (int i = 0; i < steps; i++) {
        step(&s, m, rng_below(&rng, count), &rng);
        if (i % check_every == 0)
            check_against(&s, m, count);
    }
    /* What was last seen before second 500 goes. */
    (void)expire(&s, 1000, 500);
    for (uint32_t n = 0; n < count; n++)
        m[n].in = m[n].in && m[n].seen >= 500;
    check_against(&s, m, count);
    for (int i = 0; i < steps / 4; i++)
        step(&s, m, rng_below(&rng, count), &rng);
    check_against(&s, m, count);
    peerset_fini(&s);
    free(m);
}

Test(peerset, model_small)
{
    run_model(IP_V4, true, 8, 3000, 1);
    run_model(IP_V6, false, 30, 5000, 3);
}

Test(peerset, model_marked)
{
    run_model(IP_V4, true, 60, 10000, 7);
    run_model(IP_V6, true, 100, 10000, 11);
    run_model(IP_V4, false, 400, 30000, 50); /* up to where an index takes over */
}

Test(peerset, equal_marks_are_told_apart)
{
    /* With this key every mark is the same. */
    static const struct peerset_env blind = {{0, 0}};
    enum { COUNT = 200 };
    struct peerset s;
    uint8_t key[18];

    peerset_init(&s, IP_V4, false);
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
    peerset_fini(&s);
}

Test(peerset, little_is_left_unused)
{
    struct peerset s;

    peerset_init(&s, IP_V4, false);
    for (uint32_t n = 0; n < 5000; n++) {
        add(&s, n, false);
        cr_assert_leq(s.cap, n + 1 + 4 + n / 32);
    }
    peerset_fini(&s);
}

Test(peerset, model_indexed)
{
    run_model(IP_V4, true, 500, 20000, 50);
    run_model(IP_V6, true, 3000, 20000, 500);
}

Test(peerset, a_large_set_has_a_wide_index)
{
    enum { COUNT = 120000 };
    struct peerset s;

    peerset_init(&s, IP_V4, false);
    for (uint32_t n = 0; n < COUNT; n++)
        add(&s, n, n % 3 == 0);
    cr_assert_gt(s.nslots, 65536);
    cr_assert_eq(s.nseeds, COUNT / 3);
    for (uint32_t n = 0; n < COUNT; n += 2)
        peerset_remove(&s, &env, find(&s, n));
    for (uint32_t n = 0; n < COUNT; n++)
        cr_assert_eq(find(&s, n) == PEERSET_NONE, n % 2 == 0, "%u", n);
    for (uint32_t n = 1; n < COUNT; n += 2)
        if (n > 99)
            peerset_touch(&s, find(&s, n), 60000, n << 3, 0, NULL);
    cr_assert_eq(expire(&s, 7 + 100, 100), COUNT / 2 - 50, "60000 is long ago");
    cr_assert_lt(s.cap, 200, "memory is given back");
    cr_assert_neq(find(&s, 1), PEERSET_NONE);
    peerset_fini(&s);
}

Test(peerset, finds_tags_within_bounds)
{
    struct peerset s;

    peerset_init(&s, IP_V4, false);
    cr_assert_eq(peerset_find_tag(&s, 8), PEERSET_NONE);
    for (uint32_t n = 1; n <= PEERSET_TAG_SCAN_MAX + 1; n++)
        add(&s, n, false);
    cr_assert_eq(peerset_find_tag(&s, 1 << 3), 0);
    cr_assert_eq(peerset_find_tag(&s, PEERSET_TAG_SCAN_MAX << 3), PEERSET_TAG_SCAN_MAX - 1);
    cr_assert_eq(peerset_find_tag(&s, (PEERSET_TAG_SCAN_MAX + 1) << 3), PEERSET_NONE);
    peerset_fini(&s);
}

Test(peerset, entries_are_small)
{
    struct peerset s;

    peerset_init(&s, IP_V4, false);
    cr_assert_eq(peerset_stride(&s), 12);
    peerset_init(&s, IP_V6, false);
    cr_assert_eq(peerset_stride(&s), 24);
}

Test(peerset, ages_wrap_around)
{
    struct peerset s;
    uint32_t pos;

    peerset_init(&s, IP_V4, false);
    pos = add(&s, 1, true);
    peerset_touch(&s, pos, 65530, 8, 0, NULL);
    cr_assert_eq(expire(&s, 4, 10), 0);
    cr_assert_eq(expire(&s, 5, 10), 1);
    cr_assert_null(s.entries);
    peerset_fini(&s);
}

enum { SITES = 200, SITE_PEERS = 4 };

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

    peerset_init(&s, family, false);
    for (uint32_t n = 0; n < SITE_PEERS; n++) {
        for (uint32_t site = 0; site < sites; site++) {
            site_key(key, family, site, n);
            cr_assert_eq(peerset_count_site(&s, &env, key, 10, 20, &longest), n);
            cr_assert_eq(longest == PEERSET_NONE, n == 0);
            peerset_touch(&s, peerset_add_sited(&s, &env, key, (site + n) % 2 == 0),
                          (uint16_t)(10 + (n + site) % SITE_PEERS), 8, 0, NULL);
        }
    }
    for (uint32_t site = 0; site < sites; site++) {
        site_key(key, family, site, 99);
        peerset_touch(&s, peerset_add(&s, &env, key, true), 1, 8, 0, NULL);
        cr_assert_eq(peerset_count_site(&s, &env, key, 10, 20, &longest), (uint32_t)SITE_PEERS);
        cr_assert_eq(peerset_seen(&s, longest), 10, "the one that is silent longest");
        cr_assert_eq(peerset_count_site(&s, &env, key, 2, 20, &longest), 2u);
        for (uint32_t n = 0; n < SITE_PEERS; n++) {
            site_key(key, family, site, n);
            cr_assert_neq(peerset_find(&s, &env, key), PEERSET_NONE);
        }
        peerset_remove(&s, &env, peerset_find(&s, &env, key));
        cr_assert_eq(peerset_count_site(&s, &env, key, 10, 20, &longest), SITE_PEERS - 1u);
    }
    peerset_fini(&s);
}

Test(peerset, counts_the_peers_of_a_site)
{
    count_sites(IP_V4, 3); /* a few entries, */
    count_sites(IP_V6, 3);
    count_sites(IP_V4, 40); /* marks, */
    count_sites(IP_V6, 40);
    count_sites(IP_V4, SITES); /* an index */
    count_sites(IP_V6, SITES);
}
