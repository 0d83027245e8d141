/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tracker of a cluster, in virtual time, and a Redis that is played by hand: which commands come
 * out and when, what replies do, and what is said again after a connection was lost.
 */
#include "tracker/core/cluster.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/tracker/cluster_rig.h"
#include "tracker/core/cluster_impl.h"

Test(cluster, a_cold_torrent_is_waited_for_and_fetched_once)
{
    struct rig *r = rig_ready();

    cr_assert(rig_must_wait(r));
    cr_assert(rig_must_wait(r));
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "STRLEN"));
    cr_assert(rig_must_wait(r));
    cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    cr_assert(rig_must_wait(r), "that was but the first of seven replies");
    cr_assert_eq(rig_play_all(r, (struct stored){3, 10, 7}), 6);
    cr_assert_eq(r->seen.drawn, 4);
    cr_assert_not(rig_must_wait(r));
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 3);
    cr_assert_eq(r->ans.incomplete, 4);
    cr_assert_eq(r->ans.downloaded, 7);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r), "with few peers what is new matters");
    tracker_free(r->t);
}

Test(cluster, a_large_swarm_is_sized_and_fetched_in_the_background)
{
    struct rig *r = rig_ready();

    cr_assert(rig_must_wait(r));
    cr_assert_eq(rig_play_all(r, (struct stored){5200, 10, 0}), 7 + 11);
    cr_assert_eq(r->seen.sized, 4, "asked for when a sample was cut");
    rig_pass_ms(r, CLUSTER_FRESH_MS - 1);
    cr_assert_not(rig_must_wait(r));
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, CLUSTER_SAMPLE);
    cr_assert_eq(r->ans.incomplete, 5200);
    rig_pass_ms(r, 1);
    cr_assert_not(rig_must_wait(r));
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){5201, 10, 0}), 4 + 11);
    rig_pass_ms(r, CLUSTER_COLD_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 0);
    cr_assert(rig_must_wait(r));
    tracker_free(r->t);
}

Test(cluster, news_is_told_in_rounds)
{
    struct rig *r = rig_ready();

    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 2, 0, TRACKER_EVENT_COMPLETED);
    rig_announce(r, 3, 1, TRACKER_EVENT_STOPPED);
    cr_assert_not(rig_next(r));
    cr_assert_leq(mono_diff_ms(cluster_expiry(r->c), r->now), CLUSTER_ROUND_MS);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "ZADD"));
    rig_announce(r, 1, 0, TRACKER_EVENT_NONE);
    cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 8, "the rest of one turn, and no other yet");
    cr_assert_str_eq(r->seen.script, "!-");
    cr_assert(r->seen.added == 1 && r->seen.removed == 2 && r->seen.expired == 2);
    cr_assert_eq(r->seen.kept, 1);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 4);
    tracker_free(r->t);
}

Test(cluster, who_is_still_there_is_told_later_and_for_less)
{
    struct rig *r = rig_ready();
    struct cluster_stats s;

    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 5);
    for (int i = 0; i < 3; i++)
        rig_announce(r, 1, 1, TRACKER_EVENT_NONE);
    cluster_stats(r->c, &s);
    cr_assert_eq(s.waiting, 3);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_not(rig_next(r));
    rig_pass_ms(r, CLUSTER_LAZY_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 1);
    cr_assert(r->seen.still == 3 && r->seen.added == 0);
    cluster_stats(r->c, &s);
    cr_assert_eq(s.waiting, 0);
    tracker_free(r->t);
}

Test(cluster, the_last_is_told_at_once)
{
    struct rig *r = rig_ready();
    struct cluster_stats s;

    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    rig_play_all(r, (struct stored){0});
    rig_announce(r, 1, 1, TRACKER_EVENT_NONE);
    rig_announce(r, 2, 1, TRACKER_EVENT_STOPPED);
    cr_assert_not(rig_next(r));
    cluster_finish(r->c);
    rig_play_all(r, (struct stored){0});
    cr_assert_str_eq(r->seen.script, "-");
    cr_assert_eq(r->seen.still, 1);
    cluster_stats(r->c, &s);
    cr_assert_eq(s.waiting, 0);
    tracker_free(r->t);
}

