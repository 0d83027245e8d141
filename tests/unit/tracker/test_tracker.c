/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's core: what each announce changes and is answered, in both families, over time and
 * at its limits.
 */
#include "tracker/core/tracker.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"

static const struct tracker_seed seed = {{11, 22}, 33};

/* A tracker with room for answers. */
struct rig {
    struct tracker *t;
    struct tracker_config config;
    struct mono now;
    struct tracker_answer ans;
    uint8_t v4[SELECT_WANT_MAX * 6], v6[SELECT_WANT_MAX * 18];
    uint8_t ids4[SELECT_WANT_MAX * 20], ids6[SELECT_WANT_MAX * 20];
};

static void
rig_start(struct rig *r)
{
    r->t = tracker_new(&r->config, &seed);
    cr_assert_not_null(r->t);
    r->now = (struct mono){1000000000};
}

static struct rig *
rig_new(void)
{
    static struct rig r;

    tracker_config_init(&r.config);
    rig_start(&r);
    return &r;
}

static void
pass(struct rig *r, int64_t seconds)
{
    r->now = mono_add_ms(r->now, seconds * 1000);
    while (mono_due(tracker_expiry(r->t), r->now))
        tracker_on_timer(r->t, r->now);
}

/* Peer |n| has its own id and the address 10.0.0.n or fd00::n. */
static struct tracker_announce
peer(int n, uint64_t left, enum tracker_event event)
{
    struct tracker_announce a = {
        .left = left, .event = event, .numwant = -1, .port = (uint16_t)(1000 + n)};

    memset(a.info_hash, 'h', 20);
    put_u32be(a.peer_id, (uint32_t)n);
    return a;
}

static void
announce_from(struct rig *r, const struct tracker_announce *a, uint8_t family, int n)
{
    struct endpoint from = {.family = family, .port = 55555};

    from.ip[0] = family == IP_V4 ? 10 : 0xfd;
    put_u16be(from.ip + (family == IP_V4 ? 2 : 14), (uint16_t)n);
    r->ans.v4 = r->v4;
    r->ans.v6 = r->v6;
    r->ans.ids4 = r->ids4;
    r->ans.ids6 = r->ids6;
    r->ans.max4 = r->ans.max6 = SELECT_WANT_MAX;
    tracker_on_announce(r->t, a, &from, &r->ans, r->now);
}

static void
announce(struct rig *r, int n, uint64_t left, enum tracker_event event)
{
    struct tracker_announce a = peer(n, left, event);

    announce_from(r, &a, IP_V4, n);
}

static struct tracker_scrape
scrape(struct rig *r)
{
    struct tracker_scrape s;

    memset(s.info_hash, 'h', 20);
    tracker_on_scrape(r->t, &s, r->now);
    return s;
}

/* Is peer |n| in the last answer's IPv4 list? */
static bool
got4(const struct rig *r, int n)
{
    for (uint32_t i = 0; i < r->ans.n4; i++)
        if (get_u16be(r->v4 + 6 * i + 4) == 1000 + n)
            return true;
    return false;
}

static uint64_t
torrents(const struct rig *r)
{
    struct tracker_stats s;

    tracker_stats(r->t, &s);
    return s.torrents;
}

Test(tracker_core, a_swarm_comes_together)
{
    struct rig *r = rig_new();

    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    cr_assert_null(r->ans.failure);
    cr_assert_eq(r->ans.n4, 0, "the asker is not in its own answer");
    cr_assert_eq(r->ans.complete, 1);
    announce(r, 2, 10, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 1);
    cr_assert_arr_eq(r->v4, "\x0a\0\0\x01\x03\xe9", 6, "the port is the announced one");
    cr_assert_eq(r->ans.incomplete, 1);
    announce(r, 3, 10, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 2);
    cr_assert(r->ans.has_ids);
    announce(r, 4, 0, TRACKER_EVENT_NONE);
    cr_assert_eq(r->ans.n4, 2, "a seeder gets leechers only");
    cr_assert(got4(r, 2) && got4(r, 3));
    tracker_free(r->t);
}

