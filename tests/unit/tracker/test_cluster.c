/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tracker of a cluster, in virtual time, and a Redis that is played by hand: which commands come
 * out and when, what replies do, and what is said again after a connection was lost.
 */
#include "tracker/core/cluster.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tracker/core/tracker.h"

enum { UNIX = 1700000000 };

static const uint8_t hash[TRACKER_HASH_LEN] = {0xab, 0xcd};
static const char key[] = "n:{abcd000000000000000000000000000000000000}";

struct rig {
    struct tracker *t;
    struct cluster *c;
    struct mono now;
    struct cluster_command cmd;
    struct errbuf eb;
    uint8_t v4[SELECT_WANT_MAX * 6];
    struct tracker_answer ans;
    struct turn_seen {
        size_t commands, added, removed, expired, drawn, sized, trimmed, scripts;
        char script[CLUSTER_COMMAND_EVENTS_MAX + 1]; /* what happened, a character each */
        uint64_t least;                              /* completions that there were */
    } seen;
};

static void
pass_ms(struct rig *r, int64_t ms)
{
    r->now = mono_add_ms(r->now, ms);
    tracker_set_unix(r->t, UNIX + r->now.us / 1000000, r->now);
}

static struct rig *
rig_new(void)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    static const struct cluster_config cluster = {
        .name = "n:", .user = "", .password = "", .secret = "own secret......", .seed = 4};
    static struct rig r;
    struct tracker_config config;

    tracker_config_init(&config);
    r = (struct rig){.t = tracker_new(&config, &seed), .now = {1000000}};
    cr_assert_eq(tracker_join(r.t, &cluster), 0);
    r.c = tracker_cluster(r.t);
    pass_ms(&r, 0);
    return &r;
}

/* ---- Redis ---- */

static int
reply(struct rig *r, const struct cluster_reply *reply)
{
    return cluster_on_reply(r->c, reply, &r->eb, r->now);
}

static int
reply_text(struct rig *r, enum cluster_reply_type type, const void *text, size_t len)
{
    struct cluster_reply one = {.type = type, .str = text, .len = len};

    return reply(r, &one);
}

static int
reply_error(struct rig *r, const char *text)
{
    return reply_text(r, CLUSTER_REPLY_ERROR, text, strlen(text));
}

static bool
next(struct rig *r)
{
    return cluster_next(r->c, &r->cmd, r->now);
}

static bool
arg_is(const struct rig *r, size_t i, const char *text)
{
    return i < r->cmd.argc && r->cmd.lens[i] == strlen(text) &&
           memcmp(r->cmd.argv[i], text, strlen(text)) == 0;
}

/* The hello, to a Redis that has |secret|. */
static void
say_hello(struct rig *r, const char *secret)
{
    char id[CLUSTER_SCRIPT_ID_LEN + 1];

    cluster_script_id(id);
    cr_assert(next(r) && arg_is(r, 0, "SCRIPT") && arg_is(r, 1, "LOAD"));
    cr_assert(next(r) && arg_is(r, 0, "SET") && arg_is(r, 1, "n:key") && arg_is(r, 3, "NX"));
    cr_assert(next(r) && arg_is(r, 0, "GET") && arg_is(r, 1, "n:key"));
    cr_assert_not(next(r), "nothing else before all is clear");
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STRING, id, CLUSTER_SCRIPT_ID_LEN), 0);
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_NIL, NULL, 0), 0);
    cr_assert_not(cluster_is_ready(r->c));
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STRING, secret, CLUSTER_SECRET_LEN), 0);
    cr_assert(cluster_is_ready(r->c));
}

static const char secret_a[] = "shared secret...incarn01", secret_b[] = "shared secret...incarn02";

static struct rig *
rig_ready(void)
{
    struct rig *r = rig_new();

    cluster_on_connected(r->c, r->now);
    say_hello(r, secret_a);
    cr_assert_not(next(r));
    return r;
}