Test(cluster, what_happens_to_one_peer_keeps_its_order)
{
    struct rig *r = rig_ready();

    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 1, 1, TRACKER_EVENT_STOPPED);
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 1, 0, TRACKER_EVENT_NONE);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    for (int i = 0; i < 4; i++, rig_pass_ms(r, CLUSTER_ROUND_MS)) {
        cr_assert_eq(rig_play_all(r, (struct stored){0}) - r->seen.kept, i == 1 ? 2 : 4);
        cr_assert_str_eq(r->seen.script, i == 1 ? "-" : "");
    }
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 0);
    tracker_free(r->t);
}

Test(cluster, what_was_not_confirmed_is_said_again)
{
    struct rig *r = rig_ready();
    size_t gone = 0, back = 0;

    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 2, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 4, 1, TRACKER_EVENT_STOPPED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "ZADD"));
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "ZREM"));
    cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    cluster_on_lost(r->c, r->now);
    cr_assert_not(rig_must_wait(r), "nobody waits while Redis is away");
    cr_assert_not(rig_next(r));
    rig_announce(r, 3, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 1, 1, TRACKER_EVENT_STOPPED);
    rig_pass_ms(r, 1000);
    cluster_on_connected(r->c, r->now);
    rig_say_hello(r, rig_secret_a);
    for (int i = 0; i < 5; i++) {
        rig_play_all(r, (struct stored){0});
        for (const char *what = r->seen.script; *what != '\0'; what++) {
            gone += *what == '-';
            back += *what == '<';
        }
        rig_pass_ms(r, CLUSTER_ROUND_MS);
    }
    cr_assert_eq(gone, 2);
    cr_assert_eq(back, 2, "the peers that are left are written back");
    tracker_free(r->t);
}

Test(cluster, a_redis_that_lost_all_is_filled)
{
    struct rig *r = rig_ready();

    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){0, 0, 9});
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    rig_play_all(r, (struct stored){1, 0, 9});
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){0, 0, 9});
    rig_pass_ms(r, CLUSTER_CHECK_MS);
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "GET"));
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_NIL, NULL, 0), 0);
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "SET"));
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "GET"));
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STATUS, "OK", 2), 0);
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STRING, rig_secret_b, CLUSTER_SECRET_LEN), 0);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 2, "at once");
    cr_assert_str_eq(r->seen.script, "<");
    cr_assert_eq(r->seen.begun, 1, "others had better look");
    cr_assert_eq(r->seen.least, 9, "as many completions as there were");
    tracker_free(r->t);
}

Test(cluster, the_secret_of_redis_is_taken)
{
    struct rig *r = rig_new();
    uint32_t before, after;

    cr_assert_eq(memcmp(cluster_secret(r->c, &before), "own secret......", 16), 0);
    cluster_on_connected(r->c, r->now);
    rig_say_hello(r, rig_secret_a);
    cr_assert_eq(memcmp(cluster_secret(r->c, &after), "shared secret...", 16), 0);
    cr_assert_neq(before, after);
    tracker_free(r->t);
}

Test(cluster, a_peer_seen_elsewhere_later_is_the_others)
{
    struct rig *r = rig_ready();
    struct tracker_stats s;

    rig_announce(r, 1000, 1, TRACKER_EVENT_STARTED); /* port 2000, as the copy's first */
    rig_announce(r, 7, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    rig_play_all(r, (struct stored){0});
    rig_pass_ms(r, 20000);
    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){2, 1, 0});
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 0, "one was seen elsewhere, the other has said goodbye there");
    rig_announce(r, 8, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 2);
    cr_assert_eq(r->ans.incomplete, 3);
    tracker_free(r->t);
}

Test(cluster, own_peers_stay_while_redis_may_lack_them)
{
    struct rig *r = rig_new();
    struct tracker_stats s;

    for (int i = 0; i < 5; i++)
        rig_announce(r, i, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, 5000);
    cluster_on_connected(r->c, r->now);
    rig_say_hello(r, rig_secret_a);
    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){0});
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 5);
    tracker_free(r->t);
}