Test(tracker_core, completing_moves_and_counts_once)
{
    struct rig *r = rig_new();

    announce(r, 1, 10, TRACKER_EVENT_STARTED);
    announce(r, 1, 0, TRACKER_EVENT_COMPLETED);
    cr_assert_eq(r->ans.complete, 1);
    cr_assert_eq(r->ans.incomplete, 0);
    cr_assert_eq(r->ans.downloaded, 1);
    announce(r, 1, 0, TRACKER_EVENT_COMPLETED);
    announce(r, 1, 0, TRACKER_EVENT_NONE);
    announce(r, 1, 0, TRACKER_EVENT_COMPLETED);
    cr_assert_eq(r->ans.downloaded, 1);
    announce(r, 1, 5, TRACKER_EVENT_NONE);
    cr_assert_eq(r->ans.incomplete, 1, "a seeder that lost data leeches again");
    announce(r, 1, 0, TRACKER_EVENT_COMPLETED);
    cr_assert_eq(r->ans.downloaded, 1);
    announce(r, 2, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 0, TRACKER_EVENT_COMPLETED);
    cr_assert_eq(r->ans.downloaded, 1, "who began as a seeder has downloaded nothing");
    announce(r, 3, 7, TRACKER_EVENT_COMPLETED);
    cr_assert_eq(r->ans.complete, 3, "completed is a seeder, whatever is left");
    cr_assert_eq(scrape(r).downloaded, 2);
    tracker_free(r->t);
}

Test(tracker_core, completing_in_both_families_counts_once)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(1, 0, TRACKER_EVENT_COMPLETED);

    announce_from(r, &a, IP_V4, 1);
    announce_from(r, &a, IP_V6, 1);
    announce_from(r, &a, IP_V4, 1);
    cr_assert_eq(r->ans.downloaded, 1);
    a = peer(2, 0, TRACKER_EVENT_COMPLETED);
    announce_from(r, &a, IP_V6, 2);
    cr_assert_eq(r->ans.downloaded, 2);
    tracker_free(r->t);
}

Test(tracker_core, nothing_is_stored_for_what_stores_nothing)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(1, 0, TRACKER_EVENT_STARTED);

    announce(r, 1, 0, TRACKER_EVENT_STOPPED);
    cr_assert_null(r->ans.failure);
    cr_assert_eq(torrents(r), 0);
    cr_assert_eq(scrape(r).complete, 0);
    cr_assert_eq(torrents(r), 0);
    a.port = 0;
    announce_from(r, &a, IP_V4, 1);
    cr_assert_not_null(r->ans.failure);
    cr_assert_eq(torrents(r), 0);
    cr_assert_eq(tracker_expiry(r->t).us, MONO_NEVER.us);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 0, TRACKER_EVENT_STOPPED);
    cr_assert_eq(scrape(r).complete, 1);
    tracker_free(r->t);
}

Test(tracker_core, stopping_removes)
{
    struct rig *r = rig_new();

    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 4, TRACKER_EVENT_STARTED);
    announce(r, 1, 0, TRACKER_EVENT_STOPPED);
    cr_assert_eq(r->ans.n4, 0, "who goes needs no peers");
    cr_assert_eq(r->ans.complete, 0);
    announce(r, 3, 4, TRACKER_EVENT_STARTED);
    cr_assert(got4(r, 2));
    cr_assert_not(got4(r, 1));
    tracker_free(r->t);
}

Test(tracker_core, a_late_stop_does_not_remove_the_next_session)
{
    struct rig *r = rig_new();
    struct tracker_announce old = peer(1, 9, TRACKER_EVENT_STARTED), new = old;

    announce_from(r, &old, IP_V4, 1);
    new.peer_id[19] = 'x';
    announce_from(r, &new, IP_V4, 1);
    cr_assert_eq(r->ans.incomplete, 1, "the same address and port is the same peer");
    old.event = TRACKER_EVENT_STOPPED;
    announce_from(r, &old, IP_V4, 1);
    cr_assert_eq(scrape(r).incomplete, 1);
    new.event = TRACKER_EVENT_STOPPED;
    announce_from(r, &new, IP_V4, 1);
    cr_assert_eq(scrape(r).incomplete, 0);
    tracker_free(r->t);
}

