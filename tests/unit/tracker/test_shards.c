/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shards under several threads: every torrent has one home, limits and numbers are of all together,
 * and a list or other settings reach all of them.
 */
#include "tracker/net/shards.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "common/base/bytes.h"

enum { SHARDS = 3, THREADS = 4, TORRENTS = 300, PEERS = 20 };

static const struct tracker_seed seed = {{1, 2}, 3};
static const struct mono now = {1000000000};

static struct shards *
make(uint32_t torrents_max, uint32_t peers_max)
{
    struct tracker_config config;
    struct shards *s;

    tracker_config_init(&config);
    config.torrents_max = torrents_max;
    config.peers_max = peers_max;
    s = shards_new(SHARDS, &config, &seed);
    cr_assert_not_null(s);
    return s;
}

/* The number of a torrent of shard |i|. */
static uint32_t
torrent_in(const struct shards *s, unsigned i)
{
    uint8_t hash[TRACKER_HASH_LEN] = {0};
    uint32_t n = 0;

    do
        put_u32be(hash, ++n);
    while (shard_of(shards_rule(s), hash) != i);
    return n;
}

/* Returns the failure, or NULL. */
static const char *
announce(const struct tracker_doors *d, uint32_t torrent, uint32_t peer)
{
    struct tracker_announce a = {.left = 1, .numwant = 0, .port = 7};
    struct tracker_answer ans = {.max4 = 0};
    struct endpoint from = {.family = IP_V4};

    put_u32be(a.info_hash, torrent);
    put_u32be(a.peer_id, peer);
    put_u32be(from.ip, peer);
    tracker_on_announce(tracker_doors_enter(d, a.info_hash), &a, &from, &ans, now);
    return ans.failure;
}

struct worker {
    pthread_t thread;
    struct shards *shards;
    struct limiter *limiter;
    uint32_t first; /* of its peers */
    unsigned allowed;
};

static void *
work(void *arg)
{
    static const struct endpoint busy = {.family = IP_V4, .ip = {1}};
    struct worker *w = arg;
    struct shards_visit visit;
    struct tracker_doors doors;

    shards_visit_init(&visit, w->shards, w->limiter);
    doors = shards_doors(&visit);
    for (uint32_t n = 0; n < PEERS; n++) {
        for (uint32_t t = 0; t < TORRENTS; t++) {
            w->allowed += doors.may_ask(doors.ctx, &busy, 1, now);
            (void)announce(&doors, t, w->first + n);
            if (t % 7 == 0)
                doors.leave(doors.ctx);
        }
    }
    doors.leave(doors.ctx);
    doors.leave(doors.ctx);
    return NULL;
}

static unsigned
work_together(struct shards *s, struct limiter *l)
{
    struct worker workers[THREADS];
    unsigned allowed = 0;

    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shards = s, .limiter = l, .first = i * PEERS};
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
        allowed += workers[i].allowed;
    }
    return allowed;
}

/* How many of the torrents the rule gives to shard |i|. */
static uint64_t
of_shard(const struct shard_rule *rule, unsigned i)
{
    uint8_t hash[TRACKER_HASH_LEN] = {0};
    uint64_t n = 0;

    for (uint32_t t = 0; t < TORRENTS; t++) {
        put_u32be(hash, t);
        n += shard_of(rule, hash) == i;
    }
    return n;
}

Test(shards, threads_share_all_torrents)
{
    struct shards *s = make(1000000, 1000000);
    struct limiter *l = limiter_new(seed.hash);
    struct tracker_stats sum;

    cr_assert_eq(shards_count(s), SHARDS);
    cr_assert_eq(work_together(s, l), THREADS * TORRENTS * PEERS, "there is no limit");
    shards_stats(s, &sum);
    cr_expect_eq(sum.torrents, TORRENTS);
    cr_expect_eq(sum.peers4, TORRENTS * THREADS * PEERS);
    cr_expect_eq(sum.announces, TORRENTS * THREADS * PEERS);
    for (unsigned i = 0; i < SHARDS; i++) {
        tracker_stats(shards_lock(s, i), &sum);
        shards_unlock(s, i);
        cr_expect_eq(sum.torrents, of_shard(shards_rule(s), i), "each is where the rule says");
    }
    shards_free(s);
    limiter_free(l);
}