Test(cluster, silent_peers_are_left_out_and_removed)
{
    struct rig *r = rig_ready();

    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){4, 100000, 0});
    cr_assert_eq(r->seen.trimmed, 0);
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 0);
    cr_assert_eq(r->ans.incomplete, 1);
    rig_pass_ms(r, CLUSTER_LAZY_MS);
    rig_play_all(r, (struct stored){0});
    cr_assert_eq(r->seen.trimmed, 1, "of the side that had some");
    tracker_free(r->t);
}

Test(cluster, a_slow_redis_is_not_waited_for)
{
    struct rig *r = rig_ready();
    uint8_t other[TRACKER_HASH_LEN] = {9};

    cr_assert(rig_must_wait(r));
    cr_assert(rig_next(r));
    rig_pass_ms(r, CLUSTER_WAIT_MS);
    cr_assert_not(tracker_must_wait(r->t, other, true, r->now));
    cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    for (int i = 1; i < 7; i++)
        cr_assert(rig_next(r) && rig_play(r, &(struct stored){0}) == 0);
    rig_pass_ms(r, CLUSTER_SLOW_MS);
    cr_assert(tracker_must_wait(r->t, other, true, r->now));
    tracker_free(r->t);
}

Test(cluster, errors_that_may_pass_pause_it)
{
    static const char *const errors[] = {"OOM command not allowed", "LOADING Redis is loading",
                                         "NOAUTH Authentication required.", "MISCONF x",
                                         "READONLY You can't write against a read only replica."};

    for (size_t i = 0; i < 5; i++) {
        struct rig *r = rig_ready();
        int expected = i == 4 ? SPRAT_E_READONLY : SPRAT_E_REMOTE;

        rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
        rig_pass_ms(r, CLUSTER_ROUND_MS);
        cr_assert(rig_next(r));
        cr_assert_eq(rig_reply_error(r, errors[i]), expected);
        cr_assert_str_eq(r->eb.text, errors[i]);
        cr_assert_not(cluster_is_ready(r->c));
        for (int k = 1; k < 5; k++) { /* the turn is sent to its end all the same */
            cr_assert(rig_next(r));
            cr_assert_eq(rig_reply_error(r, errors[i]), expected);
        }
        cr_assert_not(rig_next(r));
        rig_pass_ms(r, 500);
        rig_say_hello(r, rig_secret_a);
        rig_pass_ms(r, CLUSTER_ROUND_MS);
        cr_assert_eq(rig_play_all(r, (struct stored){0}), 4 + r->seen.kept);
        tracker_free(r->t);
    }
}

Test(cluster, an_error_of_one_torrent_is_its_own)
{
    struct rig *r = rig_ready();
    struct cluster_stats s;

    cr_assert(rig_must_wait(r));
    for (int i = 0; i < 7; i++) {
        cr_assert(rig_next(r));
        cr_assert_eq(rig_reply_error(r, "WRONGTYPE Operation against a key"), SPRAT_E_REMOTE);
    }
    cr_assert(cluster_is_ready(r->c));
    cr_assert_not(rig_must_wait(r));
    cluster_stats(r->c, &s);
    cr_assert_eq(s.errors, 7);
    rig_pass_ms(r, CLUSTER_LAZY_MS);
    rig_play_all(r, (struct stored){0});
    cr_assert_eq(r->seen.begun, 1, "whatever the changes were, they are changes again");
    tracker_free(r->t);
}

/* The reply to a turn's first command of that name. */
static int
reply_to(const char *name, const struct cluster_reply *first)
{
    struct rig *r = rig_ready();
    int err;

    cr_assert(rig_must_wait(r));
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    while (rig_next(r) && !rig_arg_is(r, 0, name))
        cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    err = rig_reply(r, first);
    cluster_on_lost(r->c, r->now);
    tracker_free(r->t);
    return err;
}