Test(tracker_core, families_are_apart_and_both_are_given)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(1, 5, TRACKER_EVENT_STARTED);

    announce_from(r, &a, IP_V4, 1);
    announce_from(r, &a, IP_V6, 1);
    cr_assert_eq(r->ans.n4, 0, "not by its other address either");
    cr_assert_eq(r->ans.n6, 0);
    a = peer(2, 5, TRACKER_EVENT_STARTED);
    announce_from(r, &a, IP_V6, 2);
    cr_assert_eq(r->ans.n4, 1);
    cr_assert_eq(r->ans.n6, 1);
    a.numwant = 1;
    announce_from(r, &a, IP_V6, 2);
    cr_assert_eq(r->ans.n4, 0, "the asker's own family comes first");
    cr_assert_eq(r->ans.n6, 1);
    tracker_free(r->t);
}

Test(tracker_core, numwant_has_a_default_and_a_most)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(300, 5, TRACKER_EVENT_NONE);

    for (int n = 0; n < 250; n++)
        announce(r, n, 5, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 50);
    a.numwant = 100000;
    announce_from(r, &a, IP_V4, 300);
    cr_assert_eq(r->ans.n4, 200);
    a.numwant = 3;
    announce_from(r, &a, IP_V4, 300);
    cr_assert_eq(r->ans.n4, 3);
    a.numwant = 0;
    announce_from(r, &a, IP_V4, 300);
    cr_assert_eq(r->ans.n4, 0);
    tracker_free(r->t);
}

Test(tracker_core, partial_seeds)
{
    struct rig *r = rig_new();
    struct tracker_scrape s;

    announce(r, 1, 5, TRACKER_EVENT_PAUSED);
    announce(r, 2, 5, TRACKER_EVENT_STARTED);
    announce(r, 3, 0, TRACKER_EVENT_PAUSED);
    s = scrape(r);
    cr_assert_eq(s.incomplete, 2);
    cr_assert_eq(s.downloaders, 1, "BEP 21");
    cr_assert_eq(s.complete, 1);
    announce(r, 1, 5, TRACKER_EVENT_PAUSED);
    cr_assert_not(got4(r, 3), "it has no use for seeders");
    announce(r, 1, 5, TRACKER_EVENT_NONE);
    cr_assert_eq(scrape(r).downloaders, 2, "said in each announce or not at all");
    announce(r, 1, 5, TRACKER_EVENT_PAUSED);
    announce(r, 1, 0, TRACKER_EVENT_COMPLETED);
    s = scrape(r);
    cr_assert_eq(s.downloaders, 1);
    cr_assert_eq(s.incomplete, 1);
    tracker_free(r->t);
}

Test(tracker_core, silent_peers_go)
{
    struct rig *r = rig_new();

    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    pass(r, 1800);
    announce(r, 2, 5, TRACKER_EVENT_STARTED);
    cr_assert(got4(r, 1));
    pass(r, 1800 * 2 - 1800);
    cr_assert_eq(scrape(r).complete, 1, "one missed announce is forgiven");
    pass(r, 1800);
    cr_assert_eq(scrape(r).complete, 0);
    cr_assert_eq(scrape(r).incomplete, 1);
    pass(r, 1800 * 3);
    cr_assert_eq(torrents(r), 0);
    cr_assert_eq(tracker_expiry(r->t).us, MONO_NEVER.us);
    tracker_free(r->t);
}

Test(tracker_core, a_peer_that_announces_stays_for_days)
{
    struct rig *r = rig_new();

    for (int i = 0; i < 200; i++) {
        announce(r, 1, 0, TRACKER_EVENT_NONE);
        cr_assert_eq(scrape(r).complete, 1);
        pass(r, 1800);
    }
    cr_assert_eq(scrape(r).complete, 1);
    tracker_free(r->t);
}

Test(tracker_core, silent_peers_are_not_given_out_before_the_sweep)
{
    struct rig *r = rig_new();

    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    r->now = mono_add_ms(r->now, 2 * 2100 * 1000);
    announce(r, 2, 5, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 0);
    tracker_free(r->t);
}

Test(tracker_core, longest_interval)
{
    struct rig *r = rig_new();

    tracker_free(r->t);
    r->config.interval = 21600;
    rig_start(r);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    for (int i = 0; i < 12; i++)
        pass(r, 3600);
    cr_assert_eq(scrape(r).complete, 1, "two intervals");
    for (int i = 0; i < 6; i++)
        pass(r, 3600);
    cr_assert_eq(scrape(r).complete, 0);
    tracker_free(r->t);
}

