/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the tracker of cluster_rig.h is given its peers, and its Redis played.
 */
#include "tests/unit/tracker/cluster_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"

const uint8_t rig_hash[TRACKER_HASH_LEN] = {0xab, 0xcd};
static const char key[] = "n:{abcd000000000000000000000000000000000000}";

void
rig_pass_ms(struct rig *r, int64_t ms)
{
    r->now = mono_add_ms(r->now, ms);
    tracker_set_unix(r->t, RIG_UNIX + r->now.us / 1000000, r->now);
}

struct rig *
rig_new(void)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    static const struct cluster_config cluster = {
        .name = "n:", .user = "", .password = "", .secret = "own secret......", .seed = 4};
    static struct rig r;
    struct tracker_config config;

    tracker_config_init(&config);
    config.address_peers = 0; /* all peers here have one address */
    r = (struct rig){.t = tracker_new(&config, &seed), .now = {1000000}};
    cr_assert_eq(tracker_join(r.t, &cluster), 0);
    r.c = tracker_cluster(r.t);
    rig_pass_ms(&r, 0);
    return &r;
}

/* ---- Redis ---- */

int
rig_reply(struct rig *r, const struct cluster_reply *reply)
{
    return cluster_on_reply(r->c, reply, &r->eb, r->now);
}

int
rig_reply_text(struct rig *r, enum cluster_reply_type type, const void *text, size_t len)
{
    struct cluster_reply one = {.type = type, .str = text, .len = len};

    return rig_reply(r, &one);
}

int
rig_reply_error(struct rig *r, const char *text)
{
    return rig_reply_text(r, CLUSTER_REPLY_ERROR, text, strlen(text));
}

bool
rig_next(struct rig *r)
{
    return cluster_next(r->c, &r->cmd, r->now);
}

bool
rig_arg_is(const struct rig *r, size_t i, const char *text)
{
    return i < r->cmd.argc && r->cmd.lens[i] == strlen(text) &&
           memcmp(r->cmd.argv[i], text, strlen(text)) == 0;
}

void
rig_say_hello(struct rig *r, const char *secret)
{
    char id[CLUSTER_SCRIPT_ID_LEN + 1];

    cluster_script_id(id);
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "SCRIPT") && rig_arg_is(r, 1, "LOAD"));
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "SET") && rig_arg_is(r, 1, "n:key") &&
              rig_arg_is(r, 3, "NX"));
    cr_assert(rig_next(r) && rig_arg_is(r, 0, "GET") && rig_arg_is(r, 1, "n:key"));
    cr_assert_not(rig_next(r), "nothing else before all is clear");
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STRING, id, CLUSTER_SCRIPT_ID_LEN), 0);
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_NIL, NULL, 0), 0);
    cr_assert_not(cluster_is_ready(r->c));
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STRING, secret, CLUSTER_SECRET_LEN), 0);
    cr_assert(cluster_is_ready(r->c));
}

const char rig_secret_a[] = "shared secret...incarn01", rig_secret_b[] = "shared secret...incarn02";

struct rig *
rig_ready(void)
{
    struct rig *r = rig_new();

    cluster_on_connected(r->c, r->now);
    rig_say_hello(r, rig_secret_a);
    cr_assert_not(rig_next(r));
    return r;
}

/* ---- peers ---- */

void
rig_announce(struct rig *r, int n, uint64_t left, enum tracker_event event)
{
    struct tracker_announce a = {
        .left = left, .numwant = 200, .event = event, .port = (uint16_t)(1000 + n)};
    struct endpoint from = {.ip = {10, 0, 0, 1}, .family = IP_V4};

    memcpy(a.info_hash, rig_hash, sizeof(rig_hash));
    put_u32be(a.peer_id, (uint32_t)n);
    r->ans = (struct tracker_answer){.v4 = r->v4, .max4 = SELECT_WANT_MAX};
    tracker_on_announce(r->t, &a, &from, &r->ans, r->now);
    cr_assert_null(r->ans.failure);
}

bool
rig_must_wait(struct rig *r)
{
    return tracker_must_wait(r->t, rig_hash, true, r->now);
}

/* The next command but for the question whether Redis lost all, which it did not. */
static bool
next_but_check(struct rig *r)
{
    bool got = rig_next(r);

    if (!got || !rig_arg_is(r, 0, "GET") || !rig_arg_is(r, 1, "n:key"))
        return got;
    cr_assert_eq(rig_reply_text(r, CLUSTER_REPLY_STRING, rig_secret_a, CLUSTER_SECRET_LEN), 0);
    return rig_next(r);
}

static int
reply_number(struct rig *r, int64_t n)
{
    struct cluster_reply one = {.type = CLUSTER_REPLY_INTEGER, .integer = n};

    return rig_reply(r, &one);
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
        struct cluster_seen seen = {.unix_s = (uint32_t)(RIG_UNIX + r->now.us / 1000000 - s->age_s),
                                    .tag = i};
        struct endpoint at = {.ip = {10, 0, 0, 1}, .port = (uint16_t)(2000 + i), .family = IP_V4};

        compact_put(who[i], &at);
        snprintf(scores[i], sizeof(scores[i]), "%llu", (unsigned long long)cluster_score(&seen));
        e[2 * i] = (struct cluster_reply){.type = CLUSTER_REPLY_STRING, .str = who[i], .len = 6};
        e[2 * i + 1] = (struct cluster_reply){
            .type = CLUSTER_REPLY_STRING, .str = (uint8_t *)scores[i], .len = strlen(scores[i])};
    }
    return rig_reply(r, &all);
}