Test(cluster, replies_that_can_not_be_are_refused)
{
    struct cluster_reply e[2 * CLUSTER_SAMPLE + 2], number = {.type = CLUSTER_REPLY_INTEGER};
    struct cluster_reply array = {.type = CLUSTER_REPLY_ARRAY, .elements = e, .count = 2};
    struct rig *r = rig_new();

    cr_assert_eq(rig_reply(r, &number), SPRAT_E_PROTOCOL, "nobody asked");
    cluster_on_connected(r->c, r->now);
    cr_assert(rig_next(r));
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STATUS, "OK", 2), SPRAT_E_PROTOCOL);
    tracker_free(r->t);

    for (size_t i = 0; i < sizeof(e) / sizeof(e[0]); i++)
        e[i] = (struct cluster_reply){
            .type = CLUSTER_REPLY_STRING, .str = (const uint8_t *)"123456", .len = 6};
    cr_assert_eq(reply_to("ZRANDMEMBER", &array), 0);
    cr_assert_eq(reply_to("ZRANDMEMBER", &number), SPRAT_E_PROTOCOL);
    cr_assert_eq(reply_to("ZADD", &array), SPRAT_E_PROTOCOL);
    cr_assert_eq(reply_to("ZADD", &number), 0);
    cr_assert_eq(reply_to("APPEND", &array), SPRAT_E_PROTOCOL);
    cr_assert_eq(reply_to("STRLEN", &array), SPRAT_E_PROTOCOL);
    cr_assert_eq(reply_to("GETRANGE", &number), SPRAT_E_PROTOCOL);
    number.integer = -1;
    cr_assert_eq(reply_to("ZADD", &number), SPRAT_E_PROTOCOL);
    array.count = 3;
    cr_assert_eq(reply_to("ZRANDMEMBER", &array), SPRAT_E_PROTOCOL, "half a pair");
    array.count = 2 * CLUSTER_SAMPLE + 2;
    cr_assert_eq(reply_to("ZRANDMEMBER", &array), SPRAT_E_PROTOCOL, "more than were wanted");
    array.count = 2;
    e[1].str = (const uint8_t *)"12x456";
    cr_assert_eq(reply_to("ZRANDMEMBER", &array), SPRAT_E_PROTOCOL, "no score");
    e[1].type = CLUSTER_REPLY_INTEGER;
    cr_assert_eq(reply_to("ZRANDMEMBER", &array), SPRAT_E_PROTOCOL);
}

Test(cluster, many_events_go_in_portions)
{
    struct rig *r = rig_ready();

    for (int i = 0; i < CLUSTER_COMMAND_EVENTS_MAX + 5; i++)
        rig_announce(r, i, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 4);
    cr_assert_eq(r->seen.added, CLUSTER_COMMAND_EVENTS_MAX);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(rig_play_all(r, (struct stored){0}), 4);
    cr_assert_eq(r->seen.added, 5);
    tracker_free(r->t);
}

/* A busy life. */
static void
live(struct rig *r, int rounds)
{
    for (int n = 0; n < 400; n++)
        rig_announce(r, n, (uint64_t)(n % 2),
                     n % 5 == 0 ? TRACKER_EVENT_STOPPED : TRACKER_EVENT_NONE);
    for (int i = 0; i < rounds; i++) {
        (void)rig_must_wait(r);
        rig_pass_ms(r, CLUSTER_LAZY_MS);
        rig_play_all(r, (struct stored){150, 3, 2});
    }
}

/* The address in the next ZADD after peer 1 announced from 127.0.0.1; 0 if nothing is told. */
static unsigned
told_of_loopback(struct rig *r)
{
    struct tracker_announce a = {.left = 1, .numwant = 0, .port = 1001};
    struct endpoint from = {.ip = {127, 0, 0, 1}, .family = IP_V4};

    memcpy(a.info_hash, rig_hash, sizeof(rig_hash));
    r->ans = (struct tracker_answer){.v4 = r->v4};
    tracker_on_announce(r->t, &a, &from, &r->ans, r->now);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    while (rig_next(r)) {
        if (rig_arg_is(r, 0, "ZADD"))
            return (uint8_t)r->cmd.argv[r->cmd.argc - 1][0];
        cr_assert_eq(rig_play(r, &(struct stored){0}), 0);
    }
    return 0;
}

