/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A Redis that answers whatever the input says, to a tracker of a cluster with peers and questions:
 * it takes each reply or refuses it, keeps its numbers in order, and answers announces all the
 * while.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/tracker.h"
#include "tracker/net/redis.h"

enum { STEP = 61, PEERS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
announce(struct tracker *t, unsigned n, struct mono now)
{
    uint8_t v4[SELECT_WANT_MAX * COMPACT_V4_LEN], v6[SELECT_WANT_MAX * COMPACT_V6_LEN];
    struct tracker_answer ans = {
        .v4 = v4, .v6 = v6, .max4 = SELECT_WANT_MAX, .max6 = SELECT_WANT_MAX};
    struct tracker_announce a = {
        .port = (uint16_t)(1 + n), .left = n % 2, .numwant = 200, .peer_id = {(uint8_t)n}};
    struct endpoint from = {.ip = {10, 0, 0, 1}, .family = n % 3 == 0 ? IP_V6 : IP_V4};
    bool waits;

    a.event = (enum tracker_event)(n % 4);
    waits = tracker_must_wait(t, a.info_hash, true, now);
    ASSERT(!waits || cluster_is_ready(tracker_cluster(t)));
    tracker_on_announce(t, &a, &from, &ans, now);
    ASSERT(ans.failure == NULL && ans.n4 <= SELECT_WANT_MAX && ans.n6 <= SELECT_WANT_MAX);
}

/* Plays the tracker's side of the conversation until it has no more commands. */
static void
talk(struct tracker *t, struct mono now)
{
    static struct cluster_command cmd;
    struct buf out;

    buf_init(&out, 1 << 20);
    while (cluster_next(tracker_cluster(t), &cmd, now)) {
        ASSERT(redis_put(&out, &cmd) == 0);
        buf_reset(&out);
    }
    buf_fini(&out);
}

static void
check(struct tracker *t, struct mono now)
{
    struct tracker_stats stats;
    struct tracker_scrape s = {.complete = 0};

    tracker_stats(t, &stats);
    tracker_on_scrape(t, &s, now);
    ASSERT(stats.torrents <= 1 && stats.cluster.waiting <= CLUSTER_EVENTS_MAX);
    ASSERT((uint64_t)(s.complete + s.incomplete) >= stats.peers4 + stats.peers6);
}

/* Plays the beginning of the conversation, until there are commands that fetch a torrent. */
static void
introduce(struct tracker *t, struct mono now)
{
    struct cluster *c = tracker_cluster(t);
    char id[CLUSTER_SCRIPT_ID_LEN + 1];
    struct cluster_reply replies[3] = {
        {.type = CLUSTER_REPLY_STRING, .str = (const uint8_t *)id, .len = CLUSTER_SCRIPT_ID_LEN},
        {.type = CLUSTER_REPLY_STATUS},
        {.type = CLUSTER_REPLY_STRING,
         .str = (const uint8_t *)"secret......secretincarn",
         .len = 24}};

    cluster_script_id(id);
    talk(t, now);
    for (int i = 0; i < 3; i++)
        ASSERT(cluster_on_reply(c, &replies[i], NULL, now) == 0);
    ASSERT(cluster_is_ready(c));
}

/* False if the connection is to be closed. */
static bool
feed(struct tracker *t, struct redis_reader *reader, const uint8_t *data, size_t len,
     struct mono now)
{
    const struct cluster_reply *reply;
    int got;

    if (redis_reader_feed(reader, data, len) != 0)
        return false;
    while ((got = redis_reader_next(reader, &reply)) == 1) {
        int err = cluster_on_reply(tracker_cluster(t), reply, NULL, now);

        if (err != 0 && err != SPRAT_E_REMOTE)
            return false;
    }
    return got == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker_seed seed = {{1, 2}, 3};
    struct cluster_config cluster = {.name = "n", .user = "", .password = "", .seed = 1};
    struct mono now = {1000000000};
    struct redis_reader *reader = redis_reader_new();
    struct tracker_config config;
    struct tracker *t;
    unsigned n = 0;

    tracker_config_init(&config);
    t = tracker_new(&config, &seed);
    ASSERT(t != NULL && reader != NULL && tracker_join(t, &cluster) == 0);
    tracker_set_unix(t, 1700000000, now);
    cluster_on_connected(tracker_cluster(t), now);
    if (size > 0 && data[0] % 4 != 0)
        introduce(t, now);
    for (size_t at = 1; at < size; at += STEP) {
        for (unsigned i = 0; i < PEERS; i++)
            announce(t, n++, now);
        now = mono_add_ms(now, CLUSTER_ROUND_MS);
        talk(t, now);
        if (!feed(t, reader, data + at, size - at < STEP ? size - at : STEP, now))
            break;
        check(t, now);
    }
    cluster_on_lost(tracker_cluster(t), now);
    announce(t, n, now);
    check(t, now);
    redis_reader_free(reader);
    tracker_free(t);
    return 0;
}