/* ---- peers ---- */

static void
announce(struct rig *r, int n, uint64_t left, enum tracker_event event)
{
    struct tracker_announce a = {
        .left = left, .numwant = 200, .event = event, .port = (uint16_t)(1000 + n)};
    struct endpoint from = {.ip = {10, 0, 0, 1}, .family = IP_V4};

    memcpy(a.info_hash, hash, sizeof(hash));
    put_u32be(a.peer_id, (uint32_t)n);
    r->ans = (struct tracker_answer){.v4 = r->v4, .max4 = SELECT_WANT_MAX};
    tracker_on_announce(r->t, &a, &from, &r->ans, r->now);
    cr_assert_null(r->ans.failure);
}

static bool
must_wait(struct rig *r)
{
    return tracker_must_wait(r->t, hash, true, r->now);
}

/* The next command but for the question whether Redis lost all, which it did not. */
static bool
next_but_check(struct rig *r)
{
    bool got = next(r);

    if (!got || !arg_is(r, 0, "GET") || !arg_is(r, 1, "n:key"))
        return got;
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STRING, secret_a, CLUSTER_SECRET_LEN), 0);
    return next(r);
}

/* What Redis has of the torrent: |leeches| at 10.0.0.1, ports from 2000 on, seen |age_s| ago. */
struct stored {
    uint32_t leeches;
    int64_t age_s;
    uint32_t completed;
};

static int
reply_number(struct rig *r, int64_t n)
{
    struct cluster_reply one = {.type = CLUSTER_REPLY_INTEGER, .integer = n};

    return reply(r, &one);
}

static int
reply_draw(struct rig *r, const struct stored *s)
{
    static struct cluster_reply e[2 * CLUSTER_SAMPLE];
    static uint8_t who[CLUSTER_SAMPLE][6];
    static char scores[CLUSTER_SAMPLE][24];
    uint32_t n = s->leeches < CLUSTER_SAMPLE ? s->leeches : CLUSTER_SAMPLE;
    struct cluster_reply all = {.type = CLUSTER_REPLY_ARRAY, .elements = e, .count = 2 * n};

    for (uint32_t i = 0; i < n; i++) {
        struct cluster_seen seen = {.unix_s = (uint32_t)(UNIX + r->now.us / 1000000 - s->age_s),
                                    .tag = i};
        struct endpoint at = {.ip = {10, 0, 0, 1}, .port = (uint16_t)(2000 + i), .family = IP_V4};

        compact_put(who[i], &at);
        snprintf(scores[i], sizeof(scores[i]), "%llu", (unsigned long long)cluster_score(&seen));
        e[2 * i] = (struct cluster_reply){.type = CLUSTER_REPLY_STRING, .str = who[i], .len = 6};
        e[2 * i + 1] = (struct cluster_reply){
            .type = CLUSTER_REPLY_STRING, .str = (uint8_t *)scores[i], .len = strlen(scores[i])};
    }
    return reply(r, &all);
}

/* Notes what the command says, and answers it. */
static int
play(struct rig *r, const struct stored *s)
{
    bool leeches = r->cmd.lens[1] == sizeof(key) + 1 && memcmp(r->cmd.argv[1] + 44, "4l", 2) == 0;
    struct turn_seen *seen = &r->seen;
    static const struct stored none = {0};
    char completed[12];

    seen->commands++;
    if (arg_is(r, 0, "EVALSHA")) {
        cr_assert(arg_is(r, 2, "1") && arg_is(r, 3, key));
        for (size_t i = 6; i < r->cmd.argc; i += 2)
            seen->script[strlen(seen->script)] = r->cmd.argv[i][0];
        seen->scripts++;
        seen->least = strtoull(r->cmd.argv[5], NULL, 10);
        return reply_number(r, s->completed);
    }
    cr_assert_eq(memcmp(r->cmd.argv[1], key, sizeof(key) - 1), 0);
    if (arg_is(r, 0, "GET")) {
        snprintf(completed, sizeof(completed), "%u", s->completed);
        return reply_text(r, CLUSTER_REPLY_STRING, completed, strlen(completed));
    }
    if (arg_is(r, 0, "ZRANDMEMBER")) {
        seen->drawn++;
        return reply_draw(r, leeches ? s : &none);
    }
    seen->added += arg_is(r, 0, "ZADD") ? (r->cmd.argc - 2) / 2 : 0;
    seen->removed += arg_is(r, 0, "ZREM") ? r->cmd.argc - 2 : 0;
    seen->expired += arg_is(r, 0, "EXPIRE");
    seen->sized += arg_is(r, 0, "ZCARD");
    seen->trimmed += arg_is(r, 0, "ZREMRANGEBYSCORE");
    return reply_number(r, arg_is(r, 0, "ZCARD") && leeches ? s->leeches : 0);
}