Test(cluster, a_loopback_address_is_told_to_trackers_on_the_same_host_only)
{
    struct tracker_config config;
    struct rig *r = rig_ready();

    cr_expect_eq(told_of_loopback(r), 0);
    tracker_free(r->t);
    r = rig_ready();
    tracker_config_init(&config);
    config.external.v4 = (struct endpoint){.ip = {192, 0, 2, 7}, .family = IP_V4};
    tracker_set_config(r->t, &config);
    cr_expect_eq(told_of_loopback(r), 192);
    tracker_free(r->t);
}

Test(cluster, each_allocation_fails_once)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        struct rig *r = rig_ready();
        struct cluster_stats s;

        rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
        failing_alloc_after(n);
        live(r, 2);
        failed = failing_alloc_end();
        live(r, 20);
        cluster_stats(r->c, &s);
        cr_assert_eq(s.waiting, 0);
        tracker_free(r->t);
    }
    cr_assert_gt(n, 10);
}

/* An announce of torrent |n| from 10.0.0.|host|. */
static const char *
announce_torrent(struct rig *r, uint32_t n, uint8_t host)
{
    struct tracker_announce a = {.left = 1, .port = 1000};
    struct endpoint from = {.family = IP_V4, .ip = {10, 0, 0, host}};
    struct tracker_answer ans = {.max4 = 0};

    put_u32be(a.info_hash, n);
    a.peer_id[0] = host;
    tracker_on_announce(r->t, &a, &from, &ans, r->now);
    return ans.failure;
}

/* A small table, with the default limits on addresses. */
static struct rig *
rig_small(uint32_t torrents_max)
{
    struct rig *r = rig_ready();
    struct tracker_config config;

    tracker_config_init(&config);
    config.torrents_max = torrents_max;
    tracker_set_config(r->t, &config);
    return r;
}

Test(cluster, requests_for_made_up_torrents_leave_little)
{
    enum { MAX = 50 };
    struct rig *r = rig_small(MAX);
    uint8_t hash[TRACKER_HASH_LEN] = {0};
    uint32_t waited = 0;

    for (uint32_t n = 0; n < 5000; n++) {
        put_u32be(hash, n);
        waited += tracker_must_wait(r->t, hash, true, r->now);
        cr_assert_leq(r->c->map.count, (size_t)MAX);
    }
    cr_assert_eq(waited, (uint32_t)MAX, "there is room for no more");
    cr_assert_null(announce_torrent(r, 7777, 1), "own peers are told of all the same");
    put_u32be(hash, 7777);
    cr_assert_not_null(cluster_find(r->c, hash));
    tracker_free(r->t);
}

/* Answers all commands, and counts those that add peers, and the scripts, which remove them. */
static void
count_changes(struct rig *r, uint32_t *added, uint32_t *removed)
{
    struct cluster_reply zero = {.type = CLUSTER_REPLY_INTEGER};

    *added = *removed = 0;
    while (rig_next(r)) {
        if (rig_arg_is(r, 0, "ZADD"))
            (*added)++;
        if (rig_arg_is(r, 0, "EVALSHA"))
            (*removed)++;
        cr_assert_eq(rig_reply(r, &zero), 0);
    }
}

Test(cluster, a_torrent_that_makes_room_is_removed_from_redis)
{
    struct rig *r = rig_small(10);
    uint32_t added, removed;

    for (uint32_t n = 0; n < 10; n++)
        cr_assert_null(announce_torrent(r, n, 1));
    cr_assert_not_null(announce_torrent(r, 10, 1), "it has as many as there may be");
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    count_changes(r, &added, &removed);
    cr_assert_eq(added, 10u);
    cr_assert_null(announce_torrent(r, 11, 2));
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    count_changes(r, &added, &removed);
    cr_assert_eq(added, 1u);
    cr_assert_eq(removed, 1u);
    tracker_free(r->t);
}
