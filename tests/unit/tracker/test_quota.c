/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions of users against a plain count: their limits, how they end, and that silent ones are
 * forgotten.
 */
#include "tracker/core/quota.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/rng.h"

enum { SILENCE_S = 4000, START_S = 1000000 };

static const uint64_t seed[2] = {1, 2};

static void
init(struct quota *q, uint32_t user_max, uint32_t torrent_max)
{
    quota_init(q, seed,
               &(struct quota_limits){
                   .user_max = user_max, .torrent_max = torrent_max, .silence_s = SILENCE_S});
}

static enum quota_answer
take(struct quota *q, uint32_t user, uint32_t torrent, uint32_t peer, bool ends, int64_t at_s)
{
    return quota_take(q, user, torrent, peer, ends, START_S + at_s);
}

Test(quota, a_torrent_has_few_sessions_of_a_user)
{
    struct quota q;

    init(&q, 1000, 4);
    for (uint32_t peer = 0; peer < 100; peer++) {
        enum quota_answer want = peer < 4 ? QUOTA_WITHIN : QUOTA_TORRENT;

        cr_assert_eq(take(&q, 1, 7, peer, false, 0), want);
        cr_assert_eq(take(&q, 1, 7, peer, false, 1), want, "asking again changes nothing");
    }
    cr_assert_eq(quota_count(&q, 1), 4u);
    cr_assert_eq(take(&q, 1, 8, 99, false, 1), QUOTA_WITHIN, "another torrent");
    cr_assert_eq(take(&q, 2, 7, 99, false, 1), QUOTA_WITHIN, "another user");
    cr_assert_eq(take(&q, 1, 7, 0, true, 2), QUOTA_WITHIN);
    cr_assert_eq(take(&q, 1, 7, 50, false, 2), QUOTA_WITHIN, "one that ended makes room");
    cr_assert_eq(take(&q, 1, 7, 0, false, 3), QUOTA_WITHIN, "one that is known goes on");
    quota_fini(&q);
}

Test(quota, one_that_missed_an_announce_makes_room)
{
    struct quota q;

    init(&q, 1000, 4);
    for (uint32_t peer = 0; peer < 4; peer++)
        cr_assert_eq(take(&q, 1, 7, peer, false, peer), QUOTA_WITHIN);
    cr_assert_eq(take(&q, 1, 7, 0, false, 1000), QUOTA_WITHIN);
    cr_assert_eq(take(&q, 1, 7, 4, false, SILENCE_S / 2), QUOTA_TORRENT);
    cr_assert_eq(take(&q, 1, 7, 4, false, SILENCE_S / 2 + 200), QUOTA_WITHIN, "for peer 1");
    cr_assert_eq(take(&q, 1, 7, 5, false, SILENCE_S / 2 + 200), QUOTA_WITHIN, "for peer 2");
    cr_assert_eq(take(&q, 1, 7, 6, false, SILENCE_S / 2 + 200), QUOTA_WITHIN, "for peer 3");
    cr_assert_eq(take(&q, 1, 7, 7, false, SILENCE_S / 2 + 200), QUOTA_TORRENT,
                 "but not for peer 0");
    quota_fini(&q);
}

Test(quota, starting_and_stopping_makes_no_more_of_them)
{
    struct quota q;
    uint32_t within = 0;

    init(&q, 1000, 4);
    for (uint32_t peer = 0; peer < 1000; peer++) {
        within += take(&q, 1, 7, peer, false, peer) == QUOTA_WITHIN;
        within += take(&q, 1, 7, peer, true, peer) == QUOTA_WITHIN;
    }
    cr_assert_eq(within, 2u * 4 * QUOTA_ENDED_SHARE);
    for (uint32_t peer = 0; peer < 1000; peer++)
        within += take(&q, 1, 8, peer, true, 1000) == QUOTA_WITHIN;
    cr_assert_eq(within, 3u * 4 * QUOTA_ENDED_SHARE, "nor does stopping alone");
    quota_fini(&q);
}

Test(quota, a_user_has_a_limit_over_all_torrents)
{
    struct quota q;
    uint32_t within = 0;

    init(&q, 100, 4);
    for (uint32_t torrent = 1; torrent <= 1000; torrent++)
        within += take(&q, 1, torrent, 1, torrent % 2 == 0, 0) == QUOTA_WITHIN;
    cr_assert_eq(within, 100u);
    cr_assert_eq(take(&q, 1, 2000, 1, false, 0), QUOTA_USER);
    cr_assert_eq(take(&q, 2, 2000, 1, false, 0), QUOTA_WITHIN);
    /* Others' announces find out that they are silent. */
    for (uint32_t n = 0; n < 2000; n++)
        (void)take(&q, 2, 2000, 1, false, SILENCE_S + 1);
    cr_assert_eq(quota_count(&q, 1), 0u);
    cr_assert_eq(take(&q, 1, 2000, 1, false, SILENCE_S + 1), QUOTA_WITHIN);
    quota_fini(&q);
}

Test(quota, no_limit_keeps_nothing)
{
    struct quota q;

    init(&q, 0, 4);
    for (uint32_t peer = 0; peer < 1000; peer++)
        cr_assert_eq(take(&q, 1, 7, peer, false, 0), QUOTA_WITHIN);
    for (int i = 0; i < QUOTA_PARTS; i++)
        cr_assert_eq(q.parts[i].used, 0u);
    quota_fini(&q);
}

Test(quota, counts_what_is_there)
{
    enum { USERS = 50, TORRENTS = 40, PEERS = 3, STEPS = 200000 };
    static int64_t seen[USERS][TORRENTS][PEERS];
    struct rng rng;
    struct quota q;
    int64_t now = 1;

    rng_init(&rng, 1);
    init(&q, 100000, 4);
    for (int step = 0; step < STEPS; step++) {
        uint32_t user = rng_below(&rng, USERS), torrent = rng_below(&rng, TORRENTS);
        uint32_t peer = rng_below(&rng, PEERS);

        now += rng_below(&rng, 3) == 0;
        cr_assert_eq(take(&q, user + 1, torrent + 1, peer, rng_below(&rng, 4) == 0, now),
                     QUOTA_WITHIN);
        seen[user][torrent][peer] = now;
    }
    for (uint32_t user = 0; user < USERS; user++) {
        uint32_t fresh = 0, known = 0;

        for (uint32_t n = 0; n < TORRENTS * PEERS; n++) {
            int64_t at = seen[user][n / PEERS][n % PEERS];

            known += at > 0;
            fresh += at > 0 && now - at <= SILENCE_S;
        }
        cr_assert_geq(quota_count(&q, user + 1), fresh);
        cr_assert_leq(quota_count(&q, user + 1), known);
    }
    quota_fini(&q);
}