/* Plays Redis as long as there are commands; returns how many there were. */
static size_t
play_all(struct rig *r, struct stored s)
{
    r->seen = (struct turn_seen){0};
    while (next_but_check(r))
        cr_assert_eq(play(r, &s), 0);
    return r->seen.commands;
}

Test(cluster, a_cold_torrent_is_waited_for_and_fetched_once)
{
    struct rig *r = rig_ready();

    cr_assert(must_wait(r));
    cr_assert(must_wait(r));
    cr_assert(next(r) && arg_is(r, 0, "ZRANDMEMBER") && arg_is(r, 2, "100"));
    cr_assert(must_wait(r));
    cr_assert_eq(play(r, &(struct stored){0}), 0);
    cr_assert(must_wait(r), "that was but the first of five replies");
    cr_assert_eq(play_all(r, (struct stored){3, 10, 7}), 4);
    cr_assert_not(must_wait(r));
    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 3);
    cr_assert_eq(r->ans.incomplete, 4);
    cr_assert_eq(r->ans.downloaded, 7);
    pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(must_wait(r), "with few peers what is new matters");
    tracker_free(r->t);
}

Test(cluster, a_large_swarm_is_sized_and_fetched_in_the_background)
{
    struct rig *r = rig_ready();

    cr_assert(must_wait(r));
    cr_assert_eq(play_all(r, (struct stored){5200, 10, 0}), 5 + 9);
    cr_assert_eq(r->seen.sized, 4, "asked for when a sample was cut");
    pass_ms(r, CLUSTER_FRESH_MS - 1);
    cr_assert_not(must_wait(r));
    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, CLUSTER_SAMPLE);
    cr_assert_eq(r->ans.incomplete, 5200);
    pass_ms(r, 1);
    cr_assert_not(must_wait(r));
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){5201, 10, 0}), 3 + 9);
    pass_ms(r, CLUSTER_COLD_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 0);
    cr_assert(must_wait(r));
    tracker_free(r->t);
}

Test(cluster, news_is_told_in_rounds)
{
    struct rig *r = rig_ready();

    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    announce(r, 2, 0, TRACKER_EVENT_COMPLETED);
    announce(r, 3, 1, TRACKER_EVENT_STOPPED);
    cr_assert_not(next(r));
    cr_assert_leq(mono_diff_ms(cluster_expiry(r->c), r->now), CLUSTER_ROUND_MS);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert(next(r) && arg_is(r, 0, "ZADD"));
    announce(r, 1, 0, TRACKER_EVENT_NONE);
    cr_assert_eq(play(r, &(struct stored){0}), 0);
    cr_assert_eq(play_all(r, (struct stored){0}), 6, "the rest of one turn, and no other yet");
    cr_assert_str_eq(r->seen.script, "!-");
    cr_assert(r->seen.added == 1 && r->seen.removed == 2 && r->seen.expired == 2);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 3);
    tracker_free(r->t);
}

