/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Snapshots: a tracker that reads one knows what the tracker that wrote it knew, also when swarms
 * changed while it was written, and wherever a portion ends. test_savedpeers.c damages them.
 */
#include "tracker/core/snapshot.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "tracker/core/shard.h"
#include "tracker/core/tracker.h"

static const struct tracker_seed seed = {{11, 22}, 33};
static const struct mono start = {1000000000};

static struct tracker *
make_with(uint32_t peers_max, uint32_t interval)
{
    struct tracker_config config;
    struct tracker *t;

    tracker_config_init(&config);
    config.peers_max = peers_max;
    config.interval = interval;
    t = tracker_new(&config, &seed);
    cr_assert_not_null(t);
    return t;
}

static struct tracker *
make(uint32_t peers_max)
{
    return make_with(peers_max, 1800);
}

/* Peer |n| of torrent |torrent|; every third has IPv6, every fourth is a seeder. */
static void
announce(struct tracker *t, uint32_t torrent, uint32_t n, enum tracker_event event, struct mono now)
{
    uint8_t v4[SELECT_WANT_MAX * 6], v6[SELECT_WANT_MAX * 18];
    struct tracker_announce a = {.left = n % 4 != 0, .event = event, .numwant = 0, .port = 7};
    struct tracker_answer ans = {.v4 = v4, .v6 = v6, .max4 = 200, .max6 = 200};
    struct endpoint from = {.family = n % 3 == 0 ? IP_V6 : IP_V4, .ip = {10}};

    put_u32be(a.info_hash, torrent);
    put_u32be(a.peer_id, n);
    put_u16be(from.ip + 2, (uint16_t)n);
    tracker_on_announce(t, &a, &from, &ans, now);
    cr_assert_null(ans.failure);
}

static void
fill(struct tracker *t, uint32_t torrents, uint32_t peers)
{
    for (uint32_t w = 0; w < torrents; w++)
        for (uint32_t n = 0; n < peers; n++)
            announce(t, w, n + 1, TRACKER_EVENT_COMPLETED * (n % 4 == 3), start);
}

static void
save(struct tracker *t, struct buf *out, struct mono now)
{
    int more = 1;

    buf_init(out, 1 << 28);
    tracker_save_head(t, out, 1000);
    tracker_save_begin(t);
    while (more == 1)
        more = tracker_save_some(t, out, now);
    cr_assert_eq(more, 0);
}

/* Passes the bytes in portions of |portion|, as a reader with little memory does, to the trackers
 * that |rule| chooses. */
static int
load_portions(struct tracker **to, const struct shard_rule *rule, const struct buf *b,
              size_t portion, uint32_t passed_s, struct mono now)
{
    const uint8_t *at = buf_data(b), *end = at + buf_len(b);
    struct snapshot_head head;
    struct snapshot_reader reader;
    struct snapshot_run run;
    int err = 0;

    cr_assert_eq(snapshot_get_head(&head, at), 0);
    snapshot_reader_init(&reader, &head);
    at += SNAPSHOT_HEAD_LEN;
    for (size_t len = portion; err == 0;) {
        size_t left = (size_t)(end - at);
        struct cursor c = cursor_make(at, len < left ? len : left);

        while (err == 0 && snapshot_read(&reader, &c, &run) == 1)
            err = tracker_load(to[rule != NULL ? shard_of(rule, run.info_hash) : 0], &run, passed_s,
                               now);
        cr_assert(err != 0 || cursor_left(&c) < SNAPSHOT_ITEM_MAX);
        if (len >= left)
            break;
        len = portion + cursor_left(&c);
        at = c.at;
    }
    cr_assert(err != 0 || snapshot_reader_done(&reader));
    return err;
}

static int
load(struct tracker *t, const struct buf *b, uint32_t passed_s, struct mono now)
{
    return load_portions(&t, NULL, b, 1 << 20, passed_s, now);
}