Test(shards, a_rate_limit_is_one_for_all_threads)
{
    struct shards *s = make(1000000, 1000000);
    struct limiter *l = limiter_new(seed.hash);
    struct netset none = {.count = 0};

    cr_assert_eq(limiter_set(l, 1000, &none), 0);
    cr_assert_eq(work_together(s, l), 1000);
    shards_free(s);
    limiter_free(l);
}

static struct tracker_stats
stats_within(uint32_t torrents_max, uint32_t peers_max)
{
    struct shards *s = make(torrents_max, peers_max);
    struct limiter *l = limiter_new(seed.hash);
    struct tracker_stats sum;

    (void)work_together(s, l);
    shards_stats(s, &sum);
    shards_free(s);
    limiter_free(l);
    return sum;
}

Test(shards, limits_are_for_all_together)
{
    struct tracker_stats s = stats_within(100, 1000000);

    cr_expect_geq(s.torrents, 100);
    cr_expect_leq(s.torrents, 100 + THREADS - 1);
    s = stats_within(1000000, 1500);
    cr_expect_geq(s.peers4, 1500 - THREADS, "a torrent of one peer may just have made room");
    cr_expect_leq(s.peers4, 1500 + THREADS - 1);
}

Test(shards, settings_reach_all_of_them)
{
    static const char none[] = "";
    struct shards *s = make(1000000, 1000000);
    struct limiter *l = limiter_new(seed.hash);
    struct tracker_config config;
    struct shards_visit visit;
    struct tracker_doors doors;
    struct hashlist *list;
    struct errbuf eb;

    shards_visit_init(&visit, s, l);
    doors = shards_doors(&visit);
    cr_assert_eq(hashlist_parse(none, 0, &list, &eb), 0);
    shards_set_list(s, TRACKER_ALLOW, list);
    for (uint32_t t = 0; t < SHARDS; t++)
        cr_expect_not_null(announce(&doors, torrent_in(s, t), 1), "it is on no list");
    doors.leave(doors.ctx);
    shards_set_list(s, TRACKER_OPEN, NULL);
    hashlist_free(list);
    tracker_config_init(&config);
    config.torrents_max = 1;
    shards_set_config(s, &config);
    cr_expect_null(announce(&doors, torrent_in(s, 0), 1));
    for (uint32_t t = 1; t < SHARDS; t++)
        cr_expect_not_null(announce(&doors, torrent_in(s, t), 1),
                           "the one there may be is in another shard");
    doors.leave(doors.ctx);
    shards_free(s);
    limiter_free(l);
}

/* Torrents of 100 that a stranger made for shard 0 of one process, in each shard of another. */
static void
count_chosen(uint64_t choice, const uint8_t (*chosen)[TRACKER_HASH_LEN], unsigned count[SHARDS])
{
    struct shard_rule rule;
    struct rng rng;

    rng_init(&rng, choice);
    rule = shard_rule_make(SHARDS, &rng);
    for (unsigned i = 0; i < 100; i++)
        count[shard_of(&rule, chosen[i])]++;
}

Test(shards, chosen_hashes_do_not_load_one_worker)
{
    uint8_t chosen[100][TRACKER_HASH_LEN] = {{0}};
    unsigned known[SHARDS] = {0}, other[SHARDS] = {0};
    struct shard_rule rule;
    struct rng rng;

    rng_init(&rng, 1);
    rule = shard_rule_make(SHARDS, &rng);
    for (uint32_t i = 0, n = 0; i < 100; n++) {
        put_u32be(chosen[i], n * SHARDS);
        i += shard_of(&rule, chosen[i]) == 0;
    }
    count_chosen(1, chosen, known);
    cr_assert_eq(known[0], 100u);
    count_chosen(2, chosen, other);
    for (unsigned i = 0; i < SHARDS; i++)
        cr_expect_gt(other[i], 15u, "%u of 100 are in shard %u", other[i], i);
}