Test(cluster, who_is_still_there_is_told_later_and_for_less)
{
    struct rig *r = rig_ready();
    struct cluster_stats s;

    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 3);
    for (int i = 0; i < 3; i++)
        announce(r, 1, 1, TRACKER_EVENT_NONE);
    cluster_stats(r->c, &s);
    cr_assert_eq(s.waiting, 3);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_not(next(r));
    pass_ms(r, CLUSTER_LAZY_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 1);
    cr_assert_eq(r->seen.added, 3);
    cluster_stats(r->c, &s);
    cr_assert_eq(s.waiting, 0);
    tracker_free(r->t);
}

Test(cluster, what_happens_to_one_peer_keeps_its_order)
{
    struct rig *r = rig_ready();

    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    announce(r, 1, 1, TRACKER_EVENT_STOPPED);
    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    announce(r, 1, 0, TRACKER_EVENT_NONE);
    pass_ms(r, CLUSTER_ROUND_MS);
    for (int i = 0; i < 4; i++, pass_ms(r, CLUSTER_ROUND_MS)) {
        cr_assert_eq(play_all(r, (struct stored){0}), i == 1 ? 1 : 3);
        cr_assert_str_eq(r->seen.script, i == 1 ? "-" : "");
    }
    cr_assert_eq(play_all(r, (struct stored){0}), 0);
    tracker_free(r->t);
}

Test(cluster, what_was_not_confirmed_is_said_again)
{
    struct rig *r = rig_ready();
    size_t gone = 0, back = 0;

    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    announce(r, 2, 1, TRACKER_EVENT_STARTED);
    announce(r, 4, 1, TRACKER_EVENT_STOPPED);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert(next(r) && arg_is(r, 0, "ZADD"));
    cr_assert(next(r) && arg_is(r, 0, "ZREM"));
    cr_assert_eq(play(r, &(struct stored){0}), 0);
    cluster_on_lost(r->c, r->now);
    cr_assert_not(must_wait(r), "nobody waits while Redis is away");
    cr_assert_not(next(r));
    announce(r, 3, 1, TRACKER_EVENT_STARTED);
    announce(r, 1, 1, TRACKER_EVENT_STOPPED);
    pass_ms(r, 1000);
    cluster_on_connected(r->c, r->now);
    say_hello(r, secret_a);
    for (int i = 0; i < 5; i++) {
        play_all(r, (struct stored){0});
        for (const char *what = r->seen.script; *what != '\0'; what++) {
            gone += *what == '-';
            back += *what == '<';
        }
        pass_ms(r, CLUSTER_ROUND_MS);
    }
    cr_assert_eq(gone, 2);
    cr_assert_eq(back, 2, "the peers that are left are written back");
    tracker_free(r->t);
}

Test(cluster, a_redis_that_lost_all_is_filled)
{
    struct rig *r = rig_ready();

    cr_assert(must_wait(r));
    play_all(r, (struct stored){0, 0, 9});
    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, CLUSTER_ROUND_MS);
    play_all(r, (struct stored){1, 0, 9});
    pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(must_wait(r));
    play_all(r, (struct stored){0, 0, 9});
    pass_ms(r, CLUSTER_CHECK_MS);
    cr_assert(next(r) && arg_is(r, 0, "GET"));
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_NIL, NULL, 0), 0);
    cr_assert(next(r) && arg_is(r, 0, "SET"));
    cr_assert(next(r) && arg_is(r, 0, "GET"));
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STATUS, "OK", 2), 0);
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STRING, secret_b, CLUSTER_SECRET_LEN), 0);
    cr_assert_not(next(r));
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 1);
    cr_assert_str_eq(r->seen.script, "<");
    cr_assert_eq(r->seen.least, 9, "as many completions as there were");
    tracker_free(r->t);
}