/* Clients don't announce every ten seconds because they are told to. */
Test(tracker_core, shortest_interval)
{
    struct rig *r = rig_new();

    tracker_free(r->t);
    r->config.interval = 10;
    rig_start(r);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    pass(r, 60);
    cr_assert_eq(scrape(r).complete, 1);
    pass(r, 60);
    cr_assert_eq(scrape(r).complete, 0);
    tracker_free(r->t);
}

Test(tracker_core, sweeps_come_in_portions)
{
    enum { SWARMS = 25000 };
    struct rig *r = rig_new();
    struct tracker_announce a = peer(1, 0, TRACKER_EVENT_STARTED);
    int portions = 0;

    for (int i = 0; i < SWARMS; i++) {
        put_u32be(a.info_hash, (uint32_t)i);
        announce_from(r, &a, IP_V4, 1);
    }
    cr_assert_eq(torrents(r), SWARMS);
    r->now = mono_add_ms(r->now, 3 * 1800 * 1000);
    for (; mono_due(tracker_expiry(r->t), r->now); portions++)
        tracker_on_timer(r->t, r->now);
    cr_assert_eq(torrents(r), 0);
    cr_assert_geq(portions, 3);
    tracker_free(r->t);
}

Test(tracker_core, intervals_have_jitter)
{
    struct rig *r = rig_new();
    uint32_t least = UINT32_MAX, most = 0;

    for (int i = 0; i < 500; i++) {
        announce(r, 1, 0, TRACKER_EVENT_NONE);
        least = r->ans.interval_s < least ? r->ans.interval_s : least;
        most = r->ans.interval_s > most ? r->ans.interval_s : most;
        cr_assert(r->ans.min_interval_s >= 300 && r->ans.min_interval_s <= 337);
    }
    cr_assert(least >= 1800 && least < 1820, "%u", least);
    cr_assert(most <= 2025 && most > 2000, "%u", most);
    tracker_free(r->t);
}

Test(tracker_core, limits)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(9, 5, TRACKER_EVENT_STARTED);

    tracker_free(r->t);
    r->config.torrents_max = 1;
    r->config.torrent_peers_max = 2;
    rig_start(r);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 5, TRACKER_EVENT_STARTED);
    cr_assert_null(r->ans.warning);
    announce(r, 3, 5, TRACKER_EVENT_STARTED);
    cr_assert_null(r->ans.failure);
    cr_assert_not_null(r->ans.warning);
    cr_assert_eq(r->ans.n4, 2, "it is answered all the same");
    cr_assert_eq(scrape(r).incomplete, 1);
    announce(r, 2, 0, TRACKER_EVENT_COMPLETED);
    cr_assert_null(r->ans.warning, "who is listed stays");
    a.info_hash[0] = 'x';
    announce_from(r, &a, IP_V4, 9);
    cr_assert_not_null(r->ans.failure);
    cr_assert_gt(r->ans.retry_in_min, 0);
    cr_assert_eq(torrents(r), 1);
    tracker_free(r->t);
    r->config.torrents_max = 10;
    r->config.peers_max = 1;
    rig_start(r);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 0, TRACKER_EVENT_STARTED);
    cr_assert_not_null(r->ans.warning, "its own torrent is not what makes room");
    announce_from(r, &a, IP_V4, 9);
    cr_assert_not_null(r->ans.failure, "the other one has no more than its share");
    cr_assert_eq(torrents(r), 1);
    tracker_free(r->t);
}

Test(tracker_core, torrents_of_a_busy_address_make_room)
{
    struct rig *r = rig_new();
    struct tracker_announce a = peer(9, 5, TRACKER_EVENT_STARTED);
    struct tracker_stats stats;
    struct buf bytes;

    tracker_free(r->t);
    r->config.torrents_max = 100;
    rig_start(r);
    buf_init(&bytes, 1 << 20);
    announce(r, 1, 0, TRACKER_EVENT_STARTED);
    announce(r, 2, 5, TRACKER_EVENT_STARTED);
    /* A flood of hashes that nobody shares, with snapshots, sweeps and others between them. */
    for (uint32_t n = 0; n < 1000; n++) {
        put_u32be(a.info_hash, n);
        announce_from(r, &a, IP_V4, n % 20 == 9 ? 100 + (int)n : 9);
        cr_assert_eq(r->ans.failure == NULL, n < 99 || n % 20 == 9, "%u", n);
        if (n % 100 == 50) {
            buf_reset(&bytes);
            tracker_save_begin(r->t);
        }
        if (n % 100 == 60)
            cr_assert_eq(tracker_save_some(r->t, &bytes, r->now), 0);
        pass(r, 1);
    }
    tracker_stats(r->t, &stats);
    cr_assert_eq(stats.torrents, 100);
    cr_assert_eq(stats.peers4, 99 + 2);
    cr_assert_eq(stats.shed, (1000 - 100) / 20);
    cr_assert_eq(scrape(r).incomplete, 1, "a swarm of others stays");
    cr_assert_eq(scrape(r).complete, 1);
    buf_fini(&bytes);
    tracker_free(r->t);
}

