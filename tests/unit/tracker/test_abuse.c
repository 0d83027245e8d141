/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one address can take of the tracker's table from others, in entries: a flood may fill what
 * is free, and gets no more. Each flood of tests/system/test_tracker_abuse.py that is about the
 * table is played here with all that an address could send, without the rate limit.
 */
#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "tracker/core/tracker.h"

enum { TORRENTS_MAX = 2000, HONEST = 500, FLOOD = 20000, INTERVAL_S = 1800 };

static const struct tracker_seed seed = {{11, 22}, 33};

struct rig {
    struct tracker *t;
    struct mono now;
    struct tracker_answer ans;
    uint8_t v4[SELECT_WANT_MAX * 6], v6[SELECT_WANT_MAX * 18];
};

/* A client: what it says of a torrent, and where from. */
struct client {
    uint32_t address; /* IPv4, or the IPv6 /64 if |v6| */
    bool v6;
    uint16_t port;
    uint32_t host; /* of the IPv6 address */
    uint64_t left;
};

static void
rig_init(struct rig *r, const struct tracker_config *config)
{
    *r = (struct rig){.t = tracker_new(config, &seed), .now = {1000000000}};
    cr_assert_not_null(r->t);
}

static void
pass(struct rig *r, int64_t seconds)
{
    for (; seconds > 0; seconds -= 60) {
        r->now = mono_add_ms(r->now, (seconds < 60 ? seconds : 60) * 1000);
        while (mono_due(tracker_expiry(r->t), r->now))
            tracker_on_timer(r->t, r->now);
    }
}

/* True if it was taken. */
static bool
announce(struct rig *r, const struct client *c, uint32_t torrent)
{
    struct tracker_announce a = {.left = c->left, .numwant = SELECT_WANT_MAX, .port = c->port};
    struct endpoint from = {.family = c->v6 ? IP_V6 : IP_V4};

    put_u32be(from.ip, c->address);
    if (c->v6)
        put_u32be(from.ip + 12, c->host);
    put_u32be(a.info_hash, torrent);
    put_u32be(a.peer_id, c->address);
    put_u32be(a.peer_id + 4, c->host);
    put_u16be(a.peer_id + 8, c->port);
    r->ans.v4 = r->v4;
    r->ans.v6 = r->v6;
    r->ans.max4 = r->ans.max6 = SELECT_WANT_MAX;
    tracker_on_announce(r->t, &a, &from, &r->ans, r->now);
    return r->ans.failure == NULL && r->ans.warning == NULL;
}

static uint32_t
seeders(struct rig *r, uint32_t torrent)
{
    struct tracker_scrape s = {.complete = 0};

    put_u32be(s.info_hash, torrent);
    tracker_on_scrape(r->t, &s, r->now);
    return s.complete;
}

static struct tracker_config
small_table(void)
{
    struct tracker_config config;

    tracker_config_init(&config);
    config.torrents_max = TORRENTS_MAX;
    return config;
}

/* Torrents that the honest have alone: |each| by each of them. */
static void
seed_alone(struct rig *r, uint32_t each)
{
    for (uint32_t n = 0; n < HONEST; n++) {
        struct client c = {.address = 0x0a000000 + n / each, .port = 1000};

        cr_assert(announce(r, &c, 1000000 + n));
    }
}

static uint32_t
honest_left(struct rig *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < HONEST; i++)
        n += seeders(r, 1000000 + i);
    return n;
}

/* How many of 50 newcomers with a torrent of their own are served. */
static uint32_t
newcomers(struct rig *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < 50; i++)
        n += announce(r, &(struct client){.address = 0x0b000000 + i, .port = 1000}, 2000000 + i);
    return n;
}

/* Made-up torrents, each announced by |each| clients of addresses from |first| on. */
static void
flood(struct rig *r, uint32_t first, uint32_t addresses, uint32_t each)
{
    for (uint32_t n = 0; n < FLOOD; n++) {
        struct client c = {.address = first + n % addresses, .port = (uint16_t)(7000 + n % each)};

        c.left = 1;
        (void)announce(r, &c, n / each);
    }
}

Test(abuse, made_up_torrents_do_not_evict_lone_seeders)
{
    static const struct {
        uint32_t addresses, each;
    } floods[] = {{1, 1}, {1, 2}, {1, 4}, {3, 3}, {20, 1}, {20, 4}};
    struct tracker_config config = small_table();

    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct tracker_stats stats;
        struct rig r;

        rig_init(&r, &config);
        seed_alone(&r, 5);
        flood(&r, 0xc0000200, floods[i].addresses, floods[i].each);
        cr_expect_eq(honest_left(&r), (uint32_t)HONEST, "flood %zu", i);
        cr_expect_eq(newcomers(&r), 50u, "flood %zu: %s", i, r.ans.failure);
        cr_expect_eq(honest_left(&r), (uint32_t)HONEST, "flood %zu", i);
        tracker_stats(r.t, &stats);
        cr_expect_leq(stats.torrents, (uint64_t)TORRENTS_MAX);
        tracker_free(r.t);
    }
}

Test(abuse, an_ipv6_site_is_one_address_where_room_is_short)
{
    struct tracker_config config = small_table();
    struct rig r;

    rig_init(&r, &config);
    seed_alone(&r, 5);
    for (uint32_t n = 0; n < FLOOD; n++) {
        struct client c = {.address = 0x20010db8, .v6 = true, .host = n, .port = 7000, .left = 1};

        (void)announce(&r, &c, n);
    }
    cr_expect_eq(honest_left(&r), (uint32_t)HONEST);
    cr_expect_eq(newcomers(&r), 50u);
    tracker_free(r.t);
}