Test(cluster, the_secret_of_redis_is_taken)
{
    struct rig *r = rig_new();
    uint32_t before, after;

    cr_assert_eq(memcmp(cluster_secret(r->c, &before), "own secret......", 16), 0);
    cluster_on_connected(r->c, r->now);
    say_hello(r, secret_a);
    cr_assert_eq(memcmp(cluster_secret(r->c, &after), "shared secret...", 16), 0);
    cr_assert_neq(before, after);
    tracker_free(r->t);
}

Test(cluster, a_peer_seen_elsewhere_later_is_the_others)
{
    struct rig *r = rig_ready();
    struct tracker_stats s;

    announce(r, 1000, 1, TRACKER_EVENT_STARTED); /* port 2000, as the copy's first */
    announce(r, 7, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, CLUSTER_ROUND_MS);
    play_all(r, (struct stored){0});
    pass_ms(r, 20000);
    cr_assert(must_wait(r));
    play_all(r, (struct stored){2, 1, 0});
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 0, "one was seen elsewhere, the other has said goodbye there");
    announce(r, 8, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 2);
    cr_assert_eq(r->ans.incomplete, 3);
    tracker_free(r->t);
}

Test(cluster, own_peers_stay_while_redis_may_lack_them)
{
    struct rig *r = rig_new();
    struct tracker_stats s;

    for (int i = 0; i < 5; i++)
        announce(r, i, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, 5000);
    cluster_on_connected(r->c, r->now);
    say_hello(r, secret_a);
    cr_assert(must_wait(r));
    play_all(r, (struct stored){0});
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 5);
    tracker_free(r->t);
}

Test(cluster, silent_peers_are_left_out_and_removed)
{
    struct rig *r = rig_ready();

    cr_assert(must_wait(r));
    play_all(r, (struct stored){4, 100000, 0});
    cr_assert_eq(r->seen.trimmed, 0);
    announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 0);
    cr_assert_eq(r->ans.incomplete, 1);
    pass_ms(r, CLUSTER_LAZY_MS);
    play_all(r, (struct stored){0});
    cr_assert_eq(r->seen.trimmed, 1, "of the side that had some");
    tracker_free(r->t);
}

Test(cluster, a_slow_redis_is_not_waited_for)
{
    struct rig *r = rig_ready();
    uint8_t other[TRACKER_HASH_LEN] = {9};

    cr_assert(must_wait(r));
    cr_assert(next(r));
    pass_ms(r, CLUSTER_WAIT_MS);
    cr_assert_not(tracker_must_wait(r->t, other, true, r->now));
    cr_assert_eq(play(r, &(struct stored){0}), 0);
    for (int i = 1; i < 5; i++)
        cr_assert(next(r) && play(r, &(struct stored){0}) == 0);
    pass_ms(r, CLUSTER_SLOW_MS);
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

        announce(r, 1, 1, TRACKER_EVENT_STARTED);
        pass_ms(r, CLUSTER_ROUND_MS);
        cr_assert(next(r));
        cr_assert_eq(reply_error(r, errors[i]), expected);
        cr_assert_str_eq(r->eb.text, errors[i]);
        cr_assert_not(cluster_is_ready(r->c));
        for (int k = 1; k < 3; k++) { /* the turn is sent to its end all the same */
            cr_assert(next(r));
            cr_assert_eq(reply_error(r, errors[i]), expected);
        }
        cr_assert_not(next(r));
        pass_ms(r, 500);
        say_hello(r, secret_a);
        pass_ms(r, CLUSTER_ROUND_MS);
        cr_assert_eq(play_all(r, (struct stored){0}), 3);
        tracker_free(r->t);
    }
}

Test(cluster, an_error_of_one_torrent_is_its_own)
{
    struct rig *r = rig_ready();
    struct cluster_stats s;

    cr_assert(must_wait(r));
    for (int i = 0; i < 5; i++) {
        cr_assert(next(r));
        cr_assert_eq(reply_error(r, "WRONGTYPE Operation against a key"), SPRAT_E_REMOTE);
    }
    cr_assert(cluster_is_ready(r->c));
    cr_assert_not(must_wait(r));
    cluster_stats(r->c, &s);
    cr_assert_eq(s.errors, 5);
    tracker_free(r->t);
}