static void
check_same(struct tracker *a, struct tracker *b, uint32_t torrents)
{
    struct tracker_stats sa, sb;

    tracker_stats(a, &sa);
    tracker_stats(b, &sb);
    cr_assert_eq(sa.torrents, sb.torrents);
    cr_assert_eq(sa.peers4, sb.peers4);
    cr_assert_eq(sa.peers6, sb.peers6);
    for (uint32_t w = 0; w < torrents; w++) {
        struct tracker_scrape ea = {.complete = 0}, eb;

        put_u32be(ea.info_hash, w);
        eb = ea;
        tracker_on_scrape(a, &ea, (struct mono){1});
        tracker_on_scrape(b, &eb, (struct mono){1});
        cr_assert_eq(ea.complete, eb.complete);
        cr_assert_eq(ea.incomplete, eb.incomplete);
        cr_assert_eq(ea.downloaded, eb.downloaded);
    }
}

Test(snapshot, brings_everything_back)
{
    struct tracker *a = make(1000000), *b = make(1000000);
    struct tracker_stats stats;
    struct buf bytes;

    fill(a, 50, 300);
    save(a, &bytes, start);
    cr_assert_eq(load(b, &bytes, 0, start), 0);
    check_same(a, b, 50);
    /* They are the same peers, not others beside them. */
    fill(b, 50, 300);
    check_same(a, b, 50);
    tracker_stats(b, &stats);
    cr_assert_eq(stats.peers4 + stats.peers6, 50 * 300);
    buf_fini(&bytes);
    tracker_free(a);
    tracker_free(b);
}

/* Two trackers write one snapshot, three read it: each its own part, together all of it. */
Test(snapshot, of_several_is_read_by_any_number)
{
    struct tracker *from[2] = {make(1000000), make(1000000)}, *to[3];
    struct tracker_stats stats;
    struct buf bytes;
    uint64_t peers = 0, torrents = 0;
    struct shard_rule rule;
    struct rng rng;

    for (uint32_t w = 0; w < 50; w++)
        for (uint32_t n = 0; n < 10; n++)
            announce(from[w % 2], w, n + 1, TRACKER_EVENT_NONE, start);
    buf_init(&bytes, 1 << 28);
    tracker_save_head(from[0], &bytes, 1000);
    for (int i = 0; i < 2; i++) {
        tracker_save_begin(from[i]);
        cr_assert_eq(tracker_save_some(from[i], &bytes, start), 0);
        tracker_free(from[i]);
    }
    rng_init(&rng, 1);
    rule = shard_rule_make(3, &rng);
    for (unsigned i = 0; i < 3; i++)
        to[i] = make(1000000);
    cr_assert_eq(load_portions(to, &rule, &bytes, 1000, 0, start), 0);
    for (unsigned i = 0; i < 3; i++) {
        tracker_stats(to[i], &stats);
        cr_assert_gt(stats.torrents, 0);
        torrents += stats.torrents;
        peers += stats.peers4 + stats.peers6;
        tracker_free(to[i]);
    }
    cr_assert_eq(torrents, 50);
    cr_assert_eq(peers, 500);
    buf_fini(&bytes);
}

Test(snapshot, of_nothing)
{
    struct tracker *a = make(10), *b = make(10);
    struct buf bytes;

    save(a, &bytes, start);
    cr_assert_eq(buf_len(&bytes), SNAPSHOT_HEAD_LEN);
    cr_assert_eq(load(b, &bytes, 0, start), 0);
    check_same(a, b, 0);
    buf_fini(&bytes);
    tracker_free(a);
    tracker_free(b);
}