Test(abuse, a_seedbox_keeps_its_share_once_it_has_stayed)
{
    struct tracker_config config = small_table();
    struct client box = {.address = 0x0a000001, .port = 1000};
    uint32_t left = 0;
    struct rig r;

    /* 30 torrents are below the 64th part of 2000. */
    rig_init(&r, &config);
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t n = 0; n < 30; n++)
            cr_assert(announce(&r, &box, 3000000 + n));
        pass(&r, INTERVAL_S);
    }
    /* Many addresses with few torrents each: none of them is busier than the seedbox. */
    for (uint32_t n = 0; n < FLOOD; n++) {
        struct client c = {.address = 0xc0000200 + n % 2000, .port = 7000, .left = 1};

        (void)announce(&r, &c, n);
    }
    for (uint32_t n = 0; n < 30; n++)
        left += seeders(&r, 3000000 + n);
    cr_expect_eq(left, 30u);
    tracker_free(r.t);
}

Test(abuse, a_flood_that_goes_on_has_more_than_its_share)
{
    struct tracker_config config = small_table();
    struct rig r;

    rig_init(&r, &config);
    for (uint32_t round = 0; round < 4; round++) {
        flood(&r, 0xc0000200, 1, 1);
        pass(&r, INTERVAL_S);
    }
    cr_expect_eq(newcomers(&r), 50u, "however often it announces them");
    tracker_free(r.t);
}

/* How many of the peers that a newcomer is given are of the address. */
static uint32_t
share_of_answer(struct rig *r, const struct client *flooder)
{
    size_t len = flooder->v6 ? 18 : 6;
    const uint8_t *peers = flooder->v6 ? r->v6 : r->v4;
    uint32_t own = 0;
    uint8_t site[4];

    cr_assert(announce(r, &(struct client){.address = 0x0b000000, .port = 1, .left = 1}, 1));
    put_u32be(site, flooder->address);
    for (uint32_t i = 0; i < (flooder->v6 ? r->ans.n6 : r->ans.n4); i++)
        own += memcmp(peers + i * len, site, 4) == 0;
    return own;
}

Test(abuse, an_address_does_not_fill_a_swarm)
{
    struct tracker_config config;

    tracker_config_init(&config);
    for (int v6 = 0; v6 < 2; v6++) {
        struct client c = {.address = v6 ? 0x20010db8 : 0xc0000201, .v6 = v6 != 0};
        struct tracker_stats stats;
        struct rig r;

        rig_init(&r, &config);
        for (uint32_t n = 0; n < 300; n++)
            cr_assert(announce(&r, &(struct client){.address = 0x0a000000 + n, .port = 1}, 1));
        for (uint32_t n = 1; n < 65536; n++) {
            c.port = (uint16_t)n;
            c.host = v6 ? n : 0;
            cr_assert(announce(&r, &c, 1), "it is served, and the newest of it are listed");
        }
        tracker_stats(r.t, &stats);
        cr_expect_eq(stats.peers4 + stats.peers6, 300u + config.address_peers);
        cr_expect_eq(stats.displaced, 65535u - config.address_peers);
        cr_expect_eq(seeders(&r, 1), 300u + config.address_peers);
        cr_expect_leq(share_of_answer(&r, &c), config.address_peers);
        tracker_free(r.t);
    }
}

Test(abuse, who_comes_back_at_another_port_is_listed_at_once)
{
    struct tracker_config config;
    struct client c = {.address = 0xc0000201};
    struct rig r;

    tracker_config_init(&config);
    rig_init(&r, &config);
    for (uint16_t n = 0; n < 10; n++) {
        c.port = (uint16_t)(1000 + n);
        cr_assert(announce(&r, &c, 1));
        pass(&r, 60);
        /* The one that was heard of first has gone. */
        cr_assert_eq(seeders(&r, 1), n < 4 ? n + 1u : 4u);
    }
    cr_assert(announce(&r, &(struct client){.address = 1, .port = 1, .left = 1}, 1));
    for (uint32_t i = 0; i < r.ans.n4; i++)
        cr_expect_geq(get_u16be(r.v4 + i * 6 + 4), 1006u);
    tracker_free(r.t);
}

Test(abuse, exempt_addresses_may_have_any_number)
{
    struct tracker_config config = small_table();
    struct endpoint net = {.family = IP_V4, .ip = {0xc0}};
    struct client c = {.address = 0xc0000201};
    struct tracker_stats stats;
    struct rig r;

    cr_assert_eq(netset_add(&config.exempt, &net, 8), 0);
    rig_init(&r, &config);
    for (uint16_t n = 1; n <= 1000; n++) {
        c.port = n;
        cr_assert(announce(&r, &c, 1));
    }
    tracker_stats(r.t, &stats);
    cr_assert_eq(stats.peers4, 1000u);
    for (uint32_t n = 2; n <= TORRENTS_MAX; n++)
        cr_assert(announce(&r, &c, n));
    cr_assert_eq(newcomers(&r), 0u, "nothing of it makes room");
    /* Settings that change leave what is there. */
    config.exempt.count = 0;
    tracker_set_config(r.t, &config);
    for (uint16_t n = 1; n <= 1000; n++) {
        c.port = n;
        cr_assert(announce(&r, &c, 1), "it is still listed");
    }
    pass(&r, 3 * INTERVAL_S);
    tracker_stats(r.t, &stats);
    cr_assert_eq(stats.peers4, 0u);
    tracker_free(r.t);
}