/* The reply to the first command of a turn: ZRANDMEMBER's, or ZADD's. */
static int
first_reply(bool draw, const struct cluster_reply *first)
{
    struct rig *r = rig_ready();
    int err;

    if (draw)
        cr_assert(must_wait(r));
    else
        announce(r, 1, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert(next(r));
    err = reply(r, first);
    cluster_on_lost(r->c, r->now);
    tracker_free(r->t);
    return err;
}

Test(cluster, replies_that_can_not_be_are_refused)
{
    struct cluster_reply e[2 * CLUSTER_SAMPLE + 2], number = {.type = CLUSTER_REPLY_INTEGER};
    struct cluster_reply array = {.type = CLUSTER_REPLY_ARRAY, .elements = e, .count = 2};
    struct rig *r = rig_new();

    cr_assert_eq(reply(r, &number), SPRAT_E_PROTOCOL, "nobody asked");
    cluster_on_connected(r->c, r->now);
    cr_assert(next(r));
    cr_assert_eq(reply_text(r, CLUSTER_REPLY_STATUS, "OK", 2), SPRAT_E_PROTOCOL);
    tracker_free(r->t);

    for (size_t i = 0; i < sizeof(e) / sizeof(e[0]); i++)
        e[i] = (struct cluster_reply){
            .type = CLUSTER_REPLY_STRING, .str = (const uint8_t *)"123456", .len = 6};
    cr_assert_eq(first_reply(true, &array), 0);
    cr_assert_eq(first_reply(true, &number), SPRAT_E_PROTOCOL);
    cr_assert_eq(first_reply(false, &array), SPRAT_E_PROTOCOL);
    cr_assert_eq(first_reply(false, &number), 0);
    number.integer = -1;
    cr_assert_eq(first_reply(false, &number), SPRAT_E_PROTOCOL);
    array.count = 3;
    cr_assert_eq(first_reply(true, &array), SPRAT_E_PROTOCOL, "half a pair");
    array.count = 2 * CLUSTER_SAMPLE + 2;
    cr_assert_eq(first_reply(true, &array), SPRAT_E_PROTOCOL, "more than were wanted");
    array.count = 2;
    e[1].str = (const uint8_t *)"12x456";
    cr_assert_eq(first_reply(true, &array), SPRAT_E_PROTOCOL, "no score");
    e[1].type = CLUSTER_REPLY_INTEGER;
    cr_assert_eq(first_reply(true, &array), SPRAT_E_PROTOCOL);
}

Test(cluster, many_events_go_in_portions)
{
    struct rig *r = rig_ready();

    for (int i = 0; i < CLUSTER_COMMAND_EVENTS_MAX + 5; i++)
        announce(r, i, 1, TRACKER_EVENT_STARTED);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 3);
    cr_assert_eq(r->seen.added, CLUSTER_COMMAND_EVENTS_MAX);
    pass_ms(r, CLUSTER_ROUND_MS);
    cr_assert_eq(play_all(r, (struct stored){0}), 3);
    cr_assert_eq(r->seen.added, 5);
    tracker_free(r->t);
}

/* A busy life. */
static void
live(struct rig *r, int rounds)
{
    for (int n = 0; n < 400; n++)
        announce(r, n, (uint64_t)(n % 2), n % 5 == 0 ? TRACKER_EVENT_STOPPED : TRACKER_EVENT_NONE);
    for (int i = 0; i < rounds; i++) {
        (void)must_wait(r);
        pass_ms(r, CLUSTER_LAZY_MS);
        play_all(r, (struct stored){150, 3, 2});
    }
}

Test(cluster, each_allocation_fails_once)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        struct rig *r = rig_ready();
        struct cluster_stats s;

        announce(r, 1, 1, TRACKER_EVENT_STARTED);
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