Test(snapshot, peers_go_on_ageing)
{
    struct tracker *a = make(1000000), *b = make(1000000);
    struct mono later = mono_add_ms(start, 1800 * 1000);
    struct tracker_stats stats;
    struct buf bytes;

    fill(a, 3, 10);
    announce(a, 9, 1, TRACKER_EVENT_NONE, later);
    save(a, &bytes, later);
    /* Some 1800 s old when saved; with 2500 s more only the late one is within two intervals. */
    cr_assert_eq(load(b, &bytes, 2500, later), 0);
    tracker_stats(b, &stats);
    cr_assert_eq(stats.peers4 + stats.peers6, 1);
    tracker_free(b);
    b = make(1000000);
    cr_assert_eq(load(b, &bytes, UINT32_MAX, later), 0);
    tracker_stats(b, &stats);
    cr_assert_eq(stats.peers4 + stats.peers6, 0);
    buf_fini(&bytes);
    tracker_free(a);
    tracker_free(b);
}

Test(snapshot, swarms_may_change_while_it_is_written)
{
    struct tracker *a = make_with(1000000, 120), *b = make(1000000);
    struct mono now = start;
    struct tracker_stats sb;
    struct buf bytes;
    int more = 1, portions = 0;

    fill(a, 400, 200);
    buf_init(&bytes, 1 << 28);
    tracker_save_head(a, &bytes, 1000);
    tracker_save_begin(a);
    for (; more == 1; portions++) {
        more = tracker_save_some(a, &bytes, now);
        announce(a, 1000 + (uint32_t)portions, 1, TRACKER_EVENT_NONE, now);
        announce(a, (uint32_t)portions, 1, TRACKER_EVENT_STOPPED, now);
        now = mono_add_ms(now, 3 * 1000);
        tracker_on_timer(a, now); /* sweeps move swarms to the back of the list */
    }
    cr_assert_eq(more, 0);
    cr_assert_gt(portions, 3);
    cr_assert_eq(load(b, &bytes, 0, now), 0);
    tracker_stats(b, &sb);
    cr_assert_geq(sb.torrents, 400);
    cr_assert_geq(sb.peers4 + sb.peers6 + (uint64_t)portions, 400 * 200);
    cr_assert_leq(sb.peers4 + sb.peers6, 400 * 200 + (uint64_t)portions);
    /* And the next one begins anew. */
    buf_fini(&bytes);
    save(a, &bytes, now);
    buf_fini(&bytes);
    tracker_free(a);
    tracker_free(b);
}

Test(snapshot, ends_also_when_sweeps_are_faster)
{
    struct tracker *a = make_with(1000000, 1);
    struct mono now = start;
    struct buf bytes;
    int more = 1, portions = 0;

    buf_init(&bytes, 1 << 28);
    for (uint32_t w = 0; w < 400; w++)
        for (uint32_t n = 0; n < 200; n++)
            announce(a, w, n + 1, TRACKER_EVENT_NONE, now);
    tracker_save_head(a, &bytes, 1000);
    tracker_save_begin(a);
    for (; more == 1 && portions < 1000; portions++) {
        more = tracker_save_some(a, &bytes, now);
        now = mono_add_ms(now, 1000);
        for (uint32_t w = 0; w < 400; w++)
            announce(a, w, 1, TRACKER_EVENT_NONE, now);
        while (mono_due(tracker_expiry(a), now))
            tracker_on_timer(a, now);
    }
    cr_assert_eq(more, 0);
    buf_fini(&bytes);
    tracker_free(a);
}

Test(snapshot, limits_hold)
{
    struct tracker *a = make(1000000), *b = make(77);
    struct tracker_stats stats;
    struct buf bytes;

    fill(a, 5, 100);
    save(a, &bytes, start);
    cr_assert_eq(load(b, &bytes, 0, start), 0);
    tracker_stats(b, &stats);
    cr_assert_eq(stats.peers4 + stats.peers6, 77);
    buf_fini(&bytes);
    tracker_free(a);
    tracker_free(b);
}

/* The result does not depend on where a portion ends. */
Test(snapshot, is_read_in_portions_of_any_size)
{
    struct tracker *a = make(1000000);
    struct buf bytes;

    fill(a, 6, 40);
    save(a, &bytes, start);
    for (size_t portion = 1; portion < 400; portion++) {
        struct tracker *b = make(1000000);

        cr_assert_eq(load_portions(&b, NULL, &bytes, portion, 0, start), 0);
        check_same(a, b, 6);
        tracker_free(b);
    }
    buf_fini(&bytes);
    tracker_free(a);
}