Test(tracker_core, a_table_of_equals_refuses)
{
    struct rig *r = rig_new();
    struct tracker_announce a;

    tracker_free(r->t);
    r->config.torrents_max = 50;
    rig_start(r);
    for (int n = 0; n < 50; n++) {
        a = peer(n, 5, TRACKER_EVENT_STARTED);
        put_u32be(a.info_hash, (uint32_t)n);
        announce_from(r, &a, IP_V4, n);
        cr_assert_null(r->ans.failure);
    }
    put_u32be(a.info_hash, 1000);
    announce_from(r, &a, IP_V4, 99);
    cr_assert_not_null(r->ans.failure);
    cr_assert_eq(torrents(r), 50);
    tracker_free(r->t);
}

Test(tracker_core, the_same_seed_makes_the_same_choices)
{
    uint8_t first[SELECT_WANT_MAX * 6];
    struct rig *r;

    for (int round = 0; round < 2; round++) {
        r = rig_new();
        for (int n = 0; n < 500; n++)
            announce(r, n, 5, TRACKER_EVENT_STARTED);
        cr_assert_eq(r->ans.n4, 50);
        if (round == 0)
            memcpy(first, r->v4, sizeof(first));
        else
            cr_assert_arr_eq(first, r->v4, 50 * 6);
        tracker_free(r->t);
    }
}

/* Peer |n| announces from 127.0.0.1. */
static void
announce_here(struct rig *r, int n)
{
    struct endpoint from = {.family = IP_V4, .ip = {127, 0, 0, 1}};
    struct tracker_announce a = peer(n, 5, TRACKER_EVENT_STARTED);

    r->ans.v4 = r->v4;
    r->ans.ids4 = r->ids4;
    r->ans.max4 = SELECT_WANT_MAX;
    r->ans.max6 = 0;
    tracker_on_announce(r->t, &a, &from, &r->ans, r->now);
}

static uint64_t
withheld(const struct rig *r)
{
    struct tracker_stats s;

    tracker_stats(r->t, &s);
    return s.withheld;
}

Test(tracker_core, a_loopback_address_stays_on_its_host)
{
    struct rig *r = rig_new();

    announce_here(r, 1);
    announce_here(r, 2);
    cr_expect_eq(r->ans.n4, 1, "both are on this host");
    cr_expect_eq(r->v4[0], 127);
    announce(r, 3, 5, TRACKER_EVENT_STARTED);
    cr_expect_eq(r->ans.n4, 0);
    cr_expect_eq(r->ans.incomplete, 3, "they count");
    cr_expect_eq(withheld(r), 2);
    announce_here(r, 1);
    cr_expect(got4(r, 2) && got4(r, 3));
    tracker_free(r->t);
}

Test(tracker_core, other_hosts_are_told_the_external_address)
{
    struct rig *r = rig_new();

    announce_here(r, 1);
    r->config.external.v4 = (struct endpoint){.family = IP_V4, .ip = {192, 0, 2, 7}};
    tracker_set_config(r->t, &r->config);
    announce(r, 3, 5, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 1);
    cr_expect_arr_eq(r->v4, "\xc0\0\x02\x07\x03\xe9", 6, "the port stays");
    cr_expect_eq(withheld(r), 0);
    announce_here(r, 2);
    cr_expect_eq(r->ans.n4, 2);
    cr_expect(r->v4[0] == 127 || r->v4[6] == 127, "on the host itself it is the loopback address");
    tracker_free(r->t);
}
