/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker when memory is out: each allocation of a busy life fails once, in one run each. Every
 * announce must still be answered, and the tables must agree with each other afterwards.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/bytes.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tracker/core/http_service.h"

enum { PEERS = 90 };

static const struct tracker_seed seed = {{1, 2}, 3};

static void
announce(struct tracker *t, int n, uint8_t family, enum tracker_event event, struct mono now)
{
    static uint8_t v4[SELECT_WANT_MAX * 6], v6[SELECT_WANT_MAX * 18];
    struct tracker_announce a = {
        .left = (uint64_t)(n % 3), .numwant = -1, .event = event, .port = (uint16_t)(1 + n)};
    struct tracker_answer ans = {
        .v4 = v4, .v6 = v6, .max4 = SELECT_WANT_MAX, .max6 = SELECT_WANT_MAX};
    struct endpoint from = {.ip = {10}, .family = family};

    a.info_hash[0] = (uint8_t)(n % 2);
    put_u32be(a.peer_id, (uint32_t)n);
    tracker_on_announce(t, &a, &from, &ans, now);
    cr_assert(ans.failure != NULL || ans.interval_s > 0);
}

/* Scrapes both torrents and compares with the totals. */
static void
check_totals(struct tracker *t)
{
    struct tracker_stats s;
    uint64_t listed = 0;

    for (uint8_t i = 0; i < 2; i++) {
        struct tracker_scrape entry = {.info_hash = {i}};

        tracker_on_scrape(t, &entry, (struct mono){1});
        listed += (uint64_t)(entry.complete + entry.incomplete);
    }
    tracker_stats(t, &s);
    cr_assert_eq(listed, s.peers4 + s.peers6);
}

/* Peers come in both families, some go, time passes and all are forgotten. */
static void
live(struct tracker *t)
{
    struct mono now = {1000000};

    for (int n = 0; n < PEERS; n++) {
        announce(t, n, IP_V4, TRACKER_EVENT_STARTED, now);
        announce(t, n, IP_V6, TRACKER_EVENT_STARTED, now);
    }
    for (int n = 0; n < PEERS; n += 2)
        announce(t, n, IP_V4, TRACKER_EVENT_STOPPED, now);
    check_totals(t);
    now = mono_add_ms(now, 3600 * 1000);
    for (int n = 0; n < 9; n++)
        announce(t, n, IP_V4, TRACKER_EVENT_NONE, now);
    now = mono_add_ms(now, 3600 * 1000);
    while (mono_due(tracker_expiry(t), now))
        tracker_on_timer(t, now);
    check_totals(t);
}

Test(tracker_nomem, each_allocation_fails_once)
{
    struct tracker_config config;
    bool failed = true;
    unsigned n;

    tracker_config_init(&config);
    for (n = 0; failed; n++) {
        struct tracker *t;

        failing_alloc_after(n);
        t = tracker_new(&config, &seed);
        if (t != NULL)
            live(t);
        failed = failing_alloc_end();
        if (t != NULL)
            live(t);
        tracker_free(t);
    }
    cr_assert_gt(n, 20);
}

enum { MANY = PEERSET_MARKED_MAX + 400, FEW = 100 };

static void
make_key(uint8_t key[COMPACT_V4_LEN], uint32_t n)
{
    put_u32be(key, n * 2654435761u);
    put_u16be(key + 4, 1);
}

/* A set of peers grows and shrinks through all its shapes. Peers that were refused are missing, and
 * no others. */
static void
fill_and_empty(struct peerset *s, const struct peerset_env *env)
{
    static bool in[MANY];
    uint8_t key[COMPACT_V4_LEN];
    uint32_t count = 0;

    for (uint32_t n = 0; n < MANY; n++) {
        make_key(key, n);
        in[n] = peerset_add(s, env, key, n % 3 == 0) != PEERSET_NONE;
        count += in[n];
    }
    cr_assert_eq(peerset_count(s), count);
    for (uint32_t n = MANY; n-- > 0;) {
        make_key(key, n);
        cr_assert_eq(peerset_find(s, env, key) != PEERSET_NONE, in[n], "peer %u", n);
        if (n >= FEW && in[n])
            peerset_remove(s, env, peerset_find(s, env, key));
    }
    peerset_trim(s, env);
    for (uint32_t n = 0; n < FEW; n++) {
        make_key(key, n);
        cr_assert_eq(peerset_find(s, env, key) != PEERSET_NONE, in[n], "peer %u", n);
    }
    peerset_fini(s, env);
}

Test(tracker_nomem, a_set_of_peers_is_whole_after_each_allocation_that_fails)
{
    struct blocks *blocks = calloc(1, sizeof(*blocks));
    struct peerset_env env = {{1, 2}, {PEERSET_SHARED, true}, blocks};
    struct peerset s;
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        peerset_init(&s, &env, IP_V4);
        failing_alloc_after(n);
        fill_and_empty(&s, &env);
        failed = failing_alloc_end();
        fill_and_empty(&s, &env);
        blocks_fini(blocks);
    }
    cr_assert_gt(n, 50);
    free(blocks);
}

Test(tracker_nomem, a_response_that_can_not_be_built_is_a_503)
{
    static const char head[] = "GET /announce?x HTTP/1.1\r\n\r\n";
    static const struct endpoint from = {.family = IP_V4};
    struct http_request req;
    struct http_scan scan = {0};
    struct tracker_config config;
    struct http_service h;
    struct tracker_doors doors;
    struct tracker *t;
    struct buf out;

    tracker_config_init(&config);
    t = tracker_new(&config, &seed);
    doors = tracker_doors_to(t);
    http_service_init(&h, &doors);
    buf_init(&out, HTTP_SERVICE_REPLY_MAX);
    cr_assert_not_null(buf_room(&out, HTTP_SERVICE_REPLY_MAX));
    cr_assert_eq(http_request_parse(&req, &scan, (const uint8_t *)head, sizeof(head) - 1), 0);
    failing_alloc_after(0);
    http_service_answer(&h, &req, &from, TURN_FIRST, &out, (struct mono){0});
    cr_assert(failing_alloc_end());
    cr_assert_eq(strncmp(buf_str(&out), "HTTP/1.1 503 ", 13), 0);
    buf_reset(&out);
    http_service_answer(&h, &req, &from, TURN_FIRST, &out, (struct mono){0});
    cr_assert_eq(strncmp(buf_str(&out), "HTTP/1.1 200 ", 13), 0);
    buf_fini(&out);
    http_service_fini(&h);
    tracker_free(t);
}