/* Each prefix is the beginning of a snapshot, and may be its end only between two swarms. */
Test(snapshot, knows_where_it_may_end)
{
    enum { TORRENTS = 5 };
    struct tracker *a = make(1000000);
    struct snapshot_head head;
    struct buf bytes;
    int ends = 0;

    fill(a, TORRENTS, 7);
    save(a, &bytes, start);
    cr_assert_eq(snapshot_get_head(&head, buf_data(&bytes)), 0);
    cr_assert_eq(head.begun_unix_s, 1000);
    for (size_t cut = SNAPSHOT_HEAD_LEN; cut <= buf_len(&bytes); cut++) {
        struct cursor c = cursor_make(buf_data(&bytes), cut);
        struct snapshot_reader reader;
        struct snapshot_run run;

        cursor_skip(&c, SNAPSHOT_HEAD_LEN);
        snapshot_reader_init(&reader, &head);
        while (snapshot_read(&reader, &c, &run) == 1)
            ;
        cr_assert_lt(cursor_left(&c), SNAPSHOT_ITEM_MAX);
        ends += cursor_left(&c) == 0 && snapshot_reader_done(&reader);
    }
    cr_assert_eq(ends, TORRENTS + 1);
    buf_data(&bytes)[3] ^= 1;
    cr_assert_eq(snapshot_get_head(&head, buf_data(&bytes)), SPRAT_E_VERSION);
    buf_fini(&bytes);
    tracker_free(a);
}

/* Time passes until all peers are forgotten. */
static void
forget_all(struct tracker *t)
{
    struct mono now = mono_add_ms(start, 10000000);

    while (mono_due(tracker_expiry(t), now))
        tracker_on_timer(t, now);
}

Test(snapshot, a_large_swarm_is_written_in_portions)
{
    enum { PEERS = 60000 };
    struct tracker *from = make(1000000), *to = make(1000000);
    struct tracker_stats before, after;
    struct buf bytes;
    size_t len = 0;
    int portions = 0, more = 1;

    fill(from, 1, PEERS);
    buf_init(&bytes, 1 << 28);
    tracker_save_head(from, &bytes, 1000);
    tracker_save_begin(from);
    for (; more == 1; portions++) {
        len = buf_len(&bytes);
        more = tracker_save_some(from, &bytes, start);
        cr_assert_leq(buf_len(&bytes) - len, SNAPSHOT_PORTION_MAX);
        /* Peers go and come, and announce again. */
        for (uint32_t n = 0; n < 100; n++) {
            announce(from, 0, 1 + (uint32_t)portions * 100 + n, TRACKER_EVENT_STOPPED, start);
            announce(from, 0, PEERS + 1 + (uint32_t)portions * 100 + n, TRACKER_EVENT_NONE, start);
            announce(from, 0, PEERS / 2 + n, TRACKER_EVENT_NONE, start);
        }
    }
    cr_assert_eq(more, 0);
    cr_assert_gt(portions, 5);
    cr_assert_eq(load(to, &bytes, 0, start), 0);
    tracker_stats(to, &after);
    tracker_stats(from, &before);
    cr_assert_eq(after.torrents, 1);
    /* Those that came may be missing, and those that went may be there. */
    cr_assert_geq(after.peers4 + after.peers6, PEERS - 100u * (unsigned)portions);
    cr_assert_leq(after.peers4 + after.peers6, PEERS + 100u * (unsigned)portions);
    /* A swarm that is removed while it is being written ends the snapshot of it. */
    buf_reset(&bytes);
    tracker_save_begin(from);
    cr_assert_eq(tracker_save_some(from, &bytes, start), 1);
    forget_all(from);
    cr_assert_eq(tracker_save_some(from, &bytes, mono_add_ms(start, 10000000)), 0);
    buf_fini(&bytes);
    tracker_free(from);
    tracker_free(to);
}