static int
reply_range(struct rig *r)
{
    long from = strtol(r->cmd.argv[2], NULL, 10), to = strtol(r->cmd.argv[3], NULL, 10);
    size_t len = r->changes_len;

    if (from < 0)
        from = (size_t)-from < len ? (long)len + from : 0;
    len = to < 0 || (size_t)to >= len ? len : (size_t)to + 1;
    len = (size_t)from < len ? len - (size_t)from : 0;
    return rig_reply_text(r, CLUSTER_REPLY_STRING, r->changes + from, len);
}

/* A command about the torrent's changes. */
static int
play_changes(struct rig *r)
{
    if (rig_arg_is(r, 0, "SET")) {
        r->changes_len = 0;
        r->seen.begun++;
    }
    if (rig_arg_is(r, 0, "SET") || rig_arg_is(r, 0, "APPEND")) {
        cr_assert_leq(r->changes_len + r->cmd.lens[2], sizeof(r->changes));
        memcpy(r->changes + r->changes_len, r->cmd.argv[2], r->cmd.lens[2]);
        r->changes_len += r->cmd.lens[2];
    }
    if (rig_arg_is(r, 0, "SET"))
        return rig_reply_text(r, CLUSTER_REPLY_STATUS, "OK", 2);
    r->seen.kept += rig_arg_is(r, 0, "EXPIRE");
    r->seen.asked += rig_arg_is(r, 0, "GETRANGE");
    if (rig_arg_is(r, 0, "GETRANGE"))
        return reply_range(r);
    return reply_number(r, rig_arg_is(r, 0, "EXPIRE") ? 1 : (int64_t)r->changes_len);
}

int
rig_play(struct rig *r, const struct stored *s)
{
    bool leeches = r->cmd.lens[1] == sizeof(key) + 1 && memcmp(r->cmd.argv[1] + 44, "4l", 2) == 0;
    struct turn_seen *seen = &r->seen;
    static const struct stored none = {0};
    char completed[12];

    seen->commands++;
    if (rig_arg_is(r, 0, "EVALSHA")) {
        cr_assert(rig_arg_is(r, 2, "1") && rig_arg_is(r, 3, key));
        for (size_t i = 6; i < r->cmd.argc && strlen(seen->script) < sizeof(seen->script) - 1;
             i += 2)
            seen->script[strlen(seen->script)] = r->cmd.argv[i][0];
        seen->scripts++;
        seen->least = strtoull(r->cmd.argv[5], NULL, 10);
        return reply_number(r, s->completed);
    }
    cr_assert_eq(memcmp(r->cmd.argv[1], key, sizeof(key) - 1), 0);
    if (memcmp(r->cmd.argv[1] + 44, "c", 1) == 0)
        return play_changes(r);
    if (rig_arg_is(r, 0, "GET")) {
        snprintf(completed, sizeof(completed), "%u", s->completed);
        return rig_reply_text(r, CLUSTER_REPLY_STRING, completed, strlen(completed));
    }
    if (rig_arg_is(r, 0, "ZRANDMEMBER")) {
        seen->drawn++;
        return reply_draw(r, leeches ? s : &none);
    }
    if (rig_arg_is(r, 0, "ZADD") && rig_arg_is(r, 2, "XX"))
        seen->still += (r->cmd.argc - 3) / 2;
    else if (rig_arg_is(r, 0, "ZADD"))
        seen->added += (r->cmd.argc - 2) / 2;
    seen->removed += rig_arg_is(r, 0, "ZREM") ? r->cmd.argc - 2 : 0;
    seen->expired += rig_arg_is(r, 0, "EXPIRE");
    seen->sized += rig_arg_is(r, 0, "ZCARD");
    seen->trimmed += rig_arg_is(r, 0, "ZREMRANGEBYSCORE");
    return reply_number(r, rig_arg_is(r, 0, "ZCARD") && leeches ? s->leeches : 0);
}

size_t
rig_play_all(struct rig *r, struct stored s)
{
    r->seen = (struct turn_seen){0};
    while (next_but_check(r))
        cr_assert_eq(rig_play(r, &s), 0);
    return r->seen.commands;
}

void
rig_change(struct rig *r, enum cluster_change_what what, int n, bool seed, int64_t age_s)
{
    struct endpoint at = {.ip = {10, 0, 0, 1}, .port = (uint16_t)(1000 + n), .family = IP_V4};
    struct cluster_seen seen = {
        .unix_s = (uint32_t)(RIG_UNIX + r->now.us / 1000000 - age_s),
    };
    struct cluster_change_entry change = {.what = what, .side = cluster_side(IP_V4, seed)};
    uint8_t peer_id[TRACKER_PEER_ID_LEN] = {0};

    put_u32be(peer_id, (uint32_t)n);
    seen.tag = cluster_tag(peer_id) >> 8;
    change.score = cluster_score(&seen);
    compact_put(change.who, &at);
    put_u64be(change.id, ++r->changes_count);
    cr_assert_leq(r->changes_len + CLUSTER_CHANGE_LEN_MAX, sizeof(r->changes));
    r->changes_len += cluster_change_write(r->changes + r->changes_len, &change);
}
